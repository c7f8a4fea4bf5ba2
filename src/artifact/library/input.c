/* SPDX-License-Identifier: Apache-2.0 */
/* A caller's own function as the stream the reader wants. */
#include <errno.h>
#include "artifact/library/library-private.h"

typedef struct {
	GInputStream parent;
	RotaArtifactRead read;
	void *user_data;
} LibraryInput;

typedef struct {
	GInputStreamClass parent;
} LibraryInputClass;

GType library_input_get_type(void);
G_DEFINE_TYPE(LibraryInput, library_input, G_TYPE_INPUT_STREAM)

static gssize read_by_function(
	GInputStream *stream, void *buffer, gsize size, GCancellable *cancellable, GError **error)
{
	LibraryInput *input = (LibraryInput *)stream;
	ssize_t got = input->read(buffer, size, input->user_data);

	if (got >= 0 && (gsize)got <= size)
		return got;
	int saved_errno = got < 0 ? errno : EOVERFLOW; /* more than there was room for */
	g_set_error_literal(error, G_IO_ERROR, (gint)g_io_error_from_errno(saved_errno),
		g_strerror(saved_errno));
	return -1;
}

static void library_input_class_init(LibraryInputClass *class)
{
	G_INPUT_STREAM_CLASS(class)->read_fn = read_by_function;
}

static void library_input_init(LibraryInput *input)
{
}

GInputStream *library_input_new(RotaArtifactRead read, void *user_data)
{
	LibraryInput *input = g_object_new(library_input_get_type(), NULL);

	input->read = read;
	input->user_data = user_data;
	return G_INPUT_STREAM(input);
}
