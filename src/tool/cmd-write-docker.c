/* SPDX-License-Identifier: Apache-2.0 */
/* What docker-artifact-gen makes: images that the device pulls and runs, for the update module
 * docker. */
#include <string.h>
#include "base/json.h"
#include "tool/artifact-tool.h"
#include "tool/generator.h"
#include "tool/run-program.h"
#include "tool/write-spec.h"

typedef struct {
	WriteOptions write;
	char *run_args;
	gboolean keep_tags;
} DockerOptions;

#define AT(member) G_STRUCT_OFFSET(DockerOptions, member)

static const Option artifact_rows[] = WRITE_ARTIFACT_TABLE("docker-artifact.mender", 'p', 'd');

static const Option write_docker_options[] = {
	{ "run-args", 0, OPTION_TEXT, AT(run_args), "WORDS",
		"words for docker run before the image", NULL },
	{ "keep-tags", 0, OPTION_FLAG, AT(keep_tags), NULL,
		"leaves a tag as it is: what it stands for may differ by then", NULL },
	{ "Output", 0, OPTION_GROUP, AT(write), .rows = artifact_rows },
	{ "Payload", 0, OPTION_GROUP, AT(write), .rows = write_payload_options },
	{ NULL },
};

static const char write_docker_details[] =
	"An image is named by its digest, so that every device runs the same one: as "
	"NAME@sha256:DIGEST it is taken as it is, as NAME:TAG it is pulled here and its digest "
	"asked of the program docker. The artifact holds no image: the device pulls it. It is for "
	"the update module docker and replaces what docker-artifact-gen makes.\n\n"
	"Example:\n\n"
	"    rota-artifact write docker -n telemetry-5 -t ecu-gateway --run-args '-p 80:80' \\\n"
	"        -k signing.pem -o telemetry-5.mender registry.example.com/telemetry:5";

enum { PULL_DEADLINE_S = 3600, INSPECT_DEADLINE_S = 60, DIGEST_SIZE = 64 };

/* The module gives the names to a shell, which parts them at blanks. */
static gboolean check_image(const char *image, GError **error)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-/:@";

	if (g_ascii_isalnum(*image) && strspn(image, allowed) == strlen(image))
		return TRUE;
	return generator_refuse(error, "%s: not the name of an image", image);
}

static gboolean has_digest(const char *image)
{
	const char *digest = strstr(image, "@sha256:");

	return digest && strlen(digest + 8) == DIGEST_SIZE &&
	       strspn(digest + 8, "0123456789abcdef") == DIGEST_SIZE;
}

static char *ask_docker(const char *image, GError **error)
{
	const char *const pull[] = { "docker", "pull", image, NULL };
	const char *const inspect[] = { "docker", "inspect", "--format={{index .RepoDigests 0}}",
		image, NULL };
	g_autofree char *answer = NULL;

	if (!run_program(pull, PULL_DEADLINE_S, NULL, error) ||
		!run_program(inspect, INSPECT_DEADLINE_S, &answer, error)) {
		g_prefix_error(error,
			"%s: its digest is not known (give it as NAME@sha256:DIGEST): ", image);
		return NULL;
	}
	if (check_image(answer, NULL) && has_digest(answer))
		return g_steal_pointer(&answer);
	generator_refuse(error, "%s: docker knows no digest of it", image);
	return NULL;
}

/* (transfer full), or NULL with @error */
static char *pin(const char *image, const DockerOptions *options, GError **error)
{
	if (!check_image(image, error))
		return NULL;
	if (has_digest(image) || (options->keep_tags && !strchr(image, '@')))
		return g_strdup(image);
	if (!strchr(image, '@'))
		return ask_docker(image, error);
	generator_refuse(error, "%s: what follows the @ is no sha256 digest", image);
	return NULL;
}

static json_t *make_meta_data(char **images, const DockerOptions *options, GError **error)
{
	g_autoptr(json_t) containers = json_array();

	for (; *images; images++) {
		g_autofree char *pinned = pin(*images, options, error);

		if (!pinned)
			return NULL;
		json_array_append_new(containers, json_string(pinned));
	}
	json_t *meta_data = json_object();
	json_object_set(meta_data, "containers", containers);
	json_object_set_new(
		meta_data, "run_args", json_string(options->run_args ? options->run_args : ""));
	return meta_data;
}

static int write_docker(gconstpointer data, char **operands, gconstpointer global_options)
{
	const DockerOptions *options = data;
	static const WriteWay way = {
		.payload_type = "docker", .software_name = "docker", .has_software = TRUE
	};
	g_auto(WriteSpec) spec = { 0 };
	g_autoptr(json_t) meta_data = NULL;
	g_autoptr(GError) error = NULL;

	if (!generator_check_some(operands, "image", &error) ||
		!write_spec_init(&spec, &options->write, &way, global_options, &error))
		return complain(STATUS_USAGE, error->message);
	meta_data = make_meta_data(operands, options, &error);
	if (!meta_data)
		return complain(STATUS_USAGE, error->message);
	spec.artifact.meta_data = meta_data;
	spec.facts = json_object();
	json_object_set(spec.facts, "containers", json_object_get(meta_data, "containers"));
	return write_spec_save(&spec, &options->write);
}

const Verb write_docker_verb = { "write docker", "IMAGE...",
	"Makes an artifact that runs container images", write_docker_details, write_docker_options,
	sizeof(DockerOptions), write_docker };
