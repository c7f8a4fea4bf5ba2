/* SPDX-License-Identifier: Apache-2.0 */
/* shows: MS5 (every statement of the server on both engines)
 *
 *   plan     each engine can plan every named statement on the finished schema
 *   again    opening a database that has all steps changes nothing
 *   check    a fresh database is sound */
#include "server/database-engine.h"
#include "server/testing.h"

static void test_plan(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	const char *where = NULL;
	const DatabaseEngine *functions = database_engine_for(store->url, &where, &error);
	Connection *connection = functions->open(where, CONNECTION_WRITER, &error);

	g_assert_no_error(error);
	for (guint i = 0; i < N_QUERIES; i++) {
		if (!functions->plan(connection, (QueryId)i, &error)) {
			g_test_message("%s", error->message);
			g_test_fail();
		}
		g_clear_error(&error);
	}
	functions->close(connection);
}

static void test_again(TestStore *store, gconstpointer engine)
{
	test_store_reopen(store);
}

static void test_check(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(database_check(store->database, &error));
	g_assert_no_error(error);
}

static const TestCase cases[] = {
	{ "plan", test_plan },
	{ "again", test_again },
	{ "check", test_check },
	{ 0 },
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	test_store_add_cases("/server/queries", cases);
	return g_test_run();
}
