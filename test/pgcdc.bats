#!/usr/bin/env bats
# pgcdc: init, teardown, check and status against a real server.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

bats_require_minimum_version 1.5.0
load helper

setup_file() {
	pg_start || return 1
	MAJOR=$(pg_major)
	export MAJOR
	# Nothing of the caller's own may matter here.
	local name
	for name in $(compgen -e PGCDC_); do
		case $name in PGCDC_TEST_* | PGCDC_CACHE | PGCDC_BIN) ;; *) unset "$name" ;; esac
	done
}

teardown_file() {
	pg_stop
}

setup() {
	fresh_db
	MAIN_PORT=$PGPORT
}

teardown() {
	local role dir

	kill_started "$BATS_TEST_NUMBER"
	for dir in "$PGDIR"/second "$PGDIR"/standby; do
		[ ! -e "$dir" ] || service stop "$dir" immediate --escalate
		rm -rf "$dir"
	done
	export PGPORT=$MAIN_PORT PGDATABASE=t_$BATS_TEST_NUMBER PGUSER=postgres
	for role in $(sql "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE 't\_%'"); do
		sql "DROP OWNED BY $role CASCADE"
	done
	drop_db
	for role in $(sql "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE 't\_%'"); do
		sql "DROP ROLE $role"
	done
}

# A second server, for settings that need a start; the test goes on there.
second_server() {
	PGPORT=$(service start "$PGDIR/second" "$@")
	PGDATABASE=postgres
}

# Everything that init could change in this database.
everything() {
	sql "SELECT 'publication', oid, pubname, puballtables, pubviaroot FROM pg_publication ORDER BY 2;
	    SELECT 'member', prpubid, prrelid::regclass FROM pg_publication_rel ORDER BY 2, 3;
	    SELECT 'slot', slot_name, confirmed_flush_lsn FROM pg_replication_slots ORDER BY 2;
	    SELECT 'schema', oid, nspname, nspacl FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 2;
	    SELECT 'table', oid, relname, relreplident, relacl FROM pg_class
		WHERE oid >= 16384 ORDER BY 2;
	    SELECT 'role', rolname, rolreplication, rolcanlogin FROM pg_roles ORDER BY 2;
	    SELECT 'database', datacl FROM pg_database WHERE datname = current_database();"
}

members() {
	sql "SELECT schemaname || '.' || tablename FROM pg_publication_tables
	    WHERE pubname = 'pgcdc' AND schemaname <> 'pgcdc' ORDER BY schemaname || '.' || tablename COLLATE pg_catalog.\"C\""
}

identity_of() {
	sql "SELECT relreplident FROM pg_class WHERE oid = '$1'::regclass"
}

slot_active() {
	[ "$(sql "SELECT active FROM pg_replication_slots WHERE slot_name = 'pgcdc'")" = t ]
}

# A reader that knows nothing of pgcdc.
start_reader() {
	start_bg READER pg_recvlogical -d "dbname=$PGDATABASE" -S pgcdc --start --no-loop \
	    -o proto_version=1 -o publication_names=pgcdc -f /dev/null
	wait_until 10 slot_active
}

# A transaction that did SQL and stays open.
hold_open() {
	start_bg HOLDER psql -Xq -c BEGIN -c "$1" -c 'SELECT pg_sleep(60)'
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query ~ \$\$^SELECT pg_sleep\$\$")" = 1 ]'
}

end_open() {
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
}

# One table of each kind without a replica identity, each with a row.
make_keyless() {
	sql "CREATE TABLE bare (i int, v int);
	    CREATE TABLE nothing (i int PRIMARY KEY, v int);
	    ALTER TABLE nothing REPLICA IDENTITY NOTHING;
	    CREATE TABLE deferred (i int PRIMARY KEY DEFERRABLE, v int);
	    CREATE TABLE noindex (i int NOT NULL, v int);
	    CREATE UNIQUE INDEX noindex_i ON noindex (i);
	    ALTER TABLE noindex REPLICA IDENTITY USING INDEX noindex_i;
	    DROP INDEX noindex_i;
	    CREATE TABLE parent (i int PRIMARY KEY, v int);
	    CREATE TABLE child () INHERITS (parent);
	    CREATE TABLE parted (i int, v int) PARTITION BY RANGE (i);
	    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
	    ALTER TABLE parted_1 ADD PRIMARY KEY (i);
	    CREATE TABLE leafless (i int PRIMARY KEY, v int) PARTITION BY RANGE (i);
	    CREATE TABLE leafless_1 PARTITION OF leafless FOR VALUES FROM (0) TO (10);
	    ALTER TABLE leafless_1 REPLICA IDENTITY NOTHING"
	for table in $(application_tables); do
		sql "INSERT INTO $table VALUES (1, 1)"
	done
}

application_tables() {
	sql "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
	    AND relnamespace = 'public'::regnamespace ORDER BY 1"
}

# The application can still do all it could.
application_works() {
	for table in $(application_tables); do
		echo "$table"
		sql "UPDATE $table SET v = 2; INSERT INTO $table VALUES (2, 2);
		    DELETE FROM $table WHERE i = 2"
	done
}

# --- command line

@test "help and version" {
	expect 0 'usage: pgcdc' pgcdc --help
	expect 0 'usage: pgcdc' pgcdc '-?'
	expect 0 'usage: pgcdc' pgcdc help
	[[ "$(pgcdc --version)" =~ ^pgcdc\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ "$(pgcdc -V)" = "$(pgcdc check --version)" ]
	for command in init teardown tear-down check status; do
		expect 0 '--dbname=CONNINFO' pgcdc "$command" --help
		expect 0 '--slot=NAME' pgcdc "$command" '-?'
	done
	expect 0 '--before=LSN' pgcdc trim --help
}

@test "wrong usage ends with 100 and names what is wrong" {
	expect 100 'usage:' pgcdc
	expect 100 'unknown command "frobnicate"' pgcdc frobnicate
	expect 100 'unknown option "--frobnicate"; see "pgcdc init --help"' pgcdc init --frobnicate
	expect 100 'unknown option "--json"' pgcdc init --json
	expect 100 'unknown option "-x"' pgcdc status -x
	expect 100 'unknown option "--d"' pgcdc init --d=postgres
	PGCDC_SOLT=shop expect 100 'unknown environment variable "PGCDC_SOLT"' pgcdc teardown --dry-run
	expect 100 'unknown option "---"' pgcdc init --- dbname=postgres
	expect 100 'unknown option "--tables"' pgcdc status --tables=a.b
	expect 100 'unexpected argument "now"' pgcdc check now
	expect 100 'option "--slot" needs a value' pgcdc status --slot
	expect 100 'option "--slot" needs a value' pgcdc status --slot=
	expect 100 'option "-S" needs a value' pgcdc status -S
	expect 100 'option "--json" takes no value' pgcdc status --json=1
	expect 100 'option "--slot" is given twice' pgcdc status -S a --slot b
	expect 100 'option "--pgurl" is given twice' pgcdc status -d a --pgurl b
	expect 100 'invalid value "default" of option "--replica-identity"' \
	    pgcdc init --replica-identity=default
	expect 100 'needs "--replica-identity=full"' pgcdc init --all-tables
	expect 100 'exclude each other' pgcdc init --all-tables --replica-identity=full --tables='a.*'
	expect 100 'invalid pattern "orders" for option "--tables"; expected schema.table' \
	    pgcdc init --tables=public.x,orders
	PGCDC_JSON=maybe expect 100 'invalid value "maybe" of PGCDC_JSON' pgcdc status
	[ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcdc'")" = 0 ]
}

@test "options can be written and set in every way" {
	sql 'CREATE TABLE t (i int PRIMARY KEY)'
	database=$PGDATABASE port=$PGPORT
	PGDATABASE=postgres
	pgcdc init -d"$database" -Sone --publication two
	pgcdc status --dbname="$database" --slot one
	pgcdc status --pgurl "postgresql:///$database" -S one
	PGCDC_DBNAME=$database PGCDC_SLOT=one pgcdc status
	PGCDC_PGURL=$database PGCDC_SLOT=one pgcdc status
	PGCDC_DBNAME=nowhere PGCDC_SLOT=other pgcdc status -d "dbname=$database" -S one
	PGPORT=1 PGHOST=/nowhere PGUSER=nobody pgcdc status -d "$database" -S one \
	    -h 127.0.0.1 -p "$port" -U postgres
	PGPORT=1 PGHOST=/nowhere PGCDC_HOST=127.0.0.1 PGCDC_PORT=$port PGCDC_USERNAME=postgres \
	    PGCDC_SLOT=one PGCDC_DBNAME=$database pgcdc status
	PGCDC_DBNAME=$database PGCDC_SLOT=one PGCDC_JSON=yes pgcdc status | jq -e .usable
	expect 0 '' pgcdc check -qd"$database" -Sone --publication=two
	[ -z "$output" ]
	PGDATABASE=$database
	PGCDC_DRY_RUN=1 expect 0 'drop publication two;' pgcdc teardown
	PGCDC_DRY_RUN=off expect 0 'dropped publication "two"' pgcdc teardown
	PGCDC_TABLES='public.*' PGCDC_VIA_ROOT=on PGCDC_REPLICA_IDENTITY=full PGCDC_PUBLICATION=p \
	    expect 0 'created publication "p"' pgcdc init
	[ "$(sql 'SELECT pubviaroot FROM pg_publication')" = t ]
}

@test "a server that is away is 111, one that refuses is 100" {
	PGPORT=1 expect 111 'Connection refused' pgcdc status
	expect 111 'could not translate host name' pgcdc status -d 'host=nowhere.invalid sslmode=require'
	PGUSER=nobody expect 100 'role "nobody" does not exist' pgcdc check
	PGDATABASE=nowhere expect 100 'database "nowhere" does not exist' pgcdc init
	expect 100 'invalid connection option "foo"' pgcdc init -d 'foo=bar'
	expect 100 'invalid integer value "x"' pgcdc init -p x
	PGSERVICEFILE=/dev/null expect 100 'service "gone" not found' pgcdc init -d service=gone
	[ "$(PGPORT=1 pgcdc status 2>&1 | wc -l)" -eq 1 ]
}

@test "a password does not reach the list of processes by way of the environment" {
	PGCDC_DBNAME='host=127.0.0.1 password=hunter2' expect 100 'PGCDC_DBNAME holds a password' pgcdc status
	[[ "$output" != *hunter2* ]]
	PGCDC_DBNAME='postgres://me:hunter2@127.0.0.1/x' expect 100 'PGCDC_DBNAME holds a password' pgcdc status
	[[ "$output" != *hunter2* ]]
	PGCDC_PGURL='postgres://me:hunter2@127.0.0.1/x' expect 100 'holds a password' pgcdc status
	expect 100 'IPv6 host address' pgcdc status -d 'postgres://me:hunter2@[::1'
	[[ "$output" != *hunter2* ]]
}

@test "a remote server must prove who it is" {
	# hostaddr makes a remote name of the server at hand, which has no TLS.
	pgcdc init
	remote="host=db.example.com hostaddr=127.0.0.1 dbname=$PGDATABASE"
	expect 100 'SSL' pgcdc status -d "$remote"
	[[ "$output" == *--insecure* ]]
	expect 100 'SSL' pgcdc status -d "postgres://db.example.com/$PGDATABASE?hostaddr=127.0.0.1"
	PGHOSTADDR=127.0.0.1 expect 100 'SSL' pgcdc status -h db.example.com
	PGHOSTADDR=127.0.0.1 PGHOST=db.example.com expect 100 'SSL' pgcdc status
	PGHOSTADDR=127.0.0.1 PGHOST=127.example.com expect 100 'SSL' pgcdc status
	PGHOSTADDR=127.0.0.1 PGHOST=localhost.example.com expect 100 'SSL' pgcdc status
	printf '[s]\nhost=db.example.com\nhostaddr=127.0.0.1\n' >"$BATS_TEST_TMPDIR/service"
	export PGSERVICEFILE=$BATS_TEST_TMPDIR/service
	PGHOST='' expect 100 'SSL' pgcdc status -d service=s
	PGHOST='' PGSERVICE=s expect 100 'SSL' pgcdc status
	expect 0 'is not verified' pgcdc status --insecure -d "$remote"
	expect 0 'is not verified' pgcdc status -d "$remote sslmode=prefer"
	PGSSLMODE=prefer expect 0 'is not verified' pgcdc status -d "$remote"
	for local in "host=127.0.0.1" "host=localhost" "host = 'localhost'" "host='$PGDIR'" \
	    "hostaddr=127.0.0.1" "postgres://127.0.0.1:$PGPORT/$PGDATABASE" \
	    "postgres://postgres@localhost:$PGPORT,127.0.0.1:$PGPORT/$PGDATABASE" \
	    "postgres:///$PGDATABASE?host=$PGDIR" "postgres:///$PGDATABASE?host=${PGDIR//\//%2F}"; do
		echo "$local"
		case $local in
		postgres:*) ;;
		*) local="$local dbname=$PGDATABASE" ;;
		esac
		run --separate-stderr pgcdc status -d "$local"
		[ "$status" -eq 0 ]
		# shellcheck disable=SC2154
		[ -z "$stderr" ]
	done
}

@test "standard output that is full, or whose reader has gone, is 111, and one that is closed 100" {
	pgcdc init
	expect 111 'could not print' bash -c 'pgcdc status >/dev/full'
	expect 100 'standard output is closed' bash -c 'pgcdc status >&-'
	# shellcheck disable=SC2016
	expect 111 'standard output is closed' bash -c '{ sleep 1; pgcdc status; } | true; exit ${PIPESTATUS[0]}'
}

@test "it runs from anywhere, through links, and brings its own psql settings" {
	cp -RL "$BATS_TEST_DIRNAME/../bin/pgcdc" "$BATS_TEST_DIRNAME/../sql" "$BATS_TEST_TMPDIR"
	mkdir -p "$BATS_TEST_TMPDIR/a tree/bin" "$BATS_TEST_TMPDIR/a tree/test" "$BATS_TEST_TMPDIR/b"
	mv "$BATS_TEST_TMPDIR/pgcdc" "$BATS_TEST_TMPDIR/a tree/bin"
	mv "$BATS_TEST_TMPDIR/sql" "$BATS_TEST_TMPDIR/a tree"
	ln -s "$BATS_TEST_TMPDIR/a tree/bin/pgcdc" "$BATS_TEST_TMPDIR/b/cdc"
	cd /
	printf '%s\n' '\echo from psqlrc' >"$BATS_TEST_TMPDIR/psqlrc"
	export PSQLRC=$BATS_TEST_TMPDIR/psqlrc PSQL_PAGER=false
	"$BATS_TEST_TMPDIR/b/cdc" init
	run -0 "$BATS_TEST_TMPDIR/b/cdc" status
	[ "${lines[0]}" = 'slot                pgcdc' ]
	expect 100 'could not find "' "$BATS_TEST_TMPDIR/b/cdc" demo
	printf '#!/bin/sh\necho "demo $*"\nexit 3\n' >"$BATS_TEST_TMPDIR/a tree/test/demo"
	chmod +x "$BATS_TEST_TMPDIR/a tree/test/demo"
	expect 3 'demo --keep x' "$BATS_TEST_TMPDIR/b/cdc" demo --keep x
}

@test "without psql it says what to install" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for program in dirname readlink tr sed cat; do
		ln -s "$(command -v "$program")" "$BATS_TEST_TMPDIR/bin/"
	done
	PATH=$BATS_TEST_TMPDIR/bin expect 100 'could not find psql; install' \
	    "$BATS_TEST_DIRNAME/../bin/pgcdc" status
}

# --- init

@test "init makes schema, publication and slot, and says so" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY)'
	run -0 pgcdc init
	[ "${lines[0]}" = 'created schema "pgcdc"' ]
	[ "${lines[1]}" = 'applied migration "0001_made"' ]
	[ "${lines[2]}" = 'applied migration "0002_schema_log"' ]
	[ "${lines[3]}" = 'applied migration "0003_publish"' ]
	[ "${lines[4]}" = 'created event triggers that log schema changes' ]
	[ "${lines[5]}" = 'created publication "pgcdc" (2 tables)' ]
	[ "${lines[6]}" = 'added schema changes to publication "pgcdc"' ]
	[[ "${lines[7]}" =~ ^created\ slot\ \"pgcdc\"\ at\ [0-9A-F]+/[0-9A-F]+$ ]]
	[ "${lines[8]}" = 'logged the definition of 2 tables' ]
	[ "${#lines[@]}" -eq 9 ]
	[ "$(members)" = $'public.a\npublic.b' ]
	[ "$(sql "SELECT slot_type, plugin, database = current_database(), temporary
	    FROM pg_replication_slots")" = 'logical|pgoutput|t|f' ]
}

@test "init made the publication before the slot" {
	# A change right behind the slot's start decodes only if the publication is older.
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	sql 'INSERT INTO a VALUES (1)'
	[ "$(sql "SELECT count(*) > 0 FROM pg_logical_slot_peek_binary_changes('pgcdc', NULL, NULL,
	    'proto_version', '1', 'publication_names', 'pgcdc') WHERE get_byte(data, 0) = ascii('I')")" = t ]
}

@test "init can be repeated" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)'
	pgcdc init
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr pgcdc init
	[ "$output" = $'publication "pgcdc" exists, left as it is\nslot "pgcdc" exists, left as it is' ]
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "init repeated adds the tables that came since" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	before=$(sql 'SELECT oid FROM pg_publication')
	sql 'CREATE TABLE b (i int); ALTER PUBLICATION pgcdc DROP TABLE a; ALTER TABLE b REPLICA IDENTITY FULL'
	[ "$(members)" = public.b ]
	expect 0 'added table "public.a" to publication "pgcdc"' pgcdc init
	[ "$(members)" = $'public.a\npublic.b' ]
	[ "$(sql 'SELECT oid FROM pg_publication')" = "$before" ]
	sql 'DROP TABLE a'
	pgcdc init
	[ "$(members)" = public.b ]
}

@test "init --dry-run prints SQL and changes nothing" {
	make_keyless
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr pgcdc init --dry-run --replica-identity=full --role=t_reader
	everything | diff "$BATS_TEST_TMPDIR/before" -
	[[ "$output" == *'create publication pgcdc for table only public.bare'* ]]
	[[ "$output" == *"pg_create_logical_replication_slot('pgcdc', 'pgoutput');"* ]]
	[[ "$output" == *'alter table public.bare replica identity full;'* ]]
	[[ "$output" == *'create role t_reader login replication;'* ]]
	pgcdc init
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr pgcdc init --dry-run
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "names are data, whatever they contain" {
	for name in $'a"b\'; DROP TABLE victim;--' $'li\nne' '\\echo' ':slot' '$$' 'Ünïcode' '%I%s' ' '; do
		id=${name//\"/\"\"}
		sql "CREATE SCHEMA \"$id\"; CREATE TABLE \"$id\".\"$id\" (i int PRIMARY KEY, v int);
		    CREATE TABLE \"$id\".\"bare $id\" (i int, v int); INSERT INTO \"$id\".\"bare $id\" VALUES (1)"
	done
	sql 'CREATE TABLE victim (i int PRIMARY KEY)'
	weird=$'p"u\'b; DROP TABLE victim;\n--'
	run -0 pgcdc init --publication="$weird" --role=$'t_"\'; DROP TABLE victim;\n--'
	[[ "$output" == *'created publication "p"u'"'"'b; DROP TABLE victim;?--" (9 tables)'* ]]
	[ "$(grep -c 'is left out' <<<"$output")" -eq 8 ]
	expect 0 '' pgcdc check --publication="$weird"
	expect 0 'li?ne' pgcdc check --publication="$weird"
	pgcdc check --publication="$weird" --json | jq -e 'length > 5'
	run -0 pgcdc init --publication="$weird" --replica-identity=full
	[ "$(grep -c 'set replica identity FULL' <<<"$output")" -eq 8 ]
	sql $'UPDATE "li\nne"."bare li\nne" SET v = 1'
	expect 0 'dropped publication' pgcdc teardown --role=$'t_"\'; DROP TABLE victim;\n--'
	[[ "$output" == *'dropped role'* ]]
	[ "$(sql "SELECT count(*) FROM pg_class WHERE relreplident = 'f'")" = 0 ]
	[ "$(sql "SELECT count(*) FROM pg_publication")" = 0 ]
	sql 'TABLE victim'
}

@test "init never breaks an UPDATE or DELETE of the application" {
	make_keyless
	run -0 pgcdc init
	application_works
	[ "$(members)" = public.parent ]
	for table in bare nothing deferred noindex child parted leafless; do
		[[ "$output" == *"table \"public.$table\" is left out: "* ]]
	done
	[[ "$output" == *'"public.nothing" is left out: its replica identity is NOTHING'* ]]
	[[ "$output" == *'"public.deferred" is left out: its primary key is deferrable'* ]]
	[[ "$output" == *'"public.noindex" is left out: its replica identity index is missing'* ]]
	[[ "$output" == *'"public.leafless" is left out: partition "public.leafless_1": its replica'* ]]
	run -0 pgcdc init --tables=public.bare,public.child
	[ "$(members)" = public.parent ]
}

@test "tables with a replica identity of any kind are published" {
	sql "CREATE TABLE key (i int PRIMARY KEY, v int);
	    CREATE TABLE index (i int NOT NULL, v int); CREATE UNIQUE INDEX x ON index (i);
	    ALTER TABLE index REPLICA IDENTITY USING INDEX x;
	    CREATE TABLE keyindex (i int PRIMARY KEY, v int);
	    ALTER TABLE keyindex REPLICA IDENTITY USING INDEX keyindex_pkey;
	    CREATE TABLE full_row (i int, v int); ALTER TABLE full_row REPLICA IDENTITY FULL;
	    CREATE UNLOGGED TABLE unlogged (i int PRIMARY KEY, v int);
	    CREATE VIEW view AS TABLE key; CREATE MATERIALIZED VIEW matview AS TABLE key"
	expect 0 'table "public.unlogged" is left out: it is unlogged' pgcdc init
	[ "$(members)" = $'public.full_row\npublic.index\npublic.key\npublic.keyindex' ]
	sql 'DROP MATERIALIZED VIEW matview; DROP VIEW view'
	application_works
	pgcdc teardown
	[ "$(identity_of full_row)$(identity_of index)$(identity_of keyindex)" = fii ]
}

@test "--replica-identity=full lets tables without a key join, and teardown takes it back" {
	make_keyless
	sql 'CREATE TABLE mine (i int, v int); ALTER TABLE mine REPLICA IDENTITY FULL'
	expect 0 'set replica identity FULL on table "public.bare": it has no primary key' \
	    pgcdc init --replica-identity=full
	[[ "$output" != *'partitions added to table "public.parted" later need'* ]]
	application_works
	[ "$(members | wc -l)" -eq 9 ]
	for table in bare nothing deferred noindex child parted leafless_1 mine; do
		[ "$(identity_of "$table")" = f ]
	done
	[ "$(identity_of parent)$(identity_of leafless)$(identity_of parted_1)" = ddd ]
	pgcdc init --replica-identity=full
	expect 0 'set replica identity of table "public.nothing" back to NOTHING' pgcdc teardown
	[ "$(identity_of bare)$(identity_of nothing)$(identity_of deferred)$(identity_of noindex)" = dndn ]
	[ "$(identity_of child)$(identity_of parted)$(identity_of leafless_1)$(identity_of mine)" = ddnf ]
	application_works
}

@test "--replica-identity=full mends a table that lost its key" {
	sql 'CREATE TABLE a (i int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 1)'
	pgcdc init
	sql 'ALTER TABLE a DROP CONSTRAINT a_pkey'
	run sql 'UPDATE a SET v = 2'
	[ "$status" -ne 0 ]
	expect 0 'set replica identity FULL on table "public.a"' pgcdc init --replica-identity=full
	sql 'UPDATE a SET v = 2'
}

@test "teardown leaves a replica identity alone that has another user by now" {
	sql 'CREATE TABLE a (i int); CREATE TABLE b (i int); CREATE TABLE c (i int PRIMARY KEY)'
	pgcdc init --replica-identity=full
	sql 'CREATE PUBLICATION other FOR TABLE a; ALTER TABLE b REPLICA IDENTITY NOTHING'
	expect 0 'table "public.a" keeps replica identity FULL: publication "other" needs it' pgcdc teardown
	sql 'UPDATE a SET i = 1'
	[ "$(identity_of a)$(identity_of b)" = fn ]
}

@test "--all-tables" {
	make_keyless
	expect 0 'created publication "pgcdc" (all tables)' pgcdc init --all-tables --replica-identity=full
	[[ "$output" != *'tables created later without a primary key need'* ]]
	application_works
	sql 'CREATE TABLE later (i int PRIMARY KEY, v int)'
	pgcdc init
	pgcdc check
	sql 'CREATE TABLE bad (i int, v int)'
	pgcdc check
	sql 'ALTER TABLE bad REPLICA IDENTITY NOTHING'
	expect 1 'UPDATE and DELETE of table "public.bad" fail' pgcdc check
	pgcdc init --replica-identity=full
	pgcdc check
	pgcdc teardown
	application_works
	[ "$(identity_of bare)$(identity_of bad)" = dd ]
	pgcdc init
	expect 100 'exists and does not publish all tables' pgcdc init --all-tables --replica-identity=full
}

@test "--tables takes names and patterns, and remembers them" {
	sql "CREATE SCHEMA shop; CREATE SCHEMA shop2;
	    CREATE TABLE shop.orders (i int PRIMARY KEY); CREATE TABLE shop.order_lines (i int PRIMARY KEY);
	    CREATE TABLE shop2.orders (i int PRIMARY KEY); CREATE TABLE public.a_b (i int PRIMARY KEY);
	    CREATE TABLE public.axb (i int PRIMARY KEY); CREATE TABLE public.\"Orders\" (i int PRIMARY KEY)"
	pgcdc init --tables=shop.order_*
	[ "$(members)" = shop.order_lines ]
	sql 'CREATE TABLE shop.order_notes (i int PRIMARY KEY); CREATE TABLE other (i int PRIMARY KEY)'
	pgcdc init
	[ "$(members)" = $'shop.order_lines\nshop.order_notes' ]
	pgcdc init --tables=public.a_b --tables=public.Orders,*.orders
	[ "$(members)" = $'public.Orders\npublic.a_b\nshop.order_lines\nshop.order_notes\nshop.orders\nshop2.orders' ]
	expect 0 'pattern "nope.*" matches no table' pgcdc init --tables='nope.*'
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'table "shop.gone" does not exist' pgcdc init --tables=shop.orders,shop.gone
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "an error of init leaves nothing half made" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)'
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'table "public.gone" does not exist' \
	    pgcdc init --tables='public.gone,public.*' --replica-identity=full --role=t_reader
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

@test "an empty database: the publication has no tables yet" {
	expect 0 'created publication "pgcdc" (0 tables)' pgcdc init
	[[ "$output" == *'publication "pgcdc" has no tables yet'* ]]
	expect 1 'publication "pgcdc" publishes 0 tables; add some' pgcdc check
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	pgcdc check
}

@test "a partitioned table is published whole, under the name that was asked for" {
	sql "CREATE TABLE p (i int PRIMARY KEY, v int) PARTITION BY RANGE (i);
	    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (i);
	    CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20)"
	expect 0 '(1 table)' pgcdc init
	[ "$(members)" = $'public.p1\npublic.p21' ]
	sql 'CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30)'
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init
	[ "$(members)" = $'public.p1\npublic.p21\npublic.p3' ]
	expect 0 'now bear the name of the partitioned table' pgcdc init --via-root
	[ "$(members)" = public.p ]
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init --via-root
	pgcdc check
	pgcdc teardown
	expect 0 '(1 table)' pgcdc init --tables=public.p2
	[ "$(members)" = public.p21 ]
	expect 0 'added table "public.p" to' pgcdc init --tables=public.p
	expect 0 'exists, left as it is' pgcdc init --tables=public.p1
	pgcdc check
}

@test "a publication of the user is used as it is, and survives teardown" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY);
	    CREATE TABLE c (i int PRIMARY KEY); CREATE PUBLICATION pgcdc FOR TABLE a'
	expect 0 'publication "pgcdc" exists, left as it is' pgcdc init
	[ "$(members)" = public.a ]
	expect 100 'publication "pgcdc" was not made by init' pgcdc init --via-root
	expect 0 'added table "public.b" to publication "pgcdc"' pgcdc init --tables=public.a,public.b
	[ "$(members)" = $'public.a\npublic.b' ]
	pgcdc init
	expect 0 'removed table "public.b" from publication "pgcdc"' pgcdc teardown
	[ "$(members)" = public.a ]
	[ "$(sql 'SELECT count(*) FROM pg_replication_slots')" = 0 ]
	sql "CREATE TABLE p (i int PRIMARY KEY) PARTITION BY RANGE (i);
	    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	    CREATE PUBLICATION rooted FOR TABLE p WITH (publish_via_partition_root)"
	expect 0 'publication "rooted" exists, left as it is' pgcdc init --publication=rooted --tables=public.p1
}

@test "a publication of the user for all tables is used as it is" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE PUBLICATION mine FOR ALL TABLES'
	expect 0 'publication "mine" exists, left as it is' pgcdc init --publication=mine --tables=public.a
	pgcdc check --publication=mine
	pgcdc teardown
	[ "$(sql 'SELECT pubname FROM pg_publication')" = mine ]
}

@test "a slot of the user is used as it is, and survives teardown" {
	sql "SELECT pg_create_logical_replication_slot('pgcdc', 'pgoutput')"
	expect 0 'slot "pgcdc" exists, left as it is' pgcdc init
	expect 0 'slot "pgcdc" was there before init, left as it is' pgcdc teardown
	[ "$(sql 'SELECT slot_name FROM pg_replication_slots')" = pgcdc ]
}

@test "a slot that cannot be read is refused before anything is made" {
	everything >"$BATS_TEST_TMPDIR/before"
	unchanged() { everything | grep -v '^slot' | diff <(grep -v '^slot' "$BATS_TEST_TMPDIR/before") -; }
	sql "SELECT pg_create_physical_replication_slot('physical')"
	expect 100 'slot "physical" exists but is physical' pgcdc init -S physical
	unchanged
	sql "SELECT pg_drop_replication_slot('physical')"
	sql "SELECT pg_create_logical_replication_slot('decoding', 'test_decoding')"
	expect 100 'slot "decoding" exists but its plugin is "test_decoding"' pgcdc init -S decoding
	unchanged
	PGDATABASE=postgres sql "SELECT pg_create_logical_replication_slot('away', 'pgoutput')"
	expect 100 'slot "away" exists but belongs to database "postgres"' pgcdc init -S away
	unchanged
	sql "SELECT pg_drop_replication_slot('away')"
	if [ "$MAJOR" -ge 14 ]; then
		sql "SELECT pg_create_logical_replication_slot('twophase', 'pgoutput', false, true)"
		expect 100 'slot "twophase" exists but is two-phase' pgcdc init -S twophase
		expect 1 'slot "twophase" is two-phase' pgcdc check -S twophase
		unchanged
	fi
	for name in Upper 'a b' ö '' "$(printf 'x%.0s' {1..64})"; do
		[ -n "$name" ] || continue
		expect 100 'invalid slot name' pgcdc init -S "$name"
	done
	expect 100 'longer than 63 bytes' pgcdc init --publication="$(printf 'x%.0s' {1..64})"
	expect 100 'a comma separates names' pgcdc init --publication=a,b
	unchanged
}

@test "all slots in use is said before anything is made" {
	sql "SELECT count(pg_create_physical_replication_slot('full_' || i)) FROM generate_series(1, 20 -
	    (SELECT count(*) FROM pg_replication_slots)) AS i"
	everything >"$BATS_TEST_TMPDIR/before"
	run pgcdc init
	everything >"$BATS_TEST_TMPDIR/after"
	check=$(pgcdc check) || true
	sql "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^full_'"
	[ "$status" -eq 100 ]
	[[ "$output" == *'all 20 replication slots are in use'* ]]
	[[ "$check" == *'bad  20 of 20 replication slots are in use; raise'* ]]
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "--failover" {
	if [ "$MAJOR" -lt 17 ]; then
		everything >"$BATS_TEST_TMPDIR/before"
		expect 100 'a failover slot needs server version 17' pgcdc init --failover
		everything | diff "$BATS_TEST_TMPDIR/before" -
	else
		pgcdc init --failover
		[ "$(sql 'SELECT failover FROM pg_replication_slots')" = t ]
		pgcdc init --failover
		pgcdc init
		pgcdc init -S plain
		expect 100 'slot "plain" exists without failover' pgcdc init -S plain --failover
	fi
}

@test "many inits at once make one of each" {
	sql "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)"
	for i in 1 2 3 4 5 6; do
		pgcdc init --replica-identity=full --role=t_reader >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in 1 2 3 4 5 6; do
		wait "${pids[i]}" || { cat "$BATS_TEST_TMPDIR/out.$i"; false; }
	done
	cat "$BATS_TEST_TMPDIR"/out.*
	for line in 'created schema' 'created publication' 'created slot' 'created role' 'set replica identity'; do
		[ "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -c "^$line")" -eq 1 ]
	done
	pgcdc check
}

@test "init and teardown wait for an init that is under way, however long it takes" {
	hold_open "SELECT pg_advisory_xact_lock(x'7067636463'::bigint)"
	PGOPTIONS='-c lock_timeout=100ms' start_bg READER pgcdc init
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = \$\$advisory\$\$ AND NOT granted")" = 1 ]'
	sleep 0.3
	running "$READER"
	end_open
	end_bg READER
	[ "$bg_status" -eq 0 ]
	hold_open "SELECT pg_advisory_xact_lock(x'7067636463'::bigint)"
	start_bg READER pgcdc teardown
	wait_until 10 '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = \$\$advisory\$\$ AND NOT granted")" = 1 ]'
	end_open
	end_bg READER
	[ "$bg_status" -eq 0 ]
}

@test "init waits for open transactions, and says so" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	hold_open 'INSERT INTO a VALUES (1)'
	start_bg READER pgcdc init >"$BATS_TEST_TMPDIR/out" 2>&1
	wait_until 10 'grep -q "creating slot \"pgcdc\" waits for 1 open transaction" "$BATS_TEST_TMPDIR/out"'
	kill -0 "$READER"
	end_open
	end_bg READER
	[ "$bg_status" -eq 0 ]
	grep 'created slot' "$BATS_TEST_TMPDIR/out"
}

@test "a table that is locked ends init with 111 before the application has to queue" {
	sql 'CREATE TABLE bare (i int)'
	everything >"$BATS_TEST_TMPDIR/before"
	hold_open 'LOCK bare'
	PGOPTIONS='-c lock_timeout=200ms' expect 111 'another session holds the lock: try again later' \
		pgcdc init --replica-identity=full
	everything | diff "$BATS_TEST_TMPDIR/before" -
	end_open
}

@test "wal_level too low is said before anything is made" {
	second_server --conf 'wal_level = replica'
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'wal_level is "replica"; set wal_level = logical and restart the server' pgcdc init
	everything | diff "$BATS_TEST_TMPDIR/before" -
	expect 1 'bad  wal_level is replica; set wal_level = logical' pgcdc check
}

# --- roles

@test "--role makes a role that can read and nothing else" {
	sql "CREATE TABLE a (i int PRIMARY KEY); REVOKE CONNECT ON DATABASE \"$PGDATABASE\" FROM PUBLIC"
	expect 0 'created role "t_reader"; give it a password with "\password t_reader"' pgcdc init --role=t_reader
	[ "$(sql "SELECT rolcanlogin, rolreplication, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls
	    FROM pg_roles WHERE rolname = 't_reader'")" = 't|t|f|f|f|f' ]
	PGUSER=t_reader pgcdc check
	PGUSER=t_reader pgcdc status
	PGUSER=t_reader start_reader
	PGUSER=t_reader sql 'SELECT count(*) FROM pgcdc.migrations'
	run sql 'SET ROLE t_reader; TABLE a'
	[ "$status" -ne 0 ]
	run sql 'SET ROLE t_reader; DELETE FROM pgcdc.made'
	[ "$status" -ne 0 ]
	run sql 'SET ROLE t_reader; CREATE TABLE pgcdc.t ()'
	[ "$status" -ne 0 ]
	expect 0 'role "t_reader" exists' pgcdc init --role=t_reader
	stop_bg READER
	wait_until 10 '! slot_active'
	expect 0 'role "t_reader" is left; --role=t_reader drops it' pgcdc teardown
	[ -z "$(sql "SELECT datacl FROM pg_database WHERE datname = current_database() AND datacl::text ~ 't_reader'")" ]
	pgcdc init --role=t_reader
	expect 0 'role "t_reader" was not made by init, left as it is' pgcdc teardown --role=t_reader
	sql 'DROP ROLE t_reader'
	pgcdc init --role=t_reader
	expect 0 'dropped role "t_reader"' pgcdc teardown --role=t_reader
	[ "$(sql "SELECT count(*) FROM pg_roles WHERE rolname = 't_reader'")" = 0 ]
}

@test "a role of the user must be able to replicate" {
	sql 'CREATE ROLE t_plain LOGIN'
	expect 100 'role "t_plain" exists but may not log in and replicate; ALTER ROLE t_plain LOGIN REPLICATION' \
	    pgcdc init --role=t_plain
	[ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcdc'")" = 0 ]
	sql 'ALTER ROLE t_plain REPLICATION'
	pgcdc init --role=t_plain
	PGUSER=t_plain pgcdc status
	sql 'ALTER ROLE t_plain NOREPLICATION'
	PGUSER=t_plain expect 1 'bad  role "t_plain" may not replicate; ALTER ROLE t_plain REPLICATION' pgcdc check
}

@test "init needs no superuser, and names each right that is missing" {
	sql 'CREATE ROLE t_dba LOGIN; CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)'
	everything >"$BATS_TEST_TMPDIR/before"
	export PGUSER=t_dba
	expect 100 "permission denied for database \"$PGDATABASE\"; GRANT CREATE ON DATABASE" pgcdc init
	PGUSER=postgres sql "GRANT CREATE ON DATABASE \"$PGDATABASE\" TO t_dba"
	expect 100 'role "t_dba" may not create a replication slot' pgcdc init
	PGUSER=postgres sql 'ALTER ROLE t_dba REPLICATION'
	expect 100 'role "t_dba" may not create event triggers, which log schema changes; run this as a superuser, or do without them with --no-ddl' pgcdc init
	export PGCDC_NO_DDL=1
	expect 100 'must be owner of table "public.a" to publish it' pgcdc init
	expect 100 'only a superuser can publish all tables' pgcdc init --all-tables --replica-identity=full
	PGUSER=postgres sql 'ALTER TABLE a OWNER TO t_dba'
	expect 100 'must be owner of table "public.bare"' pgcdc init --replica-identity=full
	expect 100 'create' pgcdc init --role=t_reader
	[ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcdc'")" = 0 ]
	expect 0 'created slot "pgcdc"' pgcdc init
	pgcdc init
	pgcdc check
	pgcdc status
	pgcdc teardown
	[ "$(sql "SELECT count(*) FROM pg_publication")$(sql "SELECT count(*) FROM pg_replication_slots")" = 00 ]
}

@test "a schema pgcdc of somebody else runs no code with the rights of a superuser" {
	sql "CREATE ROLE t_evil LOGIN; GRANT CREATE ON DATABASE \"$PGDATABASE\" TO t_evil;
	    CREATE TABLE a (i int PRIMARY KEY)"
	PGUSER=t_evil sql "CREATE SCHEMA pgcdc;
	    CREATE TABLE pgcdc.migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now());
	    CREATE FUNCTION pgcdc.gotcha() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN ALTER ROLE t_evil SUPERUSER; RETURN new; END';
	    CREATE TRIGGER t BEFORE INSERT ON pgcdc.migrations FOR EACH ROW EXECUTE FUNCTION pgcdc.gotcha()"
	for command in init teardown trim; do
		expect 100 'schema "pgcdc" belongs to role "t_evil"' pgcdc "$command"
	done
	run pgcdc check
	run pgcdc status
	[ "$(sql "SELECT rolsuper FROM pg_roles WHERE rolname = 't_evil'")" = f ]
	[ "$(sql 'SELECT count(*) FROM pg_publication')" = 0 ]
}

@test "functions and operators of a search_path are never called" {
	sql "CREATE TABLE a (i int PRIMARY KEY); CREATE SCHEMA trap; CREATE TABLE trap.log (what text);
	    CREATE FUNCTION trap.caught() RETURNS boolean LANGUAGE sql AS
		'INSERT INTO trap.log VALUES (''caught''); SELECT true';
	    CREATE FUNCTION trap.current_setting(text) RETURNS text LANGUAGE sql AS
		'SELECT trap.caught()::text';
	    CREATE FUNCTION trap.to_regclass(text) RETURNS regclass LANGUAGE sql AS
		'SELECT trap.caught()::text::regclass';
	    CREATE FUNCTION trap.eq(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT trap.caught()';
	    CREATE OPERATOR trap.= (LEFTARG = name, RIGHTARG = text, FUNCTION = trap.eq);
	    CREATE VIEW trap.pg_replication_slots AS SELECT trap.caught();
	    ALTER DATABASE \"$PGDATABASE\" SET search_path = trap, pg_catalog, public"
	run sql "SELECT 'a'::name = 'b'::text"
	[ "$(sql 'SELECT count(*) FROM trap.log')" -gt 0 ]
	sql 'DELETE FROM trap.log'
	pgcdc init --tables=public.a
	pgcdc check
	pgcdc status
	pgcdc teardown
	[ "$(sql 'SELECT count(*) FROM trap.log')" = 0 ]
}

# --- migrations

@test "every migration is listed, and applied once" {
	listed=$(sed -n 's/^\\set migration //p' "$BATS_TEST_DIRNAME/../sql/migrate.sql")
	[ "$listed" = "$(cd "$BATS_TEST_DIRNAME/../sql/migrations" && printf '%s\n' *.sql | sed 's/\.sql$//' | sort)" ]
	expect 0 'applied migration' pgcdc init --migrate
	[ "$(sql 'SELECT name FROM pgcdc.migrations ORDER BY 1')" = "$listed" ]
	[ "$(sql 'SELECT count(*) FROM pg_publication')$(sql 'SELECT count(*) FROM pg_replication_slots')" = 00 ]
	run -0 pgcdc init --migrate
	[ -z "$output" ]
	expect 0 'created publication' pgcdc init
}

@test "a new migration is applied to an old schema, and its tables are open to the reader" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init --role=t_reader
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp -RL "$BATS_TEST_DIRNAME/../sql" "$BATS_TEST_TMPDIR"
	cp "$BATS_TEST_DIRNAME/../bin/pgcdc" "$BATS_TEST_TMPDIR/bin"
	echo 'CREATE TABLE pgcdc.newer (i int);' >"$BATS_TEST_TMPDIR/sql/migrations/0999_newer.sql"
	sed -i 's/^\\set migration 0001_made/&\n\\ir migrate_one.sql\n\\set migration 0999_newer/' \
	    "$BATS_TEST_TMPDIR/sql/migrate.sql"
	run -0 "$BATS_TEST_TMPDIR/bin/pgcdc" init --migrate
	[ "$output" = 'applied migration "0999_newer"' ]
	PGUSER=t_reader sql 'TABLE pgcdc.newer'
	expect 100 'has migration "0999_newer", which this version of pgcdc does not know' pgcdc init
}

@test "a migration that fails leaves nothing" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp -RL "$BATS_TEST_DIRNAME/../sql" "$BATS_TEST_TMPDIR"
	cp "$BATS_TEST_DIRNAME/../bin/pgcdc" "$BATS_TEST_TMPDIR/bin"
	echo 'SELECT 1 / 0;' >>"$BATS_TEST_TMPDIR/sql/migrations/0001_made.sql"
	everything >"$BATS_TEST_TMPDIR/before"
	expect 100 'division by zero' "$BATS_TEST_TMPDIR/bin/pgcdc" init
	[[ "$output" != *created* ]]
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

# --- teardown

@test "teardown removes all that init made, and can be repeated" {
	make_keyless
	sql 'DROP TABLE noindex'	# has no way back: its index is gone
	everything >"$BATS_TEST_TMPDIR/before"
	pgcdc init --replica-identity=full
	pgcdc init -S another --publication=another
	run -0 pgcdc teardown
	for line in 'dropped publication "pgcdc"' 'dropped publication "another"' 'dropped schema "pgcdc"' \
	    'dropped slot "pgcdc"' 'dropped slot "another"'; do
		[[ "$output" == *"$line"* ]]
	done
	everything | diff "$BATS_TEST_TMPDIR/before" -
	expect 0 'there is nothing to tear down' pgcdc teardown
	expect 0 'there is nothing to tear down' pgcdc tear-down
	pgcdc init
	pgcdc teardown
}

@test "teardown says of a slot that it does not know what it is" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init -S one
	sql "SELECT pg_create_logical_replication_slot('other', 'pgoutput')" >/dev/null
	expect 0 'slot "typo" does not exist' pgcdc teardown -S typo
	expect 0 'slot "other" was not made by init, left as it is' pgcdc teardown -S other
	sql "SELECT pg_drop_replication_slot('other')"
	expect 0 'dropped slot "one"' pgcdc teardown -S one
}

@test "teardown of a slot that is read is 111 and removes nothing" {
	sql 'CREATE TABLE bare (i int)'
	pgcdc init --replica-identity=full
	start_reader
	everything | grep -v '^slot' >"$BATS_TEST_TMPDIR/before"
	pid=$(sql 'SELECT active_pid FROM pg_replication_slots')
	expect 111 "slot \"pgcdc\" is active for PID $pid; stop its reader first" pgcdc teardown
	everything | grep -v '^slot' | diff "$BATS_TEST_TMPDIR/before" -
	stop_bg READER
	wait_until 10 '! slot_active'
	expect 0 'dropped slot' pgcdc teardown
}

@test "teardown of one slot leaves what the others need" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE bare (i int)'
	pgcdc init -S one --replica-identity=full
	pgcdc init -S two
	pgcdc init -S three --publication=three
	expect 0 'schema "pgcdc" is left for slot "three", slot "two"' pgcdc teardown -S one
	[ "$(sql 'SELECT count(*) FROM pg_publication')" = 2 ]
	expect 0 'dropped publication "three"' pgcdc teardown -S three
	expect 0 'schema "pgcdc" is left' pgcdc teardown -S three
	[ "$(identity_of bare)" = f ]
	PGCDC_SLOT=two expect 0 'dropped schema' pgcdc teardown
	[ "$(identity_of bare)" = d ]
	[ "$(sql 'SELECT count(*) FROM pg_publication')$(sql 'SELECT count(*) FROM pg_replication_slots')" = 00 ]
}

@test "teardown touches nothing that is not its own" {
	sql 'CREATE TABLE a (i int PRIMARY KEY); CREATE PUBLICATION other FOR TABLE a'
	sql "SELECT pg_create_logical_replication_slot('other', 'pgoutput')"
	everything >"$BATS_TEST_TMPDIR/before"
	pgcdc init
	pgcdc teardown
	everything | diff "$BATS_TEST_TMPDIR/before" -
	pgcdc init
	sql 'CREATE TABLE pgcdc.mine (i int)'
	expect 100 'cannot drop schema pgcdc' pgcdc teardown
	[ "$(sql "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'pgcdc'")" = 1 ]
	[ "$(sql "SELECT count(*) FROM pg_publication WHERE pubname = 'pgcdc'")" = 1 ]
	sql 'DROP TABLE pgcdc.mine'
	pgcdc teardown
}

@test "teardown copes with what is gone already" {
	sql 'CREATE TABLE bare (i int); CREATE TABLE gone (i int)'
	pgcdc init --replica-identity=full --role=t_reader
	sql "DROP TABLE gone; DROP PUBLICATION pgcdc; SELECT pg_drop_replication_slot('pgcdc');
	    DROP OWNED BY t_reader; DROP ROLE t_reader"
	expect 0 'dropped schema' pgcdc teardown --role=t_reader
	[ "$(identity_of bare)" = d ]
}

@test "teardown --dry-run prints SQL and changes nothing" {
	sql 'CREATE TABLE bare (i int)'
	pgcdc init --replica-identity=full
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 pgcdc teardown --dry-run
	[[ "$output" == *'alter table public.bare replica identity default;'* ]]
	[[ "$output" == *"select pg_drop_replication_slot('pgcdc');"* ]]
	everything | diff "$BATS_TEST_TMPDIR/before" -
}

# --- check

# finding NAME FIELD...: fields of the findings of that name
finding() {
	jq -r --arg name "$1" ".[] | select(.name == \$name) | .$2"
}

@test "check finds nothing wrong behind init" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	run -0 pgcdc check
	[[ "$output" == *'ok   wal_level is logical'* ]]
	[[ "$output" == *'ok   every published table has a replica identity'* ]]
	[[ "$output" == *'note max_slot_wal_keep_size is unlimited'* ]]
	[ "$(grep -cvE '^(ok  |note) ' <<<"$output")" -eq 0 ]
	run -0 pgcdc check -q
	[ -z "$output" ]
	run -0 pgcdc check --quiet --json
	[ "$output" = '[]' ]
	pgcdc check --json | jq -e 'length > 8 and all(.[]; .name and .message and
	    (.status == "ok" or .status == "note") and has("remedy"))'
}

@test "check finds a missing slot and publication" {
	run -1 pgcdc check
	[[ "$output" == *'bad  slot "pgcdc" does not exist; make it with "pgcdc init"'* ]]
	[[ "$output" == *'bad  publication "pgcdc" does not exist; make it with "pgcdc init"'* ]]
	[ "$(pgcdc check -q | wc -l)" -eq 2 ]
	run -1 --separate-stderr pgcdc check --json
	[ -z "$stderr" ]
	[ "$(finding slot status <<<"$output")" = bad ]
	[ "$(finding slot remedy <<<"$output")" = 'make it with "pgcdc init"' ]
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	expect 1 'publication "other" does not exist' pgcdc check --publication=pgcdc,other
}

@test "check says of each published table whether its UPDATE works" {
	make_keyless
	sql "CREATE PUBLICATION pgcdc FOR TABLE ONLY bare, nothing, deferred, noindex, parent, child, parted, leafless"
	for table in $(application_tables) parted_1 leafless_1; do
		verdict=ok
		finding=$(pgcdc check --json | jq -r --arg t "\"public.$table\"" '.[] |
		    select(.status == "bad" and (.message | contains("UPDATE and DELETE of table " + $t))) | .name')
		sql "UPDATE ONLY $table SET v = v + 1" 2>/dev/null || verdict=fails
		case $table in
		leafless) continue ;;	# found under the name of its partition
		esac
		echo "$table: $verdict, $finding"
		[ "${finding:-ok}" = "${verdict/fails/replica_identity}" ]
	done
	[ "$(pgcdc check -q | grep -c 'UPDATE and DELETE')" -eq 6 ]
	expect 1 'partitions added to table "public.parted" later have no replica identity' pgcdc check
	sql "ALTER PUBLICATION pgcdc SET (publish = 'insert')"
	expect 1 'note publication "pgcdc" does not publish UPDATE, DELETE, TRUNCATE' pgcdc check
	[ "$(pgcdc check -q | grep -c 'UPDATE and DELETE')" -eq 0 ]
	sql 'UPDATE bare SET v = 3'
}

@test "check finds column lists and row filters that lack the key" {
	if [ "$MAJOR" -lt 15 ]; then
		sql 'CREATE TABLE list (i int PRIMARY KEY, j int)'
		lacks 'CREATE PUBLICATION p FOR TABLE list (j)'
		return
	fi
	sql "CREATE TABLE list (i int PRIMARY KEY, j int, v int); CREATE TABLE good_list (i int PRIMARY KEY, j int);
	    CREATE TABLE filter (i int PRIMARY KEY, j int); CREATE TABLE good_filter (i int PRIMARY KEY, j int);
	    CREATE TABLE list_filter (i int PRIMARY KEY, j int, v int);
	    CREATE TABLE full_list (i int, j int); ALTER TABLE full_list REPLICA IDENTITY FULL;
	    CREATE TABLE full_all (i int, j int); ALTER TABLE full_all REPLICA IDENTITY FULL;
	    CREATE TABLE full_filter (i int, j int); ALTER TABLE full_filter REPLICA IDENTITY FULL;
	    CREATE TABLE included (i int, j int, PRIMARY KEY (i) INCLUDE (j));
	    CREATE PUBLICATION pgcdc FOR TABLE list (j), good_list (i), filter WHERE (j > 0),
		good_filter WHERE (i > 0), list_filter (i, j) WHERE (v > 0), full_list (i), full_all (i, j),
		full_filter WHERE (j > 0), included (i)"
	for table in $(application_tables); do
		sql "INSERT INTO $table VALUES (1, 1)"
		verdict=
		sql "UPDATE $table SET j = 2" 2>/dev/null || verdict=fails
		finding=$(pgcdc check -q | grep -c "UPDATE and DELETE of table \"public.$table\" fail") || true
		echo "$table: $verdict $finding"
		[ "${verdict:+1}" = "${finding#0}" ]
	done
	[ "$(pgcdc check -q | grep -c 'column list')" -eq 3 ]
	[ "$(pgcdc check -q | grep -c 'row filter')" -eq 2 ]
	sql "CREATE TABLE parted (i int PRIMARY KEY, j int) PARTITION BY RANGE (i);
	    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
	    INSERT INTO parted VALUES (1, 1);
	    CREATE PUBLICATION rooted FOR TABLE parted WHERE (j > 0) WITH (publish_via_partition_root)"
	run sql 'UPDATE parted SET j = 2'
	[ "$status" -ne 0 ]
	expect 1 'the row filter of publication "rooted" uses columns' pgcdc check --publication=rooted
	sql 'ALTER PUBLICATION rooted SET TABLE parted WHERE (i > 0)'
	sql 'UPDATE parted SET j = 2'
	run pgcdc check --publication=rooted
	[[ "$output" != *'row filter'* ]]
}

@test "check names tables that are not published" {
	make_keyless
	sql 'CREATE UNLOGGED TABLE u (i int)'
	run pgcdc init
	run -0 pgcdc check
	[[ "$output" == *'note 7 tables without replica identity are not published: "public.bare", '* ]]
	[[ "$output" == *'note unlogged tables are never published: "public.u"'* ]]
}

@test "check knows output_plugin_libraries, where there is one" {
	pgcdc init
	run pgcdc check
	[[ "$output" == *'ok   output plugin pgoutput is allowed'* ]]
	if [ -z "$(sql "SELECT 1 FROM pg_settings WHERE name = 'output_plugin_libraries'")" ]; then
		lacks 'SHOW output_plugin_libraries'
		return
	fi
	sql "CREATE ROLE t_plain LOGIN REPLICATION"
	PGUSER=t_plain expect 1 'note cannot tell whether output_plugin_libraries allows pgoutput' pgcdc check
	sql "ALTER ROLE t_plain SET output_plugin_libraries = ''; GRANT pg_read_all_settings TO t_plain"
	PGUSER=t_plain expect 1 'bad  output_plugin_libraries (empty) does not allow pgoutput; add pgoutput' pgcdc check
	PGOPTIONS='-c output_plugin_libraries=' \
	    expect 100 'output_plugin_libraries does not allow "pgoutput"' pgcdc init -S new
	sql 'ALTER ROLE t_plain SET output_plugin_libraries = wal2json, "pgoutput"'
	PGUSER=t_plain expect 1 'ok   output plugin pgoutput is allowed' pgcdc check
}

@test "check notes settings that surprise" {
	pgcdc init
	sql "ALTER ROLE postgres SET wal_sender_timeout = 0"
	run pgcdc check
	sql "ALTER ROLE postgres RESET wal_sender_timeout"
	[[ "$output" == *'note wal_sender_timeout is 0'* ]]
	PGOPTIONS='-c wal_sender_timeout=500ms' expect 1 'wal_sender_timeout is only 500ms' pgcdc check
}

@test "check finds slots of other kinds" {
	sql "SELECT pg_create_physical_replication_slot('physical')"
	expect 1 'slot "physical" is a physical slot' pgcdc check -S physical
	expect 1 'it is a physical slot' pgcdc status -S physical
	sql "SELECT pg_drop_replication_slot('physical')"
	sql "SELECT pg_create_logical_replication_slot('decoding', 'test_decoding')"
	expect 1 'slot "decoding" has plugin "test_decoding"' pgcdc check -S decoding
	expect 1 'its plugin is "test_decoding"' pgcdc status -S decoding
	PGDATABASE=postgres expect 1 'its plugin' pgcdc status -S decoding
	pgcdc init
	here=$PGDATABASE
	PGDATABASE=postgres expect 1 "slot \"pgcdc\" belongs to database \"$here\"; connect to that" pgcdc check
	PGDATABASE=postgres expect 1 "it belongs to database \"$here\"" pgcdc status
}

@test "check and messages are UTF-8 whatever the database's encoding" {
	sql "CREATE DATABASE t_latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'"
	PGDATABASE=t_latin PGCLIENTENCODING=UTF8 sql 'CREATE TABLE "é" (i int)'
	PGDATABASE=t_latin run pgcdc init
	PGDATABASE=t_latin sql "SELECT pg_drop_replication_slot('pgcdc')"
	sql 'DROP DATABASE t_latin'
	[[ "$output" == *'table "public.é" is left out'* ]]
	sql "CREATE DATABASE t_ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'"
	PGDATABASE=t_ascii run pgcdc check
	sql 'DROP DATABASE t_ascii'
	[[ "$output" == *'note the encoding of the database is SQL_ASCII'* ]]
}

@test "a standby" {
	second_server
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	PGPORT=$(service standby "$PGDIR/standby" "$PGDIR/second")
	for command in init teardown trim; do
		expect 100 'the server is a standby; run this on its primary' pgcdc "$command"
	done
	run pgcdc check
	if [ "$MAJOR" -lt 16 ]; then
		[[ "$output" == *'bad  the server is a standby; read from the primary'* ]]
	else
		[[ "$output" == *'note the server is a standby; keep wal_level = logical'* ]]
	fi
	run -1 pgcdc status -S nothing
}

# --- status

@test "status shows the slot's own figures" {
	sql 'CREATE TABLE a (i int PRIMARY KEY)'
	pgcdc init
	sql 'INSERT INTO a SELECT generate_series(1, 1000)'
	run -0 pgcdc status
	[[ "$output" == *'slot                pgcdc'* ]]
	[[ "$output" == *'plugin              pgoutput'* ]]
	[[ "$output" == *"database            $PGDATABASE"* ]]
	[[ "$output" == *'usable              yes'* ]]
	[[ "$output" == *"confirmed position  $(sql 'SELECT confirmed_flush_lsn FROM pg_replication_slots')"* ]]
	[[ "$output" == *'lag in time         unknown'* ]]
	[[ "$output" == *'WAL status          reserved'* ]]
	[[ "$output" == *'reader              none'* ]]
	pgcdc status --json >"$BATS_TEST_TMPDIR/json"
	jq -e '.slot == "pgcdc" and .exists and .usable and .reader == null and .lag_bytes > 10000
	    and .retained_wal_bytes >= .lag_bytes' "$BATS_TEST_TMPDIR/json"
	[ "$(jq .lag_bytes "$BATS_TEST_TMPDIR/json")" = "$(sql "SELECT '$(jq -r .current_lsn \
	    "$BATS_TEST_TMPDIR/json")'::pg_lsn - confirmed_flush_lsn FROM pg_replication_slots")" ]
}

@test "status shows the reader" {
	pgcdc init
	PGAPPNAME=somebody start_reader
	pid=$(sql 'SELECT active_pid FROM pg_replication_slots')
	wait_until 10 'pgcdc status --json | jq -e ".reader.state == \"streaming\""'
	expect 0 "reader              PID $pid, somebody, postgres, 127.0.0.1, streaming" pgcdc status
	pgcdc status --json | jq -e --argjson pid "$pid" '.reader | .pid == $pid and .user == "postgres"
	    and .application_name == "somebody" and .address == "127.0.0.1" and .reply_time'
	# Another role sees only that there is one.
	sql 'CREATE ROLE t_plain LOGIN'
	PGUSER=t_plain expect 0 "reader              PID $pid" pgcdc status
}

@test "status of a slot that is missing" {
	run -1 --separate-stderr pgcdc status
	[ "$output" = 'slot "pgcdc" does not exist; make it with "pgcdc init"' ]
	[ -z "$stderr" ]
	run -1 --separate-stderr pgcdc status --json -S 'x"y'
	[ "$(jq -c . <<<"$output")" = '{"slot":"x\"y","exists":false,"usable":false,"fault":"it does not exist"}' ]
	run -1 pgcdc status -S $'a\nb\e'
	[ "$output" = 'slot "a?b?" does not exist; make it with "pgcdc init"' ]
}

@test "a slot that lost its WAL: status and check are 1, init refuses, teardown removes" {
	second_server --conf 'max_slot_wal_keep_size = 1MB' --conf 'max_wal_size = 32MB' --conf 'min_wal_size = 32MB'
	sql 'CREATE TABLE a (i int PRIMARY KEY, v text)'
	pgcdc init
	expect 0 'note a slot that falls 1MB behind is invalidated' pgcdc check
	pgcdc status --json | jq -e '.safe_wal_bytes > 0'
	for _ in 1 2 3 4; do
		sql "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 100000)) FROM generate_series(1, 200)" >/dev/null
		sql 'SELECT pg_switch_wal()' >/dev/null
		sql CHECKPOINT
	done
	expect 1 'usable              no, it is invalidated' pgcdc status
	[[ "$output" == *'WAL status          lost'* ]]
	run -1 pgcdc status --json
	jq -e '.exists and (.usable | not) and .wal_status == "lost"' <<<"$output"
	expect 1 'bad  slot "pgcdc" is invalidated' pgcdc check
	expect 100 'slot "pgcdc" exists but is invalidated: the changes after ' pgcdc init
	pgcdc teardown
	pgcdc init
	pgcdc status
}
