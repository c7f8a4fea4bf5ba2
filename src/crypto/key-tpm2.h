/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/key.h"

/* Keys that only a TPM 2.0 can use, through OpenSSL's provider "tpm2":
 *
 *     tpm2:/var/lib/rota/device.tss    a file ("TSS2 PRIVATE KEY") that is wrapped by this TPM
 *     tpm2:0x81000001                  a persistent handle in it
 *
 * Which TPM: TPM2OPENSSL_TCTI in the environment, else the machine's own. NOT_FOUND: no provider,
 * no such file or handle. UNAVAILABLE: the TPM refuses: the file is another one's. */

Key *key_open_private_tpm2(const char *uri, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes a key in the TPM and writes the wrapped file. @kind: KEY_P256 or KEY_RSA. */
Key *key_make_tpm2(
	const char *uri, KeyKind kind, guint bits, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Is the file of the URI there? FALSE for handles. */
gboolean key_tpm2_exists(const char *uri);
