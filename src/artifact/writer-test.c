/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: an augmented part is written outside the signature and read back laid over the rest; what
 * does not fit on the base is refused; format version 2 has its own documents, and knows images
 * only; a size that is not allowed is given up at, through a file and through a pipe; the number of
 * bytes written is told. */
#include "artifact/writer.h"
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/header-private.h"
#include "artifact/reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

typedef struct {
	char *folder;
	char *base_files[2], *augment_files[2], *device_types[2], *clears[2];
	GHashTable *provides, *augment_provides;
	json_t *meta_data, *augment_meta_data;
	ArtifactAugment augment;
	ArtifactSpec spec;
} Plan;

static char *make_file(const Plan *plan, const char *name, const char *content)
{
	char *path = g_build_filename(plan->folder, name, NULL);

	g_assert_true(g_file_set_contents(path, content, -1, NULL));
	return path;
}

static void set_up(Plan *plan, gconstpointer user_data)
{
	plan->folder = g_dir_make_tmp("writer-XXXXXX", NULL);
	plan->base_files[0] = make_file(plan, "base", "content of the base");
	plan->augment_files[0] = make_file(plan, "more", "content of the augment");
	plan->device_types[0] = g_strdup("ecu");
	plan->clears[0] = g_strdup("x.*");
	plan->provides = artifact_provides_new();
	plan->augment_provides = artifact_provides_new();
	g_hash_table_insert(plan->provides, g_strdup("x.version"), g_strdup("1"));
	g_hash_table_insert(plan->augment_provides, g_strdup("x.version"), g_strdup("2"));
	plan->meta_data = json_pack("{s:{s:i}, s:i}", "deep", "a", 1, "b", 2);
	plan->augment_meta_data = json_pack("{s:{s:i}, s:i}", "deep", "c", 3, "b", 4);
	plan->augment = (ArtifactAugment){ "generator", plan->augment_provides, NULL,
		plan->augment_meta_data, plan->augment_files };
	plan->spec = (ArtifactSpec){
		.name = "release-1",
		.device_types = plan->device_types,
		.payload_type = "delta",
		.provides = plan->provides,
		.clears_provides = plan->clears,
		.meta_data = plan->meta_data,
		.file_paths = plan->base_files,
	};
}

static void tear_down(Plan *plan, gconstpointer user_data)
{
	g_assert_true(file_remove_tree(plan->folder, NULL));
	g_free(plan->folder);
	g_free(plan->base_files[0]);
	g_free(plan->augment_files[0]);
	g_free(plan->device_types[0]);
	g_free(plan->clears[0]);
	g_hash_table_unref(plan->provides);
	g_hash_table_unref(plan->augment_provides);
	json_decref(plan->meta_data);
	json_decref(plan->augment_meta_data);
}

static int write_to_file(const Plan *plan, const Key *key, guint64 *ret_size, GError **error)
{
	int fd = open(plan->folder, O_TMPFILE | O_RDWR, 0600);

	g_assert_cmpint(fd, >=, 0);
	if (artifact_write(&plan->spec, key, fd, plan->folder, ret_size, error)) {
		g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
		return fd;
	}
	close(fd);
	return -1;
}

static void assert_refused(const Plan *plan, int code)
{
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(write_to_file(plan, NULL, NULL, &error), ==, -1);
	g_assert_error(error, ROTA_ERROR, code);
}

static ArtifactReader *open_reader(int fd, const ArtifactPolicy *policy, GError **error)
{
	g_autoptr(GInputStream) in = g_unix_input_stream_new(fd, TRUE);

	return artifact_reader_open(in, policy, NULL, error);
}

static void test_augment(Plan *plan, gconstpointer user_data)
{
	g_autoptr(Key) key =
		key_load_private(ROTA_VECTORS "/artifacts/keys/p256.key.pem", NULL, NULL);
	g_autoptr(Key) public_key =
		key_load_public(ROTA_VECTORS "/artifacts/keys/p256.pub.pem", NULL, NULL);
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	ArtifactPolicy policy = { .keys = keys };
	g_autoptr(GError) error = NULL;
	const ArtifactFile *file;

	plan->spec.augment = &plan->augment;
	int fd = write_to_file(plan, key, NULL, &error);
	g_assert_no_error(error);
	g_ptr_array_add(keys, public_key);
	g_autoptr(ArtifactReader) reader = open_reader(fd, &policy, &error);
	g_assert_no_error(error);
	const ArtifactHeader *header = artifact_reader_header(reader);
	const ArtifactPayload *payload = header->payloads->pdata[0];
	g_assert_cmpint(header->signature, ==, ARTIFACT_SIGNED_GOOD);
	g_assert_true(header->augmented);
	g_assert_cmpstr(payload->type, ==, "delta");
	g_assert_cmpstr(payload->augmented_type, ==, "generator");
	g_assert_cmpstr(g_hash_table_lookup(payload->provides, "x.version"), ==, "2");
	g_autofree char *meta_data = json_to_canonical_text(payload->meta_data);
	g_assert_cmpstr(meta_data, ==, "{\"b\":4,\"deep\":{\"a\":1,\"c\":3}}");
	g_assert_true(artifact_reader_next_file(reader, &file, &error));
	g_assert_cmpstr(file->name, ==, "base");
	g_assert_false(file->augmented);
	g_assert_true(artifact_reader_next_file(reader, &file, &error));
	g_assert_cmpstr(file->name, ==, "more");
	g_assert_true(file->augmented);
	g_assert_true(artifact_reader_finish(reader, &error));
}

static void test_augments_that_do_not_fit(Plan *plan, gconstpointer user_data)
{
	plan->spec.augment = &plan->augment;
	json_object_set_new(plan->augment_meta_data, "b", json_array());
	assert_refused(plan, ROTA_ERROR_INVALID);
	json_object_del(plan->augment_meta_data, "b");
	plan->augment.file_paths = plan->base_files;
	assert_refused(plan, ROTA_ERROR_INVALID);
	plan->augment.file_paths = NULL;
	plan->augment.payload_type = "../generator";
	assert_refused(plan, ROTA_ERROR_INVALID);
	plan->augment.payload_type = "generator";
	plan->spec.payload_type = NULL;
	plan->spec.file_paths = NULL;
	plan->spec.meta_data = NULL;
	assert_refused(plan, ROTA_ERROR_INVALID);
}

static void test_version_2(Plan *plan, gconstpointer user_data)
{
	g_autoptr(GError) error = NULL;

	plan->spec.version = 2;
	assert_refused(plan, ROTA_ERROR_INVALID);
	plan->spec.payload_type = "rootfs-image";
	plan->spec.meta_data = NULL;
	plan->spec.empty_meta_data = TRUE;
	int fd = write_to_file(plan, NULL, NULL, &error);
	g_assert_no_error(error);
	g_autoptr(ArtifactReader) reader = open_reader(fd, NULL, &error);
	g_assert_no_error(error);
	const ArtifactHeader *header = artifact_reader_header(reader);
	const ArtifactPayload *payload = header->payloads->pdata[0];
	g_assert_cmpint(header->version, ==, 2);
	g_assert_cmpstr(header->name, ==, "release-1");
	g_assert_cmpuint(g_hash_table_size(payload->provides), ==, 0);
	g_assert_null(payload->clears_provides);
	g_assert_true(artifact_reader_finish(reader, &error));
	plan->spec.augment = &plan->augment;
	assert_refused(plan, ROTA_ERROR_INVALID);
	plan->spec.augment = NULL;
	plan->spec.version = 4;
	assert_refused(plan, ROTA_ERROR_INVALID);
}

static void test_size_max(Plan *plan, gconstpointer user_data)
{
	g_autoptr(GError) error = NULL;
	guint64 size = 0;
	struct stat status;

	autofd int fd = write_to_file(plan, NULL, &size, &error);
	g_assert_no_error(error);
	g_assert_cmpint(fstat(fd, &status), ==, 0);
	g_assert_cmpuint(size, ==, (guint64)status.st_size);
	plan->spec.size_max = size;
	autofd int same = write_to_file(plan, NULL, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpint(same, >=, 0);
	plan->spec.size_max = size - 1;
	assert_refused(plan, ROTA_ERROR_TOO_LARGE);
	plan->spec.size_max = 100; /* the payload alone has more */
	assert_refused(plan, ROTA_ERROR_TOO_LARGE);
}

static void test_size_max_of_a_pipe(Plan *plan, gconstpointer user_data)
{
	g_autoptr(GError) error = NULL;
	int ends[2];
	char byte;

	g_assert_cmpint(pipe2(ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
	plan->spec.size_max = 2000;
	g_assert_false(artifact_write(&plan->spec, NULL, ends[1], plan->folder, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
	close(ends[1]);
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 0); /* not a byte came out */
	close(ends[0]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/artifact/writer/" name, Plan, NULL, set_up, test, tear_down)
	ADD("augment", test_augment);
	ADD("augments-that-do-not-fit", test_augments_that_do_not_fit);
	ADD("version-2", test_version_2);
	ADD("size-max", test_size_max);
	ADD("size-max-of-a-pipe", test_size_max_of_a_pipe);
#undef ADD
	return g_test_run();
}
