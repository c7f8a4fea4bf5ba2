/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/library/library-private.h"

struct RotaArtifactPolicy {
	ArtifactPolicy policy;
};

RotaArtifactPolicy *rota_artifact_policy_new(void)
{
	RotaArtifactPolicy *policy = g_new0(RotaArtifactPolicy, 1);

	policy->policy.keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_unref);
	return policy;
}

void rota_artifact_policy_free(RotaArtifactPolicy *policy)
{
	if (!policy)
		return;
	g_ptr_array_unref(policy->policy.keys);
	g_free(policy);
}

/* Takes @key, or @failure where it is NULL. */
static bool add_key(
	RotaArtifactPolicy *policy, Key *key, GError *failure, RotaArtifactError **error)
{
	g_autoptr(Key) owned = key;
	GError *reason = failure;

	if (!owned || !key_check_signs_artifacts(owned, &reason)) {
		library_set_error(error, reason, NULL);
		return false;
	}
	g_ptr_array_add(policy->policy.keys, g_steal_pointer(&owned));
	return true;
}

bool rota_artifact_policy_add_key_file(
	RotaArtifactPolicy *policy, const char *path, RotaArtifactError **error)
{
	GError *failure = NULL;
	Key *key = key_load_public(path, NULL, &failure);

	return add_key(policy, key, failure, error);
}

bool rota_artifact_policy_add_key_pem(
	RotaArtifactPolicy *policy, const char *pem, size_t size, RotaArtifactError **error)
{
	GError *failure = NULL;
	Key *key = key_parse_public(pem, size, &failure);

	return add_key(policy, key, failure, error);
}

void rota_artifact_policy_refuse_augmented(RotaArtifactPolicy *policy, bool refuse)
{
	policy->policy.refuse_augmented = refuse;
}

void rota_artifact_policy_show_bad_signature(RotaArtifactPolicy *policy, bool show)
{
	policy->policy.show_bad_signature = show;
}

ArtifactPolicy library_policy(const RotaArtifactPolicy *policy)
{
	return policy ? policy->policy : (ArtifactPolicy){ .keys = NULL };
}
