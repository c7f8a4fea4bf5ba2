/* SPDX-License-Identifier: Apache-2.0 */
/* Clears patterns against a table-driven matcher that shares no thought with ours. Pattern, NUL,
 * key; and every rule about names on the key. */
#include <string.h>
#include "artifact/header.h"
#include "artifact/names.h"
#include "shared/target.h"

enum { TEXT_SIZE_MAX = 200 };

/* reached[k]: the pattern so far matches the first k bytes of the key. */
static gboolean matches(const char *pattern, const char *key)
{
	gboolean reached[TEXT_SIZE_MAX + 1] = { TRUE };
	gsize size = strlen(key);

	for (; *pattern; pattern++) {
		for (gsize k = size + 1; *pattern != '*' && k-- > 0;)
			reached[k] = k > 0 && reached[k - 1] && key[k - 1] == *pattern;
		for (gsize k = 1; *pattern == '*' && k <= size; k++)
			reached[k] = reached[k] || reached[k - 1];
	}
	return reached[size];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *pattern = g_strndup((const char *)data, size);
	gsize at = strlen(pattern) + 1;
	g_autofree char *key =
		at < size ? g_strndup((const char *)data + at, size - at) : g_strdup("");

	if (strlen(key) > TEXT_SIZE_MAX)
		return 0;
	g_assert_true(artifact_pattern_matches(pattern, key) == matches(pattern, key));
	if (name_is_payload_file(key) || name_is_script(key))
		g_assert_true(name_is_plain_path(key) && !strchr(key, '/'));
	if (name_is_payload_type(key))
		g_assert_true(*key && *key != '.' && !strchr(key, '/'));
	(void)text_is_printable(key, TEXT_SIZE_MAX);
	return 0;
}
