/* SPDX-License-Identifier: Apache-2.0 */
/* An rpm is a lead, a signature and a header, each of them a list of tagged values, and the packed
 * files. Only the header's name, version and architecture are looked at.
 *
 *     lead 96 | signature: intro 16, index 16 * n, store, padded to 8 | header: the same | files
 */
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "tool/package-private.h"

enum {
	LEAD_SIZE = 96,
	INTRO_SIZE = 16,
	INDEX_SIZE = 16,
	INDEXES_MAX = 65536,
	STORE_SIZE_MAX = 64 * 1024 * 1024,
	TYPE_INT32 = 4,
	TYPE_STRING = 6,
	TYPE_I18N_STRING = 9,
};

static const char kind[] = "rpm";
static const guint8 lead_magic[] = { 0xed, 0xab, 0xee, 0xdb };
static const guint8 header_magic[] = { 0x8e, 0xad, 0xe8, 0x01 };

typedef enum {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_ARCH = 1022,
} Tag;

/* A header: its index, and the store the index points into. */
typedef struct {
	guint8 *index;
	guint32 n_indexes;
	char *store; /* a NUL behind it */
	guint32 store_size;
} RpmHeader;

static void rpm_header_clear(RpmHeader *header)
{
	g_clear_pointer(&header->index, g_free);
	g_clear_pointer(&header->store, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RpmHeader, rpm_header_clear)

static guint32 number_at(const guint8 *bytes)
{
	guint32 number;

	memcpy(&number, bytes, sizeof number);
	return GUINT32_FROM_BE(number);
}

/* @offset: of the header; moved behind it */
static gboolean read_sizes(
	int fd, const char *path, guint64 *offset, RpmHeader *header, GError **error)
{
	guint8 intro[INTRO_SIZE];

	if (!package_read_at(fd, path, kind, intro, sizeof intro, *offset, error))
		return FALSE;
	header->n_indexes = number_at(intro + 8);
	header->store_size = number_at(intro + 12);
	if (memcmp(intro, header_magic, sizeof header_magic) != 0 ||
		header->n_indexes > INDEXES_MAX || header->store_size > STORE_SIZE_MAX)
		return package_refuse(path, kind, "a header of it is broken", error);
	*offset += INTRO_SIZE;
	return TRUE;
}

static gboolean read_header(
	int fd, const char *path, guint64 offset, RpmHeader *header, GError **error)
{
	if (!read_sizes(fd, path, &offset, header, error))
		return FALSE;
	gsize index_size = (gsize)header->n_indexes * INDEX_SIZE;
	header->index = g_malloc(index_size + 1);
	header->store = g_malloc0((gsize)header->store_size + 1);
	return package_read_at(fd, path, kind, header->index, index_size, offset, error) &&
	       package_read_at(fd, path, kind, header->store, header->store_size,
		       offset + index_size, error);
}

/* Where the value of @tag begins in the store, or NULL. */
static const char *find(const RpmHeader *header, Tag tag, guint32 *ret_type, gsize *ret_left)
{
	for (guint32 i = 0; i < header->n_indexes; i++) {
		const guint8 *index = header->index + (gsize)i * INDEX_SIZE;
		guint32 offset = number_at(index + 8);

		if (number_at(index) != (guint32)tag || offset >= header->store_size)
			continue;
		*ret_type = number_at(index + 4);
		*ret_left = header->store_size - offset;
		return header->store + offset;
	}
	return NULL;
}

/* (transfer full), or NULL */
static char *text_of(const RpmHeader *header, Tag tag)
{
	guint32 type;
	gsize left;
	const char *text = find(header, tag, &type, &left);

	return text && (type == TYPE_STRING || type == TYPE_I18N_STRING) ? g_strndup(text, left)
									 : NULL;
}

static guint32 epoch_of(const RpmHeader *header)
{
	guint32 type;
	gsize left;
	const char *value = find(header, TAG_EPOCH, &type, &left);

	return value && type == TYPE_INT32 && left >= 4 ? number_at((const guint8 *)value) : 0;
}

/* As rpm itself prints it: an epoch only where there is one. */
static char *version_of(const RpmHeader *header)
{
	g_autofree char *version = text_of(header, TAG_VERSION);
	g_autofree char *release = text_of(header, TAG_RELEASE);
	guint32 epoch = epoch_of(header);

	if (!version || !release)
		return NULL;
	return epoch > 0 ? g_strdup_printf("%u:%s-%s", epoch, version, release)
			 : g_strdup_printf("%s-%s", version, release);
}

static gboolean skip_signature(int fd, const char *path, guint64 *offset, GError **error)
{
	RpmHeader signature = { 0 };
	guint8 lead[LEAD_SIZE];

	if (!package_read_at(fd, path, kind, lead, sizeof lead, 0, error))
		return FALSE;
	if (memcmp(lead, lead_magic, sizeof lead_magic) != 0)
		return package_refuse(path, kind, "it does not begin as one", error);
	*offset = LEAD_SIZE;
	if (!read_sizes(fd, path, offset, &signature, error))
		return FALSE;
	*offset += (guint64)signature.n_indexes * INDEX_SIZE + signature.store_size;
	*offset = (*offset + 7) & ~G_GUINT64_CONSTANT(7);
	return TRUE;
}

Package *package_read_rpm(const char *path, GError **error)
{
	g_autoptr(Package) package = g_new0(Package, 1);
	g_auto(RpmHeader) header = { 0 };
	autofd int fd = package_open(path, NULL, error);
	guint64 offset = 0;

	if (fd < 0 || !skip_signature(fd, path, &offset, error) ||
		!read_header(fd, path, offset, &header, error))
		return NULL;
	package->name = text_of(&header, TAG_NAME);
	package->version = version_of(&header);
	package->architecture = text_of(&header, TAG_ARCH);
	if (!package_is_complete(package, path, kind, error))
		return NULL;
	return g_steal_pointer(&package);
}
