#!/usr/bin/env bats
# pgcdc run: a configuration file's pipeline, with a real server, pgcdc-read and pgcdc-file.
# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

load pipeline

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

@test "a temporary folder that SIGKILL has left is used again, and gone at the end of that" {
	mkdir tmp elsewhere
	conf PGCDC_STAGES=./note
	echo 'ls tmp >>seen; exec cat' | script ./note
	sed -i '/RUNTIME_DIR/d' c.env
	export TMPDIR=$PWD/tmp XDG_RUNTIME_DIR=
	start
	wait_until 20 '[ -p tmp/pgcdc.*/ack ] && [ -s out ]'
	local left
	left=$(ls tmp)
	# It is not taken from one that runs.
	PGCDC_FILE_PATH=other pipeline --once
	[ "$code" -eq 111 ]
	[ "$(sort -u seen | wc -l)" -eq 2 ]
	[ -p "tmp/$left/ack" ]
	kill_hard RUN
	wait_until 10 '! pgrep -f "$PWD/tmp/$left/ack"'
	[ "$(ls tmp)" = "$left" ]
	: >seen
	start
	wait_until 20 '[ -s seen ]'
	[ "$(ls tmp)" = "$left" ]
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
	[ -z "$(ls tmp)" ]
	# Nor is one taken that others may write to, or that is somewhere else.
	mkdir "tmp/$left"
	chmod 770 "tmp/$left"
	: >seen
	pipeline --drain
	[ "$code" -eq 0 ] && [ "$(wc -l <seen)" -eq 2 ]
	rmdir "tmp/$left"
	ln -s "$PWD/elsewhere" "tmp/$left"
	: >seen
	pipeline --drain
	[ "$code" -eq 0 ] && [ "$(wc -l <seen)" -eq 2 ]
	[ "$(ls tmp)" = "$left" ] && [ -z "$(ls elsewhere)" ]
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
	# A code that says more, even if it comes later.
	conf 'PGCDC_STAGES=./late | cat'
	echo 'exec >&-; cat >/dev/null; exit 111' | script ./late
	pipeline --once
	cat err
	[ "$code" -eq 111 ]
	tail -n 1 err | grep -qF '"./late" ended with exit code 111'
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
	# The reader can be seen first, whose output was closed by that.
	[ "$(grep -c '^pgcdc-run: warning: ".*" ended with exit code 111; the line is started again in 0\.[0-9]* s$' err)" -eq 4 ]
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
	tail -n 1 err | is 'pgcdc-run: info: ended before the line was started again'
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
	# The sink behind it, which has waited for its end, is killed as well.
	grep -qE '"(./stuck|pgcdc-file)" was killed by signal 9' err
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

@test "the start of each run, where the stream begins and a clean end are said, and nothing else" {
	conf 'PGCDC_STAGES="./pass an argument | cat"' PGCDC_SINKS=file:one,file,file:two \
		PGCDC_FILE_ONE_PATH=one PGCDC_FILE_TWO_PATH=two
	echo 'echo >>starts; [ "$(wc -l <starts)" -gt 1 ] || exit 111; exec cat' | script ./pass
	insert 1 3
	start
	wait_until 20 'has_ids 3'
	stop_bg RUN
	[ "$bg_status" -eq 0 ]
	local begins='starting pgcdc-read | ./pass | cat | pgcdc-file (one), pgcdc-file, pgcdc-file (two)'
	grep '^pgcdc-run' err | sed 's/again in 0\.[0-9]* s$/again/' | is "pgcdc-run: info: $begins
pgcdc-run: warning: \"./pass\" ended with exit code 111; the line is started again
pgcdc-run: info: $begins
pgcdc-run: info: the line has ended, and all that it read is acknowledged"
	conf
	rm -f out state
	insert 4 4
	pipeline --drain
	is "pgcdc-run: info: starting pgcdc-read | pgcdc-file
pgcdc-read: info: streaming slot \"$PGDATABASE\" from $(jq -r 'select(.action == "H").start' out), publication \"p\"
pgcdc-run: info: the line has ended, and all that it read is acknowledged" <err
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
