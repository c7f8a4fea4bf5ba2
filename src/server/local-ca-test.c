/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *   first-start   CA and server certificate are made, verify, name what they must; keys are 0600
 *   second-start  nothing is made anew
 *   new-name      a public host that is not in the certificate makes a new one, under the same CA
 *   cut           a key that is not the certificate's (power lost between the two) is put right
 *   hostile-name  a name that would write its own extensions is refused */
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include "base/error.h"
#include "base/file.h"
#include "server/local-ca.h"

typedef struct {
	char *folder;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	g_autofree char *parent = g_dir_make_tmp("rota-ca-XXXXXX", NULL);

	fixture->folder = g_build_filename(parent, "tls", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	g_autofree char *parent = g_path_get_dirname(fixture->folder);

	g_assert_true(file_remove_tree(parent, NULL));
	g_free(fixture->folder);
}

static char *content(const Fixture *fixture, const char *name)
{
	g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
	char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void ensure(const Fixture *fixture, const char *name)
{
	const char *names[] = { name, NULL };
	g_auto(LocalCertificates) certificates = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(local_ca_ensure(fixture->folder, names, &certificates, &error));
	g_assert_no_error(error);
}

static X509 *load(const Fixture *fixture, const char *name)
{
	g_autofree char *text = content(fixture, name);
	BIO *memory = BIO_new_mem_buf(text, -1);
	X509 *certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);

	BIO_free(memory);
	g_assert_nonnull(certificate);
	return certificate;
}

/* As a client would judge it. */
static void assert_verifies(const Fixture *fixture)
{
	X509 *ca = load(fixture, "ca.crt");
	X509 *server = load(fixture, "server.crt");
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(context, store, server, NULL);
	X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
	X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
	g_assert_cmpint(X509_verify_cert(context), ==, 1);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(server);
	X509_free(ca);
}

static void assert_private(const Fixture *fixture, const char *name)
{
	g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
	struct stat facts;

	g_assert_cmpint(stat(path, &facts), ==, 0);
	g_assert_cmpuint(facts.st_mode & 07777, ==, 0600);
}

static void test_first_start(Fixture *fixture, gconstpointer data)
{
	X509 *server;

	ensure(fixture, "fleet.example.com");
	assert_verifies(fixture);
	assert_private(fixture, "ca.key");
	assert_private(fixture, "server.key");
	server = load(fixture, "server.crt");
	g_assert_cmpint(X509_check_host(server, "localhost", 0, 0, NULL), ==, 1);
	g_assert_cmpint(X509_check_host(server, "fleet.example.com", 0, 0, NULL), ==, 1);
	g_assert_cmpint(X509_check_host(server, "example.com", 0, 0, NULL), ==, 0);
	g_assert_cmpint(X509_check_ip_asc(server, "127.0.0.1", 0), ==, 1);
	g_assert_cmpint(X509_check_ip_asc(server, "::1", 0), ==, 1);
	X509_free(server);
}

static void test_second_start(Fixture *fixture, gconstpointer data)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	ensure(fixture, "fleet.example.com");
	before = content(fixture, "server.crt");
	ensure(fixture, "fleet.example.com");
	after = content(fixture, "server.crt");
	g_assert_cmpstr(before, ==, after);
}

static void test_new_name(Fixture *fixture, gconstpointer data)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	X509 *server;

	ensure(fixture, "one.example.com");
	before = content(fixture, "ca.crt");
	ensure(fixture, "10.1.2.3");
	after = content(fixture, "ca.crt");
	g_assert_cmpstr(before, ==, after);
	assert_verifies(fixture);
	server = load(fixture, "server.crt");
	g_assert_cmpint(X509_check_ip_asc(server, "10.1.2.3", 0), ==, 1);
	X509_free(server);
}

static void test_cut(Fixture *fixture, gconstpointer data)
{
	g_autofree char *key_path = g_build_filename(fixture->folder, "server.key", NULL);
	g_autofree char *other = NULL;
	g_autofree char *key = NULL;

	ensure(fixture, NULL);
	other = content(fixture, "ca.key");
	g_assert_true(g_file_set_contents(key_path, other, -1, NULL));
	ensure(fixture, NULL);
	key = content(fixture, "server.key");
	g_assert_cmpstr(key, !=, other);
	assert_verifies(fixture);
}

static void test_hostile_name(Fixture *fixture, gconstpointer data)
{
	const char *names[] = { "x,DNS:bank.example.com", NULL };
	g_auto(LocalCertificates) certificates = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(local_ca_ensure(fixture->folder, names, &certificates, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	g_assert_false(g_file_test(fixture->folder, G_FILE_TEST_EXISTS));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
	g_test_add("/server/local-ca/" name, Fixture, NULL, set_up, function, tear_down)
	ADD("first-start", test_first_start);
	ADD("second-start", test_second_start);
	ADD("new-name", test_new_name);
	ADD("cut", test_cut);
	ADD("hostile-name", test_hostile_name);
	return g_test_run();
}
