/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/messages.h"

#define RECORD(type, table)                                                                        \
	{                                                                                          \
		sizeof(type), table                                                                \
	}

static const JsonField auth_request_fields[] = {
	JSON_FIELD(AuthRequest, id_data, JSON_TEXT, REQUIRED, WIRE_ID_DATA_MAX),
	JSON_FIELD(AuthRequest, pubkey, JSON_TEXT, REQUIRED, WIRE_KEY_MAX),
	JSON_FIELD(AuthRequest, tenant_token, JSON_TEXT, OPTIONAL),
	JSON_FIELD(AuthRequest, tier, JSON_TEXT, OPTIONAL),
	{ 0 },
};
const JsonRecord auth_request_record = RECORD(AuthRequest, auth_request_fields);

static const JsonField next_request_fields[] = {
	JSON_FIELD(NextRequest, device_provides, JSON_TEXT_MAP, REQUIRED),
	JSON_FIELD(NextRequest, update_control_map, JSON_BOOL, OPTIONAL),
	{ 0 },
};
const JsonRecord next_request_record = RECORD(NextRequest, next_request_fields);

static const JsonField next_source_fields[] = {
	JSON_FIELD(NextSource, uri, JSON_TEXT, REQUIRED, 16 * 1024),
	JSON_FIELD(NextSource, expire, JSON_TEXT, OPTIONAL),
	{ 0 },
};
static const JsonRecord next_source_record = RECORD(NextSource, next_source_fields);

static const JsonField next_artifact_fields[] = {
	JSON_FIELD(NextArtifact, id, JSON_TEXT, OPTIONAL),
	JSON_FIELD(NextArtifact, artifact_name, JSON_TEXT, OPTIONAL),
	JSON_FIELD(NextArtifact, device_types_compatible, JSON_TEXTS, OPTIONAL),
	JSON_FIELD(NextArtifact, source, JSON_RECORD, REQUIRED, .record = &next_source_record),
	{ 0 },
};
static const JsonRecord next_artifact_record = RECORD(NextArtifact, next_artifact_fields);

static const JsonField next_answer_fields[] = {
	JSON_FIELD(NextAnswer, id, JSON_TEXT, REQUIRED),
	JSON_FIELD(NextAnswer, artifact, JSON_RECORD, REQUIRED, .record = &next_artifact_record),
	JSON_FIELD(NextAnswer, type, JSON_TEXT, OPTIONAL),
	{ 0 },
};
const JsonRecord next_answer_record = RECORD(NextAnswer, next_answer_fields);

static const JsonField status_report_fields[] = {
	JSON_FIELD(StatusReport, status, JSON_TEXT, REQUIRED),
	JSON_FIELD(StatusReport, substate, JSON_TEXT, OPTIONAL, WIRE_SUBSTATE_MAX),
	{ 0 },
};
const JsonRecord status_report_record = RECORD(StatusReport, status_report_fields);

static const JsonField log_message_fields[] = {
	JSON_FIELD(LogMessage, timestamp, JSON_TIME, REQUIRED),
	JSON_FIELD(LogMessage, level, JSON_TEXT, REQUIRED),
	JSON_FIELD(LogMessage, message, JSON_TEXT, REQUIRED, WIRE_LOG_MESSAGE_MAX),
	{ 0 },
};
static const JsonRecord log_message_record = RECORD(LogMessage, log_message_fields);

static const JsonField log_report_fields[] = {
	JSON_FIELD(LogReport, messages, JSON_RECORDS, REQUIRED, WIRE_LOG_MESSAGES_MAX,
		&log_message_record),
	{ 0 },
};
const JsonRecord log_report_record = RECORD(LogReport, log_report_fields);
