/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *   literal-wins    a spelt-out segment wins over a parameter, and backs off where it leads nowhere
 *   parameters      are decoded, in order, under their row's names
 *   malformed       bad escapes, encoded slashes, empty parameters, endless paths
 *   methods         405 with what is allowed, HEAD as GET, OPTIONS
 *   faults          rows that say less than they must are refused when the tables are compiled */
#include <string.h>
#include "base/error.h"
#include "server/route.h"

static gboolean handle(Call *call, GError **error)
{
	return TRUE;
}

#define ROW(method, path)                                                                          \
	{                                                                                          \
		method, path, CALLER_ANYONE, NULL, RUN_LOOP, NULL, 0, NULL, handle                 \
	}

static const Route table[] = {
	ROW(HTTP_GET, "/devices"),
	ROW(HTTP_POST, "/devices"),
	ROW(HTTP_GET, "/devices/count"),
	ROW(HTTP_GET, "/devices/{id}"),
	ROW(HTTP_DELETE, "/devices/{id}"),
	ROW(HTTP_PUT, "/devices/{device}/auth/{set}/status"),
	ROW(HTTP_GET, "/devices/count/{year}/report"),
	{ 0 },
};

static Router *make_router(void)
{
	Router *router = router_new();
	g_autoptr(GError) error = NULL;

	g_assert_true(router_add(router, table, &error));
	g_assert_no_error(error);
	return router;
}

static void assert_route(const Router *router, const char *path, const char *row)
{
	g_auto(RouteMatch) match = { 0 };
	RouteOutcome outcome = router_match(router, HTTP_GET, path, &match);

	if (!row) {
		g_assert_cmpint(outcome, !=, ROUTE_FOUND);
		return;
	}
	g_assert_cmpint(outcome, ==, ROUTE_FOUND);
	g_assert_cmpstr(match.route->path, ==, row);
}

static void test_literal_wins(void)
{
	g_autoptr(Router) router = make_router();

	assert_route(router, "/devices/count", "/devices/count");
	assert_route(router, "/devices/counts", "/devices/{id}");
	assert_route(router, "/devices/count/2026/report", "/devices/count/{year}/report");
	assert_route(router, "/devices/x/2026/report", NULL);
}

static void test_parameters(void)
{
	g_autoptr(Router) router = make_router();
	g_auto(RouteMatch) match = { 0 };

	g_assert_cmpint(router_match(router, HTTP_PUT, "/devices/a%20b/auth/%C3%A9/status", &match),
		==, ROUTE_FOUND);
	g_assert_cmpuint(match.n_parameters, ==, 2);
	g_assert_cmpstr(match.names[0], ==, "device");
	g_assert_cmpstr(match.values[0], ==, "a b");
	g_assert_cmpstr(match.names[1], ==, "set");
	g_assert_cmpstr(match.values[1], ==, "é");
	route_match_clear(&match);
	/* "count" is literal in another row: the walk must back off with the right parameters. */
	g_assert_cmpint(router_match(router, HTTP_PUT, "/devices/count/auth/s/status", &match), ==,
		ROUTE_FOUND);
	g_assert_cmpstr(match.values[0], ==, "count");
	g_assert_cmpstr(match.values[1], ==, "s");
}

static void test_malformed(void)
{
	static const char *const paths[] = { "", "devices", "/devices/", "/devices/%",
		"/devices/%2", "/devices/%zz", "/devices/%00", "/devices/%ff", "//devices",
		"/Devices", "/devices//auth/s/status",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z" };
	g_autoptr(Router) router = make_router();
	g_autofree char *segment = g_strnfill(ROUTE_SEGMENT_MAX + 1, 'x');
	g_autofree char *endless = g_strconcat("/devices/", segment, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		assert_route(router, paths[i], NULL);
	assert_route(router, endless, NULL);
	/* An encoded slash is a byte of its segment, never a separator. */
	assert_route(router, "/devices/a%2Fb", "/devices/{id}");
	assert_route(router, "/devices%2Fcount", NULL);
}

static void test_methods(void)
{
	g_autoptr(Router) router = make_router();
	g_auto(RouteMatch) match = { 0 };
	g_autofree char *allow = NULL;

	g_assert_cmpint(
		router_match(router, HTTP_PATCH, "/devices/1", &match), ==, ROUTE_WRONG_METHOD);
	allow = route_methods_text(match.methods);
	g_assert_cmpstr(allow, ==, "GET, HEAD, DELETE, OPTIONS");
	g_assert_cmpint(router_match(router, HTTP_OPTIONS, "/devices", &match), ==, ROUTE_OPTIONS);
	g_assert_cmpint(router_match(router, HTTP_OPTIONS, "/nothing", &match), ==, ROUTE_UNKNOWN);
	g_assert_cmpint(
		router_match(router, HTTP_OTHER, "/devices", &match), ==, ROUTE_WRONG_METHOD);
	g_assert_cmpint(router_match(router, HTTP_HEAD, "/devices", &match), ==, ROUTE_FOUND);
	g_assert_cmpint(match.route->method, ==, HTTP_GET);
}

static void assert_fault(const Route *row, const char *words)
{
	g_autoptr(Router) router = router_new();
	g_autoptr(GError) error = NULL;
	const Route rows[] = { *row, { 0 } };

	g_assert_false(router_add(router, rows, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL);
	g_assert_nonnull(strstr(error->message, words));
}

static void test_faults(void)
{
	Route row = ROW(HTTP_GET, "/x");
	Route twice[] = { ROW(HTTP_GET, "/{a}"), ROW(HTTP_GET, "/{b}"), { 0 } };
	g_autoptr(Router) router = router_new();
	g_autoptr(GError) error = NULL;

	row.handler = NULL;
	assert_fault(&row, "no handler");
	row = (Route)ROW(HTTP_GET, "x");
	assert_fault(&row, "slash");
	row = (Route)ROW(HTTP_OPTIONS, "/x");
	assert_fault(&row, "layer itself");
	row = (Route)ROW(HTTP_GET, "/x");
	row.caller = CALLER_USER;
	assert_fault(&row, "no known permission");
	row.permission = "everything";
	assert_fault(&row, "no known permission");
	row = (Route)ROW(HTTP_GET, "/x");
	row.permission = "devices.read";
	assert_fault(&row, "without a user");
	g_assert_false(router_add(router, twice, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server/route/literal-wins", test_literal_wins);
	g_test_add_func("/server/route/parameters", test_parameters);
	g_test_add_func("/server/route/malformed", test_malformed);
	g_test_add_func("/server/route/methods", test_methods);
	g_test_add_func("/server/route/faults", test_faults);
	return g_test_run();
}
