/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "artifact/compress.h"
#include "artifact/header.h"
#include "crypto/key.h"

/* Writing an artifact of format v3 with one payload.
 *
 * The same input gives the same bytes: no clock, owner, folder or host leaves a trace; the time of
 * all entries is the one the caller gives. The payload is read once: hashed and compressed on the
 * way into a spool file, because the sums stand before what they are of. */
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
	CompressChoice compression;
	gint64 modified_s;
} ArtifactSpec;

/**
 * artifact_write:
 * @key: (nullable): signs the manifest
 * @out_fd: a regular file open for reading and writing, or anything that can be written to
 * @spool_folder: where, in the second case, the payload waits in a file without a name; and
 * whatever comes from a pipe
 *
 * ROTA_ERROR_INVALID where @spec breaks a rule of the format.
 */
gboolean artifact_write(const ArtifactSpec *spec, const Key *key, int out_fd,
	const char *spool_folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
