/* Questions to a server, waited for, whose failures are reported. */
#ifndef QUERY_H
#define QUERY_H

#include <libpq-fe.h>

/*
 * Report the error in res, or of conn when there is none in it, behind what could not be done, and
 * return the exit code that its SQLSTATE deserves.
 */
int query_report(PGconn *conn, const PGresult *res, const char *what);

/* Run commands that return nothing. 0, or the exit code after reporting. */
int query_run(PGconn *conn, const char *sql, const char *what);

/*
 * Run a query with n parameters, text or NULL.  The rows, which the caller clears, or NULL after
 * reporting; *err is the exit code.
 */
PGresult *query_rows(
    PGconn *conn, int *err, const char *what, const char *sql, int n, const char *const *values);

/* A copy of a value, which the caller frees, NULL for NULL. 0, or -1: no memory. */
int query_text(char **text, const PGresult *res, int row, int column);

#endif
