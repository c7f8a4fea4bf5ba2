/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* multipart/form-data (RFC 7578) and multipart/mixed (RFC 2046), bytes in and events out.
 *
 * Pure: no input or output of its own, memory bounded whatever comes. Strict: CRLF line ends only,
 * every part names itself, a body without its closing boundary is refused. */
typedef struct MultipartParser MultipartParser;

enum {
	MULTIPART_BOUNDARY_SIZE_MAX = 70, /* RFC 2046 */
	MULTIPART_HEADER_SIZE_MAX = 8192, /* all header lines of one part */
	MULTIPART_PARTS_MAX = 64,
	MULTIPART_OUTSIDE_SIZE_MAX = 65536, /* before the first and after the last boundary */
};

/* FALSE with @error from any of them ends the parsing with that error. */
typedef struct {
	gboolean (*part)(const char *name, gpointer user_data, GError **error);
	/* @data lies in what was fed, or in the parser: valid until the next feed. */
	gboolean (*data)(const guint8 *data, gsize size, gpointer user_data, GError **error);
	gboolean (*part_end)(gpointer user_data, GError **error);
} MultipartEvents;

/**
 * multipart_parser_new:
 * @content_type: (nullable): the value of the request's Content-Type header
 * @events: must outlive the parser
 *
 * Returns: (transfer full): a parser, or NULL with ROTA_ERROR_MEDIA_TYPE (not multipart) or
 * ROTA_ERROR_INVALID (no fit boundary).
 */
MultipartParser *multipart_parser_new(const char *content_type, const MultipartEvents *events,
	gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean multipart_parser_feed(MultipartParser *parser, const guint8 *data, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* No more comes: ROTA_ERROR_INVALID where the closing boundary has not been seen. */
gboolean multipart_parser_finish(MultipartParser *parser, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void multipart_parser_free(MultipartParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MultipartParser, multipart_parser_free)
