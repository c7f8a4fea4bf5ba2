/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* What a package of a distribution says of itself. Package files are judged before they go into an
 * artifact: one that dpkg or rpm cannot take would fail on every vehicle. */
typedef struct {
	char *name;
	char *version; /* as the distribution writes it: "1:2.3-4" */
	char *architecture;
} Package;

void package_free(Package *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Package, package_free)

/* (transfer full): NULL with ROTA_ERROR_INVALID where the file is no such package. */
Package *package_read_deb(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Package *package_read_rpm(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
