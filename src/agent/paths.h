/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Where everything lies, worked out once: nothing else in the agent knows a system path.
 *
 * ROOT ("/" in a vehicle) holds configuration, modules and scripts; DATA survives both slots. */
typedef struct {
	char *root;
	char *data;
	char *rota_config;       /* ROOT/etc/rota/rota.conf */
	char *config;            /* ROOT/etc/mender/mender.conf */
	char *fallback_config;   /* DATA/mender.conf */
	char *module_folders[3]; /* ROOT/usr/share/{mender,rota}/modules/v3; ends with NULL */
	char *system_scripts;    /* ROOT/etc/mender/scripts: Idle, Sync, Download */
	char *artifact_scripts;  /* DATA/scripts: of the running update */
	char *identity;          /* ROOT/usr/share/mender/identity/mender-device-identity */
	char *inventory;         /* ROOT/usr/share/mender/inventory */
	char *store;             /* DATA/mender-store */
	char *payloads;          /* DATA/modules/v3/payloads */
	char *device_type;       /* DATA/device_type */
	char *key;               /* DATA/mender-agent.pem */
	char *artifact_info; /* ROOT/etc/mender/artifact_info: what images for older clients say */
	char *bootstrap;     /* DATA/bootstrap.mender */
	char *daemon_lock;   /* DATA/rota-agent.lock: held by the daemon */
	char *update_lock;   /* DATA/rota-update.lock: held by whoever walks an update */
	char *gates;         /* ROOT/etc/rota/gates */
	char *health;        /* ROOT/etc/rota/health */
	char *status;        /* ROOT/run/rota-agent/status.json: what the daemon is doing */
	char *consent;       /* ROOT/run/rota-agent/consent.json: what the driver answered */
	char *boot_id;       /* ROOT/proc/sys/kernel/random/boot_id */
} Paths;

/**
 * paths_new:
 * @root: (nullable): NULL = "/"
 * @data: (nullable): taken as it is; NULL = ROOT/var/lib/mender where that exists, else
 * ROOT/var/lib/rota Both become absolute, as a module runs in a folder of its own.
 */
Paths *paths_new(const char *root, const char *data);

gboolean paths_is_system(const Paths *paths); /* ROOT is "/": this is the vehicle itself */

/* (transfer full)(nullable): of the machine, or below ROOT: with a ROOT of its own an agent must
 * never touch the machine it runs on. */
char *paths_find_program(const Paths *paths, const char *name);

void paths_free(Paths *paths);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Paths, paths_free)
