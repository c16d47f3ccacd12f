#!/usr/bin/env bats
# pgcdc-file, without a server: what it refuses, and files that others touch.
# shellcheck disable=SC2030,SC2031,SC2154,SC2317

load helper

setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { kill_started "$BATS_TEST_NUMBER"; }

head_line='{"action":"H","format":1,"system_identifier":"7","timeline":1,"slot":"s","start":"0/10"}'

# transaction LSN PREV: its two lines.
transaction() {
	printf '{"action":"%s","lsn":"%s"%s}\n' B "$1" '' C "$1" ",\"prev\":\"$2\",\"ack\":\"$1\""
}

# refuses FILE: with one line, and the file is what it was.
refuses() {
	local before
	before=$(cksum <"$1")
	run -100 --separate-stderr pgcdc-file "$1" < <(echo "$head_line")
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "pgcdc-file: error: file \"$1\" is no recording: it does not begin with an event line; name another file" ]]
	[ "$(cksum <"$1")" = "$before" ]
}

@test "file: what is no recording is refused and left as it is" {
	head -c 100000 /dev/urandom >binary
	printf 'precious data without a line feed' >text
	printf 'id,name\n1,one\n' >table
	printf '{"name":"settings","action":"none"}' >settings
	for file in binary text table settings; do refuses "$file"; done
}

@test "file: an empty file, a recording and what a crash has left of one are gone on with" {
	: >empty
	echo "$head_line" >whole
	printf '%s\n{"action":"B","ls' "$head_line" >torn
	printf '{"act' >begun
	printf '{"action":"H","format":1,"system' >half
	for file in empty whole torn begun half; do
		echo "$head_line" | pgcdc-file "$file"
		[ "$(grep -cxF "$head_line" "$file")" = "$(wc -l <"$file")" ]
	done
	[ "$(wc -l <whole)" = 2 ]
	[ "$(wc -l <torn)" = 2 ]
	[ "$(wc -l <half)" = 1 ]
}

@test "file: nothing is acknowledged of a file that is removed or shortened meanwhile" {
	local how
	mkfifo input ack
	record() { exec pgcdc-file --ack=ack recording <input 2>err; }
	for how in rm 'truncate -s 10'; do
		rm -f recording
		exec {acks}<>ack
		start_bg SINK record
		exec {lines}>input
		{ echo "$head_line"; transaction 0/20 0/10; } >&"$lines"
		read -r -t 10 token <&"$acks"
		[ "$token" = '0/20 file' ]
		$how recording
		transaction 0/30 0/20 >rest
		cat rest >&"$lines"
		end_bg SINK
		[ "$bg_status" = 111 ]
		grep -F 'while it was recorded into; nothing more is acknowledged' err
		! read -r -t 0.2 token <&"$acks"
		exec {lines}>&- {acks}<&-
	done
}

@test "file: a recording that is renamed is written on" {
	mkfifo input
	record() { exec pgcdc-file recording <input; }
	start_bg SINK record
	exec {lines}>input
	echo "$head_line" >&"$lines"
	wait_until 10 '[ -s recording ]'
	mv recording renamed
	transaction 0/20 0/10 >&"$lines"
	exec {lines}>&-
	end_bg SINK
	[ "$bg_status" = 0 ]
	[ "$(wc -l <renamed)" = 3 ]
}

@test "file: a commit needs its beginning where others have one" {
	{ echo "$head_line"; transaction 0/20 0/10; transaction 0/30 0/20; } >whole
	grep -v '"action":"B"' whole | pgcdc-file none # as from a source that writes none
	[ "$(wc -l <none)" = 3 ]
	run -100 --separate-stderr pgcdc-file part < <(sed 4d whole)
	[[ $stderr == *"line 4 breaks the stream: a transaction ends that has not begun: a line is missing; nothing more is acknowledged" ]]
	# A new H begins anew.
	{ cat whole; echo "$head_line"; grep '"action":"C"' whole; } | pgcdc-file again
	[ "$(wc -l <again)" = 8 ]
}
