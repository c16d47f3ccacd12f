#!/usr/bin/env bats
# Bad days of a broker, as pgcdc-kafka produce lives through them: full disks, topics that go away,
# limits, and somebody else's certificate.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce

setup_file() { kafka_start; }
teardown_file() { kafka_stop; }

teardown() { kill_started "$BATS_TEST_NUMBER"; }

in_order() { consume "$1" -q | ids | paste -sd ' '; }

@test "a topic that is deleted under way ends the run, and nothing is acknowledged beyond" {
	topic create gone
	live -t gone
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	topic delete gone
	tx 2 "$(rows 3 4)" >&6
	end_bg PRODUCER 30
	[ "$bg_status" -eq 100 ]
	grep 'topic "gone" does not take the change of table "public.t" at .*; the topic was deleted' err
	run ! read -r -t 0.1 -u 5
	exec 5>&- 6>&-
	refuses 100 'topic "gone" does not exist; make it, or give --auto-create' -t gone < <(
		echo "$H" && tx 1 "$(rows 1 2)"
	)
}

@test "a topic that is deleted under a transaction ends the run, too" {
	topic create torn
	live -t torn --transactional-id=torn
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	topic delete torn
	tx 2 "$(rows 3 4)" >&6
	end_bg PRODUCER 30
	echo "$bg_status: $(<err)"
	# What librdkafka tells first is chance: a restart finds out what is the matter, too.
	grep -e 'error: topic "torn" .*was deleted' -e 'error: a transaction of Kafka has failed' err
	run ! read -r -t 0.1 -u 5
	exec 5>&- 6>&-
	topic create torn
	{ echo "$H" && tx 1 "$(rows 1 2)" && tx 2 "$(rows 3 4)"; } |
		produce -q -t torn --transactional-id=torn
	[ "$(in_order torn)" = "3 4" ]
}

# A limit on the size of files is to the broker what a full disk is: writes fail, and it ends.
@test "a broker whose disk is full is waited for, and nothing is lost" {
	topic create full
	live -t full
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	prlimit --pid "$(kafka pid "$KAFKADIR")" --fsize=2000
	tx 2 "$(rows 3 40 "$(head -c 3000 /dev/urandom | base64 -w 0)")" >&6
	wait_until 30 '! kafka pid "$KAFKADIR"'
	wait_until 30 'grep "warning: waiting for Kafka" err'
	run ! read -r -t 0.1 -u 5
	kafka start "$KAFKADIR" >/dev/null
	acked 0/2FF
	finish
	[ "$(in_order full)" = "$(seq -s ' ' 1 40)" ]
}

# on_disk TOPIC: the only segment of its partition.
on_disk() { echo "$KAFKADIR/data/$1-0/00000000000000000000.log"; }

# forgetful TOPIC [OPTION]...: a broker loses the second of three transactions with its disk.
forgetful() {
	local size
	topic create "$1"
	live -t "$@"
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	size=$(stat -c %s "$(on_disk "$1")")
	tx 2 "$(rows 3 4)" >&6
	acked 0/2FF
	kafka stop "$KAFKADIR" immediate
	truncate -s "$size" "$(on_disk "$1")"
	kafka start "$KAFKADIR" >/dev/null
	tx 3 "$(rows 5 6)" >&6
	end_bg PRODUCER 30
	exec 5>&- 6>&-
}

# It counts the messages of a producer, and a new producer is counted anew.
@test "a broker that lost what it had taken: the run ends, and the next one goes on" {
	local topic
	for topic in lossy lossy-once; do
		case $topic in
		lossy) forgetful $topic ;;
		*) forgetful $topic --transactional-id=$topic ;;
		esac
		echo "exit code $bg_status: $(<err)"
		[ "$bg_status" -eq 111 ]
		grep 'error: Kafka gives up: OUT_OF_ORDER_SEQUENCE_NUMBER: ' err
	done
	{ echo "$H" && tx 1 && tx 2 && tx 3 "$(rows 5 6)"; } | produce -q -t lossy
	[ "$(in_order lossy)" = "1 2 5 6" ]
}

# On its way down it refuses, leaves an answer out, or is just not asked.
@test "a broker that is shut down while topics are made is no reason to end for good" {
	local n
	live -t 'down.%{table}' --auto-create
	{
		echo "$H"
		tx 1 "$(for ((n = 1; n <= 60; n++)); do rows $n $n | sed "s/\"t\"/\"t$n\"/"; done)"
	} >lines
	cat lines >&6
	wait_until 20 'grep "made topic .*t10\"" err'
	kafka stop "$KAFKADIR"
	kafka start "$KAFKADIR" >/dev/null
	exec 6>&-
	end_bg PRODUCER 30
	exec 5>&-
	echo "exit code $bg_status: $(<err)"
	[ "$bg_status" -ne 100 ]
	produce -q -t 'down.%{table}' --auto-create <lines
	consume down.t60 -q | ids | sort -u | is 60
}

@test "a broker that is suspended is waited for" {
	topic create slow
	live -t slow
	{ echo "$H" && tx 1 "$(rows 1 2)"; } >&6
	acked 0/1FF
	kill -STOP "$(kafka pid "$KAFKADIR")"
	tx 2 "$(rows 3 4)" >&6
	run ! read -r -t 1 -u 5
	kill -CONT "$(kafka pid "$KAFKADIR")"
	acked 0/2FF
	finish
	[ "$(in_order slow)" = "1 2 3 4" ]
}

@test "a quota slows the line down, and no more" {
	local begin
	topic create throttled
	kafka quota "$KAFKADIR" 200000
	begin=$(now_us)
	{ echo "$H" && tx 1 "$(rows 1 3000)" && tx 2 "$(rows 3001 3010)"; } |
		produce -t throttled --compression=none --batch-bytes=50000
	[ $(($(now_us) - begin)) -gt 1000000 ]
	kafka quota "$KAFKADIR" 1000000000
	consume throttled -q | ids | diff - <(seq 3010) | head
}

# elsewhere: the TLS listener under an address that its certificate does not have.
elsewhere() {
	exec perl -MIO::Socket::INET -e '
		$to = shift;
		$l = IO::Socket::INET->new(LocalAddr => "127.0.0.2", Listen => 5, Proto => "tcp") or die;
		$| = 1;
		print $l->sockport, "\n";
		while ($c = $l->accept) {
			next if fork;
			$s = IO::Socket::INET->new(PeerAddr => $to) or die;
			($from, $into) = fork ? ($c, $s) : ($s, $c);
			while (sysread $from, $_, 65536) { syswrite $into, $_ }
			shutdown $into, 1;
			exit;
		}' "$1" >port
}

@test "the certificate of another host ends the run" {
	start_bg ELSEWHERE elsewhere "$(kafka address "$KAFKADIR" ssl)"
	wait_until 10 '[ -s port ]'
	topic create named
	KAFKA=127.0.0.2:$(<port)
	refuses 100 'check --ca-file' -t named --tls --ca-file="$KAFKADIR/tls/ca.pem" < <(
		echo "$H" && tx 1 "$(rows 1 2)"
	)
	grep -i 'certificate' err
	stop_bg ELSEWHERE
}

# scram MECHANISM FILE BROKER-FOLDER: one transaction to topic "scram".
scram() {
	KAFKA=$(kafka address "$3" sasl_ssl)
	{ echo "$H" && tx 1 "$(rows 1 2)"; } | produce -t scram --tls --ca-file="$3/tls/ca.pem" \
		--sasl-mechanism="$1" --sasl-username=alice --sasl-password-file="$2" 2>err
}

@test "SCRAM lets us in, and where librdkafka cannot do it, that is said" {
	local old=$KAFKADIR/old version
	echo alice-secret >right
	echo wrong >wrong
	kafka start "$old" --version 3.9.1 >/dev/null
	kafka topic "$old" create scram
	scram SCRAM-SHA-256 right "$old"
	scram SCRAM-SHA-512 right "$old"
	run -100 scram SCRAM-SHA-512 wrong "$old"
	grep 'check user and password' err
	kafka stop "$old"
	topic create scram
	version=$(dpkg-query -W -f '${Version}' librdkafka1)
	if dpkg --compare-versions "$version" lt 2.6.1; then
		run -100 scram SCRAM-SHA-256 right "$KAFKADIR"
		grep 'librdkafka before 2.6.1 cannot do SCRAM against Kafka 4' err
	else
		scram SCRAM-SHA-256 right "$KAFKADIR"
	fi
}
