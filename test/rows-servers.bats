#!/usr/bin/env bats
# Rows of the list of what goes wrong in change data capture: servers, slots and publications.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load rows

setup_file() { pg_start --conf 'max_prepared_transactions = 5'; }

teardown_file() { pg_stop; }

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	show_messages
	sql 'ALTER SYSTEM RESET ALL' -c 'SELECT pg_reload_conf()' >/dev/null
	drop_db
}

# set_system SETTING VALUE: for all sessions, in force.
set_system() {
	sql "ALTER SYSTEM SET $1 = $2" -c 'SELECT pg_reload_conf()' >/dev/null
	wait_until 10 "[ \"\$(sql \"SELECT setting FROM pg_file_settings WHERE name = '$1'
	    AND applied\")\" = \"\$(sql 'SHOW $1')\" ]"
}

@test "row 5: a stalled stdout does not cost the connection: wal_sender_timeout of 3 s, 8 s of standstill" {
	make_table
	make_slot
	PGOPTIONS='-c wal_sender_timeout=3s' start_line
	wait_lines 1
	local pid end n
	pid=$(of_slot active_pid)
	kill -s STOP "$SINK"
	for n in {0..5}; do
		sql "INSERT INTO t SELECT 10000 * $n + i, repeat('x', 800) FROM generate_series(1, 10000) i"
	done
	end=$(sql 'SELECT pg_current_wal_lsn()')
	sleep 8
	[ "$(of_slot active_pid)" = "$pid" ]
	# It was a standstill: much is not even sent.
	[ "$(sql "SELECT '$end'::pg_lsn - sent_lsn > 10000000 FROM pg_stat_replication WHERE pid = $pid")" = t ]
	kill -s CONT "$SINK"
	catch_up
	[ "$(of_slot active_pid)" = "$pid" ]
	end_line
	is_whole
	[ "$(ids <events | wc -l)" -eq 60000 ]
	[ -z "$(messages reader.err)" ]
}

@test "row 5: a fast shutdown of the server with a blocked pipe takes less than 2 s" {
	make_table
	make_slot
	start_line
	sql 'INSERT INTO t VALUES (0)'
	wait_lines 4
	kill -s STOP "$SINK"
	sql "INSERT INTO t SELECT i, repeat('x', 800) FROM generate_series(1, 20000) i"
	wait_until 10 '[ "$(sql "SELECT wait_event FROM pg_stat_activity WHERE backend_type = '\''walsender'\''")" = WalSenderWriteData ]'
	local start took
	start=$(now_us)
	service stop "$PGDIR" fast
	took=$(($(now_us) - start))
	service start "$PGDIR"
	echo "the shutdown took $took us"
	[ "$took" -lt 2000000 ]
	reader_ends 111 'the server has ended our connection'
	kill -s CONT "$SINK"
	sink_ends 111 'the input ends inside a'
	drain
	is_whole
}

# Three segments of WAL over a limit of one megabyte, and a checkpoint, which removes them.
overrun() {
	set_system max_slot_wal_keep_size "'1MB'"
	for _ in 1 2 3; do
		write_elsewhere 1
		sql 'SELECT pg_switch_wal()' >/dev/null
	done
	timeout 10 psql -XAtq -c CHECKPOINT
	wait_until 10 '[ "$(of_slot wal_status)" = lost ]'
}

@test "row 7: an invalidated slot ends with 100, named with the reason and the gap, and is not made anew" {
	make_table
	make_slot
	start_line --state=state
	one_by_one 1 1
	wait_lines 4
	kill -s STOP "$SINK"
	one_by_one 2 2
	overrun
	reader_ends 111
	local at state
	at=$(jq -r .position state)
	state=$(<state)
	for _ in 1 2; do
		refuses 100 --ack=ack --state=state
		says "slot \"$PGDATABASE\" is invalidated" "between $at and " 'make it anew'
		[ "$MAJOR" -lt 17 ] || says '(wal_removed)'
	done
	refuses 100 --ack=ack --state=state --accept-gap
	[ "$(of_slot wal_status)" = lost ]
	[ "$(confirmed)" = "$at" ]
	[ "$(<state)" = "$state" ]
}

@test "row 7: a blocked pipe does not keep the server from invalidating the slot" {
	make_table
	make_slot
	start_line
	wait_lines 1
	kill -s STOP "$SINK"
	sql "INSERT INTO t SELECT i, repeat('x', 800) FROM generate_series(1, 20000) i"
	overrun
	reader_ends 111
	refuses 100 --ack=ack
	says "slot \"$PGDATABASE\" is invalidated"
}

@test "row 8: a slot dropped and made anew between two runs: 100, until --accept-gap" {
	make_table
	make_slot
	start_line --state=state
	one_by_one 1 10
	catch_up
	end_line
	local old new
	old=$(jq -r .position state)
	sql "SELECT pg_drop_replication_slot('$PGDATABASE')"
	one_by_one 11 20 # lost
	make_slot
	new=$(confirmed)
	one_by_one 21 30
	refuses 100 --ack=ack --state=state --drain
	says "slot \"$PGDATABASE\"" "the slot starts at $new" "confirmed by us is $old" \
		'recreated' '--accept-gap'
	[ "$(confirmed)" = "$new" ]
	[ "$(jq -r .position state)" = "$old" ]

	mv events events.before
	drain --state=state --accept-gap 2>warnings
	grep -F "warning: going on with a gap: the slot starts at $new" warnings
	ids <events | diff - <(seq 21 30)
	# The gap is behind us.
	sql 'INSERT INTO t VALUES (31)'
	drain --state=state
	ids <events | diff - <(seq 21 31)
}

@test "row 8: a slot that somebody else has advanced: 100, until --accept-gap" {
	make_table
	make_slot
	one_by_one 1 10
	drain --state=state
	one_by_one 11 20
	sql "SELECT pg_replication_slot_advance('$PGDATABASE', pg_current_wal_lsn())" >/dev/null
	refuses 100 --ack=ack --state=state --drain
	says "slot \"$PGDATABASE\"" 'advanced' "$(jq -r .position state)" "$(confirmed)"
	drain --state=state --accept-gap
	ids <events | diff - <(seq 1 10)
}

@test "row 10: a publication made after the slot: 100 naming slot, LSN and remedies, and again" {
	sql 'CREATE TABLE t (id bigint PRIMARY KEY, v text)'
	make_slot
	local start row remedy at
	start=$(confirmed)
	refuses 100 --ack=ack
	says 'publication "p" does not exist' 'pgcdc init' 'before the slot'
	row=$(behind_row 1)
	sql 'CREATE PUBLICATION p FOR TABLE t'
	remedy=$(sql 'SELECT pg_current_wal_lsn()')
	one_by_one 2 2
	for _ in 1 2; do
		fails 100 --ack=ack --drain
		says "slot \"$PGDATABASE\"" 'publication "p"' ' behind ' 'make the slot anew' 'pg_replication_slot_advance()'
		at=$(sed 's/.* behind \([0-9A-F/]*\).*/\1/' <<<"$MESSAGE")
		[ "$(sql "SELECT '$at' BETWEEN '$start' AND '$row'::pg_lsn")" = t ]
		not_beyond "$row"
		[ "$(wc -l <failed.out)" -eq 1 ]
	done
	sql "SELECT pg_replication_slot_advance('$PGDATABASE', '$remedy')" >/dev/null
	drain
	[ "$(ids <events)" = 2 ]
}

@test "row 10: a publication dropped in mid-stream: 100, and nothing behind it is confirmed" {
	make_table
	make_slot
	start_line
	one_by_one 1 1
	wait_lines 4
	catch_up
	local before
	sql 'DROP PUBLICATION p'
	catch_up
	before=$(behind_row 2)
	reader_ends 100 "slot \"$PGDATABASE\""
	[ "$(messages reader.err | wc -l)" -eq 1 ]
	grep -F 'publication "p"' reader.err
	sink_ends 0
	not_beyond "$before"
	[ "$(ids <events)" = 1 ]
	# At that point of the WAL there is none, whatever there is now.
	sql 'CREATE PUBLICATION p FOR TABLE t'
	one_by_one 3 3
	fails 100 --ack=ack --drain
	says "slot \"$PGDATABASE\"" 'publication "p"'
	not_beyond "$before"
}

@test "row 10: an empty publication is reported, and altering it is enough" {
	sql 'CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE PUBLICATION p'
	make_slot
	local code=0
	timeout 20 pgcdc-read -S "$PGDATABASE" --publication=p 2>failed.err >failed.out || code=$?
	[ "$code" -eq 100 ]
	[ ! -s failed.out ]
	grep -F 'nothing is published: publication "p" has no tables' failed.err
	one_by_one 1 1
	sql 'ALTER PUBLICATION p ADD TABLE t'
	one_by_one 2 2
	drain
	[ "$(ids <events)" = 2 ]
}

# in_step: the standby has the slot, as far as this position.
in_step() {
	sql "SELECT pg_log_standby_snapshot()" -p "$ONE" >/dev/null
	[ "$(sql "SELECT NOT temporary AND confirmed_flush_lsn >= '$1' FROM pg_replication_slots
	    WHERE slot_name = '$PGDATABASE'" -p "$TWO")" = t ]
}

@test "row 11: failover: the new primary is compared with what was delivered, by cluster, timeline and position" {
	local ONE TWO left
	local -x PGDATABASE=postgres PGPORT
	ONE=$(service start "$PGDIR/one") PGPORT=$ONE
	make_table
	if [ "$MAJOR" -ge 17 ]; then
		sql "SELECT pg_create_logical_replication_slot('postgres', 'pgoutput', failover => true)"
	else
		make_slot
	fi
	TWO=$(service standby "$PGDIR/two" "$PGDIR/one")
	start_line --state=state
	one_by_one 1 10
	catch_up
	if [ "$MAJOR" -ge 17 ]; then
		left=$(confirmed)
		wait_until 50 "in_step '$left'"
	fi
	wait_until 20 "[ \"\$(sql \"SELECT pg_last_wal_replay_lsn() >= '$(sql 'SELECT pg_current_wal_lsn()')'\" -p $TWO)\" = t ]"
	end_line
	cp state state.same
	service stop "$PGDIR/two" fast

	# What the standby never gets: delivered, and a good deal of WAL.
	start_line --state=state
	one_by_one 11 20
	write_elsewhere 40
	catch_up
	end_line
	service stop "$PGDIR/one" immediate

	service start "$PGDIR/two"
	service promote "$PGDIR/two"
	PGPORT=$TWO
	[ "$(sql 'SELECT count(*) FROM t')" -eq 10 ]
	[ "$MAJOR" -ge 17 ] || make_slot
	refuses 100 --ack=ack --state=state --drain
	says "slot \"$PGDATABASE\"" "up to $(jq -r .position state) were delivered" 'timeline 1 was left at' \
		'the new primary never had the last of them' --accept-gap

	one_by_one 31 40
	rm events
	if [ "$MAJOR" -ge 17 ]; then
		# What the standby had in time goes on as if nothing had been.
		start_line --state=state.same
		catch_up
		end_line
		ids <events | diff - <(seq 31 40)
		[ "$(jq -r .timeline state.same)" -eq 2 ]
		[ "$(head -n 1 events | jq -r .timeline)" -eq 2 ]
	else
		# The slot is another one, and began later.
		refuses 100 --ack=ack --state=state.same --drain
		says "slot \"$PGDATABASE\"" 'recreated' --accept-gap
	fi
	one_by_one 41 41
	drain --state=state --accept-gap 2>warnings
	grep -F 'warning: going on with a gap' warnings
	ids <events | diff - <(seq 31 41)
	[ "$(jq -r .timeline state)" -eq 2 ]
	drain --state=state
	service stop "$PGDIR/two" immediate
}

@test "row 11: a state file of another cluster: 100, and both are named" {
	make_table
	make_slot
	one_by_one 1 1
	local ours other
	ours=$(sql 'SELECT system_identifier FROM pg_control_system()')
	drain --state=state
	[ "$(jq -r .system_identifier state)" = "$ours" ]
	one_by_one 2 2
	local -x PGPORT
	PGPORT=$(service start "$PGDIR/other")
	other=$(sql 'SELECT system_identifier FROM pg_control_system()' -d postgres)
	sql "CREATE DATABASE $PGDATABASE" -d postgres
	make_table
	make_slot
	refuses 100 --ack=ack --state=state --drain
	says "slot \"$PGDATABASE\"" "of cluster $ours" "this is cluster $other"
	service stop "$PGDIR/other" immediate
}

@test "row 12: an output plugin that the server refuses: one line with the remedy" {
	make_table
	make_slot
	one_by_one 1 10
	if [ "$(sql "SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'")" = 0 ]; then
		# A minor version of before: there is nothing to refuse.
		run -1 sql 'SHOW output_plugin_libraries'
		drain
		is_whole
		return
	fi
	local start
	start=$(confirmed)
	start_line
	wait_lines 31
	catch_up
	end_line
	start=$(confirmed)
	set_system output_plugin_libraries "''"
	one_by_one 11 20
	refuses 100 --ack=ack
	says "slot \"$PGDATABASE\"" 'pgoutput' 'add pgoutput to output_plugin_libraries and reload'
	[ "$(confirmed)" = "$start" ]
	set_system output_plugin_libraries "'pgoutput'"
	drain
	is_whole
}

@test "row 14: without a replica identity the application's UPDATE fails, INSERTs stream on, check names the tables" {
	sql "CREATE TABLE t (id bigint, v text);
	    CREATE TABLE nothing (id bigint PRIMARY KEY, v text);
	    ALTER TABLE nothing REPLICA IDENTITY NOTHING;
	    CREATE TABLE inserts (id bigint, v text);
	    CREATE PUBLICATION p FOR TABLE t, nothing;
	    CREATE PUBLICATION q FOR TABLE inserts WITH (publish = 'insert')"
	make_slot
	start_line --publication=q
	local table
	for table in t nothing inserts; do
		sql "INSERT INTO $table VALUES (1, '$table')"
	done
	for table in t nothing; do
		run -1 sql "UPDATE $table SET v = 'lost'"
		[[ $output == *"cannot update table \"$table\" because it does not have a replica identity"* ]]
		run -1 sql "DELETE FROM $table"
		[[ $output == *"cannot delete from table \"$table\" because it does not have a replica identity"* ]]
	done
	sql "UPDATE inserts SET v = 'unpublished'" -c 'DELETE FROM inserts'
	sql "INSERT INTO t VALUES (2, 'goes on')"
	catch_up
	end_line
	[ -z "$(messages reader.err)" ]
	jq -c 'select(.table) | [.action, .table, .columns[0].value]' events |
		diff - <(printf '%s\n' '["I","t",1]' '["I","nothing",1]' '["I","inserts",1]' '["I","t",2]')

	run -1 pgcdc check -S "$PGDATABASE" --publication=p
	[[ $output == *public.t* && $output == *public.nothing* ]]
	sql 'ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE nothing REPLICA IDENTITY DEFAULT'
	sql "UPDATE t SET v = 'new' WHERE id = 1" -c "DELETE FROM nothing"
	drain
	jq -c 'select(.identity) | [.action, .table, [.identity[].value]]' events |
		diff - <(printf '%s\n' '["U","t",[1,"t"]]' '["D","nothing",[1]]')
}

@test "row 18: a prepared transaction comes when it is committed, over restarts; a rolled back one never" {
	make_table
	make_slot
	start_line --state=state
	sql "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'one'"
	sql "BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'two'"
	one_by_one 3 3
	catch_up
	end_line
	[ "$(ids <events)" = 3 ]
	service stop "$PGDIR" fast
	service start "$PGDIR"
	start_line --state=state
	one_by_one 4 4
	catch_up
	sql "COMMIT PREPARED 'one'" -c "ROLLBACK PREPARED 'two'"
	one_by_one 5 5
	catch_up
	end_line
	delivered | ids | diff - <(printf '%s\n' 3 4 1 5)
	[ "$(delivered | wc -l)" -eq 4 ]
}

@test "row 18: a slot made with two_phase is refused" {
	make_table
	local make="SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput', false, true)"
	if [ "$MAJOR" -lt 14 ]; then
		run -1 sql "$make" # no slot can be made so
		return
	fi
	sql "$make"
	refuses 100 --ack=ack
	says "slot \"$PGDATABASE\"" 'two_phase' 'make it anew without'
}
