/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/authentication1.h"
#include <string.h>

#define OBJECT_PATH "/io/mender/AuthenticationManager"
#define INTERFACE "io.mender.Authentication1"

static const char *text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* Mender's add-ons ask once and wait for the signal then: so the question starts the search. */
static int get_token(sd_bus_message *call, void *data, sd_bus_error *error)
{
	Authentication1 *self = data;
	const char *url = link_url(self->link);

	token_want(self->token);
	return sd_bus_reply_method_return(
		call, "ss", *url != '\0' ? text_or_empty(token_text(self->token)) : "", url);
}

static int fetch_token(sd_bus_message *call, void *data, sd_bus_error *error)
{
	Authentication1 *self = data;

	token_renew(self->token);
	return sd_bus_reply_method_return(call, "b", 1);
}

/* Not SD_BUS_VTABLE_UNPRIVILEGED: whatever the policy of the bus says, only root gets the token. */
static const sd_bus_vtable members[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetJwtToken", SD_BUS_NO_ARGS,
		SD_BUS_RESULT("s", token, "s", server_url), get_token, 0),
	SD_BUS_METHOD_WITH_ARGS(
		"FetchJwtToken", SD_BUS_NO_ARGS, SD_BUS_RESULT("b", success), fetch_token, 0),
	SD_BUS_SIGNAL_WITH_ARGS("JwtTokenStateChange", SD_BUS_ARGS("s", token, "s", server_url), 0),
	SD_BUS_VTABLE_END,
};

int authentication1_add(Authentication1 *self)
{
	return sd_bus_add_object_vtable(self->bus, NULL, OBJECT_PATH, INTERFACE, members, self);
}

void authentication1_changed(Authentication1 *self)
{
	const char *token = text_or_empty(token_text(self->token));
	g_autoptr(GError) failure = NULL;
	int status;

	if (!link_set(self->link, token_text(self->token), token_server(self->token), &failure))
		g_warning("the local forwarder: %s", failure->message);
	status = sd_bus_emit_signal(self->bus, OBJECT_PATH, INTERFACE, "JwtTokenStateChange", "ss",
		*link_url(self->link) != '\0' ? token : "", link_url(self->link));
	if (status < 0)
		g_warning("the signal of a token: %s", g_strerror(-status));
}
