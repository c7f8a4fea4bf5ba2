/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "crypto/key.h"

/* Further signatures of an artifact, in the folder FILE.sig.d/ beside it
 * (docs/formats/signatures.md).
 *
 * Each is one small JSON file, named by the key that made it. It is a signature over the same bytes
 * as manifest.sig, the manifest, and names the manifest by its digest: after a change of the
 * artifact it is stale, and never counts. What lies in the folder is not trusted: links are not
 * followed, sizes and numbers are bounded, and only keys that the caller brings verify anything. */
enum {
	DETACHED_FILES_MAX = 64, /* more in one folder are refused */
	DETACHED_FILE_SIZE_MAX = 16 * 1024,
};

typedef enum {
	DETACHED_UNCHECKED, /* none of the keys at hand made it */
	DETACHED_GOOD,
	DETACHED_BAD,       /* one of them should have, and it does not verify */
	DETACHED_STALE,     /* of another manifest */
	DETACHED_MALFORMED, /* not such a file */
} DetachedVerdict;

/* "good", "stale", ... */
const char *detached_verdict_word(DetachedVerdict verdict);

typedef struct {
	char *file;   /* its name, fit to be shown */
	char *key_id; /* NULL: malformed */
	DetachedVerdict verdict;
	char *reason; /* why not good, in words; NULL: good or unchecked */
} DetachedSignature;

/* (transfer full): FILE.sig.d */
char *detached_folder_of(const char *artifact_path);

/**
 * detached_read:
 * @manifest: what they should be signatures of
 * @keys: (element-type Key)(nullable)
 * Returns: (transfer full)(element-type DetachedSignature): in the order of their names; empty
 * where there is no such folder. NULL with @error where it cannot be read or holds too many.
 */
GPtrArray *detached_read(const char *folder, GBytes *manifest, const GPtrArray *keys,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * detached_write:
 * @signer: the key, or its public half
 * @replace: one of the same key over the same manifest gives way, instead of ROTA_ERROR_CONFLICT; a
 * stale or malformed one always does
 * Returns: (transfer full): the path of the file, which is there whole or not at all.
 */
char *detached_write(const char *folder, const Key *signer, GBytes *manifest, GBytes *signature,
	gboolean replace, GError **error) G_GNUC_WARN_UNUSED_RESULT;
