/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* A hash table that maps a 16-byte key to a row number and holds the row numbers only: 4 bytes an
 * entry, where the key stands in the row itself. Not locked. */
typedef struct {
	guint32 *slots;  /* row + 1; 0 = never used, ROW_TABLE_GONE = removed */
	guint32 n_slots; /* a power of two, or 0 */
	guint32 n_used;  /* slots that are not 0 */
	/* The key of a row that is in the table: random bytes (a UUID, a digest). */
	const guint8 *(*key)(gpointer data, guint32 row);
	gpointer data;
} RowTable;

enum { ROW_KEY_SIZE = 16 };

gboolean row_table_find(const RowTable *table, const guint8 key[ROW_KEY_SIZE],
	guint32 *ret_row) G_GNUC_WARN_UNUSED_RESULT;
/* The key must not be in the table. */
void row_table_add(RowTable *table, guint32 row);
/* While key() still answers for @row; not there is fine. */
void row_table_remove(RowTable *table, guint32 row);
void row_table_clear(RowTable *table);
