/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi interface behind http/client.h.
 *
 * Deadlines are kept here and not by libcurl, because what matters differs by moment: until the
 * head is there the time since the request, afterwards an idle limit and a least rate over a
 * sliding window, and none of them while we ourselves make the server wait. */
#include "http/client-private.h"
#include <string.h>
#include "base/buffer.h"
#include "base/error.h"

enum { TURN_MAX_US = G_USEC_PER_SEC, WAIT_MAX_US = 600 * G_USEC_PER_SEC, RATE_SLOTS = 16 };

struct HttpClient {
	CURLM *multi;
	TlsContext *tls;
	const HttpProxies *proxies;
	char *user_agent;
	gint64 idle_limit_us;
	GPtrArray *transfers; /* of Transfer * */
	GArray *parts;        /* of ClientPart */
};

/* Bytes of the last RATE_SLOTS spans, newest at .slot. */
typedef struct {
	gint64 slot_began_us;
	gint64 slot_span_us;
	guint slot;
	guint slots_full;
	gint64 bytes[RATE_SLOTS];
} Rate;

struct Transfer {
	HttpClient *client;
	CURL *easy;
	struct curl_slist *headers;
	const char *host; /* name:port; interned, as a kept connection outlives the transfer */
	GBytes *body;
	TransferEvents events;
	gpointer data;
	char reason[CURL_ERROR_SIZE];
	GError *error; /* ours, stronger than libcurl's */

	gboolean connect_only;
	gboolean connected; /* then nothing but its end is left to libcurl */
	gboolean paused;
	gint64 began_us;
	gint64 last_byte_us;
	gint64 limit_us; /* for all of it, 0 = none */
	Rate rate;

	gsize head_size;
	gboolean head_complete;
	TransferHead head;
	char *content_range, *etag, *encoding, *location;
};

/* --- The least rate --- */

static void rate_reset(Rate *rate, gint64 now_us)
{
	gint64 span_us = rate->slot_span_us;

	memset(rate, 0, sizeof(*rate));
	rate->slot_span_us = span_us;
	rate->slot_began_us = now_us;
}

static void rate_move_on(Rate *rate, gint64 now_us)
{
	while (now_us - rate->slot_began_us >= rate->slot_span_us) {
		rate->slot_began_us += rate->slot_span_us;
		rate->slot = (rate->slot + 1) % RATE_SLOTS;
		rate->bytes[rate->slot] = 0;
		rate->slots_full = MIN(rate->slots_full + 1, RATE_SLOTS);
	}
}

static gboolean rate_is_too_low(const Rate *rate)
{
	gint64 sum = 0;

	if (rate->slots_full < RATE_SLOTS)
		return FALSE;
	for (guint i = 0; i < RATE_SLOTS; i++)
		sum += rate->bytes[i];
	return sum < HTTP_RATE_LEAST * (rate->slot_span_us * RATE_SLOTS / G_USEC_PER_SEC);
}

/* --- One transfer: what libcurl calls --- */

/* The first problem is the one that is told. */
static void transfer_fail(Transfer *transfer, RotaError code, const char *reason)
{
	if (transfer->error == NULL)
		transfer->error =
			g_error_new(ROTA_ERROR, (gint)code, "%s: %s", transfer->host, reason);
}

static void begin_head(Transfer *transfer)
{
	transfer->head_complete = FALSE;
	transfer->head = (TransferHead){ .answer = { .length = -1 } };
	g_clear_pointer(&transfer->content_range, g_free);
	g_clear_pointer(&transfer->etag, g_free);
	g_clear_pointer(&transfer->encoding, g_free);
	g_clear_pointer(&transfer->location, g_free);
}

static void keep_header(Transfer *transfer, const char *line)
{
	const char *colon = strchr(line, ':');
	g_autofree char *name = NULL;
	g_autofree char *value = NULL;
	struct {
		const char *name;
		char **place;
	} kept[] = {
		{ "Content-Range", &transfer->content_range },
		{ "ETag", &transfer->etag },
		{ "Content-Encoding", &transfer->encoding },
		{ "Location", &transfer->location },
	};

	if (colon == NULL)
		return;
	name = g_strndup(line, (gsize)(colon - line));
	value = g_strstrip(g_strdup(colon + 1));
	for (gsize i = 0; i < G_N_ELEMENTS(kept); i++)
		if (g_ascii_strcasecmp(name, kept[i].name) == 0) {
			g_free(*kept[i].place);
			*kept[i].place = g_steal_pointer(&value);
			return;
		}
	if (g_ascii_strcasecmp(name, "Retry-After") == 0)
		transfer->head.retry_after_s = retry_after_parse(
			value, g_get_real_time() / G_USEC_PER_SEC, HTTP_RETRY_AFTER_MAX_S);
}

static gboolean end_head(Transfer *transfer)
{
	curl_off_t length = -1;
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return TRUE; /* 100 Continue: the real head is still to come */
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	transfer->head_complete = TRUE;
	transfer->head.answer = (RangeAnswer){ .status = (guint)status,
		.length = length,
		.content_range = transfer->content_range,
		.etag = transfer->etag,
		.encoding = transfer->encoding };
	transfer->head.location = transfer->location;
	return transfer->events.head(&transfer->head, transfer->data, &transfer->error);
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
	Transfer *transfer = user;
	g_autofree char *line = g_strndup(data, size * n);

	transfer->last_byte_us = g_get_monotonic_time();
	transfer->head_size += size * n;
	if (transfer->head_size > HTTP_ANSWER_HEAD_MAX) {
		transfer_fail(
			transfer, ROTA_ERROR_TOO_LARGE, "the head of the answer is too large");
		return 0;
	}
	g_strchomp(line);
	if (g_str_has_prefix(line, "HTTP/"))
		begin_head(transfer);
	else if (*line == '\0' && !transfer->head_complete && !end_head(transfer))
		return 0;
	else if (*line != '\0' && !transfer->head_complete)
		keep_header(transfer, line);
	return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	Transfer *transfer = user;
	gssize taken;

	taken = transfer->events.body(
		(const guint8 *)data, size * n, transfer->data, &transfer->error);
	if (taken == TRANSFER_PAUSE) {
		transfer->paused = TRUE;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (taken == TRANSFER_ABORT)
		return CURL_WRITEFUNC_ERROR;
	transfer->last_byte_us = g_get_monotonic_time();
	rate_move_on(&transfer->rate, transfer->last_byte_us);
	transfer->rate.bytes[transfer->rate.slot] += taken;
	return (size_t)taken;
}

/* --- Beginning and ending --- */

static void transfer_free(Transfer *transfer)
{
	curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	g_ptr_array_remove_fast(transfer->client->transfers, transfer);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	g_clear_pointer(&transfer->body, g_bytes_unref);
	g_clear_error(&transfer->error);
	begin_head(transfer);
	g_free(transfer);
}

static void set_method(Transfer *transfer, const TransferRequest *request)
{
	gsize size = 0;
	const void *data;

	if (request->body != NULL) {
		transfer->body = g_bytes_ref(request->body);
		data = g_bytes_get_data(request->body, &size);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, size > 0 ? data : "");
	} else {
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* libcurl would read the environment itself; an empty proxy keeps it from that. */
static void set_proxy(Transfer *transfer, GUri *uri)
{
	const HttpProxies *proxies = transfer->client->proxies;
	gboolean is_tls = strcmp(g_uri_get_scheme(uri), "https") == 0;
	const char *proxy = NULL;

	if (proxies != NULL && !http_host_is_loopback(g_uri_get_host(uri)))
		proxy = is_tls ? proxies->https : proxies->http;
	curl_easy_setopt(transfer->easy, CURLOPT_PROXY, proxy != NULL ? proxy : "");
	curl_easy_setopt(transfer->easy, CURLOPT_NOPROXY,
		proxies != NULL && proxies->none != NULL ? proxies->none : "");
	curl_easy_setopt(transfer->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_headers(Transfer *transfer, const TransferRequest *request)
{
	for (gsize i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
		transfer->headers = curl_slist_append(transfer->headers, request->headers[i]);
	/* No "Expect: 100-continue": a round trip for nothing. */
	transfer->headers = curl_slist_append(transfer->headers, "Expect:");
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_options(Transfer *transfer, const TransferRequest *request, GUri *uri)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_LIMIT_S);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (transfer->client->user_agent != NULL)
		curl_easy_setopt(easy, CURLOPT_USERAGENT, transfer->client->user_agent);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, request->connect_only ? 1L : 0L);
	set_method(transfer, request);
	set_headers(transfer, request);
	set_proxy(transfer, uri);
	tls_context_apply(transfer->client->tls, easy);
}

static const char *intern_host(const char *name, int port)
{
	g_autofree char *host = port > 0 ? g_strdup_printf("%s:%d", name, port) : g_strdup(name);

	return g_intern_string(host);
}

Transfer *transfer_begin(HttpClient *client, const TransferRequest *request,
	const TransferEvents *events, gpointer data, GError **error)
{
	g_autoptr(GUri) uri = NULL;
	Transfer *transfer;

	if (!http_url_check(request->url, error))
		return NULL;
	uri = g_uri_parse(request->url, G_URI_FLAGS_ENCODED, error);
	if (uri == NULL)
		return NULL;
	transfer = g_new0(Transfer, 1);
	transfer->client = client;
	transfer->easy = curl_easy_init();
	transfer->host = intern_host(g_uri_get_host(uri), g_uri_get_port(uri));
	transfer->connect_only = request->connect_only;
	transfer->events = *events;
	transfer->data = data;
	transfer->began_us = transfer->last_byte_us = g_get_monotonic_time();
	transfer->limit_us = request->limit_s * G_USEC_PER_SEC;
	transfer->rate.slot_span_us = MAX(2 * client->idle_limit_us / RATE_SLOTS, 1);
	rate_reset(&transfer->rate, transfer->began_us);
	begin_head(transfer);
	set_options(transfer, request, uri);
	g_ptr_array_add(client->transfers, transfer);
	curl_multi_add_handle(client->multi, transfer->easy);
	return transfer;
}

void transfer_continue(Transfer *transfer)
{
	if (!transfer->paused)
		return;
	transfer->paused = FALSE;
	transfer->last_byte_us = g_get_monotonic_time();
	rate_reset(&transfer->rate, transfer->last_byte_us);
	curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

const char *transfer_host(CURL *easy)
{
	Transfer *transfer = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	return transfer->host;
}

void transfer_cancel(Transfer *transfer)
{
	tls_context_save(transfer->client->tls);
	transfer_free(transfer);
}

/* Frees the transfer first: what done() begins may be its successor on the same connection. */
static void transfer_finish(Transfer *transfer, CURLcode code)
{
	TransferEvents events = transfer->events;
	gpointer data = transfer->data;
	g_autoptr(GError) error = NULL;

	if (code != CURLE_OK && transfer->error == NULL)
		transfer_fail(transfer,
			code == CURLE_OPERATION_TIMEDOUT ? ROTA_ERROR_TIMED_OUT
							 : ROTA_ERROR_UNAVAILABLE,
			*transfer->reason != '\0' ? transfer->reason : curl_easy_strerror(code));
	error = g_steal_pointer(&transfer->error);
	/* The session that was offered may be the cause: a damaged one would be so for good. */
	if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION)
		tls_context_forget(transfer->client->tls, transfer->host);
	tls_context_save(transfer->client->tls);
	transfer_free(transfer);
	events.done(error, data);
}

/* --- Deadlines --- */

/* How long the server has known the whole request; until then libcurl's connect limit rules. */
static gint64 asked_for_us(const Transfer *transfer, gint64 now_us)
{
	curl_off_t sent_us = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
	return sent_us > 0 ? now_us - transfer->began_us - sent_us : 0;
}

static const char *overdue(Transfer *transfer, gint64 now_us)
{
	gint64 idle_limit_us = transfer->client->idle_limit_us;

	if (transfer->connected)
		return NULL;
	if (transfer->limit_us > 0 && now_us - transfer->began_us > transfer->limit_us)
		return "the call took too long";
	if (transfer->paused)
		return NULL;
	if (!transfer->head_complete)
		return asked_for_us(transfer, now_us) > idle_limit_us ? "no answer came" : NULL;
	if (now_us - transfer->last_byte_us > idle_limit_us)
		return "no byte came for too long";
	rate_move_on(&transfer->rate, now_us);
	return rate_is_too_low(&transfer->rate) ? "the bytes come too slowly" : NULL;
}

static gboolean end_one_overdue(HttpClient *client)
{
	gint64 now_us = g_get_monotonic_time();

	for (guint i = 0; i < client->transfers->len; i++) {
		Transfer *transfer = g_ptr_array_index(client->transfers, i);
		const char *reason = overdue(transfer, now_us);

		if (reason == NULL)
			continue;
		transfer_fail(transfer, ROTA_ERROR_TIMED_OUT, reason);
		transfer_finish(transfer, CURLE_OPERATION_TIMEDOUT);
		return TRUE;
	}
	return FALSE;
}

/* --- The loop --- */

static void end_finished(HttpClient *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		Transfer *transfer = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		if (code == CURLE_OK && transfer->connect_only) {
			transfer->connected = TRUE;
			transfer->events.connected(transfer->easy, transfer->data);
		} else {
			transfer_finish(transfer, code);
		}
	}
}

static gboolean check_multi(CURLMcode code, GError **error)
{
	if (code == CURLM_OK)
		return TRUE;
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
	return FALSE;
}

/* Deadlines are looked at in turns; a connection that is the caller's has none of them. */
static gboolean has_deadlines(const HttpClient *client)
{
	for (guint i = 0; i < client->transfers->len; i++)
		if (!((const Transfer *)g_ptr_array_index(client->transfers, i))->connected)
			return TRUE;
	return FALSE;
}

static gboolean wait_for_something(HttpClient *client, int fd, gint64 until_us, GError **error)
{
	g_autofree struct curl_waitfd *waited =
		g_new0(struct curl_waitfd, client->parts->len * CLIENT_PART_FDS_MAX + 1);
	gint64 now_us = g_get_monotonic_time();
	guint n = 0;

	until_us = MIN(until_us, now_us + (has_deadlines(client) ? TURN_MAX_US : WAIT_MAX_US));
	if (fd >= 0)
		waited[n++] = (struct curl_waitfd){ .fd = fd, .events = CURL_WAIT_POLLIN };
	for (guint i = 0; i < client->parts->len; i++) {
		const ClientPart *part = &g_array_index(client->parts, ClientPart, i);

		until_us = MIN(until_us, part->wake_us(part->data));
		n += part->waits(&waited[n], part->data);
	}
	return check_multi(curl_multi_poll(client->multi, waited, n,
				   (int)(MAX(until_us - now_us, 0) + 999) / 1000, NULL),
		error);
}

gboolean http_client_run(HttpClient *client, int fd, gint64 until_us, GError **error)
{
	int running;

	/* What has just begun makes this wait end at once. */
	if (!wait_for_something(client, fd, until_us, error))
		return FALSE;
	if (!check_multi(curl_multi_perform(client->multi, &running), error))
		return FALSE;
	end_finished(client);
	while (end_one_overdue(client))
		continue;
	for (guint i = 0; i < client->parts->len; i++) {
		const ClientPart *part = &g_array_index(client->parts, ClientPart, i);
		part->turn(part->data);
	}
	return TRUE;
}

void client_add_part(HttpClient *client, const ClientPart *part)
{
	g_array_append_val(client->parts, *part);
}

void client_remove_part(HttpClient *client, gpointer data)
{
	for (guint i = 0; i < client->parts->len; i++)
		if (g_array_index(client->parts, ClientPart, i).data == data) {
			g_array_remove_index(client->parts, i);
			return;
		}
}

HttpClient *http_client_new(const HttpClientOptions *options, GError **error)
{
	g_autoptr(HttpClient) client = g_new0(HttpClient, 1);

	client->transfers = g_ptr_array_new();
	client->parts = g_array_new(FALSE, FALSE, sizeof(ClientPart));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->multi = curl_multi_init();
	client->tls = tls_context_new(options, error);
	if (client->tls == NULL)
		return NULL;
	client->proxies = options->proxies;
	client->user_agent = g_strdup(options->user_agent);
	client->idle_limit_us =
		(options->idle_limit_s > 0 ? options->idle_limit_s : HTTP_IDLE_LIMIT_S) *
		G_USEC_PER_SEC;
	return g_steal_pointer(&client);
}

void http_client_free(HttpClient *client)
{
	if (client == NULL)
		return;
	while (client->transfers->len > 0) {
		Transfer *transfer = g_ptr_array_index(client->transfers, 0);

		transfer_fail(transfer, ROTA_ERROR_UNAVAILABLE, "ended by the caller");
		transfer_finish(transfer, CURLE_ABORTED_BY_CALLBACK);
	}
	g_ptr_array_unref(client->transfers);
	g_array_unref(client->parts);
	curl_multi_cleanup(client->multi);
	if (client->tls != NULL)
		tls_context_save(client->tls);
	g_clear_pointer(&client->tls, tls_context_free);
	g_free(client->user_agent);
	curl_global_cleanup();
	g_free(client);
}

/* --- One request with an answer in memory --- */

typedef struct {
	HttpAnswer answer;
	Buffer body;
	HttpDone done;
	gpointer data;
} Call;

static gboolean call_head(const TransferHead *head, gpointer data, GError **error)
{
	Call *call = data;

	call->answer.status = head->answer.status;
	call->answer.retry_after_s = head->retry_after_s;
	if (head->answer.length > (gint64)call->body.size_max) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"the answer is larger than %" G_GSIZE_FORMAT " bytes", call->body.size_max);
		return FALSE;
	}
	return TRUE;
}

static gssize call_body(const guint8 *bytes, gsize size, gpointer data, GError **error)
{
	Call *call = data;

	return buffer_append(&call->body, bytes, size, error) ? (gssize)size : TRANSFER_ABORT;
}

static void call_done(const GError *error, gpointer data)
{
	Call *call = data;

	if (error == NULL) {
		call->answer.body = buffer_steal(&call->body);
		call->done(&call->answer, NULL, call->data);
		g_bytes_unref(call->answer.body);
	} else {
		call->done(NULL, error, call->data);
	}
	buffer_clear(&call->body);
	g_free(call);
}

gboolean http_client_send(HttpClient *client, const HttpRequest *request, HttpDone done,
	gpointer data, GError **error)
{
	static const TransferEvents events = {
		.head = call_head, .body = call_body, .done = call_done
	};
	TransferRequest transfer = { .method = request->method,
		.url = request->url,
		.headers = request->headers,
		.body = request->body,
		.limit_s = request->limit_s };
	Call *call = g_new0(Call, 1);

	buffer_init(&call->body, "the answer", request->answer_size_max);
	call->done = done;
	call->data = data;
	if (transfer_begin(client, &transfer, &events, call, error) == NULL) {
		g_free(call);
		return FALSE;
	}
	return TRUE;
}
