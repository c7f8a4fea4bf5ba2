/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Paths of the device API, as agent and server both say them (server-api.md sections 1, 3, 5). */
#define PATH_AUTH_REQUESTS "/api/devices/v1/authentication/auth_requests"
#define PATH_NEXT_V1 "/api/devices/v1/deployments/device/deployments/next"
#define PATH_NEXT_V2 "/api/devices/v2/deployments/device/deployments/next"
#define PATH_DEPLOYMENT_V1                                                                         \
	"/api/devices/v1/deployments/device/deployments/" /* + id + "/status" or "/log" */
#define PATH_INVENTORY "/api/devices/v1/inventory/device/attributes"
#define PATH_DOWNLOAD "/api/devices/v1/deployments/download/artifact" /* signed link */

/* The signature over the raw body of an authentication request, base64. */
#define HEADER_SIGNATURE "X-MEN-Signature"
#define HEADER_REQUEST_ID "X-MEN-RequestID"
