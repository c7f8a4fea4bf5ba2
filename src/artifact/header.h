/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* What an artifact says of itself: the facts of its header (docs/formats/artifact.md). */

enum {
	ARTIFACT_PAYLOADS_MAX = 16,
	ARTIFACT_FILES_MAX = 4096,
	ARTIFACT_VERSION_SIZE_MAX = 4096,
	ARTIFACT_MANIFEST_SIZE_MAX = 4 * 1024 * 1024,
	ARTIFACT_SIGNATURE_SIZE_MAX = 16 * 1024,
	ARTIFACT_JSON_SIZE_MAX = 1024 * 1024, /* header-info, type-info, meta-data: each */
	ARTIFACT_SCRIPT_SIZE_MAX = 16 * 1024 * 1024,
	ARTIFACT_HEADER_SIZE_MAX = 64 * 1024 * 1024, /* all of the header, unpacked */
	ARTIFACT_NAME_SIZE_MAX = 256,
};

typedef enum {
	ARTIFACT_COMPRESSION_NONE,
	ARTIFACT_COMPRESSION_GZIP,
	ARTIFACT_COMPRESSION_XZ,
	ARTIFACT_COMPRESSION_ZSTD,
} ArtifactCompression;

typedef enum {
	ARTIFACT_UNSIGNED,
	ARTIFACT_SIGNED_UNCHECKED, /* a signature is there; no key was given */
	ARTIFACT_SIGNED_GOOD,
	ARTIFACT_SIGNED_BAD, /* only where the policy lets a wrong signature through, to show the
				rest */
} ArtifactSignature;

/* One state script. */
typedef struct {
	char *name; /* ArtifactInstall_Enter_00_check */
	GBytes *bytes;
} ArtifactScript;

/* One payload: type-info and meta-data of headers/NNNN, augmented values already laid over. */
typedef struct {
	char *type;              /* NULL: an empty payload */
	GHashTable *provides;    /* char * to char * */
	GHashTable *depends;     /* char * to char ** (a single string is a list of one) */
	char **clears_provides;  /* NULL: the artifact names none */
	json_t *meta_data;       /* object, or NULL */
	json_t *type_info;       /* verbatim values */
	GBytes *type_info_bytes; /* verbatim bytes, for modules */
	GBytes *meta_data_bytes; /* verbatim bytes, empty when absent */
	char *augmented_type;    /* type in header-augment, or NULL */
	json_t *augmented_meta_data;
	GHashTable *augmented_provides;
	GHashTable *augmented_depends;
} ArtifactPayload;

typedef struct {
	int version; /* 3 or 2 */
	ArtifactCompression compression;
	char *name;
	char *group; /* NULL: none */
	char **device_types;
	char **depends_names; /* never NULL, may be empty */
	char **depends_groups;
	GPtrArray *scripts;        /* of ArtifactScript *, in the order of the archive */
	GPtrArray *payloads;       /* of ArtifactPayload * */
	GBytes *header_info_bytes; /* verbatim, for modules */
	ArtifactSignature signature;
	char *signer_key_id; /* key_id() of the key that verified, or NULL */
	gboolean augmented;
	GBytes *manifest_bytes; /* verbatim: what a signature is made over */
	char *manifest_digest;  /* SHA-256 of the manifest, hex: what a signature speaks of */
	GPtrArray *warnings;    /* of char *: lenient places that were used */
} ArtifactHeader;

void artifact_header_free(ArtifactHeader *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArtifactHeader, artifact_header_free)

/* One payload file, as its tar entry and the manifest name it. */
typedef struct {
	guint payload; /* index into payloads */
	char *name;
	guint64 size;
	char *sha256;      /* hex, from the manifest */
	gint64 modified_s; /* of the tar entry: for show only, never to be trusted */
	gboolean augmented;
} ArtifactFile;

/* Do patterns (with * for any run, anchored at both ends) match? artifact-format.md section 8. */
gboolean artifact_pattern_matches(const char *pattern, const char *key);
