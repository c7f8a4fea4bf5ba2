/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a time is written in UTC with milliseconds, before 1970 too; RFC 3339 in all its spellings
 * is read; dates alone, times without a zone and nonsense are refused. */
#include "base/clock.h"
#include "base/error.h"

static const struct {
	const char *text;
	gint64 time_us;
} readable[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-01-02T03:04:05.678Z", 1767323045678000 },
	{ "2026-01-02T05:04:05.678+02:00", 1767323045678000 },
	{ "2026-01-02t03:04:05z", 1767323045000000 },
};

static const char *const refused[] = { "", "2026-01-02", "2026-01-02T03:04:05",
	"2026-W01-1T00:00:00Z", "2026-13-02T03:04:05Z", "20260102T030405Z",
	"2026-01-02T03:04:05ZZ" };

static void test_format(void)
{
	g_autofree char *after = clock_format_rfc3339(1767323045678999);
	g_autofree char *before = clock_format_rfc3339(-1);

	g_assert_cmpstr(after, ==, "2026-01-02T03:04:05.678Z");
	g_assert_cmpstr(before, ==, "1969-12-31T23:59:59.999Z");
}

static void test_parse(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(readable); i++) {
		gint64 time_us = -1;

		g_assert_true(clock_parse_rfc3339(readable[i].text, &time_us, NULL));
		g_assert_cmpint(time_us, ==, readable[i].time_us);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;
		gint64 time_us = 42;

		g_assert_false(clock_parse_rfc3339(refused[i], &time_us, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
		g_assert_cmpint(time_us, ==, 42);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/clock/format", test_format);
	g_test_add_func("/base/clock/parse", test_parse);
	return g_test_run();
}
