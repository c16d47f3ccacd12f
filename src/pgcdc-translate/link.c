#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "link.h"
#include "log.h"
#include "loop.h"
#include "sqlstate.h"

/* Microseconds between attempts, doubled each time. */
#define FIRST_PAUSE 250000
#define LONGEST_PAUSE 8000000

/* Microseconds that somebody waits for it before that is mentioned. */
#define PATIENCE 1000000

/* An idle session is no forgotten one; servers before 14 do not know that setting. */
static const char
    settings[] = "SET search_path = '';"
		 "SET client_min_messages = 'warning';"
		 "SET default_transaction_read_only = off;"
		 "SET synchronous_commit = off;"
		 "SET lock_timeout = '100ms';"
		 "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"
		 " WHERE name = 'idle_session_timeout';"
		 "SET statement_timeout = '30s'";

/* Between our questions the server speaks to say why it ends the connection. */
static void
take_notice(void *context, const PGresult *res)
{
	struct link *l = context;

	if (sqlstate_code(PQresultErrorField(res, PG_DIAG_SQLSTATE)) == EXIT_TEMPORARY)
		snprintf(l->farewell, sizeof(l->farewell), "%s", PQresultErrorMessage(res));
	else
		log_warn("%s", PQresultErrorMessage(res));
}

static void
come_up(struct link *l)
{
	l->state = LINK_UP;
	l->events = POLLIN;
	l->deadline = LOOP_NEVER;
	l->since = loop_now();
	l->has_warned = 0;
	l->farewell[0] = '\0';
	PQsetErrorVerbosity(l->conn, PQERRORS_DEFAULT);
	PQsetNoticeReceiver(l->conn, take_notice, l);
}

int
link_open(struct link *l, const struct connect_target *target)
{
	PGresult *res;
	int err;

	*l = (struct link){ .target = target, .pause = FIRST_PAUSE };
	if ((err = connect_check_identity(target)) != 0 ||
	    (err = connect_open(&l->conn, target, NULL)) != 0)
		return err;
	res = PQexec(l->conn, settings);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		err = log_temporary("could not configure the session: %s", PQerrorMessage(l->conn));
	else
		come_up(l);
	PQclear(res);
	return err;
}

static void
pause_before_next(struct link *l)
{
	l->state = LINK_DOWN;
	l->deadline = loop_now() + l->pause;
	if ((l->pause *= 2) > LONGEST_PAUSE)
		l->pause = LONGEST_PAUSE;
}

void
link_lose(struct link *l)
{
	snprintf(l->reason, sizeof(l->reason), "%s",
	    l->farewell[0] != '\0' ? l->farewell : PQerrorMessage(l->conn));
	log_warn("lost the connection to the store: %s", l->reason);
	/* One that does not last is not better than none. */
	if (loop_now() - l->since > LONGEST_PAUSE)
		l->pause = FIRST_PAUSE;
	pause_before_next(l);
}

/* Of an attempt.  A refusal that will stay is for the log; the others are told when one gives up. */
static void
fail(struct link *l, const char *reason)
{
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	l->is_refused = l->conn != NULL && PQstatus(l->conn) == CONNECTION_BAD &&
	                connect_failure(l->conn) == EXIT_PERMANENT;
	if (l->is_refused && !l->has_warned) {
		log_warn("could not connect to the store again: %s", reason);
		l->has_warned = 1;
	}
	pause_before_next(l);
}

static void
begin(struct link *l)
{
	PQfinish(l->conn);
	l->state = LINK_CONNECTING;
	l->events = POLLOUT;
	if ((l->conn = connect_start(l->target)) == NULL)
		fail(l, "out of memory");
	else if (PQstatus(l->conn) == CONNECTION_BAD)
		fail(l, PQerrorMessage(l->conn));
	else
		l->deadline = loop_now() + connect_patience(l->conn);
}

static void
set_up(struct link *l)
{
	l->state = LINK_SETTING;
	l->events = POLLIN;
	if (PQsendQuery(l->conn, settings) != 1)
		fail(l, PQerrorMessage(l->conn));
}

static void
go_on_connecting(struct link *l)
{
	switch (PQconnectPoll(l->conn)) {
	case PGRES_POLLING_READING:
		l->events = POLLIN;
		break;
	case PGRES_POLLING_WRITING:
		l->events = POLLOUT;
		break;
	case PGRES_POLLING_OK:
		set_up(l);
		break;
	default:
		fail(l, PQerrorMessage(l->conn));
	}
}

static void
go_on_setting(struct link *l)
{
	PGresult *res;

	if (PQconsumeInput(l->conn) == 0) {
		fail(l, PQerrorMessage(l->conn));
		return;
	}
	while (l->state == LINK_SETTING && !PQisBusy(l->conn)) {
		if ((res = PQgetResult(l->conn)) == NULL) {
			come_up(l);
			log_info("connected to the store again");
		} else if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
			fail(l, PQresultErrorMessage(res));
		}
		PQclear(res);
	}
}

/*
 * libpq leaves the time that an attempt may take to us.  Where an address does not answer at all,
 * and the socket is shut, it goes on to the next one; else the attempt has failed.
 */
static void
time_out(struct link *l)
{
	if (l->state == LINK_SETTING) {
		fail(l, "timeout expired");
		return;
	}
	shutdown(PQsocket(l->conn), SHUT_RDWR);
	l->deadline = loop_now() + connect_patience(l->conn);
}

void
link_tend(struct link *l, short revents)
{
	if (l->state == LINK_UP) {
		if (PQstatus(l->conn) != CONNECTION_OK ||
		    (revents != 0 && PQconsumeInput(l->conn) == 0))
			link_lose(l);
		else if (revents != 0)
			PQisBusy(l->conn); /* gives take_notice() what has come */
	} else if (l->state == LINK_DOWN) {
		if (loop_now() >= l->deadline)
			begin(l);
	} else if (revents != 0) {
		if (l->state == LINK_CONNECTING)
			go_on_connecting(l);
		else
			go_on_setting(l);
	} else if (loop_now() >= l->deadline) {
		time_out(l);
	}
}

struct pollfd
link_pollfd(const struct link *l)
{
	return (struct pollfd){
		.fd = l->conn == NULL || l->state == LINK_DOWN ? -1 : PQsocket(l->conn),
		.events = l->events,
	};
}

int64_t
link_deadline(const struct link *l)
{
	return l->deadline;
}

int
link_gave_up(const char *reason)
{
	if (loop_ending())
		return log_temporary("the schema log could not be asked before the end");
	return log_temporary("the store gave no answer within --store-timeout: %s", reason);
}

void
link_hurry(struct link *l)
{
	if (l->state != LINK_DOWN)
		return;
	l->pause = FIRST_PAUSE;
	l->deadline = loop_now();
	l->is_refused = 0;
}

int
link_await(struct link *l, int64_t deadline)
{
	int64_t say_so = loop_now() + PATIENCE;

	while (l->state != LINK_UP) {
		struct pollfd p = link_pollfd(l);
		int64_t until = deadline < l->deadline ? deadline : l->deadline;

		if (l->is_refused)
			return log_permanent("could not connect: %s", l->reason);
		if (loop_ending() || loop_now() >= deadline)
			return link_gave_up(l->reason);
		if (loop_now() >= say_so) {
			log_warn("trying to connect to the store again, for up to %lld s: %s",
			    (long long)(deadline - loop_now()) / 1000000 + 1, l->reason);
			say_so = LOOP_NEVER;
		}
		loop_wait(&p, 1, until < say_so ? until : say_so);
		link_tend(l, p.revents);
	}
	return 0;
}

int
link_await_result(struct link *l, int64_t deadline, int64_t grace)
{
	while (PQisBusy(l->conn)) {
		struct pollfd p = link_pollfd(l);

		if (loop_ending() && loop_now() + grace < deadline)
			deadline = loop_now() + grace;
		if (loop_now() >= deadline)
			return -1;
		loop_wait(&p, 1, deadline);
		if (p.revents != 0 && PQconsumeInput(l->conn) == 0)
			return -1;
	}
	return 0;
}

int
link_failure(const struct link *l, const PGresult *res)
{
	const char *sqlstate = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *message = sqlstate != NULL ? PQresultErrorMessage(res)
	                                       : PQerrorMessage(l->conn);
	int is_privilege = sqlstate != NULL && strcmp(sqlstate, "42501") == 0;

	if (sqlstate_code(sqlstate) == EXIT_PERMANENT)
		return log_permanent("could not read the schema log: %s%s", message,
		    is_privilege ? "; \"pgcdc init --role\" grants what a reader needs" : "");
	return log_temporary("could not read the schema log: %s", message);
}

void
link_close(struct link *l)
{
	PQfinish(l->conn);
	l->conn = NULL;
}
