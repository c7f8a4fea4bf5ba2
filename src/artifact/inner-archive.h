/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/decompress.h"
#include "artifact/header.h"
#include "artifact/place.h"
#include "artifact/stream.h"
#include "crypto/digest.h"

/* An archive inside the artifact, opened: member, decompressor if any, inner tar. */
typedef struct {
	Stream stream; /* what passes from the member: counted into the sum */
	Stream *in;
	Sha256 *sum; /* NULL: the archive as such has no sum */
	const guint8 *lent;
	DecompressStream decompress;
	gboolean compressed;
} InnerArchive;

/**
 * inner_archive_open:
 * @member: the bytes of the member; must outlive the archive
 * @sum: (nullable): takes the bytes of the member as they pass
 * Returns: (transfer none): the unpacked bytes; lives as long as @inner
 */
Stream *inner_archive_open(InnerArchive *inner, ArtifactCompression compression, Stream *member,
	Sha256 *sum, Place *place);
/* Right after the opening: what comes is unpacked on several cores. */
void inner_archive_look_ahead(InnerArchive *inner);
void inner_archive_close(InnerArchive *inner); /* also what was never opened, or is closed */
