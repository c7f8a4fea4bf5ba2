/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: deadlines pass in order and once; one that is set anew passes later; one that is cleared
 * never does; the timer stops when none is left; the oldest is found. */
#include "http/deadline.h"

static GArray *passed_deadlines;

static void on_passed(HttpDeadline *deadline, HttpDeadlineKind kind)
{
	g_assert_null(deadline->next);
	g_array_append_val(passed_deadlines, deadline);
}

typedef struct {
	uv_loop_t uv;
	HttpDeadlines deadlines;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	uv_loop_init(&fixture->uv);
	http_deadlines_init(&fixture->deadlines, &fixture->uv, on_passed);
	for (guint kind = 0; kind < HTTP_N_DEADLINES; kind++)
		fixture->deadlines.timeouts_ms[kind] = 20 * (kind + 1);
	passed_deadlines = g_array_new(FALSE, FALSE, sizeof(HttpDeadline *));
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	uv_close((uv_handle_t *)&fixture->deadlines.timer, NULL);
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	g_assert_cmpint(uv_loop_close(&fixture->uv), ==, 0);
	g_array_unref(passed_deadlines);
}

static void test_in_order(Fixture *fixture, gconstpointer data)
{
	HttpDeadline late = { 0 }, early = { 0 }, cleared = { 0 };

	http_deadline_set(&fixture->deadlines, &late, HTTP_DEADLINE_BODY);
	http_deadline_set(&fixture->deadlines, &cleared, HTTP_DEADLINE_HANDSHAKE);
	http_deadline_set(&fixture->deadlines, &early, HTTP_DEADLINE_HANDSHAKE);
	g_assert_true(
		http_deadlines_oldest(&fixture->deadlines, HTTP_DEADLINE_HANDSHAKE) == &cleared);
	http_deadline_clear(&cleared);
	http_deadline_clear(&cleared);
	g_assert_true(
		http_deadlines_oldest(&fixture->deadlines, HTTP_DEADLINE_HANDSHAKE) == &early);
	g_assert_true(http_deadline_is_set(&late, HTTP_DEADLINE_BODY));
	g_assert_false(http_deadline_is_set(&late, HTTP_DEADLINE_HEAD));

	/* Ends by itself: no timer is left running. */
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	g_assert_cmpuint(passed_deadlines->len, ==, 2);
	g_assert_true(g_array_index(passed_deadlines, HttpDeadline *, 0) == &early);
	g_assert_true(g_array_index(passed_deadlines, HttpDeadline *, 1) == &late);
}

static void test_set_anew(Fixture *fixture, gconstpointer data)
{
	HttpDeadline deadline = { 0 };

	http_deadline_set(&fixture->deadlines, &deadline, HTTP_DEADLINE_HANDSHAKE);
	http_deadline_set(&fixture->deadlines, &deadline, HTTP_DEADLINE_LINGER);
	g_assert_null(http_deadlines_oldest(&fixture->deadlines, HTTP_DEADLINE_HANDSHAKE));

	guint64 began_ms = uv_now(&fixture->uv);
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	g_assert_cmpuint(passed_deadlines->len, ==, 1);
	g_assert_cmpuint(uv_now(&fixture->uv) - began_ms, >=,
		fixture->deadlines.timeouts_ms[HTTP_DEADLINE_LINGER]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/http/deadline/in-order", Fixture, NULL, set_up, test_in_order, tear_down);
	g_test_add("/http/deadline/set-anew", Fixture, NULL, set_up, test_set_anew, tear_down);
	return g_test_run();
}
