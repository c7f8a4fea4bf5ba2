/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* The log of one deployment: what the agent, modules and scripts said, one JSON object a line, kept
 * over restarts and sent to the server when the deployment failed. The newest five are kept. */
typedef struct DeploymentLog DeploymentLog;

enum {
	DEPLOYMENT_LOGS_MAX = 5,
	DEPLOYMENT_LOG_SENT_MAX = 1000 * 1000 - 256, /* bytes; older entries are cut off */
	DEPLOYMENT_LOG_SIZE_MAX = 8 * 1024 * 1024,   /* of the file; what comes later is not kept */
	DEPLOYMENT_LOG_FREE_MIN = 100 * 1024,        /* old logs go while less is free */
};

/* Begins, or goes on with, the log of @id in @folder: from here on it takes every log record. */
DeploymentLog *deployment_log_open(
	const char *folder, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void deployment_log_close(DeploymentLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeploymentLog, deployment_log_close)

/* (transfer full): the body of the log call: broken lines are replaced, and where it is too long
 * the oldest entries are cut off; both are said in entries of their own. NULL with @error. */
char *deployment_log_body(
	const char *folder, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
