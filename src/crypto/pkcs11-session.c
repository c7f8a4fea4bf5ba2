/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "crypto/key.h"
#include "crypto/pkcs11-private.h"

enum { SLOTS_MAX = 64 };

/* What a return value means for whoever waits for the signature; all others are faults of the
 * token. */
static const struct {
	CK_RV rv;
	RotaError code;
} meanings[] = {
	{ CKR_PIN_INCORRECT, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_PIN_INVALID, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_PIN_LEN_RANGE, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_PIN_EXPIRED, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_PIN_LOCKED, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_USER_NOT_LOGGED_IN, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_USER_PIN_NOT_INITIALIZED, ROTA_ERROR_UNAUTHORIZED },
	{ CKR_KEY_FUNCTION_NOT_PERMITTED, ROTA_ERROR_FORBIDDEN },
	{ CKR_MECHANISM_INVALID, ROTA_ERROR_UNSUPPORTED },
};

gboolean pkcs11_fail(CK_RV rv, const char *what, GError **error)
{
	RotaError code = ROTA_ERROR_UNAVAILABLE;

	for (gsize i = 0; i < G_N_ELEMENTS(meanings); i++) {
		if (meanings[i].rv == rv)
			code = meanings[i].code;
	}
	g_set_error(error, ROTA_ERROR, code, "%s: %s", what, p11_kit_strerror(rv));
	return FALSE;
}

/* --- modules --- */

static gboolean load_module(Pkcs11Session *session, const char *path, GError **error)
{
	const char *reason;
	CK_RV rv;

	session->module = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
	if (session->module == NULL) {
		reason = p11_kit_message();
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
			"the PKCS#11 module %s cannot be loaded%s%s", path, reason ? ": " : "",
			reason ? reason : "");
		return FALSE;
	}
	rv = p11_kit_module_initialize(session->module);
	if (rv == CKR_OK)
		return TRUE;
	p11_kit_module_release(session->module);
	session->module = NULL;
	return pkcs11_fail(rv, "start the PKCS#11 module", error);
}

/* Leaves the modules to be searched in @ret_modules, which ends with NULL. */
static gboolean load_modules(Pkcs11Session *session, CK_FUNCTION_LIST *ret_one[2], GError **error)
{
	const char *path = p11_kit_uri_get_module_path(session->uri);
	const char *name = p11_kit_uri_get_module_name(session->uri);

	if (path != NULL) {
		if (!load_module(session, path, error))
			return FALSE;
		ret_one[0] = session->module;
		return TRUE;
	}
	session->modules = p11_kit_modules_load_and_initialize(0);
	if (session->modules == NULL || session->modules[0] == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
			"no PKCS#11 module is configured; module-path= in the URI names one");
		return FALSE;
	}
	if (name == NULL)
		return TRUE;
	ret_one[0] = p11_kit_module_for_name(session->modules, name);
	if (ret_one[0] != NULL)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
		"no PKCS#11 module is configured by the name %s", name);
	return FALSE;
}

/* --- the token --- */

/* Texts of PKCS#11 are padded with blanks, not ended. */
static char *text_of(const unsigned char *padded, gsize size)
{
	while (size > 0 && padded[size - 1] == ' ')
		size--;
	g_autofree char *text = g_strndup((const char *)padded, size);
	return g_utf8_make_valid(text, -1);
}

/* How well a token fits: more is better, 0 not at all. */
static guint fit_of(const CK_TOKEN_INFO *info, gboolean for_private)
{
	if (!(info->flags & CKF_TOKEN_INITIALIZED))
		return 0;
	return for_private && (info->flags & CKF_LOGIN_REQUIRED) ? 2 : 1;
}

typedef struct {
	guint fit;      /* of the best one */
	guint n;        /* that fit as well */
	GString *names; /* of those */
} Candidates;

static gboolean slot_matches(const Pkcs11Session *session, CK_FUNCTION_LIST *module,
	CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info)
{
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(session->uri);
	CK_SLOT_INFO slot_info;

	return (wanted == (CK_SLOT_ID)-1 || wanted == slot) &&
	       module->C_GetSlotInfo(slot, &slot_info) == CKR_OK &&
	       p11_kit_uri_match_slot_info(session->uri, &slot_info) &&
	       module->C_GetTokenInfo(slot, ret_info) == CKR_OK &&
	       p11_kit_uri_match_token_info(session->uri, ret_info);
}

static void consider(Pkcs11Session *session, Candidates *found, CK_FUNCTION_LIST *module,
	CK_SLOT_ID slot, gboolean for_private)
{
	CK_TOKEN_INFO info;

	if (!slot_matches(session, module, slot, &info))
		return;
	guint fit = fit_of(&info, for_private);
	if (fit == 0 || fit < found->fit)
		return;
	if (fit > found->fit) {
		*found = (Candidates){ .fit = fit, .names = g_string_truncate(found->names, 0) };
		session->token = module;
		session->slot = slot;
		session->info = info;
	}
	found->n++;
	g_autofree char *label = text_of(info.label, sizeof info.label);
	g_autofree char *serial = text_of(info.serialNumber, sizeof info.serialNumber);
	g_string_append_printf(
		found->names, "%s%s (serial=%s)", found->names->len > 0 ? ", " : "", label, serial);
}

static void search_module(
	Pkcs11Session *session, Candidates *found, CK_FUNCTION_LIST *module, gboolean for_private)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n_slots = SLOTS_MAX;
	CK_INFO info;

	if (module->C_GetInfo(&info) != CKR_OK ||
		!p11_kit_uri_match_module_info(session->uri, &info) ||
		module->C_GetSlotList(CK_TRUE, slots, &n_slots) != CKR_OK)
		return;
	for (CK_ULONG i = 0; i < n_slots; i++)
		consider(session, found, module, slots[i], for_private);
}

static gboolean judge(const Candidates *found, GError **error)
{
	if (found->n == 1)
		return TRUE;
	if (found->n == 0)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no token matches");
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%u tokens match, and one must be named: %s", found->n, found->names->str);
	return FALSE;
}

gboolean pkcs11_session_find_token(Pkcs11Session *session, gboolean for_private, GError **error)
{
	CK_FUNCTION_LIST *one[2] = { NULL, NULL };
	Candidates found = { 0 };
	gboolean good;

	if (!load_modules(session, one, error))
		return FALSE;
	found.names = g_string_new(NULL);
	for (CK_FUNCTION_LIST **module = one[0] != NULL ? one : session->modules; *module != NULL;
		module++)
		search_module(session, &found, *module, for_private);
	good = judge(&found, error);
	g_string_free(found.names, TRUE);
	return good;
}

/* --- the session --- */

gboolean pkcs11_session_open(Pkcs11Session *session, GError **error)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (session->writes ? CKF_RW_SESSION : 0);
	CK_RV rv =
		session->token->C_OpenSession(session->slot, flags, NULL, NULL, &session->session);

	return rv == CKR_OK || pkcs11_fail(rv, "open a session with the token", error);
}

gboolean pkcs11_session_wants_pin(const Pkcs11Session *session)
{
	return (session->info.flags & CKF_LOGIN_REQUIRED) &&
	       !(session->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH);
}

/* How many tries are left is worth knowing before the last one is spent. */
static void add_tries_left(Pkcs11Session *session, GError **error)
{
	CK_TOKEN_INFO info;

	if (error == NULL || session->token->C_GetTokenInfo(session->slot, &info) != CKR_OK)
		return;
	if (info.flags & CKF_USER_PIN_LOCKED)
		g_prefix_error(error, "the token has locked its PIN: ");
	else if (info.flags & CKF_USER_PIN_FINAL_TRY)
		g_prefix_error(error, "one more wrong PIN locks the token: ");
}

CK_RV pkcs11_session_tell_pin(const Pkcs11Session *session, CK_USER_TYPE user)
{
	const char *pin = session->pin;

	return session->token->C_Login(session->session, user, (unsigned char *)(guintptr)pin,
		pin != NULL ? strlen(pin) : 0);
}

void pkcs11_session_forget_pin(Pkcs11Session *session)
{
	g_clear_pointer(&session->pin, key_secret_free);
}

gboolean pkcs11_session_login(Pkcs11Session *session, GError **error)
{
	CK_RV rv;

	if (!(session->info.flags & CKF_LOGIN_REQUIRED))
		return TRUE;
	if (session->info.flags & CKF_USER_PIN_LOCKED)
		return pkcs11_fail(CKR_PIN_LOCKED, "the PIN is not tried", error);
	rv = pkcs11_session_tell_pin(session, CKU_USER);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return TRUE;
	pkcs11_fail(rv, "the token refuses the PIN", error);
	add_tries_left(session, error);
	return FALSE;
}

void pkcs11_session_close(Pkcs11Session *session)
{
	if (session->session != 0)
		session->token->C_CloseSession(session->session);
	if (session->modules != NULL)
		p11_kit_modules_finalize_and_release(session->modules);
	if (session->module != NULL) {
		p11_kit_module_finalize(session->module);
		p11_kit_module_release(session->module);
	}
	p11_kit_uri_free(session->uri);
	pkcs11_session_forget_pin(session);
	*session = (Pkcs11Session){ 0 };
}
