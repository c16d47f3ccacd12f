#!/usr/bin/env bats
# The same WAL through pgcdc-read and through pg_recvlogical with wal2json,
# format-version 2: where both can say the same, they do.  Not compared: NaN and the
# infinities (null in wal2json), unchanged TOAST values under REPLICA IDENTITY FULL
# (left out), empty transactions (B and C), generated columns (always there),
# a TRUNCATE of a partitioned table (named too), messages outside of transactions.
# shellcheck disable=SC2030,SC2031,SC2154

load read

setup_file() {
	pg_start --major debian --conf 'deadlock_timeout = 10ms' || return
	export WAL2JSON=
	WAL2JSON=$(sql "SELECT count(*) FROM pg_create_logical_replication_slot('probe', 'wal2json', true)" 2>/dev/null) || true
	PATH=$(cat "$PGDIR/bin"):$PATH
}

teardown_file() { pg_stop; }

# Both read what a workload has left in the WAL since make_slots.
make_slots() {
	[ "$WAL2JSON" = 1 ] || skip 'there is no wal2json'
	sql "$1"
	sql 'CREATE PUBLICATION p FOR ALL TABLES'
	sql "SELECT pg_create_logical_replication_slot('${PGDATABASE}_w', 'wal2json')" >/dev/null
	make_slot
}

first_opinion() { read_slot >ours; }

second_opinion() {
	local end
	end=$(sql 'SELECT pg_current_wal_lsn()')
	PGOPTIONS="-c search_path= -c datestyle=ISO -c timezone=UTC -c intervalstyle=postgres
		-c extra_float_digits=3 -c bytea_output=hex -c lc_monetary=C" \
		timeout -k 5 120 pg_recvlogical --start --no-loop -S "${PGDATABASE}_w" -d "$PGDATABASE" -E "$end" -f theirs \
		-o format-version=2 -o include-xids=1 -o include-timestamp=1 -o include-lsn=1 -o include-types=1 3>&- 4>&-
}

# What can be the same, in one form: numbers as text with a mark, so that no digit
# goes through a double; fractions of seconds with six digits; no empty transactions.
comparable() {
	sed -E 's/"value":(-?[0-9][^,}]*)/"value":"number \1"/g' "$1" | jq -c '
		def entries: map({name, type, value});
		select(.action != "H") |
		(.timestamp // "" | capture("^(?<s>[^.+]*)(\\.(?<f>[0-9]*))?\\+00$") // null) as $t |
		{action, xid, lsn: (if .action == "M" then null else .lsn end),
			time: (if $t then $t.s + "." + ($t.f // "" | . + "000000"[length:]) else null end),
			end: (if .action == "C" then .ack // .nextlsn else null end),
			schema, table, columns: (.columns // null | if . then entries else . end),
			identity: (.identity // null | if . then entries else . end), prefix, content}' |
		awk '/"action":"B"/ { begin = $0; next }
			begin != "" && /"action":"C"/ { begin = ""; next }
			begin != "" { print begin; begin = "" }
			{ print }'
}

agree() {
	first_opinion
	second_opinion
	comparable ours >ours.comparable
	comparable theirs >theirs.comparable
	diff theirs.comparable ours.comparable >difference || { head -c 3000 difference; return 1; }
	[ "$(wc -l <ours.comparable)" -ge "$1" ]
}

@test "read: wal2json agrees on the rows of a random workload" {
	local seed=${SEED:-$RANDOM}
	echo "seed $seed"
	make_slots "CREATE TABLE a (id bigint PRIMARY KEY, i int, s smallint, n numeric, m numeric(12,4), f float8, r real, b bool, t text, v varchar(40),
			c char(7), ts timestamp, tz timestamptz(3), d date, iv interval, u uuid, j jsonb, js json, by bytea, ar int[], ta text[]);
		CREATE TABLE full_row (id int, v text, n numeric(9,2)); CREATE INDEX ON full_row (id); ALTER TABLE full_row REPLICA IDENTITY FULL;
		CREATE TABLE by_index (x int, code text NOT NULL, v int); CREATE UNIQUE INDEX code ON by_index (code); ALTER TABLE by_index REPLICA IDENTITY USING INDEX code;
		CREATE TABLE parent (id int, v int, PRIMARY KEY (id)) PARTITION BY HASH (id);
		CREATE TABLE part_0 PARTITION OF parent FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE part_1 PARTITION OF parent FOR VALUES WITH (MODULUS 2, REMAINDER 1)"
	cat >work.sql <<-'END'
		\set id random(1, 500)
		\set n random(1, 20)
		\set what random(1, 9)
		BEGIN;
		\if :what <= 4
		INSERT INTO a SELECT i, i - 3, (i % 30000)::smallint, random()::numeric * 10 ^ (i % 30), random() * 1e6, (random() - 0.5) * 10 ^ (i % 300), random() * 10 ^ (i % 30), i % 2 = 0,
			repeat(chr(32 + i % 90) || E'\t"\\é', i % 9), 'v' || i, 'c', to_timestamp(random() * 4e9)::timestamp, to_timestamp(random() * 4e9), current_date - i, make_interval(i % 99, -i % 7, 0, i, i % 20, 0, random()),
			md5(i::text)::uuid, jsonb_build_object('i', i, 'x', array[random()]), '{"k": [1, "é\n"]}', decode(md5(i::text), 'hex'), array[i, NULL], array['a b', NULL, '"', i::text]
			FROM generate_series(:id, :id + :n) i ON CONFLICT (id) DO UPDATE SET t = excluded.t, n = NULL, f = excluded.f, d = NULL;
		INSERT INTO full_row SELECT i, md5(i::text), i / 7.0 FROM generate_series(:id, :id + :n) i;
		INSERT INTO by_index VALUES (:id, 'code' || random(), :n);
		\elif :what = 5
		UPDATE a SET i = i + 1, tz = now() WHERE id BETWEEN :id AND :id + :n;
		UPDATE full_row SET v = NULL WHERE id = :id;
		SAVEPOINT s; UPDATE a SET v = 'never' WHERE id < :id; ROLLBACK TO s;
		UPDATE by_index SET v = v + 1 WHERE x = :id;
		\elif :what = 6
		UPDATE a SET id = id + 100000 WHERE id = :id AND NOT EXISTS (SELECT FROM a WHERE id = :id + 100000);
		UPDATE by_index SET code = code || 'x' WHERE x = :id;
		UPDATE full_row SET id = id + 1 WHERE id = :id;
		\elif :what = 7
		DELETE FROM a WHERE id BETWEEN :id AND :id + 2;
		DELETE FROM by_index WHERE x = :id;
		DELETE FROM full_row WHERE id = :id;
		\elif :what = 8
		INSERT INTO parent SELECT i, :id FROM generate_series(:id, :id + :n) i ON CONFLICT (id) DO UPDATE SET v = excluded.v;
		UPDATE parent SET id = id + 1000 WHERE id = :id AND NOT EXISTS (SELECT FROM parent WHERE id = :id + 1000);
		DELETE FROM parent WHERE id = :id + 3;
		\else
		SELECT pg_logical_emit_message(true, 'app', 'client ' || :client_id || E' "é"\n');
		SELECT txid_current();
		\endif
		COMMIT;
	END
	pgbench -n -c 4 -j 1 -t 200 --random-seed="$seed" -f work.sql --max-tries=1 >pgbench.out 2>&1 || { cat pgbench.out; return 1; }
	seq 100000 103000 | psql -Xq -c 'COPY full_row (id) FROM STDIN'
	sql 'TRUNCATE full_row, by_index; TRUNCATE part_0'
	agree 8000
}

@test "read: wal2json agrees on the value of every type" {
	[ "$WAL2JSON" = 1 ] || skip 'there is no wal2json'
	local major
	major=$(pg_major)
	# The table of cases of types.bats, without NaN and the infinities, and without the
	# types whose names have quotes, which wal2json drops or does not escape.
	cat "$BATS_TEST_DIRNAME"/data/types/{numbers,text,time,compound} |
		awk -F '\t' -v major="$major" '
		/^#/ || NF == 0 || $1 ~ /serial/ || $3 ~ /\\/ || $4 ~ /^"(NaN|-?Infinity)"$/ && $3 ~ /^"(numeric|real|double)/ { next }
		NF == 5 { split($5, range, "-"); if (major < range[1]) next }
		{
			n++
			print "CREATE TABLE c" n " (v " $1 "); ALTER TABLE c" n " REPLICA IDENTITY FULL;" >"tables.sql"
			print "INSERT INTO c" n " VALUES (" $2 "); UPDATE c" n " SET v = NULL; DELETE FROM c" n ";" >"work.sql"
		}'
	make_slots "$(cat "$BATS_TEST_DIRNAME/data/types/objects.sql"; echo ';'; cat tables.sql)"
	{ echo "SET datestyle = ISO; SET timezone = UTC; SET search_path = public, \"my extensions\"; BEGIN;"; cat work.sql; echo 'COMMIT;'; } |
		psql -Xq -v ON_ERROR_STOP=1
	agree 1000
}
