/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* The handlers that artifacts/routes.c names and that are long enough for a file of their own. */
gboolean upload_artifact(Call *call, GError **error);   /* RUN_STREAM: upload.c */
gboolean download_artifact(Call *call, GError **error); /* RUN_LOOP: download.c */
gboolean link_to_artifact(Call *call, GError **error);  /* RUN_READ: download.c */
gboolean list_releases_v1(Call *call, GError **error);  /* RUN_READ: releases.c */
gboolean page_releases_v1(Call *call, GError **error);
gboolean page_releases_v2(Call *call, GError **error);
gboolean get_release(Call *call, GError **error);
gboolean list_release_types(Call *call, GError **error);
