/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/phases.h"
#include "agent/steps/steps.h"

/* The words in which the two tables of phases are written (life-managed.c, life-standalone.c). */

#define NEXT(ok, no, error, aborted)                                                               \
	{                                                                                          \
		PHASE_##ok, PHASE_##no, PHASE_##error, PHASE_##aborted                             \
	}
#define ENTER SCRIPTS_ENTER
#define LEAVE SCRIPTS_LEAVE
#define ERROR SCRIPTS_ERROR
#define ON_CUT(phase, blame) .power_loss = { PHASE_##phase, BLAME_##blame }
#define ON_CUT_IF(holds, phase, blame, else_phase, else_blame)                                     \
	.power_loss = { PHASE_##phase, BLAME_##blame, holds, PHASE_##else_phase,                   \
		BLAME_##else_blame }
