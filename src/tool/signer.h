/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"
#include "crypto/key.h"

/* The key options that every verb shares which signs or checks, and the way from them to a key. */
typedef struct {
	GPtrArray *keys;   /* --key: of char * */
	GPtrArray *tokens; /* --key-pkcs11: of char * */
	char *passphrase_file;
	char *gcp, *azure, *vault, *keyfactor; /* key stores we know by name only */
	gboolean allow_weak;
} SignerOptions;

/* The environment variable with the passphrase or PIN, where no file is named. */
#define SIGNER_PASSPHRASE_VARIABLE "ROTA_KEY_PASSPHRASE"

/* Groups of rows for a verb whose struct has a SignerOptions: one key that signs, or any number
 * that check. */
extern const Option signer_private_options[], signer_public_options[];

/* Is a key named at all? */
gboolean signer_names_key(const SignerOptions *options);

/* The one private key that is named: of none, of several and of key stores that cannot be reached
 * the error says what to do. What is unwise about a key file goes to stderr. */
Key *signer_load_private(const SignerOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full)(element-type Key): all public keys that are named, none twice; may be empty. */
GPtrArray *signer_load_public(
	const SignerOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same; @names (element-type char *) takes what each is called on the command line. */
GPtrArray *signer_load_named(
	const SignerOptions *options, GPtrArray *names, GError **error) G_GNUC_WARN_UNUSED_RESULT;
