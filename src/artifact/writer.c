/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/writer.h"
#include <string.h>
#include "artifact/header-pack.h"
#include "artifact/header-private.h"
#include "artifact/names.h"
#include "artifact/file-range.h"
#include "artifact/output.h"
#include "artifact/payload-pack.h"
#include "artifact/signature.h"
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { ENTRY_MODE = 0600 };

static gboolean refuse(GError **error, const char *what, const char *why)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s", what, why);
	return FALSE;
}

/* --- what may be written --- */

static gboolean check_texts(char **texts, const char *what, gsize size_max, GError **error)
{
	for (; texts && *texts; texts++)
		if (!**texts || !text_is_printable(*texts, size_max))
			return refuse(error, what,
				"empty, too long, or with characters that cannot be printed");
	return TRUE;
}

static gboolean check_version(const ArtifactSpec *spec, GError **error)
{
	if (spec->version == 0 || spec->version == 3)
		return TRUE;
	if (spec->version != 2)
		return refuse(error, "format version", "only 2 and 3 can be written");
	if (g_strcmp0(spec->payload_type, "rootfs-image") != 0)
		return refuse(error, "format version 2", "knows images of a root file system only");
	if (spec->augment)
		return refuse(error, "format version 2", "knows no augmented part");
	return TRUE;
}

/* What is laid over the rest must fit on it, or no reader takes the artifact. */
static gboolean check_augment(const ArtifactSpec *spec, GError **error)
{
	const ArtifactAugment *augment = spec->augment;

	if (!augment)
		return TRUE;
	if (!spec->payload_type)
		return refuse(error, "empty payload", "an augmented part is not allowed");
	if (!augment->payload_type || !name_is_payload_type(augment->payload_type))
		return refuse(error, "augmented payload type", "not the name of an update module");
	if (augment->meta_data && !json_is_object(augment->meta_data))
		return refuse(error, "augmented meta-data", "not a JSON object");
	if (!spec->meta_data || !augment->meta_data)
		return TRUE;
	g_autoptr(json_t) merged = json_deep_copy(spec->meta_data);
	return artifact_meta_data_merge(merged, augment->meta_data) ||
	       refuse(error, "augmented meta-data", "changes the kind of a value");
}

static gboolean check_spec(const ArtifactSpec *spec, GError **error)
{
	char *name[] = { (char *)(guintptr)spec->name, NULL };
	char *group[] = { (char *)(guintptr)spec->group, NULL };

	if (!spec->name || !*spec->name)
		return refuse(error, "artifact name", "missing");
	if (strpbrk(spec->name, " \t\r\n"))
		return refuse(error, "artifact name", "blanks are not allowed");
	if (!spec->device_types || !*spec->device_types)
		return refuse(error, "device type", "at least one is needed");
	if (spec->payload_type && !name_is_payload_type(spec->payload_type))
		return refuse(error, "payload type", "not the name of an update module");
	if (!spec->payload_type && (spec->meta_data || (spec->file_paths && *spec->file_paths)))
		return refuse(error, "empty payload", "files and meta-data are not allowed");
	if (spec->modified_s < 0)
		return refuse(error, "time of the entries", "before 1970");
	if (!check_version(spec, error) || !check_augment(spec, error))
		return FALSE;
	return check_texts(name, "artifact name", ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(group, "artifact group", ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(spec->device_types, "device type", ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(spec->depends_names, "artifact name to depend on",
		       ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(
		       spec->depends_groups, "group to depend on", ARTIFACT_NAME_SIZE_MAX, error);
}

/* --- the whole --- */

/* Sums of what a manifest speaks of: the payload files of one kind, and @header. */
static GString *make_manifest(const PayloadPack *pack, gboolean augmented, const char *header_name,
	const GByteArray *header)
{
	GString *manifest = g_string_new(NULL);
	g_autofree char *header_sum = sha256_hex_of(header->data, header->len);

	for (guint i = 0; i < pack->files->len; i++) {
		const PackedFile *file = pack->files->pdata[i];

		if (file->augmented == augmented)
			g_string_append_printf(
				manifest, "%s  data/0000/%s\n", file->sum, file->name);
	}
	g_string_append_printf(manifest, "%s  %s\n", header_sum, header_name);
	return manifest;
}

static gboolean append_text(
	GByteArray *front, const char *name, const char *text, gint64 modified_s, GError **error)
{
	TarHeader header = { name, strlen(text), ENTRY_MODE, modified_s };

	if (header.size > ARTIFACT_MANIFEST_SIZE_MAX)
		return refuse(error, name, "larger than 4 MiB");
	return tar_append(front, &header, text, error);
}

/* With the sums, or with values as long as they will be: room is left for what is not known yet. */
typedef enum { FRONT_GUESSED, FRONT_TRUE } FrontKind;

/* A guess is signed by nobody: the key may be in a token, or with somebody who is asked. */
static char *make_signature(const GString *manifest, const Key *key, FrontKind kind, GError **error)
{
	gsize size = key_signature_size(key);
	g_autofree guint8 *nothing = g_malloc0(size);
	g_autoptr(GBytes) bytes = g_bytes_new_static(manifest->str, manifest->len);

	return kind == FRONT_TRUE ? signature_make(bytes, key, error)
				  : g_base64_encode(nothing, size);
}

static gboolean append_signature(GByteArray *front, const GString *manifest, const Key *key,
	FrontKind kind, gint64 modified_s, GError **error)
{
	if (!key)
		return TRUE;
	g_autofree char *signature = make_signature(manifest, key, kind, error);
	return signature && append_text(front, "manifest.sig", signature, modified_s, error);
}

/* The two members a part of the artifact has: the sums, and the header they begin with. */
typedef struct {
	char *header_name;
	GByteArray *header;
	GString *manifest;
} Part;

static void part_clear(Part *part)
{
	g_clear_pointer(&part->header_name, g_free);
	g_clear_pointer(&part->header, g_byte_array_unref);
	if (part->manifest)
		g_string_free(part->manifest, TRUE);
	part->manifest = NULL;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Part, part_clear)

static gboolean part_make(Part *part, const ArtifactSpec *spec, HeaderKind kind,
	const PayloadPack *pack, GError **error)
{
	gboolean augmented = kind == HEADER_AUGMENT;

	part->header = header_pack_make(spec, kind, pack, error);
	if (!part->header)
		return FALSE;
	part->header_name = g_strconcat(augmented ? "header-augment.tar" : "header.tar",
		compression_suffix(spec->compression.kind), NULL);
	part->manifest = make_manifest(pack, augmented, part->header_name, part->header);
	return TRUE;
}

static gboolean append_header(
	GByteArray *front, const Part *part, gint64 modified_s, GError **error)
{
	TarHeader header = { part->header_name, part->header->len, ENTRY_MODE, modified_s };

	return tar_append(front, &header, part->header->data, error);
}

static gboolean append_data_header(
	GByteArray *front, const ArtifactSpec *spec, const PayloadPack *pack, GError **error)
{
	g_autofree char *name =
		g_strconcat("data/0000.tar", compression_suffix(spec->compression.kind), NULL);
	TarHeader header = { name, pack->size, ENTRY_MODE, spec->modified_s };
	guint8 block[512];

	if (!tar_header_write(&header, block, error))
		return FALSE;
	g_byte_array_append(front, block, sizeof block);
	return TRUE;
}

/* All that stands before the bytes of the payload archive, its tar header included, with the sums
 * as @pack has them. */
static GByteArray *build_front(const ArtifactSpec *spec, const PayloadPack *pack, const Key *key,
	FrontKind kind, GError **error)
{
	gboolean v2 = spec->version == 2;
	const char *version = v2 ? "{\"format\":\"mender\",\"version\":2}"
				 : "{\"format\":\"mender\",\"version\":3}";
	g_autofree char *version_sum = sha256_hex_of(version, strlen(version));
	g_autoptr(GByteArray) front = g_byte_array_new();
	g_auto(Part) base = { 0 };
	g_auto(Part) augment = { 0 };
	gint64 time_s = spec->modified_s;

	if (!part_make(&base, spec, v2 ? HEADER_V2 : HEADER_V3, pack, error) ||
		(spec->augment && !part_make(&augment, spec, HEADER_AUGMENT, pack, error)))
		return NULL;
	g_string_append_printf(base.manifest, "%s  version\n", version_sum);
	if (!append_text(front, "version", version, time_s, error) ||
		!append_text(front, "manifest", base.manifest->str, time_s, error) ||
		!append_signature(front, base.manifest, key, kind, time_s, error) ||
		(spec->augment && !append_text(front, "manifest-augment", augment.manifest->str,
					  time_s, error)) ||
		!append_header(front, &base, time_s, error) ||
		(spec->augment && !append_header(front, &augment, time_s, error)) ||
		!append_data_header(front, spec, pack, error))
		return NULL;
	return g_steal_pointer(&front);
}

static gboolean write_end(int out_fd, guint64 payload_size, GError **error)
{
	static const guint8 zeros[512 + TAR_END_SIZE];

	return output_write(out_fd, zeros, tar_padding(payload_size) + TAR_END_SIZE, error);
}

/* The size of the whole, where it is not past what is allowed. */
static gboolean measure(const ArtifactSpec *spec, const GByteArray *front, const PayloadPack *pack,
	guint64 *ret_size, GError **error)
{
	*ret_size = front->len + pack->size + tar_padding(pack->size) + TAR_END_SIZE;
	if (spec->size_max == 0 || *ret_size <= spec->size_max)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
		"the artifact has %" G_GUINT64_FORMAT " bytes, more than the %" G_GUINT64_FORMAT
		" that are allowed",
		*ret_size, spec->size_max);
	return FALSE;
}

/* The sums stand before what they are of. Where the output can be gone back in, room is left for
 * the front: its size is known but for a few bytes of the compressed header, which mostly vanish in
 * the rounding to tar blocks. Where it was not, the payload is moved. */
static gboolean write_in_place(const ArtifactSpec *spec, PayloadPack *pack, const Key *key, int fd,
	guint64 start, guint64 *ret_size, GError **error)
{
	g_autoptr(GByteArray) guess = build_front(spec, pack, key, FRONT_GUESSED, error);

	pack->durable = TRUE;

	if (!guess || !file_seek(fd, start + guess->len, error) ||
		!payload_pack_write(pack, &spec->compression, spec->modified_s, fd, error))
		return FALSE;
	g_autoptr(GByteArray) front = build_front(spec, pack, key, FRONT_TRUE, error);
	return front && measure(spec, front, pack, ret_size, error) &&
	       file_move_range(fd, start + guess->len, start + front->len, pack->size, error) &&
	       file_seek(fd, start, error) && output_write(fd, front->data, front->len, error) &&
	       file_seek(fd, start + front->len + pack->size, error) &&
	       write_end(fd, pack->size, error) && file_cut_here(fd, error);
}

/* A folder that is full is another one than the output's. */
static gboolean fill_spool(const ArtifactSpec *spec, PayloadPack *pack, int spool,
	const char *spool_folder, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (payload_pack_write(pack, &spec->compression, spec->modified_s, spool, &failure))
		return TRUE;
	if (failure->domain == ARTIFACT_OUTPUT_ERROR)
		rota_set_errno_error(
			error, failure->code, "write a temporary file in %s", spool_folder);
	else
		g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

/* Otherwise the payload waits in a file without a name. */
static gboolean write_through_spool(const ArtifactSpec *spec, PayloadPack *pack, const Key *key,
	int out_fd, const char *spool_folder, guint64 *ret_size, GError **error)
{
	autofd int spool = file_open_nameless(spool_folder, error);

	if (spool < 0 || !fill_spool(spec, pack, spool, spool_folder, error))
		return FALSE;
	g_autoptr(GByteArray) front = build_front(spec, pack, key, FRONT_TRUE, error);
	return front && measure(spec, front, pack, ret_size, error) &&
	       output_write(out_fd, front->data, front->len, error) &&
	       file_copy_range(spool, out_fd, pack->size, error) &&
	       write_end(out_fd, pack->size, error);
}

gboolean artifact_write(const ArtifactSpec *spec, const Key *key, int out_fd,
	const char *spool_folder, guint64 *ret_size, GError **error)
{
	g_auto(PayloadPack) pack = { 0 };
	guint64 start, size;

	if (!check_spec(spec, error) || (key && !key_check_signs_artifacts(key, error)) ||
		!payload_pack_init(&pack, spec->file_paths, spec->file_names,
			spec->augment ? spec->augment->file_paths : NULL, error))
		return FALSE;
	pack.spool_folder = spool_folder;
	pack.progress = spec->progress;
	pack.progress_data = spec->progress_data;
	pack.size_max = spec->size_max;
	gboolean written =
		file_is_seekable(out_fd, &start)
			? write_in_place(spec, &pack, key, out_fd, start, &size, error)
			: write_through_spool(spec, &pack, key, out_fd, spool_folder, &size, error);
	if (written && ret_size)
		*ret_size = size;
	return written;
}
