/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "base/json.h"

/* What is known of the update that runs, as it is kept in the store.
 *
 * Two texts carry it, both as Mender's clients read them: "state" of a managed deployment (schema
 * version 2) and "standalone-state" of an install by hand (version 2, version 1 is converted). What
 * only we keep stands in a member "Rota", which Mender's clients skip. */

typedef struct {
	char *uri;
	char *expire; /* (nullable) */
} RecordSource;

typedef struct {
	RecordSource source;
	char **device_types;
	char **payload_types; /* NULL before the header was read; an empty text is an empty payload
			       */
	char *name;           /* (nullable) */
	char *group;          /* (nullable) */
	GHashTable *provides; /* (nullable): the artifact names none */
	char **clears;        /* (nullable): the artifact names none */
} RecordArtifact;

typedef struct {
	gboolean failed; /* something went wrong: the report will be "failure" */
	gboolean dirty;  /* what was changed may not all be taken back: "_INCONSISTENT" */
	gboolean asked;  /* the way back was asked for by hand: no failure */
	gboolean known;  /* written by us: what the record does not say need not be guessed */
	gint64 payload;  /* the one whose commit is under way, counted from 0 */
	gint64 spooled;  /* bytes of the download that were there at the last start */
	char *boot_id;   /* (nullable): of the boot that wrote it */
	char *reason;    /* (nullable): why it failed; at most RECORD_REASON_MAX bytes */
} RecordOwn;

typedef struct {
	char *phase; /* as it is stored: "update-install", or "ArtifactInstall_Enter" by hand */
	char *id;    /* of the deployment; NULL by hand */
	RecordArtifact artifact;
	char **reboot_requested; /* one a payload: "", reboot-type-custom, reboot-type-automatic */
	char *supports_rollback; /* "", rollback-supported, rollback-not-supported */
	gint64 store_count;      /* saves and loads: more than STATE_STORES_MAX is a loop */
	gboolean has_schema_update;
	gboolean all_rollbacks_successful;
	RecordOwn own;
} UpdateRecord;

enum { STATE_STORES_MAX = 28, RECORD_REASON_MAX = 1024 };

#define REBOOT_CUSTOM "reboot-type-custom"
#define REBOOT_AUTOMATIC "reboot-type-automatic"
#define ROLLBACK_SUPPORTED "rollback-supported"
#define ROLLBACK_NOT_SUPPORTED "rollback-not-supported"
#define RECORD_ID_LOST "lost" /* the id of an update whose own was not in the store */

UpdateRecord *update_record_new(void);

/* Takes over what the header says. */
void update_record_set_artifact(UpdateRecord *record, const ArtifactHeader *header);

/* (transfer full): as "state". */
char *update_record_to_state(const UpdateRecord *record);
/* Returns: (transfer full): NULL with ROTA_ERROR_CORRUPT. */
UpdateRecord *update_record_from_state(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): as "standalone-state". */
char *update_record_to_standalone(const UpdateRecord *record);
UpdateRecord *update_record_from_standalone(
	const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void update_record_free(UpdateRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UpdateRecord, update_record_free)
