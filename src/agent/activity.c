/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/activity.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct Activity {
	char *path, *temporary;
	json_t *facts;
	gboolean failed; /* it was said that the file cannot be written */
};

/* --- The file --- */

static gboolean write_file(const Activity *activity, const char *text)
{
	autofd int fd = open(
		activity->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd >= 0 && file_write_all(fd, text, strlen(text), NULL) &&
	       rename(activity->temporary, activity->path) == 0;
}

/* Whole or not at all for whoever reads it; nothing is synced, as there is no disk below. */
static void publish(Activity *activity)
{
	g_autofree char *text = json_to_text(activity->facts);

	if (write_file(activity, text))
		activity->failed = FALSE;
	else if (!activity->failed) {
		g_warning("%s cannot be written: %s", activity->path, g_strerror(errno));
		activity->failed = TRUE;
	}
}

static void make_folder(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autoptr(GError) failure = NULL;

	if (!file_make_folders(folder, 0755, &failure))
		g_warning("%s", failure->message);
}

Activity *activity_new(const Paths *paths)
{
	Activity *activity = g_new0(Activity, 1);

	activity->path = g_strdup(paths->status);
	activity->temporary = g_strconcat(paths->status, ".new", NULL);
	activity->facts = json_pack("{s:I, s:s, s:s}", "pid", (json_int_t)getpid(), "version",
		ROTA_VERSION, "state", "starting");
	make_folder(activity->path);
	publish(activity);
	return activity;
}

void activity_free(Activity *activity)
{
	if (activity == NULL)
		return;
	(void)unlink(activity->temporary);
	(void)unlink(activity->path);
	json_decref(activity->facts);
	g_free(activity->temporary);
	g_free(activity->path);
	g_free(activity);
}

json_t *activity_load(const Paths *paths)
{
	g_autoptr(GBytes) bytes = file_read(paths->status, ACTIVITY_SIZE_MAX, NULL);

	if (bytes == NULL)
		return NULL;
	return json_parse_strict(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), NULL);
}

/* --- What is said --- */

/* (transfer full): texts come from servers and programs: valid, and not without end. */
static json_t *short_text(const char *text)
{
	g_autofree char *valid = NULL;
	g_autofree char *cut = NULL;

	if (text == NULL)
		return json_null();
	cut = g_strndup(text, ACTIVITY_TEXT_MAX);
	valid = g_utf8_make_valid(cut, -1);
	return json_string(valid);
}

static json_t *time_text(gint64 time_us)
{
	g_autofree char *text = clock_format_rfc3339(time_us);

	return json_string(text);
}

static void set(Activity *activity, const char *name, json_t *value)
{
	json_object_set_new(activity->facts, name, value);
}

void activity_set_state(Activity *activity, const char *state)
{
	if (activity == NULL)
		return;
	set(activity, "state", json_string(state));
	json_object_del(activity->facts, "waiting");
	json_object_del(activity->facts, "question");
	publish(activity);
}

void activity_set_software(Activity *activity, const char *artifact_name, const char *device_type)
{
	if (activity == NULL)
		return;
	set(activity, "artifact_name", short_text(artifact_name));
	set(activity, "device_type", short_text(device_type));
	publish(activity);
}

void activity_set_update(
	Activity *activity, const char *deployment, const char *artifact, const char *phase)
{
	if (activity == NULL)
		return;
	if (deployment == NULL)
		json_object_del(activity->facts, "update");
	else
		set(activity, "update",
			json_pack("{s:s, s:o, s:o}", "deployment", deployment, "artifact",
				short_text(artifact), "phase", short_text(phase)));
	publish(activity);
}

void activity_wait(Activity *activity, const char *reason, gint64 until_us)
{
	json_t *waiting;

	if (activity == NULL)
		return;
	waiting = json_pack("{s:o}", "for", short_text(reason));
	if (until_us > 0) {
		gint64 left_us = until_us - g_get_monotonic_time();

		json_object_set_new(waiting, "until", time_text(clock_now_us() + left_us));
		/* Of the monotonic clock: right even where the other one is set meanwhile. */
		json_object_set_new(waiting, "until_monotonic_us", json_integer(until_us));
	}
	set(activity, "waiting", waiting);
	publish(activity);
}

void activity_ask(Activity *activity, const char *question, const char *deployment,
	const char *artifact, const char *step)
{
	if (activity == NULL)
		return;
	set(activity, "question",
		json_pack("{s:o, s:o, s:o, s:s}", "id", short_text(question), "deployment",
			short_text(deployment), "artifact", short_text(artifact), "step", step));
	publish(activity);
}

void activity_go_on(Activity *activity)
{
	if (activity == NULL)
		return;
	json_object_del(activity->facts, "question");
	json_object_del(activity->facts, "waiting");
	publish(activity);
}

const char *activity_waits_for(const Activity *activity)
{
	json_t *waiting = activity != NULL ? json_object_get(activity->facts, "waiting") : NULL;

	return json_string_value(json_object_get(waiting, "for"));
}

void activity_note(Activity *activity, const char *what, const char *result)
{
	if (activity == NULL)
		return;
	set(activity, what,
		json_pack("{s:o, s:o}", "at", time_text(clock_now_us()), "result",
			short_text(result)));
	publish(activity);
}

void activity_set_last_update(Activity *activity, json_t *last)
{
	g_autoptr(json_t) owned = last;

	if (activity == NULL || last == NULL)
		return;
	set(activity, "last_update", json_incref(last));
	publish(activity);
}

void activity_set_history(Activity *activity, json_t *history)
{
	if (activity == NULL || history == NULL) {
		json_decref(history);
		return;
	}
	set(activity, "history", history);
	publish(activity);
}
