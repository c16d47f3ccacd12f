#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "text.h"

static void
add_span(struct buf *b, struct event_span span)
{
	buf_add(b, span.p, span.len);
}

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/*
 * Behind the '[' of "identity_ids" in the metadata, an object that was checked; NULL: it has
 * none.  Within a string the quotation marks would be escaped.
 */
static const char *
identity_ids(struct event_span metadata)
{
	static const char key[] = "\"identity_ids\"";
	const char *p = metadata.p, *end = metadata.p + metadata.len;

	while (p != NULL && (p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1)) != NULL) {
		p = skip_blanks(p + sizeof(key) - 1);
		if (*p == ':' && *(p = skip_blanks(p + 1)) == '[')
			return p + 1;
	}
	return NULL;
}

/* The next string of the array, and *p behind it; none has escapes.  len is 0 at the end. */
static struct event_span
next_id(const char **p)
{
	struct event_span id = { skip_blanks(*p + strspn(*p, ", \t\r\n")), 0 };

	if (*id.p == '"')
		id.len = (size_t)(strchr(id.p + 1, '"') - id.p) + 1;
	*p = id.p + id.len;
	return id;
}

static const struct event_entry *
entry_with(const struct event_array *array, struct event_span id)
{
	for (size_t i = 0; i < array->n; i++)
		if (array->entry[i].id.len == id.len &&
		    memcmp(array->entry[i].id.p, id.p, id.len) == 0)
			return &array->entry[i];
	return NULL;
}

/* A value that an update has left where it was is only among the old ones. */
static const struct event_entry *
find_entry(const struct event *e, struct event_span id, int is_old)
{
	const struct event_entry *entry = is_old ? NULL : entry_with(&e->columns, id);

	return entry != NULL ? entry : entry_with(&e->identity, id);
}

static enum key_made
make_identity(struct buf *key, const struct event *e, int is_old)
{
	const char *p = e->metadata.p != NULL ? identity_ids(e->metadata) : NULL;
	struct event_span id;
	size_t n = 0;

	buf_str(key, "{\"schema\":");
	add_span(key, e->schema);
	buf_str(key, ",\"table\":");
	add_span(key, e->table);
	if (e->code == 'T') {
		buf_str(key, "}");
		return KEY_OF_MANY;
	}
	if (p == NULL)
		return KEY_UNKNOWN;
	while (id = next_id(&p), id.len > 0) {
		const struct event_entry *entry = find_entry(e, id, is_old);

		if (entry == NULL || entry->value.p == NULL)
			return KEY_UNKNOWN;
		buf_str(key, n++ > 0 ? "," : ",\"identity\":{");
		add_span(key, entry->name);
		buf_str(key, ":");
		add_span(key, entry->value);
	}
	buf_str(key, n > 0 ? "}}" : "}");
	return n > 0 ? KEY_OF_ROW : KEY_OF_MANY;
}

enum key_made
key_make(struct buf *key, enum key_kind kind, const struct event *e, int is_old)
{
	switch (kind) {
	case KEY_SCHEMA:
		text_add(key, e->schema);
		return KEY_OF_MANY;
	case KEY_TABLE:
		text_add(key, e->schema);
		buf_str(key, ".");
		text_add(key, e->table);
		return KEY_OF_MANY;
	case KEY_IDENTITY:
		return make_identity(key, e, is_old || e->code == 'D');
	case KEY_NONE:
		break;
	}
	return KEY_ABSENT;
}
