/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/names.h"
#include <string.h>
#include "artifact/header.h"

static gboolean is_dots(const char *name)
{
	return g_str_equal(name, ".") || g_str_equal(name, "..");
}

gboolean name_is_plain_path(const char *name)
{
	g_auto(GStrv) parts = g_strsplit(name, "/", -1);

	for (guint i = 0; parts[i]; i++)
		if (!*parts[i] || is_dots(parts[i]))
			return FALSE;
	for (const char *c = name; *c; c++)
		if (*c == '\\' || g_ascii_iscntrl(*c))
			return FALSE;
	return *name && g_utf8_validate(name, -1, NULL);
}

gboolean name_is_payload_file(const char *name)
{
	gsize size = strlen(name);

	if (size == 0 || size > NAME_FILE_SIZE_MAX || is_dots(name))
		return FALSE;
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("_-.,", *c))
			return FALSE;
	return TRUE;
}

/* Takes one of @words off the front of *@text. */
static gboolean take_word(const char **text, const char *const *words)
{
	for (; *words; words++) {
		if (!g_str_has_prefix(*text, *words))
			continue;
		*text += strlen(*words);
		return TRUE;
	}
	return FALSE;
}

gboolean name_is_script(const char *name)
{
	/* The longer word first where one begins with the other. */
	static const char *const states[] = {
		"ArtifactInstall_",
		"ArtifactReboot_",
		"ArtifactCommit_",
		"ArtifactRollbackReboot_",
		"ArtifactRollback_",
		"ArtifactFailure_",
		NULL,
	};
	static const char *const actions[] = { "Enter_", "Leave_", "Error_", NULL };

	if (!take_word(&name, states) || !take_word(&name, actions))
		return FALSE;
	if (!g_ascii_isdigit(name[0]) || !g_ascii_isdigit(name[1]))
		return FALSE;
	name += 2;
	if (!*name)
		return TRUE;
	gsize tail_size = strlen(name + 1);
	if (*name != '_' || tail_size == 0 || tail_size > NAME_SCRIPT_TAIL_SIZE_MAX)
		return FALSE;
	for (const char *c = name + 1; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("._+-", *c))
			return FALSE;
	return TRUE;
}

gboolean name_is_payload_type(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') &&
	       text_is_printable(name, ARTIFACT_NAME_SIZE_MAX);
}

static gboolean is_printable(gunichar c)
{
	switch (g_unichar_type(c)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_FORMAT:
	case G_UNICODE_UNASSIGNED:
	case G_UNICODE_PRIVATE_USE:
	case G_UNICODE_SURROGATE:
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
		return FALSE;
	case G_UNICODE_SPACE_SEPARATOR:
		return c == ' ';
	default:
		return TRUE;
	}
}

gboolean text_is_printable(const char *text, gsize size_max)
{
	if (strlen(text) > size_max || !g_utf8_validate(text, -1, NULL))
		return FALSE;
	for (const char *c = text; *c; c += g_utf8_skip[(guchar)*c])
		if (!is_printable(g_utf8_get_char(c)))
			return FALSE;
	return TRUE;
}
