/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"
#include "agent/module.h"
#include "agent/record.h"
#include "agent/scripts.h"
#include "wire/status.h"

/* The life of an update as a table: phase × outcome, with what a power cut leads to.
 *
 * The walker writes the journal, runs the Enter scripts, the step, the Leave or Error scripts, and
 * looks up the next row. Nothing else changes phase. docs/design/update-life.md explains the rows.
 */

typedef enum {
	PHASE_END,
	PHASE_OPEN, /* by hand only: the header is read before anything runs */
	PHASE_REPORT_DOWNLOADING,
	PHASE_DOWNLOAD,
	PHASE_REPORT_INSTALLING,
	PHASE_INSTALL,
	PHASE_ASK_REBOOT,
	PHASE_REPORT_REBOOTING,
	PHASE_REBOOT,
	PHASE_VERIFY_REBOOT,
	PHASE_REPORT_COMMITTING,
	PHASE_ASK_COMMIT, /* by hand only: wait for the word, or commit at once */
	PHASE_COMMIT,
	PHASE_COMMIT_REST, /* of several payloads: the first one's commit was the point of no return
			    */
	PHASE_COMMIT_LEAVE,
	PHASE_ASK_ROLLBACK,
	PHASE_ROLLBACK,
	PHASE_ASK_ROLLBACK_REBOOT,
	PHASE_ROLLBACK_REBOOT,
	PHASE_VERIFY_ROLLBACK_REBOOT,
	PHASE_FAILURE,
	PHASE_CLEANUP,
	PHASE_REPORT_FINAL,
	PHASE_LOOP, /* the journal was written too often: end it */
	PHASE_CLOSE,
	PHASE_GATE_DOWNLOAD, /* each waits until the vehicle is fit for what follows */
	PHASE_GATE_INSTALL,
	PHASE_GATE_REBOOT,
	PHASE_GATE_COMMIT,
	PHASE_GATE_ROLLBACK_REBOOT,
	PHASE_HEALTH, /* before a commit: what is new has to do its work */
	N_PHASES,
} Phase;

typedef enum {
	OUTCOME_OK,
	OUTCOME_NO, /* a question was answered with no, or there was nothing to do */
	OUTCOME_ERROR,
	OUTCOME_ABORTED, /* the server took the deployment back */
	N_OUTCOMES,
	OUTCOME_STOPPED = N_OUTCOMES, /* the process ends now; the journal says how to go on */
} PhaseOutcome;

/* What an error in a phase says about the vehicle. */
typedef enum {
	BLAME_NOTHING, /* it is only logged */
	BLAME_FAILED,  /* the update failed; what is installed is as it was */
	BLAME_DIRTY,   /* it failed, and what is installed may be neither old nor new */
} Blame;

typedef enum {
	PHASE_GOES_ON =
		1 << 0, /* on the way back: scripts and journal that fail are recorded only */
	PHASE_LEAVES_ALWAYS = 1 << 1, /* Leave scripts run after an error too */
	PHASE_CLEARS_BLAME = 1 << 2,  /* from here on a failure means that the way back failed */
	PHASE_INSISTS = 1 << 3, /* a report is tried again with back-off, and must get through */
	PHASE_PAUSES = 1 << 4,  /* by hand: the walk may end before this phase */
} PhaseFlags;

typedef struct Update Update;

typedef struct {
	const char *name;   /* for messages */
	const char *stored; /* what the journal says before the step; NULL: it keeps what it said */
	const char *stop_name; /* by hand: what --stop-before calls it */
	const char *scripts;   /* whose state scripts: "ArtifactInstall" */
	guint moments;         /* which of them: ScriptMoment */
	PhaseOutcome (*step)(Update *update, GError **error);
	UpdateStatus report; /* what a report step says; UPDATE_PENDING = nothing */
	struct {
		const char *step;     /* what gates are asked for: "install" */
		UpdateStatus waiting; /* what the server is told while one is closed */
		const char *stored;   /* (nullable): what the journal says meanwhile */
	} gate;
	Phase next[N_OUTCOMES];
	Blame blame;
	guint flags;
	struct {
		Phase phase; /* where the next start goes on */
		Blame blame;
		gboolean (*holds)(
			Update *update); /* (nullable): a closer look; where it is FALSE: */
		Phase else_phase;
		Blame else_blame;
	} power_loss;
	/* (nullable): what else goes into the journal's transaction */
	gboolean (*also)(Update *update, StoreChanges *changes, GError **error);
} PhaseRow;

/* A table and the record it is kept in. */
typedef struct {
	const char *name;
	const PhaseRow *rows; /* N_PHASES */
	const char *store_key;
	char *(*to_text)(const UpdateRecord *record);
	gboolean counts_stores; /* the loop protection of section "Loops" */
} Life;

extern const Life managed_life;
extern const Life standalone_life;

struct Update {
	Agent *agent;
	const Life *life;
	UpdateRecord *record;
	const PhaseRow *row; /* that is walked */
	GPtrArray
		*modules; /* of Module *, one a payload that is not empty; NULL before the header */
	GInputStream *input; /* the artifact, while it is read */
	ArtifactReader *reader;
	ArtifactHeader *header;
	GPtrArray *stop_before; /* (nullable): of char *, by hand */
	Phase entered;          /* by hand: where the walk began; a stop there no longer applies */
	Phase failed_at;        /* the first phase that failed; PHASE_END = none */
};

typedef enum {
	WALK_DONE,    /* the record is gone from the store */
	WALK_PAUSED,  /* by hand: it waits for the next command */
	WALK_STOPPED, /* the process is to end; the next start goes on */
} WalkEnd;

WalkEnd phases_walk(Update *update, Phase phase);

/* Where an update that is found in the store goes on; marks it failed where the table says so. */
Phase phases_recover(Update *update);

/* Writes the journal of a phase, as the walker does before each. @stored: its name there */
gboolean phases_write_journal(
	Update *update, const char *stored, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the journal as it stands, without a change of phase. */
gboolean phases_save(Update *update, GError **error) G_GNUC_WARN_UNUSED_RESULT;

Update *update_new(Agent *agent, const Life *life, UpdateRecord *record /* (transfer full) */);
/* Makes the modules of the payload types in the record; called by whoever learns them. */
void update_make_modules(Update *update);
void update_close_artifact(Update *update);
/* Marks the record: a failure stays one. */
void update_blame(Update *update, Blame kind);
/* Why it failed: the first that is said stays. */
void update_give_reason(Update *update, const char *reason);
void update_free(Update *update);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Update, update_free)
