/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* The Range header (RFC 9110 section 14), as downloads need it: one range of bytes. Several ranges
 * at once, other units and malformed ones may be ignored, and are: the whole is sent. */
typedef enum {
	RANGE_WHOLE,
	RANGE_PART,
	RANGE_UNSATISFIABLE, /* 416 */
} RangeKind;

/* @header: (nullable). @ret_offset and @ret_length are set for RANGE_WHOLE and RANGE_PART. */
RangeKind range_read(const char *header, guint64 size, guint64 *ret_offset, guint64 *ret_length);
