#!/usr/bin/env bats
# What is wrong with the options, the tables and the rights is said before anything is written; bad
# days end with a line that says why, and with the right exit code.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load dump
load options

setup_file() {
	pg_start || return
	sed -i '1i host all refused 127.0.0.1/32 reject' "$PGDIR/data/pg_hba.conf"
	sql 'CREATE ROLE refused LOGIN; CREATE ROLE plain LOGIN; SELECT pg_reload_conf()'
}

teardown_file() { pg_stop; }

# --- options

@test "dump: --help and --version" { answers pgcdc-dump; }

@test "dump: options that are wrong" {
	refuses_each 26 pgcdc-dump <<-'END'
		|no table is named; give --tables*
		-t orders|invalid pattern "orders" for option "--tables"; expected schema.table*
		-t ''|invalid value "" for option "--tables"*
		-t a.b, |invalid value "a.b," for option "--tables"*
		-t a.b --exclude-tables=b|invalid pattern "b" for option "--exclude-tables"*
		--publication=|invalid value "" for option "--publication"*
		-t a.b -j 0|invalid value "0" for option "--jobs"; expected a number from 1 to 64
		-t a.b -j 65|invalid value "65" for option "--jobs"*
		-t a.b -j 1.5|invalid value "1.5" for option "--jobs"*
		-t a.b --range-pages=0|invalid value "0" for option "--range-pages"*
		-t a.b --range-pages=2147483649|invalid value "2147483649" for option "--range-pages"*
		-t a.b --max-rate=1|invalid value "1" for option "--max-rate"*
		-t a.b --min-lsn=here|invalid value "here" for option "--min-lsn"; expected an LSN*
		-t a.b --timeout=soon|invalid value "soon" for option "--timeout"*
		-t a.b --timeout=25h|invalid value "25h" for option "--timeout"*
		-t a.b --shutdown-timeout=-1s|invalid value "-1s" for option "--shutdown-timeout"*
		-t a.b --wait-for=x|option --wait-for needs --ack*
		-t a.b --wait-for=x --ack=stdout|option --wait-for needs --ack with the path of a FIFO
		-t a.b --wait-for=a/b --ack=f|invalid name "a/b" for option "--wait-for"*
		-t a.b --progress-file=f|option --progress-file needs --ack*
		-t a.b --ack=/dev/null|"/dev/null" is not a FIFO*
		-t a.b --ack=/no/such/folder/f|could not make ack FIFO "/no/such/folder/f"*
		-t a.b extra|unexpected argument "extra"*
		-t a.b --never|unknown or ambiguous option "--never"*
		-t a.b -h example.org|the identity of server "example.org" would not be verified*
		-t a.b -d 'nonsense=1'|invalid connection string*
	END
}

# --- what cannot be read

@test "dump: tables and publications that are not there" {
	sql 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	refuses_to_begin 100 'table "public.nothing" does not exist' --tables=public.t,public.nothing
	refuses_to_begin 100 'no table matches "nothing.*"' --tables='public.*,nothing.*'
	refuses_to_begin 100 'table "public.T" does not exist' --tables=public.T
	refuses_to_begin 100 'does not exist' --tables=pg_catalog.pg_class
	refuses_to_begin 100 'there is no table to dump' --tables='*.*' --exclude-tables='*.*'
	refuses_to_begin 100 'publication "nothing" does not exist' --publication=p,nothing
	refuses_to_begin 100 'publication "P" does not exist' --publication=P
	sql 'CREATE PUBLICATION none'
	refuses_to_begin 100 'there is no table to dump' --publication=none
}

# What they keep out, or leave out, would be there.
@test "dump: options that match nothing are warned about" {
	sql 'CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 2, 3)'
	dump --tables=public.t --exclude-tables=public.tt --columns='public.t:id,a*,c' --exclude-columns='public.u:a' \
		--where='public.t:true' --where='public.w:true'
	sort err | grep warning | is 'pgcdc-dump: warning: column "c" of option "--columns" is in no dumped table that "public.t" matches
pgcdc-dump: warning: pattern "public.tt" of option "--exclude-tables" matches no table
pgcdc-dump: warning: pattern "public.u" of option "--exclude-columns" matches no dumped table
pgcdc-dump: warning: pattern "public.w" of option "--where" matches no dumped table'
	has_ids_once 1 1
}

@test "dump: what is no table with rows of its own" {
	sql "CREATE TABLE t (id int); CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
		CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE f (id int) SERVER s OPTIONS (filename '/dev/null');
		CREATE SEQUENCE q; CREATE INDEX i ON t (id)"
	local name
	for name in v m f; do
		refuses_to_begin 100 "\"public.$name\" is no table with rows of its own" --tables="public.t,public.$name"
	done
	refuses_to_begin 100 'table "public.q" does not exist' --tables=public.q
	refuses_to_begin 100 'table "public.i" does not exist' --tables=public.i
	dump --tables='public.*'
}

@test "dump: rights that lack are named before anything is written" {
	sql "CREATE SCHEMA closed; CREATE TABLE a (id int); CREATE TABLE z (id int, secret int); CREATE TABLE closed.t (id int);
		CREATE TABLE root (id int) PARTITION BY LIST (id); CREATE TABLE leaf PARTITION OF root DEFAULT;
		INSERT INTO a VALUES (1); GRANT SELECT ON a, root, closed.t TO plain"
	dump -U plain --tables=public.a
	refuses_to_begin 100 'table public.z may not be read; GRANT SELECT' -U plain --tables=public.a,public.z
	refuses_to_begin 100 'table public.leaf may not be read; GRANT SELECT' -U plain --tables=public.root
	refuses_to_begin 100 'table closed.t*permission denied for schema closed' -U plain --tables=public.a,closed.t
	sql 'GRANT SELECT (id) ON z TO plain'
	refuses_to_begin 100 'table public.z*permission denied for table z' -U plain --tables=public.a,public.z
}

@test "dump: row security is no filter: who may not see all rows is refused" {
	sql "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2); GRANT SELECT ON t TO plain;
		ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY odd ON t USING (id % 2 = 1)"
	refuses_to_begin 100 'table public.t*row-level security' -U plain --tables=public.t
	dump --tables=public.t
	has_ids_once 1 2
	sql 'ALTER ROLE plain BYPASSRLS'
	dump -U plain --tables=public.t
	has_ids_once 1 2
	sql 'ALTER ROLE plain NOBYPASSRLS'
}

# --- servers

@test "dump: a server that is away, a database that is not there, and roles that are not let in" {
	refuses_to_begin 111 'could not connect: *refused*' -p 1 --tables='*.*'
	refuses_to_begin 111 'could not connect: ' -h "$PWD" --tables='*.*'
	refuses_to_begin 100 'could not connect: *database "not_there" does not exist' -d not_there --tables='*.*'
	refuses_to_begin 100 'could not connect: *user "refused"' -U refused --tables='*.*'
	refuses_to_begin 100 'could not connect: *role "nobody_here" does not exist' -U nobody_here --tables='*.*'
}

@test "dump: more connections than the role may have" {
	sql 'CREATE TABLE t (id int); GRANT SELECT ON t TO plain; ALTER ROLE plain CONNECTION LIMIT 2'
	refuses_to_begin 111 'could not connect: *too many connections' -U plain --tables=public.t --jobs=4
	sql 'ALTER ROLE plain CONNECTION LIMIT -1'
}

@test "dump: timeouts of the role end nothing" {
	local setting
	make_wide 1200
	sql 'CREATE ROLE hasty LOGIN SUPERUSER'
	for setting in statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout transaction_timeout; do
		[ "$(sql "SELECT count(*) FROM pg_settings WHERE name = '$setting'")" = 0 ] ||
			sql "ALTER ROLE hasty SET $setting = '100ms'"
	done
	dump -U hasty --tables=public.t --jobs=2 --range-pages=100 --max-rate=2MiB
	has_ids_once 1 1200
	sql 'DROP ROLE hasty'
}

# backends STATE: ends the dump's connections whose state is, or is not, that of the snapshot's.
end_backends() {
	sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE application_name = 'pgcdc-dump' AND datname = current_database() AND state $1 'idle in transaction'" >/dev/null
}

# complete_or_temporary: nothing is missing, or 111 said why.
complete_or_temporary() {
	if [ "$bg_status" -eq 0 ]; then
		has_ids 1 900
		is_whole_stream
	else
		said "$bg_status" 111 "$1"
	fi
}

@test "dump: connections that are ended" {
	make_wide 900
	local state
	for state in = '<>'; do
		start_held --tables=public.t --jobs=2
		end_backends "$state"
		let_go
		complete_or_temporary 'terminating connection due to administrator command'
	done
}

@test "dump: the snapshot is lost, and its slot is there, or gone" {
	local option slot=(--tables=public.t --create-slot="$PGDATABASE")
	make_wide 900
	start_held "${slot[@]}"
	end_backends "="
	let_go
	[ "$bg_status" -eq 0 ]
	has_ids 1 900
	grep -F 'info: the snapshot is lost, and another one is taken: ' err
	for option in '' '--ack=stdout --progress-file=progress'; do
		free_slots "$PGDATABASE"
		# shellcheck disable=SC2086
		start_held "${slot[@]}" $option
		free_slots "$PGDATABASE"
		end_backends "="
		let_go
		said "$bg_status" 100 "slot \"$PGDATABASE\" is gone, and with it what has changed since; *begin anew"
		run -1 grep -F null err
	done
	[[ $(tail -n 1 err) == *'; remove file "progress" to begin anew' ]]
}

@test "dump: the slot has lost WAL when the dump goes on" {
	make_wide 900
	start_held --tables=public.t --create-slot="$PGDATABASE"
	sql 'ALTER SYSTEM SET max_slot_wal_keep_size = 1' -c 'SELECT pg_reload_conf()' >/dev/null
	sql 'SELECT pg_switch_wal()' -c 'CREATE TABLE u ()' -c 'SELECT pg_switch_wal()' -c 'CREATE TABLE v ()' -c CHECKPOINT >/dev/null
	wait_until 10 '[ "$(sql "SELECT wal_status FROM pg_replication_slots")" = lost ]'
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgcdc-dump'" >/dev/null
	let_go
	sql 'ALTER SYSTEM RESET max_slot_wal_keep_size' -c 'SELECT pg_reload_conf()' >/dev/null
	said "$bg_status" 100 "slot \"$PGDATABASE\" is lost, as the server has removed WAL that it needs; *"
}

@test "dump: the server is shut down, or crashes: 111, and the next run goes on" {
	make_wide 900
	local mode
	for mode in fast immediate; do
		start_held --tables=public.t --ack=stdout --progress-file=progress
		service stop "$PGDIR" "$mode"
		let_go
		said "$bg_status" 111 ''
		mv out "out.$mode"
		service start "$PGDIR"
	done
	dump --tables=public.t --ack=stdout --progress-file=progress
	cat out.fast out.immediate out >all
	has_ids 1 900 all
	[ "$(tail -n 1 progress)" = 'done' ]
}

# --- signals and pipes

@test "dump: SIGTERM: 111 at once, with whole lines, however slow or full the output is" {
	make_wide 900
	slow() { exec pgcdc-dump --tables=public.t --max-rate=1KiB >out 2>err; }
	start_bg DUMP slow
	wait_until 10 '[ -s out ]'
	stop_bg DUMP TERM 5
	said "$bg_status" 111 'the end came before all tables were read'
	[ "$(tail -c 1 out | od -An -c | tr -d ' ')" = '\n' ]
	jq -e . out >/dev/null

	sql 'INSERT INTO t SELECT i, i, repeat($$x$$, 2000) FROM generate_series(1, 8000) i'
	stuck() { exec pgcdc-dump --tables=public.t --range-pages=100000 --shutdown-timeout=300ms >held 2>err; }
	mkfifo held
	start_bg DUMP stuck
	exec {HELD}<held
	wait_until 20 '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = \$\$pgcdc-dump\$\$
	    AND wait_event = \$\$ClientWrite\$\$")" -eq 1 ]'
	stop_bg DUMP INT 5
	exec {HELD}<&-
	said "$bg_status" 111 'could not write the last lines within --shutdown-timeout'
}

@test "dump: SIGTERM while it waits for a transaction, for a lock and for acks" {
	make_wide 30
	session OPEN
	say OPEN 'BEGIN; INSERT INTO t VALUES (0);'
	to_file() { exec pgcdc-dump --tables=public.t "$@" >out 2>err; }
	start_bg DUMP to_file
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = \$\$pgcdc-dump\$\$
	    AND query ~ \$\$pg_snapshot_xmin\$\$")" -ge 1 ]'
	stop_bg DUMP TERM 5
	said "$bg_status" 111 'the end came before there was a snapshot'
	say OPEN 'COMMIT;'

	start_held --tables=public.t --max-rate=1KiB
	say OPEN 'BEGIN; LOCK TABLE t;'
	wait_until 20 'waits_for_table'
	stop_bg DUMP TERM 5
	exec {HELD}<&-
	said "$bg_status" 111 'the end came before'
	say OPEN 'COMMIT;'

	start_bg DUMP to_file --ack=ack
	wait_until 10 'grep -q "waiting up to" err'
	# It is at its end, and waits on.
	kill -s TERM "$DUMP"
	echo "$(sed -n 's/^{"action":"C".*"ack":"\([^"]*\)"}$/\1/p' out | tail -n 1) file" >ack
	end_bg DUMP
	[ "$bg_status" -eq 0 ]
}
waits_for_table() {
	[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcdc-dump' AND wait_event_type = 'Lock'")" -ge 1 ]
}

@test "dump: standard output that is closed, full, or not read on" {
	make_wide 900
	run -100 --separate-stderr timeout 10 bash -c 'pgcdc-dump --tables=public.t >&-'
	[[ $stderr == 'pgcdc-dump: error: could not use standard output: '* ]]
	run -111 --separate-stderr timeout 10 bash -c 'pgcdc-dump --tables=public.t >/dev/full'
	[[ $stderr == 'pgcdc-dump: error: could not write to standard output: No space left on device'* ]]
	timeout 20 pgcdc-dump --tables=public.t --ack=stdout --progress-file=progress 2>err 3>&- 4>&- | head -n 1 >/dev/null || true
	[ "${PIPESTATUS[0]}" -eq 111 ] || [ "$(tail -n 1 err)" = 'pgcdc-dump: error: standard output is closed: the program behind it has ended' ]
	run -1 grep -x 'done' progress
}

# --- the progress file

@test "dump: a progress file that is not ours, damaged, of another cluster, or in use" {
	make_wide 300
	echo 'something else' >foreign
	refuses_to_begin 100 'file "foreign" is no progress file of ours; give --progress-file another one' \
		--tables=public.t --ack=stdout --progress-file=foreign
	is 'something else' <foreign
	echo 'pgcdc-dump 2 1' >newer
	refuses_to_begin 100 'file "newer" is no progress file of ours' --tables=public.t --ack=stdout --progress-file=newer

	dump --tables=public.t --range-pages=10 --ack=stdout --progress-file=progress
	sed '/^done/d; 1s/ 1 [0-9]*/ 1 42/' progress >other
	refuses_to_begin 100 'progress file "other" is of *42' --tables=public.t --ack=stdout --progress-file=other
	local damage
	while IFS='|' read -r damage text; do
		sed "/^done/d; $damage" progress >damaged
		refuses_to_begin 100 "$text" --tables=public.t --ack=stdout --progress-file=damaged
	done <<-'END'
		4s/.*/nonsense/|line 4 of progress file "damaged" is none of ours
		3s/read/read x/|line 3 of progress file "damaged" is none of ours
		6s/.*//|line 6 of progress file "damaged" is none of ours
		2s/1/2/|progress file "damaged" is damaged
		2d|progress file "damaged" is damaged
		3s/[0-9]*$/7/|progress file "damaged" is damaged
	END

	start_held --tables=public.t --ack=stdout --progress-file=used
	refuses_to_begin 111 'another run uses progress file "used"' --tables=public.t --ack=stdout --progress-file=used
	kill_hard DUMP
	exec {HELD}<&-
}

@test "dump: a progress file of another database, which has the same tables" {
	make_wide 30
	dump --tables=public.t --ack=stdout --progress-file=progress
	sql "CREATE DATABASE other TEMPLATE $PGDATABASE" -d postgres
	sql 'INSERT INTO t VALUES (31)' -d other
	refuses_to_begin 100 'progress file "progress" is of another database' -d other --tables=public.t --ack=stdout --progress-file=progress
	sql 'DROP DATABASE other' -d postgres
}

@test "dump: a progress file that cannot be made or written" {
	make_wide 30
	mkdir folder
	ln -s elsewhere link
	refuses_to_begin 100 'could not open progress file "none/progress"' --tables=public.t --ack=stdout --progress-file=none/progress
	refuses_to_begin 100 'could not open progress file "folder"' --tables=public.t --ack=stdout --progress-file=folder
	refuses_to_begin 100 'could not open progress file "link"' --tables=public.t --ack=stdout --progress-file=link
	[ ! -e elsewhere ]
	# A disk that is full, at the start and later.
	full() {
		trap '' XFSZ
		ulimit -f "$1"
		pgcdc-dump --tables=public.t --ack=stdout --range-pages=1 --progress-file=small 2>&1 >/dev/null | tail -n 1
	}
	[[ $(full 0) == 'pgcdc-dump: error: could not write progress file "small": File too large' ]]
	rm -f small
	make_wide 900 u
	sql 'DROP TABLE t; ALTER TABLE u RENAME TO t'
	[[ $(full 1) == 'pgcdc-dump: error: could not write progress file "small": File too large' ]]
	dump --tables=public.t --ack=stdout --range-pages=1 --progress-file=small
	[ "$(tail -n 1 small)" = 'done' ]
}
