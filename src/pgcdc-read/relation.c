#include <stdlib.h>

#include "log.h"
#include "lsn.h"
#include "relation.h"
#include "value.h"

/* Open addressing with linear probing; relations are never taken out. */
struct relations {
	const struct filter *filter;
	struct types *types;
	struct relation **slots;
	size_t n, size; /* size: a power of two */
};

#define FIRST_SIZE 64

struct relations *
relations_new(const struct filter *filter, struct types *types)
{
	struct relations *rs = calloc(1, sizeof(*rs));

	if (rs == NULL)
		return NULL;
	rs->filter = filter;
	rs->types = types;
	rs->size = FIRST_SIZE;
	rs->slots = calloc(rs->size, sizeof(struct relation *));
	if (rs->slots == NULL) {
		free(rs);
		return NULL;
	}
	return rs;
}

void
relations_free(struct relations *rs)
{
	for (size_t i = 0; i < rs->size; i++)
		free(rs->slots[i]);
	free(rs->slots);
	free(rs);
}

/* The slot that holds the relation or, if none does, the free one where it belongs. */
static size_t
slot_of(struct relation *const *slots, size_t size, uint32_t id)
{
	size_t i = (id * UINT32_C(2654435769)) & (size - 1);

	while (slots[i] != NULL && slots[i]->id != id)
		i = (i + 1) & (size - 1);
	return i;
}

const struct relation *
relations_find(const struct relations *rs, uint32_t id)
{
	return rs->slots[slot_of(rs->slots, rs->size, id)];
}

static int
grow(struct relations *rs)
{
	size_t size = 2 * rs->size;
	struct relation **slots = calloc(size, sizeof(struct relation *));

	if (slots == NULL)
		return -1;
	for (size_t i = 0; i < rs->size; i++)
		if (rs->slots[i] != NULL)
			slots[slot_of(slots, size, rs->slots[i]->id)] = rs->slots[i];
	free(rs->slots);
	rs->slots = slots;
	rs->size = size;
	return 0;
}

static int
is_named(struct pgoutput_bytes b, const char *name)
{
	return b.len == strlen(name) && memcmp(b.p, name, b.len) == 0;
}

/*
 * Of our own schema only new rows of the schema log go out: a publication of all
 * tables would carry our bookkeeping too.
 */
static void
set_passes(struct relation *r, const struct pgoutput_relation *m, const struct filter *filter)
{
	if (is_named(m->schema, "pgcdc")) {
		r->passes_insert = (unsigned char)is_named(m->table, "schema_log");
		return;
	}
	r->passes_insert = r->passes_other = (unsigned char)filter_passes(
	    filter, m->schema.p, m->schema.len, m->table.p, m->table.len);
}

static int
add_name(struct buf *text, struct relation_part *part, struct pgoutput_bytes name)
{
	part->at = (uint32_t)text->len;
	if (buf_json(text, name.p, name.len) != 0)
		return -1;
	part->len = (uint32_t)text->len - part->at;
	return 0;
}

static int
not_utf8(const struct pgoutput_relation *m, uint64_t lsn)
{
	return log_permanent("a name of table \"%.*s.%.*s\" at %s is not valid UTF-8; rename it, "
			     "or recreate the database with an encoding other than SQL_ASCII",
	    (int)m->schema.len, m->schema.p, (int)m->table.len, m->table.p, lsn_text(lsn));
}

/* Prepare the text of one column. */
static int
add_column(struct relation_column *c, struct buf *text, struct pgoutput_column *source,
    struct types *types, const struct pgoutput_relation *m, uint64_t lsn)
{
	const char *type;
	int err;

	if ((err = types_name(types, &type, source->type, source->modifier)) != 0)
		return err;
	c->in_identity = (unsigned char)source->in_identity;
	c->form = (unsigned char)value_form(source->type);
	c->opening.at = (uint32_t)text->len;
	buf_str(text, ",{\"name\":");
	if (add_name(text, &c->name, source->name) != 0)
		return not_utf8(m, lsn);
	buf_str(text, ",\"type\":");
	if (buf_json(text, type, strlen(type)) != 0)
		return not_utf8(m, lsn);
	buf_str(text, ",\"value\":");
	c->opening.len = (uint32_t)text->len - c->opening.at;
	return 0;
}

/* Fill r, all but its text, which is built in the buffer. */
static int
prepare(struct relation *r, struct buf *text, struct pgoutput_relation *m,
    const struct relations *rs, uint64_t lsn)
{
	struct relation_part ignored;
	int err;

	r->id = m->id;
	r->n = m->n;
	set_passes(r, m, rs->filter);
	buf_str(text, ",\"schema\":");
	if (add_name(text, &ignored, m->schema) != 0)
		return not_utf8(m, lsn);
	buf_str(text, ",\"table\":");
	if (add_name(text, &ignored, m->table) != 0)
		return not_utf8(m, lsn);
	r->names.len = (uint32_t)text->len;
	for (int i = 0; i < m->n; i++) {
		struct pgoutput_column column = pgoutput_column(&m->columns);

		if ((err = add_column(&r->columns[i], text, &column, rs->types, m, lsn)) != 0)
			return err;
		r->has_identity |= r->columns[i].in_identity;
	}
	return 0;
}

int
relations_announce(struct relations *rs, struct pgoutput_relation *m, uint64_t lsn)
{
	size_t fixed = sizeof(struct relation) + (size_t)m->n * sizeof(struct relation_column);
	struct relation *r = calloc(1, fixed), *whole = NULL;
	struct buf text = BUF_INIT;
	int err = 0;

	if (r != NULL)
		err = prepare(r, &text, m, rs, lsn);
	if (err == 0 && r != NULL && !text.failed)
		whole = realloc(r, fixed + text.len);
	if (whole == NULL) {
		free(r);
		buf_free(&text);
		return err != 0 ? err : log_temporary("out of memory while remembering a table");
	}
	memcpy((char *)whole + fixed, text.data, text.len);
	whole->text = (char *)whole + fixed;
	buf_free(&text);

	size_t i = slot_of(rs->slots, rs->size, whole->id);
	rs->n += rs->slots[i] == NULL;
	free(rs->slots[i]);
	rs->slots[i] = whole;
	/* At most half full; a table that cannot grow works until it is nearly so. */
	if (rs->n > rs->size / 2 && grow(rs) != 0 && rs->n > rs->size - 2)
		return log_temporary("out of memory while remembering a table");
	return 0;
}
