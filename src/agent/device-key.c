/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/device-key.h"
#include "base/error.h"
#include <errno.h>
#include <unistd.h>

gboolean device_key_take_passphrase(Agent *agent, const char *file, GError **error)
{
	agent->passphrase_file = g_strdup(file);
	if (g_strcmp0(file, "-") != 0)
		return TRUE;
	agent->passphrase = key_secret_read_line(STDIN_FILENO);
	if (agent->passphrase != NULL)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"--passphrase-file -: no line could be read from standard input");
	return FALSE;
}

/* (transfer full)(nullable). A key that needs none may be used with a file that is not there, as
 * under Mender's client; for one that does the warning says why it cannot be opened. */
static char *read_passphrase(const Agent *agent)
{
	g_autoptr(GError) failure = NULL;
	char *passphrase = NULL;

	if (agent->passphrase != NULL)
		return g_strdup(agent->passphrase);
	if (agent->passphrase_file == NULL)
		return NULL;
	passphrase = key_secret_read(agent->passphrase_file, &failure);
	if (passphrase == NULL)
		g_warning("--passphrase-file: %s", failure->message);
	return passphrase;
}

/* With a power cut right behind it there is none, and one is made at the next start. */
static gboolean drop_old(Agent *agent, gboolean is_own, GError **error)
{
	const char *path = agent->settings->auth_private_key;

	if (!agent->force_bootstrap)
		return TRUE;
	agent->force_bootstrap = FALSE;
	if (!is_own) {
		g_warning("--forcebootstrap: the key of Security.AuthPrivateKey is kept: %s", path);
		return TRUE;
	}
	if (unlink(path) == 0 || errno == ENOENT)
		return TRUE;
	rota_set_errno_error(error, errno, "remove %s", path);
	return FALSE;
}

Keeper *device_key_open(Agent *agent, GError **error)
{
	const AgentSettings *settings = agent->settings;
	gboolean is_own = g_str_equal(settings->auth_private_key, agent->paths->key);
	KeeperOptions options = {
		.name = settings->auth_private_key,
		.engine = settings->auth_engine,
		.make = is_own ? "ed25519" : NULL,
	};
	char *passphrase = NULL;
	Keeper *keeper = NULL;

	if (!drop_old(agent, is_own, error))
		return NULL;
	passphrase = read_passphrase(agent);
	options.passphrase = passphrase;
	keeper = keeper_open(&options, error);
	key_secret_free(passphrase);
	if (keeper == NULL)
		g_prefix_error(error, "%s: ", is_own ? "device key" : "Security.AuthPrivateKey");
	else if (keeper_has_made(keeper))
		g_message("made a new device key: %s", options.name);
	return keeper;
}
