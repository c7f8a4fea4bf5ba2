/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"
#include "server/testing.h"

/* What the store's own tests are made of: jobs on the table of sql/test/server, and what the store
 * says of them. */

#define TENANT "t1"

typedef struct {
	const char *id;
	const char *parent;
	gint64 number;
	gboolean says_ok; /* returns TRUE although a statement failed */
	gboolean fails;   /* by a rule of its own, after it wrote */
} Item;

typedef struct {
	gint64 count, sum;
} ItemCount;

/* What the writer's thread reports, read by the test's own. */
typedef struct {
	GMutex lock;
	GCond changed;
	guint n_done, n_failed;
	gboolean gate_open;
	GString *story;
} Watch;

typedef struct {
	Watch *watch;
	Item item;
	const char *name;
	guint runs;
} WatchedItem;

/* Jobs: of an Item, of nothing, of an ItemCount. */
gboolean item_add(Transaction *transaction, gpointer data, GError **error);
gboolean item_add_one(Transaction *transaction, gpointer data, GError **error);
gboolean items_count(Transaction *transaction, gpointer data, GError **error);

void assert_count(Database *database, gint64 expected);
void assert_write(Database *database, DatabaseJob job, gpointer data);
void assert_refused(Database *database, DatabaseJob job, gpointer data, RotaError code);

void watch_init(Watch *watch);
void watch_clear(Watch *watch);
/* Until @n jobs are done. */
void watch_wait(Watch *watch, guint n);
/* A DatabaseDone of a Watch. */
void watch_note_done(gpointer data, const GError *error);
/* A job of a Watch: holds the writer until the gate is open, so that what is handed in meanwhile
 * gathers behind it. */
gboolean watch_wait_at_gate(Transaction *transaction, gpointer data, GError **error);
void watch_open_gate(Watch *watch);

/* A job and its DatabaseDone, of a WatchedItem: the story tells its hook, the hook's end and the
 * answer. */
gboolean watched_item_add(Transaction *transaction, gpointer data, GError **error);
void watched_item_note_done(gpointer data, const GError *error);
