/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* GRUB's environment block: a line that names it, NAME=VALUE lines and comments, and '#' up to the
 * size of the file, which never changes (grub, lib/envblk.c). Values escape line feeds and
 * backslashes. */

enum { GRUB_BLOCK_SIZE_MAX = 64 * 1024 };

typedef struct GrubBlock GrubBlock;

/* ROTA_ERROR_CORRUPT for anything else. */
GrubBlock *grub_block_parse(GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void grub_block_free(GrubBlock *block);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GrubBlock, grub_block_free)

/* (nullable) */
const char *grub_block_get(const GrubBlock *block, const char *name);
/* In its place, or behind all others. */
void grub_block_set(GrubBlock *block, const char *name, const char *value);

/* As large as what was parsed; ROTA_ERROR_TOO_LARGE where the variables need more. */
GBytes *grub_block_write(const GrubBlock *block, GError **error) G_GNUC_WARN_UNUSED_RESULT;
