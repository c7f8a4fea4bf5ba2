/* SPDX-License-Identifier: Apache-2.0 */
/* Changed copies of the field's artifacts, read again whole:
 *
 * nothing      documents and payload of every vector are the same
 * name         changed everywhere it stands, in an augmented part as well; the payload archive
 * stays to the byte facts        group, depends, provides, clears, meta-data, scripts compression
 * every one into every one payload      a file replaced: its sum, its size, the checksum in
 * provides; the others stay signature    gone, or new and good refusals     what the format has no
 * place for, and what breaks a rule */
#include "artifact/rewrite.h"
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "artifact/reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"

/* What an artifact says, and the sums of its files. */
typedef struct {
	ArtifactHeader *header;
	GPtrArray *files; /* of char *: "name sum" */
} Seen;

static void seen_clear(Seen *seen)
{
	g_clear_pointer(&seen->header, artifact_header_free);
	g_clear_pointer(&seen->files, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Seen, seen_clear)

static int open_vector(const char *name)
{
	g_autofree char *path = g_strconcat(ROTA_VECTORS "/artifacts/", name, ".mender", NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	return fd;
}

static void see(int fd, Key *key, Seen *seen)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	ArtifactPolicy policy = { .keys = keys };
	g_autoptr(GError) error = NULL;
	const ArtifactFile *file;

	if (key)
		g_ptr_array_add(keys, key);
	seen->files = g_ptr_array_new_with_free_func(g_free);
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	g_autoptr(GInputStream) in = g_unix_input_stream_new(fd, FALSE);
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, NULL, &error);
	g_assert_no_error(error);
	while (artifact_reader_next_file(reader, &file, &error) && file)
		g_ptr_array_add(seen->files, g_strdup_printf("%s %s", file->name, file->sha256));
	g_assert_no_error(error);
	(void)!artifact_reader_finish(reader, &error);
	g_assert_no_error(error);
	seen->header = artifact_reader_steal_header(reader);
}

static int rewrite(int in_fd, const ArtifactChange *change, const Key *key)
{
	int out_fd = memfd_create("copy", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;

	(void)!artifact_rewrite(in_fd, change, key, out_fd, &error);
	g_assert_no_error(error);
	return out_fd;
}

static void assert_same_files(const Seen *a, const Seen *b)
{
	g_assert_cmpuint(a->files->len, ==, b->files->len);
	for (guint i = 0; i < a->files->len; i++)
		g_assert_cmpstr(a->files->pdata[i], ==, b->files->pdata[i]);
}

static const ArtifactPayload *payload_of(const Seen *seen)
{
	return seen->header->payloads->pdata[0];
}

/* --- cases --- */

static void test_nothing(void)
{
	g_autoptr(GDir) dir = g_dir_open(ROTA_VECTORS "/artifacts", 0, NULL);
	const char *file;
	guint n_vectors = 0;

	while ((file = g_dir_read_name(dir))) {
		if (!g_str_has_suffix(file, ".mender"))
			continue;
		g_autofree char *name = g_strndup(file, strlen(file) - strlen(".mender"));
		const ArtifactChange change = { .payload_fd = -1 };
		g_auto(Seen) before = { 0 };
		g_auto(Seen) after = { 0 };
		autofd int in_fd = open_vector(name);

		see(in_fd, NULL, &before);
		if (before.header->payloads->len != 1)
			continue;
		autofd int out_fd = rewrite(in_fd, &change, NULL);
		see(out_fd, NULL, &after);
		assert_same_files(&before, &after);
		g_assert_true(g_bytes_equal(
			before.header->header_info_bytes, after.header->header_info_bytes));
		g_assert_true(g_bytes_equal(
			payload_of(&before)->type_info_bytes, payload_of(&after)->type_info_bytes));
		g_assert_true(g_bytes_equal(
			payload_of(&before)->meta_data_bytes, payload_of(&after)->meta_data_bytes));
		g_assert_cmpuint(before.header->scripts->len, ==, after.header->scripts->len);
		g_assert_cmpint(before.header->augmented, ==, after.header->augmented);
		g_assert_cmpint(before.header->compression, ==, after.header->compression);
		g_assert_cmpint(after.header->signature, ==, ARTIFACT_UNSIGNED);
		n_vectors++;
	}
	g_assert_cmpuint(n_vectors, >, 20);
}

static void test_name(void)
{
	static const char *const names[] = { "aug-gzip", "comp-zstd_best", "comp-lzma", "bootstrap",
		"files-seven" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		const ArtifactChange change = { .name = "renamed", .payload_fd = -1 };
		g_auto(Seen) before = { 0 };
		g_auto(Seen) after = { 0 };
		autofd int in_fd = open_vector(names[i]);
		autofd int out_fd = rewrite(in_fd, &change, NULL);

		see(in_fd, NULL, &before);
		see(out_fd, NULL, &after);
		assert_same_files(&before, &after);
		g_assert_cmpstr(after.header->name, ==, "renamed");
		g_assert_cmpint(before.header->augmented, ==, after.header->augmented);
	}
}

static void test_facts(void)
{
	g_auto(GStrv) names = g_strsplit("a b", " ", -1);
	g_auto(GStrv) groups = g_strsplit("g1", " ", -1);
	g_auto(GStrv) added = g_strsplit("x.*", " ", -1);
	g_auto(GStrv) removed = g_strsplit("rootfs-image.raw.*", " ", -1);
	g_autoptr(GHashTable) provides = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) depends = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(json_t) meta_data = json_pack("{s:i}", "n", 1);
	const ArtifactChange change = {
		.group = "group",
		.depends_names = names,
		.depends_groups = groups,
		.provides = provides,
		.depends = depends,
		.clears_added = added,
		.clears_removed = removed,
		.meta_data = meta_data,
		.payload_fd = -1,
	};
	g_auto(Seen) after = { 0 };

	g_hash_table_insert(provides, (gpointer)(guintptr) "k", (gpointer)(guintptr) "v");
	g_hash_table_insert(depends, (gpointer)(guintptr) "d", names);
	autofd int in_fd = open_vector("comp-gzip");
	autofd int out_fd = rewrite(in_fd, &change, NULL);
	see(out_fd, NULL, &after);
	const ArtifactPayload *payload = payload_of(&after);
	g_assert_cmpstr(after.header->group, ==, "group");
	g_assert_cmpstr(after.header->depends_names[1], ==, "b");
	g_assert_cmpstr(after.header->depends_groups[0], ==, "g1");
	g_assert_cmpuint(g_hash_table_size(payload->provides), ==, 1);
	g_assert_cmpstr(g_hash_table_lookup(payload->provides, "k"), ==, "v");
	char **values = g_hash_table_lookup(payload->depends, "d");
	g_assert_cmpstr(values[1], ==, "b");
	g_assert_true(g_strv_contains((const char *const *)payload->clears_provides, "x.*"));
	g_assert_false(g_strv_contains(
		(const char *const *)payload->clears_provides, "rootfs-image.raw.*"));
	g_assert_true(json_equal(payload->meta_data, meta_data));
}

static void test_compression(void)
{
	static const char *const names[] = { "comp-none", "comp-gzip", "comp-lzma",
		"comp-zstd_fast" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		for (guint kind = 0; kind <= ARTIFACT_COMPRESSION_ZSTD; kind++) {
			const CompressChoice choice = { kind, 0 };
			const ArtifactChange change = { .compression = &choice, .payload_fd = -1 };
			g_auto(Seen) before = { 0 };
			g_auto(Seen) after = { 0 };
			autofd int in_fd = open_vector(names[i]);
			autofd int out_fd = rewrite(in_fd, &change, NULL);

			see(in_fd, NULL, &before);
			see(out_fd, NULL, &after);
			assert_same_files(&before, &after);
			g_assert_cmpint(after.header->compression, ==, kind);
		}
}

static void test_payload(void)
{
	const gsize size = 700001;
	g_autofree guint8 *bytes = g_malloc(size);
	autofd int payload_fd = memfd_create("payload", MFD_CLOEXEC);
	g_auto(Seen) before = { 0 };
	g_auto(Seen) after = { 0 };

	for (gsize i = 0; i < size; i++)
		bytes[i] = (guint8)(i * i >> 7);
	g_assert_true(file_write_all(payload_fd, bytes, size, NULL));
	g_autofree char *sum = sha256_hex_of(bytes, size);
	autofd int in_fd = open_vector("files-seven");
	see(in_fd, NULL, &before);
	g_auto(GStrv) first = g_strsplit(before.files->pdata[0], " ", 2);
	const ArtifactChange change = { .payload_name = first[0], .payload_fd = payload_fd };
	autofd int out_fd = rewrite(in_fd, &change, NULL);
	see(out_fd, NULL, &after);
	g_autofree char *expected = g_strdup_printf("%s %s", first[0], sum);
	g_assert_cmpstr(after.files->pdata[0], ==, expected);
	g_assert_cmpuint(after.files->len, ==, before.files->len);
	for (guint i = 1; i < after.files->len; i++)
		g_assert_cmpstr(after.files->pdata[i], ==, before.files->pdata[i]);
}

static void test_signature(void)
{
	const ArtifactChange change = { .payload_fd = -1 };
	g_autoptr(Key) key = key_generate(KEY_P256, 0, NULL);
	autofd int in_fd = open_vector("signed-p256");
	autofd int unsigned_fd = rewrite(in_fd, &change, NULL);
	autofd int signed_fd = rewrite(in_fd, &change, key);
	g_auto(Seen) without = { 0 };
	g_auto(Seen) with = { 0 };

	see(unsigned_fd, NULL, &without);
	see(signed_fd, key, &with);
	g_assert_cmpint(without.header->signature, ==, ARTIFACT_UNSIGNED);
	g_assert_cmpint(with.header->signature, ==, ARTIFACT_SIGNED_GOOD);
}

static void assert_refused(const ArtifactChange *change, GQuark domain, int code)
{
	autofd int in_fd = open_vector("comp-gzip");
	autofd int out_fd = memfd_create("copy", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;

	g_assert_false(artifact_rewrite(in_fd, change, NULL, out_fd, &error));
	g_assert_error(error, domain, code);
}

static void test_refusals(void)
{
	g_autofree char *long_name = g_strnfill(300, 'n');
	g_autoptr(json_t) list = json_array();
	char *scripts[] = { (char *)(guintptr) "/no-script", NULL };
	char *missing[] = { (char *)(guintptr) "/nowhere/ArtifactInstall_Enter_00", NULL };

	assert_refused(
		&(ArtifactChange){ .name = "", .payload_fd = -1 }, ROTA_ERROR, ROTA_ERROR_INVALID);
	assert_refused(&(ArtifactChange){ .name = "two words", .payload_fd = -1 }, ROTA_ERROR,
		ROTA_ERROR_INVALID);
	assert_refused(&(ArtifactChange){ .name = long_name, .payload_fd = -1 }, ARTIFACT_ERROR,
		ARTIFACT_ERROR_SCHEMA);
	assert_refused(&(ArtifactChange){ .meta_data = list, .payload_fd = -1 }, ROTA_ERROR,
		ROTA_ERROR_INVALID);
	assert_refused(&(ArtifactChange){ .script_paths = scripts, .payload_fd = -1 }, ROTA_ERROR,
		ROTA_ERROR_INVALID);
	assert_refused(&(ArtifactChange){ .script_paths = missing, .payload_fd = -1 }, ROTA_ERROR,
		ROTA_ERROR_NOT_FOUND);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rewrite/nothing", test_nothing);
	g_test_add_func("/rewrite/name", test_name);
	g_test_add_func("/rewrite/facts", test_facts);
	g_test_add_func("/rewrite/compression", test_compression);
	g_test_add_func("/rewrite/payload", test_payload);
	g_test_add_func("/rewrite/signature", test_signature);
	g_test_add_func("/rewrite/refusals", test_refusals);
	return g_test_run();
}
