#!/usr/bin/env bats
# Parts of tables: pages, columns and rows; digests of them; and the slot that a dump makes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump

setup_file() { pg_start; }

teardown_file() { pg_stop; }

@test "dump: pages, by an option or from standard input" {
	make_wide 30 # three rows a page
	dump --pages=public.t:0-1,public.t:8-
	ids | sort -n | paste -sd ' ' | is '1 2 3 4 5 6 25 26 27 28 29 30'
	printf 'public.t:1-1\n\npublic.t:3-3\n' >pages
	dump --pages=- <pages
	ids | sort -n | paste -sd ' ' | is '4 5 6 10 11 12'
	dump --pages=public.t
	has_ids_once 1 30
	dump --pages=public.t:9-20
	has_ids_once 28 30
	grep -F 'warning: --pages has page 20 of table public.t, which has only 10' err
	refuses_to_begin 100 '--pages has page 10 of table public.t, which has only 10' --pages=public.t:10-
	refuses_to_begin 100 'table "public.none" of --pages does not exist' --pages=public.none:0-1
	refuses_to_begin 100 'invalid pages "public.t:2-1"' --pages=public.t:2-1
	refuses_to_begin 100 'standard input names no pages' --pages=- </dev/null
}

@test "dump: columns, and always those that identify a row" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, a int, b text, c text); INSERT INTO t VALUES (1, 2, NULL, 4)'
	dump --tables=public.t --columns=public.t:b
	rows_of | is '"public","table":"t","columns":[{"name":"id","type":"integer","value":1},{"name":"b","type":"text","value":null}]'
	dump --tables=public.t --exclude-columns='public.*:id,b,c'
	rows_of | is '"public","table":"t","columns":[{"name":"id","type":"integer","value":1},{"name":"a","type":"integer","value":2}]'
}

@test "dump: rows, by a condition that stands for itself" {
	sql 'CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 20); INSERT INTO t VALUES (NULL)'
	dump --tables=public.t --where='public.t:id > 5 -- and no more' --where='*.*:id <= 7'
	has_ids_once 6 7
	[ "$(grep -c '"action":"R"' out)" -eq 2 ] # NULL is not true
	dump --tables=public.t --where='public.t:id < 3 OR id > 18'
	ids | sort -n | paste -sd ' ' | is '1 2 19 20'
	refuses_to_begin 100 'invalid condition of --where for table public.t: *none' --tables=public.t --where='public.t:none = 1'
	refuses_to_begin 100 'invalid condition of --where' --tables=public.t --where='public.t:true); DROP TABLE t; --'
	[ "$(sql 'SELECT count(*) FROM t')" -eq 21 ]
	refuses_to_begin 100 'expected schema.table:expression' --tables=public.t --where=id
}

@test "dump: digests: the same for the same rows, wherever they are" {
	make_wide 300
	dump --tables=public.t --digest --range-pages=1000
	cp out before
	jq -c '[.schema, .table, .rows, .first, .last]' out | is '["public","t",300,0,null]'
	# The same rows in another order, in a table whose columns are in another one.
	sql 'CREATE TABLE u (pad text, a int, id int); ALTER TABLE u ALTER pad SET STORAGE PLAIN;
		INSERT INTO u SELECT pad, a, id FROM t ORDER BY id DESC'
	dump --tables=public.u --digest --range-pages=1000
	cmp <(jq .digest before) <(jq .digest out)
	sql 'UPDATE u SET a = 7 WHERE id = 7' # as it is
	dump --tables=public.u --digest --range-pages=1000
	cmp <(jq .digest before) <(jq .digest out)
	sql 'UPDATE u SET a = 8 WHERE id = 7'
	dump --tables=public.u --digest --range-pages=1000
	[ "$(jq .digest before)" != "$(jq .digest out)" ]
	# By ranges, over several connections.
	dump --tables=public.t --digest --range-pages=7 --jobs=3
	[ "$(jq -s 'map(.rows) | add' out)" -eq 300 ]
	jq -c '[.first, .last]' out | sort -V | head -n 2 | is '[0,6]
[7,13]'
	refuses_to_begin 100 '--digest excludes --ack' --tables=public.t --digest --ack=stdout
}

@test "dump: the stream of the slot that it makes begins where its rows end" {
	sql 'CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t; INSERT INTO t SELECT generate_series(1, 100)'
	local slot=$PGDATABASE
	: >counting
	# shellcheck disable=SC2317
	count_on() { for ((i = 101; ; i++)); do [ -e counting ] || break; echo "INSERT INTO t VALUES ($i);"; done | psql -XAtq; }
	start_bg COUNT count_on
	wait_until 20 '[ "$(sql "SELECT count(*) FROM t")" -gt 150 ]'
	dump --publication=p --create-slot="$slot"
	rm counting
	end_bg COUNT 20
	timeout 60 pgcdc-read -q -S "$slot" --publication=p --drain >stream
	{ ids; sed -n 's/^{"action":"I".*"value":\([0-9]*\)}.*/\1/p' stream; } | sort -n | cmp - <(sql 'SELECT id FROM t ORDER BY id')
	refuses_to_begin 100 "slot \"$slot\" exists; leave --create-slot out, or drop the slot" --publication=p --create-slot="$slot"
	refuses_to_begin 100 '--failover needs --create-slot' --publication=p --failover
	sql "SELECT pg_drop_replication_slot('$slot')"
}
