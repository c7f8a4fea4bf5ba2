/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/artifacts/artifacts.h"

/* Artifacts in the store. All take the tenant they speak of. */

/* (transfer full): NULL without @error where there is none. */
Artifact *artifact_find_by_digest(
	Transaction *transaction, const char *tenant, const char *digest, GError **error);

/* Empty texts do not filter; @name and @description are looked for anywhere, in any case. */
typedef struct {
	const char *name;
	const char *description;
	const char *device_type;
	const char *update_type; /* releases only */
	const char *sort;        /* "name:asc" */
	gint64 limit, offset;
} ArtifactFilter;

GPtrArray *artifacts_list(Transaction *transaction, const char *tenant,
	const ArtifactFilter *filter, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean artifacts_count(Transaction *transaction, const char *tenant, const ArtifactFilter *filter,
	gint64 *ret_count, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean artifact_insert(Transaction *transaction, const char *tenant, const Artifact *artifact,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean artifact_set_description(Transaction *transaction, const char *tenant, const char *id,
	const char *description, gint64 now_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean artifact_delete(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean artifacts_usage(Transaction *transaction, const char *tenant, gint64 *ret_bytes,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* How many artifacts of all tenants lie in this blob. */
gboolean blob_users(Transaction *transaction, const char *digest, gint64 *ret_count,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A release: all artifacts of one name. */
typedef struct {
	char *name;
	gint64 modified_us;
	gint64 n_artifacts;
} Release;

GPtrArray *releases_list(Transaction *transaction, const char *tenant, const ArtifactFilter *filter,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean releases_count(Transaction *transaction, const char *tenant, const ArtifactFilter *filter,
	gint64 *ret_count, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): an array of texts. */
json_t *release_types(
	Transaction *transaction, const char *tenant, GError **error) G_GNUC_WARN_UNUSED_RESULT;
