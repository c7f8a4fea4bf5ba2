/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/place.h"
#include "crypto/key.h"

/* manifest.sig: base64 of a signature over the bytes of the manifest, and of nothing else. */

/**
 * signature_verify:
 * @text: the content of manifest.sig
 * @keys: (element-type Key): not empty; one that verifies is enough
 * Returns: (transfer none): the key that verified, or NULL with R10
 */
const Key *signature_verify(GBytes *text, GBytes *manifest, const GPtrArray *keys, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the content of manifest.sig for @manifest. */
char *signature_make(GBytes *manifest, const Key *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
