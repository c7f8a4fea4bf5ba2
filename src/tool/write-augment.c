/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/write-augment.h"
#include "artifact/provides.h"
#include "base/error.h"
#include "base/json.h"
#include "tool/words.h"

#define AT(member) G_STRUCT_OFFSET(AugmentOptions, member)

const Option write_augment_options[] = {
	{ "augment-type", 0, OPTION_TEXT, AT(type), "TYPE",
		"the update module of the augmented part", NULL },
	{ "augment-file", 0, OPTION_TEXTS, AT(files), "FILE",
		"payload file of it; may be given several times", NULL },
	{ "augment-provides", 0, OPTION_TEXTS, AT(provides), "KEY:VALUE", "what it provides",
		NULL },
	{ "augment-depends", 0, OPTION_TEXTS, AT(depends), "KEY:VALUE", "what it needs provided",
		NULL },
	{ "augment-meta-data", 0, OPTION_TEXT, AT(meta_data), "FILE",
		"JSON object that is laid over the one of --meta-data", NULL },
	{ NULL },
};

gboolean write_augment_init(WriteAugment *augment, const AugmentOptions *options,
	const ArtifactAugment **ret_augment, GError **error)
{
	*augment = (WriteAugment){ 0 };
	*ret_augment = NULL;
	if (!options->type &&
		(options->files || options->provides || options->depends || options->meta_data)) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"--augment-type is needed for an augmented part");
		return FALSE;
	}
	if (!options->type)
		return TRUE;
	augment->provides = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	augment->depends =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	augment->files = words_list(options->files);
	if (!words_provides(options->provides, augment->provides, error) ||
		!words_depends(options->depends, augment->depends, error) ||
		!words_meta_data(options->meta_data, &augment->meta_data, error))
		return FALSE;
	augment->augment = (ArtifactAugment){ options->type, augment->provides, augment->depends,
		augment->meta_data, augment->files };
	*ret_augment = &augment->augment;
	return TRUE;
}

void write_augment_clear(WriteAugment *augment)
{
	g_clear_pointer(&augment->provides, g_hash_table_unref);
	g_clear_pointer(&augment->depends, g_hash_table_unref);
	g_clear_pointer(&augment->meta_data, json_decref);
	g_clear_pointer(&augment->files, g_free);
}
