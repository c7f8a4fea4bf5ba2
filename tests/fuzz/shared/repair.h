/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Sums keep a fuzzer out: after nearly every change one of them is wrong, and nothing behind it is
 * reached. These put them right again, in place; what has no sum stays as it is. Both take any
 * bytes, and leave alone what they cannot follow. */

/* The sum of each header of a tar archive. */
void repair_tar(guint8 *data, gsize size);

/* The same for an artifact and the uncompressed archives in it, and then each line of its manifests
 * whose name is found. */
void repair_artifact(guint8 *data, gsize size);
