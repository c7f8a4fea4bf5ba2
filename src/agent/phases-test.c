/* SPDX-License-Identifier: Apache-2.0 */
/* The table of phases, walked:
 *  - every row and outcome leads to a row that is there, and from everywhere the end can be reached
 *  - phase × outcome, over both tables: the walker goes where the row says, with the journal
 * written before the step, and what an error is blamed for is what the row says
 *  - a journal that cannot be written stops what lies ahead, and never the way back
 *  - after a power cut each stored name goes on where the table says; names of older clients too
 *  - a reboot that has not happened yet is asked for again; one that has is verified
 *  - success cut off in Cleanup stays a success; what Mender's clients stored is understood
 *  - the journal written too often ends in an honest failure
 *  - a journal that names no payload, in whatever phase, crashes nothing */
#include "agent/phases.h"
#include <glib/gstdio.h>
#include "agent/platform/fake/system.h"
#include "agent/software.h"
#include "base/file.h"

typedef struct {
	char *folder;
	Agent *agent;
	PhaseRow rows[N_PHASES]; /* of the life under test, with steps that do as they are told */
	Life life;
} Fixture;

/* What the scripted step does, and what it saw. */
static struct {
	Phase failing;
	PhaseOutcome outcome;
	Phase visited[256];
	guint count;
	const PhaseRow *rows;
	gboolean journal_was_late;
} told;

static char *journal_phase(Update *update)
{
	g_autofree char *text = NULL;
	g_autoptr(UpdateRecord) record = NULL;

	g_assert_true(store_get(update->agent->store, update->life->store_key, &text, NULL));
	if (text == NULL)
		return NULL;
	record = update->life->counts_stores ? update_record_from_state(text, NULL)
					     : update_record_from_standalone(text, NULL);
	g_assert_nonnull(record);
	return g_strdup(record->phase);
}

static PhaseOutcome scripted_step(Update *update, GError **error)
{
	Phase phase = (Phase)(update->row - told.rows);
	g_autofree char *stored = journal_phase(update);

	g_assert_cmpuint(told.count, <, G_N_ELEMENTS(told.visited));
	told.visited[told.count++] = phase;
	if (update->row->stored != NULL && g_strcmp0(stored, update->row->stored) != 0)
		told.journal_was_late = TRUE;
	if (phase != told.failing)
		return OUTCOME_OK;
	told.failing = PHASE_END; /* once: what repeats goes on */
	if (told.outcome == OUTCOME_ERROR)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "as told");
	return told.outcome;
}

static Agent *make_agent(const char *folder)
{
	Agent *agent = g_new0(Agent, 1);
	SettingsFiles files = { 0 };
	char *kept_aside = NULL;

	agent->paths = paths_new(folder, NULL);
	agent->settings = agent_settings_load(agent->paths, &files, NULL);
	g_assert_nonnull(agent->settings);
	g_assert_true(file_make_folders(agent->paths->data, 0700, NULL));
	agent->store = store_open(agent->paths->store, &kept_aside, NULL);
	g_assert_nonnull(agent->store);
	return agent;
}

static void use_life(Fixture *fixture, const Life *life)
{
	memcpy(fixture->rows, life->rows, sizeof(fixture->rows));
	for (Phase phase = PHASE_END; phase < N_PHASES; phase++)
		fixture->rows[phase].step = scripted_step;
	fixture->life = *life;
	fixture->life.rows = fixture->rows;
	told.rows = fixture->rows;
	told.count = 0;
	told.failing = PHASE_END;
	told.journal_was_late = FALSE;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("rota-phases-XXXXXX", NULL);
	fixture->agent = make_agent(fixture->folder);
	fake_system_boot("boot-1");
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	agent_close(fixture->agent);
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
}

static Update *make_update(Fixture *fixture)
{
	UpdateRecord *record = update_record_new();

	record->id = g_strdup("d-1");
	record->artifact.name = g_strdup("release-2");
	return update_new(fixture->agent, &fixture->life, record);
}

/* --- The table itself --- */

static gboolean reaches_end(const PhaseRow *rows, Phase phase, guint depth)
{
	if (phase == PHASE_END)
		return TRUE;
	return depth > 0 && rows[phase].name != NULL &&
	       reaches_end(rows, rows[phase].next[OUTCOME_OK], depth - 1);
}

static void check_table(const Life *life)
{
	for (Phase phase = PHASE_END; phase < N_PHASES; phase++) {
		const PhaseRow *row = &life->rows[phase];

		if (row->name == NULL)
			continue;
		for (PhaseOutcome outcome = OUTCOME_OK; outcome < N_OUTCOMES; outcome++)
			g_assert_true(reaches_end(life->rows, row->next[outcome], N_PHASES));
		/* What is written has a way to go on, and what has state scripts says when. */
		if (row->stored != NULL)
			g_assert_true(reaches_end(life->rows, row->power_loss.phase, N_PHASES));
		g_assert_cmpint(row->scripts != NULL, ==, row->moments != 0);
	}
}

static void test_table(Fixture *fixture, gconstpointer data)
{
	check_table(&managed_life);
	check_table(&standalone_life);
}

/* --- Phase × outcome --- */

static void check_way(const Fixture *fixture, Phase from, PhaseOutcome outcome)
{
	Phase expected = from;

	for (guint i = 0; i < told.count; i++) {
		g_assert_cmpint(told.visited[i], ==, expected);
		expected = fixture->rows[expected].next[i == 0 ? outcome : OUTCOME_OK];
	}
	g_assert_cmpint(expected, ==, PHASE_END);
}

static void check_blame(const Update *update, const PhaseRow *row, PhaseOutcome outcome)
{
	gboolean went_wrong = outcome == OUTCOME_ERROR || outcome == OUTCOME_ABORTED;

	g_assert_cmpint(update->record->own.failed, ==, went_wrong && row->blame != BLAME_NOTHING);
	/* A rollback that was walked to its end clears what was blamed before it. */
	if (row->next[outcome] == PHASE_ASK_ROLLBACK)
		g_assert_false(update->record->own.dirty);
	else
		g_assert_cmpint(
			update->record->own.dirty, ==, went_wrong && row->blame == BLAME_DIRTY);
}

static void walk_one(Fixture *fixture, const Life *life, Phase phase, PhaseOutcome outcome)
{
	g_autoptr(Update) update = NULL;

	use_life(fixture, life);
	update = make_update(fixture);
	told.failing = phase;
	told.outcome = outcome;
	g_assert_cmpint(phases_walk(update, phase), ==, WALK_DONE);
	check_way(fixture, phase, outcome);
	g_assert_false(told.journal_was_late);
	check_blame(update, &fixture->rows[phase], outcome);
}

static void walk_all(Fixture *fixture, const Life *life)
{
	for (Phase phase = PHASE_END; phase < N_PHASES; phase++) {
		if (life->rows[phase].name == NULL)
			continue;
		for (PhaseOutcome outcome = OUTCOME_OK; outcome < N_OUTCOMES; outcome++)
			walk_one(fixture, life, phase, outcome);
	}
}

static void test_phase_times_outcome(Fixture *fixture, gconstpointer data)
{
	walk_all(fixture, &managed_life);
	walk_all(fixture, &standalone_life);
}

/* The map is full: nothing can be written any more. */
static void fill_store(Fixture *fixture)
{
	g_autofree char *big = g_strnfill(STORE_VALUE_MAX - 4096, 'x');
	g_autoptr(GError) error = NULL;

	for (guint i = 0; error == NULL && i < 16; i++) {
		g_autoptr(StoreChanges) changes = store_changes_new();
		g_autofree char *key = g_strdup_printf("filler-%u", i);

		store_changes_set(changes, key, big);
		(void)!store_write(fixture->agent->store, changes, &error);
	}
	g_assert_nonnull(error);
	for (guint size = 1024 * 1024; size >= 64; size /= 2) {
		for (gboolean fits = TRUE; fits;) {
			g_autoptr(StoreChanges) changes = store_changes_new();
			g_autofree char *key = g_strdup_printf("f-%u-%x", size, g_random_int());
			g_autofree char *value = g_strnfill(size, 'x');

			store_changes_set(changes, key, value);
			fits = store_write(fixture->agent->store, changes, NULL);
		}
	}
}

static gboolean was_visited(Phase phase)
{
	for (guint i = 0; i < told.count; i++) {
		if (told.visited[i] == phase)
			return TRUE;
	}
	return FALSE;
}

static void test_journal_fails(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Update) update = NULL;

	use_life(fixture, &managed_life);
	update = make_update(fixture);
	fill_store(fixture);
	g_assert_cmpint(phases_walk(update, PHASE_INSTALL), ==, WALK_DONE);
	g_assert_false(was_visited(PHASE_INSTALL));
	g_assert_true(was_visited(PHASE_ROLLBACK));
	g_assert_true(was_visited(PHASE_CLEANUP));
	g_assert_true(update->record->own.failed);
}

/* --- After a power cut --- */

typedef struct {
	const char *stored;
	Phase phase;
	gboolean failed, dirty;
} Recovery;

/* clang-format off */
static const Recovery managed_recoveries[] = {
  /* Nothing was spooled. */
	{ "update-store", PHASE_CLEANUP, TRUE, FALSE },
	{ "update-after-store", PHASE_CLEANUP, TRUE, FALSE },
	{ "update-install", PHASE_ASK_ROLLBACK, TRUE, TRUE },
	{ "reboot", PHASE_VERIFY_REBOOT, FALSE, FALSE },
	{ "after-reboot", PHASE_ASK_ROLLBACK, TRUE, TRUE },
	{ "update-commit", PHASE_ASK_ROLLBACK, TRUE, TRUE },
	{ "update-after-first-commit", PHASE_COMMIT_REST, FALSE, FALSE },
	{ "update-after-commit", PHASE_COMMIT_LEAVE, FALSE, FALSE },
	{ "rollback", PHASE_ROLLBACK, TRUE, FALSE },
	{ "rollback-reboot", PHASE_VERIFY_ROLLBACK_REBOOT, TRUE, FALSE },
	{ "after-rollback-reboot", PHASE_VERIFY_ROLLBACK_REBOOT, TRUE, FALSE },
	{ "verify-rollback-reboot", PHASE_VERIFY_ROLLBACK_REBOOT, TRUE, FALSE },
	{ "update-error", PHASE_FAILURE, TRUE, FALSE },
	{ "cleanup", PHASE_CLEANUP, FALSE, FALSE },
	{ "update-status-report", PHASE_ASK_ROLLBACK, TRUE, TRUE },
	{ "what no client ever wrote", PHASE_ASK_ROLLBACK, TRUE, TRUE },
};
/* clang-format on */

/* clang-format off */
static const Recovery standalone_recoveries[] = {
	{ "Before_ArtifactInstall_Enter", PHASE_INSTALL, FALSE, FALSE },
	{ "ArtifactInstall_Enter", PHASE_ASK_ROLLBACK, TRUE, TRUE },
	{ "Before_ArtifactCommit_Enter", PHASE_COMMIT, FALSE, FALSE },
	{ "ArtifactCommit_Enter", PHASE_ASK_ROLLBACK, TRUE, TRUE },
	{ "Before_ArtifactCommit_Leave", PHASE_COMMIT_LEAVE, FALSE, FALSE },
	{ "ArtifactCommit_Leave", PHASE_COMMIT_LEAVE, FALSE, FALSE },
	{ "ArtifactRollback_Enter", PHASE_ROLLBACK, TRUE, FALSE },
	{ "ArtifactFailure_Enter", PHASE_FAILURE, TRUE, FALSE },
	{ "Cleanup", PHASE_CLEANUP, FALSE, FALSE },
};
/* clang-format on */

static void check_recoveries(
	Fixture *fixture, const Life *life, const Recovery *recoveries, gsize count)
{
	for (gsize i = 0; i < count; i++) {
		g_autoptr(Update) update = NULL;

		use_life(fixture, life);
		update = make_update(fixture);
		update->record->phase = g_strdup(recoveries[i].stored);
		g_test_message("%s", recoveries[i].stored);
		g_assert_cmpint(phases_recover(update), ==, recoveries[i].phase);
		g_assert_cmpint(update->record->own.failed, ==, recoveries[i].failed);
		g_assert_cmpint(update->record->own.dirty, ==, recoveries[i].dirty);
	}
}

static void test_recovery(Fixture *fixture, gconstpointer data)
{
	check_recoveries(
		fixture, &managed_life, managed_recoveries, G_N_ELEMENTS(managed_recoveries));
	check_recoveries(fixture, &standalone_life, standalone_recoveries,
		G_N_ELEMENTS(standalone_recoveries));
}

/* As long as no module was called a download begins anew; after that only the spool helps, and
 * nobody knows what another client has done. */
static void test_download_again(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Update) update = NULL;

	use_life(fixture, &managed_life);
	update = make_update(fixture);
	update->record->phase = g_strdup("update-store");
	update->record->artifact.source.uri = g_strdup("https://server/artifact");
	g_assert_cmpint(phases_recover(update), ==, PHASE_DOWNLOAD);
	g_assert_false(update->record->own.failed);
	update->record->own.known = FALSE;
	g_assert_cmpint(phases_recover(update), ==, PHASE_CLEANUP);
	g_clear_pointer(&update->record->own.reason, g_free);
	update->record->own = (RecordOwn){ .known = TRUE };
	update->record->artifact.payload_types = g_strsplit("fake", ",", -1);
	update_make_modules(update);
	g_assert_cmpint(phases_recover(update), ==, PHASE_CLEANUP);
	g_assert_true(update->record->own.failed);
	g_assert_false(update->record->own.dirty);
}

static Update *make_rebooting(Fixture *fixture, const char *stored, const char *kind)
{
	Update *update = NULL;

	use_life(fixture, &managed_life);
	update = make_update(fixture);
	update->record->phase = g_strdup(stored);
	update->record->own.boot_id = g_strdup("boot-1");
	update->record->artifact.payload_types = g_new0(char *, 2);
	update->record->artifact.payload_types[0] = g_strdup("fake");
	update->record->reboot_requested = g_new0(char *, 2);
	update->record->reboot_requested[0] = g_strdup(kind);
	update_make_modules(update);
	return update;
}

static void check_reboot(
	Fixture *fixture, const char *stored, const char *kind, const char *boot, Phase expected)
{
	g_autoptr(Update) update = make_rebooting(fixture, stored, kind);

	fake_system_boot(boot);
	g_assert_cmpint(phases_recover(update), ==, expected);
}

static void test_reboot_or_restart(Fixture *fixture, gconstpointer data)
{
	check_reboot(fixture, "reboot", REBOOT_AUTOMATIC, "boot-1", PHASE_GATE_REBOOT);
	check_reboot(fixture, "reboot", REBOOT_AUTOMATIC, "boot-2", PHASE_VERIFY_REBOOT);
	/* What a module reboots by itself may be something else than the system: it is verified. */
	check_reboot(fixture, "reboot", REBOOT_CUSTOM, "boot-1", PHASE_VERIFY_REBOOT);
	check_reboot(
		fixture, "rollback-reboot", REBOOT_AUTOMATIC, "boot-1", PHASE_GATE_ROLLBACK_REBOOT);
	check_reboot(fixture, "rollback-reboot", REBOOT_AUTOMATIC, "boot-2",
		PHASE_VERIFY_ROLLBACK_REBOOT);
}

static void install(Fixture *fixture, const char *name)
{
	g_autoptr(StoreChanges) changes = store_changes_new();

	store_changes_set(changes, STORE_ARTIFACT_NAME, name);
	g_assert_true(store_write(fixture->agent->store, changes, NULL));
}

/* shows: MS4 */
static void check_cleanup_of_another(
	Fixture *fixture, const char *installed, gboolean undone, gboolean failed, gboolean dirty)
{
	g_autoptr(Update) update = NULL;

	use_life(fixture, &managed_life);
	install(fixture, installed);
	update = make_update(fixture);
	update->record->phase = g_strdup("cleanup");
	update->record->own.known = FALSE;
	update->record->all_rollbacks_successful = undone;
	g_assert_cmpint(phases_recover(update), ==, PHASE_CLEANUP);
	g_assert_cmpint(update->record->own.failed, ==, failed);
	g_assert_cmpint(update->record->own.dirty, ==, dirty);
}

static void test_cleanup_of_mender(Fixture *fixture, gconstpointer data)
{
	check_cleanup_of_another(fixture, "release-2", FALSE, FALSE, FALSE);
	check_cleanup_of_another(fixture, "release-1", FALSE, TRUE, FALSE);
	check_cleanup_of_another(fixture, "release-1", TRUE, TRUE, FALSE);
	check_cleanup_of_another(fixture, "release-2_INCONSISTENT", FALSE, TRUE, TRUE);
}

static void test_loop(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Update) update = NULL;
	g_auto(Software) software = { 0 };

	use_life(fixture, &managed_life);
	fixture->rows[PHASE_LOOP].step = managed_life.rows[PHASE_LOOP].step;
	update = make_update(fixture);
	update->record->store_count = STATE_STORES_MAX;
	g_assert_cmpint(phases_walk(update, PHASE_ROLLBACK_REBOOT), ==, WALK_DONE);
	g_assert_false(was_visited(PHASE_ROLLBACK_REBOOT));
	g_assert_false(was_visited(PHASE_CLEANUP));
	g_assert_true(was_visited(PHASE_REPORT_FINAL));
	g_assert_true(software_load(fixture->agent->store, &software, NULL));
	g_assert_cmpstr(software.name, ==, "release-2_INCONSISTENT");
}

/* With the steps themselves: every start would go through them again. */
static void test_journal_without_payloads(Fixture *fixture, gconstpointer data)
{
	static const Phase phases[] = { PHASE_REBOOT, PHASE_VERIFY_REBOOT, PHASE_COMMIT,
		PHASE_COMMIT_REST, PHASE_ROLLBACK, PHASE_ROLLBACK_REBOOT,
		PHASE_VERIFY_ROLLBACK_REBOOT, PHASE_FAILURE };

	for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
		UpdateRecord *record = update_record_new();
		g_autoptr(Update) update = NULL;

		record->phase = g_strdup(managed_life.rows[phases[i]].stored);
		update = update_new(fixture->agent, &managed_life, record);
		(void)phases_recover(update);
		update->row = &managed_life.rows[phases[i]];
		g_assert_cmpint(update->row->step(update, NULL), ==, OUTCOME_OK);
	}
}

static GLogWriterOutput be_silent(
	GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data)
{
	return G_LOG_WRITER_HANDLED;
}

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(Fixture *fixture, gconstpointer data);
} tests[] = {
	{ "/agent/phases/table", test_table },
	{ "/agent/phases/phase-times-outcome", test_phase_times_outcome },
	{ "/agent/phases/journal-fails", test_journal_fails },
	{ "/agent/phases/recovery", test_recovery },
	{ "/agent/phases/download-again", test_download_again },
	{ "/agent/phases/reboot-or-restart", test_reboot_or_restart },
	{ "/agent/phases/cleanup-of-mender", test_cleanup_of_mender },
	{ "/agent/phases/loop", test_loop },
	{ "/agent/phases/journal-without-payloads", test_journal_without_payloads },
};
/* clang-format on */

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* Failures are what is tested here: GTest must not take their log lines for its own. */
	g_log_set_writer_func(be_silent, NULL, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
	return g_test_run();
}
