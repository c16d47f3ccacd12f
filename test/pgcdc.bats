#!/usr/bin/env bats
# pgcdc against a real server: its command line, roles and rights, migrations, teardown.

# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

bats_require_minimum_version 1.5.0
load pgcdc

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
	expect 100 'option "--pgurl" is given twice' pgcdc status --pgurl a --pgurl b
	expect 100 'options "-d" and "--pgurl" exclude each other' pgcdc status -d a --pgurl b
	expect 100 'options "--pgurl" and "-d" exclude each other' pgcdc status --pgurl=a -d b
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
	PGCDC_PGURL='postgres://me:hunter2@127.0.0.1/x' expect 100 'PGCDC_PGURL holds a password' pgcdc status
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

@test "an ordinary role's --no-ddl: the way to event triggers that is named works" {
	sql "CREATE ROLE t_plain LOGIN REPLICATION; GRANT CREATE ON DATABASE \"$PGDATABASE\" TO t_plain;
	    GRANT CREATE ON SCHEMA public TO t_plain"
	PGUSER=t_plain sql 'CREATE TABLE a (i int PRIMARY KEY)'
	PGUSER=t_plain pgcdc init -S p1 --publication=p1 --no-ddl
	way='"pgcdc teardown" as "t_plain", then "pgcdc init -S p1 --publication=p1" as a superuser, and copy the tables anew'
	expect 0 "note schema changes are not logged: init was run with --no-ddl; to have them run $way" \
	    pgcdc check -S p1 --publication=p1
	way='"pgcdc teardown" as "t_plain", then init as a superuser, and copy the tables anew'
	expect 100 "schema \"pgcdc\" belongs to role \"t_plain\", not to \"postgres\"; run this as \"t_plain\" with --no-ddl, or for event triggers $way" \
	    pgcdc init -S p1 --publication=p1
	PGUSER=t_plain expect 100 "role \"t_plain\" may not create event triggers, which log schema changes; do without them with --no-ddl, or run $way" \
	    pgcdc init -S p1 --publication=p1
	expect 100 'schema "pgcdc" belongs to role "t_plain", not to "postgres"; run this as "t_plain"' pgcdc teardown
	[[ "$output" != *--no-ddl* ]]
	PGUSER=t_plain pgcdc teardown
	pgcdc init -S p1 --publication=p1
	expect 0 'ok   schema changes are logged' pgcdc check -S p1 --publication=p1
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
	expect 0 'applied migration' pgcdc init
	[ "$(sql 'SELECT name FROM pgcdc.migrations ORDER BY 1')" = "$listed" ]
	run -0 pgcdc init
	[[ "$output" != *applied* ]]
}

@test "--migrate brings the schema up to date and does nothing else" {
	expect 100 'there is no schema "pgcdc" to bring up to date; make it with "pgcdc init"' pgcdc init --migrate
	[ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcdc'")" = 0 ]
	pgcdc init
	everything >"$BATS_TEST_TMPDIR/before"
	run -0 pgcdc init --migrate
	[ "$output" = 'schema "pgcdc" is up to date, left as it is' ]
	run -0 pgcdc init --migrate --dry-run -S other --publication=other
	[ "$output" = '-- schema "pgcdc" is up to date, left as it is' ]
	everything | diff "$BATS_TEST_TMPDIR/before" -
	for option in --baseline --no-ddl --tables=a.b --replica-identity=full --via-root --failover --role=t_reader; do
		expect 100 "options \"--migrate\" and \"${option%=*}\" exclude each other" pgcdc init --migrate "$option"
	done
	PGCDC_BASELINE=1 expect 100 'exclude each other' pgcdc init --migrate
	# what is said of an empty database
	run -0 pgcdc init --baseline
	[ "$output" = 'logged the definition of 0 tables' ]
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
	run -0 --separate-stderr pgcdc teardown -S typo
	[ "$stderr" = 'pgcdc: warning: there is no slot "typo"; init made "one"' ]
	[ "$output" = 'schema "pgcdc" is left for slot "one"' ]
	expect 0 'slot "other" was not made by init, left as it is' pgcdc teardown -S other
	sql "SELECT pg_drop_replication_slot('other')"
	expect 0 'dropped slot "one"' pgcdc teardown -S one
	run -0 --separate-stderr pgcdc teardown -S typo
	[ "$output" = 'there is nothing to tear down' ]
	[ "$stderr" = 'pgcdc: warning: there is no slot "typo"' ]
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
