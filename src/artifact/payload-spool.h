/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/compress.h"
#include "crypto/digest.h"

/* The payload archive, packed into a file without a name while its members are hashed. */
typedef struct {
	char *name;
	char sum[SHA256_HEX_SIZE + 1];
} SpooledFile;

typedef struct {
	int fd;
	guint64 size;     /* of the packed archive */
	GPtrArray *files; /* of SpooledFile * */
} PayloadSpool;

/* @paths: (nullable). Reads each file once. */
gboolean payload_spool_fill(PayloadSpool *spool, char **paths, const CompressChoice *compression,
	gint64 modified_s, const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Copies the packed archive to @out_fd. */
gboolean payload_spool_copy(
	const PayloadSpool *spool, int out_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void payload_spool_clear(PayloadSpool *spool);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PayloadSpool, payload_spool_clear)
