/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/json.h"

/* What agent and server say to each other: one struct and one field table per message. Read with
 * json_record_parse(&xxx_record, ...), written with json_record_write(). Sizes are named maxima of
 * the server; the agent stays below them. */

enum {
	WIRE_ID_DATA_MAX = 64 * 1024,
	WIRE_KEY_MAX = 64 * 1024,
	WIRE_NAME_MAX = 4096,
	WIRE_SUBSTATE_MAX = 4096,
	WIRE_LOG_MESSAGES_MAX = 20000,
	WIRE_LOG_MESSAGE_MAX = 64 * 1024,
	WIRE_BODY_MAX = 1024 * 1024, /* of any JSON request */
};

/* POST auth_requests; the body is signed as it is, byte for byte (server-api.md 1.1). */
typedef struct {
	char *id_data;      /* a JSON object as text */
	char *pubkey;       /* PEM SubjectPublicKeyInfo */
	char *tenant_token; /* (nullable) */
	char *tier;         /* (nullable): standard, system, micro */
} AuthRequest;
extern const JsonRecord auth_request_record;

/* POST v2 next: what the device has. Flat keys: artifact_name, device_type and all provides. */
typedef struct {
	GHashTable *device_provides; /* char * to char * */
	gboolean update_control_map;
} NextRequest;
extern const JsonRecord next_request_record;

/* The answer of all three "next" calls. */
typedef struct {
	char *uri;
	char *expire; /* (nullable): RFC 3339 */
} NextSource;
typedef struct {
	char *id;
	char *artifact_name;
	char **device_types_compatible;
	NextSource source;
} NextArtifact;
typedef struct {
	char *id; /* of the deployment */
	NextArtifact artifact;
	char *type; /* (nullable): "configuration" */
} NextAnswer;
extern const JsonRecord next_answer_record;

/* PUT status. */
typedef struct {
	char *status;
	char *substate; /* (nullable) */
} StatusReport;
extern const JsonRecord status_report_record;

/* PUT log. */
typedef struct {
	gint64 timestamp; /* microseconds */
	char *level;
	char *message;
} LogMessage;
typedef struct {
	GPtrArray *messages; /* of LogMessage * */
} LogReport;
extern const JsonRecord log_report_record;
