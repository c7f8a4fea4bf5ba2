/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <systemd/sd-bus.h>
#include "agent/bus/link.h"
#include "agent/bus/token.h"

/* io.mender.Authentication1, as Mender's clients have it: a token, and the local URL it is good at.
 */
typedef struct {
	sd_bus *bus;
	Token *token;
	Link *link;
} Authentication1;

/* @self: must outlive the bus. Returns: a negative errno on failure. */
int authentication1_add(Authentication1 *self);

/* To be called when the token has changed: says so to all who listen. */
void authentication1_changed(Authentication1 *self);
