/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"
#include "agent/authenticate.h"
#include "agent/bootstrap.h"
#include "agent/daemon.h"
#include "agent/key-verb.h"
#include "agent/lock.h"
#include "agent/signals.h"
#include "agent/slots/slots.h"
#include "agent/software.h"
#include "agent/standalone.h"
#include "agent/status.h"
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* rota-agent: the process with rights. Command line, exit statuses and texts are those of Mender's.
 */

typedef struct {
	char *config;
	char *fallback_config;
	char *data;
	char *root;
	char *log_level;
	char *log_file;
	char *trusted_certificates;
	char *passphrase_file;
	gboolean log_json;
	gboolean no_syslog; /* nothing reads it: the agent has no other log than its own */
	gboolean skip_verify;
	gboolean force_bootstrap;
} GlobalOptions;

typedef struct {
	gboolean reboot_exit_code;
	GPtrArray *stop_before;
} InstallOptions;

typedef struct {
	gboolean json;
} StatusOptions;

#define GLOBAL(member) G_STRUCT_OFFSET(GlobalOptions, member)

/* clang-format off */
static const Option global_option_rows[] = {
	{ "config", 'c', OPTION_TEXT, GLOBAL(config), "FILE",
		"configuration instead of /etc/mender/mender.conf" },
	{ "fallback-config", 'b', OPTION_TEXT, GLOBAL(fallback_config), "FILE",
		"configuration below it instead of DATA/mender.conf" },
	{ "data", 'd', OPTION_TEXT, GLOBAL(data), "DIR", "folder that survives updates" },
	{ "datastore", 0, OPTION_TEXT, GLOBAL(data), "DIR", "the same as --data" },
	{ "root", 0, OPTION_TEXT, GLOBAL(root), "DIR", "all system paths lie below this folder" },
	{ "log-level", 'l', OPTION_TEXT, GLOBAL(log_level), "LEVEL",
		"trace, debug, info, warning, error, fatal or panic" },
	{ "log-file", 'L', OPTION_TEXT, GLOBAL(log_file), "FILE",
		"log there instead of to standard error" },
	{ "log-json", 0, OPTION_FLAG, GLOBAL(log_json), NULL, "one JSON object a line" },
	{ "trusted-certs", 'E', OPTION_TEXT, GLOBAL(trusted_certificates), "FILE",
		"authorities, over ServerCertificate" },
	{ "passphrase-file", 0, OPTION_TEXT, GLOBAL(passphrase_file), "FILE",
		"its first line opens an encrypted device key; - is standard input" },
	{ "forcebootstrap", 'F', OPTION_FLAG, GLOBAL(force_bootstrap), NULL,
		"make a new device key before it is used: the server has to accept it anew" },
	{ "no-syslog", 0, OPTION_FLAG, GLOBAL(no_syslog), NULL,
		"nothing: there is no log but standard error; taken as Mender's client does" },
	{ "skipverify", 0, OPTION_FLAG, GLOBAL(skip_verify), NULL,
		"refused: a server is always verified" },
	{ 0 },
};
/* clang-format on */

#define INSTALL(member) G_STRUCT_OFFSET(InstallOptions, member)

/* clang-format off */
static const Option install_option_rows[] = {
	{ "reboot-exit-code", 0, OPTION_FLAG, INSTALL(reboot_exit_code), NULL,
		"exit with 4 where a payload wants a reboot" },
	{ "stop-before", 0, OPTION_TEXTS, INSTALL(stop_before), "STATE",
		"stop before this state; may be given several times" },
	{ 0 },
};
/* clang-format on */
/* clang-format off */
static const Option stop_option_rows[] = {
	{ "stop-before", 0, OPTION_TEXTS, INSTALL(stop_before), "STATE",
		"stop before this state; may be given several times" },
	{ 0 },
};
/* clang-format on */

static const Option status_option_rows[] = {
	{ "json", 0, OPTION_FLAG, G_STRUCT_OFFSET(StatusOptions, json), NULL,
		"one JSON object instead of text" },
	{ 0 },
};

/* clang-format off */
static const Option slot_option_rows[] = {
	{ "size", 0, OPTION_NUMBER, G_STRUCT_OFFSET(SlotOptions, size), "BYTES",
		"size the image must have", "0" },
	{ "before", 0, OPTION_TEXT, G_STRUCT_OFFSET(SlotOptions, before), "FILE",
		"where activate keeps what rollback needs" },
	{ 0 },
};
/* clang-format on */

#define KEY(member) G_STRUCT_OFFSET(KeyVerbOptions, member)

static const Option key_option_rows[] = {
	{ "in", 0, OPTION_TEXT, KEY(in), "KEY",
		"a PEM file, pkcs11:..., tpm2:/FILE or tpm2:0xHANDLE; the configured key "
		"otherwise" },
	{ "type", 0, OPTION_TEXT, KEY(type), "TYPE",
		"of a new key: ed25519 (the default), p256 (the default in a TPM) or rsa" },
	{ "bits", 0, OPTION_NUMBER, KEY(bits), "BITS", "of a new RSA key; 0: 3072", "0" },
	{ "passphrase-file", 0, OPTION_TEXT, KEY(passphrase_file), "FILE",
		"its first line is the passphrase of the file or the PIN of the token" },
	{ 0 },
};

static const char key_details[] =
	"create makes a key where there is none, and show opens one that is there; both print its "
	"public "
	"half. In a token (pkcs11:) and in a TPM (tpm2:) the private half is made inside and never "
	"leaves "
	"it; tpm2:/FILE keeps the key in a file that only this TPM can use.";

static const char slot_details[] =
	"ACTION is status; write (the image comes on standard input); activate: the boot loader "
	"tries the other partition at the next start, and goes back by itself at the second one "
	"without a commit; verify: it is being tried; commit: it stays; rollback; or "
	"verify-rollback: nothing is tried any more. RootfsPartA and RootfsPartB name the "
	"partitions. The update module rootfs-image calls these.";

/* --- Shared beginnings --- */

static int fail(const GError *failure)
{
	fprintf(stderr, "%s\n", failure->message);
	return EXIT_FAILURE;
}

static gboolean begin_log(const GlobalOptions *options, const char *level_name, GError **error)
{
	GLogLevelFlags level = G_LOG_LEVEL_MESSAGE;

	if (level_name != NULL && !log_level_from_name(level_name, &level)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: no log level", level_name);
		return FALSE;
	}
	log_setup(options->log_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, level);
	return TRUE;
}

static gboolean redirect_log(const char *file, GError **error)
{
	if (file == NULL || freopen(file, "ae", stderr) != NULL)
		return TRUE;
	rota_set_errno_error(error, errno, "open %s", file);
	return FALSE;
}

static gboolean check_verifies(const GlobalOptions *options, GError **error)
{
	if (!options->skip_verify)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"--skipverify: refused, name the authority with --trusted-certs");
	return FALSE;
}

/* Logging begins with what the command line says and goes on with what the settings say. */
static Agent *begin(const GlobalOptions *options, GError **error)
{
	AgentOptions agent_options = {
		.root = options->root,
		.data = options->data,
		.files = { options->config, options->fallback_config },
		.trusted_certificates = options->trusted_certificates,
		.passphrase_file = options->passphrase_file,
		.force_bootstrap = options->force_bootstrap,
	};
	g_autoptr(Agent) agent = NULL;

	if (!check_verifies(options, error) || !begin_log(options, options->log_level, error) ||
		!redirect_log(options->log_file, error) || !signals_setup(error))
		return NULL;
	agent = agent_open(&agent_options, error);
	if (agent == NULL)
		return NULL;
	if (options->log_level == NULL && !begin_log(options, agent->settings->log_level, error))
		return NULL;
	return g_steal_pointer(&agent);
}

/* --- Verbs --- */

/* Exactly one: what is not understood may be what was meant. */
static gboolean check_operand(const char *name, char **operands, GError **error)
{
	if (operands[0] == NULL)
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "an operand is missing: %s", name);
	else if (operands[1] != NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "one operand too many: %s",
			operands[1]);
	return operands[0] != NULL && operands[1] == NULL;
}

static gboolean check_stops(const GPtrArray *stops, GError **error)
{
	static const char *const names[] = { "ArtifactInstall_Enter", "ArtifactCommit_Enter",
		"ArtifactCommit_Leave", "ArtifactRollback_Enter", "ArtifactFailure_Enter",
		"Cleanup", NULL };

	for (guint i = 0; stops != NULL && i < stops->len; i++) {
		if (g_strv_contains(names, stops->pdata[i]))
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"--stop-before %s: no state to stop before", (char *)stops->pdata[i]);
		return FALSE;
	}
	return TRUE;
}

typedef int (*StandaloneRun)(Agent *agent, const StandaloneOptions *options);

static int run_standalone(gconstpointer values, gconstpointer global_options, StandaloneRun run)
{
	const InstallOptions *options = values;
	StandaloneOptions standalone = { options->stop_before, options->reboot_exit_code };
	g_autoptr(GError) failure = NULL;
	g_autoptr(Agent) agent = NULL;

	if (!check_stops(options->stop_before, &failure))
		return fail(failure);
	agent = begin(global_options, &failure);
	return agent != NULL ? run(agent, &standalone) : fail(failure);
}

static int run_install(gconstpointer values, char **operands, gconstpointer global_options)
{
	const InstallOptions *options = values;
	StandaloneOptions standalone = { options->stop_before, options->reboot_exit_code };
	g_autoptr(GError) failure = NULL;
	g_autoptr(Agent) agent = NULL;

	if (!check_operand("FILE|URL", operands, &failure) ||
		!check_stops(options->stop_before, &failure))
		return fail(failure);
	agent = begin(global_options, &failure);
	if (agent == NULL || !bootstrap_ensure(agent, &failure))
		return fail(failure);
	return standalone_install(agent, operands[0], &standalone);
}

static int run_resume(gconstpointer values, char **operands, gconstpointer global_options)
{
	return run_standalone(values, global_options, standalone_resume);
}

static int run_commit(gconstpointer values, char **operands, gconstpointer global_options)
{
	return run_standalone(values, global_options, standalone_commit);
}

static int run_rollback(gconstpointer values, char **operands, gconstpointer global_options)
{
	return run_standalone(values, global_options, standalone_rollback);
}

static int run_daemon(gconstpointer values, char **operands, gconstpointer global_options)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Agent) agent = begin(global_options, &failure);

	if (agent == NULL)
		return fail(failure);
	if (*agent->settings->servers == NULL) {
		fprintf(stderr, "no ServerURL is set\n");
		return EXIT_FAILURE;
	}
	return daemon_run(agent);
}

static gboolean load_software(Agent *agent, Software *ret_software, GError **error)
{
	return bootstrap_ensure(agent, error) && software_load(agent->store, ret_software, error);
}

static int run_show_artifact(gconstpointer values, char **operands, gconstpointer global_options)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Agent) agent = begin(global_options, &failure);
	g_auto(Software) software = { 0 };

	if (agent == NULL || !load_software(agent, &software, &failure))
		return fail(failure);
	printf("%s\n", software.name);
	return EXIT_SUCCESS;
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

static int run_show_provides(gconstpointer values, char **operands, gconstpointer global_options)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Agent) agent = begin(global_options, &failure);
	g_auto(Software) software = { 0 };
	g_autoptr(GHashTable) all = NULL;
	g_autoptr(GList) keys = NULL;

	if (agent == NULL || !load_software(agent, &software, &failure))
		return fail(failure);
	all = software_all_provides(agent, &software);
	g_hash_table_remove(all, "device_type");
	keys = g_list_sort(g_hash_table_get_keys(all), compare_keys);
	for (GList *key = keys; key != NULL; key = key->next)
		printf("%s=%s\n", (char *)key->data, (char *)g_hash_table_lookup(all, key->data));
	return EXIT_SUCCESS;
}

/* The daemon's lock says which process it is: no name to look for, no number that could be stale.
 */
static int signal_daemon(gconstpointer global_options, int number)
{
	const GlobalOptions *options = global_options;
	g_autoptr(Paths) paths = paths_new(options->root, options->data);
	pid_t daemon = lock_holder(paths->daemon_lock);

	if (daemon > 0 && kill(daemon, number) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "the daemon is not running on %s\n", paths->data);
	return EXIT_FAILURE;
}

static int run_check_update(gconstpointer values, char **operands, gconstpointer global_options)
{
	return signal_daemon(global_options, SIGUSR1);
}

static int run_send_inventory(gconstpointer values, char **operands, gconstpointer global_options)
{
	return signal_daemon(global_options, SIGUSR2);
}

static int run_status(gconstpointer values, char **operands, gconstpointer global_options)
{
	const StatusOptions *options = values;
	const GlobalOptions *globals = global_options;
	g_autoptr(Paths) paths = paths_new(globals->root, globals->data);

	return status_print(paths, options->json);
}

/* The beginning of what needs no running agent. */
static AgentSettings *begin_apart(const GlobalOptions *options, const Paths *paths, GError **error)
{
	const SettingsFiles files = { options->config, options->fallback_config };

	return begin_log(options, options->log_level, error)
		       ? agent_settings_load(paths, &files, error)
		       : NULL;
}

static int run_slot(gconstpointer values, char **operands, gconstpointer global_options)
{
	const GlobalOptions *options = global_options;
	g_autoptr(Paths) paths = paths_new(options->root, options->data);
	g_autoptr(GError) failure = NULL;
	g_autoptr(AgentSettings) settings = NULL;

	if (!check_operand("ACTION", operands, &failure))
		return fail(failure);
	settings = begin_apart(options, paths, &failure);
	if (settings == NULL || !slots_run(paths, settings, operands[0], values, &failure))
		return fail(failure);
	return EXIT_SUCCESS;
}

static int run_key(gconstpointer values, char **operands, gconstpointer global_options)
{
	const GlobalOptions *options = global_options;
	g_autoptr(Paths) paths = paths_new(options->root, options->data);
	g_autoptr(GError) failure = NULL;
	g_autoptr(AgentSettings) settings = NULL;

	if (!check_operand("ACTION", operands, &failure))
		return fail(failure);
	settings = begin_apart(options, paths, &failure);
	if (settings == NULL || !key_verb_run(settings, operands[0], values, &failure))
		return fail(failure);
	return EXIT_SUCCESS;
}

/* As Mender's: makes the key where there is none and tries to authenticate once. */
static int run_bootstrap(gconstpointer values, char **operands, gconstpointer global_options)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Agent) agent = begin(global_options, &failure);

	if (agent == NULL || !bootstrap_ensure(agent, &failure) || !authenticate(agent, &failure))
		return fail(failure);
	return EXIT_SUCCESS;
}

/* clang-format off */
static const Verb *const verbs[] = {
	&(const Verb){ "daemon", NULL, "ask the server for updates and install them", NULL, NULL, 0,
		run_daemon },
	&(const Verb){ "install", "FILE|URL", "install an artifact by hand", NULL, install_option_rows,
		sizeof(InstallOptions), run_install },
	&(const Verb){ "resume", NULL, "go on with an install that was interrupted or stopped", NULL,
		install_option_rows, sizeof(InstallOptions), run_resume },
	&(const Verb){ "commit", NULL, "keep what was installed by hand", NULL, stop_option_rows,
		sizeof(InstallOptions), run_commit },
	&(const Verb){ "rollback", NULL, "go back to what was there before", NULL, stop_option_rows,
		sizeof(InstallOptions), run_rollback },
	&(const Verb){ "check-update", NULL, "make the daemon ask for an update now", NULL, NULL, 0,
		run_check_update },
	&(const Verb){ "send-inventory", NULL, "make the daemon report inventory now", NULL, NULL, 0,
		run_send_inventory },
	&(const Verb){ "status", NULL, "tell what the daemon is doing, why it waits and until when", NULL,
		status_option_rows, sizeof(StatusOptions), run_status },
	&(const Verb){ "slot", "ACTION", "write, try, keep or take back the other root partition", slot_details,
		slot_option_rows, sizeof(SlotOptions), run_slot },
	&(const Verb){ "key", "ACTION", "make a device key, or print the public half of one", key_details,
		key_option_rows, sizeof(KeyVerbOptions), run_key },
	&(const Verb){ "show-artifact", NULL, "print the name of what is installed", NULL, NULL, 0,
		run_show_artifact },
	&(const Verb){ "show-provides", NULL, "print all that is installed as KEY=VALUE", NULL, NULL, 0,
		run_show_provides },
	&(const Verb){ "bootstrap", NULL, "make the device key and authenticate once", NULL, NULL, 0,
		run_bootstrap },
	NULL,
};
/* clang-format on */

static const Program program = {
	.name = "rota-agent",
	.help = "takes updates over the air into this vehicle",
	.options = global_option_rows,
	.options_size = sizeof(GlobalOptions),
	.verbs = verbs,
	.usage_status = EXIT_STATUS_FAILED,
	.helps_when_bare = TRUE,
};

int main(int argc, char **argv)
{
	return program_main(&program, argc, argv);
}
