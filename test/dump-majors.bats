#!/usr/bin/env bats
# Which rows the dump has of tables of every kind, and at which position.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump

setup_file() { pg_start --conf 'max_prepared_transactions = 5'; }

teardown_file() { pg_stop; }

# --- tables

@test "dump: thousands of ranges over four connections: each row once" {
	make_wide 3000
	dump --tables=public.t --range-pages=1 --jobs=4
	has_ids_once 1 3000
	is_whole_stream
	[ "$(grep -c '"action":"C"' out)" -eq 1000 ]
	[ "$(sed -n 's/^{"action":"R","lsn":"\([^"]*\)".*/\1/p' out | sort -u | wc -l)" -eq 1 ]
	for pages in 7 999 1000 1001 2147483648; do
		dump --tables=public.t --range-pages=$pages --jobs=3
		has_ids_once 1 3000
	done
}

@test "dump: rows as small and as many on a page as can be, with gaps among them" {
	sql 'CREATE TABLE t (); INSERT INTO t SELECT FROM generate_series(1, 5000);
		CREATE TABLE u (id int); INSERT INTO u SELECT i FROM generate_series(1, 5000) i; DELETE FROM u WHERE id % 7 = 0'
	sql 'VACUUM u'
	dump --tables='public.*' --range-pages=1
	[ "$(grep -c '"table":"t"' out)" -eq 5000 ]
	grep '"table":"u"' out >u
	ids u | cmp - <(seq 5000 | awk '$1 % 7')
}

@test "dump: partitions, leaf by leaf, and as their root; inheritance, each table its own" {
	local leaf1='b int, gone int, id int, a text' row='b=2 id=1 a="a"'
	# Before 15 the reader refuses leaves that differ from their root.
	[ "$MAJOR" -ge 15 ] || leaf1='id int, a text, b int' row='id=1 a="a" b=2'
	sql "CREATE TABLE root (id int, a text, b int) PARTITION BY RANGE (id);
		CREATE TABLE leaf1 ($leaf1);
		ALTER TABLE leaf1 DROP IF EXISTS gone;
		ALTER TABLE root ATTACH PARTITION leaf1 FOR VALUES FROM (0) TO (10);
		CREATE TABLE sub PARTITION OF root FOR VALUES FROM (10) TO (100) PARTITION BY LIST (id);
		CREATE TABLE leaf2 PARTITION OF sub FOR VALUES IN (10);
		CREATE TABLE leaf3 PARTITION OF sub DEFAULT;
		CREATE TABLE no_leaves (id int) PARTITION BY LIST (id);
		CREATE TABLE parent (id int); CREATE TABLE child (a int) INHERITS (parent);
		CREATE PUBLICATION leaves FOR TABLE root, parent;
		CREATE PUBLICATION p FOR TABLE root, parent WITH (publish_via_partition_root = true)" 2>/dev/null
	make_slot
	sql "INSERT INTO root VALUES (1, 'a', 2), (10, 'b', 3), (11, 'c', 4); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3)"
	local publication
	for publication in leaves p; do
		dump --publication=$publication
		rows_of | sort >rows
		timeout 60 pgcdc-read -q -S "$PGDATABASE" --publication=$publication --drain |
			sed -n 's/^{"action":"I".*,"schema":\(.*\)}$/\1/p' | sort | diff rows -
		[ "$(wc -l <rows)" -eq 5 ]
	done
	dump --publication=leaves,p
	rows_of | sort | cmp rows -
	dump --tables=public.root
	[ "$(short <out | sort | grep -v C)" = "R leaf1 $row"$'\nR leaf2 id=10 a="b" b=3\nR leaf3 id=11 a="c" b=4' ]
	dump --tables=public.root --exclude-tables=public.leaf1,public.sub
	[ "$(short <out | sort | grep -v C)" = 'R leaf2 id=10 a="b" b=3
R leaf3 id=11 a="c" b=4' ]
	dump --tables=public.leaf2,public.sub,public.root,public.parent
	[ "$(rows_of | sort -u | wc -l)" -eq 4 ]
	[ "$(rows_of | wc -l)" -eq 4 ]
	dump --tables='public.*'
	[ "$(short <out | grep -c '^R')" -eq 5 ]
	refuses_to_begin 100 'there is no table to dump' --tables=public.no_leaves
}

@test "dump: without a primary key, empty, unlogged, and with names that need quotes" {
	sql "CREATE TABLE empty (id int); CREATE UNLOGGED TABLE unlogged (id int); INSERT INTO unlogged VALUES (7);
		CREATE TABLE \"Odd \"\"Name\" (\"SELECT\" int, \"a\"\"b\" text); INSERT INTO \"Odd \"\"Name\" VALUES (1, 'x'), (1, 'x');
		CREATE TEMPORARY TABLE temporary (id int)"
	dump --tables='*.*'
	short <out | grep -v '^C' | is 'R Odd "Name SELECT=1 a"b="x"
R Odd "Name SELECT=1 a"b="x"
R unlogged id=7'
	is_whole_stream
	dump --tables='public.Odd "Name'
	[ "$(grep -c '"action":"R"' out)" -eq 2 ]
	dump --tables='public.empty'
	[ "$(actions)" = HC ]
}

# --- positions

# lsn_of_dump: of all R lines, of which there are some.
lsn_of_dump() { sed -n 's/^{"action":"R","lsn":"\([^"]*\)".*/\1/p' out | sort -u; }

# is_below_the_rest: what the slot holds and the dump does not has a position that is not below its.
is_below_the_rest() {
	local lsn
	lsn=$(lsn_of_dump)
	[[ $lsn =~ ^[0-9A-F]+/[0-9A-F]+$ ]]
	sed -n 's/^{"action":"I","lsn":"\([^"]*\)".*"name":"id","type":"integer","value":\([0-9]*\)}.*/\2 \1/p' stream | sort >streamed
	ids | sort >dumped
	join -v 1 streamed dumped | awk -v dump="$lsn" '
		function number(lsn,    a) { split(lsn, a, "/"); return substr("0000000" a[1], length(a[1])) substr("0000000" a[2], length(a[2])) }
		number($2) < number(dump) { print; bad = 1 }
		END { exit bad }'
}

@test "dump: waits for a transaction that is open, says so, and its position is below what it lacks" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t; INSERT INTO t VALUES (1)'
	session OPEN
	say OPEN 'BEGIN; INSERT INTO t VALUES (2); SAVEPOINT a; INSERT INTO t VALUES (3);'
	start_bg DUMP dump --tables=public.t
	wait_until 20 'grep -q "info: waiting for the end of open transactions, the oldest: process .*, postgres in $PGDATABASE, begun " err'
	sql 'INSERT INTO t VALUES (4)'
	[ ! -s out ]
	say OPEN 'INSERT INTO t VALUES (5); COMMIT;'
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
	sql 'INSERT INTO t VALUES (6)'
	has_ids_once 1 5
	read_slot >stream 2>/dev/null
	is_below_the_rest
	[ "$(sql "SELECT '$(lsn_of_dump)' <= '$(sed -n 's/^{"action":"I","lsn":"\([^"]*\)".*"value":4}.*/\1/p' stream)'::pg_lsn")" = t ]
}

@test "dump: waits for a prepared transaction" {
	sql "CREATE TABLE t (id int); INSERT INTO t VALUES (1)"
	sql "BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'of $PGDATABASE'"
	start_bg DUMP dump --tables=public.t
	wait_until 20 'grep -q "the oldest: prepared transaction of $PGDATABASE" err'
	sql "COMMIT PREPARED 'of $PGDATABASE'"
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
	has_ids_once 1 2
}

# Transactions FROM, FROM + 3 ..., of three rows, one of them of a subtransaction, one after the other.
transactions() {
	local i
	for ((i = $1; i < 900; i += 3)); do
		echo "BEGIN; INSERT INTO t VALUES ($i); SAVEPOINT a; INSERT INTO t VALUES ($((i + 1000))); RELEASE a;
			SELECT pg_sleep(0.002); INSERT INTO t VALUES ($((i + 2000))); COMMIT;"
	done | psql -Xq -v ON_ERROR_STOP=1 >/dev/null
}

@test "dump: with transactions all the time, what it lacks is not below its position" {
	make_slot 'CREATE TABLE t (id int, v text); CREATE PUBLICATION p FOR TABLE t; INSERT INTO t SELECT i FROM generate_series(5001, 5020) i'
	local n
	for n in 0 1 2; do
		start_bg "WRITER$n" transactions "$n"
	done
	for n in 1 2 3 4 5 6; do
		dump --tables=public.t --jobs=2 --range-pages=1
		mv out "out.$n"
	done
	for n in 0 1 2; do
		end_bg "WRITER$n" 30
		[ "$bg_status" -eq 0 ]
	done
	read_slot >stream 2>/dev/null
	[ "$(grep -c '"action":"I"' stream)" -eq 2700 ]
	for n in 1 2 3 4 5 6; do
		cp "out.$n" out
		is_below_the_rest
		[ "$(ids | uniq -d)" = '' ]
	done
	[ "$(ids out.1 | wc -l)" -lt 2700 ]
}

# What a digest is of is the same on all majors, as these tests run on each.
@test "dump: the digest of rows that every server has" {
	sql "CREATE TABLE t (id int PRIMARY KEY, big bigint, part numeric(12,4), real real, float float8, flag boolean,
			note text, code char(5), raw bytea, day date, at timestamp, there timestamptz, long interval,
			id2 uuid, doc jsonb, list int[], words text[], range int4range, mood oid);
		INSERT INTO t VALUES (1, 9007199254740993, 1.5000, 0.1, 1e300, true, 'gr\u00f6\u00dfe', 'ab', '\\x00ff', '2026-11-22',
			'2026-11-22 10:11:12.123456', '2026-11-22 10:11:12+02', '1 day 02:03', '11111111-2222-3333-4444-555555555555',
			'{\"b\": [1, 2.50], \"a\": null}', '{1,NULL,3}', '{a,\"b c\"}', '[1,5)', 4294967295),
			(2, NULL, 'NaN', '-Infinity', 'NaN', false, '', NULL, '', 'infinity', NULL, NULL, NULL, NULL, 'null', '{}', NULL, 'empty', 0)"
	dump --tables=public.t --digest
	jq -c '[.digest, .rows]' out | is '["e908f4cd13ed36e02595ec4a8d8c6667",2]'
}
