/* SPDX-License-Identifier: Apache-2.0 */
/* GRUB's environment block: what is taken is written back as it was, and takes a variable more or
 * says that there is no room. */
#include <string.h>
#include "agent/slots/grub-block.h"
#include "shared/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
	g_autoptr(GrubBlock) block = grub_block_parse(bytes, NULL);
	g_autoptr(GrubBlock) again = NULL;
	g_autoptr(GBytes) written = NULL, changed = NULL;

	if (block == NULL)
		return 0;
	written = grub_block_write(block, NULL);
	/* Escapes that nobody needs are left out, so it may get shorter within, never longer. */
	g_assert_nonnull(written);
	g_assert_cmpuint(g_bytes_get_size(written), ==, size);
	grub_block_set(block, "bootcount", "1\\\n2");
	changed = grub_block_write(block, NULL);
	if (changed == NULL)
		return 0;
	again = grub_block_parse(changed, NULL);
	g_assert_nonnull(again);
	g_assert_cmpstr(grub_block_get(again, "bootcount"), ==, "1\\\n2");
	return 0;
}
