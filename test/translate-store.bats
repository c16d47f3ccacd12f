#!/usr/bin/env bats
# pgcdc-translate and its store: what it asks, what it says when that is something else than it
# should be, and which rows of the log it marks.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2094,SC2154,SC2317

load translate

setup_file() {
	pg_start || return
	sed -i '1i host all careful 127.0.0.1/32 scram-sha-256' "$PGDIR/data/pg_hba.conf"
	sql "SELECT pg_reload_conf()" >/dev/null
}
teardown_file() { pg_stop; }

@test "translate: a store that is not there at the start is temporary, and nothing is read" {
	one_row
	echo rest | { refuses 111 'could not connect: *Connection refused*' -d 'port=1 host=127.0.0.1'; cat; } | tail -n 1 | is rest
	[ ! -s out ]
	refuses 111 'could not connect: *' -d 'host=/nowhere'
}

@test "translate: a store that is none is permanent" {
	one_row
	refuses 100 'could not connect: *database "missing" does not exist*' -d missing
	refuses 100 'could not connect: *authentication failed*' -d 'user=careful password=x'
	run -1 grep -q 'password=x' err
	refuses 100 'database "postgres" has no schema log; *"pgcdc init"*' -d postgres
	sql "DROP ROLE IF EXISTS nobody_special" 2>/dev/null
	sql 'CREATE ROLE nobody_special LOGIN'
	refuses 100 'could not read the schema log: *permission denied for schema pgcdc*"pgcdc init --role"*' -d "user=nobody_special dbname=$PGDATABASE"
	sql "INSERT INTO pgcdc.migrations VALUES ('0999_later')"
	refuses 100 'the schema log has migration "0999_later", *' -d "$PGDATABASE"
	[ ! -s out ]
	sql 'DROP ROLE nobody_special'
}

@test "translate: the stream of another cluster" {
	one_row
	sed -i '1s/"system_identifier":"[0-9]*"/"system_identifier":"77"/' in
	refuses 100 'the stream is of cluster 77, and the store is cluster *'
	[ ! -s out ]
	translate --store= <in >out
}

@test "translate: patterns that match no table are warned about, one line each" {
	one_row
	sql 'CREATE SCHEMA s; CREATE TABLE s.u (id int)'
	translate --tables='public.*,s.x' --exclude-tables=public.tt --schemas='p*,q' --exclude-schemas=r,s \
		--columns='public.t:v,x*,s.y:a' --exclude-columns='*.z:a' --identity='public.t:id,*.n:id' <in 2>err >out
	grep -c metadata out | is 1
	sort err | is 'pgcdc-translate: warning: column "x*" of option "--columns" is in no table of the store that "public.t" matches
pgcdc-translate: warning: pattern "*.n" of option "--identity" matches no table of the store
pgcdc-translate: warning: pattern "*.z" of option "--exclude-columns" matches no table of the store
pgcdc-translate: warning: pattern "public.tt" of option "--exclude-tables" matches no table of the store
pgcdc-translate: warning: pattern "q" of option "--schemas" matches no table of the store
pgcdc-translate: warning: pattern "r" of option "--exclude-schemas" matches no table of the store
pgcdc-translate: warning: pattern "s.x" of option "--tables" matches no table of the store
pgcdc-translate: warning: pattern "s.y" of option "--columns" matches no table of the store'
	translate --store= --tables='s.x' <in 2>err >out
	[ ! -s err ]
}

@test "translate: what the stream does not hold is told by the store, and written for sinks" {
	one_row
	without_log | translate >out
	grep ',"baseline":true}$' out | jq -c '[.action, .schema, .table, (.columns[] | select(.name == "schema").value | fromjson
		| .tables[0] | .name, .id)]' | is '["I","pgcdc","schema_log","t","1"]'
	# It stands before the row, in its transaction.
	[ "$(actions out)" = HBCBIIC ]
	grep -n -e baseline -e metadata out | cut -d : -f 1 | paste -sd ' ' | is '5 6'
	without_baseline | plain /dev/stdin | cmp - <(without_log)
	# As the stream has told it: the same, but for these lines.
	translate <in | grep metadata >whole
	grep metadata out | cmp - whole
	pgcdc-file - <out | cmp - out
}

@test "translate: rows that go back and forth between many definitions, some of them forgotten" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, v int)'
	init
	local i
	for i in {1..25}; do
		echo "ALTER TABLE t RENAME TO t$i; ALTER TABLE t$i RENAME TO t; ALTER TABLE t DROP v; ALTER TABLE t ADD v int; INSERT INTO t VALUES ($i, $i);"
	done | psql -Xq -v ON_ERROR_STOP=1
	read_slot >in
	translate <in >out
	grep metadata out >whole
	jq -r '.columns[1].id' whole | paste -sd ' ' | is "$(seq -f '1-%g' 3 27 | paste -sd ' ')"
	{
		sed -n 1,2p in
		grep '"table":"t"' in | shuf --random-source=<(yes)
		grep '"table":"t"' in | tac
	} >mixed
	mv mixed in
	refuses 111 'the input ends inside a transaction: *'
	grep metadata out | sort -u | cmp - <(sort whole)
	grep -c metadata out | is 50
}

@test "translate: names with dots, quotes and stars, which look like those of others" {
	sql 'CREATE SCHEMA "a.b"; CREATE SCHEMA a; CREATE TABLE a."b.c" (id int PRIMARY KEY, x int);
		CREATE TABLE "a.b".c (id int PRIMARY KEY, y int); CREATE TABLE a."*" (id int PRIMARY KEY, "q""\é" int)'
	init
	local i
	for i in 1 2 3; do
		sql "INSERT INTO a.\"b.c\" VALUES ($i); INSERT INTO \"a.b\".c VALUES ($i); INSERT INTO a.\"*\" VALUES ($i)"
		sql "ALTER TABLE a.\"b.c\" ADD x$i int; INSERT INTO a.\"b.c\" VALUES (1$i); INSERT INTO \"a.b\".c VALUES (1$i)"
		sql "ALTER TABLE \"a.b\".c ADD y$i int; INSERT INTO a.\"b.c\" VALUES (2$i); INSERT INTO \"a.b\".c VALUES (2$i)"
	done
	stream
	translate --store= <in | cmp - out
	grep metadata out >whole
	[ "$(wc -l <whole)" = 21 ]
	jq -r '[.table, .metadata.table_id] | join(" ")' whole | sort | uniq -c | is '      3 * 3
      9 b.c 1
      9 c 2'
	without_log | translate | grep metadata | cmp - whole
}

@test "translate: without event triggers: keys from the catalog, and what it cannot know" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, v text, w text); CREATE TABLE u (a int NOT NULL, b int NOT NULL, UNIQUE (b));
		ALTER TABLE u REPLICA IDENTITY USING INDEX u_b_key; CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE moved (id int PRIMARY KEY)'
	init --no-ddl
	sql "INSERT INTO t VALUES (1, 'a', 'b'); INSERT INTO u VALUES (1, 2); DELETE FROM u; INSERT INTO gone VALUES (1); INSERT INTO moved VALUES (1)"
	local oid_t oid_u
	oid_t=$(sql "SELECT 't'::regclass::oid") oid_u=$(sql "SELECT 'u'::regclass::oid")
	stream 2>err
	[[ $(<err) == 'pgcdc-translate: warning: no schema changes are logged in the store: '* ]]
	[ "$(wc -l <err)" = 1 ]
	ids | head -n 3 | sed "s/o$oid_t/T/g; s/o$oid_u/U/g" | is 'I t #T (T-1) T-1:id=1 T-2:v="a" T-3:w="b"
I u #U (U-2) U-1:a=1 U-2:b=2
D u #U (U-2) | U-2:b=2'
	jq -c 'select(.metadata).metadata.schema_id' out | sort -u | is null
	run -1 grep -q '"baseline":true}$' out
	sql "ALTER TABLE t RENAME v TO x; ALTER TABLE t DROP w; DROP TABLE gone; ALTER TABLE moved RENAME TO m; INSERT INTO t VALUES (2, 'c')"
	stream 2>err
	plain | cmp - in
	ids | grep -v ' u ' | sed "s/o$oid_t/T/g" | is 'I t #T (T-1) T-1:id=1 ?:v="a" ?:w="b"
I gone #? () ?:id=1
I moved #? () ?:id=1
I t #T (T-1) T-1:id=2 T-2:x="c"'
	[ "$(grep -c 'is not in the store.s catalog' err)" -ge 3 ]
	run -1 grep -q ' error: ' err
	# What it cannot know has no identity.
	translate -q --no-identity=drop <in | ids /dev/stdin | grep -c ' [gm]o' | is 0 || true
}

@test "translate: a table that the log does not know, a gap in the log, and a baseline for both" {
	one_row
	sql "ALTER EVENT TRIGGER pgcdc_command_end DISABLE; ALTER TABLE t ADD w int; CREATE TABLE u (id int PRIMARY KEY)"
	sql "INSERT INTO pgcdc.schema_log (command_tag, schema) VALUES ('ALTER TABLE', '{\"gap\": \"out of sorts\"}')"
	sql "ALTER EVENT TRIGGER pgcdc_command_end ENABLE ALWAYS; ALTER PUBLICATION p ADD TABLE u"
	sql "INSERT INTO u VALUES (1)"
	read_slot >in
	refuses 100 'the schema log does not have table "public.u" at *; run "pgcdc init --baseline"*'
	grep -c 'warning: the schema log has a gap at .*out of sorts.*pgcdc init --baseline' err | is 1
	sql "INSERT INTO t VALUES (2, 'b', 3)"
	read_slot | grep -v '"table":"u"' >in
	refuses 100 'line *: column "w" of table "public.t" at * is not in row * of the schema log; *'
	init --baseline
	sql "INSERT INTO t VALUES (3, 'c', 4); INSERT INTO u VALUES (2)"
	stream 2>err
	ids | is 'I t #1 (1-1) 1-1:id=1 1-2:v="a"
I u #2 (2-1) 2-1:id=1
I t #1 (1-1) 1-1:id=2 1-2:v="b" 1-3:w=3
I t #1 (1-1) 1-1:id=3 1-2:v="c" 1-3:w=4
I u #2 (2-1) 2-1:id=2'
	grep -c 'warning: a change of table "public.t" before .* is not in the schema log: its rows are read with row .*, which was logged later' err | is 1
}

@test "translate: a command that the log has missed, caught up by a baseline or by the next one" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, v text)'
	init
	# In this isolation level a table that somebody else has changed meanwhile is a gap.
	open_session late
	say late 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1'
	sql 'ALTER TABLE t ADD a int'
	say late 'ALTER TABLE t ADD b int; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2, NULL, 3, 4); COMMIT'
	read_slot >in
	refuses 100 'line *: column "b" of table "public.t" at * is not in row * of the schema log; *'
	sql 'ALTER TABLE t ADD c int; INSERT INTO t VALUES (3, NULL, 4, 5, 6)'
	stream 2>err
	ids | is 'I t #1 (1-1) 1-1:id=1 1-2:v=null 1-3:a=null 1-4:b=null
I t #1 (1-1) 1-1:id=2 1-2:v=null 1-3:a=3 1-4:b=4
I t #1 (1-1) 1-1:id=3 1-2:v=null 1-3:a=4 1-4:b=5 1-5:c=6'
	sql 'ALTER EVENT TRIGGER pgcdc_command_end DISABLE; ALTER TABLE t ADD d int; ALTER EVENT TRIGGER pgcdc_command_end ENABLE ALWAYS'
	sql 'INSERT INTO t VALUES (4, NULL, 5, 6, 7, 8)'
	read_slot >in
	refuses 100 'line *: column "d" of table "public.t" at * is not in row * of the schema log; *'
	init --baseline
	stream 2>err
	ids | tail -n 1 | is 'I t #1 (1-1) 1-1:id=4 1-2:v=null 1-3:a=5 1-4:b=6 1-5:c=7 1-6:d=8'
}

@test "translate: a store that is another database of the cluster" {
	one_row
	sql 'CREATE DATABASE twin'
	PGDATABASE=twin sql 'CREATE TABLE t (id int PRIMARY KEY, v text)'
	PGDATABASE=twin pgcdc init -S twin --publication=p >init.out 2>&1
	refuses 100 "slot \"$PGDATABASE\" of the stream is of database \"$PGDATABASE\", and the store is database \"twin\"; *" --store=twin
	[ ! -s out ]
	PGDATABASE=twin pgcdc teardown -S twin >teardown.out 2>&1
	sql 'DROP DATABASE twin'
}

@test "translate: a definition in the store that cannot be read is permanent" {
	one_row
	without_log >whole
	mv whole in
	sql "UPDATE pgcdc.schema_log SET schema = jsonb_set(schema, '{tables,0,x}', '1e999')"
	refuses 100 'the definition of table "public.t" in row * of the schema log cannot be used: *'
	[ "$(actions out)" = HBCB ]
}

@test "translate: rows of the log are marked when the slot has confirmed them, by a role of init" {
	sql 'DROP ROLE IF EXISTS marker' 2>/dev/null
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	init --role=marker
	sql 'INSERT INTO t VALUES (1)'
	sql 'ALTER TABLE t ADD v text'
	all() {
		pgcdc-read -U marker -S "$PGDATABASE" --publication=p --ack=ack --status-interval=100ms |
			pgcdc-translate -d "user=marker dbname=$PGDATABASE" --acked-interval="$1" |
			pgcdc-file --ack=ack "$2"
	}
	start_bg ALL all 0 none.ndjson
	wait_until 20 '[ "$(of_slot "confirmed_flush_lsn >= (SELECT max(lsn) FROM pgcdc.schema_log)")" = t ]'
	sql 'CHECKPOINT'
	stop_bg ALL KILL
	[ "$(sql 'SELECT bool_or(acked) FROM pgcdc.schema_log')" = f ]
	wait_until 10 '[ "$(of_slot active)" = f ]'
	start_bg ALL all 50ms out.ndjson
	# Each checkpoint logs a snapshot of running transactions, which lets the slot forget the older ones.
	wait_until 30 'sql "INSERT INTO t VALUES ($((SRANDOM >> 8)))"; all_acked'
	stop_bg ALL KILL
	# What it marks is no event.
	run -1 grep -q '"action":"U"' out.ndjson
	wait_until 10 '[ "$(of_slot active)" = f ]'
	pgcdc teardown -S "$PGDATABASE" --role=marker >teardown.out 2>&1
}

@test "translate: a row of the log that no slot has confirmed is not marked" {
	one_row
	live_store --acked-interval=20ms
	cat in >&5
	hear "$(wc -l <in)"
	sql CHECKPOINT
	# It has looked, and not only once.
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE \$\$UPDATE pgcdc%\$\$ AND state = \$\$idle\$\$ AND query_start < clock_timestamp()")" = 1 ]'
	exec 5>&-
	end_bg LIVE
	exec 6<&-
	[ "$(sql 'SELECT acked FROM pgcdc.schema_log ORDER BY id DESC LIMIT 1')" = f ]
}

@test "translate: a standby is a store, where nothing can be marked: one warning" {
	one_row
	local standby
	standby=$(service standby "$PGDIR/standby" "$PGDIR")
	sql "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')" >/dev/null
	wait_until 20 '[ "$(PGPORT=$standby sql "SELECT count(*) FROM pgcdc.schema_log" 2>/dev/null)" -ge 1 ]'
	PGPORT=$standby live_store --acked-interval=10ms
	: >out
	without_log >&5
	hear "$(($(without_log | wc -l) + 1))"
	wait_until 20 '[ -s err ]'
	[[ $(<err) == 'pgcdc-translate: warning: could not mark rows of the schema log as confirmed: '* ]]
	exec 5>&-
	end_bg LIVE
	exec 6<&-
	[ "$bg_status" = 0 ]
	[ "$(wc -l <err)" = 1 ]
	ids | is 'I t #1 (1-1) 1-1:id=1 1-2:v="a"'
	service stop "$PGDIR/standby" immediate
	sql "SELECT pg_drop_replication_slot('standby')" >/dev/null
}

@test "translate: 10,000 tables of 20 columns, from the stream and from the store, in 32 MiB" {
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	init
	# A log of so many tables is made quicker than they are.
	sql "INSERT INTO pgcdc.schema_log (schema_name, command_tag, schema)
		SELECT 'public', 'CREATE TABLE', jsonb_build_object('tables', jsonb_build_array(jsonb_build_object('id', n::text,
			'schema', 'public', 'name', 'table_' || n, 'identity', jsonb_build_array(n || '-1'), 'columns', columns)))
		FROM generate_series(1, 10000) n, LATERAL (SELECT jsonb_agg(jsonb_build_object('id', n || '-' || c,
			'name', 'column_' || c, 'type', 'text', 'nullable', true, 'unique', false)) AS columns FROM generate_series(1, 20) c) c"
	read_slot >log
	local lsn
	lsn=$(sql 'SELECT pg_current_wal_lsn()')
	{
		head -n 1 log
		echo '{"action":"B","lsn":"0/1"}'
		awk -v lsn="$lsn" 'BEGIN {
			for (c = 1; c <= 20; c++)
				columns = columns (c > 1 ? "," : "") "{\"name\":\"column_" c "\",\"type\":\"text\",\"value\":" c "}"
			for (n = 1; n <= 10000; n++)
				printf "{\"action\":\"I\",\"lsn\":\"%s\",\"schema\":\"public\",\"table\":\"table_%d\",\"columns\":[%s]}\n", lsn, n, columns }'
	} >rows
	local option
	for option in --store= --acked-interval=1s; do
		mkfifo to
		live() { exec pgcdc-translate "$1" <to >out 2>err; }
		start_bg LIVE live "$option"
		exec 5>to
		if [ "$option" = --store= ]; then { cat log; sed 1d rows; } >&5; else cat rows >&5; fi
		wait_until 90 '[ "$(grep -c "\"metadata\"" out)" = 10000 ]'
		awk '$1 == "VmHWM:" { print $2 }' "/proc/$LIVE/status" >peak
		echo "$option: $(<peak) kB"
		grep -q __asan_init "/proc/$LIVE/exe" || [ "$(<peak)" -le 32768 ]
		tail -n 1 out | jq -r '"\(.metadata.table_id) \(.columns[19].id)"' | is '10000 10000-20'
		exec 5>&-
		end_bg LIVE
		says "$bg_status" 111 'the input ends inside a transaction: *'
		rm to
	done
}

@test "translate: killed at any moment, nothing is lost, and what comes again is the same" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, v text)'
	init
	local i
	for i in {1..60}; do
		echo "BEGIN; INSERT INTO t (id) SELECT $i * 100 + i FROM generate_series(1, 90) i; COMMIT;"
		[ "$((i % 10))" != 0 ] || echo "ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME x TO v;"
	done | psql -Xq -v ON_ERROR_STOP=1
	stream
	grep '"metadata"' out | sort >whole
	all() {
		pgcdc-read -S "$PGDATABASE" --publication=p --drain --ack=ack --status-interval=50ms |
			{ echo "$BASHPID" >translate.pid; exec pgcdc-translate; } |
			pgcdc-file --ack=ack sunk
	}
	local seed=${SEED:-$RANDOM} round
	echo "SEED=$seed"
	RANDOM=$seed
	for round in 1 2 3 4; do
		rm -f translate.pid
		start_bg ALL all
		wait_until 10 '[ -s translate.pid ]'
		wait_until 10 "[ \"\$(cat sunk 2>/dev/null | wc -c)\" -ge $((RANDOM * round)) ] || ! running $ALL"
		kill -s KILL "$(<translate.pid)" 2>/dev/null || true
		end_bg ALL 20
		wait_until 10 '[ "$(of_slot active)" = f ]'
	done
	start_bg ALL all
	end_bg ALL 30
	[ "$bg_status" = 0 ]
	# The last line of a killed run may be half a line, which the next one has cut off.
	grep '"metadata"' sunk | sort -u | cmp - whole
}

# dumped A B: a row of t as pgcdc-dump would write it now.
dumped() {
	printf '{"action":"R","lsn":"%s","schema":"public","table":"t","columns":[{"name":"id","type":"integer","value":1},{"name":"%s","type":"integer","value":2},{"name":"%s","type":"integer","value":3}]}\n' \
		"$(sql 'SELECT pg_current_wal_lsn()')" "$1" "$2" >&5
}

# No row of the log comes down a dump's stream, so what was the newest definition may not be it any more.
@test "translate: rows of a dump from before names were swapped, and from behind that" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, a int, b int)'
	init
	live_store
	printf '{"action":"H","format":1,"system_identifier":"%s","start":"0123456789abcdef-0"}\n' \
		"$(sql 'SELECT system_identifier FROM pg_control_system()')" >&5
	dumped a b
	hear 3
	sql 'BEGIN; ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b; COMMIT'
	dumped b a
	hear 2
	sql 'CREATE TABLE other (id int)'
	dumped b a
	hear 1
	exec 5>&- 6<&-
	end_bg LIVE
	[ "$bg_status" -eq 0 ] || { cat err; return 1; }
	ids | is 'R t #1 (1-1) 1-1:id=1 1-2:a=2 1-3:b=3
R t #1 (1-1) 1-1:id=1 1-2:b=2 1-3:a=3
R t #1 (1-1) 1-1:id=1 1-2:b=2 1-3:a=3'
	[ "$(grep -c '"baseline":true' out)" -eq 2 ]
}
