/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *   bearer        the scheme in any case, more spaces; another scheme is no token, cookie or not
 *   cookie        JWT among others, not one that ends in JWT
 *   permissions   roles open what they name; the admin holds everything; unknown ones nothing */
#include <string.h>
#include "server/auth/caller.h"

static void assert_token(const char *authorization, const char *cookie, const char *expected)
{
	gsize size = 0;
	const char *token = caller_token(authorization, cookie, &size);
	g_autofree char *text = token ? g_strndup(token, size) : NULL;

	g_assert_cmpstr(text, ==, expected);
}

static void test_bearer(void)
{
	assert_token("Bearer abc", NULL, "abc");
	assert_token("bEARER   abc", NULL, "abc");
	assert_token("Bearer ", NULL, NULL);
	assert_token("Basic abc", NULL, NULL);
	assert_token("Basic abc", "JWT=x", NULL);
	assert_token("", "JWT=x", NULL);
	assert_token(NULL, NULL, NULL);
}

static void test_cookie(void)
{
	assert_token(NULL, "JWT=abc", "abc");
	assert_token(NULL, "a=b; JWT=abc; c=d", "abc");
	assert_token(NULL, "NOTJWT=x;JWT=abc", "abc");
	assert_token(NULL, "JWT=", NULL);
	assert_token(NULL, "xJWT=abc", NULL);
	assert_token(NULL, ";;;", NULL);
}

static void test_permissions(void)
{
	PermissionSet admin, ci;

	g_assert_true(role_permissions("RBAC_ROLE_PERMIT_ALL", &admin));
	g_assert_true(role_permissions("RBAC_ROLE_CI", &ci));
	g_assert_false(role_permissions("RBAC_ROLE_KING", &ci));
	for (guint i = 0; permission_name(i); i++) {
		g_assert_cmpuint(permission_bit(permission_name(i)), !=, 0);
		g_assert_true(admin & permission_bit(permission_name(i)));
	}
	g_assert_true(ci & permission_bit("artifacts.upload"));
	g_assert_false(ci & permission_bit("deployments.write"));
	g_assert_cmpuint(permission_bit("everything"), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server/caller/bearer", test_bearer);
	g_test_add_func("/server/caller/cookie", test_cookie);
	g_test_add_func("/server/caller/permissions", test_permissions);
	return g_test_run();
}
