/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include "artifact/header.h"
#include "artifact/library/librota-artifact.h"
#include "artifact/reader.h"
#include "crypto/key.h"

/* What the parts of the public library share: how its types are ours. */

/* Turns @failure, which is taken, into an error of the library.
 * @refusal: (nullable): of the reader that failed */
void library_set_error(RotaArtifactError **error, GError *failure, const ArtifactRefusal *refusal);
/* The caller asked for what cannot be. */
void library_set_invalid(RotaArtifactError **error, const char *message);
/* The artifact breaks a rule that the reader leaves to its caller. */
void library_set_refused(
	RotaArtifactError **error, int rule, ArtifactError code, const char *message);

/* (transfer full): a stream over @read. */
GInputStream *library_input_new(RotaArtifactRead read, void *user_data);

/* @policy: (nullable). What is in it is borrowed. */
ArtifactPolicy library_policy(const RotaArtifactPolicy *policy);

/* @header: borrowed; must outlive what is made */
RotaArtifactHeader *library_header_new(const ArtifactHeader *header);
void library_header_free(RotaArtifactHeader *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactHeader, library_header_free)

/* @signer: (nullable). Borrowed. */
const Key *library_signer_key(const RotaArtifactSigner *signer);
