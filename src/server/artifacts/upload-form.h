/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>

/* The form an artifact comes in: fields first, then the file, as one stream that is read once.
 * What follows the file is read and not looked at. Blocks; for a thread of its own. */
typedef struct UploadForm UploadForm;

enum {
	UPLOAD_DESCRIPTION_SIZE_MAX = 4096,
	UPLOAD_FIELD_SIZE_MAX = 4096,
};

/* @body: (transfer none): must outlive the form. */
UploadForm *upload_form_new(
	const char *content_type, GInputStream *body, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads on until the file begins; ROTA_ERROR_INVALID where the form ends without one. */
gboolean upload_form_read_fields(UploadForm *form, GError **error) G_GNUC_WARN_UNUSED_RESULT;
const char *upload_form_description(const UploadForm *form); /* never NULL */
const char *upload_form_artifact_id(const UploadForm *form); /* NULL: not said */

/* Bytes of the file; 0 = its end, -1 with @error. */
gssize upload_form_read(
	UploadForm *form, gpointer buffer, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Bytes of the file given out so far. */
guint64 upload_form_size(const UploadForm *form);

/* Reads what follows the file: the form must have an end, and the file the size that was said. */
gboolean upload_form_finish(UploadForm *form, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void upload_form_free(UploadForm *form);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UploadForm, upload_form_free)
