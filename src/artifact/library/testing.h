/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/library/librota-artifact.h"
#include <glib.h>
#include <openssl/evp.h>

/* What the tests of the library share. They see it from outside: through its header and its shared
 * object only. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactError, rota_artifact_error_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactPolicy, rota_artifact_policy_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactReader, rota_artifact_reader_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactSigner, rota_artifact_signer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactSpec, rota_artifact_spec_free)

/* Runs the tests with a folder for the files they need, which is gone afterwards. */
extern char *testing_folder;
int testing_run(int argc, char **argv, void (*add_tests)(void));

void assert_no_error(const RotaArtifactError *error);
/* Its status, and @part of its message; frees and forgets it. */
void assert_error(RotaArtifactError **error, RotaArtifactStatus status, const char *part);

char *path_of(const char *name); /* in the folder */
int open_path(const char *path);

/* @kind: "artifacts" or "hostile". */
char *vector_path(const char *kind, const char *name);

/* --- writing --- */

/* With a value in each of its places, an augmented part as well. */
RotaArtifactSpec *make_spec(void);
/* A file that stands at its start. */
int write_artifact(const RotaArtifactSpec *spec, const RotaArtifactSigner *signer);

/* --- signing: somebody who has a key, and gives signatures in one of these manners --- */
typedef enum { GIVE_DER, GIVE_RAW, GIVE_NOTHING, GIVE_NONSENSE } Manner;

typedef struct {
	EVP_PKEY *key;
	char *public_pem;
	Manner manner;
	guint n_calls;
} Remote;

void remote_init(Remote *remote);
void remote_clear(Remote *remote);
bool sign_remotely(const uint8_t digest[32], const void *manifest, size_t manifest_size,
	uint8_t *signature, size_t *size, void *user_data); /* a RotaArtifactSign of a Remote */
RotaArtifactSigner *remote_signer(Remote *remote);
