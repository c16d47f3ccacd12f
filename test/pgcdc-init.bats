#!/usr/bin/env bats
# pgcdc init against a real server: what it makes, and what it refuses.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

bats_require_minimum_version 1.5.0
load pgcdc

@test "init makes schema, publication and slot, and says so" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY)'
	run -0 pgcdc init
	[ "${lines[0]}" = 'created schema "pgcdc"' ]
	[ "${lines[1]}" = 'applied migration "0001_made"' ]
	[ "${lines[2]}" = 'applied migration "0002_schema_log"' ]
	[ "${lines[3]}" = 'applied migration "0003_publish"' ]
	[ "${lines[4]}" = 'created event triggers that log schema changes' ]
	[ "${lines[5]}" = 'created publication "pgcdc" (2 tables)' ]
	[ "${lines[6]}" = 'added schema changes to publication "pgcdc"' ]
	[[ "${lines[7]}" =~ ^created\ slot\ \"pgcdc\"\ at\ [0-9A-F]+/[0-9A-F]+$ ]]
	[ "${lines[8]}" = 'logged the definition of 2 tables' ]
	[ "${#lines[@]}" -eq 9 ]
	[ "$(members)" = $'public.a\npublic.b' ]
	[ "$(sql "SELECT slot_type, plugin, database = current_database(), temporary
	    FROM pg_replication_slots")" = 'logical|pgoutput|t|f' ]
}

@test "init made the publication before the slot" {
	# A change right behind the slot's start decodes only if the publication is older.
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	sql 'INSERT INTO a VALUES (1)'
	[ "$(sql "SELECT count(*) > 0 FROM pg_logical_slot_peek_binary_changes('pgcdc', NULL, NULL,
	    'proto_version', '1', 'publication_names', 'pgcdc') WHERE get_byte(data, 0) = ascii('I')")" = t ]
}

@test "init can be repeated" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)'
	pgcdc init
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr pgcdc init
	[ "$output" = $'publication "pgcdc" exists, left as it is\nslot "pgcdc" exists, left as it is' ]
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "init repeated adds the tables that came since" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	before=$(sql 'SELECT oid FROM pg_publication')
	sql 'CREATE TABLE b (i int); ALTER PUBLICATION pgcdc DROP TABLE a; ALTER TABLE b REPLICA IDENTITY FULL'
	[ "$(members)" = public.b ]
	expect 0 'added table "public.a" to publication "pgcdc"' pgcdc init
	[ "$(members)" = $'public.a\npublic.b' ]
	[ "$(sql 'SELECT oid FROM pg_publication')" = "$before" ]
	sql 'DROP TABLE a'
	pgcdc init
	[ "$(members)" = public.b ]
}

@test "init --dry-run prints SQL and changes nothing" {
	make_keyless
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr pgcdc init --dry-run --replica-identity=full --role=t_reader
	everything | diff "$BATS_TEST_TMPDIR/before" -
	[[ "$output" == *'create publication pgcdc for table only public.bare'* ]]
	[[ "$output" == *"pg_create_logical_replication_slot('pgcdc', 'pgoutput');"* ]]
	[[ "$output" == *'alter table public.bare replica identity full;'* ]]
	[[ "$output" == *'create role t_reader login replication;'* ]]
	pgcdc init
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr pgcdc init --dry-run
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "names are data, whatever they contain" {
	for name in $'a"b\'; DROP TABLE victim;--' $'li\nne' '\\echo' ':slot' '$$' 'Ünïcode' '%I%s' ' '; do
		id=${name//\"/\"\"}
		sql "CREATE SCHEMA \"$id\"; CREATE TABLE \"$id\".\"$id\" (i int PRIMARY KEY, v int);
		    CREATE TABLE \"$id\".\"bare $id\" (i int, v int); INSERT INTO \"$id\".\"bare $id\" VALUES (1)"
	done
	sql 'CREATE TABLE victim (i int PRIMARY KEY)'
	weird=$'p"u\'b; DROP TABLE victim;\n--'
	run -0 pgcdc init --publication="$weird" --role=$'t_"\'; DROP TABLE victim;\n--'
	[[ "$output" == *'created publication "p"u'"'"'b; DROP TABLE victim;?--" (9 tables)'* ]]
	[ "$(grep -c 'is left out' <<<"$output")" -eq 8 ]
	expect 0 '' pgcdc check --publication="$weird"
	expect 0 'li?ne' pgcdc check --publication="$weird"
	pgcdc check --publication="$weird" --json | jq -e 'length > 5'
	run -0 pgcdc init --publication="$weird" --replica-identity=full
	[ "$(grep -c 'set replica identity FULL' <<<"$output")" -eq 8 ]
	sql $'UPDATE "li\nne"."bare li\nne" SET v = 1'
	expect 0 'dropped publication' pgcdc teardown --role=$'t_"\'; DROP TABLE victim;\n--'
	[[ "$output" == *'dropped role'* ]]
	[ "$(sql "SELECT count(*) FROM pg_class WHERE relreplident = 'f'")" = 0 ]
	[ "$(sql "SELECT count(*) FROM pg_publication")" = 0 ]
	sql 'TABLE victim'
}

@test "init never breaks an UPDATE or DELETE of the application" {
	make_keyless
	run -0 pgcdc init
	application_works
	[ "$(members)" = public.parent ]
	for table in bare nothing deferred noindex child parted leafless; do
		[[ "$output" == *"table \"public.$table\" is left out: "* ]]
	done
	[[ "$output" == *'"public.nothing" is left out: its replica identity is NOTHING'* ]]
	[[ "$output" == *'"public.deferred" is left out: its primary key is deferrable'* ]]
	[[ "$output" == *'"public.noindex" is left out: its replica identity index is missing'* ]]
	[[ "$output" == *'"public.leafless" is left out: partition "public.leafless_1": its replica'* ]]
	run -0 pgcdc init --tables=public.bare,public.child
	[ "$(members)" = public.parent ]
}

@test "tables with a replica identity of any kind are published" {
	sql "CREATE TABLE key (i int PRIMARY KEY, v int);
	    CREATE TABLE index (i int NOT NULL, v int); CREATE UNIQUE INDEX x ON index (i);
	    ALTER TABLE index REPLICA IDENTITY USING INDEX x;
	    CREATE TABLE keyindex (i int PRIMARY KEY, v int);
	    ALTER TABLE keyindex REPLICA IDENTITY USING INDEX keyindex_pkey;
	    CREATE TABLE full_row (i int, v int); ALTER TABLE full_row REPLICA IDENTITY FULL;
	    CREATE UNLOGGED TABLE unlogged (i int PRIMARY KEY, v int);
	    CREATE VIEW view AS TABLE key; CREATE MATERIALIZED VIEW matview AS TABLE key"
	expect 0 'table "public.unlogged" is left out: it is unlogged' pgcdc init
	[ "$(members)" = $'public.full_row\npublic.index\npublic.key\npublic.keyindex' ]
	sql 'DROP MATERIALIZED VIEW matview; DROP VIEW view'
	application_works
	pgcdc teardown
	[ "$(identity_of full_row)$(identity_of index)$(identity_of keyindex)" = fii ]
}

@test "--replica-identity=full lets tables without a key join, and teardown takes it back" {
	make_keyless
	sql 'CREATE TABLE mine (i int, v int); ALTER TABLE mine REPLICA IDENTITY FULL'
	expect 0 'set replica identity FULL on table "public.bare": it has no primary key' \
	    pgcdc init --replica-identity=full
	[[ "$output" != *'partitions added to table "public.parted" later need'* ]]
	application_works
	[ "$(members | wc -l)" -eq 9 ]
	for table in bare nothing deferred noindex child parted leafless_1 mine; do
		[ "$(identity_of "$table")" = f ]
	done
	[ "$(identity_of parent)$(identity_of leafless)$(identity_of parted_1)" = ddd ]
	pgcdc init --replica-identity=full
	expect 0 'set replica identity of table "public.nothing" back to NOTHING' pgcdc teardown
	[ "$(identity_of bare)$(identity_of nothing)$(identity_of deferred)$(identity_of noindex)" = dndn ]
	[ "$(identity_of child)$(identity_of parted)$(identity_of leafless_1)$(identity_of mine)" = ddnf ]
	application_works
}

@test "--replica-identity=full mends a table that lost its key" {
	sql 'CREATE TABLE a (i int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 1)'
	pgcdc init
	sql 'ALTER TABLE a DROP CONSTRAINT a_pkey'
	run sql 'UPDATE a SET v = 2'
	[ "$status" -ne 0 ]
	expect 0 'set replica identity FULL on table "public.a"' pgcdc init --replica-identity=full
	sql 'UPDATE a SET v = 2'
}

@test "teardown leaves a replica identity alone that has another user by now" {
	sql 'CREATE TABLE a (i int); CREATE TABLE b (i int); CREATE TABLE c (i int PRIMARY KEY)'
	pgcdc init --replica-identity=full
	sql 'CREATE PUBLICATION other FOR TABLE a; ALTER TABLE b REPLICA IDENTITY NOTHING'
	expect 0 'table "public.a" keeps replica identity FULL: publication "other" needs it' pgcdc teardown
	sql 'UPDATE a SET i = 1'
	[ "$(identity_of a)$(identity_of b)" = fn ]
}

@test "--all-tables" {
	make_keyless
	expect 0 'created publication "pgcdc" (all tables)' pgcdc init --all-tables --replica-identity=full
	[[ "$output" != *'tables created later without a primary key need'* ]]
	application_works
	sql 'CREATE TABLE later (i int PRIMARY KEY, v int)'
	pgcdc init
	pgcdc check
	sql 'CREATE TABLE bad (i int, v int)'
	pgcdc check
	sql 'ALTER TABLE bad REPLICA IDENTITY NOTHING'
	expect 1 'UPDATE and DELETE of table "public.bad" fail' pgcdc check
	pgcdc init --replica-identity=full
	pgcdc check
	pgcdc teardown
	application_works
	[ "$(identity_of bare)$(identity_of bad)" = dd ]
	pgcdc init
	expect 100 'exists and does not publish all tables' pgcdc init --all-tables --replica-identity=full
}

@test "--tables takes names and patterns, and remembers them" {
	sql "CREATE SCHEMA shop; CREATE SCHEMA shop2;
	    CREATE TABLE shop.orders (i int PRIMARY KEY); CREATE TABLE shop.order_lines (i int PRIMARY KEY);
	    CREATE TABLE shop2.orders (i int PRIMARY KEY); CREATE TABLE public.a_b (i int PRIMARY KEY);
	    CREATE TABLE public.axb (i int PRIMARY KEY); CREATE TABLE public.\"Orders\" (i int PRIMARY KEY)"
	pgcdc init --tables=shop.order_*
	[ "$(members)" = shop.order_lines ]
	sql 'CREATE TABLE shop.order_notes (i int PRIMARY KEY); CREATE TABLE other (i int PRIMARY KEY)'
	pgcdc init
	[ "$(members)" = $'shop.order_lines\nshop.order_notes' ]
	pgcdc init --tables=public.a_b --tables=public.Orders,*.orders
	[ "$(members)" = $'public.Orders\npublic.a_b\nshop.order_lines\nshop.order_notes\nshop.orders\nshop2.orders' ]
	expect 0 'pattern "nope.*" matches no table' pgcdc init --tables='nope.*'
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'table "shop.gone" does not exist' pgcdc init --tables=shop.orders,shop.gone
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "an error of init leaves nothing half made" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)'
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'table "public.gone" does not exist' \
	    pgcdc init --tables='public.gone,public.*' --replica-identity=full --role=t_reader
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "an empty database: the publication has no tables yet" {
	expect 0 'created publication "pgcdc" (0 tables)' pgcdc init
	[[ "$output" == *'publication "pgcdc" has no tables yet; those whose names match its patterns join when they are made'* ]]
	expect 1 'publication "pgcdc" publishes 0 tables; add some' pgcdc check
	sql 'CREATE PUBLICATION mine'
	expect 0 'publication "mine" has no tables yet; add some with --tables or ALTER PUBLICATION' \
	    pgcdc init --publication=mine
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc check
	pgcdc teardown
	sql 'DROP TABLE a'
	expect 0 'publication "pgcdc" has no tables yet; repeat init when there are some' pgcdc init --no-ddl
}

@test "a partitioned table is published whole, under the name that was asked for" {
	sql "CREATE TABLE p (i int PRIMARY KEY, v int) PARTITION BY RANGE (i);
	    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (i);
	    CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20)"
	expect 0 '(1 table)' pgcdc init
	[ "$(members)" = $'public.p1\npublic.p21' ]
	sql 'CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30)'
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init
	[ "$(members)" = $'public.p1\npublic.p21\npublic.p3' ]
	expect 0 'now bear the name of the partitioned table' pgcdc init --via-root
	[ "$(members)" = public.p ]
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init --via-root
	pgcdc check
	pgcdc teardown
	expect 0 '(1 table)' pgcdc init --tables=public.p2
	[ "$(members)" = public.p21 ]
	expect 0 'added table "public.p" to' pgcdc init --tables=public.p
	expect 0 'exists, left as it is' pgcdc init --tables=public.p1
	pgcdc check
}

@test "a publication of the user is used as it is, and survives teardown" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY);
	    CREATE TABLE c (i int PRIMARY KEY); CREATE PUBLICATION pgcdc FOR TABLE a'
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init
	[ "$(members)" = public.a ]
	expect 100 'publication "pgcdc" was not made by init' pgcdc init --via-root
	expect 0 'added table "public.b" to publication "pgcdc"' pgcdc init --tables=public.a,public.b
	[ "$(members)" = $'public.a\npublic.b' ]
	pgcdc init
	expect 0 'removed table "public.b" from publication "pgcdc"' pgcdc teardown
	[ "$(members)" = public.a ]
	[ "$(sql 'SELECT count(*) FROM pg_replication_slots')" = 0 ]
	sql "CREATE TABLE p (i int PRIMARY KEY) PARTITION BY RANGE (i);
	    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	    CREATE PUBLICATION rooted FOR TABLE p WITH (publish_via_partition_root)"
	expect 0 'publication "rooted" exists, left as it is' pgcdc init --publication=rooted --tables=public.p1
}

@test "a publication of the user for all tables is used as it is" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE PUBLICATION mine FOR ALL TABLES'
	expect 0 'publication "mine" exists, left as it is' pgcdc init --publication=mine --tables=public.a
	pgcdc check --publication=mine
	pgcdc teardown
	[ "$(sql 'SELECT pubname FROM pg_publication')" = mine ]
}

@test "a slot of the user is used as it is, and survives teardown" {
	sql "SELECT pg_create_logical_replication_slot('pgcdc', 'pgoutput')"
	expect 0 'slot "pgcdc" exists, left as it is' pgcdc init
	expect 0 'slot "pgcdc" was there before init, left as it is' pgcdc teardown
	[ "$(sql 'SELECT slot_name FROM pg_replication_slots')" = pgcdc ]
}

@test "a publication that is made anew is younger than its slot, and init and check say so" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init -S p1 --publication=p1
	sql 'DROP PUBLICATION p1; INSERT INTO a VALUES (1)'
	drop="SELECT pg_drop_replication_slot('p1')"
	expect 0 "warning: publication \"p1\" is younger than slot \"p1\", whose changes from before it cannot be read; run $drop, repeat this, and copy the tables anew" \
	    pgcdc init -S p1 --publication=p1
	since=$(sql "SELECT since FROM pgcdc.made WHERE kind = 'publication'")
	expect 1 "bad  publication \"p1\" is younger than slot \"p1\": changes before $since cannot be read; run $drop, then \"pgcdc init -S p1 --publication=p1\", and copy the tables anew" \
	    pgcdc check -S p1 --publication=p1
	expect 100 'make the slot anew after the publication' timeout 60 pgcdc-read -S p1 --publication=p1 --drain
	sql "$drop"
	run -0 pgcdc init -S p1 --publication=p1
	[[ "$output" != *younger* ]]
	sql 'INSERT INTO a VALUES (2)'
	pgcdc check -S p1 --publication=p1
	read_all p1 p1
	grep '"table":"a"' "$BATS_TEST_TMPDIR/out"
	# where nothing was changed there is nothing to mend, once the reader has gone by
	pgcdc-read -S p1 --publication=p1 --drain --ack=stdout >/dev/null
	sql 'DROP PUBLICATION p1'
	expect 0 'is younger than slot' pgcdc init -S p1 --publication=p1
	expect 1 'is younger than slot' pgcdc check -S p1 --publication=p1
	sql 'INSERT INTO a VALUES (3)'
	timeout 60 pgcdc-read -S p1 --publication=p1 --drain --ack=stdout >"$BATS_TEST_TMPDIR/out"
	grep '"table":"a"' "$BATS_TEST_TMPDIR/out"
	pgcdc check -S p1 --publication=p1
}

@test "a slot that cannot be read is refused before anything is made" {
	everything >"$BATS_TEST_TMPDIR/before"
	unchanged() { everything | grep -v '^slot' | diff <(grep -v '^slot' "$BATS_TEST_TMPDIR/before") -; }
	sql "SELECT pg_create_physical_replication_slot('physical')"
	expect 100 'slot "physical" exists but is physical' pgcdc init -S physical
	unchanged
	sql "SELECT pg_drop_replication_slot('physical')"
	sql "SELECT pg_create_logical_replication_slot('decoding', 'test_decoding')"
	expect 100 'slot "decoding" exists but its plugin is "test_decoding"' pgcdc init -S decoding
	unchanged
	PGDATABASE=postgres sql "SELECT pg_create_logical_replication_slot('away', 'pgoutput')"
	expect 100 'slot "away" exists but belongs to database "postgres"' pgcdc init -S away
	unchanged
	sql "SELECT pg_drop_replication_slot('away')"
	if [ "$MAJOR" -ge 14 ]; then
		sql "SELECT pg_create_logical_replication_slot('twophase', 'pgoutput', false, true)"
		expect 100 'slot "twophase" exists but is two-phase' pgcdc init -S twophase
		expect 1 'slot "twophase" is two-phase' pgcdc check -S twophase
		unchanged
	fi
	for name in Upper 'a b' ö '' "$(printf 'x%.0s' {1..64})"; do
		[ -n "$name" ] || continue
		expect 100 'invalid slot name' pgcdc init -S "$name"
	done
	expect 100 'longer than 63 bytes' pgcdc init --publication="$(printf 'x%.0s' {1..64})"
	expect 100 'a comma separates names' pgcdc init --publication=a,b
	unchanged
}

@test "all slots in use is said before anything is made" {
	sql "SELECT count(pg_create_physical_replication_slot('full_' || i)) FROM generate_series(1, 20 -
	    (SELECT count(*) FROM pg_replication_slots)) AS i"
	everything >"$BATS_TEST_TMPDIR/before"
	run pgcdc init
	everything >"$BATS_TEST_TMPDIR/after"
	check=$(pgcdc check) || true
	sql "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^full_'"
	[ "$status" -eq 100 ]
	[[ "$output" == *'all 20 replication slots are in use'* ]]
	[[ "$check" == *'bad  20 of 20 replication slots are in use; raise'* ]]
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "--failover" {
	if [ "$MAJOR" -lt 17 ]; then
		everything >"$BATS_TEST_TMPDIR/before"
		expect 100 'a failover slot needs server version 17' pgcdc init --failover
		everything | diff "$BATS_TEST_TMPDIR/before" -
	else
		pgcdc init --failover
		[ "$(sql 'SELECT failover FROM pg_replication_slots')" = t ]
		pgcdc init --failover
		pgcdc init
		pgcdc init -S plain
		expect 100 'slot "plain" exists without failover' pgcdc init -S plain --failover
	fi
}

@test "many inits at once make one of each" {
	sql "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)"
	for i in 1 2 3 4 5 6; do
		pgcdc init --replica-identity=full --role=t_reader >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in 1 2 3 4 5 6; do
		wait "${pids[i]}" || { cat "$BATS_TEST_TMPDIR/out.$i"; false; }
	done
	cat "$BATS_TEST_TMPDIR"/out.*
	for line in 'created schema' 'created publication' 'created slot' 'created role' 'set replica identity'; do
		[ "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -c "^$line")" -eq 1 ]
	done
	pgcdc check
}

@test "init and teardown wait for an init that is under way, however long it takes" {
	hold_open "SELECT pg_advisory_xact_lock(x'7067636463'::bigint)"
	PGOPTIONS='-c lock_timeout=100ms' start_bg READER pgcdc init
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = \$\$advisory\$\$ AND NOT granted")" = 1 ]'
	sleep 0.3
	running "$READER"
	end_open
	end_bg READER
	[ "$bg_status" -eq 0 ]
	hold_open "SELECT pg_advisory_xact_lock(x'7067636463'::bigint)"
	start_bg READER pgcdc teardown
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = \$\$advisory\$\$ AND NOT granted")" = 1 ]'
	end_open
	end_bg READER
	[ "$bg_status" -eq 0 ]
}

@test "init waits for open transactions, and says so" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	hold_open 'INSERT INTO a VALUES (1)'
	start_bg READER pgcdc init >"$BATS_TEST_TMPDIR/out" 2>&1
	wait_until 10 'grep -q "creating slot \"pgcdc\" waits for 1 open transaction" "$BATS_TEST_TMPDIR/out"'
	kill -0 "$READER"
	end_open
	end_bg READER
	[ "$bg_status" -eq 0 ]
	grep 'created slot' "$BATS_TEST_TMPDIR/out"
}

@test "a table that is locked ends init with 111 before the application has to queue" {
	sql 'CREATE TABLE bare (i int)'
	everything >"$BATS_TEST_TMPDIR/before"
	hold_open 'LOCK bare'
	PGOPTIONS='-c lock_timeout=200ms' expect 111 'another session holds the lock: try again later' \
		pgcdc init --replica-identity=full
	everything | diff "$BATS_TEST_TMPDIR/before" -
	end_open
}

@test "wal_level too low is said before anything is made" {
	second_server --conf 'wal_level = replica'
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'wal_level is "replica"; set wal_level = logical and restart the server' pgcdc init
	everything | diff "$BATS_TEST_TMPDIR/before" -
	expect 1 'bad  wal_level is replica; set wal_level = logical' pgcdc check
}
