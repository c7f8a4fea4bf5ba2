/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *   device     says what it was made with, and is no user's
 *   bound      is good over its certificate alone; one that is not bound, over any
 *   user       says what it was made with, and is no device's; with and without an end
 *   tenant     names its tenant and is neither a device's nor a user's
 *   foreign    another server's tokens, changed ones and remains are refused
 *   key        is made once, with mode 0600, and kept */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "server/auth/tokens.h"

#define CERTIFICATE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_CERTIFICATE "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static Tokens *make_tokens(void)
{
	g_autoptr(Key) key = key_generate(KEY_ED25519, 0, NULL);

	return tokens_new(key);
}

static gint64 now_s(void)
{
	return clock_now_us() / G_USEC_PER_SEC;
}

static void test_device(void)
{
	g_autoptr(Tokens) tokens = make_tokens();
	DeviceToken token = { "device-1", "set-1", "tenant-1", 42, now_s(), NULL };
	g_autofree char *text = tokens_make_device(tokens, &token, NULL);
	g_auto(TokenFacts) facts = { 0 };

	g_assert_true(tokens_verify(tokens, text, strlen(text), &facts, NULL));
	g_assert_true(token_facts_fit(&facts, NULL) && token_facts_fit(&facts, CERTIFICATE));
	g_assert_true(facts.is_device && !facts.is_user && !facts.is_tenant);
	g_assert_cmpstr(facts.subject, ==, "device-1");
	g_assert_cmpstr(facts.id, ==, "set-1");
	g_assert_cmpstr(facts.tenant, ==, "tenant-1");
	g_assert_cmpuint(facts.epoch, ==, 42);
	g_assert_cmpint(facts.expires_s, ==, token.now_s + TOKEN_LIFE_S);
}

/* shows: C4 */
static void test_bound(void)
{
	g_autoptr(Tokens) tokens = make_tokens();
	DeviceToken token = { "device-1", "set-1", "tenant-1", 42, now_s(), CERTIFICATE };
	g_autofree char *text = tokens_make_device(tokens, &token, NULL);
	g_auto(TokenFacts) facts = { 0 };

	g_assert_true(tokens_verify(tokens, text, strlen(text), &facts, NULL));
	g_assert_true(token_facts_fit(&facts, CERTIFICATE));
	g_assert_false(token_facts_fit(&facts, OTHER_CERTIFICATE));
	g_assert_false(token_facts_fit(&facts, NULL));
}

static void test_user(void)
{
	g_autoptr(Tokens) tokens = make_tokens();
	UserToken token = { "id-1", "user-1", "tenant-1", now_s(), 0 };
	g_autofree char *endless = tokens_make_user(tokens, &token, NULL);
	g_auto(TokenFacts) facts = { 0 };
	g_autofree char *late = NULL;

	g_assert_true(tokens_verify(tokens, endless, strlen(endless), &facts, NULL));
	g_assert_true(facts.is_user && !facts.is_device && facts.expires_s == 0);
	token.expires_s = now_s() - 1;
	late = tokens_make_user(tokens, &token, NULL);
	token_facts_clear(&facts);
	g_assert_false(tokens_verify(tokens, late, strlen(late), &facts, NULL));
}

static void test_tenant(void)
{
	g_autoptr(Tokens) tokens = make_tokens();
	g_autofree char *text = tokens_make_tenant(tokens, "tenant-1", NULL);
	g_auto(TokenFacts) facts = { 0 };

	g_assert_true(tokens_verify(tokens, text, strlen(text), &facts, NULL));
	g_assert_true(facts.is_tenant && !facts.is_device && !facts.is_user);
	g_assert_cmpstr(facts.subject, ==, "tenant-1");
}

static void assert_refused(Tokens *tokens, const char *text)
{
	g_auto(TokenFacts) facts = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(tokens_verify(tokens, text, strlen(text), &facts, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED);
}

static void test_foreign(void)
{
	g_autoptr(Tokens) tokens = make_tokens();
	g_autoptr(Tokens) others = make_tokens();
	DeviceToken token = { "device-1", "set-1", "tenant-1", 1, now_s(), NULL };
	g_autofree char *foreign = tokens_make_device(others, &token, NULL);
	g_autofree char *own = tokens_make_device(tokens, &token, NULL);

	assert_refused(tokens, foreign);
	assert_refused(tokens, "");
	assert_refused(tokens, "..");
	for (gsize i = 0; i < strlen(own); i += 13) {
		g_autofree char *changed = g_strdup(own);

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_refused(tokens, changed);
		changed[i] = '\0';
		assert_refused(tokens, changed);
	}
}

static void test_key(void)
{
	g_autofree char *folder = g_dir_make_tmp("rota-tokens-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "token.key", NULL);
	g_autoptr(Tokens) first = tokens_open(folder, NULL);
	g_autoptr(Tokens) second = tokens_open(folder, NULL);
	g_autofree char *text = tokens_make_tenant(first, "t", NULL);
	g_auto(TokenFacts) facts = { 0 };
	struct stat stat_facts;

	g_assert_true(tokens_verify(second, text, strlen(text), &facts, NULL));
	g_assert_cmpint(stat(path, &stat_facts), ==, 0);
	g_assert_cmpuint(stat_facts.st_mode & 07777, ==, 0600);
	g_assert_true(g_file_set_contents(path, "no key", -1, NULL));
	g_assert_null(tokens_open(folder, NULL));
	g_assert_true(file_remove_tree(folder, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server/auth/tokens/device", test_device);
	g_test_add_func("/server/auth/tokens/bound", test_bound);
	g_test_add_func("/server/auth/tokens/user", test_user);
	g_test_add_func("/server/auth/tokens/tenant", test_tenant);
	g_test_add_func("/server/auth/tokens/foreign", test_foreign);
	g_test_add_func("/server/auth/tokens/key", test_key);
	return g_test_run();
}
