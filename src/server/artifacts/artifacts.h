/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* Artifacts and releases: what can be installed. */

/* Rows of the routes this domain serves; ends with a route without a path. */
extern const Route artifact_routes[];
