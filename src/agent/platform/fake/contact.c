/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/contact.h"
#include "base/error.h"

/* No network: every contact fails as one without coverage does. For unit tests, which look at what
 * the agent does by itself; what it says to a server is tested with the real parts in tests/system.
 */

static void set_error(GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "no network");
}

Contact *contact_open(const ContactSettings *settings, GError **error)
{
	set_error(error);
	return NULL;
}

void contact_close(Contact *contact)
{
}

void contact_reply_free(ContactReply *reply)
{
	g_free(reply);
}

ContactReply *contact_authenticate(Contact *contact, GBytes *body, const char *signature,
	char **ret_token, char **ret_server, GError **error)
{
	set_error(error);
	return NULL;
}

void contact_use_token(Contact *contact, const char *token, const char *server)
{
}

ContactReply *contact_call(
	Contact *contact, const char *method, const char *path, GBytes *body, GError **error)
{
	set_error(error);
	return NULL;
}

GInputStream *contact_fetch(Contact *contact, const ContactDownload *download, GError **error)
{
	set_error(error);
	return NULL;
}

gint64 contact_fetch_size(GInputStream *stream)
{
	return 0;
}

gboolean contact_drop_spool(const char *data, const char *spool_name, GError **error)
{
	return TRUE;
}
