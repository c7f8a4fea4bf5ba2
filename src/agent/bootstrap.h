/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"

/* What the factory installed: DATA/bootstrap.mender, an artifact without payload, is read once,
 * when the store does not know yet what is installed, and then removed. It needs no signature, as
 * it came with the system. Where there is none, or it is no good, the software is called "unknown".
 */
gboolean bootstrap_ensure(Agent *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;
