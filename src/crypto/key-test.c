/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: each kind of key is made, saved with mode 0600, loaded, and signs what its public half
 * verifies; a changed message, signature or key does not verify; P-256 manifests are 64 bytes and
 * are read as DER too; keys that may not sign artifacts are refused; the public text is always the
 * same; what is no key is named. */
/* shows: T8 */
#include "crypto/key.h"
#include <string.h>
#include <sys/stat.h>
#include "base/error.h"
#include "base/file.h"

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
	g_test_add_func("/crypto/key/p256-forms", test_p256_forms);
	g_test_add_func("/crypto/key/not-keys", test_not_keys);
	return g_test_run();
}
