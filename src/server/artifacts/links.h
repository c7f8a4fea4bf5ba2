/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/app.h"

/* Signed links: the only way to the bytes of an artifact.
 *
 * A link names the artifact, who it was made for (a device and its deployment, or a user) and when
 * it ends; an HMAC-SHA256 over all of it, with a secret that lies in the store and is made at the
 * first start, is its only key. Nothing is stored per link. */
enum {
	LINK_DEVICE_LIFE_S = 24 * 60 * 60,
	LINK_USER_LIFE_S = 15 * 60,
};

/* What a link says; all borrowed. */
typedef struct {
	const char *tenant;
	const char *artifact;
	const char *device;     /* "" = made for a user */
	const char *deployment; /* "" = made for a user */
	gint64 expire_s;        /* Unix seconds */
} Link;

/* Reads the secret, making it at the first start. (transfer full) */
Links *links_load(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* With a given secret. (transfer full) */
Links *links_new(GBytes *secret);
void links_free(Links *links);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Links, links_free)

/* (transfer full): path and query, from the first slash on. */
char *links_make(const Links *links, const Link *link);

/* ROTA_ERROR_FORBIDDEN: "signature invalid" or "link expired". @signature: as the query gave it. */
gboolean links_check(const Links *links, const Link *link, const char *signature, gint64 now_us,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
