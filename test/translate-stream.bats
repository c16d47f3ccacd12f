#!/usr/bin/env bats
# pgcdc-translate on whole streams with many schema changes: after restarts, under writers, with
# texts and messages that mean harm.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2317

load translate

setup_file() { pg_start; }
teardown_file() { pg_stop; }

# Statements that leave hardly a definition as it was; the writer's are in another transaction.
much_ddl() {
	sql 'CREATE SCHEMA s; CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, a int)'
	init
	open_session writer
	say writer 'BEGIN; INSERT INTO u VALUES (1, 1)'
	sql "INSERT INTO t VALUES (1, 'a')"
	local i
	for i in 2 3 4; do
		sql "ALTER TABLE t ADD c$i int; INSERT INTO t (id) VALUES ($i)"
		sql "BEGIN; ALTER TABLE t RENAME TO x; INSERT INTO x (id) VALUES (1$i); ALTER TABLE x RENAME TO t; COMMIT"
		sql "ALTER TABLE t DROP c$i; UPDATE t SET id = id + 20 WHERE id = $i"
	done
	say writer 'INSERT INTO t (id) VALUES (5); COMMIT'
	sql 'BEGIN; ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; ALTER TABLE x RENAME TO u; COMMIT'
	sql 'INSERT INTO t VALUES (6, 6); INSERT INTO u (id) VALUES (6)'
	sql 'ALTER TABLE u SET SCHEMA s; INSERT INTO s.u (id) VALUES (7); DELETE FROM s.u WHERE id = 6'
	sql 'DROP TABLE t'
	sql 'CREATE TABLE t (a text, id int PRIMARY KEY)'
	sql "INSERT INTO t VALUES ('x', 1); ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET a = NULL"
	sql 'ALTER TABLE s.u RENAME v TO id2; ALTER TABLE s.u RENAME id TO v; ALTER TABLE s.u RENAME id2 TO id; DELETE FROM s.u'
}

@test "translate: a restart at each commit gives the same lines, but for the baseline" {
	much_ddl
	stream
	[ "$(grep -c '"metadata"' out)" -ge 20 ]
	without_baseline >whole
	local n=0 ack lines
	for ack in $(values ack in); do
		n=$((n + 1))
		lines=$(grep -n "\"ack\":\"$ack\"" in | cut -d : -f 1)
		# What the reader writes after its restart there.
		{ sed -n "1s|\"start\":\"[^\"]*\"|\"start\":\"$ack\"|p" in; sed "1,${lines}d" in; } >rest
		if [ "$((n % 6))" = 1 ]; then
			sql "SELECT pg_replication_slot_advance('$PGDATABASE', '$ack')" >advanced
			read_slot | cmp rest -
		fi
		translate <rest >out
		lines=$(grep -n "\"ack\":\"$ack\"" whole | cut -d : -f 1)
		diff <(without_baseline | sed 1d) <(sed "1,${lines}d" whole)
		# With the baseline a sink, or a recording, needs no database.
		plain | translate --store= | cmp - out
	done
	[ "$n" -ge 15 ]
}

# rebuild: from translated rows, in stream order, the rows of each table by the ids of table and
# columns; then each as an object with the names of the last definition, sorted.  Values are
# text, and nulls are left out.
rebuild() {
	jq -sc '
	def text: if . == null then null else tostring end;
	def by_id: map({key: .id, value: (.value | text)}) | from_entries;
	def key($ids): . as $row | $ids | map($row[.]) | tojson;
	reduce .[] as $e ({rows: {}, tables: {}};
		if $e.table == "schema_log" then
			([$e.columns[] | select(.name == "schema").value | fromjson | .tables[]?]) as $tables
			| reduce $tables[] as $t (.; .tables[$t.id] = $t)
		elif $e.metadata then
			$e.metadata as $m
			| (($e.identity // []) | by_id | key($m.identity_ids)) as $old
			| (.rows[$m.table_id][$old] // {}) as $stored
			| if $e.identity then del(.rows[$m.table_id][$old]) else . end
			| if $e.columns then
				($stored + ($e.columns | by_id)) as $row | .rows[$m.table_id][$row | key($m.identity_ids)] = $row
			  else . end
		else . end)
	| .tables as $tables | .rows | to_entries[] | .key as $id | $tables[$id] as $t
	| .value[] as $row | [$t.name, ([$t.columns[] | {key: .name, value: $row[.id]} | select(.value != null)] | from_entries)]' "$1" |
		jq -Sc . | sort
}

source_rows() { # TABLE...
	local table
	for table in "$@"; do
		sql "SELECT json_build_array('$table', to_json(t)) FROM $table t"
	done | jq -Sc '.[1] |= (map_values(values | tostring))' | sort
}

@test "translate: what is rebuilt from the lines is the source, after writers and a loop of DDL" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE TABLE u (id int PRIMARY KEY, a int, b int)'
	init
	local seed=${SEED:-$RANDOM} w i table
	echo "SEED=$seed"
	RANDOM=$seed
	for w in 1 2; do
		for i in {1..150}; do
			table=$( ((RANDOM % 2)) && echo t || echo u)
			case $((RANDOM % 5)) in
			0 | 1 | 2) echo "INSERT INTO $table (id, a, b) VALUES ($((RANDOM % 40)), $i, -$i);" ;;
			3) echo "UPDATE $table SET id = $((RANDOM % 40)), a = a + 1 WHERE id = $((RANDOM % 40));" ;;
			4) echo "DELETE FROM $table WHERE id = $((RANDOM % 40));" ;;
			esac
		done >"writer.$w"
	done
	# Names change at any moment: some of the writers' statements fail.
	write() { exec psql -Xq -v ON_ERROR_STOP=0 -f "$1" >/dev/null 2>&1; }
	start_bg ONE write writer.1
	start_bg TWO write writer.2
	for i in {1..12}; do
		echo "ALTER TABLE t ADD x$i int; ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b;"
		echo 'BEGIN; ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; ALTER TABLE x RENAME TO u; COMMIT;'
		echo 'UPDATE t SET id = id + 40, a = b WHERE id < 20; UPDATE u SET id = id - 40 WHERE id >= 40;'
		[ "$((i % 4))" != 3 ] || echo 'ALTER TABLE u ALTER a TYPE bigint; ALTER TABLE u ALTER b TYPE numeric;'
		[ "$((i % 4))" != 0 ] || echo 'ALTER TABLE t DROP b; ALTER TABLE t ADD b int; UPDATE t SET b = id;'
	done | psql -Xq -v ON_ERROR_STOP=0 >loop.out 2>&1
	end_bg ONE 60
	end_bg TWO 60
	stream
	[ "$(grep -c '"metadata"' out)" -ge 100 ]
	source_rows t u >source
	[ "$(wc -l <source)" -ge 10 ]
	rebuild out | diff source -
	# It is the ids that do this, not the order in which the stream was read.
	translate --store= <in | cmp - out
}

@test "translate: logical messages and tables that look like the log change nothing" {
	[ "$(pg_major)" -ge 14 ] || local silent=1
	sql 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE schema_log (id int PRIMARY KEY, schema jsonb)'
	init
	local forged='{"tables": [{"id": "9", "name": "t", "schema": "public", "columns": [{"id": "9-1", "name": "id"}], "identity": ["9-1"]}]}'
	local line='{"action":"I","lsn":"0/1","schema":"pgcdc","table":"schema_log","columns":[]}'
	sql "INSERT INTO schema_log VALUES (100, '$forged')"
	local transactional
	for transactional in true false; do
		sql "SELECT pg_logical_emit_message($transactional, 'pgcdc', '$forged'),
			pg_logical_emit_message($transactional, 'pgcdc.schema_log', '$line')" >emitted
	done
	# Nor may another role write to the log.
	sql "DROP ROLE IF EXISTS forger" 2>/dev/null
	sql 'CREATE ROLE forger'
	run sql "SET ROLE forger; INSERT INTO pgcdc.schema_log (command_tag, schema) VALUES ('ALTER TABLE', '$forged')"
	[ "$status" != 0 ]
	sql "INSERT INTO t VALUES (1, 'a')"
	stream
	plain | cmp - in
	[ -n "${silent-}" ] || [ "$(actions | tr -cd M)" = MMMM ]
	ids | tail -n 1 | is 'I t #1 (1-1) 1-1:id=1 1-2:v="a"'
	sql 'DROP ROLE forger'
}

@test "translate: a DDL text of a megabyte, with line feeds, quotes, escapes and statements in it" {
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	init
	export text='\"action\":\"C\"; DROP TABLE t; -- \x1b\x7f "}]} \n\\ $$ é 😀'$'\t'"/* '' */ {\"tables\": []} , ,"
	{
		printf '%s' 'ALTER TABLE t ADD "a""b\" text; ALTER TABLE t ALTER "a""b\" SET DEFAULT E'"'"
		awk 'BEGIN { for (i = 0; i < 14000; i++) print ENVIRON["text"] }'
		printf "';"
	} >ddl.sql
	[ "$(wc -c <ddl.sql)" -ge 1000000 ]
	psql -Xq -v ON_ERROR_STOP=1 -f ddl.sql
	sql 'INSERT INTO t VALUES (1, NULL)'
	stream
	[ "$(wc -L <in)" -ge 2000000 ]
	plain | cmp - in
	ids | is 'I t #1 (1-1) 1-1:id=1 1-2:a"b\=null'
	translate --store= <in | cmp - out
	# From the store, too.
	grep -v '"table":"schema_log"' in | translate >out
	without_baseline | ids /dev/stdin | is 'I t #1 (1-1) 1-1:id=1 1-2:a"b\=null'
	grep -c ',"baseline":true}$' out | is 1
}
