#!/usr/bin/env bats
# pgcdc run: a configuration file's pipeline, with a real server, pgcdc-read and pgcdc-file.
# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

load helper

setup_file() { pg_start; }
teardown_file() { pg_stop; }

setup() {
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
	sql "CREATE TABLE t (id bigint PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t"
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >slot.made
	conf
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	drop_db
}

# conf [LINE]...: the configuration file c.env; a LINE replaces one of the same key.
conf() {
	local line
	cat >c.env <<-END
		PGCDC_READ_SLOT=$PGDATABASE
		PGCDC_READ_PUBLICATION=p
		PGCDC_STAGES=
		PGCDC_SINKS=file
		PGCDC_FILE_PATH=out
		PGCDC_STATE=state
		PGCDC_RUNTIME_DIR=runtime
		PGCDC_RESTART_MIN=10ms
		PGCDC_RESTART_MAX=200ms
	END
	for line; do
		sed -i "/^${line%%=*}=/d" c.env
		printf '%s\n' "$line" >>c.env
	done
	chmod 600 c.env
}

# script NAME: an executable file, its text from standard input.
script() {
	{ echo '#!/bin/sh' && cat; } >"$1"
	chmod 755 "$1"
}

# pipeline [OPTION]...: runs c.env to its end; messages go to err, its exit code to code.
pipeline() {
	code=0
	timeout -k 5 60 pgcdc run -c c.env "$@" 2>err 3>&- 4>&- || code=$?
}

# start [OPTION]...: in the background; RUN is the supervisor.
start() {
	run_it() { exec pgcdc run -c c.env "$@" 2>>err; }
	start_bg RUN run_it "$@"
}

# stage NAME: process ids of the programs of this name.
stage() { pgrep -P "$RUN" -x "$1"; }

# stages N: N programs are running.
stages() { [ "$(pgrep -c -P "$RUN")" -eq "$1" ]; }

# ids [FILE]: of the rows in a recording.
ids() { jq -r 'select(.action == "I") | .columns[0].value' "${1:-out}"; }

# Standard input is the text.
is() { diff -u <(printf '%s\n' "$1") -; }

insert() { sql "INSERT INTO t SELECT g FROM generate_series($1, $2) g"; }

# has_ids N [FILE]: 1 to N, each at least once.
has_ids() { [ "$(ids "${2-}" | sort -nu)" = "$(seq "$1")" ]; }

# start_load: transactions with ids from 1 on, a few hundred a second, in the background.
start_load() {
	load_it() {
		local i=0
		while [ ! -e load.stop ]; do
			echo "INSERT INTO t VALUES ($((++i))); SELECT pg_sleep(0.003);"
		done | psql -XAtq -v ON_ERROR_STOP=1 >load.out
	}
	start_bg LOAD load_it
}

# end_load: N is the last id.
end_load() {
	: >load.stop
	end_bg LOAD 60
	N=$(sql 'SELECT count(*) FROM t')
}

# only TEXT...: nothing is in err but lines with such a text, and how long acks are waited for.
only() {
	local texts=(-e 'info: waiting up to')
	for text; do texts+=(-e "$text"); done
	cat err
	absent -v "${texts[@]}" err
}

lines() { wc -l <"${1:-out}"; }

# absent GREP-ARGUMENT...: a "!" before a command would not fail a test.
absent() { ! grep "$@"; }

# --- what it is for

@test "drain: what is in the slot is delivered, confirmed, and the end is 0" {
	insert 1 10
	pipeline --drain
	only
	[ "$code" -eq 0 ]
	[ "$(ids)" = "$(seq 10)" ]
	insert 11 20
	pipeline --drain
	[ "$(ids)" = "$(seq 20)" ]
	[ "$(jq -r .slot state)" = "$PGDATABASE" ]
	[ "$(stat -c %a runtime)" = 700 ]
	[ -p runtime/ack ]
}

@test "the default goes through pgcdc-translate, with the reader's database as its store" {
	pgcdc init --slot="$PGDATABASE" --publication=p
	sed -i '/STAGES/d' c.env
	echo "PGCDC_READ_DBNAME=$PGDATABASE" >>c.env
	insert 1 2
	sql 'ALTER TABLE t RENAME id TO key'
	insert 3 3
	PGDATABASE=postgres pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	jq -r 'select(.metadata).columns[] | "\(.name) \(.id)"' out | is $'id 1-1\nid 1-1\nkey 1-1'
	# And as a shell runs it.
	rm -f out state
	sql "SELECT pg_drop_replication_slot('$PGDATABASE')"
	pgcdc init --slot="$PGDATABASE" --publication=p --baseline
	insert 4 4
	PGDATABASE=postgres timeout 30 bash -c "$(pgcdc run -c c.env --print --drain)"
	jq -r 'select(.metadata).columns[] | "\(.name) \(.id)"' out | is 'key 1-1'
}

@test "a temporary folder, the default, is gone at the end" {
	mkdir tmp
	sed -i '/RUNTIME_DIR/d' c.env
	export TMPDIR=$PWD/tmp XDG_RUNTIME_DIR=
	insert 1 3
	start
	wait_until 20 '[ -p tmp/pgcdc.*/ack ]'
	[ "$(stat -c %a tmp/pgcdc.*)" = 700 ]
	wait_until 20 'has_ids 3'
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
	[ -z "$(ls tmp)" ]
	XDG_RUNTIME_DIR=$PWD/tmp TMPDIR='' start
	wait_until 20 '[ -p tmp/pgcdc.*/ack ]'
	stop_bg RUN
	[ -z "$(ls tmp)" ]
}

@test "the folders of systemd are used" {
	mkdir state.d run.d
	chmod 700 run.d
	sed -i '/RUNTIME_DIR\|STATE/d' c.env
	insert 1 3
	RUNTIME_DIRECTORY=$PWD/run.d:other STATE_DIRECTORY=$PWD/state.d:other pipeline --drain
	[ "$code" -eq 0 ]
	[ -p run.d/ack ]
	[ "$(jq -r .slot state.d/c.state)" = "$PGDATABASE" ]
}

@test "stages between are programs of the suite, of the PATH, or by path" {
	script ./pass <<-'END'
		exec sed -u "s/\"xid\"/\"$1\"/"
	END
	conf 'PGCDC_STAGES="./pass \"an id\" | grep --line-buffered -v '\''\"value\":2}'\''"'
	cat c.env
	insert 1 3
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	[ "$(ids | xargs)" = '1 3' ]
	grep -q '"an id":' out
}

@test "several sinks: each gets all, and a position is confirmed when all have it" {
	conf PGCDC_SINKS='file:one, file:two file' PGCDC_FILE_ONE_PATH=one PGCDC_FILE_TWO_PATH=two
	insert 1 100
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	[ "$(ids)" = "$(seq 100)" ]
	cmp one out
	cmp two out
	# One that stands still holds back the slot.
	start
	wait_until 20 '[ "$(stage pgcdc-file | wc -l)" -eq 3 ]'
	local before two
	before=$(jq -r .ack state)
	two=$(pgrep -P "$RUN" -f ack-name=two)
	kill -s STOP "$two"
	insert 101 200
	wait_until 20 'has_ids 200 && has_ids 200 one'
	[ "$(jq -r .ack state)" = "$before" ]
	kill -s CONT "$two"
	wait_until 20 'has_ids 200 two'
	wait_until 20 '[ "$(jq -r .ack state)" != "$before" ]'
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
}

# --- exit codes

@test "the worst exit code of all stages" {
	local want how text n=0
	while read -r want how; do
		echo "$how"
		rm -rf out state runtime
		conf 'PGCDC_STAGES=./end'
		{ echo 'cat'; echo "$how"; } | script ./end
		insert $((++n)) "$n"
		pipeline --drain
		cat err
		[ "$code" -eq "$want" ]
		[ "$want" -eq 0 ] || { text=$(tail -n 1 err) && [[ $text == 'pgcdc-run: error: "./end" '* ]]; }
	done <<-'END'
		0 exit 0
		100 exit 100
		111 exit 111
		111 exit 1
		111 exit 99
		111 exit 255
		111 kill -KILL $$
		111 kill -TERM $$
	END
}

@test "100 of a sink is not hidden by the 111 of those before it" {
	conf 'PGCDC_STAGES=./spoil'
	script ./spoil <<-'END'
		exec sed -u 's/"action":"C"/"action":C/'
	END
	insert 1 1
	pipeline
	cat err
	[ "$code" -eq 100 ]
	grep -q 'pgcdc-file: error: line 4 is no event line' err
	tail -n 1 err | grep -qxF 'pgcdc-run: error: "pgcdc-file" ended with exit code 100; the line is not started again: see its message above for what to do'
	[ "$(grep -c 'pgcdc-file: error' err)" -eq 1 ]

	# Also when it comes last: the second one sees the end of the first.
	conf 'PGCDC_STAGES=./first | ./second'
	echo 'exit 111' | script ./first
	echo 'cat >/dev/null; exit 100' | script ./second
	pipeline --once
	cat err
	[ "$code" -eq 100 ]
	tail -n 1 err | grep -qF '"./second" ended with exit code 100'
}

@test "a stage that ends too early, even with 0, is no good end" {
	conf 'PGCDC_STAGES=sed -u 1q'
	pipeline --once
	cat err
	[ "$code" -eq 111 ]
	# Here the reader sees nothing of it.
	conf 'PGCDC_STAGES=cat | sed -u 1q'
	pipeline --once
	cat err
	[ "$code" -eq 111 ]
	tail -n 1 err | grep -q 'error: ".*" ended with exit code 0 before the source; what was not'
}

@test "111: the whole line is started again, and waits longer each time" {
	conf PGCDC_STAGES=./flaky
	script ./flaky <<-'END'
		echo $$ >>starts
		[ "$(wc -l <starts)" -gt 4 ] || exit 111
		exec cat
	END
	insert 1 5
	start
	wait_until 30 'has_ids 5'
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
	[ "$(wc -l <starts)" -eq 5 ]
	grep -o '".*" ended.*' err
	[ "$(grep -c '^pgcdc-run: warning: "./flaky" ended with exit code 111; the line is started again in 0\.[0-9]* s$' err)" -eq 4 ]
}

@test "--once: it is not started again" {
	conf PGCDC_STAGES=./fails PGCDC_RESTART_MIN=1ms
	script ./fails <<-'END'
		echo >>starts
		exit 111
	END
	pipeline --once
	[ "$code" -eq 111 ]
	[ "$(lines starts)" -eq 1 ]
	tail -n 1 err | grep -qxF 'pgcdc-run: error: "./fails" ended with exit code 111; what was not acknowledged comes again at the next start'
}

@test "a signal ends the wait for a restart" {
	conf PGCDC_STAGES=./fails PGCDC_RESTART_MIN=1h PGCDC_RESTART_MAX=1h
	script ./fails </dev/null
	sed -i '$aexit 111' fails
	start
	wait_until 20 'grep -q "started again in" err'
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
}

# --- signals

@test "SIGTERM, SIGINT, SIGHUP and Ctrl-C end it cleanly: nothing is lost, nothing comes twice" {
	local how n
	conf 'PGCDC_STAGES=jq -Rr --unbuffered .'
	start_load
	for how in TERM INT HUP ctrl-c; do
		: >err
		start
		[ ! -e out ] || n=$(lines)
		wait_until 30 '[ -e out ] && [ "$(lines)" -gt $((${n-0} + 50)) ]'
		if [ "$how" = ctrl-c ]; then
			kill -s INT -- "-$RUN"
			end_bg RUN 30
		else
			stop_bg RUN "$how" 30
		fi
		only
		[ "$bg_status" -eq 0 ]
	done
	end_load
	pipeline --drain
	[ "$code" -eq 0 ]
	[ "$(ids)" = "$(seq "$N")" ]
}

@test "a second signal ends it at once, and nothing is left" {
	conf PGCDC_STAGES=./stuck
	script ./stuck <<-'END'
		trap '' TERM
		while :; do sleep 1; done
	END
	start
	wait_until 20 'stages 3'
	local left
	left=$(pgrep -P "$RUN")
	kill "$RUN"
	wait_until 20 '! stage pgcdc-read'
	running "$RUN"
	stop_bg RUN
	[ "$bg_status" -eq 111 ]
	for pid in $left; do wait_until 10 "! running $pid"; done
}

@test "what does not end within the time-out is killed" {
	conf PGCDC_STAGES=./stuck PGCDC_SHUTDOWN_TIMEOUT=100ms
	script ./stuck <<-'END'
		trap '' TERM
		sleep 1000 &
		echo $! >child
		while :; do wait; sleep 1; done
	END
	start
	wait_until 20 'stages 3 && [ -s child ]'
	stop_bg RUN TERM 30
	[ "$bg_status" -eq 111 ]
	wait_until 10 '! running "$(<child)"'
	grep -q 'not all programs have ended within PGCDC_SHUTDOWN_TIMEOUT' err
	grep -q '"./stuck" was killed by signal 9' err
}

@test "SIGKILL of every stage in turn and of the supervisor: nothing is lost" {
	local victim pid left n
	conf 'PGCDC_STAGES=jq -Rr --unbuffered .' PGCDC_SINKS=file:one,file:two \
		PGCDC_FILE_ONE_PATH=one PGCDC_FILE_TWO_PATH=two
	sed -i /FILE_PATH/d c.env
	start_load
	start
	for victim in pgcdc-read jq tee ack-name=one ack-name=two pgcdc-read supervisor jq; do
		wait_until 30 'stages 5'
		n=$(lines one 2>/dev/null || echo 0)
		wait_until 30 '[ -e one ] && [ "$(lines one)" -gt $((n + 60)) ]'
		if [ "$victim" = supervisor ]; then
			left=$(pgrep -P "$RUN")
			kill_hard RUN
			for pid in $left; do wait_until 10 "! running $pid"; done
			start
		else
			pid=$(pgrep -P "$RUN" -f "$victim")
			kill -s KILL "$pid"
			wait_until 10 "! [ -e /proc/$pid ]" # reaped, too
		fi
	done
	end_load
	wait_until 60 'has_ids "$N" one && has_ids "$N" two'
	stop_bg RUN TERM 30
	[ "$bg_status" -eq 0 ]
	cat err
	[ "$(grep -c 'was killed by signal 9; the line is started again' err)" -eq 7 ]
	only 'pgcdc-run: warning: .* is started again in' 'ends inside a' 'standard output is closed' \
		'the source that read ack FIFO' 'cutting .* bytes' 'nobody reads the ack FIFO' 'is in use by PID' \
		helper.bash # bash's own, about the supervisor
}

@test "a sink that dies with lines in hand does not hold up the restart" {
	local sink
	conf 'PGCDC_STAGES=tee seen'
	start
	insert 1 1
	wait_until 20 'has_ids 1'
	sink=$(stage pgcdc-file)
	kill -s STOP "$sink"
	insert 2 2
	wait_until 20 'has_ids 2 seen'
	# The reader waits for acks: 30 seconds, if it were not told that none can come.
	kill -s KILL "$sink"
	wait_until 25 'has_ids 2'
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
}

# --- descriptors and environment

@test "a stage has its own ends of the pipes and nothing else of ours" {
	local pid fd target open pipes='' ours=''
	conf 'PGCDC_STAGES=cat | cat' PGCDC_SINKS=file:one,file:two PGCDC_FILE_ONE_PATH=one PGCDC_FILE_TWO_PATH=two
	exec {leak}<c.env
	start
	exec {leak}<&-
	wait_until 20 'stages 6 && [ -e two ] && grep -q H one && grep -q H two'
	for pid in $(pgrep -P "$RUN"); do
		for fd in "/proc/$pid/fd"/*; do
			target=$(readlink "$fd")
			echo "$(<"/proc/$pid/comm") ${fd##*/} $target"
			[[ $target != *c.env ]]
			case $target in pipe:*) pipes+="$target"$'\n' ;; esac
		done
		open=("/proc/$pid/fd"/*)
		[ ${#open[@]} -le 8 ]
	done
	for fd in "/proc/$RUN/fd"/*; do
		target=$(readlink "$fd") || continue
		case ${fd##*/} in 0 | 1 | 2) continue ;; esac
		[[ $target != pipe:* || $pipes != *"$target"* ]]
	done
	# Five pipes with two ends; tee has the one to the other sink open twice.
	while read -r target; do
		case " $(readlink "/proc/$RUN/fd/1" "/proc/$RUN/fd/2" | xargs) " in *" $target "*) continue ;; esac
		ours+="$(grep -cxF "$target" <<<"$pipes") "
	done < <(grep . <<<"$pipes" | sort -u)
	echo "$ours"
	[ "$(xargs -n 1 <<<"$ours" | sort | xargs)" = '2 2 2 2 3' ]
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
}

@test "a stage has its own variables, and the secrets of nobody else" {
	local reader one two pid
	conf PGCDC_SINKS=file:one,file:two PGCDC_FILE_ONE_PATH=one PGCDC_FILE_TWO_PATH=two \
		PGPASSWORD=geheim PGCDC_FILE_TWO_MAX_LINE=7MiB PGCDC_FILE_MAX_LINE=5MiB PGCDC_READ_MAX_LINE=9MiB \
		PGAPPNAME=from-the-file
	PGAPPNAME=from-outside start --log-level=debug --log-format=json
	wait_until 20 '[ -e two ] && grep -q H two'
	reader=$(tr '\0' '\n' <"/proc/$(stage pgcdc-read)/environ")
	one=$(tr '\0' '\n' <"/proc/$(pgrep -P "$RUN" -f name=one)/environ")
	two=$(tr '\0' '\n' <"/proc/$(pgrep -P "$RUN" -f name=two)/environ")
	tr '\0' '\n' <"/proc/$(stage pgcdc-read)/cmdline"
	[ "$(grep -e ^PGPASSWORD -e ^PGAPPNAME -e MAX_LINE <<<"$reader" | sort | xargs)" = \
		'PGAPPNAME=from-outside PGCDC_READ_MAX_LINE=9MiB PGPASSWORD=geheim' ]
	grep -qx PGCDC_READ_VERBOSE=1 <<<"$reader"
	grep -qx PGCDC_READ_LOG_FORMAT=json <<<"$reader"
	[ "$(grep ^PG <<<"$one" | grep -v -e ^PGCDC_TEST -e ^PGCDC_BIN -e ^PGCDC_CACHE | sort | xargs)" = \
		'PGCDC_FILE_LOG_FORMAT=json PGCDC_FILE_MAX_LINE=5MiB PGCDC_FILE_VERBOSE=1' ]
	[ "$(grep ^PG <<<"$two" | grep -v -e ^PGCDC_TEST -e ^PGCDC_BIN -e ^PGCDC_CACHE | sort | xargs)" = \
		'PGCDC_FILE_LOG_FORMAT=json PGCDC_FILE_MAX_LINE=7MiB PGCDC_FILE_VERBOSE=1' ]
	absent -q 'unknown environment variable' err
	for pid in "$RUN" $(pgrep -P "$RUN"); do absent -aq geheim "/proc/$pid/cmdline"; done
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
}

@test "levels of messages" {
	local level
	insert 1 1
	for level in debug info warn error; do
		pipeline --drain --log-level="$level"
		[ "$code" -eq 0 ]
		[ "$level" = debug ] || only
	done
	pipeline --drain --log-level=debug
	grep -q '^pgcdc-run: debug: started "pgcdc-read" with PID' err
	PGCDC_LOG_LEVEL=info pipeline --drain -v
	grep -q '^pgcdc-run: debug:' err
}

# --- --print

@test "--print: the pipeline as a shell runs it" {
	local shell
	conf 'PGCDC_STAGES="./pass '\''a  b'\'' | cat"' PGCDC_SINKS=file:one,file:two PGCDC_FILE_ONE_PATH=one \
		"PGCDC_FILE_TWO_PATH=\"it's two\"" "PGAPPNAME='a \"name\" \$(of) \`mine\`'"
	script ./pass <<-'END'
		[ "$1" = 'a  b' ] || exit 100
		exec cat
	END
	insert 1 5
	for shell in sh bash; do
		rm -rf one "it's two" runtime state
		pgcdc run -c c.env --print --drain >line 2>err
		cat line
		[ ! -s err ] && [ ! -e runtime ]
		timeout -k 5 60 "$shell" ./line 3>&- 4>&-
		[ "$(ids one)" = "$(seq 5)" ]
		cmp one "it's two"
		[ "$(jq -r .slot state)" = "$PGDATABASE" ]
		insert 6 10
		rm -rf one "it's two"
		pipeline --drain
		[ "$(ids one)" = "$(seq 6 10)" ]
		sql "TRUNCATE t" && pipeline --drain
		insert 1 5
	done
}

@test "--print: a temporary folder, and what is secret is asked for" {
	sed -i '/RUNTIME_DIR/d' c.env
	conf 'PGPASSWORD=geheim' "PGCDC_READ_DBNAME=postgresql://postgres:geheim@127.0.0.1:$PGPORT/$PGDATABASE"
	sed -i '/RUNTIME_DIR/d' c.env
	insert 1 5
	pgcdc run -c c.env --print --drain >line
	cat line
	absent -q geheim line
	mkdir tmp
	TMPDIR=$PWD/tmp run -0 env -u PGPASSWORD sh -c '. ./line; true'
	[[ $output == *'PGPASSWORD: is secret and not printed; set it as the configuration file does'* ]]
	[ ! -e out ]
	TMPDIR=$PWD/tmp PGPASSWORD=x PGCDC_READ_DBNAME=postgresql:///$PGDATABASE sh ./line
	[ "$(ids)" = "$(seq 5)" ]
	[ -z "$(ls tmp)" ]
}

# --- what is refused

# refuses TEXT [OPTION]...: code 100 and one line, at once, nothing begun.
refuses() {
	pipeline "${@:2}"
	echo "code $code, wanted: $1"
	cat err
	[ "$code" -eq 100 ] && [ "$(lines err)" -eq 1 ] && [ ! -e out ]
	[[ $(<err) == "pgcdc-run: error: "*"$1"* ]]
}

@test "a bad configuration file: one line with its place, and 100" {
	local line text
	while IFS='~' read -r line text; do
		conf
		printf '\n%b\n' "$line" >>c.env
		refuses "$text"
	done <<-'END'
		PGCDC_SORCE=x~unknown key "PGCDC_SORCE" in file "c.env" line 11; see pgcdc.conf(5)
		PGCDC_CONFIG=x~unknown key "PGCDC_CONFIG" in file "c.env" line 11
		PGCDC_PRINT=1~unknown key "PGCDC_PRINT" in file "c.env" line 11
		PATH=/tmp~unknown key "PATH" in file "c.env" line 11
		PGCDC_READ_STATS_INTERVAL=5s~unknown key "PGCDC_READ_STATS_INTERVAL" in file "c.env" line 11; see "pgcdc-read --help" for the options it could name
		PGCDC_READ_SLO=x~unknown key "PGCDC_READ_SLO"
		PGCDC_READ_SLOTS=x~unknown key "PGCDC_READ_SLOTS"
		PGCDC_READ_status_interval=5s~unknown key "PGCDC_READ_status_interval"
		PGCDC_READ_=x~unknown key "PGCDC_READ_"
		PGCDC_READ_PATH=x~unknown key "PGCDC_READ_PATH"
		PGCDC_TRANSLATE_STOR=x~unknown key "PGCDC_TRANSLATE_STOR" in file "c.env" line 11; see "pgcdc-translate --help"
		PGCDC_FILE_PAHT=x~unknown key "PGCDC_FILE_PAHT" in file "c.env" line 11; see "pgcdc-file --help"
		PGCDC_FILE_TWO_PATH=x~unknown key "PGCDC_FILE_TWO_PATH"
		export PGHOST=x~expected NAME=value in file "c.env" line 11
		PGHOST~expected NAME=value in file "c.env" line 11
		=x~expected NAME=value in file "c.env" line 11
		PGHOST="a\nb~a quote " is not closed in file "c.env" line 11
		PGHOST='a~a quote ' is not closed in file "c.env" line 11
		PGHOST=a\0b~a value has a NUL byte in file "c.env" line 11
		PGCDC_SINKS=file~"PGCDC_SINKS" is given twice, first in line 4, in file "c.env" line 11
		PGCDC_READ_ACK=x~"PGCDC_READ_ACK" is set in file "c.env" line 11, but what joins the programs is set by pgcdc-run; remove it
		PGCDC_READ_STATE=x~"PGCDC_READ_STATE" is set in file "c.env" line 11
		PGCDC_READ_WAIT_FOR=x~"PGCDC_READ_WAIT_FOR" is set in file "c.env" line 11
		PGCDC_FILE_ACK=x~"PGCDC_FILE_ACK" is set in file "c.env" line 11
		PGCDC_FILE_ACK_NAME=x~"PGCDC_FILE_ACK_NAME" is set in file "c.env" line 11
		PGCDC_SHUTDOWN_TIMEOUT=5 s~invalid value "5 s" of "PGCDC_SHUTDOWN_TIMEOUT" in file "c.env" line 11; expected a duration
		PGCDC_LOG_LEVEL=loud~invalid value "loud" of PGCDC_LOG_LEVEL in file "c.env" line 11; expected debug, info, warn or error
		PGCDC_LOG_FORMAT=xml~invalid value "xml"
		PGCDC_SOURCE=reed~unknown source "reed" in PGCDC_SOURCE in file "c.env" line 11; known: read
	END
	while IFS='~' read -r line text; do
		conf "$line"
		refuses "$text"
	done <<-'END'
		PGCDC_RESTART_MIN=5x~invalid value "5x" of "PGCDC_RESTART_MIN" in file "c.env" line 9; expected a duration from 1 to 3600000 ms
		PGCDC_RESTART_MIN=1s~PGCDC_RESTART_MIN is longer than PGCDC_RESTART_MAX in file "c.env" line 9; give a shorter one
		PGCDC_SINKS=~invalid value "" of "PGCDC_SINKS" in file "c.env" line 9
		PGCDC_SINKS=,~no sink is named in PGCDC_SINKS in file "c.env" line 9; known: file
		PGCDC_SINKS=fill~unknown sink "fill" in PGCDC_SINKS in file "c.env" line 9; known: file
		PGCDC_SINKS=file,fill:x~unknown sink "fill:x" in PGCDC_SINKS in file "c.env" line 9; known: file
		PGCDC_SINKS=file:a/b~invalid name of sink "file:a/b" in PGCDC_SINKS in file "c.env" line 9
		PGCDC_SINKS=file:~invalid name of sink "file:" in PGCDC_SINKS in file "c.env" line 9
		PGCDC_SINKS=file file~two sinks are called "file" in PGCDC_SINKS in file "c.env" line 9; give them names, as in "file:one,file:two"
		PGCDC_STAGES=none~could not find program "none" of PGCDC_STAGES in file "c.env" line 9: No such file or directory; install it
		PGCDC_STAGES=./c.env~could not find program "./c.env" of PGCDC_STAGES in file "c.env" line 9: Permission denied
		PGCDC_STAGES="cat | | cat"~invalid value "cat | | cat" of PGCDC_STAGES in file "c.env" line 9: a program is missing before or after "|"
		PGCDC_STAGES=cat >x~invalid value "cat >x" of PGCDC_STAGES in file "c.env" line 9: no shell reads it
		PGCDC_FILE_PATH=~sink "file" needs "PGCDC_FILE_PATH"; set it to what it writes to
		PGCDC_RUNTIME_DIR=c.env~"c.env" is not a folder; give PGCDC_RUNTIME_DIR another path
		PGCDC_RUNTIME_DIR=no/folder~could not make folder "no/folder": No such file or directory
	END
}

@test "each option of each program may stand in the file, and no other one of a named sink" {
	local program
	for program in read translate file; do
		sed -n 's/^\.Pq Ev \(PGCDC_[A-Z_]*\)$/\1=1/p' "$PGCDC_TEST_ROOT/man/pgcdc-$program.1"
	done | grep -vE '_(SLOT|PUBLICATION|ACK|ACK_NAME|WAIT_FOR|STATE)=' >>c.env
	[ "$(lines c.env)" -gt 40 ]
	pipeline --print
	cat err
	[ "$code" -eq 0 ] && [ ! -s err ]
	conf PGCDC_SINKS=file:one,file:one-two PGCDC_FILE_ONE_PATH=x PGCDC_FILE_ONE_TWO_PATH=y \
		PGCDC_FILE_ONE_MAX_LINE=5MiB PGCDC_FILE_ONE_TWO_MAX_LINE=7MiB
	pipeline --print
	[ "$code" -eq 0 ]
	echo PGCDC_FILE_ONE_TOW_MAX_LINE=1 >>c.env
	refuses 'unknown key "PGCDC_FILE_ONE_TOW_MAX_LINE" in file "c.env" line 14'
	# The file is wrong, whatever the environment says.
	PGCDC_FILE_ONE_TOW_MAX_LINE=2 refuses 'unknown key "PGCDC_FILE_ONE_TOW_MAX_LINE" in file "c.env" line 14'
	# The environment alone is not ours: the program warns.
	conf
	PGCDC_READ_STATS_INTERVAL=5s pipeline --drain
	[ "$code" -eq 0 ]
	only 'unknown environment variable "PGCDC_READ_STATS_INTERVAL" is ignored'
}

@test "a program that cannot say its options" {
	local run=(timeout -k 5 60 env PATH=/usr/bin:/bin ./part/pgcdc-run -c c.env --drain)
	mkdir part
	cp "$(command -v pgcdc-run)" "$(command -v pgcdc-read)" "$(command -v pgcdc-file)" part
	expect 0 '' "${run[@]}"
	conf PGCDC_TRANSLATE_STORE=x
	expect 100 'error: could not find program "pgcdc-translate" of "PGCDC_TRANSLATE_STORE" in file "c.env" line 10: No such file or directory; install it, or remove the key' "${run[@]}"
	script part/pgcdc-translate <<<'echo "  --store"; exit 3'
	expect 100 'error: could not learn the options of "'"$PWD"'/part/pgcdc-translate": it ended with exit code 3; install pgcdc whole' "${run[@]}"
}

@test "a missing sink, file or folder" {
	sed -i /SINKS/d c.env
	refuses 'no sink is named; set PGCDC_SINKS in file "c.env"'
	conf
	mkdir -m 770 runtime
	refuses 'others may write to folder "runtime", and so forge acknowledgements; give PGCDC_RUNTIME_DIR a folder of our own'
	rm c.env
	refuses 'could not open file "c.env": No such file or directory'
	mkdir c.env
	refuses '"c.env" is not a regular file'
	rmdir c.env
	mkfifo c.env
	refuses '"c.env" is not a regular file'
	run -100 pgcdc run
	[ "$output" = 'pgcdc-run: error: no sink is named; set PGCDC_SINKS, in the file that --config names' ]
	run -100 pgcdc run -c c.env more
	run -100 pgcdc run --no-such-option
	run -100 env PGCDC_SINK=file pgcdc run
	[[ $output == *'unknown environment variable "PGCDC_SINK"'* ]]
}

@test "a file that others may write to, or that shows a secret to everybody, is refused" {
	local secret
	chmod 620 c.env
	refuses 'others may write to file "c.env", and so decide what is run; remove that right with "chmod go-w"'
	chmod 602 c.env
	refuses 'others may write to file "c.env"'
	for secret in PGPASSWORD=x PGCDC_READ_DBNAME=postgres://u:p@h/d 'PGCDC_READ_DBNAME=host=h password=p'; do
		conf "$secret"
		chmod 644 c.env
		refuses "everybody may read file \"c.env\", which holds a secret in line $(lines c.env); remove that right with \"chmod o-r\""
		absent -q -e 'u:p' -e =p err
	done
	conf PGPASSFILE=/root/.pgpass PGCDC_READ_DBNAME=postgres://u@h/d
	chmod 644 c.env
	[ "$(id -u)" -ne 0 ] || { chown nobody c.env; refuses 'belongs to user ID'; }
}

@test "a program that cannot be executed is 100" {
	printf 'no program' >./bad
	chmod 755 bad
	conf PGCDC_STAGES=./bad
	pipeline
	cat err
	[ "$code" -eq 100 ]
	grep -q 'could not start "./bad": Exec format error' err
}

@test "options and variables win over the file" {
	conf PGCDC_FILE_PATH=other PGCDC_SINKS=nonsense PGCDC_STAGES=nonsense
	insert 1 2
	PGCDC_FILE_PATH=out PGCDC_STAGES='' pipeline --drain --sinks=file
	cat err
	[ "$code" -eq 0 ]
	[ "$(ids)" = "$(seq 2)" ] && [ ! -e other ]
	conf
	PGCDC_CONFIG=c.env PGCDC_DRAIN=1 pgcdc run
}

@test "the example that is installed is right" {
	local lines
	install -m 600 "$PGCDC_TEST_ROOT/systemd/example.env" orders.env
	lines=$(env -u PGHOST -u PGUSER -u PGDATABASE pgcdc run -c orders.env --print)
	[[ $lines == *'export PGHOST=/run/postgresql'*'PGCDC_READ_SLOT=orders'*'pgcdc-file --ack="$dir/ack" --ack-name=file orders.jsonl'* ]]
}
