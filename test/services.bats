# The tests' own tools: the server script, the helper's processes, the runner; and the demo.
# shellcheck disable=SC2016,SC2154

load helper

setup_file() {
	PGDIR=$(mktemp -d "${PGCDC_TEST_TMP:-/tmp}/pgcdc.XXXXXX")
	chmod 755 "$PGDIR"
	export PGDIR PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres
	PGPORT=$(service start "$PGDIR/main" --conf 'work_mem = 5MB')
	export PGPORT
}
teardown_file() { pg_stop; }

processes() { pgrep -c -f -- "-D $PGDIR/$1/data" || true; }

@test "a server runs on its port and socket, as nobody special, with the settings" {
	[ "$(sql 'SHOW wal_level')" = logical ]
	[ "$(sql 'SHOW work_mem')" = 5MB ]
	[ "$(sql 'SELECT count(*) FROM pg_stat_ssl' -h "$PGDIR/main")" -ge 1 ]
	[ "$(cat "$PGDIR/main/port")" = "$PGPORT" ]
	[ "$(sql 'SHOW server_version_num' | cut -c1-2)" = "$(cat "$PGDIR/main/major")" ]
	[ -x "$(cat "$PGDIR/main/bin")/pg_ctl" ]
	pid=$(service pid "$PGDIR/main")
	[ "$(stat -c %u "/proc/$pid")" -ne 0 ]
}

@test "a restart keeps port, data and settings, and adds some" {
	sql 'CREATE TABLE kept AS SELECT 1'
	run -111 service start "$PGDIR/main"
	[[ $output == *"runs already"* ]]
	service stop "$PGDIR/main"
	[ "$(processes main)" -eq 0 ]
	run -1 service pid "$PGDIR/main"
	service stop "$PGDIR/main"
	[ "$(service start "$PGDIR/main" --conf 'work_mem = 6MB')" = "$PGPORT" ]
	[ "$(sql 'SELECT count(*), current_setting($$work_mem$$) FROM kept')" = "1|6MB" ]
}

@test "a server that was killed starts again" {
	sql 'CREATE TABLE crashed AS SELECT 1'
	kill -KILL "$(service pid "$PGDIR/main")"
	[ "$(service start "$PGDIR/main")" = "$PGPORT" ]
	[ "$(sql 'SELECT count(*) FROM crashed')" = 1 ]
	service stop "$PGDIR/main" immediate
	service start "$PGDIR/main"
}

@test "stop says that a server hangs, and ends it when told" {
	kill -STOP "$(service pid "$PGDIR/main")"
	run -111 service stop "$PGDIR/main" --timeout 1
	[[ $output == *"did not stop within 1 s"* ]]
	service stop "$PGDIR/main" --timeout 0 --escalate
	[ "$(processes main)" -eq 0 ]
	service start "$PGDIR/main"
}

@test "a restart on a port that is taken fails and leaves nothing" {
	service stop "$PGDIR/main"
	other=$(service start "$PGDIR/other")
	echo "$other" >"$PGDIR/main/port"
	run -111 service start "$PGDIR/main"
	[[ $output == *"Address already in use"* ]]
	[ "$(processes main)" -eq 0 ]
	echo "$PGPORT" >"$PGDIR/main/port"
	service start "$PGDIR/main"
	service stop "$PGDIR/other"
}

@test "every major starts" {
	for major in 13 14 15 16 17 18; do
		dir=$PGDIR/v$major
		port=$(service start "$dir" --major "$major")
		[ "$(sql 'SHOW server_version_num' -p "$port" | cut -c1-2)" = "$major" ]
		[ "$(cat "$dir/major")" = "$major" ]
		service stop "$dir"
		[ "$(processes "v$major")" -eq 0 ]
	done
}

@test "databases of other encodings" {
	for encoding in LATIN1 EUC_JP SQL_ASCII; do
		port=$(service start "$PGDIR/$encoding" --encoding "$encoding")
		[ "$(sql 'SHOW server_encoding' -p "$port")" = "$encoding" ]
		service stop "$PGDIR/$encoding"
	done
}

@test "a standby streams and takes over" {
	for major in 13 debian 18; do
		from=$(service start "$PGDIR/p$major" --major "$major")
		sql 'CREATE TABLE t AS SELECT 1' -p "$from"
		to=$(service standby "$PGDIR/s$major" "$PGDIR/p$major")
		sql 'INSERT INTO t VALUES (2)' -p "$from"
		wait_until 10 "[ \"\$(sql 'SELECT count(*) FROM t' -p $to)\" = 2 ]"
		[ "$(sql 'SELECT pg_is_in_recovery()' -p "$to")" = t ]
		service stop "$PGDIR/p$major" immediate
		service promote "$PGDIR/s$major"
		sql 'INSERT INTO t VALUES (3)' -p "$to"
		service stop "$PGDIR/s$major"
		[ "$(processes "s$major")" -eq 0 ]
	done
}

@test "a failover slot lives on in the standby" {
	from=$(service start "$PGDIR/pf" --major 17)
	sql "SELECT pg_create_logical_replication_slot('f', 'test_decoding', false, false, true)" \
		-p "$from"
	to=$(service standby "$PGDIR/sf" "$PGDIR/pf" --slot to_sf)
	# The copy is good once the primary's slot is past the standby's start.
	synced() {
		sql "SELECT pg_log_standby_snapshot()" -p "$from" \
			-c "SELECT pg_replication_slot_advance('f', pg_current_wal_lsn())" >/dev/null
		[ "$(sql "SELECT synced AND NOT temporary FROM pg_replication_slots" -p "$to")" = t ]
	}
	wait_until 40 synced
	[ "$(sql "SELECT active FROM pg_replication_slots WHERE slot_name = 'to_sf'" -p "$from")" = t ]
	service stop "$PGDIR/pf" immediate
	service promote "$PGDIR/sf"
	sql 'CREATE TABLE t AS SELECT 42 AS x' -p "$to"
	[[ $(sql "SELECT data FROM pg_logical_slot_get_changes('f', NULL, NULL)" -p "$to") == *:42* ]]
	service stop "$PGDIR/sf"
}

@test "what cannot be is refused in one line" {
	refused() { # MESSAGE ARGUMENT...
		run -100 service "${@:2}"
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == "postgres: "*"$1"* ]]
	}
	refused 'no PostgreSQL "12"' start "$PGDIR/x" --major 12
	local other=18
	[ "${PGCDC_TEST_MAJOR-}" != 18 ] || other=17
	refused "not of PostgreSQL $other" start "$PGDIR/main" --major $other
	refused "is not empty" start "$PGDIR"
	refused "too long a name" start "$PGDIR/$(printf %090d 0)"
	refused "lacks its value" start "$PGDIR/x" --major
	refused "no server" stop "$PGDIR/x"
	refused "no server" standby "$PGDIR/x" "$PGDIR/y"
	refused "usage:" restart "$PGDIR/main"
	[ ! -e "$PGDIR/x" ]
}

@test "helper: background processes end with their group" {
	group() {
		sleep 1000 &
		echo $! >"$BATS_TEST_TMPDIR/child"
		wait
	}
	start_bg job group
	wait_until 5 '[ -s "$BATS_TEST_TMPDIR/child" ]'
	stop_bg job
	[ "$bg_status" -eq 143 ]
	wait_until 5 '! running "$(cat "$BATS_TEST_TMPDIR/child")"'

	start_bg job bash -c 'read -r code; exit "$code"' <<<7
	end_bg job
	[ "$bg_status" -eq 7 ]

	start_bg job bash -c 'trap "" TERM; echo >"$1"; while :; do sleep 1; done' - \
		"$BATS_TEST_TMPDIR/deaf"
	wait_until 5 '[ -e "$BATS_TEST_TMPDIR/deaf" ]'
	run ! stop_bg job TERM 1
	run ! running "$job"

	start_bg job sleep 1000
	kill_started "$BATS_TEST_NUMBER"
	wait_until 5 '! running "$job"'
}

@test "helper: a database of the test's own, and its slots" {
	fresh_db "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
	db=$PGDATABASE
	[ "$(sql 'SHOW server_encoding')" = LATIN1 ]
	sql "SELECT pg_create_logical_replication_slot('$db', 'test_decoding')"
	start_bg reader pg_recvlogical -d "$db" -S "$db" --start -f "$BATS_TEST_TMPDIR/out"
	wait_until 5 '[ "$(sql "SELECT active FROM pg_replication_slots")" = t ]'
	drop_db
	[ "$(sql 'SELECT count(*) FROM pg_replication_slots')" = 0 ]
	[ "$(sql "SELECT count(*) FROM pg_database WHERE datname = '$db'")" = 0 ]
}

@test "helper: wal2json is there, whatever the minor release" {
	[ "${PGCDC_TEST_MAJOR:-debian}" = debian ] || return 0 # only Debian's packages have it
	allow_wal2json
	sql "SELECT pg_create_logical_replication_slot('w', 'wal2json')"
	sql "SELECT pg_drop_replication_slot('w')"
}

@test "the demo ends with its last result" {
	run -0 timeout 100 "$PGCDC_TEST_ROOT/test/demo" 3>&-
	echo "$output"
	[[ "${lines[-1]}" == *' event lines, '*': at least once, nothing lost' ]]
	# and the stream was shown
	[ "$(grep -c '^{"action":"B"' <<<"$output")" -gt 10 ]
	[ "$(grep -c '^{"action":"H"' <<<"$output")" -eq 3 ]
}

@test "runner: counts, and fails for what was not said" {
	result() { # LAST-LINE SCRIPT: what test/run says of a unit test
		printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/unit"
		chmod +x "$BATS_TEST_TMPDIR/unit"
		run env CI= "$PGCDC_TEST_ROOT/test/run" --unit "$BATS_TEST_TMPDIR/unit"
		[ "${lines[-1]}" = "$1" ]
	}
	result "2 passed, 0 failed, 0 skipped" 'echo 1..2; echo ok 1; echo ok 2 - two'
	[ "$status" -eq 0 ]
	result "1 passed, 0 failed, 1 skipped" 'echo 1..2; echo ok 1; echo "ok 2 # skip no"'
	[ "$status" -eq 0 ]
	result "1 passed, 1 failed, 0 skipped" 'echo 1..2; echo ok 1; echo not ok 2; echo "# why"; exit 1'
	[ "$status" -eq 1 ]
	[[ $output == *"# why"* ]]
	result "1 passed, 2 failed, 0 skipped" 'echo 1..3; echo ok 1; kill -SEGV $$'
	[ "$status" -eq 1 ]
	result "1 passed, 1 failed, 0 skipped" 'echo 1..1; echo ok 1; exit 3'
	[ "$status" -eq 1 ]
	result "1 passed, 1 failed, 0 skipped" 'echo 1..1; echo ok 1; sleep 1000 &'
	[ "$status" -eq 1 ]
	[[ $output == *"left behind: process"*"sleep 1000"* ]]
	result "0 passed, 1 failed, 0 skipped" 'echo "cannot start" >&2'
	[[ $output == *"cannot start"* ]]
	result "0 passed, 0 failed, 0 skipped" 'echo 1..0'
	[ "$status" -eq 1 ]
	run env CI=true "$PGCDC_TEST_ROOT/test/run" --unit "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 1 ]
	printf '#!/bin/sh\necho 1..2; echo ok 1; echo "ok 2 # skip no"\n' >"$BATS_TEST_TMPDIR/unit"
	run env CI=true "$PGCDC_TEST_ROOT/test/run" --unit "$BATS_TEST_TMPDIR/unit"
	[ "$status" -eq 1 ]
}
