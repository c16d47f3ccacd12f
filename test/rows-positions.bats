#!/usr/bin/env bats
# Rows of the list of what goes wrong in change data capture: positions.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load rows

setup_file() { pg_start; }
teardown_file() { pg_stop; }

@test "row 1: only commit ends named by the server are confirmed; SIGKILL of the sink after k of 1,000 transactions" {
	make_table
	make_slot
	# Some are wide, and small in the WAL: a position computed from a length would skip others.
	one_by_one 1 1000 "repeat('wide', 300 + 3000 * (random() < 0.05)::int)"
	local k transactions=0 before
	for k in 1 299 433; do
		start_gated $((1 + 3 * k))
		transactions=$((transactions + k))
		wait_until 20 "[ \"\$(grep -c '^{\"action\":\"C\"' events)\" -eq $transactions ]"
		wait_confirmed "$(last_of ack)"
		before=$(last_of ack)
		kill_sink
		reader_ends 111 'standard output is closed'
		[ "$(confirmed)" = "$before" ]
	done
	drain
	is_whole
	# What was confirmed never came again.
	[ "$(ids <events | wc -l)" -eq 1000 ]
}

@test "row 2: nothing is confirmed in mid-transaction; SIGKILL of the sink after row 1, 500 and 999 of a COPY" {
	make_table
	make_slot
	start_line
	sql "INSERT INTO t VALUES (0, 'before')"
	wait_lines 4
	end_line
	local before rows
	before=$(confirmed)
	: >attempts
	seq 1 1000 | sql 'COPY t (id) FROM STDIN'
	for rows in 1 500 999; do
		rm events
		start_gated $((2 + rows))
		wait_lines $((2 + rows))
		sleep 0.3 # a wrong ack would be there now
		kill_sink
		reader_ends 111
		[ "$(confirmed)" = "$before" ]
		grep -v '^{"action":"H"' events >"attempt.$rows"
	done
	rm events
	drain
	delivered | ids | diff - <(seq 1 1000)
	# The same lines each time: a sink knows them again.
	for rows in 1 500 999; do
		grep -v '^{"action":"H"' events | cmp -n "$(wc -c <"attempt.$rows")" - "attempt.$rows"
		[ "$(wc -l <"attempt.$rows")" -eq $((rows + 1)) ]
	done
}

@test "row 3: a keepalive's position is not confirmed while an event is in flight" {
	make_table
	make_slot
	sql "INSERT INTO t VALUES (1, 'arrives')"
	sql "INSERT INTO t VALUES (2, 'in flight')"
	start_gated 4
	wait_lines 4
	wait_confirmed "$(last_of ack)"
	write_elsewhere 100
	local end
	end=$(sql 'SELECT pg_current_wal_lsn()')
	# The reader knows that the server is there, and still does not confirm it.
	wait_until 20 "[ \"\$(sql \"SELECT write_lsn >= '$end' FROM pg_stat_replication WHERE
	    pid = (SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$PGDATABASE')\")\" = t ]"
	kill_line
	[ "$(confirmed)" = "$(last_of ack)" ]
	drain
	is_whole
}

@test "row 4: a quiet table in a busy cluster keeps no WAL" {
	make_table
	sql 'CREATE TABLE busy (id bigint, v text); ALTER TABLE busy ALTER v SET STORAGE EXTERNAL'
	make_slot
	# Without a single event, and behind one that is acknowledged.
	local round before
	for round in 1 2; do
		start_line
		[ "$round" = 1 ] || { sql "INSERT INTO t VALUES (1)"; wait_lines 5; }
		before=$(sql 'SELECT pg_current_wal_lsn()')
		write_elsewhere 50
		sql "INSERT INTO busy SELECT i, repeat('x', 250000) FROM generate_series(1, 200) i"
		[ "$(sql "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '$before') > 100000000")" = t ]
		wait_until 10 '[ "$(of_slot "pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) < 1000000")" = t ]'
		# Decoding can begin later once the server has noted the running transactions.
		wait_until 10 'sql CHECKPOINT; [ "$(of_slot "pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) < 1000000")" = t ]'
		end_line
	done
	is_whole
	[ "$(wc -l <events)" -eq 5 ]
}

@test "row 6: a crash of the server rewinds the confirmed position: duplicates only" {
	make_table
	make_slot
	local before last=0 rewound=f
	# Again, should the server save the slot by itself just before the crash.
	while [ "$rewound" = f ] && [ $last -lt 600 ]; do
		sql CHECKPOINT
		start_line --state=state
		one_by_one $((last + 1)) $((last + 200))
		catch_up
		before=$(confirmed)
		service stop "$PGDIR" immediate
		reader_ends 111
		sink_ends 0
		service start "$PGDIR"
		[ "$(jq -r .position state)" = "$before" ]
		rewound=$(of_slot "confirmed_flush_lsn < '$before'")
		last=$((last + 200))
	done
	[ "$rewound" = t ]
	start_line --state=state
	one_by_one $((last + 1)) $((last + 100))
	catch_up
	end_line
	is_whole
	# Duplicates there are, and each is the same line again.
	[ "$(ids <events | wc -l)" -gt $((last + 100)) ]
	[ "$(grep '^{"action":"I"' events | sort -u | wc -l)" -eq $((last + 100)) ]
}

@test "row 9: with no position of our own the whole backlog comes, from where the slot is" {
	make_table
	make_slot
	local start
	start=$(confirmed)
	one_by_one 1 1000
	start_line
	catch_up
	end_line
	[ "$(head -n 1 events | jq -r .start)" = "$start" ]
	is_whole
	[ "$(grep -c '^{"action":"C"' events)" -eq 1000 ]
	# And so with a state file that is new.
	sql 'DELETE FROM t'
	one_by_one 1001 1100
	rm events
	drain --state=state
	is_whole
}

@test "row 32: a long transaction's rows lie below the confirmed position, and come" {
	make_table
	make_slot
	session LONG
	say LONG "BEGIN; INSERT INTO t VALUES (1001);"
	start_line
	one_by_one 1 50
	catch_up
	kill_line
	[ "$(ids <events | wc -l)" -eq 50 ]
	start_line
	say LONG "INSERT INTO t VALUES (1002);"
	one_by_one 51 100
	catch_up
	kill_line
	say LONG "INSERT INTO t VALUES (1003); COMMIT;"
	one_by_one 101 150
	start_line
	catch_up
	end_line
	delivered | ids | diff - <(seq 1 100; seq 1001 1003; seq 101 150)
	# What makes it hard: the row stands below what was confirmed before.
	local row
	row=$(grep '"value":1001}' events | jq -r .lsn)
	[ "$(sql "SELECT '$row'::pg_lsn < '$(jq -r 'select(.action == "C").ack' events | head -n 1)'")" = t ]
	[ "$(ids <events | wc -l)" -eq 153 ]
}

@test "row 32: of two commits back to back the second one comes after a SIGKILL between them" {
	make_table
	make_slot
	session ONE
	session TWO
	local id
	for id in $(seq 1 2 39); do
		say ONE "BEGIN; INSERT INTO t VALUES ($id);"
		say TWO "BEGIN; INSERT INTO t VALUES ($id + 1);"
		printf 'COMMIT;\n' >&"$ONE_FD"
		wait_until 10 "[ \"\$(sql 'SELECT count(*) FROM t WHERE id = $id')\" = 1 ]"
		say TWO "COMMIT;"
		rm -f events
		start_gated 4
		wait_lines 4
		wait_confirmed "$(last_of ack)"
		kill_line
		drain
		delivered | ids | diff - <(printf '%s\n' "$id" $((id + 1)))
		# Its record begins where the other one's ends: that was the case to see.
		[ "$(sed -n '4s/.*"ack":"\([^"]*\)".*/\1/p' events)" != "$(sed -n '6s/.*"lsn":"\([^"]*\)".*/\1/p' events)" ] ||
			return 0
	done
	return 1
}
