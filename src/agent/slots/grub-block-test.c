/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: values, escapes and comments survive; a variable is changed in its place or added behind
 * the others; the size never changes, and what does not fit is refused; texts that are no such
 * block. That grub-editenv agrees: tests/powercut/test_grub_cuts.py. */
/* shows: F4 */
#include "agent/slots/grub-block.h"
#include <string.h>
#include "base/error.h"

#define HEAD "# GRUB Environment Block\n"

static GrubBlock *parse(const char *text)
{
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));

	return grub_block_parse(bytes, NULL);
}

static void assert_writes(const GrubBlock *block, const char *text)
{
	g_autoptr(GBytes) bytes = grub_block_write(block, NULL);

	g_assert_nonnull(bytes);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), text, strlen(text));
}

static void test_values(void)
{
	g_autoptr(GrubBlock) block = parse(HEAD "# WARNING\na=1\nb=x=\\\\y\\\nz\n##########");

	g_assert_nonnull(block);
	g_assert_cmpstr(grub_block_get(block, "a"), ==, "1");
	g_assert_cmpstr(grub_block_get(block, "b"), ==, "x=\\y\nz");
	g_assert_null(grub_block_get(block, "c"));
	grub_block_set(block, "a", "22");
	grub_block_set(block, "c", "3");
	assert_writes(block, HEAD "# WARNING\na=22\nb=x=\\\\y\\\nz\nc=3\n#####");
}

static void test_room(void)
{
	g_autoptr(GrubBlock) block = parse(HEAD "a=1\n##");
	g_autoptr(GError) error = NULL;

	grub_block_set(block, "a", "123");
	assert_writes(block, HEAD "a=123\n");
	grub_block_set(block, "a", "1234");
	g_assert_null(grub_block_write(block, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
}

static void test_no_blocks(void)
{
	static const char *const texts[] = { "", HEAD, "a=1\n##", HEAD "a\n##", HEAD "=1\n##",
		HEAD "a\\\n=1\n##", HEAD "a\\\\=1\n##", HEAD "\\#a=1\n##", HEAD "a=1", HEAD "a=1\\",
		HEAD "a=1\n##x", "# GRUB Environment block\na=1\n##" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GBytes) bytes = g_bytes_new_static(texts[i], strlen(texts[i]));
		g_autoptr(GError) error = NULL;

		g_assert_null(grub_block_parse(bytes, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/slots/grub-block/values", test_values);
	g_test_add_func("/slots/grub-block/room", test_room);
	g_test_add_func("/slots/grub-block/no-blocks", test_no_blocks);
	return g_test_run();
}
