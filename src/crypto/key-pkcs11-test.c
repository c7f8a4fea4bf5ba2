/* SPDX-License-Identifier: Apache-2.0 */
/* Against SoftHSM2, with keys that were made outside and imported, so that their halves are known.
 * Cases: RSA and P-256 keys in a token sign messages and manifests that the public half in a file
 * verifies, also from several threads at once; the public half is read without a PIN and is the
 * same key; the PIN comes from a file, from the URI, or from whoever is asked, once; a wrong PIN,
 * no PIN, a missing module, token or key, several tokens or keys, a token that is removed, and
 * texts that are no such URI are told apart, and no message holds a PIN; a key in a token is not
 * saved; a key that wants the PIN for every signature gets it, and a wrong one once. A step that
 * does not come back costs its deadline, and no other is begun. */
/* shows: I3-MS5 */
#include "crypto/key-pkcs11.h"
#include <string.h>
#include <gio/gio.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/pkcs11-private.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN "84217"

static const char message[] = "a message to sign";
static char *folder;
static char *pin_file;

static const struct {
	const char *label, *id;
	KeyKind kind;
} kinds[] = {
	{ "rsa", "01", KEY_RSA },
	{ "p256", "02", KEY_P256 },
};
static Key *originals[G_N_ELEMENTS(kinds)]; /* what was imported */

/* --- the token --- */

static gboolean have_softhsm(void)
{
	g_autofree char *program = g_find_program_in_path("softhsm2-util");

	return program != NULL && g_file_test(MODULE, G_FILE_TEST_EXISTS);
}

static void run_program(const char *program, ...)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *out = NULL, *err = NULL;
	va_list more;
	int status;

	va_start(more, program);
	for (const char *word = program; word != NULL; word = va_arg(more, const char *))
		g_ptr_array_add(words, (gpointer)(guintptr)word);
	va_end(more);
	g_ptr_array_add(words, NULL);
	g_spawn_sync(NULL, (char **)words->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
		&status, &error);
	g_assert_no_error(error);
	g_assert_true(g_spawn_check_wait_status(status, &error));
}

static void make_token(const char *label)
{
	run_program("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN,
		"--so-pin", "12345", NULL);
}

static void import_key(const char *token, const Key *key, const char *label, const char *id)
{
	g_autofree char *path = g_build_filename(folder, "import.pem", NULL);

	g_assert_true(key_save_private(key, path, NULL));
	run_program("softhsm2-util", "--import", path, "--token", token, "--label", label, "--id",
		id, "--pin", PIN, NULL);
}

static void set_up(void)
{
	g_autofree char *conf = NULL, *conf_path = NULL, *tokens = NULL;

	folder = g_dir_make_tmp("rota-hsm-XXXXXX", NULL);
	tokens = g_build_filename(folder, "tokens", NULL);
	conf_path = g_build_filename(folder, "softhsm2.conf", NULL);
	pin_file = g_build_filename(folder, "pin", NULL);
	conf = g_strdup_printf(
		"directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
		tokens);
	g_assert_true(file_make_folders(tokens, 0700, NULL));
	g_assert_true(file_write_atomic(conf_path, conf, strlen(conf), 0600, NULL));
	g_assert_true(file_write_atomic(pin_file, PIN "\n", strlen(PIN "\n"), 0600, NULL));
	g_assert_true(g_setenv("SOFTHSM2_CONF", conf_path, TRUE));
	make_token("build");
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		originals[i] = key_generate(kinds[i].kind, 2048, NULL);
		import_key("build", originals[i], kinds[i].label, kinds[i].id);
	}
}

static void tear_down(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		key_unref(originals[i]);
	g_assert_true(file_remove_tree(folder, NULL));
	g_free(folder);
	g_free(pin_file);
}

/* "pkcs11:PATH?module-path=...&QUERY" */
static char *uri_of(const char *path, const char *query)
{
	return g_strdup_printf("pkcs11:%s?module-path=%s%s%s", path, MODULE,
		query != NULL ? "&" : "", query != NULL ? query : "");
}

static Key *open_private(const char *path)
{
	g_autofree char *query = g_strdup_printf("pin-source=file:%s", pin_file);
	g_autofree char *uri = uri_of(path, query);
	g_autoptr(GError) error = NULL;
	Key *key = key_open_private_pkcs11(uri, NULL, &error);

	g_assert_no_error(error);
	return key;
}

/* --- good keys --- */

static void assert_same(const Key *one, const Key *two)
{
	g_autofree char *first = key_id(one), *second = key_id(two);

	g_assert_cmpstr(first, ==, second);
}

static void test_signs(gconstpointer index)
{
	guint i = GPOINTER_TO_UINT(index);
	g_autofree char *path = g_strdup_printf("token=build;object=%s", kinds[i].label);
	g_autofree char *uri = uri_of(path, NULL);
	g_autoptr(Key) key = open_private(path);
	g_autoptr(Key) public = key_open_public_pkcs11(uri, NULL, NULL);
	g_autoptr(GBytes) signature = key_sign_message(key, message, strlen(message), NULL);
	g_autoptr(GBytes) manifest = key_sign_manifest(key, message, strlen(message), NULL);

	assert_same(key, originals[i]);
	assert_same(public, originals[i]);
	g_assert_cmpint(key_kind(key), ==, kinds[i].kind);
	g_assert_true(key_verify_message(originals[i], message, strlen(message), signature, NULL));
	g_assert_true(key_verify_manifest(originals[i], message, strlen(message), manifest, NULL));
	g_assert_cmpuint(g_bytes_get_size(manifest), ==, kinds[i].kind == KEY_RSA ? 2048 / 8 : 64);
	g_assert_null(key_sign_message(public, message, strlen(message), NULL));
}

/* What TLS may ask for. */
static void test_schemes(void)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512" };

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *path = g_strdup_printf("token=build;object=%s", kinds[i].label);
		g_autoptr(Key) key = open_private(path);

		for (gsize j = 0; j < G_N_ELEMENTS(digests); j++)
			for (guint pss = 0; pss <= (kinds[i].kind == KEY_RSA); pss++) {
				KeyScheme scheme = { digests[j], pss };
				g_autoptr(GError) error = NULL;
				/* It is verified with the public half before it is handed out. */
				g_autoptr(GBytes) signature = key_sign_by_scheme(
					key, &scheme, message, strlen(message), &error);

				g_assert_no_error(error);
				g_assert_nonnull(signature);
			}
	}
}

static void test_ed25519(void)
{
	g_autoptr(Key) original = key_generate(KEY_ED25519, 0, NULL);
	g_autoptr(Key) key = NULL;
	g_autoptr(GBytes) signature = NULL;

	import_key("build", original, "ed25519", "03");
	key = open_private("token=build;object=ed25519");
	signature = key_sign_message(key, message, strlen(message), NULL);
	assert_same(key, original);
	g_assert_true(key_verify_message(original, message, strlen(message), signature, NULL));
}

/* Made in the token, found again by its name, and out of reach: what is not in memory cannot be
 * saved. Nothing is made over a key that is there. */
static void test_makes(void)
{
	static const struct {
		const char *path;
		KeyKind kind;
	} wishes[] = {
		{ "token=build;object=made-rsa", KEY_RSA },
		{ "token=build;object=made-p256;id=%07", KEY_P256 },
		{ "token=build;object=made-ed25519", KEY_ED25519 },
	};
	g_autofree char *query = g_strdup_printf("pin-source=file:%s", pin_file);

	for (gsize i = 0; i < G_N_ELEMENTS(wishes); i++) {
		g_autofree char *uri = uri_of(wishes[i].path, query);
		g_autofree char *path = g_build_filename(folder, "made.pem", NULL);
		g_autoptr(GError) error = NULL, twice = NULL;
		g_autoptr(Key) made = key_make_pkcs11(uri, wishes[i].kind, 2048, NULL, &error);
		g_autoptr(Key) found = NULL;

		g_assert_no_error(error);
		found = open_private(wishes[i].path);
		assert_same(made, found);
		g_assert_cmpint(key_kind(made), ==, wishes[i].kind);
		g_assert_null(key_make_pkcs11(uri, wishes[i].kind, 2048, NULL, &twice));
		g_assert_error(twice, ROTA_ERROR, ROTA_ERROR_CONFLICT);
		g_assert_false(key_save_private(made, path, NULL));
	}
}

static void test_unknown_scheme(void)
{
	g_autoptr(Key) key = open_private("token=build;object=p256");
	KeyScheme scheme = { .digest = "MD5" };
	g_autoptr(GError) error = NULL;

	g_assert_null(key_sign_by_scheme(key, &scheme, message, strlen(message), &error));
	g_assert_nonnull(error);
}

static gpointer sign_often(gpointer key)
{
	for (guint i = 0; i < 20; i++) {
		g_autofree char *text = g_strdup_printf("%p %u", (gpointer)g_thread_self(), i);
		g_autoptr(GBytes) signature = key_sign_message(key, text, strlen(text), NULL);

		g_assert_true(key_verify_message(key, text, strlen(text), signature, NULL));
	}
	return NULL;
}

static void test_threads(void)
{
	g_autoptr(Key) key = open_private("token=build;object=p256");
	GThread *threads[4];

	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("signer", sign_often, key);
	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
}

static void test_by_id(void)
{
	g_autoptr(Key) key = open_private("token=build;id=%02;type=private");

	assert_same(key, originals[1]);
}

static char *give_pin(const char *what, gpointer n_asked, GError **error)
{
	++*(int *)n_asked;
	return g_strdup(PIN);
}

static void test_ways_of_the_pin(void)
{
	int n_asked = 0;
	KeyLoading loading = { give_pin, &n_asked, FALSE };
	g_autofree char *bare = uri_of("token=build;object=rsa", NULL);
	g_autofree char *with_pin = uri_of("token=build;object=rsa", "pin-value=" PIN);
	g_autoptr(Key) asked = key_open_private_pkcs11(bare, &loading, NULL);
	g_autoptr(Key) told = key_open_private_pkcs11(with_pin, &loading, NULL);

	assert_same(asked, told);
	g_assert_cmpint(n_asked, ==, 1);
}

/* --- refusals --- */

static void assert_refused(const char *path, const char *query, int code, const char *words)
{
	g_autofree char *uri = uri_of(path, query);
	g_autoptr(GError) error = NULL;

	g_assert_null(key_open_private_pkcs11(uri, NULL, &error));
	g_assert_error(error, ROTA_ERROR, code);
	g_assert_nonnull(strstr(error->message, words));
	g_assert_null(strstr(error->message, "pin-value"));
	g_assert_null(strstr(error->message, "666666"));
}

static void test_refusals(void)
{
	static const char build[] = "token=build;object=rsa";

	assert_refused(build, "pin-value=666666", ROTA_ERROR_UNAUTHORIZED, "refuses the PIN");
	assert_refused(build, NULL, ROTA_ERROR_UNAUTHORIZED, "wants a PIN, and none was given");
	assert_refused(build, "pin-source=file:/nonexistent", ROTA_ERROR_NOT_FOUND, "/nonexistent");
	assert_refused(
		build, "pin-source=%7Cecho%20666666", ROTA_ERROR_UNSUPPORTED, "must be a file");
	assert_refused("token=other;object=rsa", "pin-value=" PIN, ROTA_ERROR_NOT_FOUND,
		"no token matches");
	assert_refused("token=build;object=none", "pin-value=" PIN, ROTA_ERROR_NOT_FOUND,
		"holds no such private key");
	assert_refused("token=build", "pin-value=" PIN, ROTA_ERROR_INVALID, "several keys");
}

static void test_not_uris(void)
{
	static const struct {
		const char *text;
		int code;
	} texts[] = {
		{ "", ROTA_ERROR_INVALID },
		{ "file:/key.pem", ROTA_ERROR_INVALID },
		{ "pkcs11:token=%zz", ROTA_ERROR_INVALID },
		{ "pkcs11:token=a;tokken=b", ROTA_ERROR_INVALID },
		{ "pkcs11:token=a?module-path=/nonexistent.so", ROTA_ERROR_NOT_FOUND },
		{ "pkcs11:token=a?module-name=nonexistent", ROTA_ERROR_NOT_FOUND },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(key_open_private_pkcs11(texts[i].text, NULL, &error));
		g_assert_error(error, ROTA_ERROR, texts[i].code);
	}
	g_assert_true(key_name_is_pkcs11("pkcs11:token=a"));
	g_assert_false(key_name_is_pkcs11("pkcs11.pem"));
}

static void test_not_saved(void)
{
	g_autoptr(Key) key = open_private("token=build;object=rsa");
	g_autofree char *path = g_build_filename(folder, "stolen.pem", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_false(key_save_private(key, path, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_several_tokens(void)
{
	make_token("second");
	assert_refused("object=rsa", "pin-value=" PIN, ROTA_ERROR_INVALID,
		"2 tokens match, and one must be named: ");
	g_autoptr(Key) key = open_private("token=build;object=rsa");
	assert_same(key, originals[0]);
}

/* In this process: SoftHSM does not see what others change. */
static void change_pin(const char *path, const char *pin)
{
	g_autofree char *text = uri_of(path, NULL);
	Pkcs11Session session = { .uri = p11_kit_uri_new() };
	guint8 before[] = PIN, after[32];

	g_strlcpy((char *)after, pin, sizeof after);
	g_assert_cmpint(p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, session.uri), ==, 0);
	g_assert_true(pkcs11_session_find_token(&session, TRUE, NULL));
	g_assert_cmpuint(session.token->C_OpenSession(session.slot,
				 CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session.session),
		==, CKR_OK);
	g_assert_cmpuint(
		session.token->C_SetPIN(session.session, before, strlen(PIN), after, strlen(pin)),
		==, CKR_OK);
	pkcs11_session_close(&session);
}

/* The PIN of the token is changed between two signatures. */
static void test_pin_for_each_signature(void)
{
	g_autofree char *program = g_find_program_in_path("pkcs11-tool");
	g_autoptr(GError) error = NULL;

	if (program == NULL) {
		g_test_skip("pkcs11-tool is not here");
		return;
	}
	make_token("careful");
	run_program(program, "--module", MODULE, "--token-label", "careful", "--login", "--pin",
		PIN, "--keypairgen", "--key-type", "EC:prime256v1", "--always-auth", "--label",
		"key", "--id", "04", NULL);
	g_autoptr(Key) key = open_private("token=careful;object=key");
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GBytes) signature =
			key_sign_message(key, message, strlen(message), &error);
		g_assert_no_error(error);
	}
	change_pin("token=careful", "97531");
	g_assert_null(key_sign_message(key, message, strlen(message), &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED);
	g_assert_null(strstr(error->message, "not told again"));
	g_clear_error(&error);
	g_assert_null(key_sign_message(key, message, strlen(message), &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED);
	g_assert_nonnull(strstr(error->message, "not told again"));
}

/* Last: the token is gone afterwards. */
static void test_removed(void)
{
	g_autoptr(Key) key = open_private("token=build;object=p256");
	g_autofree char *tokens = g_build_filename(folder, "tokens", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) signature = NULL;

	g_assert_true(file_remove_tree(tokens, NULL));
	signature = key_sign_message(key, message, strlen(message), &error);
	g_assert_null(signature);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE);
	g_clear_error(&error);
	assert_refused("token=build;object=p256", "pin-value=" PIN, ROTA_ERROR_NOT_FOUND,
		"no token matches");
}

/* --- the thread --- */

static gboolean sleep_long(gpointer data, GError **error)
{
	g_usleep(3 * G_USEC_PER_SEC);
	return TRUE;
}

static gboolean set_flag(gpointer data, GError **error)
{
	*(gboolean *)data = TRUE;
	return TRUE;
}

static void test_deadline(void)
{
	Pkcs11Thread *thread = pkcs11_thread_new();
	gint64 start = g_get_monotonic_time();
	gboolean ran = FALSE;
	g_autoptr(GError) error = NULL;

	g_assert_true(pkcs11_thread_run(thread, set_flag, &ran, 5, NULL));
	g_assert_true(ran);
	ran = FALSE;
	g_assert_false(pkcs11_thread_run(thread, sleep_long, NULL, 1, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT);
	g_assert_true(pkcs11_thread_is_stuck(thread));
	g_assert_false(pkcs11_thread_run(thread, set_flag, &ran, 60, NULL));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 3 * G_TIME_SPAN_SECOND);
	pkcs11_thread_free(thread); /* left behind */
	g_usleep(3 * G_USEC_PER_SEC);
	g_assert_false(ran);
}

int main(int argc, char **argv)
{
	gboolean softhsm = have_softhsm();
	int status;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/crypto/pkcs11/deadline", test_deadline);
	g_test_add_func("/crypto/pkcs11/not-uris", test_not_uris);
	if (softhsm) {
		set_up();
		for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
			g_autofree char *path =
				g_strdup_printf("/crypto/pkcs11/signs/%s", kinds[i].label);

			g_test_add_data_func(path, GUINT_TO_POINTER(i), test_signs);
		}
		g_test_add_func("/crypto/pkcs11/schemes", test_schemes);
		g_test_add_func("/crypto/pkcs11/unknown-scheme", test_unknown_scheme);
		g_test_add_func("/crypto/pkcs11/ed25519", test_ed25519);
		g_test_add_func("/crypto/pkcs11/makes", test_makes);
		g_test_add_func("/crypto/pkcs11/threads", test_threads);
		g_test_add_func("/crypto/pkcs11/by-id", test_by_id);
		g_test_add_func("/crypto/pkcs11/ways-of-the-pin", test_ways_of_the_pin);
		g_test_add_func("/crypto/pkcs11/refusals", test_refusals);
		g_test_add_func("/crypto/pkcs11/not-saved", test_not_saved);
		g_test_add_func("/crypto/pkcs11/several-tokens", test_several_tokens);
		g_test_add_func(
			"/crypto/pkcs11/pin-for-each-signature", test_pin_for_each_signature);
		g_test_add_func("/crypto/pkcs11/last/removed", test_removed);
	}
	status = g_test_run();
	if (softhsm)
		tear_down();
	return status;
}
