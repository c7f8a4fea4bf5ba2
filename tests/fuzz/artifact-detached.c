/* SPDX-License-Identifier: Apache-2.0 */
/* A file of FILE.sig.d/: the input is its content, under the name of either key and under a name
 * that is none. A signature is good for this manifest only. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include "artifact/detached.h"
#include "shared/keys.h"
#include "shared/target.h"

enum { N_NAMES = 3 };

static char *folder;
static char *paths[N_NAMES];

static void remove_folder(void)
{
	for (guint i = 0; i < N_NAMES; i++)
		g_unlink(paths[i]);
	g_rmdir(folder);
}

static void make_folder(void)
{
	const GPtrArray *keys = fuzz_keys();

	folder = g_dir_make_tmp("fuzz-detached-XXXXXX", NULL);
	for (guint i = 0; i < N_NAMES; i++) {
		g_autofree char *id = i < keys->len ? key_id(keys->pdata[i]) : g_strdup("x");
		g_autofree char *name = g_strconcat(id, ".sig", NULL);

		paths[i] = g_build_filename(folder, name, NULL);
	}
	atexit(remove_folder);
}

static guint count_good(const char *manifest)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(manifest, strlen(manifest));
	g_autoptr(GPtrArray) found = detached_read(folder, bytes, fuzz_keys(), NULL);
	guint n_good = 0;

	g_assert_nonnull(found);
	g_assert_cmpuint(found->len, ==, N_NAMES);
	for (guint i = 0; i < found->len; i++) {
		const DetachedSignature *signature = found->pdata[i];

		n_good += signature->verdict == DETACHED_GOOD ? 1 : 0;
		g_assert_true(
			(signature->key_id == NULL) == (signature->verdict == DETACHED_MALFORMED));
		g_assert_true(g_utf8_validate(signature->file, -1, NULL));
	}
	return n_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!folder)
		make_folder();
	for (guint i = 0; i < N_NAMES; i++)
		g_assert_true(g_file_set_contents_full(paths[i], (const char *)data, (gssize)size,
			G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	g_assert_cmpuint(count_good(fuzz_manifest), <=, 1);
	g_assert_cmpuint(count_good("another manifest\n"), ==, 0);
	return 0;
}
