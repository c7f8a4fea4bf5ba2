/* SPDX-License-Identifier: Apache-2.0 */
#include "server/row-table.h"

#include <string.h>

enum { SLOTS_LEAST = 64 };
#define ROW_TABLE_GONE G_MAXUINT32

static guint32 first_slot(const RowTable *table, const guint8 *key)
{
	guint32 hash;

	/* The last bytes: a UUID's first ones hold its version. */
	memcpy(&hash, key + ROW_KEY_SIZE - sizeof hash, sizeof hash);
	return hash & (table->n_slots - 1);
}

/* The slot of @key, or G_MAXUINT32. */
static guint32 find_slot(const RowTable *table, const guint8 *key)
{
	if (table->n_slots == 0)
		return G_MAXUINT32;
	for (guint32 slot = first_slot(table, key); table->slots[slot] != 0;
		slot = (slot + 1) & (table->n_slots - 1)) {
		guint32 entry = table->slots[slot];

		if (entry != ROW_TABLE_GONE &&
			memcmp(table->key(table->data, entry - 1), key, ROW_KEY_SIZE) == 0)
			return slot;
	}
	return G_MAXUINT32;
}

gboolean row_table_find(const RowTable *table, const guint8 key[ROW_KEY_SIZE], guint32 *ret_row)
{
	guint32 slot = find_slot(table, key);

	if (slot == G_MAXUINT32)
		return FALSE;
	*ret_row = table->slots[slot] - 1;
	return TRUE;
}

static void put(RowTable *table, guint32 row)
{
	guint32 slot = first_slot(table, table->key(table->data, row));

	while (table->slots[slot] != 0)
		slot = (slot + 1) & (table->n_slots - 1);
	table->slots[slot] = row + 1;
	table->n_used++;
}

/* Also forgets removed entries, so a table that only turns over does not grow. */
static void rebuild(RowTable *table)
{
	g_autofree guint32 *old = g_steal_pointer(&table->slots);
	guint32 n_old = table->n_slots;
	guint32 n_live = 0;

	for (guint32 i = 0; i < n_old; i++)
		n_live += old[i] != 0 && old[i] != ROW_TABLE_GONE;
	table->n_slots = SLOTS_LEAST;
	while (table->n_slots / 2 <= n_live)
		table->n_slots *= 2;
	table->slots = g_new0(guint32, table->n_slots);
	table->n_used = 0;
	for (guint32 i = 0; i < n_old; i++)
		if (old[i] != 0 && old[i] != ROW_TABLE_GONE)
			put(table, old[i] - 1);
}

void row_table_add(RowTable *table, guint32 row)
{
	if (table->n_used + 1 > table->n_slots / 4 * 3)
		rebuild(table);
	put(table, row);
}

void row_table_remove(RowTable *table, guint32 row)
{
	guint32 slot = find_slot(table, table->key(table->data, row));

	if (slot != G_MAXUINT32 && table->slots[slot] == row + 1)
		table->slots[slot] = ROW_TABLE_GONE;
}

void row_table_clear(RowTable *table)
{
	g_clear_pointer(&table->slots, g_free);
	table->n_slots = table->n_used = 0;
}
