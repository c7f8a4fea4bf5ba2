/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a header in the public types: tables become sorted arrays, once, when it is opened.
 */
#include <string.h>
#include "artifact/library/library-private.h"
#include "base/json.h"

struct RotaArtifactPayload {
	const ArtifactPayload *payload;
	RotaArtifactProvides *provides;
	RotaArtifactDepends *depends;
	size_t n_provides, n_depends;
	char *meta_data;
};

struct RotaArtifactHeader {
	const ArtifactHeader *header;
	GPtrArray *payloads; /* of RotaArtifactPayload * */
};

static const RotaArtifactCompression compressions[] = {
	[ARTIFACT_COMPRESSION_NONE] = ROTA_ARTIFACT_COMPRESSION_NONE,
	[ARTIFACT_COMPRESSION_GZIP] = ROTA_ARTIFACT_COMPRESSION_GZIP,
	[ARTIFACT_COMPRESSION_XZ] = ROTA_ARTIFACT_COMPRESSION_XZ,
	[ARTIFACT_COMPRESSION_ZSTD] = ROTA_ARTIFACT_COMPRESSION_ZSTD,
};

static const RotaArtifactSignature signatures[] = {
	[ARTIFACT_UNSIGNED] = ROTA_ARTIFACT_UNSIGNED,
	[ARTIFACT_SIGNED_UNCHECKED] = ROTA_ARTIFACT_SIGNED_UNCHECKED,
	[ARTIFACT_SIGNED_GOOD] = ROTA_ARTIFACT_SIGNED_GOOD,
	[ARTIFACT_SIGNED_BAD] = ROTA_ARTIFACT_SIGNED_BAD,
};

static GList *sorted_keys(GHashTable *table)
{
	return g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)strcmp);
}

static void set_provides(RotaArtifactPayload *made, GHashTable *table)
{
	g_autoptr(GList) keys = sorted_keys(table);

	made->provides = g_new0(RotaArtifactProvides, g_hash_table_size(table) + 1);
	for (GList *item = keys; item; item = item->next)
		made->provides[made->n_provides++] = (RotaArtifactProvides){
			item->data,
			g_hash_table_lookup(table, item->data),
		};
}

static void set_depends(RotaArtifactPayload *made, GHashTable *table)
{
	g_autoptr(GList) keys = sorted_keys(table);

	made->depends = g_new0(RotaArtifactDepends, g_hash_table_size(table) + 1);
	for (GList *item = keys; item; item = item->next)
		made->depends[made->n_depends++] = (RotaArtifactDepends){
			item->data,
			g_hash_table_lookup(table, item->data),
		};
}

static RotaArtifactPayload *payload_new(const ArtifactPayload *payload)
{
	RotaArtifactPayload *made = g_new0(RotaArtifactPayload, 1);

	made->payload = payload;
	set_provides(made, payload->provides);
	set_depends(made, payload->depends);
	if (payload->meta_data)
		made->meta_data = json_to_canonical_text(payload->meta_data);
	return made;
}

static void payload_free(gpointer data)
{
	RotaArtifactPayload *payload = data;

	g_free(payload->provides);
	g_free(payload->depends);
	g_free(payload->meta_data);
	g_free(payload);
}

RotaArtifactHeader *library_header_new(const ArtifactHeader *header)
{
	RotaArtifactHeader *made = g_new0(RotaArtifactHeader, 1);

	made->header = header;
	made->payloads = g_ptr_array_new_with_free_func(payload_free);
	for (guint i = 0; i < header->payloads->len; i++)
		g_ptr_array_add(made->payloads, payload_new(header->payloads->pdata[i]));
	return made;
}

void library_header_free(RotaArtifactHeader *header)
{
	g_ptr_array_unref(header->payloads);
	g_free(header);
}

static const void *bytes_of(GBytes *bytes, size_t *ret_size)
{
	const void *data = g_bytes_get_data(bytes, ret_size);

	return data ? data : "";
}

/* --- the whole --- */

int rota_artifact_header_format_version(const RotaArtifactHeader *header)
{
	return header->header->version;
}

RotaArtifactCompression rota_artifact_header_compression(const RotaArtifactHeader *header)
{
	return compressions[header->header->compression];
}

const char *rota_artifact_header_name(const RotaArtifactHeader *header)
{
	return header->header->name;
}

const char *rota_artifact_header_group(const RotaArtifactHeader *header)
{
	return header->header->group;
}

const char *const *rota_artifact_header_device_types(const RotaArtifactHeader *header)
{
	return (const char *const *)header->header->device_types;
}

const char *const *rota_artifact_header_depends_names(const RotaArtifactHeader *header)
{
	return (const char *const *)header->header->depends_names;
}

const char *const *rota_artifact_header_depends_groups(const RotaArtifactHeader *header)
{
	return (const char *const *)header->header->depends_groups;
}

RotaArtifactSignature rota_artifact_header_signature(const RotaArtifactHeader *header)
{
	return signatures[header->header->signature];
}

const char *rota_artifact_header_signer_key_id(const RotaArtifactHeader *header)
{
	return header->header->signer_key_id;
}

const char *rota_artifact_header_manifest_sha256(const RotaArtifactHeader *header)
{
	return header->header->manifest_digest;
}

const void *rota_artifact_header_manifest(const RotaArtifactHeader *header, size_t *ret_size)
{
	return bytes_of(header->header->manifest_bytes, ret_size);
}

bool rota_artifact_header_is_augmented(const RotaArtifactHeader *header)
{
	return header->header->augmented;
}

size_t rota_artifact_header_script_count(const RotaArtifactHeader *header)
{
	return header->header->scripts->len;
}

const char *rota_artifact_header_script_name(const RotaArtifactHeader *header, size_t index)
{
	const ArtifactScript *script = header->header->scripts->pdata[index];

	return script->name;
}

const void *rota_artifact_header_script_content(
	const RotaArtifactHeader *header, size_t index, size_t *ret_size)
{
	const ArtifactScript *script = header->header->scripts->pdata[index];

	return bytes_of(script->bytes, ret_size);
}

size_t rota_artifact_header_warning_count(const RotaArtifactHeader *header)
{
	return header->header->warnings->len;
}

const char *rota_artifact_header_warning(const RotaArtifactHeader *header, size_t index)
{
	return header->header->warnings->pdata[index];
}

/* --- payloads --- */

size_t rota_artifact_header_payload_count(const RotaArtifactHeader *header)
{
	return header->payloads->len;
}

const RotaArtifactPayload *rota_artifact_header_payload(
	const RotaArtifactHeader *header, size_t index)
{
	return header->payloads->pdata[index];
}

const char *rota_artifact_payload_type(const RotaArtifactPayload *payload)
{
	return payload->payload->type;
}

const char *rota_artifact_payload_augmented_type(const RotaArtifactPayload *payload)
{
	return payload->payload->augmented_type;
}

const RotaArtifactProvides *rota_artifact_payload_provides(
	const RotaArtifactPayload *payload, size_t *ret_count)
{
	*ret_count = payload->n_provides;
	return payload->provides;
}

const RotaArtifactDepends *rota_artifact_payload_depends(
	const RotaArtifactPayload *payload, size_t *ret_count)
{
	*ret_count = payload->n_depends;
	return payload->depends;
}

const char *const *rota_artifact_payload_clears_provides(const RotaArtifactPayload *payload)
{
	return (const char *const *)payload->payload->clears_provides;
}

const void *rota_artifact_payload_type_info(const RotaArtifactPayload *payload, size_t *ret_size)
{
	return bytes_of(payload->payload->type_info_bytes, ret_size);
}

const char *rota_artifact_payload_meta_data(const RotaArtifactPayload *payload)
{
	return payload->meta_data;
}
