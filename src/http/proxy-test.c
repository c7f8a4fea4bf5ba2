/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: nothing set; lower and upper case; both at once; HTTP_PROXY beside REQUEST_METHOD; values
 * that are no proxy, and that no message repeats them; hosts with blanks and with commas; which
 * URLs are taken. */
#include "http/proxy.h"
#include "base/error.h"

static void test_nothing(void)
{
	const char *environment[] = { "PATH=/bin", "http_proxy=", NULL };
	g_auto(HttpProxies) proxies = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(http_proxies_read(environment, &proxies, &error));
	g_assert_no_error(error);
	g_assert_null(proxies.http);
	g_assert_null(proxies.https);
	g_assert_null(proxies.none);
}

static void test_spellings(void)
{
	const char *environment[] = { "HTTPS_PROXY=http://user:secret@proxy:3128",
		"http_proxy=https://other", "NO_PROXY= .a.example  b.example,c.example ", NULL };
	g_auto(HttpProxies) proxies = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(http_proxies_read(environment, &proxies, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(proxies.https, ==, "http://user:secret@proxy:3128");
	g_assert_cmpstr(proxies.http, ==, "https://other");
	g_assert_cmpstr(proxies.none, ==, ".a.example,b.example,c.example");
}

static void test_refused(void)
{
	const char *sets[][3] = {
		{ "http_proxy=http://a", "HTTP_PROXY=http://a", NULL },
		{ "no_proxy=a", "NO_PROXY=a", NULL },
		{ "HTTP_PROXY=http://a", "REQUEST_METHOD=GET", NULL },
		{ "https_proxy=secret", NULL, NULL },
		{ "https_proxy=socks5://secret", NULL, NULL },
		{ "http_proxy=http://", NULL, NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
		g_auto(HttpProxies) proxies = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(http_proxies_read(sets[i], &proxies, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
		g_assert_null(strstr(error->message, "secret"));
	}
}

static void test_urls(void)
{
	const struct {
		const char *url;
		int code; /* -1 = taken */
	} cases[] = {
		{ "https://server.example", -1 },
		{ "https://server.example:8443/a?b=c", -1 },
		{ "http://localhost:8080", -1 },
		{ "http://127.0.0.1", -1 },
		{ "http://127.9.9.9:1/x", -1 },
		{ "http://[::1]:8080/x", -1 },
		{ "http://server.example", ROTA_ERROR_FORBIDDEN },
		{ "http://10.0.0.1/", ROTA_ERROR_FORBIDDEN },
		{ "http://localhost.example/", ROTA_ERROR_FORBIDDEN },
		{ "http://127.0.0.1.example/", ROTA_ERROR_FORBIDDEN },
		{ "http://[::2]/", ROTA_ERROR_FORBIDDEN },
		{ "ftp://localhost/", ROTA_ERROR_FORBIDDEN },
		{ "file:///etc/passwd", ROTA_ERROR_INVALID },
		{ "https://user:secret@server.example/", ROTA_ERROR_INVALID },
		{ "https:///x", ROTA_ERROR_INVALID },
		{ "server.example", ROTA_ERROR_INVALID },
		{ "//server.example", ROTA_ERROR_INVALID },
		{ "", ROTA_ERROR_INVALID },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		gboolean taken = http_url_check(cases[i].url, &error);

		g_test_message("%s", cases[i].url);
		if (cases[i].code < 0) {
			g_assert_no_error(error);
			g_assert_true(taken);
		} else {
			g_assert_error(error, ROTA_ERROR, cases[i].code);
			g_assert_false(taken);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/http/proxy/nothing", test_nothing);
	g_test_add_func("/http/proxy/spellings", test_spellings);
	g_test_add_func("/http/proxy/refused", test_refused);
	g_test_add_func("/http/proxy/urls", test_urls);
	return g_test_run();
}
