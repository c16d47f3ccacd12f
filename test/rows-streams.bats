#!/usr/bin/env bats
# Rows of the list of what goes wrong in change data capture: what flows.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

bats_require_minimum_version 1.5.0
load rows

setup_file() { pg_start; }

teardown_file() { pg_stop; }

# --- row 15

# write_shapes FROM: while the file "changing" is there, inserts and updates, each in a
# transaction of its own, which leaves in "mirror" what the server says the row is, by name.
write_shapes() {
	local from=$1
	while [ -e changing ]; do
		psql -XAtq -v ON_ERROR_STOP=1 <<-SQL || return
			DO \$\$ BEGIN
				FOR i IN $from..$((from + 49)) LOOP
					EXECUTE format('WITH r AS (INSERT INTO t VALUES (%s, %L)
					    RETURNING to_jsonb(t) AS row) INSERT INTO mirror SELECT ''I'', row FROM r', i, i);
					COMMIT;
					EXECUTE format('WITH r AS (UPDATE t SET id = id WHERE id = %s
					    RETURNING to_jsonb(t) AS row) INSERT INTO mirror SELECT ''U'', row FROM r', i - 5);
					COMMIT;
				END LOOP;
			END \$\$;
		SQL
		from=$((from + 50))
	done
}

# Each change is followed by some rows.
change_shapes() {
	for _ in {1..6}; do
		psql -XAtq -v ON_ERROR_STOP=1 <<-'SQL' || return
			ALTER TABLE t RENAME v TO w;
			CALL see_rows();
			ALTER TABLE t ADD extra integer DEFAULT 7;
			ALTER TABLE t REPLICA IDENTITY FULL;
			CALL see_rows();
			ALTER TABLE t ALTER extra TYPE text;
			CALL see_rows();
			ALTER TABLE t ALTER w TYPE varchar(40);
			CALL see_rows();
			ALTER TABLE t RENAME w TO v;
			ALTER TABLE t REPLICA IDENTITY DEFAULT;
			ALTER TABLE t DROP extra;
			CALL see_rows();
			ALTER TABLE t ALTER v TYPE bigint USING v::bigint;
			CALL see_rows();
			BEGIN; ALTER TABLE t DROP v; ALTER TABLE t ADD v numeric(20,2); COMMIT;
			CALL see_rows();
			BEGIN; ALTER TABLE t DROP v; ALTER TABLE t ADD v text; COMMIT;
			CALL see_rows();
		SQL
	done
}

@test "row 15: DDL under writers: each row has the names, types and values of its time" {
	make_table
	sql 'CREATE TABLE mirror (op text, row jsonb)'
	sql 'CREATE PROCEDURE see_rows() LANGUAGE plpgsql AS $$
	    DECLARE before bigint := (SELECT count(*) FROM mirror);
	    BEGIN WHILE (SELECT count(*) FROM mirror) < before + 4 LOOP COMMIT; PERFORM pg_sleep(0.002); END LOOP; END $$'
	make_slot
	start_line
	local WRITER OTHER CHANGER
	: >changing
	start_bg WRITER write_shapes 1001
	start_bg OTHER write_shapes 100001
	wait_until 10 '[ "$(sql "SELECT count(*) > 100 FROM t")" = t ]'
	start_bg CHANGER change_shapes
	end_bg CHANGER 60
	[ "$bg_status" -eq 0 ]
	rm changing
	end_bg WRITER
	[ "$bg_status" -eq 0 ]
	end_bg OTHER
	[ "$bg_status" -eq 0 ]
	catch_up
	end_line

	# 1.00 is 1.00 on both sides: the digits are compared as text.
	sql "SELECT op || ' ' || (SELECT string_agg(key || '=' || coalesce(value, 'null'), ',' ORDER BY key)
	    FROM jsonb_each_text(row)) FROM mirror" | LC_ALL=C sort >expected
	sed 's/"value":\([-0-9.][-0-9.]*\)}/"value":"\1"}/g' events | jq -r 'select(.table == "t") | .action + " " +
	    (.columns | sort_by(.name) | map(.name + "=" + (.value // "null")) | join(","))' | LC_ALL=C sort >found
	diff expected found | head -n 20
	cmp expected found
	[ "$(wc -l <expected)" -gt 400 ]
	jq -c 'select(.table == "t") | [.columns[] | .name, .type]' events | sort -u >shapes
	cat shapes
	[ "$(wc -l <shapes)" -ge 7 ]
}

# alter COMMAND: what changes the partitions.  The servers 13 and 14 do not look again
# whether a table that they have sent or left out is published, until a publication is altered.
alter() {
	[ "$MAJOR" -ge 15 ] || set -- "$1; ALTER PUBLICATION p SET (publish_via_partition_root = true)"
	sql "$1"
}

@test "row 15: partitions attached and detached in mid-stream, through the root and by leaf" {
	sql "CREATE TABLE root (id bigint PRIMARY KEY, v text) PARTITION BY RANGE (id);
	    CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (1000);
	    CREATE TABLE late (dropped text, v text, id bigint PRIMARY KEY);
	    ALTER TABLE late DROP dropped;
	    CREATE PUBLICATION p FOR TABLE root WITH (publish_via_partition_root = true);
	    CREATE PUBLICATION q FOR TABLE root"
	make_slot
	sql "INSERT INTO root VALUES (1, 'leaf')"
	sql "INSERT INTO late (id, v) VALUES (1001, 'unpublished')"
	alter 'ALTER TABLE root ATTACH PARTITION late FOR VALUES FROM (1000) TO (2000)'
	sql "INSERT INTO root VALUES (1002, 'attached')" -c "INSERT INTO late (id, v) VALUES (1003, 'direct')"
	sql "UPDATE root SET id = 2 WHERE id = 1002"
	alter 'ALTER TABLE root DETACH PARTITION late'
	sql "INSERT INTO late (id, v) VALUES (1004, 'unpublished')" -c "INSERT INTO root VALUES (3, 'leaf')"
	read_all "$PGDATABASE" p
	jq -c 'select(.table) | [.action, .table, (.columns // .identity | map(.value))]' out |
		diff - <(printf '%s\n' '["I","root",[1,"leaf"]]' '["I","root",[1002,"attached"]]' \
			'["I","root",[1003,"direct"]]' '["D","root",[1002]]' '["I","root",[2,"attached"]]' \
			'["I","root",[3,"leaf"]]')
	read_all "$PGDATABASE" q
	jq -c 'select(.table) | [.action, .table, (.columns // .identity | map(.value))]' out |
		diff - <(printf '%s\n' '["I","leaf",[1,"leaf"]]' '["I","late",["attached",1002]]' \
			'["I","late",["direct",1003]]' '["D","late",[1002]]' '["I","leaf",[2,"attached"]]' \
			'["I","leaf",[3,"leaf"]]')
}

# --- row 16

# count_up: while the file "counting" is there, changes of any key, each with a higher number.
count_up() {
	while [ -e counting ]; do
		psql -XAtq -v ON_ERROR_STOP=1 <<-'SQL' || return
			DO $$ DECLARE k bigint; BEGIN
				FOR i IN 1..100 LOOP
					k := 1 + floor(random() * 200);
					CASE floor(random() * 5)
					WHEN 0 THEN DELETE FROM t WHERE id = k;
					WHEN 1 THEN INSERT INTO t VALUES (k, nextval('n')) ON CONFLICT DO NOTHING;
					ELSE UPDATE t SET v = nextval('n') WHERE id = k;
					END CASE;
					COMMIT;
				END LOOP;
			END $$;
		SQL
	done
}

# versions FILE...: the rows of a sink that keeps the line with the highest lsn for each key, of two
# with the same the change.  Fails when a read row takes a key back, or beats a change that it does
# not have.
versions() {
	cat "$@" | awk '
	function lsn(    a) {
		match($0, /"lsn":"[^"]*/)
		split(substr($0, RSTART + 7, RLENGTH - 7), a, "/")
		return substr("0000000" a[1], length(a[1])) substr("0000000" a[2], length(a[2]))
	}
	function value(name,    s) {
		if (!match($0, "\"name\":\"" name "\",\"type\":\"[a-z]*\",\"value\":\"?[0-9]*"))
			return 0
		s = substr($0, RSTART, RLENGTH)
		sub(/.*[^0-9]/, "", s)
		return s + 0
	}
	/^{"action":"[RIUD]"/ {
		action = substr($0, 12, 1); at = lsn() ""; id = value("id"); v = value("v")
		if (at < of[id] || (at == of[id] && (action == "R" || !read[id]))) {
			if (read[id] && v > counter[id]) {
				print "key " id ": " v " at " at " is lost, and " counter[id] " was read" >"/dev/stderr"
				exit 1
			}
			next
		}
		if (action == "R" && v < counter[id]) {
			print "key " id " goes back from " counter[id] " to " v " at " at >"/dev/stderr"
			exit 1
		}
		of[id] = at; read[id] = action == "R"; live[id] = action != "D"
		if (action != "D")
			counter[id] = v
	}
	END {
		for (id in live)
			if (live[id])
				print id "|" counter[id]
	}' | sort
	[ "${PIPESTATUS[1]}" -eq 0 ]
}

# dump_waits: for transactions that are open.
dump_waits() {
	[ "$(sql "SELECT count(*) FROM pg_stat_activity
	    WHERE application_name = 'pgcdc-dump' AND query LIKE '%pg_snapshot_xmin%'")" = 1 ]
}

@test "row 16: counters that rise during a dump: no key goes back, in whatever order dump and stream come" {
	local COUNTER DUMP
	make_table
	sql "ALTER TABLE t SET (fillfactor = 10); CREATE SEQUENCE n;
	    INSERT INTO t SELECT id, nextval('n') FROM generate_series(0, 300) id"
	make_slot
	: >counting
	start_bg COUNTER count_up
	# written before the dump begins, committed when it is under way
	session LATE
	say LATE "BEGIN; UPDATE t SET v = nextval('n') WHERE id = 0; DELETE FROM t WHERE id = 300;"
	start_bg DUMP pgcdc-dump --publication=p --jobs=2 --range-pages=1 >dumped 2>dump.err
	wait_until 10 dump_waits
	# written before there is a snapshot, committed behind it
	session LATER
	say LATER "BEGIN; UPDATE t SET v = nextval('n') WHERE id = 298; DELETE FROM t WHERE id = 299;"
	say LATE 'COMMIT;'
	end_bg DUMP 30
	[ "$bg_status" -eq 0 ]
	say LATER 'COMMIT;'
	rm counting
	end_bg COUNTER 30
	[ "$bg_status" -eq 0 ]
	timeout 30 pgcdc-read -S "$PGDATABASE" --publication=p --drain >streamed 2>reader.err 3>&- 4>&-
	[ "$(grep -c '^{"action":"R"' dumped)" -ge 100 ]
	[ "$(grep -c '^{"action":"C"' dumped)" -ge 10 ]
	sql 'SELECT id, v FROM t' | sort >source
	versions dumped streamed | diff source -
	versions streamed dumped | diff source -
}

# --- row 17

# peak PID: of its resident memory, in kB.
peak() { awk '$1 == "VmHWM:" { print $2 }' "/proc/$1/status"; }

# has_peak KB: neither program took more.  A sanitizer's memory does not count.
has_peak() {
	local of_reader of_sink
	of_reader=$(peak "$READER") of_sink=$(peak "$SINK")
	echo "reader $of_reader kB, sink $of_sink kB"
	! grep -q __asan_init "/proc/$READER/exe" || return 0
	[ "$of_reader" -le "$1" ] && [ "$of_sink" -le "$1" ]
}

@test "row 17: one transaction of 300,000 rows in 16 MiB, killed at half, and again whole" {
	make_table
	make_slot
	sql "INSERT INTO t SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, 300000) i"
	local start
	start=$(confirmed)
	start_line
	wait_until 20 '[ -e events ] && [ "$(stat -c %s events)" -gt 50000000 ]'
	kill_line
	[ "$(confirmed)" = "$start" ]
	[ "$(grep -c '^{"action":"C"' events)" -eq 0 ]
	rm events
	start_line
	wait_lines 1
	# A standstill in the middle: what the server has to send stays there.
	kill -s STOP "$SINK"
	wait_until 10 '[ "$(sql "SELECT wait_event FROM pg_stat_activity WHERE pid = $(of_slot active_pid)")" = WalSenderWriteData ]'
	kill -s CONT "$SINK"
	catch_up
	has_peak $((16 * 1024))
	end_line
	ids <events | cmp - <(seq 1 300000)
}

@test "row 17: a sink slower than the server: what is read ahead stays small" {
	make_table
	make_slot
	sql "DO \$\$ BEGIN
		FOR n IN 0..299 LOOP
			INSERT INTO t SELECT n * 1000 + i, md5(i::text) FROM generate_series(1, 1000) i;
			COMMIT;
		END LOOP;
	END \$\$"
	written() { exec pgcdc-read -S "$PGDATABASE" --publication=p --ack=stdout >pipe 2>reader.err; }
	slow() { exec perl -e 'while (sysread STDIN, $_, 4096) { 1 for 1..4000; print }' <pipe >events; }
	mkfifo pipe
	start_bg READER written
	start_bg SINK slow
	catch_up 30
	has_peak $((16 * 1024))
	stop_bg READER
	end_bg SINK
	ids <events | cmp - <(seq 1 300000)
}

@test "row 17: a value of 100 MiB takes no more than 16 MiB and three times its size" {
	make_table
	sql 'ALTER TABLE t ALTER v SET STORAGE EXTERNAL'
	make_slot
	sql "INSERT INTO t VALUES (1, repeat('0123456789abcdef', 6553600))"
	start_line
	catch_up
	has_peak $(((16 + 300) * 1024))
	end_line
	[ "$(grep -c '^{"action":"I"' events)" -eq 1 ]
	[ "$(perl -ne 'print $1 if /"value":"([^"]*)"/' events | md5sum)" = "$(sql 'SELECT md5(v) FROM t')  -" ]
}

# --- row 20

@test "row 20: a spoiled message of the stream is named with its LSN, and nothing is skipped" {
	make_table
	make_slot
	one_by_one 1 3 "'value'"
	local -x PGSSLMODE=disable PGGSSENCMODE=disable PROXY
	local fault code text row second
	echo none >fault
	start_bg PROXY "$BATS_TEST_DIRNAME/rows-proxy" "$PGPORT" fault >port
	wait_until 5 '[ -s port ]'
	pgcdc-read -p "$(<port)" -S "$PGDATABASE" --publication=p --drain >whole
	ids <whole | diff - <(seq 1 3)
	row=$(grep '"value":2}' whole | jq -r .lsn)
	second=$(jq -r 'select(.action == "C").ack' whole | head -n 1)
	while read -r fault code text; do
		echo "--- $fault"
		echo "$fault" >fault
		status=0
		timeout 20 pgcdc-read -p "$(<port)" -S "$PGDATABASE" --publication=p --ack=stdout -s 10ms --drain \
			>out 2>err 3>&- || status=$?
		cat err
		[ "$status" -eq "$code" ]
		[ "$(messages err | wc -l)" -eq 1 ]
		grep -F -- "$text" err
		[ "$code" -eq 111 ] || grep -F "$row" err
		# Whole lines, and none of what is behind it.
		jq -c . out >parsed
		[ "$(grep -c '"value":[23]}' out)" -eq 0 ]
		not_beyond "$second"
		wait_until 10 '[ "$(of_slot active)" = f ]'
		: >"seen.$fault"
	done <<-END
		truncated 100 a message that ends too early
		truncated-more 100 a message that ends too early
		too-long 100 a message with bytes after its end
		empty 100 
		unknown-type 100 a message of an unknown type
		streamed 100 a message of a streamed transaction
		unknown-relation 100 
		more-columns 100 
		fewer-columns 100 
		unknown-kind 100 an unknown kind of column value
		binary 100 a binary column value
		long-value 100 a message that ends too early
		bad-utf8 100 
		unknown-message 100 
		short-keepalive 100 
		cut 111 
		bad-frame 111 
	END
	[ "$(find . -name 'seen.*' | wc -l)" -eq 17 ]
	drain
	ids <events | tail -n 2 | diff - <(seq 2 3)
}

@test "row 20: what was committed before an event that ends the run is delivered" {
	make_table
	make_slot
	one_by_one 1 10 "'value'"
	one_by_one 11 11 "repeat('x', 5000)"
	one_by_one 12 12
	# Else whoever advances the slot past the event, as there is no other way, loses ten more.
	fails 100 --max-line=2kB --drain
	says 'more than --max-line' '"table":"t"'
	ids <failed.out | diff - <(seq 1 10)
}
