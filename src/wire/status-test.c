/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: every status has a name that leads back to it; unknown words lead nowhere; only final
 * statuses are finished; the server's own statuses may not be reported by a device. */
#include "wire/status.h"

static void test_names_lead_back(void)
{
	for (guint i = 0; i < N_UPDATE_STATUSES; i++) {
		UpdateStatus status;

		g_assert_true(
			update_status_from_name(update_status_name((UpdateStatus)i), &status));
		g_assert_cmpuint(status, ==, i);
	}
}

static void test_unknown(void)
{
	UpdateStatus status;

	g_assert_false(update_status_from_name("Success", &status));
	g_assert_false(update_status_from_name("", &status));
}

static void test_kinds(void)
{
	g_assert_true(update_status_is_finished(UPDATE_SUCCESS));
	g_assert_true(update_status_is_finished(UPDATE_ABORTED));
	g_assert_false(update_status_is_finished(UPDATE_REBOOTING));
	g_assert_true(update_status_is_paused(UPDATE_PAUSE_BEFORE_REBOOTING));
	g_assert_false(update_status_is_paused(UPDATE_INSTALLING));
	g_assert_false(update_status_from_device(UPDATE_ABORTED));
	g_assert_false(update_status_from_device(UPDATE_PENDING));
	g_assert_true(update_status_from_device(UPDATE_ALREADY_INSTALLED));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/status/names", test_names_lead_back);
	g_test_add_func("/wire/status/unknown", test_unknown);
	g_test_add_func("/wire/status/kinds", test_kinds);
	return g_test_run();
}
