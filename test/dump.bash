# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# What the dump*.bats files share: a database for each test, the dump's lines, and a dump that is
# held at a known place.

load read

# dump [OPTION]...: standard output into out, messages into err.
dump() { timeout -k 5 60 pgcdc-dump "$@" >out 2>err 3>&- 4>&- || { cat err; return 1; }; }

# ends CODE TEXT [OPTION]...: the dump ends so, with TEXT, a pattern, in its last message.
ends() {
	local code=0
	timeout -k 5 60 pgcdc-dump "${@:3}" >out 2>err 3>&- 4>&- || code=$?
	said "$code" "$1" "$2"
}

# said CODE WANTED TEXT: the exit code is WANTED, and the last line of err an error with TEXT; a
# success has no error.
# shellcheck disable=SC2053
said() {
	echo "exit code $1, not $2 with \"$3\":"
	cat err
	[ "$1" -eq "$2" ] || return 1
	if [ "$2" -eq 0 ]; then
		! grep ': error: ' err || return 1
		[[ $(<err) == *$3* ]]
	else
		[ "$(grep -c ': error: ' err)" -eq 1 ] && [[ $(tail -n 1 err) == "pgcdc-dump: error: "*$3* ]]
	fi
}

# refuses_to_begin CODE TEXT [OPTION]...: ... and nothing is on standard output.
refuses_to_begin() { ends "$@" && [ ! -s out ]; }

# The rows of FILE (out), from the schema's name on, in the order of the table.
rows_of() { sed -n 's/^{"action":"R","lsn":"[^"]*","schema":\(.*\)}$/\1/p' "${1:-out}"; }

# ids [FILE]: the first column of each row, which is an integer.
ids() {
	sed -n 's/^{"action":"R".*"columns":\[{"name":"[^"]*","type":"\(integer\|bigint\)","value":\(-\{0,1\}[0-9]*\)}.*/\2/p' "${1:-out}"
}

# has_ids FIRST LAST [FILE]: each of them is there; has_ids_once: and once.
has_ids() { ids "${3-out}" | sort -nu | cmp - <(seq "$1" "$2"); }
has_ids_once() { ids "${3-out}" | sort -n | cmp - <(seq "$1" "$2"); }

# is_whole_stream [FILE]: from H to C, each C behind the one before it, and no half line.
is_whole_stream() {
	local file=${1-out}
	[ "$(head -c 11 "$file")" = '{"action":"' ] && [ "$(tail -c 1 "$file" | od -An -c | tr -d ' ')" = '\n' ] || return 1
	jq -es '.[0].action == "H" and .[-1].action == "C" and
		(reduce .[] as $line ({at: .[0].start, ok: true};
		if $line.action == "C" then {at: $line.ack, ok: (.ok and $line.prev == .at)} else . end)).ok' \
		"$file" >is_whole_stream
}

# make_wide N [TABLE]: rows 1 to N of about 2,000 bytes each, three on a page, that are older than a
# checkpoint: newer ones are read again in another snapshot.
make_wide() {
	sql "CREATE TABLE ${2-t} (id int, a int, pad text); ALTER TABLE ${2-t} ALTER pad SET STORAGE PLAIN;
		INSERT INTO ${2-t} SELECT i, i, repeat('x', 2000) FROM generate_series(1, $1) i"
	sql CHECKPOINT
}

# --- a dump that is held

# start_held [OPTION]...: a dump page by page that has its snapshot, and that has written its
# first row, FIRST; no more than half a megabyte is read from the server until let_go.
start_held() {
	rm -f held
	mkfifo held
	start_bg DUMP held "$@"
	exec {HELD}<held
	: >begun
	while read -r FIRST <&"$HELD"; do
		printf '%s\n' "$FIRST" >>begun
		[[ $FIRST != '{"action":"R"'* ]] || return 0
	done
	return 1
}

held() { exec pgcdc-dump --range-pages=1 "$@" >held 2>err; }

# let_go: the rest, with what was read already, is in out.  Sets bg_status.
let_go() {
	{ cat begun && timeout 60 cat <&"$HELD"; } >out
	exec {HELD}<&-
	end_bg DUMP
	cat err
}

# --- lines of programs

# start_line [OPTION]...: DUMP and SINK, which keeps the lines in events.
start_line() {
	rm -f pipe
	mkfifo pipe
	start_bg DUMP dumper "$@"
	start_bg SINK sink
}
dumper() { exec pgcdc-dump --ack=ack "$@" >pipe 2>err; }
sink() { exec pgcdc-file --ack=ack events <pipe 2>sink.err; }

# end_line CODE: both end by themselves, the dump with CODE and the sink well.
end_line() {
	end_bg DUMP 30
	cat err
	[ "$bg_status" -eq "$1" ] || return 1
	end_bg SINK 30
	[ "$bg_status" -eq 0 ] || { cat sink.err; return 1; }
}
