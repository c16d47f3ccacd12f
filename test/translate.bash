# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154,SC2317
# What the translate*.bats files share: a stream of a database with a schema log, and lines
# with ids made short.

load read

# init [OPTION]...: schema log, publication p and the slot.
init() {
	pgcdc init -S "$PGDATABASE" --publication=p "$@" >init.out 2>&1 ||
		{ cat init.out; return 1; }
}

# translate [OPTION]...: standard input, translated.
translate() { timeout -k 5 60 pgcdc-translate "$@" 3>&- 4>&-; }

# stream [OPTION]...: what the slot holds, in the file in; translated with these options, in out.
stream() {
	read_slot -q >in && translate "$@" <in >out
}

# Translated rows made short, as
#	ACTION TABLE #TABLE-ID (IDENTITY-IDS) ID:NAME=VALUE ... ~UNCHANGED,... | ID:NAME=VALUE ...
# with the old key behind "|", and "schema." before a table that is not in public.
ids() {
	jq -r '
	def entries: map("\(.id // "?"):\(.name)=\(.value | tojson)") | join(" ");
	select(.metadata) | [.action,
		(.table as $t | if .schema == "public" then $t else .schema + "." + $t end),
		"#\(.metadata.table_id // "?")", "(\(.metadata.identity_ids | join(",")))",
		(.columns // empty | entries), (.unchanged // empty | "~" + join(","))]
		+ (if .identity then ["|", (.identity | entries)] else [] end)
		| join(" ")' "${1:-out}"
}

# Rows of the log that translate has added, left out.
without_baseline() { grep -v ',"baseline":true}$' "${1:-out}"; }

# Lines with what translate adds taken away again.
plain() {
	sed -E 's/,"metadata":\{"schema_id":([0-9]+|null),"table_id":("[^"]*"|null),"identity_ids":\[[^]]*\],"version_id":[0-9]+\}//;
		s/,"id":"o?[0-9]+-[0-9]+"\}/}/g' "${1:-out}"
}

# refuses CODE TEXT [OPTION]...: translate of the file in ends with CODE, and says this
# one line, a pattern.
refuses() {
	local code=0
	translate "${@:3}" <in >out 2>err || code=$?
	says "$code" "$1" "$2"
}

# says CODE WANTED TEXT: the exit code is WANTED, and the last line of the file err is an error with
# TEXT, a pattern, and the only one.
# shellcheck disable=SC2053
says() {
	local message
	message=$(tail -n 1 err)
	echo "exit code $1, not $2 with \"$3\": $(<err)"
	[ "$1" -eq "$2" ] && [ "$(grep -vc ': warning: ' err)" -eq 1 ] &&
		[[ $message == "pgcdc-translate: error: "$3 ]]
}

# open_session NAME: a psql of its own; then say NAME 'SQL' runs SQL in it, and waits for it.
open_session() {
	local fd
	mkfifo "$1.in" "$1.out"
	session() { exec psql -XAtq -v ON_ERROR_STOP=1 <"$1.in" >"$1.out" 2>&1; }
	start_bg "session_$1" session "$1"
	exec {fd}>"$1.in"
	printf -v "to_$1" %d "$fd"
	exec {fd}<"$1.out"
	printf -v "from_$1" %d "$fd"
}

say() {
	local to=to_$1 from=from_$1
	printf '%s;\n\\echo said\n' "$2" >&"${!to}"
	while read -r -t 20 -u "${!from}"; do
		[ "$REPLY" != said ] || return 0
		echo "$REPLY"
	done
	echo "session $1 did not finish: $2" >&2
	return 1
}

# A stream with a row of t in it, in the file in.
one_row() {
	sql 'CREATE TABLE t (id int PRIMARY KEY, v text)'
	init
	sql "INSERT INTO t VALUES (1, 'a')"
	read_slot >in
}

# without_log: of the stream in, what remains is for the store to tell.
without_log() { grep -v '"table":"schema_log"' "${1:-in}"; }

# live_store [OPTION]...: a translate that lives, LIVE; lines to >&5, its own by hear.
live_store() {
	mkfifo to from
	live() { exec pgcdc-translate "$@" <to >from 2>err; }
	start_bg LIVE live "$@"
	exec 5>to 6<from
}

hear() { # N
	local i
	for ((i = 0; i < $1; i++)); do
		read -r -t 20 -u 6 || return
		echo "$REPLY" >>out
	done
}

# all_acked: no row of the log is left to be marked.  Each checkpoint logs a snapshot of running
# transactions, which lets the slot forget the older ones.
all_acked() { sql CHECKPOINT; [ "$(sql 'SELECT bool_and(acked) FROM pgcdc.schema_log')" = t ]; }
