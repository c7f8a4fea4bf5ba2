/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header-members.h"
#include "artifact/rewrite.h"

/* What a change does to the documents of header.tar, each taken as JSON: words we do not know stay
 * where they are. */

/**
 * rewrite_header:
 * @members: of header.tar, or of header-augment.tar; changed in place
 * @payload_sum: (nullable): hex, of the file that takes the first one's place
 */
gboolean rewrite_header(HeaderMembers *members, HeaderKind kind, const ArtifactChange *change,
	const char *payload_sum, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the members as a tar archive. */
GByteArray *rewrite_header_archive(
	const HeaderMembers *members, gint64 modified_s, GError **error) G_GNUC_WARN_UNUSED_RESULT;
