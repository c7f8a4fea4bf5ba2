/* SPDX-License-Identifier: Apache-2.0 */
#include "http/ticket.h"
#include "crypto/digest.h"
#include <uv.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { NAME_SIZE = 16, SECRET_SIZE = 32, ROTATE_S = 3600, N_KEYS = 25 };

typedef struct {
	guint8 name[NAME_SIZE];
	guint8 cipher[SECRET_SIZE];
	guint8 mac[SECRET_SIZE];
	gint64 made_s; /* on the monotonic clock; 0: no key */
} TicketKey;

struct HttpTicketKeys {
	uv_mutex_t mutex;
	TicketKey ring[N_KEYS];
	guint newest;
};

static gint64 now_s(void)
{
	return g_get_monotonic_time() / G_USEC_PER_SEC;
}

static void make_key(TicketKey *key)
{
	random_bytes(key->name, sizeof key->name);
	random_bytes(key->cipher, sizeof key->cipher);
	random_bytes(key->mac, sizeof key->mac);
	key->made_s = MAX(now_s(), 1);
}

HttpTicketKeys *http_ticket_keys_new(void)
{
	HttpTicketKeys *keys = g_new0(HttpTicketKeys, 1);

	uv_mutex_init(&keys->mutex);
	make_key(&keys->ring[0]);
	return keys;
}

void http_ticket_keys_free(HttpTicketKeys *keys)
{
	if (keys == NULL)
		return;
	uv_mutex_destroy(&keys->mutex);
	OPENSSL_cleanse(keys->ring, sizeof keys->ring);
	g_free(keys);
}

/* A copy, so that no lock is held while the ciphers are set up. */
static void copy_newest(HttpTicketKeys *keys, TicketKey *ret_key)
{
	uv_mutex_lock(&keys->mutex);
	if (now_s() - keys->ring[keys->newest].made_s >= ROTATE_S) {
		keys->newest = (keys->newest + 1) % N_KEYS;
		make_key(&keys->ring[keys->newest]);
	}
	*ret_key = keys->ring[keys->newest];
	uv_mutex_unlock(&keys->mutex);
}

static gboolean copy_named(HttpTicketKeys *keys, const guint8 *name, TicketKey *ret_key)
{
	gboolean is_found = FALSE;

	uv_mutex_lock(&keys->mutex);
	for (guint i = 0; i < N_KEYS && !is_found; i++) {
		const TicketKey *key = &keys->ring[i];

		is_found = key->made_s != 0 &&
			   now_s() - key->made_s <= HTTP_TICKET_LIFETIME_S + ROTATE_S &&
			   memcmp(key->name, name, NAME_SIZE) == 0;
		if (is_found)
			*ret_key = *key;
	}
	uv_mutex_unlock(&keys->mutex);
	return is_found;
}

static gboolean set_up(const TicketKey *key, const guint8 *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, gboolean seal)
{
	guint8 secret[SECRET_SIZE];
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, sizeof secret),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	memcpy(secret, key->mac, sizeof secret);
	gboolean ok =
		EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, seal) == 1 &&
		EVP_MAC_CTX_set_params(mac, parameters) == 1;
	OPENSSL_cleanse(secret, sizeof secret);
	return ok;
}

static HttpTicketKeys *keys_of(SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* OpenSSL's contract: 1 go on, 2 go on and renew, 0 no such key (a full handshake), below 0 fail.
 */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int seal)
{
	TicketKey key;

	if (seal) {
		copy_newest(keys_of(ssl), &key);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return -1;
		memcpy(name, key.name, NAME_SIZE);
	} else if (!copy_named(keys_of(ssl), name, &key)) {
		return 0;
	}
	gboolean ok = set_up(&key, iv, cipher, mac, seal);
	gboolean is_old = now_s() - key.made_s >= ROTATE_S;

	OPENSSL_cleanse(&key, sizeof key);
	if (!ok)
		return -1;
	return !seal && is_old ? 2 : 1;
}

void http_ticket_keys_use(HttpTicketKeys *keys, SSL_CTX *context)
{
	SSL_CTX_set_app_data(context, keys);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
	SSL_CTX_set_timeout(context, HTTP_TICKET_LIFETIME_S);
	/* One ticket: a second one costs 16 µs a handshake, and a vehicle uses one connection. */
	SSL_CTX_set_num_tickets(context, 1);
	/* Sessions live in their tickets only; a server of many nodes has nowhere to look them up.
	 */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
