/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"
#include <string.h>
#include "agent/process.h"
#include "agent/questions.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { UNIT_TIMEOUT_S = 30, UNIT_NAME_MAX = 256, TIME_MAX_S = 7 * 24 * 60 * 60 };

static const char meta_data_name[] = "rota_health";

/* --- What has to hold --- */

typedef struct {
	char **units; /* (nullable) */
	gint64 stay_seconds;
	gint64 timeout_seconds;
} ArtifactWishes;

static const JsonField wishes_fields[] = {
	JSON_FIELD(ArtifactWishes, units, JSON_TEXTS, OPTIONAL, HEALTH_UNITS_MAX),
	JSON_FIELD(ArtifactWishes, stay_seconds, JSON_NUMBER, OPTIONAL),
	JSON_FIELD(ArtifactWishes, timeout_seconds, JSON_NUMBER, OPTIONAL),
	{ 0 },
};
static const JsonRecord wishes_record = { sizeof(ArtifactWishes), wishes_fields };

void health_wishes_clear(HealthWishes *wishes)
{
	g_clear_pointer(&wishes->units, g_ptr_array_unref);
}

/* A name that systemctl would take for an option, or a glob, is none of a unit. */
static gboolean check_unit(const char *unit, GError **error)
{
	if (*unit != '\0' && *unit != '-' && strlen(unit) <= UNIT_NAME_MAX &&
		strpbrk(unit, "*?[ /\n") == NULL)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "\"%.64s\" is no name of a unit", unit);
	return FALSE;
}

static gboolean add_units(HealthWishes *wishes, char **units, GError **error)
{
	for (; units != NULL && *units != NULL; units++) {
		if (!check_unit(*units, error))
			return FALSE;
		g_ptr_array_add(wishes->units, g_strdup(*units));
	}
	return TRUE;
}

static gboolean check_time(const char *name, gint64 seconds, GError **error)
{
	if (seconds >= 0 && seconds <= TIME_MAX_S)
		return TRUE;
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not from 0 to %d", name, TIME_MAX_S);
	return FALSE;
}

static gboolean add_artifact_wishes(
	HealthWishes *wishes, const ArtifactWishes *more, GError **error)
{
	if (!check_time("stay_seconds", more->stay_seconds, error) ||
		!check_time("timeout_seconds", more->timeout_seconds, error))
		return FALSE;
	wishes->stay_s = MAX(wishes->stay_s, more->stay_seconds);
	if (more->timeout_seconds > 0)
		wishes->timeout_s = MIN(wishes->timeout_s, more->timeout_seconds);
	return add_units(wishes, more->units, error);
}

/* The payload's meta-data, as the module has it in its tree; NULL without @error: it wants nothing.
 */
static json_t *read_meta_data(const Update *update, guint payload, GError **error)
{
	g_autofree char *number = g_strdup_printf("%04u", payload);
	g_autofree char *path = g_build_filename(
		update->agent->paths->payloads, number, "tree", "header", "meta-data", NULL);
	g_autoptr(GError) failure = NULL;
	g_autoptr(GBytes) bytes = file_read(path, HEALTH_META_DATA_SIZE_MAX, &failure);
	gsize size = 0;
	const char *text = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;

	if (bytes == NULL && !g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
		g_propagate_error(error, g_steal_pointer(&failure));
	return size > 0 ? json_parse_strict(text, size, error) : NULL;
}

static gboolean add_payload_wishes(
	const Update *update, guint payload, HealthWishes *wishes, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(json_t) meta_data = read_meta_data(update, payload, &failure);
	json_t *wanted = json_object_get(meta_data, meta_data_name);
	ArtifactWishes *more = NULL;
	gboolean added = failure == NULL;

	if (added && wanted != NULL) {
		more = json_record_read(&wishes_record, wanted, &failure);
		added = more != NULL && add_artifact_wishes(wishes, more, &failure);
	}
	json_record_free(&wishes_record, more);
	if (!added)
		g_propagate_prefixed_error(error, g_steal_pointer(&failure),
			"payload %u: %s: ", payload, meta_data_name);
	return added;
}

gboolean health_wishes_read(const Update *update, HealthWishes *ret_wishes, GError **error)
{
	const AgentSettings *settings = update->agent->settings;

	ret_wishes->units = g_ptr_array_new_with_free_func(g_free);
	ret_wishes->stay_s = settings->health_stay_s;
	ret_wishes->timeout_s = settings->health_timeout_s;
	ret_wishes->interval_s = settings->health_interval_s;
	if (!add_units(ret_wishes, settings->health_units, error)) {
		g_prefix_error(error, "HealthUnits: ");
		return FALSE;
	}
	for (guint i = 0; update->modules != NULL && i < update->modules->len; i++)
		if (!add_payload_wishes(update, i, ret_wishes, error))
			return FALSE;
	return TRUE;
}

/* --- Whether it does --- */

static char *ask_unit(const Update *update, const char *unit)
{
	g_autofree char *program = paths_find_program(update->agent->paths, "systemctl");
	const char *arguments[] = { program, "is-active", "--", unit, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = "systemctl",
		.timeout_s = UNIT_TIMEOUT_S,
		.keep_output = TRUE,
		.drop_errors = TRUE,
	};
	g_autofree char *output = NULL;
	g_autoptr(GError) failure = NULL;
	int status = 0;

	if (program == NULL)
		return g_strdup_printf("unit %s: there is no systemctl to ask", unit);
	if (!process_run(&plan, &status, &output, &failure))
		return g_strdup_printf("unit %s: %s", unit, failure->message);
	if (status == 0)
		return NULL;
	output[strcspn(output, "\n")] = '\0';
	return g_strdup_printf("unit %s is %.64s", unit, *output != '\0' ? output : "not active");
}

char *health_ask(const Update *update, const HealthWishes *wishes)
{
	for (guint i = 0; i < wishes->units->len; i++) {
		char *reason = ask_unit(update, wishes->units->pdata[i]);

		if (reason != NULL)
			return reason;
	}
	return questions_ask(update, update->agent->paths->health, "health");
}
