#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "lsn.h"
#include "slot.h"
#include "unmatched.h"

/* A managed service may give the right by membership in a role of its own. */
static const char server_query
    [] = "SELECT pg_catalog.current_setting('wal_level'),"
	 " r.rolreplication OR r.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles g"
	 " WHERE g.rolname = 'rds_replication' AND pg_catalog.pg_has_role(g.oid, 'member')),"
	 " r.rolname FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

static int
check_server(struct session *s)
{
	PGresult *res;
	int err;

	res = session_query(s, &err, server_query, 0, NULL);
	if (res == NULL)
		return err;
	if (strcmp(PQgetvalue(res, 0, 0), "logical") != 0)
		err = log_permanent(
		    "wal_level is \"%s\"; set wal_level = logical and restart the server",
		    PQgetvalue(res, 0, 0));
	else if (*PQgetvalue(res, 0, 1) != 't')
		err = log_permanent("role \"%s\" may not replicate; ALTER ROLE ... REPLICATION, "
				    "or connect as another",
		    PQgetvalue(res, 0, 2));
	PQclear(res);
	return err;
}

enum slot_column {
	SLOT_TYPE,
	SLOT_PLUGIN,
	SLOT_DATABASE,
	SLOT_OUR_DATABASE,
	SLOT_ACTIVE_PID,
	SLOT_CONFIRMED,
	SLOT_WAL_STATUS,
	SLOT_REASON,
	SLOT_TWO_PHASE,
	SLOT_CURRENT,
};

/* Columns that only some versions have are taken from the row as JSON. */
static const char slot_query
    [] = "SELECT s.slot_type, s.plugin, s.database, pg_catalog.current_database(), s.active_pid,"
	 " s.confirmed_flush_lsn, s.wal_status,"
	 " coalesce(to_jsonb(s)->>'invalidation_reason', 'WAL removed or rows removed'),"
	 " to_jsonb(s)->>'two_phase',"
	 " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
	 " ELSE pg_catalog.pg_current_wal_lsn() END"
	 " FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1";

static int
judge_slot(const char *name, const PGresult *res, uint64_t *confirmed)
{
	const char *value[SLOT_CURRENT + 1];

	for (int i = 0; i <= SLOT_CURRENT; i++)
		value[i] = PQgetvalue(res, 0, i);
	if (strcmp(value[SLOT_TYPE], "logical") != 0)
		return log_permanent(
		    "slot \"%s\" is a %s slot; make a logical one with \"pgcdc init\"", name,
		    value[SLOT_TYPE]);
	if (strcmp(value[SLOT_PLUGIN], "pgoutput") != 0)
		return log_permanent("slot \"%s\" is of plugin \"%s\"; make one of pgoutput with "
				     "\"pgcdc init\"",
		    name, value[SLOT_PLUGIN]);
	if (strcmp(value[SLOT_DATABASE], value[SLOT_OUR_DATABASE]) != 0)
		return log_permanent(
		    "slot \"%s\" is in database \"%s\", not in \"%s\"; connect to that one", name,
		    value[SLOT_DATABASE], value[SLOT_OUR_DATABASE]);
	if (strcmp(value[SLOT_WAL_STATUS], "lost") == 0)
		return log_permanent(
		    "slot \"%s\" is invalidated (%s): the changes between %s and %s cannot "
		    "be read any more; drop it, make it anew and dump the tables",
		    name, value[SLOT_REASON], value[SLOT_CONFIRMED], value[SLOT_CURRENT]);
	if (strcmp(value[SLOT_TWO_PHASE], "true") == 0)
		return log_permanent("slot \"%s\" was made with two_phase, which is not supported; "
				     "make it anew without",
		    name);
	if (*value[SLOT_ACTIVE_PID] != '\0')
		return log_temporary(
		    "slot \"%s\" is in use by PID %s; stop that reader or use a slot of "
		    "your own",
		    name, value[SLOT_ACTIVE_PID]);
	if (lsn_parse(confirmed, value[SLOT_CONFIRMED], strlen(value[SLOT_CONFIRMED])) != 0)
		return log_temporary(
		    "slot \"%s\" is not ready yet; wait until it is created", name);
	return 0;
}

static int
check_slot(struct session *s, uint64_t *confirmed)
{
	const char *name = s->options->slot;
	PGresult *res;
	int err;

	res = session_query(s, &err, slot_query, 1, &name);
	if (res == NULL)
		return err;
	if (PQntuples(res) == 0)
		err = log_permanent(
		    "slot \"%s\" does not exist; make it with \"pgcdc init\" (what was "
		    "changed since an older slot of this name was dropped is lost)",
		    name);
	else
		err = judge_slot(name, res, confirmed);
	PQclear(res);
	return err;
}

/*
 * Tables, and from 15 on schemas, that a publication names; all tables counts as some, and
 * the schema log does not.
 */
#define PUBLICATION_QUERY(or_schemas)                                                          \
	"SELECT puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r"           \
	" JOIN pg_catalog.pg_class c ON c.oid = r.prrelid WHERE r.prpubid = p.oid"             \
	" AND c.relnamespace IS DISTINCT FROM pg_catalog.to_regnamespace('pgcdc'))" or_schemas \
	" FROM pg_catalog.pg_publication p WHERE p.pubname = $1"
#define OR_SCHEMAS \
	" OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n WHERE n.pnpubid = p.oid)"

static int
check_publications(struct session *s)
{
	const struct opt_list *names = &s->options->publications;
	int some = 0, err = 0;

	for (size_t i = 0; i < names->n && err == 0; i++) {
		const char *name = names->item[i];
		PGresult *res = session_query(s, &err,
		    s->server_version >= 150000 ? PUBLICATION_QUERY(OR_SCHEMAS)
						: PUBLICATION_QUERY(""),
		    1, &name);

		if (res == NULL)
			return err;
		if (PQntuples(res) == 0)
			err = log_permanent(
			    "publication \"%s\" does not exist; make it with \"pgcdc init\" "
			    "before the slot",
			    name);
		else if (*PQgetvalue(res, 0, 0) == 't')
			some = 1;
		else
			log_warn(
			    "publication \"%s\" is empty; add tables to it with \"pgcdc init\"",
			    name);
		PQclear(res);
	}
	if (err == 0 && !some)
		return log_permanent("nothing is published: publication \"%s\" has no tables; "
				     "add some with \"pgcdc init --tables\" or ALTER PUBLICATION",
		    names->item[0]);
	return err;
}

/* A query whose $1 is the array of publications. As session_query(). */
static PGresult *
publications_query(struct session *s, int *err, const char *sql)
{
	struct buf names = BUF_INIT;
	PGresult *res = NULL;
	const char *value;

	for (size_t i = 0; i < s->options->publications.n; i++) {
		buf_str(&names, i > 0 ? "\n" : "");
		buf_str(&names, s->options->publications.item[i]);
	}
	buf_add(&names, "", 1);
	value = names.data;
	if (names.failed)
		*err = log_temporary("out of memory");
	else
		res = session_query(s, err, sql, 1, &value);
	buf_free(&names);
	return res;
}

/* A misspelled pattern lets a slot forget what it should have passed. */
static int
check_patterns(struct session *s)
{
	const struct filter *filter = &s->options->filter;
	PGresult *res;
	int err;

	if (filter->tables.n == 0 && filter->exclude.n == 0)
		return 0;
	res = publications_query(s, &err,
	    "SELECT DISTINCT schemaname, tablename FROM pg_catalog.pg_publication_tables"
	    " WHERE pubname = ANY (pg_catalog.string_to_array($1, E'\\n'))");
	if (res == NULL)
		return err;
	unmatched_warn_filter(filter, res, "published table");
	PQclear(res);
	return 0;
}

/*
 * Servers 13 and 14 free the map from a partition's columns to those of the table that it is
 * published as while it is in use, when a table is altered or analyzed meanwhile: they crash, all
 * of the server, or send columns in the wrong order.  Where both are alike there is no map.
 */
static int
check_partitions(struct session *s)
{
	PGresult *res;
	int err;

	if (s->server_version >= 150000)
		return 0;
	res = publications_query(s, &err,
	    "SELECT p.pubname, c.oid::pg_catalog.regclass, r.oid::pg_catalog.regclass"
	    " FROM pg_catalog.pg_publication p, pg_catalog.pg_class c,"
	    " LATERAL pg_catalog.pg_partition_ancestors(c.oid) a(relid)"
	    " JOIN pg_catalog.pg_class r ON r.oid = a.relid AND r.relkind = 'p'"
	    " WHERE p.pubviaroot AND p.pubname = ANY (pg_catalog.string_to_array($1, E'\\n'))"
	    " AND c.relispartition AND c.relkind = 'r'"
	    " AND (p.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel m"
	    " WHERE m.prpubid = p.oid AND m.prrelid = r.oid))"
	    " AND (c.relnatts <> r.relnatts OR EXISTS (SELECT FROM pg_catalog.pg_attribute o"
	    " LEFT JOIN pg_catalog.pg_attribute u ON u.attrelid = r.oid AND u.attnum = o.attnum"
	    " AND u.attname = o.attname WHERE o.attrelid = c.oid AND o.attnum > 0"
	    " AND u.attrelid IS NULL))"
	    " ORDER BY 1, 3, 2 LIMIT 1");
	if (res == NULL)
		return err;
	if (PQntuples(res) > 0)
		err = log_permanent("partition %s is published as %s, and has its columns in "
				    "another order or dropped ones: server %d can crash of that, "
				    "or mix the columns up; turn publish_via_partition_root of "
				    "publication \"%s\" off, or use server 15 or later",
		    PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2), s->server_version / 10000,
		    PQgetvalue(res, 0, 0));
	PQclear(res);
	return err;
}

int
slot_check(struct session *s, uint64_t *confirmed)
{
	int err;

	if ((err = check_server(s)) != 0 || (err = check_slot(s, confirmed)) != 0)
		return err;
	if ((err = check_publications(s)) != 0 || (err = check_partitions(s)) != 0)
		return err;
	return check_patterns(s);
}

/* After a promotion: was something delivered that the new primary never had? */
static int
compare_timeline(struct session *s, const struct state *state, char *gap, size_t size)
{
	uint64_t left;
	int err;

	if (s->timeline == state->timeline)
		return 0;
	if ((err = session_left_timeline(s, state->timeline, &left)) != 0)
		return err;
	if (left == UINT64_MAX)
		snprintf(gap, size, "timeline %u is not part of the history of timeline %u",
		    state->timeline, s->timeline);
	else if (state->position > left)
		snprintf(gap, size,
		    "changes up to %s were delivered, but timeline %u was left at %s: "
		    "the new primary never had the last of them",
		    lsn_text(state->position), state->timeline, lsn_text(left));
	return 0;
}

static int
find_gap(struct session *s, const struct state *state, uint64_t confirmed, char *gap, size_t size)
{
	*gap = '\0';
	if (strcmp(state->system_identifier, s->system_identifier) != 0)
		snprintf(gap, size, "it is of cluster %s, and this is cluster %s",
		    state->system_identifier, s->system_identifier);
	else if (confirmed > state->position)
		snprintf(gap, size,
		    "the slot starts at %s, and the last position confirmed by us is %s: "
		    "the slot was recreated or advanced, and the changes between are lost",
		    lsn_text(confirmed), lsn_text(state->position));
	else
		return compare_timeline(s, state, gap, size);
	return 0;
}

int
slot_compare_state(struct session *s, struct state *state, uint64_t confirmed, uint64_t *prev)
{
	char gap[512] = "";
	int err;

	*prev = 0;
	if (state->system_identifier[0] != '\0') {
		if (strcmp(state->slot, s->options->slot) != 0)
			return log_permanent("state file \"%s\" is of slot \"%s\"; give --state a "
					     "file of its own",
			    state->path, state->slot);
		if ((err = find_gap(s, state, confirmed, gap, sizeof(gap))) != 0)
			return err;
		if (gap[0] != '\0' && !s->options->accept_gap)
			return log_permanent(
			    "state file \"%s\" does not fit slot \"%s\": %s; dump the tables "
			    "and go on with --accept-gap",
			    state->path, s->options->slot, gap);
		if (gap[0] != '\0')
			log_warn("going on with a gap: %s", gap);
		else if (state->ack < confirmed)
			*prev = state->ack;
	}
	snprintf(
	    state->system_identifier, sizeof(state->system_identifier), "%s", s->system_identifier);
	snprintf(state->slot, sizeof(state->slot), "%s", s->options->slot);
	state->timeline = s->timeline;
	if (gap[0] != '\0' || state->position < confirmed)
		state->position = confirmed;
	if (*prev == 0)
		state->ack = confirmed;
	return state_write(state);
}
