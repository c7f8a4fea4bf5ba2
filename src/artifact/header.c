/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header.h"
#include "artifact/header-private.h"

static void script_free(gpointer data)
{
	ArtifactScript *script = data;

	g_free(script->name);
	g_clear_pointer(&script->bytes, g_bytes_unref);
	g_free(script);
}

static void payload_free(gpointer data)
{
	ArtifactPayload *payload = data;

	g_free(payload->type);
	g_clear_pointer(&payload->provides, g_hash_table_unref);
	g_clear_pointer(&payload->depends, g_hash_table_unref);
	g_strfreev(payload->clears_provides);
	json_decref(payload->meta_data);
	json_decref(payload->type_info);
	g_clear_pointer(&payload->type_info_bytes, g_bytes_unref);
	g_clear_pointer(&payload->meta_data_bytes, g_bytes_unref);
	g_free(payload->augmented_type);
	json_decref(payload->augmented_meta_data);
	g_clear_pointer(&payload->augmented_provides, g_hash_table_unref);
	g_clear_pointer(&payload->augmented_depends, g_hash_table_unref);
	g_free(payload);
}

ArtifactHeader *artifact_header_new(void)
{
	ArtifactHeader *header = g_new0(ArtifactHeader, 1);

	header->scripts = g_ptr_array_new_with_free_func(script_free);
	header->payloads = g_ptr_array_new_with_free_func(payload_free);
	header->warnings = g_ptr_array_new_with_free_func(g_free);
	return header;
}

void artifact_header_add_script(ArtifactHeader *header, const char *name, GBytes *bytes)
{
	ArtifactScript *script = g_new0(ArtifactScript, 1);

	script->name = g_strdup(name);
	script->bytes = bytes;
	g_ptr_array_add(header->scripts, script);
}

ArtifactPayload *artifact_header_add_payload(ArtifactHeader *header, const char *type)
{
	ArtifactPayload *payload = g_new0(ArtifactPayload, 1);

	payload->type = g_strdup(type);
	payload->provides = artifact_provides_new();
	payload->depends = artifact_depends_new();
	g_ptr_array_add(header->payloads, payload);
	return payload;
}

void artifact_header_warn(ArtifactHeader *header, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_ptr_array_add(header->warnings, g_strdup_vprintf(format, arguments));
	va_end(arguments);
}

GHashTable *artifact_provides_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

GHashTable *artifact_depends_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
}

void artifact_header_free(ArtifactHeader *header)
{
	if (!header)
		return;
	g_free(header->name);
	g_free(header->group);
	g_strfreev(header->device_types);
	g_strfreev(header->depends_names);
	g_strfreev(header->depends_groups);
	g_ptr_array_unref(header->scripts);
	g_ptr_array_unref(header->payloads);
	g_clear_pointer(&header->header_info_bytes, g_bytes_unref);
	g_free(header->signer_key_id);
	g_clear_pointer(&header->manifest_bytes, g_bytes_unref);
	g_free(header->manifest_digest);
	g_ptr_array_unref(header->warnings);
	g_free(header);
}
