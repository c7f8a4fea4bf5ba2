/* SPDX-License-Identifier: Apache-2.0 */
/* gzip, xz and zstd. The first byte chooses one, and how many bytes are lent at a time; the rest is
 * a stream to unpack. */
#include <gio/gio.h>
#include "artifact/decompress.h"
#include "shared/target.h"

enum { UNPACKED_SIZE_MAX = 4 * 1024 * 1024 };

/* A stream over bytes that lends little at a time. */
typedef struct {
	Stream stream;
	const guint8 *data;
	gsize left, step;
} Bits;

static gboolean bits_peek(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	Bits *bits = (Bits *)stream;

	*ret_data = bits->data;
	*ret_size = MIN(bits->left, bits->step);
	return TRUE;
}

static void bits_advance(Stream *stream, gsize size)
{
	Bits *bits = (Bits *)stream;

	g_assert_cmpuint(size, <=, MIN(bits->left, bits->step));
	bits->data += size;
	bits->left -= size;
}

/* TRUE unless the stream is refused; @unpacked takes as much of it as comes. */
static gboolean unpack(ArtifactCompression kind, Bits *bits, GByteArray *unpacked)
{
	guint64 position = 0;
	DecompressStream stream;
	Place place;
	gboolean good;
	const guint8 *data;
	gsize size;

	place_init(&place, &position, NULL);
	place_enter(&place, "data/0000.tar", 0, bits->left);
	decompress_stream_init(&stream, kind, &bits->stream, &place);
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
	Bits bits = { { bits_peek, bits_advance }, data + 1, size - 1, 1 };
	bits.step <<= data[0] >> 2 & 15;
	if (unpack(kind, &bits, unpacked) && unpacked->len < UNPACKED_SIZE_MAX)
		g_assert_cmpuint(bits.left, ==, 0);
	return 0;
}
