/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/grub-block.h"
#include <string.h>
#include "base/error.h"

static const char signature[] = "# GRUB Environment Block\n";

typedef struct {
	char *name, *value;
} Variable;

struct GrubBlock {
	gsize size;
	GPtrArray
		*variables; /* of Variable *, in the order of the file; a comment has the name "" */
};

static void variable_free(gpointer data)
{
	Variable *variable = data;

	g_free(variable->name);
	g_free(variable->value);
	g_free(variable);
}

static void add(GrubBlock *block, const char *name, gsize name_size, const char *value)
{
	Variable *variable = g_new(Variable, 1);

	*variable = (Variable){ g_strndup(name, name_size), g_strdup(value) };
	g_ptr_array_add(block->variables, variable);
}

/* Up to an unescaped line feed: (transfer full) the text without its escapes; NULL: none comes. */
static char *read_line(const char **at, const char *end)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (; *at < end && **at != '\n'; (*at)++) {
		if (**at == '\\' && ++*at == end)
			return NULL;
		g_string_append_c(line, **at);
	}
	if (*at == end)
		return NULL;
	(*at)++;
	return g_string_free(g_steal_pointer(&line), FALSE);
}

/* Names are written without escapes, so they must need none. */
static gboolean is_name(const char *name, gsize size)
{
	return size > 0 && *name != '#' && memchr(name, '\\', size) == NULL &&
	       memchr(name, '\n', size) == NULL;
}

static gboolean read_variable(GrubBlock *block, const char **at, const char *end)
{
	g_autofree char *line = read_line(at, end);
	const char *equals = line != NULL ? strchr(line, '=') : NULL;

	if (equals == NULL || !is_name(line, (gsize)(equals - line)))
		return FALSE;
	add(block, line, (gsize)(equals - line), equals + 1);
	return TRUE;
}

/* A comment is kept as it is; what fills the block has no line feed. */
static gboolean read_comment(GrubBlock *block, const char **at, const char *end)
{
	const char *line_end = memchr(*at, '\n', (gsize)(end - *at));
	g_autofree char *line = NULL;

	if (line_end == NULL) {
		while (*at < end && **at == '#')
			++*at;
		return *at == end;
	}
	line = g_strndup(*at, (gsize)(line_end - *at));
	add(block, "", 0, line);
	*at = line_end + 1;
	return TRUE;
}

static gboolean read_lines(GrubBlock *block, const char *at, const char *end)
{
	while (at < end)
		if (!(*at == '#' ? read_comment : read_variable)(block, &at, end))
			return FALSE;
	return TRUE;
}

GrubBlock *grub_block_parse(GBytes *bytes, GError **error)
{
	g_autoptr(GrubBlock) block = g_new0(GrubBlock, 1);
	const char *data = g_bytes_get_data(bytes, &block->size);
	gsize head = strlen(signature);

	block->variables = g_ptr_array_new_with_free_func(variable_free);
	if (block->size > head && memcmp(data, signature, head) == 0 &&
		memchr(data, '\0', block->size) == NULL &&
		read_lines(block, data + head, data + block->size))
		return g_steal_pointer(&block);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "not an environment block of GRUB");
	return NULL;
}

void grub_block_free(GrubBlock *block)
{
	g_ptr_array_unref(block->variables);
	g_free(block);
}

static Variable *find(const GrubBlock *block, const char *name)
{
	for (guint i = 0; i < block->variables->len; i++) {
		Variable *variable = block->variables->pdata[i];

		if (strcmp(variable->name, name) == 0)
			return variable;
	}
	return NULL;
}

const char *grub_block_get(const GrubBlock *block, const char *name)
{
	const Variable *variable = find(block, name);

	return variable != NULL ? variable->value : NULL;
}

void grub_block_set(GrubBlock *block, const char *name, const char *value)
{
	Variable *variable = find(block, name);

	if (variable == NULL) {
		add(block, name, strlen(name), value);
		return;
	}
	g_free(variable->value);
	variable->value = g_strdup(value);
}

static void write_variable(GString *text, const Variable *variable)
{
	g_string_append_printf(text, "%s=", variable->name);
	for (const char *value = variable->value; *value != '\0'; value++) {
		if (*value == '\\' || *value == '\n')
			g_string_append_c(text, '\\');
		g_string_append_c(text, *value);
	}
}

GBytes *grub_block_write(const GrubBlock *block, GError **error)
{
	g_autoptr(GString) text = g_string_new(signature);

	for (guint i = 0; i < block->variables->len; i++) {
		const Variable *variable = block->variables->pdata[i];

		if (*variable->name == '\0')
			g_string_append(text, variable->value);
		else
			write_variable(text, variable);
		g_string_append_c(text, '\n');
	}
	if (text->len > block->size) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"the variables need %zu bytes, and the environment block has %zu",
			text->len, block->size);
		return NULL;
	}
	while (text->len < block->size)
		g_string_append_c(text, '#');
	return g_string_free_to_bytes(g_steal_pointer(&text));
}
