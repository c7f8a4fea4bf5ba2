/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/write-options.h"

#define AT(member) G_STRUCT_OFFSET(WriteOptions, member)

const Option write_artifact_options[] = {
	WRITE_ARTIFACT_ROWS("artifact.mender", 'p', 'd'),
	{ NULL },
};

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
