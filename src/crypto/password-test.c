/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a password matches its own hash only; two hashes of one password differ; the text names
 * Argon2id; what is no hash matches nothing. */
#include "crypto/password.h"

static void test_password(void)
{
	g_autofree char *one = password_hash("correct horse", NULL);
	g_autofree char *two = password_hash("correct horse", NULL);

	g_assert_true(g_str_has_prefix(one, "$argon2id$"));
	g_assert_cmpstr(one, !=, two);
	g_assert_true(password_matches(one, "correct horse"));
	g_assert_false(password_matches(one, "correct hors"));
	g_assert_false(password_matches("", "correct horse"));
	g_assert_false(password_matches("$argon2id$v=19$", "correct horse"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/crypto/password/match", test_password);
	return g_test_run();
}
