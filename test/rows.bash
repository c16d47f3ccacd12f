# shellcheck shell=bash
# What the rows-*.bats files share: a table "t", a publication "p" of it, a slot with
# the name of the test's database, and a line of programs, in the test's folder:
#
#	pgcdc-read --ack=ack >pipe        pgcdc-file --ack=ack events <pipe

load helper

setup() {
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
	GATE=
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	show_messages
	drop_db
}

# show_messages: of the programs, when the test has failed.
show_messages() { [ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 5 -- *.err 2>/dev/null || true; }

# --- the server's side

make_table() {
	sql 'CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE PUBLICATION p FOR TABLE t'
}

make_slot() {
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >slot.made
}

# of_slot EXPRESSION: of the columns of pg_replication_slots.
of_slot() {
	sql "SELECT $1 FROM pg_replication_slots WHERE slot_name = '$PGDATABASE'"
}

confirmed() { of_slot confirmed_flush_lsn; }

# wait_confirmed LSN: until just this is confirmed.
wait_confirmed() { wait_until 20 "[ \"\$(confirmed)\" = '$1' ]"; }

# catch_up [SECONDS]: until everything is confirmed that is in the WAL now.
catch_up() {
	local lsn
	lsn=$(sql 'SELECT pg_current_wal_lsn()')
	wait_until "${1-30}" "[ \"\$(of_slot \"confirmed_flush_lsn >= '$lsn'\")\" = t ]"
}

# one_by_one FROM TO [SQL]: one transaction a row, with the value that SQL says.
one_by_one() {
	local id
	for ((id = $1; id <= $2; id++)); do
		echo "INSERT INTO t VALUES ($id, ${3:-NULL});"
	done | psql -Xq -v ON_ERROR_STOP=1
}

# behind_row ID: inserts the row, and prints a position between it and its commit record.
behind_row() {
	psql -XAtq -v ON_ERROR_STOP=1 <<-SQL
		BEGIN;
		INSERT INTO t VALUES ($1);
		SELECT pg_current_wal_insert_lsn();
		COMMIT;
	SQL
}

# not_beyond LSN: the confirmed position.
not_beyond() { [ "$(of_slot "confirmed_flush_lsn <= '$1'")" = t ]; }

# write_elsewhere MEGABYTES [DATABASE]: WAL that is nobody's business.
write_elsewhere() {
	sql "SELECT count(pg_logical_emit_message(false, 'elsewhere', repeat('x', 1000000)))
	    FROM generate_series(1, $1)" -d "${2:-postgres}" >/dev/null
}

# --- the line

# start_line [READER'S OPTION]...: READER and SINK, over a pipe made anew.
start_line() {
	rm -f pipe
	mkfifo pipe
	start_bg READER reader "$@"
	start_bg SINK sink pipe
}

# start_gated LINES [READER'S OPTION]...: the sink gets so many lines, and no more.
start_gated() {
	rm -f pipe gated
	mkfifo pipe gated
	start_bg READER reader "${@:2}"
	start_bg GATE gate "$1" pipe gated
	start_bg SINK sink gated
}

reader() {
	exec pgcdc-read -S "$PGDATABASE" --publication=p --ack=ack -s 20ms "$@" >pipe 2>>reader.err
}

# gate LINES FROM TO
gate() {
	exec <"$2" >"$3"
	head -n "$1"
	exec sleep 1000
}

# sink PIPE [FILE [NAME]]
sink() {
	exec pgcdc-file --ack=ack --ack-name="${3-file}" "${2-events}" <"$1" 2>>sink.err
}

kill_sink() {
	kill_hard SINK
	[ -z "$GATE" ] || kill_hard GATE
	GATE=
}

# kill_line: SIGKILL for both, whatever they are doing.
kill_line() {
	kill -s KILL "$READER"
	kill_sink
	kill_hard READER
}

# reader_ends CODE [TEXT]: by itself, with TEXT among its messages.
reader_ends() {
	end_bg READER 15
	cat reader.err
	# shellcheck disable=SC2154
	echo "exit code $bg_status"
	[ "$bg_status" -eq "$1" ] && { [ -z "${2-}" ] || grep -qF -- "$2" reader.err; }
}

sink_ends() {
	end_bg SINK 15
	cat sink.err
	echo "exit code $bg_status"
	[ "$bg_status" -eq "$1" ] && { [ -z "${2-}" ] || grep -qF -- "$2" sink.err; }
}

# end_line: SIGTERM for the reader; both have to end well.
end_line() {
	stop_bg READER
	[ "$bg_status" -eq 0 ] || { cat reader.err; return 1; }
	end_bg SINK
	[ "$bg_status" -eq 0 ] || { cat sink.err; return 1; }
}

# drain [READER'S OPTION]...: the rest that is in the slot, into events.
drain() {
	timeout -k 5 60 pgcdc-read -S "$PGDATABASE" --publication=p --ack=ack --drain "$@" \
		3>&- 4>&- | timeout -k 5 60 pgcdc-file --ack=ack events 3>&- 4>&-
	[ "${PIPESTATUS[*]}" = '0 0' ]
}

# fails CODE [READER'S OPTION]...: it ends with CODE and one line, MESSAGE.
fails() {
	local code=0
	timeout -k 5 30 pgcdc-read -S "$PGDATABASE" --publication=p "${@:2}" \
		>failed.out 2>failed.err 3>&- 4>&- || code=$?
	MESSAGE=$(messages failed.err)
	echo "exit code $code: $MESSAGE"
	[ "$code" -eq "$1" ] && [ "$(messages failed.err | wc -l)" -eq 1 ]
}

# refuses CODE [READER'S OPTION]...: ... with nothing on standard output.
refuses() { fails "$@" && [ ! -s failed.out ]; }

# says TEXT...: all of them are in MESSAGE.
says() {
	local text
	for text; do
		[[ $MESSAGE == *"$text"* ]] || { echo "not in the message: $text"; return 1; }
	done
}

# --- what has arrived

wait_lines() { wait_until 20 "[ -e events ] && [ \"\$(wc -l <events)\" -ge $1 ]"; }

# last_of KEY [FILE]: its newest value.
last_of() {
	tac "${2:-events}" | sed -n "s/^.*\"$1\":\"\([^\"]*\)\".*$/\1/p;T;q"
}

# delivered: the lines that a sink keeps of events if it does what pgcdc-events(5) says:
# it takes transactions whole, and none whose B.lsn is below the last commit's end.
delivered() {
	awk '
	function lsn(key,    a) {
		match($0, "\"" key "\":\"[^\"]*\"")
		split(substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 5), a, "/")
		return substr("0000000" a[1], length(a[1])) substr("0000000" a[2], length(a[2]))
	}
	/^{"action":"[HBC]"/ { kind = substr($0, 12, 1) }
	/^{"action":"H"/ { n = 0; skip = 0; next }
	/^{"action":"B"/ { n = 0; skip = lsn("lsn") < done; next }
	/^{"action":"C"/ {
		for (i = 1; i <= n; i++)
			print held[i]
		if (!skip)
			done = lsn("ack")
		n = 0
		next
	}
	!skip { held[++n] = $0 }' events
}

# ids: of the rows on standard input.
ids() {
	awk -v key='"columns":[{"name":"id","type":"bigint","value":' '
	/^{"action":"[IU]"/ && (at = index($0, key)) {
		print substr($0, at + length(key), 20) + 0
	}'
}

# is_whole: each row of the source was delivered, once, and in its order.
is_whole() {
	diff <(sql 'SELECT id FROM t ORDER BY id') <(delivered | ids) >differences || {
		head -n 20 differences
		return 1
	}
}
