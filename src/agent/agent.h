/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/activity.h"
#include "agent/contact.h"
#include "agent/paths.h"
#include "agent/settings.h"
#include "agent/store.h"
#include "crypto/key.h"

/* What every part of the agent works with: where things lie, how it is set, what it remembers. */
typedef struct {
	Paths *paths;
	AgentSettings *settings;
	Store *store;
	char *store_kept_aside; /* NULL: the store could be read; else where the unreadable one is
				 */
	GPtrArray *verify_keys; /* of Key *; NULL: artifacts need no signature */
	char *device_type;
	ContactSettings contact_settings; /* of the contact that is open */
	Contact *contact;                 /* NULL in idle */
	Activity *activity;               /* NULL but in the daemon */
	char *passphrase_file;            /* (nullable): its first line opens the key */
	char *passphrase;                 /* (nullable): what standard input said instead */
	gboolean force_bootstrap;         /* the key is made anew before it is used */
	char *token;                      /* NULL: not authenticated; in memory only */
	char *server;                     /* that gave it */
	char *inventory_sent; /* SHA-256 of the last inventory the server has; NULL = none */
	gint64 retry_after_s; /* what the server asked for with its last refusal; 0 = nothing */
} Agent;

typedef struct {
	const char *root;
	const char *data;
	SettingsFiles files;
	const char *trusted_certificates; /* (nullable): over ServerCertificate */
	const char *passphrase_file;      /* (nullable): of the device key; "-": standard input */
	gboolean force_bootstrap;
} AgentOptions;

/* Reads the settings, then opens DATA and its store. */
Agent *agent_open(const AgentOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void agent_close(Agent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Agent, agent_close)
