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

#define WRITE_AT(member) G_STRUCT_OFFSET(WriteOptions, member)

/* The rows of write_artifact_options, for a generator whose script used the letters -p and -d for
 * something else (0: none), and had another name for what it makes. */
#define WRITE_ARTIFACT_ROWS(output_, p_, d_)                                                       \
	{ "artifact-name", 'n', OPTION_TEXT, WRITE_AT(name), "NAME", "name of the artifact",       \
		NULL },                                                                            \
		{ "device-type", 't', OPTION_TEXTS, WRITE_AT(device_types), "TYPE",                \
			"device type it is made for; may be given several times", NULL },          \
		{ "compatible-types", 'c', OPTION_TEXTS, WRITE_AT(compatible_types), "TYPE",       \
			"the newer name of --device-type", NULL },                                 \
		{ "output-path", 'o', OPTION_TEXT, WRITE_AT(output), "FILE",                       \
			"where the artifact goes; - is the standard output", output_ },            \
		{ "version", 'v', OPTION_TEXT, WRITE_AT(version), "NUMBER",                        \
			"format version: 3, or 2 for an image of a root file system", "3" },       \
		{ "artifact-name-depends", 'N', OPTION_TEXTS, WRITE_AT(depends_names), "NAME",     \
			"artifact that must be installed; of several, any one", NULL },            \
		{ "provides-group", 'g', OPTION_TEXT, WRITE_AT(group), "GROUP",                    \
			"group it provides", NULL },                                               \
		{ "depends-groups", 'G', OPTION_TEXTS, WRITE_AT(depends_groups), "GROUP",          \
			"group that must be installed; of several, any one", NULL },               \
		{ "provides", p_, OPTION_TEXTS, WRITE_AT(provides), "KEY:VALUE",                   \
			"what it provides", NULL },                                                \
		{ "depends", d_, OPTION_TEXTS, WRITE_AT(depends), "KEY:VALUE",                     \
			"what must be provided", NULL },                                           \
		{ "clears-provides", 0, OPTION_TEXTS, WRITE_AT(clears), "PATTERN",                 \
			"which provides of the device it clears", NULL },                          \
		{ "max-artifact-size", 0, OPTION_TEXT, WRITE_AT(size_max), "SIZE",                 \
			"writes nothing and fails where the artifact has more bytes: 5MB", NULL }, \
		{ "warn-artifact-size", 0, OPTION_TEXT, WRITE_AT(size_warn), "SIZE",               \
			"warns where the artifact has more bytes", NULL },                         \
	{                                                                                          \
		"Signing", 0, OPTION_GROUP, WRITE_AT(signer), .rows = signer_private_options       \
	}

extern const Option write_artifact_options[]; /* name, devices, output, depends, provides */
extern const Option write_payload_options[];  /* scripts and software version: not bootstrap */
