/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/keys.h"
#include <string.h>

const char fuzz_manifest[] = "the manifest that is signed\n";

static const char *const key_texts[] = {
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEE1+5QRctJSpw4tofPKp6oPhxE/wJ\n"
	"yYPqt0fbagO7f6BFBIWVUdYIprcBW0PNAXi9mxuilZ1xmqGBfpfIgCF/vw==\n"
	"-----END PUBLIC KEY-----\n",
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqNSgDLvjGSqy3UkBWzhI\n"
	"0VVaaPOFGV+MsWavbtG43ISzhaOgWVyDc+CfT6LOdUKxQ/XdrO+D9NDKT7me5CbO\n"
	"AMVToFLQ3dZ3A6OR+/lNNh02CLTFhrzeiiHAqa2g0fghLbeybwDdk76bsD1uNN+0\n"
	"axEdltx22Guhq0wcp2+XH8sZcZlc1F0lCdLpGSZTNR+QKaF6G5MPI2IfweBA4DF1\n"
	"WSUa+pkN9nw6+gaG0HfL4LBkqu9WVMcWzzHmgfWYvTw9Abl+AH1Np3dg+z8wkLzI\n"
	"Qqc3PsnJBKCSOyqMirD3cYsxk2Ns5msFrpFWvPlidr0l6TTDv3o9hrxFNePmjhRL\n"
	"MQIDAQAB\n"
	"-----END PUBLIC KEY-----\n",
};

const GPtrArray *fuzz_keys(void)
{
	static GPtrArray *keys;

	if (keys)
		return keys;
	keys = g_ptr_array_new();
	for (gsize i = 0; i < G_N_ELEMENTS(key_texts); i++)
		g_ptr_array_add(keys, key_parse_public(key_texts[i], strlen(key_texts[i]), NULL));
	return keys;
}
