/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: names of payload files, state scripts, payload types and paths; printable texts; names in
 * messages. */
#include "artifact/names.h"
#include <string.h>
#include "artifact/place.h"

typedef struct {
	gboolean (*judge)(const char *);
	const char *name;
	gboolean good;
} Row;

static const Row rows[] = {
	{ name_is_payload_file, "app.bin", TRUE },
	{ name_is_payload_file, "A,b.C_d-9", TRUE },
	{ name_is_payload_file, "...", TRUE },
	{ name_is_payload_file, "", FALSE },
	{ name_is_payload_file, ".", FALSE },
	{ name_is_payload_file, "..", FALSE },
	{ name_is_payload_file, "a/b", FALSE },
	{ name_is_payload_file, "/a", FALSE },
	{ name_is_payload_file, "a b", FALSE },
	{ name_is_payload_file, "a\nb", FALSE },
	{ name_is_payload_file, "a\\b", FALSE },
	{ name_is_payload_file, "\xc3\xa4", FALSE },
	{ name_is_script, "ArtifactInstall_Enter_00", TRUE },
	{ name_is_script, "ArtifactReboot_Leave_99_after-all.sh", TRUE },
	{ name_is_script, "ArtifactRollbackReboot_Error_01", TRUE },
	{ name_is_script, "ArtifactRollback_Enter_01", TRUE },
	{ name_is_script, "ArtifactCommit_Enter_05_x+y", TRUE },
	{ name_is_script, "ArtifactFailure_Enter_00", TRUE },
	{ name_is_script, "xArtifactInstall_Enter_00", FALSE },
	{ name_is_script, "ArtifactInstall_Enter_0", FALSE },
	{ name_is_script, "ArtifactInstall_Enter_000", FALSE },
	{ name_is_script, "ArtifactInstall_Enter_00_", FALSE },
	{ name_is_script, "ArtifactInstall_Enter_00_a/b", FALSE },
	{ name_is_script, "ArtifactInstall_Enter_00_a b", FALSE },
	{ name_is_script, "ArtifactInstall_Begin_00", FALSE },
	{ name_is_script, "Download_Enter_00", FALSE },
	{ name_is_script, "Idle_Enter_00", FALSE },
	{ name_is_script, "", FALSE },
	{ name_is_payload_type, "rootfs-image", TRUE },
	{ name_is_payload_type, "ecu flash \xc3\xa4", TRUE },
	{ name_is_payload_type, "", FALSE },
	{ name_is_payload_type, "../sh", FALSE },
	{ name_is_payload_type, "a/b", FALSE },
	{ name_is_payload_type, ".hidden", FALSE },
	{ name_is_payload_type, "a\tb", FALSE },
	{ name_is_plain_path, "headers/0000/type-info", TRUE },
	{ name_is_plain_path, "a..b/c", TRUE },
	{ name_is_plain_path, "", FALSE },
	{ name_is_plain_path, "/a", FALSE },
	{ name_is_plain_path, "a/", FALSE },
	{ name_is_plain_path, "a//b", FALSE },
	{ name_is_plain_path, "a/../b", FALSE },
	{ name_is_plain_path, "./a", FALSE },
	{ name_is_plain_path, "a\\b", FALSE },
	{ name_is_plain_path, "a\nb", FALSE },
	{ name_is_plain_path, "\xff", FALSE },
};

static void test_rows(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("%s", rows[i].name);
		g_assert_cmpint(rows[i].judge(rows[i].name), ==, rows[i].good);
	}
}

static void test_lengths(void)
{
	g_autofree char *longest = g_strnfill(NAME_FILE_SIZE_MAX, 'n');
	g_autofree char *too_long = g_strnfill(NAME_FILE_SIZE_MAX + 1, 'n');
	g_autofree char *tail = g_strnfill(NAME_SCRIPT_TAIL_SIZE_MAX, 't');
	g_autofree char *script = g_strconcat("ArtifactInstall_Enter_00_", tail, NULL);
	g_autofree char *long_script = g_strconcat(script, "t", NULL);

	g_assert_true(name_is_payload_file(longest));
	g_assert_false(name_is_payload_file(too_long));
	g_assert_true(name_is_script(script));
	g_assert_false(name_is_script(long_script));
}

static void test_printable(void)
{
	g_assert_true(text_is_printable("Bremse-\xc3\x9c-\xe7\x89\x88\xe6\x9c\xac 1", 256));
	g_assert_false(text_is_printable("a\xc2\xa0"
					 "b",
		256)); /* a blank, but not ASCII's */
	g_assert_false(text_is_printable("a\xe2\x80\x8e"
					 "b",
		256)); /* turns the writing direction */
	g_assert_false(text_is_printable("a\x7f", 256));
	g_assert_false(text_is_printable("\xff", 256));
	g_assert_true(text_is_printable("four", 4));
	g_assert_false(text_is_printable("fiver", 4));
}

/* What a message shows can neither break a log line nor fill the log. */
static void test_in_messages(void)
{
	g_autofree char *plain = place_printable("data/\xc3\xa4");
	g_autofree char *feed = place_printable("a\nb");
	g_autofree char *broken = place_printable("a\xff");
	g_autofree char *text = g_strnfill(60000, 'n');
	g_autofree char *cut = place_printable(text);

	g_assert_cmpstr(plain, ==, "data/\xc3\xa4");
	g_assert_cmpstr(feed, ==, "a\\nb");
	g_assert_cmpstr(broken, ==, "a\\377");
	g_assert_cmpuint(strlen(cut), <, 256);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/names/rows", test_rows);
	g_test_add_func("/names/lengths", test_lengths);
	g_test_add_func("/names/printable", test_printable);
	g_test_add_func("/names/in-messages", test_in_messages);
	return g_test_run();
}
