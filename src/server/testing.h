/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database.h"

/* A fresh store for each case of a unit test, on either engine: a file in a folder of its own, or a
 * schema of its own in the PostgreSQL that tests/bin/with-postgresql starts. Removed afterwards. */
typedef struct {
	char *folder, *url;
	Database *database;
} TestStore;

/* For g_test_add: @engine is "sqlite" or "postgresql". */
void test_store_set_up(TestStore *store, gconstpointer engine);
void test_store_tear_down(TestStore *store, gconstpointer engine);
/* Closes and opens it again. */
void test_store_reopen(TestStore *store);

typedef struct {
	const char *name;
	void (*run)(TestStore *store, gconstpointer engine);
} TestCase;

/* Adds PATH/ENGINE/NAME for each case and engine. Without a PostgreSQL one test says that it is
 * skipped. The table ends with a case without a name. */
void test_store_add_cases(const char *path, const TestCase *cases);

/* Statements the store has no names for, to set up what should not be. */
void test_store_run_sql(TestStore *store, const char *sqlite, const char *postgresql);
