/* SPDX-License-Identifier: Apache-2.0 */
#include "http/proxy.h"
#include <gio/gio.h>
#include <string.h>
#include "base/error.h"

enum { URL_MAX = 8192 };

/* As g_environ_getenv(), which takes no const. */
static const char *get_variable(const char *const *environment, const char *name)
{
	return g_environ_getenv((char **)(guintptr)environment, name);
}

/* One of two spellings; an empty value counts as unset. */
static gboolean read_variable(const char *const *environment, const char *lower, const char *upper,
	char **ret_value, GError **error)
{
	const char *small = get_variable(environment, lower);
	const char *large = get_variable(environment, upper);

	small = small != NULL && *small != '\0' ? small : NULL;
	large = large != NULL && *large != '\0' ? large : NULL;
	if (small != NULL && large != NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s and %s are both set: unset one", lower, upper);
		return FALSE;
	}
	*ret_value = g_strdup(small != NULL ? small : large);
	return TRUE;
}

/* The value may hold a password, so no message repeats it. */
static gboolean check_proxy(const char *name, const char *value, GError **error)
{
	g_autoptr(GUri) uri = NULL;

	if (value == NULL)
		return TRUE;
	uri = g_uri_parse(value, G_URI_FLAGS_HAS_PASSWORD, NULL);
	if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0' ||
		(strcmp(g_uri_get_scheme(uri), "http") != 0 &&
			strcmp(g_uri_get_scheme(uri), "https") != 0)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: not the http or https URL of a proxy", name);
		return FALSE;
	}
	return TRUE;
}

/* Mender's newer client takes blanks between the hosts, everybody else commas: both are taken. */
static char *normalize_hosts(const char *value)
{
	g_auto(GStrv) hosts = NULL;
	g_autoptr(GPtrArray) kept = g_ptr_array_new();

	if (value == NULL)
		return NULL;
	hosts = g_strsplit_set(value, " ,\t", -1);
	for (gsize i = 0; hosts[i] != NULL; i++)
		if (*hosts[i] != '\0')
			g_ptr_array_add(kept, hosts[i]);
	g_ptr_array_add(kept, NULL);
	return g_strjoinv(",", (char **)kept->pdata);
}

gboolean http_proxies_read(const char *const *environment, HttpProxies *ret_proxies, GError **error)
{
	g_auto(HttpProxies) proxies = { 0 };
	g_autofree char *none = NULL;

	if (get_variable(environment, "HTTP_PROXY") != NULL &&
		get_variable(environment, "REQUEST_METHOD") != NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"HTTP_PROXY is set beside REQUEST_METHOD: a request could have set it");
		return FALSE;
	}
	if (!read_variable(environment, "http_proxy", "HTTP_PROXY", &proxies.http, error) ||
		!read_variable(environment, "https_proxy", "HTTPS_PROXY", &proxies.https, error) ||
		!read_variable(environment, "no_proxy", "NO_PROXY", &none, error))
		return FALSE;
	if (!check_proxy("http_proxy", proxies.http, error) ||
		!check_proxy("https_proxy", proxies.https, error))
		return FALSE;
	proxies.none = normalize_hosts(none);
	*ret_proxies = proxies;
	memset(&proxies, 0, sizeof(proxies));
	return TRUE;
}

void http_proxies_clear(HttpProxies *proxies)
{
	g_clear_pointer(&proxies->http, g_free);
	g_clear_pointer(&proxies->https, g_free);
	g_clear_pointer(&proxies->none, g_free);
}

gboolean http_host_is_loopback(const char *host)
{
	g_autoptr(GInetAddress) address = NULL;

	if (g_ascii_strcasecmp(host, "localhost") == 0)
		return TRUE;
	address = g_inet_address_new_from_string(host);
	return address != NULL && g_inet_address_get_is_loopback(address);
}

gboolean http_url_check(const char *url, GError **error)
{
	g_autoptr(GUri) uri = NULL;
	const char *scheme;
	const char *host;

	if (strlen(url) > URL_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"a URL is longer than %d bytes", URL_MAX);
		return FALSE;
	}
	uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
	host = uri != NULL ? g_uri_get_host(uri) : NULL;
	if (host == NULL || *host == '\0') {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a URL without a host");
		return FALSE;
	}
	if (g_uri_get_userinfo(uri) != NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"the URL of %s carries credentials", host);
		return FALSE;
	}
	scheme = g_uri_get_scheme(uri);
	if (strcmp(scheme, "https") == 0)
		return TRUE;
	if (strcmp(scheme, "http") == 0 && http_host_is_loopback(host))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN,
		"%s:// to %s: only https:// is spoken beyond this machine", scheme, host);
	return FALSE;
}
