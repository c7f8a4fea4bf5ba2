/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *  - a link that was made is good until it expires, and not after
 *  - every field changed, every character of the signature changed, another secret: refused
 *  - a signature that is none; fields with line ends cannot stand for others */
#include <string.h>
#include "base/error.h"
#include "server/artifacts/links.h"

static const Link sample = { "tenant", "artifact", "device", "deployment", 1000 };
static const gint64 early_us = 999 * G_USEC_PER_SEC;

static Links *make_links(const char *secret)
{
	g_autoptr(GBytes) bytes = g_bytes_new(secret, strlen(secret));

	return links_new(bytes);
}

static char *signature_of(const Links *links, const Link *link)
{
	g_autofree char *text = links_make(links, link);

	return g_strdup(strstr(text, "signature=") + strlen("signature="));
}

static void assert_refused(
	const Links *links, const Link *link, const char *signature, gint64 now_us, const char *why)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(links_check(links, link, signature, now_us, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN);
	g_assert_cmpstr(error->message, ==, why);
}

static void test_life(void)
{
	g_autoptr(Links) links = make_links("secret");
	g_autoptr(GError) error = NULL;
	g_autofree char *signature = signature_of(links, &sample);
	g_autofree char *text = links_make(links, &sample);

	g_assert_true(
		g_str_has_prefix(text, "/api/devices/v1/deployments/download/artifact/"
				       "artifact?tenant=tenant&device=device&deployment=deployment"
				       "&expire=1000&signature="));
	g_assert_true(links_check(links, &sample, signature, early_us, &error));
	g_assert_no_error(error);
	assert_refused(links, &sample, signature, 1000 * G_USEC_PER_SEC, "link expired");
}

/* shows: B7 */
static void test_changed(void)
{
	static const Link others[] = {
		{ "tenant2", "artifact", "device", "deployment", 1000 },
		{ "tenant", "artifact2", "device", "deployment", 1000 },
		{ "tenant", "artifact", "device2", "deployment", 1000 },
		{ "tenant", "artifact", "", "deployment", 1000 },
		{ "tenant", "artifact", "device", "deployment2", 1000 },
		{ "tenant", "artifact", "device", "deployment", 1001 },
		{ "tenant\nartifact", "device", "deployment", "", 1000 },
		{ "tenant", NULL, "device", "deployment", 1000 },
	};
	g_autoptr(Links) links = make_links("secret");
	g_autoptr(Links) other_secret = make_links("secret2");
	g_autofree char *signature = signature_of(links, &sample);

	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		assert_refused(links, &others[i], signature, early_us, "signature invalid");
	assert_refused(other_secret, &sample, signature, early_us, "signature invalid");
	for (gsize i = 0; i < strlen(signature); i++) {
		g_autofree char *changed = g_strdup(signature);

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_refused(links, &sample, changed, early_us, "signature invalid");
	}
}

static void test_no_signature(void)
{
	static const char *const signatures[] = { NULL, "", "x", "AAAA", "!!!!" };
	g_autoptr(Links) links = make_links("secret");

	for (guint i = 0; i < G_N_ELEMENTS(signatures); i++)
		assert_refused(links, &sample, signatures[i], early_us, "signature invalid");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/links/life", test_life);
	g_test_add_func("/links/changed", test_changed);
	g_test_add_func("/links/no-signature", test_no_signature);
	return g_test_run();
}
