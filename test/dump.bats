#!/usr/bin/env bats
# Which tables the dump takes, its acks, and its progress file.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump

setup_file() { pg_start; }

teardown_file() { pg_stop; }

@test "dump: H, rows and C: the tokens make a chain, of one run" {
	sql 'CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)'
	dump --tables=public.t
	local id run
	id=$(sql 'SELECT system_identifier FROM pg_control_system()')
	run=$(sed -n '1s/.*"start":"\([0-9a-f]\{16\}\)-0"}$/\1/p' out)
	[ -n "$run" ]
	sed 's/"lsn":"[0-9A-F]*\/[0-9A-F]*"/"lsn":"L"/' out | is "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"$id\",\"start\":\"$run-0\"}
{\"action\":\"R\",\"lsn\":\"L\",\"schema\":\"public\",\"table\":\"t\",\"columns\":[{\"name\":\"id\",\"type\":\"integer\",\"value\":1}]}
{\"action\":\"R\",\"lsn\":\"L\",\"schema\":\"public\",\"table\":\"t\",\"columns\":[{\"name\":\"id\",\"type\":\"integer\",\"value\":2}]}
{\"action\":\"C\",\"prev\":\"$run-0\",\"ack\":\"$run-1\"}"
	[ "$(wc -l <err)" -eq 1 ]
	grep -E '^pgcdc-dump: info: read 2 rows of 1 tables? in 1 range' err
	mv out before
	dump --tables=public.t
	run -1 grep "$run" out
}

# tables: those that have rows in out, with their schema, in one line.
tables() { jq -r 'select(.action == "R") | .schema + "." + .table' out | sort | paste -sd ' '; }

make_tables() {
	sql 'CREATE SCHEMA s; CREATE SCHEMA "S.x";
		CREATE TABLE orders (id int); INSERT INTO orders VALUES (1);
		CREATE TABLE order_lines (id int); INSERT INTO order_lines VALUES (1);
		CREATE TABLE s.orders (id int); INSERT INTO s.orders VALUES (1);
		CREATE TABLE "S.x"."A,b" (id int); INSERT INTO "S.x"."A,b" VALUES (1);
		CREATE SCHEMA pgcdc; CREATE TABLE pgcdc.schema_log (id int); INSERT INTO pgcdc.schema_log VALUES (1);
		CREATE VIEW v AS SELECT * FROM orders; CREATE MATERIALIZED VIEW m AS SELECT * FROM orders;
		CREATE SEQUENCE q'
}

@test "dump: patterns of tables, and of those that are not wanted" {
	make_tables
	local pattern wanted
	while IFS='|' read -r pattern wanted; do
		echo "$pattern"
		eval "dump $pattern"
		tables | is "$wanted"
	done <<-'END'
		--tables=public.orders|public.orders
		--tables=public.orders,s.orders|public.orders s.orders
		--tables=public.orders --tables='*.orders'|public.orders s.orders
		-t 'public.order*'|public.order_lines public.orders
		-t '*.*'|S.x.A,b public.order_lines public.orders s.orders
		-t '*.*' --exclude-tables='public.*'|S.x.A,b s.orders
		-t 'S.x.*'|S.x.A,b
		-t '*.*' --exclude-tables='*.orders,S.x.*'|public.order_lines
	END
}

@test "dump: publications, several of them, and patterns inside them" {
	make_tables
	sql 'CREATE PUBLICATION a FOR TABLE orders, s.orders; CREATE PUBLICATION b FOR TABLE orders, order_lines;
		CREATE PUBLICATION "all" FOR ALL TABLES; CREATE PUBLICATION "odd, name" FOR TABLE "S.x"."A,b"'
	dump --publication=a
	tables | is 'public.orders s.orders'
	dump --publication=a,b
	tables | is 'public.order_lines public.orders s.orders'
	dump --publication=all
	tables | is 'S.x.A,b public.order_lines public.orders s.orders'
	dump --publication=a,b --tables='public.*' --exclude-tables=public.orders
	tables | is 'public.order_lines'
	refuses_to_begin 100 'table "public.order_lines" does not exist' --publication=a --tables=public.order_lines
	PGCDC_DUMP_PUBLICATION=b PGCDC_DUMP_EXCLUDE_TABLES='*.order_*' dump
	tables | is 'public.orders'
}

@test "dump: a value of 100 MiB, within 700 MiB of memory" {
	sql "CREATE TABLE t (id int, v text, b bytea); INSERT INTO t VALUES (1, repeat('0123456789abcde\\', 6553600), NULL), (2, 'x', NULL)"
	start_bg DUMP sizes
	wait_until 60 '! running "$DUMP"'
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
	jq -r 'select(.action == "R") | .columns[1].value | length' values | is '104857600
1'
	[ "$(cat peak)" -lt 700000 ]
}
# Runs the dump, and notes its largest size.
sizes() {
	local pid peak=0 now
	pgcdc-dump --tables=public.t >values &
	pid=$!
	while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
		peak=$now
	done
	echo "$peak" >peak
	wait "$pid"
}

@test "dump: --max-rate: no more than so much in a second" {
	make_wide 300
	local start
	start=$(now_us)
	dump --tables=public.t --max-rate=300KiB
	[ "$(($(now_us) - start))" -ge 1000000 ]
	has_ids_once 1 300
}

# --- acks

@test "dump: pgcdc-file behind it: both end with 0, and the file has it all" {
	make_wide 2000
	timeout 60 pgcdc-dump --tables=public.t --ack=ack --jobs=4 --range-pages=10 2>err 3>&- 4>&- |
		timeout 60 pgcdc-file --ack=ack events 3>&- 4>&-
	[ "${PIPESTATUS[*]}" = '0 0' ]
	has_ids_once 1 2000 events
	is_whole_stream events
	# With --ack=stdout what is written counts.
	dump --tables=public.t --ack=stdout --progress-file=progress
	[ "$(tail -n 1 progress)" = 'done' ]
}

# alone: a dump into a file, whose acks are the test's.
alone() { exec pgcdc-dump --tables=public.t --range-pages=1 --ack=ack --progress-file=progress --max-rate=60KiB >events 2>err; }

# token N: that of the N-th C line.
token() { sed -n 's/^{"action":"C".*"ack":"\([^"]*\)"}$/\1/p' events | sed -n "$1p"; }

recorded() { grep -c '^read ' progress || true; }

@test "dump: what is not acknowledged is not done; what is acknowledged is not read again" {
	make_wide 300
	start_bg DUMP alone
	wait_until 20 '[ "$(grep -c "^{.action.:.C" events)" -ge 10 ]'
	[ "$(recorded)" -eq 0 ]
	echo "$(token 3) file" >ack
	wait_until 20 '[ "$(recorded)" -eq 3 ]'
	# A token that is not of this run, or was not given out, is none.
	printf '%s\n' 'deadbeefdeadbeef-9 file' "$(token 1 | cut -d - -f 1)-1000 file" >ack
	wait_until 10 'grep -q "is ignored" err' # of both it says so once
	[ "$(recorded)" -eq 3 ]
	kill_hard DUMP

	rm events
	start_line --tables=public.t --range-pages=1 --progress-file=progress
	end_line 0
	has_ids_once 10 300 events
	[ "$(tail -n 1 progress)" = 'done' ]
	[ "$(recorded)" -ge 100 ]
}

@test "dump: --wait-for: all of them must acknowledge" {
	make_wide 30
	waiting() { exec pgcdc-dump --tables=public.t --ack=ack --wait-for=one,two --progress-file=progress >events 2>err; }
	start_bg DUMP waiting
	wait_until 20 '[ "$(grep -c "^{.action.:.C" events)" -eq 1 ]'
	echo "$(token 1) one" >ack
	wait_until 10 'grep -q "waiting up to .* for the last acks" err'
	[ "$(recorded)" -eq 0 ]
	echo "$(token 1) two" >ack
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
	[ "$(recorded)" -eq 1 ]
}

@test "dump: no ack within --shutdown-timeout: 111, and nothing is done" {
	make_wide 30
	ends 111 'no ack of *-1 from "any sink" within --shutdown-timeout' --tables=public.t --ack=ack --progress-file=progress --shutdown-timeout=200ms
	[ "$(recorded)" -eq 0 ]
	run -1 grep -x 'done' progress
}

@test "dump: the sink is killed: 111, and the next run goes on" {
	make_wide 3000
	start_line --tables=public.t --range-pages=3 --progress-file=progress
	wait_until 20 '[ "$(recorded)" -ge 10 ]'
	kill_hard SINK
	end_bg DUMP
	said "$bg_status" 111 'standard output is closed: the program behind it has ended'
	start_line --tables=public.t --range-pages=3 --progress-file=progress
	end_line 0
	has_ids 1 3000 events
	[ "$(ids events | wc -l)" -lt 5900 ]
}

# --- progress

@test "dump: SIGKILL at any moment, run again until it is complete: no row is missing" {
	make_wide 4000
	sql 'CREATE TABLE u (id int, v text)' -c 'INSERT INTO u SELECT i FROM generate_series(10001, 12000) i'
	local n
	for n in 1 2 3 4 5 6; do
		start_line --tables='public.*' --range-pages=3 --jobs=3 --progress-file=progress --max-rate=20MiB
		wait_until 20 "[ -e events ] && [ \"\$(wc -l <events)\" -ge $((n * 400)) ]"
		kill -s KILL "$DUMP"
		kill_hard SINK
		kill_hard DUMP
		case $n in
		2) sql 'UPDATE t SET a = -a WHERE id % 3 = 0' ;; # they move
		3) sql 'DELETE FROM u WHERE id > 11990' -c 'ALTER TABLE u ADD w int DEFAULT 1' ;;
		4) sql 'VACUUM t' -c 'UPDATE t SET a = -a WHERE id % 5 = 0' ;;
		5) sql 'VACUUM FULL u' ;;
		esac
	done
	start_line --tables='public.*' --range-pages=3 --jobs=3 --progress-file=progress
	end_line 0
	has_ids 1 4000 <(jq -c 'select(.table == "t")' events)
	[ "$(ids <(jq -c 'select(.table == "u")' events) | sort -nu | head -n 1990 | tail -n 1)" -eq 11990 ]
	[ "$(tail -n 1 progress)" = 'done' ]
	[ "$(grep -c ^snapshot progress)" -ge 2 ]
	# The last words on a row are in the newest snapshot that it changed before.
	[ "$(jq -r 'select(.table == "t") | "\(.columns[0].value) \(.columns[1].value)"' events |
		awk '{ a[$1] = $2 } END { for (id in a) print id, a[id] }' | sort -n)" = "$(sql 'SELECT id, a FROM t ORDER BY id' -F ' ')" ]

	dump --tables='public.*' --ack=ack --progress-file=progress
	[ ! -s out ]
	is 'pgcdc-dump: info: the dump of progress file "progress" is complete; remove it to begin anew' <err
}

@test "dump: a crash in the middle of a line of the progress file" {
	make_wide 30
	dump --tables=public.t --range-pages=1 --ack=stdout --progress-file=progress
	local whole size
	whole=$(stat -c %s progress)
	for size in $((whole - 1)) $((whole - 9)) $((whole / 2)) 40 5 0; do
		cp progress cut
		truncate -s "$size" cut
		dump --tables=public.t --range-pages=1 --ack=stdout --progress-file=cut
		[ "$(tail -n 1 cut)" = 'done' ]
		[ "$(head -n 1 cut)" = "$(head -n 1 progress)" ]
	done
	has_ids_once 1 30
}

@test "dump: tables that were dropped or made since the run before" {
	make_wide 300
	make_wide 30 gone
	start_held --tables='public.*' --ack=stdout --progress-file=progress
	kill_hard DUMP
	# What is in the pipe counts as read; its last line may be cut off.
	timeout 60 cat <&"$HELD" >>begun
	exec {HELD}<&-
	sed -i '$d' begun
	sql 'DROP TABLE gone'
	make_wide 30 new
	dump --tables='public.*' --ack=stdout --progress-file=progress
	grep '"table":"new"' out >new
	has_ids_once 1 30 new
	cat begun out | grep '"table":"t"' >t
	has_ids 1 300 t
}

@test "dump: on a terminal the pages, the rows and the bytes are drawn" {
	make_wide 300
	script -qec 'pgcdc-dump --tables=public.t >out' drawn </dev/null >/dev/null 3>&- 4>&-
	grep -aF '0 of 100 pages, 0 rows, ' drawn
	# It leaves nothing behind.
	grep -aF $'\r\e[Kpgcdc-dump: info: read 300 rows of 1 table in 1 range' drawn
	has_ids_once 1 300
}
