/* SPDX-License-Identifier: Apache-2.0 */
/* The script is a table and a page of shell that is the same for every program: which options a
 * command has, which of them take a value, which values are files, and whether it takes operands.
 * "." stands for what holds without a command. */
#include <stdio.h>
#include <string.h>
#include "base/options-help.h"

typedef gboolean (*OptionFilter)(const Option *option);

static gboolean any_option(const Option *option)
{
	return TRUE;
}

static gboolean takes_value(const Option *option)
{
	return option->kind != OPTION_FLAG;
}

/* By what the value is called: all tables say one of these of a path. */
static gboolean takes_path(const Option *option)
{
	static const char *const paths[] = { "FILE", "DIR", "FOLDER", NULL };

	return takes_value(option) && option->value != NULL &&
	       g_strv_contains(paths, option->value);
}

static void print_names(const Option *options, OptionFilter filter, gboolean letters)
{
	for (const Option *option = options; option != NULL && option->name != NULL; option++) {
		if (option->kind == OPTION_GROUP) {
			print_names(option->rows, filter, letters);
			continue;
		}
		if (!filter(option))
			continue;
		printf(" --%s", option->name);
		if (letters && option->letter != 0)
			printf(" -%c", option->letter);
	}
}

static void print_row(
	const char *table, const char *command, const Option *options, OptionFilter filter)
{
	printf("\t%s['%s']='", table, command);
	print_names(options, filter, filter != any_option);
	printf(" '\n");
}

static void print_rows(const char *command, const Option *options)
{
	print_row("options", command, options, any_option);
	print_row("valued", command, options, takes_value);
	print_row("paths", command, options, takes_path);
}

static const char bash_start[] =
	"{\n"
	"\tlocal current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal command='' commands='' start='' word i\n"
	"\tlocal -A options valued paths operands\n";

static const char bash_rest[] =
	"\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $word == -* ]]; then\n"
	"\t\t\tif [[ ${COMP_WORDS[i + 1]} == = ]]; then\n"
	"\t\t\t\t((i += 2))\n"
	"\t\t\telif [[ \"${valued['.']}${valued[${command:-.}]}\" == *\" $word \"* ]]; then\n"
	"\t\t\t\t((i += 1))\n"
	"\t\t\tfi\n"
	"\t\telif [[ -z $command && -n ${options[\"$start$word\"]} ]]; then\n"
	"\t\t\tcommand=$start$word\n"
	"\t\telif [[ -z $command ]]; then\n"
	"\t\t\tstart=\"$word \"\n"
	"\t\tfi\n"
	"\tdone\n"
	"\n"
	"\t# --name=VALUE comes as three words.\n"
	"\tif [[ $current == = ]]; then\n"
	"\t\tcurrent=''\n"
	"\telif [[ $option == = ]]; then\n"
	"\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ \"${valued['.']}${valued[${command:-.}]}\" == *\" $option \"* ]]; then\n"
	"\t\t[[ \"${paths['.']}${paths[${command:-.}]}\" == *\" $option \"* ]] || return 0\n"
	"\telif [[ $current == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \\\n"
	"\t\t\t\"${options['.']} ${options[${command:-.}]} --help\" -- \"$current\" | sort -u)\n"
	"\t\treturn 0\n"
	"\telif [[ -z $command ]]; then\n"
	"\t\tfor word in \"${!options[@]}\"; do\n"
	"\t\t\t[[ $word != . && $word == \"$start\"* ]] || continue\n"
	"\t\t\tword=${word#\"$start\"}\n"
	"\t\t\tcommands+=\" ${word%% *}\"\n"
	"\t\tdone\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\" | sort -u)\n"
	"\t\treturn 0\n"
	"\telif [[ -z ${operands[$command]} ]]; then\n"
	"\t\treturn 0\n"
	"\tfi\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
	"}\n";

static void print_bash(const Program *program)
{
	g_autofree char *function = g_strdup_printf("_%s", program->name);

	g_strdelimit(function, "-", '_');
	/* In two, so that it is not read as this file's own. */
	printf("# SPDX-License-"
	       "Identifier: Apache-2.0\n");
	printf("# Completion for bash, made from the option tables of %s.\n", program->name);
	printf("%s()\n%s", function, bash_start);
	print_rows(".", program->options);
	for (const Verb *const *verb = program->verbs; *verb != NULL; verb++) {
		print_rows((*verb)->name, (*verb)->options);
		if ((*verb)->operands != NULL)
			printf("\toperands['%s']=yes\n", (*verb)->name);
	}
	printf("%scomplete -F %s %s\n", bash_rest, function, program->name);
}

gboolean help_print_completion(const Program *program, const char *shell)
{
	if (strcmp(shell, "bash") != 0)
		return FALSE;
	print_bash(program);
	return TRUE;
}
