/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/signatures.h"
#include "tool/console.h"
#include "tool/input-url.h"

static const char *const inside_words[] = {
	[ARTIFACT_UNSIGNED] = "none",
	[ARTIFACT_SIGNED_UNCHECKED] = "unchecked",
	[ARTIFACT_SIGNED_GOOD] = "good",
	[ARTIFACT_SIGNED_BAD] = "bad",
};

gboolean signatures_init(Signatures *signatures, const SignerOptions *options, GError **error)
{
	*signatures = (Signatures){ .names = g_ptr_array_new_with_free_func(g_free) };
	signatures->keys = signer_load_named(options, signatures->names, error);
	return signatures->keys != NULL;
}

gboolean signatures_find(Signatures *signatures, const ArtifactHeader *header,
	const char *artifact_path, const char *folder, gboolean strict, GError **error)
{
	gboolean is_file = !g_str_equal(artifact_path, "-") && !input_is_url(artifact_path);
	g_autofree char *beside = detached_folder_of(artifact_path);
	g_autoptr(GError) failure = NULL;

	signatures->header = header;
	if (!folder && !is_file)
		return TRUE;
	signatures->detached = detached_read(
		folder ? folder : beside, header->manifest_bytes, signatures->keys, &failure);
	if (signatures->detached)
		return TRUE;
	if (!strict) {
		console_warn(failure->message);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

void signatures_clear(Signatures *signatures)
{
	g_clear_pointer(&signatures->keys, g_ptr_array_unref);
	g_clear_pointer(&signatures->names, g_ptr_array_unref);
	g_clear_pointer(&signatures->detached, g_ptr_array_unref);
}

/* --- one key --- */

static const DetachedSignature *find_detached(const Signatures *signatures, const char *id)
{
	for (guint i = 0; signatures->detached && i < signatures->detached->len; i++) {
		const DetachedSignature *signature = signatures->detached->pdata[i];

		if (g_strcmp0(signature->key_id, id) == 0)
			return signature;
	}
	return NULL;
}

/* NULL: this key has signed; else why it does not count. */
static const char *missing_reason(const Signatures *signatures, const char *id)
{
	const DetachedSignature *detached = find_detached(signatures, id);

	if (g_strcmp0(signatures->header->signer_key_id, id) == 0 ||
		(detached && detached->verdict == DETACHED_GOOD))
		return NULL;
	return detached ? detached_verdict_word(detached->verdict) : "no signature";
}

guint signatures_count(const Signatures *signatures)
{
	guint n = 0;

	for (guint i = 0; i < signatures->keys->len; i++) {
		g_autofree char *id = key_id(signatures->keys->pdata[i]);

		n += !missing_reason(signatures, id);
	}
	return n;
}

static void add_key(GString *list, const char *name, const char *id, const char *reason)
{
	g_string_append_printf(list, "%s%s (%s%s%s)", list->len > 0 ? ", " : "", name, id,
		reason ? ": " : "", reason ? reason : "");
}

char *signatures_describe(const Signatures *signatures)
{
	g_autoptr(GString) signed_by = g_string_new(NULL);
	g_autoptr(GString) not_by = g_string_new(NULL);

	for (guint i = 0; i < signatures->keys->len; i++) {
		g_autofree char *id = key_id(signatures->keys->pdata[i]);
		const char *reason = missing_reason(signatures, id);

		add_key(reason ? not_by : signed_by, signatures->names->pdata[i], id, reason);
	}
	return g_strdup_printf("signed by %s; not by %s", signed_by->len ? signed_by->str : "none",
		not_by->len ? not_by->str : "none");
}

/* --- all signatures --- */

char *signatures_to_text(const Signatures *signatures)
{
	GString *text = g_string_new(NULL);

	if (signatures->detached && signatures->detached->len > 0)
		g_string_append(text, "  Detached signatures:\n");
	for (guint i = 0; signatures->detached && i < signatures->detached->len; i++) {
		const DetachedSignature *signature = signatures->detached->pdata[i];

		g_string_append_printf(text, "    - %s: %s%s%s\n",
			signature->key_id ? signature->key_id : signature->file,
			detached_verdict_word(signature->verdict), signature->reason ? ", " : "",
			signature->reason ? signature->reason : "");
	}
	return g_string_free(text, FALSE);
}

static json_t *signature_object(
	const char *place, const char *id, const char *verdict, const char *reason)
{
	json_t *object = json_object();

	json_object_set_new(object, "place", json_string(place));
	json_object_set_new(object, "key_id", id ? json_string(id) : json_null());
	json_object_set_new(object, "verdict", json_string(verdict));
	json_object_set_new(object, "reason", reason ? json_string(reason) : json_null());
	return object;
}

json_t *signatures_to_json(const Signatures *signatures)
{
	const ArtifactHeader *header = signatures->header;
	json_t *list = json_array();

	if (header->signature != ARTIFACT_UNSIGNED)
		json_array_append_new(list, signature_object("manifest.sig", header->signer_key_id,
						    inside_words[header->signature], NULL));
	for (guint i = 0; signatures->detached && i < signatures->detached->len; i++) {
		const DetachedSignature *signature = signatures->detached->pdata[i];

		json_array_append_new(list,
			signature_object(signature->file, signature->key_id,
				detached_verdict_word(signature->verdict), signature->reason));
	}
	return list;
}
