/* SPDX-License-Identifier: Apache-2.0 */
/* contact-probe: a contact driven from a command line, for tests against hostile servers.
 *
 *     contact-probe NET DATA CA USER CERTIFICATE KEY VERB...    an empty word is none
 *         authenticate SERVER...     prints "200 TOKEN SERVER" or the status
 *         call SERVER METHOD PATH    prints the status and the body
 *         fetch URL NAME SPOOL_MAX TRIES [FRESH_URL]    writes the download to stdout
 *
 * A failure is printed to stderr as "CODE: message", exit status 1. */
#include <glib/gprintf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "agent/contact.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

enum { CHUNK = 64 * 1024 };

static gboolean print_reply(ContactReply *reply)
{
	g_printf("%u %" G_GINT64_FORMAT " %s\n", reply->status, reply->retry_after_s,
		(const char *)g_bytes_get_data(reply->body, NULL) != NULL
			? (const char *)g_bytes_get_data(reply->body, NULL)
			: "");
	return TRUE;
}

static gboolean run_authenticate(Contact *contact, GError **error)
{
	g_autoptr(GBytes) body = g_bytes_new_static("{}", 2);
	g_autofree char *token = NULL;
	g_autofree char *server = NULL;
	g_autoptr(ContactReply) reply =
		contact_authenticate(contact, body, "c2ln", &token, &server, error);

	if (reply == NULL)
		return FALSE;
	if (token == NULL)
		return print_reply(reply);
	g_printf("%u %s %s\n", reply->status, token, server);
	return TRUE;
}

static gboolean run_call(Contact *contact, char **words, GError **error)
{
	g_autoptr(GBytes) body = strcmp(words[1], "GET") == 0 ? NULL : g_bytes_new_static("{}", 2);
	g_autoptr(ContactReply) reply = NULL;

	contact_use_token(contact, "token", words[0]);
	reply = contact_call(contact, words[1], words[2], body, error);
	return reply != NULL && print_reply(reply);
}

static char *fresh_url(gpointer data, GError **error)
{
	const char *url = data;

	g_printerr("asked for a fresh link\n");
	return g_strdup(url);
}

static gboolean copy_out(GInputStream *stream, GError **error)
{
	g_autofree guint8 *chunk = g_malloc(CHUNK);
	gssize n;

	while ((n = g_input_stream_read(stream, chunk, CHUNK, NULL, error)) > 0)
		if (!file_write_all(STDOUT_FILENO, chunk, (gsize)n, error))
			return FALSE;
	return n == 0;
}

static gboolean run_fetch(Contact *contact, char **words, GError **error)
{
	ContactDownload download = { .url = words[0] };
	g_autoptr(GInputStream) stream = NULL;

	download.spool_name = *words[1] != '\0' ? words[1] : NULL;
	if (words[4] != NULL) {
		download.refresh = fresh_url;
		download.data = words[4];
	}
	stream = contact_fetch(contact, &download, error);
	return stream != NULL && copy_out(stream, error);
}

/* SIGTERM as the agent takes it: a descriptor that becomes readable. */
static int stop_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static const char *word_or_null(const char *word)
{
	return *word != '\0' ? word : NULL;
}

static gboolean run(int argc, char **argv, GError **error)
{
	ContactSettings settings = {
		.stop_fd = stop_fd(), .idle_limit_s = 2, .retry_interval_s = 1
	};
	g_autoptr(Contact) contact = NULL;
	g_autofree char *programs = g_path_get_dirname(argv[1]);
	g_autofree char *key_program = g_build_filename(programs, "rota-agent-key", NULL);
	const char *verb = argv[7];

	settings.program = argv[1];
	settings.key_program = key_program;
	settings.data = argv[2];
	settings.server_certificate = word_or_null(argv[3]);
	settings.user = word_or_null(argv[4]);
	settings.client_certificate = word_or_null(argv[5]);
	settings.client_key = word_or_null(argv[6]);
	settings.client_key_engine = g_getenv("KEY_ENGINE");
	if (strcmp(verb, "authenticate") == 0)
		settings.servers = (const char *const *)argv + 8;
	if (strcmp(verb, "fetch") == 0 && argc >= 12) {
		settings.spool_size_max = g_ascii_strtoll(argv[10], NULL, 10);
		settings.download_tries = g_ascii_strtoll(argv[11], NULL, 10);
	}
	contact = contact_open(&settings, error);
	if (contact == NULL)
		return FALSE;
	if (strcmp(verb, "authenticate") == 0)
		return run_authenticate(contact, error);
	if (strcmp(verb, "call") == 0 && argc >= 11)
		return run_call(contact, argv + 8, error);
	if (strcmp(verb, "fetch") == 0 && argc >= 12)
		return run_fetch(contact, argv + 8, error);
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a verb, or too few words", verb);
	return FALSE;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	log_setup(LOG_FORMAT_TEXT, G_LOG_LEVEL_INFO);
	if (argc < 8) {
		g_printerr("usage: contact-probe NET DATA CA USER CERTIFICATE KEY VERB...\n");
		return 2;
	}
	if (run(argc, argv, &error))
		return 0;
	g_printerr("%d: %s\n", error->code, error->message);
	return 1;
}
