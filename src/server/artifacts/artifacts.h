/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/artifacts/artifact.h"
#include "server/artifacts/links.h"
#include "server/call.h"

/* Artifacts and releases: what can be installed. What other domains may ask. */

/* Rows of the routes this domain serves; ends with a route without a path. */
extern const Route artifact_routes[];

/* At start, before anything is served: removes blobs that no artifact uses. @owner: names the
 * database; blobs that belong to another one are refused with ROTA_ERROR_CONFLICT. */
gboolean artifacts_sweep(Database *database, Blobs *blobs, const char *owner,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): NULL without @error where there is none. */
Artifact *artifact_find(
	Transaction *transaction, const char *tenant, const char *id, GError **error);
/* The same; where there is none ROTA_ERROR_NOT_FOUND. */
Artifact *artifact_get(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A release: (transfer full): of Artifact *, smallest first; empty: there is none of this name. */
GPtrArray *artifacts_named(Transaction *transaction, const char *tenant, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
