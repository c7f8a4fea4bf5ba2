/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include "base/error.h"
#include "crypto/pkcs11-private.h"

enum {
	ATTRIBUTE_SIZE_MAX = 64 * 1024, /* a certificate is the largest we read */
	TEMPLATE_SIZE_MAX = 4,
	ED25519_POINT_SIZE = 32,
	OCTET_STRING_HEAD_SIZE = 2,
};

typedef unsigned char Bytes;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM, OSSL_PARAM_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_OBJECT, ASN1_OBJECT_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)

/* --- attributes --- */

/* NULL where the object has none, or hides it. */
static GBytes *read_attribute(
	const Pkcs11Session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE attribute = { .type = type };
	g_autofree Bytes *value = NULL;
	CK_FUNCTION_LIST *token = session->token;

	if (token->C_GetAttributeValue(session->session, object, &attribute, 1) != CKR_OK ||
		attribute.ulValueLen == 0 || attribute.ulValueLen > ATTRIBUTE_SIZE_MAX)
		return NULL;
	value = g_malloc(attribute.ulValueLen);
	attribute.pValue = value;
	if (token->C_GetAttributeValue(session->session, object, &attribute, 1) != CKR_OK)
		return NULL;
	return g_bytes_new_take(g_steal_pointer(&value), attribute.ulValueLen);
}

gboolean pkcs11_read_flag(
	const Pkcs11Session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL flag = CK_FALSE;
	CK_ATTRIBUTE attribute = { type, &flag, sizeof flag };

	return session->token->C_GetAttributeValue(session->session, object, &attribute, 1) ==
		       CKR_OK &&
	       flag == CK_TRUE;
}

static CK_ULONG read_number(
	const Pkcs11Session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG number = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE attribute = { type, &number, sizeof number };

	if (session->token->C_GetAttributeValue(session->session, object, &attribute, 1) != CKR_OK)
		return CK_UNAVAILABLE_INFORMATION;
	return number;
}

/* --- finding --- */

/* At most two: more than one is already too many to choose from. */
static CK_RV find_two(const Pkcs11Session *session, CK_ATTRIBUTE *template, CK_ULONG size,
	CK_OBJECT_HANDLE ret_objects[2], CK_ULONG *ret_n)
{
	CK_FUNCTION_LIST *token = session->token;
	CK_RV rv = token->C_FindObjectsInit(session->session, template, size);

	if (rv != CKR_OK)
		return rv;
	rv = token->C_FindObjects(session->session, ret_objects, 2, ret_n);
	token->C_FindObjectsFinal(session->session);
	return rv;
}

gboolean pkcs11_find_object(const Pkcs11Session *session, CK_OBJECT_CLASS class,
	CK_OBJECT_HANDLE *ret_object, GError **error)
{
	static const CK_ATTRIBUTE_TYPE named[] = { CKA_ID, CKA_LABEL };
	CK_ATTRIBUTE template[TEMPLATE_SIZE_MAX] = { { CKA_CLASS, &class, sizeof class } };
	CK_OBJECT_HANDLE objects[2];
	CK_ULONG size = 1, n = 0;
	CK_RV rv;

	for (gsize i = 0; i < G_N_ELEMENTS(named); i++) {
		CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(session->uri, named[i]);

		if (attribute != NULL)
			template[size++] = *attribute;
	}
	*ret_object = CK_INVALID_HANDLE;
	rv = find_two(session, template, size, objects, &n);
	if (rv != CKR_OK)
		return pkcs11_fail(rv, "look for the key in the token", error);
	if (n > 1) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"several keys in the token match; object= or id= must name one");
		return FALSE;
	}
	if (n == 1)
		*ret_object = objects[0];
	return TRUE;
}

CK_OBJECT_HANDLE pkcs11_find_partner(
	const Pkcs11Session *session, CK_OBJECT_HANDLE other, CK_OBJECT_CLASS class)
{
	g_autoptr(GBytes) id = read_attribute(session, other, CKA_ID);
	CK_OBJECT_HANDLE objects[2];
	CK_ULONG n = 0;
	gsize size;

	if (id == NULL)
		return CK_INVALID_HANDLE;
	gconstpointer data = g_bytes_get_data(id, &size);
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof class },
		{ CKA_ID, (void *)(guintptr)data, size },
	};
	if (find_two(session, template, G_N_ELEMENTS(template), objects, &n) != CKR_OK || n == 0)
		return CK_INVALID_HANDLE;
	return objects[0];
}

/* --- public halves --- */

static EVP_PKEY *key_from(OSSL_PARAM_BLD *builder, const char *algorithm)
{
	g_autoptr(OSSL_PARAM) parameters = OSSL_PARAM_BLD_to_param(builder);
	g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *pkey = NULL;

	if (parameters == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		ERR_clear_error();
	return pkey;
}

static BIGNUM *number_from(GBytes *bytes)
{
	gsize size;
	const Bytes *data = g_bytes_get_data(bytes, &size);

	return BN_bin2bn(data, (int)size, NULL);
}

static EVP_PKEY *read_rsa(const Pkcs11Session *session, CK_OBJECT_HANDLE object)
{
	g_autoptr(GBytes) modulus = read_attribute(session, object, CKA_MODULUS);
	g_autoptr(GBytes) exponent = read_attribute(session, object, CKA_PUBLIC_EXPONENT);
	g_autoptr(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();

	if (modulus == NULL || exponent == NULL)
		return NULL;
	g_autoptr(BIGNUM) n = number_from(modulus);
	g_autoptr(BIGNUM) e = number_from(exponent);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
	return key_from(builder, "RSA");
}

/* The point is wrapped in an OCTET STRING, as the standard wants; some tokens give it bare. */
static GBytes *unwrap_point(GBytes *point)
{
	gsize size;
	const Bytes *data = g_bytes_get_data(point, &size);
	const Bytes *at = data;
	g_autoptr(ASN1_OCTET_STRING) wrapped = d2i_ASN1_OCTET_STRING(NULL, &at, (long)size);

	if (wrapped != NULL && at == data + size)
		return g_bytes_new(
			ASN1_STRING_get0_data(wrapped), (gsize)ASN1_STRING_length(wrapped));
	ERR_clear_error();
	return g_bytes_ref(point);
}

static EVP_PKEY *read_ec(const Pkcs11Session *session, CK_OBJECT_HANDLE object)
{
	g_autoptr(GBytes) curve = read_attribute(session, object, CKA_EC_PARAMS);
	g_autoptr(GBytes) wrapped = read_attribute(session, object, CKA_EC_POINT);
	g_autoptr(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();
	gsize size;

	if (curve == NULL || wrapped == NULL)
		return NULL;
	const Bytes *at = g_bytes_get_data(curve, &size);
	g_autoptr(ASN1_OBJECT) name = d2i_ASN1_OBJECT(NULL, &at, (long)size);
	if (name == NULL) {
		ERR_clear_error(); /* a curve written out in full, which nobody should trust */
		return NULL;
	}
	g_autoptr(GBytes) point = unwrap_point(wrapped);
	gconstpointer data = g_bytes_get_data(point, &size);
	OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(OBJ_obj2nid(name)), 0);
	OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, data, size);
	return key_from(builder, "EC");
}

/* PKCS#11 3.0 has Ed25519's point as any other; its length says whether it is wrapped. */
static EVP_PKEY *read_ed25519(const Pkcs11Session *session, CK_OBJECT_HANDLE object)
{
	g_autoptr(GBytes) point = read_attribute(session, object, CKA_EC_POINT);
	gsize size = 0;
	const Bytes *data = point != NULL ? g_bytes_get_data(point, &size) : NULL;
	gsize skipped =
		size == ED25519_POINT_SIZE + OCTET_STRING_HEAD_SIZE ? OCTET_STRING_HEAD_SIZE : 0;

	if (size - skipped != ED25519_POINT_SIZE)
		return NULL;
	return EVP_PKEY_new_raw_public_key(
		EVP_PKEY_ED25519, NULL, data + skipped, ED25519_POINT_SIZE);
}

static EVP_PKEY *read_certificate(const Pkcs11Session *session, CK_OBJECT_HANDLE object)
{
	g_autoptr(GBytes) der = read_attribute(session, object, CKA_VALUE);
	gsize size;

	if (der == NULL)
		return NULL;
	const Bytes *at = g_bytes_get_data(der, &size);
	g_autoptr(X509) certificate = d2i_X509(NULL, &at, (long)size);
	EVP_PKEY *pkey = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
	ERR_clear_error();
	return pkey;
}

EVP_PKEY *pkcs11_read_public(
	const Pkcs11Session *session, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS class)
{
	if (class == CKO_CERTIFICATE)
		return read_certificate(session, object);
	switch (read_number(session, object, CKA_KEY_TYPE)) {
	case CKK_RSA:
		return read_rsa(session, object);
	case CKK_EC:
		return read_ec(session, object);
	case CKK_EC_EDWARDS:
		return read_ed25519(session, object);
	default:
		return NULL;
	}
}
