/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "artifact/library/library-private.h"
#include "artifact/sign.h"
#include "base/error.h"
#include "crypto/digest.h"

enum { SIGNATURE_SIZE_MAX = 4096 }; /* RSA with 16384 bits has 2048 */

struct RotaArtifactSigner {
	Key *key;
};

typedef struct {
	RotaArtifactSign sign;
	void *user_data;
} Callback;

static RotaArtifactSigner *signer_new(Key *key, GError *failure, RotaArtifactError **error)
{
	g_autoptr(Key) owned = key;
	GError *reason = failure;

	if (!owned || !key_check_signs_artifacts(owned, &reason)) {
		library_set_error(error, reason, NULL);
		return NULL;
	}
	RotaArtifactSigner *signer = g_new0(RotaArtifactSigner, 1);
	signer->key = g_steal_pointer(&owned);
	return signer;
}

/* --- a key in a file --- */

static char *give_passphrase(const char *what, gpointer user_data, GError **error)
{
	if (user_data)
		return g_strdup(user_data);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "%s: a passphrase is needed", what);
	return NULL;
}

RotaArtifactSigner *rota_artifact_signer_new_key_file(
	const char *path, const char *passphrase, RotaArtifactError **error)
{
	g_autofree char *copy = g_strdup(passphrase);
	KeyLoading loading = { .ask = give_passphrase, .user_data = copy };
	GError *failure = NULL;
	Key *key = key_load_private(path, &loading, &failure);

	if (copy)
		explicit_bzero(copy, strlen(copy));
	return signer_new(key, failure, error);
}

/* --- a key elsewhere --- */

/* Artifacts are signed in the one scheme that the callback is promised. */
static GBytes *sign_by_callback(
	gpointer state, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	const Callback *callback = state;
	guint8 digest[SHA256_SIZE];
	g_autofree guint8 *signature = g_malloc0(SIGNATURE_SIZE_MAX);
	size_t signature_size = SIGNATURE_SIZE_MAX;

	g_assert(g_str_equal(scheme->digest, "SHA256") && !scheme->pss);
	sha256_of(data, size, digest);
	if (callback->sign(digest, data, size, signature, &signature_size, callback->user_data) &&
		signature_size > 0 && signature_size <= SIGNATURE_SIZE_MAX)
		return g_bytes_new_take(g_steal_pointer(&signature), signature_size);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "the signer gave no signature");
	return NULL;
}

RotaArtifactSigner *rota_artifact_signer_new_callback(const char *public_pem,
	size_t public_pem_size, RotaArtifactSign sign, void *user_data, RotaArtifactError **error)
{
	static const KeySigner key_signer = { sign_by_callback, g_free };
	Callback *callback = g_new(Callback, 1);
	GError *failure = NULL;

	*callback = (Callback){ sign, user_data };
	Key *key = key_new_elsewhere(public_pem, public_pem_size, &key_signer, callback, &failure);
	if (!key)
		g_free(callback);
	return signer_new(key, failure, error);
}

void rota_artifact_signer_free(RotaArtifactSigner *signer)
{
	if (!signer)
		return;
	key_unref(signer->key);
	g_free(signer);
}

const Key *library_signer_key(const RotaArtifactSigner *signer)
{
	return signer ? signer->key : NULL;
}

static gboolean sign(int in_fd, const RotaArtifactSigner *signer, gboolean replace, int out_fd,
	ArtifactRefusal *refusal, GError **error)
{
	g_autoptr(ArtifactHeader) checked = artifact_sign_check(in_fd, refusal, error);

	if (!checked)
		return FALSE;
	if (checked->signature != ARTIFACT_UNSIGNED && !replace) { /* nobody is asked in vain */
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "the artifact is signed already");
		return FALSE;
	}
	gsize size;
	gconstpointer manifest = g_bytes_get_data(checked->manifest_bytes, &size);
	g_autoptr(GBytes) signature = key_sign_manifest(signer->key, manifest, size, error);
	return signature && artifact_sign_put(in_fd, checked, signature, replace, out_fd, error);
}

bool rota_artifact_sign(int in_fd, const RotaArtifactSigner *signer, bool replace, int out_fd,
	RotaArtifactError **error)
{
	ArtifactRefusal refusal = { .rule = 0 };
	GError *failure = NULL;

	if (sign(in_fd, signer, replace, out_fd, &refusal, &failure))
		return true;
	library_set_error(error, failure, &refusal);
	return false;
}
