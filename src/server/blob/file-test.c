/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *  - what was published is read back by its digest; writing it twice is fine
 *  - what was begun or finished but not published is not there, and is gone after the next claim
 *  - removing: twice is fine; visiting names what is left
 *  - blobs of another owner are refused, and nothing of theirs is touched
 *  - digests that are none open nothing outside the folder
 *  - URLs that lead nowhere */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "server/blob/blob.h"

typedef struct {
	char *folder;
	char *url;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("blob-XXXXXX", NULL);
	fixture->url = g_strconcat("file:", fixture->folder, "/blobs", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(file_remove_tree(fixture->folder, &error));
	g_free(fixture->folder);
	g_free(fixture->url);
}

static Blobs *open_blobs(const Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	Blobs *blobs = blobs_open(fixture->url, &error);

	g_assert_no_error(error);
	return blobs;
}

static BlobWriter *write_blob(Blobs *blobs, const char *text, char **ret_digest)
{
	g_autoptr(GError) error = NULL;
	BlobWriter *writer = blobs_begin(blobs, &error);

	g_assert_no_error(error);
	g_assert_true(blob_writer_write(writer, text, 2, &error));
	g_assert_true(blob_writer_write(writer, text + 2, strlen(text) - 2, &error));
	g_assert_true(blob_writer_finish(writer, ret_digest, &error));
	return writer;
}

static gboolean count_blob(const char *digest, gpointer data, GError **error)
{
	++*(guint *)data;
	return TRUE;
}

static guint count_blobs(Blobs *blobs)
{
	g_autoptr(GError) error = NULL;
	guint count = 0;

	g_assert_true(blobs_each(blobs, count_blob, &count, &error));
	return count;
}

static guint count_incoming(const Fixture *fixture)
{
	g_autofree char *path = g_build_filename(fixture->folder, "blobs", "incoming", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	guint count = 0;

	while (g_dir_read_name(dir) != NULL)
		count++;
	return count;
}

static void test_publish(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Blobs) blobs = open_blobs(fixture);
	g_autofree char *expected = sha256_hex_of("hello", 5);

	for (guint i = 0; i < 2; i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *digest = NULL;
		g_autoptr(BlobWriter) writer = write_blob(blobs, "hello", &digest);
		autofd int fd = -1;
		guint64 size = 0;
		char bytes[8];

		g_assert_cmpstr(digest, ==, expected);
		g_assert_true(blob_writer_publish(writer, &error));
		fd = blobs_open_blob(blobs, digest, &size, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(size, ==, 5);
		g_assert_cmpint(read(fd, bytes, sizeof bytes), ==, 5);
		g_assert_cmpmem(bytes, 5, "hello", 5);
	}
	g_assert_cmpuint(count_blobs(blobs), ==, 1);
	g_assert_cmpuint(count_incoming(fixture), ==, 0);
}

static void test_unpublished(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Blobs) blobs = open_blobs(fixture);
	g_autoptr(Blobs) again = NULL;
	g_autofree char *digest = NULL;
	BlobWriter *killed = write_blob(blobs, "half", &digest);
	g_autofree char *other = NULL;
	gboolean is_new;
	guint64 size;

	blob_writer_end(write_blob(blobs, "given up", &other));
	g_assert_cmpuint(count_incoming(fixture), ==, 1);
	g_assert_cmpint(blobs_open_blob(blobs, digest, &size, &error), ==, -1);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND);
	again = open_blobs(fixture);
	g_assert_true(blobs_claim(again, "us", &is_new, NULL));
	g_assert_cmpuint(count_incoming(fixture), ==, 0);
	g_assert_cmpuint(count_blobs(again), ==, 0);
	blob_writer_end(killed);
}

static void test_claim(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Blobs) blobs = open_blobs(fixture);
	g_autofree char *digest = NULL;
	gboolean is_new;
	BlobWriter *writer;

	g_assert_true(blobs_claim(blobs, "us", &is_new, &error));
	g_assert_true(is_new);
	g_assert_true(blobs_claim(blobs, "us", &is_new, &error));
	g_assert_false(is_new);
	writer = write_blob(blobs, "half", &digest);
	g_assert_false(blobs_claim(blobs, "us, but not quite", &is_new, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT);
	g_assert_cmpuint(count_incoming(fixture), ==, 1);
	blob_writer_end(writer);
}

static void test_remove(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Blobs) blobs = open_blobs(fixture);
	g_autofree char *digest = NULL;
	g_autoptr(BlobWriter) writer = write_blob(blobs, "hello", &digest);

	g_assert_true(blob_writer_publish(writer, &error));
	g_assert_true(blobs_remove(blobs, digest, &error));
	g_assert_true(blobs_remove(blobs, digest, &error));
	g_assert_cmpuint(count_blobs(blobs), ==, 0);
}

static void test_no_digest(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Blobs) blobs = open_blobs(fixture);
	guint64 size;

	for (guint i = 0; i < 2; i++) {
		g_autoptr(GError) error = NULL;

		g_assert_cmpint(
			blobs_open_blob(blobs, i == 0 ? "../../../etc/passwd" : "", &size, &error),
			==, -1);
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT);
	}
}

static void test_urls(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(blobs_open("ftp://x", &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/blob/publish", Fixture, NULL, set_up, test_publish, tear_down);
	g_test_add("/blob/unpublished", Fixture, NULL, set_up, test_unpublished, tear_down);
	g_test_add("/blob/claim", Fixture, NULL, set_up, test_claim, tear_down);
	g_test_add("/blob/remove", Fixture, NULL, set_up, test_remove, tear_down);
	g_test_add("/blob/no-digest", Fixture, NULL, set_up, test_no_digest, tear_down);
	g_test_add_func("/blob/urls", test_urls);
	return g_test_run();
}
