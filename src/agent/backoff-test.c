/* SPDX-License-Identifier: Apache-2.0 */
/* Waits after failures: the default series and its end, a cap below a minute, a counted series,
 * reset. */
#include "agent/backoff.h"

static void check(AgentSettings *settings, const gint64 *expected, gsize count)
{
	Backoff backoff = { 0 };

	for (gsize i = 0; i < count; i++)
		g_assert_cmpint(backoff_next_s(&backoff, settings), ==, expected[i]);
	backoff_reset(&backoff);
	g_assert_cmpint(backoff_next_s(&backoff, settings), ==, expected[0]);
}

static void test_default(void)
{
	static const gint64 expected[] = { 60, 60, 60, 120, 120, 120, 240, 240, 240, 300, 300, 300,
		-1, -1 };
	AgentSettings settings = { .retry_poll_s = 300 };

	check(&settings, expected, G_N_ELEMENTS(expected));
}

static void test_short_cap(void)
{
	static const gint64 expected[] = { 5, 5, 5, -1 };
	AgentSettings settings = { .retry_poll_s = 5 };

	check(&settings, expected, G_N_ELEMENTS(expected));
}

static void test_counted(void)
{
	static const gint64 expected[] = { 60, 60, 60, 90, 90, 90, 90, -1 };
	AgentSettings settings = { .retry_poll_s = 90, .retry_poll_count = 7 };

	check(&settings, expected, G_N_ELEMENTS(expected));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/agent/backoff/default", test_default);
	g_test_add_func("/agent/backoff/short-cap", test_short_cap);
	g_test_add_func("/agent/backoff/counted", test_counted);
	return g_test_run();
}
