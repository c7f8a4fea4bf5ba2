/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/lent.h"

static gboolean lent_peek(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	const LentBytes *lent = (const LentBytes *)stream;

	*ret_data = lent->data;
	*ret_size = MIN(lent->left, lent->step);
	return TRUE;
}

static void lent_advance(Stream *stream, gsize size)
{
	LentBytes *lent = (LentBytes *)stream;

	g_assert_cmpuint(size, <=, MIN(lent->left, lent->step));
	lent->data += size;
	lent->left -= size;
}

void lent_bytes_init(LentBytes *lent, const guint8 *data, gsize size, gsize step)
{
	*lent = (LentBytes){ { lent_peek, lent_advance }, data, size, step };
}
