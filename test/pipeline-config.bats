#!/usr/bin/env bats
# pgcdc run: what a configuration file may say, and --print.
# shellcheck disable=SC2016	# what wait_until evaluates
# shellcheck disable=SC2030,SC2031	# each test is a subshell: its variables end with it
# shellcheck disable=SC2154	# stderr and bg_status are set by "run" and stop_bg

load pipeline

# --- --print

@test "--print: the pipeline as a shell runs it" {
	local shell
	conf 'PGCDC_STAGES="./pass '\''a  b'\'' | cat"' PGCDC_SINKS=file:one,file:two PGCDC_FILE_ONE_PATH=one \
		"PGCDC_FILE_TWO_PATH=\"it's two\"" "PGAPPNAME='a \"name\" \$(of) \`mine\`'"
	script ./pass <<-'END'
		[ "$1" = 'a  b' ] || exit 100
		exec cat
	END
	insert 1 5
	for shell in sh bash; do
		rm -rf one "it's two" runtime state
		pgcdc run -c c.env --print --drain >line 2>err
		cat line
		[ ! -s err ] && [ ! -e runtime ]
		timeout -k 5 60 "$shell" ./line 3>&- 4>&-
		[ "$(ids one)" = "$(seq 5)" ]
		cmp one "it's two"
		[ "$(jq -r .slot state)" = "$PGDATABASE" ]
		insert 6 10
		rm -rf one "it's two"
		pipeline --drain
		[ "$(ids one)" = "$(seq 6 10)" ]
		sql "TRUNCATE t" && pipeline --drain
		insert 1 5
	done
}

@test "--print: a temporary folder, and what is secret is asked for" {
	sed -i '/RUNTIME_DIR/d' c.env
	conf 'PGPASSWORD=geheim' "PGCDC_READ_DBNAME=postgresql://postgres:geheim@127.0.0.1:$PGPORT/$PGDATABASE"
	sed -i '/RUNTIME_DIR/d' c.env
	insert 1 5
	pgcdc run -c c.env --print --drain >line
	cat line
	absent -q geheim line
	mkdir tmp
	TMPDIR=$PWD/tmp run -0 env -u PGPASSWORD sh -c '. ./line; true'
	[[ $output == *'PGPASSWORD: is secret and not printed; set it as the configuration file does'* ]]
	[ ! -e out ]
	TMPDIR=$PWD/tmp PGPASSWORD=x PGCDC_READ_DBNAME=postgresql:///$PGDATABASE sh ./line
	[ "$(ids)" = "$(seq 5)" ]
	[ -z "$(ls tmp)" ]
}

# --- what is refused

# refuses TEXT [OPTION]...: code 100 and one line, at once, nothing begun.
refuses() {
	pipeline "${@:2}"
	echo "code $code, wanted: $1"
	cat err
	[ "$code" -eq 100 ] && [ "$(lines err)" -eq 1 ] && [ ! -e out ]
	[[ $(<err) == "pgcdc-run: error: "*"$1"* ]]
}

@test "a bad configuration file: one line with its place, and 100" {
	local line text
	while IFS='~' read -r line text; do
		conf
		printf '\n%b\n' "$line" >>c.env
		refuses "$text"
	done <<-'END'
		PGCDC_SORCE=x~unknown key "PGCDC_SORCE" in file "c.env" line 11; see pgcdc.conf(5)
		PGCDC_CONFIG=x~unknown key "PGCDC_CONFIG" in file "c.env" line 11
		PGCDC_PRINT=1~unknown key "PGCDC_PRINT" in file "c.env" line 11
		PATH=/tmp~unknown key "PATH" in file "c.env" line 11
		PGCDC_READ_STATS_INTERVAL=5s~unknown key "PGCDC_READ_STATS_INTERVAL" in file "c.env" line 11; see "pgcdc-read --help" for the options it could name
		PGCDC_READ_SLO=x~unknown key "PGCDC_READ_SLO"
		PGCDC_READ_SLOTS=x~unknown key "PGCDC_READ_SLOTS"
		PGCDC_READ_status_interval=5s~unknown key "PGCDC_READ_status_interval"
		PGCDC_READ_=x~unknown key "PGCDC_READ_"
		PGCDC_READ_HELP=1~unknown key "PGCDC_READ_HELP" in file "c.env" line 11; see "pgcdc-read --help"
		PGCDC_FILE_VERSION=1~unknown key "PGCDC_FILE_VERSION" in file "c.env" line 11
		PGCDC_VERSION=1~unknown key "PGCDC_VERSION" in file "c.env" line 11
		PGCDC_READ_PATH=x~unknown key "PGCDC_READ_PATH"
		PGCDC_TRANSLATE_STOR=x~unknown key "PGCDC_TRANSLATE_STOR" in file "c.env" line 11; see "pgcdc-translate --help"
		PGCDC_FILE_PAHT=x~unknown key "PGCDC_FILE_PAHT" in file "c.env" line 11; see "pgcdc-file --help"
		PGCDC_FILE_TWO_PATH=x~unknown key "PGCDC_FILE_TWO_PATH"
		export PGHOST=x~expected NAME=value in file "c.env" line 11
		PGHOST~expected NAME=value in file "c.env" line 11
		=x~expected NAME=value in file "c.env" line 11
		PGHOST="a\nb~a quote " is not closed in file "c.env" line 11
		PGHOST='a~a quote ' is not closed in file "c.env" line 11
		PGHOST=a\0b~a value has a NUL byte in file "c.env" line 11
		PGCDC_SINKS=file~"PGCDC_SINKS" is given twice, first in line 4, in file "c.env" line 11
		PGCDC_READ_ACK=x~"PGCDC_READ_ACK" is set in file "c.env" line 11, but what joins the programs is set by pgcdc-run; remove it
		PGCDC_READ_STATE=x~"PGCDC_READ_STATE" is set in file "c.env" line 11
		PGCDC_READ_WAIT_FOR=x~"PGCDC_READ_WAIT_FOR" is set in file "c.env" line 11
		PGCDC_FILE_ACK=x~"PGCDC_FILE_ACK" is set in file "c.env" line 11
		PGCDC_FILE_ACK_NAME=x~"PGCDC_FILE_ACK_NAME" is set in file "c.env" line 11
		PGCDC_SHUTDOWN_TIMEOUT=5 s~invalid value "5 s" of "PGCDC_SHUTDOWN_TIMEOUT" in file "c.env" line 11; expected a duration
		PGCDC_LOG_LEVEL=loud~invalid value "loud" of "PGCDC_LOG_LEVEL" in file "c.env" line 11; expected "error", "warn", "info" or "debug"
		PGCDC_LOG_FORMAT=xml~invalid value "xml"
		PGCDC_SOURCE=reed~unknown source "reed" in PGCDC_SOURCE in file "c.env" line 11; known: read
	END
	while IFS='~' read -r line text; do
		conf "$line"
		refuses "$text"
	done <<-'END'
		PGCDC_RESTART_MIN=5x~invalid value "5x" of "PGCDC_RESTART_MIN" in file "c.env" line 9; expected a duration from 1ms to 1h
		PGCDC_RESTART_MIN=1s~PGCDC_RESTART_MIN is longer than PGCDC_RESTART_MAX in file "c.env" line 9; give a shorter one
		PGCDC_SINKS=~invalid value "" of "PGCDC_SINKS" in file "c.env" line 9
		PGCDC_SINKS=,~no sink is named in PGCDC_SINKS in file "c.env" line 9; known: file
		PGCDC_SINKS=fill~unknown sink "fill" in PGCDC_SINKS in file "c.env" line 9; known: file
		PGCDC_SINKS=file,fill:x~unknown sink "fill:x" in PGCDC_SINKS in file "c.env" line 9; known: file
		PGCDC_SINKS=file:a/b~invalid name of sink "file:a/b" in PGCDC_SINKS in file "c.env" line 9
		PGCDC_SINKS=file:~invalid name of sink "file:" in PGCDC_SINKS in file "c.env" line 9
		PGCDC_SINKS=file file~two sinks are called "file" in PGCDC_SINKS in file "c.env" line 9; give them names, as in "file:one,file:two"
		PGCDC_STAGES=none~could not find program "none" of PGCDC_STAGES in file "c.env" line 9: No such file or directory; install it
		PGCDC_STAGES=./c.env~could not find program "./c.env" of PGCDC_STAGES in file "c.env" line 9: Permission denied
		PGCDC_STAGES="cat | | cat"~invalid value "cat | | cat" of PGCDC_STAGES in file "c.env" line 9: a program is missing before or after "|"
		PGCDC_STAGES=cat >x~invalid value "cat >x" of PGCDC_STAGES in file "c.env" line 9: no shell reads it
		PGCDC_FILE_PATH=~sink "file" needs "PGCDC_FILE_PATH"; set it to what it writes to
		PGCDC_RUNTIME_DIR=c.env~"c.env" is not a folder; give PGCDC_RUNTIME_DIR another path
		PGCDC_RUNTIME_DIR=no/folder~could not make folder "no/folder": No such file or directory
	END
}

@test "each option of each program may stand in the file, and no other one of a named sink" {
	local program
	for program in read dump translate file; do
		sed -n 's/^\.Pq Ev \(PGCDC_[A-Z_]*\)$/\1=1/p' "$PGCDC_TEST_ROOT/man/pgcdc-$program.1"
	done | grep -vE '_(SLOT|PUBLICATION|ACK|ACK_NAME|WAIT_FOR|STATE|PROGRESS_FILE|CREATE_SLOT)=' >>c.env
	[ "$(lines c.env)" -gt 40 ]
	pipeline --print
	cat err
	[ "$code" -eq 0 ] && [ ! -s err ]
	conf PGCDC_SINKS=file:one,file:one-two PGCDC_FILE_ONE_PATH=x PGCDC_FILE_ONE_TWO_PATH=y \
		PGCDC_FILE_ONE_MAX_LINE=5MiB PGCDC_FILE_ONE_TWO_MAX_LINE=7MiB
	pipeline --print
	[ "$code" -eq 0 ]
	echo PGCDC_FILE_ONE_TOW_MAX_LINE=1 >>c.env
	refuses 'unknown key "PGCDC_FILE_ONE_TOW_MAX_LINE" in file "c.env" line 14'
	# The file is wrong, whatever the environment says.
	PGCDC_FILE_ONE_TOW_MAX_LINE=2 refuses 'unknown key "PGCDC_FILE_ONE_TOW_MAX_LINE" in file "c.env" line 14'
	# The environment alone is not ours: the program warns.
	conf
	PGCDC_READ_STATS_INTERVAL=5s pipeline --drain
	[ "$code" -eq 0 ]
	only 'unknown environment variable "PGCDC_READ_STATS_INTERVAL" is ignored'
}

# part_of LINE...: a pipeline of what is in the folder part, with these lines in its file.
part_of() {
	mkdir part
	cp "$(command -v pgcdc-run)" "$(command -v pgcdc-read)" "$(command -v pgcdc-file)" part
	conf "$@"
	run=(timeout -k 5 60 env PATH=/usr/bin:/bin ./part/pgcdc-run -c c.env --drain)
}

@test "keys of a program that is not installed do not matter where it is not used" {
	part_of PGCDC_TRANSLATE_STORE=x
	expect 0 '' "${run[@]}"
	echo PGCDC_TRANSLOTE_STORE=x >>c.env
	expect 100 'unknown key "PGCDC_TRANSLOTE_STORE" in file "c.env" line 11' "${run[@]}"
	conf PGCDC_TRANSLATE_STORE=x PGCDC_STAGES=translate
	expect 100 'error: could not find program "pgcdc-translate" of PGCDC_STAGES in file "c.env" line 10: No such file or directory; install it, or name another one' "${run[@]}"
}

@test "a program that is asked for its options learns nothing else" {
	part_of PGCDC_TRANSLATE_STORE=x PGPASSWORD=geheim PGCDC_READ_USERNAME=postgres
	script part/pgcdc-translate <<-'END'
		env >env.translate
		echo "      --store=CONNINFO    where"
	END
	LANG=C.UTF-8 LC_NUMERIC=C TZ=UTC OTHER_SECRET=geheim LD_LIBRARY_PATH=/nowhere expect 0 '' "${run[@]}"
	grep -vE '^(PWD|OLDPWD|SHLVL|_)=' env.translate | sort | is $'LANG=C.UTF-8\nLC_NUMERIC=C\nLD_LIBRARY_PATH=/nowhere\nPATH=/usr/bin:/bin\nTZ=UTC'
}

@test "a program that cannot say its options" {
	part_of PGCDC_TRANSLATE_STORE=x
	script part/pgcdc-translate <<<'echo "  --store"; exit 3'
	expect 100 'error: could not learn the options of "'"$PWD"'/part/pgcdc-translate": it ended with exit code 3; install pgcdc whole' "${run[@]}"
}

@test "a missing sink, file or folder" {
	sed -i /SINKS/d c.env
	refuses 'no sink is named; set PGCDC_SINKS in file "c.env"'
	conf
	refuses '--json needs --check' --json
	mkdir -m 770 runtime
	refuses 'others may write to folder "runtime", and so forge acknowledgements; give PGCDC_RUNTIME_DIR a folder of our own'
	rm c.env
	refuses 'could not open file "c.env": No such file or directory'
	mkdir c.env
	refuses '"c.env" is not a regular file'
	rmdir c.env
	mkfifo c.env
	refuses '"c.env" is not a regular file'
	run -100 pgcdc run
	[ "$output" = 'pgcdc-run: error: no sink is named; set PGCDC_SINKS, in the file that --config names' ]
	run -100 pgcdc run -c c.env more
	run -100 pgcdc run --no-such-option
	run -100 env PGCDC_SINK=file pgcdc run
	[[ $output == *'unknown environment variable "PGCDC_SINK"'* ]]
}

@test "a file that others may write to, or that shows a secret to everybody, is refused" {
	local secret
	chmod 620 c.env
	refuses 'others may write to file "c.env", and so decide what is run; remove that right with "chmod go-w"'
	chmod 602 c.env
	refuses 'others may write to file "c.env"'
	for secret in PGPASSWORD=x PGCDC_READ_DBNAME=postgres://u:p@h/d 'PGCDC_READ_DBNAME=host=h password=p'; do
		conf "$secret"
		chmod 644 c.env
		refuses "everybody may read file \"c.env\", which holds a secret in line $(lines c.env); remove that right with \"chmod o-r\""
		absent -q -e 'u:p' -e =p err
	done
	conf PGPASSFILE=/root/.pgpass PGCDC_READ_DBNAME=postgres://u@h/d
	chmod 644 c.env
	[ "$(id -u)" -ne 0 ] || { chown nobody c.env; refuses 'belongs to user ID'; }
}

@test "a program that cannot be executed is 100" {
	printf 'no program' >./bad
	chmod 755 bad
	conf PGCDC_STAGES=./bad
	pipeline
	cat err
	[ "$code" -eq 100 ]
	grep -q 'could not start "./bad": Exec format error' err
}

@test "options and variables win over the file" {
	conf PGCDC_FILE_PATH=other PGCDC_SINKS=nonsense PGCDC_STAGES=nonsense
	insert 1 2
	PGCDC_FILE_PATH=out PGCDC_STAGES='' pipeline --drain --sinks=file
	cat err
	[ "$code" -eq 0 ]
	[ "$(ids)" = "$(seq 2)" ] && [ ! -e other ]
	conf
	PGCDC_CONFIG=c.env PGCDC_DRAIN=1 pgcdc run
}

@test "the examples that are installed are right" {
	local lines
	install -m 600 "$PGCDC_TEST_ROOT/systemd/example.env" orders.env
	lines=$(env -u PGHOST -u PGUSER -u PGDATABASE pgcdc run -c orders.env --print)
	[[ $lines == *'export PGHOST=/run/postgresql'*'PGCDC_READ_SLOT=orders'*'pgcdc-file --ack="$dir/ack" --ack-name=file orders.jsonl'* ]]
	install -m 600 "$PGCDC_TEST_ROOT/systemd/to-kafka.env" orders.env
	lines=$(env -u PGHOST -u PGUSER -u PGDATABASE pgcdc run -c orders.env --print)
	[[ $lines == *'PGCDC_KAFKA_PRODUCE_TLS=1'*'pgcdc-kafka produce --ack="$dir/ack" --ack-name=kafka'* ]]
}

@test "the example that reads from Kafka is right" {
	local lines
	install -m 600 "$PGCDC_TEST_ROOT/systemd/from-kafka.env" orders.env
	lines=$(pgcdc run -c orders.env --print)
	[[ $lines == *'pgcdc-kafka consume --ack="$dir/ack" --wait-for=file |'* ]]
}
