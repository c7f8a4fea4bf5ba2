/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: bytes come back in order; the maximum is reached exactly and never passed, and a refused
 * append changes nothing; the front can be dropped; the bytes can be taken away. */
#include "base/buffer.h"
#include "base/error.h"

static void test_maximum(void)
{
	g_auto(Buffer) buffer;
	g_autoptr(GError) error = NULL;

	buffer_init(&buffer, "the test's buffer", 1000);
	for (guint i = 0; i < 100; i++)
		g_assert_true(buffer_append(&buffer, "0123456789", 10, NULL));
	g_assert_false(buffer_append(&buffer, "x", 1, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
	g_assert_cmpstr(error->message, ==, "the test's buffer is larger than 1000 bytes");
	g_assert_cmpuint(buffer.size, ==, 1000);
	g_assert_cmpuint(buffer.size_allocated, <=, 1000);
	g_assert_cmpmem(buffer.data + 990, 10, "0123456789", 10);
	g_assert_true(buffer_append(&buffer, NULL, 0, NULL));
}

static void test_consume_and_steal(void)
{
	g_auto(Buffer) buffer;
	g_autoptr(GBytes) bytes = NULL;

	buffer_init(&buffer, "b", 10);
	g_assert_true(buffer_append(&buffer, "abcdef", 6, NULL));
	buffer_consume(&buffer, 2);
	bytes = buffer_steal(&buffer);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "cdef", 4);
	g_assert_cmpuint(buffer.size, ==, 0);
	g_assert_true(buffer_append(&buffer, "0123456789", 10, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/buffer/maximum", test_maximum);
	g_test_add_func("/base/buffer/consume-and-steal", test_consume_and_steal);
	return g_test_run();
}
