/*
 * Opening a connection by libpq's rules, and none to a server that could be
 * anybody.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include <libpq-fe.h>
#include <stdint.h>

#include "opt.h"

/* Where to: as psql's options, NULL when libpq's defaults hold. */
struct connect_target {
	const char *program; /* its name, for pg_stat_activity */
	const char *option;  /* what dbname was given with, for messages: "dbname" */
	const char *dbname, *host, *port, *user;
	int insecure;
};

/* Rows of a program's option table; t is a struct connect_target *. */
#define CONNECT_OPTIONS(t)                                                                         \
	{ "dbname", 'd', OPT_STRING, &(t)->dbname, "CONNINFO",                                     \
		"database name, connection string or URI", 0, 0 },                                 \
	    { "host", 'h', OPT_STRING, &(t)->host, "HOST", "server host or socket folder", 0, 0 }, \
	    { "port", 'p', OPT_STRING, &(t)->port, "PORT", "server port", 0, 0 },                  \
	    { "username", 'U', OPT_STRING, &(t)->user, "NAME", "role to connect as", 0, 0 },       \
	{                                                                                          \
		"insecure", 0, OPT_FLAG, &(t)->insecure, NULL,                                     \
		    "allow a remote server whose identity is not verified", 0, 0                   \
	}

/*
 * Refuse a remote server whose identity would not be verified, unless
 * --insecure or an sslmode that was given says that this is meant; then warn.
 * 0, or the exit code after reporting.
 */
int connect_check_identity(const struct connect_target *t);

/*
 * Connect; replication is "database" or NULL.  0 and *conn, which the caller finishes also
 * after a failure, or the exit code after reporting.
 */
int connect_open(PGconn **conn, const struct connect_target *t, const char *replication);

/*
 * Begin to connect, without a wait but for the lookup of a name; PQconnectPoll() goes on with it.
 * NULL: no memory.  Errors are told with their SQLSTATE until PQsetErrorVerbosity() says otherwise.
 */
PGconn *connect_start(const struct connect_target *t);

/* Microseconds that an address may take for its part of that: connect_timeout, or 10 s for none. */
int64_t connect_patience(PGconn *conn);

/* What the failure of such an attempt deserves: an exit code. */
int connect_failure(const PGconn *conn);

#endif
