#!/usr/bin/env bats
# Tables, publications and slots that change before a dump has its snapshot.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump

setup_file() { pg_start; }

teardown_file() { pg_stop; }

waits_for() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcdc-dump' AND $1")" = 1 ]; }

# start_behind_lock OPTION: table b is waited for, and the others are known (from 16 on a publication waits, too).
start_behind_lock() {
	sql 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1);
		CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1); CREATE PUBLICATION p FOR TABLE a, b, c'
	session LOCK
	say LOCK 'BEGIN; LOCK b;'
	start_bg DUMP alone "$1"
	wait_until 20 'waits_for "wait_event_type = \$\$Lock\$\$"'
}

alone() { exec pgcdc-dump "$@" >out 2>err; }

end_behind_lock() {
	say LOCK 'COMMIT;'
	end_bg DUMP
	cat err
	[ "$bg_status" -eq 0 ]
}

# Once the columns of the publication were from before it, and what the table looks like from after it.
@test "dump: a column that is added while another table is looked at is in the rows" {
	start_behind_lock --publication=p
	sql 'ALTER TABLE c ADD v int; UPDATE c SET v = 7'
	end_behind_lock
	rows_of | grep -F '"c","columns":[{"name":"id","type":"integer","value":1},{"name":"v","type":"integer","value":7}]'
}

@test "dump: a table that is dropped while another one is looked at is not missed" {
	start_behind_lock --tables='public.*'
	sql 'DROP TABLE c'
	end_behind_lock
	rows_of | cut -d , -f 1-2 | sort -u | is '"public","table":"b"'
	grep -F 'a table was dropped, or taken out of its publications, while it was dumped' err
}

@test "dump: SIGTERM while a table is locked, and what is waited for is told" {
	start_behind_lock --tables='public.*'
	wait_until 20 'grep -F "table public.b; somebody holds a lock" err'
	kill -TERM "$DUMP"
	end_bg DUMP
	[ "$bg_status" -eq 111 ]
	[ "$(tail -n 1 err)" = 'pgcdc-dump: error: the end came before there was a snapshot' ]
	[ ! -s out ]
	# Nor does the server wait on.
	wait_until 5 '[ "$(sql "SELECT count(*) FROM pg_locks WHERE NOT granted")" = 0 ]'
}

# start_waiting [OPTION]...: the tables are found, and the transaction OPEN is waited for.
start_waiting() {
	sql 'CREATE TABLE b (id int PRIMARY KEY, c1 text); INSERT INTO b VALUES (1, $$one$$);'
	session OPEN
	say OPEN "BEGIN; SELECT pg_logical_emit_message(true, '', '') \\g /dev/null"
	start_bg DUMP alone --tables='public.*' "$@"
	wait_until 20 'waits_for "query LIKE \$\$%pg_snapshot_xmin%\$\$" ||
		waits_for "query LIKE \$\$CREATE_REPLICATION_SLOT%\$\$"'
}

end_waiting() {
	say OPEN 'COMMIT;'
	end_bg DUMP
	cat err
	[ "$bg_status" -eq 0 ]
}

@test "dump: a column that is added while the snapshot is waited for is in the rows" {
	start_waiting
	sql "ALTER TABLE b ADD c3 text; UPDATE b SET c3 = 'three'"
	end_waiting
	rows_of | grep -F '{"name":"c1","type":"text","value":"one"},{"name":"c3","type":"text","value":"three"}]'
}

@test "dump: columns that become plain ones, or the key, while the snapshot is waited for are in the rows" {
	sql 'CREATE TABLE g (id int PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO g VALUES (1);
		CREATE TABLE k (id int NOT NULL, v int); INSERT INTO k VALUES (1, 2)'
	start_waiting --columns=public.k:v
	sql 'ALTER TABLE g ALTER v DROP EXPRESSION; UPDATE g SET v = 7; ALTER TABLE k ADD PRIMARY KEY (id)'
	end_waiting
	rows_of | grep -F '"g","columns":[{"name":"id","type":"integer","value":1},{"name":"v","type":"integer","value":7}]'
	rows_of | grep -F '"k","columns":[{"name":"id","type":"integer","value":1},{"name":"v","type":"integer","value":2}]'
}

# On 13 once read for ever, as the size of what is not there is none.
@test "dump: a table that another one replaces while the snapshot is waited for is gone" {
	start_waiting
	sql "DROP TABLE b; CREATE TABLE b (id int PRIMARY KEY, c1 text); INSERT INTO b VALUES (2, 'new')"
	end_waiting
	[ -z "$(rows_of)" ]
	grep -F 'a table was dropped, or taken out of its publications, while it was dumped' err
}

# Its rows are neither behind the slot nor were they there when the tables were found.
@test "dump: a table that is made while a slot is waited for is in the dump" {
	start_waiting --create-slot="$PGDATABASE"
	sql "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)"
	end_waiting
	rows_of | cut -d , -f 1-2 | sort | is '"public","table":"a"
"public","table":"b"'
	grep -F 'info: tables were changed while the slot was made: the snapshot is later than the beginning of its stream' err
	is_whole_stream
}

# Once such a slot was taken for one that is there: the dump was complete, and the slot was not.
@test "dump: killed while its slot is made: another run waits until it is made or gone" {
	local again=(--create-slot="$PGDATABASE" --ack=stdout --progress-file=progress)
	start_waiting "${again[@]}"
	kill_hard DUMP
	ends 111 "slot \"$PGDATABASE\" is still being made" --tables='public.*' "${again[@]}"
	say OPEN 'COMMIT;'
	wait_until 20 '[ "$(sql "SELECT count(*) FROM pg_replication_slots WHERE slot_name = \$\$$PGDATABASE\$\$ AND active")" = 0 ]'
	dump --tables='public.*' "${again[@]}"
	has_ids_once 1 1
	[ "$(of_slot 'confirmed_flush_lsn IS NOT NULL')" = t ]
}

# Rows that a publication gets with another filter before the slot is made are not in its stream either.
@test "dump: a publication that is altered while a slot is waited for (15 and later)" {
	if [ "$MAJOR" -lt 15 ]; then
		sql 'CREATE TABLE u (a int PRIMARY KEY)'
		lacks 'CREATE PUBLICATION p FOR TABLE u WHERE (a > 10)'
		return
	fi
	sql 'CREATE TABLE u (id int PRIMARY KEY, v text); INSERT INTO u VALUES (2, $$two$$), (3, $$three$$);
		CREATE PUBLICATION p FOR TABLE u (id) WHERE (id > 2)'
	start_waiting --create-slot="$PGDATABASE" --publication=p
	sql 'ALTER PUBLICATION p SET TABLE u'
	end_waiting
	rows_of | sort | is '"public","table":"u","columns":[{"name":"id","type":"integer","value":2},{"name":"v","type":"text","value":"two"}]
"public","table":"u","columns":[{"name":"id","type":"integer","value":3},{"name":"v","type":"text","value":"three"}]'
	grep -F 'info: tables were changed while the slot was made' err
}

@test "dump: a partition that is detached while a slot is waited for is not in the dump" {
	sql 'CREATE TABLE root (id int) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF root FOR VALUES IN (1);
		CREATE TABLE two PARTITION OF root FOR VALUES IN (2); INSERT INTO root VALUES (1), (2);
		CREATE PUBLICATION p FOR TABLE root WITH (publish_via_partition_root = true)'
	start_waiting --create-slot="$PGDATABASE" --publication=p
	sql 'ALTER TABLE root DETACH PARTITION two'
	end_waiting
	has_ids_once 1 1
}

# The connection that holds the snapshot once kept those that looking for partitions takes.
@test "dump: partitions are locked only while they are read" {
	make_wide 900
	sql 'CREATE TABLE root (id int, a int, pad text) PARTITION BY RANGE (id); CREATE TABLE small PARTITION OF root FOR VALUES FROM (0) TO (1);
		ALTER TABLE root ATTACH PARTITION t FOR VALUES FROM (1) TO (1000); INSERT INTO small VALUES (0)'
	start_held --tables=public.root --create-slot="$PGDATABASE"
	sql "SET lock_timeout = '5s'; ALTER TABLE small ADD CHECK (id < 1)"
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids_once 0 900
}

# is_made_for TIME: the slot is being made for so long.
is_made_for() { waits_for "query LIKE 'CREATE_REPLICATION_SLOT%' AND query_start < now() - interval '$1'"; }

@test "dump: timeouts of the role do not end the wait for a slot" {
	local setting
	sql 'CREATE ROLE hasty LOGIN SUPERUSER'
	for setting in statement_timeout lock_timeout idle_in_transaction_session_timeout transaction_timeout; do
		[ "$(sql "SELECT count(*) FROM pg_settings WHERE name = '$setting'")" = 0 ] ||
			sql "ALTER ROLE hasty SET $setting = '100ms'"
	done
	start_waiting --create-slot="$PGDATABASE" -U hasty
	wait_until 20 'is_made_for 300ms'
	end_waiting
	has_ids_once 1 1
	sql 'DROP ROLE hasty'
}
