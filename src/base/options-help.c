/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options-help.h"
#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 34 };

static char *option_synopsis(const Option *option)
{
	g_autofree char *letter =
		option->letter != 0 ? g_strdup_printf("-%c, ", option->letter) : g_strdup("");

	return g_strdup_printf("%s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
		option->value != NULL ? option->value : "");
}

static void print_row(const char *left, const char *right, const char *fallback)
{
	printf("  %-*s", HELP_COLUMN, left);
	if (strlen(left) >= HELP_COLUMN)
		printf("\n  %-*s", HELP_COLUMN, "");
	printf("%s", right);
	if (fallback != NULL)
		printf(" (default: %s)", fallback);
	printf("\n");
}

static gboolean has_rows(const Option *options)
{
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind != OPTION_GROUP)
			return TRUE;
	}
	return FALSE;
}

/* The table's own rows, then its groups, each under its own heading. */
static void print_options(const char *title, const Option *options)
{
	if (has_rows(options))
		printf("\n%s:\n", title);
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind == OPTION_GROUP)
			continue;
		g_autofree char *synopsis = option_synopsis(option);
		print_row(synopsis, option->help, option->fallback);
	}
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind == OPTION_GROUP)
			print_options(option->name, option->rows);
	}
}

static void print_details(const char *details)
{
	if (details != NULL)
		printf("\n%s\n", details);
}

static void print_verb_help(const Program *program, const Verb *verb)
{
	printf("Usage: %s %s [OPTION...]%s%s\n\n%s\n", program->name, verb->name,
		verb->operands != NULL ? " " : "", verb->operands != NULL ? verb->operands : "",
		verb->help);
	print_details(verb->details);
	print_options("Options", verb->options);
	print_options("Options of every command", program->options);
}

static void print_verbs(const Program *program, const char *start)
{
	printf("\nCommands:\n");
	for (const Verb *const *verb = program->verbs; *verb != NULL; verb++) {
		if (g_str_has_prefix((*verb)->name, start))
			print_row((*verb)->name, (*verb)->help, NULL);
	}
}

static void print_group_help(const Program *program, const char *group)
{
	g_autofree char *start = g_strdup_printf("%s ", group);

	printf("Usage: %s %s COMMAND [OPTION...]\n", program->name, group);
	print_verbs(program, start);
	printf("\n%s %s COMMAND --help says more about a command.\n", program->name, group);
}

static void print_program_help(const Program *program)
{
	printf("Usage: %s COMMAND [OPTION...]\n\n%s\n", program->name, program->help);
	print_details(program->details);
	print_verbs(program, "");
	print_options("Options", program->options);
	printf("\n%s COMMAND --help says more about a command.\n", program->name);
}

void help_print(const Program *program, const Verb *verb, const char *group)
{
	if (verb != NULL)
		print_verb_help(program, verb);
	else if (group != NULL)
		print_group_help(program, group);
	else
		print_program_help(program);
}

/* Characters that scdoc would take as markup. */
static char *escape(const char *text)
{
	GString *escaped = g_string_new(NULL);

	for (; *text != '\0'; text++) {
		if (strchr("\\*_<>#", *text) != NULL)
			g_string_append_c(escaped, '\\');
		g_string_append_c(escaped, *text);
	}
	return g_string_free(escaped, FALSE);
}

static void print_man_options(const Option *options)
{
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind == OPTION_GROUP) {
			print_man_options(option->rows);
			continue;
		}
		g_autofree char *synopsis = option_synopsis(option);
		g_autofree char *left = escape(synopsis);
		g_autofree char *right = escape(option->help);

		printf("*%s*\n\t%s.", left, right);
		if (option->fallback != NULL) {
			g_autofree char *fallback = escape(option->fallback);

			printf(" Default: %s.", fallback);
		}
		printf("\n\n");
	}
}

#define EXAMPLE_INDENT "    "

/* scdoc takes a backslash for itself in a literal block too. */
static void print_man_line(const char *line, gboolean is_example)
{
	g_auto(GStrv) parts = g_strsplit(line, "\\", -1);
	g_autofree char *example = g_strjoinv("\\\\", parts);
	g_autofree char *escaped = escape(line);

	printf("%s\n", is_example ? example + strlen(EXAMPLE_INDENT) : escaped);
}

/* Lines that stand four blanks in are an example: they are shown as they are. */
static void print_man_text(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);
	gboolean in_example = FALSE;

	for (char **line = lines; *line != NULL; line++) {
		gboolean is_example = g_str_has_prefix(*line, EXAMPLE_INDENT);

		if (is_example != in_example)
			printf("```\n");
		print_man_line(*line, is_example);
		in_example = is_example;
	}
	printf("%s\n", in_example ? "```\n" : "");
}

static void print_man_verb(const Verb *verb)
{
	g_autofree char *operands = escape(verb->operands != NULL ? verb->operands : "");
	g_autofree char *help = escape(verb->help);

	printf("## %s %s\n\n%s.\n\n", verb->name, operands, help);
	print_man_text(verb->details);
	print_man_options(verb->options);
}

void help_print_man(const Program *program)
{
	g_autofree char *help = escape(program->help);

	printf("%s(1)\n\n# NAME\n\n%s - %s\n\n", program->name, program->name, help);
	printf("# SYNOPSIS\n\n*%s* COMMAND \\[OPTION...\\]\n\n# DESCRIPTION\n\n", program->name);
	print_man_text(program->details != NULL ? program->details : program->help);
	printf("# OPTIONS\n\n");
	print_man_options(program->options);
	printf("*-h, --help*\n\tShow what a command takes.\n\n*--version*\n\tShow the "
	       "version.\n\n");
	printf("# COMMANDS\n\n");
	for (const Verb *const *verb = program->verbs; *verb != NULL; verb++)
		print_man_verb(*verb);
}
