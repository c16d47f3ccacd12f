# shellcheck shell=bash disable=SC2016
# What the bats files share: a server of their own, databases, background
# processes that do not outlive the test, and waiting for a condition.
#
#	load helper
#	setup_file() { pg_start; }
#	teardown_file() { pg_stop; }
#
# Settings from the outside: PGCDC_TEST_MAJOR, the server's major; PGCDC_BIN, the
# folder of the built programs (default bin); PGCDC_TEST_TMP, where PGDIR is
# made (default /tmp).

bats_require_minimum_version 1.5.0

PGCDC_TEST_ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
export PGCDC_TEST_ROOT
[ -z "${PGCDC_BIN-}" ] || PGCDC_BIN=$(cd "$PGCDC_BIN" && pwd)
case :$PATH: in
*":$PGCDC_TEST_ROOT/bin:"*) ;;
*) PATH=${PGCDC_BIN:-$PGCDC_TEST_ROOT/bin}:$PGCDC_TEST_ROOT/bin:$PATH ;;
esac

# --- waiting

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# wait_until SECONDS 'COMMAND': polls each 50 ms until COMMAND succeeds.
wait_until() {
	local end
	end=$(($(now_us) + $1 * 1000000))
	until eval "$2"; do
		if [ "$(now_us)" -ge "$end" ]; then
			echo "not within $1 s: $2" >&2
			return 1
		fi
		sleep 0.05
	done
}

# --- commands

# expect STATUS TEXT COMMAND...: the exit code, and a text in what is printed.
# shellcheck disable=SC2154 # "run" sets them
expect() {
	local status_wanted=$1 text=$2

	shift 2
	run "$@"
	echo "$*: $status"
	echo "$output"
	[ "$status" -eq "$status_wanted" ]
	[[ "$output" == *"$text"* ]]
}

# --- servers

# The server script: service start|stop|standby|promote|pid DIR ...
# Further servers of a file live in folders of PGDIR, so that pg_stop finds them:
# port=$(service start "$PGDIR/two"), port=$(service standby "$PGDIR/two" "$PGDIR").
service() { "$PGCDC_TEST_ROOT/test/services/postgres" "$@" 3>&- 4>&-; }

# pg_start [start's options]: a server in PGDIR, of version MAJOR, and libpq's environment for it.
pg_start() {
	PGDIR=$(mktemp -d "${PGCDC_TEST_TMP:-/tmp}/pgcdc.XXXXXX") || return
	export PGDIR
	PGPORT=$(service start "$PGDIR" "$@") || return
	unset PGPASSWORD PGPASSFILE PGSERVICE PGOPTIONS PGSSLMODE PGCLIENTENCODING
	MAJOR=$(pg_major)
	export MAJOR PGPORT PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres
}

# pg_stop: ends everything that the helper started in this file, and PGDIR.
pg_stop() {
	local dir failed=0
	kill_started
	[ -n "${PGDIR-}" ] || return 0
	for dir in "$PGDIR"/*/ "$PGDIR"; do
		[ ! -e "$dir/data/service.conf" ] ||
			service stop "$dir" immediate --timeout 10 --escalate || failed=1
	done
	rm -rf "$PGDIR"
	return "$failed"
}

pg_major() { cat "$PGDIR/major"; }

# --- SQL

# sql 'SQL' [psql's options]: unaligned rows, fails at the first error.
sql() { psql -XAtq -v ON_ERROR_STOP=1 -c "$@"; }

# lacks 'SQL': what a test is about came with a later version, so this one refuses it.
lacks() { ! sql "$1" >/dev/null 2>&1; }

# fresh_db [CREATE DATABASE's options]: the test's own database, in PGDATABASE.
fresh_db() {
	export PGDATABASE=t_$BATS_TEST_NUMBER
	sql "CREATE DATABASE $PGDATABASE ${*-}" -d postgres
}

# session NAME: a psql of its own, which say feeds.
session() {
	mkfifo "$1.sql"
	start_bg "$1" run_session "$1.sql"
	exec {SESSION_FD}>"$1.sql"
	printf -v "$1_FD" %d "$SESSION_FD"
}

run_session() { exec psql -XAtq -v ON_ERROR_STOP=1 <"$1"; }

# say NAME 'SQL': and waits until it is done.
say() {
	local fd=$1_FD done=$BATS_TEST_TMPDIR/$1.done
	rm -f "$done"
	printf '%s\n\\! : >%q\n' "$2" "$done" >&"${!fd}"
	wait_until 20 "[ -e '$done' ]"
}

# drop_db: drops it with its slots, whoever uses them.
drop_db() {
	local db=$PGDATABASE
	export PGDATABASE=postgres
	[ "$db" != postgres ] || return 0
	wait_until 10 "free_slots '$db'" &&
		sql "DROP DATABASE IF EXISTS $db WITH (FORCE)"
}

free_slots() { # DATABASE: drops its slots, true when none is left
	sql "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
	    WHERE database = '$1' AND active" \
		-c "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
	    WHERE database = '$1' AND NOT active" >/dev/null 2>&1
	[ "$(sql "SELECT count(*) FROM pg_replication_slots WHERE database = '$1'")" = 0 ]
}

# Lets wal2json make slots: since the minor releases of August 2026 (14.24, 15.19,
# 16.15, 17.11, 18.6) a server refuses all but its own output plugins.
allow_wal2json() {
	[ "$(sql "SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'")" = 1 ] ||
		return 0
	sql 'ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, wal2json' \
		-c 'SELECT pg_reload_conf()' >/dev/null
	wait_until 5 '[[ $(sql "SHOW output_plugin_libraries") == *wal2json* ]]'
}

# --- background processes

# start_bg VAR COMMAND...: runs it in the background and sets VAR to its process
# id.  COMMAND may be a function.  It leads a process group, which ends with it
# in stop_bg, kill_hard and teardown.  Redirections of start_bg are COMMAND's.
start_bg() {
	set -m
	"${@:2}" <&0 3>&- 4>&- &
	set +m
	printf -v "$1" %d "$!"
	echo "$! $(start_time "$!")" >>"$BATS_FILE_TMPDIR/started.${BATS_TEST_NUMBER:-0}"
}

start_time() { # PID: tells it from a later process of the same number
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo "${20}"
}

# To the end of the file: what bash has read of it and not given would stand before what the
# next loop reads, should the process end meanwhile.
running() { # PID: it runs; a zombie does not
	local key value _ state=''
	while read -r key value _; do
		[ "$key" != State: ] || state=$value
	done 2>/dev/null <"/proc/$1/status"
	case $state in '' | Z | X) return 1 ;; esac
}

# stop_bg VAR [SIGNAL [SECONDS]]: SIGTERM, and waits for the end.  Sets bg_status
# to the exit code (127 if another test started it).  Fails, and kills, when
# it takes longer than SECONDS (10).
stop_bg() {
	kill -s "${2:-TERM}" "${!1}" 2>/dev/null || true
	end_bg "$1" "${3:-10}"
}

# end_bg VAR [SECONDS]: waits for the end without a signal; the rest as stop_bg.
end_bg() {
	local leader=${!1} late=0
	wait_until "${2:-10}" "! running $leader" || late=1
	kill -s KILL -- "-$leader" 2>/dev/null || true
	bg_status=0
	wait "$leader" 2>/dev/null || bg_status=$?
	export bg_status
	return "$late"
}

# kill_hard VAR: SIGKILL, and waits.
kill_hard() { stop_bg "$1" KILL; }

# kill_started [TEST]: kills what start_bg started, in a test or in all of them.
kill_started() {
	local pid time file
	for file in "$BATS_FILE_TMPDIR/started".${1:-*}; do
		[ -e "$file" ] || continue
		while read -r pid time; do
			# A group that is not empty keeps its number from being used again.
			if ! running "$pid" || [ "$(start_time "$pid")" = "$time" ]; then
				kill -s KILL -- "-$pid" 2>/dev/null || true
				wait "$pid" 2>/dev/null || true
			fi
		done <"$file"
		rm -f "$file"
	done
}

# bats calls it after each test; a file that has its own calls kill_started there.
teardown() { kill_started "$BATS_TEST_NUMBER"; }

# --- pgcdc

# messages FILE: without the one that each stream begins with.
messages() { sed '/^pgcdc-read: info: streaming slot /d' "$1"; }

# read_all SLOT PUBLICATION [OPTION]...: what the slot holds now, in
# $BATS_TEST_TMPDIR/out.
read_all() {
	timeout -k 5 60 pgcdc-read --drain -S "$1" --publication="$2" "${@:3}" \
		>"$BATS_TEST_TMPDIR/out" 3>&- 4>&-
}
