/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of a contact: opening and closing. */
#include "agent/contact.h"
#include <string.h>
#include "agent/contact-private.h"
#include "agent/spool.h"
#include "base/error.h"
#include "base/file.h"
#include "http/proxy.h"

static gboolean read_pem(const char *path, char **ret_pem, GError **error)
{
	if (path == NULL || *path == '\0')
		return TRUE;
	*ret_pem = file_read_text(path, CONTACT_PEM_MAX, error);
	return *ret_pem != NULL;
}

static gboolean read_setup(Contact *contact, GError **error)
{
	const ContactSettings *settings = &contact->settings;
	g_autoptr(GError) unreadable = NULL;
	g_auto(GStrv) environment = g_get_environ();
	g_auto(HttpProxies) proxies = { 0 };

	if (!http_proxies_read((const char *const *)environment, &proxies, error))
		return FALSE;
	contact->setup.proxy_http = g_steal_pointer(&proxies.http);
	contact->setup.proxy_https = g_steal_pointer(&proxies.https);
	contact->setup.proxy_none = g_steal_pointer(&proxies.none);
	contact->setup.idle_limit_s = settings->idle_limit_s;
	/* As Mender's: the system's authorities are still there, and TLS says what is wrong. */
	if (!read_pem(settings->server_certificate, &contact->setup.authorities, &unreadable))
		g_warning("the server certificate is left out: %s", unreadable->message);
	return read_pem(settings->client_certificate, &contact->setup.client_certificate, error);
}

/* The contact outlives most callers' settings. */
static void copy_settings(Contact *contact, const ContactSettings *settings)
{
	const char **texts[] = { &contact->settings.program, &contact->settings.key_program,
		&contact->settings.data, &contact->settings.server_certificate,
		&contact->settings.client_certificate, &contact->settings.client_key,
		&contact->settings.client_key_engine, &contact->settings.user };

	contact->settings = *settings;
	contact->texts = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		char *copy = g_strdup(*texts[i]);

		g_ptr_array_add(contact->texts, copy);
		*texts[i] = copy;
	}
	contact->servers = g_strdupv((char **)(guintptr)settings->servers);
	contact->settings.servers = (const char *const *)contact->servers;
}

Contact *contact_open(const ContactSettings *settings, GError **error)
{
	g_autoptr(Contact) contact = g_new0(Contact, 1);

	copy_settings(contact, settings);
	contact->child = (Child)CHILD_INIT(CONTACT_PROGRAM_NAME);
	if (!read_setup(contact, error) || !contact_start_process(contact, error))
		return NULL;
	return g_steal_pointer(&contact);
}

void contact_clear_secret(char **text)
{
	if (*text != NULL)
		explicit_bzero(*text, strlen(*text));
	g_clear_pointer(text, g_free);
}

void contact_close(Contact *contact)
{
	if (contact == NULL)
		return;
	contact_end_process(contact);
	contact_clear_secret(&contact->token);
	g_free(contact->setup.authorities);
	g_free(contact->setup.client_certificate);
	g_free(contact->setup.proxy_http);
	g_free(contact->setup.proxy_https);
	g_free(contact->setup.proxy_none);
	g_free(contact->server);
	g_strfreev(contact->servers);
	g_ptr_array_unref(contact->texts);
	g_free(contact);
}

const ContactSettings *contact_settings(const Contact *contact)
{
	return &contact->settings;
}

gboolean contact_take_download(Contact *contact, GError **error)
{
	if (contact->downloading) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"a download is under way in this contact");
		return FALSE;
	}
	contact->downloading = TRUE;
	return TRUE;
}

void contact_release_download(Contact *contact)
{
	contact->downloading = FALSE;
}

gboolean contact_drop_spool(const char *data, const char *spool_name, GError **error)
{
	return spool_drop(data, spool_name, error);
}
