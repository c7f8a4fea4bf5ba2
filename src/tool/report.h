/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "tool/signatures.h"

/* What `read` tells of an artifact. */
typedef struct {
	const ArtifactHeader *header;
	GPtrArray *files; /* of ArtifactFile *, all of them verified */
	const Signatures *signatures;
} Report;

ArtifactFile *report_copy_file(const ArtifactFile *file);
void report_free_file(gpointer file);

/* What stands in every output on an artifact that is signed and has a part beside the signature. */
#define REPORT_AUGMENTED                                                                           \
	"AUGMENTED: part of this artifact is not covered by its signature; anyone can have added " \
	"it"

/* As mender-artifact 4.4 prints it, but for REPORT_AUGMENTED. (transfer full) */
char *report_to_text(const Report *report);
/* The same facts as one JSON object. (transfer full) */
json_t *report_to_json(const Report *report);
/* Without scripts and payloads: what a check is about. (transfer full) */
json_t *report_head_to_json(const ArtifactHeader *header, const Signatures *signatures);

/* The warnings of @header, on stderr. */
void report_warnings(const ArtifactHeader *header);
