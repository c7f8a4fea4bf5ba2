/* SPDX-License-Identifier: Apache-2.0 */
/* rota-sim: virtual vehicles for a demo or a test. */
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include "sim/vehicle.h"
#include "sim/vin.h"

enum { VEHICLES_MAX = 1000, STOP_LIMIT_S = 15 };

typedef struct {
	char *server, *ca, *folder, *device_type, *agent, *modules, *verify_key, *tenant_token;
	gint64 count, first, poll_s;
} VehiclesOptions;

#define AT(member) G_STRUCT_OFFSET(VehiclesOptions, member)

static const Option vehicles_options[] = {
	{ "server", 0, OPTION_TEXT, AT(server), "URL", "server the vehicles talk to", NULL },
	{ "ca", 0, OPTION_TEXT, AT(ca), "FILE", "PEM file of the server's authority", NULL },
	{ "count", 0, OPTION_NUMBER, AT(count), "N", "how many vehicles", "3" },
	{ "first", 0, OPTION_NUMBER, AT(first), "N", "serial number of the first one", "1" },
	{ "dir", 0, OPTION_TEXT, AT(folder), "DIR", "folder of their disks", NULL },
	{ "device-type", 0, OPTION_TEXT, AT(device_type), "TYPE", "their device type",
		"demo-vehicle" },
	{ "agent", 0, OPTION_TEXT, AT(agent), "FILE",
		"the agent; rota-agent beside this program without it", NULL },
	{ "modules", 0, OPTION_TEXT, AT(modules), "DIR",
		"update modules to install; those that came with this program without it", NULL },
	{ "verify-key", 0, OPTION_TEXT, AT(verify_key), "FILE",
		"PEM public key that every artifact must be signed with", NULL },
	{ "tenant-token", 0, OPTION_TEXT, AT(tenant_token), "TOKEN", "sent when they authenticate",
		NULL },
	{ "poll-interval", 0, OPTION_NUMBER, AT(poll_s), "SECONDS",
		"between two questions for an update", "5" },
	{ 0 },
};

/* --- Where things are when nobody says --- */

static char *beside_program(const char *path)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self != NULL ? self : "/usr/bin/rota-sim");
	g_autofree char *joined = g_build_filename(folder, path, NULL);

	return g_canonicalize_filename(joined, NULL);
}

/* Installed, or in out/bin of the source tree. */
static char *find_modules(void)
{
	static const char *const places[] = { "../share/mender/modules/v3", "../../modules",
		"../../../modules" };

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *folder = beside_program(places[i]);

		if (g_file_test(folder, G_FILE_TEST_IS_DIR))
			return g_steal_pointer(&folder);
	}
	return NULL;
}

static gboolean check_options(const VehiclesOptions *options, GError **error)
{
	const struct {
		gboolean wrong;
		const char *message;
	} checks[] = {
		{ options->server == NULL, "--server: missing" },
		{ options->folder == NULL, "--dir: missing" },
		{ options->count < 1 || options->count > VEHICLES_MAX,
			"--count: not between 1 and 1000" },
		{ options->first < 0 || options->first + options->count > VIN_SERIAL_MAX,
			"--first: not a serial number of six digits" },
		{ options->poll_s < 1, "--poll-interval: less than a second" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
		if (checks[i].wrong) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s", checks[i].message);
			return FALSE;
		}
	return TRUE;
}

/* --- The fleet --- */

typedef struct {
	GMainLoop *loop;
	GPtrArray *vehicles;
} Run;

static gboolean on_stop(gpointer data)
{
	Run *run = data;

	g_print("the vehicles are parked\n");
	g_main_loop_quit(run->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean start_all(
	const VehiclesOptions *options, const Fleet *fleet, GPtrArray *vehicles, GError **error)
{
	for (gint64 i = 0; i < options->count; i++) {
		Vehicle *vehicle = vehicle_new(fleet, (guint)(options->first + i), error);

		if (vehicle == NULL)
			return FALSE;
		g_ptr_array_add(vehicles, vehicle);
		if (!vehicle_start(vehicle, error))
			return FALSE;
	}
	g_print("%" G_GINT64_FORMAT " vehicles of type %s drive; end them with Ctrl-C\n",
		options->count, fleet->device_type);
	return TRUE;
}

/* All at once: one after the other each would take its own time to end. */
static void stop_all(GPtrArray *vehicles)
{
	for (guint i = 0; i < vehicles->len; i++)
		vehicle_stop(g_ptr_array_index(vehicles, i));
}

static gboolean drive(const VehiclesOptions *options, const Fleet *fleet, GError **error)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(GPtrArray) vehicles =
		g_ptr_array_new_with_free_func((GDestroyNotify)vehicle_free);
	Run run = { loop, vehicles };
	guint terminated = g_unix_signal_add(SIGTERM, on_stop, &run);
	guint interrupted = g_unix_signal_add(SIGINT, on_stop, &run);
	gboolean started = start_all(options, fleet, vehicles, error);

	if (started)
		g_main_loop_run(loop);
	stop_all(vehicles);
	g_source_remove(terminated);
	g_source_remove(interrupted);
	return started;
}

static int run_vehicles(gconstpointer data, char **operands, gconstpointer global)
{
	const VehiclesOptions *options = data;
	g_autofree char *agent =
		options->agent != NULL ? g_strdup(options->agent) : beside_program("rota-agent");
	g_autofree char *modules =
		options->modules != NULL ? g_strdup(options->modules) : find_modules();
	g_autoptr(GError) error = NULL;
	Fleet fleet = { .server = options->server,
		.ca = options->ca,
		.folder = options->folder,
		.device_type = options->device_type,
		.agent = agent,
		.modules = modules,
		.verify_key = options->verify_key,
		.tenant_token = options->tenant_token,
		.poll_s = options->poll_s };

	if (check_options(options, &error) && drive(options, &fleet, &error))
		return EXIT_SUCCESS;
	g_printerr("rota-sim: %s\n", error->message);
	return EXIT_FAILURE;
}

static const Verb *const verbs[] = {
	&(const Verb){ "vehicles", NULL,
		"real agents beside one server, each as a vehicle of its own",
		"Each vehicle is a folder below --dir, named by its VIN, that stands for its disk. "
		"A folder that is there already is a vehicle that was parked: it goes on with its "
		"key and its software. SIGTERM and Ctrl-C park them all.",
		vehicles_options, sizeof(VehiclesOptions), run_vehicles },
	NULL,
};

static const Program program = {
	.name = "rota-sim",
	.help = "virtual vehicles for demonstrations and tests",
	.verbs = verbs,
	.usage_status = 1,
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_setup(LOG_FORMAT_TEXT, G_LOG_LEVEL_MESSAGE);
	return program_main(&program, argc, argv);
}
