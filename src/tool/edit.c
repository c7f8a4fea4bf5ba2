/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/edit.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/detached.h"
#include "artifact/file-range.h"
#include "artifact/reader.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/console.h"
#include "tool/output-file.h"
#include "tool/progress.h"
#include "tool/sparse-copy.h"
#include "tool/words.h"

enum { CHUNK_SIZE = 256 * 1024 };

#define TEMPORARY_OPTION                                                                           \
	{                                                                                          \
		"tmp", 0, OPTION_TEXT, G_STRUCT_OFFSET(EditOptions, temporary_folder), "FOLDER",   \
			"where a payload is unpacked; it is a file without a name", NULL           \
	}

const Option edit_options[] = {
	{ "Keys", 0, OPTION_GROUP, G_STRUCT_OFFSET(EditOptions, signer),
		.rows = signer_private_options },
	{ "drop-signature", 0, OPTION_FLAG, G_STRUCT_OFFSET(EditOptions, drop_signature), NULL,
		"a signed artifact loses its signature; without this and without a key it is not "
		"touched",
		NULL },
	TEMPORARY_OPTION,
	{ NULL },
};

const Option edit_view_options[] = { TEMPORARY_OPTION, { NULL } };

/* --- FILE:PATH --- */

static gboolean has_image_suffix(const char *file)
{
	static const char *const suffixes[] = { ".mender", ".sdimg", ".uefiimg", ".img" };

	for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++)
		if (g_str_has_suffix(file, suffixes[i]))
			return TRUE;
	return FALSE;
}

gboolean edit_place_parse(const char *word, EditPlace *ret_place)
{
	const char *colon = strchr(word, ':');
	g_autofree char *file = colon ? g_strndup(word, (gsize)(colon - word)) : g_strdup(word);

	if (!has_image_suffix(file) && (!colon || g_file_test(word, G_FILE_TEST_EXISTS) ||
					       !g_file_test(file, G_FILE_TEST_IS_REGULAR)))
		return FALSE;
	ret_place->file = g_steal_pointer(&file);
	ret_place->path = colon ? g_strdup(colon + 1) : NULL;
	return TRUE;
}

gboolean edit_place_check(const EditPlace *place, GError **error)
{
	if (place->path && *place->path)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		place->path ? "%s: please name a path in the image after the colon"
			    : "%s: a path in the image is needed, as in FILE:/PATH",
		place->file);
	return FALSE;
}

void edit_place_clear(EditPlace *place)
{
	g_clear_pointer(&place->file, g_free);
	g_clear_pointer(&place->path, g_free);
}

/* --- an open image --- */

struct Edit {
	char *path; /* without links, so that the file itself is replaced */
	int fd;     /* the file as it is */
	struct stat status;
	gboolean is_artifact;
	gboolean unpacked; /* the payload is in @spool_fd */
	int spool_fd;
	char *payload_name;
	char *temporary_folder;
	gint64 now_s;
	Disk *disk;
	OutputFile output;
	gboolean has_output;
	Key *key;
	ArtifactChange change;
};

void edit_free(Edit *edit)
{
	if (!edit)
		return;
	g_clear_pointer(&edit->disk, disk_free);
	if (edit->has_output)
		output_file_clear(&edit->output);
	file_close_fd(&edit->spool_fd);
	file_close_fd(&edit->fd);
	g_clear_pointer(&edit->key, key_unref);
	g_free(edit->payload_name);
	g_free(edit->temporary_folder);
	g_free(edit->path);
	g_free(edit);
}

static gboolean find_now(Edit *edit, GError **error)
{
	const char *source_date = g_getenv("SOURCE_DATE_EPOCH");

	if (!words_source_date(&edit->change.modified_s, error))
		return FALSE;
	edit->now_s = source_date && *source_date ? edit->change.modified_s
						  : g_get_real_time() / G_TIME_SPAN_SECOND;
	return TRUE;
}

static gboolean open_file(Edit *edit, const char *file, GError **error)
{
	char *real = realpath(file, NULL);

	edit->path = g_strdup(real ? real : file);
	free(real);
	edit->fd = open(edit->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (edit->fd < 0 || fstat(edit->fd, &edit->status) < 0) {
		rota_set_errno_error(error, errno, "cannot open %s", file);
		return FALSE;
	}
	if (S_ISREG(edit->status.st_mode))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a regular file", file);
	return FALSE;
}

/* The first entry of an artifact is `version`; no file system begins so. */
static gboolean looks_like_artifact(int fd)
{
	static const char name[] = "version";
	char start[sizeof name];

	return pread(fd, start, sizeof start, 0) == sizeof start &&
	       memcmp(start, name, sizeof start) == 0;
}

static Edit *new_edit(const char *file, const EditOptions *options, GError **error)
{
	g_autoptr(Edit) edit = g_new0(Edit, 1);

	edit->fd = edit->spool_fd = -1;
	edit->temporary_folder = g_strdup(options->temporary_folder);
	if (!find_now(edit, error) || !open_file(edit, file, error))
		return NULL;
	edit->is_artifact = looks_like_artifact(edit->fd);
	return g_steal_pointer(&edit);
}

/* --- the payload of an artifact --- */

/* What has no file system that we know is not unpacked to its end. */
static gboolean unpack_file(Edit *edit, ArtifactReader *reader, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);
	guint64 total = 0;

	for (;;) {
		gssize got = artifact_reader_read(reader, buffer, CHUNK_SIZE, error);

		if (got < 0 ||
			(got > 0 && !sparse_write(edit->spool_fd, buffer, (gsize)got, error)))
			return FALSE;
		if (got == 0)
			break;
		gboolean first = total == 0;
		total += (guint64)got;
		const ImageRange range = { .fd = edit->spool_fd, .size = total };
		if (first && total >= SPARSE_BLOCK_SIZE && image_format(&range) == IMAGE_UNKNOWN)
			return TRUE;
	}
	edit->unpacked = TRUE;
	return sparse_end(edit->spool_fd, error);
}

static gboolean unpack(Edit *edit, ArtifactReader *reader, GError **error)
{
	const ArtifactFile *file;

	if (!artifact_reader_next_file(reader, &file, error))
		return FALSE;
	if (!file)
		return TRUE;
	edit->payload_name = g_strdup(file->name);
	edit->spool_fd = file_open_nameless(edit->temporary_folder, error);
	return edit->spool_fd >= 0 && unpack_file(edit, reader, error);
}

static gboolean check_header(
	const Edit *edit, const ArtifactHeader *header, const EditOptions *options, GError **error)
{
	if (header->payloads->len > 1) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"%s: artifacts with more than one payload cannot be changed", edit->path);
		return FALSE;
	}
	if (!options || header->signature == ARTIFACT_UNSIGNED || edit->key ||
		options->drop_signature)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"%s: is signed, and the signature would no longer hold: --key signs it anew, "
		"--drop-signature leaves it unsigned",
		edit->path);
	return FALSE;
}

/* They name the manifest they were made for, which is about to become another. */
static void warn_of_detached(const char *path)
{
	g_autofree char *folder = detached_folder_of(path);
	g_autofree char *text = g_strdup_printf(
		"the signatures in %s become stale; sign --detached makes new ones", folder);

	if (g_file_test(folder, G_FILE_TEST_IS_DIR))
		console_warn(text);
}

/* @options: NULL where nothing is to be changed */
static gboolean read_artifact_file(
	Edit *edit, const EditOptions *options, gboolean wants_payload, GError **error)
{
	g_autoptr(GInputStream) in = g_unix_input_stream_new(edit->fd, FALSE);

	progress_watch("Reading", edit->fd);
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, NULL, NULL, error);
	gboolean good = reader &&
			check_header(edit, artifact_reader_header(reader), options, error) &&
			(!wants_payload || unpack(edit, reader, error)) &&
			artifact_reader_finish(reader, error);
	progress_end(); /* what comes next may be the file's own bytes */
	if (good && options && artifact_reader_header(reader)->augmented)
		console_warn("the artifact is AUGMENTED: that part of it is copied as it is, and "
			     "no signature covers it");
	if (good && options)
		warn_of_detached(edit->path);
	return good;
}

static gboolean open_payload_disk(Edit *edit, GError **error)
{
	edit->disk = disk_open(edit->spool_fd, TRUE, TRUE, edit->now_s, error);
	return edit->disk != NULL;
}

/* --- changing --- */

static gboolean copy_plain(Edit *edit, GError **error)
{
	if (!sparse_copy(edit->fd, edit->output.fd, error))
		return FALSE;
	edit->disk = disk_open(edit->output.fd, TRUE, FALSE, edit->now_s, error);
	if (!edit->disk)
		g_prefix_error(error, "%s: ", edit->path);
	return edit->disk != NULL;
}

static gboolean open_output(Edit *edit, GError **error)
{
	edit->has_output = TRUE;
	if (!output_file_open(&edit->output, edit->path, 0600, error))
		return FALSE;
	if (!edit->temporary_folder)
		edit->temporary_folder = g_strdup(edit->output.folder);
	return TRUE;
}

Edit *edit_open(const char *file, const EditOptions *options, EditKind kind, GError **error)
{
	g_autoptr(Edit) edit = new_edit(file, options, error);

	if (!edit)
		return NULL;
	if (signer_names_key(&options->signer)) {
		edit->key = signer_load_private(&options->signer, error);
		if (!edit->key)
			return NULL;
	}
	if (!open_output(edit, error))
		return NULL;
	if (edit->is_artifact ? !read_artifact_file(edit, options, kind == EDIT_ALL, error)
			      : !copy_plain(edit, error))
		return NULL;
	return g_steal_pointer(&edit);
}

gboolean edit_is_artifact(const Edit *edit)
{
	return edit->is_artifact;
}

Disk *edit_disk(Edit *edit, GError **error)
{
	if (edit->disk || (edit->unpacked && open_payload_disk(edit, error)))
		return edit->disk;
	if (!edit->unpacked)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"the payload is neither an ext2, ext3 or ext4 nor a FAT file system");
	return NULL;
}

ArtifactChange *edit_change(Edit *edit)
{
	return &edit->change;
}

/* What the copy goes through: the changed payload, or the packed archive as it is. How much there
 * is to pack anew where only the compression changes nobody knows before. */
static void start_progress(Edit *edit)
{
	struct stat status = edit->status;

	if (edit->change.payload_name && fstat(edit->change.payload_fd, &status) < 0)
		return;
	gboolean unknown = edit->change.compression && !edit->change.payload_name;
	progress_start("Writing", unknown ? 0 : (guint64)status.st_size);
	edit->change.progress = progress_add;
}

gboolean edit_commit(Edit *edit, GError **error)
{
	if (edit->disk && !disk_finish(edit->disk, error))
		return FALSE;
	if (edit->is_artifact && edit->disk) {
		edit->change.payload_name = edit->payload_name;
		edit->change.payload_fd = edit->spool_fd;
	}
	if (edit->is_artifact)
		start_progress(edit);
	if (edit->is_artifact &&
		!artifact_rewrite(edit->fd, &edit->change, edit->key, edit->output.fd, error)) {
		g_prefix_error(error, "%s: ", edit->path);
		return FALSE;
	}
	output_file_take_after(&edit->output, &edit->status);
	return output_file_commit(&edit->output, error);
}

gboolean edit_once(const EditPlace *place, const EditOptions *options,
	gboolean (*act)(Disk *disk, const char *path, gpointer user_data, GError **error),
	gpointer user_data, GError **error)
{
	g_autoptr(Edit) edit = NULL;

	if (!edit_place_check(place, error))
		return FALSE;
	edit = edit_open(place->file, options, EDIT_ALL, error);
	if (!edit)
		return FALSE;
	Disk *disk = edit_disk(edit, error);
	return disk && act(disk, place->path, user_data, error) && edit_commit(edit, error);
}

/* --- looking --- */

/* A journal can only be replayed in a copy of our own. */
static gboolean copy_for_view(Edit *edit, GError **error)
{
	g_clear_pointer(&edit->disk, disk_free);
	edit->spool_fd = file_open_nameless(edit->temporary_folder, error);
	if (edit->spool_fd < 0 || !sparse_copy(edit->fd, edit->spool_fd, error))
		return FALSE;
	edit->disk = disk_open(edit->spool_fd, TRUE, FALSE, edit->now_s, error);
	return edit->disk != NULL;
}

static gboolean open_view(Edit *edit, GError **error)
{
	if (edit->is_artifact)
		return read_artifact_file(edit, NULL, TRUE, error) && edit_disk(edit, error);
	edit->disk = disk_open(edit->fd, FALSE, FALSE, edit->now_s, error);
	if (!edit->disk)
		g_prefix_error(error, "%s: ", edit->path);
	return edit->disk != NULL;
}

Edit *edit_open_view(
	const EditPlace *place, const EditOptions *options, ImageStat *ret_stat, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autoptr(Edit) edit = NULL;

	if (!edit_place_check(place, error))
		return NULL;
	edit = new_edit(place->file, options, error);
	if (!edit)
		return NULL;
	if (!edit->temporary_folder)
		edit->temporary_folder = g_strdup(g_get_tmp_dir());
	if (!open_view(edit, error))
		return NULL;
	if (disk_stat(edit->disk, place->path, ret_stat, &reason))
		return g_steal_pointer(&edit);
	if (!g_error_matches(reason, ROTA_ERROR, ROTA_ERROR_PRECONDITION)) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return NULL;
	}
	if (!copy_for_view(edit, error) || !disk_stat(edit->disk, place->path, ret_stat, error))
		return NULL;
	return g_steal_pointer(&edit);
}
