/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: one row each: header, size of the file, what is to be sent. */
#include "server/artifacts/range.h"

static const struct {
	const char *header;
	guint64 size;
	RangeKind kind;
	guint64 offset, length;
} rows[] = {
	{ NULL, 100, RANGE_WHOLE, 0, 100 },
	{ "bytes=0-", 100, RANGE_PART, 0, 100 },
	{ "bytes=10-", 100, RANGE_PART, 10, 90 },
	{ "bytes=10-10", 100, RANGE_PART, 10, 1 },
	{ "Bytes=10-1000", 100, RANGE_PART, 10, 90 },
	{ "bytes=99-", 100, RANGE_PART, 99, 1 },
	{ "bytes=-5", 100, RANGE_PART, 95, 5 },
	{ "bytes=-500", 100, RANGE_PART, 0, 100 },
	{ "bytes=4294967296-", 4294967300, RANGE_PART, 4294967296, 4 },
	{ "bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 100 },
	{ "bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 100 },
	{ "bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=20-10", 100, RANGE_WHOLE, 0, 100 },
	{ "bytes=-", 100, RANGE_WHOLE, 0, 100 },
	{ "bytes=", 100, RANGE_WHOLE, 0, 100 },
	{ "bytes=1-2,4-5", 100, RANGE_WHOLE, 0, 100 },
	{ "bytes=+1-", 100, RANGE_WHOLE, 0, 100 },
	{ "bytes=99999999999999999999-", 100, RANGE_WHOLE, 0, 100 },
	{ "lines=1-2", 100, RANGE_WHOLE, 0, 100 },
};

static void test_rows(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		guint64 offset, length;

		g_test_message("%s of %" G_GUINT64_FORMAT, rows[i].header, rows[i].size);
		g_assert_cmpint(range_read(rows[i].header, rows[i].size, &offset, &length), ==,
			rows[i].kind);
		g_assert_cmpuint(offset, ==, rows[i].offset);
		g_assert_cmpuint(length, ==, rows[i].length);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/range/rows", test_rows);
	return g_test_run();
}
