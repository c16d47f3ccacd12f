#!/usr/bin/env bats
# pgcdc-dump: tables that are altered or replaced while it waits for its snapshot, or behind it.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load helper

setup_file() { pg_start; }
teardown_file() { pg_stop; }

# A table that no pipe takes whole, and one that comes behind it.
setup() {
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
	sql "CREATE TABLE a (id integer PRIMARY KEY, v text);
	    INSERT INTO a SELECT id, repeat('x', 1000) FROM generate_series(1, 3000) id;
	    CREATE TABLE b (id integer PRIMARY KEY, c1 text, c2 text);
	    INSERT INTO b VALUES (1, 'one', 'two');
	    CREATE PUBLICATION p FOR TABLE a, b"
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	[ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 5 -- *.err 2>/dev/null || true
	drop_db
}

dump() { exec pgcdc-dump --publication=p >pipe 2>dump.err; }

# start_dump: it has its snapshot, and is in the midst of "a", when this returns.
start_dump() {
	local head
	mkfifo pipe
	start_bg DUMP dump
	exec {PIPE}<pipe
	read -r head <&"$PIPE"
	[[ $head == '{"action":"H"'* ]]
}

end_dump() {
	timeout 30 cat <&"$PIPE" >lines
	end_bg DUMP 10
	[ "$bg_status" -eq 0 ]
	jq -c 'select(.action == "R" and .table == "b") | [.columns[] | {(.name): .value}] | add' lines >b
	cat b
}

# is_behind LSN: so were the rows of "b" read.
is_behind() {
	local lsn
	lsn=$(jq -r 'select(.table == "b").lsn' lines | tail -n 1)
	[ "$(sql "SELECT '$lsn'::pg_lsn >= '$1'")" = t ]
}

dump_waits() {
	[ "$(sql "SELECT count(*) FROM pg_stat_activity
	    WHERE application_name = 'pgcdc-dump' AND query LIKE '%pg_snapshot_xmin%'")" = 1 ]
}

hold_open() {
	exec psql -XAtq -v ON_ERROR_STOP=1 <<-'SQL'
		BEGIN;
		SELECT pg_current_wal_lsn() FROM pg_logical_emit_message(true, 'x', 'x');
		\! : >held; while [ ! -e let_go ]; do sleep 0.05; done
		COMMIT;
	SQL
}

# start_waiting_dump: it has found its tables, and waits until the file "let_go" is there.
start_waiting_dump() {
	sql 'TRUNCATE a'
	start_bg HOLDER hold_open
	wait_until 10 '[ -e held ]'
	mkfifo pipe
	start_bg DUMP dump
	exec {PIPE}<pipe
	wait_until 10 dump_waits
}

@test "a column that is added while the snapshot is waited for is in the rows" {
	start_waiting_dump
	sql "ALTER TABLE b ADD c3 text; UPDATE b SET c3 = 'three'"
	: >let_go
	end_dump
	[ "$(cat b)" = '{"id":1,"c1":"one","c2":"two","c3":"three"}' ]
}

# On 13 once read for ever, as the size of what is not there is none.
@test "a table that another one has replaced while the snapshot is waited for is gone" {
	start_waiting_dump
	sql "DROP TABLE b; CREATE TABLE b (id integer PRIMARY KEY, c1 text, c2 text);
	    INSERT INTO b VALUES (2, 'new', 'new')"
	: >let_go
	end_dump
	[ ! -s b ]
	grep -F 'a table was dropped while it was dumped' dump.err
}

@test "columns that exchange their names behind the snapshot are read in another one" {
	local swapped
	start_dump
	sql 'ALTER TABLE b RENAME c1 TO x; ALTER TABLE b RENAME c2 TO c1; ALTER TABLE b RENAME x TO c2'
	swapped=$(sql 'SELECT pg_current_wal_lsn()')
	end_dump
	[ "$(cat b)" = '{"id":1,"c2":"one","c1":"two"}' ]
	is_behind "$swapped"
}

@test "a table that another one has replaced behind the snapshot is gone" {
	start_dump
	sql "DROP TABLE b; CREATE TABLE b (id integer PRIMARY KEY, c1 text, c2 text);
	    INSERT INTO b VALUES (2, 'new', 'new')"
	end_dump
	[ ! -s b ]
	grep -F 'a table was dropped while it was dumped' dump.err
}
