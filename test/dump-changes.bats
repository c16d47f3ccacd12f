#!/usr/bin/env bats
# Tables that are altered, rewritten, renamed, truncated and dropped while they are dumped.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump

setup_file() { pg_start; }

teardown_file() { pg_stop; }

# Each line has a's value under its type and name, as it was once.
are_right() {
	jq -e -n 'def value(n): first(.columns[] | select(.name == n)) // null;
		[inputs | select(.action == "R" and .columns[0].name != "other") | (.columns[0].value) as $id |
			(value("a") // value("b")) as $a |
			select($a != null and ($a.type == "integer" or $a.type == "bigint") and
				(($a.value | tonumber) != $id))] == []' out >are_right
}

# changed 'SQL' [TEXT]: a table of 900 rows of which some are read, when this comes: none is
# missing, and TEXT is among the messages.
changed() {
	sql 'DROP TABLE IF EXISTS t, t_old, u; DROP SCHEMA IF EXISTS s CASCADE' 2>/dev/null
	make_wide 900
	sql "CREATE TABLE u (id int, a int, pad text); INSERT INTO u SELECT i, 3, 'other' FROM generate_series(100001, 103000) i"
	start_held --tables=public.t
	echo "$1:"
	psql -XAtq -v ON_ERROR_STOP=1 <<<"$1"
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids 1 900
	are_right
	grep -qF -- "${2:-info: read }" err
}

@test "dump: a table that is rewritten meanwhile is read from its beginning" {
	changed 'VACUUM FULL t;' 'table public.t was altered, and is read from its beginning'
	changed 'CREATE INDEX i ON t (a); CLUSTER t USING i;' 'from its beginning'
	changed 'ALTER TABLE t ALTER a TYPE bigint;' 'from its beginning'
	changed 'ALTER TABLE t ADD z double precision DEFAULT random();' 'from its beginning'
	changed 'ALTER TABLE t SET UNLOGGED;' 'from its beginning'
}

@test "dump: columns that are added, dropped, renamed and retyped meanwhile" {
	changed 'ALTER TABLE t ADD z int DEFAULT 5;'
	changed 'ALTER TABLE t DROP a;' 'table public.t was altered'
	changed 'ALTER TABLE t RENAME a TO b;' 'table public.t was altered'
	changed 'ALTER TABLE t RENAME id TO number;' 'table public.t was altered'
	changed 'BEGIN; ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME pad TO a; COMMIT;' 'table public.t was altered'
	# Nothing is rewritten, and the old name means something else.
	changed "ALTER TABLE t DROP a, ADD a text DEFAULT 'foo';" 'table public.t was altered'
	jq -r 'select(.action == "R").columns[] | select(.name == "a") | .type + " " + (.value | type)' out | sort -u |
		is 'integer number
text string'
	changed 'ALTER TABLE t ALTER a TYPE regclass;' 'table public.t was altered'
	jq -r 'select(.action == "R").columns[1] | .type + " " + (.value | type)' out | sort -u | is 'integer number
regclass string'
}

@test "dump: a table that is renamed or moved meanwhile, and another one under its name" {
	changed 'ALTER TABLE t RENAME TO t_old;' 'table public.t_old was altered'
	changed 'CREATE SCHEMA s; ALTER TABLE t SET SCHEMA s;' 'table s.t was altered'
	# Another snapshot is needed, so the other table is not what was meant at the start.
	changed 'BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE u RENAME TO t; COMMIT;' 'table public.t_old was altered'
	[ "$(ids | sort -n | tail -n 1)" -eq 900 ]
}

@test "dump: column lists and filters of a publication follow a column that is renamed (15 and later)" {
	if [ "$MAJOR" -lt 15 ]; then
		sql 'CREATE TABLE t (a int PRIMARY KEY)'
		lacks 'CREATE PUBLICATION p FOR TABLE t WHERE (a > 10)'
		return
	fi
	make_wide 900
	sql 'ALTER TABLE t ADD v text DEFAULT repeat($$v$$, 2000); CREATE PUBLICATION p FOR TABLE t (id, a, v) WHERE (a > 10)'
	start_held --publication=p
	sql 'ALTER TABLE t RENAME a TO b'
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids_once 11 900
	jq -c 'select(.action == "R") | [.columns[].name]' out | sort -u | is '["id","a","v"]
["id","b","v"]'
}

# Once the condition was about the column that has the name now: rows were missing.
@test "dump: columns of a condition, which are not read, whose names are given to others meanwhile" {
	local swap='BEGIN; ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME zero TO a; COMMIT'
	make_wide 900
	sql 'ALTER TABLE t ADD zero int; CREATE PUBLICATION p FOR TABLE t'
	start_held --tables=public.t --columns=public.t:id,pad --where='public.t:a > 0'
	psql -Xq <<<"$swap"
	let_go
	# The words are the user's, and mean another column now.
	grep -F 'info: table public.t was altered' err
	[ "$MAJOR" -ge 15 ] || return 0
	psql -Xq <<<'BEGIN; ALTER TABLE t RENAME a TO zero; ALTER TABLE t RENAME b TO a; COMMIT'
	sql "ALTER PUBLICATION p SET TABLE t (id, pad) WHERE (a > 0); ALTER PUBLICATION p SET (publish = 'insert')"
	start_held --publication=p
	psql -Xq <<<"$swap"
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids 1 900
}

@test "dump: rows that move onto pages that were read, before another snapshot is taken" {
	make_wide 1500
	sql 'DELETE FROM t WHERE id <= 300'
	sql 'VACUUM t'
	start_held --tables=public.t
	[[ $FIRST == *'"value":301}'* ]]
	sql 'UPDATE t SET a = a WHERE id > 1300'
	[ "$(sql "SELECT count(*) > 150 FROM t WHERE id > 1300 AND (ctid::text::point)[0] < 100")" = t ]
	# Rows of subtransactions, too.
	psql -Xq -v ON_ERROR_STOP=1 <<<'BEGIN; SAVEPOINT a; UPDATE t SET a = a WHERE id BETWEEN 1250 AND 1270; RELEASE a;
		SAVEPOINT b; UPDATE t SET a = -1; ROLLBACK TO b; COMMIT;'
	sql 'ALTER TABLE t RENAME a TO b'
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids 301 1500
	[ "$(ids | wc -l)" -lt 1600 ]
	are_right
}

@test "dump: updates meanwhile: each row once, as it was in the snapshot" {
	make_wide 1500
	start_held --tables=public.t --jobs=3
	sql 'UPDATE t SET a = -a' -c 'DELETE FROM t WHERE id % 2 = 0' -c 'INSERT INTO t SELECT i FROM generate_series(3001, 3100) i'
	sql 'VACUUM t'
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids_once 1 1500
	are_right
}

@test "dump: a table that is truncated or dropped meanwhile; the others go on" {
	make_wide 900
	make_wide 600 z
	sql 'UPDATE z SET id = id + 10000'
	start_held --tables='public.*'
	psql -Xq <<<"BEGIN; TRUNCATE t; INSERT INTO t VALUES (5000, 5000, ''); COMMIT;"
	let_go
	[ "$bg_status" -eq 0 ]
	ids | grep -x 5000
	[ "$(ids | sort -u | grep -c '^1....$')" -eq 600 ]
	[ "$(ids | wc -l)" -lt 1500 ]

	sql 'DROP TABLE t'
	make_wide 900
	start_held --tables='public.*'
	sql 'DROP TABLE t'
	let_go
	[ "$bg_status" -eq 0 ]
	grep -F 'a table was dropped, or taken out of its publications, while it was dumped' err
	[ "$(ids | sort -u | grep -c '^1....$')" -eq 600 ]
	is_whole_stream
}

@test "dump: partitions that are detached, attached and dropped meanwhile" {
	sql 'CREATE TABLE root (id int, a int, pad text) PARTITION BY RANGE (id);
		CREATE TABLE one PARTITION OF root FOR VALUES FROM (1) TO (501);
		CREATE TABLE two PARTITION OF root FOR VALUES FROM (501) TO (1001);
		CREATE TABLE three PARTITION OF root FOR VALUES FROM (1001) TO (1011);
		CREATE PUBLICATION p FOR TABLE root WITH (publish_via_partition_root = true);
		ALTER TABLE one ALTER pad SET STORAGE PLAIN; ALTER TABLE two ALTER pad SET STORAGE PLAIN;
		INSERT INTO root SELECT i, i, repeat($$x$$, 2000) FROM generate_series(1, 1010) i'
	start_held --publication=p
	sql 'ALTER TABLE root DETACH PARTITION two; DROP TABLE three'
	let_go
	[ "$bg_status" -eq 0 ]
	[ "$(ids | sort -nu | head -n 500 | tail -n 1)" -eq 500 ]
	grep -F 'a table was dropped, or taken out of its publications' err
}

# It has the old name, and is no part of what is published under the new one.
@test "dump: a partition that is detached while a column of its root gets another name" {
	sql 'CREATE TABLE root (id int, a int, pad text) PARTITION BY RANGE (id);
		CREATE TABLE one PARTITION OF root FOR VALUES FROM (1) TO (501);
		CREATE TABLE two PARTITION OF root FOR VALUES FROM (501) TO (1001);
		CREATE PUBLICATION p FOR TABLE root WITH (publish_via_partition_root = true);
		ALTER TABLE one ALTER pad SET STORAGE PLAIN; ALTER TABLE two ALTER pad SET STORAGE PLAIN;
		INSERT INTO root SELECT i, i, repeat($$x$$, 2000) FROM generate_series(1, 1000) i'
	sql CHECKPOINT
	start_held --publication=p
	sql 'ALTER TABLE root DETACH PARTITION two; ALTER TABLE root RENAME a TO b'
	let_go
	[ "$bg_status" -eq 0 ]
	[ "$(ids | sort -nu | head -n 500 | tail -n 1)" -eq 500 ]
	have_columns 3
}

# have_columns N: each row.
have_columns() {
	jq -e -n --argjson n "$1" '[inputs | select(.action == "R" and (.columns | length) != $n) | .columns[0]] == []' out
}

@test "dump: a table that is taken out of its publication while it is dumped" {
	make_wide 900
	sql 'CREATE PUBLICATION p FOR TABLE t'
	start_held --publication=p
	sql 'ALTER PUBLICATION p DROP TABLE t; ALTER TABLE t RENAME a TO b'
	let_go
	[ "$bg_status" -eq 0 ]
	grep -F 'taken out of its publications' err
	have_columns 3
}
