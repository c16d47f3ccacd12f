#include <endian.h>
#include <string.h>

#include "pgoutput.h"

static const unsigned char *
take(struct pgoutput_cursor *c, size_t n)
{
	static const unsigned char zeros[8];
	const unsigned char *p = c->p;

	if ((size_t)(c->end - p) < n) {
		c->failed = 1;
		c->p = c->end;
		return zeros;
	}
	c->p += n;
	return p;
}

static uint8_t
take_8(struct pgoutput_cursor *c)
{
	return *take(c, 1);
}

static uint16_t
take_16(struct pgoutput_cursor *c)
{
	uint16_t v;

	memcpy(&v, take(c, sizeof(v)), sizeof(v));
	return be16toh(v);
}

static uint32_t
take_32(struct pgoutput_cursor *c)
{
	uint32_t v;

	memcpy(&v, take(c, sizeof(v)), sizeof(v));
	return be32toh(v);
}

static uint64_t
take_64(struct pgoutput_cursor *c)
{
	uint64_t v;

	memcpy(&v, take(c, sizeof(v)), sizeof(v));
	return be64toh(v);
}

static struct pgoutput_bytes
take_string(struct pgoutput_cursor *c)
{
	size_t left = (size_t)(c->end - c->p);
	const unsigned char *nul = left > 0 ? memchr(c->p, '\0', left) : NULL;
	struct pgoutput_bytes s = { .p = (const char *)c->p };

	if (nul == NULL) {
		c->failed = 1;
		c->p = c->end;
		return s;
	}
	s.len = (size_t)(nul - c->p);
	c->p = nul + 1;
	return s;
}

static struct pgoutput_bytes
take_counted(struct pgoutput_cursor *c)
{
	struct pgoutput_bytes s = { .p = NULL };
	uint32_t len = take_32(c);

	if (len > (size_t)(c->end - c->p)) {
		c->failed = 1;
		c->p = c->end;
		return s;
	}
	s.p = (const char *)c->p;
	s.len = len;
	c->p += len;
	return s;
}

struct pgoutput_value
pgoutput_value(struct pgoutput_cursor *c)
{
	struct pgoutput_value v = { .kind = (char)take_8(c) };

	if (v.kind == 't')
		v.text = take_counted(c);
	return v;
}

struct pgoutput_column
pgoutput_column(struct pgoutput_cursor *c)
{
	struct pgoutput_column column;

	column.in_identity = take_8(c) & 1;
	column.name = take_string(c);
	column.type = take_32(c);
	column.modifier = (int32_t)take_32(c);
	return column;
}

uint32_t
pgoutput_truncated(struct pgoutput_cursor *c)
{
	return take_32(c);
}

/* Step over a tuple, checking each value, so that c stands behind it. */
static const char *
take_tuple(struct pgoutput_tuple *tuple, struct pgoutput_cursor *c)
{
	tuple->n = take_16(c);
	tuple->values = *c;
	for (int i = 0; i < tuple->n && !c->failed; i++) {
		char kind = pgoutput_value(c).kind;

		if (kind == 'b' && !c->failed)
			return "a binary column value, which was not asked for";
		if (kind != 't' && kind != 'n' && kind != 'u' && !c->failed)
			return "an unknown kind of column value";
	}
	return NULL;
}

static const char *
decode_relation(struct pgoutput_relation *r, struct pgoutput_cursor *c)
{
	r->id = take_32(c);
	r->schema = take_string(c);
	r->table = take_string(c);
	r->replica_identity = (char)take_8(c);
	r->n = take_16(c);
	r->columns = *c;
	for (int i = 0; i < r->n && !c->failed; i++)
		pgoutput_column(c);
	/* pgoutput sends pg_catalog, the schema of the built-in types, as an empty name. */
	if (r->schema.len == 0) {
		r->schema.p = "pg_catalog";
		r->schema.len = strlen(r->schema.p);
	}
	return NULL;
}

static const char *
decode_change(struct pgoutput_message *m, struct pgoutput_cursor *c)
{
	const char *why = NULL;
	char kind;

	m->u.change.relation = take_32(c);
	m->u.change.old_kind = 0;
	m->u.change.old.n = m->u.change.new.n = -1;
	kind = (char)take_8(c);
	if (m->type != 'I' && (kind == 'K' || kind == 'O')) {
		m->u.change.old_kind = kind;
		if ((why = take_tuple(&m->u.change.old, c)) != NULL)
			return why;
		if (m->type == 'D')
			return NULL;
		kind = (char)take_8(c);
	}
	if (c->failed)
		return NULL;
	if (m->type == 'D')
		return "a delete without the old key or row";
	if (kind != 'N')
		return "a change without the new row";
	return take_tuple(&m->u.change.new, c);
}

static const char *
decode_truncate(struct pgoutput_message *m, struct pgoutput_cursor *c)
{
	uint32_t n = take_32(c);

	take_8(c); /* CASCADE and RESTART IDENTITY: nothing that a reader needs */
	if (n > (size_t)(c->end - c->p) / sizeof(uint32_t)) {
		c->failed = 1;
		return NULL;
	}
	m->u.truncate.n = (int)n;
	m->u.truncate.relations = *c;
	take(c, n * sizeof(uint32_t));
	return NULL;
}

static const char *
decode_message(struct pgoutput_message *m, struct pgoutput_cursor *c)
{
	m->u.message.transactional = take_8(c) & 1;
	m->u.message.lsn = take_64(c);
	m->u.message.prefix = take_string(c);
	m->u.message.content = take_counted(c);
	return NULL;
}

static const char *
decode_body(struct pgoutput_message *m, struct pgoutput_cursor *c)
{
	switch (m->type) {
	case 'B':
		m->u.begin.final_lsn = take_64(c);
		m->u.begin.time = (int64_t)take_64(c);
		m->u.begin.xid = take_32(c);
		return NULL;
	case 'C':
		take_8(c); /* flags, none defined */
		m->u.commit.lsn = take_64(c);
		m->u.commit.end_lsn = take_64(c);
		m->u.commit.time = (int64_t)take_64(c);
		return NULL;
	case 'O':
		m->u.origin.lsn = take_64(c);
		m->u.origin.name = take_string(c);
		return NULL;
	case 'R':
		return decode_relation(&m->u.relation, c);
	case 'Y':
		m->u.type.id = take_32(c);
		m->u.type.schema = take_string(c);
		m->u.type.name = take_string(c);
		return NULL;
	case 'I':
	case 'U':
	case 'D':
		return decode_change(m, c);
	case 'T':
		return decode_truncate(m, c);
	case 'M':
		return decode_message(m, c);
	case 'A':
		take_64(c); /* the transaction and its subtransaction */
		return NULL;
	case 'S':
	case 'E':
	case 'c':
		return "a message of a streamed transaction, which was not asked for";
	case 'b':
	case 'P':
	case 'K':
	case 'r':
	case 'p':
		return "a message of a two-phase transaction, which was not asked for; "
		       "recreate the slot without two_phase";
	default:
		return "a message of an unknown type";
	}
}

int
pgoutput_decode(struct pgoutput_message *m, const void *bytes, size_t len, const char **why)
{
	const unsigned char *p = bytes;
	struct pgoutput_cursor c = { .p = p, .end = p + len };

	m->type = (char)take_8(&c);
	*why = c.failed ? NULL : decode_body(m, &c);
	if (*why == NULL && c.failed)
		*why = "a message that ends too early";
	if (*why == NULL && c.p != c.end)
		*why = "a message with bytes after its end";
	return *why == NULL ? 0 : -1;
}
