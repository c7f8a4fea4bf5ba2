/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "artifact/detached.h"
#include "tool/signer.h"

/* All signatures of an artifact, the one inside and those beside it, and what the keys at hand say
 * of them. */
typedef struct {
	const ArtifactHeader *header;
	GPtrArray *keys;     /* of Key *, none twice */
	GPtrArray *names;    /* of char *, one for each key */
	GPtrArray *detached; /* of DetachedSignature *; NULL until they are looked for */
} Signatures;

/* Loads the keys. */
gboolean signatures_init(Signatures *signatures, const SignerOptions *options,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * signatures_find:
 * @header: of the artifact, after the reader checked the signature inside with the same keys
 * @artifact_path: its FILE.sig.d is looked into; "-" and URLs have none
 * @folder: (nullable): instead of that
 * @strict: a folder that cannot be read is an error; otherwise it is warned of and there are none
 */
gboolean signatures_find(Signatures *signatures, const ArtifactHeader *header,
	const char *artifact_path, const char *folder, gboolean strict,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

void signatures_clear(Signatures *signatures);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Signatures, signatures_clear)

/* How many different keys of those at hand have signed this artifact, inside or beside. */
guint signatures_count(const Signatures *signatures);

/* (transfer full): "signed by a.pem (3f0a...); not by b.pem (77c1...: stale)" */
char *signatures_describe(const Signatures *signatures);

/* (transfer full): lines about the detached ones, each after two blanks; "" where there are none.
 */
char *signatures_to_text(const Signatures *signatures);
/* (transfer full): a list with an object for each. */
json_t *signatures_to_json(const Signatures *signatures);
