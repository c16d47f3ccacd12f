/*
 * Opening a connection by libpq's rules, and none to a server that could be
 * anybody.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include <libpq-fe.h>

#include "options.h"

/*
 * Refuse a remote server whose identity would not be verified, unless
 * --insecure or an sslmode that was given says that this is meant; then warn.
 * 0, or the exit code after reporting.
 */
int connect_check_identity(const struct options *o);

/*
 * Connect; replication is "database" or NULL.  0 and *conn, or the exit code after
 * reporting.
 */
int connect_open(PGconn **conn, const struct options *o, const char *replication);

#endif
