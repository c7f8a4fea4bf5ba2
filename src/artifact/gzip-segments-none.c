/* SPDX-License-Identifier: Apache-2.0 */
/* zlib has no way to go on in the midst of a checked stream: nothing is looked ahead in. */
#include "artifact/gzip-segments.h"

GzipSegments *gzip_segments_new(Stream *in)
{
	return NULL;
}

void gzip_segments_free(GzipSegments *segments)
{
}

Stream *gzip_segments_stream(GzipSegments *segments)
{
	return NULL;
}

gboolean gzip_segments_at_piece(const GzipSegments *segments)
{
	return FALSE;
}

gboolean gzip_segments_take(GzipSegments *segments, const guint8 **ret_data, gsize *ret_size)
{
	return FALSE;
}
