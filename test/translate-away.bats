#!/usr/bin/env bats
# pgcdc-translate and a store that goes away and comes back: what goes on meanwhile, and what waits.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2094,SC2154,SC2317

load translate

setup_file() { pg_start; }
teardown_file() { pg_stop; }

# A server of its own, with two tables; stop_two and start_two make it go and come back.
two() {
	TWO=$PGDIR/two$BATS_TEST_NUMBER
	PGPORT=$(service start "$TWO") PGDATABASE=postgres
	sql 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)'
	pgcdc init -S two --publication=p >init.out 2>&1
	sql 'INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO u VALUES (1)'
	timeout 60 pgcdc-read -S two --publication=p --drain >all
	without_log all >in
	# H, the rows of t, that of u
	grep -n '"table":"t"' in | tail -n 1 | cut -d : -f 1 >last_t
	head -n "$(<last_t)" in >first
	grep -n '"table":"t"' in | head -n 1 | cut -d : -f 1 >first_t
	sed "1,$(<last_t)d" in >second
}
stop_two() { service stop "$TWO" fast; }
start_two() { service start "$TWO" >/dev/null; }

# live_on_two [OPTION]...: it lives, and knows t; the next lines are told by rest_of_t, which
# needs no store, and second, which asks for u.
live_on_two() {
	rm -f to from
	live_store "$@"
	: >out
	head -n "$(<first_t)" in >&5
	hear "$(($(<first_t) + 1))"
	[[ $REPLY == *'"table":"t"'*'"metadata"'* ]]
}
rest_of_t() {
	sed "1,$(<first_t)d" first >&5
	hear "$(($(<last_t) - $(<first_t)))"
	[[ $REPLY == *'"table":"t"'*'"metadata"'* ]]
}
finish_two() {
	exec 5>&-
	cat <&6 >>out
	end_bg LIVE 30
	exec 6<&-
	[ "$bg_status" = 0 ]
	without_baseline | plain /dev/stdin | cmp - in
	ids | is 'I t #1 (1-1) 1-1:id=1
I t #1 (1-1) 1-1:id=2
I u #2 (2-1) 2-1:id=1'
}

is_lost() { grep -q 'warning: lost the connection to the store: ' err; }
is_back() { grep -q 'info: connected to the store again' err; }

# ddl_is_acked NAME: a schema change in the database of slot NAME, which confirms it; it is marked.
ddl_is_acked() {
	sql 'CREATE TABLE later (id int PRIMARY KEY)'
	wait_until 30 "sql 'DELETE FROM t WHERE id < 0; INSERT INTO t VALUES (-1)'; all_acked ||
		{ sql \"SELECT pg_replication_slot_advance('$1', pg_current_wal_lsn())\" >/dev/null; false; }"
}

@test "translate: a store that goes away: known tables go on, others wait until it comes back" {
	two
	live_on_two --store-timeout=60s
	stop_two
	wait_until 20 is_lost
	rest_of_t
	cat second >&5
	wait_until 20 'grep -q "^pgcdc-translate: warning: trying to connect to the store again, for up to [56][0-9] s: " err'
	run -1 is_back
	running "$LIVE"
	start_two
	finish_two
	[ "$(wc -l <err)" = 3 ]
	is_back
	# As long as it stays away: --store-timeout, and 111; nothing of the transaction is missing before.
	live_on_two --store-timeout=1s
	stop_two
	cat second >&5
	end_bg LIVE 30
	[ "$bg_status" = 111 ]
	[[ $(tail -n 1 err) == 'pgcdc-translate: error: the store gave no answer within --store-timeout: '* ]]
	exec 5>&- 6<&-
	start_two
	# It does not wait when it is told to end.
	live_on_two --store-timeout=60s
	stop_two
	cat second >&5
	wait_until 20 is_lost
	stop_bg LIVE TERM 5
	[ "$bg_status" = 111 ]
	[[ $(tail -n 1 err) == 'pgcdc-translate: error: the schema log could not be asked before the end' ]]
	exec 5>&- 6<&-
}

@test "translate: a store that does not answer is waited for no longer than --store-timeout" {
	one_row
	PGAPPNAME=stuck live_store --store-timeout=1s
	local pid
	head -n 1 in >&5
	hear 1
	pid=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'stuck'")
	kill -s STOP "$pid"
	without_log | sed 1d >&5
	exec 5>&-
	end_bg LIVE 20 || { kill -s CONT "$pid"; false; }
	kill -s CONT "$pid"
	exec 6<&-
	[ "$bg_status" = 111 ]
}

@test "translate: a connection that is lost between two lines is made again, and rows of the log are marked, with nothing asked" {
	one_row
	PGAPPNAME=lost live_store --acked-interval=50ms
	head -n 1 in >&5
	hear 1
	local n
	for n in 1 2; do
		sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lost'" >/dev/null
		wait_until 20 "[ \"\$(grep -c 'connected to the store again' err)\" = $n ]"
	done
	ddl_is_acked "$PGDATABASE"
	without_log | sed 1d >&5
	exec 5>&-
	: >out
	cat <&6 >>out
	end_bg LIVE 20
	exec 6<&-
	[ "$bg_status" = 0 ]
	ids | is 'I t #1 (1-1) 1-1:id=1 1-2:v="a"'
	# What libpq adds depends on whether a mark was being asked for.
	sed 's/ server closed the connection unexpectedly.*//' err | sort | uniq -c | is '      2 pgcdc-translate: info: connected to the store again
      2 pgcdc-translate: warning: lost the connection to the store: FATAL:  terminating connection due to administrator command'
}

@test "translate: a store that is stopped and started again marks rows of the log, with nothing asked" {
	two
	live_on_two --acked-interval=50ms
	stop_two
	wait_until 20 is_lost
	start_two
	ddl_is_acked two
	rest_of_t
	cat second >&5
	finish_two
	is_back
	[ "$(wc -l <err)" = 2 ]
}

# sockets: how many a translate has open.
sockets() { find "/proc/$LIVE/fd" -lname 'socket:*' 2>/dev/null | wc -l; }

@test "translate: a server that accepts connections and does not answer holds up no line of a known table" {
	two
	local postmaster backend
	postmaster=$(service pid "$TWO")
	PGAPPNAME=lost PGCONNECT_TIMEOUT=60 live_on_two --store-timeout=1s
	backend=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'lost'")
	kill -s STOP "$postmaster"
	kill -s TERM "$backend"
	wait_until 20 is_lost
	# It tries again.
	wait_until 20 '[ "$(sockets)" = 1 ]'
	rest_of_t || { kill -s CONT "$postmaster"; false; }
	cat second >&5
	exec 5>&-
	end_bg LIVE 20 || { kill -s CONT "$postmaster"; false; }
	kill -s CONT "$postmaster"
	[ "$bg_status" = 111 ]
	[[ $(tail -n 1 err) == 'pgcdc-translate: error: the store gave no answer within --store-timeout: '* ]]
	exec 6<&-
	# Once it answers it is there.
	PGAPPNAME=lost PGCONNECT_TIMEOUT=60 live_on_two
	backend=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'lost'")
	kill -s STOP "$postmaster"
	kill -s TERM "$backend"
	wait_until 20 is_lost
	wait_until 20 '[ "$(sockets)" = 1 ]'
	kill -s CONT "$postmaster"
	wait_until 20 is_back
	rest_of_t
	cat second >&5
	finish_two
}

# black_hole: a port of 127.0.0.1 where nothing is answered, as with a host that is off: its queue is full.
black_hole() {
	exec perl -MIO::Socket::INET -e '$| = 1;
		my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
		my @full = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $l->sockport, Blocking => 0) } 1 .. 8;
		print $l->sockport, "\n"; sleep 600' >hole
}

@test "translate: of several hosts the next one is tried when one does not answer" {
	two
	start_bg HOLE black_hole
	wait_until 10 '[ -s hole ]'
	PGAPPNAME=lost live_on_two -d "host=127.0.0.1,127.0.0.1 port=$(<hole),$PGPORT connect_timeout=2"
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lost'" >/dev/null
	wait_until 20 is_back
	rest_of_t
	cat second >&5
	finish_two
	[ "$(wc -l <err)" = 2 ]
}

@test "translate: a store that refuses to be connected to again: a warning, and 100 when it is needed" {
	sql 'DROP ROLE IF EXISTS refused' 2>/dev/null
	sql 'CREATE ROLE refused SUPERUSER LOGIN'
	one_row
	PGAPPNAME=lost live_store -d "dbname=$PGDATABASE user=refused"
	head -n 1 in >&5
	hear 1
	sql "ALTER ROLE refused NOLOGIN" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lost'" >/dev/null
	wait_until 20 'grep -q "warning: could not connect to the store again: .*not permitted to log in" err'
	without_log | sed 1d >&5
	exec 5>&-
	end_bg LIVE 20
	exec 6<&-
	[ "$bg_status" = 100 ]
	[ "$(wc -l <err)" = 3 ]
	[[ $(tail -n 1 err) == 'pgcdc-translate: error: could not connect: '*'not permitted to log in'* ]]
}

is_waiting() { grep -q 'info: waiting for the store, which is behind the stream at ' err; }

# a_standby: of the server, PGPORT; the store's port is in STANDBY.
a_standby() {
	STANDBY=$(service standby "$PGDIR/standby$BATS_TEST_NUMBER" "$PGDIR" --slot "standby$BATS_TEST_NUMBER")
	wait_until 20 'is_replayed'
}
is_replayed() {
	local lsn
	lsn=$(sql 'SELECT pg_current_wal_lsn()')
	wait_until 20 "[ \"\$(on_standby \"SELECT pg_last_wal_replay_lsn() >= '$lsn'\")\" = t ]"
}
on_standby() { sql "$1" -p "$STANDBY"; }
end_standby() {
	service stop "$PGDIR/standby$BATS_TEST_NUMBER" immediate
	sql "SELECT pg_drop_replication_slot('standby$BATS_TEST_NUMBER')" >/dev/null
}

# translated_to 'IDS': what was begun ends well, as these rows.
translated_to() {
	exec 5>&-
	: >out
	cat <&6 >>out
	end_bg LIVE 30
	exec 6<&-
	cat err
	[ "$bg_status" = 0 ]
	ids | is "$1"
}

@test "translate: a standby that has not come as far as the stream is waited for" {
	one_row
	a_standby
	sql "SELECT pg_replication_slot_advance('$PGDATABASE', pg_current_wal_lsn())" >/dev/null
	on_standby 'SELECT pg_wal_replay_pause()'
	sql 'CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)' \
		-c 'ALTER TABLE t RENAME v TO w; ALTER TABLE t ADD v int; INSERT INTO t VALUES (2, NULL, 3)'
	read_slot | without_log /dev/stdin >in
	PGPORT=$STANDBY refuses 111 'the store gave no answer within --store-timeout: it is behind the stream' --store-timeout=1s -q
	PGPORT=$STANDBY live_store
	cat in >&5
	wait_until 20 is_waiting
	on_standby 'SELECT pg_wal_replay_resume()'
	translated_to 'I u #2 (2-1) 2-1:id=1
I t #1 (1-1) 1-1:id=2 1-2:w=null 1-3:v=3'
	is_waiting
	# An old definition of that name is no answer, either.
	grep '"table":"u"' -v in >other
	mv other in
	rm to from
	on_standby 'SELECT pg_wal_replay_pause()'
	sql 'ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v; INSERT INTO t VALUES (3, NULL, 4)'
	sql "SELECT pg_replication_slot_advance('$PGDATABASE', '$(values ack in | tail -n 1)')" >/dev/null
	read_slot | without_log /dev/stdin >in
	PGPORT=$STANDBY live_store
	cat in >&5
	wait_until 20 is_waiting
	# Nor does it wait when it is told to end.
	stop_bg LIVE TERM 10
	exec 5>&- 6<&-
	[ "$bg_status" = 111 ]
	[[ $(tail -n 1 err) == 'pgcdc-translate: error: the schema log could not be asked before the end' ]]
	rm to from
	PGPORT=$STANDBY live_store
	cat in >&5
	wait_until 20 is_waiting
	on_standby 'SELECT pg_wal_replay_resume()'
	translated_to 'I t #1 (1-1) 1-1:id=3 1-2:v=null 1-3:x=4'
	end_standby
}

@test "translate: a standby that has all of a transaction but its commit is waited for" {
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	init --all-tables --replica-identity=full
	a_standby
	on_standby "ALTER SYSTEM SET recovery_min_apply_delay = '1h'"
	on_standby 'SELECT pg_reload_conf()'
	wait_until 10 '[ "$(on_standby "SHOW recovery_min_apply_delay")" = 1h ]'
	sql 'CREATE TABLE u AS SELECT 1 AS id'
	read_slot >in
	wait_until 20 '[ "$(on_standby "SELECT pg_last_wal_replay_lsn() >= '"'"'$(jq -r "select(.table == \"u\").lsn" in)'"'"'")" = t ]'
	PGPORT=$STANDBY live_store
	cat in >&5
	wait_until 20 is_waiting
	on_standby 'ALTER SYSTEM RESET recovery_min_apply_delay'
	on_standby 'SELECT pg_reload_conf()'
	translated_to 'I u #2 () 2-1:id=1'
	end_standby
}

@test "translate: a transaction that the store does not show yet, as its commit waits for a standby, is waited for" {
	PGPORT=$(service start "$PGDIR/sync" --conf 'autovacuum = off') PGDATABASE=postgres
	sql 'CREATE TABLE t (id int PRIMARY KEY)'
	pgcdc init -S postgres --publication=p --all-tables --replica-identity=full >init.out 2>&1
	sql "ALTER SYSTEM SET synchronous_standby_names = 'nobody'" -c 'SELECT pg_reload_conf()'
	wait_until 10 '[ "$(sql "SHOW synchronous_standby_names")" = nobody ]'
	# What the log has already is not waited for: the pipeline itself may be that standby.
	rename() { exec psql -Xqc 'INSERT INTO t VALUES (1); CREATE SCHEMA s; ALTER SCHEMA s RENAME TO r' >/dev/null 2>&1; }
	start_bg RENAME rename
	wait_until 20 'is_committing 1'
	read_slot >in
	translate --store-timeout=1s -q <in >out
	ids | is 'I t #1 (1-1) 1-1:id=1'
	[ "$(sql 'SELECT count(DISTINCT lsn) FROM pgcdc.schema_commits')" = 1 ]
	[ "$(sql 'SELECT count(*) FROM pgcdc.schema_log WHERE id IN (SELECT id FROM pgcdc.schema_commits)')" = 0 ]
	create() { exec psql -Xqc 'CREATE TABLE u AS SELECT 1 AS id' >/dev/null 2>&1; }
	start_bg CREATE create
	wait_until 20 'is_committing 2'
	read_slot >in
	refuses 111 'the store gave no answer within --store-timeout: it is behind the stream' --store-timeout=1s -q
	live_store
	cat in >&5
	wait_until 20 is_waiting
	sql 'ALTER SYSTEM RESET synchronous_standby_names' -c 'SELECT pg_reload_conf()'
	translated_to 'I t #1 (1-1) 1-1:id=1
I u #2 () 2-1:id=1'
	end_bg CREATE
	end_bg RENAME
}

# is_committing N: as many transactions wait for a standby.
is_committing() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")" = "$1" ]; }
