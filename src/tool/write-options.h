/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"
#include "tool/signer.h"

/* What every way of writing an artifact takes on its command line. A verb's own struct has a
 * WriteOptions in it, and its table the groups below at that place. */
typedef struct {
	char *name, *group, *output, *version;
	char *size_max, *size_warn;
	char *software_name, *software_version, *software_filesystem;
	SignerOptions signer;
	GPtrArray *device_types, *compatible_types, *scripts;
	GPtrArray *depends_names, *depends_groups, *provides, *depends, *clears;
	gboolean no_software_version, no_clears;
} WriteOptions;

extern const Option write_artifact_options[]; /* name, devices, output, depends, provides */
extern const Option write_payload_options[];  /* scripts and software version: not bootstrap */
