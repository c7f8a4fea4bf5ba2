/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header-members.h"
#include "artifact/payload-pack.h"
#include "artifact/writer.h"

/* header.tar, as it is written: documents and state scripts, compressed. */

/**
 * header_pack_make:
 * @pack: the payload it speaks of; sums that are not known yet may stand in for the true ones
 * Returns: (transfer full): the bytes of the entry, or NULL with ROTA_ERROR_INVALID.
 */
GByteArray *header_pack_make(const ArtifactSpec *spec, HeaderKind kind, const PayloadPack *pack,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
