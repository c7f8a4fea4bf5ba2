/* SPDX-License-Identifier: Apache-2.0 */
/* Case: several read, validate and write at once with one policy and one signer. */
#include <string.h>
#include <unistd.h>
#include "artifact/library/testing.h"

enum { ROUNDS = 20, N_THREADS = 4 };

typedef struct {
	RotaArtifactPolicy *policy;
	RotaArtifactSigner *signer;
	const char *name; /* of a vector to read */
} Share;

static gpointer work(gpointer data)
{
	const Share *share = data;
	g_autofree char *path = vector_path("artifacts", share->name);
	g_autoptr(RotaArtifactSpec) spec = make_spec();

	for (int i = 0; i < ROUNDS; i++) {
		g_autoptr(RotaArtifactError) error = NULL;
		int fd = open_path(path);

		g_assert_true(rota_artifact_validate_fd(fd, NULL, &error));
		close(fd);
		fd = write_artifact(spec, share->signer);
		g_assert_true(rota_artifact_validate_fd(fd, share->policy, &error));
		assert_no_error(error);
		close(fd);
	}
	return NULL;
}

/* All at once: half of them one artifact, half of them another. */
static void test_threads(void)
{
	static const char *const names[] = { "comp-zstd_best.mender", "files-seven.mender" };
	g_autoptr(RotaArtifactPolicy) policy = rota_artifact_policy_new();
	GThread *threads[N_THREADS];
	Share shares[N_THREADS];
	Remote remote;

	remote_init(&remote);
	g_autoptr(RotaArtifactSigner) signer = remote_signer(&remote);
	g_assert_true(rota_artifact_policy_add_key_pem(
		policy, remote.public_pem, strlen(remote.public_pem), NULL));
	for (gsize i = 0; i < N_THREADS; i++) {
		shares[i] = (Share){ policy, signer, names[i % G_N_ELEMENTS(names)] };
		threads[i] = g_thread_new("work", work, &shares[i]);
	}
	for (gsize i = 0; i < N_THREADS; i++)
		g_thread_join(threads[i]);
	g_assert_cmpuint(remote.n_calls, ==, N_THREADS * ROUNDS);
	remote_clear(&remote);
}

static void add_tests(void)
{
	g_test_add_func("/library/threads/at-once", test_threads);
}

int main(int argc, char **argv)
{
	return testing_run(argc, argv, add_tests);
}
