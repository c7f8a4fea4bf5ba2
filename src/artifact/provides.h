/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "artifact/header.h"

/* What a device has, and what an artifact asks for: the rules that agent and server must agree on.
 *
 * Provides are a table of char * to char *: artifact_name, artifact_group and the software keys
 * ("rootfs-image.version"). Depends are a table of char * to char **: any of the values will do.
 * All comparisons are by equality; only clears have patterns. */

/* Is every key of @depends provided with one of its values?
 * @ret_key: (out)(transfer none)(optional): the first one in alphabetical order that is not */
gboolean artifact_depends_met(GHashTable *depends, GHashTable *provides, const char **ret_key);

/* (transfer full): all that @header depends on but the device type: artifact_name and
 * artifact_group where it lists any, and the keys of each payload. A key that several payloads name
 * must be met by a value they share. */
GHashTable *artifact_header_depends(const ArtifactHeader *header);

/**
 * artifact_header_fits:
 * @provides: what the device has; must hold artifact_name
 * Whether @header may be installed on such a device; else ROTA_ERROR_UNPROCESSABLE that says why
 * not.
 */
gboolean artifact_header_fits(const ArtifactHeader *header, const char *device_type,
	GHashTable *provides, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * artifact_provides_after:
 * @stored: what the device had before; untouched
 *
 * What the device has once @header is installed: without the keys that the clears patterns match
 * (all of them where the artifact has no clears), with the artifact's provides, its name and, where
 * it has one, its group.
 * Returns: (transfer full)
 */
GHashTable *artifact_provides_after(const ArtifactHeader *header, GHashTable *stored);
