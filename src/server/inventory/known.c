/* SPDX-License-Identifier: Apache-2.0 */
#include "server/inventory/known.h"

#include "base/clock.h"
#include "server/hot.h"

static char *device_status(const InventoryDevice *device, Hot *hot)
{
	return g_strdup(device->status);
}

static char *device_group(const InventoryDevice *device, Hot *hot)
{
	return g_strdup(device->group);
}

static char *created(const InventoryDevice *device, Hot *hot)
{
	return clock_format_rfc3339(device->created_us);
}

static char *updated(const InventoryDevice *device, Hot *hot)
{
	return clock_format_rfc3339(device->updated_us);
}

static char *last_contact(const InventoryDevice *device, Hot *hot)
{
	HotDevice found;

	if (!hot_find_row(hot, device->number, &found) || found.last_contact_s == 0)
		return NULL;
	return clock_format_rfc3339((gint64)found.last_contact_s * G_USEC_PER_SEC);
}

const KnownAttribute known_attributes[] = {
	{ SCOPE_IDENTITY, "status", device_status },
	{ SCOPE_SYSTEM, "group", device_group },
	{ SCOPE_SYSTEM, "created_ts", created },
	{ SCOPE_SYSTEM, "updated_ts", updated },
	{ SCOPE_SYSTEM, "check_in_time", last_contact },
	{ NULL },
};

static char *device_id(const InventoryDevice *device, Hot *hot)
{
	return g_strdup(device->id);
}

/* Can be asked for, and is not listed among the attributes. */
static const KnownAttribute id_attribute = { SCOPE_IDENTITY, "id", device_id };

const KnownAttribute *known_attribute_find(const char *scope, const char *name)
{
	if (g_str_equal(scope, id_attribute.scope) && g_str_equal(name, id_attribute.name))
		return &id_attribute;
	for (const KnownAttribute *known = known_attributes; known->name != NULL; known++)
		if (g_str_equal(scope, known->scope) && g_str_equal(name, known->name))
			return known;
	return NULL;
}
