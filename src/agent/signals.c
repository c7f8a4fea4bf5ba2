/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/signals.h"
#include "base/error.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int signal_fd = -1;
static int stop_fd = -1;
static gboolean stop_asked, update_check_asked, inventory_asked;

/* clang-format off */
static const struct {
	int number;
	gboolean *asked;
} signal_rows[] = {
	{ SIGTERM, &stop_asked },
	{ SIGINT, &stop_asked },
	{ SIGQUIT, &stop_asked },
	{ SIGUSR1, &update_check_asked },
	{ SIGUSR2, &inventory_asked },
};
/* clang-format on */

gboolean signals_setup(GError **error)
{
	sigset_t set;

	sigemptyset(&set);
	for (gsize i = 0; i < G_N_ELEMENTS(signal_rows); i++)
		sigaddset(&set, signal_rows[i].number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A module that stops reading must not end the agent. */
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (signal_fd < 0 || stop_fd < 0) {
		rota_set_errno_error(error, errno, "collect signals");
		return FALSE;
	}
	return TRUE;
}

int signals_fd(void)
{
	return signal_fd;
}

int signals_stop_fd(void)
{
	return stop_fd;
}

static void note_signal(int number)
{
	for (gsize i = 0; i < G_N_ELEMENTS(signal_rows); i++) {
		if (signal_rows[i].number == number)
			*signal_rows[i].asked = TRUE;
	}
	if (stop_asked)
		eventfd_write(stop_fd, 1);
}

static void collect(void)
{
	struct signalfd_siginfo info;

	while (signal_fd >= 0 && read(signal_fd, &info, sizeof(info)) == sizeof(info))
		note_signal((int)info.ssi_signo);
}

gboolean signals_stop_asked(void)
{
	collect();
	return stop_asked;
}

static gboolean take(gboolean *asked)
{
	gboolean was_asked;

	collect();
	was_asked = *asked;
	*asked = FALSE;
	return was_asked;
}

gboolean signals_take_update_check(void)
{
	return take(&update_check_asked);
}

gboolean signals_take_inventory(void)
{
	return take(&inventory_asked);
}

static gboolean sleep_until(gint64 until_us, gboolean any_signal_ends)
{
	for (;;) {
		gint64 left_us = until_us - g_get_monotonic_time();
		struct pollfd waited = { .fd = signal_fd, .events = POLLIN };

		collect();
		if (stop_asked || (any_signal_ends && (update_check_asked || inventory_asked)))
			return FALSE;
		if (left_us <= 0)
			return TRUE;
		(void)poll(&waited, 1, (int)CLAMP(left_us / 1000 + 1, 1, 3600 * 1000));
	}
}

gboolean signals_sleep(gint64 until_us)
{
	return sleep_until(until_us, FALSE);
}

gboolean signals_sleep_until_asked(gint64 until_us)
{
	return sleep_until(until_us, TRUE);
}
