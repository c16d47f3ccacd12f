# The broker that other tests use: its listeners, its admin, its end.
# shellcheck disable=SC2016,SC2154

load kafka

setup_file() { kafka_start --conf 'message.max.bytes = 5000'; }
teardown_file() { kafka_stop; }

# put LISTENER TOPIC [kcat's options]: the lines of standard input; fails soon.
put() {
	through "$1" -P -t "$2" -X message.timeout.ms=3000 "${@:3}"
}

@test "messages go in and out through each listener" {
	topic create each
	for listener in plaintext ssl sasl_ssl sasl_plaintext; do
		echo "$listener" | put "$listener" each
		[ "$(through "$listener" -C -t each -o -1 -c 1)" = "$listener" ]
	done
	[ "$(consume each | wc -l)" -eq 4 ]
	[ "$(kafka address "$KAFKADIR")" = "$KAFKA" ]
	grep -x "bootstrap.servers=$(kafka address "$KAFKADIR" ssl)" "$KAFKADIR/ssl.conf"
}

@test "who cannot show what a listener asks for is not let in" {
	topic create closed
	refused() { # TEXT LISTENER [OPTION]...
		run ! put "$2" closed -d security "${@:3}" <<<x
		[[ $output == *"$1"* ]]
	}
	refused "certificate verify failed" ssl -X "ssl.ca.location=$KAFKADIR/tls/other.pem"
	refused "alert certificate unknown" ssl \
		-X "ssl.certificate.location=$KAFKADIR/tls/other.pem" \
		-X "ssl.key.location=$KAFKADIR/tls/other.key"
	refused "Authentication failed" sasl_ssl -X sasl.password=wrong
	refused "Authentication failed" sasl_plaintext -X sasl.username=alice
	put ssl closed -X ssl.certificate.location= -X ssl.key.location= <<<x
	[ "$(consume closed)" = x ]
}

@test "a topic is made, changed and taken away" {
	topic create t 3 max.message.bytes=300
	[ "$(topic describe t)" = $'0 0 0\n1 0 0\n2 0 0' ]
	topic grow t 4
	seq 5 | put plaintext t -p 3
	[ "$(topic describe t | tail -n 1)" = "3 0 5" ]
	topic trim t 3 2
	[ "$(topic describe t | tail -n 1)" = "3 2 5" ]
	[ "$(consume t | head -n 1)" = 3 ]

	run ! put plaintext t < <(printf %0400d 0)
	[[ $output == *"Message size too large"* ]]
	topic config t max.message.bytes=500 cleanup.policy=compact
	put plaintext t -k key < <(printf %0400d 0)
	[ "$(topic config t)" = $'cleanup.policy=compact\nmax.message.bytes=500' ]
	topic config t max.message.bytes=
	wait_until 5 '[ "$(topic config t max.message.bytes)" = 5000 ]'
	[ "$(topic config t)" = cleanup.policy=compact ]

	topic delete t
	run -111 topic describe t
	[[ $output == *'no topic "t"'* ]]
}

@test "a setting of the broker changes while it runs" {
	kafka broker "$KAFKADIR" config 1 message.max.bytes=6000
	[ "$(kafka broker "$KAFKADIR" config 1)" = message.max.bytes=6000 ]
	kafka broker "$KAFKADIR" config 1 message.max.bytes=
	wait_until 5 '[ "$(kafka broker "$KAFKADIR" config 1 message.max.bytes)" = 5000 ]'
}

@test "a group shows its members and offsets" {
	topic create grouped 2
	seq 3 | put plaintext grouped -p 1
	[ "$(group describe g)" = "Dead 0" ]
	local seen=$BATS_TEST_TMPDIR/seen
	start_bg member kcat -u -F "$KAFKADIR/plaintext.conf" -G g -X auto.offset.reset=earliest \
		grouped >"$seen"
	wait_until 20 '[ "$(wc -l <"$seen")" -eq 3 ]'
	[ "$(group describe g | head -n 1)" = "Stable 1" ]
	stop_bg member
	seq 2 | put plaintext grouped -p 1
	[ "$(group describe g)" = $'Empty 0\ngrouped 1 3 2' ]
	group delete g
	[ "$(group describe g)" = "Dead 0" ]
}

@test "keys go where the Java client puts them" {
	topic create keys 7
	keys() { # of all lengths that murmur2 has cases for, and outside of ASCII
		seq 500
		printf '%s\n' a ab abc abcd abcde ä 漢字 '{"id":"1"}'
	}
	keys | sed 's/$/	x/' | put plaintext keys -K '	' -X topic.partitioner=murmur2_random
	consume keys -f '%p %k\n' | sort >"$BATS_TEST_TMPDIR/put"
	paste -d ' ' <(keys | kafka partitions 7) <(keys) | sort >"$BATS_TEST_TMPDIR/java"
	cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/java" | sort -u | wc -l | grep -x 7
	diff "$BATS_TEST_TMPDIR/java" "$BATS_TEST_TMPDIR/put"
}

@test "a broker that was killed starts again, with its data, ports and settings" {
	topic create kept
	echo before | put plaintext kept
	kill -KILL "$(kafka pid "$KAFKADIR")"
	[ "$(kafka start "$KAFKADIR")" = "$KAFKA" ]
	[ "$(consume kept)" = before ]
	[ "$(topic config kept max.message.bytes)" = 5000 ]
	run -111 kafka start "$KAFKADIR"
	[[ $output == *"runs already"* ]]
}

@test "a restart on a port that is taken fails and leaves nothing" {
	kafka stop "$KAFKADIR"
	start_bg other perl -MIO::Socket::INET -e \
		'$s = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 1, ReuseAddr => 1); sleep 60' "$KAFKA"
	wait_until 5 '(exec 9<>"/dev/tcp/${KAFKA/://}") 2>/dev/null'
	run -111 kafka start "$KAFKADIR"
	[[ $output == *"Address already in use"* ]]
	run -1 kafka pid "$KAFKADIR"
	kafka stop "$KAFKADIR"
	kill_hard other
}

@test "stop says that a broker hangs, and ends it when told" {
	kafka pid "$KAFKADIR" || kafka start "$KAFKADIR"
	pid=$(kafka pid "$KAFKADIR")
	kill -STOP "$pid"
	run -111 kafka stop "$KAFKADIR" --timeout 1
	[[ $output == *"did not stop within 1 s"* ]]
	running "$pid"
	kafka stop "$KAFKADIR" --timeout 0 --escalate
	run ! running "$pid"
	run -1 kafka pid "$KAFKADIR"
}

@test "what cannot be is refused in one line" {
	refused() { # MESSAGE ARGUMENT...
		run -100 kafka "${@:2}"
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$1"* ]]
	}
	refused 'no Kafka "2.8"' start "$KAFKADIR/x" --version 2.8
	local other=3.9.1
	[ "${PGCDC_TEST_KAFKA-}" != 3.9.1 ] || other=4.1.2
	refused "not $other" start "$KAFKADIR" --version "$other"
	refused "is not empty" start "$PGCDC_TEST_ROOT"
	refused "lacks its value" start "$KAFKADIR/x" --conf
	refused "no broker" stop "$KAFKADIR/x"
	refused 'no listener "x"' address "$KAFKADIR" x
	refused "usage:" restart "$KAFKADIR"
	refused "usage:" topic "$KAFKADIR" create
	[ ! -e "$KAFKADIR/x" ]
}

@test "the older broker takes SCRAM, and wants a certificate when told" {
	kafka start "$KAFKADIR/old" --version 3.9.1 --conf 'ssl.client.auth = required'
	kafka topic "$KAFKADIR/old" create t
	local KAFKADIR=$KAFKADIR/old
	for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
		put sasl_ssl t -X sasl.mechanism=$mechanism -X sasl.username=alice \
			-X sasl.password=alice-secret <<<"$mechanism"
	done
	put ssl t <<<certificate
	run ! put ssl t -X ssl.certificate.location= -X ssl.key.location= <<<none
	[ "$(consume t)" = $'SCRAM-SHA-256\nSCRAM-SHA-512\ncertificate' ]
	kafka stop "$KAFKADIR"
	run -1 kafka pid "$KAFKADIR"
}
