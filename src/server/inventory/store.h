/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database.h"
#include "server/inventory/attribute.h"
#include "server/inventory/sets.h"

/* Inventory in the store. */
typedef struct {
	char *id;
	guint32 number;
	char *status;
	char *group;             /* (nullable) */
	char *attributes_digest; /* (nullable): of the last whole inventory */
	char *tags_version;      /* (nullable) */
	gint64 created_us;
	gint64 updated_us;
} InventoryDevice;

void inventory_device_free(InventoryDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InventoryDevice, inventory_device_free)

/* (transfer full): ROTA_ERROR_NOT_FOUND where there is none. */
InventoryDevice *inventory_get_device(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
InventoryDevice *inventory_get_numbered(Transaction *transaction, const char *tenant,
	guint32 number, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Calls @function for each device of the tenant, by number. */
typedef gboolean (*InventoryVisitor)(const InventoryDevice *device, gpointer data, GError **error);
gboolean inventory_each_device(Transaction *transaction, const char *tenant,
	InventoryVisitor function, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): of Attribute *, by scope and name. @scope: (nullable): all scopes. */
GPtrArray *inventory_attributes(Transaction *transaction, const char *tenant, guint32 number,
	const char *scope, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
	WRITE_REPLACE, /* what is not in the list goes */
	WRITE_MERGE,
} WriteMode;

/* A device lost this attribute, and its values are gone: the name goes with the last one that had
 * it, or names that strangers made up would stay for good. */
gboolean inventory_forget_name(Transaction *transaction, const char *tenant,
	const Attribute *attribute, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * inventory_write:
 * @attributes: of Attribute *, all of @scope
 * @n_max: more than this in the scope afterwards is ROTA_ERROR_INVALID
 * Writes only what differs. @ret_changed: whether anything did.
 */
gboolean inventory_write(Transaction *transaction, const char *tenant,
	const InventoryDevice *device, const char *scope, const GPtrArray *attributes,
	WriteMode mode, guint n_max, gboolean *ret_changed,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
