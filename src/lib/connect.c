#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "connect.h"
#include "host.h"
#include "log.h"
#include "loop.h"
#include "sqlstate.h"

/* Seconds that a host has to answer, unless the user says otherwise. */
#define CONNECT_TIMEOUT "10"
/* Milliseconds after which a peer that acknowledges nothing is taken for dead. */
#define TCP_USER_TIMEOUT "60000"

#define MAX_SETTINGS 12

struct settings {
	const char *keywords[MAX_SETTINGS + 1];
	const char *values[MAX_SETTINGS + 1];
	size_t n;
};

static void
add(struct settings *s, const char *keyword, const char *value)
{
	s->keywords[s->n] = keyword;
	s->values[s->n++] = value;
}

/* libpq takes the last value of a keyword, so ours stand before or after the user's. */
static void
collect(struct settings *s, const struct connect_target *t, const char *replication)
{
	*s = (struct settings){ .n = 0 };
	if (getenv("PGCONNECT_TIMEOUT") == NULL)
		add(s, "connect_timeout", CONNECT_TIMEOUT);
	add(s, "tcp_user_timeout", TCP_USER_TIMEOUT);
	add(s, "dbname", t->dbname);
	add(s, "host", t->host);
	add(s, "port", t->port);
	add(s, "user", t->user);
	add(s, "replication", replication);
	add(s, "client_encoding", "UTF8");
	add(s, "fallback_application_name", t->program);
}

static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0 && options->val != NULL &&
		    *options->val != '\0')
			return options->val;
	return NULL;
}

/* All hosts of a list as libpq takes it. */
static int
are_local(const char *hosts)
{
	char *list, *rest, *host;
	int local = 1;

	if (hosts == NULL)
		return 1;
	rest = list = strdup(hosts);
	while (local && (host = strsep(&rest, ",")) != NULL)
		local = host_is_local(host);
	free(list);
	return local && list != NULL;
}

static int
judge_identity(const struct connect_target *t, const char *host, const char *sslmode, int explicit)
{
	if (are_local(host))
		return 0;
	if (sslmode != NULL && strncmp(sslmode, "verify-", 7) == 0)
		return 0;
	if (!explicit && !t->insecure)
		return log_permanent(
		    "the identity of server \"%s\" would not be verified; "
		    "set sslmode=verify-full (and sslrootcert), or allow it with --insecure",
		    host);
	log_warn("the identity of server \"%s\" is not verified; set sslmode=verify-full", host);
	return 0;
}

static int
is_conninfo(const char *dbname)
{
	return dbname != NULL && (strchr(dbname, '=') != NULL || strstr(dbname, "://") != NULL);
}

/* libpq's message repeats parts of the string, so it is kept back with a password. */
static int
invalid_conninfo(const struct connect_target *t, char *message)
{
	int secret = strstr(t->dbname, "password") != NULL || strchr(t->dbname, '@') != NULL;
	int err;

	err = log_permanent("invalid connection string for option \"--%s\": %s", t->option,
	    message == NULL ? "out of memory"
	    : secret
		? "see \"Connection Strings\" in the documentation of libpq (details could show "
		  "its password)"
		: message);
	PQfreemem(message);
	return err;
}

int
connect_check_identity(const struct connect_target *t)
{
	PQconninfoOption *given = NULL, *defaults;
	const char *host, *sslmode;
	char *message = NULL;
	int explicit, err;

	if (is_conninfo(t->dbname) && (given = PQconninfoParse(t->dbname, &message)) == NULL)
		return invalid_conninfo(t, message);
	/* PQconndefaults() reads the service file for PGSERVICE only. */
	if (value_of(given, "service") != NULL)
		setenv("PGSERVICE", value_of(given, "service"), 1);
	defaults = PQconndefaults();
	/* An address, wherever it was given, goes before any name. */
	if ((host = value_of(given, "hostaddr")) == NULL &&
	    (host = value_of(defaults, "hostaddr")) == NULL && (host = t->host) == NULL &&
	    (host = value_of(given, "host")) == NULL)
		host = value_of(defaults, "host");
	sslmode = value_of(given, "sslmode");
	explicit = sslmode != NULL || getenv("PGSSLMODE") != NULL;
	if (sslmode == NULL) {
		sslmode = value_of(defaults, "sslmode");
		explicit |= sslmode != NULL && strcmp(sslmode, "prefer") != 0;
	}
	err = judge_identity(t, host, sslmode, explicit);
	PQconninfoFree(given);
	PQconninfoFree(defaults);
	return err;
}

/*
 * The SQLSTATE in libpq's message of a refusal, if it was told to write that there:
 * "... FATAL:  28P01", and the rest behind a colon.  Of several hosts the last one counts.  NULL
 * when the server says nothing.
 */
static const char *
sqlstate_in(const char *message, char sqlstate[6])
{
	static const char prefix[] = "connection to server";
	const char *next = message;

	while ((next = strstr(next, prefix)) != NULL) {
		message = next;
		next += strlen(prefix);
	}
	while ((message = strstr(message, ":  ")) != NULL) {
		message += strlen(":  ");
		if (strspn(message, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
		    (message[5] == ':' || message[5] == '\n')) {
			memcpy(sqlstate, message, 5);
			sqlstate[5] = '\0';
			return sqlstate;
		}
	}
	return NULL;
}

/*
 * Why was a connection refused?  libpq tells the SQLSTATE of that only in the
 * text of a message of chosen verbosity, which can be chosen only for an asynchronous
 * attempt: so try once more, and look.
 */
static const char *
sqlstate_of_refusal(const struct settings *s, char sqlstate[6])
{
	int64_t deadline = loop_now() + 5000000;
	PGconn *conn = PQconnectStartParams(s->keywords, s->values, 1);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	const char *found = NULL;

	PQsetErrorVerbosity(conn, PQERRORS_SQLSTATE);
	while (status == PGRES_POLLING_WRITING || status == PGRES_POLLING_READING) {
		struct pollfd p = { .fd = PQsocket(conn),
			.events = status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN };
		int64_t left = deadline - loop_now();

		if (p.fd < 0 || left <= 0 || poll(&p, 1, (int)(left / 1000)) <= 0)
			break;
		status = PQconnectPoll(conn);
	}
	if (status == PGRES_POLLING_FAILED)
		found = sqlstate_in(PQerrorMessage(conn), sqlstate);
	PQfinish(conn);
	return found;
}

/*
 * Without an SQLSTATE the failure is libpq's own, in English because we set no locale.
 * What it says of settings, of certificates and of a password that it lacks, stays
 * so however often one tries.
 */
static int
is_hopeless(const PGconn *conn)
{
	static const char *const network[] = {
		"connection to server",
		"could not translate host name",
		"could not connect",
		"out of memory",
	};
	const char *message = PQerrorMessage(conn);

	if (PQconnectionNeedsPassword(conn) || strstr(message, "certificate") != NULL ||
	    strstr(message, "does not support SSL") != NULL)
		return 1;
	for (size_t i = 0; i < sizeof(network) / sizeof(network[0]); i++)
		if (strncmp(message, network[i], strlen(network[i])) == 0)
			return 0;
	return 1;
}

/* A warning of the server outside of the stream is passed on. */
static void
pass_notice(void *unused, const PGresult *res)
{
	(void)unused;
	log_warn("%s", PQresultErrorMessage(res));
}

int
connect_open(PGconn **conn, const struct connect_target *t, const char *replication)
{
	struct settings s;
	char sqlstate[6];
	int code = EXIT_PERMANENT;

	collect(&s, t, replication);
	*conn = PQconnectdbParams(s.keywords, s.values, 1);
	if (*conn == NULL)
		return log_temporary("out of memory while connecting");
	if (PQstatus(*conn) == CONNECTION_OK) {
		PQsetNoticeReceiver(*conn, pass_notice, NULL);
		return 0;
	}
	if (!is_hopeless(*conn))
		code = sqlstate_code(sqlstate_of_refusal(&s, sqlstate));
	if (code == EXIT_PERMANENT)
		return log_permanent("could not connect: %s", PQerrorMessage(*conn));
	return log_temporary("could not connect: %s", PQerrorMessage(*conn));
}

PGconn *
connect_start(const struct connect_target *t)
{
	struct settings s;
	PGconn *conn;

	collect(&s, t, NULL);
	conn = PQconnectStartParams(s.keywords, s.values, 1);
	if (conn != NULL)
		PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	return conn;
}

int64_t
connect_patience(PGconn *conn)
{
	PQconninfoOption *options = PQconninfo(conn);
	const char *timeout = value_of(options, "connect_timeout");
	int64_t seconds = timeout != NULL ? strtol(timeout, NULL, 10) : 0;

	PQconninfoFree(options);
	return (seconds > 0 ? seconds : strtol(CONNECT_TIMEOUT, NULL, 10)) * 1000000;
}

int
connect_failure(const PGconn *conn)
{
	char sqlstate[6];

	if (is_hopeless(conn))
		return EXIT_PERMANENT;
	return sqlstate_code(sqlstate_in(PQerrorMessage(conn), sqlstate));
}
