/* SPDX-License-Identifier: Apache-2.0 */
/* The values as the artifact has them: base and augment apart, where the text shows one over the
 * other. */
#include "artifact/header-json.h"
#include "base/clock.h"
#include "base/json.h"
#include "tool/report.h"

static const char *const signature_words[] = {
	[ARTIFACT_UNSIGNED] = "none",
	[ARTIFACT_SIGNED_UNCHECKED] = "unchecked",
	[ARTIFACT_SIGNED_GOOD] = "good",
	[ARTIFACT_SIGNED_BAD] = "bad",
};

static const char *const compression_words[] = {
	[ARTIFACT_COMPRESSION_NONE] = "none",
	[ARTIFACT_COMPRESSION_GZIP] = "gzip",
	[ARTIFACT_COMPRESSION_XZ] = "lzma",
	[ARTIFACT_COMPRESSION_ZSTD] = "zstd",
};

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *scripts(const GPtrArray *from)
{
	json_t *list = json_array();

	for (guint i = 0; i < from->len; i++) {
		const ArtifactScript *script = from->pdata[i];

		json_array_append_new(list, artifact_script_to_json(script));
	}
	return list;
}

static json_t *files(const GPtrArray *from, guint payload)
{
	json_t *list = json_array();

	for (guint i = 0; i < from->len; i++) {
		const ArtifactFile *file = from->pdata[i];

		if (file->payload != payload)
			continue;
		g_autofree char *modified = clock_format_rfc3339(file->modified_s * G_USEC_PER_SEC);
		json_t *object = json_object();
		json_object_set_new(object, "name", json_string(file->name));
		json_object_set_new(object, "size", json_integer((json_int_t)file->size));
		json_object_set_new(object, "sha256", json_string(file->sha256));
		json_object_set_new(object, "modified", json_string(modified));
		json_object_set_new(object, "augmented", json_boolean(file->augmented));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *object_of(const json_t *type_info, const char *key)
{
	const json_t *value = json_object_get(type_info, key);

	return json_is_object(value) ? json_deep_copy(value) : json_object();
}

/* What stands in meta-data itself, before an augment was laid over it. */
static json_t *base_meta_data(const ArtifactPayload *payload)
{
	gsize size;
	const char *data = g_bytes_get_data(payload->meta_data_bytes, &size);
	json_t *value = size > 0 ? json_loadb(data, size, JSON_ALLOW_NUL, NULL) : NULL;

	return value ? value : json_object();
}

static json_t *augment(const ArtifactPayload *payload)
{
	json_t *object = json_object();

	json_object_set_new(object, "type", text_or_null(payload->augmented_type));
	json_object_set_new(
		object, "provides", artifact_provides_to_json(payload->augmented_provides));
	json_object_set_new(
		object, "depends", artifact_depends_to_json(payload->augmented_depends));
	json_object_set_new(object, "meta_data",
		payload->augmented_meta_data ? json_deep_copy(payload->augmented_meta_data)
					     : json_object());
	return object;
}

static json_t *payload_object(const Report *report, guint index)
{
	const ArtifactPayload *payload = report->header->payloads->pdata[index];
	json_t *object = json_object();

	json_object_set_new(object, "type", text_or_null(payload->type));
	json_object_set_new(object, "provides", object_of(payload->type_info, "artifact_provides"));
	json_object_set_new(object, "depends", object_of(payload->type_info, "artifact_depends"));
	json_object_set_new(object, "clears_provides",
		payload->clears_provides ? artifact_texts_to_json(payload->clears_provides)
					 : json_null());
	json_object_set_new(object, "meta_data", base_meta_data(payload));
	json_object_set_new(object, "files", files(report->files, index));
	if (payload->augmented_provides)
		json_object_set_new(object, "augment", augment(payload));
	return object;
}

static json_t *warnings(const GPtrArray *from)
{
	json_t *list = json_array();

	for (guint i = 0; i < from->len; i++)
		json_array_append_new(list, json_string(from->pdata[i]));
	return list;
}

json_t *report_head_to_json(const ArtifactHeader *header, const Signatures *signatures)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(header->name));
	json_object_set_new(object, "format", json_string("mender"));
	json_object_set_new(object, "version", json_integer(header->version));
	json_object_set_new(
		object, "compression", json_string(compression_words[header->compression]));
	json_object_set_new(object, "signature", json_string(signature_words[header->signature]));
	json_object_set_new(object, "signer_key_id", text_or_null(header->signer_key_id));
	json_object_set_new(object, "signatures", signatures_to_json(signatures));
	json_object_set_new(object, "manifest_sha256", json_string(header->manifest_digest));
	json_object_set_new(object, "augmented", json_boolean(header->augmented));
	json_object_set_new(object, "warnings", warnings(header->warnings));
	json_object_set_new(
		object, "compatible_types", artifact_texts_to_json(header->device_types));
	json_object_set_new(object, "group", json_string(header->group ? header->group : ""));
	json_object_set_new(
		object, "depends_artifact_names", artifact_texts_to_json(header->depends_names));
	json_object_set_new(
		object, "depends_groups", artifact_texts_to_json(header->depends_groups));
	return object;
}

json_t *report_to_json(const Report *report)
{
	const ArtifactHeader *header = report->header;
	json_t *object = report_head_to_json(header, report->signatures);
	json_t *payloads = json_array();

	for (guint i = 0; i < header->payloads->len; i++)
		json_array_append_new(payloads, payload_object(report, i));
	json_object_set_new(object, "scripts", scripts(header->scripts));
	json_object_set_new(object, "payloads", payloads);
	return object;
}
