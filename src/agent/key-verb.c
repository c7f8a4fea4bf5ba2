/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/key-verb.h"
#include <stdio.h>
#include <string.h>
#include "agent/keeper.h"
#include "base/error.h"
#include "crypto/key.h"

/* A TPM has no Ed25519. */
static const char *usual_type(const char *name)
{
	return g_str_has_prefix(name, "tpm2:") ? "p256" : "ed25519";
}

static gboolean prepare(const AgentSettings *settings, const char *action,
	const KeyVerbOptions *options, KeeperOptions *keeper, GError **error)
{
	keeper->name = options->in;
	if (options->in == NULL) {
		keeper->name = settings->auth_private_key;
		keeper->engine = settings->auth_engine;
	}
	if (strcmp(action, "show") == 0)
		return TRUE;
	if (strcmp(action, "create") == 0) {
		keeper->make = options->type != NULL ? options->type : usual_type(keeper->name);
		keeper->bits = (guint)options->bits;
		keeper->only_new = TRUE;
		return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"key %s: create and show are what can be done with a key", action);
	return FALSE;
}

static gboolean print_public_half(const KeeperOptions *options, GError **error)
{
	g_autoptr(Keeper) keeper = keeper_open(options, error);

	if (keeper == NULL)
		return FALSE;
	fputs(keeper_public_half(keeper), stdout);
	return TRUE;
}

gboolean key_verb_run(const AgentSettings *settings, const char *action,
	const KeyVerbOptions *options, GError **error)
{
	KeeperOptions keeper = { 0 };
	char *passphrase = NULL;
	gboolean done;

	if (!prepare(settings, action, options, &keeper, error))
		return FALSE;
	if (options->passphrase_file != NULL) {
		passphrase = key_secret_read(options->passphrase_file, error);
		if (passphrase == NULL)
			return FALSE;
		keeper.passphrase = passphrase;
	}
	done = print_public_half(&keeper, error);
	g_clear_pointer(&passphrase, key_secret_free);
	return done;
}
