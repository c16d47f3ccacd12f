# shellcheck shell=bash disable=SC2034
# What bats files share that give pgcdc-translate event lines of their own, without a server: a
# small schema log, and rows of its tables.

load translate

setup() {
	set -o pipefail
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { kill_started "$BATS_TEST_NUMBER"; }

H='{"action":"H","format":1,"system_identifier":"7","timeline":1,"slot":"s","start":"0/10"}'
B='{"action":"B","lsn":"0/FF0","xid":5,"timestamp":"2026-11-20 00:00:00.000000+00"}'
C='{"action":"C","lsn":"0/FF0","xid":5,"timestamp":"2026-11-20 00:00:00.000000+00","prev":"0/10","ack":"0/FFF"}'

# table ID SCHEMA NAME 'COLUMN ...' 'NUMBER ...': JSON of a table of the log, with the numbers of
# the columns that identify.
table() {
	jq -cn --arg id "$1" --arg schema "$2" --arg name "$3" --arg columns "$4" --arg identity "${5-}" '
		{id: $id, schema: $schema, name: $name, identity: ($identity / " " | map(select(. != "") | $id + "-" + .)),
		columns: [$columns / " " | to_entries[] | {id: "\($id)-\(.key + 1)", name: .value}]}'
}

# log ID LSN TABLE...: a row of the schema log with these tables.
log() {
	jq -cn --argjson id "$1" --arg lsn "$2" '$ARGS.positional as $tables | {action: "I", lsn: $lsn, seq: 0,
		schema: "pgcdc", table: "schema_log", columns: [{name: "id", type: "bigint", value: $id},
		{name: "schema", type: "jsonb", value: ({tables: $tables} | tojson)}]}' --jsonargs "${@:3}"
}

# One transaction of t (id, v, w) with these lines.
recording() {
	echo "$H"
	echo "$B"
	log 1 0/100 "$(table 1 public t 'id v w' 1)" "$(table 2 app u 'a b' '1 2')" "$(table 3 public none 'a b')"
	[ $# -eq 0 ] || printf '%s\n' "$@"
	echo "$C"
}

I='{"action":"I","lsn":"0/200","seq":1,"schema":"public","table":"t","columns":[{"name":"id","type":"int","value":1},{"name":"v","type":"text","value":"a"},{"name":"w","type":"text","value":null}]}'
U='{"action":"U","lsn":"0/210","schema":"public","table":"t","columns":[{"name":"id","value":2},{"name":"w","value":null}],"unchanged":["v"],"identity":[{"name":"id","value":1}]}'
D='{"action":"D","lsn":"0/220","schema":"public","table":"t","identity":[{"name":"id","value":2}]}'
APP='{"action":"I","lsn":"0/230","schema":"app","table":"u","columns":[{"name":"a","value":1},{"name":"b","value":2}]}'
NONE='{"action":"I","lsn":"0/240","schema":"public","table":"none","columns":[{"name":"a","value":1},{"name":"b","value":2}]}'

# tables: of the rows in out, in one line.
tables() { jq -r 'select(.metadata).table' out | paste -sd ' '; }
