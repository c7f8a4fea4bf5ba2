/* SPDX-License-Identifier: Apache-2.0 */
#include "server/call-private.h"

/* What handlers ask of a call: what came, and who is asking. */

App *call_app(const Call *call)
{
	return call->app;
}

const Route *call_route(const Call *call)
{
	return call->match.route;
}

Transaction *call_transaction(const Call *call)
{
	return call->transaction;
}

const char *call_tenant(const Call *call)
{
	return call->caller.tenant;
}

const char *call_path(const Call *call)
{
	return http_request_path(call->request);
}

const char *call_parameter(const Call *call, const char *name)
{
	for (guint i = 0; i < call->match.n_parameters; i++)
		if (g_str_equal(call->match.names[i], name))
			return call->match.values[i];
	return NULL;
}

const char *call_query(const Call *call, const char *name)
{
	for (guint i = 0; i < call->query->len; i++) {
		const QueryPair *pair = &g_array_index(call->query, QueryPair, i);

		if (g_str_equal(pair->name, name))
			return pair->value;
	}
	return NULL;
}

char **call_query_all(const Call *call, const char *name)
{
	GPtrArray *values = g_ptr_array_new();

	for (guint i = 0; i < call->query->len; i++) {
		const QueryPair *pair = &g_array_index(call->query, QueryPair, i);

		if (g_str_equal(pair->name, name))
			g_ptr_array_add(values, g_strdup(pair->value));
	}
	g_ptr_array_add(values, NULL);
	return (char **)g_ptr_array_free(values, FALSE);
}

const GArray *call_query_pairs(const Call *call)
{
	return call->query;
}

const char *call_header(const Call *call, const char *name)
{
	return http_request_header(call->request, name);
}

const char *call_peer(const Call *call)
{
	return http_request_peer(call->request);
}

const char *call_client_certificate(const Call *call)
{
	return call->client_certificate;
}

gconstpointer call_body(const Call *call)
{
	return call->body_record;
}

GBytes *call_body_bytes(const Call *call)
{
	return call->body_bytes;
}

json_t *call_body_json(Call *call, GError **error)
{
	gsize size;
	const char *data;

	if (call->body_json)
		return call->body_json;
	data = g_bytes_get_data(call->body_bytes, &size);
	call->body_json = json_parse_strict(data ? data : "", size, error);
	return call->body_json;
}

GInputStream *call_body_stream(Call *call)
{
	return call->stream ? body_stream_input(call->stream) : NULL;
}

const char *call_request_id(const Call *call)
{
	return call->request_id;
}

const char *call_user_id(const Call *call)
{
	return call->caller.session ? call->caller.session->user_id : NULL;
}

const char *call_user_email(const Call *call)
{
	return call->caller.session ? call->caller.session->email : NULL;
}

const char *call_session_id(const Call *call)
{
	return call->caller.session ? call->caller.session->id : NULL;
}

gboolean call_user_may(const Call *call, const char *permission)
{
	return call->caller.session &&
	       (call->caller.session->permissions & permission_bit(permission));
}

const char *call_device_id(const Call *call)
{
	return call->caller.kind == CALLER_DEVICE ? call->caller.device_id : NULL;
}

guint32 call_device_row(const Call *call)
{
	return call->caller.device.row;
}
