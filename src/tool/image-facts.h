/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "image/disk.h"

/* What `modify` writes into the files of Mender's client in an image: who it is and whom it
 * trusts. NULL everywhere: left as it is. */
typedef struct {
	char *name;               /* artifact_name in /etc/mender/artifact_info */
	char *server_url;         /* ServerURL in /etc/mender/mender.conf */
	char *tenant_token;       /* TenantToken there */
	char *server_certificate; /* a file, for /etc/mender/server.crt */
	char *verification_key;   /* a file, for /etc/mender/artifact-verify-key.pem */
} ImageFacts;

gboolean image_facts_are_any(const ImageFacts *facts);
gboolean image_facts_are_name_only(const ImageFacts *facts);
gboolean image_facts_write(
	const ImageFacts *facts, Disk *disk, GError **error) G_GNUC_WARN_UNUSED_RESULT;
