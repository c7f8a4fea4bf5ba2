/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a token leads back to its claims; another key, a changed part, another algorithm, "none",
 * an expired or not yet valid token, too long or misshapen text are refused. */
#include "crypto/token.h"
#include <string.h>
#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/json.h"

static json_t *claims_with_times(gint64 not_before_s, gint64 expires_s)
{
	gint64 now_s = clock_now_us() / G_USEC_PER_SEC;

	return json_pack("{s:s,s:I,s:I}", "sub", "device", "nbf",
		(json_int_t)(now_s + not_before_s), "exp", (json_int_t)(now_s + expires_s));
}

static gboolean is_refused(const Key *key, const char *token)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) claims = token_verify(key, token, strlen(token), &error);

	g_assert_true((claims == NULL) == (error != NULL));
	return g_error_matches(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED);
}

static void test_leads_back(void)
{
	g_autoptr(Key) key = key_generate(KEY_ED25519, 0, NULL);
	g_autoptr(Key) other = key_generate(KEY_ED25519, 0, NULL);
	g_autoptr(json_t) claims = claims_with_times(-1, 60);
	g_autofree char *token = token_sign(key, claims, NULL);
	g_autoptr(json_t) back = token_verify(key, token, strlen(token), NULL);

	g_assert_true(json_equal(claims, back));
	g_assert_true(is_refused(other, token));
	for (gsize i = 0; token[i] != '\0'; i++) {
		g_autofree char *changed = g_strdup(token);

		changed[i] = token[i] == 'A' ? 'B' : 'A';
		g_assert_true(is_refused(key, changed));
	}
}

static void test_times(void)
{
	static const struct {
		gint64 not_before_s, expires_s;
	} bad[] = { { -10, -1 }, { -10, 0 }, { 60, 120 } };
	g_autoptr(Key) key = key_generate(KEY_ED25519, 0, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(json_t) claims = claims_with_times(bad[i].not_before_s, bad[i].expires_s);
		g_autofree char *token = token_sign(key, claims, NULL);

		g_assert_true(is_refused(key, token));
	}
}

/* A rightly signed token whose header asks for something else. */
static void test_other_algorithms(void)
{
	static const char *const headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"HS256\"}", "{}",
		"{\"alg\":\"EdDSA\",\"crit\":[\"x\"]}", "[]", "x" };
	g_autoptr(Key) key = key_generate(KEY_ED25519, 0, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(headers); i++) {
		g_autofree char *header =
			base64url_encode((const guint8 *)headers[i], strlen(headers[i]));
		g_autofree char *body = base64url_encode((const guint8 *)"{}", 2);
		g_autofree char *part = g_strdup_printf("%s.%s", header, body);
		g_autoptr(GBytes) signature = key_sign_message(key, part, strlen(part), NULL);
		g_autofree char *text = base64url_encode(
			g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
		g_autofree char *token = g_strdup_printf("%s.%s", part, text);

		g_assert_true(is_refused(key, token));
	}
}

static void test_misshapen(void)
{
	static const char *const bad[] = { "", ".", "..", "...", "a.b", "a.b.c",
		"eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.." };
	g_autoptr(Key) key = key_generate(KEY_ED25519, 0, NULL);
	g_autofree char *longer = g_strnfill(TOKEN_SIZE_MAX + 1, '.');

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_true(is_refused(key, bad[i]));
	g_assert_true(is_refused(key, longer));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/crypto/token/leads-back", test_leads_back);
	g_test_add_func("/crypto/token/times", test_times);
	g_test_add_func("/crypto/token/other-algorithms", test_other_algorithms);
	g_test_add_func("/crypto/token/misshapen", test_misshapen);
	return g_test_run();
}
