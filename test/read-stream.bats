#!/usr/bin/env bats
# Messages, origins, schema changes in the stream, publications and filters, and where
# a run ends.
# shellcheck disable=SC2030,SC2031,SC2154

load read

setup_file() { pg_start; }

teardown_file() { pg_stop; }

@test "read: logical messages, in a transaction and outside (14 and later)" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	local xid
	xid=$(psql -XAtq <<<"BEGIN; SELECT txid_current(); INSERT INTO t VALUES (1); SELECT FROM pg_logical_emit_message(true, 'app', E'a \"b\"\\\\\\n'); COMMIT")
	xid=${xid%%$'\n'*}
	sql "SELECT pg_logical_emit_message(true, '', '')" >ends
	sql "BEGIN; SELECT pg_logical_emit_message(true, 'app', 'never'); SELECT pg_logical_emit_message(false, 'größe', 'stays'); ROLLBACK" | tail -n 1 >>ends
	sql "SELECT pg_logical_emit_message(false, 'app', '\\x00ff80'::bytea), pg_logical_emit_message(false, 'app', '\\x4100'::bytea), pg_logical_emit_message(false, 'app', '\\xc3bc'::bytea)" | tr '|' '\n' >>ends
	# Such a message is in the WAL file when a commit behind it is.
	sql 'CREATE TABLE flushed ()'
	read_slot >out
	if [ "$MAJOR" -lt 14 ]; then
		[ "$(actions)" = HBIC ]
		return
	fi
	short <out | is 'B
I t id=1
M app a "b"\

C
B
M  
C
M größe stays
M app x00ff80
M app x4100
M app ü'
	# Outside of a transaction it acknowledges; its position is the end of its record.
	local tx='"xid":X,"timestamp":"T"'
	sed -nE -e '/"action":"M"/!d' -e 's/"xid":[0-9]+/"xid":X/' -e 's/"timestamp":"[^"]*"/"timestamp":"T"/' \
		-e 's/"(prev|ack|lsn)":"[^"]*"/"\1":L/g' -e p out | head -n 4 | is \
"{\"action\":\"M\",\"lsn\":L,\"seq\":1,$tx,\"transactional\":true,\"prefix\":\"app\",\"content\":\"a \\\"b\\\"\\\\\\n\"}
{\"action\":\"M\",\"lsn\":L,\"seq\":0,$tx,\"transactional\":true,\"prefix\":\"\",\"content\":\"\"}
{\"action\":\"M\",\"lsn\":L,\"seq\":0,\"transactional\":false,\"prefix\":\"größe\",\"content\":\"stays\",\"prev\":L,\"ack\":L}
{\"action\":\"M\",\"lsn\":L,\"seq\":0,\"transactional\":false,\"prefix\":\"app\",\"content_hex\":\"00ff80\",\"prev\":L,\"ack\":L}"
	grep '"action":"M"' out | tail -n +2 | values lsn /dev/stdin | diff ends -
	grep '"transactional":false' out | values ack /dev/stdin | diff <(tail -n +2 ends) -
	jq 'select(.action == "I").xid' out | is "$xid"
}

@test "read: a message outside of transactions between the rows of one that is long" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql "BEGIN; INSERT INTO t VALUES (1); SELECT pg_logical_emit_message(false, 'app', 'between'); INSERT INTO t VALUES (2); COMMIT" >/dev/null
	read_slot >out
	if [ "$MAJOR" -lt 14 ]; then # pgoutput 13 sends no messages
		run ! grep '"action":"M"' out
		return
	fi
	short <out | is 'M app between
B
I t id=1
I t id=2
C'
	{ sed -n 's/.*"start":"\(.*\)".*/\1/p' out; values ack | head -n 1; } | diff - <(values prev)
}

@test "read: the origin of a replicated transaction is on all its lines" {
	make_slot 'CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t'
	sql "SELECT pg_replication_origin_create('from \"é\"')" >/dev/null
	sql "SELECT pg_replication_origin_session_setup('from \"é\"'); BEGIN; SELECT pg_replication_origin_xact_setup('AA/BB', '2020-01-01 00:00+00');
		INSERT INTO t VALUES (1); DELETE FROM t; TRUNCATE t; COMMIT" >/dev/null
	sql 'INSERT INTO t VALUES (2)'
	read_slot >out
	sql "SELECT pg_replication_origin_drop('from \"é\"')" >/dev/null
	short <out | is 'B @from "é"
I @from "é" t id=1
D @from "é" t | id=1
T @from "é" t
C @from "é"
B
I t id=2
C'
	[ "$(grep -c '"timestamp":"[^"]*","origin":"from \\"é\\""' out)" = 5 ]
}

@test "read: schema changes in the stream: every line has the columns of its moment" {
	make_slot "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE PUBLICATION p FOR ALL TABLES"
	psql -Xq -v ON_ERROR_STOP=1 <<-'END'
		INSERT INTO t VALUES (1, 'x');
		ALTER TABLE t ADD b int DEFAULT 5;
		INSERT INTO t VALUES (2, 'x', 6);
		ALTER TABLE t RENAME a TO "A";
		UPDATE t SET b = 7 WHERE id = 2;
		ALTER TABLE t ALTER b TYPE bigint;
		UPDATE t SET b = 8 WHERE id = 2;
		ALTER TABLE t DROP "A";
		UPDATE t SET b = 9 WHERE id = 2;
		ALTER TABLE t ADD "A" boolean;
		UPDATE t SET "A" = true WHERE id = 2;
		ALTER TABLE t REPLICA IDENTITY FULL;
		DELETE FROM t WHERE id = 2;
		ALTER TABLE t RENAME TO u;
		INSERT INTO u VALUES (3, 1, NULL);
		ALTER TABLE u RENAME id TO key;
		INSERT INTO u VALUES (4, 1, NULL);
		CREATE SCHEMA s; ALTER TABLE u SET SCHEMA s;
		INSERT INTO s.u VALUES (5, 1, NULL);
		ALTER TABLE s.u ALTER b TYPE numeric(10,2);
		BEGIN; INSERT INTO s.u VALUES (6, 1, NULL); ALTER TABLE s.u ADD c varchar(5); INSERT INTO s.u VALUES (7, 1, NULL, 'c');
		SAVEPOINT a; ALTER TABLE s.u DROP c; INSERT INTO s.u VALUES (8, 1, NULL); ROLLBACK TO a; INSERT INTO s.u VALUES (9, 1, NULL, 'd'); COMMIT;
		DROP TABLE s.u;
		CREATE TABLE t (other uuid); INSERT INTO t VALUES (NULL);
	END
	rows >short.out
	# A type that rewrites the table inserts into none that is published.
	is 'I t id=1 a="x"
I t id=2 a="x" b=6
U t id=2 A="x" b=7 | id=2
U t id=2 A="x" b=8 | id=2
U t id=2 b=9 | id=2
U t id=2 b=9 A=true | id=2
D t | id=2 b=9 A=true
I u id=3 b=1 A=null
I u key=4 b=1 A=null
I s.u key=5 b=1 A=null
I s.u key=6 b=1 A=null
I s.u key=7 b=1 A=null c="c"
I s.u key=9 b=1 A=null c="d"
I t other=null' <short.out
	[ "$(grep '"seq"' out | jq -r '.columns // .identity | .[] | select(.name == "b") | .type' | uniq | xargs)" = 'integer bigint numeric(10,2)' ]
}

@test "read: the same lines live, while the schema changes, as on a replay" {
	make_slot 'CREATE TABLE t (id int PRIMARY KEY, a text); CREATE PUBLICATION p FOR ALL TABLES'
	pgcdc_live() { exec pgcdc-read -S "$PGDATABASE" --publication=p >live; }
	start_bg LIVE pgcdc_live
	for i in 1 2 3 4 5; do
		sql "INSERT INTO t (id) VALUES ($i)"
		sql "ALTER TABLE t ADD c$i int; INSERT INTO t (id) VALUES (1$i); ALTER TABLE t RENAME a TO b; INSERT INTO t (id) VALUES (2$i); ALTER TABLE t RENAME b TO a; ALTER TABLE t DROP c$i"
		wait_until 10 "[ \"\$(grep -c '\"action\":\"I\"' live)\" = $((i * 3)) ]"
	done
	stop_bg LIVE
	[ "$bg_status" = 0 ]
	read_slot | diff live -
}

@test "read: a table attached to a published root, a table added to and taken from the publication" {
	make_slot 'CREATE TABLE parent (id int) PARTITION BY RANGE (id); CREATE TABLE a (id int); CREATE TABLE b (id int);
		CREATE TABLE low (id int); CREATE PUBLICATION p FOR TABLE parent, a'
	# pgoutput 13 and 14 go on leaving out a table whose rows they once left out.
	[ "$MAJOR" -lt 15 ] || sql 'INSERT INTO low VALUES (1)'
	sql 'ALTER TABLE parent ATTACH PARTITION low FOR VALUES FROM (0) TO (10)'
	sql 'INSERT INTO parent VALUES (2)'
	sql 'INSERT INTO b VALUES (1)'
	sql 'ALTER PUBLICATION p ADD TABLE b'
	sql 'INSERT INTO b VALUES (2)'
	sql 'ALTER PUBLICATION p DROP TABLE b'
	sql 'INSERT INTO b VALUES (3)'
	sql 'INSERT INTO a VALUES (9)'
	rows | is 'I low id=2
I b id=2
I a id=9'
}

@test "read: two publications, by one list or by the option twice, give the union" {
	make_slot "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int);
		CREATE PUBLICATION p FOR TABLE a, b WITH (publish = 'insert'); CREATE PUBLICATION \"Q é\" FOR TABLE b WITH (publish = 'delete')"
	for t in a b c; do sql "INSERT INTO $t VALUES (1); DELETE FROM $t"; done
	rows --publication='Q é' >both
	is 'I a id=1
I b id=1
D b | id=1' <both
	timeout 60 pgcdc-read -S "$PGDATABASE" --drain --publication='Q é,p' | short | grep -v '^[BC]' | diff both -
	timeout 60 pgcdc-read -S "$PGDATABASE" --drain --publication='Q é' | short | grep -v '^[BC]' | is 'D b | id=1'
}

@test "read: --tables and --exclude-tables" {
	make_slot 'CREATE SCHEMA s; CREATE SCHEMA "S.x"; CREATE TABLE orders (i int PRIMARY KEY); CREATE TABLE ord (i int PRIMARY KEY);
		CREATE TABLE s.orders (i int PRIMARY KEY); CREATE TABLE "S.x"."A*,""b" (i int PRIMARY KEY); CREATE TABLE "größe" (i int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES'
	sql 'INSERT INTO orders VALUES (1); UPDATE orders SET i = 2; DELETE FROM orders; TRUNCATE orders, s.orders; INSERT INTO ord VALUES (1); INSERT INTO s.orders VALUES (1);
		INSERT INTO "S.x"."A*,""b" VALUES (1); INSERT INTO "größe" VALUES (1)'
	read_slot >out
	seqs() { read_slot "$@" | jq -c 'select(.seq).seq' | xargs; }
	tables() { read_slot "$@" | jq -r 'select(.table) | .schema + "." + .table' | sort -u | xargs -d '\n'; }
	[ "$(tables)" = 'S.x.A*,"b public.größe public.ord public.orders s.orders' ]
	[ "$(tables --tables='public.*')" = 'public.größe public.ord public.orders' ]
	[ "$(tables --tables='*.orders')" = 'public.orders s.orders' ]
	[ "$(tables --tables='public.ord')" = public.ord ]
	[ "$(tables --tables='*.or*r*s,public.gr*')" = 'public.größe public.orders s.orders' ]
	[ "$(tables --tables=public.ord --tables=s.orders)" = 'public.ord s.orders' ]
	[ "$(tables --tables='S.x.A**')" = 'S.x.A*,"b' ]
	[ "$(tables --tables='s.x.*')" = '' ]
	[ "$(tables --exclude-tables='s.*,S.x.*')" = 'public.größe public.ord public.orders' ]
	[ "$(tables --tables='*.o*' --exclude-tables='public.*s')" = 'public.ord s.orders' ]
	[ "$(tables --tables='*.*' --exclude-tables='*.*')" = '' ]
	[ "$(PGCDC_READ_TABLES='s.*' PGCDC_READ_EXCLUDE_TABLES=s.x tables)" = s.orders ]
	# A pattern that matches nothing is said.
	tables --tables=public.ord,public.oders --exclude-tables='s.*,t.*' 2>err >passed
	messages err | diff - <(printf 'pgcdc-read: warning: pattern "%s" of option "--%s" matches no published table\n' public.oders tables 't.*' exclude-tables)
	# What is left out keeps its number.
	[ "$(seqs --tables='s.*')" = '4 6' ]
	[ "$(seqs --tables='public.orders')" = '0 1 2 3' ]
	read_slot --tables='s.*' | diff <(grep -v -e '"schema":"public"' -e '"schema":"S.x"' out) -
}

@test "read: of schema pgcdc only new rows of the schema log pass, whatever is asked for" {
	make_slot 'CREATE SCHEMA pgcdc; CREATE TABLE pgcdc.schema_log (id int PRIMARY KEY); CREATE TABLE pgcdc.secret (id int PRIMARY KEY);
		CREATE SCHEMA pgcdc2; CREATE TABLE pgcdc2.secret (id int PRIMARY KEY); CREATE TABLE schema_log (id int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES'
	for t in pgcdc.schema_log pgcdc.secret pgcdc2.secret schema_log; do
		sql "INSERT INTO $t VALUES (1); UPDATE $t SET id = 2; DELETE FROM $t; TRUNCATE $t"
	done
	rows | is 'I pgcdc.schema_log id=1
I pgcdc2.secret id=1
U pgcdc2.secret id=2 | id=1
D pgcdc2.secret | id=2
T pgcdc2.secret
I schema_log id=1
U schema_log id=2 | id=1
D schema_log | id=2
T schema_log'
	rows --tables='none.*' | is 'I pgcdc.schema_log id=1'
	rows --tables='pgcdc.*' --exclude-tables='*.*' | is 'I pgcdc.schema_log id=1'
}

@test "read: a second read of the slot is the same, byte for byte" {
	make_slot 'CREATE TABLE t (id int PRIMARY KEY, v text, n numeric); CREATE PUBLICATION p FOR TABLE t'
	for i in 1 2 3 4 5; do
		sql "INSERT INTO t SELECT i, repeat('x', i % 50), i / 7.0 FROM generate_series($i * 1000, $i * 1000 + 499) i; UPDATE t SET n = -n WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0"
	done
	read_slot >one
	read_slot >two
	[ "$(grep -c '"seq"' one)" -gt 3000 ]
	tail -n +2 one | cmp - <(tail -n +2 two)
	# lsn and seq together are an event's own.
	jq -c 'select(.seq) | [.lsn, .seq]' one | sort | uniq -d >twice
	[ ! -s twice ]
	# What is confirmed in the middle changes nothing in what follows.
	local at
	at=$(values ack one | sed -n 3p)
	read_slot --ack=stdout -E "$at" >first
	read_slot >rest
	[ "$(sed -n 's/.*"start":"\(.*\)".*/\1/p' rest)" = "$at" ]
	tail -n +2 one | cmp - <(tail -n +2 first; tail -n +2 rest)
}

@test "read: --endpos ends after the transaction that reaches it" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	for i in 1 2 3; do sql "INSERT INTO t VALUES ($i)"; done
	read_slot >out
	local acks lsns
	readarray -t acks < <(values ack)
	readarray -t lsns < <(grep '"action":"B"' out | values lsn /dev/stdin)
	ends() { timeout 30 pgcdc-read -S "$PGDATABASE" --publication=p "$@" >end && actions end; }
	[ "$(ends -E "${acks[1]}")" = HBICBIC ]
	[ "$(ends --endpos="${lsns[1]}")" = HBICBIC ]
	[ "$(ends -E 0/1)" = H ]
	[ "$(PGCDC_READ_ENDPOS=${acks[0]} ends)" = HBIC ]
	[ "$(ends --drain -E FFFFFFFF/0)" = HBICBICBIC ]
	[ "$(ends --drain -E "${acks[0]}")" = HBIC ]
	# Nothing has been confirmed.
	[ "$(of_slot "confirmed_flush_lsn < '${acks[0]}'")" = t ]
	# A position that is still to come is waited for.
	local at to
	at=$(sql 'SELECT pg_current_wal_lsn()')
	to=$(printf '%s/%X' "${at%/*}" $((16#${at#*/} + 1000000)))
	start_bg WAITING ends -E "$to"
	wait_until 10 "[ \"\$(actions end)\" = HBICBICBIC ]"
	running "$WAITING"
	sql 'INSERT INTO t SELECT generate_series(4, 30000)'
	end_bg WAITING
	[ "$bg_status" = 0 ]
	# WAL may pass the position before the transaction in it commits.
	[[ $(actions end | tr -s I) =~ ^HBICBICBIC(BIC)?$ ]]
}

@test "read: --drain: an empty slot, a backlog with acks, and again, as cron does it" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	cron() {
		timeout -k 5 60 pgcdc-read -S "$PGDATABASE" --publication=p --drain --ack=ack --state=state 3>&- 4>&- |
			pgcdc-file --ack=ack events 3>&- 4>&-
		[ "${PIPESTATUS[*]}" = '0 0' ]
	}
	cron
	[ "$(actions events)" = H ]
	sql 'INSERT INTO t SELECT generate_series(1, 1000)'
	sql 'INSERT INTO t VALUES (1001)'
	cron
	[ "$(of_slot "confirmed_flush_lsn >= '$(values ack events | tail -n 1)'")" = t ]
	sql 'INSERT INTO t VALUES (1002)'
	cron
	cron
	grep -o '"value":[0-9]*' events | cut -d : -f 2 | diff - <(seq 1 1002)
	[ "$(actions events | tr -s I)" = HHBICBICHBICH ]
	[ "$(of_slot active)" = f ]
}

@test "read: in the state file, ack stays a token while the position of an idle stream moves on" {
	make_slot 'CREATE TABLE t (id int); CREATE TABLE quiet (id int); CREATE PUBLICATION p FOR TABLE t'
	local token position
	sql 'INSERT INTO t VALUES (1)'
	read_slot --ack=ack --state=state | pgcdc-file --ack=ack lines
	token=$(values ack lines)
	[ "$(jq -r .ack state)" = "$token" ]
	for _ in 1 2 3; do
		position=$(jq -r .position state)
		sql 'INSERT INTO quiet SELECT generate_series(1, 1000)'
		read_slot --ack=ack --state=state | pgcdc-file --ack=ack lines
		[ "$(jq -r .ack state)" = "$token" ]
		[ "$(sql "SELECT '$position'::pg_lsn < '$(jq -r .position state)'")" = t ]
	done
	[ "$(sed -n 's/^{"action":"H".*"prev":"\(.*\)"}/\1/p' lines | sort -u)" = "$token" ]
}

@test "read: the end of a burst is on standard output as soon as it has arrived" {
	make_slot 'CREATE TABLE t (id int, v text); CREATE PUBLICATION p FOR TABLE t'
	read_on() { exec pgcdc-read -S "$PGDATABASE" --publication=p -s 5s >out; }
	local socket n commits=0
	socket=$(sql 'SHOW unix_socket_directories')
	PGHOST=$socket start_bg READER read_on
	wait_until 10 '[ -s out ]'
	# What comes at once is a little more than what is written at once.
	for n in {600..900..20}; do
		kill -s STOP "$READER"
		sql "INSERT INTO t SELECT $n, repeat('x', 200) FROM generate_series(1, $n)"
		kill -s CONT "$READER"
		wait_until 2 "[ \"\$(grep -c '\"action\":\"C\"' out)\" = $((++commits)) ]"
	done
}

@test "read: the server knows when it has heard from us" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	idle() { exec pgcdc-read -S "$PGDATABASE" --publication=p -s 50ms >out; }
	start_bg READER idle
	wait_until 10 '[ -s out ]'
	heard_from() {
		[ "$(sql "SELECT abs(extract(epoch FROM clock_timestamp() - reply_time)) < 30
			FROM pg_stat_replication WHERE application_name = 'pgcdc-read'")" = t ]
	}
	wait_until 10 heard_from
	stop_bg READER
}

@test "read: acks that come at once are all taken, however many they are" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	seq -f 'INSERT INTO t VALUES (%g);' 1 350 | psql -Xq
	mkfifo pipe
	drain() { exec pgcdc-read -S "$PGDATABASE" --publication=p --drain --ack=ack --shutdown-timeout=5s >pipe; }
	start_bg READER drain
	cat pipe >out
	[ "$(values ack | wc -l)" = 350 ]
	values ack | dd of=ack bs=64k iflag=fullblock conv=nocreat,notrunc status=none
	end_bg READER
	[ "$bg_status" = 0 ]
	[ "$(of_slot "confirmed_flush_lsn >= '$(values ack | tail -n 1)'")" = t ]
}

@test "read: the state file has the newest ack also when the slot was behind it" {
	make_slot 'CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t'
	sql "SELECT pg_copy_logical_replication_slot('$PGDATABASE', 'behind')" >copy.made
	for n in 1 2 3; do sql "INSERT INTO t VALUES ($n)"; done
	read_slot --ack=ack --state=state | pgcdc-file --ack=ack lines
	# As a crash of the server takes the slot back.
	sql "SELECT pg_drop_replication_slot('$PGDATABASE'), pg_copy_logical_replication_slot('behind', '$PGDATABASE')" >copy.made
	sql "SELECT pg_drop_replication_slot('behind')"
	local tokens
	mapfile -t tokens < <(values ack lines)
	read_slot --ack=ack --state=state -E "${tokens[0]}" | pgcdc-file --ack=ack again
	[ "$(values ack again)" = "${tokens[0]}" ]
	[ "$(jq -r .ack state)" = "${tokens[0]}" ]
	[ "$(jq -r .position state)" != "${tokens[0]}" ]
	read_slot --ack=ack --state=state | pgcdc-file --ack=ack again
	[ "$(jq -r .ack state)" = "${tokens[2]}" ]
}
