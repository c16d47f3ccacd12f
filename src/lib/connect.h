/*
 * Opening a connection by libpq's rules, and none to a server that could be
 * anybody.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include <libpq-fe.h>

/* Where to: as psql's options, NULL when libpq's defaults hold. */
struct connect_target {
	const char *program; /* its name, for pg_stat_activity */
	const char *option;  /* what dbname was given with, for messages: "dbname" */
	const char *dbname, *host, *port, *user;
	int insecure;
};

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

#endif
