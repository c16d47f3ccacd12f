#!/usr/bin/env bats
# The value of every type on the line, exactly.  The cases are tables in data/types.
# shellcheck disable=SC2030,SC2031,SC2154

load helper
load types

setup_file() {
	pg_start || return 1
	export DATA=$BATS_TEST_DIRNAME/data/types
	MAJOR=$(($(sql 'SHOW server_version_num') / 10000))
	export MAJOR
	make_cases
}

teardown_file() {
	pg_stop
}

setup() {
	set -o pipefail
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	[ "$PGDATABASE" = cases ] || drop_db
}

# A database with a table for each case, and a slot "cases" that holds the value
# inserted and deleted, and NULL inserted and deleted.
make_cases() {
	sql 'CREATE DATABASE cases'
	export PGDATABASE=cases
	make_case_tables
	sql "SELECT pg_create_logical_replication_slot('cases', 'pgoutput')"
	insert_cases 'DELETE FROM TABLE;'
	export PGDATABASE=postgres
}

# What stands behind the schema's name on the row lines of standard input.
rows() {
	sed -n 's/^{"action":"\([IUDT]\)".*,"schema":"public",/\1 /p'
}

# A slot named as the database, at this point of the WAL.
make_slot() {
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >/dev/null
}

# The row lines in the slot of this test.
read_rows() {
	read_all "$PGDATABASE" p && rows <"$BATS_TEST_TMPDIR/out"
}

# Standard input is what the file holds, byte for byte; shows the first differences.
is_in_file() {
	diff -u "$1" - >"$BATS_TEST_TMPDIR/diff" || { head -n 20 "$BATS_TEST_TMPDIR/diff"; return 1; }
}

# Standard input is the text.
is_text() {
	printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/text"
	is_in_file "$BATS_TEST_TMPDIR/text"
}

@test "types: every value stands on the line as the table of cases says" {
	export PGDATABASE=cases
	read_all cases cases
	cases | awk -F '\t' '{
		head = "\"table\":\"" $1 "\",\""
		entry = "\":[{\"name\":\"v\",\"type\":" $4 ",\"value\":"
		print "I " head "columns" entry $5 "}]}"
		print "D " head "identity" entry $5 "}]}"
		if ($2 ~ /serial/)
			next
		print "I " head "columns" entry "null}]}"
		print "D " head "identity" entry "null}]}"
	}' >"$BATS_TEST_TMPDIR/expected"
	rows <"$BATS_TEST_TMPDIR/out" | is_in_file "$BATS_TEST_TMPDIR/expected"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/expected")" -gt 1800 ]
}

@test "types: every line is JSON" {
	export PGDATABASE=cases
	read_all cases cases
	[ "$(jq -r .action <"$BATS_TEST_TMPDIR/out" | wc -l)" = "$(wc -l <"$BATS_TEST_TMPDIR/out")" ]
	iconv -f UTF-8 -t UTF-16 "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/utf-16"
}

@test "types: \"type\" is what format_type() of the server says with an empty search_path" {
	export PGDATABASE=cases
	read_all cases cases
	jq -r 'select(.action == "I") | .table + " " + .columns[0].type' <"$BATS_TEST_TMPDIR/out" |
		sort -u >"$BATS_TEST_TMPDIR/types"
	sql "SET search_path = ''; SELECT relname || ' ' || format_type(atttypid, atttypmod)
		FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
		WHERE relname ~ '^c[0-9]{4}$' AND attname = 'v'" | sort -u |
		is_in_file "$BATS_TEST_TMPDIR/types"
}

@test "types: no setting of the role, the database or the environment changes a byte" {
	export PGDATABASE=cases
	local locale
	sql "CREATE ROLE hostile LOGIN REPLICATION"
	hostile_settings
	for locale in $(locale -a | grep -E '^(de_DE|ja_JP|en_GB)'); do
		sql "ALTER DATABASE cases SET lc_monetary = '$locale'"
	done
	read_all cases cases
	PGUSER=hostile PGDATESTYLE=German PGTZ=Asia/Tokyo PGCLIENTENCODING=SJIS \
		PGOPTIONS='-c intervalstyle=iso_8601 -c bytea_output=escape' \
		pgcdc-read --drain -S cases --publication=cases 2>"$BATS_TEST_TMPDIR/err" |
		is_in_file "$BATS_TEST_TMPDIR/out"
	# It said so if the settings had not come so far.
	[ "$(PGUSER=hostile sql "SELECT 0.1::float8, '1 mon'::interval, '\x00'::bytea")" != '0.1|1 mon|\x00' ]
}

@test "types: the compiled table of names equals format_type()" {
	local source=$PGCDC_TEST_ROOT/src/pgcdc-read/types.c
	sed -n 's/^\t{ \([0-9]*\), MOD_[A-Z]*, "\(.*\)" },$/\1|\2/p' "$source" |
		sed 's/\\"/"/g' | sort >"$BATS_TEST_TMPDIR/compiled"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/compiled")" -ge 20 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/compiled")" = "$(grep -c '	{ [0-9]*, MOD_' "$source")" ]
	sql "SET search_path = ''; SELECT oid, format_type(oid, -1) FROM pg_type WHERE oid IN
		($(cut -d '|' -f 1 "$BATS_TEST_TMPDIR/compiled" | paste -sd ,))" | sort |
		is_in_file "$BATS_TEST_TMPDIR/compiled"
}

@test "types: every modifier of numeric and varchar is named as the server names it" {
	fresh_db
	local i columns=()
	for i in 1 2 9 10 99 100 999 1000; do
		columns+=("n$i numeric($i)" "s$i numeric($i, $i)" "v$i varchar($i)" "a$i numeric($i, 1)[]")
		[ "$MAJOR" -lt 15 ] || columns+=("m$i numeric($i, -$i)" "x$i numeric(1, $i)")
	done
	sql "CREATE TABLE t ($(IFS=,; echo "${columns[*]}")); CREATE PUBLICATION p FOR TABLE t"
	make_slot
	sql 'INSERT INTO t DEFAULT VALUES'
	read_all "$PGDATABASE" p
	jq -r 'select(.action == "I") | .columns[] | .name + " " + .type' <"$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/types"
	sql "SET search_path = ''; SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = 'public.t'::regclass AND attnum > 0 ORDER BY attnum" |
		is_in_file "$BATS_TEST_TMPDIR/types"
}

@test "types: the largest numeric, and a value of ten megabytes" {
	fresh_db
	sql 'CREATE TABLE t (n numeric, x text, b bytea); CREATE PUBLICATION p FOR TABLE t'
	make_slot
	sql "INSERT INTO t VALUES ((repeat('9', 131072) || '.' || repeat('123', 5461))::numeric,
		repeat(E'\\t\"ö', 2500000), decode(repeat('00ff', 5000000), 'hex'))"
	read_all "$PGDATABASE" p
	sql "SELECT '\"value\":' || n || '},{\"name\":\"x\",\"type\":\"text\",\"value\":\"' || repeat('\\t\\\"ö', 2500000) ||
		'\"},{\"name\":\"b\",\"type\":\"bytea\",\"value\":\"' || repeat('00ff', 5000000) || '\"}]}' FROM t" >"$BATS_TEST_TMPDIR/expected"
	grep '"action":"I"' "$BATS_TEST_TMPDIR/out" | sed 's/^.*"type":"numeric",//' | cmp - "$BATS_TEST_TMPDIR/expected"
}

@test "types: 1,600 columns" {
	fresh_db
	sql "DO \$\$ BEGIN EXECUTE 'CREATE TABLE t (' ||
		(SELECT string_agg('c' || i || ' smallint', ', ') FROM generate_series(1, 1600) i) || ')'; END \$\$;
		ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE t"
	make_slot
	sql "DO \$\$ BEGIN EXECUTE 'INSERT INTO t SELECT ' ||
		(SELECT string_agg(i::text, ', ') FROM generate_series(1, 1600) i); END \$\$; DELETE FROM t"
	read_rows >"$BATS_TEST_TMPDIR/rows"
	for action in I:columns D:identity; do
		sql "SELECT '${action%:*} \"table\":\"t\",\"${action#*:}\":[' || string_agg(
			format('{\"name\":\"c%s\",\"type\":\"smallint\",\"value\":%s}', i, i), ',' ORDER BY i) || ']}'
			FROM generate_series(1, 1600) i"
	done | is_in_file "$BATS_TEST_TMPDIR/rows"
}

@test "types: names with quotes, backslashes, line feeds, and in many letters" {
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
	run -0 pgcdc-read -q --drain -S "$PGDATABASE" --publication='P "q" é'
	local entry columns=() i=0
	for entry in 'a\"b' 'c\\d' 'e\nf' größe 日本 🐘 SELECT ' ' '{}[]:,' name; do
		columns+=("{\"name\":\"$entry\",\"type\":\"integer\",\"value\":$((++i))}")
	done
	[ "${lines[2]#*\"schema\":}" = "\"S \\\"q\\\" \\\\.\",\"table\":\"T\\n\\t\\u0001é\",\"columns\":[$(
		IFS=,; echo "${columns[*]}")]}" ]
}

@test "types: a name that the server cuts at 63 bytes does not end inside a character" {
	fresh_db
	local long=größe_mit_einem_namen_der_nach_dreiundsechzig_bytes_zu_endeéé
	[ "$(printf %s "$long" | wc -c)" = 65 ]
	sql "CREATE TABLE \"$long\" (\"$long\" int); CREATE PUBLICATION p FOR ALL TABLES" 2>/dev/null
	make_slot
	sql "INSERT INTO \"$long\" VALUES (1)" 2>/dev/null
	read_rows | is_text "I \"table\":\"${long%é}\",\"columns\":[{\"name\":\"${long%é}\",\"type\":\"integer\",\"value\":1}]}"
}

@test "types: NULL, the empty string and no column at all" {
	fresh_db
	sql "CREATE TABLE t (a int, b text, c bytea); CREATE TABLE none (); ALTER TABLE t REPLICA IDENTITY FULL;
		CREATE PUBLICATION p FOR ALL TABLES"
	make_slot
	sql "INSERT INTO t VALUES (NULL, NULL, NULL); INSERT INTO t VALUES (0, '', ''); INSERT INTO none DEFAULT VALUES;
		UPDATE t SET b = 'x' WHERE a IS NULL"
	local head='[{"name":"a","type":"integer","value":' b='},{"name":"b","type":"text","value":'
	local c='},{"name":"c","type":"bytea","value":'
	read_rows | is_text "I \"table\":\"t\",\"columns\":${head}null${b}null${c}null}]}
I \"table\":\"t\",\"columns\":${head}0$b\"\"$c\"\"}]}
I \"table\":\"none\",\"columns\":[]}
U \"table\":\"t\",\"columns\":${head}null$b\"x\"${c}null}],\"identity\":${head}null${b}null${c}null}]}"
}

@test "types: generated columns are there from 18 on, when the publication says so" {
	fresh_db
	local a='{"name":"a","type":"integer","value":2}' z='{"name":"z","type":"integer","value":3}'
	local g='{"name":"g","type":"numeric(10,2)","value":4.00}'
	sql 'CREATE TABLE t (a int, g numeric(10,2) GENERATED ALWAYS AS (a * 2) STORED, z int); CREATE PUBLICATION p FOR TABLE t'
	make_slot
	sql 'INSERT INTO t VALUES (2, DEFAULT, 3)'
	read_rows | is_text "I \"table\":\"t\",\"columns\":[$a,$z]}"
	[ "$MAJOR" -ge 18 ] || return 0
	sql 'ALTER PUBLICATION p SET (publish_generated_columns = stored); INSERT INTO t VALUES (2, DEFAULT, 3)'
	read_rows | tail -n 1 | is_text "I \"table\":\"t\",\"columns\":[$a,$g,$z]}"
}

@test "types: dropped columns never appear" {
	fresh_db
	sql 'CREATE TABLE t (gone1 int, a int, gone2 text, b int, gone3 numeric); ALTER TABLE t DROP gone1, DROP gone2, DROP gone3;
		ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE t'
	make_slot
	sql 'INSERT INTO t VALUES (1, 2); DELETE FROM t'
	local row='[{"name":"a","type":"integer","value":1},{"name":"b","type":"integer","value":2}]}'
	read_rows | is_text "I \"table\":\"t\",\"columns\":$row
D \"table\":\"t\",\"identity\":$row"
}

@test "types: column lists and row filters of the publication (15 and later)" {
	fresh_db
	if [ "$MAJOR" -lt 15 ]; then
		sql 'CREATE TABLE t (a int PRIMARY KEY)'
		lacks 'CREATE PUBLICATION p FOR TABLE t WHERE (a > 10)'
		return
	fi
	sql 'CREATE TABLE t (a int PRIMARY KEY, b int, c text); CREATE PUBLICATION p FOR TABLE t (c, a) WHERE (a > 10)'
	make_slot
	sql "INSERT INTO t VALUES (1, 1, 'no'), (11, 1, 'yes')"
	sql "UPDATE t SET a = a + 11"
	sql "UPDATE t SET a = a - 20"
	local one='{"name":"a","type":"integer","value":' two='},{"name":"c","type":"text","value":'
	read_rows | is_text "I \"table\":\"t\",\"columns\":[${one}11$two\"yes\"}]}
I \"table\":\"t\",\"columns\":[${one}12$two\"no\"}]}
U \"table\":\"t\",\"columns\":[${one}22$two\"yes\"}],\"identity\":[${one}11}]}
D \"table\":\"t\",\"identity\":[${one}12}]}
D \"table\":\"t\",\"identity\":[${one}22}]}"
}

@test "types: a type that is gone has the name that the stream says" {
	fresh_db
	sql "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('ok'); CREATE TYPE s.pair AS (a int, b int); CREATE DOMAIN s.\"Pos\" AS bigint;
		CREATE TABLE t (a s.mood, b s.pair, c s.\"Pos\", d int); CREATE PUBLICATION p FOR ALL TABLES"
	make_slot
	sql "INSERT INTO t VALUES ('ok', '(1,2)', 3, 4); DROP TABLE t; DROP SCHEMA s CASCADE" 2>/dev/null
	# Of a domain pgoutput names the type that it is over, as the catalog has it.
	read_rows | is_text 'I "table":"t","columns":[{"name":"a","type":"s.mood","value":"ok"},{"name":"b","type":"s.pair","value":"(1,2)"},{"name":"c","type":"int8","value":"3"},{"name":"d","type":"integer","value":4}]}'
}

@test "types: a type that was renamed since has the name it had, and a domain its new one" {
	fresh_db
	sql "CREATE EXTENSION hstore; CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('ok');
		CREATE DOMAIN small AS int; CREATE TYPE \"a b\" AS RANGE (SUBTYPE = int); CREATE TYPE \"select\" AS (n int);
		CREATE TABLE t (a s.mood, b s.mood[], c small, d small[], e \"a b\", f \"select\", g hstore, h hstore[], i varbit(4)[]);
		CREATE PUBLICATION p FOR ALL TABLES"
	make_slot
	sql "INSERT INTO t VALUES ('ok', '{ok}', 3, '{4}', '[1,2)', '(1)', 'a=>b', '{}', '{1}')"
	sql "ALTER TYPE s.mood RENAME TO \"Mood\"; ALTER TYPE s.\"Mood\" RENAME VALUE 'ok' TO 'fine';
		ALTER SCHEMA s RENAME TO r; ALTER DOMAIN small RENAME TO tiny; ALTER TYPE \"a b\" RENAME TO c;
		ALTER TYPE \"select\" SET SCHEMA r; ALTER EXTENSION hstore SET SCHEMA r"
	read_rows | grep -o '"type":.*' | sed 's/{"name":"."\|[]}]*$//g; s/},/\n/g' | is_text '"type":"s.mood","value":"ok"
,"type":"s.mood[]","value":"{ok}"
,"type":"public.tiny","value":"3"
,"type":"public.small[]","value":"{4}"
,"type":"public.\"a b\"","value":"[1,2)"
,"type":"public.\"select\"","value":"(1)"
,"type":"public.hstore","value":"\"a\"=>\"b\""
,"type":"public.hstore[]","value":"{}"
,"type":"bit varying(4)[]","value":"{1}"'
}

@test "types: every encoding of a database comes out as UTF-8" {
	local encoding name text
	while IFS=$'\t' read -r encoding name text; do
		case $encoding in \#* | '') continue ;; esac
		PGDATABASE=postgres sql "CREATE DATABASE enc ENCODING '$encoding' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
		export PGDATABASE=enc PGCLIENTENCODING=UTF8
		sql "CREATE TYPE \"t$name\" AS ENUM ('$text'); CREATE TABLE \"$name\" (\"$name\" \"t$name\", t text[], j jsonb);
			ALTER TABLE \"$name\" REPLICA IDENTITY FULL; CREATE PUBLICATION \"$name\" FOR ALL TABLES"
		make_slot
		sql "INSERT INTO \"$name\" VALUES ('$text', array['$text'], to_jsonb('$text'::text)); DELETE FROM \"$name\""
		unset PGCLIENTENCODING
		read_all enc "$name"
		local quoted="\\\"$text\\\"" row
		# An array quotes an element with blanks or commas in it.
		row="[{\"name\":\"$name\",\"type\":\"public.\\\"t$name\\\"\",\"value\":\"$text\"},{\"name\":\"t\",\"type\":\"text[]\",\"value\":\"{$quoted}\"},{\"name\":\"j\",\"type\":\"jsonb\",\"value\":\"$quoted\"}]}"
		[[ $text == *[\ ,]* ]] || row=${row/"{$quoted}"/"{$text}"}
		echo "$encoding:"
		rows <"$BATS_TEST_TMPDIR/out" | is_text "I \"table\":\"$name\",\"columns\":$row
D \"table\":\"$name\",\"identity\":$row"
		drop_db
		export PGDATABASE=postgres
	done <"$DATA/encodings"
}

@test "types: SQL_ASCII passes what is valid UTF-8" {
	sql "CREATE DATABASE enc ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
	export PGDATABASE=enc
	sql 'CREATE TABLE "größe" (t text); CREATE PUBLICATION p FOR ALL TABLES'
	make_slot
	sql "INSERT INTO \"größe\" VALUES ('日本 🐘')"
	read_rows | is_text 'I "table":"größe","columns":[{"name":"t","type":"text","value":"日本 🐘"}]}'
}

@test "types: SQL_ASCII with bytes that are not UTF-8 ends with 100, names the LSN and confirms nothing from it on" {
	sql "CREATE DATABASE enc ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
	export PGDATABASE=enc
	sql 'CREATE TABLE t (t text); CREATE PUBLICATION p FOR ALL TABLES'
	make_slot
	sql "INSERT INTO t VALUES ('good')"
	local lsn good
	sql "INSERT INTO t VALUES (E'bad \\xff')"
	sql "INSERT INTO t VALUES ('after')"
	run -100 --separate-stderr pgcdc-read -q --drain -S enc --publication=p --ack=stdout
	[[ $output != *bad* ]]
	[[ $output != *after* ]]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "pgcdc-read: error: "* ]]
	[[ $stderr == *UTF*SQL_ASCII* ]]
	[[ $stderr =~ [0-9A-F]+/[0-9A-F]+ ]]
	lsn=${BASH_REMATCH[0]}
	good=$(jq -r 'select(.action == "C").lsn' <<<"$output")
	echo "named: $lsn, behind the good row's commit $good"
	[ "$(sql "SELECT '$lsn'::pg_lsn >= '$good'")" = t ]
	[ "$(sql "SELECT confirmed_flush_lsn <= '$lsn' FROM pg_replication_slots WHERE slot_name = 'enc'")" = t ]
}

@test "types: SQL_ASCII with a name that is not UTF-8" {
	sql "CREATE DATABASE enc ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
	export PGDATABASE=enc
	sql 'CREATE PUBLICATION p FOR ALL TABLES'
	make_slot
	PGCLIENTENCODING=SQL_ASCII sql $'CREATE TABLE t ("c\xff" int); INSERT INTO t VALUES (1)'
	run -100 --separate-stderr pgcdc-read -q --drain -S enc --publication=p
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "pgcdc-read: error: "*[0-9A-F]/[0-9A-F]*UTF*SQL_ASCII* ]]
	[[ $output != *'"I"'* ]]
}

@test "types: an encoding without a conversion to UTF-8 is refused at the start" {
	sql "CREATE DATABASE enc ENCODING 'MULE_INTERNAL' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
	PGDATABASE=enc run -100 --separate-stderr pgcdc-read --drain -S enc --publication=p
	sql 'DROP DATABASE enc'
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *MULE_INTERNAL* ]]
}
