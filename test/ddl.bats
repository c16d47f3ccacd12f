#!/usr/bin/env bats
# The schema log: what event triggers write of each kind of DDL.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# bg_status is set by end_bg

bats_require_minimum_version 1.5.0
load ddl

# The entries of the log, with what is the same in each run: a line each, then one for each
# table, and one for each column.
entries() {
	sql "SELECT to_jsonb(l) - '{id,lsn,version,query_id,created_at,acked}'::text[]
	    FROM pgcdc.schema_log l ORDER BY id" |
	    jq -r '(del(.schema.tables) | del(.[] | nulls) | tojson),
		(.schema.tables[]? | "\t" + (del(.columns) | tojson), (.columns[]? | "\t\t" + tojson))'
}

# case NAME: the statements of data/ddl/NAME.sql give the entries of NAME.expected.
case_of() {
	local file=$BATS_TEST_DIRNAME/data/ddl/$1 from

	from=$(sed -n '1s/^-- from //p' "$file.sql")
	if [ "$MAJOR" -lt "${from:-0}" ]; then
		! psql -Xq -v ON_ERROR_STOP=1 -f "$file.sql" || return
		return 0
	fi
	psql -Xq -v ON_ERROR_STOP=1 -f "$file.sql" >/dev/null
	entries >"$BATS_TEST_TMPDIR/entries"
	diff -u "$file.expected" "$BATS_TEST_TMPDIR/entries"
}

# --- what is logged

@test "tables" { case_of tables; }
@test "columns" { case_of columns; }
@test "virtual generated columns" { case_of virtual; }
@test "partitions" { case_of partitions; }
@test "DETACH PARTITION CONCURRENTLY" { case_of detach-concurrently; }
@test "inheritance" { case_of inheritance; }
@test "foreign tables, and text that can hold a secret" { case_of foreign; }
@test "keys and replica identity" { case_of keys; }
@test "names of tables, columns and schemas" { case_of names; }
@test "enums, domains, composites, collations" { case_of types; }
@test "CREATE TABLE AS and SELECT INTO" { case_of rows-before; }
@test "commands that are logged as text, and some that are not" { case_of commands; }
@test "DROP ... CASCADE" { case_of cascade; }
@test "batches, DO, functions, savepoints" { case_of batches; }
@test "extensions" { case_of extensions; }
@test "a role without any right on schema pgcdc" { case_of rights; }
@test "text is data" { case_of text; }

@test "every case is tested" {
	for file in "$BATS_TEST_DIRNAME"/data/ddl/*.sql; do
		echo "$file"
		grep -q "case_of $(basename "$file" .sql); }\$" "$BATS_TEST_FILENAME"
	done
}

@test "a text of a megabyte is logged whole, and once for all commands of a query" {
	begin
	local filler

	filler=$(printf '%01048576d' 0 | sed "s/0\{16\}/a'b\"\\\\\\\\c\n\$\$ /g")
	{
		printf 'CREATE TABLE a (id int) /* %s */\\; CREATE TABLE b (id int)\\; ALTER TABLE a ADD v text;\n' "$filler"
		printf 'CREATE TABLE c (id int) /* %s */;\n' "$filler"
		printf 'CREATE TABLE d (id int PRIMARY KEY) /* %s */;\n' "$filler"
	} >"$BATS_TEST_TMPDIR/long.sql"
	psql -Xq -v ON_ERROR_STOP=1 -f "$BATS_TEST_TMPDIR/long.sql"
	[ "$(log "object_identity, length(query) > 600000, query_id = first_value(id) OVER (ORDER BY id)")" = \
'public.a|t|
public.b||t
public.a||t
public.c|t|
public.d|t|' ]
	read_all pgcdc pgcdc
	[ "$(jq -r 'select(.table == "schema_log") | .columns[] | select(.name == "query") | .value // ""' \
	    "$BATS_TEST_TMPDIR/out" | sed '/^$/d' | sed -n '/CREATE TABLE c/,/CREATE TABLE d/p' | sed '$d')" = \
	    "$(sed -n '/^CREATE TABLE c/,/^CREATE TABLE d/p' "$BATS_TEST_TMPDIR/long.sql" | sed '$d')" ]
}

@test "a schema change comes before the first row that it is about, in one stream" {
	begin
	sql "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x')" -c BEGIN \
	    -c "INSERT INTO t VALUES (2, 'x')" -c 'ALTER TABLE t RENAME a TO b' -c "INSERT INTO t VALUES (3, 'x')" \
	    -c COMMIT -c 'ALTER TABLE t DROP b' -c 'INSERT INTO t VALUES (4)'
	read_all pgcdc pgcdc
	[ "$(jq -r 'select(.action == "I") | if .table == "schema_log" then .columns[] |
	    select(.name == "command_tag").value else [.columns[].name] | join(" ") end' "$BATS_TEST_TMPDIR/out")" = \
'CREATE TABLE
id a
id a
ALTER TABLE
id b
ALTER TABLE
id' ]
}

@test "the newest entry at or below a row is the row's definition" {
	begin
	sql "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE long (id int PRIMARY KEY)"
	start_keeper
	hold_open 'INSERT INTO long VALUES (1); ALTER TABLE long ADD a int; INSERT INTO long VALUES (2, 2)'
	sql "INSERT INTO t VALUES (1)" -c 'ALTER TABLE t RENAME TO u' -c 'CREATE TABLE t (id int PRIMARY KEY, z text)' \
	    -c 'INSERT INTO t VALUES (1)' -c 'INSERT INTO u VALUES (2)' -c 'CREATE SCHEMA s' \
	    -c 'ALTER TABLE u SET SCHEMA s' -c 'ALTER TABLE s.u ADD b int' -c 'INSERT INTO s.u VALUES (3)' \
	    -c 'ALTER SCHEMA s RENAME TO r' -c 'INSERT INTO r.u VALUES (4)'
	end_open
	sql 'INSERT INTO long VALUES (3, 3)'
	pgcdc init --baseline
	sql 'INSERT INTO long VALUES (4, 4)'
	read_all pgcdc pgcdc
	jq -r 'select(.action == "I" and .table != "schema_log") |
	    [.lsn, .schema + "." + .table, ([.columns[].name] | join(","))] | join("\t")' \
	    "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/rows"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/rows")" -eq 9 ]
	while IFS=$'\t' read -r lsn table columns; do
		echo "$lsn $table $columns"
		[ "$(sql "SELECT (SELECT string_agg(c ->> 'name', ',' ORDER BY i) FROM jsonb_array_elements(t -> 'columns')
			WITH ORDINALITY AS c (c, i))
		    FROM pgcdc.schema_log, jsonb_array_elements(schema -> 'tables') AS t
		    WHERE pgcdc.described(schema) @> ARRAY['$table'] AND lsn <= '$lsn'
			AND (t ->> 'schema') || '.' || (t ->> 'name') = '$table'
		    ORDER BY lsn DESC, id DESC LIMIT 1")" = "$columns" ]
	done <"$BATS_TEST_TMPDIR/rows"
}

@test "rows have the new name of a schema or type while a reader is connected" {
	begin
	sql "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('ok'); CREATE TABLE s.t (id int PRIMARY KEY, m s.mood)"
	start_bg READER pgcdc-read -S pgcdc --publication=pgcdc >"$BATS_TEST_TMPDIR/out"
	sql "INSERT INTO s.t VALUES (1, 'ok')"
	wait_until 20 'grep -q "\"schema\":\"s\",\"table\":\"t\"" "$BATS_TEST_TMPDIR/out"'
	# the rows come apart: the server may tell a type's name as it was before the transaction
	sql 'ALTER TYPE s.mood RENAME TO temper' -c "INSERT INTO s.t VALUES (2, 'ok')"
	wait_until 20 'grep -q "\"type\":\"s.temper\",\"value\":\"ok\"" "$BATS_TEST_TMPDIR/out"'
	sql 'ALTER SCHEMA s RENAME TO r' -c "INSERT INTO r.t VALUES (3, 'ok')"
	wait_until 20 'grep -q "\"schema\":\"r\",\"table\":\"t\".*\"type\":\"r.temper\"" "$BATS_TEST_TMPDIR/out"'
	stop_bg READER
	[ "$(sql "SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot FROM pg_publication")" = 't|t|t|t|f' ]
}

# --- failures block nobody

@test "a failure of the triggers: the command is done, with a WARNING and a gap" {
	begin
	sql 'CREATE TABLE t (id int PRIMARY KEY); CREATE INDEX i ON t (id)'
	sql "ALTER FUNCTION pgcdc.definition(oid, bigint) RENAME TO gone"
	expect 0 'WARNING:  pgcdc: could not log this command: function pgcdc.definition(' sql 'ALTER TABLE t ADD v text'
	sql 'INSERT INTO t VALUES (1, $$x$$)'
	[ "$(log "command_tag, query, schema ->> 'gap' ~ 'definition'" "WHERE schema ? 'gap'")" = \
	    'ALTER TABLE|ALTER TABLE t ADD v text|t' ]
	expect 1 'bad  1 schema change could not be logged since ' pgcdc check
	[[ "$output" == *'ALTER TABLE: function pgcdc.definition('*'; run "pgcdc init --baseline"'* ]]
	sql 'ALTER FUNCTION pgcdc.gone(oid, bigint) RENAME TO definition'
	pgcdc init --baseline
	pgcdc check
	[ "$(log "schema #> '{tables,0,columns,1}' ->> 'name'" "WHERE command_tag = 'BASELINE'")" = v ]
}

@test "a failure of the log itself: the command is done, with a WARNING" {
	sql 'ALTER TABLE pgcdc.schema_log RENAME TO gone'
	expect 0 'could not log that either' sql 'CREATE TABLE t (id int PRIMARY KEY)'
	expect 0 'could not log that either' sql 'DROP TABLE t'
}

@test "a publication that another session holds is waited for, but not for long" {
	[ "$MAJOR" -ge 15 ] || return 0 # ADD TABLE locks no publication there
	begin
	start_keeper
	hold_open 'CREATE TABLE first (id int PRIMARY KEY)'
	expect 0 'WARNING:  pgcdc: could not log this command: canceling statement due to lock timeout' \
	    sql 'CREATE TABLE second (id int PRIMARY KEY)'
	end_open
	[ "$(members)" = public.first ]
	expect 1 'could not be logged' pgcdc check
	pgcdc init --baseline
	[ "$(members)" = 'public.first public.second' ]
	pgcdc check
}

# waited SECONDS SQL: it succeeds, in no more than that.
waited() { timeout "$1" psql -XAtq -v ON_ERROR_STOP=1 -c "$2"; }

@test "a table of pgcdc's that another session has locked is waited for, but not for long" {
	begin
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	start_keeper
	hold_open 'LOCK TABLE pgcdc.table_ids'
	expect 0 'WARNING:  pgcdc: could not log this command: canceling statement due to lock timeout' \
	    waited 15 'ALTER TABLE t ADD d int'
	[[ "$output" != *'log that either'* ]]
	end_open
	[ "$(log "schema ->> 'gap'" "WHERE schema ? 'gap'")" = 'canceling statement due to lock timeout' ]
	expect 1 'could not be logged' pgcdc check
}

@test "a schema log that another session has locked: only the WARNING tells of it" {
	begin
	sql 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)'
	start_keeper
	hold_open 'LOCK TABLE pgcdc.schema_log'
	start_bg OTHER waited 30 'DROP TABLE u' >"$BATS_TEST_TMPDIR/drop" 2>&1
	expect 0 'WARNING:  pgcdc: could not log that either: canceling statement due to lock timeout' \
	    waited 15 'ALTER TABLE t ADD d int'
	end_bg OTHER 30
	cat "$BATS_TEST_TMPDIR/drop"
	[ "$bg_status" -eq 0 ]
	grep 'could not log that either: canceling statement due to lock timeout' "$BATS_TEST_TMPDIR/drop"
	end_open
	[ "$(gaps)" = 0 ]
}

@test "pgcdc.made locked: the command is done, its table joins at the next init" {
	begin
	start_keeper
	hold_open 'LOCK TABLE pgcdc.made'
	expect 0 'WARNING:  pgcdc: could not log this command: canceling statement due to lock timeout' \
	    waited 10 'CREATE TABLE t (id int PRIMARY KEY)'
	end_open
	[ "$(gaps)$(members)" = 1 ]
	pgcdc init --baseline
	[ "$(members)" = public.t ]
	pgcdc check
}

# --- concurrent commands

@test "a definition is what all commands before it made, in whichever session" {
	sql "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (id int PRIMARY KEY, m mood)"
	start_keeper
	hold_open 'ALTER TABLE t ADD v text'
	start_bg OTHER sql "ALTER TYPE mood RENAME TO temper"
	wait_until 10 'waits_for_lock "ALTER TYPE"'
	end_open
	end_bg OTHER
	[ "$bg_status" -eq 0 ]
	[ "$(gaps)" = 0 ]
	[ "$(log "(SELECT string_agg(c ->> 'type', ',') FROM jsonb_array_elements(schema #> '{tables,0,columns}') AS c)" \
	    "WHERE schema ? 'tables'")" = \
'integer,public.mood
integer,public.mood,text
integer,public.temper,text' ]
}

@test "a baseline waits for the commands of open transactions" {
	begin
	sql 'CREATE TABLE t (id int)' # not published: init looks at those itself
	start_keeper
	hold_open 'ALTER TABLE t ADD v text'
	PGOPTIONS='-c lock_timeout=200ms' expect 111 'another session holds the lock' \
	    pgcdc init --baseline
	PGOPTIONS='-c lock_timeout=60s' start_bg OTHER pgcdc init --baseline
	wait_until 10 'waits_for_lock log_baseline'
	end_open
	end_bg OTHER 30
	[ "$bg_status" -eq 0 ]
	[ "$(log "jsonb_array_length(schema #> '{tables,0,columns}')" "WHERE command_tag = 'BASELINE'")" = 2 ]
}

# --- security

@test "objects of the caller are never used with the rights of the triggers' owner" {
	sql "CREATE ROLE ddl_stranger LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO ddl_stranger"
	export PGUSER=ddl_stranger
	sql "CREATE TABLE public.t (id int PRIMARY KEY)" \
	    -c "CREATE TABLE public.caught (who text)" -c 'GRANT INSERT ON public.caught TO PUBLIC' \
	    -c "CREATE FUNCTION public.catch() RETURNS boolean LANGUAGE plpgsql AS
		'BEGIN IF current_user <> ''ddl_stranger'' THEN INSERT INTO public.caught VALUES (current_user); END IF;
		RETURN true; END'" \
	    -c "CREATE FUNCTION public.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.catch()';
		CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.eq);
		CREATE FUNCTION public.current_query() RETURNS text LANGUAGE sql AS 'SELECT public.catch()::text';
		CREATE FUNCTION public.pg_event_trigger_ddl_commands() RETURNS TABLE (classid oid)
		    LANGUAGE sql AS 'SELECT 1::oid WHERE public.catch()'"
	local name traps='SET search_path = public, pg_catalog'
	for name in text oid int8 bigint jsonb bool record regclass name; do
		[ "$name" != record ] && [ "$name" != bigint ] || continue
		traps+="; CREATE DOMAIN pg_temp.$name AS pg_catalog.$name CHECK (public.catch())"
	done
	for name in pg_class pg_namespace pg_index pg_inherits pg_attribute pg_depend pg_type schema_log; do
		traps+="; CREATE TEMP TABLE $name (oid pg_catalog.oid, relname pg_catalog.name)"
	done
	sql "$traps" -c 'ALTER TABLE public.t ADD v pg_catalog.int4' -c 'CREATE TABLE public.u (id pg_catalog.int4 PRIMARY KEY)' \
	    -c 'DROP TABLE public.u'
	PGUSER=postgres
	[ "$(sql 'SELECT count(*) FROM caught')" = 0 ]
	[ "$(gaps)" = 0 ]
	[ "$(log "command_tag, schema #>> '{tables,0,columns,1,name}', dropped #>> '{0,name}'" \
	    "WHERE object_identity IN ('public.t', 'public.u')")" = \
'CREATE TABLE||
ALTER TABLE|v|
CREATE TABLE||
DROP TABLE||u' ]
}

@test "nobody else can call the functions, or keep a table out of the publication" {
	begin
	sql "CREATE ROLE ddl_stranger LOGIN; GRANT CREATE ON SCHEMA public TO ddl_stranger;
	    GRANT USAGE ON SCHEMA pgcdc TO ddl_stranger"
	[ "$(sql "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pgcdc'::regnamespace
	    AND has_function_privilege('ddl_stranger', oid, 'execute')")" = 0 ]
	PGUSER=ddl_stranger sql 'SET pgcdc.init = on; CREATE TABLE t (id int PRIMARY KEY)'
	[ "$(members)" = public.t ]
	for function in 'log_baseline()' "log_gap('a', 'b', 'c', 'd')" "publish('{}', '{}')" "log_command('a', 'b', 'c')"; do
		PGUSER=ddl_stranger expect 1 'permission denied for function' sql "SELECT pgcdc.$function"
	done
	# a role of init's reads what a stage needs
	pgcdc init --role=ddl_owner
	[ "$(PGUSER=ddl_owner sql "SELECT count(*) FROM pgcdc.schema_log WHERE pgcdc.described(schema) @> '{public.t}'")" = 1 ]
	PGUSER=ddl_owner sql 'UPDATE pgcdc.schema_log SET acked = true'
	PGUSER=ddl_owner expect 1 'permission denied' sql 'DELETE FROM pgcdc.schema_log'
	pgcdc teardown --role=ddl_owner
}

# --- cost

# reads SQL: how many rows of catalogs and of the log's tables the server read for it.
reads() {
	psql -XAtq -v ON_ERROR_STOP=1 <<-END
		CREATE TABLE warm (id int PRIMARY KEY);
		ALTER TABLE warm ADD v int;
		DROP TABLE warm;
		SELECT array_agg(oid) AS relations FROM pg_class WHERE relkind IN ('r', 'i')
		    AND relnamespace IN ('pg_catalog'::regnamespace, 'pgcdc'::regnamespace) \\gset
		BEGIN;
		SELECT sum(pg_stat_get_xact_tuples_returned(r)) AS before FROM unnest(:'relations'::oid[]) AS r \\gset
		$1;
		SELECT sum(pg_stat_get_xact_tuples_returned(r)) - :before FROM unnest(:'relations'::oid[]) AS r;
		COMMIT;
	END
}

@test "DDL in a database of 1,500 tables reads as much as in one of ten" {
	local statements=(
		'CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE)'
		'ALTER TABLE some_1 ADD w int'
		'ALTER TABLE some_2 RENAME TO other'
		'CREATE INDEX ON some_3 (v)'
		'DROP TABLE some_4'
		'ALTER TYPE pair ADD ATTRIBUTE c int'
		'COMMENT ON SCHEMA public IS NULL'
		'CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)'
		'CREATE SCHEMA empty'
	)
	fill() { # FROM TO
		sql "CREATE OR REPLACE PROCEDURE fill() LANGUAGE plpgsql AS \$\$
		BEGIN
			FOR i IN $1..$2 LOOP
				EXECUTE format('CREATE TABLE some_%s (id int PRIMARY KEY, v text)', i);
				IF i % 50 = 0 THEN COMMIT; END IF;
			END LOOP;
		END \$\$" -c 'CALL fill()'
	}
	sql "CREATE TYPE pair AS (a int); CREATE TABLE pairs (p pair); CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
	    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)"
	fill 1 10
	for statement in "${statements[@]}"; do
		reads "$statement"
	done >"$BATS_TEST_TMPDIR/few"
	sql 'DROP TABLE t, p2; DROP SCHEMA empty; ALTER TABLE other RENAME TO some_2; CREATE TABLE some_4 (id int PRIMARY KEY);
	    ALTER TABLE some_1 DROP w; ALTER TYPE pair DROP ATTRIBUTE c'
	fill 11 1500
	sql ANALYZE
	for statement in "${statements[@]}"; do
		reads "$statement"
	done >"$BATS_TEST_TMPDIR/many"
	paste "$BATS_TEST_TMPDIR/few" "$BATS_TEST_TMPDIR/many" <(printf '%s\n' "${statements[@]}")
	paste "$BATS_TEST_TMPDIR/few" "$BATS_TEST_TMPDIR/many" | while read -r few many; do
		[ "$few" -gt 20 ]
		[ "$many" -lt $((few + 300)) ]
	done
}
