/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/vin.h"
#include <string.h>

enum { CHECK_PLACE = 8 };

static const int weights[VIN_LENGTH] = { 8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2 };

/* Of A to Z; 0 = not used in a VIN. */
static const char letter_values[] = "12345678012345070923456789";

/* -1 for what cannot stand in a VIN. */
static int value_of(char c)
{
	if (g_ascii_isdigit(c))
		return c - '0';
	if (c < 'A' || c > 'Z' || letter_values[c - 'A'] == '0')
		return -1;
	return letter_values[c - 'A'] - '0';
}

static char check_digit(const char *vin)
{
	int sum = 0;

	for (int i = 0; i < VIN_LENGTH; i++)
		sum += value_of(vin[i]) * weights[i];
	return sum % 11 == 10 ? 'X' : (char)('0' + sum % 11);
}

char *vin_make(guint serial)
{
	char *vin = g_strdup_printf("RTASVM000TX%06u", serial % (VIN_SERIAL_MAX + 1));

	vin[CHECK_PLACE] = check_digit(vin);
	return vin;
}

gboolean vin_is_valid(const char *vin)
{
	if (strlen(vin) != VIN_LENGTH)
		return FALSE;
	for (int i = 0; i < VIN_LENGTH; i++)
		if (value_of(vin[i]) < 0)
			return FALSE;
	return vin[CHECK_PLACE] == check_digit(vin);
}
