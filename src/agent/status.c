/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"
#include "agent/activity.h"
#include "agent/lock.h"
#include "base/json.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "-";
}

/* The kernel knows who holds the lock; who may not look at it asks whether the process is there. */
static gboolean is_running(const Paths *paths, const json_t *facts)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(facts, "pid"));

	if (pid <= 0)
		return FALSE;
	if (lock_holder(paths->daemon_lock) == pid)
		return TRUE;
	return geteuid() != 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

/* (transfer full): "29 min", for a wait that ends at @until_us of the monotonic clock. */
static char *time_left(gint64 until_us)
{
	gint64 left_s = MAX(0, (until_us - g_get_monotonic_time()) / G_USEC_PER_SEC);

	if (left_s < 120)
		return g_strdup_printf("%" G_GINT64_FORMAT " s", left_s);
	if (left_s < 2 * 60 * 60)
		return g_strdup_printf("%" G_GINT64_FORMAT " min", left_s / 60);
	return g_strdup_printf("%" G_GINT64_FORMAT " h", left_s / 3600);
}

static void print_waiting(const json_t *waiting)
{
	gint64 until_us = json_integer_value(json_object_get(waiting, "until_monotonic_us"));
	g_autofree char *left = time_left(until_us);

	if (waiting == NULL)
		return;
	printf("  waits for     %s", text_of(waiting, "for"));
	if (until_us > 0)
		printf(", in %s (%s)", left, text_of(waiting, "until"));
	putchar('\n');
}

static void print_update(const json_t *update)
{
	if (update != NULL)
		printf("  update        %s of artifact %s: %s\n", text_of(update, "deployment"),
			text_of(update, "artifact"), text_of(update, "phase"));
}

static void print_note(const json_t *facts, const char *name, const char *label)
{
	const json_t *note = json_object_get(facts, name);

	if (note != NULL)
		printf("  %-13s %s, at %s\n", label, text_of(note, "result"), text_of(note, "at"));
}

static void print_last(const json_t *last)
{
	const char *reason = json_string_value(json_object_get(last, "reason"));

	if (last == NULL)
		return;
	printf("  last update   %s of artifact %s: %s, at %s\n", text_of(last, "deployment"),
		text_of(last, "artifact"), text_of(last, "result"), text_of(last, "at"));
	if (reason != NULL)
		printf("                %s\n", reason);
}

static void print_text(const json_t *facts)
{
	printf("rota-agent %s is running, process %" G_GINT64_FORMAT "\n",
		text_of(facts, "version"),
		(gint64)json_integer_value(json_object_get(facts, "pid")));
	printf("  installed     %s on a device of type %s\n", text_of(facts, "artifact_name"),
		text_of(facts, "device_type"));
	printf("  is            %s\n", text_of(facts, "state"));
	print_update(json_object_get(facts, "update"));
	print_waiting(json_object_get(facts, "waiting"));
	print_note(facts, "update_check", "update check");
	print_note(facts, "inventory", "inventory");
	print_last(json_object_get(facts, "last_update"));
}

json_t *status_facts(const Paths *paths)
{
	json_t *facts = activity_load(paths);
	gboolean running = facts != NULL && is_running(paths, facts);

	if (!running) {
		json_decref(facts);
		facts = json_object();
	}
	json_object_set_new(facts, "running", json_boolean(running));
	return facts;
}

int status_print(const Paths *paths, gboolean as_json)
{
	g_autoptr(json_t) facts = status_facts(paths);
	gboolean running = json_is_true(json_object_get(facts, "running"));
	g_autofree char *text = json_to_text(facts);

	if (as_json)
		puts(text);
	else if (running)
		print_text(facts);
	else
		printf("the daemon is not running on %s\n", paths->data);
	return running ? EXIT_SUCCESS : EXIT_FAILURE;
}
