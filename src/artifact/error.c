/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/error.h"

G_DEFINE_QUARK(artifact - error - quark, artifact_error)

static const char *const error_names[] = {
	[ARTIFACT_ERROR_CONTAINER] = "container",
	[ARTIFACT_ERROR_TRUNCATED] = "truncated",
	[ARTIFACT_ERROR_STRUCTURE] = "structure",
	[ARTIFACT_ERROR_VERSION] = "version",
	[ARTIFACT_ERROR_MANIFEST] = "manifest",
	[ARTIFACT_ERROR_CHECKSUM] = "checksum",
	[ARTIFACT_ERROR_SIGNATURE] = "signature",
	[ARTIFACT_ERROR_PATH] = "path",
	[ARTIFACT_ERROR_JSON] = "json",
	[ARTIFACT_ERROR_SCHEMA] = "schema",
	[ARTIFACT_ERROR_LIMIT] = "limit",
	[ARTIFACT_ERROR_COMPRESSION] = "compression",
	[ARTIFACT_ERROR_IO] = "io",
};

const char *artifact_error_name(ArtifactError error)
{
	return error_names[error];
}
