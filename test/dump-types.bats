#!/usr/bin/env bats
# The columns of an R line are those of the reader's I line for the same row, byte for byte.
# shellcheck disable=SC2030,SC2031,SC2154

load dump
load types

setup_file() {
	pg_start || return
	sql 'CREATE DATABASE cases'
	export PGDATABASE=cases
	make_case_tables
	sql "SELECT pg_create_logical_replication_slot('cases', 'pgoutput')"
	insert_cases
	export PGDATABASE=postgres
}

teardown_file() { pg_stop; }

setup() {
	set -o pipefail
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	[ "$PGDATABASE" = cases ] || drop_db
}

# The I lines in the slot of this database, as rows_of has rows.
inserted() { # [READER'S OPTION]...: of publication p, if none is named
	timeout -k 5 60 pgcdc-read -q -S "$PGDATABASE" --drain "${@:---publication=p}" 3>&- 4>&- |
		sed -n 's/^{"action":"I".*,"schema":\("public"\|"S [^,]*\),"table":/\1,"table":/p' | sed 's/}$//'
}

# is_as_streamed [READER'S OPTION]...: what the dump has is what the slot holds.
is_as_streamed() {
	inserted "$@" >streamed
	[ -s streamed ]
	rows_of | cmp streamed -
}

# begin 'SQL' [SQL OF ROWS]...: tables and publications, a slot, then rows.
begin() {
	sql "$1"
	make_slot
	local rows
	for rows in "${@:2}"; do
		sql "$rows"
	done
}

@test "dump: the value of every type, as the reader has it" {
	export PGDATABASE=cases
	dump --publication=cases
	is_as_streamed --publication=cases
	[ "$(wc -l <streamed)" -gt 900 ]
	grep -qF '"value":"NaN"' streamed
	is_whole_stream
}

@test "dump: several pages at a time, over several connections: the same rows" {
	export PGDATABASE=cases
	dump --tables='public.*' --jobs=4 --range-pages=1
	inserted --publication=cases | sort >streamed
	rows_of | sort | cmp streamed -
}

@test "dump: no setting of the role, the database or the environment changes a byte" {
	export PGDATABASE=cases
	sql 'CREATE ROLE hostile LOGIN SUPERUSER'
	hostile_settings
	PGUSER=hostile PGDATESTYLE=German PGTZ=Asia/Tokyo PGCLIENTENCODING=SJIS \
		PGOPTIONS='-c intervalstyle=iso_8601' dump --publication=cases
	is_as_streamed --publication=cases
	# It said so if the settings had not come so far.
	[ "$(PGUSER=hostile sql "SELECT 0.1::float8, '1 mon'::interval, '\x00'::bytea")" != '0.1|1 mon|\x00' ]
}

@test "dump: text with every escape of COPY, and what looks like one" {
	fresh_db
	begin 'CREATE TABLE t (a text, b text, c bytea, d json); CREATE PUBLICATION p FOR TABLE t' \
		"INSERT INTO t VALUES ('\\N', '\\.', '\\\\x5c4e', '\"\\\\n\"'), (NULL, '', '', NULL), ('', NULL, NULL, '{}'),
		    (E'\\\\', E'a\\\\\\\\', E'\\\\\\\\', '[\"\\\\\"]')" \
		"INSERT INTO t SELECT a, E'\\t' || a || E'\\n', convert_to(a, 'UTF8') FROM (SELECT 'x' || chr(i) || '\\' || chr(i) || 'N' a
		    FROM generate_series(1, 300) i) a" \
		"INSERT INTO t VALUES (E'\\b\\f\\n\\r\\t\\x0b', E'\\\\b\\\\f\\\\n\\\\r\\\\t\\\\v\\\\101\\\\x41', '\\\\x', 'null')"
	dump --publication=p
	is_as_streamed
	[ "$(wc -l <streamed)" -eq 305 ]
	sed -n 1p streamed | grep -qF '"value":"\\N"},{"name":"b","type":"text","value":"\\."}'
	sed -n 2p streamed | grep -qF '"value":null},{"name":"b","type":"text","value":""},{"name":"c","type":"bytea","value":""}'
}

@test "dump: names with quotes, backslashes, line feeds, and in many letters" {
	fresh_db
	psql -Xq -v ON_ERROR_STOP=1 <<-'END'
		CREATE SCHEMA "S ""q"" \.";
		SELECT format('CREATE TABLE "S ""q"" \.".%I ("a""b" int, "c\d" int, %I int, "größe" int, "日本" int,
			"🐘" int, "SELECT" int, " " int, "{}[]:," int, "name" int)', E'T\n\t\x01é', E'e\nf') \gexec
		CREATE PUBLICATION "P ""q"" é" FOR ALL TABLES;
	END
	make_slot
	psql -Xq -v ON_ERROR_STOP=1 <<-'END'
		SELECT format('INSERT INTO "S ""q"" \.".%I VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)', E'T\n\t\x01é') \gexec
	END
	dump --publication='P "q" é'
	is_as_streamed --publication='P "q" é'
	dump --tables='S "q" \..*'
	rows_of | cmp streamed -
}

@test "dump: dropped columns, generated columns, none at all, and 1,600" {
	fresh_db
	begin "CREATE TABLE a (gone1 int, a int, gone2 text, g int GENERATED ALWAYS AS (a * 2) STORED, b int, gone3 numeric);
		ALTER TABLE a DROP gone1, DROP gone2, DROP gone3;
		CREATE TABLE b ();
		DO \$\$ BEGIN EXECUTE 'CREATE TABLE c (' ||
		    (SELECT string_agg('c' || i || ' smallint', ', ') FROM generate_series(1, 1600) i) || ')'; END \$\$;
		CREATE PUBLICATION p FOR ALL TABLES" \
		'INSERT INTO a (a, b) VALUES (1, 2), (3, 4)' \
		'INSERT INTO b DEFAULT VALUES; INSERT INTO b DEFAULT VALUES' \
		"DO \$\$ BEGIN EXECUTE 'INSERT INTO c SELECT ' ||
		    (SELECT string_agg(i::text, ', ') FROM generate_series(1, 1600) i); END \$\$"
	dump --publication=p
	is_as_streamed
	[ "$(wc -l <streamed)" -eq 5 ]
	dump --tables='public.*'
	rows_of | cmp streamed -
}

@test "dump: generated columns are there from 18 on, when the publication says so" {
	fresh_db
	local make='CREATE TABLE t (a int, g numeric(10,2) GENERATED ALWAYS AS (a * 2) STORED, z int)'
	if [ "$MAJOR" -lt 18 ]; then
		sql "$make"
		lacks 'CREATE PUBLICATION p FOR TABLE t WITH (publish_generated_columns = stored)'
		return
	fi
	begin "$make; CREATE TABLE u (a int, g int GENERATED ALWAYS AS (a * 2) STORED, v int GENERATED ALWAYS AS (a + 1));
		CREATE PUBLICATION p FOR TABLE t WITH (publish_generated_columns = stored);
		CREATE PUBLICATION q FOR TABLE u (g)" 'INSERT INTO t (a, z) VALUES (2, 3)' 'INSERT INTO u VALUES (4)'
	dump --publication=p,q
	is_as_streamed --publication=p,q
	rows_of | is '"public","table":"t","columns":[{"name":"a","type":"integer","value":2},{"name":"g","type":"numeric(10,2)","value":4.00},{"name":"z","type":"integer","value":3}]
"public","table":"u","columns":[{"name":"g","type":"integer","value":8}]'
}

@test "dump: column lists and row filters of one publication and of several (15 and later)" {
	fresh_db
	if [ "$MAJOR" -lt 15 ]; then
		sql 'CREATE TABLE t (a int PRIMARY KEY)'
		lacks 'CREATE PUBLICATION p FOR TABLE t WHERE (a > 10)'
		return
	fi
	local insert="INSERT INTO t SELECT i, i, 'c' FROM generate_series(1, 40) i"
	begin 'CREATE TABLE t (a int PRIMARY KEY, b int, c text);
		CREATE PUBLICATION p FOR TABLE t (c, a) WHERE (a > 10 AND a <> 15);
		CREATE PUBLICATION q FOR TABLE t (a, c) WHERE (a = 3 OR a = 15);
		CREATE PUBLICATION all_rows FOR TABLE t (a, c);
		CREATE PUBLICATION other_columns FOR TABLE t (a, b)' "$insert"
	dump --publication=p
	is_as_streamed
	[ "$(wc -l <streamed)" -eq 29 ]
	sql 'TRUNCATE t' -c "$insert"
	dump --publication=p,q
	rows_of | sort >rows
	inserted --publication=p,q | tail -n 31 | sort | cmp rows -
	[ "$(wc -l <rows)" -eq 31 ]
	dump --publication=p,all_rows
	[ "$(ids | wc -l)" -eq 40 ]
	refuses_to_begin 100 'different columns of table "public.t"' --publication=p,other_columns
}

@test "dump: every encoding of a database comes out as UTF-8" {
	local encoding name text
	while IFS=$'\t' read -r encoding name text; do
		case $encoding in \#* | '') continue ;; esac
		PGDATABASE=postgres sql "CREATE DATABASE enc ENCODING '$encoding' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
		export PGDATABASE=enc PGCLIENTENCODING=UTF8
		begin "CREATE TYPE \"t$name\" AS ENUM ('$text'); CREATE TABLE \"$name\" (\"$name\" \"t$name\", t text[], j jsonb);
			CREATE PUBLICATION p FOR ALL TABLES" \
			"INSERT INTO \"$name\" VALUES ('$text', array['$text'], to_jsonb('$text'::text))"
		unset PGCLIENTENCODING
		echo "$encoding:"
		dump --tables='*.*'
		is_as_streamed
		grep -qF "$text" streamed
		drop_db
		export PGDATABASE=postgres
	done <"$PGCDC_TEST_ROOT/test/data/types/encodings"
}

@test "dump: SQL_ASCII passes what is valid UTF-8, and ends with 100 at what is not" {
	sql "CREATE DATABASE enc ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
	export PGDATABASE=enc
	begin 'CREATE TABLE "größe" (t text); CREATE PUBLICATION p FOR ALL TABLES' "INSERT INTO \"größe\" VALUES ('日本 🐘')"
	dump --tables='*.*'
	is_as_streamed
	sql "INSERT INTO \"größe\" VALUES (E'bad \\xff')"
	ends 100 'table public.*invalid byte sequence for encoding*UTF8' --tables='*.*'
	run -1 grep bad out
	[ "$(wc -l <out)" -le 2 ]
	PGCLIENTENCODING=SQL_ASCII sql $'CREATE TABLE t ("c\xff" int); INSERT INTO t VALUES (1)'
	refuses_to_begin 100 'invalid byte sequence for encoding "UTF8"' --tables=public.t
}

@test "dump: an encoding without a conversion to UTF-8 is refused at the start" {
	sql "CREATE DATABASE enc ENCODING 'MULE_INTERNAL' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
	export PGDATABASE=enc
	refuses_to_begin 100 'MULE_INTERNAL' --tables='*.*'
}
