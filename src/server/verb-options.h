/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/verbs.h"

/* What the options of the verbs are read into. */

typedef struct {
	CommonOptions common;
	char *listen, *public_url, *storage, *tls_cert, *tls_key, *client_ca;
} ServeOptions;

typedef struct {
	CommonOptions common;
	char *email, *password_file, *role, *tenant;
} UserCreateOptions;

typedef struct {
	CommonOptions common;
	char *name;
	gint64 max_devices;
} TenantOptions;

typedef struct {
	CommonOptions common;
	gboolean json;
} StoreOptions;
