/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/options-help.h"

/* One command line while it is read. */
typedef struct {
	const Program *program;
	const Verb *verb;  /* NULL until its word has come */
	const char *group; /* the first word of verbs of two, where no second one came */
	gpointer global_values;
	gpointer verb_values;
	GPtrArray *operands; /* borrowed from argv, NULL-terminated at the end */
	char **argv;
	int argc;
	int at;
	gboolean wants_help;
	gboolean wants_version;
	gboolean options_ended; /* "--" has come */
} Line;

/* *ret_values: the struct the row writes into, which is an inner one for a row of a group. */
static const Option *find_option(const Option *options, const char *name, gsize length,
	gpointer values, gpointer *ret_values)
{
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind == OPTION_GROUP) {
			const Option *found = find_option(option->rows, name, length,
				G_STRUCT_MEMBER_P(values, option->offset), ret_values);

			if (found != NULL)
				return found;
			continue;
		}
		*ret_values = values;
		if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
			return option;
		if (length == 1 && option->letter == name[0])
			return option;
	}
	return NULL;
}

static gboolean store_value(const Option *option, gpointer values, const char *text, GError **error)
{
	gpointer place = G_STRUCT_MEMBER_P(values, option->offset);

	switch (option->kind) {
	case OPTION_FLAG:
		*(gboolean *)place = TRUE;
		return TRUE;
	case OPTION_TEXT:
		g_free(*(char **)place);
		*(char **)place = g_strdup(text);
		return TRUE;
	case OPTION_TEXTS:
		if (*(GPtrArray **)place == NULL)
			*(GPtrArray **)place = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(*(GPtrArray **)place, g_strdup(text));
		return TRUE;
	case OPTION_NUMBER:
		if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, place, NULL)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"--%s: %s is not a whole number", option->name, text);
			return FALSE;
		}
		return TRUE;
	case OPTION_GROUP:
		break;
	}
	g_return_val_if_reached(FALSE);
}

static void clear_values(const Option *options, gpointer values)
{
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		gpointer place = G_STRUCT_MEMBER_P(values, option->offset);

		if (option->kind == OPTION_GROUP)
			clear_values(option->rows, place);
		else if (option->kind == OPTION_TEXT)
			g_clear_pointer((char **)place, g_free);
		else if (option->kind == OPTION_TEXTS)
			g_clear_pointer((GPtrArray **)place, g_ptr_array_unref);
	}
}

static void free_values(const Option *options, gpointer values)
{
	clear_values(options, values);
	g_free(values);
}

static void set_defaults(const Option *options, gpointer values)
{
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind == OPTION_GROUP)
			set_defaults(option->rows, G_STRUCT_MEMBER_P(values, option->offset));
		/* A default in a table is ours: one that cannot be read is a fault of the program.
		 */
		if (option->fallback != NULL &&
			!store_value(option, values, option->fallback, NULL))
			g_assert_not_reached();
	}
}

static gpointer new_values(const Option *options, gsize size)
{
	gpointer values = g_malloc0(MAX(size, 1));

	set_defaults(options, values);
	return values;
}

static gboolean is_word(const char *name, gsize length, const char *word)
{
	return strlen(word) == length && strncmp(name, word, length) == 0;
}

/* --help and --version are every program's, unless a table takes the word or letter. */
static gboolean read_common_option(Line *line, const char *name, gsize length)
{
	if (is_word(name, length, "help") || is_word(name, length, "h"))
		line->wants_help = TRUE;
	else if (line->verb == NULL &&
		 (is_word(name, length, "version") || is_word(name, length, "v")))
		line->wants_version = TRUE;
	else
		return FALSE;
	return TRUE;
}

static gboolean unknown_option(const char *word, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "unknown option %s", word);
	return FALSE;
}

/* --name VALUE, --name=VALUE, -x VALUE, -x=VALUE; one dash before a long name is taken as two, as
 * the field's tools do. */
static gboolean read_option(Line *line, const char *word, GError **error)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');
	gsize length = equals != NULL ? (gsize)(equals - name) : strlen(name);
	gpointer values = NULL;
	const Option *option = line->verb != NULL ? find_option(line->verb->options, name, length,
							    line->verb_values, &values)
						  : NULL;

	if (option == NULL)
		option = find_option(
			line->program->options, name, length, line->global_values, &values);
	if (option == NULL)
		return read_common_option(line, name, length) || unknown_option(word, error);
	if (option->kind == OPTION_FLAG) {
		if (equals != NULL)
			return unknown_option(word, error);
		return store_value(option, values, NULL, error);
	}
	if (equals != NULL)
		return store_value(option, values, equals + 1, error);
	if (line->at + 1 >= line->argc) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "option %s needs a value", word);
		return FALSE;
	}
	return store_value(option, values, line->argv[++line->at], error);
}

/* A verb of two words wins over one of its first word. */
static const Verb *find_verb(Line *line, const char *word)
{
	const char *next = line->at + 1 < line->argc ? line->argv[line->at + 1] : "";
	g_autofree char *two_words = g_strdup_printf("%s %s", word, next);

	for (const Verb *const *verb = line->program->verbs; *verb != NULL; verb++) {
		if (strcmp((*verb)->name, two_words) == 0) {
			line->at++;
			return *verb;
		}
	}
	for (const Verb *const *verb = line->program->verbs; *verb != NULL; verb++) {
		if (strcmp((*verb)->name, word) == 0)
			return *verb;
	}
	return NULL;
}

static gboolean is_help_word(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "h") == 0;
}

/* "write" of "write module-image", with nothing or an option behind it. */
static gboolean is_group(const Line *line, const char *word)
{
	const char *next = line->at + 1 < line->argc ? line->argv[line->at + 1] : "-";
	g_autofree char *start = g_strdup_printf("%s ", word);

	if (next[0] != '-')
		return FALSE;
	for (const Verb *const *verb = line->program->verbs; *verb != NULL; verb++) {
		if (g_str_has_prefix((*verb)->name, start))
			return TRUE;
	}
	return FALSE;
}

static gboolean read_word(Line *line, char *word, GError **error)
{
	if (line->verb != NULL) {
		g_ptr_array_add(line->operands, word);
		return TRUE;
	}
	line->verb = find_verb(line, word);
	if (line->verb == NULL && !line->wants_help && is_help_word(word)) {
		line->wants_help = TRUE;
		return TRUE;
	}
	if (line->verb == NULL && line->group == NULL && is_group(line, word)) {
		line->group = word;
		return TRUE;
	}
	if (line->verb == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "unknown command %s; see --help",
			word);
		return FALSE;
	}
	line->verb_values = new_values(line->verb->options, line->verb->options_size);
	return TRUE;
}

static gboolean read_line(Line *line, GError **error)
{
	for (line->at = 1; line->at < line->argc; line->at++) {
		char *word = line->argv[line->at];

		if (!line->options_ended && strcmp(word, "--") == 0)
			line->options_ended = TRUE;
		else if (!line->options_ended && word[0] == '-' && word[1] != '\0') {
			if (!read_option(line, word, error))
				return FALSE;
		} else if (!read_word(line, word, error)) {
			return FALSE;
		}
	}
	if (line->verb == NULL && !line->wants_version && line->program->helps_when_bare)
		line->wants_help = TRUE;
	if (line->wants_help || line->wants_version)
		return TRUE;
	if (line->verb == NULL) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "a command is needed; see --help");
		return FALSE;
	}
	if (line->verb->operands == NULL && line->operands->len > 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s takes no %s",
			line->verb->name, (const char *)line->operands->pdata[0]);
		return FALSE;
	}
	return TRUE;
}

static int run_line(Line *line)
{
	const Program *program = line->program;
	g_autoptr(GError) error = NULL;

	if (!read_line(line, &error)) {
		if (program->complain != NULL)
			program->complain(error->message);
		else
			fprintf(stderr, "%s: %s\n", program->name, error->message);
		return program->usage_status;
	}
	if (line->wants_help) {
		help_print(program, line->verb, line->group);
		return 0;
	}
	if (line->wants_version) {
		printf("%s %s\n", program->name, ROTA_VERSION);
		return 0;
	}
	g_ptr_array_add(line->operands, NULL);
	return line->verb->run(
		line->verb_values, (char **)line->operands->pdata, line->global_values);
}

int program_main(const Program *program, int argc, char **argv)
{
	g_autoptr(GPtrArray) operands = g_ptr_array_new();
	Line line = {
		.program = program,
		.global_values = new_values(program->options, program->options_size),
		.operands = operands,
		.argv = argv,
		.argc = argc,
	};
	int status;

	if (argc == 2 && strcmp(argv[1], "--print-man") == 0) {
		help_print_man(program);
		status = 0;
	} else if (argc == 3 && strcmp(argv[1], "--print-completion") == 0) {
		status = help_print_completion(program, argv[2]) ? 0 : program->usage_status;
	} else {
		status = run_line(&line);
	}
	free_values(program->options, line.global_values);
	if (line.verb != NULL)
		free_values(line.verb->options, line.verb_values);
	return status;
}
