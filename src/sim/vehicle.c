/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/vehicle.h"
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "sim/vin.h"

enum {
	MODULE_SIZE_MAX = 16 * 1024 * 1024,
	PEM_SIZE_MAX = 256 * 1024,
	STOP_LIMIT_US = 15 * G_USEC_PER_SEC,
	STOP_STEP_US = 10 * 1000,
	PAUSE_MAX_S = 60,
};

struct Vehicle {
	const Fleet *fleet;
	guint serial;
	char *vin;
	char *root;
	GPid pid; /* 0 = no agent runs */
	guint watch, again;
	guint pause_s;
	gboolean stopping;
	GDataInputStream *output; /* what the agent says */
	GCancellable *cancellable;
};

static void say(const Vehicle *vehicle, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void say(const Vehicle *vehicle, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_print("%s: %s\n", vehicle->vin, text);
}

/* --- The disk --- */

static gboolean put(const Vehicle *vehicle, const char *path, gconstpointer data, gsize size,
	mode_t mode, GError **error)
{
	g_autofree char *full = g_build_filename(vehicle->root, path, NULL);
	g_autofree char *folder = g_path_get_dirname(full);

	return file_make_folders(folder, 0755, error) &&
	       file_write_atomic(full, data, size, mode, error);
}

static gboolean put_text(
	const Vehicle *vehicle, const char *path, const char *text, mode_t mode, GError **error)
{
	return put(vehicle, path, text, strlen(text), mode, error);
}

static gboolean copy_in(const Vehicle *vehicle, const char *source, gsize size_max,
	const char *path, mode_t mode, GError **error)
{
	g_autoptr(GBytes) bytes = file_read(source, size_max, error);

	return bytes != NULL && put(vehicle, path, g_bytes_get_data(bytes, NULL),
					g_bytes_get_size(bytes), mode, error);
}

static gboolean is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

/* A module is an executable of its type's name, as installed, or in a folder of that name, as in
 * the source tree. */
static gboolean install_modules(const Vehicle *vehicle, const char *folder, GError **error)
{
	g_autoptr(GDir) entries = g_dir_open(folder, 0, error);
	const char *name;

	if (entries == NULL)
		return FALSE;
	while ((name = g_dir_read_name(entries)) != NULL) {
		g_autofree char *plain = g_build_filename(folder, name, NULL);
		g_autofree char *nested = g_build_filename(folder, name, name, NULL);
		g_autofree char *path = g_build_filename("usr/share/mender/modules/v3", name, NULL);
		const char *source = is_program(nested) ? nested : plain;

		if (is_program(source) &&
			!copy_in(vehicle, source, MODULE_SIZE_MAX, path, 0755, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean write_scripts(const Vehicle *vehicle, GError **error)
{
	static const char *const colours[] = { "red", "blue", "green", "white", "black" };
	g_autofree char *identity = g_strdup_printf("#!/bin/sh\necho vin=%s\n", vehicle->vin);
	g_autofree char *inventory = g_strdup_printf("#!/bin/sh\n"
						     "echo vin=%s\n"
						     "echo model=Simulated\n"
						     "echo colour=%s\n"
						     "echo odometer_km=%u\n"
						     "echo kernel=\"$(uname -r)\"\n",
		vehicle->vin, colours[vehicle->serial % G_N_ELEMENTS(colours)],
		vehicle->serial * 7919 % 200000);

	return put_text(vehicle, "usr/share/mender/identity/mender-device-identity", identity, 0755,
		       error) &&
	       put_text(vehicle, "usr/share/mender/inventory/mender-inventory-vehicle", inventory,
		       0755, error);
}

static json_t *make_config(const Vehicle *vehicle)
{
	const Fleet *fleet = vehicle->fleet;
	g_autofree char *certificate =
		g_build_filename(vehicle->root, "etc/mender/server.crt", NULL);
	g_autofree char *key = g_build_filename(vehicle->root, "etc/mender/artifact.pub", NULL);
	json_t *config = json_pack("{s:s, s:I, s:I, s:I}", "ServerURL", fleet->server,
		"UpdatePollIntervalSeconds", (json_int_t)fleet->poll_s,
		"InventoryPollIntervalSeconds", (json_int_t)fleet->poll_s,
		"RetryPollIntervalSeconds", (json_int_t)fleet->poll_s);

	if (fleet->ca != NULL)
		json_object_set_new(config, "ServerCertificate", json_string(certificate));
	if (fleet->verify_key != NULL)
		json_object_set_new(config, "ArtifactVerifyKey", json_string(key));
	if (fleet->tenant_token != NULL)
		json_object_set_new(config, "TenantToken", json_string(fleet->tenant_token));
	return config;
}

static gboolean write_config(const Vehicle *vehicle, GError **error)
{
	const Fleet *fleet = vehicle->fleet;
	g_autoptr(json_t) config = make_config(vehicle);
	g_autofree char *text = json_to_text(config);

	if (fleet->ca != NULL &&
		!copy_in(vehicle, fleet->ca, PEM_SIZE_MAX, "etc/mender/server.crt", 0644, error))
		return FALSE;
	if (fleet->verify_key != NULL && !copy_in(vehicle, fleet->verify_key, PEM_SIZE_MAX,
						 "etc/mender/artifact.pub", 0644, error))
		return FALSE;
	return put_text(vehicle, "etc/mender/mender.conf", text, 0600, error);
}

static gboolean build_disk(const Vehicle *vehicle, GError **error)
{
	const Fleet *fleet = vehicle->fleet;
	g_autofree char *type = g_strdup_printf("device_type=%s\n", fleet->device_type);

	if (!put_text(vehicle, "var/lib/mender/device_type", type, 0644, error) ||
		!write_scripts(vehicle, error) || !write_config(vehicle, error))
		return FALSE;
	return fleet->modules == NULL || install_modules(vehicle, fleet->modules, error);
}

/* The agent is told its root as it is, and some of what it is told ends in files: it must be
 * absolute. */
Vehicle *vehicle_new(const Fleet *fleet, guint serial, GError **error)
{
	g_autoptr(Vehicle) vehicle = g_new0(Vehicle, 1);
	g_autofree char *root = NULL;

	vehicle->fleet = fleet;
	vehicle->serial = serial;
	vehicle->vin = vin_make(serial);
	root = g_build_filename(fleet->folder, vehicle->vin, NULL);
	vehicle->root = g_canonicalize_filename(root, NULL);
	vehicle->cancellable = g_cancellable_new();
	if (!build_disk(vehicle, error)) {
		g_prefix_error(error, "vehicle %s: ", vehicle->vin);
		return NULL;
	}
	return g_steal_pointer(&vehicle);
}

/* --- The agent --- */

static void read_next(Vehicle *vehicle);

/* Our own log format, or whatever else it says; the time is left out, as it is now. */
static const char *without_time(const char *line)
{
	const char *blank = strchr(line, ' ');

	return g_ascii_isdigit(*line) && blank != NULL ? blank + 1 : line;
}

static void on_line(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *line = g_data_input_stream_read_line_finish(
		G_DATA_INPUT_STREAM(source), result, NULL, &error);
	Vehicle *vehicle = data;

	/* Cancelled: the vehicle may be gone already. */
	if (line == NULL)
		return;
	g_strchomp(line);
	say(vehicle, "%s", without_time(line));
	read_next(vehicle);
}

static void read_next(Vehicle *vehicle)
{
	g_data_input_stream_read_line_async(
		vehicle->output, G_PRIORITY_DEFAULT, vehicle->cancellable, on_line, vehicle);
}

static gboolean on_again(gpointer data)
{
	Vehicle *vehicle = data;
	g_autoptr(GError) error = NULL;

	vehicle->again = 0;
	if (!vehicle_start(vehicle, &error))
		say(vehicle, "the agent does not start: %s", error->message);
	return G_SOURCE_REMOVE;
}

static void on_end(GPid pid, gint status, gpointer data)
{
	Vehicle *vehicle = data;

	vehicle->pid = 0;
	vehicle->watch = 0;
	g_spawn_close_pid(pid);
	if (vehicle->stopping) {
		say(vehicle, "parked");
		return;
	}
	vehicle->pause_s = CLAMP(vehicle->pause_s * 2, 1, PAUSE_MAX_S);
	if (WIFSIGNALED(status))
		say(vehicle, "the agent was ended by signal %d; it starts again in %u s",
			WTERMSIG(status), vehicle->pause_s);
	else
		say(vehicle, "the agent ended with status %d; it starts again in %u s",
			WEXITSTATUS(status), vehicle->pause_s);
	vehicle->again = g_timeout_add_seconds(vehicle->pause_s, on_again, vehicle);
}

gboolean vehicle_start(Vehicle *vehicle, GError **error)
{
	const char *arguments[] = { vehicle->fleet->agent, "--root", vehicle->root, "daemon",
		NULL };
	g_autoptr(GInputStream) stream = NULL;
	int output;

	/* Its two outputs are one story. */
	if (!g_spawn_async_with_pipes_and_fds(NULL, arguments, NULL,
		    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, -1, -1, -1,
		    NULL, NULL, 0, &vehicle->pid, NULL, NULL, &output, error))
		return FALSE;
	stream = g_unix_input_stream_new(output, TRUE);
	g_clear_object(&vehicle->output);
	vehicle->output = g_data_input_stream_new(stream);
	vehicle->watch = g_child_watch_add(vehicle->pid, on_end, vehicle);
	say(vehicle, "the agent runs as process %d", vehicle->pid);
	read_next(vehicle);
	return TRUE;
}

void vehicle_stop(Vehicle *vehicle)
{
	vehicle->stopping = TRUE;
	g_clear_handle_id(&vehicle->again, g_source_remove);
	if (vehicle->pid != 0)
		kill(vehicle->pid, SIGTERM);
}

static void wait_for_agent(Vehicle *vehicle)
{
	gint64 until_us = g_get_monotonic_time() + STOP_LIMIT_US;

	while (vehicle->pid != 0 && waitpid(vehicle->pid, NULL, WNOHANG) == 0) {
		if (g_get_monotonic_time() > until_us) {
			say(vehicle, "the agent does not end: killed");
			kill(vehicle->pid, SIGKILL);
			until_us = G_MAXINT64;
		}
		g_usleep(STOP_STEP_US);
	}
}

void vehicle_free(Vehicle *vehicle)
{
	if (vehicle == NULL)
		return;
	g_cancellable_cancel(vehicle->cancellable);
	g_clear_handle_id(&vehicle->watch, g_source_remove);
	vehicle_stop(vehicle);
	wait_for_agent(vehicle);
	g_clear_object(&vehicle->output);
	g_object_unref(vehicle->cancellable);
	g_free(vehicle->vin);
	g_free(vehicle->root);
	g_free(vehicle);
}
