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

extern const Option write_module_image_options[], write_rootfs_image_options[],
	write_bootstrap_options[];
extern const Option read_options[], validate_options[], sign_options[], dump_options[];
extern const Option write_single_file_options[], write_directory_options[], write_package_options[],
	write_script_options[], write_docker_options[], write_compose_options[];
extern const char sign_details[], validate_details[];
extern const char dump_details[], write_single_file_details[], write_directory_details[],
	write_deb_details[], write_rpm_details[], write_script_details[], write_docker_details[],
	write_compose_details[];

extern const char write_module_image_details[], write_rootfs_image_details[],
	write_bootstrap_details[];

int write_module_image(gconstpointer options, char **operands, gconstpointer global_options);
int write_rootfs_image(gconstpointer options, char **operands, gconstpointer global_options);
int write_bootstrap(gconstpointer options, char **operands, gconstpointer global_options);
int write_single_file(gconstpointer options, char **operands, gconstpointer global_options);
int write_directory(gconstpointer options, char **operands, gconstpointer global_options);
int write_deb(gconstpointer options, char **operands, gconstpointer global_options);
int write_rpm(gconstpointer options, char **operands, gconstpointer global_options);
int write_script(gconstpointer options, char **operands, gconstpointer global_options);
int write_docker(gconstpointer options, char **operands, gconstpointer global_options);
int write_compose(gconstpointer options, char **operands, gconstpointer global_options);
int read_artifact(gconstpointer options, char **operands, gconstpointer global_options);
int validate_artifact(gconstpointer options, char **operands, gconstpointer global_options);
int sign_artifact(gconstpointer options, char **operands, gconstpointer global_options);
int dump_artifact(gconstpointer options, char **operands, gconstpointer global_options);

extern const gsize write_module_image_options_size, write_rootfs_image_options_size,
	write_bootstrap_options_size;
extern const gsize write_single_file_options_size, write_directory_options_size,
	write_package_options_size, write_script_options_size, write_docker_options_size,
	write_compose_options_size;
extern const gsize read_options_size, validate_options_size, sign_options_size, dump_options_size;

/* Those that work inside images. */
extern const Option cp_options[], cat_options[], install_options[], rm_options[], modify_options[];
int copy_file(gconstpointer options, char **operands, gconstpointer global_options);
int install_file(gconstpointer options, char **operands, gconstpointer global_options);
int remove_file(gconstpointer options, char **operands, gconstpointer global_options);
int modify_file(gconstpointer options, char **operands, gconstpointer global_options);
int cat_file(gconstpointer options, char **operands, gconstpointer global_options);
extern const gsize cp_options_size, cat_options_size, install_options_size, rm_options_size,
	modify_options_size;

/* The one operand, or NULL after a complaint. */
const char *one_operand(char **operands, const char *verb);

/* Are there just so many? FALSE after the complaint that says what is wanted. */
gboolean check_operands(char **operands, guint wanted, const char *complaint);
