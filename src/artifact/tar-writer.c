/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/tar-writer.h"
#include <string.h>
#include "base/error.h"

enum { BLOCK_SIZE = 512 };

/* The fields of a ustar header: where they begin, and how long they are. */
typedef struct {
	gsize offset, size;
} Field;

static const Field name_field = { 0, 100 }, mode_field = { 100, 8 }, uid_field = { 108, 8 },
		   gid_field = { 116, 8 }, size_field = { 124, 12 }, mtime_field = { 136, 12 },
		   checksum_field = { 148, 8 }, magic_field = { 257, 8 }, major_field = { 329, 8 },
		   minor_field = { 337, 8 };
static const gsize type_offset = 156;

/* Octal digits and a NUL; what they cannot hold is written in base 256, as GNU and Go do. */
static void put_number(guint8 *block, const Field *field, guint64 number)
{
	guint8 *to = block + field->offset;
	gsize digits = field->size - 1;

	if (digits * 3 < 64 && number >> (digits * 3) != 0) {
		for (gsize i = field->size; i-- > 0; number >>= 8)
			to[i] = (guint8)number;
		to[0] = 0x80;
		return;
	}
	for (gsize i = digits; i-- > 0; number >>= 3)
		to[i] = (guint8)('0' + (number & 7));
	to[digits] = '\0';
}

static void put_checksum(guint8 *block)
{
	const Field digits = { checksum_field.offset, 7 }; /* six digits, NUL, blank */
	guint sum = 0;

	memset(block + checksum_field.offset, ' ', checksum_field.size);
	for (gsize i = 0; i < BLOCK_SIZE; i++)
		sum += block[i];
	put_number(block, &digits, sum);
}

gboolean tar_header_write(const TarHeader *header, guint8 ret_block[512], GError **error)
{
	gsize length = strlen(header->name);

	if (length == 0 || length > name_field.size) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: a name of more than %d bytes cannot be written", header->name,
			TAR_NAME_SIZE_MAX);
		return FALSE;
	}
	memset(ret_block, 0, BLOCK_SIZE);
	memcpy(ret_block, header->name, length);
	put_number(ret_block, &mode_field, header->mode);
	put_number(ret_block, &uid_field, 0);
	put_number(ret_block, &gid_field, 0);
	put_number(ret_block, &size_field, header->size);
	put_number(ret_block, &mtime_field, (guint64)header->modified_s);
	ret_block[type_offset] = '0';
	memcpy(ret_block + magic_field.offset,
		"ustar\0"
		"00",
		magic_field.size);
	put_number(ret_block, &major_field, 0);
	put_number(ret_block, &minor_field, 0);
	put_checksum(ret_block);
	return TRUE;
}

guint tar_padding(guint64 size)
{
	return (guint)(-size % BLOCK_SIZE);
}

static void append_zeros(GByteArray *tar, guint size)
{
	static const guint8 zeros[TAR_END_SIZE];

	g_byte_array_append(tar, zeros, size);
}

gboolean tar_append(GByteArray *tar, const TarHeader *header, gconstpointer body, GError **error)
{
	guint8 block[BLOCK_SIZE];

	if (!tar_header_write(header, block, error))
		return FALSE;
	g_byte_array_append(tar, block, sizeof block);
	if (header->size > 0)
		g_byte_array_append(tar, body, (guint)header->size);
	append_zeros(tar, tar_padding(header->size));
	return TRUE;
}

void tar_append_end(GByteArray *tar)
{
	append_zeros(tar, TAR_END_SIZE);
}
