#!/usr/bin/env bats
# pgcdc init --snapshot: the rows that are there, on standard output, and the slot behind them.
# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

bats_require_minimum_version 1.5.0
load pgcdc

setup() {
	fresh_db
	export MAIN_PORT=$PGPORT
	cd "$BATS_TEST_TMPDIR" || return
	sql 'CREATE TABLE a (i int PRIMARY KEY, v int DEFAULT 0); CREATE TABLE bare (i int)'
	sql 'INSERT INTO a SELECT generate_series(1, 1000); INSERT INTO bare VALUES (1)'
}

# snapshot [OPTION]...: rows go to rows, messages to err, the exit code to code.
snapshot() {
	code=0
	timeout -k 5 60 pgcdc init --snapshot "$@" >rows 2>err 3>&- 4>&- || code=$?
	cat err
}

# final FILE...: the rows of a, as they are at the end of these lines.
final() {
	jq -nr 'reduce (inputs | select(.table == "a")) as $e ({};
		if $e.action == "D" then del(.[$e.identity[0].value | tostring])
		else .[$e.columns[0].value | tostring] = $e.columns[1].value end)
		| to_entries[] | "\(.key)|\(.value)"' "$@" | sort -n
}

is_whole() { sql 'TABLE a ORDER BY i' | diff - <(final "$@"); }

@test "the rows on standard output and nothing else, and behind them the changes" {
	snapshot
	[ "$code" -eq 0 ]
	grep -x 'created publication "pgcdc" (1 table)' err
	grep -q 'table "public.bare" is left out' err
	absent 'rows already' err
	[ "$(jq -r .action rows | sort | uniq -c | xargs)" = '1 C 1 H 1000 R' ]
	is_whole rows
	[ "$(slot plugin)" = pgoutput ]
	[ "$(slot "coalesce(to_jsonb(s)->>'failover', 'false')")" = false ]
	sql 'INSERT INTO a VALUES (1001); UPDATE a SET v = 1 WHERE i > 500; DELETE FROM a WHERE i < 100'
	read_all pgcdc pgcdc
	[ "$(grep -c '"table":"a"' out)" -eq 601 ]
	is_whole rows out
	# What init logs behind the start of a slot is there.
	jq -e -n '[inputs | select(.table == "schema_log")] | length > 0' out
	expect 0 '' pgcdc check
	expect 0 'dropped slot "pgcdc"' pgcdc teardown
}

@test "what changes meanwhile is in the rows or behind them" {
	change() {
		while [ ! -e stop ]; do
			echo 'INSERT INTO a SELECT max(i) + 1 FROM a; UPDATE a SET v = v + 1 WHERE i % 97 = trunc(random() * 97);
			    DELETE FROM a WHERE i = trunc(random() * 1000);'
		done | psql -XAtq -v ON_ERROR_STOP=1
	}
	start_bg LOAD change
	snapshot --range-pages=1 --jobs=2 -S orders --publication=orders
	[ "$code" -eq 0 ]
	[ "$(grep -c '"action":"C"' rows)" -gt 1 ]
	: >stop
	end_bg LOAD
	read_all orders orders
	is_whole rows out
}

@test "with acks, and on behind what was killed" {
	mkfifo -m 600 ack
	line() {
		pgcdc init --snapshot --ack=ack --wait-for=file --progress-file=progress --range-pages=1 "$@" 2>>err |
			pgcdc-file --ack=ack out
	}
	start_bg INIT line --max-rate=20kB
	wait_until 20 'grep -q ^read progress'
	kill_hard INIT
	wait_until 10 '[ "$(slot active)" = f ]'
	run -0 timeout -k 5 60 bash -c "set -o pipefail; $(declare -f line); line" 3>&- 4>&-
	cat err
	[ "$(tail -n 1 progress)" = 'done' ]
	is_whole out
	sql 'INSERT INTO a VALUES (1001)'
	mv out first
	read_all pgcdc pgcdc
	is_whole first out
}

slot() { sql "SELECT $1 FROM pg_replication_slots s WHERE slot_name = 'pgcdc'"; }

@test "the slot can follow to standbys" {
	snapshot --failover
	if [ "$MAJOR" -lt 17 ]; then
		[ "$code" -eq 100 ] && [ ! -s rows ]
		return
	fi
	[ "$code" -eq 0 ]
	[ "$(slot failover)" = t ]
	is_whole rows
}

@test "a slot that is there is none of a snapshot's" {
	pgcdc init
	snapshot
	[ "$code" -eq 100 ]
	[ ! -s rows ]
	grep -q 'pgcdc-dump: error: .*slot "pgcdc"' err
}

@test "options of pgcdc-dump need --snapshot, and some of init exclude it" {
	expect 100 'option "--jobs" needs "--snapshot"' pgcdc init --jobs=2
	expect 100 'option "--wait-for" needs "--snapshot"' pgcdc init --wait-for=a --wait-for=b
	expect 100 'options "--snapshot" and "--dry-run" exclude each other' pgcdc init --snapshot --dry-run
	expect 100 'options "--snapshot" and "--migrate" exclude each other' pgcdc init --snapshot --migrate
	expect 100 'unknown option "--snapshot"' pgcdc check --snapshot
	snapshot --jobs=none
	[ "$code" -eq 100 ] && [ ! -s rows ]
	grep -q 'invalid value "none" in environment variable "PGCDC_DUMP_JOBS"' err
	# The variable is pgcdc-run's.
	PGCDC_SNAPSHOT=initial expect 0 'created slot "pgcdc"' pgcdc init
}

@test "a signal is passed on, and its end waited for" {
	it() { exec pgcdc init --snapshot --max-rate=20kB --range-pages=1 >rows 2>err; }
	start_bg INIT it
	wait_until 20 '[ "$(wc -l <rows)" -gt 100 ]'
	stop_bg INIT TERM 20
	cat err
	[ "$bg_status" -eq 111 ]
	tail -n 1 err | grep 'pgcdc-dump: error: the end came before all tables were read'
	[ "$(tail -n 1 rows | jq -r .action)" = C ]
}

absent() { ! grep "$@"; }
