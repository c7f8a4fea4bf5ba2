/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"
#include "agent/settings.h"
#include "artifact/reader.h"

/* One payload's update module: a program that knows how to install one type of payload, driven by
 * protocol v3 as Mender's clients drive it (docs/design/update-life.md).
 *
 * A module works in its tree, DATA/modules/v3/payloads/NNNN/tree, which stays from Download to
 * Cleanup and survives restarts: its tmp/ is where what a rollback needs is kept. */
typedef struct Module Module;

typedef enum {
	MODULE_NO,
	MODULE_YES,
	MODULE_AUTOMATIC, /* NeedsArtifactReboot only */
} ModuleAnswer;

/**
 * module_new:
 * @type: of the payload
 * @index: of the payload
 * Borrows @paths and @settings. The program is looked for at each call, so that one that vanished
 * is an error of the call.
 */
Module *module_new(
	const Paths *paths, const AgentSettings *settings, const char *type, guint index);

/* ROTA_ERROR_NOT_FOUND where there is no program for this type. */
gboolean module_is_there(const Module *module, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the device had when the update began: module_prepare() writes it for the module to read. */
typedef struct {
	const char *artifact_name;
	const char *artifact_group;
	const char *device_type;
} ModuleDevice;

/* Makes the tree anew: header files, versions, and an empty tmp/. */
gboolean module_prepare(Module *module, const ArtifactHeader *header, const ModuleDevice *device,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * module_download:
 * @first: (inout)(nullable): the file the reader stands at; NULL = the reader is asked for the next
 *
 * Calls Download, or DownloadWithFileSizes where the module wants sizes, and feeds it the payload's
 * files. A module that does not ask for them finds them in files/.
 * @first is left at the first file of the next payload, or NULL at the end.
 */
gboolean module_download(Module *module, ArtifactReader *reader, const ArtifactFile **first,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One state: "ArtifactInstall". ROTA_ERROR_NOT_FOUND where the module is gone. Without a tree it is
 * an error, except for Cleanup, which then has nothing to do. */
gboolean module_call(Module *module, const char *state, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "NeedsArtifactReboot", "SupportsRollback", "ProvidePayloadFileSizes". */
gboolean module_ask(Module *module, const char *query, ModuleAnswer *ret_answer,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean module_remove_tree(Module *module, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void module_free(Module *module);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Module, module_free)
