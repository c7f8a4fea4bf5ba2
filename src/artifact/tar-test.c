/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: what the writer writes is read; prefix, long name and PAX records rename; what each
 * malformed header, record, padding and end is refused by; sizes on both sides of 2, 4 and 8 GiB,
 * with bodies of zeros that nobody holds; a declared size allocates nothing. */
#include "artifact/tar.h"
#include <string.h>
#include "artifact/tar-writer.h"

/* A stream of blocks: each is lent for as many bytes as it says, then zeros to its padding. */
typedef struct {
	Stream stream;
	const GByteArray *bytes; /* then @zeros, then @rest */
	guint64 zeros;
	const GByteArray *rest;
	guint64 position;
	gsize lent_max;
} Made;

static const guint8 zero_block[1024 * 1024];

static gboolean made_peek(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	Made *made = (Made *)stream;
	guint64 at = made->position;

	if (at < made->bytes->len) {
		*ret_data = made->bytes->data + at;
		*ret_size = made->bytes->len - at;
	} else if (at - made->bytes->len < made->zeros) {
		*ret_data = zero_block;
		*ret_size = (gsize)MIN(sizeof zero_block, made->zeros - (at - made->bytes->len));
	} else {
		guint64 from = at - made->bytes->len - made->zeros;

		*ret_data = made->rest ? made->rest->data + from : NULL;
		*ret_size = made->rest ? made->rest->len - (gsize)from : 0;
	}
	*ret_size = MIN(*ret_size, made->lent_max);
	return TRUE;
}

static void made_advance(Stream *stream, gsize size)
{
	((Made *)stream)->position += size;
}

typedef struct {
	Made made;
	Place place;
	ArtifactRefusal refusal;
	TarReader tar;
} Fixture;

static void fixture_init(
	Fixture *fixture, const GByteArray *bytes, guint64 zeros, const GByteArray *rest)
{
	fixture->made = (Made){ { made_peek, made_advance }, bytes, zeros, rest, 0,
		777 + (zeros ? 1000000 : 0) };
	place_init(&fixture->place, &fixture->made.position, &fixture->refusal);
	tar_reader_init(&fixture->tar, &fixture->made.stream, &fixture->place, TAR_OUTER);
}

static void fixture_clear(Fixture *fixture)
{
	tar_reader_clear(&fixture->tar);
	place_clear(&fixture->place);
}

/* Reads all entries as "name:size name:size", or "R1" for what refuses it. */
static char *summary(const GByteArray *bytes)
{
	Fixture fixture;
	GString *text = g_string_new(NULL);
	const TarEntry *entry = NULL;
	gboolean good;

	fixture_init(&fixture, bytes, 0, NULL);
	while ((good = tar_reader_next(&fixture.tar, &entry, NULL)) && entry)
		g_string_append_printf(text, "%s%s:%" G_GUINT64_FORMAT, text->len ? " " : "",
			entry->name, entry->size);
	if (!good || !tar_reader_finish(&fixture.tar, NULL))
		g_string_printf(text, "R%d", fixture.refusal.rule);
	fixture_clear(&fixture);
	return g_string_free(text, FALSE);
}

static void add(GByteArray *tar, const char *name, const char *body)
{
	TarHeader header = { name, strlen(body), 0644, 1 };

	g_assert_true(tar_append(tar, &header, body, NULL));
}

/* As a header is after a change: its sum made right again. */
static void mend_sum(guint8 *block)
{
	guint sum = 0;

	memset(block + 148, ' ', 8);
	for (guint i = 0; i < 512; i++)
		sum += block[i];
	g_snprintf((char *)block + 148, 7, "%06o", sum);
}

static void retype(GByteArray *tar, gsize offset, char type)
{
	tar->data[offset + 156] = (guint8)type;
	mend_sum(tar->data + offset);
}

static void assert_summary(GByteArray *tar, const char *expected)
{
	g_autofree char *found = summary(tar);

	g_assert_cmpstr(found, ==, expected);
}

static void test_plain(void)
{
	g_autoptr(GByteArray) tar = g_byte_array_new();

	add(tar, "version", "one");
	add(tar, "empty", "");
	tar_append_end(tar);
	assert_summary(tar, "version:3 empty:0");
	memcpy(tar->data + 345, "up/and", 6);
	mend_sum(tar->data);
	assert_summary(tar, "up/and/version:3 empty:0");
}

static GByteArray *with_record(char type, const char *record)
{
	GByteArray *tar = g_byte_array_new();

	add(tar, "record", record);
	retype(tar, 0, type);
	add(tar, "short", "body");
	tar_append_end(tar);
	return tar;
}

typedef struct {
	char type;
	const char *record, *expected;
} RecordRow;

static const RecordRow record_rows[] = {
	{ 'L', "a-long-name", "a-long-name:4" },
	{ 'L', "", "R12" },
	{ 'x', "12 path=abc\n", "abc:4" },
	{ 'x', "20 path=a\n", "R1" },
	{ 'x', "9 path=\n", "R1" },
	{ 'x', "12 path=abc\n12 path=abd\n", "R1" },
	{ 'x', "19 mtime=1234567.8\n", "short:4" },
	{ 'x', "13 mtime=1x8\n", "R1" },
	{ 'x', "12 size=004\n", "short:4" },
	{ 'x', "11 size=-4\n", "R1" },
	{ 'x', "11 size=4k\n", "R1" },
	{ 'x', "14 uname=root\n", "short:4" },
	{ 'x', "22 GNU.sparse.major=1\n", "R13" },
	{ 'x', "5 =a\n", "R1" },
	{ 'x', "path=a\n", "R1" },
	{ 'x', "99999 path=a\n", "R1" },
	{ 'x', "4294967308 path=a\n", "R1" },
	{ 'x', "10 path=a", "R1" },
};

static void test_records(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(record_rows); i++) {
		const RecordRow *row = &record_rows[i];
		g_autoptr(GByteArray) tar = with_record(row->type, row->record);

		g_test_message("%s", row->record);
		assert_summary(tar, row->expected);
	}
	g_autofree char *long_record = g_strnfill(TAR_RECORD_SIZE_MAX + 1, 'n');
	g_autoptr(GByteArray) tar = with_record('L', long_record);
	assert_summary(tar, "R16");
}

static void test_two_records(void)
{
	g_autoptr(GByteArray) tar = g_byte_array_new();

	add(tar, "record", "one");
	retype(tar, 0, 'L');
	add(tar, "record", "12 path=two\n");
	retype(tar, 1024, 'x');
	add(tar, "short", "");
	tar_append_end(tar);
	assert_summary(tar, "R1");
}

typedef struct {
	gsize offset;
	const char *bytes;
	gsize size;
	gboolean mend;
	const char *expected;
} ChangeRow;

/* One entry "version" of three bytes, its body at 512, the end at 1024. */
static const ChangeRow change_rows[] = {
	{ 0, "V", 1, FALSE, "R1" },                 /* the sum no longer fits */
	{ 257, "xstar", 5, TRUE, "R1" },            /* not a tar we know */
	{ 257, "ustar  ", 8, TRUE, "version:3" },   /* GNU's dialect */
	{ 124, "\xff\xff\xff\xff", 4, TRUE, "R1" }, /* a negative size */
	{ 124, "0000000000x", 11, TRUE, "R1" },     /* a size that is no number */
	{ 124, "0000000000-", 11, TRUE, "R1" },
	{ 136, "\xff", 1, TRUE, "R1" }, /* a negative time */
	{ 156, "S", 1, TRUE, "R13" },   /* sparse */
	{ 515, "x", 1, FALSE, "R3" },   /* padding */
	{ 1024, "x", 1, FALSE, "R1" },  /* where the end should be */
	{ 1536, "x", 1, FALSE, "R3" },  /* one block of zeros only */
};

static void test_changes(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(change_rows); i++) {
		const ChangeRow *row = &change_rows[i];
		g_autoptr(GByteArray) tar = g_byte_array_new();

		add(tar, "version", "one");
		tar_append_end(tar);
		memcpy(tar->data + row->offset, row->bytes, row->size);
		if (row->mend)
			mend_sum(tar->data);
		g_test_message("change at %" G_GSIZE_FORMAT, row->offset);
		assert_summary(tar, row->expected);
	}
}

static void test_ends(void)
{
	g_autoptr(GByteArray) tar = g_byte_array_new();

	assert_summary(tar, "R1");
	tar_append_end(tar);
	assert_summary(tar, "R1");
	g_byte_array_set_size(tar, 0);
	add(tar, "a", "body");
	assert_summary(tar, "R2");
	tar_append_end(tar);
	tar_append_end(tar);
	assert_summary(tar, "a:4");
	g_byte_array_append(tar, (const guint8 *)"x", 1);
	assert_summary(tar, "R3");
	for (guint size = 1; size < 2048; size++) {
		g_byte_array_set_size(tar, 2048 - size);
		assert_summary(tar, "R2");
	}
}

/* shows: MS3 */
static void test_sizes(void)
{
	static const guint64 sizes[] = {
		0x7fffffff,
		0x80000001,
		0xffffffff,
		0x100000001,
		0x1ffffffff, /* the largest that eleven octal digits hold */
		0x200000000,
		0x300000005,
	};

	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(GByteArray) front = g_byte_array_new();
		g_autoptr(GByteArray) rest = g_byte_array_new();
		TarHeader header = { "big", sizes[i], 0644, 0 };
		const TarEntry *entry;
		guint8 block[512];
		Fixture fixture;

		g_assert_true(tar_header_write(&header, block, NULL));
		g_byte_array_append(front, block, sizeof block);
		add(rest, "behind", "x");
		tar_append_end(rest);
		fixture_init(&fixture, front, sizes[i] + tar_padding(sizes[i]), rest);
		g_assert_true(tar_reader_next(&fixture.tar, &entry, NULL));
		g_assert_cmpuint(entry->size, ==, sizes[i]);
		g_assert_null(tar_reader_read_body(&fixture.tar, 4096, NULL));
		g_assert_cmpint(fixture.refusal.rule, ==, 16);
		g_assert_true(tar_reader_next(&fixture.tar, &entry, NULL));
		g_assert_cmpstr(entry->name, ==, "behind");
		g_assert_cmpuint(entry->start, ==, 512 + sizes[i] + tar_padding(sizes[i]));
		g_assert_true(tar_reader_next(&fixture.tar, &entry, NULL));
		g_assert_null(entry);
		g_assert_true(tar_reader_finish(&fixture.tar, NULL));
		fixture_clear(&fixture);
	}
}

static void test_names_of_the_writer(void)
{
	g_autofree char *fits = g_strnfill(TAR_NAME_SIZE_MAX, 'n');
	g_autofree char *too_long = g_strnfill(TAR_NAME_SIZE_MAX + 1, 'n');
	g_autofree char *expected = g_strconcat(fits, ":1", NULL);
	g_autoptr(GByteArray) tar = g_byte_array_new();
	TarHeader header = { too_long, 0, 0644, 0 };
	guint8 block[512];

	g_assert_false(tar_header_write(&header, block, NULL));
	add(tar, fits, "x");
	tar_append_end(tar);
	assert_summary(tar, expected);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tar/plain", test_plain);
	g_test_add_func("/tar/records", test_records);
	g_test_add_func("/tar/two-records", test_two_records);
	g_test_add_func("/tar/changes", test_changes);
	g_test_add_func("/tar/ends", test_ends);
	g_test_add_func("/tar/sizes", test_sizes);
	g_test_add_func("/tar/names-of-the-writer", test_names_of_the_writer);
	return g_test_run();
}
