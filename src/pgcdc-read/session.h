/*
 * The two connections of the reader.  One streams (a walsender); the other is
 * an ordinary one, which answers questions and, because the server ends it at
 * once on a fast shutdown while it lets a walsender wait for its client, tells
 * when the server wants us gone.
 */
#ifndef SESSION_H
#define SESSION_H

#include <libpq-fe.h>
#include <stdint.h>

#include "buf.h"
#include "options.h"

struct session {
	const struct options *options; /* the caller's */
	PGconn *stream, *side;
	int server_version; /* as PQserverVersion() */
	char system_identifier[32];
	uint32_t timeline;
	uint64_t server_lsn;        /* flushed by the server when we connected */
	int64_t wal_sender_timeout; /* microseconds, 0: none */
	char warning[512];          /* what the server warned of while streaming; empty: nothing */
	char farewell[256];         /* what the server said before it ended a connection */
};

/* The ordinary connection. 0, or the exit code after reporting. */
int session_open_side(struct session *s, const struct options *o);

/* The streaming one, with the text forms fixed. 0, or the exit code after reporting. */
int session_open_stream(struct session *s);

void session_close(struct session *s);

/*
 * The position at which timeline was left for the server's present one, by
 * TIMELINE_HISTORY; UINT64_MAX when it is not part of the server's history.
 * 0, or the exit code after reporting.
 */
int session_left_timeline(struct session *s, uint32_t timeline, uint64_t *left);

/* START_REPLICATION at 0/0: the server knows where. 0, or the exit code after reporting. */
int session_start(struct session *s);

/*
 * Run a query with text parameters on the ordinary connection.
 * The result, which the caller clears, or NULL after reporting; *err is the exit code.
 */
PGresult *
session_query(struct session *s, int *err, const char *sql, int n, const char *const *values);

/* types_ask() of types.h, with the session as its context. */
int session_ask_type(void *session, uint32_t oid, int32_t modifier, const char *schema,
    const char *type, struct buf *name);

/* Report the error that ended the stream behind lsn, and return the exit code. */
int session_stream_error(struct session *s, PGresult *res, uint64_t lsn);

/* Report s->warning, which came behind lsn, and return the exit code: nothing more is confirmed. */
int session_refuse_warning(struct session *s, uint64_t lsn);

#endif
