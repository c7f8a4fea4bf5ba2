/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/write-options.h"

#define AT(member) G_STRUCT_OFFSET(WriteOptions, member)

const Option write_common_options[] = {
	{ "artifact-name", 'n', OPTION_TEXT, AT(name), "NAME", "name of the artifact", NULL },
	{ "device-type", 't', OPTION_TEXTS, AT(device_types), "TYPE",
		"device type it is made for; may be given several times", NULL },
	{ "compatible-types", 'c', OPTION_TEXTS, AT(compatible_types), "TYPE",
		"the newer name of --device-type", NULL },
	{ "version", 'v', OPTION_TEXT, AT(version), "NUMBER",
		"format version: 3, or 2 for an image of a root file system", "3" },
	{ "artifact-name-depends", 'N', OPTION_TEXTS, AT(depends_names), "NAME",
		"artifact that must be installed; of several, any one", NULL },
	{ "provides-group", 'g', OPTION_TEXT, AT(group), "GROUP", "group it provides", NULL },
	{ "depends-groups", 'G', OPTION_TEXTS, AT(depends_groups), "GROUP",
		"group that must be installed; of several, any one", NULL },
	{ "clears-provides", 0, OPTION_TEXTS, AT(clears), "PATTERN",
		"which provides of the device it clears", NULL },
	{ "max-artifact-size", 0, OPTION_TEXT, AT(size_max), "SIZE",
		"writes nothing and fails where the artifact has more bytes: 5MB", NULL },
	{ "warn-artifact-size", 0, OPTION_TEXT, AT(size_warn), "SIZE",
		"warns where the artifact has more bytes", NULL },
	{ "tmp", 0, OPTION_TEXT, AT(temporary_folder), "FOLDER",
		"where a payload waits that must wait, in a file without a name; otherwise beside "
		"the output, or below TMPDIR where that is no file",
		NULL },
	{ "Signing", 0, OPTION_GROUP, AT(signer), .rows = signer_private_options },
	{ NULL },
};

const Option write_artifact_options[] = WRITE_ARTIFACT_TABLE("artifact.mender", 'p', 'd');

const Option write_payload_options[] = {
	{ "script", 's', OPTION_TEXTS, AT(scripts), "FILE",
		"state script; may be given several times", NULL },
	{ "software-name", 0, OPTION_TEXT, AT(software_name), "NAME",
		"provides FILESYSTEM.NAME.version", NULL },
	{ "software-version", 0, OPTION_TEXT, AT(software_version), "VERSION",
		"its value; otherwise the name of the artifact", NULL },
	{ "software-filesystem", 0, OPTION_TEXT, AT(software_filesystem), "FILESYSTEM",
		"instead of rootfs-image", NULL },
	{ "no-default-software-version", 0, OPTION_FLAG, AT(no_software_version), NULL,
		"provides no software version by itself", NULL },
	{ "no-default-clears-provides", 0, OPTION_FLAG, AT(no_clears), NULL,
		"clears no provides by itself", NULL },
	{ NULL },
};
