#!/usr/bin/env bats
# pgcdc run with Kafka at an end: a real server and a real broker.
# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# bg_status is set by stop_bg

load pipeline
load kafka

setup_file() {
	pg_start
	kafka_start
}

teardown_file() {
	pg_stop
	kafka_stop
}

setup() {
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
	sql "CREATE TABLE t (id bigint PRIMARY KEY)"
	pgcdc init -S "$PGDATABASE" --publication=p >init.out
	TOPIC=$PGDATABASE
	to_kafka
}

# to_kafka [LINE]...: c.env with Kafka as the sink; the rest as conf.
to_kafka() {
	conf PGCDC_STAGES=translate PGCDC_SINKS=kafka "PGCDC_KAFKA_PRODUCE_BROKERS=$KAFKA" \
		"PGCDC_KAFKA_PRODUCE_TOPIC=$TOPIC" "$@"
}

# ids TOPIC: of the rows of t in a topic.
ids() { consume "$1" | jq -r 'select(.table == "t").columns[0].value'; }

# has_ids N TOPIC: 1 to N, each at least once.
has_ids() { [ "$(ids "$2" | sort -nu)" = "$(seq "$1")" ]; }

# confirmed: the slot has nothing that was not confirmed.
confirmed() { [ "$(pgcdc-read -q --drain -S "$PGDATABASE" --publication=p | wc -l)" -eq 1 ]; }

@test "what is in the slot goes to the topic, and is confirmed" {
	topic create "$TOPIC" 2
	insert 1 5
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	only
	grep 'starting pgcdc-read | pgcdc-translate | pgcdc-kafka produce$' err
	[ "$(ids "$TOPIC")" = "$(seq 5)" ]
	# What translate adds, and the definition before the rows.
	consume "$TOPIC" | jq -e 'select(.table == "t").metadata.identity_ids | length == 1'
	[ "$(consume "$TOPIC" -o beginning | jq -r .table | grep -n -m 1 '^t$')" != 1:t ]
	confirmed
	[ "$(jq -r .slot state)" = "$PGDATABASE" ]
	pipeline --drain
	[ "$(ids "$TOPIC")" = "$(seq 5)" ]
}

@test "the rows that are there go to the topic before the changes, at least once" {
	topic create "$TOPIC"
	sql "SELECT pg_drop_replication_slot('$PGDATABASE')"
	insert 1 5
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >slot.made
	to_kafka PGCDC_SNAPSHOT=initial
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	insert 6 7
	pipeline --drain
	[ "$code" -eq 0 ]
	consume "$TOPIC" | jq -r 'select(.table == "t") | .action + "\(.columns[0].value)"' | xargs |
		is 'R1 R2 R3 R4 R5 I6 I7'
	to_kafka PGCDC_KAFKA_PRODUCE_TRANSACTIONAL_ID=once
	insert 8 8
	pipeline --drain
	[ "$code" -eq 0 ]
	[ "$(ids "$TOPIC")" = "$(seq 8)" ]
}

@test "stages that are killed, and a broker, under load: nothing is lost" {
	local kind
	topic create "$TOPIC"
	start
	start_load
	for kind in pgcdc-kafka pgcdc-translate pgcdc-read pgcdc-kafka; do
		wait_until 20 'stages 3'
		kill -KILL "$(stage "$kind")"
		wait_until 20 "grep -c 'was killed by signal 9; the line is started again' err | grep -x $((++n))"
	done
	grep '"pgcdc-kafka produce" was killed by signal 9' err
	kafka stop "$KAFKADIR" immediate
	kafka start "$KAFKADIR" >address
	end_load
	wait_until 20 'has_ids "$N" "$TOPIC"'
	stop_bg RUN
	cat err
	[ "$bg_status" -eq 0 ]
	grep 'all that it read is acknowledged' err
	confirmed
}

@test "SIGTERM ends it cleanly, and the next run goes on" {
	local run
	topic create "$TOPIC"
	for run in 1 2; do
		rm -f load.stop
		start
		wait_until 20 'stages 3'
		insert "$run" "$run"
		wait_until 20 'has_ids "$run" "$TOPIC"'
		stop_bg RUN
		cat err
		[ "$bg_status" -eq 0 ]
	done
	[ "$(ids "$TOPIC" | xargs)" = "1 2" ]
	confirmed
}

@test "without a broker it waits, and SIGTERM ends it" {
	to_kafka PGCDC_KAFKA_PRODUCE_BROKERS=127.0.0.1:1 PGCDC_SHUTDOWN_TIMEOUT=5s
	start
	wait_until 20 'grep "pgcdc-kafka: warning: waiting for Kafka" err'
	insert 1 1
	stop_bg RUN
	cat err
	[ "$bg_status" -eq 111 ]
	absent -e 'was killed' err
}

@test "a topic that is missing ends it for good, and is named" {
	pipeline
	cat err
	[ "$code" -eq 100 ]
	grep "pgcdc-kafka: error: topic \"$TOPIC\" does not exist" err
	grep '"pgcdc-kafka produce" ended with exit code 100; the line is not started again' err
}

@test "several sinks: each has its keys, and is waited for under its name" {
	topic create "$TOPIC"
	topic create "$TOPIC.two"
	to_kafka PGCDC_SINKS=kafka,kafka:two,file "PGCDC_KAFKA_PRODUCE_TWO_TOPIC=$TOPIC.two" \
		PGCDC_KAFKA_PRODUCE_TWO_HEADERS=none PGCDC_KAFKA_PRODUCE_KEY=table
	insert 1 3
	pipeline --drain
	cat err
	[ "$code" -eq 0 ]
	grep 'starting pgcdc-read | pgcdc-translate | pgcdc-kafka produce, pgcdc-kafka produce (two), pgcdc-file$' err
	[ "$(ids "$TOPIC")" = "$(seq 3)" ] && [ "$(ids "$TOPIC.two")" = "$(seq 3)" ]
	[ "$(jq -r 'select(.table == "t").columns[0].value' out)" = "$(seq 3)" ]
	consume "$TOPIC" -f '%k|%h\n' | tail -n 1 | grep -E '^public\.t\|system_identifier=[0-9]+,commit_lsn='
	[ "$(consume "$TOPIC.two" -f '%k|%h\n' | tail -n 1)" = 'public.t|' ]
	pgcdc run -c c.env --print | grep -o -e '--wait-for=[^ ]*' -e "--ack-name=[a-z]*" | sort -u |
		is $'--ack-name=file\n--ack-name=kafka\n--ack-name=two\n--wait-for=kafka,two,file'
	# One that does not acknowledge holds them all.
	to_kafka PGCDC_SINKS=file,kafka PGCDC_KAFKA_PRODUCE_BROKERS=127.0.0.1:1 \
		PGCDC_READ_SHUTDOWN_TIMEOUT=1s PGCDC_SHUTDOWN_TIMEOUT=2s
	insert 4 4
	pipeline --drain
	cat err
	[ "$code" -eq 111 ]
	run ! confirmed
}

# refuses TEXT [LINE]...: code 100 and one line, at once, with these lines in the file.
refuses() {
	conf "${@:2}"
	pipeline
	echo "code $code, wanted: $1"
	cat err
	[ "$code" -eq 100 ] && [ "$(lines err)" -eq 1 ]
	[[ $(<err) == "pgcdc-run: error: "*"$1"* ]]
}

@test "keys that are not the program's are refused, and what joins the programs" {
	refuses 'unknown key "PGCDC_KAFKA_PRODUCE_TOPC" in file "c.env" line 10; see "pgcdc-kafka produce --help"' \
		PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_TOPC=x
	# It is of no half.
	refuses 'unknown key "PGCDC_KAFKA_BROKERS" in file "c.env" line 10; see pgcdc.conf(5)' \
		PGCDC_SINKS=kafka PGCDC_KAFKA_BROKERS=x
	refuses 'unknown key "PGCDC_KAFKA_PRODUCE_HELP"' PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_HELP=1
	refuses 'unknown key "PGCDC_KAFKA_PRODUCE_CHECK"' PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_CHECK=1
	refuses 'unknown key "PGCDC_KAFKA_PRODUCE_TWO_TOPIC"' PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_TWO_TOPIC=x
	refuses '"PGCDC_KAFKA_PRODUCE_ACK" is set in file "c.env" line 10, but what joins the programs' \
		PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_ACK=x
	refuses '"PGCDC_KAFKA_PRODUCE_ACK_NAME" is set' PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_ACK_NAME=x
	refuses 'two sinks are called "kafka" in PGCDC_SINKS in file "c.env" line 9; give them names, as in "kafka:one,kafka:two"' \
		PGCDC_SINKS=kafka,kafka
	refuses '"PGCDC_STATE" is set in file "c.env" line 5, but source "kafka" keeps no state file; remove it' \
		PGCDC_SINKS=kafka PGCDC_SOURCE=kafka
	# A password belongs in a file; one that is here is nobody else's to read.
	conf PGCDC_SINKS=kafka PGCDC_KAFKA_PRODUCE_PROPERTY=sasl.password=geheim
	chmod 644 c.env
	pipeline
	grep 'everybody may read file "c.env", which holds a secret' err
	absent geheim err
	chmod 600 c.env
	pgcdc run -c c.env --print >line
	absent geheim line
}

@test "each option of pgcdc-kafka may stand in the file" {
	sed -n 's/^\.Pq Ev \(PGCDC_KAFKA_PRODUCE_[A-Z_]*\)$/\1=1/p' "$PGCDC_TEST_ROOT/man/pgcdc-kafka.1" |
		grep -vE '_(BROKERS|TOPIC|ACK|ACK_NAME|CHECK|JSON)=' >>c.env
	[ "$(lines c.env)" -gt 35 ]
	pipeline --print
	cat err
	[ "$code" -eq 0 ] && [ ! -s err ]
}

# --- pgcdc check -c

# check [OPTION]...: of c.env; what it prints is in out, its exit code in code.
check() {
	code=0
	timeout -k 5 60 pgcdc check -c c.env "$@" >out 2>err 3>&- 4>&- || code=$?
	echo "check $*: $code"
	cat out err
}

@test "check -c: the database's end and Kafka's" {
	topic create "$TOPIC"
	check
	[ "$code" -eq 0 ] && [ ! -s err ]
	grep -x "ok   slot \"$PGDATABASE\" is a logical slot of pgoutput" out
	grep -x 'ok   publication "p" publishes 1 table' out
	grep -A 1 -x "ok   the cluster of \"$KAFKA\" has 1 broker" out | tail -n 1 |
		is "ok   topic \"$TOPIC\" has 1 partition"
	[ ! -e runtime ] && [ ! -e state ]
	# As one array.
	check --json
	[ "$code" -eq 0 ]
	[ "$(jq -r '.[].name' out | grep -x -e wal_level -e slot -e message_size | xargs)" = 'wal_level slot message_size' ]
	jq -e 'all(.[]; has("status") and has("message") and has("remedy"))' out
	check -q
	[ "$code" -eq 0 ] && [ ! -s out ]
	check -q --json
	[ "$(<out)" = '[]' ]
	PGCDC_CONFIG=c.env pgcdc check | grep "may write to topic \"$TOPIC\""
	pgcdc run -c c.env --check | grep "may write to topic \"$TOPIC\""
}

@test "check -c: what is bad at either end, and the worst exit code" {
	check -q
	[ "$code" -eq 1 ] && [ ! -s err ]
	is "bad  topic \"$TOPIC\" does not exist; make it, or give --auto-create" <out
	topic create "$TOPIC" 1 max.message.bytes=2000
	to_kafka PGCDC_READ_SLOT=none PGCDC_SINKS=kafka,kafka:two,file "PGCDC_KAFKA_PRODUCE_TWO_TOPIC=$TOPIC.two"
	check -q
	[ "$code" -eq 1 ]
	sed 's/;.*//' out | is "bad  slot \"none\" does not exist
bad  topic \"$TOPIC\" takes batches of 2000 bytes, and --batch-bytes is 1000000
bad  topic \"$TOPIC.two\" does not exist"
	check -q --json
	[ "$(jq -r '.[].name' out | xargs)" = 'slot message_size topic' ]
	to_kafka PGCDC_READ_SLOT=none PGPORT=1 PGHOST=127.0.0.1
	PGPORT=1 check -q
	[ "$code" -eq 111 ]
	grep -c '^bad' out | is 1
	to_kafka PGCDC_KAFKA_PRODUCE_TOMBSTONES=1
	PGPORT=1 check
	[ "$code" -eq 100 ]
	grep 'pgcdc-kafka: error: --tombstones needs --key=identity' err
	to_kafka PGCDC_KAFKA_PRODUCE_TOPC=x
	check
	[ "$code" -eq 100 ] && [ ! -s out ]
	grep 'unknown key "PGCDC_KAFKA_PRODUCE_TOPC"' err
	expect 100 'options "--config" and "--slot" exclude each other' pgcdc check -c c.env -S x
}

# --- Kafka as the source

@test "Kafka at both ends: what is acknowledged at the one is committed at the other" {
	run=(timeout -k 5 60 pgcdc-run -c c.env)
	topic create "$TOPIC"
	topic create "$TOPIC.in" 2
	pgcdc-kafka produce -b "$KAFKA" -t "$TOPIC.in" --key=table <<-'END'
		{"action":"H","format":1,"system_identifier":"7","start":"0/10"}
		{"action":"I","lsn":"0/200","schema":"public","table":"t","columns":[{"name":"id","type":"bigint","value":1}],"metadata":{"identity_ids":[]}}
		{"action":"I","lsn":"0/300","schema":"public","table":"t","columns":[{"name":"id","type":"bigint","value":2}],"metadata":{"identity_ids":[]}}
		{"action":"C","prev":"0/10","ack":"0/400"}
	END
	sed -i '/_STATE=/d; /PGCDC_READ/d' c.env
	printf '%s\n' PGCDC_SOURCE=kafka PGCDC_KAFKA_CONSUME_GROUP="$TOPIC.g" PGCDC_TRANSLATE_STORE= \
		PGCDC_KAFKA_CONSUME_BROKERS="$KAFKA" PGCDC_KAFKA_CONSUME_TOPIC="$TOPIC.in" >>c.env
	STATE_DIRECTORY=/nowhere "${run[@]}" --drain 2>err
	cat err
	grep 'starting pgcdc-kafka consume | pgcdc-translate | pgcdc-kafka produce$' err
	[ "$(ids "$TOPIC" | xargs)" = "1 2" ]
	[ "$(group describe "$TOPIC.g" | awk '$1 ~ /in$/ { n += $3 } END { print n }')" = 2 ]
	"${run[@]}" --drain
	[ "$(ids "$TOPIC" | xargs)" = "1 2" ]
	echo PGCDC_KAFKA_PRODUCE_TRANSACTIONAL_ID=id >>c.env
	local text='"PGCDC_KAFKA_PRODUCE_TRANSACTIONAL_ID" is set in file "c.env" line 14, but needs the tokens of source "read", and the source is "kafka"; remove it'
	expect 100 "$text" "${run[@]}"
	expect 100 "$text" pgcdc check -c c.env
	echo PGCDC_KAFKA_CONSUME_GRUOP=g >>c.env
	expect 100 'unknown key "PGCDC_KAFKA_CONSUME_GRUOP" in file "c.env" line 15; see "pgcdc-kafka consume --help"' "${run[@]}"
}

@test "with --drain brokers that are away, as the source, end it after a while" {
	topic create "$TOPIC"
	sed -i '/_STATE=/d; /PGCDC_READ/d' c.env
	printf '%s\n' PGCDC_SOURCE=kafka PGCDC_KAFKA_CONSUME_GROUP=g PGCDC_TRANSLATE_STORE= \
		PGCDC_KAFKA_CONSUME_BROKERS=127.0.0.1:1 PGCDC_KAFKA_CONSUME_TOPIC=t >>c.env
	pipeline --drain
	cat err
	[ "$code" -eq 111 ]
	grep -qF 'pgcdc-kafka: error: no broker of "127.0.0.1:1" has answered within 30 s' err
	tail -n 1 err | grep -qF '"pgcdc-kafka consume" ended with exit code 111'
}
