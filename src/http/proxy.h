/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Which proxy a request goes through, from the environment as Mender's clients read it:
 * http_proxy, https_proxy and no_proxy, or the same in capitals, but never both. */
typedef struct {
	char *http;  /* (nullable): for http:// */
	char *https; /* (nullable): for https:// */
	char *none;  /* (nullable): hosts reached directly, with commas between */
} HttpProxies;

/**
 * http_proxies_read:
 * @environment: as g_get_environ() gives it
 *
 * FALSE with INVALID where lower and upper case are both set, where HTTP_PROXY stands beside
 * REQUEST_METHOD (a request header could have set it), or where a value is no proxy URL.
 */
gboolean http_proxies_read(const char *const *environment, HttpProxies *ret_proxies,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void http_proxies_clear(HttpProxies *proxies);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpProxies, http_proxies_clear)

/**
 * http_url_check:
 * Takes https:// with a host, and http:// for loopback addresses only: a vehicle's bytes do not
 * travel in the clear. Credentials in a URL are refused: they would end in logs.
 */
gboolean http_url_check(const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "localhost", 127.0.0.0/8 or ::1. */
gboolean http_host_is_loopback(const char *host) G_GNUC_WARN_UNUSED_RESULT;
