/*
 * The connection to the store, which is made again when it is lost: beside the stream, as only
 * link_open() and link_await...() wait.
 */
#ifndef LINK_H
#define LINK_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>

#include "connect.h"

enum link_state {
	LINK_DOWN,       /* until the next attempt */
	LINK_CONNECTING, /* an attempt */
	LINK_SETTING,    /* which has succeeded: the session gets its settings */
	LINK_UP,
};

struct link {
	const struct connect_target *target; /* the caller's */
	enum link_state state;
	PGconn *conn;       /* may be used while the state is LINK_UP */
	short events;       /* that the state waits for */
	int64_t deadline;   /* of the state, as loop_now() */
	int64_t pause;      /* microseconds before the next attempt */
	int64_t since;      /* when it came up */
	int is_refused;     /* the last attempt met what will stay so */
	int has_warned;     /* of that, since it came up */
	char farewell[512]; /* why the server ends the connection, in its words */
	char reason[512];   /* why there is none */
};

/* Connect and wait for that.  0, or the exit code after reporting. */
int link_open(struct link *l, const struct connect_target *target);

static inline int
link_is_up(const struct link *l)
{
	return l->state == LINK_UP;
}

/* What to wait for, and until when. */
struct pollfd link_pollfd(const struct link *l);
int64_t link_deadline(const struct link *l);

/*
 * Read what has come, and do the next step towards a connection where there is none; revents
 * is what the descriptor is ready for.
 */
void link_tend(struct link *l, short revents);

/* libpq has said that the connection is broken: begin to make another. */
void link_lose(struct link *l);

/* Somebody waits for it: the next attempt begins now. */
void link_hurry(struct link *l);

/* Wait until it is up, at most until the deadline.  0, or the exit code after reporting. */
int link_await(struct link *l, int64_t deadline);

/*
 * Wait for a result, at most until the deadline, and no longer than grace microseconds once the
 * program is to end.  0, or -1 when that has passed or the connection is lost.
 */
int link_await_result(struct link *l, int64_t deadline, int64_t grace);

/* Report that the deadline has passed, or the end has come before it: the exit code. */
int link_gave_up(const char *reason);

/* Report the failure of a query, or of the connection when there is no result: the exit code. */
int link_failure(const struct link *l, const PGresult *res);

void link_close(struct link *l);

#endif
