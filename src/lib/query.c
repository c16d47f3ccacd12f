#include <string.h>

#include "log.h"
#include "query.h"
#include "sqlstate.h"

int
query_report(PGconn *conn, const PGresult *res, const char *what)
{
	const char *message = res != NULL ? PQresultErrorMessage(res) : NULL;

	if (message == NULL || *message == '\0')
		message = PQerrorMessage(conn);
	if (sqlstate_code(PQresultErrorField(res, PG_DIAG_SQLSTATE)) == EXIT_PERMANENT)
		return log_permanent("%s: %s", what, message);
	return log_temporary("%s: %s", what, message);
}

int
query_run(PGconn *conn, const char *sql, const char *what)
{
	PGresult *res = PQexec(conn, sql);
	int err = 0;

	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		err = query_report(conn, res, what);
	PQclear(res);
	return err;
}

PGresult *
query_rows(
    PGconn *conn, int *err, const char *what, const char *sql, int n, const char *const *values)
{
	PGresult *res = PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0);

	*err = 0;
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	*err = query_report(conn, res, what);
	PQclear(res);
	return NULL;
}

int
query_text(char **text, const PGresult *res, int row, int column)
{
	*text = NULL;
	if (PQgetisnull(res, row, column))
		return 0;
	return (*text = strdup(PQgetvalue(res, row, column))) != NULL ? 0 : -1;
}
