/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/settings.h"

/* rota-agent key create|show: the device's keys by hand. */

typedef struct {
	char *in;              /* (nullable): where the key is; Security.AuthPrivateKey otherwise */
	char *type;            /* (nullable): of a new one */
	gint64 bits;           /* RSA only; 0 = the default */
	char *passphrase_file; /* (nullable) */
} KeyVerbOptions;

/* The public half goes to standard output, as PEM. */
gboolean key_verb_run(const AgentSettings *settings, const char *action,
	const KeyVerbOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
