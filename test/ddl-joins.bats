#!/usr/bin/env bats
# The event triggers' other work: which tables join the publications, and the rows that are said
# to be in no stream.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# bg_status is set by end_bg

bats_require_minimum_version 1.5.0
load ddl

@test "a table with a key joins, one without stays out until it has one" {
	begin
	sql 'CREATE TABLE key (id int PRIMARY KEY); CREATE TABLE bare (id int NOT NULL);
	    CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY); CREATE TABLE late (id int NOT NULL)'
	[ "$(members)" = public.key ]
	sql 'ALTER TABLE unlogged SET LOGGED; CREATE UNIQUE INDEX late_id ON late (id);
	    ALTER TABLE late REPLICA IDENTITY USING INDEX late_id'
	[ "$(members)" = 'public.key public.late public.unlogged' ]
	sql 'INSERT INTO bare VALUES (1)' -c 'UPDATE bare SET id = 2' -c 'TRUNCATE bare' -c 'ALTER TABLE bare ADD PRIMARY KEY (id)'
	[ "$(members)" = 'public.bare public.key public.late public.unlogged' ]
	[ "$(gaps)" = 0 ]
	pgcdc check
}

@test "a partition that is detached goes on being published, and misses no rows" {
	begin
	sql 'CREATE TABLE m (id int PRIMARY KEY) PARTITION BY RANGE (id);
	    CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10); CREATE TABLE m2 PARTITION OF m DEFAULT;
	    INSERT INTO m VALUES (1), (20)'
	[ "$(sql "SELECT prrelid::regclass FROM pg_publication_rel WHERE prrelid::regclass::text LIKE 'm%'")" = m ]
	[ -z "$(sql 'ALTER TABLE m DETACH PARTITION m1' 2>&1)" ]
	sql "SELECT prrelid::regclass FROM pg_publication_rel WHERE prrelid::regclass::text LIKE 'm%' ORDER BY 1" |
		diff - <(printf 'm\nm1\n')
	pgcdc check
}

@test "a partitioned table joins when the UPDATE of all its partitions would go on working" {
	begin
	sql 'CREATE TABLE p (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); ALTER PUBLICATION pgcdc DROP TABLE p;
	    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	    ALTER TABLE p1 REPLICA IDENTITY NOTHING; ALTER PUBLICATION pgcdc DROP TABLE p1' -c 'INSERT INTO p VALUES (1, 1)'
	[ -z "$(members)" ]
	sql 'ALTER TABLE p ADD w int' -c 'UPDATE p SET v = 2'
	[ -z "$(members)" ]
	expect 0 'table public.p has by now' sql 'ALTER TABLE p1 REPLICA IDENTITY DEFAULT' -c 'ALTER TABLE p ADD x int'
	sql 'UPDATE p SET v = 3'
	[ "$(sql "SELECT count(*) FROM pg_publication_rel WHERE prrelid = 'p'::regclass")" = 1 ]
	[ "$(gaps)" = 0 ]
}

@test "patterns decide what joins, also under another name" {
	sql 'CREATE SCHEMA shop; CREATE SCHEMA old; CREATE TABLE shop.a (id int PRIMARY KEY)'
	pgcdc teardown
	pgcdc init -S shop --publication=shop --tables='shop.*,public.order_*'
	pgcdc init -S other --publication=other --tables='shop.a'
	sql 'CREATE TABLE shop.b (id int PRIMARY KEY); CREATE TABLE public.order_lines (id int PRIMARY KEY);
	    CREATE TABLE public.orders (id int PRIMARY KEY); CREATE TABLE public.orderxlines (id int PRIMARY KEY);
	    CREATE TABLE old.c (id int PRIMARY KEY)'
	[ "$(members shop)" = 'public.order_lines shop.a shop.b' ]
	[ "$(members other)" = 'shop.a' ]
	sql 'ALTER TABLE orders RENAME TO order_heads; ALTER TABLE old.c SET SCHEMA shop; CREATE TABLE old.d (id int PRIMARY KEY)'
	[ "$(members shop)" = 'public.order_heads public.order_lines shop.a shop.b shop.c' ]
	sql 'ALTER SCHEMA shop RENAME TO shut; ALTER SCHEMA old RENAME TO shop'
	[ "$(members shop)" = 'public.order_heads public.order_lines shop.d shut.a shut.b shut.c' ]
	[ "$(gaps)" = 0 ]
}

@test "--exclude-tables keeps tables out, also what was taken out of the publication" {
	begin
	sql 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)' -c 'ALTER PUBLICATION pgcdc DROP TABLE t' \
	    -c 'ALTER TABLE t ADD v int'
	[ "$(members)" = 'public.t public.u' ]	# why the option is there
	expect 0 'warning: table "public.t" is excluded but published; run ALTER PUBLICATION pgcdc DROP TABLE public.t' \
	    pgcdc init --exclude-tables='public.t,public.x*'
	sql 'ALTER PUBLICATION pgcdc DROP TABLE public.t' -c 'ALTER TABLE t ADD w int; CREATE TABLE x1 (id int PRIMARY KEY);
	    CREATE TABLE xp (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF xp DEFAULT'
	run -0 pgcdc init --exclude-tables='public.y'
	[[ "$output" != *excluded* ]]
	sql 'CREATE TABLE y (id int PRIMARY KEY); CREATE TABLE z (id int PRIMARY KEY)'
	pgcdc init --baseline
	[ "$(members)" = 'public.u public.z' ]
	# which says that it is not to be excluded any more
	pgcdc init --tables='public.t'
	[ "$(members)" = 'public.t public.u public.z' ]
	expect 0 'table "public.x1" is left out: it is excluded' pgcdc init --tables='public.x1'
	sql 'ALTER TABLE x1 ADD v int; ALTER TABLE t ADD x int'
	[ "$(members)" = 'public.t public.u public.z' ]
	[ "$(gaps)" = 0 ]
	expect 100 'options "--all-tables" and "--exclude-tables" exclude each other' \
	    pgcdc init --all-tables --replica-identity=full --exclude-tables=a.b
	expect 100 'invalid pattern "b" for option "--exclude-tables"' pgcdc init --exclude-tables=a.b,b
	pgcdc teardown
	pgcdc init --exclude-tables=public.z --exclude-tables='public.t'
	[ "$(members)" = 'public.p1 public.u public.x1 public.y' ]
}

@test "--replica-identity=full: tables without a key join, and go back to DEFAULT with one" {
	begin
	pgcdc init --replica-identity=full
	sql 'CREATE TABLE t (id int, v int)'
	[ "$(identity_of t)$(members)" = fpublic.t ]
	sql 'INSERT INTO t VALUES (1, 1)' -c 'UPDATE t SET v = 2' -c 'ALTER TABLE t ADD PRIMARY KEY (id)'
	[ "$(identity_of t)" = d ]
	sql 'ALTER TABLE t DROP CONSTRAINT t_pkey'
	[ "$(identity_of t)" = f ]
	sql 'UPDATE t SET v = 3' -c 'CREATE TABLE mine (id int PRIMARY KEY)' -c 'ALTER TABLE mine REPLICA IDENTITY FULL' \
	    -c 'ALTER TABLE mine ADD v int' -c 'CREATE TABLE nothing (id int)' -c 'ALTER TABLE nothing REPLICA IDENTITY NOTHING' \
	    -c 'ALTER TABLE nothing ADD v int'
	[ "$(identity_of mine)$(identity_of nothing)" = fn ]
	[ "$(gaps)" = 0 ]
	pgcdc teardown
	[ "$(identity_of t)$(identity_of mine)$(identity_of nothing)" = dfn ]
}

@test "partitions follow their table, whatever the pattern" {
	pgcdc teardown
	sql 'CREATE TABLE p (id int, v int) PARTITION BY RANGE (id)'
	pgcdc init --tables=public.p --replica-identity=full
	sql 'CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE q (id int, v int);
	    ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (1, 1), (11, 1)'
	sql 'UPDATE p SET v = 2'
	[ "$(identity_of p1)$(identity_of q)" = ff ]
	[ "$(members)" = 'public.p1 public.q' ]
	sql 'CREATE TABLE not_matched (id int)'
	[ "$(identity_of not_matched)" = d ]
	sql 'ALTER TABLE p ADD PRIMARY KEY (id)'
	[ "$(identity_of p)$(identity_of p1)$(identity_of q)" = ddd ]
	sql 'UPDATE p SET v = 3'
	[ "$(gaps)" = 0 ]
}

@test "FOR ALL TABLES: a new table without a key gets REPLICA IDENTITY FULL" {
	pgcdc teardown
	pgcdc init --all-tables --replica-identity=full
	sql 'CREATE TABLE t (id int, v int); INSERT INTO t VALUES (1, 1); UPDATE t SET v = 2' \
	    -c 'CREATE TABLE c AS TABLE t' -c 'UPDATE c SET v = 3'
	[ "$(identity_of t)$(identity_of c)" = ff ]
	read_all pgcdc pgcdc
	# the rows of CREATE TABLE AS are published, before their definition
	[ "$(jq -r 'select(.table == "c" or .table == "schema_log") | .action + " " + .table' "$BATS_TEST_TMPDIR/out" | tail -n 4)" = \
'I c
I schema_log
I schema_log
U c' ]
	pgcdc check
}

@test "a publication of the user's is used as it is: FOR TABLES IN SCHEMA" {
	pgcdc teardown
	sql 'CREATE SCHEMA s'
	if [ "$MAJOR" -lt 15 ]; then
		lacks 'CREATE PUBLICATION mine FOR TABLES IN SCHEMA s'
		return
	fi
	sql 'CREATE PUBLICATION mine FOR TABLES IN SCHEMA s'
	pgcdc init --publication=mine
	sql 'CREATE TABLE s.t (id int PRIMARY KEY); CREATE TABLE public.t (id int PRIMARY KEY); CREATE TABLE s.bare (id int);
	    INSERT INTO s.t VALUES (1)'
	[ "$(members mine)" = 's.bare s.t' ]
	[ "$(identity_of s.bare)" = d ]
	read_all pgcdc mine
	[ "$(jq -r 'select(.action == "I") | .table' "$BATS_TEST_TMPDIR/out" | sort | uniq -c | xargs)" = '3 schema_log 1 t' ]
	expect 1 'UPDATE and DELETE of table "s.bare" fail' pgcdc check --publication=mine
	pgcdc teardown
	[ "$(sql 'SELECT count(*) FROM pg_publication_rel')" = 0 ]
	# one of init's, to which a schema was added
	pgcdc init --publication=ours --replica-identity=full
	sql 'ALTER PUBLICATION ours ADD TABLES IN SCHEMA s' -c 'CREATE TABLE s.u (id int PRIMARY KEY); CREATE TABLE s.v (id int)'
	[ "$(sql "SELECT count(*) FROM pg_publication_rel WHERE prrelid = 's.u'::regclass")" = 0 ]
	[ "$(identity_of s.v)" = f ]
	[ "$(gaps)" = 0 ]
}

@test "rows that were there before the table joined are said to be missing, until the next baseline" {
	begin
	pgcdc init --replica-identity=full
	expect 0 'WARNING:  pgcdc: the rows that table public.t has by now are in no stream' \
	    sql 'CREATE TABLE t AS SELECT 1 AS id'
	sql 'CREATE TABLE empty AS SELECT 1 AS id WITH NO DATA; CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)'
	expect 1 'bad  table "public.t" had rows before it was published, which are in no stream; copy the table' \
	    pgcdc check
	[ "$(grep -c 'had rows before' <<<"$output")" -eq 1 ]
	sql 'ALTER TABLE t RENAME TO u'
	expect 1 'table "public.u" had rows' pgcdc check
	pgcdc init --baseline
	pgcdc check
	# a partitioned table, and one whose key comes behind its rows, as in a restored dump
	pgcdc teardown
	pgcdc init
	sql 'CREATE TABLE p (id int NOT NULL) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT;
	    INSERT INTO p VALUES (1)'
	expect 0 'table public.p has by now' sql 'ALTER TABLE p ADD PRIMARY KEY (id)'
	expect 1 'table "public.p" had rows' pgcdc check
}

# said 'TABLE...' SQL [psql's options]: SQL gives a WARNING for each of these tables and for no other,
# and "pgcdc check" names them.
said() {
	local table warned

	warned=$(sql "${@:2}" 2>&1 >/dev/null | sed -n 's/^WARNING:  pgcdc: the rows that table \(.*\) has by now are in no stream$/\1/p' | xargs)
	echo "warned of: $warned"
	[ "$warned" = "$1" ]
	pgcdc check -q --publication="${PUBLICATION-pgcdc}" >"$BATS_TEST_TMPDIR/check" || true
	for table in $1; do
		grep -F "table \"$table\" had rows before it was published" "$BATS_TEST_TMPDIR/check"
	done
	[ "$(grep -c 'had rows before' "$BATS_TEST_TMPDIR/check")" -eq "$(wc -w <<<"$1")" ]
	[ "$(gaps)" = 0 ]
	pgcdc init --baseline --publication="${PUBLICATION-pgcdc}" >/dev/null
	[ "$(sql 'SELECT count(*) FROM pgcdc.table_ids WHERE rows_before')" = 0 ]
}

@test "a partition that is attached with its rows: they are said to be missing" {
	begin
	sql 'CREATE TABLE m (id int NOT NULL, d int NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
	    CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10); INSERT INTO m VALUES (1, 1);
	    CREATE TABLE m2 (id int NOT NULL, d int NOT NULL); INSERT INTO m2 VALUES (5, 15)'
	said public.m2 'ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM (10) TO (20)'
	# of no other command on it; nor of one that has none, was published itself, or comes back
	said '' 'ALTER TABLE m ADD v int' -c 'ALTER TABLE m2 ALTER v SET DEFAULT 1' \
	    -c 'CREATE TABLE m3 (LIKE m)' -c 'ALTER TABLE m ATTACH PARTITION m3 FOR VALUES FROM (20) TO (30)' \
	    -c 'CREATE TABLE m4 (LIKE m INCLUDING ALL); INSERT INTO m4 VALUES (1, 35)' \
	    -c 'ALTER TABLE m ATTACH PARTITION m4 FOR VALUES FROM (30) TO (40)' \
	    -c 'ALTER TABLE m DETACH PARTITION m1' -c 'ALTER TABLE m ATTACH PARTITION m1 FOR VALUES FROM (0) TO (10)'
	# a whole tree, and one of which the only rows are published
	sql 'CREATE TABLE a (id int NOT NULL, d int NOT NULL) PARTITION BY RANGE (d);
	    CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (40) TO (50); INSERT INTO a VALUES (1, 41);
	    CREATE TABLE b (id int NOT NULL, d int NOT NULL, v int) PARTITION BY RANGE (d);
	    CREATE TABLE b1 PARTITION OF b (PRIMARY KEY (id, d)) FOR VALUES FROM (50) TO (60);
	    INSERT INTO b VALUES (1, 51)' -c 'ALTER TABLE a ADD v int'
	said 'public.a' 'ALTER TABLE m ATTACH PARTITION a FOR VALUES FROM (40) TO (50)' \
	    -c 'ALTER TABLE m ATTACH PARTITION b FOR VALUES FROM (50) TO (60)'
	# to a table that is not published
	sql 'CREATE TABLE n (id int NOT NULL) PARTITION BY RANGE (id); CREATE TABLE n1 (id int NOT NULL); INSERT INTO n1 VALUES (1)'
	said '' 'ALTER TABLE n ATTACH PARTITION n1 DEFAULT'
}

@test "a partition that is attached with its rows under the name of its root" {
	pgcdc teardown
	sql 'CREATE TABLE m (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE m1 (id int NOT NULL); INSERT INTO m1 VALUES (1)'
	pgcdc init --tables=public.m --via-root
	said public.m1 'ALTER TABLE m ATTACH PARTITION m1 DEFAULT'
}

@test "an unlogged table that is logged now: its rows are said to be missing" {
	pgcdc teardown
	pgcdc init --all-tables --replica-identity=full
	sql 'CREATE UNLOGGED TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1); CREATE TABLE t (id int PRIMARY KEY);
	    INSERT INTO t VALUES (1); CREATE UNLOGGED TABLE e (id int PRIMARY KEY)'
	said public.u 'ALTER TABLE u SET LOGGED' -c 'ALTER TABLE u ADD v int' -c 'ALTER TABLE e SET LOGGED'
	said public.t 'ALTER TABLE t SET UNLOGGED' -c 'ALTER TABLE t ADD v int' -c 'ALTER TABLE t SET LOGGED'
	said '' 'CREATE TABLE c AS TABLE t'
}

@test "a table that comes into a published schema: its rows are said to be missing" {
	sql 'CREATE SCHEMA s; CREATE SCHEMA o'
	if [ "$MAJOR" -lt 15 ]; then
		lacks 'CREATE PUBLICATION mine FOR TABLES IN SCHEMA s'
		return
	fi
	pgcdc teardown
	sql 'CREATE PUBLICATION mine FOR TABLES IN SCHEMA s; CREATE TABLE o.t (id int PRIMARY KEY); INSERT INTO o.t VALUES (1);
	    CREATE TABLE s.u (id int PRIMARY KEY); INSERT INTO s.u VALUES (1)'
	pgcdc init --publication=mine
	PUBLICATION=mine said s.t 'ALTER TABLE o.t SET SCHEMA s' -c 'ALTER TABLE s.t ADD v int' -c 'ALTER TABLE s.u RENAME TO v'
	PUBLICATION=mine said '' 'ALTER SCHEMA s RENAME TO r' -c 'ALTER TABLE r.t ADD w int'
}

@test "init says which tables have rows that are in no stream" {
	pgcdc teardown
	sql 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE e (id int PRIMARY KEY);
	    CREATE TABLE bare (id int); INSERT INTO bare VALUES (1);
	    CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1)'
	# before there is a slot that is as it should be
	expect 0 '2 tables have rows already, which are in no stream; copy them' pgcdc init
	pgcdc check
	run -0 pgcdc init
	[[ "$output" != *'have rows'* ]]
	expect 0 'warning: the rows that table "public.bare" has by now are in no stream; copy the table' \
	    pgcdc init --replica-identity=full
	expect 1 'bad  table "public.bare" had rows before it was published, which are in no stream; copy the table' pgcdc check
	[ "$(grep -c 'had rows before' <<<"$output")" -eq 1 ]
	# another slot's baseline copies nothing
	expect 0 '3 tables have rows already' pgcdc init -S two
	expect 1 'table "public.bare" had rows' pgcdc check
	pgcdc init --baseline
	pgcdc check
	pgcdc teardown
	expect 0 '3 tables have rows already' pgcdc init --all-tables --replica-identity=full
	pgcdc check
}
