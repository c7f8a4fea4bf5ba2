/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/boot-grub.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "agent/slots/boot-variables.h"
#include "agent/slots/grub-block.h"
#include "base/error.h"
#include "base/file.h"

enum { COPIES = 2, CONFIG_SIZE_MAX = 64 * 1024 };

static const char config_path[] = "etc/mender_grubenv.config";
static const char editing_name[] = "editing";

/* One of the two. */
typedef struct {
	char *environment_path, *lock_path;
	GrubBlock *environment, *lock; /* NULL: cannot be read */
	gboolean is_good;
} Copy;

typedef struct {
	Copy copies[COPIES];
} Environment;

static void environment_clear(Environment *environment)
{
	for (gsize i = 0; i < COPIES; i++) {
		Copy *copy = &environment->copies[i];

		g_free(copy->environment_path);
		g_free(copy->lock_path);
		g_clear_pointer(&copy->environment, grub_block_free);
		g_clear_pointer(&copy->lock, grub_block_free);
	}
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Environment, environment_clear)

/* --- Where it is --- */

/* "ENV_DIR = FOLDER", below ROOT. (transfer full) (nullable) */
static char *find_folder(const Paths *paths)
{
	static const char name[] = "ENV_DIR";
	g_autofree char *path = g_build_filename(paths->root, config_path, NULL);
	g_autoptr(GBytes) bytes = file_read(path, CONFIG_SIZE_MAX, NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (bytes == NULL)
		return NULL;
	text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		char *value = strchr(*line, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		if (strcmp(g_strstrip(*line), name) == 0 && *g_strstrip(value) == '/')
			return g_build_filename(paths->root, value, NULL);
	}
	return NULL;
}

/* --- Reading --- */

/* The block to read, where the real one cannot be, leaves its size known: the other copy's. */
static GrubBlock *read_block(const char *path)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(GBytes) bytes = file_read(path, GRUB_BLOCK_SIZE_MAX, &failure);
	GrubBlock *block = bytes != NULL ? grub_block_parse(bytes, &failure) : NULL;

	if (block == NULL)
		g_warning("%s: %s", path, failure->message);
	return block;
}

static void read_copy(const char *folder, gsize index, Copy *copy)
{
	g_autofree char *name = g_strdup_printf("mender_grubenv%zu", index + 1);

	copy->environment_path = g_build_filename(folder, name, "env", NULL);
	copy->lock_path = g_build_filename(folder, name, "lock", NULL);
	copy->environment = read_block(copy->environment_path);
	copy->lock = read_block(copy->lock_path);
	copy->is_good = copy->environment != NULL && copy->lock != NULL &&
			g_strcmp0(grub_block_get(copy->lock, editing_name), "0") == 0;
}

/* The one that the boot script goes by: the first, unless it is not good and the second is. */
static gboolean open_environment(
	const Paths *paths, Environment *environment, gsize *ret_current, GError **error)
{
	g_autofree char *folder = find_folder(paths);

	if (folder == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "%s names no ENV_DIR",
			config_path);
		return FALSE;
	}
	for (gsize i = 0; i < COPIES; i++)
		read_copy(folder, i, &environment->copies[i]);
	for (*ret_current = 0; *ret_current < COPIES; ++*ret_current)
		if (environment->copies[*ret_current].is_good)
			return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"neither copy of the environment in %s can be used", folder);
	return FALSE;
}

gboolean boot_grub_is_there(const BootLoader *loader, const Paths *paths)
{
	g_autofree char *folder = find_folder(paths);

	return folder != NULL && g_file_test(folder, G_FILE_TEST_IS_DIR);
}

static const char *get_variable(gpointer data, const char *name)
{
	return grub_block_get(data, name);
}

gboolean boot_grub_read(
	const BootLoader *loader, const Paths *paths, BootRecord *ret_record, GError **error)
{
	g_auto(Environment) environment = { 0 };
	gsize current;

	return open_environment(paths, &environment, &current, error) &&
	       boot_variables_read(
		       get_variable, environment.copies[current].environment, ret_record, error);
}

/* --- Writing --- */

/* In place and durable. A file of another size, or none, cannot be: it is made anew. */
static gboolean overwrite(const char *path, GBytes *bytes, GError **error)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(bytes, &size);
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	g_autofree char *folder = g_path_get_dirname(path);

	if (fd >= 0 && file_write_all(fd, data, size, error)) {
		if (ftruncate(fd, (off_t)size) == 0 && fsync(fd) == 0)
			return file_sync_folder(folder, error);
		rota_set_errno_error(error, errno, "sync %s", path);
		return FALSE;
	}
	if (fd < 0)
		rota_set_errno_error(error, errno, "open %s", path);
	return FALSE;
}

static gboolean write_block(const char *path, const GrubBlock *block, GError **error)
{
	g_autoptr(GBytes) bytes = grub_block_write(block, error);

	return bytes != NULL && overwrite(path, bytes, error);
}

static gboolean write_lock(const Copy *copy, GrubBlock *lock, const char *editing, GError **error)
{
	grub_block_set(lock, editing_name, editing);
	return write_block(copy->lock_path, lock, error);
}

/* Between the two writes of the lock this copy is not to be believed. @lock: the block of a lock,
 * this copy's or the other's. */
static gboolean write_copy(
	const Copy *copy, GrubBlock *lock, const GrubBlock *environment, GError **error)
{
	return write_lock(copy, lock, "1", error) &&
	       write_block(copy->environment_path, environment, error) &&
	       write_lock(copy, lock, "0", error);
}

gboolean boot_grub_write(
	const BootLoader *loader, const Paths *paths, const BootRecord *record, GError **error)
{
	static const gsize order[] = { 1, 0 };
	g_auto(Environment) environment = { 0 };
	GrubBlock *block, *lock;
	gsize current;

	if (!open_environment(paths, &environment, &current, error))
		return FALSE;
	block = environment.copies[current].environment;
	lock = environment.copies[current].lock;
	/* A copy that is not good is mended first, with what holds now. */
	for (gsize i = 0; i < COPIES; i++)
		if (!environment.copies[i].is_good &&
			!write_copy(&environment.copies[i], lock, block, error))
			return FALSE;
	boot_variables_write((BootVariableSetter)grub_block_set, block, FALSE, record);
	for (gsize i = 0; i < COPIES; i++)
		if (!write_copy(&environment.copies[order[i]], lock, block, error))
			return FALSE;
	return TRUE;
}
