/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a signature that is written is read as good with its key, unchecked without, stale over
 * another manifest, bad where a byte of it changed; a second one of the same key wants to be told,
 * a stale one gives way; malformed files, wrong names, links, FIFOs and files that are too large
 * are named and never good; other names are ignored; too many are refused; no folder is no
 * signature. A signing request comes back as it was written, and what is no manifest, or has
 * another digest, is not signed. */
/* shows: I3-MS5 */
#include "artifact/detached.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/header-private.h"
#include "artifact/signing-request.h"
#include "base/error.h"
#include "base/file.h"

static const char manifest_text[] =
	"98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4  data/0000/f\n"
	"96bcd965947569404798bcbdb614f103db5a004eb6e364cfc162c146890ea35b  version\n";

typedef struct {
	char *root;
	char *folder;
	Key *key;
	GPtrArray *keys;
	GBytes *manifest;
	GBytes *other_manifest;
	GBytes *signature;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused)
{
	fixture->root = g_dir_make_tmp("rota-detached-XXXXXX", NULL);
	fixture->folder = g_build_filename(fixture->root, "a.mender.sig.d", NULL);
	fixture->key = key_generate(KEY_P256, 0, NULL);
	fixture->keys = g_ptr_array_new();
	g_ptr_array_add(fixture->keys, fixture->key);
	fixture->manifest = g_bytes_new_static(manifest_text, strlen(manifest_text));
	fixture->other_manifest = g_bytes_new_static("other", 5);
	fixture->signature =
		key_sign_manifest(fixture->key, manifest_text, strlen(manifest_text), NULL);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
	g_assert_true(file_remove_tree(fixture->root, NULL));
	g_free(fixture->root);
	g_free(fixture->folder);
	g_ptr_array_unref(fixture->keys);
	key_unref(fixture->key);
	g_bytes_unref(fixture->manifest);
	g_bytes_unref(fixture->other_manifest);
	g_bytes_unref(fixture->signature);
}

static char *write_it(Fixture *fixture, GBytes *manifest, gboolean replace, GError **error)
{
	return detached_write(
		fixture->folder, fixture->key, manifest, fixture->signature, replace, error);
}

/* The verdict on the only file in the folder. */
static DetachedVerdict verdict_of(Fixture *fixture, GBytes *manifest, const GPtrArray *keys)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) found = detached_read(fixture->folder, manifest, keys, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(found->len, ==, 1);
	return ((DetachedSignature *)found->pdata[0])->verdict;
}

static void test_verdicts(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GPtrArray) none =
		detached_read(fixture->folder, fixture->manifest, fixture->keys, NULL);
	g_autofree char *path = write_it(fixture, fixture->manifest, FALSE, NULL);
	g_autofree char *id = key_id(fixture->key);
	g_autofree char *name = g_strconcat(id, ".sig", NULL);
	g_autofree char *expected = g_build_filename(fixture->folder, name, NULL);
	struct stat status;

	g_assert_cmpuint(none->len, ==, 0);
	g_assert_cmpstr(path, ==, expected);
	g_assert_cmpint(stat(path, &status), ==, 0);
	g_assert_cmpint(status.st_mode & 07777, ==, 0644);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, fixture->keys), ==, DETACHED_GOOD);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, NULL), ==, DETACHED_UNCHECKED);
	g_assert_cmpint(
		verdict_of(fixture, fixture->other_manifest, fixture->keys), ==, DETACHED_STALE);
	g_assert_cmpint(verdict_of(fixture, fixture->other_manifest, NULL), ==, DETACHED_STALE);
}

/* What was signed is another manifest, but the file says it is this one. */
static void test_bad(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GBytes) wrong = key_sign_manifest(fixture->key, "other", 5, NULL);
	g_autofree char *path = detached_write(
		fixture->folder, fixture->key, fixture->manifest, wrong, FALSE, NULL);

	g_assert_nonnull(path);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, fixture->keys), ==, DETACHED_BAD);
}

static void test_again(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *first = write_it(fixture, fixture->manifest, FALSE, NULL);
	g_autofree char *second = write_it(fixture, fixture->manifest, FALSE, &error);
	g_autofree char *forced = write_it(fixture, fixture->manifest, TRUE, NULL);
	g_autofree char *of_other = write_it(fixture, fixture->other_manifest, FALSE, NULL);

	g_assert_null(second);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT);
	g_assert_cmpstr(first, ==, forced);
	g_assert_cmpstr(first, ==, of_other);
	g_assert_cmpint(
		verdict_of(fixture, fixture->other_manifest, fixture->keys), ==, DETACHED_BAD);
}

/* --- what may lie in the folder --- */

static void put(Fixture *fixture, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

	g_assert_true(file_make_folders(fixture->folder, 0755, NULL));
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

#define ID "733fc0849e952be60ff44aa7adf0bf865090eaec1616799661771dcae28c3bc0"
#define DOCUMENT(format, version, id, sum, signature)                                              \
	"{\"format\":\"" format "\",\"version\":" version ",\"key_id\":\"" id                      \
	"\",\"manifest_sha256\":\"" sum "\",\"signature\":\"" signature "\"}"

static void test_malformed(Fixture *fixture, gconstpointer unused)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ ID ".sig", "" },
		{ ID ".sig", "not JSON" },
		{ ID ".sig", "{}" },
		{ ID ".sig", "[]" },
		{ ID ".sig", DOCUMENT("other", "1", ID, ID, "AAAA") },
		{ ID ".sig", DOCUMENT("rota-signature", "2", ID, ID, "AAAA") },
		{ ID ".sig", DOCUMENT("rota-signature", "1", "../x", ID, "AAAA") },
		{ ID ".sig", DOCUMENT("rota-signature", "1", ID, "zz", "AAAA") },
		{ ID ".sig", DOCUMENT("rota-signature", "1", ID, ID, "AAAA") " x" },
		{ "x" ID ".sig", DOCUMENT("rota-signature", "1", ID, ID, "AAAA") },
		{ ID "x.sig", DOCUMENT("rota-signature", "1", ID, ID, "AAAA") },
		{ "\n\t\x1b[31m.sig", "{}" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(fixture->folder, files[i].name, NULL);

		put(fixture, files[i].name, files[i].text);
		g_assert_cmpint(verdict_of(fixture, fixture->manifest, fixture->keys), ==,
			DETACHED_MALFORMED);
		g_assert_cmpint(unlink(path), ==, 0);
	}
}

static void test_no_plain_files(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *path = g_build_filename(fixture->folder, ID ".sig", NULL);
	g_autofree char *large = g_strnfill(DETACHED_FILE_SIZE_MAX + 1, ' ');
	g_autofree char *good = NULL;

	g_assert_true(file_make_folders(fixture->folder, 0755, NULL));
	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, NULL), ==, DETACHED_MALFORMED);
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(symlink("/etc/passwd", path), ==, 0);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, NULL), ==, DETACHED_MALFORMED);
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(mkdir(path, 0700), ==, 0);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, NULL), ==, DETACHED_MALFORMED);
	g_assert_cmpint(rmdir(path), ==, 0);
	put(fixture, ID ".sig", large);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, NULL), ==, DETACHED_MALFORMED);
	g_assert_cmpint(unlink(path), ==, 0);
	put(fixture, "README", "hello");
	put(fixture, ID ".sig.AbCdEf", "half");
	put(fixture, ".hidden.sig", "x");
	good = write_it(fixture, fixture->manifest, FALSE, NULL);
	g_assert_cmpint(verdict_of(fixture, fixture->manifest, fixture->keys), ==, DETACHED_GOOD);
}

static void test_too_many(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) found = NULL;

	for (guint i = 0; i <= DETACHED_FILES_MAX; i++) {
		g_autofree char *name = g_strdup_printf("%u.sig", i);

		put(fixture, name, "{}");
	}
	found = detached_read(fixture->folder, fixture->manifest, NULL, &error);
	g_assert_null(found);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
}

/* --- signing requests --- */

static void test_request(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(ArtifactHeader) header = artifact_header_new();

	header->name = g_strdup("release \"1\"");
	header->manifest_bytes = g_bytes_ref(fixture->manifest);
	header->manifest_digest =
		g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, fixture->manifest);
	g_autofree char *text = signing_request_to_text(header);
	g_autoptr(SigningRequest) request = signing_request_parse(text, strlen(text), NULL);
	g_assert_nonnull(request);
	g_assert_cmpstr(request->artifact_name, ==, "release \"1\"");
	g_assert_cmpstr(request->manifest_sha256, ==, header->manifest_digest);
	g_assert_true(g_bytes_equal(request->manifest, fixture->manifest));
}

#define REQUEST(format, sum, manifest)                                                             \
	"{\"format\":\"" format                                                                    \
	"\",\"version\":1,\"artifact_name\":\"n\",\"manifest_sha256\":\"" sum                      \
	"\",\"manifest\":\"" manifest "\"}"

static void test_wrong_requests(Fixture *fixture, gconstpointer unused)
{
	static const char *const texts[] = {
		"",
		"{}",
		REQUEST("rota-signature", ID, "x"),
		REQUEST("rota-signing-request", ID, "x"),
		/* the digest is right, but what it is of is no manifest */
		REQUEST("rota-signing-request",
			"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "x"),
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(signing_request_parse(texts[i], strlen(texts[i]), &error));
		g_assert_nonnull(error);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*test)(Fixture *, gconstpointer);
	} tests[] = {
		{ "/artifact/detached/verdicts", test_verdicts },
		{ "/artifact/detached/bad", test_bad },
		{ "/artifact/detached/again", test_again },
		{ "/artifact/detached/malformed", test_malformed },
		{ "/artifact/detached/no-plain-files", test_no_plain_files },
		{ "/artifact/detached/too-many", test_too_many },
		{ "/artifact/signing-request/whole", test_request },
		{ "/artifact/signing-request/wrong", test_wrong_requests },
	};

	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}
