/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { RECORD_MAX = 4096, BOOT_ID_MAX = 64 };

typedef struct {
	gint64 size;
	gint64 synced;
	char *etag; /* (nullable) */
	char *boot; /* (nullable): id of the boot in which it was written */
} SpoolRecord;

static const JsonField record_fields[] = {
	JSON_FIELD(SpoolRecord, size, JSON_NUMBER, REQUIRED),
	JSON_FIELD(SpoolRecord, synced, JSON_NUMBER, REQUIRED),
	JSON_FIELD(SpoolRecord, etag, JSON_TEXT, OPTIONAL, 512),
	JSON_FIELD(SpoolRecord, boot, JSON_TEXT, OPTIONAL, BOOT_ID_MAX),
	{ 0 },
};
static const JsonRecord record_record = { sizeof(SpoolRecord), record_fields };

struct Spool {
	char *path, *record_path;
	int fd;
	SpoolRecord *record;
	gboolean recorded; /* the record on disk says what the bytes are of */
	gint64 synced_us;
};

static char *boot_id(void)
{
	char *id = file_read_text("/proc/sys/kernel/random/boot_id", BOOT_ID_MAX, NULL);

	return id != NULL ? g_strstrip(id) : NULL;
}

static gboolean name_is_plain(const char *name)
{
	gsize length = strlen(name);

	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isalnum(name[i]) && name[i] != '-' && name[i] != '_')
			return FALSE;
	return length > 0 && length <= SPOOL_NAME_MAX;
}

static gboolean check_name(const char *name, GError **error)
{
	if (name_is_plain(name))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"the spool name has something else than letters, digits, \"-\" and \"_\" in it");
	return FALSE;
}

/* --- The record --- */

/* A record that is missing or broken means that the bytes are worth nothing: an empty one. */
static SpoolRecord *read_record(const char *path)
{
	g_autoptr(GBytes) text = file_read(path, RECORD_MAX, NULL);
	SpoolRecord *record = NULL;

	if (text != NULL)
		record = json_record_parse(
			&record_record, g_bytes_get_data(text, NULL), g_bytes_get_size(text), NULL);
	return record != NULL ? record : g_new0(SpoolRecord, 1);
}

static gboolean write_record(Spool *spool, GError **error)
{
	g_autoptr(json_t) value = json_record_write(&record_record, spool->record);
	g_autofree char *text = json_to_text(value);

	if (!file_write_atomic(spool->record_path, text, strlen(text), 0600, error))
		return FALSE;
	spool->recorded = TRUE;
	return TRUE;
}

static gint64 trusted_bytes(const SpoolRecord *record, gint64 have)
{
	g_autofree char *boot = boot_id();
	gint64 trusted = boot != NULL && g_strcmp0(boot, record->boot) == 0 ? have : record->synced;

	trusted = CLAMP(trusted, 0, have);
	return record->size > 0 && trusted > record->size ? 0 : trusted;
}

/* --- The folder --- */

static gboolean remove_others(const char *folder, const char *name, GError **error)
{
	g_autoptr(GDir) entries = g_dir_open(folder, 0, error);
	g_autofree char *record = g_strconcat(name, ".json", NULL);
	const char *entry;

	if (entries == NULL)
		return FALSE;
	while ((entry = g_dir_read_name(entries)) != NULL) {
		g_autofree char *path = NULL;

		if (strcmp(entry, name) == 0 || strcmp(entry, record) == 0)
			continue;
		path = g_build_filename(folder, entry, NULL);
		if (!file_remove_tree(path, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean cut_to_trusted(Spool *spool, GError **error)
{
	gint64 have, trusted;

	if (!spool_have(spool, &have, error))
		return FALSE;
	trusted = trusted_bytes(spool->record, have);
	if (trusted == 0) {
		json_record_free(&record_record, spool->record);
		spool->record = g_new0(SpoolRecord, 1);
	}
	if (trusted == have || ftruncate(spool->fd, trusted) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "cut %s", spool->path);
	return FALSE;
}

Spool *spool_open(const char *data, const char *name, GError **error)
{
	g_autofree char *folder = g_build_filename(data, "spool", NULL);
	g_autoptr(Spool) spool = NULL;

	if (!check_name(name, error) || !file_make_folders(folder, 0700, error) ||
		!remove_others(folder, name, error))
		return NULL;
	spool = g_new0(Spool, 1);
	spool->path = g_build_filename(folder, name, NULL);
	spool->record_path = g_strconcat(spool->path, ".json", NULL);
	spool->record = read_record(spool->record_path);
	spool->synced_us = g_get_monotonic_time();
	spool->fd = open(spool->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spool->fd < 0) {
		rota_set_errno_error(error, errno, "open %s", spool->path);
		return NULL;
	}
	if (!cut_to_trusted(spool, error))
		return NULL;
	return g_steal_pointer(&spool);
}

void spool_free(Spool *spool)
{
	if (spool == NULL)
		return;
	if (spool->fd >= 0)
		close(spool->fd);
	json_record_free(&record_record, spool->record);
	g_free(spool->path);
	g_free(spool->record_path);
	g_free(spool);
}

int spool_fd(const Spool *spool)
{
	return spool->fd;
}

gint64 spool_size(const Spool *spool)
{
	return spool->record->size;
}

const char *spool_etag(const Spool *spool)
{
	return spool->record->etag;
}

gboolean spool_have(const Spool *spool, gint64 *ret_have, GError **error)
{
	struct stat status;

	if (fstat(spool->fd, &status) != 0) {
		rota_set_errno_error(error, errno, "look at %s", spool->path);
		return FALSE;
	}
	*ret_have = status.st_size;
	return TRUE;
}

gint64 spool_limit(const Spool *spool, gint64 size_max)
{
	struct statvfs room;
	gint64 have = 0;
	gint64 available;

	if (fstatvfs(spool->fd, &room) != 0 || !spool_have(spool, &have, NULL))
		return 0;
	available = (gint64)MIN((guint64)room.f_bavail * room.f_frsize, G_MAXINT64 / 2);
	return MIN(size_max, MAX(have + available - SPOOL_ROOM_KEPT, 0));
}

static gboolean sync_bytes(Spool *spool, gint64 written, GError **error)
{
	if (fdatasync(spool->fd) != 0) {
		rota_set_errno_error(error, errno, "sync %s", spool->path);
		return FALSE;
	}
	spool->record->synced = written;
	spool->synced_us = g_get_monotonic_time();
	return write_record(spool, error);
}

gboolean spool_note(Spool *spool, gint64 written, gint64 size, const char *etag, GError **error)
{
	SpoolRecord *record = spool->record;
	gint64 since_us = g_get_monotonic_time() - spool->synced_us;

	if (!spool->recorded || record->size != size || g_strcmp0(record->etag, etag) != 0) {
		record->size = size;
		record->synced = MIN(record->synced, written);
		g_free(record->etag);
		record->etag = g_strdup(etag);
		g_free(record->boot);
		record->boot = boot_id();
		if (!write_record(spool, error))
			return FALSE;
	}
	if (written - record->synced >= SPOOL_SYNC_BYTES ||
		(written > record->synced && since_us >= SPOOL_SYNC_US))
		return sync_bytes(spool, written, error);
	return TRUE;
}

/* The record goes first: bytes without one are worth nothing. */
gboolean spool_empty(Spool *spool, GError **error)
{
	spool_discard_record(spool);
	json_record_free(&record_record, spool->record);
	spool->record = g_new0(SpoolRecord, 1);
	if (ftruncate(spool->fd, 0) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "empty %s", spool->path);
	return FALSE;
}

void spool_discard_record(Spool *spool)
{
	if (unlink(spool->record_path) != 0 && errno != ENOENT)
		g_warning("remove %s: %s", spool->record_path, g_strerror(errno));
	spool->recorded = FALSE;
}

void spool_discard(Spool *spool)
{
	spool_discard_record(spool);
	if (unlink(spool->path) != 0 && errno != ENOENT)
		g_warning("remove %s: %s", spool->path, g_strerror(errno));
	if (ftruncate(spool->fd, 0) != 0)
		g_warning("empty %s: %s", spool->path, g_strerror(errno));
}

gboolean spool_drop(const char *data, const char *name, GError **error)
{
	g_autofree char *folder = g_build_filename(data, "spool", NULL);
	g_autofree char *path = NULL;
	g_autofree char *record_path = NULL;

	if (name == NULL)
		return file_remove_tree(folder, error);
	if (!check_name(name, error))
		return FALSE;
	path = g_build_filename(folder, name, NULL);
	record_path = g_strconcat(path, ".json", NULL);
	/* The record first: bytes without one are worth nothing, a record without bytes would be.
	 */
	return file_remove_tree(record_path, error) && file_remove_tree(path, error);
}
