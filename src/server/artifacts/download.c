/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads: a signed link is all that opens an artifact. The signature is judged on the loop,
 * before anything is looked up; what it names is looked up and opened on a reader. */
#include <unistd.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "server/artifacts/handlers.h"
#include "server/artifacts/links.h"
#include "server/artifacts/range.h"
#include "server/artifacts/store.h"
#include "server/blob/blob.h"
#include "server/hot.h"
#include "server/tenants/tenants.h"

static const char artifact_type[] = "application/vnd.mender-artifact";

/* What the link says, as the query gives it. */
static gboolean read_link(const Call *call, Link *ret_link, GError **error)
{
	const char *expire = call_query(call, "expire");
	const Link link = {
		.tenant = call_query(call, "tenant"),
		.artifact = call_parameter(call, "id"),
		.device = call_query(call, "device"),
		.deployment = call_query(call, "deployment"),
	};

	*ret_link = link;
	if (link.tenant != NULL && link.device != NULL && link.deployment != NULL &&
		expire != NULL &&
		g_ascii_string_to_signed(expire, 10, 0, G_MAXINT64, &ret_link->expire_s, NULL))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "signature invalid");
	return FALSE;
}

/* A link dies with its device's right to be here, and with its tenant's. */
static gboolean check_bearer(const Call *call, const Link *link, GError **error)
{
	Hot *hot = app_hot(call_app(call));
	HotDevice device;
	Uuid id;

	if (!tenant_is_active(call_app(call), link->tenant)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "Account suspended");
		return FALSE;
	}
	if (link->device[0] == '\0')
		return TRUE; /* made for a user */
	if (uuid_parse(link->device, &id) && hot_find(hot, &id, &device) &&
		device.status == DEVICE_ACCEPTED &&
		g_strcmp0(hot_tenant_id(hot, device.tenant), link->tenant) == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "the link's device is not accepted");
	return FALSE;
}

/* The name a browser keeps it under: what could end the quoted text is replaced. */
static char *make_disposition(const char *name)
{
	g_autofree char *safe = g_strdup(name);

	g_strcanon(
		safe, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+ ", '_');
	return g_strdup_printf("attachment; filename=\"%s.mender\"", safe);
}

/* If-Range names another file than this: the range means nothing then. */
static const char *range_header(const Call *call, const char *etag)
{
	const char *condition = call_header(call, "If-Range");

	return condition == NULL || g_str_equal(condition, etag) ? call_header(call, "Range")
								 : NULL;
}

/* Takes the descriptor. */
static void answer_file(Call *call, const Artifact *artifact, int fd, guint64 size)
{
	g_autofree char *etag = g_strdup_printf("\"%s\"", artifact->digest);
	g_autofree char *disposition = make_disposition(artifact->name);
	guint64 offset, length;
	RangeKind kind = range_read(range_header(call, etag), size, &offset, &length);

	call_set_header(call, "Accept-Ranges", "bytes");
	if (kind == RANGE_UNSATISFIABLE) {
		close(fd);
		call_set_status(call, 416);
		call_set_header(call, "Content-Range",
			call_strdup_printf(call, "bytes */%" G_GUINT64_FORMAT, size));
		return;
	}
	if (kind == RANGE_PART) {
		call_set_status(call, 206);
		call_set_header(call, "Content-Range",
			call_strdup_printf(call,
				"bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT
				"/%" G_GUINT64_FORMAT,
				offset, offset + length - 1, size));
	}
	call_set_header(call, "ETag", etag);
	call_set_header(call, "Content-Disposition", disposition);
	call_set_header(call, "Cache-Control", "private");
	call_set_file(call, artifact_type, fd, offset, length);
}

/* RUN_READ */
static gboolean send_artifact(Call *call, GError **error)
{
	g_autoptr(Artifact) artifact = artifact_get(call_transaction(call),
		call_query(call, "tenant"), call_parameter(call, "id"), error);
	guint64 size = 0;
	autofd int fd = -1;

	if (artifact == NULL)
		return FALSE;
	fd = blobs_open_blob(app_blobs(call_app(call)), artifact->digest, &size, error);
	if (fd < 0)
		return FALSE;
	if (size != (guint64)artifact->size_bytes) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"artifact %s: file of %" G_GUINT64_FORMAT
			" bytes, stored were %" G_GINT64_FORMAT,
			artifact->id, size, artifact->size_bytes);
		return FALSE;
	}
	answer_file(call, artifact, g_steal_fd(&fd), size);
	return TRUE;
}

gboolean download_artifact(Call *call, GError **error)
{
	Link link;

	if (!read_link(call, &link, error) ||
		!links_check(app_links(call_app(call)), &link, call_query(call, "signature"),
			clock_now_us(), error) ||
		!check_bearer(call, &link, error))
		return FALSE;
	return call_continue(call, RUN_READ, send_artifact);
}

gboolean link_to_artifact(Call *call, GError **error)
{
	App *app = call_app(call);
	gint64 expire_us = clock_now_us() + (gint64)LINK_USER_LIFE_S * G_USEC_PER_SEC;
	g_autofree char *expire = clock_format_rfc3339(expire_us);
	g_autofree char *path = NULL;
	g_autofree char *uri = NULL;
	g_autoptr(Artifact) artifact = artifact_get(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	Link link = { call_tenant(call), NULL, "", "", expire_us / G_USEC_PER_SEC };

	if (artifact == NULL)
		return FALSE;
	link.artifact = artifact->id;
	path = links_make(app_links(app), &link);
	uri = g_strconcat(app_public_url(app), path, NULL);
	call_set_json(call, json_pack("{s:s, s:s, s:s, s:{}}", "uri", uri, "expire", expire,
				    "method", "GET", "header"));
	return TRUE;
}
