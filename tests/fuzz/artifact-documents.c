/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of a header, with a NUL between them: header-info, type-info and meta-data, then
 * the same three augmented. What is accepted keeps the rules that others build on. */
#include "artifact/header-info.h"
#include "artifact/header-private.h"
#include "artifact/names.h"
#include "artifact/provides.h"
#include "shared/target.h"

enum {
	INFO,
	TYPE_INFO,
	META_DATA,
	AUGMENT_INFO,
	AUGMENT_TYPE_INFO,
	AUGMENT_META_DATA,
	N_DOCUMENTS
};

typedef struct {
	GBytes *documents[N_DOCUMENTS]; /* NULL: the input ends before it */
	Place place;
	guint64 position;
} Input;

static void split(Input *input, const char *text, gsize size)
{
	for (guint i = 0; i < N_DOCUMENTS && size > 0; i++) {
		const char *nul = memchr(text, '\0', size);
		gsize length = nul ? (gsize)(nul - text) : size;

		input->documents[i] = g_bytes_new_static(text, length);
		text += length + (nul ? 1 : 0);
		size -= length + (nul ? 1 : 0);
	}
}

static gboolean parse_base(Input *input, ArtifactHeader *header, int version)
{
	GBytes **documents = input->documents;

	if (!documents[INFO] ||
		!header_info_parse(header, documents[INFO], version, &input->place, NULL))
		return FALSE;
	ArtifactPayload *payload = header->payloads->pdata[0];
	return documents[TYPE_INFO] &&
	       type_info_parse(header, payload, documents[TYPE_INFO], &input->place, NULL) &&
	       documents[META_DATA] &&
	       meta_data_parse(payload, documents[META_DATA], &input->place, NULL);
}

static void parse_augment(Input *input, ArtifactHeader *header)
{
	GBytes **documents = input->documents;
	ArtifactPayload *payload = header->payloads->pdata[0];
	g_auto(GStrv) types = NULL;

	if (!documents[AUGMENT_INFO] || !documents[AUGMENT_TYPE_INFO] ||
		!header_info_parse_augment(
			header, documents[AUGMENT_INFO], &types, &input->place, NULL))
		return;
	const char *type = types[0] && *types[0] ? types[0] : NULL;
	if (augment_parse(
		    header, payload, type, documents[AUGMENT_TYPE_INFO], &input->place, NULL) &&
		documents[AUGMENT_META_DATA])
		(void)!augment_meta_data_parse(
			payload, documents[AUGMENT_META_DATA], &input->place, NULL);
}

static void check(const ArtifactHeader *header)
{
	g_autoptr(GHashTable) stored = artifact_provides_new();
	g_autoptr(GHashTable) depends = artifact_header_depends(header);

	g_assert_true(text_is_printable(header->name, ARTIFACT_NAME_SIZE_MAX));
	g_assert_nonnull(header->device_types);
	g_assert_cmpuint(header->payloads->len, >=, 1);
	g_assert_cmpuint(header->payloads->len, <=, ARTIFACT_PAYLOADS_MAX);
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = header->payloads->pdata[i];

		g_assert_true(!payload->type || name_is_payload_type(payload->type));
	}
	g_hash_table_insert(stored, g_strdup("artifact_name"), g_strdup("before"));
	g_autoptr(GHashTable) after = artifact_provides_after(header, stored);
	g_assert_cmpstr(g_hash_table_lookup(after, "artifact_name"), ==, header->name);
	(void)artifact_depends_met(depends, after, NULL);
}

static void parse_all(Input *input, int version)
{
	g_autoptr(ArtifactHeader) header = artifact_header_new();

	header->version = version;
	if (!parse_base(input, header, version))
		return;
	check(header);
	if (version == 3)
		parse_augment(input, header);
	check(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input input = { .position = 0 };

	place_init(&input.place, &input.position, NULL);
	place_enter(&input.place, "header.tar", 0, size);
	split(&input, (const char *)data, size);
	parse_all(&input, 3);
	parse_all(&input, 2);
	if (input.documents[INFO]) {
		g_auto(GStrv) files = file_list_parse(input.documents[INFO], &input.place, NULL);

		(void)files;
	}
	for (guint i = 0; i < N_DOCUMENTS; i++)
		g_clear_pointer(&input.documents[i], g_bytes_unref);
	place_clear(&input.place);
	return 0;
}
