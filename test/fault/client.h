/*
 * One client of the workload: a connection that comes back, and transactions
 * that know what they did.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "prng.h"
#include "tables.h"

/* What a client is told. */
struct plan {
	uint64_t seed;
	int clients;
	int64_t end;      /* monotonic milliseconds; 0: no time limit */
	int transactions; /* of each client; 0: no limit */
	int may_prepare;  /* max_prepared_transactions is not 0 */
};

/* What it tells, in memory shared with the parent. */
struct tally {
	long committed, rolled_back, failed, unknown, unknown_committed, reconnects;
	int lost; /* commits that were reported and are not there */
};

struct changes {
	int inserted, updated, deleted, truncated;
};

struct client {
	const struct plan *plan;
	struct tally *tally;
	int number;
	struct prng prng;
	PGconn *conn;
	int with_origin;                /* the session has the replication origin */
	int64_t seq;                    /* of the transaction in hand */
	struct changes changes[TABLES]; /* of the transaction in hand */
	int messages, loose;            /* of the transaction in hand */
	int is_long;                    /* it stays open over many others */
	int exclusive;                  /* it has a table for itself */
	int pending;                    /* prepared transactions of ours that wait for their end */
	int64_t *durable, *unknown;     /* sequence numbers */
	size_t ndurable, nunknown;
};

int64_t client_now(void); /* monotonic milliseconds */
void client_sleep(int milliseconds);

/* Run until the plan ends, then settle what is unknown. Exit code. */
int client_run(struct client *c);

/*
 * Run one statement with text parameters. The number of rows it affected or
 * returned, or -1: the transaction, or the connection, is broken.
 */
long client_exec(struct client *c, const char *sql, int n, const char *const *values);

/* The first value of a query's first row, which the caller frees, "" for none, or NULL. */
char *client_value(struct client *c, const char *sql, int n, const char *const *values);

#endif
