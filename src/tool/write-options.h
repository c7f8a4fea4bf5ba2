/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"
#include "tool/signer.h"

/* What every way of writing an artifact takes on its command line. A verb's own struct has a
 * WriteOptions in it, and its table the groups below at that place. */
typedef struct {
	char *name, *group, *output, *version;
	char *size_max, *size_warn;
	char *temporary_folder; /* NULL: beside the output */
	char *software_name, *software_version, *software_filesystem;
	SignerOptions signer;
	GPtrArray *device_types, *compatible_types, *scripts;
	GPtrArray *depends_names, *depends_groups, *provides, *depends, *clears;
	gboolean no_software_version, no_clears;
} WriteOptions;

#define WRITE_AT(member) G_STRUCT_OFFSET(WriteOptions, member)

/* A table of rows for WriteOptions. Where the artifact goes when nobody says so, and whether -p and
 * -d are short for provides and depends (0: they are not), is each generator's own: its script had
 * other names and letters. */
#define WRITE_ARTIFACT_TABLE(output_, p_, d_)                                                      \
	{                                                                                          \
		{ "output-path", 'o', OPTION_TEXT, WRITE_AT(output), "FILE",                       \
			"where the artifact goes; - is the standard output", output_ },            \
			{ "provides", p_, OPTION_TEXTS, WRITE_AT(provides), "KEY:VALUE",           \
				"what it provides", NULL },                                        \
			{ "depends", d_, OPTION_TEXTS, WRITE_AT(depends), "KEY:VALUE",             \
				"what must be provided", NULL },                                   \
			{ "Artifact", 0, OPTION_GROUP, 0, .rows = write_common_options },          \
		{                                                                                  \
			NULL                                                                       \
		}                                                                                  \
	}

extern const Option write_common_options[];   /* what is the same for all of them */
extern const Option write_artifact_options[]; /* the whole table, as mender-artifact has it */
extern const Option write_payload_options[];  /* scripts and software version: not bootstrap */
