#!/usr/bin/env bats
# pgcdc check and status against a real server.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

bats_require_minimum_version 1.5.0
load pgcdc

# --- check

# finding NAME FIELD...: fields of the findings of that name
finding() {
	jq -r --arg name "$1" ".[] | select(.name == \$name) | .$2"
}

@test "check finds nothing wrong behind init" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	run -0 pgcdc check
	[[ "$output" == *'ok   wal_level is logical'* ]]
	[[ "$output" == *'ok   every published table has a replica identity'* ]]
	[[ "$output" == *'note max_slot_wal_keep_size is unlimited'* ]]
	[ "$(grep -cvE '^(ok  |note) ' <<<"$output")" -eq 0 ]
	run -0 pgcdc check -q
	[ -z "$output" ]
	run -0 pgcdc check --quiet --json
	[ "$output" = '[]' ]
	pgcdc check --json | jq -e 'length > 8 and all(.[]; .name and .message and
	    (.status == "ok" or .status == "note") and has("remedy"))'
}

@test "check finds a missing slot and publication" {
	run -1 pgcdc check
	[[ "$output" == *'bad  slot "pgcdc" does not exist; make it with "pgcdc init"'* ]]
	[[ "$output" == *'bad  publication "pgcdc" does not exist; make it with "pgcdc init"'* ]]
	[ "$(pgcdc check -q | wc -l)" -eq 2 ]
	run -1 --separate-stderr pgcdc check --json
	[ -z "$stderr" ]
	[ "$(finding slot status <<<"$output")" = bad ]
	[ "$(finding slot remedy <<<"$output")" = 'make it with "pgcdc init"' ]
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	expect 1 'publication "other" does not exist' pgcdc check --publication=pgcdc,other
}

@test "remedies have the slot and the publication that check was given" {
	sql 'CREATE TABLE bare (i int)'
	run -1 pgcdc check -S p1 --publication=p1
	[[ "$output" == *'slot "p1" does not exist; make it with "pgcdc init -S p1 --publication=p1"'* ]]
	[[ "$output" == *'publication "p1" does not exist; make it with "pgcdc init -S p1 --publication=p1"'* ]]
	run -1 pgcdc check --publication=$'a,b c\'d'
	[[ "$output" == *'slot "pgcdc" does not exist; make it with "pgcdc init --publication=a"'* ]]
	[[ "$output" == *'make it with "pgcdc init --publication='"'b c'\\''d'"'"'* ]]
	run -1 pgcdc status -S p1
	[ "$output" = 'slot "p1" does not exist; make it with "pgcdc init -S p1 --publication=..."' ]
	pgcdc init -S p1 --publication=p1
	run -1 pgcdc check -S p1 --publication=p1
	[[ "$output" == *'publishes 0 tables; add some with "pgcdc init -S p1 --publication=p1 --tables=..."'* ]]
	[[ "$output" == *'or run "pgcdc init -S p1 --publication=p1 --replica-identity=full"'* ]]
	# each of them, typed as it stands
	eval "$(sed -n 's/.*are not published.*run "\(pgcdc .*\)"$/\1/p;s/.*is not published.*run "\(pgcdc .*\)"$/\1/p' <<<"$output")"
	[ "$(sql "SELECT tablename FROM pg_publication_tables WHERE pubname = 'p1' AND schemaname = 'public'")" = bare ]
	sql 'ALTER TABLE bare REPLICA IDENTITY NOTHING; ALTER PUBLICATION p1 DROP TABLE pgcdc.schema_log'
	run -1 pgcdc check -S p1 --publication=p1
	[[ "$output" == *'or run "pgcdc init -S p1 --publication=p1 --replica-identity=full", or ALTER TABLE'* ]]
	eval "$(sed -n 's/.*does not publish schema changes.*run "\(pgcdc .*\)"$/\1/p' <<<"$output")"
	sql 'ALTER TABLE bare REPLICA IDENTITY FULL; DROP EVENT TRIGGER pgcdc_drop'
	run -1 pgcdc check -S p1 --publication=p1
	[ "$(grep -c '^bad' <<<"$output")" -eq 1 ]
	eval "$(sed -n 's/.*"pgcdc_drop" does not exist.*run "\(pgcdc [^"]*\)".*/\1/p' <<<"$output")"
	pgcdc check -S p1 --publication=p1
	[ "$(sql 'SELECT pubname FROM pg_publication')$(sql 'SELECT slot_name FROM pg_replication_slots')" = p1p1 ]
}

@test "check finds a role that may not read the schema log, which pgcdc-translate does" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE ROLE t_plain LOGIN REPLICATION'
	pgcdc init --no-ddl
	PGUSER=t_plain expect 0 'note role "t_plain" may not read schema "pgcdc"; run "pgcdc init --role=t_plain" as its owner' pgcdc check
	pgcdc init
	PGUSER=t_plain expect 1 'bad  role "t_plain" may not read schema "pgcdc"; run "pgcdc init --role=t_plain" as its owner' pgcdc check
	sql 'GRANT USAGE ON SCHEMA pgcdc TO t_plain'
	PGUSER=t_plain expect 1 'bad  role "t_plain" may not read schema "pgcdc"; run' pgcdc check
	pgcdc init --role=t_plain
	PGUSER=t_plain pgcdc check
}

@test "check says of each published table whether its UPDATE works" {
	make_keyless
	sql "CREATE PUBLICATION pgcdc FOR TABLE ONLY bare, nothing, deferred, noindex, parent, child, parted, leafless"
	for table in $(application_tables) parted_1 leafless_1; do
		verdict=ok
		finding=$(pgcdc check --json | jq -r --arg t "\"public.$table\"" '.[] |
		    select(.status == "bad" and (.message | contains("UPDATE and DELETE of table " + $t))) | .name')
		sql "UPDATE ONLY $table SET v = v + 1" 2>/dev/null || verdict=fails
		case $table in
		leafless) continue ;;	# found under the name of its partition
		esac
		echo "$table: $verdict, $finding"
		[ "${finding:-ok}" = "${verdict/fails/replica_identity}" ]
	done
	[ "$(pgcdc check -q | grep -c 'UPDATE and DELETE')" -eq 6 ]
	expect 1 'partitions added to table "public.parted" later have no replica identity' pgcdc check
	sql "ALTER PUBLICATION pgcdc SET (publish = 'insert')"
	expect 1 'note publication "pgcdc" does not publish UPDATE, DELETE, TRUNCATE' pgcdc check
	[ "$(pgcdc check -q | grep -c 'UPDATE and DELETE')" -eq 0 ]
	sql 'UPDATE bare SET v = 3'
}

@test "check finds column lists and row filters that lack the key" {
	if [ "$MAJOR" -lt 15 ]; then
		sql 'CREATE TABLE list (i int PRIMARY KEY, j int)'
		lacks 'CREATE PUBLICATION p FOR TABLE list (j)'
		return
	fi
	sql "CREATE TABLE list (i int PRIMARY KEY, j int, v int); CREATE TABLE good_list (i int PRIMARY KEY, j int);
	    CREATE TABLE filter (i int PRIMARY KEY, j int); CREATE TABLE good_filter (i int PRIMARY KEY, j int);
	    CREATE TABLE list_filter (i int PRIMARY KEY, j int, v int);
	    CREATE TABLE full_list (i int, j int); ALTER TABLE full_list REPLICA IDENTITY FULL;
	    CREATE TABLE full_all (i int, j int); ALTER TABLE full_all REPLICA IDENTITY FULL;
	    CREATE TABLE full_filter (i int, j int); ALTER TABLE full_filter REPLICA IDENTITY FULL;
	    CREATE TABLE included (i int, j int, PRIMARY KEY (i) INCLUDE (j));
	    CREATE PUBLICATION pgcdc FOR TABLE list (j), good_list (i), filter WHERE (j > 0),
		good_filter WHERE (i > 0), list_filter (i, j) WHERE (v > 0), full_list (i), full_all (i, j),
		full_filter WHERE (j > 0), included (i)"
	for table in $(application_tables); do
		sql "INSERT INTO $table VALUES (1, 1)"
		verdict=
		sql "UPDATE $table SET j = 2" 2>/dev/null || verdict=fails
		finding=$(pgcdc check -q | grep -c "UPDATE and DELETE of table \"public.$table\" fail") || true
		echo "$table: $verdict $finding"
		[ "${verdict:+1}" = "${finding#0}" ]
	done
	[ "$(pgcdc check -q | grep -c 'column list')" -eq 3 ]
	[ "$(pgcdc check -q | grep -c 'row filter')" -eq 2 ]
	sql "CREATE TABLE parted (i int PRIMARY KEY, j int) PARTITION BY RANGE (i);
	    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
	    INSERT INTO parted VALUES (1, 1);
	    CREATE PUBLICATION rooted FOR TABLE parted WHERE (j > 0) WITH (publish_via_partition_root)"
	run sql 'UPDATE parted SET j = 2'
	[ "$status" -ne 0 ]
	expect 1 'the row filter of publication "rooted" uses columns' pgcdc check --publication=rooted
	sql 'ALTER PUBLICATION rooted SET TABLE parted WHERE (i > 0)'
	sql 'UPDATE parted SET j = 2'
	run pgcdc check --publication=rooted
	[[ "$output" != *'row filter'* ]]
}

@test "check names partitions that the servers 13 and 14 crash of" {
	sql 'CREATE TABLE parted (i int PRIMARY KEY, j int) PARTITION BY RANGE (i)' \
		-c 'CREATE TABLE alike PARTITION OF parted FOR VALUES FROM (0) TO (10); CREATE TABLE other (j int, i int PRIMARY KEY)' \
		-c 'ALTER TABLE parted ATTACH PARTITION other FOR VALUES FROM (10) TO (20)'
	pgcdc init --tables=public.parted --via-root
	run pgcdc check -q
	echo "$output"
	if [ "$(pg_major)" -lt 15 ]; then
		[ "$status" -eq 1 ]
		[[ $output == *'partition "public.other" is published as "public.parted", and has its columns in another order'* ]]
		[[ $output != *alike* ]]
		sql 'ALTER PUBLICATION pgcdc SET (publish_via_partition_root = false)'
		run pgcdc check -q
	fi
	[ "$status" -eq 0 ]
}

@test "check names tables that are not published" {
	make_keyless
	sql 'CREATE UNLOGGED TABLE u (i int)'
	run pgcdc init
	run -0 pgcdc check
	[[ "$output" == *'note 7 tables without replica identity are not published: "public.bare", '* ]]
	[[ "$output" == *'note unlogged tables are never published: "public.u"'* ]]
}

@test "check knows output_plugin_libraries, where there is one" {
	pgcdc init
	run pgcdc check
	[[ "$output" == *'ok   output plugin pgoutput is allowed'* ]]
	if [ -z "$(sql "SELECT 1 FROM pg_settings WHERE name = 'output_plugin_libraries'")" ]; then
		lacks 'SHOW output_plugin_libraries'
		return
	fi
	sql "CREATE ROLE t_plain LOGIN REPLICATION"
	PGUSER=t_plain expect 1 'note cannot tell whether output_plugin_libraries allows pgoutput' pgcdc check
	sql "ALTER ROLE t_plain SET output_plugin_libraries = ''; GRANT pg_read_all_settings TO t_plain"
	PGUSER=t_plain expect 1 'bad  output_plugin_libraries (empty) does not allow pgoutput; add pgoutput' pgcdc check
	PGOPTIONS='-c output_plugin_libraries=' \
	    expect 100 'output_plugin_libraries does not allow "pgoutput"' pgcdc init -S new
	sql 'ALTER ROLE t_plain SET output_plugin_libraries = wal2json, "pgoutput"'
	PGUSER=t_plain expect 1 'ok   output plugin pgoutput is allowed' pgcdc check
}

@test "check notes settings that surprise" {
	pgcdc init
	sql "ALTER ROLE postgres SET wal_sender_timeout = 0"
	run pgcdc check
	sql "ALTER ROLE postgres RESET wal_sender_timeout"
	[[ "$output" == *'note wal_sender_timeout is 0'* ]]
	PGOPTIONS='-c wal_sender_timeout=500ms' expect 1 'wal_sender_timeout is only 500ms' pgcdc check
}

@test "check finds slots of other kinds" {
	sql "SELECT pg_create_physical_replication_slot('physical')"
	expect 1 'slot "physical" is a physical slot' pgcdc check -S physical
	expect 1 'it is a physical slot' pgcdc status -S physical
	sql "SELECT pg_drop_replication_slot('physical')"
	sql "SELECT pg_create_logical_replication_slot('decoding', 'test_decoding')"
	expect 1 'slot "decoding" has plugin "test_decoding"' pgcdc check -S decoding
	expect 1 'its plugin is "test_decoding"' pgcdc status -S decoding
	PGDATABASE=postgres expect 1 'its plugin' pgcdc status -S decoding
	pgcdc init
	here=$PGDATABASE
	PGDATABASE=postgres expect 1 "slot \"pgcdc\" belongs to database \"$here\"; connect to that" pgcdc check
	PGDATABASE=postgres expect 1 "it belongs to database \"$here\"" pgcdc status
}

@test "check and messages are UTF-8 whatever the database's encoding" {
	sql "CREATE DATABASE t_latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'"
	PGDATABASE=t_latin PGCLIENTENCODING=UTF8 sql 'CREATE TABLE "é" (i int)'
	PGDATABASE=t_latin run pgcdc init
	PGDATABASE=t_latin sql "SELECT pg_drop_replication_slot('pgcdc')"
	sql 'DROP DATABASE t_latin'
	[[ "$output" == *'table "public.é" is left out'* ]]
	sql "CREATE DATABASE t_ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'"
	PGDATABASE=t_ascii run pgcdc check
	sql 'DROP DATABASE t_ascii'
	[[ "$output" == *'note the encoding of the database is SQL_ASCII'* ]]
}

@test "a standby" {
	second_server
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	# shellcheck disable=SC2034	# psql reads it
	PGPORT=$(service standby "$PGDIR/standby" "$PGDIR/second")
	for command in init teardown trim; do
		expect 100 'the server is a standby; run this on its primary' pgcdc "$command"
	done
	run pgcdc check
	if [ "$MAJOR" -lt 16 ]; then
		[[ "$output" == *'bad  the server is a standby; read from the primary'* ]]
	else
		[[ "$output" == *'note the server is a standby; keep wal_level = logical'* ]]
	fi
	run -1 pgcdc status -S nothing
}

# --- status

@test "status shows the slot's own figures" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	sql 'INSERT INTO a SELECT generate_series(1, 1000)'
	run -0 pgcdc status
	[[ "$output" == *'slot                pgcdc'* ]]
	[[ "$output" == *'plugin              pgoutput'* ]]
	[[ "$output" == *"database            $PGDATABASE"* ]]
	[[ "$output" == *'usable              yes'* ]]
	[[ "$output" == *"confirmed position  $(sql 'SELECT confirmed_flush_lsn FROM pg_replication_slots')"* ]]
	[[ "$output" == *'lag in time         unknown'* ]]
	[[ "$output" == *'WAL status          reserved'* ]]
	[[ "$output" == *'reader              none'* ]]
	pgcdc status --json >"$BATS_TEST_TMPDIR/json"
	jq -e '.slot == "pgcdc" and .exists and .usable and .reader == null and .lag_bytes > 10000
	    and .retained_wal_bytes >= .lag_bytes' "$BATS_TEST_TMPDIR/json"
	[ "$(jq .lag_bytes "$BATS_TEST_TMPDIR/json")" = "$(sql "SELECT '$(jq -r .current_lsn \
	    "$BATS_TEST_TMPDIR/json")'::pg_lsn - confirmed_flush_lsn FROM pg_replication_slots")" ]
}

@test "status shows the reader" {
	pgcdc init
	PGAPPNAME=somebody start_reader
	pid=$(sql 'SELECT active_pid FROM pg_replication_slots')
	wait_until 10 'pgcdc status --json | jq -e ".reader.state == \"streaming\""'
	expect 0 "reader              PID $pid, somebody, postgres, 127.0.0.1, streaming" pgcdc status
	pgcdc status --json | jq -e --argjson pid "$pid" '.reader | .pid == $pid and .user == "postgres"
	    and .application_name == "somebody" and .address == "127.0.0.1" and .reply_time'
	# Another role sees only that there is one.
	sql 'CREATE ROLE t_plain LOGIN'
	PGUSER=t_plain expect 0 "reader              PID $pid" pgcdc status
}

@test "status of a slot that is missing" {
	run -1 --separate-stderr pgcdc status
	[ "$output" = 'slot "pgcdc" does not exist; make it with "pgcdc init"' ]
	[ -z "$stderr" ]
	run -1 --separate-stderr pgcdc status --json -S 'x"y'
	[ "$(jq -c . <<<"$output")" = '{"slot":"x\"y","exists":false,"usable":false,"fault":"it does not exist"}' ]
	run -1 pgcdc status -S $'a\nb\e'
	[ "$output" = 'slot "a?b?" does not exist; make it with "pgcdc init -S a?b? --publication=..."' ]
}

@test "a slot that lost its WAL: status and check are 1, init refuses, teardown removes" {
	second_server --conf 'max_slot_wal_keep_size = 1MB' --conf 'max_wal_size = 32MB' --conf 'min_wal_size = 32MB'
	sql 'CREATE TABLE a (i int PRIMARY KEY, v text)'
	pgcdc init
	expect 0 'note a slot that falls 1MB behind is invalidated' pgcdc check
	pgcdc status --json | jq -e '.safe_wal_bytes > 0'
	for _ in 1 2 3 4; do
		sql "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 100000)) FROM generate_series(1, 200)" >/dev/null
		sql 'SELECT pg_switch_wal()' >/dev/null
		sql CHECKPOINT
	done
	expect 1 'usable              no, it is invalidated' pgcdc status
	[[ "$output" == *'WAL status          lost'* ]]
	run -1 pgcdc status --json
	jq -e '.exists and (.usable | not) and .wal_status == "lost"' <<<"$output"
	expect 1 'bad  slot "pgcdc" is invalidated' pgcdc check
	expect 100 'slot "pgcdc" exists but is invalidated: the changes after ' pgcdc init
	pgcdc teardown
	pgcdc init
	pgcdc status
}
