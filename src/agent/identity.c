/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity.h"
#include "agent/process.h"
#include "base/error.h"
#include "base/json.h"
#include <string.h>

static void add_value(json_t *values, const char *key, const char *value)
{
	json_t *present = json_object_get(values, key);
	json_t *list = NULL;

	if (present == NULL) {
		json_object_set_new(values, key, json_string(value));
		return;
	}
	if (json_is_array(present)) {
		json_array_append_new(present, json_string(value));
		return;
	}
	list = json_array();
	json_array_append(list, present);
	json_array_append_new(list, json_string(value));
	json_object_set_new(values, key, list);
}

gboolean identity_add_lines(json_t *values, const char *source, const char *text, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", LINES_MAX + 1);

	for (gsize i = 0; lines[i] != NULL; i++) {
		char *value = strchr(lines[i], '=');

		if (*lines[i] == '\0')
			continue;
		if (i == LINES_MAX || value == NULL || value == lines[i] ||
			!g_utf8_validate(lines[i], -1, NULL)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"%s: line %zu is not KEY=VALUE", source, i + 1);
			return FALSE;
		}
		*value++ = '\0';
		add_value(values, lines[i], value);
	}
	return TRUE;
}

char *identity_read(const Paths *paths, GError **error)
{
	const char *arguments[] = { paths->identity, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = "mender-device-identity",
		.timeout_s = IDENTITY_TIMEOUT_S,
		.keep_output = TRUE,
		.drop_errors = TRUE,
	};
	g_autoptr(json_t) values = json_object();
	g_autofree char *output = NULL;
	int status = 0;

	if (!process_run(&plan, &status, &output, error))
		return NULL;
	if (status != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"mender-device-identity: exited with %d", status);
		return NULL;
	}
	if (!identity_add_lines(values, "mender-device-identity", output, error))
		return NULL;
	if (json_object_size(values) > 0)
		return json_to_canonical_text(values);
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_INVALID, "mender-device-identity: printed nothing");
	return NULL;
}
