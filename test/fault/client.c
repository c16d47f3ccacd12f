#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "ops.h"

/* How long a server may be away. */
#define AWAY_MAX 30000

#define SESSION                                                     \
	"SET statement_timeout = '20s'; SET lock_timeout = '20ms';" \
	"SET deadlock_timeout = '50ms'; SET client_min_messages = error"

int64_t
client_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
client_sleep(int milliseconds)
{
	struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static long
rows_of(PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_TUPLES_OK:
		/* INSERT ... RETURNING and SELECT: both are the rows returned */
		return PQntuples(res);
	case PGRES_COMMAND_OK:
		return atol(PQcmdTuples(res));
	default:
		return -1;
	}
}

long
client_exec(struct client *c, const char *sql, int n, const char *const *values)
{
	PGresult *res = PQexecParams(c->conn, sql, n, NULL, values, NULL, NULL, 0);
	long rows = rows_of(res);

	PQclear(res);
	return rows;
}

char *
client_value(struct client *c, const char *sql, int n, const char *const *values)
{
	PGresult *res = PQexecParams(c->conn, sql, n, NULL, values, NULL, NULL, 0);
	char *value = NULL;

	if (rows_of(res) >= 0)
		value = strdup(PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	return value;
}

static int
command(struct client *c, const char *sql)
{
	PGresult *res = PQexec(c->conn, sql);
	int failed = rows_of(res) < 0;

	PQclear(res);
	return failed ? -1 : 0;
}

static void
remember(int64_t **list, size_t *n, int64_t seq)
{
	if ((*n & (*n - 1)) == 0) {
		*list = realloc(*list, (*n == 0 ? 1 : *n * 2) * sizeof(**list));
		if (*list == NULL)
			errx(111, "out of memory");
	}
	(*list)[(*n)++] = seq;
}

/* A prepared transaction of ours, "" when there is none, or NULL; the caller frees it. */
static char *
prepared(struct client *c)
{
	char like[64];

	snprintf(like, sizeof(like), "fault_%d_%%", c->number);
	return client_value(c,
	    "SELECT gid FROM pg_prepared_xacts WHERE gid LIKE $1"
	    " AND database = current_database() LIMIT 1",
	    1, (const char *[]){ like });
}

/* End what was left prepared, also by the connection before, either way. */
static int
settle_prepared(struct client *c)
{
	char sql[128], *gid;
	int err = 0;

	while ((gid = prepared(c)) != NULL && *gid != '\0' && err == 0) {
		snprintf(sql, sizeof(sql), "%s PREPARED '%s'",
		    prng_percent(&c->prng, 70) ? "COMMIT" : "ROLLBACK", gid);
		err = command(c, sql);
		free(gid);
	}
	if (gid == NULL)
		return -1;
	free(gid);
	c->pending = 0;
	return err;
}

static int
open_session(struct client *c)
{
	PQfinish(c->conn);
	c->conn = PQconnectdb("connect_timeout=5 application_name=workload");
	if (PQstatus(c->conn) != CONNECTION_OK || command(c, SESSION) != 0 ||
	    settle_prepared(c) != 0)
		return -1;
	/* One session at a time may have it; without it is as good. */
	c->with_origin = c->number == 1 && prng_percent(&c->prng, 60) &&
	                 command(c, "SELECT pg_replication_origin_session_setup('" TABLES_ORIGIN
				    "')") == 0;
	return 0;
}

static void
reconnect(struct client *c)
{
	int64_t end = client_now() + AWAY_MAX;

	if (c->conn != NULL)
		c->tally->reconnects++;
	while (open_session(c) != 0) {
		if (client_now() > end)
			errx(111, "client %d: the server stays away: %s", c->number,
			    PQerrorMessage(c->conn));
		client_sleep(50);
	}
}

/* Now and then nobody has anything to do for a while. */
static void
pause_together(struct client *c)
{
	for (;;) {
		struct prng p = prng_stream(c->plan->seed, (uint64_t)(client_now() / 250));

		if (c->plan->end == 0 || client_now() >= c->plan->end || !prng_percent(&p, 15))
			return;
		client_sleep(20);
	}
}

/* "kv=1/0/2/0 part=0/1/0/0" */
static int
describe_changes(const struct client *c, char *s, size_t size)
{
	size_t used = 0;

	s[0] = '\0';
	for (int t = 0; t < TABLES; t++) {
		const struct changes *n = &c->changes[t];

		if (n->inserted == 0 && n->updated == 0 && n->deleted == 0 && n->truncated == 0)
			continue;
		used += (size_t)snprintf(s + used, size - used, "%s%s=%d/%d/%d/%d",
		    used > 0 ? " " : "", tables_name[t], n->inserted, n->updated, n->deleted,
		    n->truncated);
	}
	return used > 0 || c->messages > 0 || c->loose > 0;
}

static int
write_control(struct client *c)
{
	char client[16], seq[24], messages[16], loose[16], changes[1024];
	const char *values[] = { client, seq, c->with_origin ? TABLES_ORIGIN : NULL, changes,
		messages, loose };

	if (!describe_changes(c, changes, sizeof(changes)))
		return 0;
	snprintf(client, sizeof(client), "%d", c->number);
	snprintf(seq, sizeof(seq), "%jd", (intmax_t)c->seq);
	snprintf(messages, sizeof(messages), "%d", c->messages);
	snprintf(loose, sizeof(loose), "%d", c->loose);
	if (client_exec(c,
		"INSERT INTO fault.control VALUES ($1, $2, txid_current(), $3, $4,"
		" $5, $6)",
		6, values) != 1)
		return -1;
	return 1;
}

/*
 * Prepare, and end it at once or leave it to a later transaction.  Whether it
 * was committed is in the control table and nowhere else.
 */
static int
prepare(struct client *c)
{
	char sql[128];

	snprintf(
	    sql, sizeof(sql), "PREPARE TRANSACTION 'fault_%d_%jd'", c->number, (intmax_t)c->seq);
	remember(&c->unknown, &c->nunknown, c->seq);
	if (command(c, sql) != 0)
		return -1;
	c->pending++;
	if (c->pending > 2 || prng_percent(&c->prng, 50))
		return settle_prepared(c);
	return 0;
}

/* 0, or -1 if it failed and nothing is committed. */
static int
end_transaction(struct client *c, int asynchronous)
{
	int kind = prng_below(&c->prng, 100), written;

	if (kind < 10) {
		if (command(c, "ROLLBACK") != 0)
			return -1;
		c->tally->rolled_back++;
		return 0;
	}
	written = write_control(c);
	if (written < 0)
		return -1;
	if (kind < 16 && written && c->plan->may_prepare && !c->with_origin && !c->exclusive)
		return prepare(c);
	if (command(c, "COMMIT") != 0) {
		if (written && PQstatus(c->conn) != CONNECTION_OK)
			remember(&c->unknown, &c->nunknown, c->seq);
		return -1;
	}
	c->tally->committed += written;
	if (written && !asynchronous)
		remember(&c->durable, &c->ndurable, c->seq);
	return 0;
}

static int
begin(struct client *c, int asynchronous)
{
	c->seq++;
	memset(c->changes, 0, sizeof(c->changes));
	c->messages = c->loose = c->exclusive = 0;
	return command(c, asynchronous ? "BEGIN; SET LOCAL synchronous_commit = off" : "BEGIN");
}

static int
transaction(struct client *c)
{
	struct prng *p = &c->prng;
	int asynchronous = prng_percent(p, 10);
	int n;

	c->is_long = prng_below(p, c->number == 0 ? 10 : 1000) == 0;
	n = c->is_long ? prng_between(p, 5, 25) : prng_percent(p, 50) ? 1 : prng_between(p, 2, 8);

	if (begin(c, asynchronous) != 0)
		return -1;
	if (prng_percent(p, 5)) {
		/* nothing that is published */
		if (ops_noise(c) != 0)
			return -1;
	} else {
		for (int i = 0; i < n; i++) {
			if (ops_random(c) != 0)
				return -1;
			if (c->is_long && c->plan->end != 0)
				client_sleep(prng_below(p, 80));
		}
	}
	return end_transaction(c, asynchronous);
}

/* Sequence numbers of ours that are in the control table, rising; NULL if it can't be asked. */
static PGresult *
committed(struct client *c)
{
	char client[16];
	PGresult *res;

	snprintf(client, sizeof(client), "%d", c->number);
	res = PQexecParams(c->conn, "SELECT seq FROM fault.control WHERE client = $1 ORDER BY seq",
	    1, NULL, (const char *[]){ client }, NULL, NULL, 0);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	PQclear(res);
	return NULL;
}

/* How many of list, which rises, are in res. */
static long
count_in(PGresult *res, const int64_t *list, size_t n)
{
	long found = 0;
	int row = 0;

	for (size_t i = 0; i < n; i++) {
		while (row < PQntuples(res) && atoll(PQgetvalue(res, row, 0)) < list[i])
			row++;
		if (row < PQntuples(res) && atoll(PQgetvalue(res, row, 0)) == list[i])
			found++;
	}
	return found;
}

static void
settle_unknown(struct client *c)
{
	PGresult *res;

	for (;;) {
		if (PQstatus(c->conn) == CONNECTION_OK && settle_prepared(c) == 0 &&
		    (res = committed(c)) != NULL)
			break;
		reconnect(c);
	}
	c->tally->unknown = (long)c->nunknown;
	c->tally->unknown_committed = count_in(res, c->unknown, c->nunknown);
	c->tally->lost = count_in(res, c->durable, c->ndurable) != (long)c->ndurable;
	PQclear(res);
}

/* A million above what an earlier run of the workload used. */
static void
start_sequence(struct client *c)
{
	char client[16], *max;

	snprintf(client, sizeof(client), "%d", c->number);
	while ((max = client_value(c,
		    "SELECT coalesce(max(seq) / 1000000 + 1, 0) * 1000000"
		    " FROM fault.control WHERE client = $1",
		    1, (const char *[]){ client })) == NULL)
		reconnect(c);
	c->seq = atoll(max);
	free(max);
}

int
client_run(struct client *c)
{
	const struct plan *plan = c->plan;

	reconnect(c);
	start_sequence(c);
	for (int i = 0; plan->transactions == 0 || i < plan->transactions; i++) {
		pause_together(c);
		if (plan->end != 0 && client_now() >= plan->end)
			break;
		if (c->pending > 0 && prng_percent(&c->prng, 20) && settle_prepared(c) != 0)
			reconnect(c);
		if (transaction(c) == 0)
			continue;
		c->tally->failed++;
		if (PQstatus(c->conn) != CONNECTION_OK || command(c, "ROLLBACK") != 0)
			reconnect(c);
	}
	settle_unknown(c);
	PQfinish(c->conn);
	free(c->durable);
	free(c->unknown);
	return c->tally->lost ? 1 : 0;
}
