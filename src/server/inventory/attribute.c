/* SPDX-License-Identifier: Apache-2.0 */
#include "server/inventory/attribute.h"

#include <math.h>
#include <string.h>
#include "base/error.h"
#include "base/json.h"
#include "crypto/digest.h"

static void clear_value(gpointer value)
{
	g_free(((AttributeValue *)value)->text);
}

Attribute *attribute_new(const char *scope, const char *name)
{
	Attribute *attribute = g_new0(Attribute, 1);

	attribute->scope = g_strdup(scope);
	attribute->name = g_strdup(name);
	attribute->values = g_array_new(FALSE, FALSE, sizeof(AttributeValue));
	g_array_set_clear_func(attribute->values, clear_value);
	return attribute;
}

void attribute_free(Attribute *attribute)
{
	if (attribute == NULL)
		return;
	g_free(attribute->scope);
	g_free(attribute->name);
	g_free(attribute->description);
	g_array_unref(attribute->values);
	g_free(attribute);
}

void attribute_add_text(Attribute *attribute, const char *text)
{
	AttributeValue value = { .text = g_strdup(text) };

	g_array_append_val(attribute->values, value);
}

void attribute_add_number(Attribute *attribute, double number)
{
	AttributeValue value = { .number = number };

	g_array_append_val(attribute->values, value);
}

const AttributeValue *attribute_value(const Attribute *attribute, guint index)
{
	return &g_array_index(attribute->values, AttributeValue, index);
}

static gboolean take_single(Attribute *attribute, const json_t *value)
{
	if (json_is_string(value))
		attribute_add_text(attribute, json_string_value(value));
	else if (json_is_number(value))
		attribute_add_number(attribute, json_number_value(value));
	else
		return FALSE;
	return TRUE;
}

gboolean attribute_take_json(Attribute *attribute, const json_t *value)
{
	if (!json_is_array(value))
		return take_single(attribute, value);
	attribute->is_list = TRUE;
	for (gsize i = 0; i < json_array_size(value); i++)
		if (json_is_string(json_array_get(value, i)) !=
				json_is_string(json_array_get(value, 0)) ||
			!take_single(attribute, json_array_get(value, i)))
			return FALSE;
	return TRUE;
}

static Attribute *refuse(GError **error, gsize index, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "[%" G_GSIZE_FORMAT "]%s", index, what);
	return NULL;
}

static Attribute *read_one(const json_t *object, const char *scope, gsize index, GError **error)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const json_t *description = json_object_get(object, "description");
	g_autoptr(Attribute) attribute = NULL;

	if (!json_is_object(object))
		return refuse(error, index, ": not an object");
	if (name == NULL || *name == '\0')
		return refuse(error, index, ".name: missing");
	if (strlen(name) > ATTRIBUTE_NAME_SIZE_MAX)
		return refuse(error, index, ".name: too long");
	attribute = attribute_new(scope, name);
	if (!attribute_take_json(attribute, json_object_get(object, "value")))
		return refuse(
			error, index, ".value: neither text nor number nor a list of one of them");
	if (description != NULL && !json_is_null(description)) {
		if (!json_is_string(description) ||
			json_string_length(description) > ATTRIBUTE_DESCRIPTION_SIZE_MAX)
			return refuse(error, index, ".description: not a text, or too long");
		attribute->description = g_strdup(json_string_value(description));
	}
	return g_steal_pointer(&attribute);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	const Attribute *first = *(const Attribute *const *)a,
			*second = *(const Attribute *const *)b;

	return strcmp(first->name, second->name);
}

/* The last one of a name wins. */
static GPtrArray *drop_doubles(GPtrArray *taken)
{
	g_autoptr(GPtrArray) all = taken;
	GPtrArray *once = g_ptr_array_new_with_free_func((GDestroyNotify)attribute_free);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = all->len; i > 0; i--) {
		Attribute *attribute = g_ptr_array_index(all, i - 1);

		if (g_hash_table_add(seen, attribute->name))
			g_ptr_array_add(once, g_steal_pointer(&g_ptr_array_index(all, i - 1)));
	}
	g_ptr_array_sort(once, compare_names);
	return once;
}

static gboolean check_values(const GPtrArray *attributes, GError **error)
{
	guint n = 0;

	for (guint i = 0; i < attributes->len; i++)
		n += ((const Attribute *)g_ptr_array_index(attributes, i))->values->len;
	if (n <= ATTRIBUTE_VALUES_MAX)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "too many values: more than %d",
		ATTRIBUTE_VALUES_MAX);
	return FALSE;
}

GPtrArray *attributes_read(const json_t *array, const char *scope, guint n_max, GError **error)
{
	g_autoptr(GPtrArray) attributes =
		g_ptr_array_new_with_free_func((GDestroyNotify)attribute_free);

	if (!json_is_array(array)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "not a list of attributes");
		return NULL;
	}
	if (json_array_size(array) > n_max) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"too many attributes: more than %u", n_max);
		return NULL;
	}
	for (gsize i = 0; i < json_array_size(array); i++) {
		Attribute *attribute = read_one(json_array_get(array, i), scope, i, error);

		if (attribute == NULL)
			return NULL;
		g_ptr_array_add(attributes, attribute);
	}
	if (!check_values(attributes, error))
		return NULL;
	return drop_doubles(g_steal_pointer(&attributes));
}

char *attributes_digest(const GPtrArray *attributes)
{
	g_autoptr(json_t) array = json_array();
	g_autofree char *text = NULL;

	for (guint i = 0; i < attributes->len; i++)
		json_array_append_new(array, attribute_to_json(g_ptr_array_index(attributes, i)));
	text = json_to_canonical_text(array);
	return sha256_hex_of(text, strlen(text));
}

char *attribute_text_key(const char *text)
{
	gsize size = strlen(text);
	g_autofree char *digest = NULL;

	if (size <= ATTRIBUTE_KEY_SIZE_MAX)
		return g_strdup(text);
	digest = sha256_hex_of(text, size);
	return g_strdup_printf(
		"sha256:%s:%*s", digest, ATTRIBUTE_KEY_SIZE_MAX - SHA256_HEX_SIZE, "");
}

static gboolean values_equal(const AttributeValue *a, const AttributeValue *b)
{
	return attribute_value_compare(a, b) == 0;
}

gboolean attribute_equal(const Attribute *a, const Attribute *b)
{
	if (g_strcmp0(a->description, b->description) != 0 || a->is_list != b->is_list ||
		a->values->len != b->values->len)
		return FALSE;
	for (guint i = 0; i < a->values->len; i++)
		if (!values_equal(attribute_value(a, i), attribute_value(b, i)))
			return FALSE;
	return TRUE;
}

json_t *attribute_number_to_json(double number)
{
	static const double whole_max =
		9007199254740992; /* beyond 2^53 not every whole number is there */

	if (fabs(number) <= whole_max && number == floor(number))
		return json_integer((json_int_t)number);
	return json_real(number);
}

static json_t *value_to_json(const AttributeValue *value)
{
	return value->text != NULL ? json_string(value->text)
				   : attribute_number_to_json(value->number);
}

json_t *attribute_to_json(const Attribute *attribute)
{
	json_t *object = json_pack("{s:s}", "name", attribute->name);
	json_t *list = attribute->is_list ? json_array() : NULL;

	for (guint i = 0; list != NULL && i < attribute->values->len; i++)
		json_array_append_new(list, value_to_json(attribute_value(attribute, i)));
	json_object_set_new(object, "value",
		list != NULL ? list : value_to_json(attribute_value(attribute, 0)));
	json_object_set_new(object, "scope", json_string(attribute->scope));
	if (attribute->description != NULL)
		json_object_set_new(object, "description", json_string(attribute->description));
	return object;
}

static int rank(const AttributeValue *value)
{
	return value == NULL ? 0 : value->text == NULL ? 1 : 2;
}

int attribute_value_compare(const AttributeValue *a, const AttributeValue *b)
{
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	if (a == NULL)
		return 0;
	if (a->text != NULL)
		return strcmp(a->text, b->text);
	return a->number < b->number ? -1 : a->number > b->number;
}
