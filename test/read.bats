#!/usr/bin/env bats
# The options of pgcdc-read, how it connects, and how a run is ended.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2317

load read
load options

setup_file() {
	pg_start || return
	local entry
	for entry in 'all refused 127.0.0.1/32 reject' 'all careful 127.0.0.1/32 scram-sha-256'; do
		sed -i "1i host $entry" "$PGDIR/data/pg_hba.conf"
	done
	sql "SET password_encryption = 'scram-sha-256'; CREATE ROLE careful LOGIN REPLICATION PASSWORD 'tops3cret'; SELECT pg_reload_conf()"
}

teardown_file() { pg_stop; }

# A slot with one row in it.
one_row() {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t VALUES (1)'
}

@test "read: --help and --version go to standard output, with 0" { answers pgcdc-read; }

@test "read: --help lists each option of the page, and no other" { is_as_on_page pgcdc-read 20; }

@test "read: usage errors: one line, 100, before anything is connected to" {
	refuses_each 42 pgcdc-read <<-'END'
		--nonsense|unknown or ambiguous option "--nonsense"; see --help
		-x|unknown option "-x"; see --help
		-vx|unknown option "-x"; see --help
		--st=1|unknown or ambiguous option "--st=1"; see --help
		-S|option "-S" needs an argument; see --help
		--slot|option "--slot" needs an argument; see --help
		--drain=yes|option "--drain=yes" takes no argument; see --help
		-S a -S b --publication=p|option "--slot" is given twice; give it once
		-S a --slot=b --publication=p|option "--slot" is given twice; give it once
		--drain --drain -S a --publication=p|option "--drain" is given twice; give it once
		-S a --publication=p stray|unexpected argument "stray"; see --help
		-S a --publication=p -- --stray|unexpected argument "--stray"; see --help
		--publication=p|no slot is named; give --slot, "pgcdc init" makes one
		-S a|no publication is named; give --publication, "pgcdc init" makes one
		-S "" --publication=p|invalid value "" for option "--slot"; expected a value that is not empty
		-S a --publication=|invalid value "" for option "--publication"; expected names separated by commas, none of them empty
		-S a --publication=p,,q|invalid value "p,,q" for option "--publication"; expected names separated by commas, none of them empty
		-S a --publication=p -s 9ms|invalid value "9ms" for option "--status-interval"; expected a duration from 10ms to 1h such as "10s" or "500ms"
		-S a --publication=p -s 61min|invalid value "61min" for option "--status-interval"; expected a duration from 10ms to 1h such as "10s" or "500ms"
		-S a --publication=p -s 1.5|invalid value "1.5" for option "--status-interval"; expected *
		-S a --publication=p -s -1|invalid value "-1" for option "--status-interval"; expected *
		-S a --publication=p -s 5d|invalid value "5d" for option "--status-interval"; expected *
		-S a --publication=p -s 99999999999999999999|invalid value "99999999999999999999" for option "--status-interval"; expected *
		-S a --publication=p --shutdown-timeout=2h|invalid value "2h" for option "--shutdown-timeout"; expected a duration from 0 to 1h such as "10s" or "500ms"
		-S a --publication=p --max-line=1023|invalid value "1023" for option "--max-line"; expected a size from 1KiB to 1024GiB such as "64KiB" or "1GiB"
		-S a --publication=p --max-line=1025GiB|invalid value "1025GiB" for option "--max-line"; expected *
		-S a --publication=p --max-line=99999999999GiB|invalid value "99999999999GiB" for option "--max-line"; expected *
		-S a --publication=p --max-line=1K|invalid value "1K" for option "--max-line"; expected *
		-S a --publication=p -E 0|invalid value "0" for option "--endpos"; expected an LSN such as "16/B374D848"
		-S a --publication=p -E 0/123456789|invalid value "0/123456789" for option "--endpos"; expected an LSN such as "16/B374D848"
		-S a --publication=p -E 0/G|invalid value "0/G" for option "--endpos"; expected an LSN such as "16/B374D848"
		-S a --publication=p --log-format=xml|invalid value "xml" for option "--log-format"; expected "text" or "json"
		-S a --publication=p -v -q|options --verbose and --quiet exclude each other
		-S a --publication=p --tables=orders|invalid pattern "orders" for option "--tables"; expected schema.table, with "[*]" for any characters
		-S a --publication=p --exclude-tables=a.b,c|invalid pattern "c" for option "--exclude-tables"; expected schema.table, with "[*]" for any characters
		-S a --publication=p --wait-for=x|option --wait-for needs --ack with the path of a FIFO
		-S a --publication=p --ack=stdout --wait-for=x|option --wait-for needs --ack with the path of a FIFO
		-S a --publication=p --ack=f --wait-for='x y'|invalid name "x y" for option "--wait-for"; expected letters, digits, "_", "-" and "."
		-S a --publication=p --state=s|option --state needs --ack: without it nothing is confirmed
		-S a --publication=p --ack=f --accept-gap|option --accept-gap needs --state
		-S a --publication=p -d "host="x" nonsense"|invalid connection string for option "--dbname": *
		-S a --publication=p -d "postgres://localhost/x?nonsense=1"|invalid connection string for option "--dbname": *
	END
}

@test "read: a connection that can never be made is permanent, too" {
	local setting
	: >services
	export PGSERVICEFILE=$PWD/services
	for setting in port=bad sslmode=nonsense channel_binding=nonsense port=99999999 port=1,2,3 service=missing; do
		run -100 --separate-stderr timeout 20 pgcdc-read -S a --publication=p -d "host=localhost dbname=x $setting"
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == 'pgcdc-read: error: '*${setting%%=*}* ]]
	done
}

@test "read: a bad value in the environment is named by its variable" {
	refuses_variables 7 pgcdc-read -S a --publication=p <<-'END'
		PGCDC_READ_STATUS_INTERVAL=5d|invalid value "5d" in environment variable "PGCDC_READ_STATUS_INTERVAL"; expected
		PGCDC_READ_MAX_LINE=1|invalid value "1" in environment variable "PGCDC_READ_MAX_LINE"; expected
		PGCDC_READ_ENDPOS=x|invalid value "x" in environment variable "PGCDC_READ_ENDPOS"; expected
		PGCDC_READ_DRAIN=perhaps|invalid value "perhaps" in environment variable "PGCDC_READ_DRAIN"; expected
		PGCDC_READ_TABLES=a.b,,c.d|invalid value "a.b,,c.d" in environment variable "PGCDC_READ_TABLES"; expected
		PGCDC_READ_TABLES=t|invalid pattern "t"
		PGCDC_READ_LOG_FORMAT=xml|invalid value "xml"
	END
}

@test "read: a variable that names no option is warned about, and the run goes on" {
	one_row
	local rc=0
	PGCDC_READ_NONSENSE=1 PGCDC_READ_SLOTS=x PGCDC_READ_slot=x read_slot >out 2>err || rc=$?
	[ "$rc" = 0 ]
	[ "$(actions)" = HBIC ]
	messages err | sort | is 'pgcdc-read: warning: unknown environment variable "PGCDC_READ_NONSENSE" is ignored; see --help for the options it could name
pgcdc-read: warning: unknown environment variable "PGCDC_READ_SLOTS" is ignored; see --help for the options it could name
pgcdc-read: warning: unknown environment variable "PGCDC_READ_slot" is ignored; see --help for the options it could name'
}

@test "read: every option can stand in the environment; the command line wins" {
	one_row
	sql 'INSERT INTO t VALUES (2)'
	sql 'CREATE TABLE u (id int); ALTER PUBLICATION p ADD TABLE u'
	local option name value
	# All of them are known, and mean what they say.
	for option in $(long_options pgcdc-read); do
		case $option in
		--help | --version) continue ;; # of the command line alone
		--quiet | --insecure | --accept-gap) value=off ;;
		--drain | --verbose) value=on ;;
		--dbname) value="dbname=$PGDATABASE" ;;
		--host) value=127.0.0.1 ;;
		--port) value=$PGPORT ;;
		--username) value=postgres ;;
		--slot) value=$PGDATABASE ;;
		--publication) value=p ;;
		--ack) value=stdout ;;
		--wait-for | --state) continue ;;
		--status-interval | --shutdown-timeout) value=5s ;;
		--endpos) value=FFFFFFFF/0 ;;
		--tables) value='*.t' ;;
		--exclude-tables) value='*.u' ;;
		--max-line) value=1MiB ;;
		--log-format) value=json ;;
		*) false ;;
		esac
		name=PGCDC_READ_$(tr 'a-z-' 'A-Z_' <<<"${option#--}")
		export "$name=$value"
	done
	env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE timeout 30 pgcdc-read >out 2>err
	[ "$(actions)" = HBICBIC ]
	# --verbose and --log-format, and no warning.
	[ "$(jq -r '.level' err | sort -u | xargs)" = 'debug info' ]
	# --ack=stdout
	[ "$(of_slot "confirmed_flush_lsn >= '$(values ack | tail -n 1)'")" = t ]
	sql 'INSERT INTO t VALUES (3)'
	timeout 30 pgcdc-read --tables='x.y' >out 2>err
	[ "$(actions)" = H ]
	run -100 timeout 30 pgcdc-read --slot=other --log-format=text --status-interval=1s
	[[ $output == *'slot "other" does not exist'* ]]
	sql 'INSERT INTO t VALUES (4)'
	PGCDC_READ_WAIT_FOR=a,b PGCDC_READ_ACK=ack PGCDC_READ_SHUTDOWN_TIMEOUT=50ms PGCDC_READ_STATE=state \
		run -111 timeout 30 pgcdc-read --log-format=text
	[[ $output == *'from "a"'* ]]
	[ -s state ]
	[ -p ack ]
}

@test "read: flags in the environment can be off" {
	one_row
	local value
	for value in 0 false off no OFF ''; do
		PGCDC_READ_VERBOSE=$value PGCDC_READ_QUIET=$value read_slot >out 2>err
		[ -s err ] && [ -z "$(messages err)" ]
	done
	for value in 1 true ON yes; do
		PGCDC_READ_VERBOSE=$value read_slot >out 2>err
		[ -n "$(messages err)" ]
	done
}

@test "read: --log-format=json: each message is an object" {
	run -100 --separate-stderr pgcdc-read --log-format=json -S $'no\nsuch "slot"' --publication=p
	[ "${#stderr_lines[@]}" = 1 ]
	jq -c '[.level, .program, (.pid | type), .message[:21], (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+"))]' <<<"$stderr" |
		is '["error","pgcdc-read","number","slot \"no such \"slot\"\"",true]'
	one_row
	PGCDC_READ_NONSENSE=1 read_slot --log-format=json 2>err >out
	[ "$(jq -r .level err | xargs)" = 'warning info' ]
}

@test "read: the slot, where the stream begins and the publications are said, once" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t; CREATE PUBLICATION "Q é" FOR TABLE t'
	local start
	start="streaming slot \"$PGDATABASE\" from $(of_slot confirmed_flush_lsn)"
	read_slot >out 2>err
	is "pgcdc-read: info: $start, publication \"p\"" <err
	[ "$(jq -r 'select(.action == "H").start' out)" = "$(of_slot confirmed_flush_lsn)" ]
	read_slot -v --publication='Q é' 2>err >out
	grep streaming err | is "pgcdc-read: info: $start, publications \"p\", \"Q é\""
}

@test "read: --quiet: errors only; a message is one line, with a priority under systemd" {
	one_row
	run -100 --separate-stderr pgcdc-read -q -S $'no\nsuch "slot"' --publication=p
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == 'pgcdc-read: error: slot "no such "slot"" does not exist'* ]]
	exec 5>journal
	JOURNAL_STREAM=$(stat -L -c '%d:%i' journal) PGCDC_READ_NONSENSE=1 read_slot >out 2>&5
	exec 5>&-
	[[ $(<journal) == '<4>'*'warning: unknown environment'*$'\n<6>info: streaming slot'* ]]
	PGCDC_READ_NONSENSE=1 read_slot -q 2>err >out
	[ ! -s err ]
}

@test "read: connection strings, URIs, options, PG variables" {
	one_row
	local db=$PGDATABASE
	reads() { [ "$(env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE "$@" -S "$db" --publication=p --drain | sed 's/^{"action":"\(.\)".*/\1/' | tr -d '\n')" = HBIC ]; }
	reads pgcdc-read -d "host=127.0.0.1 port=$PGPORT user=postgres dbname=$db"
	reads pgcdc-read -d "postgresql://postgres@127.0.0.1:$PGPORT/$db"
	reads pgcdc-read -d "postgres://127.0.0.1:$PGPORT/$db?user=postgres&application_name=mine"
	reads pgcdc-read -d "postgres://%2Ftmp/$db?user=postgres&host=$PGDIR&port=$PGPORT"
	reads pgcdc-read -h 127.0.0.1 -p "$PGPORT" -U postgres -d "$db"
	reads pgcdc-read -h "$PGDIR" -p "$PGPORT" -U postgres --dbname="$db"
	reads pgcdc-read --host=localhost --port="$PGPORT" --username=postgres -d "$db"
	reads env PGHOST=localhost PGPORT="$PGPORT" PGUSER=postgres PGDATABASE="$db" pgcdc-read
	# The options go before the string's, and the string's before the environment's.
	reads env PGHOST=192.0.2.1 PGDATABASE=x pgcdc-read -d "host=127.0.0.1 port=1 user=postgres dbname=$db" -p "$PGPORT"
	[ "$(read_slot -d "dbname=$db application_name=mine" --ack=stdout | head -c 12)" = '{"action":"H' ]
}

@test "read: a service file, a password file, SCRAM; no message shows the password" {
	one_row
	local db=$PGDATABASE secret=tops3cret
	cat >service.conf <<-END
		[source]
		host=127.0.0.1
		port=$PGPORT
		user=careful
		dbname=$db
	END
	echo "127.0.0.1:$PGPORT:$db:careful:$secret" >passfile
	chmod 600 passfile
	plain() { env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PGSERVICEFILE="$PWD/service.conf" "$@" -S "$db" --publication=p --drain -v; }
	[ "$(plain env PGPASSFILE="$PWD/passfile" pgcdc-read -d service=source | actions /dev/stdin)" = HBIC ]
	[ "$(plain env PGPASSFILE="$PWD/passfile" PGSERVICE=source pgcdc-read | actions /dev/stdin)" = HBIC ]
	[ "$(plain pgcdc-read -d "service=source passfile=$PWD/passfile" | actions /dev/stdin)" = HBIC ]
	[ "$(plain env PGPASSWORD="$secret" pgcdc-read -d service=source | actions /dev/stdin)" = HBIC ]
	[ "$(plain pgcdc-read -d "postgres://careful:$secret@127.0.0.1:$PGPORT/$db" 2>err | actions /dev/stdin)" = HBIC ]
	[ -s err ]
	[[ $(<err) != *"$secret"* ]]
	run -100 --separate-stderr plain env PGPASSWORD=wr0ng pgcdc-read -d service=source
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *'password authentication failed for user "careful"'* ]]
	[[ $stderr != *wr0ng* ]]
	run -100 --separate-stderr plain pgcdc-read -d "postgres://careful:wr0ng@127.0.0.1:$PGPORT/$db"
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr != *wr0ng* ]]
	run -100 --separate-stderr plain pgcdc-read -d "host=127.0.0.1 password='wr0ng"
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr != *wr0ng* ]]
	# No password at all.
	run -100 --separate-stderr plain pgcdc-read -d "service=source passfile=$PWD/none"
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *password* ]]
}

@test "read: a remote server whose identity is not verified is refused before connecting" {
	local arguments n=0
	echo -e '[far]\nhost=db.example.com' >service.conf
	export PGSERVICEFILE=$PWD/service.conf
	while IFS= read -r arguments; do
		eval "run -100 --separate-stderr timeout 5 env -u PGHOST $arguments -S a --publication=p"
		echo "$arguments: $stderr"
		[ "${#stderr_lines[@]}" = 1 ]
		[ -z "$output" ]
		[[ $stderr == 'pgcdc-read: error: the identity of server "'*'" would not be verified; set sslmode=verify-full (and sslrootcert), or allow it with --insecure' ]]
		n=$((n + 1))
	done <<-'END'
		pgcdc-read -h 192.0.2.1
		pgcdc-read -h db.example.com
		pgcdc-read -h localhost.example.com
		pgcdc-read -h 127.example.com
		pgcdc-read -h ::1:2
		pgcdc-read -h 127.0.0.1,192.0.2.1
		pgcdc-read -d host=db.example.com
		pgcdc-read -d 'host=localhost hostaddr=192.0.2.1'
		pgcdc-read -d postgres://u@db.example.com/x
		pgcdc-read -d postgres://u@localhost,db.example.com/x
		pgcdc-read -d service=far
		env PGHOST=db.example.com pgcdc-read
		env PGHOSTADDR=192.0.2.1 pgcdc-read
		env PGHOSTADDR=192.0.2.1 pgcdc-read -h localhost
		env PGSERVICE=far pgcdc-read
		env PGHOST=localhost pgcdc-read -h db.example.com
		env PGCDC_READ_HOST=db.example.com pgcdc-read
	END
	[ "$n" = 17 ]
}

@test "read: --insecure, or a chosen sslmode, allows it with a warning" {
	local arguments n=0
	# Nobody listens there, but it is tried: 111, after the warning.
	while IFS= read -r arguments; do
		eval "run -111 --separate-stderr timeout 20 $arguments -S a --publication=p -p 1 -d 'hostaddr=127.0.0.1 host=db.example.com dbname=x connect_timeout=2'"
		eval "run --separate-stderr timeout 20 $arguments -S a --publication=p -p 1 -d 'host=invalid.invalid dbname=x connect_timeout=2'"
		echo "$arguments: $stderr"
		[ "${#stderr_lines[@]}" = 2 ]
		[ "${stderr_lines[0]}" = 'pgcdc-read: warning: the identity of server "invalid.invalid" is not verified; set sslmode=verify-full' ]
		[[ ${stderr_lines[1]} == 'pgcdc-read: error: could not connect: '* ]]
		n=$((n + 1))
	done <<-'END'
		pgcdc-read --insecure
		env PGCDC_READ_INSECURE=1 pgcdc-read
		env PGSSLMODE=prefer pgcdc-read
		env PGSSLMODE=require pgcdc-read
	END
	[ "$n" = 4 ]
	run --separate-stderr env PGSSLMODE=verify-full timeout 20 pgcdc-read -S a --publication=p -p 1 -d 'host=invalid.invalid connect_timeout=2'
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == 'pgcdc-read: error: could not connect: '* ]]
}

@test "read: a role with LOGIN and REPLICATION is enough, whatever time-outs it has" {
	one_row
	sql 'DROP ROLE IF EXISTS hurried' 2>/dev/null
	sql "CREATE ROLE hurried LOGIN REPLICATION; ALTER ROLE hurried SET statement_timeout = '100ms'; ALTER ROLE hurried SET lock_timeout = '50ms';
		ALTER ROLE hurried SET idle_in_transaction_session_timeout = '100ms'; ALTER ROLE hurried SET wal_sender_timeout = '1s'"
	[ "$(pg_major)" -lt 14 ] || sql "ALTER ROLE hurried SET idle_session_timeout = '100ms'"
	[ "$(pg_major)" -lt 17 ] || sql "ALTER ROLE hurried SET transaction_timeout = '100ms'"
	live() { exec pgcdc-read -U hurried -S "$PGDATABASE" --publication=p >live 2>err; }
	start_bg LIVE live
	wait_until 10 '[ "$(actions live)" = HBIC ]'
	# Longer than all of them, wal_sender_timeout too.
	sql 'SELECT pg_sleep(2)' >/dev/null
	running "$LIVE"
	sql "CREATE TYPE mood AS ENUM ('ok'); ALTER TABLE t ADD m mood; INSERT INTO t VALUES (2, 'ok')"
	wait_until 10 '[ "$(actions live)" = HBICBIC ]'
	stop_bg LIVE
	[ "$bg_status" = 0 ]
	[ -z "$(messages err)" ]
}

@test "read: --max-line: a line that just fits, and one that is a byte too long" {
	make_slot 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE PUBLICATION p FOR TABLE t'
	sql 'INSERT INTO t VALUES (1)'
	sql "INSERT INTO t VALUES (2, repeat('x', 3000))"
	local length lsn
	read_slot >out
	length=$(($(grep xxx out | wc -c) - 1))
	lsn=$(grep xxx out | values lsn /dev/stdin)
	read_slot --max-line="$length" | cmp out -
	local rc=0
	read_slot --max-line="$((length - 1))" --ack=stdout >short.out 2>err || rc=$?
	says "$rc" 100 "$lsn*\"schema\":\"public\",\"table\":\"t\"*$length bytes*--max-line=$((length - 1))*"
	run -1 grep -q xxx short.out
	[ "$(of_slot "confirmed_flush_lsn <= '$(values ack out | head -n 1)'")" = t ]
}

@test "read: SIGTERM, SIGINT and SIGHUP end an idle run with 0" {
	one_row
	local signal
	live() { exec pgcdc-read -S "$PGDATABASE" --publication=p --ack=stdout >live 2>err; }
	for signal in TERM INT HUP; do
		: >live
		start_bg LIVE live
		wait_until 10 '[ "$(tail -n 1 live | grep -c "^{\"action\":\"C\"")" = 1 ]'
		stop_bg LIVE "$signal"
		[ "$bg_status" = 0 ]
		[ -z "$(messages err)" ]
		sql 'INSERT INTO t VALUES (1)'
	done
	[ "$(of_slot active)" = f ]
	read_slot >out
	[ "$(actions)" = HBIC ]
}

# A reader behind which nobody reads, in the middle of a large transaction that
# another one follows.
stall_in_transaction() {
	make_slot 'CREATE TABLE t (id int, v text); CREATE PUBLICATION p FOR TABLE t'
	sql "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 30000) i"
	sql 'INSERT INTO t VALUES (0)'
	mkfifo pipe
	stalled() { exec pgcdc-read -S "$PGDATABASE" --publication=p "$@" >pipe 2>err; }
	start_bg STALLED stalled "$@"
	exec 5<pipe
	local _
	for _ in 1 2 3 4 5; do read -r -u 5; done
	[[ $REPLY == '{"action":"I"'* ]]
}

@test "read: SIGTERM in a transaction finishes it, ends with 0 and takes no more" {
	stall_in_transaction
	kill -s TERM "$STALLED"
	cat <&5 >rest 3>&-
	exec 5<&-
	end_bg STALLED
	[ "$bg_status" = 0 ]
	[ -z "$(messages err)" ]
	[ "$(actions rest | tr -s I)" = IC ]
	[ "$(wc -l <rest)" = 29998 ]
}

@test "read: a second signal ends it at once, with 111" {
	stall_in_transaction
	kill -s TERM "$STALLED"
	kill -s INT "$STALLED"
	end_bg STALLED 5
	exec 5<&-
	[ "$bg_status" = 111 ]
}

@test "read: a transaction that cannot be finished within --shutdown-timeout: 111" {
	stall_in_transaction --shutdown-timeout=100ms
	kill -s TERM "$STALLED"
	end_bg STALLED 5
	exec 5<&-
	says "$bg_status" 111 'could not finish the transaction in hand within --shutdown-timeout; it will come again, whole'
}
