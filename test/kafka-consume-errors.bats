# pgcdc-kafka consume when something is wrong: it is named, and nothing is committed too early.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce
load consume

setup_file() { kafka_start --conf 'group.min.session.timeout.ms = 100'; }
teardown_file() { kafka_stop; }

# put TOPIC [kcat's options]: standard input, one message a line.
put() { through plaintext -P -t "$1" "${@:2}"; }

@test "a message that is no event stops, and what came before it is done" {
	topic create foreign
	fill foreign 1 10
	echo 'no event' | put foreign
	fill foreign 11 20
	local code=0
	reads -t foreign -G foreign --ack=ack 2>err | pgcdc-file --ack=ack out || code=${PIPESTATUS[0]}
	cat err
	[ "$code" -eq 100 ]
	grep -F 'error: the message at topic "foreign" partition 0 offset 10 is no event: it is no JSON object with an "action"' err
	linked out
	ids <out | is "$(seq 10)"
	offsets foreign | is 'foreign 0 10'
	fails 100 'offset 10 is no event' -t foreign -G foreign --ack=ack
	offsets foreign | is 'foreign 0 10'
}

@test "with --foreign=dead-letter it goes to a file, and the others go on" {
	topic create aside
	fill aside 1 3
	printf 'key:no "event"\n\xffkey:\xfe\n' | put aside -K :
	fill aside 4 6
	reads -t aside -G aside --ack=stdout --foreign=dead-letter --dead-letter=dead >out 2>err
	ids <out | is "$(seq 6)"
	jq -c 'del(.timestamp, .why)' dead | is '{"topic":"aside","partition":0,"offset":3,"key":"key","value":"no \"event\""}
{"topic":"aside","partition":0,"offset":4,"key_hex":"ff6b6579","value_hex":"fe"}'
	jq -r .why dead | sort -u | is 'it is no JSON object with an "action"'
	grep -F 'offset 4 is no event, and in "dead" now: ' err
	offsets aside | is 'aside 0 8'
	[ "$(stat -c %a dead)" = 600 ]
}

@test "a file that dead letters cannot go to" {
	topic create undead
	fails 100 'could not open file "none/dead"' -t undead -G undead --foreign=dead-letter --dead-letter=none/dead
	echo 'no event' | put undead
	fails 111 'could not write to file "/dev/full": No space left on device' -t undead -G undead \
		--ack=ack --foreign=dead-letter --dead-letter=/dev/full
	# This takes what is written, and cannot be synced.
	fails 111 'could not write to file "/dev/null": Invalid argument' -t undead -G undead \
		--ack=stdout --foreign=dead-letter --dead-letter=/dev/null
	offsets undead | absent 'undead 0 1'
}

# What is JSON, but cannot stand on our stream.
@test "tokens, brackets and rows without a name are foreign" {
	local n=0 value why
	topic create alien
	while IFS='|' read -r value why; do
		echo "$value" | put alien -H system_identifier=7
		fails 100 "offset $n is no event: $why" -t alien -G alien --ack=stdout
		reads -t alien -G alien --ack=stdout --foreign=dead-letter --dead-letter=dead
		n=$((n + 1))
	done <<-'END'
		{"action":"C","prev":"0/1","ack":"0/2"}|its action is not that of a row or a message
		{"action":"H","format":1,"system_identifier":"7","start":"0/1"}|its action is not that
		{"action":"B","lsn":"0/1"}|its action is not that of a row
		{"action":"I","schema":"s","table":"t","columns":[],"ack":"0/2"}|it has a token, "ack" or "prev"
		{"action":"I","schema":"s","table":"t","columns":[],"prev":"0/2"}|it has a token
		{"action":"I","schema":"s","columns":[]}|it has the action of an event, and not its parts
		{"action":"D","table":"t"}|it has the action of an event, and not its parts
		{"action":"I"|
		[1]|
	END
	[ "$n" -eq 9 ]
}

@test "a message that names no cluster needs --system-identifier" {
	topic create nameless
	echo '{"action":"T","schema":"a","table":"b"}' | put nameless
	fails 100 'topic "nameless" partition 0 offset 0 does not say which cluster it is of; say so with --system-identifier' \
		-t nameless -G nameless
	[ ! -s out ]
	reads -t nameless -G nameless --system-identifier=99 --ack=stdout | head -n 1 |
		jq -r .system_identifier | is 99
	echo '{"action":"T","schema":"a","table":"b"}' | put nameless -H system_identifier=7
	fails 100 'offset 1 is of cluster 7, and the stream of 99' -t nameless -G other --system-identifier=99
	echo '{"action":"T","schema":"a","table":"b"}' | put nameless -H system_identifier=x7
	offsets nameless | is 'nameless 0 1'
}

@test "another cluster's messages end the stream" {
	topic create two
	fill two 1 5
	echo '{"action":"T","schema":"a","table":"b"}' | put two -H system_identifier=8
	fails 100 'topic "two" partition 0 offset 5 is of cluster 8, and the stream of 7' -t two -G two --ack=stdout
	ids <out | is "$(seq 5)"
	offsets two | is 'two 0 5'
}

@test "with --system-identifier another cluster's messages are foreign" {
	topic create guest
	echo '{"action":"T","schema":"a","table":"b"}' | put guest -H system_identifier=8
	fill guest 1 5
	echo '{"action":"T","schema":"a","table":"b"}' | put guest -H system_identifier=8
	fails 100 'offset 0 is of cluster 8, and the stream of 7; say which is ours with --system-identifier, and put' \
		-t guest -G guest --system-identifier=7 --ack=stdout
	offsets guest | is 'guest 0 0'
	fails 100 'offset 1 is of cluster 7, and the stream of 8' -t guest -G first \
		--foreign=dead-letter --dead-letter=dead
	[ ! -s dead ]
	reads -t guest -G guest --system-identifier=7 --ack=stdout \
		--foreign=dead-letter --dead-letter=dead >out 2>err
	ids <out | is "$(seq 5)"
	linked out
	jq -r '"\(.offset) \(.why)"' dead | is '0 it is of cluster 8, and the stream of 7
6 it is of cluster 8, and the stream of 7'
	grep -F 'offset 6 is no event, and in "dead" now: it is of cluster 8, and the stream of 7' err
	offsets guest | is 'guest 0 7'
}

@test "what was deleted before it was read stops, until --reset says where to go on" {
	topic create gone 2
	fill gone 1 20
	reads -t gone -G gone --ack=stdout >out
	fill gone 21 60
	local p next
	read -r _ _ next < <(topic describe gone | head -n 1)
	topic trim gone 0 "$((next - 2))"
	fails 100 'of topic "gone" partition 0 is gone: what the broker has deleted before it was read is missing' \
		-t gone -G gone --ack=stdout
	grep -F 'go on with --reset=earliest or --reset=latest' err
	reads -t gone -G gone --reset=earliest --ack=stdout >out 2>err
	grep -F 'going on at its beginning, as --reset says' err
	consume gone -p 0 | ids >left
	[ "$(wc -l <left)" -eq 2 ]
	ids <out | grep -cFxf left | is 2
	read_to_end gone
	fill gone 61 90
	while read -r p _ next; do
		topic trim gone "$p" "$((next - 1))"
	done < <(topic describe gone)
	live -t gone -G gone --reset=latest --ack=stdout
	wait_until 20 '[ "$(grep -c "going on at its end" err)" -eq 2 ]'
	fill gone 91 99
	wait_until 20 '[ "$(ids <out | sort -n)" = "$(seq 91 99)" ]'
	stop_bg CONSUMER
	[ "$bg_status" -eq 0 ]
	read_to_end gone
}

# damage TOPIC OFFSET BYTE TEXT: writes over the batch that begins at OFFSET, from its BYTE on, in the
# broker's only segment.
damage() {
	local file=$KAFKADIR/data/$1-0/00000000000000000000.log at=0 offset length
	while read -r offset length < <(od -An --endian=big -t d4 -j "$((at + 4))" -N 8 "$file") &&
		[ "$offset" -ne "$2" ]; do
		at=$((at + 12 + length))
	done
	printf %b "$4" | dd of="$file" bs=1 seek="$((at + $3))" conv=notrunc status=none
}

# Of a batch: byte 8 begins its length, 16 is its version, 22 its codec, and from 61 on come its records.
@test "a damaged batch stops, what came before it is done, and nothing of it is" {
	local n=0 byte text option why
	while IFS='|' read -r byte text option why; do
		n=$((n + 1))
		topic create "damaged$n"
		for i in 1 6 11; do fill "damaged$n" "$i" "$((i + 4))"; done
		damage "damaged$n" 5 "$byte" "$text"
		for i in 1 2; do
			# shellcheck disable=SC2086
			fails 100 "topic \"damaged$n\" partition 0 cannot be read from offset 5 on: $why" \
				-t "damaged$n" -G "damaged$n" --ack=stdout $option
			offsets "damaged$n" | is "damaged$n 0 5"
		done
	done <<-'END'
		90|xxxx||MessageSet at offset 5 (
		61|xxxx|-X check.crcs=false|Decompression (codec 0x3) of message at 5
		22|\x07|-X check.crcs=false|Decompression (codec 0x7) of message at 5
		16|\x09||Unsupported Message(Set) MagicByte 9 at offset 5
		8|\x00\x00\x00\x01||Fetch from broker 1 failed: Broker: Invalid message
	END
	[ "$n" -eq 5 ]
}

@test "a topic that is not there, and one that goes" {
	fails 100 'Subscribed topic not available: missing: Broker: Unknown topic or partition; give --topic one that is there' \
		-t missing -G missing
	topic create going
	fill going 1 5
	live -t going -G going --ack=stdout -X topic.metadata.refresh.interval.ms=200 \
		-X topic.metadata.propagation.max.ms=100
	wait_until 20 'has_ids 5'
	topic delete going
	end_bg CONSUMER 20
	cat err
	[ "$bg_status" -eq 100 ]
	grep -E 'error: .*going' err
}

@test "who refuses us is named" {
	local port
	port=$(kafka address "$KAFKADIR" sasl_plaintext)
	echo wrong >password
	KAFKA=$port fails 100 'check user and password' -t t -G g --sasl-mechanism=PLAIN \
		--sasl-username=bob --sasl-password-file=password
	fails 100 'could not open file "none"' -t t -G g --sasl-mechanism=PLAIN --sasl-username=bob --sasl-password-file=none
	topic create other
	run_it() { exec kcat -b "$KAFKA" -G shared -X partition.assignment.strategy=range other; }
	start_bg KCAT run_it >other.out 2>other.err
	wait_until 20 '[ "$(group describe shared | head -n 1)" = "Stable 1" ]'
	fails 100 "the group's members use another way to share partitions" -t other -G shared
	kill_hard KCAT
}

@test "the ack FIFO has to be one of ours" {
	topic create fifo
	: >file
	fails 100 '"file" is not a FIFO' -t fifo -G fifo --ack=file
	fails 100 'could not make ack FIFO "none/ack"' -t fifo -G fifo --ack=none/ack
	live -t fifo -G fifo --ack=ack
	wait_until 20 'grep "gives us" err'
	fails 111 'ack FIFO "ack" is held by another reader' -t fifo -G fifo --ack=ack
	stop_bg CONSUMER
}

@test "a downstream that has gone is 111, and what it has acknowledged counts" {
	topic create pipe
	fill pipe 1 800 "$(printf '%4000s' '')"
	local code=0
	reads -t pipe -G pipe --batch-size=10 --ack=ack --commit-interval=1h 2>err |
		{ run=$(sed -un '/"ack"/{s/.*"ack":"\(.*\)-1".*/\1/p;q}') && echo "$run-1" >ack; } || code=${PIPESTATUS[0]}
	cat err
	[ "$code" -eq 111 ]
	grep -F 'standard output is closed: the program behind it has ended' err
	offsets pipe | is 'pipe 0 10'
	code=0
	reads -t pipe -G pipe --ack=stdout >/dev/full 2>err || code=$?
	[ "$code" -eq 111 ]
	grep -F 'could not write to standard output: No space left on device' err
	offsets pipe | is 'pipe 0 10'
}

@test "a broker that is away is waited for, and commits are made up for" {
	local DIR=$KAFKADIR/away
	kafka start "$DIR" --conf 'group.min.session.timeout.ms = 100' >address
	kafka topic "$DIR" create t
	{ echo "$H" && tx 1 "$(rows 1 10)"; } | pgcdc-kafka produce -b "$(<address)" -t t
	KAFKA=$(<address) live -t t -G t --ack=ack --commit-interval=10ms -X session.timeout.ms=45000
	wait_until 20 'has_ids 10'
	kafka stop "$DIR" immediate
	ack 1
	wait_until 20 'grep "warning: waiting for Kafka: " err'
	kafka start "$DIR" >address
	wait_until 30 '[ "$(kafka group "$DIR" describe t | tail -n 1)" = "t 0 10 0" ]'
	{ echo "$H" && tx 1 "$(rows 11 20)"; } | pgcdc-kafka produce -b "$(<address)" -t t
	wait_until 30 'has_ids 20'
	[ "$(grep -c 'waiting for Kafka' err)" -eq 1 ]
	kafka stop "$DIR" immediate
	kill_hard CONSUMER
}

@test "SIGTERM before any broker has answered: what was to be drained is not" {
	KAFKA=127.0.0.1:1 live -t t -G t --drain
	wait_until 20 'grep "warning: waiting for Kafka: " err'
	stop_bg CONSUMER
	cat err
	[ "$bg_status" -eq 111 ]
	grep -F 'error: the end came before a broker of "127.0.0.1:1" answered' err
}

# gives_up TOPIC RETRIES [OPTION]...: a commit that fails for good; took: microseconds until the end.
gives_up() {
	local start
	topic create "$1"
	fill "$1" 1 10
	live -t "$1" -G "$1" --ack=ack --commit-interval=10ms -X topic.metadata.propagation.max.ms=300000 "${@:3}"
	wait_until 20 "has_ids 10 && [ -n \"\$(offsets $1)\" ]"
	topic delete "$1" # which the broker sees at once, and the consumer late
	start=$(now_us)
	ack 1
	end_bg CONSUMER 20
	took=$(($(now_us) - start))
	echo "exit code $bg_status after $took us: $(<err)"
	[ "$bg_status" -eq 111 ]
	grep -F "could not commit offsets of group \"$1\", after $2 retries: Broker: Unknown topic" err
}

@test "commits are tried again as often as was said, and as soon" {
	local constant
	gives_up constant 7 --commit-backoff-interval=100ms --commit-backoff-max-retries=7
	[ "$took" -ge 700000 ]
	constant=$took
	# Pauses of 100, 200 and five of 400 ms: 1.6 s more, and without the limit 12 s.
	gives_up double 7 --commit-exp-backoff-initial-interval=100ms --commit-exp-backoff-max-interval=400ms \
		--commit-exp-backoff-max-retries=7
	[ "$took" -ge $((constant + 800000)) ]
	[ "$took" -lt $((constant + 8000000)) ]
}

@test "options that are wrong are refused" {
	local n=0 wrong text
	: >config
	while IFS='|' read -r wrong text; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		fails 100 "$text" $wrong
		absent hush err
	done <<-'END'
		-t t|no group is named
		-G g|no topic is named
		-G g -t a/b|invalid
		-G g -t %{schema}|is a template of topics
		-G g -t t -t u,t|--topic names "t" twice; give it once
		-G g -t ^([|could not subscribe
		-G g -t t --start=yesterday|invalid value "yesterday" for option "--start"
		-G g -t t --start=2026-11-21|invalid value "2026-11-21" for option "--start"
		-G g -t t --reset=none|invalid value "none" for option "--reset"
		-G g -t t --foreign=skip|invalid value "skip" for option "--foreign"
		-G g -t t --foreign=dead-letter|--foreign=dead-letter needs --dead-letter=FILE
		-G g -t t --dead-letter=f|--dead-letter=FILE needs --foreign=dead-letter
		-G g -t t --wait-for=a|option --wait-for needs --ack with the path of a FIFO
		-G g -t t --ack=stdout --wait-for=a|option --wait-for needs --ack with the path
		-G g -t t --ack=a --wait-for=a/b|invalid name "a/b" for option "--wait-for"
		-G g -t t --system-identifier=0x7|invalid value "0x7" for option "--system-identifier"
		-G g -t t --max-unacked=0|--max-unacked
		-G g -t t --queue-bytes=1|--queue-bytes
		-G g -t t --commit-interval=-1|--commit-interval
		-G g -t t --commit-backoff-max-retries=3|needs --commit-backoff-interval
		-G g -t t --commit-backoff-interval=1s --commit-exp-backoff-max-interval=2s|exclude each other
		-G g -t t --commit-exp-backoff-initial-interval=2s --commit-exp-backoff-max-interval=1s|must not be above
		-G g -t t -X enable.auto.commit=true|an offset could be committed that was not acknowledged
		-G g -t t -X auto.offset.reset=earliest|use --start and --reset
		-G g -t t -X isolation.level=read_uncommitted|what a transaction has taken back would become event lines
		-G g -t t -X group.id=h|use --group
		-G g -t t -X log.queue=false|how the group is doing would not be seen
		-G g -t t -X partition.assignment.strategy=range|partitions that stay would be given up
		-G g -t t -X no.such=1|invalid property of librdkafka
		-G g -t t -X sasl.password=hush|property "sasl.password" is a secret, and everybody may see a command line; put it into a file for --config, or use --sasl-password-file
		-G g -t t -X ssl.key.password=hush|property "ssl.key.password" is a secret, and everybody may see a command line; put it into a file for --config, or use --key-password-file
		-G g -t t -X ssl.key.pem=hush|put it into a file for --config, or use --key-file
		-G g -t t -X ssl.keystore.password=hush|put it into a file for --config
		-G g -t t -X sasl.oauthbearer.client.secret=hush|put it into a file for --config
		-G g -t t -G h|--group
		-G g -t t --revoke-timeout=10s -X max.poll.interval.ms=9000 -X session.timeout.ms=8000|must be shorter than
		-G g -t t --json|--json needs --check
		-G g -t t --tls --cert-file=x|--cert-file and --key-file need each other
		-G g -t t extra|unexpected argument "extra"
	END
	[ "$n" -eq 39 ]
	KAFKA=192.0.2.1 fails 100 "would not be encrypted" -G g -t t
}
