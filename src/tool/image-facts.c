/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/image-facts.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tool/source-file.h"

#define FOLDER "/etc/mender/"
#define NAME_FILE FOLDER "artifact_info"
#define CONF_FILE FOLDER "mender.conf"
#define NAME_KEY "artifact_name="

enum { TEXT_SIZE_MAX = 1024 * 1024, TEXT_MODE = 0644 };

gboolean image_facts_are_any(const ImageFacts *facts)
{
	return facts->name || facts->server_url || facts->tenant_token ||
	       facts->server_certificate || facts->verification_key;
}

gboolean image_facts_are_name_only(const ImageFacts *facts)
{
	return facts->name && !facts->server_url && !facts->tenant_token &&
	       !facts->server_certificate && !facts->verification_key;
}

/* --- texts in the image --- */

static gboolean append(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	return buffer_append(user_data, data, size, error);
}

/* A file that is there; @ret_mode is its. */
static char *read_text(Disk *disk, const char *path, guint *ret_mode, GError **error)
{
	g_auto(Buffer) buffer = { 0 };
	ImageStat stat;

	buffer_init(&buffer, path, TEXT_SIZE_MAX);
	if (!disk_stat(disk, path, &stat, error) || !disk_read(disk, path, append, &buffer, error))
		return NULL;
	*ret_mode = stat.mode;
	return g_strndup(buffer.data ? (const char *)buffer.data : "", buffer.size);
}

/* Behind a link, if it is one: configurations are often kept elsewhere. */
static gboolean write_text(
	Disk *disk, const char *path, const char *text, guint mode, GError **error)
{
	autofd int fd = memfd_create("text", MFD_CLOEXEC);
	const ImageNewFile file = { .source_fd = fd, .mode = mode, .follow = TRUE };

	if (fd < 0) {
		rota_set_errno_error(error, errno, "%s", path);
		return FALSE;
	}
	return file_write_all(fd, text, strlen(text), error) &&
	       disk_write(disk, path, &file, error);
}

/* --- artifact_info --- */

/* Lines with other words stay, behind the name. */
static char *name_text(const char *before, const char *name)
{
	GString *text = g_string_new(NAME_KEY);
	g_auto(GStrv) lines = g_strsplit(before, "\n", -1);

	g_string_append(text, name);
	for (char **line = lines; *line; line++)
		if (**line && !g_str_has_prefix(*line, NAME_KEY))
			g_string_append_printf(text, "\n%s", *line);
	return g_string_free(text, FALSE);
}

static gboolean write_name(const ImageFacts *facts, Disk *disk, GError **error)
{
	g_autoptr(GError) reason = NULL;
	guint mode = TEXT_MODE;
	g_autofree char *before = read_text(disk, NAME_FILE, &mode, &reason);

	if (!before && !g_error_matches(reason, ROTA_ERROR, ROTA_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return FALSE;
	}
	g_autofree char *text = name_text(before ? before : "", facts->name);
	return write_text(disk, NAME_FILE, text, mode, error);
}

/* --- mender.conf --- */

static gboolean write_conf(const ImageFacts *facts, Disk *disk, GError **error)
{
	guint mode;
	g_autofree char *before = read_text(disk, CONF_FILE, &mode, error);
	g_autoptr(json_t) conf = before ? json_parse_strict(before, strlen(before), error) : NULL;

	if (!conf) {
		g_prefix_error(error, CONF_FILE ": ");
		return FALSE;
	}
	if (!json_is_object(conf)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, CONF_FILE ": not a JSON object");
		return FALSE;
	}
	if (facts->server_url)
		json_object_set_new(conf, "ServerURL", json_string(facts->server_url));
	if (facts->tenant_token)
		json_object_set_new(conf, "TenantToken", json_string(facts->tenant_token));
	g_autofree char *text = json_to_text(conf);
	return write_text(disk, CONF_FILE, text, mode, error);
}

/* --- files of this machine --- */

static gboolean copy_file_to(Disk *disk, const char *path, const char *source, GError **error)
{
	g_auto(SourceFile) file = { .fd = -1 };

	return source_file_open(&file, source, NULL, error) &&
	       source_file_write(disk, path, &file, error);
}

gboolean image_facts_write(const ImageFacts *facts, Disk *disk, GError **error)
{
	if ((facts->server_url || facts->tenant_token) && !write_conf(facts, disk, error))
		return FALSE;
	if (facts->server_certificate &&
		!copy_file_to(disk, FOLDER "server.crt", facts->server_certificate, error))
		return FALSE;
	if (facts->verification_key && !copy_file_to(disk, FOLDER "artifact-verify-key.pem",
					       facts->verification_key, error))
		return FALSE;
	return !facts->name || write_name(facts, disk, error);
}
