/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Why an artifact was refused. The message reads
 *   "R9 checksum: data/0000.tar.gz/file: offset 4096: sum differs from the manifest". */
typedef enum {
	ARTIFACT_ERROR_CONTAINER, /* the tar is broken */
	ARTIFACT_ERROR_TRUNCATED,
	ARTIFACT_ERROR_STRUCTURE, /* order, unknown, double or missing entry */
	ARTIFACT_ERROR_VERSION,
	ARTIFACT_ERROR_MANIFEST,
	ARTIFACT_ERROR_CHECKSUM,
	ARTIFACT_ERROR_SIGNATURE,
	ARTIFACT_ERROR_PATH, /* names and entry types */
	ARTIFACT_ERROR_JSON,
	ARTIFACT_ERROR_SCHEMA,
	ARTIFACT_ERROR_LIMIT,
	ARTIFACT_ERROR_COMPRESSION,
	ARTIFACT_ERROR_IO, /* the input itself could not be read; not the artifact's fault */
} ArtifactError;

#define ARTIFACT_ERROR (artifact_error_quark())
GQuark artifact_error_quark(void);

/* "checksum", as it stands in the message. */
const char *artifact_error_name(ArtifactError error);

/* What a refusal is about, beside its text: the last one of this reader (reader.h). */
typedef struct {
	int rule; /* 1 to 19: artifact-format.md section 12 */
	ArtifactError error;
	char member[512]; /* "header.tar.gz/header-info": the member the offset lies in */
	guint64 offset;   /* in the file, counted from 0 */
} ArtifactRefusal;
