/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encode.h"
#include <string.h>
#include "base/error.h"

static const char hex_digits[] = "0123456789abcdef";
static const char standard_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *hex_encode(const guint8 *data, gsize size)
{
	char *text = g_malloc(2 * size + 1);

	for (gsize i = 0; i < size; i++) {
		text[2 * i] = hex_digits[data[i] >> 4];
		text[2 * i + 1] = hex_digits[data[i] & 15];
	}
	text[2 * size] = '\0';
	return text;
}

static int hex_value(char digit)
{
	const char *place = digit != '\0' ? strchr(hex_digits, digit) : NULL;

	return place != NULL ? (int)(place - hex_digits) : -1;
}

gboolean hex_decode(const char *text, gsize length, guint8 *ret_data, gsize size)
{
	if (length != 2 * size)
		return FALSE;
	for (gsize i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return FALSE;
		ret_data[i] = (guint8)(high << 4 | low);
	}
	return TRUE;
}

static int digit_value(const char *alphabet, char digit)
{
	const char *place = digit != '\0' ? strchr(alphabet, digit) : NULL;

	return place != NULL ? (int)(place - alphabet) : -1;
}

/* @length digits without padding. Bits that are left over must be zero, so that one text has one
 * meaning and one meaning has one text. */
static GBytes *decode_digits(const char *alphabet, const char *text, gsize length, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_sized_new((guint)(length * 3 / 4 + 1));
	guint32 bits = 0;
	guint n_bits = 0;

	for (gsize i = 0; i < length; i++) {
		int value = digit_value(alphabet, text[i]);

		if (value < 0) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"byte %" G_GSIZE_FORMAT " is not a base64 digit", i);
			return NULL;
		}
		bits = bits << 6 | (guint32)value;
		n_bits += 6;
		if (n_bits >= 8) {
			guint8 byte = (guint8)(bits >> (n_bits - 8));

			g_byte_array_append(bytes, &byte, 1);
			n_bits -= 8;
			bits &= (1u << n_bits) - 1;
		}
	}
	if (n_bits == 6 || bits != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "base64 ends within a byte");
		return NULL;
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

GBytes *base64_decode_strict(const char *text, gsize length, GError **error)
{
	gsize n_digits = length;

	if (length % 4 != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"base64 has a length that is no multiple of four");
		return NULL;
	}
	while (n_digits > 0 && length - n_digits < 2 && text[n_digits - 1] == '=')
		n_digits--;
	return decode_digits(standard_alphabet, text, n_digits, error);
}

char *base64url_encode(const guint8 *data, gsize size)
{
	char *text = g_base64_encode(data, size);
	char *end = text;

	for (char *at = text; *at != '\0' && *at != '='; at++) {
		if (*at == '+')
			*at = '-';
		else if (*at == '/')
			*at = '_';
		end = at + 1;
	}
	*end = '\0';
	return text;
}

GBytes *base64url_decode(const char *text, gsize length, GError **error)
{
	return decode_digits(url_alphabet, text, length, error);
}

gboolean secret_equal(gconstpointer a, gconstpointer b, gsize size)
{
	const volatile guint8 *left = a, *right = b;
	guint8 difference = 0;

	for (gsize i = 0; i < size; i++)
		difference |= left[i] ^ right[i];
	return difference == 0;
}
