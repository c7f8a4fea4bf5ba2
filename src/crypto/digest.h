/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* SHA-256 and HMAC-SHA256, on OpenSSL. */
enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 64 };

typedef struct Sha256 Sha256; /* a sum that is being taken */

Sha256 *sha256_new(void);
void sha256_update(Sha256 *sum, gconstpointer data, gsize size);
void sha256_finish(Sha256 *sum, guint8 ret_digest[SHA256_SIZE]); /* afterwards only free or reset */
char *sha256_finish_hex(Sha256 *sum);                            /* (transfer full) */
void sha256_reset(Sha256 *sum);
void sha256_free(Sha256 *sum);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sha256, sha256_free)

void sha256_of(gconstpointer data, gsize size, guint8 ret_digest[SHA256_SIZE]);
char *sha256_hex_of(gconstpointer data, gsize size); /* (transfer full) */

void hmac_sha256(GBytes *key, gconstpointer data, gsize size, guint8 ret_digest[SHA256_SIZE]);

/* Fills @data from the system's generator; ends the process where there is none. */
void random_bytes(gpointer data, gsize size);
/* (transfer full): @size random bytes as base64url text. */
char *random_token(gsize size);
