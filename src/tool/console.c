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

int complain(int status, const char *message)
{
	complain_after(status, message);
	if (console.json) {
		g_autoptr(json_t) object =
			json_pack("{s:{s:i,s:s}}", "error", "status", status, "message", message);

		if (object)
			print_json(object);
	}
	return status;
}
