/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/writer.h"
#include "base/options.h"

/* The part of an artifact that is laid over the rest without being signed: its options, and what
 * they come to. */
typedef struct {
	char *type, *meta_data;
	GPtrArray *files, *provides, *depends;
} AugmentOptions;

extern const Option write_augment_options[];

typedef struct {
	ArtifactAugment augment; /* borrows from the members below */
	GHashTable *provides, *depends;
	json_t *meta_data;
	char **files;
} WriteAugment;

/* *ret_augment: @augment's own one, or NULL where no option asks for it. @options: must outlive it.
 */
gboolean write_augment_init(WriteAugment *augment, const AugmentOptions *options,
	const ArtifactAugment **ret_augment, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void write_augment_clear(WriteAugment *augment);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WriteAugment, write_augment_clear)
