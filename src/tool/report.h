/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"

/* What `read` tells of an artifact. */
typedef struct {
	const ArtifactHeader *header;
	GPtrArray *files; /* of ArtifactFile *, all of them verified */
} Report;

ArtifactFile *report_copy_file(const ArtifactFile *file);
void report_free_file(gpointer file);

/* As mender-artifact 4.4 prints it. (transfer full) */
char *report_to_text(const Report *report);
/* The same facts as one JSON object. (transfer full) */
json_t *report_to_json(const Report *report);
