/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/consent.h"
#include <string.h>
#include "agent/activity.h"
#include "base/file.h"
#include "base/json.h"

enum { ANSWER_SIZE_MAX = 4096 };

typedef struct {
	char *question;
	gboolean yes;
} Answer;

static const JsonField answer_fields[] = {
	JSON_FIELD(Answer, question, JSON_TEXT, REQUIRED, ACTIVITY_TEXT_MAX),
	JSON_FIELD(Answer, yes, JSON_BOOL, REQUIRED),
	{ 0 },
};
static const JsonRecord answer_record = { sizeof(Answer), answer_fields };

gboolean consent_write(const Paths *paths, const char *question, gboolean yes, GError **error)
{
	Answer answer = { .question = (char *)(guintptr)question, .yes = yes };
	g_autoptr(json_t) value = json_record_write(&answer_record, &answer);
	g_autofree char *text = json_to_text(value);

	return file_write_atomic(paths->consent, text, strlen(text), 0644, error);
}

/* (nullable)(transfer full): NULL where there is none, or none of ours: what is not known is no. */
static Answer *read_answer(const Paths *paths, const char *question)
{
	g_autoptr(GBytes) bytes = file_read(paths->consent, ANSWER_SIZE_MAX, NULL);
	Answer *answer = NULL;

	if (bytes != NULL)
		answer = json_record_parse(&answer_record, g_bytes_get_data(bytes, NULL),
			g_bytes_get_size(bytes), NULL);
	if (answer == NULL || strcmp(answer->question, question) == 0)
		return answer;
	json_record_free(&answer_record, answer);
	return NULL;
}

char *consent_ask(const Update *update, const char *step)
{
	const Agent *agent = update->agent;
	const UpdateRecord *record = update->record;
	char **steps = agent->settings->consent_before;
	g_autofree char *question = g_strdup_printf("%s/%s", record->id, step);
	Answer *answer;
	const char *reason = NULL;

	if (steps == NULL || !g_strv_contains((const char *const *)steps, step))
		return NULL;
	answer = read_answer(agent->paths, question);
	if (answer == NULL)
		reason = "consent: the driver is asked";
	else if (!answer->yes)
		reason = "consent: the driver said no";
	json_record_free(&answer_record, answer);
	if (reason != NULL)
		activity_ask(agent->activity, question, record->id, record->artifact.name, step);
	return g_strdup(reason);
}
