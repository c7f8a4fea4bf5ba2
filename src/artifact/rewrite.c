/* SPDX-License-Identifier: Apache-2.0 */
/* The copy is made front to back: everything before the payload is gathered, changed and written
 * with the sums it will have, then the payload streams behind it. Only the size of its archive is
 * not known before, and is put into its tar header at the end. */
#include "artifact/rewrite.h"
#include <errno.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/decompress.h"
#include "artifact/output.h"
#include "artifact/reader.h"
#include "artifact/rewrite-header.h"
#include "artifact/signature.h"
#include "artifact/tar-writer.h"
#include "artifact/tar.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/digest.h"

enum { ENTRY_MODE = 0600, FILE_MODE = 0644, CHUNK_SIZE = 256 * 1024 };

/* One of the two headers: header.tar and header-augment.tar. */
typedef struct {
	const char *stem;
	HeaderMembers members;
	gboolean there;
	char *name;         /* in the copy, with its suffix */
	GByteArray *packed; /* in the copy */
} Part;

typedef struct {
	const ArtifactChange *change;
	const Key *key;
	int out_fd;
	Source source;
	Place place;
	TarReader tar;
	const TarEntry *entry; /* at hand */
	GBytes *version, *manifest, *augmented_manifest;
	HeaderKind kind;
	CompressChoice compression; /* of the headers in the copy */
	Part header, augment;
	char *payload_sum; /* hex, of the file that is put in; or NULL */
	guint64 data_size; /* of the payload archive written so far */
} Rewrite;

static void rewrite_clear(Rewrite *rewrite)
{
	Part *parts[] = { &rewrite->header, &rewrite->augment };

	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (parts[i]->there)
			header_members_clear(&parts[i]->members);
		g_free(parts[i]->name);
		g_clear_pointer(&parts[i]->packed, g_byte_array_unref);
	}
	g_clear_pointer(&rewrite->version, g_bytes_unref);
	g_clear_pointer(&rewrite->manifest, g_bytes_unref);
	g_clear_pointer(&rewrite->augmented_manifest, g_bytes_unref);
	g_free(rewrite->payload_sum);
	tar_reader_clear(&rewrite->tar);
	place_clear(&rewrite->place);
	source_clear(&rewrite->source);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rewrite, rewrite_clear)

/* --- gathering what stands before the payload --- */

/* "header.tar.gz" is gzip; the name was judged before. */
static ArtifactCompression compression_of(const char *name)
{
	for (guint i = ARTIFACT_COMPRESSION_GZIP; i <= ARTIFACT_COMPRESSION_ZSTD; i++)
		if (g_str_has_suffix(name, decompressor_for(i)->suffix))
			return i;
	return ARTIFACT_COMPRESSION_NONE;
}

static gboolean read_part(Rewrite *rewrite, Part *part, HeaderKind kind, GError **error)
{
	ArtifactCompression compression = compression_of(rewrite->entry->name);
	Stream *stream = &rewrite->tar.body;
	DecompressStream decompress;

	rewrite->compression = (CompressChoice){ compression, 0 };
	if (rewrite->change->compression)
		rewrite->compression = *rewrite->change->compression;
	if (compression != ARTIFACT_COMPRESSION_NONE) {
		decompress_stream_init(&decompress, compression, stream, &rewrite->place);
		stream = &decompress.stream;
	}
	part->there = TRUE;
	gboolean read = header_members_read(&part->members, kind, stream, &rewrite->place, error);
	if (compression != ARTIFACT_COMPRESSION_NONE)
		decompress_stream_clear(&decompress);
	place_enter_inner(&rewrite->place, NULL);
	return read;
}

static gboolean read_text(Rewrite *rewrite, GBytes **ret_bytes, gsize size_max, GError **error)
{
	*ret_bytes = tar_reader_read_body(&rewrite->tar, size_max, error);
	return *ret_bytes != NULL;
}

static gboolean read_version(Rewrite *rewrite, GError **error)
{
	if (!read_text(rewrite, &rewrite->version, ARTIFACT_VERSION_SIZE_MAX, error))
		return FALSE;
	gsize size;
	const char *data = g_bytes_get_data(rewrite->version, &size);
	g_autoptr(json_t) document = json_parse_strict(data, size, error);
	if (!document)
		return FALSE;
	rewrite->kind = json_integer_value(json_object_get(document, "version")) == 2 ? HEADER_V2
										      : HEADER_V3;
	return TRUE;
}

static gboolean read_entry(Rewrite *rewrite, GError **error)
{
	const char *name = rewrite->entry->name;

	if (g_str_equal(name, "version"))
		return read_version(rewrite, error);
	if (g_str_equal(name, "manifest"))
		return read_text(rewrite, &rewrite->manifest, ARTIFACT_MANIFEST_SIZE_MAX, error);
	if (g_str_equal(name, "manifest-augment"))
		return read_text(
			rewrite, &rewrite->augmented_manifest, ARTIFACT_MANIFEST_SIZE_MAX, error);
	if (g_str_has_prefix(name, rewrite->header.stem))
		return read_part(rewrite, &rewrite->header, rewrite->kind, error);
	if (g_str_has_prefix(name, rewrite->augment.stem))
		return read_part(rewrite, &rewrite->augment, HEADER_AUGMENT, error);
	return TRUE; /* the signature, of what is no more */
}

/* Ends at the payload archive, or with entry NULL where there is none. */
static gboolean read_front(Rewrite *rewrite, GError **error)
{
	for (;;) {
		if (!tar_reader_next(&rewrite->tar, &rewrite->entry, error))
			return FALSE;
		if (!rewrite->entry || g_str_has_prefix(rewrite->entry->name, "data/"))
			break;
		if (!read_entry(rewrite, error))
			return FALSE;
	}
	if (rewrite->version && rewrite->manifest && rewrite->header.there)
		return TRUE;
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "the artifact changed while it was read");
	return FALSE;
}

/* --- what comes before the payload in the copy --- */

static gboolean sum_file(Rewrite *rewrite, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);
	g_autoptr(Sha256) sum = sha256_new();
	off_t offset = 0;

	for (;;) {
		ssize_t got = TEMP_FAILURE_RETRY(
			pread(rewrite->change->payload_fd, buffer, CHUNK_SIZE, offset));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read the payload");
			return FALSE;
		}
		if (got == 0)
			break;
		sha256_update(sum, buffer, (gsize)got);
		offset += got;
	}
	rewrite->payload_sum = sha256_finish_hex(sum);
	return TRUE;
}

static gboolean add_to_array(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_byte_array_append(user_data, data, (guint)size);
	return TRUE;
}

static gboolean pack_part(Rewrite *rewrite, Part *part, HeaderKind kind, GError **error)
{
	const ArtifactChange *change = rewrite->change;
	g_auto(Compressor) compressor = { 0 };

	if (!part->there)
		return TRUE;
	if (!rewrite_header(&part->members, kind, change, rewrite->payload_sum, error))
		return FALSE;
	g_autoptr(GByteArray) tar =
		rewrite_header_archive(&part->members, change->modified_s, error);
	part->packed = g_byte_array_new();
	part->name = g_strconcat(part->stem, compression_suffix(rewrite->compression.kind), NULL);
	return tar &&
	       compressor_open(
		       &compressor, &rewrite->compression, add_to_array, part->packed, error) &&
	       compressor_push(&compressor, tar->data, tar->len, error) &&
	       compressor_finish(&compressor, error);
}

/* One line, with the sum it has in the copy. */
static void add_line(Rewrite *rewrite, GString *manifest, const char *line, const Part *part)
{
	const char *name = strlen(line) > SHA256_HEX_SIZE ? line + SHA256_HEX_SIZE : line;
	g_autofree char *replaced = g_strconcat("data/0000/", rewrite->change->payload_name, NULL);

	name += strspn(name, " \t");
	if (g_str_has_prefix(name, part->stem)) {
		g_autofree char *sum = sha256_hex_of(part->packed->data, part->packed->len);

		g_string_append_printf(manifest, "%s  %s\n", sum, part->name);
	} else if (rewrite->payload_sum && g_str_equal(name, replaced)) {
		g_string_append_printf(manifest, "%s  %s\n", rewrite->payload_sum, name);
	} else {
		g_string_append_printf(manifest, "%s\n", line);
	}
}

static char *rewrite_manifest(Rewrite *rewrite, GBytes *before, const Part *part)
{
	gsize size;
	const char *data = g_bytes_get_data(before, &size);
	g_autofree char *text = g_strndup(data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	GString *manifest = g_string_new(NULL);

	for (char **line = lines; *line; line++)
		if (**line)
			add_line(rewrite, manifest, *line, part);
	return g_string_free(manifest, FALSE);
}

static gboolean append_text(const Rewrite *rewrite, GByteArray *front, const char *name,
	const char *text, GError **error)
{
	TarHeader header = { name, strlen(text), ENTRY_MODE, rewrite->change->modified_s };

	return tar_append(front, &header, text, error);
}

static gboolean append_part(
	const Rewrite *rewrite, GByteArray *front, const Part *part, GError **error)
{
	if (!part->there)
		return TRUE;
	TarHeader header = { part->name, part->packed->len, ENTRY_MODE,
		rewrite->change->modified_s };
	return tar_append(front, &header, part->packed->data, error);
}

static gboolean append_manifests(Rewrite *rewrite, GByteArray *front, GError **error)
{
	g_autofree char *manifest = rewrite_manifest(rewrite, rewrite->manifest, &rewrite->header);
	g_autoptr(GBytes) bytes = g_bytes_new_static(manifest, strlen(manifest));
	g_autofree char *signature =
		rewrite->key ? signature_make(bytes, rewrite->key, error) : NULL;

	if (rewrite->key && !signature)
		return FALSE;
	if (!append_text(rewrite, front, "manifest", manifest, error) ||
		(signature && !append_text(rewrite, front, "manifest.sig", signature, error)))
		return FALSE;
	if (!rewrite->augmented_manifest)
		return TRUE;
	g_autofree char *augmented =
		rewrite_manifest(rewrite, rewrite->augmented_manifest, &rewrite->augment);
	return append_text(rewrite, front, "manifest-augment", augmented, error);
}

static gboolean write_front(Rewrite *rewrite, GError **error)
{
	g_autoptr(GByteArray) front = g_byte_array_new();
	gsize size;
	gconstpointer version = g_bytes_get_data(rewrite->version, &size);
	TarHeader version_header = { "version", size, ENTRY_MODE, rewrite->change->modified_s };

	return pack_part(rewrite, &rewrite->header, rewrite->kind, error) &&
	       pack_part(rewrite, &rewrite->augment, HEADER_AUGMENT, error) &&
	       tar_append(front, &version_header, version, error) &&
	       append_manifests(rewrite, front, error) &&
	       append_part(rewrite, front, &rewrite->header, error) &&
	       append_part(rewrite, front, &rewrite->augment, error) &&
	       output_write(rewrite->out_fd, front->data, front->len, error);
}

/* --- the payload --- */

static void tell_progress(const Rewrite *rewrite, gsize size)
{
	if (rewrite->change->progress)
		rewrite->change->progress(size, rewrite->change->progress_data);
}

static gboolean write_packed(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	Rewrite *rewrite = user_data;

	rewrite->data_size += size;
	return output_write(rewrite->out_fd, data, size, error);
}

/* All that is left of @stream, through @compressor or as it is. */
static gboolean copy_stream(
	Rewrite *rewrite, Stream *stream, Compressor *compressor, GError **error)
{
	for (;;) {
		const guint8 *data;
		gsize size;

		if (!stream_peek(stream, &data, &size, error))
			return FALSE;
		if (size == 0)
			return TRUE;
		if (!(compressor ? compressor_push(compressor, data, size, error)
				 : write_packed(data, size, rewrite, error)))
			return FALSE;
		stream_advance(stream, size);
		tell_progress(rewrite, size);
	}
}

static gboolean push_file(Rewrite *rewrite, Compressor *compressor, guint64 size, GError **error)
{
	guint64 done = 0;

	while (done < size) {
		gsize room;
		guint8 *buffer = compressor_room(compressor, &room);
		gsize wanted = (gsize)MIN((guint64)MIN(room, CHUNK_SIZE), size - done);
		ssize_t got = TEMP_FAILURE_RETRY(
			pread(rewrite->change->payload_fd, buffer, wanted, (off_t)done));

		if (got <= 0) {
			rota_set_errno_error(error, got < 0 ? errno : EIO, "read the payload");
			return FALSE;
		}
		if (!compressor_push(compressor, buffer, (gsize)got, error))
			return FALSE;
		done += (guint64)got;
		tell_progress(rewrite, (gsize)got);
	}
	return TRUE;
}

/* A file of the payload as it was, or the one that takes its place. */
static gboolean push_entry(Rewrite *rewrite, Compressor *compressor, TarReader *files,
	const TarEntry *entry, GError **error)
{
	static const guint8 zeros[512];
	TarHeader header = { entry->name, entry->size, FILE_MODE, MAX(entry->modified_s, 0) };
	gboolean replaced =
		rewrite->payload_sum && g_str_equal(entry->name, rewrite->change->payload_name);
	struct stat status;
	guint8 block[512];

	if (replaced && fstat(rewrite->change->payload_fd, &status) < 0) {
		rota_set_errno_error(error, errno, "read the payload");
		return FALSE;
	}
	if (replaced) {
		header.size = (guint64)status.st_size;
		header.modified_s = rewrite->change->modified_s;
	}
	return tar_header_write(&header, block, error) &&
	       compressor_push(compressor, block, sizeof block, error) &&
	       (replaced ? push_file(rewrite, compressor, header.size, error)
			 : copy_stream(rewrite, &files->body, compressor, error)) &&
	       compressor_push(compressor, zeros, tar_padding(header.size), error);
}

static gboolean push_entries(
	Rewrite *rewrite, Compressor *compressor, Stream *archive, GError **error)
{
	static const guint8 end[TAR_END_SIZE];
	TarReader files;
	const TarEntry *entry = NULL;
	gboolean good;

	tar_reader_init(&files, archive, &rewrite->place, TAR_INNER);
	do {
		good = tar_reader_next(&files, &entry, error) &&
		       (!entry || push_entry(rewrite, compressor, &files, entry, error));
	} while (good && entry);
	tar_reader_clear(&files);
	place_enter_inner(&rewrite->place, NULL);
	return good && compressor_push(compressor, end, sizeof end, error);
}

/* The archive unpacked and packed again. */
static gboolean repack(
	Rewrite *rewrite, ArtifactCompression from, const CompressChoice *to, GError **error)
{
	gboolean compressed = from != ARTIFACT_COMPRESSION_NONE;
	Stream *archive = &rewrite->tar.body;
	g_auto(Compressor) compressor = { 0 };
	DecompressStream decompress;

	if (!compressor_open(&compressor, to, write_packed, rewrite, error))
		return FALSE;
	if (compressed) {
		decompress_stream_init(&decompress, from, archive, &rewrite->place);
		archive = &decompress.stream;
	}
	gboolean good = rewrite->payload_sum ? push_entries(rewrite, &compressor, archive, error)
					     : copy_stream(rewrite, archive, &compressor, error);
	if (compressed)
		decompress_stream_clear(&decompress);
	return good && compressor_finish(&compressor, error);
}

static gboolean write_at(int fd, const guint8 *data, gsize size, off_t offset, GError **error)
{
	if (TEMP_FAILURE_RETRY(pwrite(fd, data, size, offset)) == (ssize_t)size)
		return TRUE;
	rota_set_errno_error(error, errno, "write the artifact");
	return FALSE;
}

static gboolean write_payload(Rewrite *rewrite, GError **error)
{
	static const guint8 zeros[512];
	ArtifactCompression from = compression_of(rewrite->entry->name);
	CompressChoice to = { from, 0 };
	gboolean as_it_is = !rewrite->payload_sum && !rewrite->change->compression;
	off_t header_at = lseek(rewrite->out_fd, 0, SEEK_CUR);
	guint8 block[512] = { 0 };

	if (rewrite->change->compression)
		to = *rewrite->change->compression;
	g_autofree char *name = g_strconcat("data/0000.tar", compression_suffix(to.kind), NULL);
	TarHeader header = { name, 0, ENTRY_MODE, rewrite->change->modified_s };
	if (!output_write(rewrite->out_fd, block, sizeof block, error) ||
		!(as_it_is ? copy_stream(rewrite, &rewrite->tar.body, NULL, error)
			   : repack(rewrite, from, &to, error)))
		return FALSE;
	header.size = rewrite->data_size;
	return tar_header_write(&header, block, error) &&
	       write_at(rewrite->out_fd, block, sizeof block, header_at, error) &&
	       output_write(rewrite->out_fd, zeros, tar_padding(header.size), error);
}

/* --- the whole --- */

static gboolean write_all(Rewrite *rewrite, GError **error)
{
	static const guint8 end[TAR_END_SIZE];

	if (!read_front(rewrite, error) ||
		(rewrite->change->payload_name && !sum_file(rewrite, error)) ||
		!write_front(rewrite, error))
		return FALSE;
	return (!rewrite->entry || write_payload(rewrite, error)) &&
	       output_write(rewrite->out_fd, end, sizeof end, error);
}

/* What the changes say is judged where all headers are judged. */
static gboolean check_copy(int out_fd, GError **error)
{
	if (lseek(out_fd, 0, SEEK_SET) < 0) {
		rota_set_errno_error(error, errno, "read the artifact");
		return FALSE;
	}
	g_autoptr(GInputStream) in = g_unix_input_stream_new(out_fd, FALSE);
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, NULL, NULL, error);
	return reader != NULL;
}

gboolean artifact_rewrite(
	int in_fd, const ArtifactChange *change, const Key *key, int out_fd, GError **error)
{
	g_auto(Rewrite) rewrite = {
		.change = change,
		.key = key,
		.out_fd = out_fd,
		.header.stem = "header.tar",
		.augment.stem = "header-augment.tar",
	};
	g_autoptr(GInputStream) in = g_unix_input_stream_new(in_fd, FALSE);

	source_init(&rewrite.source, in);
	place_init(&rewrite.place, &rewrite.source.position, NULL);
	tar_reader_init(&rewrite.tar, &rewrite.source.stream, &rewrite.place, TAR_OUTER);
	if (lseek(in_fd, 0, SEEK_SET) < 0) {
		rota_set_errno_error(error, errno, "go back to the start of the artifact");
		return FALSE;
	}
	return write_all(&rewrite, error) && check_copy(out_fd, error);
}
