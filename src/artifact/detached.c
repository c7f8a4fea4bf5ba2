/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/detached.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/place.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"

#define SUFFIX ".sig"
#define FORMAT "rota-signature"
enum { VERSION = 1, FOLDER_MODE = 0755, FILE_MODE = 0644 };

/* The file, field by field. */
typedef struct {
	char *format;
	gint64 version;
	char *key_id;
	char *manifest_sha256;
	char *signature; /* base64, as in manifest.sig */
} Document;

static const JsonField document_fields[] = {
	JSON_FIELD(Document, format, JSON_TEXT, REQUIRED),
	JSON_FIELD(Document, version, JSON_NUMBER, REQUIRED),
	JSON_FIELD(Document, key_id, JSON_TEXT, REQUIRED, SHA256_HEX_SIZE),
	JSON_FIELD(Document, manifest_sha256, JSON_TEXT, REQUIRED, SHA256_HEX_SIZE),
	JSON_FIELD(Document, signature, JSON_TEXT, REQUIRED, DETACHED_FILE_SIZE_MAX),
	{ 0 },
};

static const JsonRecord document_record = { sizeof(Document), document_fields };

static void document_free(Document *document)
{
	json_record_free(&document_record, document);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Document, document_free)

const char *detached_verdict_word(DetachedVerdict verdict)
{
	static const char *const words[] = {
		[DETACHED_UNCHECKED] = "unchecked",
		[DETACHED_GOOD] = "good",
		[DETACHED_BAD] = "bad",
		[DETACHED_STALE] = "stale",
		[DETACHED_MALFORMED] = "malformed",
	};

	return words[verdict];
}

static void signature_free(gpointer data)
{
	DetachedSignature *signature = data;

	g_free(signature->file);
	g_free(signature->key_id);
	g_free(signature->reason);
	g_free(signature);
}

char *detached_folder_of(const char *artifact_path)
{
	return g_strconcat(artifact_path, ".sig.d", NULL);
}

static char *digest_of(GBytes *manifest)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(manifest, &size);

	return sha256_hex_of(data, size);
}

/* --- reading --- */

static gboolean is_key_id(const char *text, gsize length)
{
	guint8 ignored[SHA256_SIZE];

	return hex_decode(text, length, ignored, sizeof ignored);
}

static gboolean read_bytes(int fd, char *buffer, gsize *ret_size, GError **error)
{
	gsize size = 0;

	while (size <= DETACHED_FILE_SIZE_MAX) {
		ssize_t got = TEMP_FAILURE_RETRY(
			read(fd, buffer + size, DETACHED_FILE_SIZE_MAX + 1 - size));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read");
			return FALSE;
		}
		if (got == 0) {
			*ret_size = size;
			return TRUE;
		}
		size += (gsize)got;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "larger than %d bytes",
		DETACHED_FILE_SIZE_MAX);
	return FALSE;
}

/* Neither a link nor a pipe is opened: whoever may write to the folder must not make us read what
 * only we may, or wait. */
static Document *read_document(int folder_fd, const char *name, GError **error)
{
	g_autofree char *buffer = g_malloc(DETACHED_FILE_SIZE_MAX + 1);
	autofd int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	gsize size;

	if (fd < 0 || fstat(fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open");
		return NULL;
	}
	if (!S_ISREG(status.st_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "not a regular file");
		return NULL;
	}
	if (!read_bytes(fd, buffer, &size, error))
		return NULL;
	return json_record_parse(&document_record, buffer, size, error);
}

static gboolean check_document(const Document *document, const char *name, GError **error)
{
	const char *fault = NULL;

	if (!g_str_equal(document->format, FORMAT) || document->version != VERSION)
		fault = "not of format " FORMAT ", version 1";
	else if (!is_key_id(document->key_id, strlen(document->key_id)) ||
		 !g_str_has_prefix(name, document->key_id) ||
		 !g_str_equal(name + SHA256_HEX_SIZE, SUFFIX))
		fault = "not named by the id of its key";
	else if (!is_key_id(document->manifest_sha256, strlen(document->manifest_sha256)))
		fault = "manifest_sha256 is no SHA-256";
	if (fault)
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, fault);
	return !fault;
}

static const Key *find_key(const GPtrArray *keys, const char *id)
{
	for (guint i = 0; keys && i < keys->len; i++) {
		g_autofree char *other = key_id(keys->pdata[i]);

		if (g_str_equal(id, other))
			return keys->pdata[i];
	}
	return NULL;
}

static gboolean verify(const Document *document, const Key *key, GBytes *manifest, GError **error)
{
	g_autoptr(GBytes) signature =
		base64_decode_strict(document->signature, strlen(document->signature), error);
	gsize size;
	gconstpointer data = g_bytes_get_data(manifest, &size);

	return signature && key_verify_manifest(key, data, size, signature, error);
}

static DetachedVerdict judge(
	const Document *document, GBytes *manifest, const GPtrArray *keys, GError **error)
{
	g_autofree char *digest = digest_of(manifest);
	const Key *key = find_key(keys, document->key_id);

	if (!g_str_equal(digest, document->manifest_sha256)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"made for another manifest: the artifact was changed after it was signed");
		return DETACHED_STALE;
	}
	if (!key)
		return DETACHED_UNCHECKED;
	return verify(document, key, manifest, error) ? DETACHED_GOOD : DETACHED_BAD;
}

static DetachedSignature *read_one(
	int folder_fd, const char *name, GBytes *manifest, const GPtrArray *keys)
{
	DetachedSignature *signature = g_new0(DetachedSignature, 1);
	g_autoptr(GError) error = NULL;
	g_autoptr(Document) document = read_document(folder_fd, name, &error);

	signature->file = place_printable(name);
	signature->verdict = DETACHED_MALFORMED;
	if (document && check_document(document, name, &error)) {
		signature->key_id = g_strdup(document->key_id);
		signature->verdict = judge(document, manifest, keys, &error);
	}
	if (error)
		signature->reason = g_strdup(error->message);
	return signature;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What does not end in .sig is none of ours: a half-written file of a machine that lost its power
 * among them. */
static GPtrArray *list_names(DIR *folder, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] == '.' || !g_str_has_suffix(entry->d_name, SUFFIX))
			continue;
		if (names->len == DETACHED_FILES_MAX) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
				"more than %d signatures", DETACHED_FILES_MAX);
			return NULL;
		}
		g_ptr_array_add(names, g_strdup(entry->d_name));
	}
	g_ptr_array_sort(names, compare_names);
	return g_steal_pointer(&names);
}

static void close_folder(DIR *folder)
{
	closedir(folder);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, close_folder)

GPtrArray *detached_read(const char *path, GBytes *manifest, const GPtrArray *keys, GError **error)
{
	g_autoptr(GPtrArray) signatures = g_ptr_array_new_with_free_func(signature_free);
	g_autoptr(DIR) folder = opendir(path);

	if (!folder && errno == ENOENT)
		return g_steal_pointer(&signatures);
	if (!folder) {
		rota_set_errno_error(error, errno, "open folder %s", path);
		return NULL;
	}
	g_autoptr(GPtrArray) names = list_names(folder, error);
	if (!names) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	for (guint i = 0; i < names->len; i++)
		g_ptr_array_add(
			signatures, read_one(dirfd(folder), names->pdata[i], manifest, keys));
	return g_steal_pointer(&signatures);
}

/* --- writing --- */

static gboolean make_folder(const char *path, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);

	if (mkdir(path, FOLDER_MODE) == 0)
		return file_sync_folder(parent, error);
	if (errno == EEXIST)
		return TRUE;
	rota_set_errno_error(error, errno, "make folder %s", path);
	return FALSE;
}

static char *make_text(const Key *signer, GBytes *manifest, GBytes *signature)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(signature, &size);
	g_autofree char *id = key_id(signer);
	g_autofree char *digest = digest_of(manifest);
	g_autofree char *encoded = g_base64_encode(data, size);
	Document document = { g_strdup(FORMAT), VERSION, id, digest, encoded };
	g_autoptr(json_t) object = json_record_write(&document_record, &document);
	g_autofree char *text = json_to_text(object);

	g_free(document.format);
	return g_strconcat(text, "\n", NULL);
}

/* Is there one of this key over this manifest? */
static gboolean is_there(const char *folder, const Key *signer, GBytes *manifest)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	g_autofree char *id = key_id(signer);

	g_ptr_array_add(keys, (gpointer)(guintptr)signer);
	g_autoptr(GPtrArray) signatures = detached_read(folder, manifest, keys, NULL);
	for (guint i = 0; signatures && i < signatures->len; i++) {
		const DetachedSignature *signature = signatures->pdata[i];

		if (g_strcmp0(signature->key_id, id) == 0)
			return signature->verdict == DETACHED_GOOD;
	}
	return FALSE;
}

char *detached_write(const char *folder, const Key *signer, GBytes *manifest, GBytes *signature,
	gboolean replace, GError **error)
{
	g_autofree char *id = key_id(signer);
	g_autofree char *name = g_strconcat(id, SUFFIX, NULL);
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autofree char *text = make_text(signer, manifest, signature);

	if (!replace && is_there(folder, signer, manifest)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"this key has signed the artifact already; --force replaces the signature");
		return NULL;
	}
	if (!make_folder(folder, error) ||
		!file_write_atomic(path, text, strlen(text), FILE_MODE, error))
		return NULL;
	return g_steal_pointer(&path);
}
