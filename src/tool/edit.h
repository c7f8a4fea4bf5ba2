/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/rewrite.h"
#include "base/options.h"
#include "image/disk.h"
#include "tool/signer.h"

/* What the verbs share that look into an image or change it: a plain one, one with partitions, or
 * the payload of an artifact.
 *
 * Changes are made on a copy, which takes the place of the file when it is whole: whatever goes
 * wrong before, the file is as it was. */

typedef struct {
	SignerOptions signer;
	gboolean drop_signature;
	char *temporary_folder;
} EditOptions;

/* Groups of rows for a verb whose struct has an EditOptions: one that changes, one that looks. */
extern const Option edit_options[], edit_view_options[];

/* FILE:PATH of a command line. */
typedef struct {
	char *file;
	char *path; /* NULL: there was no colon */
} EditPlace;

/* Does @word mean an image? By its name, as mender-artifact judges it, or because what stands
 * before the colon is a file. @ret_place is filled then. */
gboolean edit_place_parse(const char *word, EditPlace *ret_place);
/* A place without a path is ROTA_ERROR_INVALID. */
gboolean edit_place_check(const EditPlace *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void edit_place_clear(EditPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EditPlace, edit_place_clear)

typedef struct Edit Edit;

typedef enum {
	EDIT_ALL,    /* file systems will be changed, and headers may be */
	EDIT_HEADER, /* only the header of an artifact */
} EditKind;

/**
 * edit_open:
 * A signed artifact is ROTA_ERROR_CONFLICT unless the options say what becomes of its signature; an
 * artifact that is not valid is ARTIFACT_ERROR.
 */
Edit *edit_open(const char *file, const EditOptions *options, EditKind kind,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean edit_is_artifact(const Edit *edit);
/* NULL with @error where the payload has no file system that is known here; it is kept then. */
Disk *edit_disk(Edit *edit, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* For an artifact: what else is to change. */
ArtifactChange *edit_change(Edit *edit);
/* The copy takes the place of the file, with its mode and, where we may, its owner. */
gboolean edit_commit(Edit *edit, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * edit_open_view:
 * To look only; nothing is written but for a copy without a name where the payload of an artifact
 * or a journal must be unpacked.
 */
Edit *edit_open_view(const EditPlace *place, const EditOptions *options, ImageStat *ret_stat,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

void edit_free(Edit *edit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Edit, edit_free)

/* One step from a command line: changes @place by @act, and commits. */
gboolean edit_once(const EditPlace *place, const EditOptions *options,
	gboolean (*act)(Disk *disk, const char *path, gpointer user_data, GError **error),
	gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
