/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: each kind of key is made, saved with mode 0600, loaded, and signs what its public half
 * verifies; a changed message, signature or key does not verify; P-256 manifests are 64 bytes and
 * are read as DER too; keys that may not sign artifacts are refused; the public text is always the
 * same; what is no key is named; every form of a private key is loaded, encrypted or not, and with
 * a wrong passphrase, without one, or without anybody to ask the error says so; a wrong file is
 * named as what it is; RSA below 2048 bits only where weak keys are allowed. */
/* shows: T8 I3-MS5 */
#include "crypto/key.h"
#include <string.h>
#include <sys/stat.h>
#include <openssl/pem.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/key-private.h"

static const struct {
	const char *name;
	KeyKind kind;
	gboolean signs_artifacts;
} kinds[] = {
	{ "rsa", KEY_RSA, TRUE },
	{ "p256", KEY_P256, TRUE },
	{ "ed25519", KEY_ED25519, FALSE },
};

static const char message[] = "a message to sign";

static Key *public_half(const Key *key)
{
	g_autofree char *pem = key_public_pem(key);

	return key_parse_public(pem, strlen(pem), NULL);
}

static GBytes *flip_bit(GBytes *bytes)
{
	gsize size;
	guint8 *data = g_memdup2(g_bytes_get_data(bytes, &size), g_bytes_get_size(bytes));

	data[size / 2] ^= 4;
	return g_bytes_new_take(data, size);
}

static void test_messages(gconstpointer index)
{
	g_autoptr(Key) key = key_generate(kinds[GPOINTER_TO_UINT(index)].kind, 2048, NULL);
	g_autoptr(Key) other = key_generate(kinds[GPOINTER_TO_UINT(index)].kind, 2048, NULL);
	g_autoptr(Key) verifier = public_half(key);
	g_autoptr(GBytes) signature = key_sign_message(key, message, strlen(message), NULL);
	g_autoptr(GBytes) flipped = flip_bit(signature);
	g_autoptr(GBytes) empty = g_bytes_new(NULL, 0);
	g_autoptr(GError) error = NULL;

	g_assert_true(key_verify_message(verifier, message, strlen(message), signature, NULL));
	g_assert_false(
		key_verify_message(verifier, message, strlen(message) - 1, signature, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED);
	g_assert_false(key_verify_message(verifier, message, strlen(message), flipped, NULL));
	g_assert_false(key_verify_message(verifier, message, strlen(message), empty, NULL));
	g_assert_false(key_verify_message(other, message, strlen(message), signature, NULL));
	g_assert_null(key_sign_message(verifier, message, strlen(message), NULL));
}

static void test_manifests(gconstpointer index)
{
	guint i = GPOINTER_TO_UINT(index);
	g_autoptr(Key) key = key_generate(kinds[i].kind, 2048, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) signature = key_sign_manifest(key, message, strlen(message), &error);
	g_autoptr(GBytes) flipped = NULL;

	if (!kinds[i].signs_artifacts) {
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
		return;
	}
	flipped = flip_bit(signature);
	g_assert_true(key_verify_manifest(key, message, strlen(message), signature, NULL));
	g_assert_false(key_verify_manifest(key, message, strlen(message), flipped, NULL));
	g_assert_false(key_verify_manifest(key, message, 3, signature, NULL));
}

static void test_p256_forms(void)
{
	g_autoptr(Key) key = key_generate(KEY_P256, 0, NULL);
	g_autoptr(GBytes) raw = key_sign_manifest(key, message, strlen(message), NULL);
	g_autoptr(GBytes) der = key_sign_message(key, message, strlen(message), NULL);
	g_autoptr(GBytes) zeros = g_bytes_new_take(g_malloc0(64), 64);
	g_autoptr(GBytes) cut = g_bytes_new_from_bytes(raw, 0, 63);

	g_assert_cmpuint(g_bytes_get_size(raw), ==, 64);
	g_assert_true(key_verify_manifest(key, message, strlen(message), der, NULL));
	g_assert_false(key_verify_manifest(key, message, strlen(message), zeros, NULL));
	g_assert_false(key_verify_manifest(key, message, strlen(message), cut, NULL));
}

static void test_save_and_load(gconstpointer index)
{
	g_autoptr(Key) key = key_generate(kinds[GPOINTER_TO_UINT(index)].kind, 2048, NULL);
	g_autofree char *folder = g_dir_make_tmp("rota-key-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "key.pem", NULL);
	g_autoptr(Key) loaded = NULL;
	g_autofree char *one = NULL, *two = NULL;
	struct stat facts;

	g_assert_true(key_save_private(key, path, NULL));
	g_assert_cmpint(stat(path, &facts), ==, 0);
	g_assert_cmpint(facts.st_mode & 07777, ==, 0600);
	loaded = key_load_private(path, NULL, NULL);
	g_assert_nonnull(loaded);
	one = key_id(key);
	two = key_id(loaded);
	g_assert_cmpstr(one, ==, two);
	g_assert_true(file_remove_tree(folder, NULL));
}

static void test_not_keys(void)
{
	static const char *const texts[] = { "", "hello",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(key_parse_public(texts[i], strlen(texts[i]), &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	}
}

/* --- the forms of a private key --- */

static const struct {
	const char *name;
	KeyKind kind;
	gboolean traditional; /* PKCS#1 or SEC1 instead of PKCS#8 */
	gboolean encrypted;
} forms[] = {
	{ "rsa-pkcs8", KEY_RSA, FALSE, FALSE },
	{ "rsa-pkcs8-encrypted", KEY_RSA, FALSE, TRUE },
	{ "rsa-pkcs1", KEY_RSA, TRUE, FALSE },
	{ "rsa-pkcs1-encrypted", KEY_RSA, TRUE, TRUE },
	{ "p256-pkcs8", KEY_P256, FALSE, FALSE },
	{ "p256-pkcs8-encrypted", KEY_P256, FALSE, TRUE },
	{ "p256-sec1", KEY_P256, TRUE, FALSE },
	{ "p256-sec1-encrypted", KEY_P256, TRUE, TRUE },
};

static const char passphrase[] = "open sesame";

static char *give(const char *what, gpointer secret, GError **error)
{
	if (secret == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "nobody knows it");
	return g_strdup(secret);
}

/* A file in a folder of its own, gone at the end of the scope. */
typedef struct {
	char *folder;
	char *path;
} TestFile;

static void test_file_clear(TestFile *file)
{
	g_assert_true(file_remove_tree(file->folder, NULL));
	g_free(file->folder);
	g_free(file->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TestFile, test_file_clear)

static TestFile test_file_new(const char *text, gsize size)
{
	TestFile file = { .folder = g_dir_make_tmp("rota-key-XXXXXX", NULL) };

	file.path = g_build_filename(file.folder, "key.pem", NULL);
	g_assert_true(file_write_atomic(file.path, text, size, 0600, NULL));
	return file;
}

static TestFile write_form(const Key *key, gboolean traditional, gboolean encrypted)
{
	BIO *memory = BIO_new(BIO_s_mem());
	const EVP_CIPHER *cipher = encrypted ? EVP_aes_256_cbc() : NULL;
	const unsigned char *secret = encrypted ? (const unsigned char *)passphrase : NULL;
	int length = encrypted ? (int)strlen(passphrase) : 0;
	char *text;
	long size;
	TestFile file;

	if (traditional)
		g_assert_cmpint(PEM_write_bio_PrivateKey_traditional(
					memory, key->pkey, cipher, secret, length, NULL, NULL),
			==, 1);
	else
		g_assert_cmpint(PEM_write_bio_PKCS8PrivateKey(memory, key->pkey, cipher,
					(const char *)secret, length, NULL, NULL),
			==, 1);
	size = BIO_get_mem_data(memory, &text);
	file = test_file_new(text, (gsize)size);
	BIO_free(memory);
	return file;
}

static void assert_refused(const char *path, const char *secret, int code, const char *words)
{
	KeyLoading loading = { give, (gpointer)(guintptr)secret, FALSE };
	g_autoptr(GError) error = NULL;

	g_assert_null(key_load_private(path, &loading, &error));
	g_assert_error(error, ROTA_ERROR, code);
	g_assert_nonnull(strstr(error->message, words));
	g_assert_nonnull(strstr(error->message, path));
}

static void test_form(gconstpointer index)
{
	guint i = GPOINTER_TO_UINT(index);
	g_autoptr(Key) key = key_generate(forms[i].kind, 2048, NULL);
	g_auto(TestFile) file = write_form(key, forms[i].traditional, forms[i].encrypted);
	KeyLoading loading = { give, (gpointer)(guintptr)passphrase, FALSE };
	g_autoptr(Key) loaded = key_load_private(file.path, &loading, NULL);
	g_autofree char *one = key_id(key), *two = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(loaded);
	two = key_id(loaded);
	g_assert_cmpstr(one, ==, two);
	if (!forms[i].encrypted)
		return;
	assert_refused(file.path, "close sesame", ROTA_ERROR_UNAUTHORIZED, "wrong passphrase");
	assert_refused(file.path, "", ROTA_ERROR_UNAUTHORIZED, "wrong passphrase");
	assert_refused(file.path, NULL, ROTA_ERROR_UNAUTHORIZED, "nobody knows it");
	g_assert_null(key_load_private(file.path, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED);
	g_assert_nonnull(strstr(error->message, "no passphrase was given"));
}

static void test_wrong_files(void)
{
	static const struct {
		const char *text, *words;
	} files[] = {
		{ "", "holds no private key in PEM" },
		{ "hello", "holds no private key in PEM" },
		{ "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
			"holds a public key, where a private key is needed" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
			"holds a certificate" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "OpenSSH" },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
			"cannot be decoded" },
		{ "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n",
			"holds no private key in PEM" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_auto(TestFile) file = test_file_new(files[i].text, strlen(files[i].text));

		assert_refused(file.path, passphrase, ROTA_ERROR_INVALID, files[i].words);
	}
	assert_refused("/nonexistent/key.pem", NULL, ROTA_ERROR_NOT_FOUND, "No such file");
}

static void test_private_given_as_public(void)
{
	g_autoptr(Key) key = key_generate(KEY_P256, 0, NULL);
	g_auto(TestFile) file = write_form(key, FALSE, FALSE);
	g_autoptr(GError) error = NULL;

	g_assert_null(key_load_public(file.path, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "holds a private key, where a public key"));
}

static void test_weak(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	g_autoptr(Key) key = key_new(pkey, TRUE, TRUE, NULL);
	g_auto(TestFile) file = write_form(key, FALSE, FALSE);
	KeyLoading loading = { .allow_weak = TRUE };
	g_autoptr(Key) loaded = key_load_private(file.path, &loading, NULL);

	g_assert_nonnull(loaded);
	assert_refused(file.path, NULL, ROTA_ERROR_INVALID, "2048 to 16384 bits, not 1024");
}

static void test_kinds_of_artifacts(void)
{
	static const char p384[] = "P-384";
	g_autoptr(Key) key = key_new(EVP_PKEY_Q_keygen(NULL, NULL, "EC", p384), TRUE, FALSE, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_false(key_check_signs_artifacts(key, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
	g_assert_nonnull(strstr(error->message, "EC on secp384r1"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *messages =
			g_strdup_printf("/crypto/key/%s/messages", kinds[i].name);
		g_autofree char *manifests =
			g_strdup_printf("/crypto/key/%s/manifests", kinds[i].name);
		g_autofree char *save =
			g_strdup_printf("/crypto/key/%s/save-and-load", kinds[i].name);

		g_test_add_data_func(messages, GUINT_TO_POINTER(i), test_messages);
		g_test_add_data_func(manifests, GUINT_TO_POINTER(i), test_manifests);
		g_test_add_data_func(save, GUINT_TO_POINTER(i), test_save_and_load);
	}
	for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
		g_autofree char *path = g_strdup_printf("/crypto/key/form/%s", forms[i].name);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_form);
	}
	g_test_add_func("/crypto/key/wrong-files", test_wrong_files);
	g_test_add_func("/crypto/key/private-as-public", test_private_given_as_public);
	g_test_add_func("/crypto/key/weak", test_weak);
	g_test_add_func("/crypto/key/kinds-of-artifacts", test_kinds_of_artifacts);
	g_test_add_func("/crypto/key/p256-forms", test_p256_forms);
	g_test_add_func("/crypto/key/not-keys", test_not_keys);
	return g_test_run();
}
