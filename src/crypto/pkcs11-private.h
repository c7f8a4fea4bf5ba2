/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <openssl/evp.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include "crypto/key.h"

/* The parts of a key in a token: the thread that speaks with its module, the session with the
 * token, the objects in it, and the signatures that they make. */

/* --- pkcs11-thread.c: calls that may hang --- */

/* Steps run one after the other in a thread of their own, so a module needs no locks of ours; who
 * waits for one waits with a deadline. */
typedef struct Pkcs11Thread Pkcs11Thread;
typedef gboolean (*Pkcs11Step)(gpointer data, GError **error);

Pkcs11Thread *pkcs11_thread_new(void);

/* After ROTA_ERROR_TIMED_OUT the step may still run and @data must be left as it is, for ever: see
 * pkcs11_thread_is_stuck(). */
gboolean pkcs11_thread_run(Pkcs11Thread *thread, Pkcs11Step step, gpointer data, guint deadline_s,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A step did not come back. No other is begun. */
gboolean pkcs11_thread_is_stuck(const Pkcs11Thread *thread);

/* A stuck one is left behind. */
void pkcs11_thread_free(Pkcs11Thread *thread);

/* --- pkcs11-session.c: from a URI to a session. All run in the thread. --- */

typedef struct {
	P11KitUri *uri;
	CK_FUNCTION_LIST **modules; /* of the configuration, or */
	CK_FUNCTION_LIST *module;   /* the one of module-path */
	CK_FUNCTION_LIST *token;    /* the module of the token that matched */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE session; /* 0: none */
	gboolean writes;           /* objects are to be made in the token */
	char *pin; /* kept behind the login for keys that want it again for every signature */
} Pkcs11Session;

/* Loads modules, and finds the one token. @for_private: tokens that ask for no PIN are left out
 * where several match: lists of trusted certificates come as tokens too. */
gboolean pkcs11_session_find_token(
	Pkcs11Session *session, gboolean for_private, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pkcs11_session_open(Pkcs11Session *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Must a PIN be given in software? Some tokens have a pad of their own. */
gboolean pkcs11_session_wants_pin(const Pkcs11Session *session);
gboolean pkcs11_session_login(Pkcs11Session *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Gives @user's PIN to the token, or has it typed on the token's pad. */
CK_RV pkcs11_session_tell_pin(const Pkcs11Session *session, CK_USER_TYPE user);
void pkcs11_session_forget_pin(Pkcs11Session *session);
void pkcs11_session_close(Pkcs11Session *session);

/* Sets @error as "WHAT: the reason in words"; always FALSE. */
gboolean pkcs11_fail(CK_RV rv, const char *what, GError **error);

/* --- pkcs11-object.c: keys in a session. All run in the thread. --- */

/* The one object of @class that the URI names; CK_INVALID_HANDLE: there is none. */
gboolean pkcs11_find_object(const Pkcs11Session *session, CK_OBJECT_CLASS class,
	CK_OBJECT_HANDLE *ret_object, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The object of @class with the CKA_ID of @other, or CK_INVALID_HANDLE. */
CK_OBJECT_HANDLE pkcs11_find_partner(
	const Pkcs11Session *session, CK_OBJECT_HANDLE other, CK_OBJECT_CLASS class);

/* The public half that a public key, a certificate or an RSA private key holds; NULL: none that can
 * be read. */
EVP_PKEY *pkcs11_read_public(
	const Pkcs11Session *session, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS class);

/* A boolean attribute; FALSE where the object has none of the kind. */
gboolean pkcs11_read_flag(
	const Pkcs11Session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

/* --- pkcs11-generate.c: a new pair. It runs in the thread. --- */

/* ROTA_ERROR_CONFLICT where the URI names a private key that is there already. @bits: RSA only. */
gboolean pkcs11_generate(
	Pkcs11Session *session, KeyKind kind, guint bits, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- pkcs11-signature.c: what a key in a session signs. It runs in the thread. --- */

typedef struct {
	CK_OBJECT_HANDLE object;
	KeyKind kind;
	gboolean wants_pin_always; /* for each signature anew */
} Pkcs11SigningKey;

/* @ret_pin_refused: TRUE where the PIN that a signature wants was refused. */
GBytes *pkcs11_make_signature(Pkcs11Session *session, const Pkcs11SigningKey *key, KeyScheme scheme,
	GBytes *message, gboolean *ret_pin_refused, GError **error) G_GNUC_WARN_UNUSED_RESULT;
