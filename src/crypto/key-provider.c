/* SPDX-License-Identifier: Apache-2.0 */
/* A provider inside this program, as OpenSSL 3 wants them for keys that it does not hold itself
 * (provider-keymgmt(7), provider-signature(7)). It lives in a library context of its own, so nobody
 * gets it who only asks for "RSA". Whatever needs the public half alone is left to OpenSSL. */
#include "crypto/key-provider.h"
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/proverr.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include "base/error.h"
#include "base/log.h"
#include "crypto/key-private.h"

enum { MESSAGE_SIZE_MAX = 1024 * 1024 }; /* all of a handshake before TLS 1.3 */

#define PROVIDER_NAME "rota-key"
#define PROPERTIES "provider=" PROVIDER_NAME
/* Private use: how a Key gets in, from the one caller below. */
#define PARAMETER_KEY "rota-key-pointer"

typedef void (*Function)(void);
#define FUNCTION(id, function)                                                                     \
	{                                                                                          \
		id, (Function)(function)                                                           \
	}

/* What OpenSSL calls key data: with a @key where there is a private half. */
typedef struct {
	EVP_PKEY *public_half;
	Key *key;
} Held;

static const char *const algorithms[] = {
	[KEY_RSA] = "RSA", [KEY_P256] = "EC", [KEY_EC_OTHER] = "EC", [KEY_ED25519] = "ED25519"
};

/* --- Key management --- */

static void *held_new(void *provider)
{
	return g_new0(Held, 1);
}

static void held_free(void *data)
{
	Held *held = data;

	if (held == NULL)
		return;
	EVP_PKEY_free(held->public_half);
	key_unref(held->key);
	g_free(held);
}

static int held_has(const void *data, int selection)
{
	const Held *held = data;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && held->key == NULL)
		return 0;
	return held->public_half != NULL;
}

static int held_match(const void *one, const void *other, int selection)
{
	return EVP_PKEY_eq(((const Held *)one)->public_half, ((const Held *)other)->public_half) ==
	       1;
}

/* Ours is known by its pointer; a certificate's public half comes in to be compared. */
static int import_as(Held *held, const char *algorithm, const OSSL_PARAM parameters[])
{
	const OSSL_PARAM *pointer = OSSL_PARAM_locate_const(parameters, PARAMETER_KEY);
	EVP_PKEY_CTX *context;
	int done;
	gconstpointer key = NULL;

	if (pointer != NULL) {
		if (OSSL_PARAM_get_octet_ptr(pointer, &key, NULL) != 1)
			return 0;
		held->key = key_ref((Key *)(guintptr)key);
		held->public_half = held->key->pkey;
		return EVP_PKEY_up_ref(held->public_half);
	}
	context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	done = EVP_PKEY_fromdata_init(context) == 1 &&
	       EVP_PKEY_fromdata(context, &held->public_half, EVP_PKEY_PUBLIC_KEY,
		       (OSSL_PARAM *)(guintptr)parameters) == 1;
	EVP_PKEY_CTX_free(context);
	return done;
}

static int import_rsa(void *held, int selection, const OSSL_PARAM parameters[])
{
	return import_as(held, "RSA", parameters);
}

static int import_ec(void *held, int selection, const OSSL_PARAM parameters[])
{
	return import_as(held, "EC", parameters);
}

static int import_ed25519(void *held, int selection, const OSSL_PARAM parameters[])
{
	return import_as(held, "ED25519", parameters);
}

/* What fromdata and imports may hold is for the caller to know: OpenSSL only asks whether there is
 * a list. */
static const OSSL_PARAM *import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_ptr(PARAMETER_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	return types;
}

/* The private half is never given out, and who asks for both gets none: OpenSSL then comes back to
 * this provider for the signature. */
static int held_export(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
	const Held *held = data;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && held->key != NULL)
		return 0;
	return EVP_PKEY_export(held->public_half, EVP_PKEY_PUBLIC_KEY, callback, arg);
}

static int held_get_params(void *data, OSSL_PARAM parameters[])
{
	const Held *held = data;

	return EVP_PKEY_get_params(held->public_half, parameters);
}

static const OSSL_PARAM *held_gettable(void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	return types;
}

static const char *signature_of_ec(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* clang-format off */
#define KEY_MANAGEMENT(name, ...) \
	static const OSSL_DISPATCH name[] = { \
		FUNCTION(OSSL_FUNC_KEYMGMT_NEW, held_new), \
		FUNCTION(OSSL_FUNC_KEYMGMT_FREE, held_free), \
		FUNCTION(OSSL_FUNC_KEYMGMT_HAS, held_has), \
		FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, held_match), \
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types), \
		FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT, held_export), \
		FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, import_types), \
		FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, held_get_params), \
		FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, held_gettable), \
		__VA_ARGS__, \
		{ 0, NULL }, \
	}
KEY_MANAGEMENT(rsa_management, FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, import_rsa));
KEY_MANAGEMENT(ec_management, FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, import_ec),
	FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, signature_of_ec));
KEY_MANAGEMENT(ed25519_management, FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, import_ed25519));
/* clang-format on */

/* --- Signatures --- */

typedef struct {
	const Held *held; /* OpenSSL keeps it for as long */
	char *digest;     /* (nullable) */
	gboolean pss;
	GByteArray *message; /* (nullable): where it comes in pieces */
} Signing;

static void *signing_new(void *provider, const char *properties)
{
	return g_new0(Signing, 1);
}

static void signing_free(void *data)
{
	Signing *signing = data;

	if (signing == NULL)
		return;
	g_free(signing->digest);
	g_clear_pointer(&signing->message, g_byte_array_unref);
	g_free(signing);
}

/* OpenSSL tells names as "SHA256" and "SHA2-256". */
static char *plain_digest_name(const char *name)
{
	static const char prefix[] = "SHA2-";

	if (name == NULL || *name == '\0')
		return NULL;
	if (!g_str_has_prefix(name, prefix))
		return g_strdup(name);
	return g_strconcat("SHA", name + strlen(prefix), NULL);
}

static int set_padding(Signing *signing, const OSSL_PARAM *parameter)
{
	int mode = 0;
	const char *name = NULL;

	if (parameter->data_type == OSSL_PARAM_UTF8_STRING) {
		if (OSSL_PARAM_get_utf8_string_ptr(parameter, &name) != 1)
			return 0;
		signing->pss = strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
		return signing->pss || strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0;
	}
	if (OSSL_PARAM_get_int(parameter, &mode) != 1)
		return 0;
	signing->pss = mode == RSA_PKCS1_PSS_PADDING;
	return signing->pss || mode == RSA_PKCS1_PADDING;
}

/* A salt as long as the digest is the only one that TLS knows. */
static int check_salt(const OSSL_PARAM *parameter)
{
	const char *name = NULL;
	int size = 0;

	if (parameter->data_type == OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_utf8_string_ptr(parameter, &name) == 1 &&
		       strcmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
	return OSSL_PARAM_get_int(parameter, &size) == 1 && size == RSA_PSS_SALTLEN_DIGEST;
}

static int signing_set_params(void *data, const OSSL_PARAM parameters[])
{
	Signing *signing = data;

	for (const OSSL_PARAM *at = parameters; at != NULL && at->key != NULL; at++) {
		if (strcmp(at->key, OSSL_SIGNATURE_PARAM_PAD_MODE) == 0 &&
			!set_padding(signing, at))
			return 0;
		if (strcmp(at->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) == 0 && !check_salt(at))
			return 0;
	}
	return 1;
}

static const OSSL_PARAM *signing_settable(void *data, void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	return types;
}

static int signing_begin(void *data, const char *digest, void *held, const OSSL_PARAM parameters[])
{
	Signing *signing = data;

	signing->held = held;
	g_free(signing->digest);
	signing->digest = plain_digest_name(digest);
	return ((const Held *)held)->key != NULL && signing_set_params(signing, parameters);
}

static int signing_sign(void *data, unsigned char *signature, size_t *size, size_t room,
	const unsigned char *message, size_t message_size)
{
	Signing *signing = data;
	Key *key = signing->held->key;
	KeyScheme scheme = { signing->digest, signing->pss };
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) made = NULL;
	gsize made_size;
	gconstpointer bytes;

	if (signature == NULL) {
		*size = (size_t)EVP_PKEY_get_size(key->pkey);
		return 1;
	}
	made = key_sign_by_scheme(key, &scheme, message, message_size, &error);
	if (made == NULL) {
		g_warning("the key does not sign: %s", error->message);
		ERR_raise_data(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN, "%s", error->message);
		return 0;
	}
	bytes = g_bytes_get_data(made, &made_size);
	if (made_size > room)
		return 0;
	memcpy(signature, bytes, made_size);
	*size = made_size;
	return 1;
}

static int signing_add(void *data, const unsigned char *message, size_t size)
{
	Signing *signing = data;

	if (signing->message == NULL)
		signing->message = g_byte_array_new();
	if (size > MESSAGE_SIZE_MAX - signing->message->len)
		return 0;
	g_byte_array_append(signing->message, message, (guint)size);
	return 1;
}

static int signing_end(void *data, unsigned char *signature, size_t *size, size_t room)
{
	Signing *signing = data;
	static const unsigned char none[1];

	return signing_sign(data, signature, size, room,
		signing->message != NULL ? signing->message->data : none,
		signing->message != NULL ? signing->message->len : 0);
}

static const OSSL_DISPATCH signature_functions[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_begin),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, signing_add),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, signing_end),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_params),
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable),
	{ 0, NULL },
};

/* --- The provider --- */

static const OSSL_ALGORITHM managements[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, rsa_management, NULL },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, ec_management, NULL },
	{ "ED25519:1.3.101.112", PROPERTIES, ed25519_management, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, signature_functions, NULL },
	{ "ECDSA", PROPERTIES, signature_functions, NULL },
	{ "ED25519:1.3.101.112", PROPERTIES, signature_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return managements;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **ret_provider)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
		{ 0, NULL },
	};

	*out = functions;
	*ret_provider = (void *)(guintptr)handle;
	return 1;
}

/* Once in the life of the program; NULL where OpenSSL cannot. */
static OSSL_LIB_CTX *provider_context(void)
{
	static OSSL_LIB_CTX *context;
	static gsize is_made;

	if (g_once_init_enter(&is_made)) {
		context = OSSL_LIB_CTX_new();
		if (OSSL_PROVIDER_add_builtin(context, PROVIDER_NAME, provider_init) != 1 ||
			OSSL_PROVIDER_load(context, PROVIDER_NAME) == NULL)
			g_clear_pointer(&context, OSSL_LIB_CTX_free);
		g_once_init_leave(&is_made, 1);
	}
	return context;
}

static EVP_PKEY *wrap(Key *key)
{
	EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new_from_name(provider_context(), algorithms[key->kind], PROPERTIES);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_ptr(PARAMETER_KEY, (void **)&key, sizeof *key),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *pkey = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, parameters) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(context);
	return pkey;
}

EVP_PKEY *key_make_pkey(Key *key, GError **error)
{
	EVP_PKEY *pkey;

	if (key->signer == NULL) {
		EVP_PKEY_up_ref(key->pkey);
		return key->pkey;
	}
	pkey = provider_context() != NULL ? wrap(key) : NULL;
	if (pkey == NULL)
		crypto_set_error(
			error, ROTA_ERROR_INTERNAL, "give OpenSSL a key that stays elsewhere");
	return pkey;
}
