/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/progress.h"
#include <stdio.h>
#include <unistd.h>

enum { WHOLE = 100, NOTHING_SAID = -1 };

static struct {
	gboolean is_shown;
	guint64 size_bytes;
	guint64 done_bytes;
	int said; /* percents */
} progress;

static int percents(void)
{
	if (progress.done_bytes >= progress.size_bytes)
		return WHOLE;
	return (int)((double)progress.done_bytes / (double)progress.size_bytes * WHOLE);
}

static void say(void)
{
	int now = percents();

	if (!progress.is_shown || now == progress.said)
		return;
	progress.said = now;
	fprintf(stderr, "\r%d%%", now);
}

void progress_show(void)
{
	progress.is_shown = isatty(STDERR_FILENO) == 1;
}

void progress_begin(guint64 size_bytes)
{
	progress.size_bytes = size_bytes;
	progress.done_bytes = 0;
	progress.said = NOTHING_SAID;
	say();
}

void progress_add(gsize size_bytes)
{
	progress.done_bytes += size_bytes;
	say();
}

void progress_end(void)
{
	if (progress.is_shown && progress.said != NOTHING_SAID)
		fputc('\n', stderr);
	progress.said = NOTHING_SAID;
}
