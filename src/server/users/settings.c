/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "server/rows.h"
#include "server/users/users.h"

/* Free-form settings of the user interface: one object for the organisation, one for each user,
 * replaced as a whole. An ETag lets two pages that save at once notice each other. */

#define ORGANISATION "" /* in place of a user's id */

typedef struct {
	char *value, *etag;
} Stored;

static void stored_clear(Stored *stored)
{
	g_free(stored->value);
	g_free(stored->etag);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stored, stored_clear)

static gboolean read_stored(Call *call, const char *owner, Stored *ret_stored, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(call_transaction(call), error, QUERY_USER_SETTING,
		DB_TEXT, call_tenant(call), DB_TEXT, owner, DB_END);
	gboolean found;

	if (!rows_first(rows, &found, error))
		return FALSE;
	if (found)
		*ret_stored =
			(Stored){ g_strdup(rows_text(rows, 0)), g_strdup(rows_text(rows, 1)) };
	return TRUE;
}

static gboolean show(Call *call, const char *owner, GError **error)
{
	g_auto(Stored) stored = { 0 };

	if (!read_stored(call, owner, &stored, error))
		return FALSE;
	if (stored.etag)
		call_set_header(call, "ETag", stored.etag);
	call_set_text(call, "application/json", stored.value ? stored.value : "{}");
	return TRUE;
}

static gboolean check_setting(const char *name, const json_t *value, GError **error)
{
	if (strlen(name) > USER_SETTING_NAME_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a name is longer than %d bytes",
			USER_SETTING_NAME_MAX);
		return FALSE;
	}
	if (json_string_length(value) > USER_SETTING_TEXT_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: longer than %d bytes", name,
			USER_SETTING_TEXT_MAX);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_settings(json_t *settings, GError **error)
{
	const char *name;
	json_t *value;

	if (!json_is_object(settings)) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "the body is not an object");
		return FALSE;
	}
	if (json_object_size(settings) > USER_SETTINGS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "more than %d settings",
			USER_SETTINGS_MAX);
		return FALSE;
	}
	json_object_foreach (settings, name, value)
		if (!check_setting(name, value, error))
			return FALSE;
	return TRUE;
}

static gboolean check_match(Call *call, const char *owner, GError **error)
{
	const char *wanted = call_header(call, "If-Match");
	g_auto(Stored) stored = { 0 };

	if (!wanted)
		return TRUE;
	if (!read_stored(call, owner, &stored, error))
		return FALSE;
	if (g_strcmp0(wanted, stored.etag) == 0)
		return TRUE;
	g_set_error_literal(
		error, ROTA_ERROR, ROTA_ERROR_PRECONDITION, "the settings were changed meanwhile");
	return FALSE;
}

static gboolean replace(Call *call, const char *owner, GError **error)
{
	json_t *settings = call_body_json(call, error);
	g_autofree char *etag = g_uuid_string_random();
	g_autofree char *text = NULL;

	if (!settings || !check_settings(settings, error) || !check_match(call, owner, error))
		return FALSE;
	text = json_to_text(settings);
	if (!transaction_run(call_transaction(call), NULL, error, QUERY_USER_SETTING_PUT, DB_TEXT,
		    call_tenant(call), DB_TEXT, owner, DB_TEXT, text, DB_TEXT, etag, DB_END))
		return FALSE;
	call_set_status(call, 201);
	call_set_header(call, "ETag", etag);
	call_audit(call, "settings", owner, NULL);
	return TRUE;
}

static gboolean get_settings(Call *call, GError **error)
{
	return show(call, ORGANISATION, error);
}

static gboolean post_settings(Call *call, GError **error)
{
	return replace(call, ORGANISATION, error);
}

static gboolean get_my_settings(Call *call, GError **error)
{
	return show(call, call_user_id(call), error);
}

static gboolean post_my_settings(Call *call, GError **error)
{
	return replace(call, call_user_id(call), error);
}

#define SETTINGS "/api/management/v1/useradm/settings"
enum { BODY_MAX = 1024 * 1024 };

const Route user_settings_routes[] = {
	{ HTTP_GET, SETTINGS, CALLER_USER, "settings.read", RUN_READ, NULL, 0, NULL, get_settings },
	{ HTTP_POST, SETTINGS, CALLER_USER, "settings.write", RUN_WRITE, "update", BODY_MAX, NULL,
		post_settings },
	{ HTTP_GET, SETTINGS "/me", CALLER_USER, "self", RUN_READ, NULL, 0, NULL, get_my_settings },
	{ HTTP_POST, SETTINGS "/me", CALLER_USER, "self", RUN_WRITE, "update", BODY_MAX, NULL,
		post_my_settings },
	{ 0 },
};
