/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: hex and both base64 forms lead back to the bytes; what is not exactly right is refused:
 * wrong length, white space, foreign letters, padding in odd places, bits left over; secrets
 * compare. */
#include "base/encode.h"
#include <string.h>
#include "base/error.h"

static void test_hex(void)
{
	static const guint8 bytes[] = { 0x00, 0x7f, 0xff };
	guint8 back[3];
	g_autofree char *text = hex_encode(bytes, sizeof bytes);

	g_assert_cmpstr(text, ==, "007fff");
	g_assert_true(hex_decode(text, 6, back, 3));
	g_assert_cmpmem(back, 3, bytes, 3);
	g_assert_false(hex_decode("007fff", 6, back, 2));
	g_assert_false(hex_decode("007FFF", 6, back, 3));
	g_assert_false(hex_decode("00 fff", 6, back, 3));
	g_assert_false(hex_decode("00\0fff", 6, back, 3));
}

static void test_base64_leads_back(void)
{
	guint8 bytes[64];

	for (gsize size = 0; size <= sizeof bytes; size++) {
		g_autofree char *standard = NULL, *url = NULL;
		g_autoptr(GBytes) one = NULL, two = NULL;

		for (gsize i = 0; i < size; i++)
			bytes[i] = (guint8)(255 - 7 * i * size);
		standard = g_base64_encode(bytes, size);
		url = base64url_encode(bytes, size);
		one = base64_decode_strict(standard, strlen(standard), NULL);
		two = base64url_decode(url, strlen(url), NULL);
		g_assert_cmpmem(g_bytes_get_data(one, NULL), g_bytes_get_size(one), bytes, size);
		g_assert_cmpmem(g_bytes_get_data(two, NULL), g_bytes_get_size(two), bytes, size);
		g_assert_null(strpbrk(url, "+/="));
	}
}

static void test_base64_refused(void)
{
	static const char *const bad[] = { "Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n",
		" Zm9v", "Zm 9v", "Zg==Zg==", "Zm9-", "=m9v" };

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GBytes) bytes = base64_decode_strict(bad[i], strlen(bad[i]), &error);

		g_assert_null(bytes);
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	}
	g_assert_null(base64url_decode("Zg==", 4, NULL));
	g_assert_null(base64url_decode("Zm9+", 4, NULL));
	g_assert_null(base64url_decode("Z", 1, NULL));
}

static void test_secret_equal(void)
{
	g_assert_true(secret_equal("abc", "abc", 3));
	g_assert_false(secret_equal("abc", "abd", 3));
	g_assert_true(secret_equal("abc", "abd", 2));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/encode/hex", test_hex);
	g_test_add_func("/base/encode/base64", test_base64_leads_back);
	g_test_add_func("/base/encode/base64-refused", test_base64_refused);
	g_test_add_func("/base/encode/secret-equal", test_secret_equal);
	return g_test_run();
}
