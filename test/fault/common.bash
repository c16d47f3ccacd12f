# shellcheck shell=bash disable=SC2034,SC2154
# What the schedules of faults share (run, topic, dump): choices by a seed, a server with the workload
# and with tables that change their shape, the line and who starts it again, what can happen to
# the server and to the stages, and the end of the day.
#
# Who sources it sets
#
#	me		its name, "fault/run"
#	sink_name	the last stage: pgcdc-$sink_name, which acknowledges as $sink_name
#
# and before the line starts
#
#	reader_env	"env NAME=VALUE..." for pgcdc-read, or nothing
#	sink_command	the last stage as it is started
#	faults		functions, one of which is called now and then
#
# and has the functions
#
#	usage		its options
#	may_end STAGE CODE	true when this exit code, which is no usual one, is right
#	line_ended	what is to be done between two runs of the line
#	sample_once	a line of $dir/samples, after what the slot has confirmed: $1

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
bin=$(cd "${PGCDC_BIN:-$root/bin}" && pwd)
tools=$([ -n "${PGCDC_BIN-}" ] && echo "$bin/../fault" || echo "$root/build/plain/fault")
PATH=$bin:$tools:$root/bin:$PATH

seed='' major=${PGCDC_TEST_MAJOR:-debian} seconds=4 keep='' publications=one
workload='' supervisor='' sampler='' shapers=()
stages=(reader translate sink)
reader_env=() sink_command=()

# parse_options NAME... -- ARGUMENT...: sets $NAME for each --NAME VALUE, and keep.
parse_options() {
	local names=" "
	while [ "$1" != -- ]; do
		names+="--$1 "
		shift
	done
	shift
	while [ $# -gt 0 ]; do
		if [ "$1" = --keep ]; then
			keep=yes
		elif [[ "$names" == *" $1 "* && $# -ge 2 ]]; then
			declare -g "${1#--}=$2"
			shift
		else
			usage
		fi
		shift
	done
	[[ $seed =~ ^[0-9]+$ && $seconds =~ ^[0-9]+$ ]] || usage
}

# Choices. A subshell would have its own RANDOM, so the answer is in $chosen.
start_choices() {
	RANDOM=$((seed % 32768))
	chosen=$((RANDOM + seed / 32768))
	RANDOM=$((chosen % 32768 + 1))
}
choose() {
	chosen=$((RANDOM % $1))
}

# The folder of all that the schedule leaves.
make_dir() {
	dir=$(mktemp -d "${PGCDC_TEST_TMP:-/tmp}/pgcdc.XXXXXX") || exit 111
	chmod 711 "$dir"
	[ -z "$keep" ] || keep=$dir
	fifo=$dir/ack
}

say() {
	printf '%(%H:%M:%S)T %s\n' -1 "$*" >>"$dir/schedule"
}
nap() {
	local milliseconds
	milliseconds=$(printf %04d "$1")
	sleep "${milliseconds%???}.${milliseconds: -3}"
}
sql() {
	psql -XAtq -v ON_ERROR_STOP=1 -c "$1" 2>>"$dir/psql.log"
}
do_sql() {
	sql "$1" >/dev/null
}
server() {
	"$root/test/services/postgres" "$@" >>"$dir/server.log" 2>&1
}
# Of the slot of the line.
slot() {
	sql "SELECT $1 FROM pg_replication_slots WHERE slot_name = 'fault'"
}

# --- the end, good or bad

clean_up() {
	local stage
	touch "$dir/stop" "$dir/calm"
	kill_all
	for stage in "$workload" "$supervisor" "$sampler" "${shapers[@]}"; do
		[ -z "$stage" ] || kill "$stage" 2>/dev/null
	done
	kill_all
	wait
	server stop "$dir/pg" immediate --escalate
	if [ -z "$keep" ]; then
		rm -rf "$dir"
	elif [ "$keep" != "$dir" ]; then
		mv "$dir" "$keep"
	fi
}

fail() {
	keep=${keep:-$(mktemp -d /tmp/pgcdc.fault.XXXXXX)/$seed}
	say "failed: $*"
	echo "$me: seed $seed, major $major: $*"
	echo "$me: all of it is in $keep"
	echo "$me: repeat with: test/$me --seed $seed --major $major --seconds $seconds ${repeat-}"
	exit 1
}
fail_of() {
	[ ! -s "$dir/failures" ] || fail "$(cat "$dir/failures")"
}
could_not() {
	echo "$me: could not $*" >&2
	[ ! -s "$dir/server.log" ] || tail -n 3 "$dir/server.log" >&2
	exit 111
}

# --- the stages, and who starts them again

# The process of a stage, nothing when there is none.
stage_pid() {
	local pid comm program=$1
	case $1 in
	reader) program="read" ;;
	sink | dump_sink) program=$sink_name ;;
	dump_translate) program=translate ;;
	esac
	read -r pid 2>/dev/null <"$dir/$1.pid" || return 1
	read -r comm 2>/dev/null <"/proc/$pid/comm" || return 1
	[ "$comm" = "pgcdc-$program" ] && echo "$pid"
}
stage_signal() {
	local pid
	pid=$(stage_pid "$1") && kill "-$2" "$pid" 2>/dev/null
}

# One run of the line, with new pipes. The exit codes are in $reader, $translate and $sink.
line() {
	# shellcheck disable=SC2016
	local run_it='echo $$ >"$0"; exec "$@"'
	sh -c "$run_it" "$dir/reader.pid" "${reader_env[@]}" pgcdc-read --slot=fault --publication="$publications" \
		--ack="$fifo" --wait-for="$sink_name" --state="$dir/state" --status-interval=100ms \
		--shutdown-timeout=5s "$@" 2>>"$dir/reader.log" |
		sh -c "$run_it" "$dir/translate.pid" pgcdc-translate --store-timeout=5s --acked-interval=200ms \
			2>>"$dir/translate.log" |
		sh -c "$run_it" "$dir/sink.pid" "${sink_command[@]}" 2>>"$dir/sink.log"
	read -r reader translate sink <<<"${PIPESTATUS[*]}"
	rm -f "$dir/reader.pid" "$dir/translate.pid" "$dir/sink.pid"
	say "the line ended: reader $reader, translate $translate, sink $sink"
	judge
	line_ended
}

# Each stage ends with 111 or by a signal, and with 0 only when it was asked to,
# or when its input ended where it may.  What the reader ends well is whole, unless the sink has died
# while it was told to end.
judge() {
	local stage code
	[ "$reader $sink" != "0 111" ] || [ -e "$dir/term" ] || echo "the reader ended with 0 and the sink with 111" >>"$dir/failures"
	for stage in "${stages[@]}"; do
		code=${!stage}
		case $code in
		111 | 137 | 143) ;;
		0)
			[ "$stage" != reader ] || [ -e "$dir/term" ] ||
				echo "the reader ended with 0, unasked" >>"$dir/failures"
			;;
		*) may_end "$stage" "$code" || echo "the $stage ended with $code" >>"$dir/failures" ;;
		esac
	done
}

supervise() {
	while [ ! -e "$dir/stop" ]; do
		rm -f "$dir/term"
		line
		[ ! -s "$dir/failures" ] || return
		nap 30
	done
}

# What the slot has confirmed, and then what the sink has for sure.
sample() {
	local confirmed
	while [ ! -e "$dir/stop" ]; do
		confirmed=$(slot confirmed_flush_lsn 2>/dev/null) && [ -n "$confirmed" ] &&
			sample_once "$confirmed"
		nap 150
	done
}

# Tables that change their shape, and rows in them, until it is calm.
shape() {
	while [ ! -e "$dir/calm" ]; do
		sql "$1" >/dev/null || nap 100
	done
}

# --- faults of the stages

walsender() {
	slot active_pid
}
stall_time() {
	choose 1000
	chosen=$((timeout * 1000 + 300 + chosen))
}

kill_reader() { stage_signal reader KILL; }
kill_sink() { stage_signal sink KILL; }
kill_translate() { stage_signal translate KILL; }
kill_all() {
	local stage
	for stage in sink translate reader; do
		stage_signal "$stage" KILL
	done
}
# The server gives the reader up.
stall_reader() {
	stall_time
	stage_signal reader STOP
	nap "$chosen"
	stage_signal reader CONT
}
# The server does not: a stalled sink costs no connection.
stall_sink() {
	local before after between
	before=$(walsender) between=$(stage_pid translate)
	stall_time
	stage_signal sink STOP || return
	nap "$chosen"
	after=$(walsender)
	stage_signal sink CONT
	# The reader or the stage between them may just be ending, as it was asked to.
	[ ! -e "$dir/term" ] && [ "$between" = "$(stage_pid translate)" ] || return
	# A walsender of 13 was once seen to crash, which is a fault as good as any.
	[ -z "$before" ] || [ "$before" = "$after" ] || grep -q 'was terminated by signal' "$dir/pg/log" ||
		fail "a sink that stalled for $chosen ms cost the connection"
}
# Short reads and writes.
stutter() {
	local stage i
	choose 3
	stage=${stages[chosen]}
	for ((i = 0; i < 15; i++)); do
		stage_signal "$stage" STOP
		nap 30
		stage_signal "$stage" CONT
		nap 10
	done
}
term_reader() {
	touch "$dir/term"
	stage_signal reader TERM
}
# With a full pipe, so in the middle of a transaction, mostly.
term_stalled() {
	stage_signal sink STOP
	choose 1000
	nap $((500 + chosen))
	term_reader
	nap 100
	stage_signal sink CONT
}
term_translate() { stage_signal translate TERM; }
term_sink() { stage_signal sink TERM; }

# What comes on the FIFO from who knows whom. A full one does not hold us.
stray_tokens() {
	local i names=("$sink_name" "$sink_name" "$sink_name")
	choose 9
	case $chosen in
	0) printf 'hello\n' ;;
	1) printf 'FFFFFFF0/0 %s\n' "$sink_name" ;;
	2) printf '0/1 %s\n0/0 %s\n' "${names[@]:1}" ;;
	3) printf '0/1000000 intruder\nFF/FF intruder\n' ;;
	4) head -c 200000 /dev/zero | tr '\0' x ;;
	5) printf '0/' ;;
	6) printf '\n\n \0\0\377\n0/1000000  %s\n0/1000000\t%s\n-1 %s\n' "${names[@]}" ;;
	7) for ((i = 0; i < 3000; i++)); do printf '0/%X %sd\n' "$i" "$sink_name"; done ;;
	8) printf '0/1000000 %s 0/1000000 %s\n123456789/0 %s\n0X0/0X0 %s\n' "${names[@]}" "$sink_name" ;;
	esac | timeout 1 dd of="$fifo" oflag=nonblock conv=nocreat,notrunc status=none 2>/dev/null
}

# --- faults of the server

terminate_walsender() {
	do_sql "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active"
}
terminate_side() {
	do_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = 'pgcdc-read' AND backend_type = 'client backend'"
}
terminate_store() {
	do_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgcdc-translate'"
}
terminate_client() {
	choose 8
	do_sql "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
		WHERE application_name = 'workload' ORDER BY pid OFFSET $((chosen % clients)) LIMIT 1) p"
}
start_again() {
	choose 400
	nap "$chosen"
	server start "$dir/pg" || fail "the server did not start again"
}
stop_immediate() {
	server stop "$dir/pg" immediate || fail "the server did not stop"
	start_again
}
# Fast, whatever the sink does.
stop_fast() {
	local stalled began took
	choose 2
	stalled=$chosen
	if [ "$stalled" = 1 ]; then
		stage_signal sink STOP
		nap 300
	fi
	began=${EPOCHREALTIME/./}
	server stop "$dir/pg" fast || fail "a fast shutdown did not end"
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
	[ "$stalled" = 0 ] || stage_signal sink CONT
	[ "$took" -lt 5000 ] || fail "a fast shutdown took $took ms"
	start_again
}
checkpoint() {
	do_sql "CHECKPOINT"
	do_sql "SELECT pg_switch_wal()"
}

# --- the day

need() { # PROGRAM...
	local program
	for program; do
		command -v "$program" >/dev/null || could_not "find $program; build or install it"
	done
}

choose_server() {
	choose 3
	timeout=$((chosen + 1))
	choose 5
	prepared=$((chosen == 0 ? 0 : 20))
	choose 5
	clients=$((chosen + 2))
}

# A server with the tables, a publication or two, and a slot.
start_server() {
	start_tables
	make_slot
}
start_tables() {
	server start "$dir/pg" --major "$major" --conf "wal_sender_timeout = ${timeout}s" \
		--conf "max_prepared_transactions = $prepared" --conf 'logical_decoding_work_mem = 64kB' ||
		could_not "start a server"
	PGPORT=$(cat "$dir/pg/port")
	export PGHOST=127.0.0.1 PGPORT PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=3
	workload --setup || could_not "set up"
	psql -XAtq -v ON_ERROR_STOP=1 -f "$here/shape.sql" >>"$dir/psql.log" 2>&1 || could_not "set up shapes"
	publish
}
make_slot() {
	pgcdc init --publication=one --slot=fault >>"$dir/psql.log" 2>&1 || could_not "make a slot"
}
publish() {
	local some others root_option=''
	choose 2
	[ "$chosen" = 0 ] || root_option='WITH (publish_via_partition_root)'
	# These crash of a partition that is not laid out as the table that it is published as.
	if [ -n "$root_option" ] && [[ $major == 1[34] ]]; then
		sql "ALTER TABLE fault.part DETACH PARTITION fault.part_1; DROP TABLE fault.part_1;
			CREATE TABLE fault.part_1 PARTITION OF fault.part FOR VALUES FROM (100) TO (200)" ||
			could_not "make a partition anew"
	fi
	some="fault.control, fault.kv, fault.wide, fault.toast, fault.nokey"
	others="fault.byindex, fault.part, fault.trunc_a, fault.trunc_b, fault.bulk, fault.ddl,
		shape.a, shape.b, shape.p"
	choose 3
	case $chosen in
	0) sql "CREATE PUBLICATION one FOR ALL TABLES $root_option" ;;
	1) sql "CREATE PUBLICATION one FOR TABLE $some, $others $root_option" ;;
	2)
		sql "CREATE PUBLICATION one FOR TABLE $some $root_option" &&
			sql "CREATE PUBLICATION two FOR TABLE $others $root_option"
		publications=one,two
		;;
	esac || could_not "make a publication"
}

start_day() {
	local statement
	supervise 2>>"$dir/supervisor.log" 3>&- &
	supervisor=$!
	sample 3>&- &
	sampler=$!
	start_workload "$seed"
	for statement in 'SELECT shape.change()' 'SELECT shape.write(shape.any_table())'; do
		shape "SET lock_timeout = '1s'; $statement" 3>&- &
		shapers+=($!)
	done
}
start_workload() { # SEED
	workload --seed "$1" --seconds "$seconds" --clients "$clients" >"$dir/workload.log" 2>&1 3>&- &
	workload=$!
}
works() {
	kill -0 "$workload" 2>/dev/null
}
end_workload() {
	wait "$workload" || fail "the workload ended with $?: $(cat "$dir/workload.log")"
	workload=''
}

# Faults until the workload ends; $count is how many.
commit_faults() {
	local fault
	count=0
	while works; do
		choose 600
		nap $((chosen + 20))
		fail_of
		works || break
		choose ${#faults[@]}
		fault=${faults[chosen]}
		say "$fault"
		$fault
		count=$((count + 1))
	done
}

# --- the evening: end the line this way or that, and fetch what is left

end_day() {
	local i
	touch "$dir/calm"
	wait "${shapers[@]}"
	shapers=()
	touch "$dir/stop"
	choose 3
	case $chosen in
	0) term_reader ;;
	1) kill_all ;;
	2) kill_sink ;;
	esac
	for ((i = 0; i < 200; i++)); do
		kill -0 "$supervisor" 2>/dev/null || break
		# it may have started the line again in between
		if [ $((i % 20)) = 19 ]; then term_reader; fi
		nap 100
	done
	kill -0 "$supervisor" 2>/dev/null && fail "the line does not end"
	wait "$supervisor" "$sampler"
	supervisor='' sampler=''
	fail_of
	# What was committed asynchronously is at the source, and not in the stream before a flush.
	do_sql CHECKPOINT || fail "the server does not checkpoint"
	touch "$dir/samples"
}

drain() {
	local end=$((SECONDS + 40))
	touch "$dir/term"
	while [ "$SECONDS" -lt "$end" ]; do
		line --drain
		[ ! -s "$dir/failures" ] || fail "draining: $(cat "$dir/failures")"
		[ "$reader $translate $sink" != "0 0 0" ] || return 0
		nap 100
	done
	fail "what is in the slot cannot be drained: reader $reader, translate $translate, sink $sink"
}

# check_confirmed RECORDING: the slot has confirmed its last token.
check_confirmed() {
	local ack
	ack=$(grep -o '"ack":"[^"]*"}$' "$1" | tail -n 1 | cut -d'"' -f4)
	[ "$(slot "confirmed_flush_lsn >= '$ack'")" = t ] ||
		fail "the slot has not confirmed $ack after a drain"
}
