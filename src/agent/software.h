/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"
#include "agent/record.h"

/* What is installed, as the store remembers it, and how an update changes that. */
typedef struct {
	char *name;           /* "unknown" before anything told */
	char *group;          /* (nullable) */
	GHashTable *provides; /* never NULL; without name and group */
} Software;

#define SOFTWARE_UNKNOWN "unknown"
#define SOFTWARE_INCONSISTENT "_INCONSISTENT"

gboolean software_load(
	Store *store, Software *ret_software, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void software_clear(Software *software);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Software, software_clear)

typedef enum {
	SOFTWARE_IS_NEW,   /* the update went through */
	SOFTWARE_IS_MIXED, /* it did not, and could not be taken back: name and group only */
	SOFTWARE_IS_MIXED_WITH_PROVIDES, /* the same, where provides and clears are applied as well
					  */
} SoftwareVerdict;

/* Adds what the update did to the installed software to @changes. */
gboolean software_apply(Store *store, const RecordArtifact *artifact, SoftwareVerdict verdict,
	StoreChanges *changes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* May this artifact be installed here? ROTA_ERROR_UNPROCESSABLE names what does not fit. */
gboolean software_check_depends(
	const Agent *agent, const ArtifactHeader *header, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): everything the device provides, flat: name, group, device_type, provides. */
GHashTable *software_all_provides(const Agent *agent, const Software *software);
