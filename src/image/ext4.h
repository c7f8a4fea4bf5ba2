/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "image/image.h"

/* ext2, ext3 and ext4 through libext2fs. Journals are replayed by e2fsck, which is a program. */
ImageFileSystem *ext4_open(const ImageRange *range, GError **error) G_GNUC_WARN_UNUSED_RESULT;
