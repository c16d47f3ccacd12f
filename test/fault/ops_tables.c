#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"
#include "text.h"

/* The table bulk is this many ranges of this many ids; a lock holds a range. */
#define RANGES 6
#define RANGE 1500

static int
count(long n, int *counter)
{
	if (n < 0)
		return -1;
	*counter += (int)n;
	return 0;
}

/* A value for the column big: its stamp, and something long or not. $1 is the factor. */
#define BIG "s || ':' || repeat(md5(s::text), $1)"

static int
toast_update(struct client *c, const char *id, const char *factor, const char *v)
{
	struct changes *changes = &c->changes[TABLE_TOAST];
	char new[16];
	int to, got;

	switch (prng_below(&c->prng, 5)) {
	case 0:
		return count(client_exec(c,
				 "UPDATE fault.toast SET n = s, stamp = s, big = " BIG
				 " FROM nextval('fault.n') s WHERE id = $2",
				 2, (const char *[]){ factor, id }),
		    &changes->updated);
	case 1:
		return count(client_exec(c,
				 "UPDATE fault.toast SET n = nextval('fault.n'),"
				 " big = big WHERE id = $1",
				 1, (const char *[]){ id }),
		    &changes->updated);
	case 2:
		/* the value exists only under the old key */
		to = ops_id(c);
		got = ops_lock(c, TABLE_TOAST, to);
		if (got <= 0)
			return got;
		snprintf(new, sizeof(new), "%d", to);
		return count(
		    client_exec(c,
			"UPDATE fault.toast SET id = $2, n = nextval('fault.n')"
			" WHERE id = $1 AND NOT EXISTS (SELECT FROM fault.toast WHERE id = $2)",
			2, (const char *[]){ id, new }),
		    &changes->updated);
	default:
		return count(client_exec(c,
				 "UPDATE fault.toast SET n = nextval('fault.n'), v = $2"
				 " WHERE id = $1",
				 2, (const char *[]){ id, v }),
		    &changes->updated);
	}
}

int
ops_toast(struct client *c)
{
	struct changes *changes = &c->changes[TABLE_TOAST];
	int key = ops_id(c), got = ops_lock(c, TABLE_TOAST, key), kind, result;
	char id[16], factor[16], *v;

	if (got <= 0)
		return got;
	snprintf(id, sizeof(id), "%d", key);
	snprintf(factor, sizeof(factor), "%d",
	    prng_percent(&c->prng, 80) ? prng_between(&c->prng, 80, 500) : 1);
	kind = prng_below(&c->prng, 100);
	v = text_random(&c->prng);
	if (kind < 35)
		result = count(client_exec(c,
				   "INSERT INTO fault.toast SELECT $2, s, s, $3, " BIG
				   " FROM nextval('fault.n') s ON CONFLICT DO NOTHING",
				   3, (const char *[]){ factor, id, v }),
		    &changes->inserted);
	else if (kind < 90)
		result = toast_update(c, id, factor, v);
	else
		result = count(client_exec(c, "DELETE FROM fault.toast WHERE id = $1", 1,
				   (const char *[]){ id }),
		    &changes->deleted);
	free(v);
	return result;
}

/* Rows here may be equal, and a statement may change several. */
int
ops_nokey(struct client *c)
{
	struct changes *changes = &c->changes[TABLE_NOKEY];
	int key = ops_id(c), got = ops_lock(c, TABLE_NOKEY, key), kind, result;
	char id[16], factor[16], copies[16], *v;

	if (got <= 0)
		return got;
	snprintf(id, sizeof(id), "%d", key);
	snprintf(factor, sizeof(factor), "%d", prng_percent(&c->prng, 50) ? 90 : 2);
	snprintf(copies, sizeof(copies), "%d", prng_between(&c->prng, 1, 3));
	kind = prng_below(&c->prng, 100);
	v = text_random(&c->prng);
	if (kind < 40)
		result = count(client_exec(c,
				   "INSERT INTO fault.nokey SELECT $2, s, s, $3, " BIG
				   " FROM nextval('fault.n') s, generate_series(1, $4)",
				   4, (const char *[]){ factor, id, v, copies }),
		    &changes->inserted);
	else if (kind < 60)
		result = count(client_exec(c, "UPDATE fault.nokey SET v = $2 WHERE id = $1", 2,
				   (const char *[]){ id, v }),
		    &changes->updated);
	else if (kind < 75)
		result = count(
		    client_exec(c,
			"UPDATE fault.nokey SET n = nextval('fault.n'),"
			" big = NULL WHERE ctid IN (SELECT ctid FROM fault.nokey WHERE id = $1 LIMIT 1)",
			1, (const char *[]){ id }),
		    &changes->updated);
	else
		result = count(client_exec(c,
				   "DELETE FROM fault.nokey WHERE ctid IN (SELECT ctid"
				   " FROM fault.nokey WHERE id = $1 LIMIT $2)",
				   2, (const char *[]){ id, copies }),
		    &changes->deleted);
	free(v);
	return result;
}

int
ops_byindex(struct client *c)
{
	struct changes *changes = &c->changes[TABLE_BYINDEX];
	int key = ops_id(c), to = ops_id(c), got = ops_lock(c, TABLE_BYINDEX, key), kind, result;
	char a[16], b[16], new_a[16], new_b[16], *v;

	if (got <= 0)
		return got;
	snprintf(a, sizeof(a), "%d", key);
	snprintf(b, sizeof(b), "b\"%d", key % 7);
	kind = prng_below(&c->prng, 100);
	v = text_random(&c->prng);
	if (kind < 40) {
		result = count(client_exec(c,
				   "INSERT INTO fault.byindex (v, n, a, b) VALUES"
				   " ($1, nextval('fault.n'), $2, $3) ON CONFLICT DO NOTHING",
				   3, (const char *[]){ v, a, b }),
		    &changes->inserted);
	} else if (kind < 70) {
		result = count(client_exec(c,
				   "UPDATE fault.byindex SET n = nextval('fault.n'),"
				   " v = $1 WHERE a = $2",
				   2, (const char *[]){ v, a }),
		    &changes->updated);
	} else if (kind < 85) {
		result = count(client_exec(c, "DELETE FROM fault.byindex WHERE a = $1", 1,
				   (const char *[]){ a }),
		    &changes->deleted);
	} else {
		snprintf(new_a, sizeof(new_a), "%d", to);
		snprintf(new_b, sizeof(new_b), "b\"%d", to % 7);
		result = ops_lock(c, TABLE_BYINDEX, to);
		if (result > 0)
			result = count(client_exec(c,
					   "UPDATE fault.byindex SET a = $2, b = $3,"
					   " n = nextval('fault.n') WHERE a = $1 AND NOT EXISTS"
					   " (SELECT FROM fault.byindex WHERE a = $2)",
					   3, (const char *[]){ a, new_a, new_b }),
			    &changes->updated);
	}
	free(v);
	return result;
}

/* COPY n rows with ids from first. */
static int
bulk_copy(struct client *c, int first, int n)
{
	char *counter = client_value(c, "SELECT nextval('fault.n')", 0, NULL), row[64];
	PGresult *res;
	long copied = -1;

	if (counter == NULL)
		return -1;
	res = PQexec(c->conn, "COPY fault.bulk FROM STDIN");
	if (PQresultStatus(res) == PGRES_COPY_IN) {
		for (int i = 0; i < n; i++) {
			uint32_t checksum = tables_checksum("copied", 6);
			int len = snprintf(row, sizeof(row), "%d\t%s\t%08x:copied\n", first + i,
			    counter, checksum);

			if (PQputCopyData(c->conn, row, len) != 1)
				break;
		}
		PQputCopyEnd(c->conn, NULL);
		PQclear(res);
		res = PQgetResult(c->conn);
		if (PQresultStatus(res) == PGRES_COMMAND_OK)
			copied = atol(PQcmdTuples(res));
		PQclear(res);
		res = PQgetResult(c->conn);
	}
	PQclear(res);
	free(counter);
	return count(copied, &c->changes[TABLE_BULK].inserted);
}

int
ops_bulk(struct client *c)
{
	struct changes *changes = &c->changes[TABLE_BULK];
	int range = prng_below(&c->prng, RANGES), got = ops_lock(c, TABLE_BULK, range);
	int n = prng_percent(&c->prng, 20) ? RANGE : prng_between(&c->prng, 1, 200);
	char low[16], high[16];

	if (got <= 0)
		return got;
	snprintf(low, sizeof(low), "%d", range * RANGE);
	snprintf(high, sizeof(high), "%d", range * RANGE + n - 1);
	if (prng_percent(&c->prng, 30))
		return count(client_exec(c,
				 "UPDATE fault.bulk SET n = nextval('fault.n')"
				 " WHERE id BETWEEN $1 AND $2",
				 2, (const char *[]){ low, high }),
		    &changes->updated);
	if (count(client_exec(c, "DELETE FROM fault.bulk WHERE id BETWEEN $1 AND $2", 2,
		      (const char *[]){ low, high }),
		&changes->deleted) != 0)
		return -1;
	return prng_percent(&c->prng, 70) ? bulk_copy(c, range * RANGE, n) : 0;
}

/*
 * A statement that takes a table for itself: when others use it, it fails, and
 * only it. 1 when it was done, 0 when it was not, -1.
 */
static int
exclusive(struct client *c, const char *sql)
{
	if (client_exec(c, "SAVEPOINT exclusive", 0, NULL) < 0)
		return -1;
	if (client_exec(c, sql, 0, NULL) >= 0) {
		c->exclusive = 1;
		return 1;
	}
	return client_exec(c, "ROLLBACK TO exclusive", 0, NULL) < 0 ? -1 : 0;
}

int
ops_truncate(struct client *c)
{
	int kind = prng_below(&c->prng, 6), done;

	done = exclusive(c, kind == 0   ? "TRUNCATE fault.part"
			    : kind <= 2 ? "TRUNCATE fault.trunc_a"
			    : kind == 3 ? "TRUNCATE fault.trunc_b"
					: "TRUNCATE fault.trunc_a, fault.trunc_b");
	if (done <= 0)
		return done;
	if (kind == 0)
		c->changes[TABLE_PART].truncated++;
	if (kind == 1 || kind == 2 || kind > 3)
		c->changes[TABLE_TRUNC_A].truncated++;
	if (kind >= 3)
		c->changes[TABLE_TRUNC_B].truncated++;
	return 0;
}

/* A column that was added, "" when there is none; the caller frees it. */
static char *
added_column(struct client *c)
{
	return client_value(c,
	    "SELECT attname FROM pg_attribute WHERE attrelid ="
	    " 'fault.ddl'::regclass AND attname ~ '^c_' AND NOT attisdropped"
	    " ORDER BY random() LIMIT 1",
	    0, NULL);
}

static int
drop_column(struct client *c)
{
	char *column = added_column(c), sql[128];
	int done = 0;

	if (column == NULL)
		return -1;
	snprintf(sql, sizeof(sql), "ALTER TABLE fault.ddl DROP %s", column);
	if (*column != '\0')
		done = exclusive(c, sql);
	free(column);
	return done < 0 ? -1 : 0;
}

/* A name is used once, so that no old value is taken for one of the new column. */
static int
add_column(struct client *c)
{
	static const char *const type[] = { "int", "text", "numeric(9,3)", "fault.mood", "jsonb" };
	char *n = client_value(c, "SELECT nextval('fault.n')", 0, NULL), sql[128];
	int done;

	if (n == NULL)
		return -1;
	snprintf(sql, sizeof(sql), "ALTER TABLE fault.ddl ADD c_%s %s", n,
	    type[prng_below(&c->prng, 5)]);
	free(n);
	done = exclusive(c, sql);
	return done < 0 ? -1 : 0;
}

/* Set an added column in all rows that are there, as far as its type takes it. */
static int
fill_column(struct client *c)
{
	char *column = added_column(c), sql[256];
	long n = 0;
	int done = 0;

	if (column == NULL)
		return -1;
	snprintf(sql, sizeof(sql), "UPDATE fault.ddl SET %s = '7', n = nextval('fault.n')", column);
	if (*column != '\0')
		done = exclusive(c, "LOCK fault.ddl");
	if (done > 0)
		done = client_exec(c, "SAVEPOINT exclusive", 0, NULL) < 0 ? -1 : 1;
	if (done > 0 && (n = client_exec(c, sql, 0, NULL)) < 0)
		done = client_exec(c, "ROLLBACK TO exclusive", 0, NULL) < 0 ? -1 : 0;
	free(column);
	if (done > 0)
		c->changes[TABLE_DDL].updated += (int)n;
	return done < 0 ? -1 : 0;
}

int
ops_ddl(struct client *c)
{
	static const char *const alter[] = {
		"ALTER TABLE fault.ddl ALTER id TYPE bigint",
		"ALTER TABLE fault.ddl ALTER id TYPE int",
		"ALTER TABLE fault.ddl REPLICA IDENTITY FULL",
		"ALTER TABLE fault.ddl REPLICA IDENTITY DEFAULT",
	};

	switch (prng_below(&c->prng, 6)) {
	case 0:
		return add_column(c);
	case 1:
		return drop_column(c);
	case 2:
	case 3:
		return fill_column(c);
	default:
		return exclusive(c, alter[prng_below(&c->prng, 4)]) < 0 ? -1 : 0;
	}
}

int
ops_message(struct client *c)
{
	int inside = prng_percent(&c->prng, 60), bytes = prng_percent(&c->prng, 20);
	char *v = text_random(&c->prng), head[64];
	long n;

	snprintf(head, sizeof(head), "%d/%jd/", c->number, (intmax_t)c->seq);
	n = client_exec(c,
	    bytes
		? "SELECT pg_logical_emit_message($1, 'fault', convert_to($2 || $3, 'UTF8') || '\\xff00')"
		: "SELECT pg_logical_emit_message($1, 'fault', $2 || $3)",
	    3, (const char *[]){ inside ? "t" : "f", head, v });
	free(v);
	if (n < 0)
		return -1;
	if (inside)
		c->messages++;
	else
		c->loose++;
	return 0;
}
