/* SPDX-License-Identifier: Apache-2.0 */
/* A deb is an ar archive of "debian-binary", "control.tar*" and "data.tar*", in this order. Its ar
 * frame is walked here, to the byte; the control archive is libarchive's. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "tool/package-private.h"

enum {
	CONTROL_ARCHIVE_SIZE_MAX = 16 * 1024 * 1024,
	CONTROL_SIZE_MAX = 1024 * 1024,
	MEMBERS_MAX = 16, /* a package may have more than the three, and dpkg passes over them */
	CONTROL_FILES_MAX = 1000,
	CONTROL_FILE_SIZE_MAX = 64 * 1024 * 1024, /* of any, also of one that is passed over */
};

static const char kind[] = "deb";
static const char ar_magic[8] = "!<arch>\n";

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

/* The header of an ar member: texts padded with blanks. */
typedef struct {
	char name[16];
	char unused[32]; /* time, owner, mode */
	char size[10];
	char end[2];
} ArHeader;
G_STATIC_ASSERT(sizeof(ArHeader) == 60);

typedef struct {
	const char *path;
	int fd;
	guint64 size; /* of the file */
	guint64 next; /* offset of the next header */
	char name[17];
	guint64 body; /* offset and size of the member */
	guint64 body_size;
} ArWalk;

static gboolean next_member(ArWalk *walk, GError **error)
{
	ArHeader header;
	char size[11] = { 0 };

	if (!package_read_at(walk->fd, walk->path, kind, &header, sizeof header, walk->next, error))
		return FALSE;
	memcpy(walk->name, header.name, sizeof header.name);
	memcpy(size, header.size, sizeof header.size);
	g_strchomp(g_strdelimit(walk->name, "/", ' ')); /* GNU's ar ends a name by a slash */
	if (memcmp(header.end, "`\n", 2) != 0 ||
		!g_ascii_string_to_unsigned(g_strchomp(size), 10, 0,
			G_MAXUINT32 * G_GUINT64_CONSTANT(4), &walk->body_size, NULL))
		return package_refuse(walk->path, kind, "its ar archive is broken", error);
	walk->body = walk->next + sizeof header;
	walk->next = walk->body + walk->body_size + walk->body_size % 2;
	if (walk->body + walk->body_size > walk->size)
		return package_refuse(walk->path, kind, "it ends too early", error);
	return TRUE;
}

static gboolean find_member(ArWalk *walk, const char *prefix, GError **error)
{
	for (guint i = 0; i < MEMBERS_MAX; i++) {
		if (!next_member(walk, error))
			return FALSE;
		if (g_str_has_prefix(walk->name, prefix))
			return TRUE;
	}
	g_autofree char *why = g_strdup_printf("no %s in it", prefix);
	return package_refuse(walk->path, kind, why, error);
}

/* "2.0": another first number is a format of the future. */
static gboolean check_start(ArWalk *walk, GError **error)
{
	char magic[sizeof ar_magic], version[2];

	if (!package_read_at(walk->fd, walk->path, kind, magic, sizeof magic, 0, error))
		return FALSE;
	if (memcmp(magic, ar_magic, sizeof magic) != 0)
		return package_refuse(walk->path, kind, "no ar archive", error);
	walk->next = sizeof magic;
	if (!next_member(walk, error))
		return FALSE;
	if (!g_str_equal(walk->name, "debian-binary") || walk->body_size < sizeof version)
		return package_refuse(
			walk->path, kind, "its first member is not debian-binary", error);
	return package_read_at(
		       walk->fd, walk->path, kind, version, sizeof version, walk->body, error) &&
	       (memcmp(version, "2.", 2) == 0 ||
		       package_refuse(walk->path, kind, "its format version is not 2", error));
}

/* --- control --- */

static char *read_member(Archive *archive)
{
	g_autofree char *text = g_malloc0(CONTROL_SIZE_MAX + 1);
	la_ssize_t got = archive_read_data(archive, text, CONTROL_SIZE_MAX);

	return got > 0 ? g_strdup(text) : NULL;
}

/* The file `control` of the archive, or NULL. */
static char *find_control(Archive *archive)
{
	struct archive_entry *entry;

	for (guint i = 0; i < CONTROL_FILES_MAX; i++) {
		if (archive_read_next_header(archive, &entry) != ARCHIVE_OK ||
			archive_entry_size(entry) > CONTROL_FILE_SIZE_MAX)
			return NULL;
		const char *name = archive_entry_pathname(entry);

		if (name && (g_str_equal(name, "./control") || g_str_equal(name, "control")))
			return read_member(archive);
	}
	return NULL;
}

static char *read_control(const ArWalk *walk, GError **error)
{
	g_autofree guint8 *packed = NULL;
	g_autoptr(Archive) archive = archive_read_new();

	if (walk->body_size > CONTROL_ARCHIVE_SIZE_MAX) {
		package_refuse(walk->path, kind, "its control archive is too large", error);
		return NULL;
	}
	packed = g_malloc(walk->body_size + 1);
	if (!package_read_at(
		    walk->fd, walk->path, kind, packed, walk->body_size, walk->body, error))
		return NULL;
	/* No more of the library than a deb may need. */
	archive_read_support_format_tar(archive);
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_zstd(archive);
	char *control = NULL;
	if (archive_read_open_memory(archive, packed, walk->body_size) == ARCHIVE_OK)
		control = find_control(archive);
	if (!control)
		package_refuse(walk->path, kind, "its control file cannot be read", error);
	return control;
}

/* (transfer full): the value of a field of the first paragraph, or NULL. */
static char *field_of(const char *control, const char *name)
{
	g_auto(GStrv) lines = g_strsplit(control, "\n", -1);
	gsize length = strlen(name);

	for (char **line = lines; *line && **line; line++)
		if (g_ascii_strncasecmp(*line, name, length) == 0 && (*line)[length] == ':')
			return g_strdup(g_strstrip(*line + length + 1));
	return NULL;
}

static Package *read_package(ArWalk *walk, GError **error)
{
	g_autoptr(Package) package = g_new0(Package, 1);

	if (!check_start(walk, error) || !find_member(walk, "control.tar", error))
		return NULL;
	g_autofree char *control = read_control(walk, error);
	if (!control || !find_member(walk, "data.tar", error))
		return NULL;
	package->name = field_of(control, "Package");
	package->version = field_of(control, "Version");
	package->architecture = field_of(control, "Architecture");
	if (!package_is_complete(package, walk->path, kind, error))
		return NULL;
	return g_steal_pointer(&package);
}

Package *package_read_deb(const char *path, GError **error)
{
	ArWalk walk = { .path = path };
	autofd int fd = package_open(path, &walk.size, error);

	walk.fd = fd;
	return fd < 0 ? NULL : read_package(&walk, error);
}
