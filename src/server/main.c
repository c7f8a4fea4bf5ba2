/* SPDX-License-Identifier: Apache-2.0 */
#include "server/verbs.h"

static const Program program = {
	.name = "rota-server",
	.help = "the fleet server: updates for vehicles, over the air",
	.verbs = server_verbs,
	.usage_status = 2,
};

int main(int argc, char **argv)
{
	return program_main(&program, argc, argv);
}
