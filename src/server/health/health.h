/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* How the server is: for load balancers (health), for people and Prometheus (metrics). */
extern const Route health_routes[];
