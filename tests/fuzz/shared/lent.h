/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/stream.h"

/* Bytes as a stream that lends a few of them at a time. */
typedef struct {
	Stream stream;
	const guint8 *data;
	gsize left, step;
} LentBytes;

/* Borrows @data. */
void lent_bytes_init(LentBytes *lent, const guint8 *data, gsize size, gsize step);
