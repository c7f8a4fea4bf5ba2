/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no fuzzing engine, a target runs once over each file of the folders it is given.
 * A target that breaks ends the program; an empty corpus shows nothing and is an error. */
#include <glib.h>
#include <stdio.h>
#include "shared/target.h"

static guint replay_folder(const char *folder)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;
	guint count = 0;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		g_autofree char *data = NULL;
		gsize size;

		if (!g_file_get_contents(path, &data, &size, NULL))
			continue;
		LLVMFuzzerTestOneInput((const uint8_t *)data, size);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		guint count = replay_folder(argv[i]);

		printf("%u inputs of %s\n", count, argv[i]);
		if (count == 0)
			return 1;
	}
	return argc > 1 ? 0 : 1;
}
