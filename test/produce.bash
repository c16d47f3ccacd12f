# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What the kafka-produce*.bats files share: lines as pgcdc-translate writes them, and ways to run
# pgcdc-kafka produce on them.

# produce [OPTION]...: standard input, to the broker.
produce() { timeout -k 5 30 pgcdc-kafka produce -b "$KAFKA" "$@" 3>&- 4>&-; }

# translated LINE...: a recording of these lines behind pgcdc-translate.
translated() { recording "$@" | timeout -k 5 30 pgcdc-translate --store= 3>&- 4>&-; }

# rows FROM TO [VALUE]: inserts into t with these ids.
rows() {
	local i v=${3-v}
	for ((i = $1; i <= $2; i++)); do
		printf '{"action":"I","lsn":"0/200","schema":"public","table":"t","columns":[%s,%s],%s}\n' \
			"{\"name\":\"id\",\"type\":\"int\",\"value\":$i,\"id\":\"1-1\"}" \
			"{\"name\":\"v\",\"type\":\"text\",\"value\":\"$v\",\"id\":\"1-2\"}" \
			'"metadata":{"schema_id":1,"table_id":"1","identity_ids":["1-1"],"version_id":1}'
	done
}

# tx N [LINES]: the N-th transaction behind H; its token is 0/<N>FF, with N in hexadecimal.
tx() {
	local prev=0/10
	[ "$1" -eq 1 ] || printf -v prev '0/%XFF' "$(($1 - 1))"
	printf '{"action":"B","lsn":"0/%XF0","xid":5}\n' "$1"
	[ -z "${2-}" ] || printf '%s\n' "$2"
	printf '{"action":"C","lsn":"0/%XF0","xid":5,"prev":"%s","ack":"0/%XFF"}\n' "$1" "$prev" "$1"
}

# live [OPTION]...: a producer that lives, PRODUCER: its input is >&6, its acks come from <&5.
live() {
	rm -f to ack
	mkfifo to ack
	exec 5<>ack
	run_it() { exec pgcdc-kafka produce -b "$KAFKA" --ack=ack "$@" <to 2>err 5>&- 6>&-; }
	start_bg PRODUCER run_it "$@"
	exec 6>to
}

# acked TOKEN [NAME]: waits for this ack; those before it may be left out.
acked() {
	while read -r -t 20 -u 5; do
		[ "$REPLY" != "$1 ${2-kafka}" ] || return 0
	done
	echo "no ack $1; the last was \"${REPLY-}\": $(<err)"
	return 1
}

# finish: the end of its input, which it has to take well.
finish() {
	exec 6>&-
	end_bg PRODUCER 20
	exec 5>&-
	echo "exit code $bg_status: $(<err)"
	[ "$bg_status" -eq 0 ]
}

# refuses CODE TEXT [OPTION]...: the run ends with CODE, and one line with TEXT on standard error.
refuses() {
	local code=0
	produce "${@:3}" 2>err || code=$?
	echo "exit code $code, not $1 with \"$2\": $(<err)"
	[ "$code" -eq "$1" ] && [ "$(grep -vc ': warning: ' err)" -eq 1 ] &&
		[[ $(tail -n 1 err) == "pgcdc-kafka: error: "*"$2"* ]]
}

# Of rows on standard input.
ids() { jq .columns[0].value; }

# Lines on standard input, with their lengths in bytes.
sized() { LC_ALL=C awk '{ print length, $0 }'; }

# Standard input is the text.
is() { diff -u <(printf '%s\n' "$1") -; }
