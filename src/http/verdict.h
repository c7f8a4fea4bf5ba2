/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/ssl.h>
#include <glib.h>

/* Which client certificates were found good, by their SHA-256, so that a vehicle's chain is checked
 * once an hour instead of at every contact. Only good verdicts are kept, and never beyond the
 * certificate's own end. One memory belongs to one set of CAs. Thread-safe. */
typedef struct HttpVerdicts HttpVerdicts;

HttpVerdicts *http_verdicts_new(void);
void http_verdicts_free(HttpVerdicts *verdicts);

/* Makes @context ask clients for a certificate and judge it. The handshake goes on whatever the
 * verdict is: it is a fact of the connection (SSL_get_verify_result). @verdicts is owned by
 * @context afterwards. */
void http_verdicts_use(HttpVerdicts *verdicts, SSL_CTX *context);
