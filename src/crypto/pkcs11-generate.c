/* SPDX-License-Identifier: Apache-2.0 */
/* A pair that is made inside the token, whose private half cannot be read by anybody. */
#include <string.h>
#include "base/error.h"
#include "crypto/digest.h"
#include "crypto/pkcs11-private.h"

enum { ID_SIZE = 8, TEMPLATE_SIZE_MAX = 12 };

/* DER: the curve's object identifier; Ed25519's as RFC 8410 has it. */
static const guint8 p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const guint8 ed25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 };

static const struct {
	KeyKind kind;
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE type;
	const guint8 *curve; /* or NULL: RSA */
	CK_ULONG curve_size;
} recipes[] = {
	{ KEY_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, NULL, 0 },
	{ KEY_P256, CKM_EC_KEY_PAIR_GEN, CKK_EC, p256, sizeof p256 },
	{ KEY_ED25519, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, ed25519, sizeof ed25519 },
};

typedef struct {
	CK_ATTRIBUTE rows[TEMPLATE_SIZE_MAX];
	CK_ULONG n;
} Template;

static void add(Template *template, CK_ATTRIBUTE_TYPE type, gconstpointer value, CK_ULONG size)
{
	g_assert(template->n < TEMPLATE_SIZE_MAX);
	template->rows[template->n++] = (CK_ATTRIBUTE){ type, (void *)(guintptr)value, size };
}

static void add_flag(Template *template, CK_ATTRIBUTE_TYPE type, gboolean value)
{
	static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

	add(template, type, value ? &yes : &no, sizeof yes);
}

/* What finds the pair again: the names of the URI, and an id where it has none. */
static void add_names(Template *template, P11KitUri *uri, const guint8 *fallback_id)
{
	CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
	CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);

	if (label != NULL)
		add(template, CKA_LABEL, label->pValue, label->ulValueLen);
	add(template, CKA_ID, id != NULL ? id->pValue : fallback_id,
		id != NULL ? id->ulValueLen : ID_SIZE);
}

static gint find_recipe(KeyKind kind)
{
	for (gsize i = 0; i < G_N_ELEMENTS(recipes); i++)
		if (recipes[i].kind == kind)
			return (gint)i;
	return -1;
}

/* Another key by the same names would make both unusable. */
static gboolean check_is_new(const Pkcs11Session *session, GError **error)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	if (!pkcs11_find_object(session, CKO_PRIVATE_KEY, &object, error))
		return FALSE;
	if (object == CK_INVALID_HANDLE)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"the token holds such a key already, and it is not replaced");
	return FALSE;
}

gboolean pkcs11_generate(Pkcs11Session *session, KeyKind kind, guint bits, GError **error)
{
	static const guint8 exponent[] = { 0x01, 0x00, 0x01 };
	gint recipe = find_recipe(kind);
	Template public = { 0 }, private = { 0 };
	CK_OBJECT_HANDLE objects[2];
	CK_ULONG modulus_bits = bits;
	guint8 id[ID_SIZE];
	CK_RV rv;

	if (recipe < 0)
		return pkcs11_fail(CKR_MECHANISM_INVALID, "keys of this kind are not made", error);
	if (!check_is_new(session, error))
		return FALSE;
	random_bytes(id, sizeof id);
	add_names(&public, session->uri, id);
	add_names(&private, session->uri, id);
	add_flag(&public, CKA_TOKEN, TRUE);
	add_flag(&public, CKA_VERIFY, TRUE);
	add_flag(&private, CKA_TOKEN, TRUE);
	add_flag(&private, CKA_PRIVATE, TRUE);
	add_flag(&private, CKA_SIGN, TRUE);
	add_flag(&private, CKA_SENSITIVE, TRUE);
	add_flag(&private, CKA_EXTRACTABLE, FALSE);
	if (recipes[recipe].curve != NULL) {
		add(&public, CKA_EC_PARAMS, recipes[recipe].curve, recipes[recipe].curve_size);
	} else {
		add(&public, CKA_MODULUS_BITS, &modulus_bits, sizeof modulus_bits);
		add(&public, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
	}
	CK_MECHANISM mechanism = { recipes[recipe].mechanism, NULL, 0 };
	rv = session->token->C_GenerateKeyPair(session->session, &mechanism, public.rows, public.n,
		private.rows, private.n, &objects[0], &objects[1]);
	return rv == CKR_OK || pkcs11_fail(rv, "the token does not make the key", error);
}
