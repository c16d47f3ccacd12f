#!/usr/bin/env bats
# pgcdc run with a snapshot: the rows that are there before the stream, by pgcdc-dump.
# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

load pipeline

setup() {
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
	sql "CREATE TABLE t (id bigint PRIMARY KEY, v bigint DEFAULT 0); CREATE PUBLICATION p FOR TABLE t"
	with PGCDC_SNAPSHOT=initial
}

# with [LINE]...: the configuration file, with ranges of one page.
with() { conf PGCDC_DUMP_RANGE_PAGES=1 PGCDC_SNAPSHOT=initial "$@"; }

# older N: rows that are older than the slot, so that no stream has them.
older() {
	insert 1 "$1"
	sql CHECKPOINT # what is newer is read again by another dump
	make_slot
}

make_slot() { sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >slot.made; }

insert_next() { sql 'INSERT INTO t SELECT max(id) + 1 FROM t'; }

# final [FILE]: the rows of a recording, as they are at its end.
final() {
	jq -nr 'reduce (inputs | select(.table == "t")) as $e ({};
		if $e.action == "D" then del(.[$e.identity[0].value | tostring])
		else .[$e.columns[0].value | tostring] = $e.columns[1].value end)
		| to_entries[] | "\(.key)|\(.value)"' "${1:-out}" | sort -n
}

# is_whole [FILE]: the recording ends as the table is.
is_whole() { sql 'SELECT id, v FROM t ORDER BY id' | diff - <(final "${1-}"); }

# dumped N: that many ranges were acknowledged.
dumped() { [ -e state.snapshot ] && [ "$(grep -c ^read state.snapshot)" -ge "$1" ]; }

# change: all kinds of changes, to rows on all pages, without an end.
change() {
	while [ ! -e load.stop ]; do
		echo 'UPDATE t SET v = v + 1 WHERE id % 97 = trunc(random() * 97);
		    DELETE FROM t WHERE id % 1009 = trunc(random() * 1009);
		    INSERT INTO t SELECT max(id) + 1 FROM t; SELECT pg_sleep(0.01);'
	done | psql -XAtq -v ON_ERROR_STOP=1 >load.out
}

# --- what it is for

@test "initial: the rows that are there, then the changes; the next start goes right to these" {
	older 1000
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	is_whole
	[ "$(jq -r 'select(.action == "R") | .columns[0].value' out)" = "$(seq 1000)" ]
	[ "$(jq -c 'select(.action == "H") | has("slot")' out | xargs)" = 'false true' ]
	[ "$(tail -n 1 state.snapshot)" = 'done' ]
	[ "$(jq -r .slot state)" = "$PGDATABASE" ]
	grep '^pgcdc-run' err | is 'pgcdc-run: info: starting pgcdc-dump | pgcdc-file
pgcdc-run: info: the line has ended, and all that it read is acknowledged
pgcdc-run: info: starting pgcdc-read | pgcdc-file
pgcdc-run: info: the line has ended, and all that it read is acknowledged'
	sql 'UPDATE t SET v = id WHERE id > 990; DELETE FROM t WHERE id < 10; INSERT INTO t VALUES (1001)'
	pipeline --drain
	[ "$code" -eq 0 ]
	absent pgcdc-dump err
	[ "$(grep -c '"action":"R"' out)" -eq 1000 ]
	is_whole
}

@test "initial: what changes while it is read, and kill -9 of all, and again" {
	older 6000
	with PGCDC_DUMP_MAX_RATE=200kB
	start_bg LOAD change
	local n=0
	for _ in 1 2; do
		start
		wait_until 30 "dumped $((n + 5))"
		kill_hard RUN
		n=$(grep -c ^read state.snapshot)
	done
	# No stream has begun.
	[ "$(jq -c 'select(.action == "H") | has("slot")' out | sort -u)" = false ]
	absent 'starting pgcdc-read' err
	with
	start
	wait_until 30 'grep -q "starting pgcdc-read" err'
	: >load.stop
	end_bg LOAD 20
	[ "$bg_status" -eq 0 ]
	wait_until 30 is_whole
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
	# Pages that were read in an earlier run are read again for what is newer alone.
	[ "$(grep -c '"action":"R"' out)" -lt 12000 ]
	only 'pgcdc-dump: info' 'the line is started again'
}

@test "initial: a pgcdc-dump that is killed, and a sink, start the line again" {
	older 4000
	with PGCDC_DUMP_MAX_RATE=200kB
	start
	wait_until 20 'dumped 5'
	kill -KILL "$(stage pgcdc-dump)"
	wait_until 20 'grep -q "\"pgcdc-dump\" was killed by signal 9; the line is started again" err'
	wait_until 20 'dumped 12'
	kill -KILL "$(stage pgcdc-file)"
	wait_until 20 'grep -q "\"pgcdc-file\" was killed by signal 9; the line is started again" err'
	wait_until 30 'grep -q "starting pgcdc-read" err'
	[ "$(grep -c 'starting pgcdc-dump' err)" -eq 3 ]
	insert 4001 4001
	wait_until 20 is_whole
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
}

@test "initial: a signal ends it with 111, and the next start goes on" {
	older 6000
	with PGCDC_DUMP_MAX_RATE=200kB
	start
	wait_until 20 'dumped 5'
	stop_bg RUN TERM 20
	cat err
	[ "$bg_status" -eq 111 ]
	absent pgcdc-read err
	local n
	n=$(grep -c '"action":"R"' out)
	[ "$n" -lt 6000 ]
	with
	pipeline --drain
	[ "$code" -eq 0 ]
	is_whole
	[ "$(grep -c '"action":"R"' out)" -lt $((6000 + n)) ]
	# One that comes while a restart is waited for.
	rm -f out state state.snapshot
	with PGCDC_RESTART_MIN=1h PGCDC_RESTART_MAX=1h PGCDC_STAGES=./end
	echo 'exit 111' | script ./end
	: >err
	start
	wait_until 20 'grep -q "is started again" err'
	stop_bg RUN
	[ "$bg_status" -eq 111 ]
	tail -n 1 err | is 'pgcdc-run: error: the end came before the snapshot was complete; the next start goes on with progress file "state.snapshot"'
}

@test "initial: without a slot it is made before a row is read" {
	insert 1 1000
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	[ "$(sql "SELECT plugin FROM pg_replication_slots WHERE slot_name = '$PGDATABASE'")" = pgoutput ]
	insert 1001 1002
	pipeline --drain
	[ "$code" -eq 0 ]
	is_whole
	[ "$(grep -c '"action":"I"' out)" -eq 2 ]
}

@test "only: the rows alone, and done is done" {
	older 1000
	with PGCDC_SNAPSHOT=only
	start
	end_bg RUN 20
	cat err
	[ "$bg_status" -eq 0 ]
	is_whole
	[ "$(jq -r .action out | sort -u | xargs)" = 'C H R' ]
	absent pgcdc-read err
	local before
	before=$(lines)
	insert 1001 1002
	pipeline
	[ "$code" -eq 0 ]
	is 'pgcdc-run: info: the snapshot is complete, says progress file "state.snapshot"; remove it to begin anew' <err
	[ "$(lines)" -eq "$before" ]
	# The stream goes on behind it, and the option wins over the file.
	pipeline --snapshot=none --drain
	[ "$code" -eq 0 ]
	is_whole
	rm state.snapshot
	pipeline
	[ "$code" -eq 0 ]
	[ "$(grep -c '"action":"R"' out)" -eq 2002 ]
}

@test "only: needs no slot when none is named" {
	insert 1 10
	with PGCDC_SNAPSHOT=only
	sed -i /SLOT/d c.env
	pipeline
	cat err
	[ "$code" -eq 0 ]
	is_whole
	[ "$(sql "SELECT count(*) FROM pg_replication_slots WHERE database = '$PGDATABASE'")" -eq 0 ]
}

@test "several sinks and stages: each sink gets all, through the same stages" {
	older 1000
	with PGCDC_SINKS=file:one,file:two PGCDC_FILE_ONE_PATH=one PGCDC_FILE_TWO_PATH=two \
		PGCDC_STAGES='./mark'
	echo 'exec sed -u "s/\"table\"/\"marked\":true,\"table\"/"' | script ./mark
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	is_whole one
	cmp one two
	[ "$(jq -r 'select(.action == "R").marked' one | sort | uniq -c | xargs)" = '1000 true' ]
	# And as a shell runs it.
	rm -f one two state state.snapshot
	pgcdc run -c c.env --print --drain >line
	timeout -k 5 60 sh ./line 3>&- 4>&-
	is_whole one
	cmp one two
}

@test "the default goes through pgcdc-translate" {
	insert 1 3
	pgcdc init --slot="$PGDATABASE" --publication=p
	with PGCDC_READ_DBNAME="$PGDATABASE"
	sed -i '/STAGES/d' c.env
	insert 4 4
	PGDATABASE=postgres pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	is_whole
	[ "$(jq -r 'select(.action == "R") | .columns[].id' out | sort | uniq -c | xargs)" = '4 1-1 4 1-2' ]
}

@test "another server: a standby, which has to have come as far as the slot" {
	older 1000
	local port lsn
	port=$(service standby "$PGDIR/two" "$PGDIR")
	lsn=$(sql "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '$PGDATABASE'")
	with PGCDC_DUMP_PORT="$port" PGCDC_DUMP_MIN_LSN="$lsn"
	insert 1001 1002
	pipeline --drain
	service stop "$PGDIR/two" immediate --escalate
	cat err
	[ "$code" -eq 0 ]
	is_whole
	[ "$(grep -c '"action":"I"' out)" -eq 2 ]
}

# --- what fails

@test "a snapshot that cannot be taken: no stream" {
	older 10
	with PGCDC_DUMP_TABLES=public.nothing
	pipeline
	cat err
	[ "$code" -eq 100 ]
	absent 'starting pgcdc-read' err
	tail -n 1 err | grep -qxF 'pgcdc-run: error: "pgcdc-dump" ended with exit code 100; the line is not started again: see its message above for what to do'
	with PGCDC_STAGES=./end
	echo 'cat; exit 111' | script ./end
	pipeline --once
	cat err
	[ "$code" -eq 111 ]
	absent 'starting pgcdc-read' err
	grep -q '"./end" ended with exit code 111; what was not acknowledged comes again at the next start' err
	# All was acknowledged, so it is not read again.
	with
	pipeline --drain
	[ "$code" -eq 0 ]
	is_whole
}

@test "settings that cannot be: one line, and 100" {
	local text line
	local lines=()
	while IFS='~' read -r line text; do
		read -ra lines <<<"$line"
		echo "$line"
		with "${lines[@]}"
		sed -i '/=-$/d' c.env
		pipeline
		cat err
		[ "$code" -eq 100 ] && [ "$(lines err)" -eq 1 ] && [ ! -e out ]
		[[ $(<err) == "pgcdc-run: error: $text"* ]]
	done <<-'END'
		PGCDC_SNAPSHOT=always~invalid value "always" of "PGCDC_SNAPSHOT" in file "c.env" line 11; expected "initial", "none" or "only"
		PGCDC_STATE=-~"PGCDC_SNAPSHOT" is "initial" in file "c.env" line 10, and what was read is to be remembered beside the state file; set PGCDC_STATE
		PGCDC_READ_SLOT=-~"PGCDC_SNAPSHOT" is "initial" in file "c.env" line 10, and no slot is named; set PGCDC_READ_SLOT
		PGCDC_STATE=- PGCDC_SOURCE=kafka~"PGCDC_SNAPSHOT" is "initial" in file "c.env" line 10, but source "kafka" has no tables; remove it
		PGCDC_STATE=- PGCDC_SOURCE=kafka PGCDC_SNAPSHOT=only~"PGCDC_SNAPSHOT" is "only" in file "c.env" line 11, but source "kafka" has no tables
		PGCDC_DUMP_HOST=replica~"PGCDC_DUMP_HOST" is set in file "c.env" line 12, so the snapshot may be older than slot "t_
		PGCDC_DUMP_ACK=x~"PGCDC_DUMP_ACK" is set in file "c.env" line 12, but what joins the programs is set by pgcdc-run
		PGCDC_DUMP_PROGRESS_FILE=x~"PGCDC_DUMP_PROGRESS_FILE" is set in file "c.env" line 12, but what joins the programs is set by pgcdc-run
		PGCDC_DUMP_CREATE_SLOT=x~"PGCDC_DUMP_CREATE_SLOT" is set in file "c.env" line 12, but what joins the programs is set by pgcdc-run
		PGCDC_DUMP_JOBBS=2~unknown key "PGCDC_DUMP_JOBBS" in file "c.env" line 12; see "pgcdc-dump --help"
		PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_TRANSACTIONAL_ID=x~"PGCDC_KAFKA_PRODUCE_TRANSACTIONAL_ID" is set in file "c.env" line 12, but the rows of a snapshot are sent at least once; take it without, with --snapshot=only, and then remove PGCDC_SNAPSHOT
	END
}

# --- --print and --check

@test "--print: both lines as a shell runs them" {
	local shell
	older 1000
	for shell in sh bash; do
		rm -rf out runtime state state.snapshot
		pgcdc run -c c.env --print --drain >line
		cat line
		[ ! -e runtime ] && [ ! -e state.snapshot ]
		timeout -k 5 60 "$shell" ./line 2>err 3>&- 4>&-
		is_whole
		[ "$(jq -r .slot state)" = "$PGDATABASE" ]
		insert_next
		timeout -k 5 60 "$shell" ./line 2>err 3>&- 4>&-
		is_whole
		[ "$(grep -c '"action":"I"' out)" -eq 1 ]
	done
	# A snapshot that is not complete keeps the stream from beginning.
	with PGCDC_DUMP_TABLES=public.nothing
	rm -rf out state state.snapshot
	pgcdc run -c c.env --print --drain >line
	run ! timeout -k 5 60 sh ./line 3>&- 4>&-
	[ ! -e state ] && [ "$(grep -c '"slot"' out)" -eq 0 ]
	with
	pgcdc run -c c.env --snapshot=only --print >line
	absent pgcdc-read line
	timeout -k 5 60 sh ./line 3>&- 4>&-
	is_whole
}

@test "--print: the snapshot's server and tables are the stream's, unless others are given" {
	local line want
	while IFS='~' read -r line want; do
		read -ra lines <<<"$line"
		echo "$line"
		with "${lines[@]}"
		pgcdc run -c c.env --snapshot=only --print | grep -A 20 ^PGCDC_DUMP | sed -n 's/ \\$//; s/^PGCDC_DUMP_//p' |
			grep -v RANGE_PAGES | sort | xargs | is "$want"
	done <<-'END'
		PGCDC_READ_USERNAME=u~PUBLICATION=p USERNAME=u
		PGCDC_READ_DBNAME=d PGCDC_READ_HOST=h PGCDC_READ_PORT=1 PGCDC_READ_USERNAME=u PGCDC_READ_INSECURE=1~DBNAME=d HOST=h INSECURE=1 PORT=1 PUBLICATION=p USERNAME=u
		PGCDC_READ_DBNAME=d PGCDC_DUMP_HOST=r PGCDC_DUMP_MIN_LSN=0/1 PGCDC_READ_INSECURE=1~DBNAME=d HOST=r MIN_LSN=0/1 PUBLICATION=p
		PGCDC_READ_HOST=h PGCDC_READ_USERNAME=u PGCDC_DUMP_DBNAME=d PGCDC_DUMP_MIN_LSN=0/1~DBNAME=d MIN_LSN=0/1 PUBLICATION=p
		PGCDC_DUMP_TABLES=*.*~TABLES=*.*
		PGCDC_DUMP_PUBLICATION=q PGCDC_DUMP_USERNAME=v PGCDC_READ_USERNAME=u~PUBLICATION=q USERNAME=v
	END
	pgcdc run -c c.env --print | grep -cF -- "--create-slot=$PGDATABASE" | is 1
	with PGCDC_DUMP_PORT=1 PGCDC_DUMP_MIN_LSN=0/1
	pgcdc run -c c.env --print | absent -e --create-slot
}

@test "--check: the ends are those of the stream" {
	older 1
	pgcdc check -c c.env | grep "slot \"$PGDATABASE\""
	[ ! -e out ]
	pgcdc run -c c.env --check --snapshot=only | grep "slot \"$PGDATABASE\""
	with PGCDC_DUMP_HOST=replica
	run -100 pgcdc check -c c.env
}
