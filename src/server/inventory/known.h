/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/inventory/store.h"

/* Attributes that are not rows of their own: what the server itself knows of a device. */
typedef struct {
	const char *scope, *name;
	/* (transfer full): NULL where the device has none. */
	char *(*value)(const InventoryDevice *device, Hot *hot);
} KnownAttribute;

/* Ends with one without a name. */
extern const KnownAttribute known_attributes[];
/* NULL: it is an ordinary one. */
const KnownAttribute *known_attribute_find(const char *scope, const char *name);
