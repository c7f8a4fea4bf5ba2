/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: Content-Range in all shapes, right and wrong; every verdict over an answer to a download,
 * with what is skipped and the size that is then known; Retry-After in seconds, as a date, as
 * nonsense. */
#include "http/range.h"

static void test_content_range(void)
{
	const struct {
		const char *value;
		gint64 first, last, size;
		gboolean fits;
	} cases[] = {
		{ "bytes 0-0/1", 0, 0, 1, TRUE },
		{ "bytes 10-19/20", 10, 19, 20, TRUE },
		{ "Bytes 10-19/*", 10, 19, 0, TRUE },
		{ "bytes 5000000000-5999999999/6000000000", 5000000000, 5999999999, 6000000000,
			TRUE },
		{ "bytes 10-20/20", .fits = FALSE },
		{ "bytes 10-9/20", .fits = FALSE },
		{ "bytes -9/20", .fits = FALSE },
		{ "bytes 10-/20", .fits = FALSE },
		{ "bytes */20", .fits = FALSE },
		{ "bytes 10-19", .fits = FALSE },
		{ "bytes 10-19/20x", .fits = FALSE },
		{ "bytes 10-19/20 ", .fits = FALSE },
		{ "bytes  10-19/20", .fits = FALSE },
		{ "bytes +10-19/20", .fits = FALSE },
		{ "bytes 99999999999999999999-99999999999999999999/*", .fits = FALSE },
		{ "items 10-19/20", .fits = FALSE },
		{ "", .fits = FALSE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gint64 first = -1, last = -1, size = -1;

		g_test_message("%s", cases[i].value);
		g_assert_cmpint(content_range_parse(cases[i].value, &first, &last, &size), ==,
			cases[i].fits);
		if (!cases[i].fits)
			continue;
		g_assert_cmpint(first, ==, cases[i].first);
		g_assert_cmpint(last, ==, cases[i].last);
		g_assert_cmpint(size, ==, cases[i].size);
	}
}

typedef struct {
	const char *what;
	RangeState state;
	RangeAnswer answer;
	RangeVerdict verdict;
	gint64 skip, size; /* for RANGE_TAKE */
} JudgeCase;

/* clang-format off */
static const JudgeCase judge_cases[] = {
	{ "first answer", { 0, 0, NULL, FALSE }, { 200, 100, NULL, "a", NULL }, RANGE_TAKE, 0, 100 },
	{ "without a length", { 0, 0, NULL, FALSE }, { 200, -1, NULL, NULL, NULL }, RANGE_TAKE, 0, 0 },
	{ "another size than expected", { 0, 99, NULL, FALSE }, { 200, 100, NULL, NULL, NULL }, RANGE_CHANGED },
	{ "packed", { 0, 0, NULL, FALSE }, { 200, 100, NULL, NULL, "gzip" }, RANGE_REFUSED },
	{ "the rest", { 40, 100, "a", TRUE }, { 206, 60, "bytes 40-99/100", "a", NULL }, RANGE_TAKE, 0, 100 },
	{ "the rest, earlier", { 40, 100, "a", TRUE }, { 206, 70, "bytes 30-99/100", "a", NULL }, RANGE_TAKE, 10, 100 },
	{ "a part of the rest", { 40, 100, "a", TRUE }, { 206, 10, "bytes 40-49/100", "a", NULL }, RANGE_TAKE, 0, 100 },
	{ "size with a star", { 40, 100, NULL, TRUE }, { 206, 60, "bytes 40-99/*", NULL, NULL }, RANGE_TAKE, 0, 100 },
	{ "later than asked", { 40, 100, "a", TRUE }, { 206, 50, "bytes 50-99/100", "a", NULL }, RANGE_UNFIT },
	{ "before what is there", { 40, 100, "a", TRUE }, { 206, 10, "bytes 0-9/100", "a", NULL }, RANGE_UNFIT },
	{ "length and range disagree", { 40, 100, "a", TRUE }, { 206, 61, "bytes 40-99/100", "a", NULL }, RANGE_UNFIT },
	{ "no range in it", { 40, 100, "a", TRUE }, { 206, 60, NULL, "a", NULL }, RANGE_UNFIT },
	{ "a part unasked", { 0, 0, NULL, FALSE }, { 206, 60, "bytes 0-59/100", NULL, NULL }, RANGE_REFUSED },
	{ "another ETag", { 40, 100, "a", TRUE }, { 206, 60, "bytes 40-99/100", "b", NULL }, RANGE_CHANGED },
	{ "another total", { 40, 100, "a", TRUE }, { 206, 61, "bytes 40-100/101", "a", NULL }, RANGE_CHANGED },
	{ "range not known", { 40, 100, "a", TRUE }, { 200, 100, NULL, "a", NULL }, RANGE_TAKE, 40, 100 },
	{ "whole and another", { 40, 100, "a", TRUE }, { 200, 100, NULL, "b", NULL }, RANGE_CHANGED },
	{ "whole and shorter", { 40, 0, NULL, TRUE }, { 200, 30, NULL, NULL, NULL }, RANGE_CHANGED },
	{ "nothing is missing", { 100, 100, "a", TRUE }, { 416, 0, NULL, NULL, NULL }, RANGE_COMPLETE },
	{ "it became shorter", { 40, 100, "a", TRUE }, { 416, 0, NULL, NULL, NULL }, RANGE_CHANGED },
	{ "416 unasked", { 0, 0, NULL, FALSE }, { 416, 0, NULL, NULL, NULL }, RANGE_REFUSED },
	{ "expired", { 40, 100, "a", TRUE }, { 403, 0, NULL, NULL, NULL }, RANGE_EXPIRED },
	{ "gone", { 0, 0, NULL, FALSE }, { 410, 0, NULL, NULL, NULL }, RANGE_EXPIRED },
	{ "too many", { 0, 0, NULL, FALSE }, { 429, 0, NULL, NULL, NULL }, RANGE_RETRY },
	{ "busy", { 0, 0, NULL, FALSE }, { 503, 0, NULL, NULL, NULL }, RANGE_RETRY },
	{ "redirect", { 0, 0, NULL, FALSE }, { 302, 0, NULL, NULL, NULL }, RANGE_REFUSED },
	{ "nothing in it", { 0, 0, NULL, FALSE }, { 204, 0, NULL, NULL, NULL }, RANGE_REFUSED },
	{ "bad request", { 0, 0, NULL, FALSE }, { 400, 0, NULL, NULL, NULL }, RANGE_REFUSED },
};
/* clang-format on */

static void test_judge(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(judge_cases); i++) {
		const JudgeCase *c = &judge_cases[i];
		gint64 skip = -1, size = -1;

		g_test_message("%s", c->what);
		g_assert_cmpint(range_judge(&c->state, &c->answer, &skip, &size), ==, c->verdict);
		if (c->verdict != RANGE_TAKE)
			continue;
		g_assert_cmpint(skip, ==, c->skip);
		g_assert_cmpint(size, ==, c->size);
	}
}

static void test_retry_after(void)
{
	g_assert_cmpint(retry_after_parse("0", 0, 100), ==, 0);
	g_assert_cmpint(retry_after_parse("7", 0, 100), ==, 7);
	g_assert_cmpint(retry_after_parse("700", 0, 100), ==, 100);
	g_assert_cmpint(retry_after_parse("99999999999999999999", 0, 100), ==, 0);
	g_assert_cmpint(retry_after_parse("-7", 0, 100), ==, 0);
	g_assert_cmpint(retry_after_parse("7 minutes", 0, 100), ==, 0);
	g_assert_cmpint(retry_after_parse("", 0, 100), ==, 0);
	g_assert_cmpint(retry_after_parse("Thu, 01 Jan 1970 00:01:00 GMT", 20, 100), ==, 40);
	g_assert_cmpint(retry_after_parse("Thu, 01 Jan 1970 00:01:00 GMT", 90, 100), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/http/range/content-range", test_content_range);
	g_test_add_func("/http/range/judge", test_judge);
	g_test_add_func("/http/range/retry-after", test_retry_after);
	return g_test_run();
}
