/* SPDX-License-Identifier: Apache-2.0 */
/* No library that is kept and packaged writes FAT; mtools does since decades. Its programs get the
 * image as a descriptor, and names only after they were made plain: no wildcard, no drive. */
#include "image/fat.h"
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "image/program.h"

enum {
	LISTING_SIZE_MAX = 4 * 1024 * 1024,
	NAME_LENGTH_MAX = 255, /* mtools writes behind its memory with more */
	FILE_MODE = 0644,
	FOLDER_MODE = 0755,
};

typedef struct {
	ImageFileSystem image;
	ImageRange range;
	char *drive; /* what -i takes: descriptor and offset */
} Fat;

static gboolean fail(GError **error, RotaError code, const char *path, const char *why)
{
	g_set_error(error, ROTA_ERROR, code, "%s: %s", path, why);
	return FALSE;
}

static gboolean refuse_name(const char *path, GError **error)
{
	return fail(error, ROTA_ERROR_INVALID, path, "not a name for a FAT file system");
}

/* "::/a/b" for "a/./c/../b". (transfer full), or NULL with @error. */
static char *plain_path(const char *path, GError **error)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	g_autoptr(GPtrArray) kept = g_ptr_array_new();

	if (strpbrk(path, "*?[]\\\r\n") || !g_utf8_validate(path, -1, NULL)) {
		refuse_name(path, error);
		return NULL;
	}
	for (char **name = names; *name; name++) {
		if (g_utf8_strlen(*name, -1) > NAME_LENGTH_MAX) {
			refuse_name(path, error);
			return NULL;
		}
		if (!**name || g_str_equal(*name, "."))
			continue;
		if (!g_str_equal(*name, ".."))
			g_ptr_array_add(kept, *name);
		else if (kept->len > 0)
			g_ptr_array_set_size(kept, (gint)kept->len - 1);
	}
	g_ptr_array_add(kept, NULL);
	g_autofree char *joined = g_strjoinv("/", (char **)kept->pdata);
	return g_strconcat("::/", joined, NULL);
}

/* The first words of mtools are the reason, without the program's name: "Disk full". */
static gboolean fail_call(const char *path, const char *words, GError **error)
{
	gsize name = strcspn(words, " :");
	const char *start = strncmp(words + name, ": ", 2) == 0 ? words + name + 2 : words;
	g_autofree char *reason = g_strndup(start, strcspn(start, "\n"));

	if (strstr(words, "Disk full") || strstr(words, "No directory slots"))
		return fail(error, ROTA_ERROR_UNAVAILABLE, path,
			"the file system in the image is full");
	return fail(error, ROTA_ERROR_IO, path, *reason ? reason : "mtools failed");
}

typedef struct {
	const char *program;
	const char *flags; /* or NULL */
	const char *operands[2];
	int input_fd;
	ImageSink sink;
	gpointer user_data;
} FatCall;

static gboolean call_mtools(
	Fat *fat, const FatCall *what, int *ret_status, char **ret_words, GError **error)
{
	const char *arguments[8] = { what->program };
	guint n = 1;

	if (what->flags)
		arguments[n++] = what->flags;
	arguments[n++] = "-i";
	arguments[n++] = fat->drive;
	for (guint i = 0; i < G_N_ELEMENTS(what->operands) && what->operands[i]; i++)
		arguments[n++] = what->operands[i];
	const ProgramCall call = {
		.arguments = arguments,
		.package = "mtools",
		.image_fd = fat->range.fd,
		.input_fd = what->input_fd,
		.sink = what->sink,
		.user_data = what->user_data,
	};
	return program_call(&call, ret_status, ret_words, error);
}

/* Where the program must succeed. */
static gboolean run_mtools(Fat *fat, const FatCall *what, const char *path, GError **error)
{
	g_autofree char *words = NULL;
	int status;

	if (!call_mtools(fat, what, &status, &words, error))
		return FALSE;
	return status == 0 || fail_call(path, words, error);
}

static gboolean append_text(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	GString *text = user_data;

	if (text->len + size > LISTING_SIZE_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"a folder has more names than fit into %d bytes", LISTING_SIZE_MAX);
		return FALSE;
	}
	g_string_append_len(text, data, (gssize)size);
	return TRUE;
}

/* What stands at a path. */
typedef struct {
	gboolean found;
	ImageKind kind;
	GString *listing; /* of a folder: what is in it, a line each */
} Look;

static void look_clear(Look *look)
{
	if (look->listing)
		g_string_free(look->listing, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

/* mdir -b: a file is shown itself, a folder by what is in it. */
static gboolean look_at(Fat *fat, const char *plain, Look *ret_look, GError **error)
{
	GString *listing = ret_look->listing = g_string_new(NULL);
	const FatCall call = { "mdir", "-b", { plain }, -1, append_text, listing };
	g_autofree char *words = NULL;
	int status;

	if (!call_mtools(fat, &call, &status, &words, error))
		return FALSE;
	ret_look->found = status == 0;
	if (!ret_look->found && !strstr(words, "not found"))
		return fail_call(plain + strlen("::"), words, error);
	g_autofree char *first = g_strndup(listing->str, strcspn(listing->str, "\n"));
	gboolean is_file = ret_look->found && g_ascii_strcasecmp(first, plain) == 0;
	ret_look->kind = is_file ? IMAGE_FILE : IMAGE_FOLDER;
	return TRUE;
}

/* At what must be there. @ret_plain: (out)(transfer full) */
static gboolean look_at_existing(
	Fat *fat, const char *path, char **ret_plain, Look *ret_look, GError **error)
{
	*ret_plain = plain_path(path, error);
	if (!*ret_plain || !look_at(fat, *ret_plain, ret_look, error))
		return FALSE;
	return ret_look->found ||
	       fail(error, ROTA_ERROR_NOT_FOUND, path, "does not exist in the image");
}

static gboolean fat_read(ImageFileSystem *image, const char *path, ImageSink sink,
	gpointer user_data, GError **error)
{
	Fat *fat = (Fat *)image;
	g_autofree char *plain = NULL;
	g_auto(Look) look = { 0 };

	if (!look_at_existing(fat, path, &plain, &look, error))
		return FALSE;
	if (look.kind != IMAGE_FILE)
		return fail(error, ROTA_ERROR_CONFLICT, path, "is a folder");
	const FatCall call = { "mcopy", "-n", { plain, "-" }, -1, sink, user_data };
	return run_mtools(fat, &call, path, error);
}

static gboolean count_bytes(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	*(guint64 *)user_data += size;
	return TRUE;
}

static gboolean fat_stat(
	ImageFileSystem *image, const char *path, ImageStat *ret_stat, GError **error)
{
	Fat *fat = (Fat *)image;
	g_autofree char *plain = NULL;
	g_auto(Look) look = { 0 };
	ImageStat stat = { 0 };

	if (!look_at_existing(fat, path, &plain, &look, error))
		return FALSE;
	stat.kind = look.kind;
	stat.mode = stat.kind == IMAGE_FILE ? FILE_MODE : FOLDER_MODE;
	if (stat.kind == IMAGE_FILE && !fat_read(image, path, count_bytes, &stat.size, error))
		return FALSE;
	*ret_stat = stat;
	return TRUE;
}

/* "::/folder/name/" is the folder "name". */
static gboolean fat_list(ImageFileSystem *image, const char *path, ImageNameSink sink,
	gpointer user_data, GError **error)
{
	Fat *fat = (Fat *)image;
	g_autofree char *plain = NULL;
	g_auto(Look) look = { 0 };

	if (!look_at_existing(fat, path, &plain, &look, error))
		return FALSE;
	if (look.kind != IMAGE_FOLDER)
		return fail(error, ROTA_ERROR_CONFLICT, path, "is not a folder");
	g_auto(GStrv) lines = g_strsplit(look.listing->str, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_autofree char *name = g_path_get_basename(*line);

		if (**line && !sink(name, user_data, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean check_place(Fat *fat, const char *plain, const char *path, GError **error)
{
	const char *slash = strrchr(plain, '/');
	g_autofree char *folder =
		slash == plain + 2 ? g_strdup("::/") : g_strndup(plain, (gsize)(slash - plain));
	g_auto(Look) above = { 0 };
	g_auto(Look) look = { 0 };

	if (!look_at(fat, folder, &above, error))
		return FALSE;
	if (!above.found || above.kind != IMAGE_FOLDER)
		return fail(error, ROTA_ERROR_NOT_FOUND, path,
			"its folder does not exist in the image");
	if (!look_at(fat, plain, &look, error))
		return FALSE;
	return !look.found || look.kind == IMAGE_FILE ||
	       fail(error, ROTA_ERROR_CONFLICT, path,
		       "is a folder in the image; a path that ends in / puts the file into it");
}

/* mtools makes "b" of "a:b", "a" of "a." and "E" of a currency: what was made must be there by the
 * name that was asked for. */
static gboolean check_name(
	Fat *fat, const char *plain, const char *path, ImageKind wanted, GError **error)
{
	g_auto(Look) look = { 0 };

	if (!look_at(fat, plain, &look, error))
		return FALSE;
	return (look.found && look.kind == wanted) || refuse_name(path, error);
}

/* There are no links to follow. */
static gboolean fat_write(
	ImageFileSystem *image, const char *path, const ImageNewFile *file, GError **error)
{
	Fat *fat = (Fat *)image;
	g_autofree char *plain = plain_path(path, error);

	if (!plain || !check_place(fat, plain, path, error))
		return FALSE;
	const FatCall call = { "mcopy", "-no", { "-", plain }, file->source_fd, NULL, NULL };
	return run_mtools(fat, &call, path, error) &&
	       check_name(fat, plain, path, IMAGE_FILE, error);
}

static gboolean make_one(Fat *fat, const char *plain, const char *path, GError **error)
{
	g_auto(Look) look = { 0 };

	if (!look_at(fat, plain, &look, error))
		return FALSE;
	if (look.found)
		return look.kind == IMAGE_FOLDER ||
		       fail(error, ROTA_ERROR_CONFLICT, path, "is there and is not a folder");
	const FatCall call = { "mmd", NULL, { plain }, -1, NULL, NULL };
	return run_mtools(fat, &call, path, error) &&
	       check_name(fat, plain, path, IMAGE_FOLDER, error);
}

static gboolean fat_make_folders(ImageFileSystem *image, const char *path, GError **error)
{
	Fat *fat = (Fat *)image;
	g_autofree char *plain = plain_path(path, error);
	g_auto(GStrv) names = g_strsplit(plain ? plain + strlen("::/") : "", "/", -1);
	g_autoptr(GString) so_far = g_string_new("::");

	if (!plain)
		return FALSE;
	for (char **name = names; *name && **name; name++) {
		g_string_append_printf(so_far, "/%s", *name);
		if (!make_one(fat, so_far->str, path, error))
			return FALSE;
	}
	return TRUE;
}

/* There are no permission bits to set. */
static gboolean fat_set_mode(ImageFileSystem *image, const char *path, guint mode, GError **error)
{
	return TRUE;
}

static gboolean fat_remove(
	ImageFileSystem *image, const char *path, gboolean recursive, GError **error)
{
	Fat *fat = (Fat *)image;
	g_autofree char *plain = NULL;
	g_auto(Look) look = { 0 };

	if (!look_at_existing(fat, path, &plain, &look, error))
		return FALSE;
	if (g_str_equal(plain, "::/"))
		return fail(error, ROTA_ERROR_INVALID, path, "cannot be removed");
	gboolean goes = recursive || (look.listing->len == 0 && g_str_has_suffix(path, "/"));
	if (look.kind == IMAGE_FOLDER && !goes)
		return fail(error, ROTA_ERROR_CONFLICT, path,
			look.listing->len ? "the folder is not empty" : "is a folder");
	const char *folder_program = recursive ? "mdeltree" : "mrd";
	const FatCall call = { look.kind == IMAGE_FILE ? "mdel" : folder_program, NULL, { plain },
		-1, NULL, NULL };
	return run_mtools(fat, &call, path, error);
}

static gboolean fat_finish(ImageFileSystem *image, GError **error)
{
	return TRUE; /* each program wrote what it changed */
}

static void fat_free(ImageFileSystem *image)
{
	Fat *fat = (Fat *)image;

	g_free(fat->drive);
	g_free(fat);
}

static const ImageOperations fat_operations = {
	.name = "FAT",
	.stat = fat_stat,
	.read = fat_read,
	.list = fat_list,
	.write = fat_write,
	.make_folders = fat_make_folders,
	.set_mode = fat_set_mode,
	.remove = fat_remove,
	.finish = fat_finish,
	.free = fat_free,
};

/* --- opening: mtools knows where the file system starts, and of its end what the boot sector says.
 * One that claims more than its partition has would be written into the next one. --- */

enum { BOOT_SECTOR_SIZE = 512, SECTOR_SIZE_MAX = 4096, FOLDER_ENTRY_SIZE = 32, NO_SECTOR = 0xffff };

/* All but the sizes are counted in sectors. */
typedef struct {
	guint64 sector_size, n_sectors, cluster, n_reserved, n_tables, table, root_size;
	guint64 information, backup; /* copies that are written, too; FAT32 only */
} Layout;

static guint32 number_at(const guint8 *sector, gsize offset, gsize size)
{
	guint32 number = 0;

	for (gsize i = size; i > 0; i--)
		number = number << 8 | sector[offset + i - 1];
	return number;
}

static Layout read_layout(const guint8 *sector)
{
	guint32 n_sectors = number_at(sector, 19, 2), table = number_at(sector, 22, 2);

	return (Layout){
		.sector_size = number_at(sector, 11, 2),
		.n_sectors = n_sectors ? n_sectors : number_at(sector, 32, 4),
		.cluster = number_at(sector, 13, 1),
		.n_reserved = number_at(sector, 14, 2),
		.n_tables = number_at(sector, 16, 1),
		.table = table ? table : number_at(sector, 36, 4),
		.root_size = (guint64)number_at(sector, 17, 2) * FOLDER_ENTRY_SIZE,
		.information = table ? 0 : number_at(sector, 48, 2),
		.backup = table ? 0 : number_at(sector, 50, 2),
	};
}

static gboolean is_power_of_two(guint64 number)
{
	return number > 0 && (number & (number - 1)) == 0;
}

static gboolean layout_is_sound(const Layout *it)
{
	if (it->sector_size < BOOT_SECTOR_SIZE || it->sector_size > SECTOR_SIZE_MAX ||
		!is_power_of_two(it->sector_size) || !is_power_of_two(it->cluster))
		return FALSE;
	guint64 root = (it->root_size + it->sector_size - 1) / it->sector_size;
	return it->n_reserved > 0 && it->n_tables > 0 && it->table > 0 &&
	       it->n_reserved + it->n_tables * it->table + root < it->n_sectors &&
	       (it->information == NO_SECTOR || it->information < it->n_reserved) &&
	       (it->backup == NO_SECTOR || it->backup < it->n_reserved);
}

static gboolean check_boot_sector(const ImageRange *range, GError **error)
{
	guint8 sector[BOOT_SECTOR_SIZE];

	if (pread(range->fd, sector, sizeof sector, (off_t)range->start) != sizeof sector) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_IO, "FAT: the boot sector is not read");
		return FALSE;
	}
	Layout layout = read_layout(sector);
	if (!layout_is_sound(&layout))
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"FAT: the boot sector contradicts itself");
	else if (layout.n_sectors > range->size / layout.sector_size)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"the file system is larger than the image or partition it lies in");
	else
		return TRUE;
	return FALSE;
}

ImageFileSystem *fat_open(const ImageRange *range, GError **error)
{
	if (!check_boot_sector(range, error))
		return NULL;
	Fat *fat = g_new0(Fat, 1);
	fat->image.operations = &fat_operations;
	fat->range = *range;
	fat->drive = g_strdup_printf(
		"/proc/self/fd/%d@@%" G_GUINT64_FORMAT, PROGRAM_IMAGE_FD, range->start);
	return &fat->image;
}
