/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "server/inventory/attribute.h"

/* One condition of a filter, with the meaning MongoDB gives its operators: values of one type are
 * compared, a list matches when any of its elements does, and what is missing matches the negated
 * operators only. No I/O.
 *
 * A condition is a simple one, which some values of the attribute meet, and perhaps its opposite:
 * the devices that a negated condition names are those that the simple one does not. */
typedef struct Predicate Predicate;

typedef enum {
	PREDICATE_EQUAL, /* any of the operands */
	PREDICATE_LESS,
	PREDICATE_LESS_OR_EQUAL,
	PREDICATE_GREATER,
	PREDICATE_GREATER_OR_EQUAL,
	PREDICATE_EXISTS,
	PREDICATE_REGEX,
} PredicateKind;

enum {
	PREDICATE_OPERANDS_MAX = 1000,
	PREDICATE_REGEX_SIZE_MAX = 1024,
	PREDICATE_REGEX_STEPS_MAX = 100000,
};

/* {"scope","attribute","type","value"}. (transfer full), or NULL with ROTA_ERROR_INVALID. */
Predicate *predicate_read(const json_t *object, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Equal to any of @operands. (transfer full) */
Predicate *predicate_new_equal(const char *scope, const char *name, const GPtrArray *operands);
void predicate_free(Predicate *predicate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Predicate, predicate_free)

const char *predicate_scope(const Predicate *predicate);
const char *predicate_name(const Predicate *predicate);
PredicateKind predicate_kind(const Predicate *predicate);
/* The devices wanted are those the simple condition does not name. */
gboolean predicate_is_negated(const Predicate *predicate);
/* Devices without the attribute are wanted as well ($ltne). */
gboolean predicate_takes_missing(const Predicate *predicate);
/* Of AttributeValue: what is compared with. */
const GArray *predicate_operands(const Predicate *predicate);

/* Does one value meet the simple condition? ROTA_ERROR_INVALID where a pattern takes too many
 * steps. */
gboolean predicate_matches(const Predicate *predicate, const AttributeValue *value,
	gboolean *ret_matches, GError **error) G_GNUC_WARN_UNUSED_RESULT;
