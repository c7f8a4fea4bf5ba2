/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>

/* An artifact on a server, as a stream. It is what it was at the first byte: after a cut it goes on
 * where it stopped (Range), and where the server has another one by then (ETag, size) it fails.
 *
 * https:// with TLS 1.2 or newer, the chain and the name verified; http:// for loopback addresses
 * only, also at the end of a redirection. Proxies are taken from the environment. */
enum {
	INPUT_URL_REDIRECTS_MAX = 5,
	INPUT_URL_TRIES = 4,   /* after a cut, until some came again */
	INPUT_URL_PAUSE_S = 8, /* the longest between two of them */
	INPUT_URL_AUTHORITIES_MAX = 4 * 1024 * 1024,
};

typedef struct {
	const char *ca_file; /* (nullable): PEM, beside the system's (or SSL_CERT_FILE's) */
	guint64 size_max;
	gint64 idle_limit_s; /* without a byte; twice as long with next to none */
} InputUrlOptions;

gboolean input_is_url(const char *path);

/* Waits for the first bytes: NULL with @error where the server has none for us. */
GInputStream *input_url_open(
	const char *url, const InputUrlOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
