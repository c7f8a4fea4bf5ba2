/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "artifact/place.h"
#include "artifact/stream.h"

/* header.tar, gathered: names and order are judged while it streams in, and all of it is kept
 * within bounds. What its documents say is looked at only once the sum of the whole entry was
 * right. */
typedef enum {
	HEADER_V3,
	HEADER_V2,
	HEADER_AUGMENT, /* of version 3; no scripts */
} HeaderKind;

typedef struct {
	GBytes *bytes;  /* NULL: the member is not there */
	guint64 offset; /* in the file, as near as compression lets us say */
} HeaderMember;

typedef struct {
	HeaderMember files; /* version 2 only */
	HeaderMember type_info;
	HeaderMember meta_data;
} HeaderPayload;

typedef struct {
	HeaderMember info;
	GPtrArray *script_names; /* of char * */
	GPtrArray *scripts;      /* of GBytes * */
	guint n_payloads;
	HeaderPayload payloads[ARTIFACT_PAYLOADS_MAX];
} HeaderMembers;

/* Reads all of @in, the unpacked header archive. */
gboolean header_members_read(HeaderMembers *members, HeaderKind kind, Stream *in, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void header_members_clear(HeaderMembers *members);

/* Fills @header from the members of its own archive, or lays the augmented ones over it.
 * @ret_files: (out)(transfer full)(optional): version 2: the names of the payload's files */
gboolean header_members_parse(const HeaderMembers *members, HeaderKind kind, ArtifactHeader *header,
	char ***ret_files, Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
