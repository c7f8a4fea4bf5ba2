/* SPDX-License-Identifier: Apache-2.0 */
/* Images onto devices. shows: I4-MS6, F4
 *  - sizes around blocks and the device's end; told ones that are wrong; none at all
 *  - what is right already is not written
 *  - each call to the device that can fail, fails; short ones and interrupted ones do not matter
 *  - a device that does not keep what it is given is found out
 *  - what is no device
 * Faults are in the calls: pread, pwrite, fdatasync and read here stand before the C library's. */
#include "agent/slots/image.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FINE = -1, SECTORS = 4096, BLOCK = 1024 * 1024, DEVICE_SIZE = 3 * BLOCK + 4096 };

typedef enum {
	FAULT_NONE,
	FAULT_ERROR,       /* EIO from the given call on */
	FAULT_INTERRUPTED, /* EINTR, each time but every second */
	FAULT_SHORT,       /* half of what was asked for, in whole sectors */
	FAULT_LIE,         /* said to be done, and is not */
	FAULT_END,         /* no bytes */
} Fault;

static struct {
	const char *call; /* the faulty one */
	Fault fault;
	guint after; /* so many good calls first */
	guint calls;
	int only_fd; /* of read: the others are the harness's */
} faulty;

/* Whether this call is to be answered with @ret_result instead of being made; else @size. */
static gboolean strike(const char *call, gsize *size, gssize *ret_result)
{
	if (faulty.call == NULL || strcmp(faulty.call, call) != 0 || faulty.calls++ < faulty.after)
		return FALSE;
	if (faulty.fault == FAULT_SHORT)
		*size = *size > SECTORS ? *size / 2 / SECTORS * SECTORS : *size;
	if (faulty.fault == FAULT_SHORT ||
		(faulty.fault == FAULT_INTERRUPTED && faulty.calls % 2 == 0))
		return FALSE;
	errno = faulty.fault == FAULT_INTERRUPTED ? EINTR : EIO;
	*ret_result = faulty.fault == FAULT_LIE   ? (gssize)*size
		      : faulty.fault == FAULT_END ? 0
						  : -1;
	return TRUE;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	gssize result;

	return strike("pwrite", &size, &result) ? result
						: syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
	gssize result;

	return strike("pread", &size, &result) ? result : syscall(SYS_pread64, fd, data, size, at);
}

ssize_t read(int fd, void *data, size_t size)
{
	gssize result;

	return fd == faulty.only_fd && strike("read", &size, &result)
		       ? result
		       : syscall(SYS_read, fd, data, size);
}

int fdatasync(int fd)
{
	gsize size = 0;
	gssize result;

	return strike("fdatasync", &size, &result) ? (int)result : (int)syscall(SYS_fdatasync, fd);
}

/* --- A device and an image --- */

typedef struct {
	char *device;
	char *image;
	int in;
} Bench;

static char *make_file(guint8 fill, gsize size)
{
	g_autofree char *path = NULL;
	g_autofree guint8 *content = g_malloc(size + 1);
	int fd = g_file_open_tmp("rota-image-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	for (gsize i = 0; i < size; i++)
		content[i] = (guint8)(fill + i / BLOCK + i % 251);
	g_assert_true(g_file_set_contents(path, (char *)content, (gssize)size, NULL));
	return g_steal_pointer(&path);
}

static void bench_init(Bench *bench, gsize image_size)
{
	memset(&faulty, 0, sizeof faulty);
	bench->device = make_file(1, DEVICE_SIZE);
	bench->image = make_file(100, image_size);
	bench->in = open(bench->image, O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(bench->in, >=, 0);
	faulty.only_fd = bench->in;
}

static void bench_clear(Bench *bench)
{
	faulty.call = NULL;
	close(bench->in);
	g_unlink(bench->device);
	g_unlink(bench->image);
	g_free(bench->device);
	g_free(bench->image);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bench, bench_clear)

/* The image, and behind it what was there before. */
static void assert_written(const Bench *bench, gsize size)
{
	g_autofree char *image = NULL;
	g_autofree char *device = NULL;
	g_autofree char *fresh = make_file(1, DEVICE_SIZE);
	g_autofree char *old = NULL;
	gsize device_size = 0;

	faulty.call = NULL;
	g_assert_true(g_file_get_contents(bench->image, &image, NULL, NULL));
	g_assert_true(g_file_get_contents(bench->device, &device, &device_size, NULL));
	g_assert_true(g_file_get_contents(fresh, &old, NULL, NULL));
	g_unlink(fresh);
	g_assert_cmpuint(device_size, ==, DEVICE_SIZE);
	g_assert_cmpmem(device, size, image, size);
	g_assert_cmpmem(device + size, DEVICE_SIZE - size, old + size, DEVICE_SIZE - size);
}

static void test_sizes(void)
{
	static const gsize sizes[] = { 1, 511, 4096, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK,
		DEVICE_SIZE - 1, DEVICE_SIZE };

	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		for (int is_told = 0; is_told < 2; is_told++) {
			g_auto(Bench) bench = { 0 };
			ImageResult result = { 0 };
			g_autoptr(GError) error = NULL;

			bench_init(&bench, sizes[i]);
			g_assert_true(image_write(
				bench.in, bench.device, is_told ? sizes[i] : 0, &result, &error));
			g_assert_cmpuint(result.size, ==, sizes[i]);
			g_assert_cmpuint(result.written, ==, sizes[i]);
			assert_written(&bench, sizes[i]);
		}
	}
}

static void test_sizes_that_are_refused(void)
{
	static const struct {
		gsize size;
		guint64 told;
		int code;
	} rows[] = {
		{ 0, 0, ROTA_ERROR_INVALID },
		{ 0, 1, ROTA_ERROR_INVALID },
		{ BLOCK, BLOCK + 1, ROTA_ERROR_INVALID },
		{ BLOCK, BLOCK - 1, ROTA_ERROR_INVALID },
		{ BLOCK, DEVICE_SIZE + 1, ROTA_ERROR_TOO_LARGE },
		{ BLOCK, G_MAXUINT64, ROTA_ERROR_TOO_LARGE },
		{ DEVICE_SIZE + 1, 0, ROTA_ERROR_TOO_LARGE },
		{ DEVICE_SIZE + 1, DEVICE_SIZE, ROTA_ERROR_TOO_LARGE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(Bench) bench = { 0 };
		ImageResult result = { 0 };
		g_autoptr(GError) error = NULL;

		bench_init(&bench, rows[i].size);
		g_assert_false(image_write(bench.in, bench.device, rows[i].told, &result, &error));
		g_assert_error(error, ROTA_ERROR, rows[i].code);
	}
}

static void test_what_is_right_is_not_written(void)
{
	g_auto(Bench) bench = { 0 };
	ImageResult result = { 0 };

	bench_init(&bench, 2 * BLOCK + 10);
	g_assert_true(image_write(bench.in, bench.device, 0, &result, NULL));
	g_assert_cmpint(lseek(bench.in, 0, SEEK_SET), ==, 0);
	g_assert_true(image_write(bench.in, bench.device, 0, &result, NULL));
	g_assert_cmpuint(result.written, ==, 0);
	assert_written(&bench, 2 * BLOCK + 10);
}

/* --- Faults --- */

static const struct {
	const char *call;
	Fault fault;
	guint after;
	int code; /* FINE: it does not matter */
} faults[] = {
	{ "read", FAULT_ERROR, 0, ROTA_ERROR_IO },
	{ "read", FAULT_ERROR, 1, ROTA_ERROR_IO },
	{ "read", FAULT_INTERRUPTED, 0, FINE },
	{ "read", FAULT_SHORT, 0, FINE },
	{ "read", FAULT_END, 1, ROTA_ERROR_INVALID },
	{ "pread", FAULT_ERROR, 0, ROTA_ERROR_IO },
	{ "pread", FAULT_ERROR, 4, ROTA_ERROR_IO }, /* while it is read back */
	{ "pread", FAULT_END, 4, ROTA_ERROR_IO },
	{ "pread", FAULT_INTERRUPTED, 0, FINE },
	{ "pread", FAULT_SHORT, 0, FINE },
	{ "pwrite", FAULT_ERROR, 0, ROTA_ERROR_IO },
	{ "pwrite", FAULT_ERROR, 2, ROTA_ERROR_IO },
	{ "pwrite", FAULT_END, 0, ROTA_ERROR_IO },
	{ "pwrite", FAULT_INTERRUPTED, 0, FINE },
	{ "pwrite", FAULT_SHORT, 0, FINE },
	{ "pwrite", FAULT_LIE, 0, ROTA_ERROR_CORRUPT },
	{ "pwrite", FAULT_LIE, 2, ROTA_ERROR_CORRUPT },
	{ "fdatasync", FAULT_ERROR, 0, ROTA_ERROR_IO },
};

static void test_faults(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_auto(Bench) bench = { 0 };
		const gsize size = 2 * BLOCK + 10;
		ImageResult result = { 0 };
		g_autoptr(GError) error = NULL;
		gboolean is_done;

		g_test_message("fault %zu: %s", i, faults[i].call);
		bench_init(&bench, size);
		faulty.call = faults[i].call;
		faulty.fault = faults[i].fault;
		faulty.after = faults[i].after;
		is_done = image_write(bench.in, bench.device, size, &result, &error);
		g_assert_cmpuint(faulty.calls, >, faulty.after);
		if (faults[i].code != FINE) {
			g_assert_false(is_done);
			g_assert_error(error, ROTA_ERROR, faults[i].code);
			continue;
		}
		g_assert_no_error(error);
		assert_written(&bench, size);
	}
}

/* --- What is no device --- */

static void test_no_devices(void)
{
	g_autofree char *folder = g_dir_make_tmp("rota-image-XXXXXX", NULL);
	g_autofree char *pipe = g_build_filename(folder, "pipe", NULL);
	g_autofree char *missing = g_build_filename(folder, "missing", NULL);
	const struct {
		const char *path;
		int code;
	} rows[] = {
		{ folder, ROTA_ERROR_UNSUPPORTED },
		{ pipe, ROTA_ERROR_UNSUPPORTED },
		{ "/dev/null", ROTA_ERROR_UNSUPPORTED },
		{ missing, ROTA_ERROR_NOT_FOUND },
	};

	g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(Bench) bench = { 0 };
		ImageResult result = { 0 };
		g_autoptr(GError) error = NULL;

		bench_init(&bench, 10);
		g_assert_false(image_write(bench.in, rows[i].path, 0, &result, &error));
		g_assert_error(error, ROTA_ERROR, rows[i].code);
	}
	g_unlink(pipe);
	g_rmdir(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/image/sizes", test_sizes);
	g_test_add_func("/image/sizes-that-are-refused", test_sizes_that_are_refused);
	g_test_add_func("/image/what-is-right", test_what_is_right_is_not_written);
	g_test_add_func("/image/faults", test_faults);
	g_test_add_func("/image/no-devices", test_no_devices);
	return g_test_run();
}
