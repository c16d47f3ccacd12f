#include "events.h"
#include "log.h"
#include "lsn.h"

int
events_init(struct events *e, struct buf *out, struct types *types, const struct filter *filter,
    uint64_t start, uint64_t max_line)
{
	*e = (struct events){ .types = types, .out = out, .prev = start, .max_line = max_line };
	e->relations = relations_new(filter, types);
	return e->relations != NULL ? 0 : -1;
}

void
events_free(struct events *e)
{
	relations_free(e->relations);
	buf_free(&e->tx.text);
}

static int
undecodable(uint64_t record, const char *why)
{
	return log_permanent("could not decode the replication stream at %s: %s; nothing after it "
			     "is confirmed, please report this with the server's version",
	    lsn_text(record), why);
}

/*
 * A line was appended behind before: check it, or take it back and report.  It is of a
 * table, or else named by its first keys.
 */
static int
finish_line(struct events *e, size_t before, uint64_t record, const struct relation *r,
    const char *keys, const char *why)
{
	size_t len = e->out->len - before;
	const char *names = r != NULL ? r->text + 1 : keys;
	int names_len = r != NULL ? (int)r->names.len - 1 : (int)strlen(names);

	if (e->out->failed || why != NULL || len - 1 > e->max_line)
		e->out->len = before;
	if (e->out->failed)
		return log_temporary(
		    "out of memory for the line at %s (%.*s)", lsn_text(record), names_len, names);
	if (why != NULL)
		return log_permanent("could not write the event at %s (%.*s): %s", lsn_text(record),
		    names_len, names, why);
	if (len - 1 > e->max_line)
		return log_permanent("the line of the event at %s (%.*s) has %zu bytes, more than "
				     "--max-line=%llu; give a larger --max-line",
		    lsn_text(record), names_len, names, len - 1, (unsigned long long)e->max_line);
	return 0;
}

/* Our B line is due only when the transaction has something to say. */
static int
open_transaction(struct events *e, uint64_t record)
{
	size_t before = e->out->len;

	if (e->open)
		return 0;
	encode_begin(e->out, &e->tx);
	e->open = 1;
	return finish_line(e, before, record, NULL, "\"action\":\"B\"", NULL);
}

/* What each line of a transaction repeats is prepared once. */
static int
check_memory(const struct events *e, uint64_t record)
{
	if (e->tx.text.failed)
		return log_temporary("out of memory for the transaction at %s", lsn_text(record));
	return 0;
}

static int
take_begin(struct events *e, uint64_t record, const struct pgoutput_message *m)
{
	static const struct pgoutput_bytes no_origin;

	if (e->in_transaction)
		return undecodable(record, "a transaction begins inside another");
	e->in_transaction = 1;
	e->open = 0;
	e->seq = 0;
	e->begin.xid = m->u.begin.xid;
	e->begin.time = m->u.begin.time;
	encode_transaction(&e->tx, m->u.begin.final_lsn, e->begin.xid, e->begin.time, no_origin);
	return check_memory(e, record);
}

static int
take_origin(struct events *e, uint64_t record, const struct pgoutput_message *m)
{
	const char *why = encode_transaction(
	    &e->tx, e->tx.lsn, e->begin.xid, e->begin.time, m->u.origin.name);

	return why == NULL ? check_memory(e, record) : undecodable(record, why);
}

static int
take_commit(struct events *e, uint64_t record, const struct pgoutput_message *m,
    enum events_result *result, uint64_t *lsn)
{
	struct encode_link link = { e->prev, m->u.commit.end_lsn };

	if (m->u.commit.lsn != e->tx.lsn)
		return undecodable(record, "a commit of another transaction than the one begun");
	e->in_transaction = 0;
	*lsn = m->u.commit.end_lsn;
	*result = EVENTS_SILENT;
	if (!e->open)
		return 0;
	*result = EVENTS_TOKEN;
	e->open = 0;
	e->prev = link.ack;
	e->n_transactions++;
	size_t before = e->out->len;
	return finish_line(
	    e, before, record, NULL, "\"action\":\"C\"", encode_commit(e->out, &e->tx, link));
}

static int
take_change(struct events *e, uint64_t record, const struct pgoutput_message *m)
{
	const struct relation *r = relations_find(e->relations, m->u.change.relation);
	struct encode_place place = { record, e->seq++ };
	int err;

	if (r == NULL)
		return undecodable(record, "a change of a table that was not announced");
	if ((m->u.change.new.n >= 0 && m->u.change.new.n != r->n) ||
	    (m->u.change.old.n >= 0 && m->u.change.old.n != r->n))
		return undecodable(record, "a row with another number of columns than its table");
	if (!(m->type == 'I' ? r->passes_insert : r->passes_other))
		return 0;
	if ((err = open_transaction(e, record)) != 0)
		return err;
	e->n_events++;
	size_t before = e->out->len;
	return finish_line(e, before, record, r, NULL, encode_change(e->out, &e->tx, place, r, m));
}

static int
take_truncate(struct events *e, uint64_t record, struct pgoutput_message *m)
{
	int err = 0;

	for (int i = 0; i < m->u.truncate.n && err == 0; i++) {
		uint32_t id = pgoutput_truncated(&m->u.truncate.relations);
		const struct relation *r = relations_find(e->relations, id);
		struct encode_place place = { record, e->seq++ };

		if (r == NULL)
			return undecodable(record, "a truncate of a table that was not announced");
		if (!r->passes_other)
			continue;
		if ((err = open_transaction(e, record)) != 0)
			return err;
		e->n_events++;
		size_t before = e->out->len;
		err = finish_line(
		    e, before, record, r, NULL, encode_truncate(e->out, &e->tx, place, r));
	}
	return err;
}

static int
take_message(struct events *e, uint64_t record, const struct pgoutput_message *m,
    enum events_result *result, uint64_t *lsn)
{
	struct encode_link link = { e->prev, m->u.message.lsn };
	struct encode_place place = { m->u.message.lsn, 0 };
	const struct encode_transaction *tx = NULL;
	size_t before;
	int err;

	if (m->u.message.transactional) {
		if (!e->in_transaction)
			return undecodable(
			    record, "a transactional message outside of a transaction");
		if ((err = open_transaction(e, record)) != 0)
			return err;
		place.seq = e->seq++;
		tx = &e->tx;
	} else {
		if (e->in_transaction)
			return undecodable(
			    record, "a message inside a transaction that is not its own");
		e->prev = link.ack;
		*result = EVENTS_TOKEN;
		*lsn = link.ack;
	}
	e->n_events++;
	before = e->out->len;
	return finish_line(e, before, record, NULL, "\"action\":\"M\"",
	    encode_message(e->out, tx, place, m, link));
}

int
events_take(struct events *e, uint64_t record, const void *bytes, size_t len,
    enum events_result *result, uint64_t *lsn)
{
	struct pgoutput_message m;
	const char *why;

	*result = EVENTS_NOTHING;
	if (pgoutput_decode(&m, bytes, len, &why) != 0)
		return undecodable(record, why);
	if (strchr("COIUDT", m.type) != NULL && !e->in_transaction)
		return undecodable(record, "a change outside of a transaction");
	switch (m.type) {
	case 'A':
		return 0;
	case 'B':
		return take_begin(e, record, &m);
	case 'C':
		return take_commit(e, record, &m, result, lsn);
	case 'O':
		return take_origin(e, record, &m);
	case 'R':
		return relations_announce(e->relations, &m.u.relation, record);
	case 'Y':
		return types_announce(e->types, m.u.type.id, m.u.type.schema, m.u.type.name);
	case 'T':
		return take_truncate(e, record, &m);
	case 'M':
		return take_message(e, record, &m, result, lsn);
	default:
		return take_change(e, record, &m);
	}
}
