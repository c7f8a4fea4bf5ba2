/* SPDX-License-Identifier: Apache-2.0 */
/* gzip unpacked on several cores against the same unpacked one after the other: same bytes, same
 * verdict.
 *
 * The input says how a stream is made: a byte for how many bytes are lent at a time, then pieces of
 * four bytes each (what is in it, how much, how it is closed, what stands behind), and at last
 * damages of three bytes each. Sums are right unless a damage says otherwise, so that it gets
 * behind them. */
#include <gio/gio.h>
#include <string.h>
#include <zlib.h>
#include "artifact/compress.h"
#include "artifact/decompress.h"
#include "shared/lent.h"
#include "shared/target.h"

enum {
	PIECES_MAX = 8,
	PIECE_INPUT_SIZE = 4,
	DAMAGE_INPUT_SIZE = 3,
	RAW_WINDOW_BITS = -15,
	GZIP_WINDOW_BITS = 16 + 15,
	UNIT = 1500, /* bytes of a piece for each step of its size: 32 KiB lie in the midst */
	PACKED_MAX = 1024 * 1024,
};

typedef enum { FILL_ZEROS, FILL_TEXT, FILL_NOISE, FILL_MARKS, N_FILLS } Fill;

static void fill(guint8 *data, gsize size, guint8 kind, guint32 *seed)
{
	static const char text[] = "a vehicle takes an update and goes on ";

	for (gsize i = 0; i < size; i++) {
		*seed = *seed * 1664525 + 1013904223;
		switch ((Fill)(kind % N_FILLS)) {
		case FILL_ZEROS:
			data[i] = 0;
			break;
		case FILL_TEXT:
			data[i] = (guint8)text[(i + kind) % (sizeof text - 1)];
			break;
		case FILL_NOISE:
			data[i] = (guint8)(*seed >> 24);
			break;
		default:
			data[i] = deflate_mark[i % DEFLATE_MARK_SIZE];
		}
	}
}

/* Packs @size bytes and closes them: 0 not at all, 1 to a byte, 2 to a byte and forgetting all. */
static void pack(z_stream *stream, guint8 *data, gsize size, guint8 closing, GByteArray *packed)
{
	static const int flushes[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH };
	guint8 out[16384];

	stream->next_in = data;
	stream->avail_in = (uInt)size;
	do {
		stream->next_out = out;
		stream->avail_out = sizeof out;
		(void)deflate(stream, flushes[closing % G_N_ELEMENTS(flushes)]);
		g_byte_array_append(packed, out, (guint)(sizeof out - stream->avail_out));
	} while (stream->avail_out == 0);
}

static void finish(z_stream *stream, GByteArray *packed)
{
	guint8 out[16384];
	int result;

	do {
		stream->next_out = out;
		stream->avail_out = sizeof out;
		result = deflate(stream, Z_FINISH);
		g_byte_array_append(packed, out, (guint)(sizeof out - stream->avail_out));
	} while (result == Z_OK);
}

/* What was closed to a byte ends with the first half of a mark: its second half may follow, or what
 * looks like one and is none. */
static void append_behind(GByteArray *packed, guint8 closing, guint8 behind)
{
	static const struct {
		gsize from, size;
	} parts[] = { { 0, 0 }, { 4, DEFLATE_MARK_SIZE - 4 }, { 0, DEFLATE_MARK_SIZE }, { 4, 3 } };
	guint which = behind % G_N_ELEMENTS(parts);

	if (closing % 3 != 0)
		g_byte_array_append(
			packed, deflate_mark + parts[which].from, (guint)parts[which].size);
}

/* (transfer full): a gzip member made as @data says; what is left of it are damages. */
static GByteArray *make_member(const uint8_t **data, gsize *left)
{
	static const guint8 head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	GByteArray *packed = g_byte_array_new();
	z_stream stream = { 0 };
	guint32 seed = 1, crc = 0, total = 0;

	g_byte_array_append(packed, head, sizeof head);
	g_assert_cmpint(
		deflateInit2(&stream, 1, Z_DEFLATED, RAW_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY), ==,
		Z_OK);
	for (guint i = 0; i < PIECES_MAX && *left >= PIECE_INPUT_SIZE; i++) {
		const uint8_t *piece = *data;
		gsize size = (gsize)(piece[1] & 63) * UNIT;
		g_autofree guint8 *bytes = g_malloc(size + 1);

		fill(bytes, size, piece[0], &seed);
		crc = (guint32)crc32(crc, bytes, (uInt)size);
		total += (guint32)size;
		pack(&stream, bytes, size, piece[2], packed);
		append_behind(packed, piece[2], piece[3]);
		*data += PIECE_INPUT_SIZE;
		*left -= PIECE_INPUT_SIZE;
		if (piece[3] & 128)
			break;
	}
	finish(&stream, packed);
	deflateEnd(&stream);
	crc = GUINT32_TO_LE(crc);
	total = GUINT32_TO_LE(total);
	g_byte_array_append(packed, (const guint8 *)&crc, sizeof crc);
	g_byte_array_append(packed, (const guint8 *)&total, sizeof total);
	return packed;
}

static void damage(GByteArray *packed, const uint8_t *data, gsize left)
{
	for (; left >= DAMAGE_INPUT_SIZE; data += DAMAGE_INPUT_SIZE, left -= DAMAGE_INPUT_SIZE) {
		guint at = (guint)(data[0] << 8 | data[1]) * 7 % packed->len;

		packed->data[at] ^= data[2];
	}
}

/* TRUE unless the stream is refused. */
static gboolean unpack(
	const GByteArray *packed, gsize step, gboolean look_ahead, GByteArray *unpacked)
{
	LentBytes lent;
	guint64 position = 0;
	DecompressStream stream;
	Place place;
	gboolean good;
	const guint8 *data;
	gsize size;

	lent_bytes_init(&lent, packed->data, packed->len, step);
	place_init(&place, &position, NULL);
	place_enter(&place, "data/0000.tar", 0, packed->len);
	decompress_stream_init(&stream, ARTIFACT_COMPRESSION_GZIP, &lent.stream, &place);
	if (look_ahead)
		decompress_stream_look_ahead(&stream);
	while ((good = stream_peek(&stream.stream, &data, &size, NULL)) && size > 0) {
		g_byte_array_append(unpacked, data, (guint)size);
		stream_advance(&stream.stream, size);
	}
	decompress_stream_clear(&stream);
	place_clear(&place);
	return good;
}

/* What zlib makes of it, up to the first fault. It is the judge there: ISA-L goes on for some bytes
 * behind a distance that means nothing. */
static void unpack_with_zlib(const GByteArray *packed, GByteArray *unpacked)
{
	z_stream stream = { .next_in = packed->data, .avail_in = packed->len };
	guint8 out[16384];
	int result;

	g_assert_cmpint(inflateInit2(&stream, GZIP_WINDOW_BITS), ==, Z_OK);
	do {
		stream.next_out = out;
		stream.avail_out = sizeof out;
		result = inflate(&stream, Z_NO_FLUSH);
		g_byte_array_append(unpacked, out, (guint)(sizeof out - stream.avail_out));
	} while (result == Z_OK);
	inflateEnd(&stream);
}

static void assert_same_start(const GByteArray *a, const GByteArray *b)
{
	guint common = MIN(a->len, b->len);

	g_assert_cmpmem(a->data, common, b->data, common);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) plain = g_byte_array_new();
	g_autoptr(GByteArray) ahead = g_byte_array_new();
	g_autoptr(GByteArray) judged = g_byte_array_new();
	gsize step;
	gboolean good;

	if (size < 1)
		return 0;
	step = (gsize)1 << (4 + (data[0] & 15));
	data++;
	size--;
	g_autoptr(GByteArray) packed = make_member(&data, &size);
	if (packed->len > PACKED_MAX)
		return 0;
	damage(packed, data, size);
	good = unpack(packed, step, FALSE, plain);
	g_assert_cmpint(unpack(packed, step, TRUE, ahead), ==, good);
	if (good)
		g_assert_cmpmem(plain->data, plain->len, ahead->data, ahead->len);
	unpack_with_zlib(packed, judged);
	assert_same_start(judged, plain);
	assert_same_start(judged, ahead);
	return 0;
}
