# shellcheck shell=bash
# What the bats files share that need a Kafka broker.
#
#	load kafka
#	setup_file() { kafka_start; }
#	teardown_file() { kafka_stop; }
#
# PGCDC_TEST_KAFKA is the version, when not the newest.

load helper

# The broker's script: kafka start|stop|pid|address|topic|group|broker|acl DIR ...
# Further brokers of a file live in folders of KAFKADIR, so that kafka_stop finds them.
kafka() { "$PGCDC_TEST_ROOT/test/services/kafka" "$@" 3>&- 4>&-; }

# kafka_start [start's options]: a broker in KAFKADIR, and its address in KAFKA.
kafka_start() {
	KAFKADIR=$(mktemp -d "${PGCDC_TEST_TMP:-/tmp}/pgcdc.XXXXXX") || return
	export KAFKADIR
	KAFKA=$(kafka start "$KAFKADIR" "$@") || return
	export KAFKA
}

# kafka_stop: ends everything that the helpers started in this file, and KAFKADIR.
kafka_stop() {
	local dir failed=0
	kill_started
	[ -n "${KAFKADIR-}" ] || return 0
	for dir in "$KAFKADIR"/*/ "$KAFKADIR"; do
		[ ! -e "$dir/version" ] || kafka stop "$dir" immediate || failed=1
	done
	rm -rf "$KAFKADIR"
	return "$failed"
}

# topic create|describe|delete|grow|trim|config TOPIC ..., group describe|delete GROUP: of
# that broker; test/kafka/admin.c says more.
topic() { kafka topic "$KAFKADIR" "${@}"; }
group() { kafka group "$KAFKADIR" "${@}"; }

# allow USER OPERATION topic|group|cluster NAME: a right, where the broker asks for rights.
allow() { kafka acl "$KAFKADIR" allow "$@"; }

# through LISTENER [kcat's options]: produces or consumes, with what the listener asks for.
through() { timeout --foreground -k 5 30 kcat -F "${KAFKADIR}/$1.conf" "${@:2}" 3>&- 4>&-; }

# consume TOPIC [kcat's options]: all that is in it now.
consume() {
	through plaintext -C -t "$1" -o beginning -e -X fetch.wait.max.ms=10 "${@:2}"
}
