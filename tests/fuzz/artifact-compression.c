/* SPDX-License-Identifier: Apache-2.0 */
/* gzip, xz and zstd. The first byte chooses one, and how many bytes are lent at a time; the rest is
 * a stream to unpack. */
#include <gio/gio.h>
#include "artifact/decompress.h"
#include "shared/lent.h"
#include "shared/target.h"

enum { UNPACKED_SIZE_MAX = 4 * 1024 * 1024 };

/* TRUE unless the stream is refused; @unpacked takes as much of it as comes. */
static gboolean unpack(ArtifactCompression kind, LentBytes *lent, GByteArray *unpacked)
{
	guint64 position = 0;
	DecompressStream stream;
	Place place;
	gboolean good;
	const guint8 *data;
	gsize size;

	place_init(&place, &position, NULL);
	place_enter(&place, "data/0000.tar", 0, lent->left);
	decompress_stream_init(&stream, kind, &lent->stream, &place);
	while ((good = stream_peek(&stream.stream, &data, &size, NULL)) && size > 0 &&
		unpacked->len < UNPACKED_SIZE_MAX) {
		g_byte_array_append(unpacked, data, (guint)size);
		stream_advance(&stream.stream, size);
	}
	decompress_stream_clear(&stream);
	place_clear(&place);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) unpacked = g_byte_array_new();

	if (size < 1)
		return 0;
	ArtifactCompression kind = ARTIFACT_COMPRESSION_GZIP + (data[0] & 3) % 3;
	LentBytes lent;
	lent_bytes_init(&lent, data + 1, size - 1, (gsize)1 << (data[0] >> 2 & 15));
	if (unpack(kind, &lent, unpacked) && unpacked->len < UNPACKED_SIZE_MAX)
		g_assert_cmpuint(lent.left, ==, 0);
	return 0;
}
