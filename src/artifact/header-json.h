/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"

/* Parts of a header as JSON, as they stand in the documents of an artifact; keys are sorted.
 * All: (transfer full). */

json_t *artifact_texts_to_json(char **texts); /* (nullable): an empty list */
/* @provides: (nullable): char * to char * */
json_t *artifact_provides_to_json(GHashTable *provides);
/* @depends: (nullable): char * to char **; one value as a text: the field's clients know no lists
 * here */
json_t *artifact_depends_to_json(GHashTable *depends);
/* name, sha256 and size: not the content */
json_t *artifact_script_to_json(const ArtifactScript *script);
