/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "server/inventory/predicate.h"

#include <pcre2.h>
#include <string.h>
#include "base/error.h"

typedef enum {
	OPERAND_SINGLE, /* a text or a number */
	OPERAND_LIST,
	OPERAND_TRUTH,
	OPERAND_PATTERN,
} OperandKind;

typedef struct {
	const char *name;
	PredicateKind kind;
	OperandKind operand;
	gboolean negated;
	gboolean takes_missing;
} Operator;

static const Operator operators[] = {
	{ "$eq", PREDICATE_EQUAL, OPERAND_SINGLE },
	{ "$ne", PREDICATE_EQUAL, OPERAND_SINGLE, .negated = TRUE },
	{ "$in", PREDICATE_EQUAL, OPERAND_LIST },
	{ "$nin", PREDICATE_EQUAL, OPERAND_LIST, .negated = TRUE },
	{ "$lt", PREDICATE_LESS, OPERAND_SINGLE },
	{ "$ltne", PREDICATE_LESS, OPERAND_SINGLE, .takes_missing = TRUE },
	{ "$lte", PREDICATE_LESS_OR_EQUAL, OPERAND_SINGLE },
	{ "$gt", PREDICATE_GREATER, OPERAND_SINGLE },
	{ "$gte", PREDICATE_GREATER_OR_EQUAL, OPERAND_SINGLE },
	{ "$exists", PREDICATE_EXISTS, OPERAND_TRUTH },
	{ "$regex", PREDICATE_REGEX, OPERAND_PATTERN },
};

struct Predicate {
	Attribute *attribute; /* scope, name, and the operands as its values */
	PredicateKind kind;
	gboolean negated;
	gboolean takes_missing;
	pcre2_code *pattern;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

void predicate_free(Predicate *predicate)
{
	if (predicate == NULL)
		return;
	attribute_free(predicate->attribute);
	pcre2_code_free(predicate->pattern);
	pcre2_match_data_free(predicate->match);
	pcre2_match_context_free(predicate->limits);
	g_free(predicate);
}

static gboolean refuse(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s", what);
	return FALSE;
}

static gboolean take_pattern(Predicate *predicate, const json_t *value, GError **error)
{
	int code;
	PCRE2_SIZE at;

	if (!json_is_string(value) || json_string_length(value) > PREDICATE_REGEX_SIZE_MAX)
		return refuse(error, "value: not a pattern, or too long");
	predicate->pattern = pcre2_compile((PCRE2_SPTR)json_string_value(value),
		json_string_length(value), PCRE2_UTF, &code, &at, NULL);
	if (predicate->pattern == NULL) {
		PCRE2_UCHAR text[128];

		pcre2_get_error_message(code, text, sizeof text);
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "value: pattern: %s at %zu",
			(char *)text, at);
		return FALSE;
	}
	predicate->match = pcre2_match_data_create(1, NULL);
	predicate->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(predicate->limits, PREDICATE_REGEX_STEPS_MAX);
	pcre2_set_depth_limit(predicate->limits, PREDICATE_REGEX_STEPS_MAX);
	return TRUE;
}

static gboolean take_list(Predicate *predicate, const json_t *value, GError **error)
{
	if (!json_is_array(value) || json_array_size(value) > PREDICATE_OPERANDS_MAX)
		return refuse(error, "value: not a list, or too long");
	/* A list of operands may be mixed, so each is taken by itself. */
	for (gsize i = 0; i < json_array_size(value); i++)
		if (json_is_array(json_array_get(value, i)) ||
			!attribute_take_json(predicate->attribute, json_array_get(value, i)))
			return refuse(error, "value: not a list of texts or numbers");
	return TRUE;
}

static gboolean take_operand(
	Predicate *predicate, OperandKind kind, const json_t *value, GError **error)
{
	switch (kind) {
	case OPERAND_PATTERN:
		return take_pattern(predicate, value, error);
	case OPERAND_LIST:
		return take_list(predicate, value, error);
	case OPERAND_TRUTH:
		predicate->negated = json_is_false(value);
		return json_is_boolean(value) || refuse(error, "value: neither true nor false");
	case OPERAND_SINGLE:
		break;
	}
	if (json_is_array(value) || !attribute_take_json(predicate->attribute, value))
		return refuse(error, "value: neither text nor number");
	return TRUE;
}

static const Operator *find_operator(const char *name)
{
	for (guint i = 0; name != NULL && i < G_N_ELEMENTS(operators); i++)
		if (g_str_equal(operators[i].name, name))
			return &operators[i];
	return NULL;
}

Predicate *predicate_read(const json_t *object, GError **error)
{
	const char *scope = json_string_value(json_object_get(object, "scope"));
	const char *name = json_string_value(json_object_get(object, "attribute"));
	const char *type = json_string_value(json_object_get(object, "type"));
	const Operator *operator= find_operator(type);
	g_autoptr(Predicate) predicate = NULL;

	if (scope == NULL || *scope == '\0' || name == NULL || *name == '\0') {
		refuse(error, "scope or attribute: missing");
		return NULL;
	}
	if (operator== NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "type: %s: no such operator",
			type != NULL ? type : "missing");
		return NULL;
	}
	predicate = g_new0(Predicate, 1);
	predicate->attribute = attribute_new(scope, name);
	predicate->kind = operator->kind;
	predicate->negated = operator->negated;
	predicate->takes_missing = operator->takes_missing;
	if (!take_operand(predicate, operator->operand, json_object_get(object, "value"), error))
		return NULL;
	return g_steal_pointer(&predicate);
}

Predicate *predicate_new_equal(const char *scope, const char *name, const GPtrArray *operands)
{
	Predicate *predicate = g_new0(Predicate, 1);

	predicate->attribute = attribute_new(scope, name);
	predicate->kind = PREDICATE_EQUAL;
	for (guint i = 0; i < operands->len; i++) {
		const AttributeValue *value = g_ptr_array_index(operands, i);

		if (value->text != NULL)
			attribute_add_text(predicate->attribute, value->text);
		else
			attribute_add_number(predicate->attribute, value->number);
	}
	return predicate;
}

const char *predicate_scope(const Predicate *predicate)
{
	return predicate->attribute->scope;
}

const char *predicate_name(const Predicate *predicate)
{
	return predicate->attribute->name;
}

PredicateKind predicate_kind(const Predicate *predicate)
{
	return predicate->kind;
}

gboolean predicate_is_negated(const Predicate *predicate)
{
	return predicate->negated;
}

gboolean predicate_takes_missing(const Predicate *predicate)
{
	return predicate->takes_missing;
}

const GArray *predicate_operands(const Predicate *predicate)
{
	return predicate->attribute->values;
}

static gboolean equals_any(const Predicate *predicate, const AttributeValue *value)
{
	for (guint i = 0; i < predicate->attribute->values->len; i++)
		if (attribute_value_compare(value, attribute_value(predicate->attribute, i)) == 0)
			return TRUE;
	return FALSE;
}

static gboolean compares(const Predicate *predicate, const AttributeValue *value)
{
	const AttributeValue *operand = attribute_value(predicate->attribute, 0);
	int order = attribute_value_compare(value, operand);

	if ((value->text == NULL) != (operand->text == NULL))
		return FALSE; /* of another type: no order between them */
	switch (predicate->kind) {
	case PREDICATE_LESS:
		return order < 0;
	case PREDICATE_LESS_OR_EQUAL:
		return order <= 0;
	case PREDICATE_GREATER:
		return order > 0;
	default:
		return order >= 0;
	}
}

static gboolean matches_pattern(const Predicate *predicate, const AttributeValue *value,
	gboolean *ret_matches, GError **error)
{
	int code = PCRE2_ERROR_NOMATCH;

	if (value->text != NULL)
		code = pcre2_match(predicate->pattern, (PCRE2_SPTR)value->text, strlen(value->text),
			0, 0, predicate->match, predicate->limits);
	*ret_matches = code >= 0;
	if (code >= 0 || code == PCRE2_ERROR_NOMATCH)
		return TRUE;
	return refuse(error, "value: pattern takes too many steps");
}

gboolean predicate_matches(const Predicate *predicate, const AttributeValue *value,
	gboolean *ret_matches, GError **error)
{
	switch (predicate->kind) {
	case PREDICATE_REGEX:
		return matches_pattern(predicate, value, ret_matches, error);
	case PREDICATE_EXISTS:
		*ret_matches = TRUE;
		return TRUE;
	case PREDICATE_EQUAL:
		*ret_matches = equals_any(predicate, value);
		return TRUE;
	default:
		*ret_matches = compares(predicate, value);
		return TRUE;
	}
}
