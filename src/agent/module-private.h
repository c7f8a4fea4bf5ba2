/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/module.h"
#include "agent/process.h"

/* Shared by module.c (calls, tree) and module-streams.c (Download). */
struct Module {
	const Paths *paths;
	const AgentSettings *settings;
	char *type;
	guint index;
	char *tree;
};

/* (transfer full): the program, or NULL with NOT_FOUND or INVALID. */
char *module_find_program(const Module *module, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): "module single-file: ArtifactInstall". */
char *module_call_name(const Module *module, const char *state);
