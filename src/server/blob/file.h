/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/blob/blob.h"

/* Blobs in a folder: FOLDER/ab/abcdef... by SHA-256, and FOLDER/incoming for what is being written.
 * A blob gets its name after its bytes are synced, and the name is synced as well, so a power cut
 * leaves all of it or nothing; what lies in incoming at start is removed. (transfer full) */
Blobs *blob_folder_open(const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
