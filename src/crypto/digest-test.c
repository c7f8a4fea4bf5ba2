/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: published sums, whole and in pieces, also after a reset; the HMAC of RFC 4231 case 2;
 * random tokens differ and are text that fits into a URL. */
#include "crypto/digest.h"
#include <string.h>
#include "base/encode.h"

static const char abc_sum[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void test_sha256(void)
{
	g_autoptr(Sha256) sum = sha256_new();
	g_autofree char *whole = sha256_hex_of("abc", 3);
	g_autofree char *pieces = NULL;
	g_autofree char *again = NULL;

	sha256_update(sum, "a", 1);
	sha256_update(sum, "bc", 2);
	pieces = sha256_finish_hex(sum);
	sha256_reset(sum);
	sha256_update(sum, "abc", 3);
	again = sha256_finish_hex(sum);
	g_assert_cmpstr(whole, ==, abc_sum);
	g_assert_cmpstr(pieces, ==, abc_sum);
	g_assert_cmpstr(again, ==, abc_sum);
}

static void test_hmac(void)
{
	static const char text[] = "what do ya want for nothing?";
	g_autoptr(GBytes) key = g_bytes_new_static("Jefe", 4);
	guint8 digest[SHA256_SIZE];
	g_autofree char *hex = NULL;

	hmac_sha256(key, text, strlen(text), digest);
	hex = hex_encode(digest, sizeof digest);
	g_assert_cmpstr(
		hex, ==, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_random(void)
{
	g_autofree char *one = random_token(32);
	g_autofree char *two = random_token(32);

	g_assert_cmpuint(strlen(one), ==, 43);
	g_assert_cmpstr(one, !=, two);
	g_assert_true(g_regex_match_simple("^[A-Za-z0-9_-]+$", one, 0, 0));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/crypto/digest/sha256", test_sha256);
	g_test_add_func("/crypto/digest/hmac", test_hmac);
	g_test_add_func("/crypto/digest/random", test_random);
	return g_test_run();
}
