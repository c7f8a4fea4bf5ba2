/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: one that prints without end is ended at its deadline; what the process had open is
 * closed once, whatever has the same number later; one that closes its outputs is waited for. */
#include "agent/process.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/error.h"

enum { HANG_LIMIT_S = 60 };

/* Lines of a program are no news here. */
static GLogWriterOutput drop_lines(
	GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data)
{
	return G_LOG_WRITER_HANDLED;
}

static gint64 used_us(void)
{
	struct rusage usage;

	g_assert_cmpint(getrusage(RUSAGE_SELF, &usage), ==, 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void test_endless_output(void)
{
	const char *arguments[] = { "/usr/bin/yes", NULL };
	ProcessPlan plan = { .arguments = arguments, .name = "yes", .timeout_s = 1 };
	g_autoptr(GError) error = NULL;
	int status = 0;

	g_assert_false(process_run(&plan, &status, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT);
}

static void test_closed_once(void)
{
	const char *arguments[] = { "/bin/true", NULL };
	ProcessPlan plan = { .arguments = arguments, .name = "true", .timeout_s = HANG_LIMIT_S };
	Process *process = process_start(&plan, NULL);
	int others[3];
	int status = -1;

	g_assert_nonnull(process);
	g_assert_true(process_finish(process, &status, NULL));
	g_assert_cmpint(status, ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
		others[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	process_free(process);
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
		g_assert_cmpint(close(others[i]), ==, 0);
}

static void test_closed_outputs(void)
{
	const char *arguments[] = { "/bin/sh", "-c", "exec >&- 2>&-; sleep 1; exit 3", NULL };
	ProcessPlan plan = { .arguments = arguments, .name = "quiet", .timeout_s = HANG_LIMIT_S };
	gint64 before_us = used_us();
	int status = -1;

	g_assert_true(process_run(&plan, &status, NULL, NULL));
	g_assert_cmpint(status, ==, 3);
	g_assert_cmpint(used_us() - before_us, <, G_USEC_PER_SEC / 4);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_writer_func(drop_lines, NULL, NULL);
	(void)alarm(HANG_LIMIT_S);
	g_test_add_func("/agent/process/endless-output", test_endless_output);
	g_test_add_func("/agent/process/closed-once", test_closed_once);
	g_test_add_func("/agent/process/closed-outputs", test_closed_outputs);
	return g_test_run();
}
