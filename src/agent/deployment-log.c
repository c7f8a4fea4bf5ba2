/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deployment-log.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_PREFIX "deployments."
#define LOG_SUFFIX ".log"

struct DeploymentLog {
	int fd;
	gint64 size;
};

/* deployments.NNNN.ID.log; 0000 is the newest. */
static char *log_name(guint number, const char *id)
{
	return g_strdup_printf(LOG_PREFIX "%04u.%s" LOG_SUFFIX, number, id);
}

/* @ret_id: (transfer full) */
static gboolean parse_name(const char *name, guint *ret_number, char **ret_id)
{
	gsize length = strlen(name);
	const char *number = name + strlen(LOG_PREFIX);

	if (length <= strlen(LOG_PREFIX "0000." LOG_SUFFIX) ||
		!g_str_has_prefix(name, LOG_PREFIX) || !g_str_has_suffix(name, LOG_SUFFIX) ||
		strspn(number, "0123456789") != 4 || number[4] != '.')
		return FALSE;
	*ret_number = (guint)strtoul(number, NULL, 10);
	*ret_id = g_strndup(number + 5, length - strlen(LOG_PREFIX "0000." LOG_SUFFIX));
	return TRUE;
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* (transfer full): names of logs, newest first. */
static GPtrArray *list_logs(const char *folder)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
	const char *name = NULL;

	while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
		g_autofree char *id = NULL;
		guint number = 0;

		if (parse_name(name, &number, &id))
			g_ptr_array_add(list, g_strdup(name));
	}
	g_ptr_array_sort(list, compare_texts);
	return list;
}

static gboolean is_short_of_space(const char *folder)
{
	struct statvfs status;

	return statvfs(folder, &status) == 0 &&
	       (guint64)status.f_bavail * status.f_frsize < DEPLOYMENT_LOG_FREE_MIN;
}

static void drop_log(const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	(void)unlink(path);
}

/* Makes room for one more: the oldest go, the others get the next number, from the oldest on. */
static void renumber(const char *folder)
{
	g_autoptr(GPtrArray) list = list_logs(folder);

	while (list->len > 0 && (list->len >= DEPLOYMENT_LOGS_MAX || is_short_of_space(folder))) {
		drop_log(folder, list->pdata[list->len - 1]);
		g_ptr_array_remove_index(list, list->len - 1);
	}
	for (guint i = list->len; i > 0; i--) {
		g_autofree char *id = NULL;
		g_autofree char *name = NULL;
		g_autofree char *from = g_build_filename(folder, list->pdata[i - 1], NULL);
		g_autofree char *to = NULL;
		guint number = 0;

		if (!parse_name(list->pdata[i - 1], &number, &id))
			continue;
		name = log_name(i, id);
		to = g_build_filename(folder, name, NULL);
		(void)rename(from, to);
	}
}

/* (transfer full): the log of this deployment, whatever its number; NULL = none. */
static char *find_log(const char *folder, const char *wanted)
{
	g_autoptr(GPtrArray) list = list_logs(folder);

	for (guint i = 0; i < list->len; i++) {
		g_autofree char *id = NULL;
		guint number = 0;

		if (parse_name(list->pdata[i], &number, &id) && g_str_equal(id, wanted))
			return g_build_filename(folder, list->pdata[i], NULL);
	}
	return NULL;
}

static char *entry_text(gint64 time_us, const char *level, const char *message)
{
	g_autofree char *time = clock_format_rfc3339(time_us);
	g_autofree char *valid = g_utf8_make_valid(message, -1);
	g_autoptr(json_t) entry =
		json_pack("{s:s, s:s, s:s}", "timestamp", time, "level", level, "message", valid);

	return json_to_text(entry);
}

/* A log that is full or cannot be written must not stop the update it tells of. */
static void take_record(gint64 time_us, const char *level, const char *message, gpointer data)
{
	DeploymentLog *log = data;
	g_autofree char *text = entry_text(time_us, level, message);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	gsize size = strlen(line);

	if (log->size + (gint64)size > DEPLOYMENT_LOG_SIZE_MAX)
		return;
	if (file_write_all(log->fd, line, size, NULL))
		log->size += (gint64)size;
}

static gboolean is_plain_id(const char *id)
{
	return *id != '\0' && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_") == strlen(id);
}

static char *choose_path(const char *folder, const char *id)
{
	char *path = find_log(folder, id);
	g_autofree char *name = NULL;

	if (path != NULL)
		return path;
	renumber(folder);
	name = log_name(0, id);
	return g_build_filename(folder, name, NULL);
}

DeploymentLog *deployment_log_open(const char *folder, const char *id, GError **error)
{
	g_autoptr(DeploymentLog) log = g_new0(DeploymentLog, 1);
	g_autofree char *path = NULL;
	struct stat status;

	log->fd = -1;
	if (!is_plain_id(id)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "deployment id: not plain text");
		return NULL;
	}
	path = choose_path(folder, id);
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log->fd < 0 || fstat(log->fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return NULL;
	}
	log->size = status.st_size;
	/* After a cut the last line may lack its end: a new one begins in any case. */
	if (log->size > 0)
		(void)!write(log->fd, "\n", 1);
	log_set_listener(take_record, log);
	return g_steal_pointer(&log);
}

void deployment_log_close(DeploymentLog *log)
{
	if (log == NULL)
		return;
	log_set_listener(NULL, NULL);
	file_close_fd(&log->fd);
	g_free(log);
}

/* --- What is sent --- */

static gboolean is_entry(const json_t *value)
{
	return json_is_string(json_object_get(value, "timestamp")) &&
	       json_is_string(json_object_get(value, "level")) &&
	       json_is_string(json_object_get(value, "message"));
}

/* (transfer full): what goes out for a line; the last known time for one that is broken. */
static char *line_to_entry(const char *line, gint64 *time_us, gboolean *ret_broken)
{
	g_autoptr(json_t) value = json_parse_strict(line, strlen(line), NULL);

	if (!is_entry(value) ||
		!clock_parse_rfc3339(
			json_string_value(json_object_get(value, "timestamp")), time_us, NULL)) {
		*ret_broken = TRUE;
		return entry_text(*time_us, "ERROR", "(CORRUPTED LOG DATA)");
	}
	return g_strdup(line);
}

/* How many of the oldest entries must go for the rest to fit. */
static guint count_cut(GPtrArray *entries)
{
	gsize size = strlen("{\"messages\":[]}");
	guint kept = 0;

	while (kept < entries->len) {
		size += strlen(entries->pdata[entries->len - 1 - kept]) + 1;
		if (size > DEPLOYMENT_LOG_SENT_MAX)
			break;
		kept++;
	}
	return entries->len - kept;
}

static char *join(GPtrArray *entries, guint cut, gboolean broken, gint64 time_us)
{
	GString *body = g_string_new("{\"messages\":[");
	static const char cut_text[] = "the log was too long: its oldest entries are left out";
	static const char broken_text[] = "the log contains invalid entries";
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

	if (cut > 0)
		g_ptr_array_add(parts, entry_text(time_us, "WARNING", cut_text));
	if (broken)
		g_ptr_array_add(parts, entry_text(time_us, "ERROR", broken_text));
	for (guint i = cut; i < entries->len; i++)
		g_ptr_array_add(parts, g_strdup(entries->pdata[i]));
	for (guint i = 0; i < parts->len; i++) {
		if (i > 0)
			g_string_append_c(body, ',');
		g_string_append(body, parts->pdata[i]);
	}
	g_string_append(body, "]}");
	return g_string_free(body, FALSE);
}

char *deployment_log_body(const char *folder, const char *id, GError **error)
{
	g_autofree char *path = find_log(folder, id);
	g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	gint64 time_us = clock_now_us();
	gboolean broken = FALSE;

	if (path == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no log of deployment %s", id);
		return NULL;
	}
	text = file_read_text(path, DEPLOYMENT_LOG_SIZE_MAX + 1024, error);
	if (text == NULL)
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		if (**line != '\0')
			g_ptr_array_add(entries, line_to_entry(*line, &time_us, &broken));
	}
	return join(entries, count_cut(entries), broken, time_us);
}
