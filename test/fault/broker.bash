# shellcheck shell=bash disable=SC2034,SC2154
# A broker for the schedules of faults, with one topic, and what can happen to it.  KAFKA_DIR is
# the folder of one that is used, and left running (test/services/kafka); else one is started.

own_broker='' address=''

kafka() {
	"$root/test/services/kafka" "$@" 2>>"$dir/broker.log"
}
broker_signal() {
	local pid
	pid=$(kafka pid "$KAFKA_DIR") && kill "-$1" "$pid" 2>/dev/null
}
# start_broker TOPIC PARTITIONS: sets address.
start_broker() {
	if [ -z "${KAFKA_DIR-}" ]; then
		KAFKA_DIR=$dir/kafka
		own_broker=yes
		kafka start "$KAFKA_DIR" >/dev/null || could_not "start a broker"
	fi
	address=$(kafka address "$KAFKA_DIR") || could_not "find the broker"
	kafka topic "$KAFKA_DIR" create "$1" "$2" || could_not "make a topic"
}
start_broker_again() {
	kafka start "$KAFKA_DIR" >/dev/null || fail "the broker did not start again"
}
clean_up_broker() {
	[ -n "${KAFKA_DIR-}" ] || return 0
	broker_signal CONT
	if [ -n "$own_broker" ]; then
		kafka stop "$KAFKA_DIR" immediate
	else
		kafka pid "$KAFKA_DIR" >/dev/null || kafka start "$KAFKA_DIR" >/dev/null
	fi
}

# --- faults

stall_broker() {
	choose 2500
	broker_signal STOP
	nap $((chosen + 100))
	broker_signal CONT
}
stop_broker() {
	kafka stop "$KAFKA_DIR" --escalate || fail "the broker did not stop"
	choose 500
	nap "$chosen"
	start_broker_again
}
kill_broker() {
	kafka stop "$KAFKA_DIR" immediate || fail "the broker cannot be killed"
	start_broker_again
}
cut_connections() {
	ss -K dst 127.0.0.1 dport = ":${address##*:}" >>"$dir/cut.log" 2>&1
}
