/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include "artifact/detached.h"
#include "artifact/sign.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/output-file.h"
#include "tool/progress.h"
#include "tool/sign-offline.h"
#include "tool/signer.h"

typedef struct {
	SignerOptions signer;
	char *output;
	gboolean force;
	gboolean detached;
	char *signatures_dir;
	char *digest_out, *manifest_out; /* for another machine */
	char *digest_in, *signature_out; /* on that machine */
	char *signature_in;              /* back again */
} SignOptions;

#define AT(member) G_STRUCT_OFFSET(SignOptions, member)

static const Option detached_options[] = {
	{ "detached", 0, OPTION_FLAG, AT(detached), NULL,
		"puts the signature beside the artifact, as a further one", NULL },
	{ "signatures-dir", 0, OPTION_TEXT, AT(signatures_dir), "DIR",
		"where detached signatures are, instead of FILE.sig.d", NULL },
	{ NULL },
};

static const Option offline_options[] = {
	{ "digest-out", 0, OPTION_TEXT, AT(digest_out), "FILE",
		"signs nothing: writes what the key's machine must sign; - is the standard output",
		NULL },
	{ "manifest-out", 0, OPTION_TEXT, AT(manifest_out), "FILE",
		"the same as bare bytes, for openssl dgst -sha256 -sign", NULL },
	{ "digest-in", 0, OPTION_TEXT, AT(digest_in), "FILE",
		"on the key's machine: signs what --digest-out wrote, without the artifact", NULL },
	{ "signature-out", 0, OPTION_TEXT, AT(signature_out), "FILE",
		"where the signature over --digest-in goes; - is the standard output", "-" },
	{ "signature-in", 0, OPTION_TEXT, AT(signature_in), "FILE",
		"puts in this signature, base64 or bytes; --key is then the public key that it "
		"must verify with",
		NULL },
	{ NULL },
};

static const Option sign_options[] = {
	{ "output-path", 'o', OPTION_TEXT, AT(output), "FILE",
		"where the signed artifact goes; without it the artifact itself is replaced",
		NULL },
	{ "force", 'f', OPTION_FLAG, AT(force), NULL, "replaces a signature that is there already",
		NULL },
	{ "Detached signatures", 0, OPTION_GROUP, 0, .rows = detached_options },
	{ "A key on another machine", 0, OPTION_GROUP, 0, .rows = offline_options },
	{ "Keys", 0, OPTION_GROUP, AT(signer), .rows = signer_private_options },
	{ NULL },
};

static const char sign_details[] =
	"A key in a token:\n"
	"    rota-artifact sign --key-pkcs11 'pkcs11:token=T;object=O?pin-source=file:/etc/pin' "
	"a.mender\n"
	"\n"
	"A further signature, beside the artifact in a.mender.sig.d:\n"
	"    rota-artifact sign -k second.pem --detached a.mender\n"
	"\n"
	"A key on another machine, which never sees the artifact:\n"
	"    rota-artifact sign --digest-out request a.mender\n"
	"    rota-artifact sign --digest-in request -k key.pem --signature-out signature\n"
	"    rota-artifact sign --signature-in signature -k key.pub a.mender";

static gboolean refuse(GError **error, const char *message)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, message);
	return FALSE;
}

static gboolean asks_elsewhere(const SignOptions *options)
{
	return options->digest_out || options->manifest_out;
}

static gboolean check_options(const SignOptions *options, const char *path, GError **error)
{
	if (asks_elsewhere(options) + !!options->digest_in + !!options->signature_in > 1)
		return refuse(error, "--digest-out, --digest-in and --signature-in are three "
				     "steps, one at a time");
	if (asks_elsewhere(options) && signer_names_key(&options->signer))
		return refuse(error, "--digest-out signs nothing: no key is needed");
	if (options->detached && options->output)
		return refuse(error, "--detached leaves the artifact as it is: --output-path has "
				     "no meaning beside it");
	if (options->detached && g_strcmp0(path, "-") == 0 && !options->signatures_dir)
		return refuse(error, "--detached of the standard input needs --signatures-dir");
	if (options->digest_in && path)
		return refuse(error, "--digest-in takes no artifact");
	if (options->signatures_dir && !options->detached)
		return refuse(error, "--signatures-dir needs --detached");
	return TRUE;
}

/* --- the signature --- */

typedef struct {
	const char *path;
	int fd;
	struct stat status;
	ArtifactHeader *header;
	Key *key; /* or its public half */
	GBytes *signature;
	OutputFile output;
} Signing;

static void signing_clear(Signing *signing)
{
	file_close_fd(&signing->fd);
	g_clear_pointer(&signing->header, artifact_header_free);
	g_clear_pointer(&signing->key, key_unref);
	g_clear_pointer(&signing->signature, g_bytes_unref);
	output_file_clear(&signing->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Signing, signing_clear)

/* The field's tool ends with 1 for an artifact that cannot be opened or signed, unlike its own
 * read and validate. */
static gboolean open_subject(Signing *signing, const char *path, GError **error)
{
	signing->path = path;
	signing->fd = open_seekable_artifact(path, &signing->status, error);
	if (signing->fd < 0)
		return FALSE;
	progress_watch("Checking", signing->fd);
	signing->header = artifact_sign_check(signing->fd, NULL, error);
	progress_end(); /* a passphrase may be asked for next */
	return signing->header != NULL;
}

static gboolean take_signature(Signing *signing, const SignOptions *options, GError **error)
{
	g_autoptr(GPtrArray) keys = signer_load_public(&options->signer, error);

	if (!keys)
		return FALSE;
	if (keys->len != 1)
		return refuse(error, "--signature-in needs the one public key that it must verify "
				     "with: --key or --key-pkcs11");
	signing->key = key_ref(keys->pdata[0]);
	signing->signature =
		sign_offline_take(options->signature_in, signing->key, signing->header, error);
	return signing->signature != NULL;
}

static gboolean make_signature(Signing *signing, const SignOptions *options, GError **error)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(signing->header->manifest_bytes, &size);

	if (options->signature_in)
		return take_signature(signing, options, error);
	if (!signing->key)
		return FALSE;
	signing->signature = key_sign_manifest(signing->key, data, size, error);
	return signing->signature != NULL;
}

static void warn_of_augment(const ArtifactHeader *header)
{
	if (header->augmented)
		console_warn("the artifact is AUGMENTED: that part of it is not covered by the "
			     "signature, and anyone can change it");
}

/* --- where it goes --- */

static gboolean put_inside(Signing *signing, const SignOptions *options, GError **error)
{
	const char *path = options->output ? options->output : signing->path;

	if (!output_file_open(&signing->output, path, signing->status.st_mode & 0777, error))
		return FALSE;
	if (!options->output)
		output_file_take_after(&signing->output, &signing->status);
	return artifact_sign_put(signing->fd, signing->header, signing->signature, options->force,
		       signing->output.fd, error) &&
	       output_file_commit(&signing->output, error);
}

static gboolean put_beside(
	const Signing *signing, const SignOptions *options, char **ret_path, GError **error)
{
	g_autofree char *beside = detached_folder_of(signing->path);
	const char *folder = options->signatures_dir ? options->signatures_dir : beside;

	*ret_path = detached_write(folder, signing->key, signing->header->manifest_bytes,
		signing->signature, options->force, error);
	return *ret_path != NULL;
}

static void tell(const Signing *signing, const SignOptions *options, const char *detached_path)
{
	json_t *object = json_object();
	g_autofree char *id = key_id(signing->key);
	const char *path = options->output ? options->output : signing->path;

	json_object_set_new(object, "path", json_string(path));
	json_object_set_new(object, "key_id", json_string(id));
	json_object_set_new(
		object, "manifest_sha256", json_string(signing->header->manifest_digest));
	json_object_set_new(
		object, "detached", detached_path ? json_string(detached_path) : json_null());
	json_object_set_new(object, "augmented", json_boolean(signing->header->augmented));
	console_tell(object, NULL);
}

static gboolean check_unsigned(const Signing *signing, const SignOptions *options, GError **error)
{
	if (signing->header->signature == ARTIFACT_UNSIGNED || options->force || options->detached)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"the artifact is signed already; --force replaces the signature, --detached adds "
		"one");
	return FALSE;
}

static gboolean sign_file(
	Signing *signing, const SignOptions *options, const char *path, GError **error)
{
	g_autofree char *detached_path = NULL;

	if (!asks_elsewhere(options) && !options->signature_in &&
		!(signing->key = signer_load_private(&options->signer, error)))
		return FALSE;
	if (!open_subject(signing, path, error))
		return FALSE;
	warn_of_augment(signing->header);
	if (asks_elsewhere(options))
		return sign_offline_ask(
			signing->header, options->digest_out, options->manifest_out, error);
	if (!check_unsigned(signing, options, error) || !make_signature(signing, options, error) ||
		!(options->detached ? put_beside(signing, options, &detached_path, error)
				    : put_inside(signing, options, error)))
		return FALSE;
	tell(signing, options, detached_path);
	return TRUE;
}

static gboolean sign_request(const SignOptions *options, GError **error)
{
	g_autoptr(Key) key = signer_load_private(&options->signer, error);

	return key && sign_offline_answer(options->digest_in, key, options->signature_out, error);
}

/* Without --output-path the artifact itself is replaced: "-" is then both. */
static void announce_outputs(const SignOptions *options, const char *path)
{
	gboolean replaces = !options->output && !options->detached && !asks_elsewhere(options);
	const char *const outputs[] = { replaces ? path : options->output, options->digest_out,
		options->manifest_out, options->digest_in ? options->signature_out : NULL };

	for (gsize i = 0; i < G_N_ELEMENTS(outputs); i++)
		if (outputs[i])
			output_file_announce(outputs[i]);
}

static int sign_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const SignOptions *options = data;
	g_auto(Signing) signing = { .fd = -1 };
	const char *path = operands[0];
	g_autoptr(GError) error = NULL;

	announce_outputs(options, path);
	if (!check_options(options, path, &error))
		return complain(STATUS_USAGE, error->message);
	if (!options->digest_in && !one_operand(operands, "sign"))
		return STATUS_USAGE;
	if (path ? sign_file(&signing, options, path, &error) : sign_request(options, &error))
		return STATUS_GOOD;
	return output_file_complain(&signing.output, error);
}

const Verb sign_verb = { "sign", "[FILE]", "Adds a signature; all else stays as it is",
	sign_details, sign_options, sizeof(SignOptions), sign_artifact };
