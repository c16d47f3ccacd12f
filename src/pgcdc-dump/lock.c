#include <errno.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "loop.h"
#include "query.h"

/* Microseconds of waiting after which that is told, and told again. */
#define NEWS_PAUSE (INT64_C(5) * 1000000)

void
lock_cancel(PGconn *conn)
{
	PGcancel *cancel = PQgetCancel(conn);
	char error[256];

	if (cancel == NULL)
		return;
	PQcancel(cancel, error, sizeof(error));
	PQfreeCancel(cancel);
}

int
lock_wait(PGconn *conn, const char *what)
{
	struct pollfd fd = { .fd = PQsocket(conn), .events = POLLIN };
	int64_t news = loop_now() + NEWS_PAUSE;

	while (PQisBusy(conn)) {
		if (loop_wait(&fd, 1, news) < 0)
			return log_temporary("could not wait: %s", strerror(errno));
		if (loop_ending()) {
			lock_cancel(conn);
			return log_temporary("the end came before there was a snapshot");
		}
		if (loop_now() >= news) {
			log_info("waiting for %s; somebody holds a lock, perhaps", what);
			news = loop_now() + NEWS_PAUSE;
		}
		/* Why it failed is in the result. */
		if (PQconsumeInput(conn) == 0)
			return 0;
	}
	return 0;
}

PGresult *
lock_query(
    PGconn *conn, int *err, const char *what, const char *sql, int n, const char *const *values)
{
	PGresult *res, *next;

	*err = PQsendQueryParams(conn, sql, n, NULL, values, NULL, NULL, 0) == 0
	           ? query_report(conn, NULL, "could not ask the server")
	           : lock_wait(conn, what);
	if (*err != 0)
		return NULL;
	res = PQgetResult(conn);
	while ((next = PQgetResult(conn)) != NULL)
		PQclear(next);
	return res;
}
