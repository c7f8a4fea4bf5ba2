/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"

/* Building a header; for reader and writer only. */

ArtifactHeader *artifact_header_new(void);
/* @bytes: (transfer full) */
void artifact_header_add_script(ArtifactHeader *header, const char *name, GBytes *bytes);
/* (transfer none): @type NULL: an empty payload */
ArtifactPayload *artifact_header_add_payload(ArtifactHeader *header, const char *type);
void artifact_header_warn(ArtifactHeader *header, const char *format, ...) G_GNUC_PRINTF(2, 3);

GHashTable *artifact_provides_new(void); /* char * to char * */
GHashTable *artifact_depends_new(void);  /* char * to char ** */

/* Lays @augmented over @base: objects merge, lists and scalars replace. FALSE where a value would
 * change its kind; @base is then half merged. */
gboolean artifact_meta_data_merge(json_t *base, const json_t *augmented) G_GNUC_WARN_UNUSED_RESULT;
