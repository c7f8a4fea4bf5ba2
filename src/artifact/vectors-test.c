/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of tests/vectors, made by the field's own tools:
 *   valid      each is accepted, with every fact of its index
 *   hostile    each is refused by the rule and for the reason of its index, within 2 s, at an
 * offset inside the member the refusal names; the members are found by a tar walk of our own
 *   mutations  a thousand random changes of valid ones: refused, or nothing that is said changed
 *   truncated  cut at every byte offset: always refused */
#include <gio/gio.h>
#include <jansson.h>
#include <string.h>
#include "artifact/header-json.h"
#include "artifact/reader.h"
#include "base/json.h"

enum { MUTATIONS = 1000, REFUSAL_TIME_MAX_US = 2 * G_USEC_PER_SEC };

static json_t *load_index(const char *folder)
{
	g_autofree char *path = g_strdup_printf("%s/%s/index.json", ROTA_VECTORS, folder);
	json_error_t reason;
	json_t *index = json_load_file(path, JSON_ALLOW_NUL, &reason);

	if (!index)
		g_error("%s: %s", path, reason.text);
	return index;
}

static GBytes *load_file(const char *folder, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s/%s", ROTA_VECTORS, folder, name);
	char *data;
	gsize size;

	g_assert_true(g_file_get_contents(path, &data, &size, NULL));
	return g_bytes_new_take(data, size);
}

static GPtrArray *load_keys(const char *folder, const json_t *vector)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_unref);
	const char *name = json_string_value(json_object_get(vector, "key"));

	if (name) {
		g_autofree char *path = g_strdup_printf("%s/%s/%s", ROTA_VECTORS, folder, name);
		g_autoptr(GError) error = NULL;
		Key *key = key_load_public(path, NULL, &error);

		g_assert_no_error(error);
		g_ptr_array_add(keys, key);
	}
	return keys;
}

/* --- what was read, as JSON in the shape of the index --- */

static json_t *meta_data_to_json(const json_t *meta_data)
{
	return meta_data ? json_deep_copy(meta_data) : json_object();
}

static json_t *payload_to_json(const ArtifactPayload *payload)
{
	json_t *object = json_object();

	json_object_set_new(
		object, "type", payload->type ? json_string(payload->type) : json_null());
	json_object_set_new(object, "provides", artifact_provides_to_json(payload->provides));
	json_object_set_new(object, "depends", artifact_depends_to_json(payload->depends));
	json_object_set_new(object, "clears_provides",
		payload->clears_provides ? artifact_texts_to_json(payload->clears_provides)
					 : json_null());
	json_object_set_new(object, "meta_data", meta_data_to_json(payload->meta_data));
	json_object_set_new(object, "files", json_array());
	if (!payload->augmented_provides)
		return object;
	json_t *augment = json_object();
	json_object_set_new(augment, "type", json_string(payload->augmented_type));
	json_object_set_new(
		augment, "provides", artifact_provides_to_json(payload->augmented_provides));
	json_object_set_new(
		augment, "depends", artifact_depends_to_json(payload->augmented_depends));
	json_object_set_new(augment, "meta_data", meta_data_to_json(payload->augmented_meta_data));
	json_object_set_new(object, "augment", augment);
	return object;
}

static json_t *header_to_json(const ArtifactHeader *header)
{
	json_t *object = json_object();
	json_t *scripts = json_array(), *payloads = json_array();

	for (guint i = 0; i < header->scripts->len; i++) {
		const ArtifactScript *script = header->scripts->pdata[i];
		json_array_append_new(scripts, artifact_script_to_json(script));
	}
	for (guint i = 0; i < header->payloads->len; i++)
		json_array_append_new(payloads, payload_to_json(header->payloads->pdata[i]));
	json_object_set_new(object, "name", json_string(header->name));
	json_object_set_new(object, "group", json_string(header->group ? header->group : ""));
	json_object_set_new(
		object, "compatible_types", artifact_texts_to_json(header->device_types));
	json_object_set_new(
		object, "depends_artifact_names", artifact_texts_to_json(header->depends_names));
	json_object_set_new(
		object, "depends_groups", artifact_texts_to_json(header->depends_groups));
	json_object_set_new(object, "scripts", scripts);
	json_object_set_new(object, "payloads", payloads);
	return object;
}

static gboolean add_file(
	ArtifactReader *reader, const ArtifactFile *file, json_t *payloads, GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint64 size = 0;
	guint8 buffer[1000];
	gssize got;
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(file->name));
	json_object_set_new(object, "augmented", json_boolean(file->augmented));
	json_array_append_new(
		json_object_get(json_array_get(payloads, file->payload), "files"), object);
	while ((got = artifact_reader_read(reader, buffer, sizeof buffer, error)) > 0) {
		g_checksum_update(sum, buffer, got);
		size += (guint64)got;
	}
	json_object_set_new(object, "size", json_integer((json_int_t)size));
	json_object_set_new(object, "sha256", json_string(g_checksum_get_string(sum)));
	return got == 0;
}

/* All that an artifact says, scripts' contents included as sums; NULL where it is refused. */
static json_t *read_facts(GBytes *bytes, GPtrArray *keys, ArtifactRefusal *refusal,
	ArtifactSignature *ret_signature, GError **error)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
	ArtifactPolicy policy = { .keys = keys };
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, refusal, error);
	const ArtifactFile *file;

	if (!reader)
		return NULL;
	const ArtifactHeader *header = artifact_reader_header(reader);
	g_autoptr(json_t) facts = header_to_json(header);
	*ret_signature = header->signature;
	for (;;) {
		if (!artifact_reader_next_file(reader, &file, error))
			return NULL;
		if (!file)
			break;
		if (!add_file(reader, file, json_object_get(facts, "payloads"), error))
			return NULL;
	}
	return artifact_reader_finish(reader, error) ? g_steal_pointer(&facts) : NULL;
}

/* The index gives the values of base and augment apart; the reader lays one over the other. */
static void lay_augment_over(json_t *payload)
{
	static const char *const keys[] = { "provides", "depends", "meta_data" };
	json_t *augment = json_object_get(payload, "augment");

	for (gsize i = 0; augment && i < G_N_ELEMENTS(keys); i++)
		json_object_update(
			json_object_get(payload, keys[i]), json_object_get(augment, keys[i]));
}

static json_t *expected_facts(const json_t *vector)
{
	json_t *facts = json_deep_copy(json_object_get(vector, "read"));
	json_t *payload, *file;
	gsize i, k;

	json_array_foreach (json_object_get(facts, "payloads"), i, payload) {
		lay_augment_over(payload);
		json_array_foreach (json_object_get(payload, "files"), k, file)
			json_object_del(file, "mode"); /* has no sum and must not be used */
	}
	return facts;
}

static void assert_same_facts(const char *name, const json_t *found, const json_t *expected)
{
	g_autofree char *found_text = json_to_canonical_text(found);
	g_autofree char *expected_text = json_to_canonical_text(expected);

	if (!g_str_equal(found_text, expected_text))
		g_error("%s:\nread     %s\nexpected %s", name, found_text, expected_text);
}

/* shows: MS3 */
static void test_valid(void)
{
	g_autoptr(json_t) index = load_index("artifacts");
	json_t *vector;
	gsize i;

	json_array_foreach (json_object_get(index, "artifacts"), i, vector) {
		const char *name = json_string_value(json_object_get(vector, "file"));
		g_autoptr(GBytes) bytes = load_file("artifacts", name);
		g_autoptr(GPtrArray) keys = load_keys("artifacts", vector);
		g_autoptr(json_t) expected = expected_facts(vector);
		g_autoptr(GError) error = NULL;
		ArtifactSignature signature;
		g_autoptr(json_t) facts = read_facts(bytes, keys, NULL, &signature, &error);

		if (!facts)
			g_error("%s: %s", name, error->message);
		assert_same_facts(name, facts, expected);
		g_assert_cmpint(signature, ==,
			json_is_true(json_object_get(vector, "signed")) ? ARTIFACT_SIGNED_GOOD
									: ARTIFACT_UNSIGNED);
	}
	g_assert_cmpuint(i, ==, 46);
}

/* --- hostile --- */

typedef struct {
	char *name;
	guint64 start, end;
} Member;

static void member_clear(gpointer data)
{
	g_free(((Member *)data)->name);
}

/* Octal, or in GNU's base 256 when it is large; a negative one covers nothing. */
static guint64 declared_size(const char *field)
{
	guint64 size;

	if (((guint8)field[0] & 0x80) == 0)
		return g_ascii_strtoull(field, NULL, 8);
	memcpy(&size, field + 4, sizeof size);
	return (guint8)field[0] == 0x80 ? GUINT64_FROM_BE(size) : 0;
}

/* A tar walk of its own, as simple as can be; a record that renames belongs to the entry after it.
 */
static GArray *walk_members(GBytes *bytes)
{
	GArray *members = g_array_new(FALSE, TRUE, sizeof(Member));
	gsize size, offset = 0, start = 0;
	const char *data = g_bytes_get_data(bytes, &size);

	g_array_set_clear_func(members, member_clear);
	while (offset + 512 <= size && data[offset] != '\0') {
		guint64 body = declared_size(data + offset + 124);
		Member member = { g_strndup(data + offset, 100), start, 0 };
		char type = data[offset + 156];

		offset += 512 + (body + 511) / 512 * 512;
		member.end = offset;
		if (type == 'L' || type == 'x') {
			g_free(member.name);
			continue;
		}
		start = offset;
		g_array_append_val(members, member);
	}
	Member rest = { g_strdup("the end of the archive"), start, MAX(size, start) + 1 };
	g_array_append_val(members, rest);
	return members;
}

/* "header.tar.gz/header-info" lies in "header.tar.gz"; "entry 3" is the third, whatever its name.
 */
static const Member *find_member(GArray *members, const char *shown, guint64 offset)
{
	guint number;

	if (sscanf(shown, "entry %u", &number) == 1 && number <= members->len)
		return &g_array_index(members, Member, number - 1);
	for (guint i = 0; i < members->len; i++) {
		const Member *member = &g_array_index(members, Member, i);
		gsize length = strlen(member->name);

		if (strncmp(shown, member->name, length) == 0 &&
			(shown[length] == '/' || shown[length] == '\0') && offset < member->end)
			return member;
	}
	return NULL;
}

static void assert_offset_inside(const char *name, GBytes *bytes, const ArtifactRefusal *refusal)
{
	g_autoptr(GArray) members = walk_members(bytes);
	const Member *member = find_member(members, refusal->member, refusal->offset);

	if (!member)
		g_error("%s: there is no member %s", name, refusal->member);
	if (refusal->offset < member->start || refusal->offset >= member->end)
		g_error("%s: offset %" G_GUINT64_FORMAT " lies outside %s, %" G_GUINT64_FORMAT
			" to %" G_GUINT64_FORMAT,
			name, refusal->offset, member->name, member->start, member->end);
}

static void assert_refused(const char *name, GBytes *bytes, GPtrArray *keys, const json_t *vector)
{
	const char *class = json_string_value(json_object_get(vector, "error_class"));
	int rule = atoi(json_string_value(json_object_get(vector, "rule")) + 1);
	gint64 started_us = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;
	ArtifactRefusal refusal;
	ArtifactSignature signature;
	g_autoptr(json_t) facts = read_facts(bytes, keys, &refusal, &signature, &error);

	if (facts)
		g_error("%s was accepted", name);
	g_assert_cmpint(g_get_monotonic_time() - started_us, <, REFUSAL_TIME_MAX_US);
	if (refusal.rule != rule || strcmp(artifact_error_name(refusal.error), class) != 0)
		g_error("%s: refused by %s, the index says R%d %s", name, error->message, rule,
			class);
	g_assert_error(error, ARTIFACT_ERROR, (int)refusal.error);
	g_assert_nonnull(strstr(error->message, refusal.member));
	assert_offset_inside(name, bytes, &refusal);
}

/* shows: MS3 */
static void test_hostile(void)
{
	g_autoptr(json_t) index = load_index("hostile");
	json_t *vector;
	gsize i;

	json_array_foreach (json_object_get(index, "artifacts"), i, vector) {
		const char *name = json_string_value(json_object_get(vector, "file"));
		g_autoptr(GBytes) bytes = load_file("hostile", name);
		g_autoptr(GPtrArray) keys = load_keys("hostile", vector);

		assert_refused(name, bytes, keys, vector);
	}
	g_assert_cmpuint(i, ==, 99);
}

/* shows: MS3 */
static void test_control(void)
{
	g_autoptr(GBytes) bytes = load_file("hostile", "control-valid.mender");
	g_autoptr(GPtrArray) no_keys = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	ArtifactSignature signature;
	g_autoptr(json_t) facts = read_facts(bytes, no_keys, NULL, &signature, &error);

	g_assert_no_error(error);
	g_assert_nonnull(facts);
}

/* --- mutations --- */

static void flip_bit(GByteArray *bytes)
{
	bytes->data[g_test_rand_int_range(0, (gint)bytes->len)] ^=
		(guint8)(1 << g_test_rand_int_range(0, 8));
}

static void set_byte(GByteArray *bytes)
{
	bytes->data[g_test_rand_int_range(0, (gint)bytes->len)] =
		(guint8)g_test_rand_int_range(0, 256);
}

static void remove_run(GByteArray *bytes)
{
	guint start = (guint)g_test_rand_int_range(0, (gint)bytes->len);
	guint length = (guint)g_test_rand_int_range(1, 1024);

	g_byte_array_remove_range(bytes, start, MIN(length, bytes->len - start));
}

static void repeat_block(GByteArray *bytes)
{
	guint block = (guint)g_test_rand_int_range(0, (gint)bytes->len / 512) * 512;
	g_autofree guint8 *tail = g_memdup2(bytes->data + block, bytes->len - block);
	guint tail_size = bytes->len - block;

	g_byte_array_set_size(bytes, block + 512);
	g_byte_array_append(bytes, tail, tail_size);
}

static void swap_blocks(GByteArray *bytes)
{
	guint8 *a = bytes->data + g_test_rand_int_range(0, (gint)bytes->len / 512) * 512;
	guint8 *b = bytes->data + g_test_rand_int_range(0, (gint)bytes->len / 512) * 512;
	guint8 kept[512];

	memcpy(kept, a, 512);
	memmove(a, b, 512);
	memcpy(b, kept, 512);
}

/* Changes a byte of a tar header and makes its sum right again: what lies deeper is reached. */
static void change_header(GByteArray *bytes)
{
	guint8 *block = bytes->data + g_test_rand_int_range(0, (gint)bytes->len / 512) * 512;
	guint sum = 0;

	block[g_test_rand_int_range(0, 345)] = (guint8)g_test_rand_int_range(0, 256);
	memset(block + 148, ' ', 8);
	for (guint i = 0; i < 512; i++)
		sum += block[i];
	g_snprintf((char *)block + 148, 7, "%06o", sum);
}

static void (*const mutations[])(GByteArray *) = {
	flip_bit,
	set_byte,
	remove_run,
	repeat_block,
	swap_blocks,
	change_header,
};

/* shows: MS3 */
static void test_mutations(void)
{
	g_autoptr(json_t) index = load_index("artifacts");
	json_t *vectors = json_object_get(index, "artifacts");
	g_autoptr(GPtrArray) no_keys = g_ptr_array_new();
	guint n_accepted = 0;

	for (guint i = 0; i < MUTATIONS; i++) {
		gint which = g_test_rand_int_range(0, (gint)json_array_size(vectors));
		json_t *vector = json_array_get(vectors, (gsize)which);
		const char *name = json_string_value(json_object_get(vector, "file"));
		g_autoptr(GBytes) bytes = load_file("artifacts", name);
		g_autoptr(GByteArray) changed = g_byte_array_new();
		ArtifactSignature signature;

		g_byte_array_append(
			changed, g_bytes_get_data(bytes, NULL), (guint)g_bytes_get_size(bytes));
		mutations[i % G_N_ELEMENTS(mutations)](changed);
		g_autoptr(GBytes) mutant = g_bytes_new(changed->data, changed->len);
		gint64 started_us = g_get_monotonic_time();
		g_autoptr(json_t) facts = read_facts(mutant, no_keys, NULL, &signature, NULL);
		g_assert_cmpint(g_get_monotonic_time() - started_us, <, REFUSAL_TIME_MAX_US);
		if (!facts)
			continue;
		n_accepted++;
		g_autoptr(json_t) expected = expected_facts(vector);
		assert_same_facts(name, facts, expected);
	}
	g_test_message("%u of %d mutants changed nothing that is said and were accepted",
		n_accepted, MUTATIONS);
}

/* shows: MS3 */
static void test_truncated(void)
{
	static const char *const names[] = {
		"bootstrap.mender",
		"signed-zstd-p256.mender",
		"rootfs-v2-legacy.mender",
		"aug-none-signed-p256.mender",
	};
	g_autoptr(GPtrArray) no_keys = g_ptr_array_new();

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GBytes) bytes = load_file("artifacts", names[i]);

		for (gsize size = 0; size < g_bytes_get_size(bytes); size++) {
			g_autoptr(GBytes) cut = g_bytes_new_from_bytes(bytes, 0, size);
			ArtifactSignature signature;
			ArtifactRefusal refusal;
			g_autoptr(json_t) facts =
				read_facts(cut, no_keys, &refusal, &signature, NULL);

			g_assert_null(facts);
			g_assert_cmpuint(refusal.offset, <=, size);
			g_assert_cmpint(refusal.rule, ==, size == 0 ? 1 : 2);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vectors/valid", test_valid);
	g_test_add_func("/vectors/hostile", test_hostile);
	g_test_add_func("/vectors/control", test_control);
	g_test_add_func("/vectors/mutations", test_mutations);
	g_test_add_func("/vectors/truncated", test_truncated);
	return g_test_run();
}
