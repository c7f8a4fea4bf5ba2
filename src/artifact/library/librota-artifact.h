/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBROTA_ARTIFACT_H
#define LIBROTA_ARTIFACT_H

/* librota-artifact: reads, checks, writes and signs artifacts: single files with the suffix .mender
 * that carry a software update, with sums over all of it and a signature over the sums. Format
 * version 3 is read and written, version 2 as well.
 *
 *     cc program.c $(pkg-config --cflags --libs rota-artifact)
 *
 * Reading is one pass from front to back, never seeking, in bounded memory (some 20 MiB, and what
 * the artifact's own compression asks for, at most 128 MiB), whatever the bytes are. Nothing is
 * handed out that was not verified, with the one exception named at rota_artifact_reader_read().
 * Every refusal names the rule of the format (1 to 19), the member and an offset in it.
 *
 * ERRORS. What can fail returns false, NULL or -1 and, where @error is not NULL, puts a new error
 * there, which the caller frees; *@error must be NULL before. On success *@error is untouched.
 * Running out of memory ends the process: inputs cannot bring that about, since all that is kept
 * of them is bounded.
 *
 * OWNERSHIP. What a ..._new or ..._open function returns is the caller's and is freed by the
 * function named ..._free, which takes NULL as well. All other pointers that are returned are
 * borrowed: they live as long as the object they were asked of, or as said there. What is passed in
 * is copied, or used during the call only, unless said otherwise. File descriptors are never
 * closed.
 *
 * UNITS AND TEXTS. Sizes and offsets are bytes, times are seconds since 1970 in UTC. Texts are
 * UTF-8 and end with a NUL. Lists of texts end with a NULL.
 *
 * THREADS. The library has no state of its own but constants made at their first use: it sets no
 * locale, handler or environment, prints nothing, and opens only the files it is told to. Different
 * objects may be used by different threads at once; one object by one thread at a time. A policy, a
 * signer and a spec may be used by several threads at once while none of them changes it. Threads
 * are started inside for compression and sums; they end with the call or the object that started
 * them.
 *
 * VERSIONS. All names begin with rota_artifact_, Rota or ROTA_. Functions are only ever added
 * under one soname; a symbol carries the version it came with (ROTA_ARTIFACT_1). New values may be
 * added to enumerations: take one you do not know as a fault of its kind. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define ROTA_ARTIFACT_API __attribute__((visibility("default")))
#define ROTA_ARTIFACT_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ROTA_ARTIFACT_API
#define ROTA_ARTIFACT_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library at run time: "0.1.0". */
ROTA_ARTIFACT_API const char *rota_artifact_version(void);

/* ---------- errors ---------- */

typedef struct RotaArtifactError RotaArtifactError;

typedef enum {
	ROTA_ARTIFACT_ERROR_REFUSED = 1, /* the artifact breaks a rule: do not use it */
	ROTA_ARTIFACT_ERROR_INVALID,     /* what the caller asks for breaks one, or is no key */
	ROTA_ARTIFACT_ERROR_IO,          /* the system refused to read or to write */
	ROTA_ARTIFACT_ERROR_KEY,         /* a wrong passphrase, or a signer that refused */
	ROTA_ARTIFACT_ERROR_CONFLICT,    /* the artifact is signed already */
	ROTA_ARTIFACT_ERROR_TOO_LARGE,   /* past a maximum the caller or the format sets */
	ROTA_ARTIFACT_ERROR_UNSUPPORTED, /* a key of a kind that signs no artifacts */
	ROTA_ARTIFACT_ERROR_INTERNAL     /* a fault of the library */
} RotaArtifactStatus;

ROTA_ARTIFACT_API RotaArtifactStatus rota_artifact_error_status(const RotaArtifactError *error);
/* One line in English, without a full stop, fit to be shown: nothing in it is raw bytes of the
 * artifact. "R9 checksum: data/0000.tar.gz/app.bin: offset 4096: the sum is ..." */
ROTA_ARTIFACT_API const char *rota_artifact_error_message(const RotaArtifactError *error);
/* Of a refusal: the rule, 1 to 19 (docs/formats/artifact.md lists them); otherwise 0. */
ROTA_ARTIFACT_API int rota_artifact_error_rule(const RotaArtifactError *error);
/* Of a refusal: container, truncated, structure, version, manifest, checksum, signature, path,
 * json, schema, limit or compression; otherwise "". */
ROTA_ARTIFACT_API const char *rota_artifact_error_class(const RotaArtifactError *error);
/* Of a refusal: the member it is about, "header.tar.gz/header-info", and an offset in it, counted
 * in the file; otherwise "" and 0. */
ROTA_ARTIFACT_API const char *rota_artifact_error_member(const RotaArtifactError *error);
ROTA_ARTIFACT_API uint64_t rota_artifact_error_offset(const RotaArtifactError *error);
ROTA_ARTIFACT_API void rota_artifact_error_free(RotaArtifactError *error);

/* ---------- what is accepted ---------- */

/* Which keys must have signed, and what else is taken. A NULL policy, like a new one, has no keys:
 * sums are checked, signatures are not. */
typedef struct RotaArtifactPolicy RotaArtifactPolicy;

ROTA_ARTIFACT_API RotaArtifactPolicy *rota_artifact_policy_new(void);
ROTA_ARTIFACT_API void rota_artifact_policy_free(RotaArtifactPolicy *policy);

/**
 * rota_artifact_policy_add_key_file, rota_artifact_policy_add_key_pem:
 * @path, @pem: a public key, RSA from 2048 bits on or EC P-256, in PEM ("PUBLIC KEY")
 *
 * From the first key on an artifact must be signed; of several keys any one must have done it.
 */
ROTA_ARTIFACT_API bool rota_artifact_policy_add_key_file(RotaArtifactPolicy *policy,
	const char *path, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;
ROTA_ARTIFACT_API bool rota_artifact_policy_add_key_pem(RotaArtifactPolicy *policy, const char *pem,
	size_t size, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* An augmented part lies outside the signature: anyone may have added it. An installer should
 * refuse it; by default it is taken, and rota_artifact_header_is_augmented() says so. */
ROTA_ARTIFACT_API void rota_artifact_policy_refuse_augmented(
	RotaArtifactPolicy *policy, bool refuse);

/* For programs that show what an artifact says of itself, never for installers: a missing or wrong
 * signature is told by rota_artifact_header_signature() instead of refused. */
ROTA_ARTIFACT_API void rota_artifact_policy_show_bad_signature(
	RotaArtifactPolicy *policy, bool show);

/* ---------- what an artifact says ---------- */

typedef enum {
	ROTA_ARTIFACT_COMPRESSION_NONE,
	ROTA_ARTIFACT_COMPRESSION_GZIP,
	ROTA_ARTIFACT_COMPRESSION_XZ,
	ROTA_ARTIFACT_COMPRESSION_ZSTD
} RotaArtifactCompression;

typedef enum {
	ROTA_ARTIFACT_UNSIGNED,
	ROTA_ARTIFACT_SIGNED_UNCHECKED, /* there is a signature; the policy has no keys */
	ROTA_ARTIFACT_SIGNED_GOOD,
	ROTA_ARTIFACT_SIGNED_BAD /* only where the policy shows bad signatures */
} RotaArtifactSignature;

typedef struct {
	const char *key, *value;
} RotaArtifactProvides;

typedef struct {
	const char *key;
	const char *const *values; /* any one of them will do */
} RotaArtifactDepends;

/* The header, borrowed from its reader. Of an augmented artifact all values are those that hold:
 * the augmented ones laid over the signed ones. */
typedef struct RotaArtifactHeader RotaArtifactHeader;
typedef struct RotaArtifactPayload RotaArtifactPayload;

ROTA_ARTIFACT_API int rota_artifact_header_format_version(const RotaArtifactHeader *header);
ROTA_ARTIFACT_API RotaArtifactCompression rota_artifact_header_compression(
	const RotaArtifactHeader *header);
ROTA_ARTIFACT_API const char *rota_artifact_header_name(const RotaArtifactHeader *header);
/* NULL: none. */
ROTA_ARTIFACT_API const char *rota_artifact_header_group(const RotaArtifactHeader *header);
/* Which devices it is for, by equality; which artifacts and groups it may follow, any if empty. */
ROTA_ARTIFACT_API const char *const *rota_artifact_header_device_types(
	const RotaArtifactHeader *header);
ROTA_ARTIFACT_API const char *const *rota_artifact_header_depends_names(
	const RotaArtifactHeader *header);
ROTA_ARTIFACT_API const char *const *rota_artifact_header_depends_groups(
	const RotaArtifactHeader *header);
ROTA_ARTIFACT_API RotaArtifactSignature rota_artifact_header_signature(
	const RotaArtifactHeader *header);
/* SHA-256 of the public key (SubjectPublicKeyInfo in DER) that verified, in hex; NULL: none did. */
ROTA_ARTIFACT_API const char *rota_artifact_header_signer_key_id(const RotaArtifactHeader *header);
/* SHA-256 of the manifest in hex: it stands for the whole artifact, as a signature does, but for an
 * augmented part. */
ROTA_ARTIFACT_API const char *rota_artifact_header_manifest_sha256(
	const RotaArtifactHeader *header);
/* The manifest itself: what signatures are made over, those kept elsewhere as well. */
ROTA_ARTIFACT_API const void *rota_artifact_header_manifest(
	const RotaArtifactHeader *header, size_t *ret_size);
ROTA_ARTIFACT_API bool rota_artifact_header_is_augmented(const RotaArtifactHeader *header);

/* State scripts, in the order of the archive. @index: less than the count. The content is not text
 * and may hold NULs. */
ROTA_ARTIFACT_API size_t rota_artifact_header_script_count(const RotaArtifactHeader *header);
ROTA_ARTIFACT_API const char *rota_artifact_header_script_name(
	const RotaArtifactHeader *header, size_t index);
ROTA_ARTIFACT_API const void *rota_artifact_header_script_content(
	const RotaArtifactHeader *header, size_t index, size_t *ret_size);

/* What was taken although it is not as it should be, in words. */
ROTA_ARTIFACT_API size_t rota_artifact_header_warning_count(const RotaArtifactHeader *header);
ROTA_ARTIFACT_API const char *rota_artifact_header_warning(
	const RotaArtifactHeader *header, size_t index);

/* 1 to 16 payloads; today's tools write one. */
ROTA_ARTIFACT_API size_t rota_artifact_header_payload_count(const RotaArtifactHeader *header);
ROTA_ARTIFACT_API const RotaArtifactPayload *rota_artifact_header_payload(
	const RotaArtifactHeader *header, size_t index);

/* The update module it is for; NULL: an empty payload, without files. */
ROTA_ARTIFACT_API const char *rota_artifact_payload_type(const RotaArtifactPayload *payload);
/* What an augmented part says its type is; NULL: there is none. */
ROTA_ARTIFACT_API const char *rota_artifact_payload_augmented_type(
	const RotaArtifactPayload *payload);
/* Arrays of *@ret_count, sorted by key. */
ROTA_ARTIFACT_API const RotaArtifactProvides *rota_artifact_payload_provides(
	const RotaArtifactPayload *payload, size_t *ret_count);
ROTA_ARTIFACT_API const RotaArtifactDepends *rota_artifact_payload_depends(
	const RotaArtifactPayload *payload, size_t *ret_count);
/* Patterns of provides to forget, * being any run of characters. NULL: the artifact names none,
 * which devices take for ["*"]; that is not an empty list. */
ROTA_ARTIFACT_API const char *const *rota_artifact_payload_clears_provides(
	const RotaArtifactPayload *payload);
/* The type-info document to the byte; and the meta-data as one line of JSON with sorted keys, NULL
 * where there is none. */
ROTA_ARTIFACT_API const void *rota_artifact_payload_type_info(
	const RotaArtifactPayload *payload, size_t *ret_size);
ROTA_ARTIFACT_API const char *rota_artifact_payload_meta_data(const RotaArtifactPayload *payload);

/* A payload file. Its mode and owner are not told: nothing in an artifact vouches for them. */
typedef struct RotaArtifactFile RotaArtifactFile;

/* Letters, digits and _ - . , only, and never "." or "..". */
ROTA_ARTIFACT_API const char *rota_artifact_file_name(const RotaArtifactFile *file);
ROTA_ARTIFACT_API uint64_t rota_artifact_file_size(const RotaArtifactFile *file);
/* In hex, as the manifest has it. */
ROTA_ARTIFACT_API const char *rota_artifact_file_sha256(const RotaArtifactFile *file);
/* Index into the payloads. */
ROTA_ARTIFACT_API size_t rota_artifact_file_payload(const RotaArtifactFile *file);
/* For show only: nothing vouches for it. */
ROTA_ARTIFACT_API int64_t rota_artifact_file_modified_s(const RotaArtifactFile *file);
ROTA_ARTIFACT_API bool rota_artifact_file_is_augmented(const RotaArtifactFile *file);

/* ---------- reading ---------- */

typedef struct RotaArtifactReader RotaArtifactReader;

/* Puts up to @size bytes into @buffer. Returns their number, 0 at the end, -1 with errno set. */
typedef ssize_t (*RotaArtifactRead)(void *buffer, size_t size, void *user_data);

/**
 * rota_artifact_reader_open_fd, rota_artifact_reader_open:
 * @fd: a file, pipe or socket that stands at the artifact's first byte; must stay open as long as
 * the reader lives
 * @read: the same as a function, called in the thread that reads; @user_data is passed to it
 * @policy: (may be NULL): copied
 *
 * Reads and verifies all up to the payloads: sums, signature, header. Blocks as @fd does.
 * Returns: a reader, or NULL with ROTA_ARTIFACT_ERROR_REFUSED or _IO.
 */
ROTA_ARTIFACT_API RotaArtifactReader *rota_artifact_reader_open_fd(int fd,
	const RotaArtifactPolicy *policy, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;
ROTA_ARTIFACT_API RotaArtifactReader *rota_artifact_reader_open(RotaArtifactRead read,
	void *user_data, const RotaArtifactPolicy *policy,
	RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* Lives as long as the reader. */
ROTA_ARTIFACT_API const RotaArtifactHeader *rota_artifact_reader_header(
	const RotaArtifactReader *reader);

/**
 * rota_artifact_reader_next_file:
 * @ret_file: the next payload file, or NULL after the last; lives until the next call of this
 * function or the end of the reader
 *
 * What was not read of the file before is read and verified first. After a refusal every further
 * call repeats it.
 */
ROTA_ARTIFACT_API bool rota_artifact_reader_next_file(RotaArtifactReader *reader,
	const RotaArtifactFile **ret_file, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/**
 * rota_artifact_reader_read:
 * @size: more than 0
 *
 * Bytes of the file at hand. They come before its sum can be known: whoever takes them must be able
 * to undo what was done with them until this returned 0 for the end of the file, which it does only
 * when the sum was right.
 * Returns: their number, 0 at the end, -1 with @error.
 */
ROTA_ARTIFACT_API ssize_t rota_artifact_reader_read(RotaArtifactReader *reader, void *buffer,
	size_t size, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* Reads and verifies what is left. Only after it returned true is the artifact good as a whole. */
ROTA_ARTIFACT_API bool rota_artifact_reader_finish(
	RotaArtifactReader *reader, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* Bytes of the artifact taken in so far, for a progress bar. */
ROTA_ARTIFACT_API uint64_t rota_artifact_reader_offset(const RotaArtifactReader *reader);

ROTA_ARTIFACT_API void rota_artifact_reader_free(RotaArtifactReader *reader);

/* All of the above in one call. A signed artifact is refused (rule 10) where @policy has no keys: a
 * signature that nobody looks at gives a false peace of mind. */
ROTA_ARTIFACT_API bool rota_artifact_validate_fd(int fd, const RotaArtifactPolicy *policy,
	RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* ---------- signing ---------- */

/* A private key, or somebody who has one. */
typedef struct RotaArtifactSigner RotaArtifactSigner;

/**
 * rota_artifact_signer_new_key_file:
 * @path: a private key in PEM, RSA from 2048 bits on or EC P-256: PKCS#8, PKCS#1 or SEC1
 * @passphrase: (may be NULL): of an encrypted one; nobody is ever asked
 */
ROTA_ARTIFACT_API RotaArtifactSigner *rota_artifact_signer_new_key_file(const char *path,
	const char *passphrase, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/**
 * RotaArtifactSign:
 * @digest: SHA-256 of @manifest: what most signers want
 * @manifest: what is signed, for those that hash for themselves or show it to people
 * @signature: takes up to *@size bytes: RSA: RSASSA-PKCS1-v1_5 over SHA-256; P-256: ECDSA over
 * SHA-256, as r and s side by side, 32 bytes each, big-endian, or as DER
 * @size: the room there is, then the bytes put there
 *
 * Returns: false where no signature is given. Called once for each artifact, in the thread that
 * writes or signs it; it may take its time.
 */
typedef bool (*RotaArtifactSign)(const uint8_t digest[32], const void *manifest,
	size_t manifest_size, uint8_t *signature, size_t *size, void *user_data);

/**
 * rota_artifact_signer_new_callback:
 * @public_pem: the public half of the key: what @sign gives is verified with it before it is
 * written anywhere
 * @user_data: must live as long as the signer
 */
ROTA_ARTIFACT_API RotaArtifactSigner *rota_artifact_signer_new_callback(const char *public_pem,
	size_t public_pem_size, RotaArtifactSign sign, void *user_data,
	RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

ROTA_ARTIFACT_API void rota_artifact_signer_free(RotaArtifactSigner *signer);

/**
 * rota_artifact_sign:
 * @in_fd: a regular file with an artifact; read twice from its start
 * @replace: an artifact that is signed already gets the new signature instead of
 * ROTA_ARTIFACT_ERROR_CONFLICT
 * @out_fd: another file or pipe, written from front to back
 *
 * Copies the artifact with a signature in it; every other entry stays as it is, to the byte. All of
 * it is verified first: what is broken is not signed. After a failure what was written to @out_fd
 * is to be thrown away.
 */
ROTA_ARTIFACT_API bool rota_artifact_sign(int in_fd, const RotaArtifactSigner *signer, bool replace,
	int out_fd, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* ---------- writing ---------- */

/* What is to be written: one payload. The same spec gives the same bytes: no clock, owner, folder
 * or host leaves a trace. Setters copy; what they set is judged by rota_artifact_write(). Nothing
 * is added by itself, as the tools do it (software versions, clears, checksums). */
typedef struct RotaArtifactSpec RotaArtifactSpec;

ROTA_ARTIFACT_API RotaArtifactSpec *rota_artifact_spec_new(const char *artifact_name);
ROTA_ARTIFACT_API void rota_artifact_spec_free(RotaArtifactSpec *spec);

/* At least one device type is needed. */
ROTA_ARTIFACT_API void rota_artifact_spec_add_device_type(
	RotaArtifactSpec *spec, const char *device_type);
ROTA_ARTIFACT_API void rota_artifact_spec_set_group(RotaArtifactSpec *spec, const char *group);
ROTA_ARTIFACT_API void rota_artifact_spec_add_depends_name(
	RotaArtifactSpec *spec, const char *artifact_name);
ROTA_ARTIFACT_API void rota_artifact_spec_add_depends_group(
	RotaArtifactSpec *spec, const char *group);

/* Without a type the payload is empty: no files, no meta-data, no scripts. */
ROTA_ARTIFACT_API void rota_artifact_spec_set_payload_type(
	RotaArtifactSpec *spec, const char *type);
/* A file of the payload, by its base name in the artifact; opened when the artifact is written. */
ROTA_ARTIFACT_API void rota_artifact_spec_add_file(RotaArtifactSpec *spec, const char *path);
/* A state script, ArtifactInstall_Enter_00 and so on. */
ROTA_ARTIFACT_API void rota_artifact_spec_add_script(RotaArtifactSpec *spec, const char *path);
/* The second value of a key replaces the first for provides, and is an alternative for depends. */
ROTA_ARTIFACT_API void rota_artifact_spec_add_provides(
	RotaArtifactSpec *spec, const char *key, const char *value);
ROTA_ARTIFACT_API void rota_artifact_spec_add_depends(
	RotaArtifactSpec *spec, const char *key, const char *value);
ROTA_ARTIFACT_API void rota_artifact_spec_add_clears_provides(
	RotaArtifactSpec *spec, const char *pattern);
/* @key is provided with the SHA-256 of the first file: "rootfs-image.checksum". */
ROTA_ARTIFACT_API void rota_artifact_spec_add_checksum_provides(
	RotaArtifactSpec *spec, const char *key);
/* @json: one object. False with ROTA_ARTIFACT_ERROR_INVALID where it is none. */
ROTA_ARTIFACT_API bool rota_artifact_spec_set_meta_data(RotaArtifactSpec *spec, const char *json,
	size_t size, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* An augmented part, outside the signature: from the first of these calls on there is one. */
ROTA_ARTIFACT_API void rota_artifact_spec_set_augment_type(
	RotaArtifactSpec *spec, const char *type);
ROTA_ARTIFACT_API void rota_artifact_spec_add_augment_file(
	RotaArtifactSpec *spec, const char *path);
ROTA_ARTIFACT_API void rota_artifact_spec_add_augment_provides(
	RotaArtifactSpec *spec, const char *key, const char *value);
ROTA_ARTIFACT_API void rota_artifact_spec_add_augment_depends(
	RotaArtifactSpec *spec, const char *key, const char *value);
ROTA_ARTIFACT_API bool rota_artifact_spec_set_augment_meta_data(RotaArtifactSpec *spec,
	const char *json, size_t size, RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

/* gzip unless said otherwise. @level: of the compressor, 0 for its default. */
ROTA_ARTIFACT_API void rota_artifact_spec_set_compression(
	RotaArtifactSpec *spec, RotaArtifactCompression compression, int level);
/* The time of all entries; 1970 unless said otherwise. */
ROTA_ARTIFACT_API void rota_artifact_spec_set_modified_s(
	RotaArtifactSpec *spec, int64_t modified_s);
/* Of the whole artifact; 0, the default: no maximum. */
ROTA_ARTIFACT_API void rota_artifact_spec_set_size_max(RotaArtifactSpec *spec, uint64_t size_max);

/**
 * rota_artifact_write:
 * @signer: (may be NULL): signs the manifest
 * @out_fd: a regular file open for reading and writing, where no spool is needed, or anything that
 * can be written to
 * @spool_folder: (may be NULL: "/tmp"): where, in the second case, the payload waits in a file
 * without a name
 * @ret_size: (may be NULL): of the artifact
 *
 * Payload files are read once, compressed by several threads. After a failure what was written to
 * @out_fd is to be thrown away.
 */
ROTA_ARTIFACT_API bool rota_artifact_write(const RotaArtifactSpec *spec,
	const RotaArtifactSigner *signer, int out_fd, const char *spool_folder, uint64_t *ret_size,
	RotaArtifactError **error) ROTA_ARTIFACT_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
