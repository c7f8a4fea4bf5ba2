/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "artifact/place.h"
#include "base/json.h"

/* The JSON documents inside an artifact, strictly: syntax, repeated keys and wrong types are R14,
 * depth is R15, what a text says is R17. A null counts as absent. The place must be in the
 * document. */

enum { DOCUMENT_VALUE_SIZE_MAX = 4096 }; /* of a value in provides and depends */

/* (transfer full): the object, or NULL. */
json_t *document_parse(GBytes *bytes, Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* R17 where @object has a key that is not in @names. @where: "header-info" */
gboolean document_check_keys(const json_t *object, const char *const *names, const char *where,
	Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The member @key, or NULL where it is absent or null. */
const json_t *document_get(const json_t *object, const char *key);

/* A printable text of at most @size_max bytes; *ret_text stays in @value. Not empty unless
 * @size_max is DOCUMENT_VALUE_SIZE_MAX: a value may be. */
gboolean document_text(const json_t *value, const char *what, gsize size_max, const char **ret_text,
	Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A list of such texts; an absent one (@value NULL) is empty. (transfer full), or NULL. */
char **document_texts(const json_t *value, const char *what, gsize size_max, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The member @key as an object; *ret_object is NULL where it is absent. */
gboolean document_object(const json_t *object, const char *key, const json_t **ret_object,
	Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
