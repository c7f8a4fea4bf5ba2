/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "image/image.h"

/* FAT through the programs of mtools, which must be there at run time. Permission bits and owners
 * do not exist on it. */
ImageFileSystem *fat_open(const ImageRange *range, GError **error) G_GNUC_WARN_UNUSED_RESULT;
