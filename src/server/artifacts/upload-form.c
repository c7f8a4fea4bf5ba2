/* SPDX-License-Identifier: Apache-2.0 */
#include "server/artifacts/upload-form.h"

#include <string.h>
#include "base/error.h"
#include "server/artifacts/multipart.h"

enum { CHUNK_SIZE = 64 * 1024 };

typedef enum {
	FIELD_DESCRIPTION,
	FIELD_SIZE,
	FIELD_ARTIFACT_ID,
	FIELD_ARTIFACT,
	FIELD_OTHER,
	N_FIELDS,
} Field;

static const char *const field_names[N_FIELDS] = {
	[FIELD_DESCRIPTION] = "description",
	[FIELD_SIZE] = "size",
	[FIELD_ARTIFACT_ID] = "artifact_id",
	[FIELD_ARTIFACT] = "artifact",
};

/* A run of the file's bytes in the chunk, or in the parser. */
typedef struct {
	const guint8 *data;
	gsize size;
} Span;

typedef enum {
	BEFORE_FILE,
	IN_FILE,
	AFTER_FILE,
} Position;

struct UploadForm {
	GInputStream *body;
	MultipartParser *parser;
	Position position;
	Field field;
	GString *values[N_FIELDS]; /* NULL: not given */
	gint64 size;               /* as the form says; -1: it does not */
	guint64 size_read;         /* of the file, from the parser */
	guint64 size_given;        /* of the file, to our caller */
	GArray *spans;             /* of Span: of the last chunk, not given out yet */
	guint span;
	guint8 chunk[CHUNK_SIZE];
};

static gboolean refuse(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s", what);
	return FALSE;
}

static Field field_from_name(const char *name)
{
	for (guint i = 0; i < FIELD_OTHER; i++)
		if (g_ascii_strcasecmp(name, field_names[i]) == 0)
			return i;
	return FIELD_OTHER;
}

static gboolean read_size(UploadForm *form, GError **error)
{
	const GString *text = form->values[FIELD_SIZE];

	if (text == NULL)
		return TRUE;
	if (!g_ascii_string_to_signed(text->str, 10, 0, G_MAXINT64, &form->size, NULL))
		return refuse(error, "size: not a number");
	return TRUE;
}

static gboolean on_part(const char *name, gpointer user_data, GError **error)
{
	UploadForm *form = user_data;
	Field field = field_from_name(name);

	form->field = form->position == BEFORE_FILE ? field : FIELD_OTHER;
	if (form->field == FIELD_OTHER)
		return TRUE;
	if (form->field == FIELD_ARTIFACT) {
		form->position = IN_FILE;
		return read_size(form, error);
	}
	if (form->values[field] != NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: given twice",
			field_names[field]);
		return FALSE;
	}
	form->values[field] = g_string_new(NULL);
	return TRUE;
}

static gboolean on_data(const guint8 *data, gsize size, gpointer user_data, GError **error)
{
	UploadForm *form = user_data;
	Span span = { data, size };

	if (form->field == FIELD_OTHER)
		return TRUE;
	if (form->field == FIELD_ARTIFACT) {
		form->size_read += size;
		if (form->size >= 0 && form->size_read > (guint64)form->size)
			return refuse(error, "artifact: larger than the size that was said");
		g_array_append_val(form->spans, span);
		return TRUE;
	}
	if (form->values[form->field]->len + size > UPLOAD_FIELD_SIZE_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: longer than %d bytes",
			field_names[form->field], UPLOAD_FIELD_SIZE_MAX);
		return FALSE;
	}
	g_string_append_len(form->values[form->field], (const char *)data, (gssize)size);
	return TRUE;
}

static gboolean check_value(const UploadForm *form, GError **error)
{
	const GString *value = form->values[form->field];

	if (memchr(value->str, '\0', value->len) == NULL &&
		g_utf8_validate(value->str, (gssize)value->len, NULL))
		return TRUE;
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not UTF-8", field_names[form->field]);
	return FALSE;
}

static gboolean on_part_end(gpointer user_data, GError **error)
{
	UploadForm *form = user_data;

	if (form->field == FIELD_OTHER)
		return TRUE;
	if (form->field != FIELD_ARTIFACT)
		return check_value(form, error);
	form->position = AFTER_FILE;
	if (form->size >= 0 && form->size_read != (guint64)form->size)
		return refuse(error, "artifact: smaller than the size that was said");
	return TRUE;
}

static const MultipartEvents events = { on_part, on_data, on_part_end };

UploadForm *upload_form_new(const char *content_type, GInputStream *body, GError **error)
{
	g_autoptr(UploadForm) form = g_new0(UploadForm, 1);

	form->parser = multipart_parser_new(content_type, &events, form, error);
	if (form->parser == NULL)
		return NULL;
	form->body = body;
	form->size = -1;
	form->spans = g_array_new(FALSE, FALSE, sizeof(Span));
	return g_steal_pointer(&form);
}

void upload_form_free(UploadForm *form)
{
	if (form == NULL)
		return;
	multipart_parser_free(form->parser);
	for (guint i = 0; i < N_FIELDS; i++)
		if (form->values[i] != NULL)
			g_string_free(form->values[i], TRUE);
	g_clear_pointer(&form->spans, g_array_unref);
	g_free(form);
}

/* Takes the next chunk of the body apart. @ret_end: the body has ended, and with a whole form. */
static gboolean read_chunk(UploadForm *form, gboolean *ret_end, GError **error)
{
	gssize size = g_input_stream_read(form->body, form->chunk, sizeof form->chunk, NULL, error);

	g_array_set_size(form->spans, 0);
	form->span = 0;
	*ret_end = size == 0;
	if (size < 0)
		return FALSE;
	if (size == 0)
		return multipart_parser_finish(form->parser, error);
	return multipart_parser_feed(form->parser, form->chunk, (gsize)size, error);
}

gboolean upload_form_read_fields(UploadForm *form, GError **error)
{
	gboolean end = FALSE;

	while (form->position == BEFORE_FILE) {
		if (!read_chunk(form, &end, error))
			return FALSE;
		if (end)
			return refuse(error, "artifact: missing");
	}
	return TRUE;
}

const char *upload_form_description(const UploadForm *form)
{
	return form->values[FIELD_DESCRIPTION] != NULL ? form->values[FIELD_DESCRIPTION]->str : "";
}

const char *upload_form_artifact_id(const UploadForm *form)
{
	return form->values[FIELD_ARTIFACT_ID] != NULL ? form->values[FIELD_ARTIFACT_ID]->str
						       : NULL;
}

gssize upload_form_read(UploadForm *form, gpointer buffer, gsize size, GError **error)
{
	Span *span;
	gsize taken;
	gboolean end;

	while (form->span == form->spans->len) {
		if (form->position == AFTER_FILE)
			return 0;
		if (!read_chunk(form, &end, error))
			return -1;
	}
	span = &g_array_index(form->spans, Span, form->span);
	taken = MIN(size, span->size);
	memcpy(buffer, span->data, taken);
	span->data += taken;
	span->size -= taken;
	if (span->size == 0)
		form->span++;
	form->size_given += taken;
	return (gssize)taken;
}

guint64 upload_form_size(const UploadForm *form)
{
	return form->size_given;
}

gboolean upload_form_finish(UploadForm *form, GError **error)
{
	gboolean end = FALSE;

	while (!end)
		if (!read_chunk(form, &end, error))
			return FALSE;
	return TRUE;
}
