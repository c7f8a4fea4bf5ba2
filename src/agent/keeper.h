/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/key.h"

/* A private key of the device, and the process that keeps it: rota-agent-key.
 *
 * The key is a file (PEM), "pkcs11:..." (RFC 7512), "tpm2:FILE" or "tpm2:0xHANDLE", or whatever an
 * OpenSSL engine makes of a name. Only that process ever holds it, and only for as long as it has
 * something to sign: neither the agent, which lives long, nor the network process, which others
 * talk to, can lose what they do not have. What hangs in a token is killed with the process. */

typedef struct {
	const char *program; /* (nullable): path of rota-agent-key; beside the running program */
	const char *name;
	const char *engine;     /* (nullable): OpenSSL's engine that knows the name */
	const char *passphrase; /* (nullable): of a file, or the PIN of a token */
	const char *make;       /* (nullable): "ed25519", "p256", "rsa": made where there is none */
	guint bits;             /* RSA only; 0 = 3072 */
	gboolean only_new;      /* with make: ROTA_ERROR_CONFLICT where there is one */
} KeeperOptions;

typedef struct Keeper Keeper;

/* Starts the process and opens the key there, which may take a minute (a token is woken). The
 * errors are those of crypto/key.h and crypto/key-pkcs11.h; TIMED_OUT: it hangs. */
Keeper *keeper_open(const KeeperOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void keeper_close(Keeper *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Keeper, keeper_close)

const char *keeper_public_half(const Keeper *keeper); /* PEM, as key_public_pem() writes it */
gboolean keeper_has_made(const Keeper *keeper);       /* the key is new */

/* The key itself: it signs in the process. (transfer full) */
Key *keeper_key(Keeper *keeper, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The socket, to be handed to another process, which then has the key to itself. */
int keeper_channel(const Keeper *keeper);
void keeper_leave_channel(Keeper *keeper);
