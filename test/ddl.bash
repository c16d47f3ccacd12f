# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154
# What the ddl*.bats files share: a database for each test in which init was, what the log holds,
# and transactions that stay open.

load helper

setup_file() {
	pg_start || return 1
	MAJOR=$(($(sql 'SHOW server_version_num') / 10000))
	export MAJOR
	# Tests begin in a copy of a database in which init was.
	sql 'CREATE DATABASE template'
	PGDATABASE=template pgcdc init -S template
}

teardown_file() {
	pg_stop
}

setup() {
	set -o pipefail
	fresh_db TEMPLATE template
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	export PGDATABASE=t_$BATS_TEST_NUMBER PGUSER=postgres
	drop_db
	sql "DROP ROLE IF EXISTS ddl_stranger, ddl_owner" 2>/dev/null
}

# The slot that a test needs; the copy has none.
begin() { pgcdc init 2>/dev/null; }

# The newest entries, oldest first: [SELECT list [WHERE...]]
log() { sql "SELECT ${1:-command_tag} FROM pgcdc.schema_log ${2-} ORDER BY id"; }

gaps() { sql "SELECT count(*) FROM pgcdc.schema_log WHERE schema ? 'gap'"; }

members() {
	sql "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY schemaname COLLATE \"C\", tablename COLLATE \"C\") FROM pg_publication_tables
	    WHERE pubname = '${1:-pgcdc}' AND schemaname <> 'pgcdc'"
}

identity_of() { sql "SELECT relreplident FROM pg_class WHERE oid = '$1'::regclass"; }

# A transaction that did SQL and stays open, until end_open.
hold_open() {
	start_bg HOLDER psql -Xq -v ON_ERROR_STOP=1 -c BEGIN -c "$1" -c 'SELECT pg_advisory_lock(1)' -c COMMIT
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query ~ \$\$^SELECT pg_advisory_lock\$\$
	    AND datname = current_database() AND wait_event_type = \$\$Lock\$\$")" = 1 ]'
}

# Holds the lock that hold_open waits for.
start_keeper() {
	start_bg KEEPER psql -Xq -c 'SELECT pg_advisory_lock(1)' -c 'SELECT pg_sleep(600)'
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = \$\$advisory\$\$ AND granted
	    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")" = 1 ]'
}

end_open() {
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'" >/dev/null
	end_bg HOLDER
	[ "$bg_status" -eq 0 ]
}

waits_for_lock() { # a part of the query
	[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query ~ '$1' AND wait_event_type = 'Lock'
	    AND pid <> pg_backend_pid()")" = 1 ]
}
