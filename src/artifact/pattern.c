/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header.h"
#include <string.h>

/* The text before the first star must open the key, the text after the last must close it, and what
 * stands between two stars is looked for from the left: taking the first place it occurs never
 * spoils a match that a later place would allow. */
gboolean artifact_pattern_matches(const char *pattern, const char *key)
{
	g_auto(GStrv) runs = g_strsplit(pattern, "*", -1);
	guint n_runs = g_strv_length(runs);

	if (n_runs <= 1)
		return g_str_equal(pattern, key);
	if (!g_str_has_prefix(key, runs[0]))
		return FALSE;
	key += strlen(runs[0]);
	for (guint i = 1; i + 1 < n_runs; i++) {
		const char *found = strstr(key, runs[i]);

		if (!found)
			return FALSE;
		key = found + strlen(runs[i]);
	}
	return g_str_has_suffix(key, runs[n_runs - 1]);
}
