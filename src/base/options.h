/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* The command line as tables: parsing, --help and the man page come from the same rows.
 *
 * A program has verbs ("serve", "user create"); a verb has options and operands. Options may stand
 * before or after operands, as --name VALUE, --name=VALUE or -x VALUE; "--" ends them. Global
 * options may stand before the verb as well. An unknown option or verb is ROTA_ERROR_INVALID with
 * the word that was not understood. */

typedef enum {
	OPTION_FLAG,   /* gboolean: present or not */
	OPTION_TEXT,   /* char * */
	OPTION_TEXTS,  /* GPtrArray * of char *: may be given several times */
	OPTION_NUMBER, /* gint64 */
	OPTION_GROUP,  /* stands for .rows, whose struct lies at .offset; .name is their heading */
} OptionKind;

typedef struct Option Option;
struct Option {
	const char *name; /* without the dashes */
	char letter;      /* 0 = none */
	OptionKind kind;
	gsize offset;         /* of the member in the verb's (or the program's) options struct */
	const char *value;    /* what the value is called in help: "FILE" */
	const char *help;     /* one sentence, no full stop */
	const char *fallback; /* default as text, or NULL */
	const Option *rows;   /* of an OPTION_GROUP: what several verbs share stands in one table */
};

typedef struct {
	const char *name;     /* one or two words: "serve", "user create" */
	const char *operands; /* as in help: "FILE", "[FILE...]"; NULL = none are taken */
	const char *help;     /* one line */
	const char *details;  /* paragraphs for --help and the man page, or NULL */
	const Option *options;
	gsize options_size; /* of the struct the options write into */
	/* @options: the parsed struct; @operands: NULL-terminated; Returns: the exit status */
	int (*run)(gconstpointer options, char **operands, gconstpointer global_options);
} Verb;

typedef struct {
	const char *name; /* "rota-artifact" */
	const char *help; /* one line */
	const char *details;
	const Option *options; /* global ones; or NULL */
	gsize options_size;
	const Verb *const *verbs; /* ends with NULL */
	int usage_status;         /* exit status for a command line that is not understood */
	gboolean helps_when_bare; /* without a command: --help and status 0, instead of usage_status
				   */
	/* (nullable): says what was not understood, instead of "NAME: MESSAGE" on stderr */
	void (*complain)(const char *message);
} Program;

/* Parses and runs. Serves --help, -h, --version (and -v unless a row takes the letter), "help" and
 * "h" as a verb itself, and the hidden --print-man and --print-completion bash, which print the man
 * page in scdoc's language and the shell's script for the build. The first word of verbs of two,
 * alone or with --help, lists them. */
int program_main(const Program *program, int argc, char **argv);
