/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/compress.h"
#include "crypto/digest.h"

/* The payload archive: its members are read once, hashed and packed on the way. */
typedef struct {
	char *path;
	char *name;
	char sum[SHA256_HEX_SIZE + 1];
	gboolean augmented;
} PackedFile;

typedef struct {
	GPtrArray *files;         /* of PackedFile * */
	const char *spool_folder; /* where a payload from a pipe waits until its size is known;
				     borrowed */
	guint64 size;             /* of the packed archive */
	guint64 size_max;         /* to give up at; 0: none */
	int fd;                   /* where it is written to; borrowed */
	/* (nullable): called with the bytes read since the last call */
	void (*progress)(gsize size, gpointer progress_data);
	gpointer progress_data;
	gboolean durable;  /* it will be synced: the disk is given its work as it comes */
	guint64 handed_on; /* of the packed archive, to the disk */
} PayloadPack;

/* Takes the names of @paths, then of @augmented_paths (both nullable), and sums that are none yet
 * but as long and as random as those to come.
 * @names: (nullable): of @paths, one each; otherwise the ends of the paths */
gboolean payload_pack_init(PayloadPack *pack, char **paths, char **names, char **augmented_paths,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the archive to @fd, from where it stands, and takes the true sums. */
gboolean payload_pack_write(PayloadPack *pack, const CompressChoice *compression, gint64 modified_s,
	int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void payload_pack_clear(PayloadPack *pack);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PayloadPack, payload_pack_clear)
