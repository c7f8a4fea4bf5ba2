/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON and the field tables: whatever is read by a table is written by it, and reads the
 * same again. */
#include <stdint.h>
#include <string.h>
#include "base/json.h"
#include "wire/messages.h"

static const JsonRecord *const records[] = {
	&auth_request_record,
	&next_request_record,
	&next_answer_record,
	&status_report_record,
	&log_report_record,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const JsonRecord *record, const json_t *value)
{
	gpointer first = json_record_read(record, value, NULL);
	g_autoptr(json_t) written = NULL;
	g_autoptr(json_t) again = NULL;
	gpointer second;

	if (first == NULL)
		return;
	written = json_record_write(record, first);
	second = json_record_read(record, written, NULL);
	g_assert_nonnull(second);
	again = json_record_write(record, second);
	g_assert_true(json_equal(written, again));
	json_record_free(record, first);
	json_record_free(record, second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(json_t) value = json_parse_strict((const char *)data, size, NULL);
	g_autofree char *text = NULL;
	g_autoptr(json_t) again = NULL;

	if (value == NULL)
		return 0;
	text = json_to_canonical_text(value);
	again = json_parse_strict(text, strlen(text), NULL);
	g_assert_true(json_equal(value, again));
	for (gsize i = 0; i < G_N_ELEMENTS(records); i++)
		check_record(records[i], value);
	return 0;
}
