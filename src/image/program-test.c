/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that do something for us:
 *
 * status   the exit status and the words come back; the image is descriptor 3, the input is stdin
 * words    one that complains without end is not waited for, and the first words are kept
 * output   goes to the sink; a sink that refuses ends the program
 * environ  settings of the caller's stay with the caller
 * missing  the message names program and package */
#include "image/program.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

static int text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	g_assert_true(file_write_all(fd, text, strlen(text), NULL));
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	return fd;
}

static gboolean append(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_string_append_len(user_data, data, (gssize)size);
	return TRUE;
}

static gboolean refuse(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "enough");
	return FALSE;
}

static void test_status(void)
{
	const char *const arguments[] = { "sh", "-c", "cat <&3; cat; echo why >&2; exit 7", NULL };
	autofd int image_fd = text_fd("image");
	autofd int input_fd = text_fd("input");
	g_autoptr(GString) output = g_string_new(NULL);
	const ProgramCall call = { arguments, "dash", image_fd, input_fd, append, output };
	g_autofree char *words = NULL;
	g_autoptr(GError) error = NULL;
	int status = 0;

	g_assert_true(program_call(&call, &status, &words, &error));
	g_assert_cmpint(status, ==, 7);
	g_assert_cmpstr(words, ==, "why");
	g_assert_cmpstr(output->str, ==, "imageinput");
}

static void test_words(void)
{
	const char *const arguments[] = { "sh", "-c",
		"i=0; while [ $i -lt 9000 ]; do echo a complaint of some length >&2; i=$((i+1)); "
		"done; echo done",
		NULL };
	autofd int image_fd = text_fd("");
	g_autoptr(GString) output = g_string_new(NULL);
	const ProgramCall call = { arguments, "dash", image_fd, -1, append, output };
	g_autofree char *words = NULL;
	int status = 1;

	g_assert_true(program_call(&call, &status, &words, NULL));
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpstr(output->str, ==, "done\n");
	g_assert_true(g_str_has_prefix(words, "a complaint of some length\na complaint"));
}

static void test_output(void)
{
	const char *const arguments[] = { "sh", "-c", "while :; do echo more; done", NULL };
	autofd int image_fd = text_fd("");
	const ProgramCall call = { arguments, "dash", image_fd, -1, refuse, NULL };
	g_autoptr(GError) error = NULL;
	int status;

	g_assert_false(program_call(&call, &status, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
}

static void test_environment(void)
{
	const char *const arguments[] = { "sh", "-c",
		"echo $MTOOLS_NAME_NUMERIC_TAIL $E2FSCK_CONFIG $MTOOLSRC $SOURCE_DATE_EPOCH",
		NULL };
	autofd int image_fd = text_fd("");
	g_autoptr(GString) output = g_string_new(NULL);
	const ProgramCall call = { arguments, "dash", image_fd, -1, append, output };
	int status = 1;

	g_setenv("MTOOLS_NAME_NUMERIC_TAIL", "0", TRUE);
	g_setenv("E2FSCK_CONFIG", "/their/e2fsck.conf", TRUE);
	g_setenv("MTOOLSRC", "/their/mtoolsrc", TRUE);
	g_setenv("SOURCE_DATE_EPOCH", "1700000000", TRUE);
	g_assert_true(program_call(&call, &status, NULL, NULL));
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpstr(output->str, ==, "/dev/null 1700000000\n");
}

static void test_missing(void)
{
	const char *const arguments[] = { "no-such-program", NULL };
	autofd int image_fd = text_fd("");
	const ProgramCall call = { arguments, "the-package", image_fd, -1, NULL, NULL };
	g_autoptr(GError) error = NULL;
	int status;

	g_assert_false(program_call(&call, &status, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
	g_assert_nonnull(strstr(error->message, "no-such-program"));
	g_assert_nonnull(strstr(error->message, "the-package"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/program/status", test_status);
	g_test_add_func("/program/words", test_words);
	g_test_add_func("/program/output", test_output);
	g_test_add_func("/program/environment", test_environment);
	g_test_add_func("/program/missing", test_missing);
	return g_test_run();
}
