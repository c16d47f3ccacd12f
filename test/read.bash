# shellcheck shell=bash
# What the read*.bats files share: a database for each test, with a slot of its
# name, and lines made short.

load helper

setup() {
	set -o pipefail
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	drop_db
}

# make_slot ['SQL']: the slot, after the SQL that makes tables and publications.
make_slot() {
	[ -z "${1-}" ] || sql "$1"
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >slot.made
}

# of_slot EXPRESSION: of the columns of pg_replication_slots.
of_slot() {
	sql "SELECT $1 FROM pg_replication_slots WHERE slot_name = '$PGDATABASE'"
}

# read_slot [OPTION]...: what the slot holds, of publication p, on standard output.
read_slot() {
	timeout -k 5 60 pgcdc-read -S "$PGDATABASE" --publication=p --drain "$@" 3>&- 4>&-
}

# Event lines made short, H left out:
#	B   C   T table   I table name=value ...   D table | name=value ...
#	U table name=value ... ~unchanged,... | name=value ...
# An origin stands after the action, "schema." before a table that is not in public.
short() {
	jq -r '
	def entries: map(.name + "=" + (.value | tojson)) | join(" ");
	select(.action != "H") | [
		.action, (.origin // empty | "@" + .),
		(.table // empty) as $t | if .schema == "public" then $t else .schema + "." + $t end]
		+ [(.columns // empty | entries), (.unchanged // empty | "~" + join(","))]
		+ (if .identity then ["|", (.identity | entries)] else [] end)
		+ (if .action == "M" then [.prefix, (.content // empty), (.content_hex // empty | "x" + .)] else [] end)
		| join(" ")'
}

# rows [OPTION]...: the short row lines in the slot, without B and C.
rows() {
	read_slot "$@" >out || return
	short <out | grep -v '^[BC]'
}

# Standard input is the text.
is() {
	diff -u <(printf '%s\n' "$1") -
}

# actions [FILE]: the letters of all lines, as one word.
# shellcheck disable=SC2120
actions() { sed 's/^{"action":"\(.\)".*/\1/' "${1:-out}" | tr -d '\n'; }

# values KEY [FILE]: of a key that has a string, line by line.
values() { sed -n "s/^{\"action\":\"[^H]\".*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "${2:-out}"; }

# refuses CODE TEXT [OPTION]...: the run ends with CODE and one line on standard error,
# which matches the pattern TEXT; nothing is on standard output, or only H; and the
# slot's position is what it was.
refuses() {
	local code=0 before
	before=$(of_slot confirmed_flush_lsn)
	timeout -k 5 30 pgcdc-read -S "$PGDATABASE" --publication=p "${@:3}" >out 2>err 3>&- 4>&- || code=$?
	says "$code" "$1" "$2"
	[ ! -s out ] || [ "$(actions out)" = H ]
	[ "$(of_slot confirmed_flush_lsn)" = "$before" ]
}

# says CODE WANTED TEXT: the exit code is WANTED and the file err is one message with TEXT.
# shellcheck disable=SC2053
says() {
	local message
	message=$(messages err)
	echo "exit code $1, not $2 with \"$3\": $message"
	[ "$1" -eq "$2" ] && [ "$(messages err | wc -l)" -eq 1 ] && [[ $message == "pgcdc-read: error: "*$3* ]]
}
