/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "artifact/compress.h"
#include "artifact/header.h"
#include "crypto/key.h"

/* Writing an artifact with one payload, of format version 3 or 2.
 *
 * The same input gives the same bytes: no clock, owner, folder or host leaves a trace; the time of
 * all entries is the one the caller gives. The payload is read once: hashed and compressed on the
 * way into a spool file, because the sums stand before what they are of. */

/* What lies outside the signature, and whoever reads the artifact lays over the rest. */
typedef struct {
	const char *payload_type;
	GHashTable *provides; /* char * to char *; (nullable) */
	GHashTable *depends;  /* char * to char **; (nullable) */
	json_t *meta_data;    /* (nullable) object */
	char **file_paths;    /* (nullable): none may have the name of a file of the base */
} ArtifactAugment;

typedef struct {
	const char *name;
	const char *group;        /* (nullable) */
	char **device_types;      /* at least one */
	char **depends_names;     /* (nullable) */
	char **depends_groups;    /* (nullable) */
	const char *payload_type; /* NULL: an empty payload, without files */
	GHashTable *provides;     /* char * to char *; (nullable) */
	GHashTable *depends;      /* char * to char **; (nullable) */
	char **clears_provides;   /* (nullable): none are named */
	char **checksum_keys;     /* (nullable): provided with the sum of the first file */
	json_t *meta_data;        /* (nullable) object */
	gboolean empty_meta_data; /* an empty meta-data member where there is none, as rootfs-image
				     has */
	char **script_paths;      /* (nullable) */
	char **file_paths;        /* (nullable); pipes too, "-" is the standard input */
	char **file_names;        /* (nullable): what each of them is called in the artifact, where
				     that is not the end of its path */
	const ArtifactAugment *augment; /* (nullable) */
	int version; /* 3 (or 0), or 2: rootfs-image without provides, depends and clears, which are
			left out */
	CompressChoice compression;
	gint64 modified_s;
	guint64 size_max; /* of the artifact, in bytes; 0: none */
	/* (nullable): called with the bytes of payload files read since the last call */
	void (*progress)(gsize size, gpointer progress_data);
	gpointer progress_data;
} ArtifactSpec;

/**
 * artifact_write:
 * @key: (nullable): signs the manifest
 * @out_fd: a regular file open for reading and writing, or anything that can be written to
 * @spool_folder: where, in the second case, the payload waits in a file without a name; and
 * whatever comes from a pipe
 * @ret_size: (out)(optional): bytes of the artifact
 *
 * ROTA_ERROR_INVALID where @spec breaks a rule of the format, ROTA_ERROR_TOO_LARGE past its
 * size_max: then nothing was written to what cannot be gone back in.
 */
gboolean artifact_write(const ArtifactSpec *spec, const Key *key, int out_fd,
	const char *spool_folder, guint64 *ret_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
