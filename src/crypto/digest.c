/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include "base/encode.h"

/* A digest of memory cannot fail but for a broken library; going on with no sum would be worse than
 * ending. */
struct Sha256 {
	EVP_MD_CTX *context;
};

/* Fetched once: looking the algorithm up costs more than a short digest. */
static const EVP_MD *algorithm(void)
{
	static gsize fetched;

	if (g_once_init_enter(&fetched)) {
		EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);

		g_assert(sha256 != NULL);
		g_once_init_leave(&fetched, (gsize)sha256);
	}
	return (const EVP_MD *)fetched;
}

Sha256 *sha256_new(void)
{
	Sha256 *sum = g_new0(Sha256, 1);

	sum->context = EVP_MD_CTX_new();
	g_assert(sum->context != NULL);
	sha256_reset(sum);
	return sum;
}

void sha256_reset(Sha256 *sum)
{
	if (EVP_DigestInit_ex2(sum->context, algorithm(), NULL) != 1)
		g_assert_not_reached();
}

void sha256_update(Sha256 *sum, gconstpointer data, gsize size)
{
	if (EVP_DigestUpdate(sum->context, data, size) != 1)
		g_assert_not_reached();
}

void sha256_finish(Sha256 *sum, guint8 ret_digest[SHA256_SIZE])
{
	if (EVP_DigestFinal_ex(sum->context, ret_digest, NULL) != 1)
		g_assert_not_reached();
}

char *sha256_finish_hex(Sha256 *sum)
{
	guint8 digest[SHA256_SIZE];

	sha256_finish(sum, digest);
	return hex_encode(digest, sizeof digest);
}

void sha256_free(Sha256 *sum)
{
	if (sum == NULL)
		return;
	EVP_MD_CTX_free(sum->context);
	g_free(sum);
}

void sha256_of(gconstpointer data, gsize size, guint8 ret_digest[SHA256_SIZE])
{
	if (EVP_Digest(data, size, ret_digest, NULL, algorithm(), NULL) != 1)
		g_assert_not_reached();
}

char *sha256_hex_of(gconstpointer data, gsize size)
{
	guint8 digest[SHA256_SIZE];

	sha256_of(data, size, digest);
	return hex_encode(digest, sizeof digest);
}

void hmac_sha256(GBytes *key, gconstpointer data, gsize size, guint8 ret_digest[SHA256_SIZE])
{
	gsize key_size;
	const guint8 *key_data = g_bytes_get_data(key, &key_size);

	if (HMAC(algorithm(), key_data, (int)key_size, data, size, ret_digest, NULL) == NULL)
		g_assert_not_reached();
}

void random_bytes(gpointer data, gsize size)
{
	if (RAND_bytes(data, (int)size) != 1)
		g_assert_not_reached();
}

char *random_token(gsize size)
{
	g_autofree guint8 *bytes = g_malloc(size);

	random_bytes(bytes, size);
	return base64url_encode(bytes, size);
}
