/* SPDX-License-Identifier: Apache-2.0 */
#include "server/local-ca.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_EXTENSION, X509_EXTENSION_free)

enum { PEM_MAX = 64 * 1024, DAY_S = 24 * 3600 };

void local_certificates_clear(LocalCertificates *certificates)
{
	g_free(certificates->ca_path);
	g_free(certificates->certificate_path);
	g_free(certificates->key_path);
	memset(certificates, 0, sizeof *certificates);
}

static gboolean fail(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "local CA: %s", what);
	return FALSE;
}

/* --- Files --- */

static gboolean save(BIO *memory, const char *path, mode_t mode, GError **error)
{
	char *data;
	long size = BIO_get_mem_data(memory, &data);

	return file_write_atomic(path, data, (gsize)size, mode, error);
}

static gboolean save_key(EVP_PKEY *key, const char *path, GError **error)
{
	g_autoptr(BIO) memory = BIO_new(BIO_s_secmem());

	if (!PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL))
		return fail(error, "cannot write a key");
	return save(memory, path, 0600, error);
}

static gboolean save_certificates(X509 *first, X509 *second, const char *path, GError **error)
{
	g_autoptr(BIO) memory = BIO_new(BIO_s_mem());

	if (!PEM_write_bio_X509(memory, first) || (second && !PEM_write_bio_X509(memory, second)))
		return fail(error, "cannot write a certificate");
	return save(memory, path, 0644, error);
}

static BIO *open_pem(const char *path, GError **error)
{
	g_autoptr(GBytes) bytes = file_read(path, PEM_MAX, error);
	BIO *memory;

	if (!bytes)
		return NULL;
	memory = BIO_new(BIO_s_mem());
	BIO_write(memory, g_bytes_get_data(bytes, NULL), (int)g_bytes_get_size(bytes));
	return memory;
}

static X509 *load_certificate(const char *path, GError **error)
{
	g_autoptr(BIO) memory = open_pem(path, error);
	X509 *certificate = memory ? PEM_read_bio_X509(memory, NULL, NULL, NULL) : NULL;

	if (memory && !certificate)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a certificate", path);
	return certificate;
}

static EVP_PKEY *load_key(const char *path, GError **error)
{
	g_autoptr(BIO) memory = open_pem(path, error);
	EVP_PKEY *key = memory ? PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL) : NULL;

	if (memory && !key)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a private key", path);
	return key;
}

/* --- Certificates --- */

static gboolean add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	g_autoptr(X509_EXTENSION) extension = NULL;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	return extension && X509_add_ext(certificate, extension, -1);
}

static gboolean set_serial(X509 *certificate)
{
	guint8 bytes[16];
	BIGNUM *number;
	gboolean ok;

	random_bytes(bytes, sizeof bytes);
	bytes[0] &= 0x7f;
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return ok;
}

static gboolean set_name(X509 *certificate, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
		(const unsigned char *)name, -1, -1, 0);
}

static X509 *new_certificate(EVP_PKEY *key, const char *name, long days)
{
	g_autoptr(X509) certificate = X509_new();

	/* A clock that is a little behind on the other side is not a reason to refuse. */
	if (!certificate || !X509_set_version(certificate, X509_VERSION_3) ||
		!set_serial(certificate) ||
		!X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) ||
		!X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY_S) ||
		!X509_set_pubkey(certificate, key) || !set_name(certificate, name))
		return NULL;
	return g_steal_pointer(&certificate);
}

/* @extensions: pairs (nid, value), in order; ends with nid 0. */
typedef struct {
	int nid;
	const char *value;
} Extension;

static gboolean add_extensions(X509 *certificate, X509 *issuer, const Extension *extensions)
{
	for (; extensions->nid; extensions++)
		if (!add_extension(certificate, issuer, extensions->nid, extensions->value))
			return FALSE;
	return TRUE;
}

static gboolean make_ca(const LocalCertificates *paths, const char *key_path, GError **error)
{
	static const Extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ 0 },
	};
	g_autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
	g_autofree char *random = random_token(6);
	g_autofree char *name = g_strdup_printf("Rota local CA %s", random);
	g_autoptr(X509) certificate = key ? new_certificate(key, name, LOCAL_CA_DAYS) : NULL;

	if (!certificate ||
		!X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) ||
		!add_extensions(certificate, certificate, extensions) ||
		!X509_sign(certificate, key, EVP_sha256()))
		return fail(error, "cannot make its certificate");
	/* The key first: a certificate without its key would be trusted in vain. */
	if (!save_key(key, key_path, error) ||
		!save_certificates(certificate, NULL, paths->ca_path, error))
		return FALSE;
	g_message("made a local certificate authority: %s", paths->ca_path);
	return TRUE;
}

static gboolean make_server(
	const LocalCertificates *paths, const char *ca_key_path, const char *names, GError **error)
{
	const Extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid" },
		{ NID_subject_alt_name, names },
		{ 0 },
	};
	g_autoptr(X509) ca = load_certificate(paths->ca_path, error);
	g_autoptr(EVP_PKEY) ca_key = ca ? load_key(ca_key_path, error) : NULL;
	g_autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
	g_autoptr(X509) certificate = NULL;

	if (!ca_key)
		return FALSE;
	certificate = key ? new_certificate(key, "rota-server", LOCAL_SERVER_DAYS) : NULL;
	if (!certificate || !X509_set_issuer_name(certificate, X509_get_subject_name(ca)) ||
		!add_extensions(certificate, ca, extensions) ||
		!X509_sign(certificate, ca_key, EVP_sha256()))
		return fail(error, "cannot make the server's certificate");
	if (!save_key(key, paths->key_path, error) ||
		!save_certificates(certificate, ca, paths->certificate_path, error))
		return FALSE;
	g_message("made a server certificate for %s: %s", names, paths->certificate_path);
	return TRUE;
}

/* --- What is there already --- */

static gboolean has_name(X509 *certificate, const char *name)
{
	return g_hostname_is_ip_address(name) ? X509_check_ip_asc(certificate, name, 0) == 1
					      : X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

/* Also catches a key that is not the certificate's: a cut between the two files. */
static gboolean server_is_good(const LocalCertificates *paths, GPtrArray *names)
{
	g_autoptr(X509) certificate = load_certificate(paths->certificate_path, NULL);
	g_autoptr(EVP_PKEY) key = load_key(paths->key_path, NULL);
	g_autoptr(X509) ca = load_certificate(paths->ca_path, NULL);
	time_t soon = time(NULL) + LOCAL_RENEW_DAYS * DAY_S;

	if (!certificate || !key || !ca || X509_check_private_key(certificate, key) != 1 ||
		X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0 ||
		X509_verify(certificate, X509_get0_pubkey(ca)) != 1)
		return FALSE;
	for (guint i = 0; i < names->len; i++)
		if (!has_name(certificate, names->pdata[i]))
			return FALSE;
	return TRUE;
}

static void add_name(GPtrArray *names, const char *name)
{
	if (*name && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
		g_ptr_array_add(names, g_strdup(name));
}

static GPtrArray *all_names(const char *const *more)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	char machine[256] = "";

	add_name(names, "localhost");
	add_name(names, "127.0.0.1");
	add_name(names, "::1");
	if (gethostname(machine, sizeof machine - 1) == 0)
		add_name(names, machine);
	for (; more && *more; more++)
		add_name(names, *more);
	return names;
}

/* A name reaches OpenSSL's little language of extensions: nothing that means something there may
 * pass. */
static gboolean name_is_plain(const char *name)
{
	return name[strspn(name,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:")] ==
	       '\0';
}

static char *names_text(GPtrArray *names, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];

		if (!name_is_plain(name)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"\"%s\" is not a host name", name);
			return NULL;
		}
		g_string_append_printf(text, "%s%s:%s", i ? "," : "",
			g_hostname_is_ip_address(name) ? "IP" : "DNS", name);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean local_ca_ensure(const char *folder, const char *const *names,
	LocalCertificates *ret_certificates, GError **error)
{
	g_auto(LocalCertificates) paths = {
		.ca_path = g_build_filename(folder, "ca.crt", NULL),
		.certificate_path = g_build_filename(folder, "server.crt", NULL),
		.key_path = g_build_filename(folder, "server.key", NULL),
	};
	g_autofree char *ca_key_path = g_build_filename(folder, "ca.key", NULL);
	g_autoptr(GPtrArray) wanted = all_names(names);
	g_autofree char *text = names_text(wanted, error);

	if (!text || !file_make_folders(folder, 0755, error))
		return FALSE;
	if (!g_file_test(paths.ca_path, G_FILE_TEST_EXISTS) && !make_ca(&paths, ca_key_path, error))
		return FALSE;
	if (!server_is_good(&paths, wanted) && !make_server(&paths, ca_key_path, text, error))
		return FALSE;
	*ret_certificates = paths;
	memset(&paths, 0, sizeof paths);
	return TRUE;
}
