/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/agent1.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include "agent/activity.h"
#include "agent/consent.h"
#include "agent/lock.h"
#include "agent/status.h"
#include "base/file.h"
#include "base/json.h"

#define OBJECT_PATH "/io/rota/Agent"
#define INTERFACE "io.rota.Agent1"
#define ERROR_NOT_RUNNING "io.rota.Error.NotRunning"
#define ERROR_NO_SUCH_QUESTION "io.rota.Error.NoSuchQuestion"

struct Agent1 {
	sd_bus *bus;
	const Paths *paths;
	json_t *facts; /* an empty object while no daemon runs */
	sd_event_source *watch;
};

/* --- Properties --- */

/* A property is one text, or a structure of them, found in the facts. */
typedef struct {
	const char *name;
	const char *object; /* (nullable): the member that holds the texts; NULL = the facts */
	const char *texts[6];
} Property;

static const Property properties[] = {
	{ "Version", NULL, { "version" } },
	{ "State", NULL, { "state" } },
	{ "ArtifactName", NULL, { "artifact_name" } },
	{ "DeviceType", NULL, { "device_type" } },
	{ "Deployment", "update", { "deployment" } },
	{ "Artifact", "update", { "artifact" } },
	{ "Phase", "update", { "phase" } },
	{ "WaitsFor", "waiting", { "for" } },
	{ "WaitsUntil", "waiting", { "until" } },
	{ "LastUpdateCheck", "update_check", { "at", "result" } },
	{ "LastInventory", "inventory", { "at", "result" } },
	{ "LastUpdate", "last_update", { "deployment", "artifact", "result", "reason", "at" } },
	{ "Question", "question", { "id", "deployment", "artifact", "step" } },
};

static const json_t *object_of(const json_t *facts, const Property *property)
{
	return property->object != NULL ? json_object_get(facts, property->object) : facts;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static const Property *find_property(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return &properties[i];
	return NULL;
}

static int append_texts(sd_bus_message *reply, const json_t *object, const Property *property)
{
	int status = 0;

	for (gsize i = 0; property->texts[i] != NULL && status >= 0; i++)
		status = sd_bus_message_append(reply, "s", text_of(object, property->texts[i]));
	return status;
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
	sd_bus_message *reply, void *data, sd_bus_error *error)
{
	const Agent1 *self = data;
	const Property *property = find_property(name);
	const json_t *object = object_of(self->facts, property);
	g_autofree char *types = NULL;
	int status;

	if (property->texts[1] == NULL)
		return append_texts(reply, object, property);
	types = g_strnfill(g_strv_length((char **)(guintptr)property->texts), 's');
	status = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, types);
	if (status >= 0)
		status = append_texts(reply, object, property);
	return status >= 0 ? sd_bus_message_close_container(reply) : status;
}

static gboolean is_running(const Agent1 *self)
{
	return json_object_size(self->facts) > 0 && lock_holder(self->paths->daemon_lock) > 0;
}

static int get_running(sd_bus *bus, const char *path, const char *interface, const char *name,
	sd_bus_message *reply, void *data, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "b", is_running(data));
}

/* Of the monotonic clock, which the other one may be set beside; 0 = nobody knows. */
static int get_until(sd_bus *bus, const char *path, const char *interface, const char *name,
	sd_bus_message *reply, void *data, sd_bus_error *error)
{
	const Agent1 *self = data;
	const json_t *waiting = json_object_get(self->facts, "waiting");

	return sd_bus_message_append(reply, "t",
		(guint64)json_integer_value(json_object_get(waiting, "until_monotonic_us")));
}

static int append_past(sd_bus_message *reply, const json_t *past)
{
	return sd_bus_message_append(reply, "(sssss)", text_of(past, "deployment"),
		text_of(past, "artifact"), text_of(past, "result"), text_of(past, "reason"),
		text_of(past, "at"));
}

static int get_history(sd_bus *bus, const char *path, const char *interface, const char *name,
	sd_bus_message *reply, void *data, sd_bus_error *error)
{
	const Agent1 *self = data;
	const json_t *history = json_object_get(self->facts, "history");
	int status = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(sssss)");

	for (gsize i = 0; i < json_array_size(history) && status >= 0; i++)
		status = append_past(reply, json_array_get(history, i));
	return status >= 0 ? sd_bus_message_close_container(reply) : status;
}

static int get_status(sd_bus *bus, const char *path, const char *interface, const char *name,
	sd_bus_message *reply, void *data, sd_bus_error *error)
{
	const Agent1 *self = data;
	g_autoptr(json_t) facts = status_facts(self->paths);
	g_autofree char *text = json_to_text(facts);

	return sd_bus_message_append(reply, "s", text);
}

/* --- Orders --- */

static int order(Agent1 *self, int number, sd_bus_message *call, sd_bus_error *error)
{
	pid_t daemon = lock_holder(self->paths->daemon_lock);

	if (daemon <= 0 || kill(daemon, number) != 0)
		return sd_bus_error_set(error, ERROR_NOT_RUNNING, "the agent is not running");
	return sd_bus_reply_method_return(call, "");
}

static int check_update(sd_bus_message *call, void *data, sd_bus_error *error)
{
	return order(data, SIGUSR1, call, error);
}

static int send_inventory(sd_bus_message *call, void *data, sd_bus_error *error)
{
	return order(data, SIGUSR2, call, error);
}

/* Only the question that is open can be answered: a late tap on a screen decides nothing else. */
static int answer(sd_bus_message *call, void *data, sd_bus_error *error)
{
	Agent1 *self = data;
	const json_t *question = json_object_get(self->facts, "question");
	g_autoptr(GError) failure = NULL;
	const char *id;
	int yes;
	int status = sd_bus_message_read(call, "sb", &id, &yes);

	if (status < 0)
		return status;
	if (question == NULL || strcmp(text_of(question, "id"), id) != 0)
		return sd_bus_error_set(
			error, ERROR_NO_SUCH_QUESTION, "nothing of that name is asked");
	if (!consent_write(self->paths, id, yes != 0, &failure))
		return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, failure->message);
	g_message("the driver said %s to %s", yes != 0 ? "yes" : "no", id);
	return order(self, SIGUSR1, call, error);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable members[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Running", "b", get_running, 0, CHANGES),
	SD_BUS_PROPERTY("Version", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("State", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("ArtifactName", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("DeviceType", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("Deployment", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("Artifact", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("Phase", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("WaitsFor", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("WaitsUntil", "s", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("WaitsUntilMonotonic", "t", get_until, 0, CHANGES),
	SD_BUS_PROPERTY("LastUpdateCheck", "(ss)", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("LastInventory", "(ss)", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("LastUpdate", "(sssss)", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("Question", "(ssss)", get_property, 0, CHANGES),
	SD_BUS_PROPERTY("History", "a(sssss)", get_history, 0, CHANGES),
	SD_BUS_PROPERTY("Status", "s", get_status, 0, SD_BUS_VTABLE_PROPERTY_EXPLICIT),
	SD_BUS_METHOD_WITH_ARGS("CheckUpdate", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, check_update,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SendInventory", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, send_inventory,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Answer", SD_BUS_ARGS("s", question, "b", yes), SD_BUS_NO_RESULT,
		answer, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* --- Changes --- */

/* What a property of another kind than a text is made of. */
static const struct {
	const char *name, *object, *member;
} derived[] = {
	{ "Running", NULL, "pid" },
	{ "WaitsUntilMonotonic", "waiting", "until_monotonic_us" },
	{ "History", NULL, "history" },
};

static gboolean is_same_text(const json_t *a, const json_t *b, const Property *property)
{
	for (gsize i = 0; property->texts[i] != NULL; i++)
		if (strcmp(text_of(object_of(a, property), property->texts[i]),
			    text_of(object_of(b, property), property->texts[i])) != 0)
			return FALSE;
	return TRUE;
}

static const json_t *derived_from(const json_t *facts, gsize i)
{
	const json_t *object =
		derived[i].object != NULL ? json_object_get(facts, derived[i].object) : facts;

	return json_object_get(object, derived[i].member);
}

static gboolean is_same_value(const json_t *a, const json_t *b)
{
	return a == b || (a != NULL && b != NULL && json_equal(a, b));
}

static void tell_changes(const Agent1 *self, const json_t *before)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	int status;

	for (gsize i = 0; i < G_N_ELEMENTS(properties); i++)
		if (!is_same_text(before, self->facts, &properties[i]))
			g_ptr_array_add(names, (gpointer)(guintptr)properties[i].name);
	for (gsize i = 0; i < G_N_ELEMENTS(derived); i++)
		if (!is_same_value(derived_from(before, i), derived_from(self->facts, i)))
			g_ptr_array_add(names, (gpointer)(guintptr)derived[i].name);
	if (names->len == 0)
		return;
	g_ptr_array_add(names, NULL);
	status = sd_bus_emit_properties_changed_strv(
		self->bus, OBJECT_PATH, INTERFACE, (char **)names->pdata);
	if (status < 0)
		g_warning("the signal of a change: %s", g_strerror(-status));
}

static void load(Agent1 *self)
{
	json_t *facts = activity_load(self->paths);

	self->facts = json_is_object(facts) ? facts : json_object();
	if (self->facts != facts)
		json_decref(facts);
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *data)
{
	Agent1 *self = data;
	g_autoptr(json_t) before = self->facts;
	g_autofree char *name = g_path_get_basename(self->paths->status);

	/* An overflow has no name, and may have hidden ours. */
	if ((event->mask & IN_Q_OVERFLOW) == 0 && strcmp(event->name, name) != 0) {
		before = NULL;
		return 0;
	}
	load(self);
	tell_changes(self, before);
	return 0;
}

/* --- --- */

/* The agent makes the folder as well; whoever comes first. */
static int watch(Agent1 *self, sd_event *loop)
{
	g_autofree char *folder = g_path_get_dirname(self->paths->status);
	g_autoptr(GError) failure = NULL;

	if (!file_make_folders(folder, 0755, &failure)) {
		g_warning("%s", failure->message);
		return -EIO;
	}
	return sd_event_add_inotify(
		loop, &self->watch, folder, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR, on_change, self);
}

Agent1 *agent1_new(sd_bus *bus, sd_event *loop, const Paths *paths, int *ret_status)
{
	Agent1 *self = g_new0(Agent1, 1);

	self->bus = bus;
	self->paths = paths;
	*ret_status = watch(self, loop);
	load(self);
	if (*ret_status >= 0)
		*ret_status =
			sd_bus_add_object_vtable(bus, NULL, OBJECT_PATH, INTERFACE, members, self);
	if (*ret_status >= 0)
		return self;
	agent1_free(self);
	return NULL;
}

void agent1_free(Agent1 *self)
{
	if (self == NULL)
		return;
	sd_event_source_disable_unref(self->watch);
	json_decref(self->facts);
	g_free(self);
}
