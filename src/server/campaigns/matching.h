/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/artifacts/artifacts.h"

/* Which artifact of a release a device gets (docs/design/matching.md). No I/O. */

/* What a device says it is when it asks. */
typedef struct {
	char *artifact_name;
	char *device_type;
	GHashTable *provides; /* char * to char *: all it said, these two included */
	gboolean is_complete; /* FALSE: it could not say more than these two (the oldest form of the
				 call) */
} DeviceFacts;

DeviceFacts *device_facts_new(const char *artifact_name, const char *device_type);
/* From a table of provides that names both; else NULL with ROTA_ERROR_INVALID. */
DeviceFacts *device_facts_from_provides(
	GHashTable *provides, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void device_facts_free(DeviceFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceFacts, device_facts_free)

/* (transfer full): what is kept of a request, and whether a later one says the same of the device.
 */
char *device_facts_to_text(const DeviceFacts *facts);
gboolean device_facts_are_same(const DeviceFacts *facts, const char *text);

/* The device's type is among the artifact's, and every other key it depends on is provided with one
 * of its values. A device that could not say what it provides is asked for its artifact name alone.
 */
gboolean matching_fits(const Artifact *artifact, const DeviceFacts *facts);

/* The smallest that fits; among equals the first. NULL: none does.
 * @artifacts: of Artifact *. */
const Artifact *matching_choose(const GPtrArray *artifacts, const DeviceFacts *facts);
