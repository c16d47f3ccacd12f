#!/usr/bin/env bats
# The schema log: what init, check, teardown, trim and a dump do with it.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# bg_status is set by end_bg

bats_require_minimum_version 1.5.0
load ddl

# --- init

@test "a baseline is logged before the slot's start, and again behind it" {
	pgcdc teardown
	sql 'CREATE TABLE a (id int PRIMARY KEY); CREATE SCHEMA s; CREATE TABLE s.b (v text);
	    CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT'
	run -0 pgcdc init
	[ "$(grep -c 'logged the definition of 4 tables' <<<"$output")" -eq 1 ]
	[ "$(sql "SELECT lsn < confirmed_flush_lsn, schema_name, schema -> 'baseline', pgcdc.described(schema)
	    FROM pgcdc.schema_log, pg_replication_slots WHERE slot_name = 'pgcdc' ORDER BY id")" = \
't|public|true|{public.a}
t|s|true|{s.b}
t|public|true|{public.p}
t|public|true|{public.p1}
f|public|true|{public.a}
f|s|true|{s.b}
f|public|true|{public.p}
f|public|true|{public.p1}' ]
	read_all pgcdc pgcdc
	[ "$(grep -c '"table":"schema_log".*BASELINE' "$BATS_TEST_TMPDIR/out")" -eq 4 ]
	# not again, but with the option, or behind another slot
	run -0 pgcdc init
	[[ "$output" != *logged* ]]
	run -0 pgcdc init --baseline
	[ "$(grep -c 'logged the definition of 4 tables' <<<"$output")" -eq 1 ]
	[ "$(log 'count(*)' | xargs)" = 12 ] || [ "$(sql 'SELECT count(*) FROM pgcdc.schema_log')" = 12 ]
	run -0 pgcdc init -S two
	[[ "$output" == *'logged the definition of 4 tables'* ]]
	pgcdc teardown -S two
	run -0 pgcdc init -S two
	[[ "$output" == *'logged the definition of 4 tables'* ]]
	[ "$(sql 'SELECT count(DISTINCT id) FROM pgcdc.table_ids')" = 4 ]
	expect 100 'exclude each other' pgcdc init --no-ddl --baseline
}

@test "--baseline alone logs, mends the triggers, and makes no publication and no slot" {
	pgcdc teardown
	sql 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)'
	pgcdc init -S p1 --publication=p1 --tables=public.a,public.c*
	pgcdc init -S p2 --publication=p2 --tables=public.b,public.c*
	sql 'DROP EVENT TRIGGER pgcdc_command_end; CREATE TABLE c1 (id int PRIMARY KEY); INSERT INTO c1 VALUES (1)'
	run -0 pgcdc init --baseline --dry-run
	[[ "$output" == *'select pgcdc.log_baseline();'* ]]
	[ "$(sql 'SELECT count(*) FROM pg_event_trigger')" = 1 ]
	run -0 pgcdc init --baseline
	echo "$output"
	[ "$(sql 'SELECT pubname FROM pg_publication ORDER BY 1' | xargs)" = 'p1 p2' ]
	[ "$(sql 'SELECT slot_name FROM pg_replication_slots WHERE database = current_database() ORDER BY 1' | xargs)" = 'p1 p2' ]
	[ "$(members p1),$(members p2)" = 'public.a public.c1,public.b public.c1' ]
	for line in 'created event triggers' 'added table "public.c1" to publication "p1"' \
	    'added table "public.c1" to publication "p2"' 'logged the definition of 3 tables' \
	    'pgcdc: warning: the rows that table public.c1 has by now are in no stream'; do
		[[ "$output" == *"$line"* ]]
	done
	expect 1 'table "public.c1" had rows' pgcdc check -S p2 --publication=p2
	[ "$(grep -c '^bad' <<<"$output")" -eq 1 ]
	run -0 pgcdc init --baseline
	[ "$output" = 'logged the definition of 3 tables' ]
	pgcdc check -S p1 --publication=p1
	pgcdc check -S p2 --publication=p2
	# a slot that has a baseline behind its start gets no other
	run -0 pgcdc init -S p2 --publication=p2
	[[ "$output" != *logged* ]]
	# what says more makes what is missing, and so does one in a database that has nothing yet
	run -0 pgcdc init -S p3 --publication=p1 --baseline
	[[ "$output" == *'created slot "p3"'*'logged the definition of 3 tables'* ]]
	pgcdc teardown
	run -0 pgcdc init --baseline
	[[ "$output" == *'created publication "pgcdc"'*'created slot "pgcdc"'* ]]
}

@test "a dry run logs nothing and makes no triggers" {
	pgcdc teardown
	sql 'CREATE TABLE a (id int PRIMARY KEY)'
	run -0 --separate-stderr pgcdc init --dry-run
	[[ "$output" == *'-- created event triggers'* ]]
	[ "$(sql 'SELECT count(*) FROM pg_event_trigger')$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcdc'")" = 00 ]
	pgcdc init
	run -0 pgcdc init --dry-run --baseline
	[ "$(sql 'SELECT count(*) FROM pgcdc.schema_log')" = 2 ]
}

@test "what a transaction did that was open when the triggers came is logged" {
	begin
	sql 'CREATE TABLE t (id int)' -c 'DROP EVENT TRIGGER pgcdc_command_end'
	start_keeper
	hold_open 'ALTER TABLE t ADD v text'
	start_bg OTHER pgcdc init >"$BATS_TEST_TMPDIR/out" 2>&1
	wait_until 20 'grep -q "warning: the schema log waits for 1 open transactions to end" "$BATS_TEST_TMPDIR/out"'
	[ "$(sql "SELECT schema #>> '{tables,0,columns,1,name}' FROM pgcdc.schema_log ORDER BY id DESC LIMIT 1")" = '' ]
	end_open
	end_bg OTHER 30
	cat "$BATS_TEST_TMPDIR/out"
	[ "$bg_status" -eq 0 ]
	[ "$(sql "SELECT command_tag, schema #>> '{tables,0,columns,1,name}' FROM pgcdc.schema_log ORDER BY id DESC LIMIT 1")" = \
	    'BASELINE|v' ]
}

@test "--no-ddl: no triggers, no baseline, and check says so; init without it adds both" {
	pgcdc teardown
	sql 'CREATE TABLE a (id int PRIMARY KEY)'
	run -0 pgcdc init --no-ddl
	[[ "$output" != *triggers* && "$output" != *logged* && "$output" != *'schema changes'* ]]
	run -0 pgcdc init --no-ddl
	sql 'CREATE TABLE b (id int PRIMARY KEY)'
	[ "$(sql 'SELECT count(*) FROM pg_event_trigger')$(sql 'SELECT count(*) FROM pgcdc.schema_log')" = 00 ]
	expect 0 'note schema changes are not logged: init was run with --no-ddl; run "pgcdc init"' pgcdc check
	run -0 pgcdc init
	[[ "$output" == *'created event triggers that log schema changes'* ]]
	[[ "$output" == *'added schema changes to publication "pgcdc"'* ]]
	[[ "$output" == *'logged the definition of 2 tables'* ]]
	expect 0 'ok   schema changes are logged' pgcdc check
	# and --no-ddl takes nothing away
	pgcdc init --no-ddl
	expect 0 'ok   schema changes are logged' pgcdc check
}

@test "check finds triggers that are missing or disabled, and init mends them" {
	begin
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	pgcdc check
	sql 'ALTER EVENT TRIGGER pgcdc_drop DISABLE'
	expect 1 'bad  event trigger "pgcdc_drop" is disabled: schema changes are not logged; run "pgcdc init --baseline"' \
	    pgcdc check
	expect 0 'enabled event triggers' pgcdc init
	[[ "$output" == *'logged the definition of 1 table'* ]]
	sql 'ALTER EVENT TRIGGER pgcdc_drop ENABLE'
	expect 1 'event trigger "pgcdc_drop" is not ENABLE ALWAYS' pgcdc check
	sql 'DROP EVENT TRIGGER pgcdc_command_end'
	expect 1 'event trigger "pgcdc_command_end" does not exist' pgcdc check
	pgcdc init
	sql 'ALTER PUBLICATION pgcdc DROP TABLE pgcdc.schema_log'
	expect 1 'bad  publication "pgcdc" does not publish schema changes' pgcdc check
	pgcdc init
	pgcdc check
	sql 'SET session_replication_role = replica; CREATE TABLE replicated (id int PRIMARY KEY)'
	[ "$(log object_identity "WHERE command_tag = 'CREATE TABLE' ")" = $'public.t\npublic.replicated' ]
	if [ "$MAJOR" -ge 17 ]; then
		PGOPTIONS='-c event_triggers=off' expect 1 'the setting event_triggers is off' pgcdc check
	else
		lacks 'SHOW event_triggers'
	fi
}

@test "a schema pgcdc of the first version is brought up to date" {
	pgcdc teardown
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp -RL "$BATS_TEST_DIRNAME/../sql" "$BATS_TEST_TMPDIR"
	cp "$BATS_TEST_DIRNAME/../bin/pgcdc" "$BATS_TEST_TMPDIR/bin"
	sql 'CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION pgcdc FOR TABLE t'
	psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE SCHEMA pgcdc' \
	    -c 'CREATE TABLE pgcdc.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())' \
	    -f "$BATS_TEST_DIRNAME/../sql/migrations/0001_made.sql" \
	    -c "INSERT INTO pgcdc.migrations VALUES ('0001_made');
		INSERT INTO pgcdc.made (kind, name, detail) VALUES ('publication', 'pgcdc', '*.*'), ('slot', 'pgcdc', 'pgcdc')" \
	    -c "SELECT 1 FROM pg_create_logical_replication_slot('pgcdc', 'pgoutput')" >/dev/null
	expect 1 'bad  schema "pgcdc" is of an older version: schema changes are not logged; run "pgcdc init"' pgcdc check
	expect 0 'there is no schema log to trim' pgcdc trim
	run -0 pgcdc init --migrate
	[ "$output" = $'applied migration "0002_schema_log"\napplied migration "0003_publish"' ]
	expect 1 'event trigger "pgcdc_drop" does not exist' pgcdc check
	run -0 pgcdc init
	[[ "$output" == *'added schema changes to publication "pgcdc"'* ]]
	[[ "$output" == *'logged the definition of 1 table'* ]]
	pgcdc check
	pgcdc teardown
}

@test "a dump can be restored, and --baseline begins the log anew" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE); CREATE TABLE gone (id int PRIMARY KEY); DROP TABLE gone;
	    INSERT INTO t VALUES (1)'
	if [ "$(pg_dump --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -lt "$MAJOR" ]; then
		return # this machine has none for this server
	fi
	pg_dump -f "$BATS_TEST_TMPDIR/dump"
	sql "CREATE DATABASE restored" -d postgres
	PGDATABASE=restored psql -Xq1 -v ON_ERROR_STOP=1 -f "$BATS_TEST_TMPDIR/dump" >/dev/null
	# entries of a server that was further on
	PGDATABASE=restored sql "UPDATE pgcdc.schema_log SET lsn = 'FF/0'"
	PGDATABASE=restored pgcdc init -S restored --baseline
	[ "$(PGDATABASE=restored sql "SELECT count(*) FILTER (WHERE lsn = 'FF/0'), string_agg(DISTINCT command_tag, ',')
	    FROM pgcdc.schema_log")" = '0|BASELINE' ]
	PGDATABASE=restored sql 'DROP INDEX IF EXISTS nothing; ALTER TABLE t DROP CONSTRAINT t_v_key'
	[ "$(PGDATABASE=restored gaps)" = 0 ]
	PGDATABASE=restored pgcdc teardown
	sql 'DROP DATABASE restored' -d postgres
}

@test "teardown leaves nothing" {
	everything() {
		sql "SELECT 'class', relname FROM pg_class WHERE oid >= 16384 ORDER BY 2;
		    SELECT 'proc', oid::regprocedure FROM pg_proc WHERE oid >= 16384 ORDER BY 2;
		    SELECT 'type', typname FROM pg_type WHERE oid >= 16384 ORDER BY 2;
		    SELECT 'namespace', nspname FROM pg_namespace ORDER BY 2;
		    SELECT 'trigger', evtname FROM pg_event_trigger ORDER BY 2;
		    SELECT 'publication', pubname FROM pg_publication ORDER BY 2;
		    SELECT 'identity', relreplident FROM pg_class WHERE relname = 't'"
	}
	pgcdc teardown
	sql 'CREATE TABLE t (id int)'
	everything >"$BATS_TEST_TMPDIR/before"
	pgcdc init --replica-identity=full
	sql 'ALTER TABLE t ADD v int; CREATE TABLE u (id int PRIMARY KEY); DROP TABLE u; ALTER TABLE t DROP v'
	everything | diff "$BATS_TEST_TMPDIR/before" - >/dev/null && false
	pgcdc teardown
	everything | diff "$BATS_TEST_TMPDIR/before" -
	sql 'ALTER TABLE t ADD w text'
}

# --- trim

@test "trim deletes what nothing needs any more" {
	begin
	sql 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE gone (id int PRIMARY KEY);
	    CREATE VIEW v AS TABLE a; ALTER TABLE a ADD one int; ALTER TABLE a ADD two int; DROP TABLE gone'
	pgcdc init --baseline
	sql 'ALTER TABLE a ADD three int'
	left() { sql "SELECT string_agg(command_tag || ' ' || coalesce(object_identity, ''), ',' ORDER BY id) FROM pgcdc.schema_log"; }
	all=$(left)
	# the slot has read nothing yet
	expect 0 'deleted 0 of ' pgcdc trim
	[ "$(left)" = "$all" ]
	read_all pgcdc pgcdc
	end=$(jq -r 'select(.ack).ack' "$BATS_TEST_TMPDIR/out" | tail -n 1)
	middle=$(sql "SELECT lsn FROM pgcdc.schema_log WHERE command_tag = 'DROP TABLE'")
	pgcdc-read -S pgcdc --publication=pgcdc --drain --ack=stdout >/dev/null
	# what the slot still needs is behind its restart_lsn
	sql "SELECT pg_drop_replication_slot('pgcdc')" >/dev/null
	expect 100 'there is no slot, whose position would say what is needed; give one with --before' pgcdc trim
	expect 100 'invalid position "x" for option "--before"' pgcdc trim --before=x
	expect 0 "would delete" pgcdc trim --dry-run --before="$end"
	[ "$(left)" = "$all" ]
	first=$(sql 'SELECT min(lsn) FROM pgcdc.schema_log')
	expect 0 'deleted 0 of ' pgcdc trim --before="$first"
	# of each table the newest; the one that is gone, and commands without a table, are not needed
	expect 0 "deleted 5 of 10 entries of the schema log, up to $middle" pgcdc trim --before="$middle"
	[ "$(left)" = 'CREATE TABLE public.b,ALTER TABLE public.a,BASELINE ,BASELINE ,ALTER TABLE public.a' ]
	pgcdc trim --before="$end"
	[ "$(left)" = 'BASELINE ,ALTER TABLE public.a' ]
	[ "$(log "pgcdc.described(schema)")" = $'{public.b}\n{public.a}' ]
}

@test "trim keeps what a slot can still read" {
	begin
	sql 'CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a ADD v int'
	sql "SELECT pg_create_logical_replication_slot('later', 'test_decoding')" >/dev/null
	sql 'ALTER TABLE a ADD w int; ALTER TABLE a ADD x int'
	pgcdc-read -S pgcdc --publication=pgcdc --drain --ack=stdout >/dev/null
	[ "$(sql "SELECT count(*) FROM pgcdc.schema_log")" = 4 ]
	sql "SELECT pg_drop_replication_slot('pgcdc')" >/dev/null
	run -0 pgcdc trim --before="$(sql 'SELECT pg_current_wal_lsn()')"
	[ "$(log "query ~ 'ADD v'" | head -n 1)" = t ]
	[ "$(sql "SELECT count(*) FROM pgcdc.schema_log")" = 3 ]
	sql "SELECT pg_drop_replication_slot('later')" >/dev/null
	run -0 pgcdc trim --before="$(sql 'SELECT pg_current_wal_lsn()')"
	[ "$(log "query ~ 'ADD x'")" = t ]
	run -0 pgcdc init -S new
	[[ "$output" != *'applied'* ]]
}

@test "trim keeps gaps, and texts that entries refer to" {
	local filler

	filler=$(printf '%010000d' 0)
	sql "CREATE TABLE a (id int) /* $filler */; CREATE TABLE b (id int)"
	[ "$(sql 'SELECT count(query_id) FROM pgcdc.schema_log')" = 1 ]
	sql 'ALTER FUNCTION pgcdc.definition(oid, bigint) RENAME TO gone'
	sql 'ALTER TABLE b ADD v int' 2>/dev/null
	sql 'ALTER FUNCTION pgcdc.gone(oid, bigint) RENAME TO definition'
	sql 'ALTER TABLE a ADD v int'
	pgcdc trim --before="$(sql 'SELECT pg_current_wal_lsn()')"
	[ "$(log "command_tag, object_identity, query IS NULL")" = \
'CREATE TABLE|public.a|f
CREATE TABLE|public.b|t
ALTER TABLE||f
ALTER TABLE|public.a|f' ]
	expect 1 'could not be logged since' pgcdc check
}
