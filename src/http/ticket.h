/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/ssl.h>
#include <glib.h>

/* The keys session tickets are sealed with: made at start, never written anywhere, replaced every
 * hour. Tickets of the last day are still taken, so that a vehicle which reports once a day
 * resumes. Thread-safe. */
typedef struct HttpTicketKeys HttpTicketKeys;

enum { HTTP_TICKET_LIFETIME_S = 86400 };

HttpTicketKeys *http_ticket_keys_new(void);
void http_ticket_keys_free(HttpTicketKeys *keys);

/* Makes @context seal and open its tickets with @keys, which must outlive it. */
void http_ticket_keys_use(HttpTicketKeys *keys, SSL_CTX *context);
