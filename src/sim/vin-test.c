/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: numbers known to be right, one with the check digit X; wrong digit, wrong letter, wrong
 * length, small letters; a thousand made ones are right and differ. */
#include "sim/vin.h"

static void test_known(void)
{
	const char *right[] = { "1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715",
		"1HGCM82633A004352" };
	const char *wrong[] = { "1M8GDM9A1KP042788", "5GZCZ43D13S812716", "1M8GDM9AXKP04278",
		"1M8GDM9AXKP0427888", "1M8GDM9AXKPO42788", "1m8gdm9axkp042788", "" };

	for (gsize i = 0; i < G_N_ELEMENTS(right); i++)
		g_assert_true(vin_is_valid(right[i]));
	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_false(vin_is_valid(wrong[i]));
}

static void test_made(void)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint serial = 1; serial <= 1000; serial++) {
		char *vin = vin_make(serial);

		g_assert_true(vin_is_valid(vin));
		g_assert_true(g_hash_table_add(seen, vin));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sim/vin/known", test_known);
	g_test_add_func("/sim/vin/made", test_made);
	return g_test_run();
}
