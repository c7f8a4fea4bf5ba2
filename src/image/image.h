/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include <sys/types.h>

/* A file system inside a file, read and changed in place: no mount, no rights, no kernel driver.
 *
 * Paths are the image's own: "/etc/hostname". Symbolic links on the way are followed inside the
 * image; ".." at its root is its root; nothing leads out of it. What fails half-way leaves the
 * image as it happens to be: callers work on a copy and throw it away. */

/* Where the file system lies in its file. */
typedef struct {
	int fd;        /* borrowed; must stay open */
	guint64 start; /* in bytes */
	guint64 size;  /* nothing before or behind these bytes is ever read or written */
	gboolean writable;
	gint64 now_s; /* the time of all that is written */
} ImageRange;

typedef enum { IMAGE_FILE, IMAGE_FOLDER, IMAGE_LINK, IMAGE_OTHER } ImageKind;

typedef struct {
	ImageKind kind;
	guint mode; /* permission bits */
	guint32 user, group;
	guint64 size;
	gint64 modified_s;
} ImageStat;

/* Takes the bytes of a file, in order; FALSE with @error ends the reading. */
typedef gboolean (*ImageSink)(gconstpointer data, gsize size, gpointer user_data, GError **error);
/* Takes one name of a folder; FALSE with @error ends the listing. */
typedef gboolean (*ImageNameSink)(const char *name, gpointer user_data, GError **error);

/* What a file is made of. */
typedef struct {
	int source_fd; /* all that it gives from where it stands */
	guint mode;
	gboolean follow; /* a link of the name is followed; otherwise the file takes its place */
} ImageNewFile;

typedef struct ImageFileSystem ImageFileSystem;

/* What a file system is to us. Errors are ROTA_ERROR: NOT_FOUND, CONFLICT (of the wrong kind, or a
 * folder with something in it), UNAVAILABLE (no room in the image), CORRUPT, UNSUPPORTED. */
typedef struct {
	const char *name; /* "ext4" */

	/* Of what @path leads to, a last link followed. */
	gboolean (*stat)(
		ImageFileSystem *image, const char *path, ImageStat *ret_stat, GError **error);
	gboolean (*read)(ImageFileSystem *image, const char *path, ImageSink sink,
		gpointer user_data, GError **error);
	/* Names in a folder, without "." and "..", in the order they lie there. */
	gboolean (*list)(ImageFileSystem *image, const char *path, ImageNameSink sink,
		gpointer user_data, GError **error);

	/* A new file of root's. It takes the place of a file of its name, never that of a folder;
	 * its own folder must exist. */
	gboolean (*write)(
		ImageFileSystem *image, const char *path, const ImageNewFile *file, GError **error);
	/* @path and its parents, as far as they are not there, as 0755 and root's. */
	gboolean (*make_folders)(ImageFileSystem *image, const char *path, GError **error);
	gboolean (*set_mode)(ImageFileSystem *image, const char *path, guint mode, GError **error);
	/* A folder only if @recursive, or where it is empty and @path ends in "/"; a link itself,
	 * not what it leads to. */
	gboolean (*remove)(
		ImageFileSystem *image, const char *path, gboolean recursive, GError **error);

	/* All that was changed is in the file afterwards. */
	gboolean (*finish)(ImageFileSystem *image, GError **error);
	void (*free)(ImageFileSystem *image);
} ImageOperations;

struct ImageFileSystem {
	const ImageOperations *operations;
};

typedef enum { IMAGE_UNKNOWN, IMAGE_EXT, IMAGE_FAT } ImageFormat;

/* By what stands at its start. */
ImageFormat image_format(const ImageRange *range);

/**
 * image_open:
 * Returns: (transfer full): the file system, or NULL with @error. ROTA_ERROR_UNSUPPORTED: neither
 * ext2/3/4 nor FAT. ROTA_ERROR_PRECONDITION: its journal must be replayed first and @range is not
 * writable.
 */
ImageFileSystem *image_open(const ImageRange *range, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void image_free(ImageFileSystem *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageFileSystem, image_free)
