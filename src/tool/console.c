/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/console.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/json.h"
#include "tool/progress.h"

/* One console a process: there is one stdout. */
static struct {
	gboolean json;
	gboolean no_progress;
	gboolean stdout_taken;
} console;

void console_init(char **argv)
{
	for (char **word = argv + 1; *word && !g_str_equal(*word, "--"); word++) {
		const char *name = *word + strspn(*word, "-");

		if (name == *word)
			continue;
		console.json |= g_str_equal(name, "json");
		console.no_progress |= g_str_equal(name, "no-progress");
	}
}

gboolean console_wants_json(void)
{
	return console.json;
}

gboolean console_wants_progress(void)
{
	return !console.no_progress && isatty(STDERR_FILENO);
}

void console_give_stdout_away(void)
{
	console.stdout_taken = TRUE;
}

static void print_json(const json_t *object)
{
	g_autofree char *text = json_to_text(object);

	fprintf(console.stdout_taken ? stderr : stdout, "%s\n", text);
}

void console_tell(json_t *object, const char *text)
{
	progress_end();
	if (!object)
		object = json_pack("{s:s}", "note", "done, with names that are not valid UTF-8");
	if (console.json)
		print_json(object);
	else if (text)
		fputs(text, console.stdout_taken ? stderr : stdout);
	json_decref(object);
}

void console_warn(const char *text)
{
	progress_end();
	fprintf(stderr, "rota-artifact: warning: %s\n", text);
}

int complain_after(int status, const char *message)
{
	progress_end();
	fprintf(stderr, "rota-artifact: %s\n", message);
	return status;
}

/* @about: (transfer full): what else is known of it */
static int complain_with(int status, const char *message, json_t *about)
{
	g_autofree char *valid = g_utf8_make_valid(message, -1);
	g_autoptr(json_t) object = json_pack("{s:o}", "error", about);

	json_object_set_new(about, "status", json_integer(status));
	json_object_set_new(about, "message", json_string(valid));
	complain_after(status, message);
	if (console.json)
		print_json(object);
	return status;
}

int complain(int status, const char *message)
{
	return complain_with(status, message, json_object());
}

int complain_of_artifact(int status, const GError *error, const ArtifactRefusal *refusal)
{
	json_t *about = json_object();

	if (error->domain == ARTIFACT_ERROR && refusal->rule > 0) {
		g_autofree char *member = g_utf8_make_valid(refusal->member, -1);

		json_object_set_new(about, "rule", json_integer(refusal->rule));
		json_object_set_new(
			about, "kind", json_string(artifact_error_name(refusal->error)));
		json_object_set_new(about, "member", json_string(member));
		json_object_set_new(about, "offset", json_integer((json_int_t)refusal->offset));
	}
	return complain_with(status, error->message, about);
}
