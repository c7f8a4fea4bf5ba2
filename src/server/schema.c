/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gio.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/schema.h"
#include "server/schema-resource.h"

#define FOLDER "/rota/schema/"
#define STEPS_MAX 1000

typedef struct {
	gint64 number;
	char *name;   /* 0001-tenants */
	char *text;   /* the whole file */
	char *sha256; /* of the whole file */
	gint64 serves_from;
} Step;

typedef struct {
	gint64 number, serves_from;
	char *name, *sha256;
} Applied;

static void free_step(gpointer data)
{
	Step *step = data;

	g_free(step->name);
	g_free(step->text);
	g_free(step->sha256);
	g_free(step);
}

static void free_applied(gpointer data)
{
	Applied *applied = data;

	g_free(applied->name);
	g_free(applied->sha256);
	g_free(applied);
}

/* --- What the program knows --- */

static gint64 read_serves_from(const char *text)
{
	static const char mark[] = "\n-- serves-from: ";
	const char *found = strstr(text, mark);

	return found ? g_ascii_strtoll(found + strlen(mark), NULL, 10) : 0;
}

static Step *load_step(const char *file, GError **error)
{
	g_autofree char *path = g_strconcat(FOLDER, file, NULL);
	g_autoptr(GBytes) bytes = g_resource_lookup_data(schema_get_resource(), path, 0, error);
	Step *step;

	if (!bytes)
		return NULL;
	step = g_new0(Step, 1);
	step->number = g_ascii_strtoll(file, NULL, 10);
	step->name = g_strndup(file, strlen(file) - strlen(".sql"));
	step->text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	step->sha256 = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
	step->serves_from = read_serves_from(step->text);
	return step;
}

static gint compare_steps(gconstpointer a, gconstpointer b)
{
	const Step *const *first = a, *const *second = b;

	return ((*first)->number > (*second)->number) - ((*first)->number < (*second)->number);
}

/* By number, which is also the index: the build refuses a gap. */
static GPtrArray *load_steps(GError **error)
{
	g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(free_step);
	g_auto(GStrv) files =
		g_resource_enumerate_children(schema_get_resource(), FOLDER, 0, error);

	for (guint i = 0; files && files[i]; i++) {
		Step *step = load_step(files[i], error);

		if (!step)
			return NULL;
		g_ptr_array_add(steps, step);
	}
	g_ptr_array_sort(steps, compare_steps);
	return files ? g_steal_pointer(&steps) : NULL;
}

/* --- What the database says --- */

static gboolean read_applied(Connection *writer, GPtrArray *applied, GError **error)
{
	const DatabaseEngine *engine = writer->engine;
	GError *failure = NULL;
	Rows *rows = NULL;

	if (!engine->execute(writer, QUERY_SCHEMA_STEPS, NULL, &rows, NULL, error))
		return FALSE;
	while (applied->len < STEPS_MAX && engine->rows_next(rows, &failure)) {
		Applied *one = g_new0(Applied, 1);

		one->number = engine->rows_int(rows, 0);
		one->name = g_strdup(engine->rows_text(rows, 1));
		one->sha256 = g_strdup(engine->rows_text(rows, 2));
		one->serves_from = engine->rows_int(rows, 3);
		g_ptr_array_add(applied, one);
	}
	engine->rows_free(rows);
	if (!failure)
		return TRUE;
	g_propagate_error(error, failure);
	return FALSE;
}

static gboolean may_serve(const Applied *applied, const GPtrArray *steps, GError **error)
{
	const Step *newest = steps->pdata[steps->len - 1];

	if (applied->number > newest->number) {
		if (applied->serves_from <= newest->number)
			return TRUE;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"the database was made by a later release: its step %s needs a program "
			"that knows "
			"step %04" G_GINT64_FORMAT ", this one ends with %s",
			applied->name, applied->serves_from, newest->name);
		return FALSE;
	}
	if (g_str_equal(((const Step *)steps->pdata[applied->number])->sha256, applied->sha256))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"schema step %s differs from the one this database was made with: a step is never "
		"edited "
		"after its release",
		applied->name);
	return FALSE;
}

/* Sets @ret_next to the number of the first step that is missing. */
static gboolean compare(
	const GPtrArray *steps, const GPtrArray *applied, gint64 *ret_next, GError **error)
{
	gint64 next = 1;

	for (guint i = 0; i < applied->len; i++) {
		const Applied *one = applied->pdata[i];

		if (one->number != next) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
				"the database lacks schema step %04" G_GINT64_FORMAT, next);
			return FALSE;
		}
		if (!may_serve(one, steps, error))
			return FALSE;
		next++;
	}
	*ret_next = next;
	return TRUE;
}

/* --- Applying --- */

/* The lines of a step that are for this engine. */
static char *text_for(const Step *step, const DatabaseEngine *engine)
{
	g_auto(GStrv) lines = g_strsplit(step->text, "\n", -1);
	g_autofree char *ours = g_strconcat("-- @", engine->name, NULL);
	GString *text = g_string_new(NULL);
	gboolean wanted = TRUE;

	for (guint i = 0; lines[i]; i++) {
		if (g_str_has_prefix(lines[i], "-- @"))
			wanted = g_str_equal(lines[i], ours) || g_str_equal(lines[i], "-- @both");
		else if (wanted)
			g_string_append_printf(text, "%s\n", lines[i]);
	}
	return g_string_free(text, FALSE);
}

static gboolean run_step(Connection *writer, const Step *step, GError **error)
{
	g_autofree char *text = text_for(step, writer->engine);

	return writer->engine->run_script(writer, text, error);
}

static gboolean record_step(Connection *writer, const Step *step, GError **error)
{
	const DbValue values[] = {
		{ DB_INT, { .number = step->number } },
		{ DB_TEXT, { .text = step->name } },
		{ DB_TEXT, { .text = step->sha256 } },
		{ DB_INT, { .number = step->serves_from } },
		{ DB_INT, { .number = clock_now_us() } },
	};

	return writer->engine->execute(writer, QUERY_SCHEMA_STEP_ADD, values, NULL, NULL, error);
}

/* Inside a transaction. The world is read anew each time: another node may have gone ahead. */
static gboolean apply_next(
	Connection *writer, const GPtrArray *steps, gboolean *ret_applied, GError **error)
{
	g_autoptr(GPtrArray) applied = g_ptr_array_new_with_free_func(free_applied);
	const Step *step;
	gint64 next;

	*ret_applied = FALSE;
	if (!run_step(writer, steps->pdata[0], error) || !read_applied(writer, applied, error) ||
		!compare(steps, applied, &next, error))
		return FALSE;
	if (next >= steps->len)
		return TRUE;
	step = steps->pdata[next];
	if (!run_step(writer, step, error) || !record_step(writer, step, error)) {
		g_prefix_error(error, "schema step %s: ", step->name);
		return FALSE;
	}
	g_message("the database has taken schema step %s", step->name);
	*ret_applied = TRUE;
	return TRUE;
}

gboolean schema_apply(Connection *writer, GError **error)
{
	const DatabaseEngine *engine = writer->engine;
	g_autoptr(GPtrArray) steps = load_steps(error);
	gboolean applied = TRUE;

	if (!steps)
		return FALSE;
	while (applied) {
		if (!engine->begin(writer, error))
			return FALSE;
		if (!apply_next(writer, steps, &applied, error)) {
			engine->rollback(writer);
			return FALSE;
		}
		if (!engine->commit(writer, error))
			return FALSE;
	}
	return TRUE;
}
