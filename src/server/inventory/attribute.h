/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* Attributes of devices: a name in a scope, and a value: a text, a number, or a list of either. No
 * I/O. */

enum {
	ATTRIBUTES_MAX = 100,
	TAGS_MAX = 20,
	ATTRIBUTE_VALUES_MAX = 1000, /* in all lists of one report together: each is a row */
	ATTRIBUTE_NAME_SIZE_MAX = 1024,
	ATTRIBUTE_KEY_SIZE_MAX = 128, /* a longer text has its digest for a key */
	ATTRIBUTE_DESCRIPTION_SIZE_MAX = 4096,
};

#define SCOPE_IDENTITY "identity"
#define SCOPE_INVENTORY "inventory"
#define SCOPE_SYSTEM "system"
#define SCOPE_TAGS "tags"

typedef struct {
	char *text; /* NULL: it is a number */
	double number;
} AttributeValue;

typedef struct {
	char *scope;
	char *name;
	char *description; /* (nullable) */
	gboolean is_list;
	GArray *values; /* of AttributeValue; exactly one unless it is a list */
} Attribute;

Attribute *attribute_new(const char *scope, const char *name);
void attribute_add_text(Attribute *attribute, const char *text);
void attribute_add_number(Attribute *attribute, double number);
const AttributeValue *attribute_value(const Attribute *attribute, guint index);
/* A value that borrows @text: only to compare with. */
static inline AttributeValue attribute_value_of(const char *text)
{
	union {
		const char *in;
		char *out;
	} borrowed = { text };

	return (AttributeValue){ .text = borrowed.out };
}

void attribute_free(Attribute *attribute);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Attribute, attribute_free)

/* FALSE for a boolean, null, object, or a mixed list. */
gboolean attribute_take_json(Attribute *attribute, const json_t *value) G_GNUC_WARN_UNUSED_RESULT;

/**
 * attributes_read:
 * @array: [{"name","value","description"?}]
 * @scope: what all of them are put in, whatever the text says
 * @n_max: more is "too many attributes"; more than ATTRIBUTE_VALUES_MAX values "too many values"
 *
 * Returns: (transfer full): of Attribute *, each name once (the last one said), sorted by name; or
 * NULL with ROTA_ERROR_INVALID.
 */
GPtrArray *attributes_read(const json_t *array, const char *scope, guint n_max,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): equal attributes in any order have equal digests. */
char *attributes_digest(const GPtrArray *attributes);

/* (transfer full): what a text is found by in an index: itself where it is short, else its digest,
 * which no short text can be equal to. */
char *attribute_text_key(const char *text);

gboolean attribute_equal(const Attribute *a, const Attribute *b);
/* (transfer full): {"name","value","scope","description"?} */
json_t *attribute_to_json(const Attribute *attribute);
/* A number as JSON shows it: without a point where it is whole. */
json_t *attribute_number_to_json(double number);

/* Missing (NULL) before numbers before texts; texts byte by byte. */
int attribute_value_compare(const AttributeValue *a, const AttributeValue *b);
