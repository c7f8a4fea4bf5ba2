/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <stdint.h>

/* An artifact whose frame and sums are right, made of parts that are anyone's:
 *
 *     @c gz                      compression of all archives: none, gz, zst
 *     @h header-info             a member of header.tar; its content up to the next line with @
 *     {"payloads":...}
 *     @0 app.bin                 a file of data/0000 (to 3)
 *     @a header-info             a member of header-augment.tar
 *     @A extra.bin               an augmented file of data/0000 (to D)
 *     @v version  @s manifest.sig  @o NAME    instead of the version, a signature, another entry
 */
typedef struct Parts Parts;

Parts *parts_new(const uint8_t *data, size_t size);
void parts_free(Parts *parts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Parts, parts_free)

/* (transfer full): once for each Parts. */
GBytes *parts_to_artifact(Parts *parts);

/* "0/app.bin" to GBytes *: the first of a name. */
GHashTable *parts_files(const Parts *parts);
/* May an entry of another name hold sums that are not right? */
gboolean parts_bring_sums(const Parts *parts);
