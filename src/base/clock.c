/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include <string.h>
#include <time.h>
#include "base/error.h"

gint64 clock_now_us(void)
{
	return g_get_real_time();
}

char *clock_format_rfc3339(gint64 time_us)
{
	/* gmtime_r and not GDateTime: this runs for every log line and every row of a list. */
	gint64 milliseconds = time_us / 1000 - (time_us % 1000 < 0);
	time_t seconds = (time_t)(milliseconds / 1000 - (milliseconds % 1000 < 0));
	int fraction = (int)(milliseconds - (gint64)seconds * 1000);
	struct tm parts;

	gmtime_r(&seconds, &parts);
	return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
		parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
		fraction);
}

/* RFC 3339 lets T and Z be lower case and T be a blank; GLib reads the capitals only. */
static GDateTime *read_upper_case(const char *text)
{
	g_autofree char *spelled = g_ascii_strup(text, -1);

	spelled[strlen("YYYY-MM-DD")] = 'T';
	return g_date_time_new_from_iso8601(spelled, NULL);
}

gboolean clock_parse_rfc3339(const char *text, gint64 *ret_time_us, GError **error)
{
	g_autoptr(GDateTime) time = NULL;

	/* GLib also takes ISO 8601 forms that RFC 3339 does not know: dates alone, no zone, week
	 * dates. */
	if (g_regex_match_simple("^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
				 "([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
		    text, 0, 0))
		time = read_upper_case(text);
	if (time == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "not an RFC 3339 time");
		return FALSE;
	}
	*ret_time_us =
		g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
	return TRUE;
}
