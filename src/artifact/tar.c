/* SPDX-License-Identifier: Apache-2.0 */
/* An entry is
 *
 *     [ 'x' header | records ]   or   [ 'L' header | name ]     both may rename, only one may be
 * there header                     512 bytes, its own sum in it body                       padded
 * with zeros to 512
 *
 * and the archive ends with two blocks of zeros. The words of a header that artifacts give no
 * meaning to (owner, device numbers) are not looked at. */
#include "artifact/tar.h"
#include <string.h>
#include "base/buffer.h"

typedef struct {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
} TarBlock;
G_STATIC_ASSERT(sizeof(TarBlock) == TAR_BLOCK_SIZE);

/* What the records before a header say about the entry. */
typedef struct {
	char *path;
	gboolean has_size, has_mtime, seen;
	guint64 size;
	gint64 mtime;
} TarOverrides;

static void tar_overrides_clear(TarOverrides *overrides)
{
	g_free(overrides->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarOverrides, tar_overrides_clear)

static gboolean body_peek(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	TarReader *tar = (TarReader *)stream;

	if (tar->left == 0) {
		*ret_size = 0;
		return TRUE;
	}
	if (!stream_peek(tar->in, ret_data, ret_size, error))
		return FALSE;
	if (*ret_size == 0)
		return place_refuse(tar->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
			"the input ends %" G_GUINT64_FORMAT " bytes before the end of the entry",
			tar->left);
	*ret_size = (gsize)MIN((guint64)*ret_size, tar->left);
	return TRUE;
}

static void body_advance(Stream *stream, gsize size)
{
	TarReader *tar = (TarReader *)stream;

	stream_advance(tar->in, size);
	tar->left -= size;
	tar->position += size;
}

void tar_reader_init(TarReader *tar, Stream *in, Place *place, TarLevel level)
{
	*tar = (TarReader){
		.body = { body_peek, body_advance },
		.in = in,
		.place = place,
		.level = level,
	};
}

void tar_reader_clear(TarReader *tar)
{
	g_clear_pointer(&tar->entry.name, g_free);
}

static gboolean all_zero(const guint8 *data, gsize size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

static gsize count_zeros(const guint8 *data, gsize size)
{
	gsize i = 0;

	if (all_zero(data, size))
		return size;
	while (data[i] == 0)
		i++;
	return i;
}

/* Reads one block; *ret_got is FALSE at the clean end of the input. */
static gboolean read_block(TarReader *tar, guint8 *block, gboolean *ret_got, GError **error)
{
	gsize taken;

	if (!stream_take(tar->in, block, TAR_BLOCK_SIZE, &taken, error))
		return FALSE;
	tar->position += taken;
	*ret_got = taken == TAR_BLOCK_SIZE;
	if (taken == 0 || *ret_got)
		return TRUE;
	return place_refuse(tar->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
		"the input ends inside a tar block");
}

static gboolean skip_body(TarReader *tar, GError **error)
{
	guint8 padding[TAR_BLOCK_SIZE];
	gsize taken;

	while (tar->left > 0) {
		const guint8 *data;
		gsize size;

		if (!stream_peek(&tar->body, &data, &size, error))
			return FALSE;
		stream_advance(&tar->body, size);
	}
	if (!stream_take(tar->in, padding, tar->padding, &taken, error))
		return FALSE;
	tar->position += taken;
	if (taken < tar->padding)
		return place_refuse(tar->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
			"the input ends inside the padding of the entry");
	tar->padding = 0;
	if (!all_zero(padding, taken))
		return place_refuse(tar->place, 3, ARTIFACT_ERROR_CONTAINER, error,
			"bytes other than zero in the padding of the entry");
	return TRUE;
}

/* Octal digits between blanks and an end, or the positive half of GNU's base 256. */
static gboolean parse_number(const char *field, gsize size, guint64 *ret_number)
{
	guint64 number = 0;
	gsize i = 0;

	if ((guint8)field[0] & 0x80) {
		if ((guint8)field[0] != 0x80)
			return FALSE; /* negative, or beyond 64 bits */
		for (i = 1; i < size; i++) {
			if (number >> 56)
				return FALSE;
			number = number << 8 | (guint8)field[i];
		}
		*ret_number = number;
		return number <= G_MAXINT64;
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		number = number << 3 | (guint64)(field[i] - '0'); /* 12 digits are 36 bits */
	for (; i < size; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return FALSE;
	*ret_number = number;
	return TRUE;
}

static gboolean checksum_right(const TarBlock *block)
{
	const guint8 *bytes = (const guint8 *)block;
	guint64 declared;
	guint sum = 0;

	for (gsize i = 0; i < sizeof *block; i++) {
		gboolean in_field = i >= G_STRUCT_OFFSET(TarBlock, checksum) &&
				    i < G_STRUCT_OFFSET(TarBlock, type);
		sum += in_field ? ' ' : bytes[i];
	}
	return parse_number(block->checksum, sizeof block->checksum, &declared) && declared == sum;
}

static gboolean check_block(TarReader *tar, const TarBlock *block, GError **error)
{
	gboolean ustar = memcmp(block->magic,
				 "ustar\0"
				 "00",
				 8) == 0;
	gboolean gnu = memcmp(block->magic, "ustar  ", 8) == 0;

	if (!checksum_right(block))
		return place_refuse(tar->place, 1, ARTIFACT_ERROR_CONTAINER, error,
			"wrong tar header checksum, or no tar header at all");
	if (!ustar && !gnu)
		return place_refuse(tar->place, 1, ARTIFACT_ERROR_CONTAINER, error,
			"a tar header that is not of the ustar kind");
	return TRUE;
}

/* The name of the header itself. GNU's own dialect keeps other things where ustar has the prefix.
 */
static char *block_name(const TarBlock *block)
{
	g_autofree char *name = g_strndup(block->name, sizeof block->name);

	if (block->magic[5] != '\0' || block->prefix[0] == '\0')
		return g_steal_pointer(&name);
	g_autofree char *prefix = g_strndup(block->prefix, sizeof block->prefix);
	return g_strconcat(prefix, "/", name, NULL);
}

static gboolean parse_decimal(const char *text, guint64 *ret_number)
{
	return g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, ret_number, NULL);
}

/* Seconds with an optional fraction, which is dropped. */
static gboolean parse_pax_time(const char *text, gint64 *ret_time)
{
	g_autofree char *whole = g_strndup(text, strcspn(text, "."));
	const char *fraction = text + strlen(whole);

	if (*fraction && strspn(fraction + 1, "0123456789") != strlen(fraction + 1))
		return FALSE;
	return g_ascii_string_to_signed(whole, 10, G_MININT64, G_MAXINT64, ret_time, NULL);
}

static gboolean refuse_record(TarReader *tar, const char *key, GError **error)
{
	g_autofree char *shown = place_printable(key);

	return place_refuse(tar->place, 1, ARTIFACT_ERROR_CONTAINER, error,
		"PAX record %s is malformed or there twice", shown);
}

static gboolean apply_pax_record(
	TarReader *tar, TarOverrides *overrides, const char *key, const char *value, GError **error)
{
	if (g_str_has_prefix(key, "GNU.sparse."))
		return place_refuse(
			tar->place, 13, ARTIFACT_ERROR_PATH, error, "a sparse file is not allowed");
	if (g_str_equal(key, "path")) {
		if (overrides->path || *value == '\0')
			return refuse_record(tar, key, error);
		overrides->path = g_strdup(value);
	} else if (g_str_equal(key, "size")) {
		if (overrides->has_size || !parse_decimal(value, &overrides->size))
			return refuse_record(tar, key, error);
		overrides->has_size = TRUE;
	} else if (g_str_equal(key, "mtime")) {
		if (overrides->has_mtime || !parse_pax_time(value, &overrides->mtime))
			return refuse_record(tar, key, error);
		overrides->has_mtime = TRUE;
	}
	return TRUE; /* owners, access times, attributes: without meaning here */
}

/* "LENGTH KEY=VALUE\n", one after the other; LENGTH counts all of the record, itself included. */
static gboolean parse_pax_records(
	TarReader *tar, TarOverrides *overrides, const char *data, gsize size, GError **error)
{
	while (size > 0) {
		gsize digits = 0, length = 0;

		while (digits < size && digits < 6 && g_ascii_isdigit(data[digits]))
			length = length * 10 + (gsize)(data[digits++] - '0');
		if (digits == 0 || digits >= size || data[digits] != ' ' || length > size ||
			length < digits + 4 || data[length - 1] != '\n')
			return refuse_record(tar, "length", error);

		g_autofree char *record = g_strndup(data + digits + 1, length - digits - 2);
		char *equals = strchr(record, '=');
		if (strlen(record) != length - digits - 2 || !equals || equals == record)
			return refuse_record(tar, record, error);
		*equals = '\0';
		if (!apply_pax_record(tar, overrides, record, equals + 1, error))
			return FALSE;
		data += length;
		size -= length;
	}
	return TRUE;
}

static gboolean parse_long_name(
	TarReader *tar, TarOverrides *overrides, const char *data, gsize size, GError **error)
{
	if (size > 0 && data[size - 1] == '\0')
		size--;
	if (size == 0 || memchr(data, '\0', size))
		return place_refuse(tar->place, 12, ARTIFACT_ERROR_PATH, error,
			"a long name that is empty or holds NUL");
	overrides->path = g_strndup(data, size);
	return TRUE;
}

/* A record that speaks of the entry after it. */
static gboolean read_record(
	TarReader *tar, const TarBlock *block, TarOverrides *overrides, GError **error)
{
	guint64 size;

	if (overrides->seen)
		return place_refuse(tar->place, 1, ARTIFACT_ERROR_CONTAINER, error,
			"more than one record before an entry");
	overrides->seen = TRUE;
	if (!parse_number(block->size, sizeof block->size, &size))
		return place_refuse(
			tar->place, 1, ARTIFACT_ERROR_CONTAINER, error, "the size is not a number");
	if (size > TAR_RECORD_SIZE_MAX)
		return place_refuse(tar->place, 16, ARTIFACT_ERROR_LIMIT, error,
			"a name record of %" G_GUINT64_FORMAT " bytes is larger than %d", size,
			TAR_RECORD_SIZE_MAX);
	tar->left = size;
	tar->padding = (guint)(-size % TAR_BLOCK_SIZE);

	g_autoptr(GBytes) body = tar_reader_read_body(tar, TAR_RECORD_SIZE_MAX, error);
	if (!body || !skip_body(tar, error))
		return FALSE;
	gsize data_size;
	const char *data = g_bytes_get_data(body, &data_size);
	if (block->type == 'x')
		return parse_pax_records(tar, overrides, data, data_size, error);
	return parse_long_name(tar, overrides, data, data_size, error);
}

static gboolean fill_entry(TarReader *tar, const TarBlock *block, TarOverrides *overrides,
	guint64 start, guint64 file_start, GError **error)
{
	TarEntry *entry = &tar->entry;
	guint64 mtime;

	g_free(entry->name);
	entry->name = overrides->path ? g_steal_pointer(&overrides->path) : block_name(block);
	entry->type = block->type == '\0' ? '0' : block->type;
	entry->start = start;
	tar->left = 0;
	if (tar->level == TAR_OUTER)
		place_enter(tar->place, entry->name, file_start, *tar->place->position);
	else
		place_enter_inner(tar->place, entry->name);
	if (!parse_number(block->size, sizeof block->size, &entry->size) ||
		!parse_number(block->mtime, sizeof block->mtime, &mtime))
		return place_refuse(tar->place, 1, ARTIFACT_ERROR_CONTAINER, error,
			"size or time is negative or not a number");
	if (entry->type == 'S')
		return place_refuse(
			tar->place, 13, ARTIFACT_ERROR_PATH, error, "a sparse file is not allowed");
	if (overrides->has_size)
		entry->size = overrides->size;
	entry->modified_s = overrides->has_mtime ? overrides->mtime : (gint64)mtime;
	tar->left = entry->size;
	tar->padding = (guint)(-entry->size % TAR_BLOCK_SIZE);
	if (tar->level == TAR_OUTER)
		tar->place->end += entry->size + tar->padding;
	return TRUE;
}

/* The first of the two zero blocks was read. */
static gboolean read_end(TarReader *tar, GError **error)
{
	guint8 block[TAR_BLOCK_SIZE];
	gboolean got;

	if (!read_block(tar, block, &got, error))
		return FALSE;
	if (!got)
		return place_refuse(tar->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
			"the input ends inside the end of the archive");
	if (!all_zero(block, sizeof block))
		return place_refuse(tar->place, 3, ARTIFACT_ERROR_CONTAINER, error,
			"one block of zeros, where the end of an archive has two");
	tar->ended = TRUE;
	if (tar->level == TAR_OUTER && tar->n_entries > 0)
		place_enter(tar->place, "the end of the archive",
			*tar->place->position - 2 * TAR_BLOCK_SIZE, G_MAXUINT64);
	if (tar->n_entries == 0 && tar->level == TAR_OUTER)
		return place_refuse(tar->place, 1, ARTIFACT_ERROR_TRUNCATED, error,
			"a tar archive without entries");
	return TRUE;
}

static gboolean refuse_end(TarReader *tar, GError **error)
{
	if (tar->n_entries == 0 && tar->level == TAR_OUTER && tar->position == 0)
		return place_refuse(tar->place, 1, ARTIFACT_ERROR_TRUNCATED, error,
			"there is no archive at all");
	return place_refuse(tar->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
		"the input ends before the end of the archive");
}

/* Until the header is read, the place is the block that should hold it. */
static void enter_unknown(TarReader *tar)
{
	guint64 position = *tar->place->position;
	g_autofree char *name = g_strdup_printf("entry %u", tar->n_entries + 1);

	if (tar->level == TAR_OUTER)
		place_enter(tar->place, name, position, position + TAR_BLOCK_SIZE);
	else
		place_enter_inner(tar->place, NULL);
}

gboolean tar_reader_next(TarReader *tar, const TarEntry **ret_entry, GError **error)
{
	g_auto(TarOverrides) overrides = { 0 };
	TarBlock block;
	gboolean got;

	*ret_entry = NULL;
	if (tar->ended)
		return TRUE;
	if (!skip_body(tar, error))
		return FALSE;
	enter_unknown(tar);

	guint64 start = tar->position;
	guint64 file_start = *tar->place->position;
	for (;;) {
		if (!read_block(tar, (guint8 *)&block, &got, error))
			return FALSE;
		if (!got)
			return refuse_end(tar, error);
		if (!overrides.seen && all_zero((const guint8 *)&block, sizeof block))
			return read_end(tar, error);
		if (!check_block(tar, &block, error))
			return FALSE;
		if (block.type != 'x' && block.type != 'L')
			break;
		if (tar->level == TAR_OUTER) /* the records belong to the entry they rename */
			tar->place->end += TAR_RECORD_SIZE_MAX;
		if (!read_record(tar, &block, &overrides, error))
			return FALSE;
	}
	tar->n_entries++;
	if (!fill_entry(tar, &block, &overrides, start, file_start, error))
		return FALSE;
	*ret_entry = &tar->entry;
	return TRUE;
}

gboolean tar_reader_finish(TarReader *tar, GError **error)
{
	guint64 tail = 0;

	for (;;) {
		const guint8 *data;
		gsize size;

		if (!stream_peek(tar->in, &data, &size, error))
			return FALSE;
		if (size == 0)
			return TRUE;
		gsize zeros = count_zeros(data, size);
		stream_advance(tar->in, zeros);
		if (zeros < size)
			return place_refuse(tar->place, 3, ARTIFACT_ERROR_CONTAINER, error,
				"bytes other than zero after the end of the archive");
		tar->position += size;
		tail += size;
		if (tar->level == TAR_INNER && tail > TAR_INNER_TAIL_SIZE_MAX)
			return place_refuse(tar->place, 16, ARTIFACT_ERROR_LIMIT, error,
				"more than %d bytes of zeros after the end of the archive",
				TAR_INNER_TAIL_SIZE_MAX);
	}
}

GBytes *tar_reader_read_body(TarReader *tar, gsize size_max, GError **error)
{
	if (tar->left > size_max) {
		place_refuse(tar->place, 16, ARTIFACT_ERROR_LIMIT, error,
			"%" G_GUINT64_FORMAT " bytes are declared, %" G_GSIZE_FORMAT " are allowed",
			tar->left, size_max);
		return NULL;
	}
	g_auto(Buffer) body;
	buffer_init(&body, "the member", size_max);
	while (tar->left > 0) {
		const guint8 *data;
		gsize size;

		if (!stream_peek(&tar->body, &data, &size, error) ||
			!buffer_append(&body, data, size, error))
			return NULL;
		stream_advance(&tar->body, size);
	}
	return buffer_steal(&body);
}
