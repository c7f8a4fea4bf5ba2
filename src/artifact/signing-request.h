/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"

/* What travels to the machine with the private key, instead of the artifact: its name, its manifest
 * and the digest of that (docs/formats/signatures.md). */
enum { SIGNING_REQUEST_SIZE_MAX = 2 * ARTIFACT_MANIFEST_SIZE_MAX };

typedef struct {
	char *artifact_name; /* for people: nothing vouches for it */
	GBytes *manifest;    /* what is signed */
	char *manifest_sha256;
} SigningRequest;

/* (transfer full): JSON, ending in a line feed. */
char *signing_request_to_text(const ArtifactHeader *header);

/**
 * signing_request_parse:
 * ROTA_ERROR_INVALID unless the manifest is one and has that digest: a key that signs artifacts
 * must not be talked into signing anything else.
 */
SigningRequest *signing_request_parse(
	const char *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void signing_request_free(SigningRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SigningRequest, signing_request_free)
