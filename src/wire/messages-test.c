/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: each message as the field's clients send it is read, written and read again to the same
 * JSON; what is missing or of the wrong kind is named with its path. */
#include "wire/messages.h"
#include <string.h>

static const struct {
	const char *name;
	const JsonRecord *record;
	const char *text;
} examples[] = {
	{ "auth", &auth_request_record,
		"{\"id_data\":\"{\\\"mac\\\":\\\"00:11\\\"}\",\"pubkey\":\"-----BEGIN PUBLIC "
		"KEY-----\\n\",\"tenant_token\":\"tok\"}" },
	{ "next", &next_request_record,
		"{\"device_provides\":{\"artifact_name\":\"rel-1\",\"device_type\":\"dev1\"},"
		"\"update_control_map\":true}" },
	{ "answer", &next_answer_record,
		"{\"id\":\"d1\",\"artifact\":{\"id\":\"a1\",\"artifact_name\":\"rel-2\",\"device_"
		"types_compatible\":[\"dev1\"],"
		"\"source\":{\"uri\":\"https://a/b\",\"expire\":\"2026-01-02T03:04:05Z\"}}}" },
	{ "status", &status_report_record,
		"{\"status\":\"installing\",\"substate\":\"Executing script: x\"}" },
	{ "log", &log_report_record,
		"{\"messages\":[{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"level\":\"info\","
		"\"message\":\"hello\"}]}" },
};

static void test_both_ways(gconstpointer index)
{
	guint i = GPOINTER_TO_UINT(index);
	g_autoptr(GError) error = NULL;
	gpointer data = json_record_parse(
		examples[i].record, examples[i].text, strlen(examples[i].text), &error);
	g_autoptr(json_t) written = NULL;
	g_autofree char *text = NULL;

	g_assert_no_error(error);
	written = json_record_write(examples[i].record, data);
	text = json_to_text(written);
	g_assert_cmpstr(text, ==, examples[i].text);
	json_record_free(examples[i].record, data);
}

static const struct {
	const JsonRecord *record;
	const char *text;
	const char *message;
} faults[] = {
	{ &auth_request_record, "{\"pubkey\":\"x\"}", "id_data: missing" },
	{ &auth_request_record, "{\"id_data\":7,\"pubkey\":\"x\"}", "id_data: not a text" },
	{ &auth_request_record, "[]", "not an object" },
	{ &next_answer_record, "{\"id\":\"d\",\"artifact\":{\"source\":{}}}",
		"artifact: source: uri: missing" },
	{ &log_report_record, "{\"messages\":[]}", "messages: missing" },
	{ &log_report_record,
		"{\"messages\":[{\"timestamp\":\"2026-01-02T03:04:05Z\",\"level\":\"x\","
		"\"message\":\"y\"},{\"level\":\"x\"}]}",
		"messages[1].timestamp: missing" },
	{ &log_report_record,
		"{\"messages\":[{\"timestamp\":\"yesterday\",\"level\":\"x\",\"message\":\"y\"}]}",
		"messages[0].timestamp: not an RFC 3339 time" },
};

static void test_faults(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autoptr(GError) error = NULL;
		gpointer data = json_record_parse(
			faults[i].record, faults[i].text, strlen(faults[i].text), &error);

		g_assert_null(data);
		g_assert_nonnull(error);
		g_assert_cmpstr(error->message, ==, faults[i].message);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
		g_autofree char *path = g_strdup_printf("/wire/messages/%s", examples[i].name);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_both_ways);
	}
	g_test_add_func("/wire/messages/faults", test_faults);
	return g_test_run();
}
