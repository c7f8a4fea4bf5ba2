/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "server/call-private.h"

/* What a call keeps for its handlers: memory, data from one handler to the next, the audit note. */

typedef struct {
	gpointer data;
	GDestroyNotify free_data;
} Owned;

void call_free_owned(Call *call)
{
	for (guint i = call->owned ? call->owned->len : 0; i-- > 0;) {
		Owned *owned = &g_array_index(call->owned, Owned, i);

		if (owned->free_data)
			owned->free_data(owned->data);
	}
	g_clear_pointer(&call->owned, g_array_unref);
}

gpointer call_own(Call *call, gpointer data, GDestroyNotify free_data)
{
	Owned owned = { data, free_data };

	if (!call->owned)
		call->owned = g_array_new(FALSE, FALSE, sizeof(Owned));
	g_array_append_val(call->owned, owned);
	return data;
}

char *call_strdup(Call *call, const char *text)
{
	return text ? call_own(call, g_strdup(text), g_free) : NULL;
}

char *call_strdup_printf(Call *call, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	return call_own(call, text, g_free);
}

void call_set_data(Call *call, gpointer data, GDestroyNotify free_data)
{
	if (call->free_data && call->data)
		call->free_data(call->data);
	call->data = data;
	call->free_data = free_data;
}

gpointer call_data(const Call *call)
{
	return call->data;
}

void audit_note_clear(AuditNote *note)
{
	g_free(note->object_type);
	g_free(note->object_id);
	g_clear_pointer(&note->details, json_decref);
	memset(note, 0, sizeof *note);
}

void call_audit(Call *call, const char *object_type, const char *object_id, json_t *details)
{
	g_free(call->audit.object_type);
	g_free(call->audit.object_id);
	g_clear_pointer(&call->audit.details, json_decref);
	call->audit.object_type = g_strdup(object_type);
	call->audit.object_id = g_strdup(object_id);
	call->audit.details = details;
}

void call_audit_action(Call *call, const char *action)
{
	call->audit.action = action;
}
