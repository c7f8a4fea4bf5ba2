/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "artifact/place.h"

/* What the documents of header.tar mean. The place must be in the document at hand. */

/**
 * header_info_parse:
 * Fills name, group, device types, depends and, for each payload, its type.
 * @version: 3 or 2
 */
gboolean header_info_parse(ArtifactHeader *header, GBytes *bytes, int version, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * header_info_parse_augment:
 * @ret_types: (out)(transfer full): one payload type each, "" for an empty payload
 * R11 unless every word but the types equals that of @header.
 */
gboolean header_info_parse_augment(const ArtifactHeader *header, GBytes *bytes, char ***ret_types,
	Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* type-info of one payload, whose type is already known from header-info. */
gboolean type_info_parse(ArtifactHeader *header, ArtifactPayload *payload, GBytes *bytes,
	Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* meta-data of one payload; empty bytes are none. */
gboolean meta_data_parse(ArtifactPayload *payload, GBytes *bytes, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The list in `files` of version 2. (transfer full) */
char **file_list_parse(GBytes *bytes, Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for the augmented documents: they fill augmented_… and are laid over the values of
 * @payload. @type is the one the augmented header-info gives; @meta_data may be NULL. */
gboolean augment_parse(ArtifactHeader *header, ArtifactPayload *payload, const char *type,
	GBytes *type_info, Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean augment_meta_data_parse(ArtifactPayload *payload, GBytes *bytes, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
