# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What the kafka-consume*.bats files share: topics with rows in them, and ways to run
# pgcdc-kafka consume.

# reads [OPTION]...: what is there now, to standard output.
reads() { timeout -k 5 30 pgcdc-kafka consume -b "$KAFKA" --drain "$@" 3>&- 4>&-; }

# fill TOPIC FROM TO [VALUE]: rows with these ids, keyed by them.
fill() {
	{ echo "$H" && tx 1 "$(rows "${@:2}")"; } | produce -t "$1" --key=identity
}

# Of rows on standard input, one a line.
ids() { jq 'select(.columns) | .columns[0].value'; }

# has_ids N [FILE]: 1 to N, each at least once.
has_ids() { [ "$(ids <"${2:-out}" 2>/dev/null | sort -nu)" = "$(seq "$1")" ]; }

# offsets GROUP: what it has committed, "topic partition offset", in order.
offsets() { group describe "$1" | sed 1d | cut -d ' ' -f 1-3 | sort; }

# read_to_end GROUP: nothing is left for it in any partition.
read_to_end() { group describe "$1" | sed 1d | awk '$4 != 0 { left = 1 } END { exit left || NR == 0 }'; }

# linked FILE: its lines are a whole stream, as every sink checks it.
linked() { timeout -k 5 20 pgcdc-file --no-sync - <"$1" >/dev/null; }

# live [OPTION]...: a consumer that lives, CONSUMER: its lines go to out, its acks come from ack.
live() {
	run_it() { exec pgcdc-kafka consume -b "$KAFKA" "${hasty[@]}" "$@" >out 2>err; }
	start_bg CONSUMER run_it "$@"
}

# on_bad_disk COMMAND...: with writes and syncs as test/fault/disk.c has them.
on_bad_disk() {
	local tools=$PGCDC_TEST_ROOT/build/plain
	[ -z "${PGCDC_BIN-}" ] || tools=$PGCDC_BIN/..
	LD_PRELOAD=$tools/fault/disk.so \
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 "$@"
}

# ack TOKEN-NUMBER [NAME]: of the stream in out.
ack() {
	local run
	run=$(head -n 1 out | jq -r '.start | rtrimstr("-0")')
	printf '%s-%s%s\n' "$run" "$1" "${2:+ $2}" >ack
}

# sink NAME [OPTION]...: a consumer behind which pgcdc-file acknowledges what is in NAME.rec.
# The process group, NAME in capitals, has both.
sink() {
	local name=$1
	run_it() {
		pgcdc-kafka consume -b "$KAFKA" --ack="$name.ack" "$@" 2>"$name.err" |
			pgcdc-file --ack="$name.ack" "$name.rec" 2>>"$name.err" || exit "${PIPESTATUS[0]}"
	}
	shift
	start_bg "${name^^}" run_it "$@"
}

# fails CODE TEXT [OPTION]...: the run ends with CODE, and one line with TEXT on standard error.
fails() {
	local code=0
	reads "${@:3}" >out 2>err || code=$?
	echo "exit code $code, not $1 with \"$2\": $(<err)"
	[ "$code" -eq "$1" ] && [ "$(grep -c ': error: ' err)" -eq 1 ] &&
		[[ $(grep ': error: ' err) == "pgcdc-kafka: error: "*"$2"* ]]
}

# The group does without a member that has died after a second, not 45.
hasty=(-X session.timeout.ms=1000 -X heartbeat.interval.ms=200)

# The letters of the lines on standard input.
actions() { jq -r .action | tr -d '\n' && echo; }

# absent GREP-ARGUMENT...: a "!" before a command would not fail a test.
absent() { ! grep "$@"; }

# Standard input is empty.
is_empty() { diff /dev/null -; }

# Standard input is the text.
is() { diff -u <(printf '%s\n' "$1") -; }
