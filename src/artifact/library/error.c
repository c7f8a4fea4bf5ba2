/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/library/library-private.h"
#include "artifact/output.h"
#include "base/error.h"

struct RotaArtifactError {
	RotaArtifactStatus status;
	char *message;
	const char *class_name;
	ArtifactRefusal refusal;
};

/* By RotaError; what is not here is a fault of ours. */
static const RotaArtifactStatus statuses[] = {
	[ROTA_ERROR_INVALID] = ROTA_ARTIFACT_ERROR_INVALID,
	[ROTA_ERROR_UNPROCESSABLE] = ROTA_ARTIFACT_ERROR_INVALID,
	[ROTA_ERROR_UNAUTHORIZED] = ROTA_ARTIFACT_ERROR_KEY,
	[ROTA_ERROR_CORRUPT] = ROTA_ARTIFACT_ERROR_KEY,
	[ROTA_ERROR_CONFLICT] = ROTA_ARTIFACT_ERROR_CONFLICT,
	[ROTA_ERROR_TOO_LARGE] = ROTA_ARTIFACT_ERROR_TOO_LARGE,
	[ROTA_ERROR_UNSUPPORTED] = ROTA_ARTIFACT_ERROR_UNSUPPORTED,
	[ROTA_ERROR_NOT_FOUND] = ROTA_ARTIFACT_ERROR_IO,
	[ROTA_ERROR_UNAVAILABLE] = ROTA_ARTIFACT_ERROR_IO,
	[ROTA_ERROR_IO] = ROTA_ARTIFACT_ERROR_IO,
	[ROTA_ERROR_INTERNAL] = ROTA_ARTIFACT_ERROR_INTERNAL,
};

static RotaArtifactStatus status_of(const GError *failure)
{
	if (failure->domain == ARTIFACT_ERROR)
		return failure->code == ARTIFACT_ERROR_IO ? ROTA_ARTIFACT_ERROR_IO
							  : ROTA_ARTIFACT_ERROR_REFUSED;
	if (failure->domain == ARTIFACT_OUTPUT_ERROR)
		return ROTA_ARTIFACT_ERROR_IO;
	if (failure->domain != ROTA_ERROR || failure->code >= (int)G_N_ELEMENTS(statuses) ||
		statuses[failure->code] == 0)
		return ROTA_ARTIFACT_ERROR_INTERNAL;
	return statuses[failure->code];
}

void library_set_error(RotaArtifactError **error, GError *failure, const ArtifactRefusal *refusal)
{
	g_autoptr(GError) owned = failure;

	if (!error)
		return;
	RotaArtifactError *made = g_new0(RotaArtifactError, 1);
	made->status = status_of(owned);
	made->message = g_strdup(owned->message);
	made->class_name = "";
	if (made->status == ROTA_ARTIFACT_ERROR_REFUSED)
		made->class_name = artifact_error_name((ArtifactError)owned->code);
	if (made->status == ROTA_ARTIFACT_ERROR_REFUSED && refusal)
		made->refusal = *refusal;
	*error = made;
}

void library_set_invalid(RotaArtifactError **error, const char *message)
{
	library_set_error(
		error, g_error_new_literal(ROTA_ERROR, ROTA_ERROR_INVALID, message), NULL);
}

void library_set_refused(
	RotaArtifactError **error, int rule, ArtifactError code, const char *message)
{
	ArtifactRefusal refusal = { .rule = rule, .error = code };

	library_set_error(error,
		g_error_new(ARTIFACT_ERROR, (int)code, "R%d %s: %s", rule,
			artifact_error_name(code), message),
		&refusal);
}

RotaArtifactStatus rota_artifact_error_status(const RotaArtifactError *error)
{
	return error->status;
}

const char *rota_artifact_error_message(const RotaArtifactError *error)
{
	return error->message;
}

int rota_artifact_error_rule(const RotaArtifactError *error)
{
	return error->refusal.rule;
}

const char *rota_artifact_error_class(const RotaArtifactError *error)
{
	return error->class_name;
}

const char *rota_artifact_error_member(const RotaArtifactError *error)
{
	return error->refusal.member;
}

uint64_t rota_artifact_error_offset(const RotaArtifactError *error)
{
	return error->refusal.offset;
}

void rota_artifact_error_free(RotaArtifactError *error)
{
	if (!error)
		return;
	g_free(error->message);
	g_free(error);
}

const char *rota_artifact_version(void)
{
	return ROTA_VERSION;
}
