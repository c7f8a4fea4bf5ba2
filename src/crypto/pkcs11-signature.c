/* SPDX-License-Identifier: Apache-2.0 */
/* What a token is asked, so that it signs in the scheme that is wanted. */
#include <string.h>
#include "crypto/pkcs11-private.h"

enum { SIGNATURE_SIZE_MAX = 4096, DIGEST_INFO_PREFIX_SIZE = 19 };

typedef enum {
	INPUT_DIGEST_INFO, /* a digest with its name before it, as PKCS#1 v1.5 pads it */
	INPUT_DIGEST,
	INPUT_MESSAGE, /* the token hashes */
} SignInput;

typedef enum { FAMILY_RSA, FAMILY_RSA_PSS, FAMILY_EC, FAMILY_ED25519 } Family;

#define ANY_DIGEST NULL

/* In order of preference: a manifest has up to 4 MiB, a digest has 32 bytes; some tokens in FIPS
 * mode sign only what they hashed themselves. */
static const struct {
	Family family;
	const char *digest;
	CK_MECHANISM_TYPE mechanism;
	SignInput input;
} ways[] = {
	{ FAMILY_RSA, ANY_DIGEST, CKM_RSA_PKCS, INPUT_DIGEST_INFO },
	{ FAMILY_RSA, "SHA256", CKM_SHA256_RSA_PKCS, INPUT_MESSAGE },
	{ FAMILY_RSA, "SHA384", CKM_SHA384_RSA_PKCS, INPUT_MESSAGE },
	{ FAMILY_RSA, "SHA512", CKM_SHA512_RSA_PKCS, INPUT_MESSAGE },
	{ FAMILY_RSA_PSS, ANY_DIGEST, CKM_RSA_PKCS_PSS, INPUT_DIGEST },
	{ FAMILY_RSA_PSS, "SHA256", CKM_SHA256_RSA_PKCS_PSS, INPUT_MESSAGE },
	{ FAMILY_RSA_PSS, "SHA384", CKM_SHA384_RSA_PKCS_PSS, INPUT_MESSAGE },
	{ FAMILY_RSA_PSS, "SHA512", CKM_SHA512_RSA_PKCS_PSS, INPUT_MESSAGE },
	{ FAMILY_EC, ANY_DIGEST, CKM_ECDSA, INPUT_DIGEST },
	{ FAMILY_EC, "SHA256", CKM_ECDSA_SHA256, INPUT_MESSAGE },
	{ FAMILY_EC, "SHA384", CKM_ECDSA_SHA384, INPUT_MESSAGE },
	{ FAMILY_EC, "SHA512", CKM_ECDSA_SHA512, INPUT_MESSAGE },
	{ FAMILY_ED25519, ANY_DIGEST, CKM_EDDSA, INPUT_MESSAGE },
};

/* RFC 8017, section 9.2, note 1. */
static const struct {
	const char *name;
	guint8 prefix[DIGEST_INFO_PREFIX_SIZE];
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_MGF_TYPE mask;
} digests[] = {
	{ "SHA256",
		{ 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x01, 0x05, 0x00, 0x04, 0x20 },
		CKM_SHA256, CKG_MGF1_SHA256 },
	{ "SHA384",
		{ 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x02, 0x05, 0x00, 0x04, 0x30 },
		CKM_SHA384, CKG_MGF1_SHA384 },
	{ "SHA512",
		{ 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x03, 0x05, 0x00, 0x04, 0x40 },
		CKM_SHA512, CKG_MGF1_SHA512 },
};

static Family family_of(KeyKind kind, const KeyScheme *scheme)
{
	if (kind == KEY_RSA)
		return scheme->pss ? FAMILY_RSA_PSS : FAMILY_RSA;
	return kind == KEY_ED25519 ? FAMILY_ED25519 : FAMILY_EC;
}

/* -1: none of ours; Ed25519 has none. */
static gint find_digest(const char *name)
{
	for (gsize i = 0; name != NULL && i < G_N_ELEMENTS(digests); i++)
		if (strcmp(digests[i].name, name) == 0)
			return (gint)i;
	return -1;
}

static gboolean can_sign(const Pkcs11Session *session, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_INFO info;

	return session->token->C_GetMechanismInfo(session->slot, type, &info) == CKR_OK &&
	       (info.flags & CKF_SIGN);
}

static GBytes *make_input(GBytes *message, SignInput input, gint digest)
{
	guint8 digest_info[DIGEST_INFO_PREFIX_SIZE + EVP_MAX_MD_SIZE];
	gsize size, digest_size = 0;
	gconstpointer data = g_bytes_get_data(message, &size);

	if (input == INPUT_MESSAGE)
		return g_bytes_ref(message);
	memcpy(digest_info, digests[digest].prefix, DIGEST_INFO_PREFIX_SIZE);
	if (EVP_Q_digest(NULL, digests[digest].name, NULL, data, size,
		    digest_info + DIGEST_INFO_PREFIX_SIZE, &digest_size) != 1)
		g_assert_not_reached();
	if (input == INPUT_DIGEST)
		return g_bytes_new(digest_info + DIGEST_INFO_PREFIX_SIZE, digest_size);
	return g_bytes_new(digest_info, DIGEST_INFO_PREFIX_SIZE + digest_size);
}

/* A PIN for signatures may be another one than that of the login: each wrong try counts towards a
 * lock. What is typed on a pad is not ours to count. */
static CK_RV log_in_for_signature(Pkcs11Session *session, gboolean *ret_pin_refused)
{
	CK_RV rv = pkcs11_session_tell_pin(session, CKU_CONTEXT_SPECIFIC);

	if (rv != CKR_OK && session->pin != NULL) {
		*ret_pin_refused = TRUE;
		pkcs11_session_forget_pin(session);
	}
	return rv;
}

static CK_RV sign_by(Pkcs11Session *session, const Pkcs11SigningKey *key, CK_MECHANISM *mechanism,
	GBytes *input, gboolean *ret_pin_refused, GBytes **ret_signature)
{
	CK_FUNCTION_LIST *token = session->token;
	guint8 signature[SIGNATURE_SIZE_MAX];
	CK_ULONG signature_size = sizeof signature;
	gsize size;
	gconstpointer data = g_bytes_get_data(input, &size);
	CK_RV rv = token->C_SignInit(session->session, mechanism, key->object);

	if (rv == CKR_OK && key->wants_pin_always)
		rv = log_in_for_signature(session, ret_pin_refused);
	if (rv == CKR_OK)
		rv = token->C_Sign(session->session, (guint8 *)(guintptr)data, size, signature,
			&signature_size);
	if (rv == CKR_OK)
		*ret_signature = g_bytes_new(signature, signature_size);
	return rv;
}

/* The first way that the token knows; -1: none. */
static gint find_way(const Pkcs11Session *session, Family family, const char *digest)
{
	for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
		if (ways[i].family == family &&
			(ways[i].digest == ANY_DIGEST || g_strcmp0(ways[i].digest, digest) == 0) &&
			can_sign(session, ways[i].mechanism))
			return (gint)i;
	return -1;
}

GBytes *pkcs11_make_signature(Pkcs11Session *session, const Pkcs11SigningKey *key, KeyScheme scheme,
	GBytes *message, gboolean *ret_pin_refused, GError **error)
{
	Family family = family_of(key->kind, &scheme);
	gint digest = find_digest(scheme.digest);
	gint way = digest >= 0 || family == FAMILY_ED25519
			   ? find_way(session, family, scheme.digest)
			   : -1;
	CK_RSA_PKCS_PSS_PARAMS pss = { 0 };
	GBytes *signature = NULL;
	CK_RV rv;

	if (way < 0) {
		pkcs11_fail(CKR_MECHANISM_INVALID, "the token does not sign with such keys", error);
		return NULL;
	}
	CK_MECHANISM mechanism = { ways[way].mechanism, NULL, 0 };
	if (family == FAMILY_RSA_PSS) {
		pss.hashAlg = digests[digest].mechanism;
		pss.mgf = digests[digest].mask;
		pss.sLen = (CK_ULONG)EVP_MD_get_size(EVP_get_digestbyname(scheme.digest));
		mechanism.pParameter = &pss;
		mechanism.ulParameterLen = sizeof pss;
	}
	g_autoptr(GBytes) input = make_input(message, ways[way].input, digest);
	rv = sign_by(session, key, &mechanism, input, ret_pin_refused, &signature);
	if (rv != CKR_OK)
		pkcs11_fail(rv, "the token does not sign", error);
	return signature;
}
