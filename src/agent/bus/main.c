/* SPDX-License-Identifier: Apache-2.0 */
/* rota-agent-bus: the agent on D-Bus, and the local forwarder for add-ons.
 *
 * A process beside the agent, not a part of it: it is started by the first who calls one of its
 * names, so a vehicle without add-ons has none, and whatever goes wrong here, updates go on. It
 * writes nothing of the agent's but the driver's answers. */
#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include "agent/bus/agent1.h"
#include "agent/bus/authentication1.h"
#include "agent/signals.h"
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"

typedef struct {
	char *config;
	char *fallback_config;
	char *data;
	char *root;
	char *log_level;
} GlobalOptions;

typedef struct {
	Agent agent; /* paths and settings, and what authentication needs; no store */
	sd_event *loop;
	sd_bus *bus;
	Authentication1 authentication;
	Agent1 *agent1;
} Bus;

#define GLOBAL(member) G_STRUCT_OFFSET(GlobalOptions, member)

/* clang-format off */
static const Option global_option_rows[] = {
	{ "config", 'c', OPTION_TEXT, GLOBAL(config), "FILE",
		"configuration instead of /etc/mender/mender.conf" },
	{ "fallback-config", 'b', OPTION_TEXT, GLOBAL(fallback_config), "FILE",
		"configuration below it instead of DATA/mender.conf" },
	{ "data", 'd', OPTION_TEXT, GLOBAL(data), "DIR", "folder that survives updates" },
	{ "root", 0, OPTION_TEXT, GLOBAL(root), "DIR", "all system paths lie below this folder" },
	{ "log-level", 'l', OPTION_TEXT, GLOBAL(log_level), "LEVEL",
		"trace, debug, info, warning, error or fatal" },
	{ 0 },
};

/* Owned once everything answers: a caller that started us by one of them waits for exactly that. */
static const char *const names[] = { "io.mender.AuthenticationManager", "io.rota.Agent" };
/* clang-format on */

static void on_token_changed(gpointer data)
{
	authentication1_changed(&((Bus *)data)->authentication);
}

static void on_token_refused(gpointer data)
{
	token_refused(((Bus *)data)->authentication.token);
}

static int on_signal(sd_event_source *source, int fd, uint32_t events, void *data)
{
	if (signals_stop_asked())
		sd_event_exit(sd_event_source_get_event(source), EXIT_SUCCESS);
	/* Orders are the agent's. */
	(void)signals_take_update_check();
	(void)signals_take_inventory();
	return 0;
}

/* The bus ends with the system, or was restarted: then we are started again. */
static int on_disconnected(sd_bus_message *message, void *data, sd_bus_error *error)
{
	g_warning("the bus is gone");
	sd_event_exit(data, EXIT_FAILURE);
	return 0;
}

static gboolean check(int status, const char *what, GError **error)
{
	if (status >= 0)
		return TRUE;
	rota_set_errno_error(error, -status, "%s", what);
	return FALSE;
}

static gboolean begin(Bus *bus, const GlobalOptions *options, GError **error)
{
	const SettingsFiles files = { options->config, options->fallback_config };
	GLogLevelFlags level = G_LOG_LEVEL_MESSAGE;
	const char *level_name;

	bus->agent.paths = paths_new(options->root, options->data);
	log_setup(LOG_FORMAT_TEXT, level);
	bus->agent.settings = agent_settings_load(bus->agent.paths, &files, error);
	if (bus->agent.settings == NULL)
		return FALSE;
	level_name =
		options->log_level != NULL ? options->log_level : bus->agent.settings->log_level;
	if (level_name != NULL && !log_level_from_name(level_name, &level)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: no log level", level_name);
		return FALSE;
	}
	log_setup(LOG_FORMAT_TEXT, level);
	return signals_setup(error);
}

static gboolean connect_bus(Bus *bus, GError **error)
{
	return check(sd_event_new(&bus->loop), "make a loop", error) &&
	       check(sd_event_add_io(bus->loop, NULL, signals_fd(), EPOLLIN, on_signal, bus),
		       "wait for signals", error) &&
	       check(sd_bus_open_system(&bus->bus), "connect to the system bus", error) &&
	       check(sd_bus_attach_event(bus->bus, bus->loop, SD_EVENT_PRIORITY_NORMAL),
		       "wait for the bus", error) &&
	       check(sd_bus_match_signal_async(bus->bus, NULL, "org.freedesktop.DBus.Local",
			     "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
			     "Disconnected", on_disconnected, NULL, bus->loop),
		       "watch the bus", error);
}

static gboolean own_names(Bus *bus, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (!check(sd_bus_request_name(bus->bus, names[i], 0), names[i], error))
			return FALSE;
	return TRUE;
}

static gboolean add_objects(Bus *bus, GError **error)
{
	int status = 0;

	bus->authentication.bus = bus->bus;
	bus->authentication.link = link_new(&bus->agent, bus->loop, on_token_refused, bus);
	bus->authentication.token = token_new(&bus->agent, bus->loop, on_token_changed, bus, error);
	if (bus->authentication.token == NULL)
		return FALSE;
	bus->agent1 = agent1_new(bus->bus, bus->loop, bus->agent.paths, &status);
	return check(status, "io.rota.Agent1", error) &&
	       check(authentication1_add(&bus->authentication), "io.mender.Authentication1", error);
}

static void end(Bus *bus)
{
	token_free(bus->authentication.token);
	link_free(bus->authentication.link);
	agent1_free(bus->agent1);
	sd_bus_flush_close_unref(bus->bus);
	sd_event_unref(bus->loop);
	g_free(bus->agent.token);
	g_free(bus->agent.server);
	if (bus->agent.settings != NULL)
		agent_settings_free(bus->agent.settings);
	paths_free(bus->agent.paths);
}

static int run_serve(gconstpointer values, char **operands, gconstpointer global_options)
{
	Bus bus = { 0 };
	g_autoptr(GError) failure = NULL;
	int status = EXIT_FAILURE;

	if (begin(&bus, global_options, &failure) && connect_bus(&bus, &failure) &&
		add_objects(&bus, &failure) && own_names(&bus, &failure))
		status = sd_event_loop(bus.loop);
	if (failure != NULL)
		g_critical("rota-agent-bus: %s", failure->message);
	end(&bus);
	return status < 0 ? EXIT_FAILURE : status;
}

static const Verb *const verbs[] = {
	&(const Verb){
		"serve", NULL, "answer on the system bus until stopped", NULL, NULL, 0, run_serve },
	NULL,
};

static const Program program = {
	.name = "rota-agent-bus",
	.help = "the agent on D-Bus, and the local forwarder for add-ons",
	.options = global_option_rows,
	.options_size = sizeof(GlobalOptions),
	.verbs = verbs,
	.usage_status = EXIT_FAILURE,
};

int main(int argc, char **argv)
{
	return program_main(&program, argc, argv);
}
