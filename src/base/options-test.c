/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: options before and after operands and before the verb, in all spellings; verbs of two
 * words; repeated options; numbers; "--"; defaults; what is not understood gives the usage status;
 * rows of a group write into an inner struct; "help", and the first word of two, list commands. */
#include "base/options.h"
#include <stdlib.h>

typedef struct {
	gboolean loud;
	char *compression;
} Globals;

typedef struct {
	GPtrArray *types;
	gint64 count;
} Shared;

typedef struct {
	char *name;
	gboolean force;
	Shared shared;
} Values;

static char *seen; /* what the last run verb was given, as text */

static int record(gconstpointer options, char **operands, gconstpointer globals)
{
	const Values *values = options;
	const Globals *global = globals;
	g_autofree char *rest = g_strjoinv(",", operands);

	g_free(seen);
	seen = g_strdup_printf("name=%s types=%u count=%d force=%d loud=%d compression=%s rest=%s",
		values->name, values->shared.types != NULL ? values->shared.types->len : 0,
		(int)values->shared.count, values->force, global->loud, global->compression, rest);
	return 7;
}

static int run_other(gconstpointer options, char **operands, gconstpointer globals)
{
	return 8;
}

static const Option global_options[] = {
	{ "loud", 'l', OPTION_FLAG, G_STRUCT_OFFSET(Globals, loud), NULL, "Say more", NULL },
	{ "compression", 0, OPTION_TEXT, G_STRUCT_OFFSET(Globals, compression), "ID",
		"How to compress", "gzip" },
	{ 0 },
};

static const Option shared_options[] = {
	{ "type", 't', OPTION_TEXTS, G_STRUCT_OFFSET(Shared, types), "TYPE", "A type", NULL },
	{ "count", 'c', OPTION_NUMBER, G_STRUCT_OFFSET(Shared, count), "N", "How many", "3" },
	{ 0 },
};

static const Option write_options[] = {
	{ "name", 'n', OPTION_TEXT, G_STRUCT_OFFSET(Values, name), "NAME", "The name", NULL },
	{ "Shared", 0, OPTION_GROUP, G_STRUCT_OFFSET(Values, shared), .rows = shared_options },
	{ "force", 'f', OPTION_FLAG, G_STRUCT_OFFSET(Values, force), NULL, "Do it", NULL },
	{ 0 },
};

static const Verb *const verbs[] = {
	&(const Verb){ "write image", "FILE...", "Write",
		"It writes.\n\n    write \\\n        image", write_options, sizeof(Values),
		record },
	&(const Verb){ "write", NULL, "Other", NULL, NULL, 0, run_other },
	&(const Verb){ "list one", NULL, "First of two", NULL, NULL, 0, run_other },
	&(const Verb){ "list all", NULL, "Second of two", NULL, NULL, 0, run_other },
	NULL,
};

static const Program program = { "sample", "A sample", NULL, global_options, sizeof(Globals), verbs,
	2 };

static int run(const char *words)
{
	g_auto(GStrv) argv = g_strsplit(words, " ", -1);

	g_clear_pointer(&seen, g_free);
	return program_main(&program, (int)g_strv_length(argv), argv);
}

static const struct {
	const char *words;
	const char *seen;
} understood[] = {
	{ "p write image", "name=(null) types=0 count=3 force=0 loud=0 compression=gzip rest=" },
	{ "p -l write image -n x a --type=t1 -t t2 b",
		"name=x types=2 count=3 force=0 loud=1 compression=gzip rest=a,b" },
	{ "p --compression none write image -c 9 -f",
		"name=(null) types=0 count=9 force=1 loud=0 compression=none rest=" },
	{ "p write image --compression none -name y -n=z",
		"name=z types=0 count=3 force=0 loud=0 compression=none rest=" },
	{ "p write image - -- -f --x",
		"name=(null) types=0 count=3 force=0 loud=0 compression=gzip rest=-,-f,--x" },
};

static const char *const not_understood[] = {
	"p",
	"p nothing",
	"p write image --what",
	"p write image -n",
	"p write image -c x",
	"p write image --force=1",
	"p write more",
	"p list",
	"p list none",
	"p help none",
	"p --what write image",
};

static void test_understood(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(understood); i++) {
		g_assert_cmpint(run(understood[i].words), ==, 7);
		g_assert_cmpstr(seen, ==, understood[i].seen);
	}
	g_assert_cmpint(run("p write"), ==, 8);
	g_clear_pointer(&seen, g_free);
}

static void test_not_understood(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(not_understood); i++) {
		g_assert_cmpint(run(not_understood[i]), ==, 2);
		g_assert_null(seen);
	}
}

static void test_help_text(void)
{
	if (g_test_subprocess())
		exit(run("p write image --help"));
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stdout(
		"*write image*FILE...*-n, --name NAME*The name*Shared:*--count N*(default: "
		"3)*--loud*");
}

static void test_help_verb(void)
{
	if (g_test_subprocess())
		exit(run("p help") + run("p help write image") + run("p h list one"));
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stdout("*sample COMMAND*sample write image*sample list one*");
}

static void test_help_of_a_group(void)
{
	if (g_test_subprocess())
		exit(run("p list --help"));
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stdout("*sample list COMMAND*First of two*Second of two*");
	g_test_trap_assert_stdout_unmatched("*Other*");
}

static void test_man_page(void)
{
	if (g_test_subprocess())
		exit(run("p --print-man"));
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stdout(
		"*sample(1)*# COMMANDS*## write image FILE...*-c, --count N*Default: 3*");
	/* An example is a literal block of scdoc's, which takes a backslash for itself. */
	g_test_trap_assert_stdout("*It writes.\n\n```\nwrite \\\\\n    image\n```\n\n*");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/options/understood", test_understood);
	g_test_add_func("/base/options/not-understood", test_not_understood);
	g_test_add_func("/base/options/help-text", test_help_text);
	g_test_add_func("/base/options/help-verb", test_help_verb);
	g_test_add_func("/base/options/help-of-a-group", test_help_of_a_group);
	g_test_add_func("/base/options/man-page", test_man_page);
	return g_test_run();
}
