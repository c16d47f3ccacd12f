# pgcdc-kafka consume against a real broker: what comes out, and what is committed when.  Errors
# are in kafka-consume-errors.bats, several members of a group in kafka-consume-group.bats.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce
load consume

# Carol has a password that is longer than most, and who comes with one has to come again each second.
setup_file() {
	local plain=listener.name.sasl_plaintext.plain.sasl.jaas.config
	kafka_start --conf 'group.min.session.timeout.ms = 100' \
		--conf "$plain = org.apache.kafka.common.security.plain.PlainLoginModule required user_carol=\"$(long_password)\";" \
		--conf 'listener.name.sasl_plaintext.connections.max.reauth.ms = 1000'
}
long_password() { printf '%5000s' '' | tr ' ' x; }
teardown_file() { kafka_stop; }

@test "rows come out byte for byte, in the order of their partition, as a whole stream" {
	topic create whole 3
	translated "$I" "$U" "$D" "$APP" "$NONE" >in
	produce -t whole --key=table <in
	reads -t whole -G whole >out
	linked out
	head -n 1 out | jq -c 'del(.start)' | is '{"action":"H","format":1,"system_identifier":"7"}'
	grep -v '"action":"[HC]"' out | sort | diff <(consume whole | sort) -
	reads -t whole -G whole --with-origin |
		jq -r 'select(.kafka) | "\(.kafka.partition) \(.kafka.offset)"' >places
	[ "$(wc -l <places)" -eq 8 ] && sort -s -k1,1n -k2,2n places | diff <(sort -s -k1,1n places) -
}

@test "tokens are of this run, and each follows the one before" {
	topic create tokens
	fill tokens 1 25
	reads -t tokens -G tokens --batch-size=10 >out
	local run
	run=$(head -n 1 out | jq -r '.start | rtrimstr("-0")')
	[[ $run =~ ^[0-9a-f]{16}$ ]]
	jq -r 'select(.action == "C") | .prev + " " + .ack' out |
		is "$run-0 $run-1"$'\n'"$run-1 $run-2"$'\n'"$run-2 $run-3"
	actions <out | is 'HIIIIIIIIIICIIIIIIIIIICIIIIIC'
	reads -t tokens -G tokens | head -n 1 | jq -r .start | grep -v "^$run"
}

@test "what is acknowledged is committed, and the next run begins behind it" {
	topic create acked 3
	fill acked 1 50
	reads -t acked -G acked --ack=ack | pgcdc-file --ack=ack out
	has_ids 50
	read_to_end acked
	fill acked 51 60
	reads -t acked -G acked --ack=ack | pgcdc-file --ack=ack second
	ids <second | sort -n | is "$(seq 51 60)"
	reads -t acked -G acked | is_empty
}

@test "without --ack nothing is committed, with --ack=stdout what is written" {
	topic create unacked
	fill unacked 1 5
	reads -t unacked -G unacked | ids | is "$(seq 5)"
	offsets unacked | is_empty
	reads -t unacked -G unacked --ack=stdout >out
	offsets unacked | is 'unacked 0 5'
	reads -t unacked -G unacked | is_empty
}

@test "with --ack=stdout what goes to a file is synced before it is committed, the last of it, too" {
	topic create synced
	FAULT_DISK_MARK=$PWD/durable on_bad_disk live -t synced -G synced --ack=stdout --commit-interval=1h
	wait_until 20 '[ "$(offsets synced)" = "synced 0 0" ]' # so the next one is due in an hour
	fill synced 1 10
	wait_until 20 'has_ids 10'
	stop_bg CONSUMER
	cat err
	[ "$bg_status" -eq 0 ]
	offsets synced | is 'synced 0 10'
	[ "$((10#$(<durable)))" -eq "$(stat -c %s out)" ]
}

@test "with --ack=stdout a pipe that breaks: what was written before is committed, and no more" {
	topic create broken
	FAULT_PIPE_LASTS=1 on_bad_disk live -t broken -G broken --ack=stdout --commit-interval=1h
	wait_until 20 '[ "$(offsets broken)" = "broken 0 0" ]'
	fill broken 1 10
	wait_until 20 'has_ids 10'
	fill broken 11 20
	end_bg CONSUMER 20
	cat err
	[ "$bg_status" -eq 111 ]
	offsets broken | is 'broken 0 10'
}

@test "nothing is committed that was not acknowledged" {
	topic create part
	fill part 1 30
	live -t part -G part --ack=ack --batch-size=10 --commit-interval=10ms
	wait_until 20 'has_ids 30'
	ack 2
	wait_until 10 '[ "$(offsets part)" = "part 0 20" ]'
	kill_hard CONSUMER
	offsets part | is 'part 0 20'
	reads -t part -G part | ids | is "$(seq 21 30)"
}

@test "tokens of another run, beyond what was emitted, and what is none are ignored" {
	topic create stray
	fill stray 1 10
	live -t stray -G stray --ack=ack --batch-size=5 --commit-interval=10ms
	wait_until 20 'has_ids 10'
	printf '%s\n' 0123456789abcdef-2 'no ack' 0/FF >ack
	ack 3
	ack 1x
	ack 1
	wait_until 10 '[ "$(offsets stray)" = "stray 0 5" ]'
	cat err
	grep -F 'ack "0123456789abcdef-2" of "" is ignored: it is not a token of this run (1 such' err
	stop_bg CONSUMER KILL
	offsets stray | is 'stray 0 5'
}

@test "with --wait-for the slowest sink counts, and without it there is one" {
	topic create slowest
	fill slowest 1 20
	live -t slowest -G slowest --ack=ack --wait-for=a,b --batch-size=10 --commit-interval=10ms
	wait_until 20 'has_ids 20'
	ack 2 a
	ack 1 b
	ack 2 c
	wait_until 10 '[ "$(offsets slowest)" = "slowest 0 10" ]'
	grep -F -- '--wait-for does not name it' err
	kill_hard CONSUMER
	live -t slowest -G slowest --ack=ack
	wait_until 20 '[ "$(ids <out | wc -l)" -eq 10 ]'
	ack 1 a
	ack 1 b
	end_bg CONSUMER 20
	[ "$bg_status" -eq 100 ]
	grep -F 'acks of two names, "a" and "b", come without --wait-for' err
}

@test "at most --max-unacked messages wait for their acks" {
	topic create most
	fill most 1 100
	live -t most -G most --ack=ack --max-unacked=30 --batch-size=10
	wait_until 20 '[ "$(ids <out | wc -l)" -eq 30 ]'
	ack 2
	wait_until 20 '[ "$(ids <out | wc -l)" -eq 50 ]'
	[ "$(tail -n 1 out | jq -r .action)" = C ]
	ack 5
	wait_until 20 '[ "$(ids <out | wc -l)" -eq 80 ]'
	kill_hard CONSUMER
}

@test "--start says where a group begins that has committed nothing" {
	topic create start 2
	fill start 1 20
	local between
	sleep 0.01
	between=$(date +%s%3N)
	sleep 0.01
	fill start 21 40
	reads -t start -G start-earliest | ids | sort -n | is "$(seq 40)"
	reads -t start -G start-time --start="@$between" | ids | sort -n | is "$(seq 21 40)"
	reads -t start -G start-date --start="$(date -u -d "@${between::-3}.${between: -3}" +%FT%T.%3NZ)" |
		ids | sort -n | is "$(seq 21 40)"
	reads -t start -G start-later --start=2100-01-01T00:00:00+01:00 | is_empty
	live -t start -G start-latest --start=latest --ack=ack --commit-interval=10ms
	wait_until 20 '[ "$(offsets start-latest | wc -l)" -eq 2 ]'
	kill_hard CONSUMER
	fill start 41 50
	reads -t start -G start-latest --start=latest | ids | sort -n | is "$(seq 41 50)"
}

@test "brokers are asked for all partitions at once where these begin and end" {
	topic create wide 40
	fill wide 1 100
	local start n
	for start in earliest latest @0; do
		reads -t wide -G "wide$start" --start="$start" --ack=stdout -v -X debug=protocol >out 2>err
		n=$(grep -c 'Sent ListOffsetsRequest' err)
		echo "--start=$start: $n questions"
		[ "$n" -ge 2 ] && [ "$n" -lt 10 ] # again when an answer takes long
		read_to_end "wide$start"
		[ "$start" = latest ] || has_ids 100
	done
	reads -t wide -G wideearliest | is_empty
}

@test "a partition that joins a topic is read from its beginning" {
	topic create grown
	fill grown 1 5
	reads -t grown -G grown --start=latest --ack=stdout | is_empty
	topic grow grown 4
	fill grown 6 40
	reads -t grown -G grown --start=latest --ack=stdout | ids | sort -n | is "$(seq 6 40)"
}

@test "--drain ends at what is there, however fast more comes" {
	topic create drain 2
	fill drain 1 100
	more() { while :; do fill drain 101 110 || return; done; }
	start_bg MORE more
	reads -t drain -G drain --ack=stdout >out
	kill_hard MORE
	[ "$(ids <out | sort -n | head -n 100)" = "$(seq 100)" ]
}

@test "several topics and a pattern, from the environment, too" {
	topic create several-a
	topic create several-b
	topic create other-c
	fill several-a 1 3
	fill several-b 4 6
	fill other-c 7 9
	reads -t several-a -t other-c -G several1 | ids | sort -n | is "$(printf '%s\n' 1 2 3 7 8 9)"
	PGCDC_KAFKA_CONSUME_TOPIC='^several-.*,other-c' reads -G several2 | ids | sort -n | is "$(seq 9)"
	live -t '^later-.*' -G several3
	wait_until 20 'grep -F "no topic matches \"^later-.*\"; waiting for one" err'
	stop_bg CONSUMER
	[ "$bg_status" -eq 0 ]
}

@test "a pattern finds topics that are made later; --drain does not wait for them" {
	live -t '^fresh-.*' -G fresh1 -X topic.metadata.refresh.interval.ms=200
	wait_until 20 'grep -F "no topic matches" err'
	topic create fresh-a
	fill fresh-a 1 3
	wait_until 20 'has_ids 3'
	kill_hard CONSUMER
	topic create fresh-b
	fill fresh-b 4 6
	reads -t '^fresh-.*' -t '^stale-.*' -G fresh2 2>err | ids | sort -n | is "$(seq 6)"
	grep -F 'info: no topic matches "^stale-.*"' err
	reads -t '^stale-.*' -G fresh3 -v -X debug=conf 2>err | is_empty
	grep -vF 'debug: librdkafka: ' err | head -n 1 | is 'pgcdc-kafka: info: no topic matches "^stale-.*"'
	grep -F 'topic.metadata.refresh.interval.ms = 30000' err
}

@test "--with-origin says where in Kafka a line comes from" {
	topic create origin
	translated "$I" | produce -t origin --key=identity
	printf '\xff\x01:{"action":"T","schema":"a","table":"b"} ' |
		through plaintext -P -t origin -K : -H system_identifier=7
	echo '{"action":"T","schema":"a","table":"c"}' | through plaintext -P -t origin -H system_identifier=7
	reads -t origin -G origin --with-origin >out
	linked out
	local kafka='"topic":"origin","partition":0,"offset"'
	jq -c 'select(.kafka) | .kafka | del(.timestamp)' out | is "{$kafka:0,\"key\":\"pgcdc\",\"commit_lsn\":\"0/FF0\"}
{$kafka:1,\"key\":\"{\\\"schema\\\":\\\"public\\\",\\\"table\\\":\\\"t\\\",\\\"identity\\\":{\\\"id\\\":1}}\",\"commit_lsn\":\"0/FF0\"}
{$kafka:2,\"key_hex\":\"ff01\"}
{$kafka:3,\"key\":null}" || return
	jq -r 'select(.kafka).kafka.timestamp' out |
		grep -cE '^20[0-9-]{8} [0-9:]{8}\.[0-9]{3}000\+00$' | is 4
}

@test "a message without a value is passed over, and counts as done" {
	topic create tombs
	translated "$D" | produce -t tombs --key=identity --tombstones
	printf 'k:' | through plaintext -P -t tombs -K : -Z
	reads -t tombs -G tombs --ack=stdout >out
	[ "$(consume tombs -f '%S\n' | grep -c -e -1)" -eq 2 ]
	actions <out | is HIDC
	read_to_end tombs
	printf 'k:' | through plaintext -P -t tombs -K : -Z
	reads -t tombs -G tombs --ack=ack | is_empty
	read_to_end tombs
}

@test "a value in several lines comes out as one" {
	topic create pretty
	printf '{\n "action": "T",\n "schema": "a", "table": "b\\n"\n}' |
		through plaintext -P -t pretty -D '|' -H system_identifier=7
	reads -t pretty -G pretty | sed -n 2p | is '{"action":"T","schema":"a","table":"b\n"}'
}

@test "a long password is the same in later connections" {
	topic create long
	fill long 1 5000
	long_password >password
	KAFKA=$(kafka address "$KAFKADIR" sasl_plaintext) live -t long -G long --ack=stdout -v -X debug=broker \
		--sasl-mechanism=PLAIN --sasl-username=carol --sasl-password-file=password
	wait_until 20 'has_ids 5000'
	local before
	before=$(grep -c ' -> UP' err)
	wait_until 20 '[ "$(grep -c " -> UP" err)" -ge $((before + 3)) ]'
	fill long 5001 5010
	wait_until 20 'has_ids 5010'
	stop_bg CONSUMER
	[ "$bg_status" -eq 0 ]
}

@test "what a transaction of Kafka ends with counts as read" {
	topic create kafkatx
	echo '{"action":"T","schema":"a","table":"b"}' |
		through plaintext -P -t kafkatx -H system_identifier=7 -X transactional.id=x
	reads -t kafkatx -G kafkatx --ack=stdout | actions | is HTC
	offsets kafkatx | is 'kafkatx 0 2'
}

@test "SIGTERM: a last token, the end of the output, the acks, the commit" {
	topic create term 3
	fill term 1 1000
	sink one -t term -G term
	wait_until 20 'has_ids 1000 one.rec'
	pkill -TERM -P "$ONE" -x pgcdc-kafka
	end_bg ONE 20
	cat one.err
	[ "$bg_status" -eq 0 ]
	linked one.rec
	[ "$(tail -n 1 one.rec | jq -r .action)" = C ]
	read_to_end term
	group describe term | head -n 1 | is 'Empty 0'
}

@test "after SIGKILL the next one waits for the group, and says so; a static member does not" {
	topic create killed
	fill killed 1 10
	live -t killed -G killed --ack=stdout -X session.timeout.ms=8000
	wait_until 20 'has_ids 10'
	kill_hard CONSUMER
	reads -t killed -G killed >out 2>err
	head -n 1 err | is 'pgcdc-kafka: info: waiting for group "killed" to give us partitions'
	rm out
	live -t killed -G static -X session.timeout.ms=45000 -X group.instance.id=one
	wait_until 20 'has_ids 10'
	kill_hard CONSUMER
	reads -t killed -G static -X group.instance.id=one 2>err | ids | is "$(seq 10)"
	absent 'waiting for group' err
	group describe static | head -n 1 | is 'Stable 1'
}

@test "without acks SIGTERM ends with 111 after --shutdown-timeout, and nothing is committed" {
	topic create mute
	fill mute 1 10
	live -t mute -G mute --ack=ack --shutdown-timeout=100ms
	wait_until 20 'has_ids 10'
	stop_bg CONSUMER
	cat err
	[ "$bg_status" -eq 111 ]
	grep -F 'from "any sink" within --shutdown-timeout' err
	reads -t mute -G mute | ids | is "$(seq 10)"
}

@test "pipelines: through pgcdc-translate to a file, and back to Kafka" {
	topic create first
	topic create second
	translated "$I" "$U" "$APP" | produce -t first
	reads -t first -G first --ack=ack |
		pgcdc-translate --store= | pgcdc-file --ack=ack out
	linked out
	jq -r 'select(.metadata and .table != "schema_log").table' out | paste -sd ' ' | is 't t u'
	read_to_end first
	reads -t first -G again --ack=ack | produce -t second --ack=ack
	diff <(consume first) <(consume second)
	consume second -f '%h\n' | sort -u | is system_identifier=7
	read_to_end again
}
