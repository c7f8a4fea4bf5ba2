/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Vehicle identification numbers (ISO 3779), with the check digit of North America in place 9. */
enum { VIN_LENGTH = 17, VIN_SERIAL_MAX = 999999 };

/* (transfer full): the VIN of the vehicle with this serial number; the maker's code is nobody's. */
char *vin_make(guint serial);

/* TRUE for 17 letters and digits without I, O and Q whose check digit is right. */
gboolean vin_is_valid(const char *vin) G_GNUC_WARN_UNUSED_RESULT;
