#!/usr/bin/env bats
# What becomes of inserts, updates, deletes, truncates and messages.
# shellcheck disable=SC2030,SC2031,SC2154

load read

setup_file() { pg_start --conf 'track_commit_timestamp = on'; }

teardown_file() { pg_stop; }

@test "read: the lines of a transaction, key by key" {
	make_slot 'CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE PUBLICATION p FOR TABLE t'
	local xid time end before
	before=$(of_slot confirmed_flush_lsn)
	xid=$(psql -XAtq <<<"BEGIN; INSERT INTO t VALUES (1, 'a'); UPDATE t SET v = 'b'; SELECT txid_current(); DELETE FROM t; COMMIT")
	end=$(sql 'SELECT pg_current_wal_lsn()')
	time=$(sql "SELECT to_char(pg_xact_commit_timestamp('$xid'::xid) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')")
	read_slot >out
	local tx="\"xid\":$xid,\"timestamp\":\"$time\"" table='"schema":"public","table":"t"'
	local id='{"name":"id","type":"bigint","value":1}' v='{"name":"v","type":"text","value":'
	local system
	system=$(sql 'SELECT system_identifier FROM pg_control_system()')
	sed -E 's/"lsn":"[0-9A-F]+\/[0-9A-F]+"/"lsn":X/' out | is \
"{\"action\":\"H\",\"format\":1,\"system_identifier\":\"$system\",\"timeline\":1,\"slot\":\"$PGDATABASE\",\"start\":\"$before\"}
{\"action\":\"B\",\"lsn\":X,$tx}
{\"action\":\"I\",\"lsn\":X,\"seq\":0,$tx,$table,\"columns\":[$id,$v\"a\"}]}
{\"action\":\"U\",\"lsn\":X,\"seq\":1,$tx,$table,\"columns\":[$id,$v\"b\"}],\"identity\":[$id]}
{\"action\":\"D\",\"lsn\":X,\"seq\":2,$tx,$table,\"identity\":[$id]}
{\"action\":\"C\",\"lsn\":X,$tx,\"prev\":\"$before\",\"ack\":\"$end\"}"
	# B and C have the start of the commit record, rows that of their own.
	local lsns
	readarray -t lsns < <(values lsn)
	[ "${#lsns[@]}" = 5 ]
	[ "${lsns[0]}" = "${lsns[4]}" ]
	[ "$(sql "SELECT '$before'::pg_lsn <= '${lsns[1]}' AND '${lsns[1]}'::pg_lsn < '${lsns[2]}' AND '${lsns[2]}'::pg_lsn < '${lsns[3]}'
		AND '${lsns[3]}'::pg_lsn < '${lsns[4]}' AND '${lsns[4]}'::pg_lsn < '$end'")" = t ]
}

@test "read: the LSN of a row is that of its record, as pg_waldump says" {
	# Only the machine's own server comes with pg_waldump; the record's place is the same in all.
	[ "${PGCDC_TEST_MAJOR:-debian}" = debian ] || return 0
	make_slot 'CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t'
	local xid
	xid=$(psql -XAtq <<<'BEGIN; INSERT INTO t VALUES (1); SELECT txid_current(); UPDATE t SET id = 2; DELETE FROM t; COMMIT')
	read_slot >out
	# It ends with an error where the WAL ends.
	{ "$(cat "$PGDIR/bin")/pg_waldump" -p "$PGDIR/data/pg_wal" -x "$xid" \
		"$(sql 'SELECT pg_walfile_name(pg_current_wal_lsn())')" 2>/dev/null || true; } |
		sed -nE 's/^rmgr: (Heap|Transaction).*lsn: ([0-9A-F]+)\/0*([0-9A-F]+),.*desc: (INSERT|UPDATE|HOT_UPDATE|DELETE|COMMIT).*/\2\/\3/p' >records
	[ "$(wc -l <records)" = 4 ]
	values lsn | tail -n +2 | diff records -
}

@test "read: transactions come in the order of their commits, with prev and ack" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	start_bg LONG psql -XAtq -v ON_ERROR_STOP=1 -c 'BEGIN' -c 'INSERT INTO t VALUES (1)' \
		-c "SELECT pg_advisory_lock(1)" -c "SELECT count(*) FROM pg_sleep(0)" \
		-c "DO \$\$ BEGIN FOR i IN 1..2000 LOOP EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'go');
			PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END \$\$" -c 'COMMIT' >/dev/null
	wait_until 10 "[ \"\$(sql \"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'\")\" = 1 ]"
	sql 'INSERT INTO t VALUES (2)'
	sql 'INSERT INTO t VALUES (3)'
	start_bg GO env PGAPPNAME=go psql -XAtqc 'SELECT pg_sleep(20)'
	end_bg LONG 15
	[ "$bg_status" = 0 ]
	read_slot >out
	short <out | is 'B
I t id=2
C
B
I t id=3
C
B
I t id=1
C'
	# Each prev is the ack before it; the first is the start.
	{ sed -n 's/.*"start":"\(.*\)".*/\1/p' out; values ack | head -n -1; } | diff - <(values prev)
	# The long transaction's row lies below the commits that came before it.
	[ "$(sql "SELECT '$(grep '"value":1' out | values lsn /dev/stdin)'::pg_lsn < '$(values ack | head -n 1)'")" = t ]
}

@test "read: replica identity DEFAULT, USING INDEX, FULL and NOTHING" {
	make_slot "CREATE TABLE d (id int PRIMARY KEY, u int NOT NULL, v text);
		CREATE TABLE i (id int PRIMARY KEY, u int NOT NULL, v text); CREATE UNIQUE INDEX iu ON i (u); ALTER TABLE i REPLICA IDENTITY USING INDEX iu;
		CREATE TABLE f (id int PRIMARY KEY, u int NOT NULL, v text); ALTER TABLE f REPLICA IDENTITY FULL;
		CREATE TABLE n (id int PRIMARY KEY, u int NOT NULL, v text); ALTER TABLE n REPLICA IDENTITY NOTHING;
		CREATE PUBLICATION p FOR TABLE d, i, f; CREATE PUBLICATION q FOR TABLE n WITH (publish = 'insert')"
	for t in d i f n; do
		sql "INSERT INTO $t VALUES (1, 10, 'a'); UPDATE $t SET v = NULL; UPDATE $t SET id = 2; UPDATE $t SET u = 20; DELETE FROM $t"
	done
	rows --publication=q | is 'I d id=1 u=10 v="a"
U d id=1 u=10 v=null | id=1
U d id=2 u=10 v=null | id=1
U d id=2 u=20 v=null | id=2
D d | id=2
I i id=1 u=10 v="a"
U i id=1 u=10 v=null | u=10
U i id=2 u=10 v=null | u=10
U i id=2 u=20 v=null | u=10
D i | u=20
I f id=1 u=10 v="a"
U f id=1 u=10 v=null | id=1 u=10 v="a"
U f id=2 u=10 v=null | id=1 u=10 v=null
U f id=2 u=20 v=null | id=2 u=10 v=null
D f | id=2 u=20 v=null
I n id=1 u=10 v="a"'
}

@test "read: a key of several columns, not in their order, with the old values of all" {
	make_slot "CREATE TABLE t (c text, x int, a int, b numeric(4,1), PRIMARY KEY (b, a, c)); CREATE PUBLICATION p FOR TABLE t"
	sql "INSERT INTO t VALUES ('c', 0, 1, 2); UPDATE t SET x = 9; UPDATE t SET a = 7; DELETE FROM t"
	rows | is 'I t c="c" x=0 a=1 b=2
U t c="c" x=9 a=1 b=2 | c="c" a=1 b=2
U t c="c" x=9 a=7 b=2 | c="c" a=1 b=2
D t | c="c" a=7 b=2'
}

@test "read: an unchanged TOAST value is named, under FULL it is filled, in a key it stands in the identity" {
	make_slot "CREATE TABLE d (id int PRIMARY KEY, big text, n int, other text); ALTER TABLE d ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;
		CREATE TABLE f (id int, big text, n int); ALTER TABLE f ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
		CREATE TABLE k (id text PRIMARY KEY, n int); ALTER TABLE k ALTER id SET STORAGE EXTERNAL;
		CREATE PUBLICATION p FOR TABLE d, f, k"
	sql "INSERT INTO d VALUES (1, repeat('x', 9000), 0, repeat('y', 9000)); UPDATE d SET n = 1; UPDATE d SET id = 2; UPDATE d SET big = 'small'; UPDATE d SET other = NULL;
		INSERT INTO f VALUES (1, repeat('x', 9000), 0); UPDATE f SET n = 1; UPDATE f SET big = 'small'; DELETE FROM f"
	# A key of 2,500 bytes fits into the index, and is stored out of line all the same.
	sql "INSERT INTO k VALUES (repeat('z', 2500), 0); UPDATE k SET n = 1; UPDATE k SET id = 'short'; DELETE FROM k"
	rows | sed -E 's/(x{9000}|y{9000}|z{2500})/BIG/g' | is 'I d id=1 big="BIG" n=0 other="BIG"
U d id=1 n=1 ~big,other | id=1
U d id=2 n=1 ~big,other | id=1
U d id=2 big="small" n=1 ~other | id=2
U d id=2 big="small" n=1 other=null | id=2
I f id=1 big="BIG" n=0
U f id=1 big="BIG" n=1 | id=1 big="BIG" n=0
U f id=1 big="small" n=1 | id=1 big="BIG" n=1
D f | id=1 big="small" n=1
I k id="BIG" n=0
U k n=1 ~id | id="BIG"
U k id="short" n=1 | id="BIG"
D k | id="short"'
}

@test "read: TRUNCATE gives a line for each table, under the name that the publication uses" {
	make_slot "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int REFERENCES a); CREATE TABLE unpublished (id int REFERENCES a);
		CREATE SCHEMA s; CREATE TABLE s.c (id int); CREATE TABLE quiet (id int);
		CREATE TABLE parent (id int) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF parent FOR VALUES FROM (0) TO (10);
		CREATE TABLE high PARTITION OF parent FOR VALUES FROM (10) TO (20);
		CREATE PUBLICATION p FOR TABLE a, b, s.c, parent; CREATE PUBLICATION q FOR TABLE quiet WITH (publish = 'insert, update, delete');
		CREATE PUBLICATION root FOR TABLE parent WITH (publish_via_partition_root = true)"
	sql 'TRUNCATE a, b, s.c, unpublished, quiet'
	sql 'TRUNCATE a CASCADE'
	sql 'TRUNCATE parent'
	sql 'TRUNCATE low'
	sql 'TRUNCATE quiet'
	read_slot --publication=q >out
	short <out | is 'B
T a
T b
T s.c
C
B
T a
T b
C
B
T low
T high
C
B
T low
C'
	[ "$(grep -c '"action":"T"' out)" = 8 ]
	# One record: one LSN; seq tells its tables apart.
	grep '"action":"T"' out | head -n 3 | values lsn /dev/stdin | uniq | wc -l | is 1
	grep '"action":"T"' out | head -n 3 | jq -c .seq | xargs | is '0 1 2'
	pgcdc-read -S "$PGDATABASE" --publication=root --drain | short | is 'B
T parent
C'
}

@test "read: partitions under their own name, or under the root's" {
	make_slot "CREATE TABLE parent (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
		CREATE TABLE low PARTITION OF parent FOR VALUES FROM (0) TO (10);
		CREATE TABLE high PARTITION OF parent FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (id);
		CREATE TABLE higher (v text, gone int, id int NOT NULL, PRIMARY KEY (id)); ALTER TABLE higher DROP gone;
		ALTER TABLE high ATTACH PARTITION higher FOR VALUES FROM (10) TO (20);
		CREATE PUBLICATION p FOR TABLE parent; CREATE PUBLICATION root FOR TABLE parent WITH (publish_via_partition_root = true)"
	sql "INSERT INTO parent VALUES (1, 'a'), (11, 'b')"
	sql "UPDATE parent SET v = 'c'"
	sql 'UPDATE parent SET id = 12 WHERE id = 1'
	sql 'DELETE FROM parent'
	rows | is 'I low id=1 v="a"
I higher v="b" id=11
U low id=1 v="c" | id=1
U higher v="c" id=11 | id=11
D low | id=1
I higher v="c" id=12
D higher | id=11
D higher | id=12'
	if [ "$(pg_major)" -lt 15 ]; then
		local code=0
		pgcdc-read -q -S "$PGDATABASE" --publication=p,root --drain 2>err || code=$?
		cat err
		[ "$code" = 100 ]
		[[ $(<err) == 'pgcdc-read: error: partition public.higher is published as public.parent, and has its columns in another order or dropped ones: server '* ]]
		# Where they are alike there is no harm.
		sql 'ALTER TABLE high DETACH PARTITION higher; ALTER TABLE higher RENAME TO apart' \
			-c 'CREATE TABLE higher PARTITION OF high DEFAULT'
		sql "INSERT INTO parent VALUES (2, 'd'), (21, 'e')"
		pgcdc-read -q -S "$PGDATABASE" --publication=root --drain | short | grep ' id=2' | is 'I parent id=2 v="d"
I parent id=21 v="e"'
		return
	fi
	pgcdc-read -S "$PGDATABASE" --publication=root --drain | short | grep -v '^[BC]' | is 'I parent id=1 v="a"
I parent id=11 v="b"
U parent id=1 v="c" | id=1
U parent id=11 v="c" | id=11
D parent | id=1
I parent id=12 v="c"
D parent | id=11
D parent | id=12'
}

@test "read: COPY, whose rows share records: lsn and seq tell them apart" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	seq 1 3000 | psql -Xq -c 'COPY t FROM STDIN'
	read_slot >out
	[ "$(grep -c '"action":"I"' out)" = 3000 ]
	grep -o '"value":[0-9]*' out | cut -d : -f 2 | diff - <(seq 1 3000)
	jq 'select(.action == "I") | .seq' out | diff - <(seq 0 2999)
	[ "$(grep '"action":"I"' out | values lsn /dev/stdin | sort -u | wc -l)" -lt 100 ]
	[ "$(actions | tr -s I)" = HBIC ]
}

@test "read: savepoints: what was rolled back does not appear, the rest has the top transaction's id" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql 'BEGIN; INSERT INTO t VALUES (0); ROLLBACK'
	psql -XAtq -v ON_ERROR_STOP=1 >xid <<-END
		BEGIN; SELECT txid_current();
		SAVEPOINT a; INSERT INTO t VALUES (1);
		SAVEPOINT b; INSERT INTO t VALUES (2); ROLLBACK TO b;
		INSERT INTO t VALUES (3); RELEASE a;
		SAVEPOINT c; INSERT INTO t VALUES (4); SAVEPOINT d; INSERT INTO t VALUES (5); RELEASE d; ROLLBACK TO c;
		INSERT INTO t VALUES (6); COMMIT;
		DO \$\$ BEGIN INSERT INTO t VALUES (7); BEGIN INSERT INTO t VALUES (8); RAISE 'no'; EXCEPTION WHEN OTHERS THEN INSERT INTO t VALUES (9); END; END \$\$;
	END
	read_slot >out
	short <out | is 'B
I t id=1
I t id=3
I t id=6
C
B
I t id=7
I t id=9
C'
	head -n 6 out | jq 'select(.action != "H") | .xid' | sort -u | is "$(cat xid)"
}

@test "read: transactions without published changes give no lines, and their position passes" {
	make_slot 'CREATE TABLE t (id int); CREATE TABLE other (id int); CREATE PUBLICATION p FOR TABLE t'
	for i in 1 2 3; do
		sql "INSERT INTO other VALUES ($i)"
		sql "CREATE TABLE made_$i (id int)"
	done
	local behind
	behind=$(sql 'SELECT pg_current_wal_lsn()')
	read_slot --ack=stdout >out
	[ "$(actions)" = H ]
	[ "$(of_slot "confirmed_flush_lsn >= '$behind'")" = t ]
	sql 'INSERT INTO t VALUES (1)'
	sql 'INSERT INTO other VALUES (1)'
	sql 'INSERT INTO t VALUES (2)'
	read_slot >out
	[ "$(actions)" = HBICBIC ]
	[ "$(values prev | tail -n 1)" = "$(values ack | head -n 1)" ]
}

@test "read: a rolled back transaction that outgrew logical_decoding_work_mem gives nothing (18 sends an abort)" {
	make_slot 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t VALUES (1)'
	sql "BEGIN; SAVEPOINT a; INSERT INTO t VALUES (2); RELEASE a;
		INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(11, 5000) i; ROLLBACK"
	sql 'INSERT INTO t VALUES (3)'
	PGOPTIONS='-c logical_decoding_work_mem=64kB' read_slot >out
	[ "$(actions)" = HBICBIC ]
}
