/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* The agent's memory: an LMDB file that Mender's clients read and write too.
 *
 * A write is one transaction: it is on the disk when store_write() returns TRUE, or it never was.
 */
typedef struct Store Store;

enum { STORE_SIZE_MAX = 10 * 1024 * 1024, STORE_VALUE_MAX = 4 * 1024 * 1024 };

#define STORE_ARTIFACT_NAME "artifact-name"
#define STORE_ARTIFACT_GROUP "artifact-group"
#define STORE_ARTIFACT_PROVIDES "artifact-provides"
#define STORE_STATE "state"
#define STORE_STATE_UNCOMMITTED "state-uncommitted"
#define STORE_STANDALONE "standalone-state"

/**
 * store_open:
 * @ret_kept_aside: (out)(transfer full)(nullable): where a store was put that could not be read;
 *   the one that is open is then new and empty, and the caller must say so
 *
 * Walks the whole store in a process of its own first, as LMDB ends the process on a damaged page.
 */
Store *store_open(
	const char *path, char **ret_kept_aside, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @ret_value: (transfer full)(nullable): NULL where the key is not there, which is no error. */
gboolean store_get(
	Store *store, const char *key, char **ret_value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What one transaction changes, in order. */
typedef struct StoreChanges StoreChanges;

StoreChanges *store_changes_new(void);
/* @value: (nullable): NULL deletes the key; a key that is not there may be deleted */
void store_changes_set(StoreChanges *changes, const char *key, const char *value);
void store_changes_free(StoreChanges *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreChanges, store_changes_free)

gboolean store_write(
	Store *store, const StoreChanges *changes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)
