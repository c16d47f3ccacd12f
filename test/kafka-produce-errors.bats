# What pgcdc-kafka produce does when something is wrong: with the connection, the stream, a
# message or an option.  Each is one line, with the exit code that says whether to try again.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce

setup_file() {
	kafka_start
	topic create t
}
teardown_file() { kafka_stop; }

one() { echo "$H" && tx 1 "$(rows 1 1)"; }

# at LISTENER: its address.
at() { kafka address "$KAFKADIR" "$1"; }

# closed CODE TEXT LISTENER [OPTION]...: a connection to it that fails.
closed() {
	local KAFKA
	KAFKA=$(at "$3")
	refuses "$1" "$2" -t t "${@:4}" < <(one)
}

large() { head -c 4500 /dev/urandom | base64 -w 0; }

@test "a broker that cannot be trusted, or does not trust us, ends the run" {
	local tls=$KAFKADIR/tls
	echo wrong >wrong
	echo bob-secret >right
	closed 100 "certificate verify failed" ssl --tls --ca-file="$tls/other.pem"
	closed 100 "or allow a broker that is not verified with --insecure" ssl --tls --ca-file="$tls/other.pem"
	closed 100 "check --ca-file, --cert-file and the port" plaintext --tls --ca-file="$tls/ca.pem"
	closed 100 "certificate unknown" ssl --tls --ca-file="$tls/ca.pem" \
		--cert-file="$tls/other.pem" --key-file="$tls/other.key"
	closed 100 "check user and password" sasl_ssl --tls --ca-file="$tls/ca.pem" \
		--sasl-mechanism=PLAIN --sasl-username=bob --sasl-password-file=wrong
	[ "$(consume t)" = "" ]
}

@test "a certificate, and a password, let us in" {
	local tls=$KAFKADIR/tls
	topic create in
	one | KAFKA=$(at ssl) produce -t in --tls --ca-file="$tls/ca.pem" \
		--cert-file="$tls/client.pem" --key-file="$tls/client.key"
	openssl ec -aes128 -in "$tls/client.key" -out locked.key -passout pass:locked
	printf 'locked\r\n' >locked
	one | KAFKA=$(at ssl) produce -t in --tls --ca-file="$tls/ca.pem" \
		--cert-file="$tls/client.pem" --key-file=locked.key --key-password-file=locked
	echo bob-secret >right
	one | KAFKA=$(at sasl_ssl) produce -t in --tls --ca-file="$tls/ca.pem" \
		--sasl-mechanism=PLAIN --sasl-username=bob --sasl-password-file=right
	[ "$(consume in | wc -l)" -eq 3 ]
}

@test "--insecure: a broker that is not verified is let in, and warned about" {
	local KAFKA verification=enable.ssl.certificate.verification
	topic create unverified
	KAFKA=$(at sasl_ssl)
	echo bob-secret >right
	one | produce -t unverified --tls --insecure --sasl-mechanism=PLAIN --sasl-username=bob \
		--sasl-password-file=right 2>err
	is "pgcdc-kafka: warning: the connection to broker \"$KAFKA\" is not verified; use --tls without --insecure" <err
	[ "$(consume unverified | wc -l)" -eq 1 ]
	refuses 100 "property \"$verification\" may not be \"false\" (option \"--property\"): use --insecure" \
		-t unverified --tls -X "$verification=false" </dev/null
	run -100 timeout 30 pgcdc-kafka consume -b "$KAFKA" -t unverified -G g --tls -X "$verification=false"
	[[ $output == *"may not be \"false\""*': use --insecure' ]]
}

@test "a file has properties and comments, and -X and options come after it" {
	topic create file
	{ echo '# a comment' && echo && cat "$KAFKADIR/sasl_ssl.conf" && echo '  socket.keepalive.enable=true '; } >props
	one | timeout 30 pgcdc-kafka produce -F props -t file
	echo 'sasl.password=wrong' >>props
	run -100 timeout 30 pgcdc-kafka produce -F props -t file < <(one)
	one | PGCDC_KAFKA_PRODUCE_PROPERTY=sasl.password=bob-secret timeout 30 pgcdc-kafka produce -F props -t file
	echo 'sasl.password=bob-secret' >>props
	run -100 timeout 30 pgcdc-kafka produce -F props -X sasl.username=nobody -t file < <(one)
	[ "$(consume file | wc -l)" -eq 2 ]
	echo '  x' >>props
	refuses 100 "file \"props\" line $(wc -l <props) is no property" -F props -t file </dev/null
	refuses 100 'could not open file "none"' -F none -t file </dev/null
	echo acks=1 >props
	refuses 100 'property "acks" may not be "1" (file "props" line 1)' -F props -t file </dev/null
}

@test "a stream that is damaged or cut ends the run, and is not acknowledged beyond" {
	broken() { # CODE TEXT: of in
		rm -f ack
		mkfifo ack
		exec 5<>ack
		refuses "$1" "$2" -t t --ack=ack <in
		exec 5>&-
	}
	{ one && echo '{"action":"B",'; } >in
	broken 100 "line 5 is no event line"
	{ one && printf '{"action":"B","lsn"'; } >in
	broken 111 "the input ends inside a line"
	{ one && tx 2 "$(rows 2 2)" | sed '$d'; } >in
	broken 111 "the input ends inside a transaction"
	{ one && tx 3 "$(rows 3 3)"; } >in
	broken 100 "line 7 breaks the stream: the line follows token 0/2FF"
	tx 1 >in
	broken 100 "line 1 breaks the stream"
	{ one && tx 2 "$(rows 2 2 "$(printf %02000d 0)")"; } >in
	refuses 100 "line 6 is longer than --max-line=1024" -t t --max-line=1024 <in
	recording "$I" >in
	refuses 100 "line 4 does not say what identifies its row" -t t --key=identity <in
}

@test "an ack FIFO that is not there, or none, is named before a row is sent" {
	topic create unacked
	one >in
	refuses 100 'could not open ack FIFO "none": No such file or directory; give --ack the path' -t unacked --ack=none <in
	: >file
	refuses 100 '"file" is not a FIFO' -t unacked --ack=file <in
	[ -z "$(consume unacked)" ]
}

@test "what cannot work is refused before anything is sent" {
	wrong() { refuses 100 "$1" "${@:2}" </dev/null; }
	wrong "no topic is named; give one with --topic"
	wrong 'unknown field in topic "a%{x}" at "%{x}"' -t 'a%{x}'
	wrong 'invalid topic "a b"' -t 'a b'
	wrong 'topic "none" does not exist; make it, or give --auto-create' -t none
	wrong 'property "sasl.password" is a secret' -t t -X sasl.password=hush
	wrong 'invalid value "1KiB" for option "--epoch"; expected a number from 0 to 2047' -t t --epoch=1KiB
	wrong 'property "acks" may not be "1"' -t t -X acks=1
	wrong 'property "enable.idempotence" may not be "false"' -t t -X enable.idempotence=false
	wrong 'property "message.timeout.ms" may not be "1000"' -t t -X message.timeout.ms=1000
	wrong 'property "retries" may not be "3" (option "--property"): a message could be given up that is waited for' -t t -X retries=3
	wrong 'property "message.send.max.retries" may not be "3"' -t t -X message.send.max.retries=3
	wrong 'property "message.max.bytes" may not be "5" (option "--property"): how large a message may be is the broker'"'s to say" -t t -X message.max.bytes=5
	wrong 'property "partitioner" may not be "random"' -t t -X partitioner=random
	wrong 'property "transactional.id" may not be "x"' -t t -X transactional.id=x
	wrong 'No such configuration property: "no.such"' -t t -X no.such=1
	wrong '--tombstones needs --key=identity' -t t --tombstones
	wrong 'unexpected argument "x"' -t t x
	wrong 'expected "schema", "table", "identity" or "none"' -t t --key=row
	wrong 'need --auto-create' -t t --partitions=3
	wrong '--oversize=dead-letter needs --dead-letter' -t t --oversize=dead-letter
	wrong '--dead-letter=FILE needs --oversize' -t t --dead-letter=x
	wrong 'need --tls' -t t --ca-file=x
	: >there
	wrong 'could not open file "x": No such file or directory; give --ca-file another one' -t t --tls --ca-file=x
	wrong 'could not open file "x": No such file or directory; give --cert-file another one' -t t --tls --cert-file=x --key-file=there
	wrong 'could not open file "x": No such file or directory; give --key-file another one' -t t --tls --cert-file=there --key-file=x
	wrong 'could not open file "x": No such file or directory; it should hold a secret' -t t --sasl-mechanism=PLAIN --sasl-username=u --sasl-password-file=x
	wrong 'invalid value "FOO" for option "--sasl-mechanism"; expected "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512"' -t t --sasl-mechanism=FOO
	wrong '--cert-file and --key-file need each other' -t t --tls --cert-file=x
	wrong '--cert-file and --key-file need each other' -t t --tls --key-file=x
	wrong '--key-password-file needs --key-file' -t t --tls --key-password-file=x
	wrong '--transaction-interval and --transaction-timeout need --transactional-id' -t t --transaction-interval=1s
	wrong '--json needs --check' -t t --json
	wrong 'need --sasl-mechanism' -t t --sasl-username=x
	wrong 'invalid value "lzma" for option "--compression"; expected "none", "lz4", "zstd", "gzip" or "snappy"' -t t --compression=lzma
	wrong 'transactional id "a b/c" has characters that the name of a topic cannot have; give --position-topic' -t t --transactional-id='a b/c'
	wrong '--transaction-timeout is longer than the brokers allow; lower it, or raise their transaction.max.timeout.ms' -t t --transactional-id=i --transaction-timeout=1h
	KAFKA=kafka.example:9092
	wrong 'the connection to broker "kafka.example" would not be encrypted' -t t
	KAFKA='127.0.0.1:1,[2001:db8::1]:9092'
	wrong 'the connection to broker "2001:db8::1" would not' -t t
	for KAFKA in 127.0.0.1:99999 127.0.0.1:abc ,127.0.0.1; do
		wrong "invalid value \"$KAFKA\" for option \"--brokers\"; expected HOST[:PORT],..." -t t
	done
	run -100 timeout 30 pgcdc-kafka produce -t t -X bootstrap.servers=127.0.0.1:x
	[[ $output == *'invalid value "127.0.0.1:x" for property "bootstrap.servers"'* ]]
	run -100 pgcdc-kafka produce -t t
	[[ $output == *"no broker is named"* ]]
	[[ $(pgcdc-kafka produce --help) == *--tombstones* ]]
}

@test "a message that is too large ends the run, and nothing behind it is sent" {
	topic create narrow 1 max.message.bytes=2000
	live -t narrow --batch-bytes=1000
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	{ tx 2 "$(rows 3 3 "$(large)")" && tx 3 "$(rows 4 2000)"; } >rest
	cat rest >&6 || true # it may end before it has read all
	end_bg PRODUCER
	[ "$bg_status" -eq 100 ]
	cat err
	[ "$(wc -l <err)" -eq 1 ]
	# The row itself is not for the log.
	grep 'topic "narrow" does not take the change of table "public.t" at 0/200, 6[0-9]* bytes: Broker: Message size too large; raise the topic' err
	run ! read -r -t 0.1 -u 5
	[ "$(consume narrow | ids | paste -sd ' ')" = "1 2" ]
}

# A broker that knows nothing of the producer yet takes any message as its first.
@test "nothing comes behind the very first message when that is too large" {
	topic create fresh 1 max.message.bytes=2000
	{ echo "$H" && tx 1 "$(rows 1 1 "$(large)")" && tx 2 "$(rows 2 2000)"; } >lines
	refuses 100 'does not take the change of table "public.t"' -t fresh --batch-bytes=1000 <lines
	[ -z "$(consume fresh)" ]
}

# What a message has besides its value counts, too.
@test "nor behind one that is as large as a batch may be" {
	topic create edge 1 max.message.bytes=3000
	local value
	value=$(rows 1 1 '') && printf -v value '%*s' "$((2982 - ${#value}))" ''
	{ echo "$H" && tx 1 "$(rows 1 1 "$value")" && tx 2 "$(rows 2 10)"; } >lines
	refuses 100 'does not take the change of table "public.t"' -t edge -z none --batch-bytes=3000 <lines
	[ -z "$(consume edge)" ]
}

@test "batches that are too large are no fault of their messages" {
	topic create shallow 1 max.message.bytes=20000
	{ echo "$H" && tx 1 "$(rows 1 500)"; } >lines
	refuses 100 'topic "shallow" does not take batches of 1000000 bytes, as --batch-bytes has them; raise the topic' \
		-t shallow -z none --oversize=dead-letter --dead-letter=dead <lines
	[ ! -s dead ]
	refuses 100 'topic "shallow" does not take batches of 1000000 bytes' -t shallow -z none <lines
}

@test "a message that is too large goes to the dead letters, which can be sent again" {
	topic create small 1 max.message.bytes=2000
	topic create wide
	live -t small --batch-bytes=1000 --oversize=dead-letter --dead-letter=dead
	row=$(rows 3 3 "$(large)")
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$row" && tx 3 "$(rows 4 5)"; } >&6
	acked 0/3FF
	finish
	cat err
	grep 'change of 6[0-9]* bytes, which is in "dead" now: Broker: Message size too large$' err
	[ "$(consume small | ids | paste -sd ' ')" = "1 2 4 5" ]
	is "$H
$row
{\"action\":\"C\"}" <dead
	[ "$(stat -c %a dead)" = 600 ]
	# A second one goes behind the first, and one of another cluster does not.
	local again
	again=$(rows 6 6 "$(large)")
	{ echo "$H" && tx 1 "$again"; } |
		produce -t small --batch-bytes=1000 --oversize=dead-letter --dead-letter=dead
	produce -t wide <dead
	consume wide | is "$row
$again"
	refuses 100 "has dead letters of cluster 7, and the stream is of 8" -t small \
		--oversize=dead-letter --dead-letter=dead < <(one | sed 's/"7"/"8"/')
	refuses 100 'file "dead" is the input, too; give --dead-letter another file' -t small \
		--oversize=dead-letter --dead-letter=dead <dead
	echo x >other
	refuses 100 'file "other" has no dead letters' -t small --oversize=dead-letter \
		--dead-letter=other </dev/null
}

@test "a dead letter is synced before anything behind it is acknowledged" {
	topic create tight 1 max.message.bytes=2000
	live -t tight --batch-bytes=1000 --oversize=dead-letter --dead-letter=/dev/null
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	# This takes what is written, and cannot be synced.
	tx 2 "$(rows 3 3 "$(large)")" >&6
	end_bg PRODUCER
	cat err
	[ "$bg_status" -eq 111 ]
	grep 'could not write to file "/dev/null": Invalid argument' err
	run ! read -r -t 0.1 -u 5
}

@test "without a broker SIGTERM ends the run soon, and it can be tried again" {
	KAFKA=127.0.0.1:1
	live -t t
	wait_until 10 'grep "waiting for Kafka" err'
	local begin
	begin=$(now_us)
	stop_bg PRODUCER
	[ "$bg_status" -eq 111 ]
	[ $(($(now_us) - begin)) -lt 2000000 ]
	[ "$(grep -c error: err)" -eq 1 ]
	grep 'the end came before a broker told of topic "t"' err
}

@test "SIGTERM with a broker that hangs ends the run after --shutdown-timeout" {
	live -t t --shutdown-timeout=500ms
	{ echo "$H" && tx 1 "$(rows 1 1)"; } >&6
	acked 0/1FF
	kill -STOP "$(kafka pid "$KAFKADIR")"
	tx 2 "$(rows 2 3)" >&6
	local begin code=0
	begin=$(now_us)
	stop_bg PRODUCER || code=$?
	kill -CONT "$(kafka pid "$KAFKADIR")"
	[ "$code" -eq 0 ]
	[ $(($(now_us) - begin)) -lt 3000000 ]
	cat err
	[ "$bg_status" -eq 111 ]
	grep '2 messages were not delivered within --shutdown-timeout' err
	run ! read -r -t 0.1 -u 5
}
