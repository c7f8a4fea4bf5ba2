/* SPDX-License-Identifier: Apache-2.0 */
#include "server/artifacts/links.h"

#include <string.h>
#include "base/encode.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "wire/paths.h"

struct Links {
	GBytes *secret;
};

Links *links_new(GBytes *secret)
{
	Links *links = g_new0(Links, 1);

	links->secret = g_bytes_ref(secret);
	return links;
}

void links_free(Links *links)
{
	if (links == NULL)
		return;
	g_bytes_unref(links->secret);
	g_free(links);
}

/* One field a line; ids hold no line ends, so no two links share a text. */
static void sign(const Links *links, const Link *link, guint8 ret_sum[SHA256_SIZE])
{
	g_autofree char *text = g_strdup_printf("GET\n%s\n%s\n%s\n%s\n%" G_GINT64_FORMAT "\n",
		link->tenant, link->artifact, link->device, link->deployment, link->expire_s);

	hmac_sha256(links->secret, text, strlen(text), ret_sum);
}

char *links_make(const Links *links, const Link *link)
{
	guint8 sum[SHA256_SIZE];
	g_autofree char *signature = NULL;

	sign(links, link, sum);
	signature = base64url_encode(sum, sizeof sum);
	return g_strdup_printf(PATH_DOWNLOAD
		"/%s?tenant=%s&device=%s&deployment=%s&expire=%" G_GINT64_FORMAT "&signature=%s",
		link->artifact, link->tenant, link->device, link->deployment, link->expire_s,
		signature);
}

static gboolean fields_are_fit(const Link *link)
{
	const char *const fields[] = { link->tenant, link->artifact, link->device,
		link->deployment };

	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		if (fields[i] == NULL || strchr(fields[i], '\n') != NULL)
			return FALSE;
	return TRUE;
}

gboolean links_check(
	const Links *links, const Link *link, const char *signature, gint64 now_us, GError **error)
{
	guint8 sum[SHA256_SIZE];
	g_autoptr(GBytes) given = NULL;

	if (signature != NULL)
		given = base64url_decode(signature, strlen(signature), NULL);
	if (!fields_are_fit(link) || given == NULL || g_bytes_get_size(given) != sizeof sum) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "signature invalid");
		return FALSE;
	}
	sign(links, link, sum);
	if (!secret_equal(sum, g_bytes_get_data(given, NULL), sizeof sum)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "signature invalid");
		return FALSE;
	}
	if (now_us / G_USEC_PER_SEC >= link->expire_s) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "link expired");
		return FALSE;
	}
	return TRUE;
}
