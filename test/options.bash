# shellcheck shell=bash disable=SC2154
# What bats files share that try the options of a program: PROGRAM is the name of its file.

long_options() { "$1" --help | grep -oE -- '--[a-z-]+' | sort -u; }

# answers PROGRAM: --help and --version go to standard output with 0; onto a full disk they are errors.
answers() {
	local option
	run -0 --separate-stderr "$1" --help
	[ -z "$stderr" ]
	[[ $output == "$1: "*"Usage: $1 "* ]]
	[ "$("$1" '-?')" = "$output" ]
	run -0 --separate-stderr "$1" --version
	[ -z "$stderr" ]
	[[ $output =~ ^$1\ \(pgcdc\)\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ "$("$1" -V)" = "$output" ]
	for option in --help --version; do
		run -111 --separate-stderr bash -c "$1 $option >/dev/full"
		[[ $stderr == "$1: error: could not write to standard output: No space left on device" ]]
	done
}

# is_as_on_page PROGRAM N: --help lists each option of the page and no other, at least N; each has
# its variable on the page, too.
is_as_on_page() {
	local source=$PGCDC_TEST_ROOT/man/$1.1 prefix
	prefix=$(tr 'a-z-' 'A-Z_' <<<"$1")_
	sed -n 's/^\.It Fl .*\\-\([a-z-]*[a-z]\).*/--\1/p; s/^\.It .*Fl \\-\([a-z\\-]*\).*/--\1/p' "$source" |
		sed 's/\\//g' | sort -u >page
	long_options "$1" | diff page -
	[ "$(wc -l <page)" -ge "$2" ]
	grep -oE "${prefix}[A-Z_]+[A-Z]" "$source" | sort -u >variables
	grep -v -e --help -e --version page | tr 'a-z-' 'A-Z_' | sed "s/^__/$prefix/" | sort -u | diff - variables
}

# refuses_each N PROGRAM: N lines of standard input are "arguments|pattern": one line that begins
# so, and 100, before anything is connected to or read.
refuses_each() {
	local arguments text n=0
	while IFS='|' read -r arguments text; do
		eval "run -100 --separate-stderr env PGHOST=127.0.0.1 PGPORT=1 timeout 10 $2 $arguments" <<<nonsense
		echo "$arguments: $stderr"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == "$2: error: "$text ]]
		n=$((n + 1))
	done
	[ "$n" = "$1" ]
}

# refuses_variables N PROGRAM [OPTION]...: N lines of standard input are "NAME=value|text": one line
# that begins with it, and 100.
refuses_variables() {
	local setting text n=0
	while IFS='|' read -r setting text; do
		run -100 --separate-stderr env PGHOST=127.0.0.1 PGPORT=1 "$setting" timeout 10 "${@:2}" </dev/null
		echo "$setting: $stderr"
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == "$2: error: $text"* ]]
		n=$((n + 1))
	done
	[ "$n" = "$1" ]
}
