/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/writer.h"
#include "tool/artifact-tool.h"
#include "tool/write-options.h"

/* From the options of a `write` verb to an artifact: what was asked for is checked, the defaults of
 * the way it is written are added, and the file appears whole or not at all.
 *
 *     g_auto(WriteSpec) spec = { 0 };
 *     if (!write_spec_init(&spec, &options->write, &way, global_options, &error))
 *             return complain(STATUS_USAGE, error->message);
 *     spec.artifact.file_paths = paths;
 *     return write_spec_save(&spec, &options->write);
 */

/* What one verb writes, before any option. */
typedef struct {
	const char *payload_type;     /* NULL: an empty payload */
	const char *software_name;    /* provides rootfs-image.NAME.version; NULL: without a name */
	const char *software_version; /* its value; NULL: the name of the artifact */
	gboolean has_software;        /* provides a version, and clears what was there */
	const char *const *clears;    /* what was there, where it is not FILESYSTEM.NAME.* */
	gboolean is_image; /* a root file system: also clears what older tools provided */
} WriteWay;

typedef struct {
	ArtifactSpec artifact; /* what will be written; borrows from the members below and from the
				  options. Files, meta-data and sums to provide are the verb's */
	GHashTable *provides;
	GHashTable *depends;
	char **clears;
	char **device_types, **depends_names, **depends_groups, **scripts;
	guint64 size_warn; /* bytes; 0: no limit */
	json_t *facts;     /* object: what the verb found, told beside the artifact; or NULL */
	char *text;        /* the same for people, lines with their line feeds; or NULL */
} WriteSpec;

/**
 * write_spec_init:
 * @options: (transfer none): must outlive the spec
 * @global_options: GlobalOptions, as the verb was given them
 * ROTA_ERROR_INVALID where an option is missing or makes no sense.
 */
gboolean write_spec_init(WriteSpec *spec, const WriteOptions *options, const WriteWay *way,
	gconstpointer global_options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Provides the version of one more piece of software and clears what was there of it, unless the
 * options name the software themselves or switch that off. */
void write_spec_add_software(
	WriteSpec *spec, const WriteOptions *options, const char *name, const char *version);

/* Writes, signs and names the file. Returns the exit status, after a complaint if it is not good.
 */
int write_spec_save(const WriteSpec *spec, const WriteOptions *options) G_GNUC_WARN_UNUSED_RESULT;

void write_spec_clear(WriteSpec *spec);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WriteSpec, write_spec_clear)
