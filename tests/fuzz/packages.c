/* SPDX-License-Identifier: Apache-2.0 */
/* Package files: what is taken says a name, a version and an architecture that can be printed. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "artifact/header.h"
#include "artifact/names.h"
#include "base/file.h"
#include "tool/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;

	if (size < 1)
		return 0;
	autofd int fd = memfd_create("package", MFD_CLOEXEC);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	g_assert_true(file_write_all(fd, data + 1, size - 1, NULL));
	g_autoptr(Package) package =
		data[0] & 1 ? package_read_rpm(path, &error) : package_read_deb(path, &error);
	g_assert_true((package == NULL) == (error != NULL));
	if (!package)
		return 0;
	g_assert_true(text_is_printable(package->name, ARTIFACT_NAME_SIZE_MAX));
	g_assert_true(text_is_printable(package->version, ARTIFACT_NAME_SIZE_MAX));
	g_assert_true(text_is_printable(package->architecture, ARTIFACT_NAME_SIZE_MAX));
	return 0;
}
