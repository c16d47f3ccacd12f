#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"
#include "text.h"

/* Ids of a table. */
#define IDS 240

int
ops_id(struct client *c)
{
	int clients = c->plan->clients;

	if (prng_percent(&c->prng, 80))
		return prng_below(&c->prng, IDS / clients) * clients + c->number;
	return prng_below(&c->prng, IDS);
}

int
ops_lock(struct client *c, enum table_id t, int id)
{
	char table[16], key[16], *value;
	int got;

	snprintf(table, sizeof(table), "%d", (int)t);
	snprintf(key, sizeof(key), "%d", id);
	value = client_value(
	    c, "SELECT pg_try_advisory_xact_lock($1, $2)", 2, (const char *[]){ table, key });
	if (value == NULL)
		return -1;
	got = *value == 't';
	free(value);
	return got;
}

/* "VERB fault.table REST", on a plain table (id, n, v); the number of rows or -1. */
static long
on_table(struct client *c, const char *verb, enum table_id t, const char *rest, int n,
    const char *const *values)
{
	char sql[512];

	snprintf(sql, sizeof(sql), "%s fault.%s %s", verb, tables_name[t], rest);
	return client_exec(c, sql, n, values);
}

static int
insert(struct client *c, enum table_id t, const char *id, const char *v)
{
	long n = on_table(c, "INSERT INTO", t,
	    "(id, n, v) VALUES ($1, nextval('fault.n'), $2)"
	    " ON CONFLICT DO NOTHING",
	    2, (const char *[]){ id, v });

	c->changes[t].inserted += n > 0;
	return n < 0 ? -1 : 0;
}

static int
update(struct client *c, enum table_id t, const char *id, const char *v)
{
	long n;

	if (prng_percent(&c->prng, 20))
		n = on_table(c, "UPDATE", t, "SET n = nextval('fault.n') WHERE id = $1", 1,
		    (const char *[]){ id });
	else
		n = on_table(c, "UPDATE", t, "SET n = nextval('fault.n'), v = $2 WHERE id = $1", 2,
		    (const char *[]){ id, v });
	c->changes[t].updated += n > 0;
	return n < 0 ? -1 : 0;
}

static int delete (struct client *c, enum table_id t, const char *id)
{
	long n = on_table(c, "DELETE FROM", t, "WHERE id = $1", 1, (const char *[]){ id });

	c->changes[t].deleted += n > 0;
	return n < 0 ? -1 : 0;
}

/* INSERT ... ON CONFLICT DO UPDATE; xmax tells which it was. */
static int
upsert(struct client *c, const char *id, const char *v)
{
	char *value = client_value(c,
	    "INSERT INTO fault.kv AS t VALUES ($1, nextval('fault.n'), $2)"
	    " ON CONFLICT (id) DO UPDATE SET n = excluded.n, v = excluded.v"
	    " RETURNING t.xmax = 0",
	    2, (const char *[]){ id, v });

	if (value == NULL)
		return -1;
	if (*value == 't')
		c->changes[TABLE_KV].inserted++;
	else
		c->changes[TABLE_KV].updated++;
	free(value);
	return 0;
}

static int
partition_of(int id)
{
	return id / TABLES_PARTITION < 2 ? id / TABLES_PARTITION : 2;
}

/* Another id for the row, unless there is a row with that. */
static int
change_key(struct client *c, enum table_id t, int from, const char *id)
{
	int to = ops_id(c), got = ops_lock(c, t, to);
	char new[16], rest[256];
	long n;

	if (got <= 0)
		return got;
	snprintf(new, sizeof(new), "%d", to);
	snprintf(rest, sizeof(rest),
	    "SET id = $2, n = nextval('fault.n') WHERE id = $1"
	    " AND NOT EXISTS (SELECT FROM fault.%s WHERE id = $2)",
	    tables_name[t]);
	n = on_table(c, "UPDATE", t, rest, 2, (const char *[]){ id, new });
	if (n > 0 && t == TABLE_PART && partition_of(from) != partition_of(to)) {
		c->changes[t].deleted++;
		c->changes[t].inserted++;
	} else if (n > 0) {
		c->changes[t].updated++;
	}
	return n < 0 ? -1 : 0;
}

static int
plain_with(struct client *c, enum table_id t, int id, const char *v)
{
	int kind = prng_below(&c->prng, 100);
	char text[16];

	snprintf(text, sizeof(text), "%d", id);
	if (kind < 30)
		return t == TABLE_KV && kind < 15 ? upsert(c, text, v) : insert(c, t, text, v);
	if (kind < 65)
		return update(c, t, text, v);
	if (kind < 80)
		return delete (c, t, text);
	if (kind < 90)
		return delete (c, t, text) != 0 ? -1 : insert(c, t, text, v);
	return change_key(c, t, id, text);
}

static int
plain(struct client *c, enum table_id t)
{
	int id = ops_id(c), got = ops_lock(c, t, id), result;
	char *v;

	if (got <= 0)
		return got;
	v = text_random(&c->prng);
	result = plain_with(c, t, id, prng_percent(&c->prng, 5) ? NULL : v);
	free(v);
	return result;
}

int
ops_noise(struct client *c)
{
	switch (prng_below(&c->prng, 3)) {
	case 0:
		return client_exec(c,
			   "INSERT INTO fault.noise SELECT repeat('x', 100)"
			   " FROM generate_series(1, 50)",
			   0, NULL) < 0
		           ? -1
		           : 0;
	case 1:
		return client_exec(c,
			   "CREATE TEMP TABLE t ON COMMIT DROP AS"
			   " SELECT generate_series(1, 50)",
			   0, NULL) < 0
		           ? -1
		           : 0;
	default:
		return client_exec(c, "SELECT txid_current()", 0, NULL) < 0 ? -1 : 0;
	}
}

/* One operation on one table. */
static int
single(struct client *c)
{
	int kind = prng_below(&c->prng, 100);

	if (kind < 25)
		return plain(c, TABLE_KV);
	if (kind < 33)
		return plain(c, TABLE_WIDE);
	if (kind < 45)
		return plain(c, TABLE_PART);
	/* what may be truncated or altered is left alone by those that last */
	if (kind < 49)
		return c->is_long ? 0 : plain(c, TABLE_TRUNC_A);
	if (kind < 53)
		return c->is_long ? 0 : plain(c, TABLE_TRUNC_B);
	if (kind < 58)
		return c->is_long ? 0 : plain(c, TABLE_DDL);
	if (kind < 74)
		return ops_toast(c);
	if (kind < 82)
		return ops_nokey(c);
	if (kind < 90)
		return ops_byindex(c);
	if (kind < 91)
		return ops_bulk(c);
	if (kind < 94)
		return c->is_long ? 0 : ops_truncate(c);
	if (kind < 95)
		return c->is_long ? 0 : ops_ddl(c);
	if (kind < 98)
		return ops_message(c);
	return ops_noise(c);
}

static int
roll_back_to(struct client *c, const char *sql, const struct changes *changes, int messages)
{
	/* messages outside of transactions stay */
	memcpy(c->changes, changes, sizeof(c->changes));
	c->messages = messages;
	return client_exec(c, sql, 0, NULL) < 0 ? -1 : 0;
}

/*
 * A subtransaction with some operations, one more inside perhaps; kept,
 * rolled back, or failing.  A failed statement breaks no more than it.
 */
static int
subtransaction(struct client *c, int depth)
{
	struct changes before[TABLES];
	char save[32], back[64];
	int messages = c->messages, n = prng_between(&c->prng, 1, 4), failed = 0;

	memcpy(before, c->changes, sizeof(before));
	snprintf(save, sizeof(save), "SAVEPOINT s%d", depth);
	snprintf(back, sizeof(back), "ROLLBACK TO s%d", depth);
	if (client_exec(c, save, 0, NULL) < 0)
		return -1;
	for (int i = 0; i < n && !failed; i++)
		failed = depth < 3 && prng_percent(&c->prng, 20) ? subtransaction(c, depth + 1)
		                                                 : single(c);
	if (!failed && prng_percent(&c->prng, 10))
		failed = client_exec(c, "SELECT 1 / 0", 0, NULL) < 0;
	if (failed || prng_percent(&c->prng, 40))
		return roll_back_to(c, back, before, messages);
	snprintf(back, sizeof(back), "RELEASE s%d", depth);
	return prng_percent(&c->prng, 50) && client_exec(c, back, 0, NULL) < 0 ? -1 : 0;
}

int
ops_random(struct client *c)
{
	if (prng_percent(&c->prng, 15))
		return subtransaction(c, 0);
	return single(c);
}
