/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: every type there and back; a descriptor rides along; a body of the largest size with every
 * byte escaped; bytes that dribble in; unknown type, wrong length, wrong JSON, a body where none
 * belongs, more descriptors than one; the other side gone; a deadline; a stop. */
#include "agent/messages.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

typedef struct {
	int a, b;
} Pair;

static Pair make_pair(void)
{
	int ends[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	return (Pair){ ends[0], ends[1] };
}

static void close_pair(Pair *pair)
{
	close(pair->a);
	close(pair->b);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, close_pair)

static gint64 soon(void)
{
	return g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
}

static void test_types(void)
{
	g_auto(Pair) pair = make_pair();
	SetupMessage setup = { .idle_limit_s = 7 };
	CallMessage call = { (char[]){ "PUT" }, (char[]){ "https://a/b" }, (char[]){ "t" }, NULL,
		(char[]){ "{\"a\":\"\303\274\\n\"}" } };
	FailedMessage failed = { ROTA_ERROR_TIMED_OUT, (char[]){ "too late" } };
	ProgressMessage progress = { .written = 5000000000, .size = 6000000000, .complete = TRUE };
	const struct {
		MessageType type;
		gconstpointer data;
	} sent[] = {
		{ MESSAGE_SETUP, &setup },
		{ MESSAGE_READY, NULL },
		{ MESSAGE_CALL, &call },
		{ MESSAGE_PROGRESS, &progress },
		{ MESSAGE_STOPPED, NULL },
		{ MESSAGE_FAILED, &failed },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(sent); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Message) got = NULL;

		g_assert_true(message_send(pair.a, sent[i].type, sent[i].data, -1, soon(), &error));
		got = message_receive(pair.b, -1, soon(), &error);
		g_assert_no_error(error);
		g_assert_cmpint(got->type, ==, sent[i].type);
		g_assert_cmpint(got->fd, ==, -1);
		if (got->type == MESSAGE_CALL) {
			g_assert_cmpstr(((CallMessage *)got->data)->body, ==, call.body);
			g_assert_null(((CallMessage *)got->data)->signature);
		}
		if (got->type == MESSAGE_PROGRESS) {
			const ProgressMessage *other = got->data;

			g_assert_cmpint(other->written, ==, 5000000000);
			g_assert_true(other->complete);
			g_assert_null(other->etag);
		}
	}
}

static void test_descriptor(void)
{
	g_auto(Pair) pair = make_pair();
	FetchMessage fetch = { .url = (char[]){ "https://a/b" } };
	g_autoptr(GError) error = NULL;
	g_autoptr(Message) got = NULL;
	autofd int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat mine, theirs;

	g_assert_true(message_send(pair.a, MESSAGE_FETCH, &fetch, file, soon(), &error));
	got = message_receive(pair.b, -1, soon(), &error);
	g_assert_no_error(error);
	g_assert_cmpint(got->fd, >=, 0);
	g_assert_cmpint(fstat(file, &mine), ==, 0);
	g_assert_cmpint(fstat(got->fd, &theirs), ==, 0);
	g_assert_cmpint(mine.st_ino, ==, theirs.st_ino);
	g_assert_cmpint(fcntl(got->fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
}

static gpointer send_largest(gpointer data)
{
	const Pair *pair = data;
	g_autofree char *body = g_malloc(MESSAGE_BODY_MAX + 1);
	ReplyMessage reply = { .status = 200 };
	g_autoptr(GError) error = NULL;

	memset(body, '"', MESSAGE_BODY_MAX);
	body[MESSAGE_BODY_MAX] = '\0';
	reply.body = body;
	g_assert_true(message_send(pair->a, MESSAGE_REPLY, &reply, -1, soon(), &error));
	return NULL;
}

static void test_largest(void)
{
	g_auto(Pair) pair = make_pair();
	GThread *sender = g_thread_new("sender", send_largest, &pair);
	g_autoptr(GError) error = NULL;
	g_autoptr(Message) got = message_receive(pair.b, -1, soon(), &error);

	g_thread_join(sender);
	g_assert_no_error(error);
	g_assert_cmpint(strlen(((ReplyMessage *)got->data)->body), ==, MESSAGE_BODY_MAX);
}

static gpointer dribble(gpointer data)
{
	const Pair *pair = data;
	const char bytes[] = "\007\000\000\000\014{\"beyond\":3}";

	for (gsize i = 0; i < sizeof(bytes) - 2; i++) {
		g_assert_cmpint(write(pair->a, bytes + i, 1), ==, 1);
		g_usleep(1000);
	}
	return NULL;
}

static void test_dribble(void)
{
	g_auto(Pair) pair = make_pair();
	g_autoptr(GError) error = NULL;
	g_autoptr(Message) got = NULL;
	GThread *sender = g_thread_new("sender", dribble, &pair);

	/* One byte short: the deadline ends it. */
	got = message_receive(pair.b, -1, g_get_monotonic_time() + 300 * 1000, &error);
	g_thread_join(sender);
	g_assert_null(got);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT);
}

static void test_malformed(void)
{
	const struct {
		const char *bytes;
		gsize size;
		int code;
	} cases[] = {
		{ "\000\000\000\000\000", 5, ROTA_ERROR_INVALID },
		{ "\377\000\000\000\000", 5, ROTA_ERROR_INVALID },
		{ "\004\377\377\377\377", 5, ROTA_ERROR_TOO_LARGE },
		{ "\002\000\000\000\001x", 6, ROTA_ERROR_INVALID },
		{ "\007\000\000\000\000", 5, ROTA_ERROR_INVALID },
		{ "\007\000\000\000\002{}", 7, ROTA_ERROR_INVALID },
		{ "\007\000\000\000\005{\"a\":", 10, ROTA_ERROR_INVALID },
		{ "\007\000\000\000\016{\"beyond\":\"3\"}", 19, ROTA_ERROR_INVALID },
		{ "\007\000\000\000\377{}", 7, ROTA_ERROR_UNAVAILABLE },
		{ "\007\000", 2, ROTA_ERROR_UNAVAILABLE },
		{ "", 0, ROTA_ERROR_UNAVAILABLE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Pair) pair = make_pair();
		g_autoptr(GError) error = NULL;
		g_autoptr(Message) got = NULL;

		g_assert_cmpint(
			write(pair.a, cases[i].bytes, cases[i].size), ==, (gssize)cases[i].size);
		shutdown(pair.a, SHUT_WR);
		got = message_receive(pair.b, -1, soon(), &error);
		g_test_message("case %" G_GSIZE_FORMAT, i);
		g_assert_null(got);
		g_assert_error(error, ROTA_ERROR, cases[i].code);
	}
}

static guint count_descriptors(void)
{
	g_autoptr(GDir) entries = g_dir_open("/proc/self/fd", 0, NULL);
	guint n = 0;

	while (g_dir_read_name(entries) != NULL)
		n++;
	return n;
}

static void test_many_descriptors(void)
{
	g_auto(Pair) pair = make_pair();
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int) * 3)];
	} control = { 0 };
	char bytes[] = "\002\000\000\000";
	struct iovec part = { bytes, 5 };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	const int three[] = { 0, 1, 2 };
	guint before;

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(three));
	memcpy(CMSG_DATA(&control.head), three, sizeof(three));
	before = count_descriptors();
	g_assert_cmpint(sendmsg(pair.a, &message, 0), ==, 5);
	{
		g_autoptr(Message) got = message_receive(pair.b, -1, soon(), NULL);

		g_assert_nonnull(got);
		g_assert_cmpint(got->fd, >=, 0);
	}
	g_assert_cmpint(count_descriptors(), ==, before);
}

static void test_gone(void)
{
	g_auto(Pair) pair = make_pair();
	g_autoptr(GError) error = NULL;

	shutdown(pair.b, SHUT_RDWR);
	g_assert_false(message_send(pair.a, MESSAGE_STOP, NULL, -1, soon(), &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE);
}

static void test_stop(void)
{
	g_auto(Pair) pair = make_pair();
	g_auto(Pair) stop = make_pair();
	g_autoptr(GError) error = NULL;
	g_autoptr(Message) got = NULL;

	g_assert_cmpint(write(stop.a, "x", 1), ==, 1);
	got = message_receive(pair.b, stop.b, soon(), &error);
	g_assert_null(got);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE);
	g_assert_cmpstr(error->message, ==, "stopped");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/agent/messages/types", test_types);
	g_test_add_func("/agent/messages/descriptor", test_descriptor);
	g_test_add_func("/agent/messages/largest", test_largest);
	g_test_add_func("/agent/messages/dribble", test_dribble);
	g_test_add_func("/agent/messages/malformed", test_malformed);
	g_test_add_func("/agent/messages/many-descriptors", test_many_descriptors);
	g_test_add_func("/agent/messages/gone", test_gone);
	g_test_add_func("/agent/messages/stop", test_stop);
	return g_test_run();
}
