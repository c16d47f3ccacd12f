#!/usr/bin/env bats
# The pages of man/: mdoc is clean, examples do what they say, the table of value
# forms is true, and options are the programs' own.

load kafka

setup_file() {
	pg_start
	kafka_start
}

teardown_file() {
	pg_stop
	kafka_stop
}

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
	fresh_db
}

teardown() {
	drop_db
}

@test "mandoc finds nothing to warn about" {
	for page in man/*.[1-9]; do
		run mandoc -Tlint -Wwarning "$page"
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "pages refer to pages that exist" {
	while IFS= read -r page; do
		echo "$page"
		[ -e "man/$page" ]
	done < <(sed -n 's/^\.Xr \(pgcdc[^ ]*\) \([0-9]\).*/\1.\2/p' man/*.[1-9] | sort -u)
}

# One test a page, so that a failure names it.
@test "examples of pgcdc(1)" {
	test/man-examples man/pgcdc.1
}

@test "examples of pgcdc-read(1)" {
	test/man-examples man/pgcdc-read.1
}

@test "examples of pgcdc-file(1)" {
	test/man-examples man/pgcdc-file.1
}

@test "examples of pgcdc-run(1)" {
	test/man-examples man/pgcdc-run.1
}

@test "examples of pgcdc.conf(5)" {
	test/man-examples man/pgcdc.conf.5
}

@test "examples of pgcdc-kafka(1)" {
	test/man-examples man/pgcdc-kafka.1
}

@test "examples of pgcdc-dump(1)" {
	test/man-examples man/pgcdc-dump.1
}

@test "examples of pgcdc-translate(1)" {
	test/man-examples man/pgcdc-translate.1
}

@test "examples of pgcdc-events(5)" {
	if [ "$(pg_major)" -ge 14 ]; then
		test/man-examples man/pgcdc-events.5
		return
	fi
	# Server 13 sends no messages: there the last example prints none of its lines.
	sed '/^\$ pgcdc-read.*"action":"M"/,/^\.Ed/{/^[{ ]/d}' man/pgcdc-events.5 >"$BATS_TEST_TMPDIR/page"
	test/man-examples "$BATS_TEST_TMPDIR/page"
}

@test "examples of pgcdc-ack(5)" {
	test/man-examples man/pgcdc-ack.5
}

@test "examples of pgcdc-schema(5)" {
	test/man-examples man/pgcdc-schema.5
}

@test "examples of pgcdc(7)" {
	test/man-examples man/pgcdc.7
}

@test "every page has its examples run" {
	for page in man/*.[1-9]; do
		echo "$page"
		grep -q "man-examples $page\$" "$BATS_TEST_FILENAME"
	done
}

@test "an example that prints something else is found" {
	cat >"$BATS_TEST_TMPDIR/page" <<-'END'
		.Bd -literal
		$ echo 0/1A 0/1B; echo more
		0/A 0/B
		...
		$ echo 0/1A
		0/A
		.Ed
	END
	test/man-examples "$BATS_TEST_TMPDIR/page"
	sed 's/^0.A$/0\/B/' "$BATS_TEST_TMPDIR/page" >"$BATS_TEST_TMPDIR/wrong"
	run test/man-examples "$BATS_TEST_TMPDIR/wrong"
	[ "$status" -eq 1 ]
	[[ "$output" == *"echo 0/1A"* ]]
	sed 's/^\.\.\.$/less/' "$BATS_TEST_TMPDIR/page" >"$BATS_TEST_TMPDIR/wrong"
	run test/man-examples "$BATS_TEST_TMPDIR/wrong"
	[ "$status" -eq 1 ]
	[[ "$output" == *"+more"* ]]
}

@test "an example of JSON that is none is found" {
	printf '%s\n' '.Bd -literal' '{"action":"C",}' .Ed >"$BATS_TEST_TMPDIR/page"
	run test/man-examples "$BATS_TEST_TMPDIR/page"
	[ "$status" -eq 1 ]
	[[ "$output" == *"not JSON"* ]]
}

# The rows of the table in pgcdc-events(5), "TYPE<tab>VALUE".
value_forms() {
	awk '
		/^\.Bd -literal/ { block = 1; next }
		/^\.Ed/ { block = 0 }
		block && /^(smallint|public\.ltree) / { inside = 1 }
		block && inside {
			gsub(/\\e/, "\\")
			match($0, /   *[^ ]/)
			print substr($0, 1, RSTART - 1) "\t" substr($0, RSTART + RLENGTH - 1)
		}
		/^public\.ltree / { exit }' man/pgcdc-events.5
}

@test "values stand on the line as pgcdc-events(5) shows them" {
	local n=0 type value text columns='' literals=''

	sql "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
	    CREATE TYPE pair AS (a integer, b text); CREATE TYPE mood AS ENUM ('ok');
	    CREATE DOMAIN positive AS integer CHECK (VALUE > 0); CREATE TABLE orders ()"
	while IFS=$'\t' read -r type value; do
		n=$((n + 1))
		text=$value
		case $value in
		\"*) text=$(jq -r . <<<"$value") ;;
		esac
		[ "$type" = bytea ] && text="\\x$text"
		columns+=",c$n $type"
		literals+=",\$txt\$$text\$txt\$"
		jq -cn --arg name "c$n" --arg type "$type" '{$name,$type}' |
		    sed 's/}$/,"value":/' | tr -d '\n'
		printf '%s}\n' "$value"
	done < <(value_forms) >"$BATS_TEST_TMPDIR/forms"
	[ "$n" -gt 60 ]

	sql "CREATE TABLE forms (${columns#,}); CREATE PUBLICATION forms FOR TABLE forms"
	sql "SELECT pg_create_logical_replication_slot('forms', 'pgoutput')"
	sql "INSERT INTO forms VALUES (${literals#,})"
	read_all forms forms
	while IFS= read -r form; do
		echo "$form"
		grep -qF -- "$form" "$BATS_TEST_TMPDIR/out"
	done <"$BATS_TEST_TMPDIR/forms"
}

# The options of --help, of one subcommand or all that have any, and those that a page has
# entries for; one a line.
help_options() { # PROGRAM [SUBCOMMAND]
	local of=("${2-}")

	[ "$1" = pgcdc ] && of=(init teardown check status trim)
	[ "$*" = pgcdc-kafka ] && of=(produce consume)
	for command in "${of[@]}"; do
		"$1" ${command:+"$command"} --help
	done | sed -n 's/^  *\(-.*\)/\1/p' | sed 's/   *.*//' |
	    grep -oE -- '(^|[ ,])--?[A-Za-z?][a-z-]*' | tr -d ' ,' | sort -u
}

page_options() {
	sed -n 's/^\.It \(.*Fl .*\)/\1/p' "man/$1.1" | sed 's/\\//g' |
	    grep -oE -- 'Fl [-&A-Za-z?][a-z-]*[?]*' | sed 's/^Fl &*/-/' | sort -u
}

@test "pages have the options of --help, and no others" {
	for program in pgcdc pgcdc-read pgcdc-dump pgcdc-translate pgcdc-kafka pgcdc-file pgcdc-run; do
		diff -u --label "$program --help" --label "$program.1" \
		    <(help_options "$program") <(page_options "$program")
	done
}

@test "pages name the variable of each option" {
	local name n program command

	while read -r program command; do
		n=0
		while IFS= read -r option; do
			n=$((n + 1))
			name=$(tr a-z- A-Z_ <<<"${program%-run}${command:+-$command}$option" | sed 's/__/_/')
			echo "$name"
			grep -q "^\.Pq Ev $name\$" "man/$program.1"
		done < <(help_options "$program" "$command" | grep -e '^--' | grep -vxe --help -e --version)
		[ "$n" -gt 4 ]
	done <<-'END'
		pgcdc-read
		pgcdc-dump
		pgcdc-translate
		pgcdc-kafka produce
		pgcdc-kafka consume
		pgcdc-file
		pgcdc-run
	END
}

# DIAGNOSTICS: ".It a message with ... for what differs", as a regular expression.
page_messages() {
	sed -n '/^\.Sh DIAGNOSTICS/,/^\.Sh SEE/s/^\.It \(.*\)/\1/p' "man/$1.1" |
	    sed -e 's/\\-/-/g' -e 's/\\(dq/"/g' -e 's/[][*^$\\]/\\&/g' -e 's/ *\.\.\. */.*/g'
}

# The string literals of a program and the library, one a line.
literals() {
	cat src/"$1"/*.c src/lib/*.c | tr -d '\n\t' |
	    sed -e "s/'\"'//g" -e 's/\([^\\]\)" *"/\1/g' |
	    grep -oE '"([^"\\]|\\.)*"' | sed 's/\\"/"/g'
}

# Keys that the file may hold: options of the supervisor.
@test "pgcdc.conf(5) has the keys of pgcdc run, and no others" {
	diff -u <(page_variables pgcdc-run.1 | grep -vxe PGCDC_CONFIG -e PGCDC_PRINT -e PGCDC_CHECK -e PGCDC_JSON) \
	    <(sed -n '/^\.Ss The pipeline/,/^\.Ss The programs/p' man/pgcdc.conf.5 |
		sed -n 's/^\.It Ev \(PGCDC.*\)/\1/p' | sed 's/ , /\n/g' | sort)
}

page_variables() { # PAGE
	sed -n 's/^\.Pq Ev \(PGCDC_[A-Z_]*\)$/\1/p' "man/$1" | sort -u
}

@test "pages have messages that the program can print" {
	local n

	for program in pgcdc-read pgcdc-dump pgcdc-translate pgcdc-kafka pgcdc-file pgcdc-run; do
		literals "$program" >"$BATS_TEST_TMPDIR/literals"
		n=0
		while IFS= read -r message; do
			n=$((n + 1))
			echo "$program: $message"
			grep -q -- "$message" "$BATS_TEST_TMPDIR/literals"
		done < <(page_messages "$program")
		[ "$n" -gt 4 ]
	done
}
