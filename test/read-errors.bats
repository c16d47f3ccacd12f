#!/usr/bin/env bats
# Bad days: each ends with one line that names the thing and the remedy, with the
# right exit code, and with nothing confirmed.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2317

load read

setup_file() {
	pg_start || return
	local entry
	for entry in 'all refused 127.0.0.1/32 reject' 'all careful 127.0.0.1/32 scram-sha-256'; do
		sed -i "1i host $entry" "$PGDIR/data/pg_hba.conf"
	done
	sql "SET password_encryption = 'scram-sha-256'; CREATE ROLE careful LOGIN REPLICATION PASSWORD 'tops3cret';
		CREATE ROLE refused LOGIN REPLICATION; CREATE ROLE plain LOGIN; CREATE ROLE limited LOGIN REPLICATION CONNECTION LIMIT 0; SELECT pg_reload_conf()"
}

teardown_file() { pg_stop; }

# A slot with one row in it.
one_row() {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t VALUES (1)'
}

# second_server [OPTION]...: a server in PGDIR/two for this test.
second_server() {
	PGPORT=$(service start "$PGDIR/two" "$@")
	export PGPORT PGDATABASE=postgres
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	if [ -e "$PGDIR/two" ]; then
		service stop "$PGDIR/two" immediate --timeout 10 --escalate
		rm -rf "$PGDIR/two"
		PGPORT=$(cat "$PGDIR/port")
		PGDATABASE=t_$BATS_TEST_NUMBER
	fi
	drop_db
}

@test "read: the server is away" {
	one_row
	refuses 111 'could not connect: *refused*' -p 1
	refuses 111 "could not connect: *$PWD*" -h "$PWD"
}

@test "read: the server shuts down: 111" {
	second_server
	sql 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	make_slot
	live() { exec pgcdc-read -S "$PGDATABASE" --publication=p >live 2>err; }
	start_bg LIVE live
	wait_until 10 '[ "$(actions live)" = H ]'
	service stop "$PGDIR/two" fast --timeout 10
	end_bg LIVE
	says "$bg_status" 111 ''
	[ "$(actions live)" = H ]
}

@test "read: the walsender is terminated: 111" {
	one_row
	live() { exec pgcdc-read -S "$PGDATABASE" --publication=p >live 2>err; }
	start_bg LIVE live
	wait_until 10 '[ "$(actions live)" = HBIC ]'
	sql "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '$PGDATABASE'" >/dev/null
	end_bg LIVE
	says "$bg_status" 111 'terminat'
}

@test "read: authentication is refused" {
	one_row
	PGPASSWORD=wrong refuses 100 'could not connect: *password authentication failed for user "careful"' -U careful
	refuses 100 'could not connect: *pg_hba.conf*user "refused"*' -U refused
	refuses 100 'could not connect: *role "nobody_here" does not exist' -U nobody_here
	refuses 100 'could not connect: *database "not_there" does not exist' -d not_there
}

@test "read: a role without REPLICATION" {
	one_row
	refuses 100 'role "plain" may not replicate; ALTER ROLE*REPLICATION*' -U plain
}

@test "read: wal_level is too low" {
	second_server --conf 'wal_level = replica'
	refuses 100 'wal_level is "replica"; set wal_level = logical and restart the server'
}

@test "read: no connection is free: 111" {
	one_row
	refuses 111 'could not connect: *too many connections for role "limited"' -U limited
}

@test "read: no walsender is free: 111" {
	second_server --conf 'max_wal_senders = 1'
	sql 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	make_slot
	sql "SELECT pg_create_logical_replication_slot('other', 'pgoutput')" >/dev/null
	other() { exec pgcdc-read -S other --publication=p >other.out 2>other.err; }
	start_bg OTHER other
	wait_until 10 '[ "$(actions other.out)" = H ]'
	refuses 111 'could not connect: *max_wal_senders*'
	running "$OTHER"
}

@test "read: the slot is missing, physical, of another plugin, in another database" {
	local name=$PGDATABASE
	one_row
	sql "SELECT pg_create_physical_replication_slot('${name}_p'), pg_create_logical_replication_slot('${name}_t', 'test_decoding')" >/dev/null
	bad() { timeout 20 pgcdc-read -S "$1" --publication=p "${@:2}" >out 2>err; }
	run bad none
	says "$status" 100 'slot "none" does not exist; make it with "pgcdc init" (*lost)'
	run bad "${name}_p"
	says "$status" 100 "slot \"${name}_p\" is a physical slot; make a logical one with \"pgcdc init\""
	run bad "${name}_t"
	says "$status" 100 "slot \"${name}_t\" is of plugin \"test_decoding\"; make one of pgoutput with \"pgcdc init\""
	run bad "$name" -d postgres
	says "$status" 100 "slot \"$name\" is in database \"$name\", not in \"postgres\"; connect to that one"
	sql "SELECT pg_drop_replication_slot('${name}_p')"
	[ ! -s out ]
}

@test "read: the slot is in use: 111, naming the PID" {
	one_row
	first() { exec pgcdc-read -S "$PGDATABASE" --publication=p >first 2>first.err; }
	start_bg FIRST first
	wait_until 10 '[ "$(actions first)" = HBIC ]'
	refuses 111 "slot \"$PGDATABASE\" is in use by PID $(of_slot active_pid); stop that reader or use a slot of your own"
	running "$FIRST"
}

@test "read: the slot is invalidated: the message has its name, the reason and the gap" {
	second_server --conf 'max_slot_wal_keep_size = 1MB' --conf 'checkpoint_timeout = 1h'
	one_row
	local start
	start=$(of_slot confirmed_flush_lsn)
	# shellcheck disable=SC2034
	for i in 1 2 3 4; do
		sql "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000)); CHECKPOINT" >/dev/null
		sql 'SELECT pg_switch_wal(); CHECKPOINT' >/dev/null
		[ "$(of_slot wal_status)" != lost ] || break
	done
	[ "$(of_slot wal_status)" = lost ]
	refuses 100 "slot \"postgres\" is invalidated (*): the changes between $start and */* cannot be read any more; drop it, make it anew and dump the tables"
	[ "$MAJOR" -lt 17 ] || [[ $(<err) == *'(wal_removed)'* ]]
}

@test "read: the slot is invalidated in mid-stream" {
	second_server --conf 'max_slot_wal_keep_size = 1MB' --conf 'checkpoint_timeout = 1h'
	make_slot 'CREATE TABLE t (id int, v text); CREATE PUBLICATION p FOR TABLE t'
	mkfifo pipe
	# A stalled reader holds back the slot.
	stalled() { exec pgcdc-read -S "$PGDATABASE" --publication=p >pipe 2>err; }
	start_bg STALLED stalled
	exec 5<pipe
	sql "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i"
	# shellcheck disable=SC2034
	for i in 1 2 3 4; do
		sql 'SELECT pg_switch_wal(); CHECKPOINT' >/dev/null
		[ "$(of_slot wal_status)" != lost ] || break
	done
	[ "$(of_slot wal_status)" = lost ]
	end_bg STALLED
	exec 5<&-
	# The server ends the connection; the next run says why.
	says "$bg_status" 111 ''
	refuses 100 'slot "postgres" is invalidated*'
}

@test "read: a slot with two_phase is refused (14 and later)" {
	if [ "$MAJOR" -lt 14 ]; then
		lacks "SELECT pg_create_logical_replication_slot('two', 'pgoutput', false, true)"
		return
	fi
	sql 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput', false, true)" >/dev/null
	refuses 100 "slot \"$PGDATABASE\" was made with two_phase, which is not supported; make it anew without"
}

@test "read: the server refuses the output plugin" {
	if [ -z "$(sql "SELECT 1 FROM pg_settings WHERE name = 'output_plugin_libraries'")" ]; then
		lacks 'SHOW output_plugin_libraries'
		return
	fi
	second_server
	one_row
	sql "ALTER SYSTEM SET output_plugin_libraries = ''"
	sql 'SELECT pg_reload_conf()' >/dev/null
	wait_until 10 "[ \"\$(sql 'SHOW output_plugin_libraries')\" = '\"\"' ]"
	refuses 100 'the server refuses the output plugin of slot "postgres": *; add pgoutput to output_plugin_libraries and reload'
	sql 'ALTER SYSTEM RESET output_plugin_libraries'
	sql 'SELECT pg_reload_conf()' >/dev/null
	wait_until 10 'read_slot >out 2>/dev/null'
	[ "$(actions out)" = HBIC ]
}

@test "read: a publication is missing or empty" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t; CREATE PUBLICATION empty; CREATE PUBLICATION also_empty'
	sql 'INSERT INTO t VALUES (1)'
	refuses 100 'publication "none" does not exist; make it with "pgcdc init" before the slot' --publication=none
	run timeout 20 pgcdc-read -S "$PGDATABASE" --publication=P --drain
	[ "$status" = 100 ]
	[[ $output == *'publication "P" does not exist'* ]]
	local rc=0
	timeout 20 pgcdc-read -q -S "$PGDATABASE" --publication=empty,also_empty --drain >out 2>err || rc=$?
	says "$rc" 100 'nothing is published: publication "empty" has no tables; add some with "pgcdc init --tables" or ALTER PUBLICATION'
	[ ! -s out ]
	# One that is not empty is enough.
	read_slot --publication=empty >out 2>err
	[ "$(actions out)" = HBIC ]
	[[ $(messages err) == 'pgcdc-read: warning: publication "empty" is empty; add tables to it with "pgcdc init"' ]]
}

@test "read: a publication of an empty schema, or of all tables when there are none, is not empty" {
	sql 'CREATE SCHEMA s; CREATE PUBLICATION a FOR ALL TABLES'
	[ "$MAJOR" -lt 15 ] || sql 'CREATE PUBLICATION s FOR TABLES IN SCHEMA s'
	make_slot
	timeout 20 pgcdc-read -S "$PGDATABASE" --publication=a --drain 2>err
	[ "$MAJOR" -lt 15 ] || timeout 20 pgcdc-read -S "$PGDATABASE" --publication=s --drain 2>>err
	[ -z "$(messages err)" ]
}

@test "read: the publication is dropped in mid-stream" {
	one_row
	live() { exec pgcdc-read -S "$PGDATABASE" --publication=p --ack=stdout -s 10ms >live 2>err; }
	start_bg LIVE live
	wait_until 10 '[ "$(actions live)" = HBIC ]'
	wait_until 10 "[ \"\$(of_slot \"confirmed_flush_lsn >= '\$(values ack live)'\")\" = t ]"
	sql 'DROP PUBLICATION p'
	sql 'INSERT INTO t VALUES (2)'
	end_bg LIVE
	says "$bg_status" 100 "$PGDATABASE*publication \"p\"*"
	[ "$(actions live)" = HBIC ]
	# The change was not confirmed: it comes again.
	sql 'CREATE PUBLICATION p FOR TABLE t'
	refuses 100 "$PGDATABASE*publication \"p\"*" --ack=stdout
}

@test "read: changes from before the publication: the message has the slot, the position and what to do" {
	sql 'CREATE TABLE t (id int)'
	make_slot
	sql 'INSERT INTO t VALUES (1)'
	sql 'CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t VALUES (2)'
	refuses 100 "\"$PGDATABASE\"*[0-9A-F]/[0-9A-F]*publication*pg_replication_slot_advance*" --ack=stdout
}

@test "read: standard output is closed" {
	one_row
	local rc=0
	pgcdc-read -S "$PGDATABASE" --publication=p --drain --ack=stdout >&- 2>err || rc=$?
	says "$rc" 100 'could not use standard output: *'
	[ "$(of_slot "confirmed_flush_lsn < pg_current_wal_lsn()")" = t ]
}

@test "read: the program behind standard output has ended: 111" {
	one_row
	local before
	before=$(of_slot confirmed_flush_lsn)
	# It has ended before the first line ...
	{ timeout 20 pgcdc-read -S "$PGDATABASE" --publication=p --ack=ack 2>err || echo $? >rc; } | true
	says "$(cat rc)" 111 'standard output is closed: the program behind it has ended'
	# ... and while nothing happens.
	mkfifo pipe
	idle() { exec pgcdc-read -S "$PGDATABASE" --publication=p --ack=ack >pipe 2>err; }
	start_bg IDLE idle
	exec 5<pipe
	while read -r -u 5; do [[ $REPLY != '{"action":"C"'* ]] || break; done
	exec 5<&-
	end_bg IDLE
	says "$bg_status" 111 'standard output is closed: the program behind it has ended'
	[ "$(of_slot confirmed_flush_lsn)" = "$before" ]
}

@test "read: the disk behind standard output is full: 111" {
	one_row
	local before rc=0
	before=$(of_slot confirmed_flush_lsn)
	timeout 20 pgcdc-read -S "$PGDATABASE" --publication=p --drain --ack=stdout >/dev/full 2>err || rc=$?
	says "$rc" 111 'could not write to standard output: No space left on device'
	[ "$(of_slot confirmed_flush_lsn)" = "$before" ]
}

@test "read: the disk behind standard output fills up in the middle: 111" {
	make_slot 'CREATE TABLE t (id int, v text); CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t VALUES (1)'
	sql "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) i"
	mkdir small
	mount -t tmpfs -o size=1m none small
	local rc=0
	timeout 20 pgcdc-read -S "$PGDATABASE" --publication=p --drain --ack=stdout >small/out 2>err || rc=$?
	values ack small/out >acks
	umount small
	says "$rc" 111 'could not write to standard output: No space left on device'
	# The first transaction was written, and may be confirmed; the second was not.
	[ "$(wc -l <acks)" = 1 ]
	[ "$(of_slot "confirmed_flush_lsn <= '$(cat acks)'")" = t ]
}

@test "read: the path of the ack FIFO is something else" {
	one_row
	: >regular
	mkdir folder
	mkfifo fifo
	ln -s fifo link
	ln -s nowhere dangling
	refuses 100 '"regular" is not a FIFO; remove it or give --ack another path' --ack=regular
	refuses 100 '"folder"*' --ack=folder
	refuses 100 '"link" is a symbolic link; give --ack the path of a FIFO' --ack=link
	refuses 100 '"dangling" is a symbolic link; give --ack the path of a FIFO' --ack=dangling
	refuses 100 'could not make ack FIFO "none/fifo": No such file or directory; give --ack a path in a folder of ours' --ack=none/fifo
	mkfifo wide
	chmod 622 wide
	read_slot --ack=wide -E 0/1 2>&1 >out | grep -F 'everybody may write into ack FIFO "wide"'
	[ -f regular ]
	[ ! -s regular ]
	[ ! -e nowhere ]
	mkfifo theirs
	chown nobody theirs 2>/dev/null || return 0
	refuses 100 "ack FIFO \"theirs\" belongs to user ID $(id -u nobody), not to us ($(id -u)); remove it or give --ack another path" --ack=theirs
}

@test "read: the ack FIFO is made for us alone, and held against a second reader" {
	one_row
	umask 000
	first() { exec pgcdc-read -S "$PGDATABASE" --publication=p --ack=ack >first 2>first.err; }
	start_bg FIRST first
	wait_until 10 '[ "$(actions first)" = HBIC ]'
	[ "$(stat -c '%F %a' ack)" = 'fifo 600' ]
	local rc=0
	timeout 20 pgcdc-read -S other --publication=p --ack=ack >out 2>err || rc=$?
	says "$rc" 111 'ack FIFO "ack" is held by another reader; stop that one or give --ack another path'
	running "$FIRST"
	stop_bg FIRST TERM 5 || true
	[ -p ack ]
}

@test "read: nobody acknowledges: 111 within --shutdown-timeout, with the position and the name" {
	one_row
	local before rc=0
	before=$(of_slot confirmed_flush_lsn)
	read_slot --ack=ack --wait-for=index,hook --shutdown-timeout=50ms >out 2>err || rc=$?
	says "$rc" 111 "no ack of $(values ack out) from \"index\" within --shutdown-timeout; what is not acknowledged will come again"
	[ "$(actions out)" = HBIC ]
	[ "$(of_slot confirmed_flush_lsn)" = "$before" ]
}

@test "read: a wait for the last acks is said" {
	one_row
	local rc=0
	read_slot --ack=ack --shutdown-timeout=1500ms >out 2>err || rc=$?
	[ "$rc" -eq 111 ]
	grep -x 'pgcdc-read: info: waiting up to [12] s for the last acks' err
}

@test "read: the state file is damaged, or is something else" {
	one_row
	echo '{"system_identifier":"1"' >damaged
	mkdir folder
	ln -s damaged link
	refuses 100 'state file "damaged" is damaged; *' --ack=ack --state=damaged
	refuses 100 'state file "folder" is not a regular file of our own; give --state another path' --ack=ack --state=folder
	refuses 100 'state file "link" is a symbolic link, which is not followed; give --state the path of the file' --ack=ack --state=link
	read_slot --ack=ack --state=good -E 0/1 >out
	sed 's/"slot":"[^"]*"/"slot":"another"/' <good >other
	refuses 100 'state file "other" is of slot "another"; give --state a file of its own' --ack=ack --state=other
	refuses 100 'state file "other" is of slot "another"; give --state a file of its own' --ack=ack --state=other --accept-gap
	refuses 100 'could not write state file "none/state": No such file or directory; give --state a path in a folder of ours' --ack=ack --state=none/state
	[ "$(cat damaged)" = '{"system_identifier":"1"' ]
}
