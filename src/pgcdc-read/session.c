#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect.h"
#include "log.h"
#include "lsn.h"
#include "query.h"
#include "session.h"
#include "sqlstate.h"
#include "value.h"

static const char stream_settings[] = VALUE_SETTINGS "SET quote_all_identifiers = off;"
						     "SET client_min_messages = 'warning';"
						     "SET statement_timeout = 0;"
						     "SET lock_timeout = 0";

static const char side_settings[] = "SET search_path = '';"
				    "SET quote_all_identifiers = off;"
				    "SET client_min_messages = 'warning';"
				    "SET statement_timeout = '10s'";

static int
is_state(const PGresult *res, const char *sqlstate)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL && strcmp(state, sqlstate) == 0;
}

PGresult *
session_query(struct session *s, int *err, const char *sql, int n, const char *const *values)
{
	return query_rows(s->side, err, "could not ask the server", sql, n, values);
}

/*
 * Between our questions the server speaks only to say why it ends the connection, which
 * is kept for the error that follows.
 */
static void
side_notice(void *context, const PGresult *res)
{
	struct session *s = context;

	if (sqlstate_code(PQresultErrorField(res, PG_DIAG_SQLSTATE)) == EXIT_TEMPORARY)
		snprintf(s->farewell, sizeof(s->farewell), "%s", PQresultErrorMessage(res));
	else
		log_warn("%s", PQresultErrorMessage(res));
}

int
session_open_side(struct session *s, const struct options *o)
{
	int err;

	*s = (struct session){ .options = o };
	if ((err = connect_check_identity(&o->server)) != 0 ||
	    (err = connect_open(&s->side, &o->server, NULL)) != 0 ||
	    (err = query_run(s->side, side_settings, "could not configure the session")) != 0)
		return err;
	PQsetNoticeReceiver(s->side, side_notice, s);
	s->server_version = PQserverVersion(s->side);
	if (s->server_version < 130000)
		return log_permanent(
		    "server version %d is too old; 13 is the oldest that is supported",
		    s->server_version / 10000);
	if (s->server_version >= 140000)
		return query_run(
		    s->side, "SET idle_session_timeout = 0", "could not configure the session");
	return 0;
}

/* A setting of the walsender's own session, as its role may have another value. */
static int
read_wal_sender_timeout(struct session *s)
{
	PGresult *res = PQexec(s->stream,
	    "SELECT setting::bigint * 1000 FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'");
	int err = 0;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
		s->wal_sender_timeout = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	else
		err = query_report(s->stream, res, "could not read wal_sender_timeout");
	PQclear(res);
	return err;
}

static int
identify_system(struct session *s)
{
	PGresult *res = PQexec(s->stream, "IDENTIFY_SYSTEM");
	int err = 0;

	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1) {
		err = query_report(s->stream, res, "could not identify the server");
	} else {
		const char *position = PQgetvalue(res, 0, 2);

		snprintf(s->system_identifier, sizeof(s->system_identifier), "%s",
		    PQgetvalue(res, 0, 0));
		s->timeline = (uint32_t)strtoul(PQgetvalue(res, 0, 1), NULL, 10);
		if (lsn_parse(&s->server_lsn, position, strlen(position)) != 0)
			err = log_permanent(
			    "the server is at \"%s\", which is not an LSN", position);
	}
	PQclear(res);
	return err;
}

int
session_open_stream(struct session *s)
{
	int err;

	if ((err = connect_open(&s->stream, &s->options->server, "database")) != 0 ||
	    (err = query_run(s->stream, stream_settings, "could not configure the session")) != 0 ||
	    (err = read_wal_sender_timeout(s)) != 0)
		return err;
	return identify_system(s);
}

void
session_close(struct session *s)
{
	PQfinish(s->stream);
	PQfinish(s->side);
	s->stream = s->side = NULL;
}

/* "1\t0/3000000\tno recovery target specified\n" for each timeline that was left. */
static uint64_t
find_switch(const char *history, uint32_t timeline)
{
	uint64_t left = UINT64_MAX;

	for (const char *line = history; line != NULL && *line != '\0';) {
		char position[LSN_SIZE];
		uint32_t id;

		if (sscanf(line, "%" SCNu32 " %17s", &id, position) == 2 && id == timeline &&
		    lsn_parse(&left, position, strlen(position)) != 0)
			left = UINT64_MAX;
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return left;
}

int
session_left_timeline(struct session *s, uint32_t timeline, uint64_t *left)
{
	char command[64];
	PGresult *res;
	int err = 0;

	snprintf(command, sizeof(command), "TIMELINE_HISTORY %" PRIu32, s->timeline);
	res = PQexec(s->stream, command);
	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1)
		err = query_report(s->stream, res, "could not read the server's timeline history");
	else
		*left = find_switch(PQgetvalue(res, 0, 1), timeline);
	PQclear(res);
	return err;
}

/*
 * The stream's name of a type is the one it had when the row was written, the catalog's is
 * that of now: of the latter only the modifier's text is taken, and that it is an array,
 * whose own name is the element's behind an underscore.  A domain comes under the name of
 * its base type, and one of pg_catalog without a schema: the catalog must do.
 */
int
session_ask_type(void *context, uint32_t oid, int32_t modifier, const char *schema,
    const char *type, struct buf *name)
{
	static const char sql[] =
	    "SELECT CASE WHEN t.typtype = 'd' OR $3::text = '' OR $4::text IS NULL"
	    " OR e.oid IS NOT NULL AND t.typname = $4 AND n.nspname = $3"
	    " THEN pg_catalog.format_type(t.oid, $2)"
	    " ELSE pg_catalog.quote_ident($3) || '.'"
	    " || pg_catalog.quote_ident(CASE WHEN e.oid IS NULL THEN $4 ELSE pg_catalog.substr($4, 2) END)"
	    " || pg_catalog.substr(pg_catalog.format_type(t.oid, $2),"
	    " pg_catalog.length(pg_catalog.format_type(coalesce(e.oid, t.oid), NULL)) + 1) END"
	    " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
	    " LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid WHERE t.oid = $1";
	struct session *s = context;
	char oid_text[16], modifier_text[16];
	const char *values[] = { oid_text, modifier_text, schema, type };
	PGresult *res;
	int err;

	snprintf(oid_text, sizeof(oid_text), "%" PRIu32, oid);
	snprintf(modifier_text, sizeof(modifier_text), "%" PRId32, modifier);
	res = session_query(s, &err, sql, 4, values);
	if (res == NULL)
		return err;
	if (PQntuples(res) == 1)
		buf_str(name, PQgetvalue(res, 0, 0));
	PQclear(res);
	return 0;
}

/*
 * While streaming, a warning of the server means that it leaves something out
 * (a publication that is gone, a table without a replica identity), so it is an
 * error to us; those of class 57 announce that the server ends the connection.
 */
static void
stream_notice(void *context, const PGresult *res)
{
	struct session *s = context;
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (sqlstate_code(sqlstate) == EXIT_TEMPORARY) {
		log_warn("%s", PQresultErrorMessage(res));
		return;
	}
	snprintf(s->warning, sizeof(s->warning), "%s", PQresultErrorMessage(res));
}

static void
add_escaped(struct buf *command, char *escaped)
{
	if (escaped == NULL) {
		command->failed = 1;
		return;
	}
	buf_str(command, escaped);
	PQfreemem(escaped);
}

/* The names as one list of quoted identifiers, which itself is a quoted string. */
static void
add_publications(struct session *s, struct buf *command)
{
	const struct opt_list *names = &s->options->publications;
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < names->n; i++) {
		if (i > 0)
			buf_str(&list, ",");
		add_escaped(
		    &list, PQescapeIdentifier(s->stream, names->item[i], strlen(names->item[i])));
	}
	command->failed |= list.failed;
	if (!command->failed)
		add_escaped(command, PQescapeLiteral(s->stream, list.data, list.len));
	buf_free(&list);
}

/* The newest protocol that this server's pgoutput speaks (PostgreSQL, pgoutput.h). */
static int
protocol_version(int server_version)
{
	return server_version >= 160000   ? 4
	       : server_version >= 150000 ? 3
	       : server_version >= 140000 ? 2
	                                  : 1;
}

static int
start_error(struct session *s, const PGresult *res)
{
	const char *message = PQresultErrorMessage(res);

	if (is_state(res, "42501") && strstr(message, "output plugin") != NULL)
		return log_permanent("the server refuses the output plugin of slot \"%s\": %s; "
				     "add pgoutput to output_plugin_libraries and reload",
		    s->options->slot, message);
	if (is_state(res, "55006"))
		return log_temporary(
		    "slot \"%s\" is in use: %s; stop the other reader or use a slot "
		    "of your own",
		    s->options->slot, message);
	return query_report(s->stream, res, "could not start replication");
}

int
session_start(struct session *s)
{
	struct buf command = BUF_INIT;
	PGresult *res;
	int err = 0;

	buf_str(&command, "START_REPLICATION SLOT ");
	add_escaped(
	    &command, PQescapeIdentifier(s->stream, s->options->slot, strlen(s->options->slot)));
	buf_str(&command, " LOGICAL 0/0 (proto_version '");
	buf_uint(&command, (uint64_t)protocol_version(s->server_version));
	buf_str(&command, "', publication_names ");
	add_publications(s, &command);
	if (s->server_version >= 140000)
		buf_str(&command, ", messages 'on'");
	buf_add(&command, ")", 2);
	if (command.failed) {
		buf_free(&command);
		return log_temporary("out of memory while starting replication");
	}
	log_debug("%s", command.data);
	PQsetNoticeReceiver(s->stream, stream_notice, s);
	res = PQexec(s->stream, command.data);
	if (PQresultStatus(res) != PGRES_COPY_BOTH)
		err = start_error(s, res);
	PQclear(res);
	buf_free(&command);
	if (err == 0 && PQsetnonblocking(s->stream, 1) != 0)
		err = log_temporary(
		    "could not make the connection non-blocking: %s", PQerrorMessage(s->stream));
	return err;
}

int
session_stream_error(struct session *s, PGresult *res, uint64_t lsn)
{
	const char *slot = s->options->slot, *at = lsn_text(lsn);
	const char *message = PQresultErrorMessage(res);

	if (*message == '\0')
		message = PQerrorMessage(s->stream);
	if (is_state(res, "42704"))
		return log_permanent(
		    "the stream of slot \"%s\" stopped behind %s: %s; the publication "
		    "did not exist at that point of the WAL: make the slot anew after the publication "
		    "(changes between are lost), or advance it with pg_replication_slot_advance()",
		    slot, at, message);
	if (is_state(res, "22021") || is_state(res, "22P05"))
		return log_permanent(
		    "the stream of slot \"%s\" stopped behind %s: %s; the database holds "
		    "text that cannot become UTF-8, as SQL_ASCII allows: correct the value, and advance "
		    "the slot beyond it with pg_replication_slot_advance()",
		    slot, at, message);
	if (is_state(res, "42501") && strstr(message, "output plugin") != NULL)
		return start_error(s, res);
	if (sqlstate_code(PQresultErrorField(res, PG_DIAG_SQLSTATE)) == EXIT_PERMANENT)
		return log_permanent(
		    "the stream of slot \"%s\" stopped behind %s: %s", slot, at, message);
	return log_temporary("the stream of slot \"%s\" stopped behind %s: %s", slot, at, message);
}

int
session_refuse_warning(struct session *s, uint64_t lsn)
{
	return log_permanent(
	    "the server left something out of the stream of slot \"%s\" behind %s: %s; "
	    "if the publication did not exist at that point of the WAL, make the slot anew "
	    "after the publication (changes between are lost), or advance it with "
	    "pg_replication_slot_advance()",
	    s->options->slot, lsn_text(lsn), s->warning);
}
