/* SPDX-License-Identifier: Apache-2.0 */
/* Takes an artifact apart, and says how to put it together again. */
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/output-folder.h"
#include "tool/signer.h"
#include "tool/write-command.h"

enum { READ_SIZE = 256 * 1024, FILE_MODE = 0644, SCRIPT_MODE = 0755 };

typedef struct {
	char *files, *meta_data, *scripts;
	gboolean print_line, print_words;
	SignerOptions signer;
} DumpOptions;

#define AT(member) G_STRUCT_OFFSET(DumpOptions, member)

static const Option dump_options[] = {
	{ "files", 0, OPTION_TEXT, AT(files), "FOLDER", "unpacks the payload files into it", NULL },
	{ "meta-data", 0, OPTION_TEXT, AT(meta_data), "FOLDER",
		"unpacks the meta-data into it, as 0000.meta-data", NULL },
	{ "scripts", 0, OPTION_TEXT, AT(scripts), "FOLDER", "unpacks the state scripts into it",
		NULL },
	{ "print-cmdline", 0, OPTION_FLAG, AT(print_line), NULL,
		"prints the command that makes the artifact again of what is unpacked, quoted for "
		"a shell",
		NULL },
	{ "print0-cmdline", 0, OPTION_FLAG, AT(print_words), NULL,
		"the same with a NUL after each word, and nothing quoted: for xargs -0", NULL },
	{ "Keys", 0, OPTION_GROUP, AT(signer), .rows = signer_public_options },
	{ NULL },
};

static const char dump_details[] =
	"Nothing is written over: a file that is there already is refused. A file has its name "
	"only "
	"when all of it was unpacked and its sum was right, and after a failure none of them is "
	"left. The names stand in the artifact and never lead out of the folder.\n\n"
	"Example: take an artifact apart, change a file, make a new one:\n\n"
	"    rota-artifact dump --files f --scripts s --meta-data m --print-cmdline \\\n"
	"        app.mender >command\n"
	"    sed -i s/debug/info/ f/app.conf\n"
	"    eval \"rota-artifact $(cat command) -o new.mender\"\n\n"
	"A signature, and the time of the entries, are not made again. Exit status 4 also stands "
	"for "
	"a folder or file that cannot be written.";

/* A folder that was not asked for has no path. */
typedef struct {
	OutputFolder files, meta_data, scripts;
} Folders;

static void folders_clear(Folders *folders)
{
	/* One may lie in another: the one that was made last goes first. */
	output_folder_clear(&folders->files);
	output_folder_clear(&folders->meta_data);
	output_folder_clear(&folders->scripts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Folders, folders_clear)

typedef struct {
	ArtifactReader *reader;
	const ArtifactHeader *header;
	Folders *folders;
	GPtrArray *words; /* of the command; NULL where there is none */
	char *no_command; /* why there is none */
	json_t *report;
} Dump;

static gboolean open_folder(OutputFolder *folder, const char *path, GError **error)
{
	return !path || !*path || output_folder_open(folder, path, error);
}

static gboolean open_folders(Folders *folders, const DumpOptions *options, GError **error)
{
	return open_folder(&folders->scripts, options->scripts, error) &&
	       open_folder(&folders->meta_data, options->meta_data, error) &&
	       open_folder(&folders->files, options->files, error);
}

static gboolean sync_folder(const OutputFolder *folder, GError **error)
{
	return !folder->path || output_folder_sync(folder, error);
}

static gboolean keep_folders(Folders *folders, GError **error)
{
	if (!sync_folder(&folders->scripts, error) || !sync_folder(&folders->meta_data, error) ||
		!sync_folder(&folders->files, error))
		return FALSE;
	output_folder_keep(&folders->scripts);
	output_folder_keep(&folders->meta_data);
	output_folder_keep(&folders->files);
	return TRUE;
}

/* A word for the command, a line for the report. (transfer none): the line */
static json_t *note(Dump *dump, const char *list, const char *flag, const OutputFolder *folder,
	const char *name)
{
	g_autofree char *path = output_folder_path_of(folder, name);
	json_t *line = json_object();

	if (dump->words)
		write_command_add(dump->words, flag, path);
	json_object_set_new(line, "name", json_string(name));
	json_object_set_new(line, "path", json_string(path));
	json_array_append_new(json_object_get(dump->report, list), line);
	return line;
}

static gboolean dump_scripts(Dump *dump, GError **error)
{
	OutputFolder *folder = &dump->folders->scripts;

	for (guint i = 0; folder->path && i < dump->header->scripts->len; i++) {
		const ArtifactScript *script = dump->header->scripts->pdata[i];

		if (!output_folder_add(folder, script->name, SCRIPT_MODE, script->bytes, error))
			return FALSE;
		note(dump, "scripts", "--script", folder, script->name);
	}
	return TRUE;
}

static gboolean add_meta_data(Dump *dump, const char *flag, const char *suffix, guint index,
	GBytes *bytes, GError **error)
{
	OutputFolder *folder = &dump->folders->meta_data;
	g_autofree char *name = g_strdup_printf("%04u.%s", index, suffix);

	if (!output_folder_add(folder, name, FILE_MODE, bytes, error))
		return FALSE;
	note(dump, "meta_data", flag, folder, name);
	return TRUE;
}

static gboolean dump_meta_data(Dump *dump, guint index, GError **error)
{
	const ArtifactPayload *payload = dump->header->payloads->pdata[index];

	if (!dump->folders->meta_data.path)
		return TRUE;
	if (payload->meta_data_bytes && g_bytes_get_size(payload->meta_data_bytes) > 0 &&
		!add_meta_data(
			dump, "--meta-data", "meta-data", index, payload->meta_data_bytes, error))
		return FALSE;
	if (!payload->augmented_meta_data)
		return TRUE;
	char *text = json_to_text(payload->augmented_meta_data);
	g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
	return add_meta_data(dump, "--augment-meta-data", "meta-data-augment", index, bytes, error);
}

static gboolean copy_content(ArtifactReader *reader, const FolderFile *file, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(READ_SIZE);

	for (;;) {
		gssize got = artifact_reader_read(reader, buffer, READ_SIZE, error);

		if (got <= 0)
			return got == 0;
		if (!file_write_all(file->fd, buffer, (gsize)got, error)) {
			g_prefix_error(error, "%s/%s: ", file->folder->path, file->name);
			return FALSE;
		}
	}
}

static gboolean dump_file(Dump *dump, const ArtifactFile *entry, GError **error)
{
	OutputFolder *folder = &dump->folders->files;
	g_auto(FolderFile) file = { 0 };

	if (!folder_file_open(&file, folder, entry->name, FILE_MODE, error) ||
		!copy_content(dump->reader, &file, error) || !folder_file_commit(&file, error))
		return FALSE;
	json_t *line = note(
		dump, "files", entry->augmented ? "--augment-file" : "--file", folder, entry->name);
	json_object_set_new(line, "size", json_integer((json_int_t)entry->size));
	json_object_set_new(line, "sha256", json_string(entry->sha256));
	json_object_set_new(line, "augmented", json_boolean(entry->augmented));
	return TRUE;
}

static gboolean dump_files(Dump *dump, GError **error)
{
	const ArtifactFile *file;

	for (;;) {
		if (!artifact_reader_next_file(dump->reader, &file, error))
			return FALSE;
		if (!file)
			return artifact_reader_finish(dump->reader, error);
		if (dump->folders->files.path && !dump_file(dump, file, error))
			return FALSE;
	}
}

/* What cannot be said as a command matters only to who wants the command. */
static gboolean make_command(Dump *dump, const DumpOptions *options, GError **error)
{
	g_autoptr(GError) refusal = NULL;

	dump->words = write_command_new(dump->header, &refusal);
	if (dump->words)
		return TRUE;
	if (options->print_line || options->print_words) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	dump->no_command = g_strdup(refusal->message);
	return TRUE;
}

/* The help of mender-artifact speaks of the first payload; silence about the others would be a
 * loss. */
static gboolean check_payloads(const ArtifactHeader *header, GError **error)
{
	if (header->payloads->len == 1)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"the artifact has %u payloads: only one with a single payload is taken apart",
		header->payloads->len);
	return FALSE;
}

static gboolean take_apart(Dump *dump, const DumpOptions *options, GError **error)
{
	return check_payloads(dump->header, error) && make_command(dump, options, error) &&
	       open_folders(dump->folders, options, error) && dump_scripts(dump, error) &&
	       dump_meta_data(dump, 0, error) && dump_files(dump, error) &&
	       keep_folders(dump->folders, error);
}

/* --- what is printed --- */

static void print_words(const GPtrArray *words)
{
	for (guint i = 0; i < words->len; i++) {
		fputs(words->pdata[i], stdout);
		putchar('\0');
	}
}

static json_t *command_report(const Dump *dump)
{
	json_t *command = dump->words ? json_array() : json_null();

	for (guint i = 0; dump->words && i < dump->words->len; i++)
		json_array_append_new(command, json_string(dump->words->pdata[i]));
	json_object_set_new(dump->report, "command", command);
	json_object_set_new(dump->report, "no_command",
		dump->no_command ? json_string(dump->no_command) : json_null());
	return json_incref(dump->report);
}

static void print_result(const Dump *dump, const DumpOptions *options)
{
	g_autofree char *command = options->print_line ? write_command_to_shell(dump->words) : NULL;
	g_autofree char *line = command ? g_strconcat(command, "\n", NULL) : NULL;

	console_tell(command_report(dump), line);
	if (options->print_words && !console_wants_json())
		print_words(dump->words);
}

static void warn(const ArtifactHeader *header, const DumpOptions *options)
{
	if (!options->print_line && !options->print_words)
		return;
	if (header->signature != ARTIFACT_UNSIGNED)
		console_warn("the artifact is signed; what the command makes is not, until it is "
			     "signed anew");
	if (header->augmented)
		console_warn("the artifact is AUGMENTED: a part of it is outside of any signature");
	if (header->version == 2)
		console_warn("the artifact has format version 2; the command makes version 3");
}

static int dump_opened(GInputStream *in, const DumpOptions *options, GPtrArray *keys)
{
	g_auto(Folders) folders = { 0 };
	g_autoptr(json_t) report = json_pack("{s:[], s:[], s:[]}", "scripts", "meta_data", "files");
	ArtifactRefusal refusal = { 0 };
	g_autoptr(GError) error = NULL;
	ArtifactPolicy policy = { .keys = keys };
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, &refusal, &error);

	if (!reader)
		return complain_of_artifact(
			status_of_reading(error, STATUS_INVALID), error, &refusal);
	Dump dump = { reader, artifact_reader_header(reader), &folders, NULL, NULL, report };
	int status = STATUS_GOOD;
	if (take_apart(&dump, options, &error)) {
		print_result(&dump, options);
		warn(dump.header, options);
	} else {
		status = complain_of_artifact(
			status_of_reading(error, STATUS_INVALID), error, &refusal);
	}
	g_clear_pointer(&dump.words, g_ptr_array_unref);
	g_free(dump.no_command);
	return status;
}

static int dump_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const DumpOptions *options = data;
	const char *path = one_operand(operands, "dump");
	g_autoptr(GError) error = NULL;

	if (!path)
		return STATUS_USAGE;
	if (options->print_line && options->print_words)
		return complain(STATUS_USAGE,
			"dump: --print-cmdline and --print0-cmdline: give one of them");
	g_autoptr(GPtrArray) keys = signer_load_public(&options->signer, &error);
	if (!keys)
		return complain(STATUS_USAGE, error->message);
	g_autoptr(GInputStream) in = open_artifact(path, NULL);
	return in ? dump_opened(in, options, keys) : STATUS_OPEN;
}

const Verb dump_verb = { "dump", "FILE",
	"Unpacks what is in an artifact, and says how to make it again", dump_details, dump_options,
	sizeof(DumpOptions), dump_artifact };
