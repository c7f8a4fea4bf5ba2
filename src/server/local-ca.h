/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* A certificate authority of this server's own, for a first start without certificates: its
 * certificate (FOLDER/ca.crt) is what vehicles and browsers are given to trust; it signs one server
 * certificate. */

typedef struct {
	char *ca_path, *certificate_path, *key_path;
} LocalCertificates;

void local_certificates_clear(LocalCertificates *certificates);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LocalCertificates, local_certificates_clear)

enum {
	LOCAL_CA_DAYS = 3650,
	LOCAL_SERVER_DAYS = 397,
	LOCAL_RENEW_DAYS = 30, /* a server certificate with less than this left is made anew */
};

/**
 * local_ca_ensure:
 * @folder: made if it is missing; keys in it have mode 0600
 * @names: (nullable)(NULL-terminated): host names and addresses beside localhost, 127.0.0.1, ::1
 * and the machine's
 *
 * Makes what is missing: the CA once, the server certificate also when it ends soon or lacks a
 * name.
 */
gboolean local_ca_ensure(const char *folder, const char *const *names,
	LocalCertificates *ret_certificates, GError **error) G_GNUC_WARN_UNUSED_RESULT;
