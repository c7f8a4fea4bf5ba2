/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "artifact/compress.h"
#include "crypto/key.h"

/* A changed copy of an artifact. What no change names is kept as it is: documents to the byte, the
 * payload archive to the byte where neither a file in it nor its compression changes, an augmented
 * part as well. Only a signature is never kept, for what it spoke of is gone. */
typedef struct {
	const char *name; /* (nullable), like all here: kept */
	const char *group;
	char **depends_names;
	char **depends_groups;
	GHashTable *provides; /* char * to char *: instead of all there were */
	GHashTable *depends;  /* char * to char **: the same */
	char **clears_added;
	char **clears_removed; /* patterns by equality */
	json_t *meta_data;
	char **script_paths; /* added, or in the place of one of that name */
	const CompressChoice *compression;
	const char *payload_name; /* of the file that is replaced: by */
	int payload_fd;           /* a regular file. rootfs-image.checksum follows it where it was
				     provided */
	gint64 modified_s;        /* the time of all that is written anew */
	/* Called with the bytes of the payload done since the last call. */
	void (*progress)(gsize size, gpointer progress_data);
	gpointer progress_data;
} ArtifactChange;

/**
 * artifact_rewrite:
 * @in_fd: a regular file: an artifact with one payload, that was read and found good to its end
 * @key: (nullable): signs the copy
 * @out_fd: an empty regular file, open for reading and writing
 *
 * In bounded memory, in one pass over the payload and one more over a replaced file. The header of
 * the copy is read again with all rules at the end.
 * ROTA_ERROR_INVALID where the format has no place for a change, ARTIFACT_ERROR where it would
 * break a rule.
 */
gboolean artifact_rewrite(int in_fd, const ArtifactChange *change, const Key *key, int out_fd,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
