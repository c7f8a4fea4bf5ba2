/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which an artifact is read, and what is known after each entry:
 *
 *     version           the format; its sum is kept until the manifest is there
 *     manifest          what everything else must add up to
 *     manifest.sig      from here on the manifest is the signer's word (where keys were given)
 *     manifest-augment  more sums, outside the signature
 *     header.tar*       gathered while it is hashed; parsed only when its sum was right
 *     header-augment*   the same
 *     data/NNNN.tar*    the sum of each file is looked up before its first byte is handed out
 *     the end           every line of the manifest used, nothing but zeros behind
 *
 * One entry is looked ahead of: the optional ones are known by their name only. */
#include "artifact/reader.h"
#include <string.h>
#include "artifact/decompress.h"
#include "artifact/document.h"
#include "artifact/header-members.h"
#include "artifact/header-private.h"
#include "artifact/manifest.h"
#include "artifact/names.h"
#include "artifact/parallel-sum.h"
#include "artifact/signature.h"
#include "artifact/stream.h"
#include "artifact/tar.h"
#include "crypto/digest.h"

/* From this size on a file of a compressed payload is worth a thread for its sum. */
enum { PARALLEL_SIZE_MIN = 1024 * 1024 };

/* An archive inside the artifact, opened: member, decompressor if any, inner tar. */
typedef struct {
	Stream stream; /* what passes from the member: counted into the sum */
	Stream *in;
	Sha256 *sum; /* NULL: the archive as such has no sum */
	const guint8 *lent;
	DecompressStream decompress;
	gboolean compressed;
} Inner;

struct ArtifactReader {
	Source source;
	Place place;
	TarReader outer;
	const TarEntry *entry; /* the outer entry at hand, not yet used; NULL at the end */
	GHashTable *seen;      /* names of outer entries */
	GPtrArray *keys;
	ArtifactPolicy policy;
	Manifest manifest;
	ArtifactHeader *header;
	guint n_payloads;
	gboolean empty_payload[ARTIFACT_PAYLOADS_MAX];
	char **listed_files; /* version 2 */
	gboolean payload_open;
	guint next_payload;
	Inner inner;
	TarReader files;
	guint n_files;
	gboolean file_open;
	ArtifactFile file;
	const ManifestLine *file_line;
	Sha256 *file_sum;
	ParallelSum *parallel; /* takes it beside, where that pays */
	GError *failure;       /* after a refusal every call repeats it */
};

/* --- the archive inside --- */

static gboolean inner_peek(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	Inner *inner = (Inner *)stream;

	if (!stream_peek(inner->in, ret_data, ret_size, error))
		return FALSE;
	inner->lent = *ret_data;
	return TRUE;
}

static void inner_advance(Stream *stream, gsize size)
{
	Inner *inner = (Inner *)stream;

	if (size == 0)
		return; /* at the end nothing was lent */
	if (inner->sum)
		sha256_update(inner->sum, inner->lent, size);
	inner->lent += size;
	stream_advance(inner->in, size);
}

static Stream *inner_open(
	Inner *inner, ArtifactCompression compression, Stream *member, Sha256 *sum, Place *place)
{
	*inner = (Inner){
		.stream = { inner_peek, inner_advance },
		.in = member,
		.sum = sum,
		.compressed = compression != ARTIFACT_COMPRESSION_NONE,
	};
	if (!inner->compressed)
		return &inner->stream;
	decompress_stream_init(&inner->decompress, compression, &inner->stream, place);
	return &inner->decompress.stream;
}

static void inner_close(Inner *inner)
{
	if (inner->compressed)
		decompress_stream_clear(&inner->decompress);
	inner->compressed = FALSE;
}

/* --- outer entries --- */

/* Takes the suffix off the end of @name; FALSE where it is none of ours. */
static gboolean split_suffix(const char *suffix, ArtifactCompression *ret_compression)
{
	*ret_compression = ARTIFACT_COMPRESSION_NONE;
	if (!*suffix)
		return TRUE;
	for (guint i = ARTIFACT_COMPRESSION_GZIP; i <= ARTIFACT_COMPRESSION_ZSTD; i++) {
		if (!g_str_equal(decompressor_for(i)->suffix, suffix))
			continue;
		*ret_compression = i;
		return TRUE;
	}
	return FALSE;
}

static gboolean is_archive(const char *name, const char *stem, ArtifactCompression *ret_compression)
{
	return g_str_has_prefix(name, stem) && split_suffix(name + strlen(stem), ret_compression);
}

/* Moves on to the next outer entry, and judges what holds for each. */
static gboolean next_entry(ArtifactReader *reader, GError **error)
{
	if (!tar_reader_next(&reader->outer, &reader->entry, error))
		return FALSE;
	if (!reader->entry)
		return TRUE;
	const char *name = reader->entry->name;
	if (reader->entry->type != '0')
		return place_refuse(
			&reader->place, 13, ARTIFACT_ERROR_STRUCTURE, error, "not a regular file");
	if (!name_is_plain_path(name))
		return place_refuse(&reader->place, 12, ARTIFACT_ERROR_PATH, error,
			"a name that leaves its folder or holds forbidden characters");
	if (!g_hash_table_add(reader->seen, g_strdup(name)))
		return place_refuse(
			&reader->place, 6, ARTIFACT_ERROR_STRUCTURE, error, "there twice");
	return TRUE;
}

static gboolean at(const ArtifactReader *reader, const char *name)
{
	return reader->entry && g_str_equal(reader->entry->name, name);
}

/* Whatever is at hand is not what must be here. */
static gboolean refuse_entry(ArtifactReader *reader, const char *expected, GError **error)
{
	if (!reader->entry)
		return place_refuse(&reader->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
			"the archive ends where %s should be", expected);
	return place_refuse(
		&reader->place, 5, ARTIFACT_ERROR_STRUCTURE, error, "where %s should be", expected);
}

/* --- version --- */

static gboolean parse_version(
	ArtifactReader *reader, GBytes *bytes, int *ret_version, GError **error)
{
	static const char *const keys[] = { "format", "version", NULL };
	Place *place = &reader->place;
	g_autoptr(json_t) object = document_parse(bytes, place, error);

	if (!object || !document_check_keys(object, keys, "version", place, error))
		return FALSE;
	const json_t *number = document_get(object, "version");
	const char *format = json_string_value(document_get(object, "format"));
	if (!json_is_integer(number))
		return place_refuse(
			place, 4, ARTIFACT_ERROR_JSON, error, "version: missing or not a number");
	if (g_strcmp0(format, "mender") != 0)
		return place_refuse(
			place, 4, ARTIFACT_ERROR_VERSION, error, "format: not \"mender\"");
	json_int_t version = json_integer_value(number);
	if (version != 2 && version != 3)
		return place_refuse(place, 4, ARTIFACT_ERROR_VERSION, error,
			"version %" JSON_INTEGER_FORMAT " is not supported, only 2 and 3 are",
			version);
	*ret_version = (int)version;
	return TRUE;
}

/* A small member that is kept, because it can be judged only after later ones. */
typedef struct {
	GBytes *bytes;
	guint64 start, end, offset; /* of the member and of its first byte, in the file */
} EarlyMember;

static void early_member_clear(EarlyMember *member)
{
	g_clear_pointer(&member->bytes, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EarlyMember, early_member_clear)

static gboolean read_early(
	ArtifactReader *reader, EarlyMember *member, gsize size_max, GError **error)
{
	member->start = reader->place.start;
	member->end = reader->place.end;
	member->offset = reader->source.position;
	member->bytes = tar_reader_read_body(&reader->outer, size_max, error);
	return member->bytes != NULL;
}

static gboolean read_version(ArtifactReader *reader, EarlyMember *version, GError **error)
{
	if (!next_entry(reader, error))
		return FALSE;
	return at(reader, "version")
		       ? read_early(reader, version, ARTIFACT_VERSION_SIZE_MAX, error) &&
				 parse_version(
					 reader, version->bytes, &reader->header->version, error)
		       : refuse_entry(reader, "version", error);
}

static gboolean read_manifest(ArtifactReader *reader, EarlyMember *manifest, GError **error)
{
	if (!next_entry(reader, error))
		return FALSE;
	return at(reader, "manifest")
		       ? read_early(reader, manifest, ARTIFACT_MANIFEST_SIZE_MAX, error)
		       : refuse_entry(reader, "manifest", error);
}

/* What manifest says, and the sum of version in it: judged once the signature was. */
static gboolean judge_manifest(ArtifactReader *reader, const EarlyMember *version,
	const EarlyMember *manifest, GError **error)
{
	g_autoptr(Sha256) sum = sha256_new();
	Place *place = &reader->place;
	gsize size;
	gconstpointer data = g_bytes_get_data(manifest->bytes, &size);

	reader->header->manifest_digest = sha256_hex_of(data, size);
	place_enter(place, "manifest", manifest->start, manifest->end);
	if (!manifest_parse(
		    &reader->manifest, manifest->bytes, manifest->offset, FALSE, place, error))
		return FALSE;
	const ManifestLine *line = manifest_use(&reader->manifest, "version", place, error);
	if (!line)
		return FALSE;
	data = g_bytes_get_data(version->bytes, &size);
	sha256_update(sum, data, size);
	place_enter(place, "version", version->start, version->end);
	return manifest_compare(line, sum, place, error);
}

/* --- signature --- */

/* With a key there must be a signature here. One that comes later is named as what it is, a wrong
 * order; nothing of what lies between is looked at. */
static gboolean refuse_unsigned(ArtifactReader *reader, GError **error)
{
	g_autofree char *shown = place_printable(reader->entry ? reader->entry->name : "the end");
	Place *place = &reader->place;
	guint64 start = place->start, end = place->end;

	if (reader->entry && reader->entry->size <= ARTIFACT_HEADER_SIZE_MAX) {
		g_autoptr(GError) ignored = NULL;

		if (next_entry(reader, &ignored) && at(reader, "manifest.sig"))
			return refuse_entry(reader, "something that is signed", error);
	}
	place_enter(place, shown, start, end);
	return place_refuse_at(place, start, 10, ARTIFACT_ERROR_SIGNATURE, error,
		"there is no signature, and a key is given");
}

static gboolean check_signature(
	ArtifactReader *reader, GBytes *manifest, GBytes *signature, GError **error)
{
	g_autoptr(GError) reason = NULL;
	const Key *key =
		signature_verify(signature, manifest, reader->keys, &reader->place, &reason);

	if (key) {
		reader->header->signature = ARTIFACT_SIGNED_GOOD;
		reader->header->signer_key_id = key_id(key);
		return TRUE;
	}
	if (!reader->policy.show_bad_signature) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return FALSE;
	}
	reader->header->signature = ARTIFACT_SIGNED_BAD;
	return TRUE;
}

/* Leaves the entry after the signature, if there is one, at hand. */
static gboolean read_signature(ArtifactReader *reader, const EarlyMember *version,
	const EarlyMember *manifest, GError **error)
{
	gboolean has_keys = reader->keys->len > 0;
	gboolean has_signature = at(reader, "manifest.sig");
	g_autoptr(GBytes) signature = NULL;
	guint64 start = reader->place.start, end = reader->place.end;

	if (!has_signature && has_keys && !reader->policy.show_bad_signature)
		return refuse_unsigned(reader, error);
	if (has_signature) {
		signature =
			tar_reader_read_body(&reader->outer, ARTIFACT_SIGNATURE_SIZE_MAX, error);
		if (!signature)
			return FALSE;
		reader->header->signature = ARTIFACT_SIGNED_UNCHECKED;
	}
	if (has_signature && has_keys &&
		!check_signature(reader, manifest->bytes, signature, error))
		return FALSE;
	if (!judge_manifest(reader, version, manifest, error))
		return FALSE;
	if (has_signature)
		return next_entry(reader, error);
	if (reader->entry)
		place_enter(&reader->place, reader->entry->name, start, end);
	return TRUE;
}

static gboolean read_augmented_manifest(ArtifactReader *reader, GError **error)
{
	if (!at(reader, "manifest-augment"))
		return TRUE;
	if (reader->policy.refuse_augmented)
		return place_refuse(&reader->place, 11, ARTIFACT_ERROR_STRUCTURE, error,
			"an augmented part lies outside the signature and is not accepted here");
	if (reader->header->version == 2)
		return refuse_entry(reader, "the header of version 2", error);
	guint64 offset = reader->source.position;
	g_autoptr(GBytes) bytes =
		tar_reader_read_body(&reader->outer, ARTIFACT_MANIFEST_SIZE_MAX, error);
	if (!bytes ||
		!manifest_parse(&reader->manifest, bytes, offset, TRUE, &reader->place, error))
		return FALSE;
	reader->header->augmented = TRUE;
	artifact_header_warn(
		reader->header, "the artifact has an augmented part, which no signature covers");
	return next_entry(reader, error);
}

/* --- header --- */

/* Gathers the header archive at hand and compares its sum; only then are its documents parsed. */
static gboolean read_header_archive(
	ArtifactReader *reader, HeaderKind kind, ArtifactCompression compression, GError **error)
{
	g_autoptr(Sha256) sum = sha256_new();
	Place *place = &reader->place;
	HeaderMembers members;
	Inner inner;

	if (reader->entry->size > ARTIFACT_HEADER_SIZE_MAX)
		return place_refuse(place, 16, ARTIFACT_ERROR_LIMIT, error,
			"the header is larger than %d bytes", ARTIFACT_HEADER_SIZE_MAX);
	const ManifestLine *line =
		manifest_use(&reader->manifest, reader->entry->name, place, error);
	if (!line)
		return FALSE;
	if (line->augmented != (kind == HEADER_AUGMENT))
		return place_refuse(place, 7, ARTIFACT_ERROR_MANIFEST, error,
			"listed in the wrong one of manifest and manifest-augment");

	Stream *stream = inner_open(&inner, compression, &reader->outer.body, sum, place);
	gboolean good = header_members_read(&members, kind, stream, place, error);
	inner_close(&inner);
	place_enter_inner(place, NULL);
	good = good && manifest_compare(line, sum, place, error) &&
	       header_members_parse(
		       &members, kind, reader->header, &reader->listed_files, place, error);
	header_members_clear(&members);
	return good;
}

static gboolean read_header(ArtifactReader *reader, GError **error)
{
	HeaderKind kind = reader->header->version == 2 ? HEADER_V2 : HEADER_V3;
	ArtifactCompression compression;

	if (!reader->entry || !is_archive(reader->entry->name, "header.tar", &compression))
		return refuse_entry(reader, "the header", error);
	if (!read_header_archive(reader, kind, compression, error))
		return FALSE;
	reader->header->compression = compression;
	return next_entry(reader, error);
}

static gboolean read_augmented_header(ArtifactReader *reader, GError **error)
{
	ArtifactCompression compression;

	if (!reader->header->augmented)
		return TRUE;
	if (!reader->entry ||
		!is_archive(reader->entry->name, "header-augment.tar", &compression) ||
		compression != reader->header->compression)
		return refuse_entry(
			reader, "the augmented header, compressed as the header is,", error);
	return read_header_archive(reader, HEADER_AUGMENT, compression, error) &&
	       next_entry(reader, error);
}

static gboolean read_all_before_payloads(ArtifactReader *reader, GError **error)
{
	g_auto(EarlyMember) version = { 0 };
	g_auto(EarlyMember) manifest = { 0 };

	if (!read_version(reader, &version, error) || !read_manifest(reader, &manifest, error) ||
		!next_entry(reader, error) || !read_signature(reader, &version, &manifest, error) ||
		!read_augmented_manifest(reader, error) || !read_header(reader, error) ||
		!read_augmented_header(reader, error))
		return FALSE;
	/* The header may be taken away while payloads are still read. */
	reader->n_payloads = reader->header->payloads->len;
	for (guint i = 0; i < reader->n_payloads; i++) {
		const ArtifactPayload *payload = reader->header->payloads->pdata[i];

		reader->empty_payload[i] = payload->type == NULL;
	}
	return TRUE;
}

ArtifactReader *artifact_reader_open(GInputStream *in, const ArtifactPolicy *policy,
	ArtifactRefusal *ret_refusal, GError **error)
{
	g_autoptr(ArtifactReader) reader = g_new0(ArtifactReader, 1);

	source_init(&reader->source, in);
	place_init(&reader->place, &reader->source.position, ret_refusal);
	tar_reader_init(&reader->outer, &reader->source.stream, &reader->place, TAR_OUTER);
	reader->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	reader->keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_unref);
	if (policy)
		reader->policy = *policy;
	for (guint i = 0; policy && policy->keys && i < policy->keys->len; i++)
		g_ptr_array_add(reader->keys, key_ref(policy->keys->pdata[i]));
	reader->policy.keys = reader->keys;
	manifest_init(&reader->manifest);
	reader->header = artifact_header_new();
	if (!read_all_before_payloads(reader, error))
		return NULL;
	return g_steal_pointer(&reader);
}

const ArtifactHeader *artifact_reader_header(const ArtifactReader *reader)
{
	return reader->header;
}

ArtifactHeader *artifact_reader_steal_header(ArtifactReader *reader)
{
	return g_steal_pointer(&reader->header);
}

guint64 artifact_reader_offset(const ArtifactReader *reader)
{
	return reader->source.position;
}

/* --- payloads --- */

/* "data/0003.tar.gz" */
static gboolean parse_data_name(
	const char *name, guint *ret_payload, ArtifactCompression *ret_compression)
{
	guint payload = 0;

	if (!g_str_has_prefix(name, "data/"))
		return FALSE;
	name += strlen("data/");
	for (guint i = 0; i < 4; i++, name++) {
		if (!g_ascii_isdigit(*name))
			return FALSE;
		payload = payload * 10 + (guint)(*name - '0');
	}
	*ret_payload = payload;
	return is_archive(name, ".tar", ret_compression);
}

static gboolean open_payload(ArtifactReader *reader, GError **error)
{
	ArtifactCompression compression;
	guint payload;

	if (!parse_data_name(reader->entry->name, &payload, &compression))
		return refuse_entry(reader, "a payload or the end", error);
	if (payload >= reader->n_payloads)
		return place_refuse(&reader->place, 8, ARTIFACT_ERROR_STRUCTURE, error,
			"no header announces this payload");
	if (payload < reader->next_payload)
		return refuse_entry(reader, "a later payload", error);
	reader->next_payload = payload + 1;
	reader->file.payload = payload;

	Stream *stream =
		inner_open(&reader->inner, compression, &reader->outer.body, NULL, &reader->place);
	tar_reader_init(&reader->files, stream, &reader->place, TAR_INNER);
	reader->payload_open = TRUE;
	return TRUE;
}

static void close_payload(ArtifactReader *reader)
{
	if (!reader->payload_open)
		return;
	tar_reader_clear(&reader->files);
	inner_close(&reader->inner);
	place_enter_inner(&reader->place, NULL);
	reader->payload_open = FALSE;
}

static gboolean check_file(ArtifactReader *reader, const TarEntry *entry, GError **error)
{
	Place *place = &reader->place;

	if (entry->type != '0')
		return place_refuse(place, 13, ARTIFACT_ERROR_PATH, error, "not a regular file");
	if (!name_is_payload_file(entry->name))
		return place_refuse(place, 12, ARTIFACT_ERROR_PATH, error,
			"a name with other characters than letters, digits and _ - . ,");
	if (reader->empty_payload[reader->file.payload])
		return place_refuse(
			place, 18, ARTIFACT_ERROR_STRUCTURE, error, "a file in an empty payload");
	if (reader->n_files >= ARTIFACT_FILES_MAX)
		return place_refuse(place, 16, ARTIFACT_ERROR_LIMIT, error,
			"more than %d payload files", ARTIFACT_FILES_MAX);
	if (reader->listed_files &&
		!g_strv_contains((const char *const *)reader->listed_files, entry->name))
		return place_refuse(place, 7, ARTIFACT_ERROR_MANIFEST, error,
			"%s is not in headers/0000/files", entry->name);
	return TRUE;
}

static gboolean open_file(ArtifactReader *reader, const TarEntry *entry, GError **error)
{
	if (!check_file(reader, entry, error))
		return FALSE;
	g_autofree char *name = g_strdup_printf("data/%04u/%s", reader->file.payload, entry->name);
	reader->file_line = manifest_use(&reader->manifest, name, &reader->place, error);
	if (!reader->file_line)
		return FALSE;
	g_free(reader->file.name);
	g_free(reader->file.sha256);
	reader->file.name = g_strdup(entry->name);
	reader->file.sha256 = g_strdup(reader->file_line->sum);
	reader->file.size = entry->size;
	reader->file.modified_s = entry->modified_s;
	reader->file.augmented = reader->file_line->augmented;
	if (!reader->file_sum)
		reader->file_sum = sha256_new();
	sha256_reset(reader->file_sum);
	if (reader->inner.compressed && entry->size >= PARALLEL_SIZE_MIN && !reader->parallel)
		reader->parallel = parallel_sum_new(reader->file_sum);
	reader->n_files++;
	reader->file_open = TRUE;
	return TRUE;
}

/* Lends bytes of the present file, already in its sum; *ret_size 0: the end, and the sum was right.
 */
static gboolean lend_file(ArtifactReader *reader, const guint8 **ret_data, gsize size_max,
	gsize *ret_size, GError **error)
{
	if (!stream_peek(&reader->files.body, ret_data, ret_size, error))
		return FALSE;
	if (*ret_size == 0) {
		reader->file_open = FALSE;
		if (reader->parallel)
			parallel_sum_wait(reader->parallel);
		return manifest_compare(reader->file_line, reader->file_sum, &reader->place, error);
	}
	*ret_size = MIN(*ret_size, size_max);
	/* Bytes that come uncompressed lie in a buffer that is filled again at once. */
	if (reader->parallel && reader->inner.compressed)
		parallel_sum_update(reader->parallel, *ret_data, *ret_size);
	else
		sha256_update(reader->file_sum, *ret_data, *ret_size);
	stream_advance(&reader->files.body, *ret_size);
	return TRUE;
}

static gboolean skip_file(ArtifactReader *reader, GError **error)
{
	while (reader->file_open) {
		const guint8 *data;
		gsize size;

		if (!lend_file(reader, &data, G_MAXSIZE, &size, error))
			return FALSE;
	}
	return TRUE;
}

/* The next file of the open payload; at its end the payload is closed and *ret_found FALSE. */
static gboolean next_in_payload(ArtifactReader *reader, gboolean *ret_found, GError **error)
{
	const TarEntry *entry;

	*ret_found = FALSE;
	if (!tar_reader_next(&reader->files, &entry, error))
		return FALSE;
	if (entry) {
		*ret_found = TRUE;
		return open_file(reader, entry, error);
	}
	place_enter_inner(&reader->place, NULL);
	if (!tar_reader_finish(&reader->files, error))
		return FALSE;
	close_payload(reader);
	return next_entry(reader, error);
}

static gboolean find_next_file(ArtifactReader *reader, gboolean *ret_found, GError **error)
{
	*ret_found = FALSE;
	if (!skip_file(reader, error))
		return FALSE;
	while (!*ret_found && (reader->payload_open || reader->entry)) {
		if (!reader->payload_open && !open_payload(reader, error))
			return FALSE;
		if (!next_in_payload(reader, ret_found, error))
			return FALSE;
	}
	return TRUE;
}

/* Remembers why, so that no later call can go on behind a refusal. */
static gboolean keep_failure(ArtifactReader *reader, GError *failure, GError **error)
{
	if (!reader->failure)
		reader->failure = failure;
	g_propagate_error(error, g_error_copy(reader->failure));
	return FALSE;
}

gboolean artifact_reader_next_file(
	ArtifactReader *reader, const ArtifactFile **ret_file, GError **error)
{
	GError *failure = NULL;
	gboolean found;

	*ret_file = NULL;
	if (reader->failure || !find_next_file(reader, &found, &failure))
		return keep_failure(reader, failure, error);
	if (found)
		*ret_file = &reader->file;
	return TRUE;
}

gssize artifact_reader_read(ArtifactReader *reader, gpointer buffer, gsize size, GError **error)
{
	GError *failure = NULL;
	const guint8 *data;
	gsize lent = 0;

	if (reader->failure ||
		(reader->file_open && !lend_file(reader, &data, size, &lent, &failure))) {
		keep_failure(reader, failure, error);
		return -1;
	}
	if (lent > 0)
		memcpy(buffer, data, lent);
	return (gssize)lent;
}

static gboolean finish(ArtifactReader *reader, GError **error)
{
	gboolean found = TRUE;

	while (found)
		if (!find_next_file(reader, &found, error))
			return FALSE;
	return tar_reader_finish(&reader->outer, error) &&
	       manifest_finish(&reader->manifest, &reader->place, error);
}

gboolean artifact_reader_finish(ArtifactReader *reader, GError **error)
{
	GError *failure = NULL;

	if (reader->failure || !finish(reader, &failure))
		return keep_failure(reader, failure, error);
	return TRUE;
}

void artifact_reader_free(ArtifactReader *reader)
{
	if (!reader)
		return;
	parallel_sum_free(reader->parallel); /* before what was lent to it */
	close_payload(reader);
	tar_reader_clear(&reader->outer);
	g_clear_pointer(&reader->header, artifact_header_free);
	manifest_clear(&reader->manifest);
	g_hash_table_unref(reader->seen);
	g_ptr_array_unref(reader->keys);
	g_strfreev(reader->listed_files);
	g_free(reader->file.name);
	g_free(reader->file.sha256);
	g_clear_pointer(&reader->file_sum, sha256_free);
	place_clear(&reader->place);
	source_clear(&reader->source);
	g_clear_error(&reader->failure);
	g_free(reader);
}
