#!/usr/bin/env bats
# Rows of the list of what goes wrong in change data capture: the way back, clocks and ends.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load rows

setup_file() { pg_start; }
teardown_file() { pg_stop; }

# --- row 30

# start_reader [OPTION]...: with a reader of its pipe that acknowledges nothing.
start_reader() {
	rm -f pipe
	mkfifo pipe
	start_bg READER reader "$@"
	start_bg SINK cat <pipe >>lines
	wait_until 10 '[ -s lines ]'
}

# tokens: of the lines that came.
tokens() { jq -r 'select(.action == "C").ack' lines; }

wait_tokens() { wait_until 10 "[ \"\$(tokens | wc -l)\" -ge $1 ]"; }

# plus LSN BYTES
plus() { printf '%s/%X' "${1%/*}" $((16#${1#*/} + $2)); }

warnings() { grep -c 'warning: ack' reader.err; }

@test "row 30: stale and forged acks and other lines are counted, never confirmed, and never end the reader" {
	make_table
	make_slot
	start_reader
	one_by_one 1 3
	wait_tokens 3
	local first second third
	{ read -r first; read -r second; read -r third; } < <(tokens)
	# Computed, and so between two ends of transactions: the lower one counts.
	echo "$(plus "$first" 8) one" >ack
	wait_confirmed "$first"
	# An earlier run's sink, which still lives: not emitted by this run, or confirmed long ago.
	printf '%s one\n' "$(jq -r 'select(.action == "H").start' lines)" 0/0 0/1 FFFFFFFF/FFFFFFFF \
		"$(plus "$third" 1)" "$(plus "$third" 10000000)" >ack
	printf '%s\n' one "one $third" "$third  one" "$third one two" " $third one" "${third}x one" "$third o/e" \
		"$third one$(printf '\r')" "$third $(printf 'n%.0s' {1..100})" "$(printf '%s' "$third" | tr / -) one" '' >ack
	printf '%s o\0e\n' "$third" >ack
	# One that is too long for a write of one piece, and half a line that another one completes.
	{ head -c 100000 /dev/zero | tr '\0' A; echo " $third one"; } >ack
	printf '%s' 0/ >ack
	echo "$third one" >ack
	echo "$second one" >ack
	wait_confirmed "$second"
	# In the order of the FIFO: all of it was read by now.
	[ "$(warnings)" -le 3 ]
	grep -F '(10 such since the start)' reader.err
	stop_bg READER KILL
	[ "$(confirmed)" = "$second" ]
}

@test "row 30: a flood of garbage in the FIFO does not stop the stream, nor fill the log" {
	make_table
	make_slot
	start_reader
	local FLOOD first
	start_bg FLOOD flood
	one_by_one 1 100
	wait_tokens 100
	first=$(tokens | head -n 1)
	env printf '\n%s one\n' "$first" >ack # in one write
	wait_confirmed "$first"
	one_by_one 101 200
	wait_tokens 200
	running "$FLOOD"
	kill_hard FLOOD
	[ "$(confirmed)" = "$first" ]
	[ "$(warnings)" -gt 2 ]
	[ "$(warnings)" -le 10 ]
	env printf '\n%s one\n' "$(tokens | tail -n 1)" >ack
	catch_up
	stop_bg READER
	[ "$bg_status" -eq 0 ]
}

flood() {
	while :; do
		printf '\n'
		head -c 1000000 /dev/urandom
		printf '\n'
		yes 'FFFFFFFF/FFFFFFFF one' | head -n 20000
	done >ack
}

@test "row 30: acks of two sinks without --wait-for: 100, and nothing of the second is confirmed" {
	make_table
	make_slot
	start_reader
	one_by_one 1 2
	wait_tokens 2
	echo "$(tokens | head -n 1) one" >ack
	wait_confirmed "$(tokens | head -n 1)"
	echo "$(tokens | tail -n 1) two" >ack
	reader_ends 100 'acks of two names, "one" and "two", come without --wait-for'
	[ "$(confirmed)" = "$(tokens | head -n 1)" ]
}

@test "row 30: with --wait-for the minimum over the names is confirmed, whoever came last" {
	make_table
	make_slot
	start_reader --wait-for=one,two
	local start first second third
	start=$(confirmed)
	one_by_one 1 3
	wait_tokens 3
	{ read -r first; read -r second; read -r third; } < <(tokens)
	printf '%s\n' "$third one" "$third three" "$third" "$first two" "$second one" >ack
	wait_confirmed "$first"
	[ "$(grep -c -- '--wait-for does not name it' reader.err)" -eq 1 ]
	echo "$second two" >ack
	wait_confirmed "$second"
	kill_line
	[ "$(confirmed)" = "$second" ]

	# Real sinks behind tee; one of them gets no more than a transaction.
	start=$second
	one_by_one 4 5
	rm -f pipe
	mkfifo pipe one two gated
	start_bg READER reader --wait-for=one,two
	start_bg TEE tee one two <pipe >/dev/null
	start_bg ONE sink one one.events one
	start_bg GATE gate 4 two gated
	start_bg TWO sink gated two.events two
	wait_until 10 '[ -e one.events ] && [ "$(ids <one.events | wc -l)" -eq 3 ]'
	wait_confirmed "$third"
	[ "$(last_of ack two.events)" = "$third" ]
	kill_hard TWO
	kill_hard GATE
	# One dead sink ends the line, and what it did not get is not confirmed.
	one_by_one 6 6
	reader_ends 111 'standard output is closed'
	[ "$(confirmed)" = "$third" ]
	[ "$(sql "SELECT '$start'::pg_lsn < '$third' AND '$third' < '$(last_of ack one.events)'")" = t ]
}

# --- row 31

# jump OFFSET: the clock of the programs.
jump() {
	echo "$1" >clock.new
	mv clock.new clock
}

# start_line, under that clock.  Time spans are measured by another one.
start_line_by_clock() {
	local preload
	preload=$(faketime -f +0 printenv LD_PRELOAD)
	LD_PRELOAD=$preload FAKETIME_TIMESTAMP_FILE=$PWD/clock FAKETIME_NO_CACHE=1 \
		FAKETIME_DONT_FAKE_MONOTONIC=1 \
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 start_line "$@"
}

# year_of LINE-OF-LOG
year_of() { sed -n "$1s/^{\"time\":\"\([0-9]*\)-.*/\1/p" reader.err; }

@test "row 31: no decision by wall time: the clock of reader and sink jumps by years" {
	make_table
	make_slot
	local jump pid year id=0
	jump +0
	PGOPTIONS='-c wal_sender_timeout=3s' start_line_by_clock -v --log-format=json
	wait_lines 1
	pid=$(of_slot active_pid)
	for jump in +4000d -400d +0 -4000d +1d -1s; do
		jump "$jump"
		one_by_one $((id + 1)) $((id += 10))
		catch_up 5
	done
	# A standstill longer than the server's patience, with the clock going back in it.
	kill -s STOP "$SINK"
	sql "INSERT INTO t SELECT i, repeat('x', 800) FROM generate_series(61, 20000) i"
	jump -4000d
	sleep 4
	jump +400d
	[ "$(of_slot active_pid)" = "$pid" ]
	kill -s CONT "$SINK"
	catch_up
	# The wait for the last acks.
	kill -s STOP "$SINK"
	one_by_one 20001 20001
	wait_until 5 "[ \"\$(sql \"SELECT write_lsn >= '$(sql 'SELECT pg_current_wal_lsn()')' FROM pg_stat_replication WHERE pid = $pid\")\" = t ]"
	kill -s TERM "$READER"
	jump +4000d
	sleep 0.3
	running "$READER"
	kill -s CONT "$SINK"
	reader_ends 0
	sink_ends 0
	is_whole
	# The messages show that the clock was that one.
	year=$(date +%Y)
	[ "$(year_of 1)" -eq "$year" ]
	[ "$(year_of '$')" -ge $((year + 10)) ]
}

@test "row 31: commits whose timestamps jump stay in the order of the commits" {
	make_table
	make_slot
	start_line
	local id=0 at
	sql "SELECT pg_replication_origin_create('clock_$PGDATABASE')" >/dev/null
	for at in '2026-11-20 10:00:00' '2038-01-19 03:14:08.5' '1970-01-01 00:00:00' '2026-11-20 10:00:00.000001'; do
		id=$((id + 1))
		sql "SELECT pg_replication_origin_session_setup('clock_$PGDATABASE');
		    BEGIN; SELECT pg_replication_origin_xact_setup('0/$id', '$at+00');
		    INSERT INTO t VALUES ($id); COMMIT" >/dev/null
	done
	catch_up
	end_line
	sql "SELECT pg_replication_origin_drop('clock_$PGDATABASE')"
	is_whole
	jq -r 'select(.action == "C").timestamp' events | diff - <(printf '%s+00\n' '2026-11-20 10:00:00.000000' \
		'2038-01-19 03:14:08.500000' '1970-01-01 00:00:00.000000' '2026-11-20 10:00:00.000001')
}

# --- row 38

# in_a_line: the reader has filled the pipe, and its last line is longer than that.
in_a_line() {
	wait_until 10 "[ \"\$(awk '\$1 == \"wchar:\" { print \$2 }' /proc/$READER/io)\" -ge 65536 ]"
}

@test "row 38: SIGKILL of the reader in the middle of a large write over a FIFO: 111, and again whole" {
	make_table
	sql 'ALTER TABLE t ALTER v SET STORAGE EXTERNAL'
	make_slot
	start_line
	one_by_one 1 1
	wait_lines 4
	catch_up
	local after
	kill -s STOP "$SINK"
	sql "INSERT INTO t VALUES (2, repeat('0123456789', 1000000))"
	in_a_line
	kill_hard READER
	kill -s CONT "$SINK"
	sink_ends 111 'the input ends inside a line'
	after=$(confirmed)
	[ "$(jq -r .action events | tr -d '\n')" = HBICB ]
	[ "$(tail -c 1 events)" = '' ]
	start_line
	catch_up
	end_line
	[ "$(jq -r .action events | tr -d '\n')" = HBICBHBIC ]
	[ "$(sql "SELECT '$after'::pg_lsn <= '$(grep '"action":"B"' events | tail -n 1 | jq -r .lsn)'")" = t ]
	jq -r 'select(.action == "I").columns[1].value' events |
		cmp - <(echo null; yes 0123456789 | head -n 1000000 | tr -d '\n'; echo)
}

@test "row 38: half a line that meets the next run's H is seen: 100, and nothing is confirmed" {
	make_table
	sql 'ALTER TABLE t ALTER v SET STORAGE EXTERNAL'
	make_slot
	local HOLD after
	rm -f pipe
	mkfifo pipe
	exec {HOLD}<>pipe # somebody who keeps the FIFO open, so that there is no end of input
	start_bg READER reader
	start_bg SINK sink pipe
	one_by_one 1 1
	wait_lines 4
	catch_up
	kill -s STOP "$SINK"
	sql "INSERT INTO t VALUES (2, repeat('0123456789', 1000000))"
	in_a_line
	kill_hard READER
	kill -s CONT "$SINK"
	start_bg READER reader
	sink_ends 100 'is no event line'
	kill_hard READER
	exec {HOLD}>&-
	after=$(confirmed)
	[ "$(jq -r .action events | tr -d '\n')" = HBICB ]
	start_line
	catch_up
	end_line
	delivered | ids | diff - <(seq 1 2)
	[ "$(sql "SELECT '$after'::pg_lsn <= '$(grep '"action":"B"' events | tail -n 1 | jq -r .lsn)'")" = t ]
}

# --- row 39

# line_ends CODE: what "pgcdc run" says of the line's end.
line_ends() {
	local code=0
	timeout -k 5 30 pgcdc run -c line.env --drain 2>line.err 3>&- 4>&- || code=$?
	echo "exit code $code"
	cat line.err
	[ "$code" -eq "$1" ]
}

@test "row 39: the worst exit code wins: a sink's 100 over the reader's 111, and a signal is 111" {
	make_table
	make_slot
	printf 'PGCDC_%s\n' "READ_SLOT=$PGDATABASE" READ_PUBLICATION=p STAGES= SINKS=file \
		FILE_PATH=events STATE=state >line.env
	chmod 600 line.env
	one_by_one 1 10
	line_ends 0
	ids <events | diff - <(seq 1 10)

	# A line that is too long for the sink.  Much more is behind it, which the reader cannot write.
	local row
	row=$(behind_row "11, repeat('x', 5000)")
	sql "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(12, 5000) i"
	for _ in 1 2; do
		PGCDC_FILE_MAX_LINE=2kB line_ends 100
		grep -F '"pgcdc-file" ended with exit code 100' line.err
		grep -F 'line 3 is longer than --max-line' line.err
		not_beyond "$row"
	done
	# The reader's own.
	PGCDC_READ_MAX_LINE=1kB line_ends 100
	not_beyond "$row"
	# One that a signal ends, or that says itself that it is to be started again.
	(
		ulimit -f 256
		line_ends 111
	)
	local HOLDER
	start_bg HOLDER flock events sleep 1000
	wait_until 5 '! flock -n events true'
	line_ends 111
	kill_hard HOLDER
	line_ends 0
	is_whole
}
