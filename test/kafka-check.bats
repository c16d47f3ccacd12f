#!/usr/bin/env bats
# pgcdc-kafka produce --check: what it finds of brokers, topics and rights, of a broker that asks for
# rights; bob has none but those that a test gives him.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load kafka

setup_file() {
	kafka_start --conf 'authorizer.class.name = org.apache.kafka.metadata.authorizer.StandardAuthorizer' \
		--conf 'super.users = User:ANONYMOUS'
}
teardown_file() { kafka_stop; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	TOPIC=t$BATS_TEST_NUMBER
}

# check [OPTION]...: what it prints is in out, its exit code in code.
check() {
	code=0
	timeout -k 5 30 pgcdc-kafka produce --check -b "$KAFKA" "$@" >out 2>err 3>&- 4>&- || code=$?
	echo "$*: $code"
	cat out err
}

# as_bob [OPTION]...: the same with a password.
as_bob() {
	local KAFKA
	KAFKA=$(kafka address "$KAFKADIR" sasl_plaintext)
	echo bob-secret >password
	check --sasl-mechanism=PLAIN --sasl-username=bob --sasl-password-file=password "$@"
}

# finds CODE LINE [OPTION]...: the code, and a line among the others; each time until it knows of
# rights that were just given.
finds() {
	check "${@:3}"
	[ "$code" -eq "$1" ] && grep -Fx -- "$2" out
}
bob_finds() {
	as_bob "${@:3}"
	[ "$code" -eq "$1" ] && grep -Fx -- "$2" out
}

# Standard input is the text.
is() { diff -u <(printf '%s\n' "$1") -; }

@test "a topic that is ready, and nothing is written to it" {
	topic create "$TOPIC" 2
	check -t "$TOPIC"
	[ "$code" -eq 0 ] && [ ! -s err ]
	is "ok   the cluster of \"$KAFKA\" has 1 broker
ok   topic \"$TOPIC\" has 2 partitions
ok   topic \"$TOPIC\" takes batches of 1048588 bytes, and --batch-bytes is 1000000
ok   topic \"$TOPIC\" is not compacted
note topic \"$TOPIC\" has one replica: what is lost with its broker is lost; give it three
ok   our user may write to topic \"$TOPIC\"" <out
	topic describe "$TOPIC" | is $'0 0 0\n1 0 0'
	check -t "$TOPIC" -q
	[ "$code" -eq 0 ] && [ ! -s out ]
	check -t "$TOPIC" --json
	jq -r '.[] | "\(.name) \(.status) \(.remedy)"' out | is 'brokers ok null
topic ok null
message_size ok null
cleanup_policy ok null
replicas note give it three
write ok null'
	run -111 timeout 20 bash -c 'pgcdc-kafka produce --check -b "$KAFKA" -t "$0" >/dev/full' "$TOPIC"
	[[ $output == *'could not write to standard output: No space left on device' ]]
}

@test "a topic that is missing, or would be made" {
	finds 1 "bad  topic \"$TOPIC\" does not exist; make it, or give --auto-create" -t "$TOPIC"
	finds 0 "ok   topic \"$TOPIC\" is not there, and would be made" -t "$TOPIC" --auto-create
	finds 1 "bad  topic \"$TOPIC\" is not there, and could not be made: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered; change --partitions, --replication-factor or --topic-config" \
		-t "$TOPIC" --auto-create --replication-factor=3
	finds 1 "bad  topic \"$TOPIC\" takes batches of 1000 bytes, and --batch-bytes is 1000000; raise its max.message.bytes, or lower --batch-bytes" \
		-t "$TOPIC" --auto-create --topic-config=max.message.bytes=1000
	run ! topic describe "$TOPIC"
	topic create "$TOPIC" 2
	finds 1 "bad  topic \"$TOPIC\" has 2 partitions, not --partitions=3; give what it has, or leave the option out" \
		-t "$TOPIC" --auto-create --partitions=3
}

@test "what a topic is set to" {
	local config options status text
	topic create "$TOPIC"
	while IFS='|' read -r config options status text; do
		[ -z "$config" ] || topic config "$TOPIC" "$config"
		# shellcheck disable=SC2086
		check -t "$TOPIC" $options
		grep -E "^$status +topic \"$TOPIC\" $text" out
		[ "$code" -eq "$([ "$status" = bad ]; echo $((!$?)))" ]
	done <<-'END'
		max.message.bytes=5000||bad|takes batches of 5000 bytes, and --batch-bytes is 1000000; raise its max.message.bytes, or lower --batch-bytes
		|--batch-bytes=5000|ok|takes batches of 5000 bytes
		|-X batch.size=4999|ok|takes batches of 5000 bytes, and --batch-bytes is 4999
		max.message.bytes=1000000||ok|takes batches of 1000000 bytes, and --batch-bytes is 1000000
		|--key=identity --tombstones|note|is not compacted: its tombstones are of no use; set its cleanup.policy to compact
		cleanup.policy=compact||bad|is compacted: of each schema it keeps the last change only; give --key=identity
		|--key=table|bad|is compacted: of each table it keeps
		|--key=none|bad|is compacted, and takes no message without a key; give --key=identity
		|--key=identity|note|is compacted, and keeps the delete of each row that is gone; give --tombstones
		|--key=identity --tombstones|ok|is compacted, and rows that are gone get tombstones
		cleanup.policy=compact,delete|--key=identity --tombstones|ok|is compacted, and
		min.insync.replicas=2|--key=identity|bad|cannot be written to: it has 1 replica, and min.insync.replicas is 2; lower its min.insync.replicas
	END
	grep "^note whether our user may write to topic \"$TOPIC\" was not tried; look whether" out
	topic describe "$TOPIC" | is '0 0 0'
}

@test "exactly once: the topic of positions" {
	topic create "$TOPIC"
	finds 0 "ok   topic \"pgcdc-position-$TOPIC\" is not there, and would be made" \
		-t "$TOPIC" --transactional-id="$TOPIC"
	run ! topic describe "pgcdc-position-$TOPIC"
	topic create "$TOPIC.p" 1 cleanup.policy=delete
	finds 1 "bad  topic \"$TOPIC.p\" has cleanup.policy \"delete\", and positions must be kept; set it to \"compact\"" \
		-t "$TOPIC" --transactional-id="$TOPIC" --position-topic="$TOPIC.p"
	topic config "$TOPIC.p" cleanup.policy=compact
	finds 0 "ok   topic \"$TOPIC.p\" is compacted, and so keeps positions" \
		-t "$TOPIC" --transactional-id="$TOPIC" --position-topic="$TOPIC.p"
	topic describe "$TOPIC.p" | is '0 0 0'
}

@test "rights that are missing are named" {
	topic create "$TOPIC"
	topic create "$TOPIC.write"
	bob_finds 1 "bad  topic \"$TOPIC\" does not exist, or user \"bob\" may not see it; make it, or give user \"bob\" DESCRIBE and WRITE on it" -t "$TOPIC"
	bob_finds 1 "bad  topic \"$TOPIC.new\" does not exist, or user \"bob\" may not see it, and may not make it; make it, or give user \"bob\" CREATE and WRITE on it" -t "$TOPIC.new" --auto-create
	allow bob DESCRIBE topic "$TOPIC"
	wait_until 10 'bob_finds 0 "note cannot tell whether topic \"$TOPIC\" is set right, and may be written to: Broker: Topic authorization failed; give user \"bob\" DESCRIBE_CONFIGS on it to see" -t "$TOPIC"'
	allow bob DESCRIBE_CONFIGS topic "$TOPIC"
	wait_until 10 'bob_finds 1 "bad  user \"bob\" may not write to topic \"$TOPIC\", nor to any other; give user \"bob\" WRITE on it and, before Kafka 3.0, IDEMPOTENT_WRITE on the cluster" -t "$TOPIC"'
	allow bob WRITE topic "$TOPIC.write"
	wait_until 10 'bob_finds 1 "bad  user \"bob\" may not write to topic \"$TOPIC\"; give user \"bob\" WRITE on it" -t "$TOPIC"'
	allow bob WRITE topic "$TOPIC"
	wait_until 10 'bob_finds 0 "ok   user \"bob\" may write to topic \"$TOPIC\"" -t "$TOPIC"'
	allow bob CREATE topic "$TOPIC.new"
	wait_until 10 'bob_finds 0 "note cannot tell how topic \"$TOPIC.new\" would be set: Broker: Cluster authorization failed; give user \"bob\" DESCRIBE_CONFIGS on the cluster to see" -t "$TOPIC.new" --auto-create'
	# Made by somebody else, and not for us to see.
	topic create "$TOPIC.new"
	wait_until 10 'bob_finds 1 "bad  user \"bob\" may not see topic \"$TOPIC.new\"; give user \"bob\" DESCRIBE and WRITE on it" -t "$TOPIC.new" --auto-create'
	topic describe "$TOPIC" | is '0 0 0'
}

@test "a topic for each table: those that are there" {
	local i
	for i in a b; do topic create "$TOPIC.public.$i"; done
	topic create "$TOPIC.other"
	topic create "$TOPIC.small.c" 1 max.message.bytes=2000
	check -t "$TOPIC.%{schema}.%{table}"
	[ "$code" -eq 1 ]
	grep -c 'may write to topic' out | is 3
	grep -F "ok   3 topics are as \"$TOPIC.%{schema}.%{table}\"" out
	grep "^bad  topic \"$TOPIC.small.c\" takes batches of 2000 bytes" out
	finds 1 "bad  0 topics are as \"$TOPIC.none.%{table}\"; make those of the tables, or give --auto-create" -t "$TOPIC.none.%{table}"
	finds 0 "ok   topic \"$TOPIC.none.table\" is not there, and would be made" -t "$TOPIC.none.%{table}" --auto-create
}

@test "a topic for each table: Kafka's own and those that no table can have are left out" {
	topic create "$TOPIC"
	topic create "$TOPIC-position"
	# With the first group comes its topic.
	reads -b "$KAFKA" -t "$TOPIC"
	topic describe __consumer_offsets
	check -t "%{table}"
	grep -F "topic \"$TOPIC\" has 1 partition" out
	run ! grep -e "$TOPIC-position" -e __consumer_offsets out
}

@test "brokers that are away, or refuse us: no finding, but an error" {
	local begin
	echo wrong >wrong
	KAFKA=$(kafka address "$KAFKADIR" sasl_plaintext) check -t t --sasl-mechanism=PLAIN \
		--sasl-username=bob --sasl-password-file=wrong
	[ "$code" -eq 100 ] && [ ! -s out ]
	grep 'error: Kafka refuses us: .*; check user and password' err
	check -t t --tombstones
	[ "$code" -eq 100 ]
	# shellcheck disable=SC2317
	run_it() { exec pgcdc-kafka produce --check -b 127.0.0.1:1 -t t >out 2>err; }
	start_bg CHECK run_it
	wait_until 10 'grep "waiting for Kafka" err'
	begin=$(now_us)
	stop_bg CHECK
	[ "$bg_status" -eq 111 ]
	[ $(($(now_us) - begin)) -lt 2000000 ]
	KAFKA=127.0.0.1:1 check -t t --json
	[ "$code" -eq 111 ] && [ ! -s out ]
	grep 'error: no broker has answered within 10 s' err
}

# --- the other half

# reads [OPTION]...: as check, of what a consumer needs.
reads() {
	code=0
	timeout -k 5 30 pgcdc-kafka consume --check -G "$TOPIC.group" "$@" >out 2>err 3>&- 4>&- || code=$?
	echo "$*: $code"
	cat out err
}

# bob_reads CODE LINE [OPTION]...: the code, and a line among the others.
bob_reads() {
	echo bob-secret >password
	reads -b "$(kafka address "$KAFKADIR" sasl_plaintext)" --sasl-mechanism=PLAIN --sasl-username=bob \
		--sasl-password-file=password "${@:3}"
	[ "$code" -eq "$1" ] && grep -Fx -- "$2" out
}

@test "a topic that can be read, and a group; no position is changed" {
	topic create "$TOPIC" 2
	reads -b "$KAFKA" -t "$TOPIC"
	[ "$code" -eq 0 ] && [ ! -s err ]
	is "ok   the cluster of \"$KAFKA\" has 1 broker
ok   our user may read topic \"$TOPIC\", which has 2 partitions
ok   our user may commit positions of group \"$TOPIC.group\"" <out
	group describe "$TOPIC.group" | is 'Dead 0'
	reads -b "$KAFKA" -t "$TOPIC" -q --json
	[ "$(<out)" = '[]' ]
	reads -b "$KAFKA" -t none
	[ "$code" -eq 1 ]
	grep -Fx 'bad  topic "none" does not exist; look whether its name is right' out
	reads -b "$KAFKA" -t "^$TOPIC\$" -t '^none.*'
	[ "$code" -eq 1 ]
	grep -Fx "ok   our user may read topic \"$TOPIC\", which has 2 partitions" out
	grep -Fx 'bad  no topic that our user may see is as "^none.*"; look whether it is right, and give our user READ on them' out
}

@test "a group whose offsets are gone, or whose members share partitions otherwise" {
	topic create "$TOPIC" 2
	seq 6 | through plaintext -P -t "$TOPIC" -p 0
	# It commits 6 of partition 0, as a member of the group.
	run_it() { exec kcat -F "$KAFKADIR/plaintext.conf" -G "$TOPIC.group" -X auto.offset.reset=earliest "$TOPIC"; }
	start_bg MEMBER run_it
	wait_until 20 'group describe "$TOPIC.group" | grep "^Stable"'
	reads -b "$KAFKA" -t "$TOPIC"
	[ "$code" -eq 1 ]
	grep -Fx "bad  the members of group \"$TOPIC.group\" share partitions by \"range\", not \"cooperative-sticky\"; give --group a name of its own" out
	wait_until 20 'group describe "$TOPIC.group" | grep "^$TOPIC 0 6 0"'
	stop_bg MEMBER
	run ! grep -F 'which group' out
	reads -b "$KAFKA" -t "$TOPIC,^$TOPIC\$"
	[ "$code" -eq 0 ]
	seq 7 12 | through plaintext -P -t "$TOPIC" -p 0
	topic trim "$TOPIC" 0 9
	reads -b "$KAFKA" -t "$TOPIC,^$TOPIC\$"
	[ "$code" -eq 1 ]
	grep -v '^ok' out | is "bad  offset 6 of topic \"$TOPIC\" partition 0, which group \"$TOPIC.group\" has committed, is gone: there are 9 up to 12; go on with --reset=earliest or --reset=latest"
	reads -b "$KAFKA" -t "$TOPIC" --reset=earliest
	[ "$code" -eq 0 ]
	grep "^note offset 6 of topic \"$TOPIC\" partition 0" out
}

# librdkafka has more to say when it is destroyed, most of the time.
@test "a password that is wrong: one line, in the format that was asked for" {
	local i
	echo wrong >wrong
	for i in 1 2 3 4 5; do
		reads -b "$(kafka address "$KAFKADIR" sasl_plaintext)" --sasl-mechanism=PLAIN --sasl-username=bob \
			--sasl-password-file=wrong -t t -q --log-format=json
		[ "$code" -eq 100 ] && [ ! -s out ]
		[ "$(wc -l <err)" -eq 1 ] && [ "$(jq -r .level err)" = error ]
	done
}

@test "rights to read that are missing are named" {
	topic create "$TOPIC"
	bob_reads 1 "bad  topic \"$TOPIC\" does not exist, or user \"bob\" may not see it; make it, or give user \"bob\" READ on it" -t "$TOPIC"
	allow bob DESCRIBE topic "$TOPIC"
	wait_until 10 'bob_reads 1 "bad  user \"bob\" may not read topic \"$TOPIC\"; give user \"bob\" READ on it" -t "$TOPIC"'
	allow bob READ topic "$TOPIC"
	allow bob DESCRIBE group "$TOPIC.group"
	wait_until 10 'bob_reads 1 "ok   user \"bob\" may read topic \"$TOPIC\", which has 1 partition" -t "$TOPIC"'
	grep -Fx "bad  user \"bob\" may not commit positions of group \"$TOPIC.group\"; give user \"bob\" READ on it" out
	allow bob READ group "$TOPIC.group"
	wait_until 10 'bob_reads 0 "ok   user \"bob\" may commit positions of group \"$TOPIC.group\"" -t "$TOPIC"'
}
