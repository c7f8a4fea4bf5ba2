/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: for each compression: what was compressed unpacks to itself, in odd pieces and across
 * chunk borders, for text, zeros and noise; the output is the same whatever the pieces; a cut at
 * any place, a changed trailer, garbage behind and another suffix are R19; several members are one
 * stream; a window beyond the bound is R16; zstd's skippable frames are no content; gzip that is
 * looked ahead in gives the same bytes and the same faults, also where its marks lie, and lends
 * small pieces as long as large ones; an input that fails is told as that; where no thread can be
 * started nobody waits for one. */
#include "artifact/compress.h"
#include <pthread.h>
#include <string.h>
#include "artifact/decompress.h"
#include "base/error.h"

typedef struct {
	const char *name;
	CompressChoice choice;
} KindRow;

static const KindRow kinds[] = {
	{ "none", { ARTIFACT_COMPRESSION_NONE, 0 } },
	{ "gzip", { ARTIFACT_COMPRESSION_GZIP, 0 } },
	{ "xz", { ARTIFACT_COMPRESSION_XZ, 0 } },
	{ "zstd 1", { ARTIFACT_COMPRESSION_ZSTD, 1 } },
	{ "zstd 15", { ARTIFACT_COMPRESSION_ZSTD, 15 } },
};

static void fill_text(guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++)
		data[i] = (guint8) "the same words over and over, nearly "[(i + i / 997) % 37];
}

static void fill_zeros(guint8 *data, gsize size)
{
	memset(data, 0, size);
}

static void fill_noise(guint8 *data, gsize size)
{
	guint32 state = 1;

	for (gsize i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		data[i] = (guint8)(state >> 24);
	}
}

static void (*const fills[])(guint8 *, gsize) = { fill_text, fill_zeros, fill_noise };

static gboolean add_to_array(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_byte_array_append(user_data, data, (guint)size);
	return TRUE;
}

/* Pushes in pieces of @piece bytes; with 0, by way of the compressor's own room. */
static GByteArray *pack(const CompressChoice *choice, const guint8 *data, gsize size, gsize piece)
{
	g_auto(Compressor) compressor = { 0 };
	GByteArray *packed = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	g_assert_true(compressor_open(&compressor, choice, add_to_array, packed, &error));
	while (size > 0) {
		gsize part = MIN(piece, size);
		const guint8 *from = data;

		if (piece == 0) {
			guint8 *room = compressor_room(&compressor, &part);
			part = MIN(part, size);
			memcpy(room, data, part);
			from = room;
		}
		g_assert_true(compressor_push(&compressor, from, part, &error));
		data += part;
		size -= part;
	}
	g_assert_true(compressor_finish(&compressor, &error));
	return packed;
}

/* Gives a few bytes at a time, so that most steps of a decompressor make nothing; behind the last
 * it ends, or fails. */
typedef struct {
	Stream stream;
	const GByteArray *bytes;
	gsize at, step;
	gboolean fails;
} Dripping;

static gboolean dripping_peek(
	Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	Dripping *dripping = (Dripping *)stream;

	*ret_data = dripping->bytes->data + dripping->at;
	*ret_size = MIN(dripping->step, dripping->bytes->len - dripping->at);
	if (*ret_size == 0 && dripping->fails) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_IO, "the disk fails");
		return FALSE;
	}
	return TRUE;
}

static void dripping_advance(Stream *stream, gsize size)
{
	((Dripping *)stream)->at += size;
}

/* What was lent before is still what it was: a sum that is taken beside looks at it. */
typedef struct {
	const guint8 *data;
	gsize at, size;
} Lent;

static void assert_stays(const Lent *lent, const GByteArray *whole)
{
	if (lent->data)
		g_assert_cmpmem(lent->data, lent->size, whole->data + lent->at, lent->size);
}

static GByteArray *unpack_way(ArtifactCompression compression, const guint8 *data, gsize size,
	gboolean look_ahead, int *ret_rule)
{
	Lent lents[PARALLEL_SUM_DEPTH] = { 0 };
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_data(data, (gssize)size, NULL);
	g_autoptr(GByteArray) whole = g_byte_array_new();
	ArtifactRefusal refusal;
	DecompressStream stream;
	Source source;
	Place place;
	gboolean good = TRUE;

	source_init(&source, in);
	place_init(&place, &source.position, &refusal);
	place_enter(&place, "member", 0, size);
	decompress_stream_init(&stream, compression, &source.stream, &place);
	if (look_ahead)
		decompress_stream_look_ahead(&stream);
	for (guint turn = 0;; turn++) {
		const guint8 *lent;
		gsize lent_size;

		good = stream_peek(&stream.stream, &lent, &lent_size, NULL);
		if (!good || lent_size == 0)
			break;
		for (guint i = 0; i < G_N_ELEMENTS(lents); i++)
			assert_stays(&lents[i], whole);
		if (!look_ahead) /* a sum takes all that is lent at once */
			lent_size = MIN(lent_size, 100001);
		lents[turn % G_N_ELEMENTS(lents)] = (Lent){ lent, whole->len, lent_size };
		g_byte_array_append(whole, lent, (guint)lent_size);
		stream_advance(&stream.stream, lent_size);
	}
	*ret_rule = refusal.rule;
	decompress_stream_clear(&stream);
	place_clear(&place);
	source_clear(&source);
	return good ? g_steal_pointer(&whole) : NULL;
}

/* Unpacks; NULL where it is refused, with the rule. gzip in both ways, which must agree. */
static GByteArray *unpack(
	ArtifactCompression compression, const guint8 *data, gsize size, int *ret_rule)
{
	g_autoptr(GByteArray) whole = unpack_way(compression, data, size, FALSE, ret_rule);
	int rule;

	if (compression != ARTIFACT_COMPRESSION_GZIP)
		return g_steal_pointer(&whole);
	g_autoptr(GByteArray) ahead = unpack_way(compression, data, size, TRUE, &rule);
	g_assert_cmpint(rule, ==, *ret_rule);
	g_assert_cmpint(ahead == NULL, ==, whole == NULL);
	if (whole)
		g_assert_cmpmem(whole->data, whole->len, ahead->data, ahead->len);
	return g_steal_pointer(&whole);
}

static void assert_unpacks(
	ArtifactCompression compression, const GByteArray *packed, const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) whole = NULL;
	int rule;

	if (compression != ARTIFACT_COMPRESSION_NONE)
		whole = unpack(compression, packed->data, packed->len, &rule);
	else
		whole = g_byte_array_append(g_byte_array_new(), packed->data, packed->len);
	g_assert_nonnull(whole);
	g_assert_cmpmem(whole->data, whole->len, data, size);
}

static void test_round_trips(void)
{
	static const gsize sizes[] = {
		0,
		1,
		DEFLATE_CHUNK_SIZE - 1,
		DEFLATE_CHUNK_SIZE,
		DEFLATE_CHUNK_SIZE + 1,
		7 * DEFLATE_CHUNK_SIZE + 12345,
	};
	g_autofree guint8 *data = g_malloc(8 * DEFLATE_CHUNK_SIZE);

	for (gsize kind = 0; kind < G_N_ELEMENTS(kinds); kind++)
		for (gsize fill = 0; fill < G_N_ELEMENTS(fills); fill++)
			for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
				fills[fill](data, sizes[i]);
				g_autoptr(GByteArray) packed =
					pack(&kinds[kind].choice, data, sizes[i], 99991);
				assert_unpacks(kinds[kind].choice.kind, packed, data, sizes[i]);
			}
}

static void test_pieces_leave_no_trace(void)
{
	gsize size = 3 * DEFLATE_CHUNK_SIZE + 777;
	g_autofree guint8 *data = g_malloc(size);

	fill_text(data, size);
	for (gsize kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
		g_autoptr(GByteArray) whole = pack(&kinds[kind].choice, data, size, size);
		g_autoptr(GByteArray) pieces = pack(&kinds[kind].choice, data, size, 4099);
		g_autoptr(GByteArray) room = pack(&kinds[kind].choice, data, size, 0);

		g_assert_cmpmem(whole->data, whole->len, pieces->data, pieces->len);
		g_assert_cmpmem(whole->data, whole->len, room->data, room->len);
	}
}

static void assert_rule(
	ArtifactCompression compression, const guint8 *data, gsize size, int expected)
{
	int rule;
	g_autoptr(GByteArray) whole = unpack(compression, data, size, &rule);

	g_assert_null(whole);
	g_assert_cmpint(rule, ==, expected);
}

static void test_damage(void)
{
	guint8 data[5000];

	fill_text(data, sizeof data);
	for (gsize kind = 1; kind < G_N_ELEMENTS(kinds); kind++) {
		ArtifactCompression compression = kinds[kind].choice.kind;
		g_autoptr(GByteArray) packed =
			pack(&kinds[kind].choice, data, sizeof data, sizeof data);

		for (gsize size = 0; size < packed->len; size++)
			assert_rule(compression, packed->data, size, 19);
		packed->data[packed->len - 1] ^= 1; /* size, footer or sum */
		assert_rule(compression, packed->data, packed->len, 19);
		packed->data[packed->len - 1] ^= 1;
		for (ArtifactCompression other = 1; other <= ARTIFACT_COMPRESSION_ZSTD; other++)
			if (other != compression)
				assert_rule(other, packed->data, packed->len, 19);
		g_byte_array_append(packed, (const guint8 *)"garbage", 7);
		assert_rule(compression, packed->data, packed->len, 19);
	}
}

static void test_members(void)
{
	guint8 data[5000];

	fill_text(data, sizeof data);
	for (gsize kind = 1; kind < G_N_ELEMENTS(kinds); kind++) {
		g_autoptr(GByteArray) packed = pack(&kinds[kind].choice, data, 2000, 2000);
		g_autoptr(GByteArray) second = pack(&kinds[kind].choice, data + 2000, 3000, 3000);

		g_byte_array_append(packed, second->data, second->len);
		assert_unpacks(kinds[kind].choice.kind, packed, data, sizeof data);
	}
}

/* A sum that is taken beside still looks at what was lent before the last two. */
static void test_lent_bytes_stay(void)
{
	gsize size = DEFLATE_CHUNK_SIZE;
	g_autofree guint8 *data = g_malloc(size);

	fill_text(data, size);
	fill_noise(data + size / 2, size / 4);
	for (gsize kind = 1; kind < G_N_ELEMENTS(kinds); kind++) {
		g_autoptr(GByteArray) packed = pack(&kinds[kind].choice, data, size, size);
		Dripping dripping = { { dripping_peek, dripping_advance }, packed, 0, 1, FALSE };
		const guint8 *lent[PARALLEL_SUM_DEPTH + 1] = { NULL };
		gsize lent_at[PARALLEL_SUM_DEPTH + 1] = { 0 };
		guint64 position = 0;
		gsize at = 0, lent_size = 1;
		DecompressStream stream;
		Place place;

		place_init(&place, &position, NULL);
		place_enter(&place, "member", 0, packed->len);
		decompress_stream_init(&stream, kinds[kind].choice.kind, &dripping.stream, &place);
		for (guint turn = 0; lent_size > 0; turn++) {
			guint i = turn % G_N_ELEMENTS(lent);

			g_assert_true(stream_peek(&stream.stream, &lent[i], &lent_size, NULL));
			lent_at[i] = at;
			at += lent_size;
			stream_advance(&stream.stream, lent_size);
			for (guint k = 0; lent_size > 0 && k < G_N_ELEMENTS(lent) && lent[k]; k++)
				g_assert_cmpint(*lent[k], ==, data[lent_at[k]]);
		}
		g_assert_cmpuint(at, ==, size);
		decompress_stream_clear(&stream);
		place_clear(&place);
	}
}

enum { SEGMENTS_SIZE = 4 * DEFLATE_SEGMENT_SIZE + 54321, MARK_STEP = 300 * 1000, DAMAGES = 23 };

/* Text, which refers to what came before, and noise, which is stored as it is: with marks in it. */
static void fill_segments(guint8 *data, gsize size)
{
	fill_text(data, size);
	fill_noise(data + size / 3, size / 3);
	for (gsize i = size / 3; i + DEFLATE_MARK_SIZE < 2 * size / 3; i += MARK_STEP)
		memcpy(data + i, deflate_mark, DEFLATE_MARK_SIZE);
}

static void test_segments(void)
{
	const CompressChoice choice = { ARTIFACT_COMPRESSION_GZIP, 0 };
	g_autofree guint8 *data = g_malloc(SEGMENTS_SIZE);

	fill_segments(data, SEGMENTS_SIZE);
	g_autoptr(GByteArray) packed = pack(&choice, data, SEGMENTS_SIZE, 0);
	gsize member = packed->len;
	assert_unpacks(ARTIFACT_COMPRESSION_GZIP, packed, data, SEGMENTS_SIZE);

	g_autoptr(GByteArray) second = pack(&choice, data, SEGMENTS_SIZE, 0);
	g_byte_array_append(packed, second->data, second->len);
	g_autofree guint8 *twice = g_malloc(2 * SEGMENTS_SIZE);
	memcpy(twice, data, SEGMENTS_SIZE);
	memcpy(twice + SEGMENTS_SIZE, data, SEGMENTS_SIZE);
	assert_unpacks(ARTIFACT_COMPRESSION_GZIP, packed, twice, 2 * SEGMENTS_SIZE);

	for (gsize i = 1; i <= DAMAGES; i++) {
		gsize at = i * member / (DAMAGES + 1);

		packed->data[at] ^= 0x10;
		assert_rule(ARTIFACT_COMPRESSION_GZIP, packed->data, member, 19);
		packed->data[at] ^= 0x10;
		assert_rule(ARTIFACT_COMPRESSION_GZIP, packed->data, at, 19);
	}
}

/* Pieces that are whole blocks behind a mark, and yet refer to what came before it. */
static void test_marks_that_promise_too_much(void)
{
	const CompressChoice choice = { ARTIFACT_COMPRESSION_GZIP, 0 };
	gsize size = 3 * DEFLATE_CHUNK_SIZE;
	g_autofree guint8 *data = g_malloc(size);
	g_autoptr(GByteArray) marked = g_byte_array_new();

	fill_text(data, size);
	g_autoptr(GByteArray) packed = pack(&choice, data, size, 0);
	/* The chunks end with a flush; an empty block behind each makes it a mark. */
	for (gsize i = 0; i < packed->len; i++) {
		g_byte_array_append(marked, packed->data + i, 1);
		if (i + 1 >= 4 && i + 10 < packed->len &&
			memcmp(packed->data + i - 3, deflate_mark, 4) == 0 &&
			memcmp(packed->data + i + 1, deflate_mark + 4, 5) != 0)
			g_byte_array_append(marked, deflate_mark + 4, 5);
	}
	g_assert_cmpuint(marked->len, >, packed->len);
	assert_unpacks(ARTIFACT_COMPRESSION_GZIP, marked, data, size);
}

enum { SMALL_PIECE_SIZE = 40000, N_SMALL_PIECES = 60, N_EMPTY_PIECES = 7 };

static void append_mark(GByteArray *packed)
{
	static const guint8 block_head = 0;

	g_byte_array_append(packed, &block_head, 1);
	g_byte_array_append(packed, deflate_mark, DEFLATE_MARK_SIZE);
}

/* A member of stored blocks, with a mark behind each of them and @n_empty pieces of nothing. */
static GByteArray *pack_small_pieces(const guint8 *data, guint n_empty)
{
	static const guint8 head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
	static const guint8 block[] = { 0, SMALL_PIECE_SIZE & 0xff, SMALL_PIECE_SIZE >> 8,
		~SMALL_PIECE_SIZE & 0xff, (~SMALL_PIECE_SIZE >> 8) & 0xff };
	static const guint8 last_block[] = { 3, 0 };
	gsize size = (gsize)N_SMALL_PIECES * SMALL_PIECE_SIZE;
	guint32 tail[] = { GUINT32_TO_LE(deflate_crc(0, data, size)),
		GUINT32_TO_LE((guint32)size) };
	GByteArray *packed = g_byte_array_new();

	g_byte_array_append(packed, head, sizeof head);
	for (guint i = 0; i < N_SMALL_PIECES; i++) {
		g_byte_array_append(packed, block, sizeof block);
		g_byte_array_append(packed, data + i * SMALL_PIECE_SIZE, SMALL_PIECE_SIZE);
		append_mark(packed);
		for (guint k = 0; k < n_empty; k++)
			append_mark(packed);
	}
	g_byte_array_append(packed, last_block, sizeof last_block);
	return g_byte_array_append(packed, (const guint8 *)tail, sizeof tail);
}

/* Pieces that are lent at once, each: what was taken must stay as long as what was not. */
static void test_small_pieces(void)
{
	gsize size = (gsize)N_SMALL_PIECES * SMALL_PIECE_SIZE;
	g_autofree guint8 *data = g_malloc(size);

	fill_noise(data, size);
	for (guint n_empty = 0; n_empty <= N_EMPTY_PIECES; n_empty++) {
		g_autoptr(GByteArray) packed = pack_small_pieces(data, n_empty);

		assert_unpacks(ARTIFACT_COMPRESSION_GZIP, packed, data, size);
	}
}

/* How unpacking ends where @packed is followed by an input that fails. */
static void assert_input_fails(const GByteArray *packed, gboolean look_ahead)
{
	Dripping dripping = { { dripping_peek, dripping_advance }, packed, 0, 65536, TRUE };
	g_autoptr(GError) error = NULL;
	const guint8 *lent;
	gsize size = 1;
	guint64 position = 0;
	DecompressStream stream;
	Place place;

	place_init(&place, &position, NULL);
	place_enter(&place, "member", 0, packed->len);
	decompress_stream_init(&stream, ARTIFACT_COMPRESSION_GZIP, &dripping.stream, &place);
	if (look_ahead)
		decompress_stream_look_ahead(&stream);
	while (size > 0 && stream_peek(&stream.stream, &lent, &size, &error))
		stream_advance(&stream.stream, size);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_IO);
	decompress_stream_clear(&stream);
	place_clear(&place);
}

/* That is told as what it is, and not as a stream that is cut: also right behind a mark. */
static void test_input_that_fails(void)
{
	const CompressChoice choice = { ARTIFACT_COMPRESSION_GZIP, 0 };
	gsize size = 3 * DEFLATE_SEGMENT_SIZE;
	g_autofree guint8 *data = g_malloc(size);
	guint n_marks = 0;

	fill_text(data, size);
	g_autoptr(GByteArray) packed = pack(&choice, data, size, 0);
	for (guint end = packed->len; end >= DEFLATE_MARK_SIZE; end--) {
		if (memcmp(packed->data + end - DEFLATE_MARK_SIZE, deflate_mark,
			    DEFLATE_MARK_SIZE) != 0)
			continue;
		n_marks++;
		g_byte_array_set_size(packed, end);
		for (gboolean look_ahead = FALSE; look_ahead <= TRUE; look_ahead++)
			assert_input_fails(packed, look_ahead);
		g_byte_array_set_size(packed, end - 1);
		assert_input_fails(packed, TRUE);
	}
	g_assert_cmpuint(n_marks, ==, 3);
}

#define STACK_SIZE_TOO_BIG ((gsize)1 << 47)

/* Of threads that are started from now on; none is where it is too big. */
static void set_stack_size(gsize size, gsize *ret_before)
{
	pthread_attr_t attributes;

	g_thread_pool_stop_unused_threads();
	g_assert_cmpint(pthread_getattr_default_np(&attributes), ==, 0);
	g_assert_cmpint(pthread_attr_getstacksize(&attributes, ret_before), ==, 0);
	g_assert_cmpint(pthread_attr_setstacksize(&attributes, size), ==, 0);
	g_assert_cmpint(pthread_setattr_default_np(&attributes), ==, 0);
	pthread_attr_destroy(&attributes);
}

/* Unpacking goes on without them, packing says so; nobody waits for what nobody does. */
static void test_no_threads(void)
{
	const CompressChoice choice = { ARTIFACT_COMPRESSION_GZIP, 0 };
	gsize size = 6 * DEFLATE_SEGMENT_SIZE, before, ignored;
	g_autofree guint8 *data = g_malloc(size);
	g_auto(Compressor) compressor = { 0 };
	g_autoptr(GError) error = NULL;

	fill_text(data, size);
	g_autoptr(GByteArray) packed = pack(&choice, data, size, 0);
	g_autoptr(GByteArray) none = g_byte_array_new();
	set_stack_size(STACK_SIZE_TOO_BIG, &before);
	assert_unpacks(ARTIFACT_COMPRESSION_GZIP, packed, data, size);
	g_assert_false(compressor_open(&compressor, &choice, add_to_array, none, &error));
	g_assert_error(error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN);
	set_stack_size(before, &ignored);
}

static void test_windows(void)
{
	/* A frame of zstd that asks for 2^31 bytes, and one that is to be skipped. */
	static const guint8 wide[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00 };
	static const guint8 skipped[] = { 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x' };

	assert_rule(ARTIFACT_COMPRESSION_ZSTD, wide, sizeof wide, 16);
	assert_rule(ARTIFACT_COMPRESSION_ZSTD, skipped, sizeof skipped, 19);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/compress/round-trips", test_round_trips);
	g_test_add_func("/compress/pieces-leave-no-trace", test_pieces_leave_no_trace);
	g_test_add_func("/compress/damage", test_damage);
	g_test_add_func("/compress/members", test_members);
	g_test_add_func("/compress/lent-bytes-stay", test_lent_bytes_stay);
	g_test_add_func("/compress/segments", test_segments);
	g_test_add_func("/compress/marks-that-promise-too-much", test_marks_that_promise_too_much);
	g_test_add_func("/compress/small-pieces", test_small_pieces);
	g_test_add_func("/compress/input-that-fails", test_input_that_fails);
	g_test_add_func("/compress/no-threads", test_no_threads);
	g_test_add_func("/compress/windows", test_windows);
	return g_test_run();
}
