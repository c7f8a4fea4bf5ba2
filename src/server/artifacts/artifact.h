/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "artifact/header.h"

/* One stored artifact: what it says of itself and what we know of its file. No I/O. */
typedef struct {
	char *id;
	char *name;
	char *description;
	gint64 size_bytes;
	char *digest;          /* SHA-256 of the file: the name of its blob */
	char *manifest_digest; /* SHA-256 of its manifest */
	gboolean is_signed;    /* a signature is there; devices judge it */
	json_t *document;      /* the facts of its header, in the shape the API shows them */
	gint64 modified_us;
} Artifact;

void artifact_free(Artifact *artifact);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Artifact, artifact_free)

/* (transfer full): the document of a header and its files.
 * @files: of json_t *, one array of files a payload, as artifact_file_to_json() makes them. */
json_t *artifact_make_document(const ArtifactHeader *header, json_t *files);
json_t *artifact_file_to_json(const ArtifactFile *file);

/* (transfer full): as lists and GET show it. */
json_t *artifact_to_json(const Artifact *artifact);

/* (transfer none): arrays and objects of the document; never NULL. */
json_t *artifact_device_types(const Artifact *artifact);
json_t *artifact_depends(const Artifact *artifact);
/* (transfer full): payload types, each once. */
GPtrArray *artifact_update_types(const Artifact *artifact);

/* Could a device be offered both? They have one name, the same kinds of depends, and a value of
 * each in common: then nothing decides between them. */
gboolean artifacts_overlap(const Artifact *a, const Artifact *b);
