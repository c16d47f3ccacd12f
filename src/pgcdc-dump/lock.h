/* Answers that come only when somebody lets a lock go. */
#ifndef LOCK_H
#define LOCK_H

#include <libpq-fe.h>

/*
 * Wait until what was sent to the server is answered, so that PQgetResult() does not block.  What is
 * waited for is told now and then.  0, or the exit code after reporting: the end was asked for, and the
 * query is cancelled.
 */
int lock_wait(PGconn *conn, const char *what);

/*
 * Like PQexecParams() with n parameters, all text, and waits so.  The result, which the caller clears,
 * an error's, too; NULL: *err is the exit code, after reporting.
 */
PGresult *lock_query(
    PGconn *conn, int *err, const char *what, const char *sql, int n, const char *const *values);

/* Let the server give up the query that it has in hand. */
void lock_cancel(PGconn *conn);

#endif
