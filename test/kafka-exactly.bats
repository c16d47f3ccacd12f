#!/usr/bin/env bats
# pgcdc-kafka produce --transactional-id: each source transaction once, whole, and in order.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load kafka
load produce

setup_file() { kafka_start; }
teardown_file() { kafka_stop; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	T=t$BATS_TEST_NUMBER
	topic create "$T" 3
	H='{"action":"H","format":1,"system_identifier":"7","start":"0/10"}'
}
teardown() { kill_started; }

# once [OPTION]...: an exactly-once run, into the test's topic.
once() { produce -t "$T" --transactional-id="$T" "$@"; }

# committed [TOPIC] [kcat's options]: what is committed; all: with what is not.
committed() { consume "${1-$T}" -q -X isolation.level=read_committed "${@:2}"; }
all() { consume "$1" -q -X isolation.level=read_uncommitted; }

in_order() { committed | ids | sort -n | paste -sd ' '; }

@test "transactions are there whole, with their position, and are acknowledged" {
	live -t "$T" --transactional-id="$T"
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	[ "$(in_order)" = "1 2" ]
	committed "pgcdc-position-$T" -f '%k %s\n' |
		is "$T {\"format\":1,\"system_identifier\":\"7\",\"epoch\":0,\"position\":\"0/1FF\"}"
	# One that has begun is not to be seen.
	tx 2 "$(rows 3 2000)" >second
	head -n 1500 second >&6
	wait_until 10 '[ "$(all "$T" | wc -l)" -gt 100 ]'
	[ "$(in_order)" = "1 2" ]
	tail -n +1501 second >&6
	acked 0/2FF
	[ "$(committed | wc -l)" -eq 2000 ]
	finish
	grep "made topic \"pgcdc-position-$T\"" err
}

@test "what is there already is passed over, by whole transactions" {
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$(rows 3 4)"; } >lines
	once <lines
	# A restart with the same, and something new.
	{ cat lines && tx 3 "$(rows 5 6)"; } | once 2>err
	grep "transactional id \"$T\" has written to 0/2FF" err
	[ "$(in_order)" = "1 2 3 4 5 6" ]
	# Rows of a long transaction lie below commits that came before: only its commit counts.
	{ cat lines && tx 3 "$(rows 5 6)" && tx 4 "$(rows 7 7 | sed 's|0/200|0/11|')"; } | once
	[ "$(in_order)" = "1 2 3 4 5 6 7" ]
}

@test "a commit may begin where the one before has ended" {
	local b='{"action":"B","lsn":"0/1FF","xid":6}'
	local c='{"action":"C","lsn":"0/1FF","xid":6,"prev":"0/1FF","ack":"0/240"}'
	{ echo "$H" && tx 1 "$(rows 1 1)"; } >lines
	once <lines
	{ cat lines && echo "$b" && rows 2 2 && echo "$c"; } >further
	once <further
	once <further
	[ "$(in_order)" = "1 2" ]
}

@test "transactions without rows are acknowledged, too" {
	live -t "$T" --transactional-id="$T"
	{ echo "$H" && tx 1; } >&6
	acked 0/1FF
	{ tx 2 "$(rows 1 1)" && tx 3; } >&6
	acked 0/3FF
	finish
	[ "$(in_order)" = "1" ]
}

@test "input that ends inside a transaction leaves nothing behind" {
	local code=0
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$(rows 3 4)" | head -n 2; } | once 2>err || code=$?
	[ "$code" -eq 111 ]
	grep 'the input ends inside a transaction' err
	# Neither does what others write behind it have to wait for the broker's patience.
	echo '{"action":"I","columns":[{"value":9}]}' | through plaintext -P -t "$T"
	wait_until 10 '[ "$(in_order)" = "1 2 9" ] || [ "$(in_order)" = 9 ]'
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$(rows 3 4)"; } | once
	[ "$(in_order)" = "1 2 3 4 9" ]
}

@test "a second producer with the id fences the first one, which stops" {
	live -t "$T" --transactional-id="$T"
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	tx 2 "$(rows 3 4)" | head -n 2 >&6
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$(rows 3 4)"; } | once
	tx 2 "$(rows 3 4)" | tail -n 2 >&6
	end_bg PRODUCER 20
	echo "$bg_status: $(<err)"
	[ "$bg_status" -eq 100 ]
	grep 'another producer has taken over --transactional-id' err
	run ! read -r -t 0.1 -u 5
	[ "$(in_order)" = "1 2 3 4" ]
}

# dribble: rows of a transaction that has no end.
dribble() {
	local i
	for ((i = 3;; i++)); do
		rows $i $i >&6 || return
		sleep 0.1
	done
}

@test "a transaction that takes too long ends the run, with its name and size" {
	live -t "$T" --transactional-id="$T" --transaction-timeout=2s
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	tx 2 | head -n 1 >&6
	start_bg DRIBBLE dribble
	end_bg PRODUCER 20
	echo "$bg_status: $(<err)"
	[ "$bg_status" -eq 100 ]
	stop_bg DRIBBLE
	grep 'transaction 5, of [0-9]* rows and [0-9]* bytes so far, takes longer' err
	[ "$(in_order)" = "1 2" ]
}

# held_up: PRODUCER ends so that it can be started again, and has not burnt its time meanwhile.
held_up() {
	local ticks=0 more
	while running "$PRODUCER"; do
		more=$(awk '{ print $14 + $15 }' "/proc/$PRODUCER/stat") && ticks=$more
		sleep 0.05
	done
	end_bg PRODUCER 20
	echo "exit code $bg_status after $ticks ticks: $(<err)"
	[ "$bg_status" -eq 111 ]
	grep 'transaction 5, of 2 rows and [0-9]* bytes so far, was held up for [0-9]* s, and' err
	[ "$ticks" -lt 50 ]
}

@test "a transaction that is held up can be tried again" {
	live -t "$T" --transactional-id="$T" --transaction-timeout=4s
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	tx 2 "$(rows 3 4)" >second
	# By a stage before, which does not go on.
	head -n 3 second >&6
	held_up
	exec 5>&- 6>&-
	# By a broker that is away.
	live -t "$T" --transactional-id="$T" --transaction-timeout=4s
	{ echo "$H" && tx 1 && head -n 2 second; } >&6
	wait_until 10 '[ "$(all "$T" | ids | grep -cx 3)" -eq 2 ]'
	kill -STOP "$(kafka pid "$KAFKADIR")"
	sed -n 3p second >&6
	held_up
	exec 5>&- 6>&-
	kill -CONT "$(kafka pid "$KAFKADIR")"
	{ echo "$H" && tx 1 && cat second; } | once
	[ "$(in_order)" = "1 2 3 4" ]
}

@test "with --split-large it is committed in parts, and goes on behind them after a crash" {
	tx 2 "$(rows 3 40 | awk '{ sub(/"schema"/, "\"seq\":" NR - 1 ",&"); print }')" >second
	live -t "$T" --transactional-id="$T" --transaction-timeout=2s --split-large
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	head -n 21 second >&6
	wait_until 10 'grep "transaction 5 is split after 20 rows" err'
	position='{"format":1,"system_identifier":"7","epoch":0,"position":"0/1FF","split":{"lsn":"0/2F0","seq":19}}'
	wait_until 10 '[ "$(committed "pgcdc-position-$T" -f "%s\n" | tail -n 1)" = "$position" ]'
	kill -9 "$PRODUCER"
	end_bg PRODUCER || true
	exec 6>&-
	# What was split must come back.
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 | sed 's/2F0/2F8/'; } >other
	refuses 100 'the transaction whose commit begins at 0/2F0 was split, and its rest is missing' \
		-q -t "$T" --transactional-id="$T" <other
	{ echo "$H" && tx 1 "$(rows 1 2)" && cat second && tx 3 "$(rows 41 41)"; } >whole
	once <whole
	[ "$(in_order)" = "$(seq -s ' ' 1 41)" ]
	once <whole
	[ "$(in_order)" = "$(seq -s ' ' 1 41)" ]
}

@test "a transaction that was split behind its last row is complete with its commit" {
	tx 2 "$(rows 3 22 | awk '{ sub(/"schema"/, "\"seq\":" NR - 1 ",&"); print }')" >second
	live -t "$T" --transactional-id="$T" --transaction-timeout=2s --split-large
	{ echo "$H" && tx 1 "$(rows 1 2)" && head -n 21 second; } >&6
	wait_until 10 'grep "transaction 5 is split after 20 rows" err'
	tail -n 1 second >&6
	acked 0/2FF
	committed "pgcdc-position-$T" -f '%s\n' | tail -n 1 |
		is '{"format":1,"system_identifier":"7","epoch":0,"position":"0/2FF"}'
	finish
	{ echo "${H/0\/10/0\/2FF}" && tx 3 "$(rows 23 23)" | sed 's|"prev":"[^"]*"|"prev":"0/2FF"|'; } | once
	[ "$(in_order)" = "$(seq -s ' ' 1 23)" ]
}

@test "small transactions share one of Kafka, but not until its time is over" {
	topic create plenty
	perl -e '
		$prev = "0/10";
		print qq({"action":"H","format":1,"system_identifier":"7","start":"$prev"}\n);
		for ($n = 1; $n <= 500000; $n++) {
			$at = sprintf "0/%X", 256 * $n;
			$ack = sprintf "0/%X", 256 * $n + 255;
			print qq({"action":"B","lsn":"$at","xid":5}\n);
			print qq({"action":"I","lsn":"$at","schema":"public","table":"t","columns":[]}\n);
			print qq({"action":"C","lsn":"$at","xid":5,"prev":"$prev","ack":"$ack"}\n);
			$prev = $ack;
		}' >lines
	produce -q -t plenty --transactional-id="$T" --transaction-timeout=1s --transaction-interval=2s <lines
}

@test "a message that is refused for good ends the run for good" {
	local row
	row=$(rows 1 1 "$(printf 'x%.0s' {1..6000})")
	topic create "$T.narrow" 1 max.message.bytes=2000
	{ echo "$H" && tx 1 "$row"; } | refuses 100 \
		"topic \"$T.narrow\" does not take the change of table \"public.t\" at 0/200" \
		-q -t "$T.narrow" --transactional-id="$T" --batch-bytes=1000 -z none
	topic create "$T.compact" 1 cleanup.policy=compact
	{ echo "$H" && tx 1 "$(rows 1 1)"; } | refuses 100 \
		"topic \"$T.compact\" does not take the change of table \"public.t\" at 0/200" \
		-q -t "$T.compact" --transactional-id="$T" --key=none
}

@test "a position of another cluster is refused, until the epoch is raised" {
	{ echo "$H" && tx 1 "$(rows 1 2)"; } | once
	{ echo "${H/7/8}" && tx 1 "$(rows 3 4)"; } >other
	refuses 100 "has a position of cluster 7 and epoch 0, and the stream is of 8; give --epoch=1" \
		-q -t "$T" --transactional-id="$T" <other
	once --epoch=1 <other
	once --epoch=1 <other
	[ "$(in_order)" = "1 2 3 4" ]
	committed "$T" -f '%h\n' | sort -u | is "system_identifier=7,commit_lsn=0/1F0
system_identifier=8,epoch=1,commit_lsn=0/1F0"
	refuses 100 "give --epoch=2" -q -t "$T" --transactional-id="$T" < <(
		echo "$H" && tx 1 "$(rows 1 2)"
	)
}

@test "the position is found behind many others, and theirs that are open are waited for" {
	topic create positions 1 cleanup.policy=compact
	{ echo "$H" && tx 1 "$(rows 1 2)"; } | once --position-topic=positions
	for i in $(seq 3000); do echo "other:$i"; done | through plaintext -P -t positions -K:
	# Another's transaction is open there.
	mkfifo hold
	# shellcheck disable=SC2317 # start_bg calls it
	run_it() { exec pgcdc-kafka produce -b "$KAFKA" -t positions --transactional-id=other <hold; }
	start_bg OTHER run_it
	exec 7>hold
	{ echo "$H" && tx 1 "$(rows 9 9)" | head -n 2; } >&7
	wait_until 20 '[[ $(all positions | tail -n 1) == *:9,* ]]'
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$(rows 3 3)"; } >lines
	run_it() { once --position-topic=positions <lines 2>err 7>&-; }
	start_bg PRODUCER run_it
	wait_until 20 'grep "waiting for transactions of others that are open in topic \"positions\"" err'
	tx 1 | tail -n 1 >&7
	exec 7>&-
	end_bg OTHER 20
	end_bg PRODUCER 20
	[ "$bg_status" -eq 0 ]
	grep 'has written to 0/1FF' err
	[ "$(in_order)" = "1 2 3" ]
}

@test "what cannot be exactly once is refused" {
	wrong() { refuses 100 "$1" -q -t "$T" "${@:2}"; }
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >lines
	wrong 'need --transactional-id' --split-large <lines
	wrong 'need --transactional-id' --position-topic=x <lines
	wrong 'transactional id "a b" has characters that the name of a topic cannot have' --transactional-id='a b' <lines
	wrong 'may not be a template' --transactional-id=x --position-topic='%{table}' <lines
	wrong 'is not for --transactional-id' --transactional-id=x --oversize=dead-letter \
		--dead-letter=d <lines
	wrong 'use --transaction-timeout' -X transaction.timeout.ms=1000 <lines
	wrong '--transaction-timeout is longer than the brokers allow' --transactional-id=x \
		--transaction-timeout=10h <lines
	topic create brief 1 cleanup.policy=delete
	wrong 'has cleanup.policy "delete", and positions must be kept' --transactional-id=x \
		--position-topic=brief <lines
	wrong 'has no LSN as "start"; leave it out, rows of pgcdc-dump are sent at least once' --transactional-id=x <<<"${H/0\/10/run-1}"
	wrong 'needs an LSN as "ack"' --transactional-id=x < <(grep -v '"B"' lines | sed 's/,"prev.*/}/' | grep -v '"I"')
	wrong 'needs a line of action "B"' --transactional-id=x < <(grep -v '"B"' lines)
	echo x:garbage | through plaintext -P -t pgcdc-position-x -K:
	wrong 'has at offset' --transactional-id=x <lines
	[ -z "$(committed)" ]
}

@test "the demo with Kafka ends with its proof" {
	run -0 timeout 100 "$PGCDC_TEST_ROOT/test/demo-kafka" 3>&-
	echo "$output"
	[[ ${lines[-1]} == *"in part"*" equal" ]]
}

# Exactly once takes several clients.  To us this way of writing the address is that of anybody.
@test "that the connection is not encrypted is said once" {
	{ echo "$H" && tx 1 "$(rows 1 2)"; } | KAFKA=${KAFKA/127.0.0.1/127.1} once --insecure 2>err
	cat err
	grep -c 'warning: the connection to broker "127.1" is not encrypted; use --tls' err | is 1
	[ "$(in_order)" = "1 2" ]
}
