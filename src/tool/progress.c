/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/progress.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tool/console.h"

enum {
	REDRAW_MS = 100,
	COLUMNS_DEFAULT = 80,
	BAR_WIDTH_MAX = 40,
	TEXT_SIZE_MAX = 256,
	WHAT_WIDTH = 11,
};

static struct {
	GThread *painter; /* NULL: there is no bar */
	const char *what;
	int fd; /* -1: progress_add() counts */
	guint64 total;
	gint64 started_us;
	gsize done; /* of the counter; atomic */
	GMutex lock;
	GCond stop; /* with stopping */
	gboolean stopping;
	int width; /* of what stands on the line */
} bar = { .fd = -1 };

static guint64 bytes_done(void)
{
	off_t offset = bar.fd >= 0 ? lseek(bar.fd, 0, SEEK_CUR) : -1;

	return offset >= 0 ? (guint64)offset : g_atomic_pointer_get(&bar.done);
}

static int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
									       : COLUMNS_DEFAULT;
}

/* "[=======>      ]", as wide as the line lets it be; empty where it is too narrow. */
static void draw_bar(char *text, int room, guint64 done, guint64 total)
{
	int width = MIN(room - 2, BAR_WIDTH_MAX);

	text[0] = '\0';
	if (width < 1)
		return;
	int full = (int)((double)done / (double)total * width);
	text[0] = '[';
	for (int i = 0; i < width; i++)
		text[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
	text[1 + width] = ']';
	text[2 + width] = '\0';
}

static void draw(void)
{
	guint64 done = bytes_done();
	gint64 elapsed_us = MAX(g_get_monotonic_time() - bar.started_us, 1);
	g_autofree char *amount = g_format_size(done);
	g_autofree char *speed = g_format_size((guint64)((double)done / elapsed_us * 1e6));
	char line[TEXT_SIZE_MAX], drawn[BAR_WIDTH_MAX + 3] = "";
	int room = columns() - 1;

	if (bar.total > 0) {
		done = MIN(done, bar.total);
		draw_bar(drawn, room - WHAT_WIDTH - 30, done, bar.total);
		g_snprintf(line, sizeof line, "%-*s %s %3d%% %s, %s/s", WHAT_WIDTH, bar.what, drawn,
			(int)((double)done * 100 / (double)bar.total), amount, speed);
	} else {
		g_snprintf(line, sizeof line, "%-*s %s, %s/s", WHAT_WIDTH, bar.what, amount, speed);
	}
	/* g_format_size may put a blank that does not break between number and unit. */
	int shown = (int)g_utf8_strlen(line, -1);
	if (shown > room)
		return;
	fprintf(stderr, "\r%s%*s", line, MAX(bar.width - shown, 0), "");
	fflush(stderr);
	bar.width = shown;
}

static gpointer paint(gpointer unused)
{
	g_mutex_lock(&bar.lock);
	while (!bar.stopping) {
		gint64 next_us = g_get_monotonic_time() + REDRAW_MS * G_TIME_SPAN_MILLISECOND;

		draw();
		while (!bar.stopping && g_cond_wait_until(&bar.stop, &bar.lock, next_us))
			;
	}
	draw();
	fprintf(stderr, "\r%*s\r", bar.width, "");
	fflush(stderr);
	g_mutex_unlock(&bar.lock);
	return NULL;
}

static void start(const char *what, guint64 total_bytes, int fd)
{
	progress_end();
	if (!console_wants_progress())
		return;
	bar.what = what;
	bar.total = total_bytes;
	bar.fd = fd;
	bar.done = 0;
	bar.width = 0;
	bar.stopping = FALSE;
	bar.started_us = g_get_monotonic_time();
	bar.painter = g_thread_new("progress", paint, NULL);
}

void progress_start(const char *what, guint64 total_bytes)
{
	start(what, total_bytes, -1);
}

void progress_watch(const char *what, int fd)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		start(what, (guint64)status.st_size, fd);
}

void progress_add(gsize size_bytes, gpointer unused)
{
	g_atomic_pointer_add(&bar.done, (gssize)size_bytes);
}

void progress_end(void)
{
	if (!bar.painter)
		return;
	g_mutex_lock(&bar.lock);
	bar.stopping = TRUE;
	g_cond_signal(&bar.stop);
	g_mutex_unlock(&bar.lock);
	g_thread_join(bar.painter);
	bar.painter = NULL;
}
