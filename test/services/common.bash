# shellcheck shell=bash
# What the scripts of the servers share; they source it first of all.
#
# What they fetch is kept in PGCDC_CACHE.  The default is ~/.cache/pgcdc, and for
# root /var/cache/pgcdc: the users that servers run as cannot enter root's home.

umask 022
if [ "$EUID" -eq 0 ]; then
	cache=${PGCDC_CACHE:-/var/cache/pgcdc}
else
	cache=${PGCDC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pgcdc}
fi

me=${0##*/}
die() {
	echo "$me: $*" >&2
	exit 111
}
usage() {
	echo "$me: $*" >&2
	exit 100
}

# --- the cache

# cached NAME COMMAND...: unless the cache has NAME: COMMAND, in an empty folder, makes
# "made", and that becomes NAME.  One at a time, whoever runs it.
cached() {
	[ ! -e "$cache/$1" ] || return 0
	mkdir -p "$cache" || die "could not make the cache \"$cache\"; set PGCDC_CACHE"
	(
		flock -w 900 9 || die "another fetch into \"$cache\" does not end"
		[ ! -e "$cache/$1" ] || exit 0
		rm -rf "$cache"/fetch.* # of one that was killed
		echo "$me: fetching $1" >&2
		tmp=$(mktemp -d "$cache/fetch.XXXXXX")
		trap 'rm -rf "$tmp"' EXIT
		cd "$tmp" || exit
		"${@:2}"
		chmod -R go+rX made
		mv made "$cache/$1"
	) 9>"$cache/lock"
}

need() { # TOOL...: for what is fetched
	local tool
	for tool; do
		command -v "$tool" >/dev/null || die "could not fetch a server: no $tool; run \"make deps\""
	done
}

# maven GOAL...: says something only when it fails.
maven() {
	local out
	out=$(mvn -B -q "$@" 2>&1 9>&-) || die "could not fetch a server with mvn: $out"
}

# --- processes

# To the end of the file, as bash keeps what it has read of it for the next loop.
alive() { # PID: it runs; a zombie that nobody reaps does not
	local key value _ state=''
	while read -r key value _; do
		[ "$key" != State: ] || state=$value
	done 2>/dev/null <"/proc/$1/status"
	case $state in '' | Z | X) return 1 ;; esac
}

now() { echo "${EPOCHREALTIME/[.,]/}"; } # in microseconds

# A server must not hold what the caller's pipes and locks hang on.
let_go() {
	local fd
	for fd in "/proc/$$/fd/"*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || [ "$fd" -ge 200 ] || eval "exec $fd>&-"
	done
	exec </dev/null
}
