/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/signer.h"
#include <string.h>
#include <sys/stat.h>
#include "base/error.h"
#include "crypto/key-pkcs11.h"
#include "tool/console.h"
#include "tool/passphrase.h"

#define AT(member) G_STRUCT_OFFSET(SignerOptions, member)

static const Option shared_options[] = {
	{ "key-pkcs11", 0, OPTION_TEXTS, AT(tokens), "URI",
		"key in a token, such as pkcs11:token=T;object=O?pin-source=file:/path; "
		"module-path= names the module where p11-kit does not know it",
		NULL },
	{ "key-passphrase-file", 0, OPTION_TEXT, AT(passphrase_file), "FILE",
		"its first line is the passphrase of the key or the PIN of the token; without it "
		"the variable " SIGNER_PASSPHRASE_VARIABLE " is, or the terminal is asked",
		NULL },
	{ "allow-weak-key", 0, OPTION_FLAG, AT(allow_weak), NULL,
		"takes RSA keys from 1024 bits on, not from 2048", NULL },
	{ "gcp-kms-key", 0, OPTION_TEXT, AT(gcp), "ID",
		"refused: for a key in a cloud, see sign --digest-out", NULL },
	{ "azure-key", 0, OPTION_TEXT, AT(azure), "NAME",
		"refused: for a key in a cloud, see sign --digest-out", NULL },
	{ "vault-transit-key", 0, OPTION_TEXT, AT(vault), "NAME",
		"refused: for a key in a cloud, see sign --digest-out", NULL },
	{ "keyfactor-signserver-worker", 0, OPTION_TEXT, AT(keyfactor), "NAME",
		"refused: for a key on a signing server, see sign --digest-out", NULL },
	{ NULL },
};

const Option signer_private_options[] = {
	{ "key", 'k', OPTION_TEXTS, AT(keys), "FILE",
		"private key in PEM to sign with: RSA, or EC on P-256", NULL },
	{ "Passphrases and key stores", 0, OPTION_GROUP, 0, .rows = shared_options },
	{ NULL },
};

const Option signer_public_options[] = {
	{ "key", 'k', OPTION_TEXTS, AT(keys), "FILE",
		"public key in PEM to check signatures with; of several, any one will do", NULL },
	{ "Passphrases and key stores", 0, OPTION_GROUP, 0, .rows = shared_options },
	{ NULL },
};

gboolean signer_names_key(const SignerOptions *options)
{
	return options->keys || options->tokens || options->gcp || options->azure ||
	       options->vault || options->keyfactor;
}

/* Their protocols need accounts, tokens and a network at the moment of signing; the way to them is
 * the one for every key that is kept elsewhere. */
static gboolean refuse_key_stores(const SignerOptions *options, GError **error)
{
	const struct {
		const char *option, *value;
	} stores[] = {
		{ "gcp-kms-key", options->gcp },
		{ "azure-key", options->azure },
		{ "vault-transit-key", options->vault },
		{ "keyfactor-signserver-worker", options->keyfactor },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(stores); i++) {
		if (!stores[i].value)
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"--%s: this program does not speak to that key store; sign --digest-out "
			"writes what the store must sign, sign --signature-in puts the answer in",
			stores[i].option);
		return FALSE;
	}
	return TRUE;
}

/* --- private --- */

static void warn_of_open_file(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) ||
		!(status.st_mode & (S_IRWXG | S_IRWXO)))
		return;
	g_autofree char *text =
		g_strdup_printf("key %s is open to others (mode %04o); chmod 600 closes it", path,
			status.st_mode & 07777);
	console_warn(text);
}

static void warn_of_pin(const char *uri)
{
	if (strstr(uri, "pin-value="))
		console_warn("a PIN on the command line is seen by every process of this machine; "
			     "pin-source=file:/path names a file instead");
}

static Key *open_private(const char *uri, const KeyLoading *loading, GError **error)
{
	warn_of_pin(uri);
	g_autoptr(Key) key = key_open_private_pkcs11(uri, loading, error);
	if (!key || !key_check_signs_artifacts(key, error))
		return NULL;
	return g_steal_pointer(&key);
}

static Key *load_private_file(const char *path, const KeyLoading *loading, GError **error)
{
	g_autoptr(Key) key = key_load_private(path, loading, error);

	if (!key)
		return NULL;
	if (!key_check_signs_artifacts(key, error)) {
		g_prefix_error(error, "key %s: ", path);
		return NULL;
	}
	warn_of_open_file(path);
	return g_steal_pointer(&key);
}

Key *signer_load_private(const SignerOptions *options, GError **error)
{
	PassphraseSource source = { options->passphrase_file, SIGNER_PASSPHRASE_VARIABLE };
	KeyLoading loading = { passphrase_ask, &source, options->allow_weak };
	guint n_keys = options->keys ? options->keys->len : 0;
	guint n_tokens = options->tokens ? options->tokens->len : 0;

	if (!refuse_key_stores(options, error))
		return NULL;
	if (n_keys + n_tokens == 1)
		return n_keys == 1 ? load_private_file(options->keys->pdata[0], &loading, error)
				   : open_private(options->tokens->pdata[0], &loading, error);
	if (n_keys + n_tokens == 0)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"a key to sign with is needed: --key or --key-pkcs11");
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"one key signs at a time, and %u are named", n_keys + n_tokens);
	return NULL;
}

/* --- public --- */

static gboolean contains(const GPtrArray *keys, const Key *key)
{
	g_autofree char *id = key_id(key);

	for (guint i = 0; i < keys->len; i++) {
		g_autofree char *other = key_id(keys->pdata[i]);

		if (g_str_equal(id, other))
			return TRUE;
	}
	return FALSE;
}

/* Takes @key. */
static void add_key(GPtrArray *keys, Key *key, GPtrArray *names, const char *name)
{
	if (contains(keys, key)) {
		key_unref(key);
		return;
	}
	g_ptr_array_add(keys, key);
	g_ptr_array_add(names, g_strndup(name, strcspn(name, "?"))); /* no PIN */
}

GPtrArray *signer_load_named(const SignerOptions *options, GPtrArray *names, GError **error)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_unref);
	KeyLoading loading = { .allow_weak = options->allow_weak };

	if (!refuse_key_stores(options, error))
		return NULL;
	for (guint i = 0; options->keys && i < options->keys->len; i++) {
		const char *path = options->keys->pdata[i];
		Key *key = key_load_public(path, &loading, error);

		if (!key)
			return NULL;
		add_key(keys, key, names, path);
	}
	for (guint i = 0; options->tokens && i < options->tokens->len; i++) {
		const char *uri = options->tokens->pdata[i];
		Key *key = key_open_public_pkcs11(uri, &loading, error);

		if (!key)
			return NULL;
		warn_of_pin(uri);
		add_key(keys, key, names, uri);
	}
	return g_steal_pointer(&keys);
}

GPtrArray *signer_load_public(const SignerOptions *options, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

	return signer_load_named(options, names, error);
}
