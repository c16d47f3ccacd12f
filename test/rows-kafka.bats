#!/usr/bin/env bats
# What goes wrong in change data capture, with Kafka behind it: the rows of that list that are about
# a broker.  pgcdc-read | pgcdc-translate | pgcdc-kafka produce, from a real server to a real broker.
# shellcheck disable=SC2016,SC2154

load rows
load kafka
load produce

setup_file() {
	pg_start
	kafka_start --conf 'transaction.max.timeout.ms = 60000'
}
teardown_file() {
	kafka_stop
	pg_stop
}

# make_source: the table, its publication and slot, and the schema log.
make_source() {
	sql "CREATE TABLE t (id bigint PRIMARY KEY, v text)"
	pgcdc init -S "$PGDATABASE" --publication=p >/dev/null
}

# to_kafka TOPIC [OPTION]...: LINE, a line that goes on until it is told to end; its sink leaves
# its process in sink.pid and its exit code in sink.code.
to_kafka() {
	rm -f sink.code
	: >err
	line() {
		pgcdc-read -S "$PGDATABASE" --publication=p --ack=ack -s 20ms 2>>err |
			pgcdc-translate --exclude-schemas=pgcdc 2>>err | kafka_sink "$@"
	}
	kafka_sink() {
		pgcdc-kafka produce -b "$KAFKA" -t "$@" --ack=ack 2>>err <&0 &
		echo $! >sink.pid
		wait $! && code=0 || code=$?
		echo "$code" >sink.code
	}
	start_bg LINE line "$@"
}
# ends CODE: the sink, and then the rest of the line.
ends() {
	wait_until 30 '[ -s sink.code ]'
	echo "exit code $(<sink.code): $(tail -n 3 err)"
	[ "$(<sink.code)" = "$1" ]
	end_reader
}
end_reader() {
	pkill -TERM -P "$LINE" -x pgcdc-read || true
	end_bg LINE 20 || true
}
# end_line: when all is confirmed that was committed.
end_line() {
	catch_up 60
	end_reader
	[ "$(<sink.code)" = 0 ]
}
# committed TOPIC [kcat's options]
committed() { consume "$1" -q -X isolation.level=read_committed "${@:2}"; }
# Of rows of the table, those of the schema log left out.
ids() { jq -r 'select(.table == "t") | .columns[0].value // .identity[0].value'; }

@test "row 21: keys are where the Java client puts them, and in order over a broker that dies" {
	make_source
	topic create t21 7
	to_kafka t21 --key=identity
	for v in 1 2 3 4; do
		sql "INSERT INTO t SELECT g, '$v' FROM generate_series(1, 10000) g
			ON CONFLICT (id) DO UPDATE SET v = '$v'"
		[ $v -ne 2 ] || { kafka stop "$KAFKADIR" immediate && kafka start "$KAFKADIR" >/dev/null; }
	done
	end_line
	committed t21 -f '%k %p %s\n' | grep '^{' >got
	[ "$(wc -l <got)" -ge 40000 ]
	awk '{ print $1 }' got | sort -u >keys
	[ "$(wc -l <keys)" -eq 10000 ]
	# shellcheck disable=SC2094 # "partitions" is what it does, too
	kafka partitions 7 <keys >partitions
	paste -d ' ' keys partitions | sort >want
	awk '{ print $1, $2 }' got | sort -u | diff - want | head
	# Of each key the versions 1 2 3 4, in this order.
	sed 's/^\([^ ]*\) .*"name":"v","type":"text","value":"\([0-9]\)".*/\1 \2/' got |
		awk '{ all[$1] = all[$1] $2 } END { for (k in all) print all[k] }' | sort | uniq -c | is '  10000 1234'
}

@test "row 22: a row of 2 MB for a topic that takes 1 MB stops the line, and is not confirmed" {
	local before
	make_source
	topic create t22 1 max.message.bytes=1000000
	to_kafka t22
	sql "INSERT INTO t VALUES (1, 'small')"
	catch_up
	before=$(behind_row 2)
	sql "INSERT INTO t SELECT 3, string_agg(md5(g::text), '') FROM generate_series(1, 62500) g"
	sql "INSERT INTO t VALUES (4, 'behind')"
	ends 100
	grep 'topic "t22" does not take the change of table "public.t" at .*, 200[0-9]* bytes.*; raise the topic' err
	[ "$(of_slot "confirmed_flush_lsn > '$before'")" = t ]
	committed t22 | ids | is "1
2"
	# With a larger limit it goes on, and nothing is missing.
	topic config t22 max.message.bytes=3000000
	to_kafka t22
	end_line
	committed t22 | ids | sort -nu | paste -sd ' ' | is "1 2 3 4"
}

@test "row 23: a broker that is away costs bounded memory, and the line goes on by itself" {
	local size
	make_source
	topic create t23 3
	to_kafka t23 --queue-bytes=8MiB --key=identity
	sql "INSERT INTO t VALUES (0, 'first')"
	catch_up
	kill -STOP "$(kafka pid "$KAFKADIR")"
	sql "INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 100000) g"
	sleep 5 # while it fills up
	size=$(awk '/VmRSS/ { print $2 }' "/proc/$(<sink.pid)/status")
	echo "$size KiB"
	[ "$size" -lt $(((8 + 16) * 1024)) ]
	running "$LINE"
	kill -CONT "$(kafka pid "$KAFKADIR")"
	kafka stop "$KAFKADIR" immediate
	wait_until 30 'grep "warning: waiting for Kafka: " err'
	kafka start "$KAFKADIR" >/dev/null
	end_line
	[ "$(grep -c 'waiting for Kafka' err)" -le 2 ]
	committed t23 | ids | sort -n | uniq -c | awk '{ print $1 }' | sort | uniq -c | is ' 100001 1'
}

@test "row 24: of two producers with one transactional id the older one stops, and loses nothing" {
	make_source
	topic create t24 1
	to_kafka t24 --transactional-id=t24
	one_by_one 1 5 "'one'"
	catch_up
	echo '{"action":"H","format":1,"system_identifier":"7","start":"0/10"}' >other
	run -100 pgcdc-kafka produce -b "$KAFKA" -t t24 --transactional-id=t24 <other
	[[ $output == *"has a position of cluster "*" and epoch 0, and the stream is of 7"* ]]
	sql "INSERT INTO t VALUES (6, 'fenced')"
	ends 100
	grep 'another producer has taken over --transactional-id' err
	to_kafka t24 --transactional-id=t24
	end_line
	committed t24 | ids | is "$(seq 1 6)"
}

@test "row 28: a line that is no event stops the sink, and nothing behind it is confirmed" {
	make_source
	topic create t28 1
	sql "INSERT INTO t VALUES (1, 'good')"
	pgcdc-read -q -S "$PGDATABASE" --publication=p --drain | pgcdc-translate --exclude-schemas=pgcdc >lines
	sed '/"id","type":"bigint","value":1,/{p;s/"value":1,/"value":2/}' lines >poisoned
	run -100 pgcdc-kafka produce -b "$KAFKA" -t t28 <poisoned
	[[ $output == *"is no event line: "*" at byte "*"; nothing more is acknowledged"* ]]
}

@test "row 32: exactly once over a long transaction that lies around many short ones" {
	make_source
	topic create t32 1
	to_kafka t32 --transactional-id=t32
	session LONG
	say LONG "BEGIN; INSERT INTO t SELECT -g, 'long' FROM generate_series(1, 1000) g;"
	one_by_one 1 50 "'short'"
	catch_up
	say LONG "INSERT INTO t SELECT -g, 'long' FROM generate_series(1001, 2000) g; COMMIT;"
	one_by_one 51 60 "'behind'"
	kill -KILL "$(<sink.pid)"
	ends 137
	to_kafka t32 --transactional-id=t32
	end_line
	committed t32 | ids >got
	{ seq 1 50 && seq -1 -1 -2000 && seq 51 60; } | diff - got | head
}

@test "row 40: a transaction that Kafka's would time out on ends with 100, and can be split" {
	make_source
	topic create t40 1
	sql "INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 300000) g"
	to_kafka t40 --transactional-id=t40 --transaction-timeout=1s
	ends 100
	grep 'transaction [0-9]*, of [0-9]* rows and [0-9]* bytes so far, takes longer than .*; raise' err
	[ -z "$(committed t40 | ids)" ]
	to_kafka t40 --transactional-id=t40 --transaction-timeout=1s --split-large
	end_line
	grep 'is split after' err
	committed t40 | ids | diff - <(seq 1 300000) | head
}
