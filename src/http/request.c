/* SPDX-License-Identifier: Apache-2.0 */
#include "http/request.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "http/file.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/* Memory that waits for its next request is out of bounds where the address sanitizer watches; a
 * compiler without it need not even have its header. */
#if defined(__has_feature)
#define WATCHED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#else
#define WATCHED 0
#endif
#if WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, size) ((void)(memory))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory))
#endif

static const struct {
	const char *name;
	HttpMethod method;
} methods[] = {
	{ "GET", HTTP_GET },
	{ "HEAD", HTTP_HEAD },
	{ "POST", HTTP_POST },
	{ "PUT", HTTP_PUT },
	{ "PATCH", HTTP_PATCH },
	{ "DELETE", HTTP_DELETE },
	{ "OPTIONS", HTTP_OPTIONS },
};

static HttpRequest *take_memory(HttpLoop *loop)
{
	if (loop->n_spares == 0)
		return g_malloc(sizeof(HttpRequest));
	HttpRequest *request = loop->spares[--loop->n_spares];

	ASAN_UNPOISON_MEMORY_REGION(request, sizeof *request);
	return request;
}

/* After the loop's end this may run on another thread, which must leave the spares alone. */
static void give_memory_back(HttpLoop *loop, HttpRequest *request)
{
	if (loop->has_ended || loop->n_spares == HTTP_N_SPARES) {
		g_free(request);
		return;
	}
	loop->spares[loop->n_spares++] = request;
	ASAN_POISON_MEMORY_REGION(request, sizeof *request);
}

HttpRequest *http_request_new(HttpConnection *connection)
{
	HttpRequest *request = take_memory(connection->loop);

	/* The message's lines are the larger part, and are written before they are read. */
	memset((guint8 *)request + sizeof request->message, 0,
		sizeof *request - sizeof request->message);
	http_message_init(&request->message);
	request->connection = connection;
	request->loop = connection->loop;
	return request;
}

void http_request_free(HttpRequest *request)
{
	http_message_clear(&request->message);
	if (request->headers != NULL)
		g_string_free(request->headers, TRUE);
	g_free(request->output);
	g_clear_pointer(&request->body, g_bytes_unref);
	http_file_free(request->file);
	g_free(request->certificate);
	g_free(request->client_name);
	give_memory_back(request->loop, request);
}

void http_request_free_spares(HttpLoop *loop)
{
	while (loop->n_spares > 0)
		g_free(take_memory(loop));
}

void http_request_begin(HttpRequest *request)
{
	const HttpApplication *application = &request->loop->shared->application;

	request->method = HTTP_OTHER;
	for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
		if (strcmp(request->message.head.method, methods[i].name) == 0)
			request->method = methods[i].method;
	}
	request->is_begun = TRUE;
	http_loop_count(&request->loop->counts.n_requests, 1);
	application->head(request, application->app);
}

void http_request_end(HttpRequest *request)
{
	const HttpApplication *application = &request->loop->shared->application;

	if (request->is_begun && !request->is_gone)
		application->gone(request, application->app);
	request->is_gone = TRUE;
	request->connection = NULL;
	if (request->n_holds == 0)
		http_request_free(request);
}

void http_request_hold(HttpRequest *request)
{
	request->n_holds++;
}

void http_request_post(HttpRequest *request, HttpPosted function, gpointer data)
{
	http_loop_post(request->loop, request, function, data);
}

void http_request_run_post(HttpRequest *request, HttpPosted function, gpointer data)
{
	function(request, request->is_gone, data);
	if (request->n_holds > 0)
		request->n_holds--;
	if (request->connection != NULL)
		http_connection_run(request->connection);
	else if (request->n_holds == 0)
		http_request_free(request);
}

/* --- Facts --- */

HttpMethod http_request_method(const HttpRequest *request)
{
	return request->method;
}

const char *http_request_method_name(const HttpRequest *request)
{
	return request->message.head.method;
}

const char *http_request_path(const HttpRequest *request)
{
	return request->message.head.path;
}

const char *http_request_query(const HttpRequest *request)
{
	return request->message.head.query;
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
	return http_head_find(&request->message.head, name);
}

gint64 http_request_content_length(const HttpRequest *request)
{
	return request->message.head.content_length;
}

gboolean http_request_has_body(const HttpRequest *request)
{
	return request->message.head.content_length != 0;
}

const char *http_request_peer(const HttpRequest *request)
{
	return request->connection == NULL ? "" : request->connection->peer;
}

guint http_request_loop(const HttpRequest *request)
{
	return request->loop->index;
}

void http_request_set_data(HttpRequest *request, gpointer data)
{
	request->data = data;
}

gpointer http_request_data(const HttpRequest *request)
{
	return request->data;
}

/* --- Who the client is by its certificate --- */

/* (transfer full)(nullable): the subject's common name as UTF-8. */
static char *common_name(const X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;

	if (index < 0)
		return NULL;
	int size = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
	/* A name that holds a NUL names two different things to two readers. */
	char *name = size < 0 || memchr(text, 0, (gsize)size) != NULL
			     ? NULL
			     : g_strndup((const char *)text, (gsize)size);

	OPENSSL_free(text);
	return name;
}

static void judge_client(HttpRequest *request)
{
	const SSL *ssl = request->connection == NULL ? NULL : request->connection->transport.ssl;
	guint8 digest[SHA256_SIZE];

	if (request->is_client_judged || ssl == NULL)
		return;
	request->is_client_judged = TRUE;
	X509 *certificate = http_tls_client_certificate(ssl);
	if (certificate == NULL)
		return;
	if (X509_digest(certificate, EVP_sha256(), digest, NULL) == 1) {
		request->certificate = hex_encode(digest, sizeof digest);
		request->client_name = common_name(certificate);
	}
	X509_free(certificate);
}

const char *http_request_client_certificate(HttpRequest *request)
{
	judge_client(request);
	return request->certificate;
}

const char *http_request_client_name(HttpRequest *request)
{
	judge_client(request);
	return request->client_name;
}
