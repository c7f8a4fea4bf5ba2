/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/place.h"
#include <stdarg.h>
#include <string.h>

enum { PRINTABLE_SIZE_MAX = 240 };

void place_init(Place *place, const guint64 *position, ArtifactRefusal *refusal)
{
	*place = (Place){ .position = position, .refusal = refusal };
	if (refusal)
		memset(refusal, 0, sizeof *refusal);
}

void place_clear(Place *place)
{
	g_clear_pointer(&place->outer, g_free);
	g_clear_pointer(&place->inner, g_free);
}

static gboolean has_control(const char *text)
{
	for (const char *c = text; *c; c += g_utf8_skip[(guchar)*c])
		if (g_unichar_iscntrl(g_utf8_get_char(c)))
			return TRUE;
	return FALSE;
}

char *place_printable(const char *text)
{
	g_autofree char *escaped = NULL;

	if (g_utf8_validate(text, -1, NULL) && !has_control(text))
		escaped = g_strdup(text);
	else
		escaped = g_strescape(text, NULL);
	if (strlen(escaped) <= PRINTABLE_SIZE_MAX)
		return g_steal_pointer(&escaped);
	escaped[PRINTABLE_SIZE_MAX] = '\0';
	/* The cut may have gone through a character. */
	const char *end;
	if (!g_utf8_validate(escaped, -1, &end))
		escaped[end - escaped] = '\0';
	return g_strconcat(escaped, "...", NULL);
}

void place_enter(Place *place, const char *name, guint64 start, guint64 end)
{
	g_free(place->outer);
	place->outer = place_printable(name);
	g_clear_pointer(&place->inner, g_free);
	place->inner_offset = -1;
	place->start = start;
	place->end = end;
}

void place_enter_inner(Place *place, const char *name)
{
	g_clear_pointer(&place->inner, g_free);
	place->inner_offset = -1;
	if (name)
		place->inner = place_printable(name);
}

void place_return_to_inner(Place *place, const char *name, guint64 offset)
{
	place_enter_inner(place, name);
	place->inner_offset = (gint64)offset;
}

G_GNUC_PRINTF(6, 0)
static void refuse(Place *place, guint64 offset, int rule, ArtifactError code, GError **error,
	const char *format, va_list arguments)
{
	g_autofree char *what = g_strdup_vprintf(format, arguments);
	g_autofree char *member =
		g_strconcat(place->outer, place->inner ? "/" : NULL, place->inner, NULL);

	if (place->end > place->start)
		offset = CLAMP(offset, place->start, place->end - 1);
	g_set_error(error, ARTIFACT_ERROR, code, "R%d %s: %s: offset %" G_GUINT64_FORMAT ": %s",
		rule, artifact_error_name(code), member, offset, what);
	if (!place->refusal)
		return;
	place->refusal->rule = rule;
	place->refusal->error = code;
	place->refusal->offset = offset;
	g_strlcpy(place->refusal->member, member, sizeof place->refusal->member);
}

gboolean place_refuse(
	Place *place, int rule, ArtifactError code, GError **error, const char *format, ...)
{
	va_list arguments;
	guint64 offset = place->inner_offset >= 0 ? (guint64)place->inner_offset : *place->position;

	va_start(arguments, format);
	refuse(place, offset, rule, code, error, format, arguments);
	va_end(arguments);
	return FALSE;
}

gboolean place_refuse_at(Place *place, guint64 offset, int rule, ArtifactError code, GError **error,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	refuse(place, offset, rule, code, error, format, arguments);
	va_end(arguments);
	return FALSE;
}
