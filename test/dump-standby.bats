#!/usr/bin/env bats
# A dump from a standby.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump

setup_file() {
	pg_start || return
	TWO=$(service standby "$PGDIR/two" "$PGDIR" --conf 'hot_standby_feedback = off' \
		--conf 'max_standby_streaming_delay = 0' --conf 'max_standby_archive_delay = 0') || return
	ONE=$PGPORT
	export ONE TWO
}

teardown_file() { pg_stop; }

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	on_standby 'SELECT CASE WHEN pg_is_wal_replay_paused() THEN pg_wal_replay_resume() END' >/dev/null
	drop_db
}

on_standby() { sql "$1" -p "$TWO"; }

# replayed: the standby has all that the primary has.
replayed() {
	local lsn
	lsn=$(sql 'SELECT pg_current_wal_lsn()')
	wait_until 20 "[ \"\$(sql \"SELECT pg_last_wal_replay_lsn() >= '$lsn'\" -p $TWO -d postgres)\" = t ]"
}

@test "dump: from a standby, with positions of its own replay" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t SELECT i FROM generate_series(1, 5000) i'
	replayed
	on_standby 'SELECT pg_wal_replay_pause()' >/dev/null
	sql 'INSERT INTO t VALUES (6000)'
	dump -p "$TWO" --tables=public.t --range-pages=1 --jobs=4
	has_ids_once 1 5000
	is_whole_stream
	local lsn
	lsn=$(sed -n 's/^{"action":"R","lsn":"\([^"]*\)".*/\1/p' out | sort -u)
	[ "$(sql "SELECT '$lsn' <= pg_current_wal_lsn()")" = t ]
	read_slot 2>/dev/null >stream
	[ "$(sql "SELECT '$lsn' <= '$(sed -n 's/^{"action":"I","lsn":"\([^"]*\)".*"value":6000}.*/\1/p' stream)'::pg_lsn")" = t ]
}

@test "dump: from a standby with transactions that are open on the primary: it waits for them" {
	sql 'CREATE TABLE t (id int); INSERT INTO t VALUES (1)'
	session OPEN
	say OPEN 'BEGIN; INSERT INTO t VALUES (2); SELECT pg_current_xact_id();'
	sql 'INSERT INTO t VALUES (3)'
	sql CHECKPOINT
	replayed
	start_bg DUMP dump -p "$TWO" --tables=public.t
	wait_until 20 'grep -q "info: waiting for the end of open transactions" err'
	[ ! -s out ]
	say OPEN 'COMMIT;'
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
	has_ids_once 1 3
}

@test "dump: --min-lsn waits until the standby has replayed so far, and 111 after --timeout" {
	sql 'CREATE TABLE t (id int); INSERT INTO t VALUES (1)'
	replayed
	on_standby 'SELECT pg_wal_replay_pause()' >/dev/null
	sql 'INSERT INTO t VALUES (2)'
	local lsn
	lsn=$(sql 'SELECT pg_current_wal_lsn()')
	refuses_to_begin 111 "the standby has not replayed to $lsn within --timeout" \
		-p "$TWO" --tables=public.t --min-lsn="$lsn" --timeout=300ms
	refuses_to_begin 111 'within --timeout' -p "$TWO" --tables=public.t --min-lsn="$lsn" --timeout=0s
	dump -p "$TWO" --tables=public.t
	has_ids_once 1 1
	start_bg DUMP dump -p "$TWO" --tables=public.t --min-lsn="$lsn"
	wait_until 10 '[ "$(on_standby "SELECT count(*) FROM pg_stat_activity WHERE application_name = \$\$pgcdc-dump\$\$
	    AND query ~ \$\$pg_last_wal_replay_lsn\$\$")" -ge 1 ]'
	running "$DUMP"
	on_standby 'SELECT pg_wal_replay_resume()' >/dev/null
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
	has_ids_once 1 2
	# A primary has all that there is.
	dump --tables=public.t --min-lsn="$lsn"
	has_ids_once 1 2
	dump --tables=public.t --min-lsn=FFFFFFFF/FFFFFFFF --timeout=0s
}

# replay_for_dump: DUMP waits for what the standby has not replayed yet, gets it, and ends well.
replay_for_dump() {
	wait_until 10 '[ "$(on_standby "SELECT count(*) FROM pg_stat_activity WHERE application_name = \$\$pgcdc-dump\$\$
	    AND query ~ \$\$pg_last_wal_replay_lsn\$\$")" -ge 1 ]'
	on_standby 'SELECT pg_wal_replay_resume()' >/dev/null
	end_bg DUMP
	cat err
	[ "$bg_status" -eq 0 ]
}

# Once tables were looked for before: those that the stream does not have were missing.
@test "dump: what the standby gets while --min-lsn is waited for is in the dump" {
	sql 'CREATE TABLE t (id int); INSERT INTO t VALUES (1)'
	replayed
	on_standby 'SELECT pg_wal_replay_pause()' >/dev/null
	make_slot 'CREATE TABLE u (id int); INSERT INTO u VALUES (2); CREATE PUBLICATION p FOR TABLE t, u'
	start_bg DUMP dump -p "$TWO" --publication=p --min-lsn="$(of_slot confirmed_flush_lsn)"
	replay_for_dump
	has_ids_once 1 2
}

@test "dump: a table that an earlier run has read, and the standby does not have yet" {
	sql 'CREATE TABLE t (id int)'
	replayed
	on_standby 'SELECT pg_wal_replay_pause()' >/dev/null
	make_wide 900 u
	start_held --tables='public.*' --ack=stdout --progress-file=progress
	kill_hard DUMP
	exec {HELD}<&-
	start_bg DUMP dump -p "$TWO" --tables='public.*' --ack=stdout --progress-file=progress
	replay_for_dump
	[ "$(ids | sort -n | tail -n 1)" -eq 900 ]
}

@test "dump: a conflict with what the standby replays: nothing is missing, or 111 says why" {
	make_wide 1500
	replayed
	start_held -p "$TWO" --tables=public.t
	sql 'UPDATE t SET a = a'
	sql 'VACUUM t'
	replayed
	let_go
	if [ "$bg_status" -eq 0 ]; then
		has_ids 1 1500
	else
		[ "$bg_status" -eq 111 ]
		grep 'warning: .*conflict with recovery' err
		grep 'error: ' err
	fi
}

@test "dump: after a conflict it goes on from the progress file" {
	make_wide 1500
	replayed
	start_held -p "$TWO" --tables=public.t --ack=stdout --progress-file=progress
	sql 'UPDATE t SET a = -a WHERE id > 1000' -c 'DELETE FROM t WHERE id BETWEEN 1200 AND 1250'
	sql 'VACUUM t'
	replayed
	let_go
	mv out first
	: >out
	[ "$bg_status" -eq 0 ] || dump -p "$TWO" --tables=public.t --ack=stdout --progress-file=progress
	cat first out >both
	[ "$(ids both | sort -nu | grep -vxc '12[0-4].\|1250')" -eq 1449 ]
	grep -x 'done' progress
}

@test "dump: an unlogged table, of which a standby has nothing, is named before anything is written" {
	sql 'CREATE TABLE t (id int); CREATE UNLOGGED TABLE unlogged (id int); INSERT INTO t VALUES (1)'
	replayed
	refuses_to_begin 100 'table public.unlogged: *during recovery' -p "$TWO" --tables='*.*'
	dump -p "$TWO" --tables='*.*' --exclude-tables='*.unlogged'
	has_ids_once 1 1
}

# The server waits until the primary says which transactions are open.
@test "dump: a slot on a standby, which is too old for it before 16" {
	sql 'CREATE TABLE t (id int); INSERT INTO t VALUES (1)'
	replayed
	if [ "$(pg_major)" -lt 16 ]; then
		refuses_to_begin 100 'could not make the slot of --create-slot: *logical decoding cannot be used while in recovery' \
			-p "$TWO" --tables=public.t --create-slot="$PGDATABASE"
		return
	fi
	start_bg DUMP dump -p "$TWO" --tables=public.t --create-slot="$PGDATABASE"
	wait_until 20 'sql "SELECT pg_log_standby_snapshot()" >logged; ! running "$DUMP"'
	end_bg DUMP
	cat err
	[ "$bg_status" -eq 0 ]
	has_ids_once 1 1
	on_standby "SELECT pg_drop_replication_slot('$PGDATABASE')" >/dev/null
}

@test "dump: a standby that is promoted meanwhile" {
	local -x PGPORT
	make_wide 1500
	replayed
	start_held -p "$TWO" --tables=public.t
	service promote "$PGDIR/two"
	PGPORT=$TWO
	sql 'UPDATE t SET a = a; ALTER TABLE t RENAME a TO b'
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids 1 1500
	PGPORT=$ONE
}
