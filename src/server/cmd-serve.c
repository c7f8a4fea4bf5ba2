/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "server/local-ca.h"
#include "server/verb-options.h"

const Option serve_options[] = {
	COMMON_OPTIONS(ServeOptions),
	{ "listen", 0, OPTION_TEXT, G_STRUCT_OFFSET(ServeOptions, listen), "HOST:PORT",
		"where to listen, if not the setting's ([::]:8443)", NULL },
	{ "public-url", 0, OPTION_TEXT, G_STRUCT_OFFSET(ServeOptions, public_url), "URL",
		"how vehicles and users reach this server", NULL },
	{ "storage", 0, OPTION_TEXT, G_STRUCT_OFFSET(ServeOptions, storage), "URL",
		"file:DIR, where artifacts are stored", NULL },
	{ "tls-cert", 0, OPTION_TEXT, G_STRUCT_OFFSET(ServeOptions, tls_cert), "FILE",
		"certificate and chain, PEM; without one a local CA makes it", NULL },
	{ "tls-key", 0, OPTION_TEXT, G_STRUCT_OFFSET(ServeOptions, tls_key), "FILE",
		"its private key, PEM", NULL },
	{ "client-ca", 0, OPTION_TEXT, G_STRUCT_OFFSET(ServeOptions, client_ca), "FILE",
		"who signs the certificates of clients", NULL },
	{ 0 },
};

/* --- One server a folder --- */

/* The lock is the kernel's: it ends with the process, however that ends. */
static gboolean lock_folder(const char *folder, int *ret_fd, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "lock", NULL);
	autofd int fd = -1;

	if (!file_make_folders(folder, 0700, error))
		return FALSE;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return FALSE;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "another server serves from %s",
			folder);
		return FALSE;
	}
	*ret_fd = fd;
	fd = -1;
	return TRUE;
}

/* --- Address --- */

/* "HOST:PORT", "[IPV6]:PORT"; a name is resolved to its first address. */
static GSocketAddress *parse_listen(const char *text, GError **error)
{
	g_autoptr(GSocketConnectable) connectable = g_network_address_parse(text, 8443, error);
	g_autoptr(GSocketAddressEnumerator) addresses = NULL;

	if (!connectable)
		return NULL;
	addresses = g_socket_connectable_enumerate(connectable);
	return g_socket_address_enumerator_next(addresses, NULL, error);
}

/* The host of a URL, without brackets; NULL for none. */
static char *url_host(const char *url)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);

	return uri ? g_strdup(g_uri_get_host(uri)) : NULL;
}

/* --- Certificates --- */

static gboolean find_certificates(
	const ServeOptions *options, App *app, LocalCertificates *ret_certificates, GError **error)
{
	g_autofree char *folder = g_build_filename(options->common.data, "tls", NULL);
	g_autofree char *host = url_host(app_public_url(app));
	const char *names[] = { host, NULL };

	if (!options->tls_cert != !options->tls_key) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"--tls-cert and --tls-key go together");
		return FALSE;
	}
	if (!options->tls_cert)
		return local_ca_ensure(folder, names, ret_certificates, error);
	ret_certificates->certificate_path = g_strdup(options->tls_cert);
	ret_certificates->key_path = g_strdup(options->tls_key);
	return TRUE;
}

/* --- Serving --- */

static gboolean start(App *app, const ServeOptions *options, const LocalCertificates *certificates,
	GError **error)
{
	const char *listen = options->listen ? options->listen : app_settings(app)->listen;
	g_autoptr(GSocketAddress) address = parse_listen(listen, error);
	const char *port = strrchr(listen, ':');
	HttpServerSettings http;

	if (!address)
		return FALSE;
	http_server_settings_set_defaults(&http);
	http.address = address;
	http.n_loops = (guint)app_settings(app)->loops;
	http.n_connections_max = (gsize)app_settings(app)->connections_max;
	http.certificate_path = certificates->certificate_path;
	http.key_path = certificates->key_path;
	http.client_ca_path = options->client_ca;
	if (!app_serve(app, &http, error))
		return FALSE;
	if (certificates->ca_path)
		printf("certificates are signed by the local CA %s\n", certificates->ca_path);
	printf("listening on https://%.*s:%u\n", (int)(port ? port - listen : (long)strlen(listen)),
		listen, app_port(app));
	fflush(stdout);
	return TRUE;
}

/* Signals are waited for here and nowhere else: every thread is started with them blocked. */
static void block_signals(sigset_t *ret_signals)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGTERM);
	sigaddset(ret_signals, SIGINT);
	sigaddset(ret_signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void wait_for_end(App *app, const sigset_t *signals)
{
	int number = 0;

	while (sigwait(signals, &number) == 0 && number == SIGHUP) {
		g_autoptr(GError) error = NULL;

		if (app_reload(app, &error))
			g_message("read certificates and tenants again");
		else
			g_warning("what was in use stays: %s", error->message);
	}
	g_message("ending: what is under way is finished");
}

static gboolean set_log(const CommonOptions *common, GError **error)
{
	Settings settings = { 0 };
	GLogLevelFlags level;
	gboolean ok = server_settings_load(common->config, common->data, &settings, error);

	if (ok && !log_level_from_name(settings.log_level, &level)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "LogLevel: \"%s\" is none",
			settings.log_level);
		ok = FALSE;
	}
	if (ok)
		log_setup(g_strcmp0(settings.log_format, "json") == 0 ? LOG_FORMAT_JSON
								      : LOG_FORMAT_TEXT,
			level);
	server_settings_clear(&settings);
	return ok;
}

static gboolean serve(const ServeOptions *options, GError **error)
{
	AppPlaces places = {
		.folder = options->common.data,
		.config = options->common.config,
		.database = options->common.database,
		.storage = options->storage,
		.public_url = options->public_url,
	};
	g_auto(LocalCertificates) certificates = { 0 };
	g_autoptr(App) app = NULL;
	autofd int lock = -1;
	sigset_t signals;

	block_signals(&signals);
	if (!set_log(&options->common, error) || !lock_folder(options->common.data, &lock, error))
		return FALSE;
	app = app_open(&places, error);
	if (!app || !find_certificates(options, app, &certificates, error) ||
		!start(app, options, &certificates, error))
		return FALSE;
	wait_for_end(app, &signals);
	g_clear_pointer(&app, app_free);
	return TRUE;
}

int cmd_serve(gconstpointer options, char **operands, gconstpointer global_options)
{
	g_autoptr(GError) error = NULL;

	return serve(options, &error) ? 0 : verb_failed("serve", error);
}
