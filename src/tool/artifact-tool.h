/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/reader.h"
#include "base/options.h"
#include "tool/console.h"

/* What the verbs of rota-artifact share. */

/* Exit statuses, those of mender-artifact 3.9. */
enum {
	STATUS_GOOD = 0,
	STATUS_USAGE = 1,   /* wrong parameters, and most other failures */
	STATUS_CREATE = 2,  /* write: there can be no file where the artifact should go */
	STATUS_OPEN = 3,    /* the artifact cannot be opened */
	STATUS_INVALID = 4, /* the artifact is not valid */
};

typedef struct {
	char *compression;    /* may stand before the verb or after it */
	gboolean json;        /* known to the console */
	gboolean no_progress; /* the same */
} GlobalOptions;

/* One a file: cmd-read.c has read_verb. */
extern const Verb write_module_image_verb, write_rootfs_image_verb, write_bootstrap_verb,
	write_single_file_verb, write_directory_verb, write_deb_verb, write_rpm_verb,
	write_script_verb, write_docker_verb, write_docker_compose_verb, write_compose_verb,
	read_verb, validate_verb, sign_verb, dump_verb, cp_verb, cat_verb, install_verb, rm_verb,
	modify_verb;

/* The one operand, or NULL after a complaint. */
const char *one_operand(char **operands, const char *verb);

/* Are there just so many? FALSE after the complaint that says what is wanted. */
gboolean check_operands(char **operands, guint wanted, const char *complaint);
