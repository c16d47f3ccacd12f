#!/usr/bin/env bats
# pgcdc-kafka produce --format against a real broker.  What the dialects look like is tested by
# test/unit/kafka_format_test.c; here it is what goes out, where to, and when it may not.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce

setup_file() { kafka_start && pg_start; }
teardown_file() {
	local failed=0
	kafka_stop || failed=1
	pg_stop && return "$failed"
}

DATA=$PGCDC_TEST_ROOT/test/data/kafka

# stream [LINE]...: a transaction of them, or of standard input.
stream() {
	printf '%s\n' "$H" "$B"
	if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cat; fi
	echo "$C"
}

# schema_row ID SCHEMA TAG TABLES [DROPPED]: a row of the log about tables of test/lines.bash.
schema_row() {
	jq -cn --argjson id "$1" --arg schema "$2" --arg tag "$3" --argjson tables "$4" --argjson dropped "${5-null}" '
		{action: "I", lsn: "0/1\($id)0", seq: 0, schema: "pgcdc", table: "schema_log", columns: [
		{name: "id", type: "bigint", value: $id}, {name: "version", type: "bigint", value: $id},
		{name: "schema_name", type: "text", value: $schema}, {name: "command_tag", type: "text", value: $tag},
		{name: "query", type: "text", value: "the text"},
		{name: "schema", type: "jsonb", value: ({tables: $tables} | tojson)},
		{name: "dropped", type: "jsonb", value: (if $dropped then $dropped | tojson else null end)}]}'
}

# whole: "VERSION TABLE ..." of each row of pgstream 0.x's schema log on standard input.
whole() {
	jq -r 'select(.table == "schema_log") | [.columns[] | {key: .name, value}] | from_entries |
		"\(.version) \(.schema | fromjson.tables // [] | map(.name) | join(" "))"'
}

@test "formats: each dialect is what the other program wrote" {
	local format
	stream <"$DATA/lines" >in
	: >schemas
	for format in pgstream-v0 pgstream-v1 wal2json pgcdc; do
		topic create "as-$format" 1
		[ $format != pgstream-v0 ] || set -- --schemas=schemas
		produce -t "as-$format" --format=$format "$@" <in
		set --
	done
	for format in pgstream-v0 pgstream-v1 wal2json; do
		sed '/^$/d' "$DATA/$format" | diff - <(consume "as-$format")
	done
	diff "$DATA/lines" <(consume as-pgcdc)
}

@test "formats: keys and partitions are pgstream's, for its dialects" {
	crc32() { printf %s "$1" | gzip -c | tail -c 8 | od -An -tu4 -N4; }
	local i
	for i in {1..20}; do
		echo "${I/\"public\"/\"s$i\"}"
	done | stream >in
	topic create crc 4
	produce -t crc --format=pgstream-v1 <in
	for i in {1..20}; do echo "s$i $(($(crc32 "s$i") % 4))"; done | sort >expected
	consume crc -f '%k %p\n' | sort | diff expected -
	topic create murmur 4
	produce -t murmur --format=wal2json <in
	consume murmur -f '%k %p\n' | sort >other
	run -1 cmp expected other
}

@test "formats: a change of the schema has the key of its schema, and comes before its rows" {
	schema_row 1 app 'CREATE TABLE' "[$(table 2 app u 'a b' '1 2')]" >rows
	stream "$(<rows)" "$APP" >in
	topic create ddl 4
	produce -t ddl --format=pgstream-v1 <in
	consume ddl -f '%k %s\n' | sed 's/{"action":"\(.\)".*"ddl\\":\\"the text\\".*/\1 ddl/; s/{"action":"\(.\)".*/\1/' |
		is $'app M ddl\napp I'
}

@test "formats: pgstream gets a change of the schema once, whatever the key of rows is" {
	schema_row 1 app 'CREATE TABLE' "[$(table 2 app u 'a b' '1 2')]" | stream >in
	topic create once 4
	produce -t once --format=pgstream-v1 --key=table <in
	consume once -f '%k\n' | is app
	topic create app.u 4
	produce -t '%{schema}.%{table}' --format=pgstream-v1 <in
	consume app.u -f '%k\n' | is app
}

@test "formats: pgstream 0.x is told whole schemas, over the runs" {
	local t u v
	t=$(table 1 app t 'id v' 1) u=$(table 2 app u 'a b' '1 2') v=$(table 3 app v 'a')
	topic create whole0 1
	refuses 100 'file "schemas" is not there; restore it, as pgstream would take what a new one lacks for dropped' \
		-t whole0 --format=pgstream-v0 --schemas=schemas </dev/null
	: >schemas
	told() { produce -t whole0 --format=pgstream-v0 --schemas=schemas; }
	{ schema_row 1 app BASELINE "[$t]" && schema_row 2 app BASELINE "[$u]"; } | stream | told
	consume whole0 | whole | is $'1 t\n2 t u'
	{ schema_row 2 app BASELINE "[$u]" && schema_row 5 app 'CREATE TABLE' "[$v]" &&
		schema_row 6 app 'DROP TABLE' '[]' '[{"id":"1"}]'; } | stream | told
	consume whole0 | whole | is $'1 t\n2 t u\n5 t u v\n6 u v'
	schema_row 7 app 'CREATE TABLE' "[$t]" | stream | sed 's/"system_identifier":"7"/"system_identifier":"8"/' >in
	refuses 100 'has the schemas of cluster 7, and the stream is of 8' -t whole0 --format=pgstream-v0 \
		--schemas=schemas <in
	[ "$(consume whole0 | wc -l)" -eq 4 ]
}

@test "formats: what was not delivered is told to pgstream 0.x again" {
	topic create again 1
	topic config again max.message.bytes=300
	: >schemas
	schema_row 1 app 'CREATE TABLE' "[$(table 1 app t 'id v' 1)]" | stream >in
	refuses 100 'does not take' -t again --format=pgstream-v0 --schemas=schemas <in
	topic config again max.message.bytes=1000000
	produce -t again --format=pgstream-v0 --schemas=schemas <in
	consume again | whole | is '1 t'
}

@test "formats: pgstream 0.x is told no part of a schema" {
	topic create part 1
	{ echo "$I" && schema_row 1 app 'CREATE TABLE' "[$(table 1 app t 'id v' 1)]"; } | stream >in
	refuses 100 'line 4 is a row of the schema log' -t part --format=pgstream-v0 <in
	stream "$I" | produce -t part --format=pgstream-v0
}

@test "formats: an update of the key is a delete and an insert, in the dialect" {
	topic create split 1
	translated "$I" "$U" | produce -t split --format=wal2json --key=identity --tombstones
	consume split -f '%k %S %s\n' | grep -v schema_log |
		sed 's/.*"identity":\({[^ ]*}\)} \(-*[0-9]*\) \(.*\)/\1 \2 \3/; s/} [0-9][0-9]* /} n /' |
		is '{"id":1} n {"action":"I","lsn":"0/200","schema":"public","table":"t","columns":[{"name":"id","type":"int","value":1},{"name":"v","type":"text","value":"a"},{"name":"w","type":"text","value":null}]}
{"id":1} n {"action":"D","lsn":"0/210","schema":"public","table":"t","identity":[{"name":"id","type":"","value":1}]}
{"id":1} -1 
{"id":2} n {"action":"I","lsn":"0/210","schema":"public","table":"t","columns":[{"name":"id","type":"","value":2},{"name":"w","type":"","value":null}]}'
}

@test "formats: a definition that is only repeated is no change in wal2json, and no command in pgstream 1.x" {
	schema_row 1 app 'ALTER TABLE' "[$(table 1 app t 'id v' 1)]" | sed 's/}$/,"baseline":true}/' | stream >in
	topic create repeated 1
	produce -t repeated --format=wal2json <in
	[ -z "$(consume repeated)" ]
	produce -t repeated --format=pgstream-v1 <in
	consume repeated | jq -r '.content | fromjson | "\(.ddl):\(.command_tag):\(.objects[0].identity)"' |
		is ':CREATE TABLE:app.t'
}

@test "formats: options that cannot be" {
	refuses 100 'invalid value "avro" for option "--format"' -t t --format=avro </dev/null
	refuses 100 '--schemas=FILE needs --format=pgstream-v0' -t t --schemas=schemas </dev/null
	refuses 100 '--schemas=FILE is not for --transactional-id' -t t --schemas=schemas \
		--format=pgstream-v0 --transactional-id=x </dev/null
	refuses 100 '--dead-letter=FILE needs --format=pgcdc' -t t --format=wal2json \
		--oversize=dead-letter --dead-letter=dead </dev/null
}
