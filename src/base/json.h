/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* JSON as records: one field table per message, used to read it, to write it and to test it.
 *
 * Reading is strict where it matters (types, repeated keys, UTF-8, depth, sizes) and lenient where
 * compatibility asks for it: unknown keys are skipped, a null counts as absent. An error names the
 * path: "artifact_name: missing", "phases[2].batch_size: not a number". */

enum {
	JSON_DEPTH_MAX = 128,  /* nested arrays and objects; deeper input is refused */
	JSON_TEXT_MAX = 4096,  /* bytes of a text whose field names no maximum */
	JSON_LIST_MAX = 10000, /* entries of a list whose field names no maximum */
};

typedef enum {
	JSON_TEXT,     /* char *: at most .max bytes */
	JSON_BOOL,     /* gboolean */
	JSON_NUMBER,   /* gint64 */
	JSON_TIME,     /* gint64 microseconds since 1970; RFC 3339 text on the wire; 0 = absent */
	JSON_TEXTS,    /* char **, NULL-terminated: at most .max entries */
	JSON_TEXT_MAP, /* GHashTable * of char * to char *: at most .max entries */
	JSON_VALUE,    /* json_t *: any value, owned */
	JSON_RECORD,   /* a struct of its own, as .record describes it */
	JSON_RECORDS,  /* GPtrArray *, with no free function, of such structs: at most .max */
} JsonKind;

typedef enum {
	JSON_OPTIONAL, /* may be absent or null; absent is not written */
	JSON_REQUIRED, /* must be there and, if a text or list, not empty */
} JsonPresence;

typedef struct JsonRecord JsonRecord;

typedef struct {
	const char *name;
	JsonKind kind;
	gsize offset;
	JsonPresence presence;
	gsize max;                /* 0 = the default for the kind */
	const JsonRecord *record; /* for JSON_RECORD and JSON_RECORDS */
} JsonField;

struct JsonRecord {
	gsize size;              /* of the struct */
	const JsonField *fields; /* ends with a field without a name */
};

#define JSON_FIELD(type, member, kind, presence, ...)                                              \
	{                                                                                          \
#member, kind, G_STRUCT_OFFSET(type, member), JSON_##presence, ##__VA_ARGS__       \
	}
/* As above for a member whose C name is not its name on the wire. */
#define JSON_FIELD_NAMED(wire, type, member, kind, presence, ...)                                  \
	{                                                                                          \
		wire, kind, G_STRUCT_OFFSET(type, member), JSON_##presence, ##__VA_ARGS__          \
	}

/**
 * json_parse_strict:
 * One value and nothing after it; no repeated keys, no NUL, valid UTF-8, at most JSON_DEPTH_MAX
 * deep. Returns: (transfer full): the value, or NULL with ROTA_ERROR_INVALID ("line 3: ...").
 */
json_t *json_parse_strict(const char *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * json_record_read:
 * Returns: (transfer full): a new struct, or NULL with ROTA_ERROR_INVALID or ROTA_ERROR_TOO_LARGE.
 */
gpointer json_record_read(
	const JsonRecord *record, const json_t *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Both steps at once. */
gpointer json_record_parse(const JsonRecord *record, const char *data, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the struct as a JSON object; keys in table order. */
json_t *json_record_write(const JsonRecord *record, gconstpointer data);

/* Frees what the fields own, and the struct. NULL is fine. */
void json_record_free(const JsonRecord *record, gpointer data);

/* (transfer full): compact text, keys in the order they were set. */
char *json_to_text(const json_t *value);
/* (transfer full): compact text with sorted keys: the same value always gives the same bytes. */
char *json_to_canonical_text(const json_t *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
