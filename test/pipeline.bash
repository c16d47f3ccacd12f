# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2317
# What the pipeline*.bats files share: a table, a publication and a slot for each test, a
# configuration file, and ways to run it.

load helper

setup_file() { pg_start; }
teardown_file() { pg_stop; }

setup() {
	fresh_db
	cd "$BATS_TEST_TMPDIR" || return
	sql "CREATE TABLE t (id bigint PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t"
	sql "SELECT pg_create_logical_replication_slot('$PGDATABASE', 'pgoutput')" >slot.made
	conf
}

teardown() {
	kill_started "$BATS_TEST_NUMBER"
	drop_db
}

# conf [LINE]...: the configuration file c.env; a LINE replaces one of the same key.
conf() {
	local line
	cat >c.env <<-END
		PGCDC_READ_SLOT=$PGDATABASE
		PGCDC_READ_PUBLICATION=p
		PGCDC_STAGES=
		PGCDC_SINKS=file
		PGCDC_FILE_PATH=out
		PGCDC_STATE=state
		PGCDC_RUNTIME_DIR=runtime
		PGCDC_RESTART_MIN=10ms
		PGCDC_RESTART_MAX=200ms
	END
	for line; do
		sed -i "/^${line%%=*}=/d" c.env
		printf '%s\n' "$line" >>c.env
	done
	chmod 600 c.env
}

# script NAME: an executable file, its text from standard input.
script() {
	{ echo '#!/bin/sh' && cat; } >"$1"
	chmod 755 "$1"
}

# pipeline [OPTION]...: runs c.env to its end; messages go to err, its exit code to code.
pipeline() {
	code=0
	timeout -k 5 60 pgcdc run -c c.env "$@" 2>err 3>&- 4>&- || code=$?
}

# start [OPTION]...: in the background; RUN is the supervisor.
start() {
	run_it() { exec pgcdc run -c c.env "$@" 2>>err; }
	start_bg RUN run_it "$@"
}

# stage NAME: process ids of the programs of this name.
stage() { pgrep -P "$RUN" -x "$1"; }

# stages N: N programs are running.
stages() { [ "$(pgrep -c -P "$RUN")" -eq "$1" ]; }

# ids [FILE]: of the rows in a recording.
ids() { jq -r 'select(.action == "I") | .columns[0].value' "${1:-out}"; }

# Standard input is the text.
is() { diff -u <(printf '%s\n' "$1") -; }

insert() { sql "INSERT INTO t SELECT g FROM generate_series($1, $2) g"; }

# has_ids N [FILE]: 1 to N, each at least once.
has_ids() { [ "$(ids "${2-}" | sort -nu)" = "$(seq "$1")" ]; }

# start_load: transactions with ids from 1 on, a few hundred a second, in the background.
start_load() {
	load_it() {
		local i=0
		while [ ! -e load.stop ]; do
			echo "INSERT INTO t VALUES ($((++i))); SELECT pg_sleep(0.003);"
		done | psql -XAtq -v ON_ERROR_STOP=1 >load.out
	}
	start_bg LOAD load_it
}

# end_load: N is the last id.
end_load() {
	: >load.stop
	end_bg LOAD 60
	N=$(sql 'SELECT count(*) FROM t')
}

# only TEXT...: nothing is in err but lines with such a text, what is said at each start and
# clean end, and how long acks are waited for.
only() {
	local texts=(-e 'info: starting ' -e 'info: streaming slot ' -e 'info: the line has ended' -e 'info: waiting up to')
	for text; do texts+=(-e "$text"); done
	cat err
	absent -v "${texts[@]}" err
}

lines() { wc -l <"${1:-out}"; }

# absent GREP-ARGUMENT...: a "!" before a command would not fail a test.
absent() { ! grep "$@"; }
