# shellcheck shell=bash disable=SC2016,SC2030,SC2031
# What the pgcdc*.bats files share: a server, and after each test no role, slot or second server
# of it; what init could change, tables without a key, readers and transactions that stay.

load helper

setup_file() {
	pg_start || return 1
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
