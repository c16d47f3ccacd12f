#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "foreign.h"
#include "foreign_schema.h"
#include "foreign_value.h"
#include "format.h"
#include "lsn.h"
#include "object.h"

/* The members of a value that we know; p is NULL for those that are absent or null. */
struct message {
	struct event_span action, timestamp, lsn, schema, table, xid, columns, identity;
	struct event_span transactional, prefix, content, metadata;
	int is_ours; /* it has a key that only our lines have */
	int is_pgstream, is_v1;
};

static void
add_span(struct buf *b, struct event_span span)
{
	buf_add(b, span.p, span.len);
}

static int
take_member(void *context, struct event_span key, struct event_span value)
{
	struct message *m = context;
	const struct {
		const char *key;
		struct event_span *span;
		const char *begins; /* with one of these */
	} known[] = {
		{ "action", &m->action, "\"" },
		{ "timestamp", &m->timestamp, "\"" },
		{ "lsn", &m->lsn, "\"" },
		{ "schema", &m->schema, "\"" },
		{ "table", &m->table, "\"" },
		{ "xid", &m->xid, "0123456789" },
		{ "columns", &m->columns, "[" },
		{ "identity", &m->identity, "[" },
		{ "transactional", &m->transactional, "tf" },
		{ "prefix", &m->prefix, "\"" },
		{ "content", &m->content, "\"" },
		{ "metadata", &m->metadata, "{" },
	};
	static const char *const ours[] = { "seq", "unchanged", "baseline", "content_hex", "format",
		"start", "prev", "ack" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (object_is(key, known[i].key)) {
			if (*value.p == 'n')
				return 0;
			if (strchr(known[i].begins, *value.p) == NULL)
				return 1;
			*known[i].span = value;
			return 0;
		}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		m->is_ours |= object_is(key, ours[i]);
	return 0;
}

/* --- columns */

struct entries {
	struct buf *b;
	const struct message *m;
	struct event_span beside; /* leave out what has its name here */
	size_t n;
};

static int
is_name(void *context, struct event_span element)
{
	const struct event_span *name = context, its = object_member(element, "name");

	return its.len == name->len && memcmp(its.p, name->p, its.len) == 0;
}

static int
add_entry(void *context, struct event_span element)
{
	struct entries *entries = context;
	struct buf *b = entries->b;
	struct event_span name = object_member(element, "name");
	struct event_span type = object_member(element, "type");
	struct event_span value = object_member(element, "value");
	struct event_span id = object_member(element, "id");

	if (name.p == NULL || *name.p != '"' || (type.p != NULL && *type.p != '"') ||
	    (id.p != NULL && *id.p != '"'))
		return -1;
	if (entries->beside.p != NULL && object_each_of(entries->beside, is_name, &name) != 0)
		return 0;
	buf_str(b, entries->n++ > 0 ? ",{\"name\":" : "{\"name\":");
	add_span(b, name);
	if (type.len > 2) {
		buf_str(b, ",\"type\":");
		foreign_type(b, type);
	}
	buf_str(b, ",\"value\":");
	foreign_value(b, type, value, entries->m->is_v1);
	if (id.len > 2) {
		buf_str(b, ",\"id\":");
		add_span(b, id);
	}
	buf_str(b, "}");
	return 0;
}

static int
add_columns(struct buf *b, const struct message *m)
{
	struct entries entries = { .b = b, .m = m };

	if (m->columns.p == NULL)
		return 0;
	buf_str(b, ",\"columns\":[");
	if (object_each_of(m->columns, add_entry, &entries) != 0)
		return -1;
	/* A value that was not changed is only in an old row that is whole. */
	entries.beside = m->columns;
	if (m->identity.p != NULL && object_is(m->action, "U") &&
	    object_each_of(m->identity, add_entry, &entries) != 0)
		return -1;
	buf_str(b, "]");
	return 0;
}

static int
add_identity(struct buf *b, const struct message *m)
{
	struct entries entries = { .b = b, .m = m };

	if (m->identity.p == NULL)
		return 0;
	buf_str(b, ",\"identity\":[");
	if (object_each_of(m->identity, add_entry, &entries) != 0)
		return -1;
	buf_str(b, "]");
	return 0;
}

/* --- the rest of a line */

static void
add_number(struct buf *b, uint64_t number)
{
	if (number > 0)
		buf_uint(b, number);
	else
		buf_str(b, "null");
}

static void
add_metadata(struct buf *b, const struct message *m)
{
	struct event_span table = object_member(m->metadata, "table_pgstream_id"), text;
	struct event_span ids = object_member(m->metadata, "id_col_pgstream_id");
	uint64_t lsn = 0;

	/* What no translator has seen has an empty id. */
	if (table.len <= 2 || *table.p != '"')
		return;
	buf_str(b, ",\"metadata\":{\"schema_id\":");
	add_number(b, foreign_xid(object_member(m->metadata, "schema_id")));
	buf_str(b, ",\"table_id\":");
	add_span(b, table);
	buf_str(b, ",\"identity_ids\":");
	if (ids.p != NULL && *ids.p == '[')
		add_span(b, ids);
	else
		buf_str(b, "[]");
	if (event_text(&text, m->lsn) == 0 && lsn_parse(&lsn, text.p, text.len) == 0) {
		buf_str(b, ",\"version_id\":");
		buf_uint(b, lsn);
	}
	buf_str(b, "}");
}

/* A row of a snapshot stands nowhere in the log. */
static int
is_snapshot(const struct message *m)
{
	return m->is_pgstream && object_is(m->action, "I") && object_is(m->lsn, "0/0");
}

static void
add_head(struct buf *b, const struct message *m)
{
	buf_str(b, "{\"action\":");
	if (is_snapshot(m))
		buf_str(b, "\"R\"");
	else
		add_span(b, m->action);
	if (m->lsn.len > 2) {
		buf_str(b, ",\"lsn\":");
		add_span(b, m->lsn);
	}
	if (m->xid.p != NULL && *m->xid.p != '0') {
		buf_str(b, ",\"xid\":");
		add_span(b, m->xid);
	}
	if (m->timestamp.len > 2) {
		buf_str(b, ",\"timestamp\":");
		foreign_timestamp(b, m->timestamp);
	}
}

static int
add_row(struct buf *b, const struct message *m)
{
	if (m->schema.p == NULL || m->table.p == NULL)
		return -1;
	add_head(b, m);
	buf_str(b, ",\"schema\":");
	add_span(b, m->schema);
	buf_str(b, ",\"table\":");
	add_span(b, m->table);
	if (add_columns(b, m) != 0 || add_identity(b, m) != 0)
		return -1;
	if (m->is_pgstream)
		add_metadata(b, m);
	buf_str(b, "}");
	return 0;
}

/* pgstream's own messages are transactional, and it does not say so. */
static int
add_logical(struct buf *b, const struct message *m)
{
	if (m->prefix.p == NULL)
		return -1;
	add_head(b, m);
	buf_str(b, ",\"transactional\":");
	if (m->transactional.p != NULL)
		add_span(b, m->transactional);
	else
		buf_str(b, "true");
	buf_str(b, ",\"prefix\":");
	add_span(b, m->prefix);
	buf_str(b, ",\"content\":");
	if (m->content.p != NULL)
		add_span(b, m->content);
	else
		buf_str(b, "\"\"");
	buf_str(b, "}");
	return 0;
}

static enum foreign
add_schema(struct buf *b, const struct message *m, const char **why)
{
	if (!object_is(m->table, "schema_log") || !object_is(m->action, "I")) {
		*why = "it is pgstream's bookkeeping";
		return FOREIGN_NOTHING;
	}
	add_head(b, m);
	if (foreign_schema(b, m->columns, m->lsn) == 0)
		return FOREIGN_EVENT;
	*why = "it is a damaged row of pgstream's schema log";
	return FOREIGN_BAD;
}

static enum foreign
add_line(struct buf *b, const struct message *m, const char **why)
{
	int err;

	switch (m->action.len == 3 ? m->action.p[1] : 0) {
	case 'B':
	case 'C':
		*why = "it is the begin or the end of a transaction";
		return FOREIGN_NOTHING;
	case 'I':
	case 'U':
	case 'D':
	case 'T':
		if (m->is_pgstream && object_is(m->schema, "pgstream"))
			return add_schema(b, m, why);
		err = add_row(b, m);
		break;
	case 'M':
		err = add_logical(b, m);
		break;
	default:
		err = -1;
	}
	*why = "it has the action of an event, and not its parts";
	return err == 0 ? FOREIGN_EVENT : FOREIGN_BAD;
}

/* Our lines begin so, and few others do. */
static int
begins_as_ours(const char *value, size_t len)
{
	static const char action[] = "{\"action\":\"", lsn[] = "\",\"lsn\":";

	return len > sizeof(action) + sizeof(lsn) &&
	       memcmp(value, action, sizeof(action) - 1) == 0 &&
	       memcmp(value + sizeof(action), lsn, sizeof(lsn) - 1) == 0;
}

enum foreign
foreign_read(struct buf *b, const char *value, size_t len, const char **why)
{
	struct message m = { .is_ours = 0 };
	size_t start = b->len;
	enum foreign result;

	if (value == NULL) {
		*why = "it is a tombstone";
		return FOREIGN_NOTHING;
	}
	if (begins_as_ours(value, len))
		return FOREIGN_OURS;
	while (len > 0 && strchr(" \t\r\n", *value) != NULL && *value != '\0') {
		value++;
		len--;
	}
	if (object_each((struct event_span){ value, len }, take_member, &m) != 0 ||
	    m.action.p == NULL) {
		*why = "it is no JSON object with an \"action\"";
		return FOREIGN_BAD;
	}
	m.is_pgstream = object_member(m.metadata, "table_pgstream_id").p != NULL;
	m.is_v1 = m.is_pgstream && object_member(m.metadata, "version_col_pgstream_id").p == NULL;
	if (m.is_ours || (m.metadata.p != NULL && !m.is_pgstream))
		return FOREIGN_OURS;
	result = add_line(b, &m, why);
	if (result != FOREIGN_EVENT)
		b->len = start;
	return result;
}
