#!/usr/bin/env bats
# pgcdc-translate with the stream alone: the rows of CREATE TABLE AS come before their definition, and
# are held back for it.  Without a server; translate.bats has the same with one.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2094,SC2154,SC2317

load lines

# as ID TABLE 'COLUMN ...': the table of a CREATE TABLE AS.
as() { table "$1" public "$2" "$3" | jq -c '. + {rows_before: true}'; }

# row LSN TABLE 'COLUMN ...': an insert, of the numbers from 1 on.
row() {
	jq -cn --arg lsn "$1" --arg table "$2" --arg columns "$3" '{action: "I", $lsn, schema: "public", $table,
		columns: [$columns / " " | to_entries[] | {name: .value, value: (.key + 1)}]}'
}

# said: in short the lines in out: action and table; a row of the log that was added is "+ID".
said() {
	jq -r 'if .baseline then "+\(.columns[0].value)" elif .table == "schema_log" then "log\(.columns[0].value)"
		else .action + (.table // "") end' out | paste -sd ' '
}

@test "translate: rows of CREATE TABLE AS wait for their definition, and so does what is behind them" {
	recording "$I" "$(row 0/300 x 'a b')" "${I/200/301}" "$(row 0/302 x 'b a')" "$(log 2 0/310 "$(as 9 x 'a b')")" \
		"$(row 0/320 x 'a b')" >in
	translate --store= <in >out
	said | is 'H B log1 It +2 Ix It Ix log2 Ix C'
	without_baseline | plain /dev/stdin | cmp - in
	ids | is 'I t #1 (1-1) 1-1:id=1 1-2:v="a" 1-3:w=null
I x #9 () 9-1:a=1 9-2:b=2
I t #1 (1-1) 1-1:id=1 1-2:v="a" 1-3:w=null
I x #9 () 9-2:b=1 9-1:a=2
I x #9 () 9-1:a=1 9-2:b=2'
	# What is added for sinks is that row of the log.
	jq -c 'select(.table == "schema_log" and .columns[0].value == 2) | [.lsn, .schema, .columns]' out | uniq -c | grep -c '^ *2 ' | is 1
	pgcdc-file - <out | cmp - out
	# What was translated is the same when it is translated again.
	translate --store= <out | cmp - out
}

@test "translate: lines before one that waits go on at once, and those that waited when it is there" {
	mkfifo to from
	live() { exec pgcdc-translate --store= <to >from 2>err; }
	start_bg LIVE live
	exec 5>to 6<from
	: >out
	recording "$I" | sed '$d' >&5
	row 0/300 x a >&5
	hear 4
	echo "${I/200/301}" >&5
	log 2 0/310 "$(as 9 x a)" >&5
	hear 4
	said | is 'H B log1 It +2 Ix It log2'
	echo "$C" >&5
	hear 1
	exec 5>&-
	end_bg LIVE
	exec 6<&-
	[ "$bg_status" = 0 ]
}

@test "translate: several tables of CREATE TABLE AS in one transaction, one inside another, one in the place of another" {
	recording "$(row 0/300 x a)" "$(log 2 0/310 "$(as 9 x a)")" "$(row 0/320 y a)" "$(row 0/321 y a)" "$(log 3 0/330 "$(as 10 y a)")" >in
	translate --store= <in >out
	said | is 'H B log1 +2 Ix log2 +3 Iy Iy log3 C'
	# SELECT f() where f makes y
	recording "$(row 0/300 x a)" "$(row 0/320 y a)" "$(log 3 0/330 "$(as 10 y a)")" "$(row 0/340 x a)" "$(row 0/341 y a)" \
		"$(log 2 0/350 "$(as 9 x a)")" "$I" >in
	translate --store= <in >out
	said | is 'H B log1 +3 +2 Ix Iy log3 Ix Iy log2 It C'
	jq -r 'select(.metadata) | [.table, .metadata.table_id] | join(" ")' out | paste -sd ' ' | is 'x 9 y 10 x 9 y 10 t 1'
	without_baseline | plain /dev/stdin | cmp - in
	# The rows of x wait; meanwhile t is dropped, and made again with other columns.
	recording "$(row 0/300 x a)" "${I/200/301}" \
		"$(log 3 0/310 | jq -c '.columns += [{name: "dropped", type: "jsonb", value: "[{\"id\": \"1\", \"schema\": \"public\", \"name\": \"t\"}]"}]')" \
		"$(row 0/320 t 'z')" "$(log 4 0/330 "$(as 11 t z)")" "$(row 0/340 t 'z')" "$(log 5 0/350 "$(as 9 x a)")" >in
	translate --store= <in >out
	ids | is 'I x #9 () 9-1:a=1
I t #1 (1-1) 1-1:id=1 1-2:v="a" 1-3:w=null
I t #11 () 11-1:z=1
I t #11 () 11-1:z=1'
	# Again, as after a restart of the reader.
	{ cat in; sed 's/"start":"[^"]*"/"start":"0\/FFF"/; s/0\/10","ack":"0\/FFF/0\/FFF","ack":"0\/1FFF/' in; } >twice
	translate --store= <twice >out
	ids | sort | uniq -c | awk '{ print $1 }' | paste -sd ' ' | is '2 4 2'
}

@test "translate: a definition that does not come in the transaction" {
	recording "$I" "$(row 0/300 x a)" "$I" "$(log 2 0/310 "$(table 9 public x a)")" >in
	refuses 100 'the schema log does not have table "public.x" at 0/300; name the store with --store' --store=
	said | is 'H B log1 It'
	# Nor before a line that a sink may acknowledge, or outside of a transaction.
	recording "$(row 0/300 x a)" "$(jq -c '. + {prev: "0/10", ack: "0/11"}' <<<"$I")" "$(log 2 0/310 "$(as 9 x a)")" >in
	refuses 100 'the schema log does not have table "public.x" at 0/300; *' --store=
	recording "$(row 0/300 x a | jq -c '. + {prev: "0/10", ack: "0/11"}')" "$(log 2 0/310 "$(as 9 x a)")" >in
	refuses 100 'the schema log does not have table "public.x" at 0/300; *' --store=
	{ recording; row 0/2000 x a | sed 's/"I"/"R"/'; } >in
	refuses 100 'the schema log does not have table "public.x" at 0/2000; *' --store=
	said | is 'H B log1 C'
	# A line in between is wrong, or one that waited.
	recording "$(row 0/300 x a)" '{"action":"I"}x' >in
	refuses 100 'line 5 is no event line: *' --store=
	recording "$(row 0/300 x a)" "$I" "$(row 0/302 x 'a b')" "$(log 2 0/310 "$(as 9 x a)")" >in
	refuses 100 'line 6: column "b" of table "public.x" at 0/302 is not in row 2 of the schema log; *' --store=
	said | is 'H B log1 +2 Ix It'
}

@test "translate: input that ends, or goes on with a new run, while rows wait" {
	recording "$I" "$(row 0/300 x a)" "$I" "$(log 2 0/310 "$(as 9 x a)")" >whole
	sed '7,$d' whole >in
	refuses 111 'the input ends inside a transaction: *' --store=
	said | is 'H B log1 It'
	cat whole >>in
	translate --store= <in >out
	said | is 'H B log1 It H B log1 It +2 Ix It log2 C'
}

@test "translate: rows that are filtered wait for nothing; those without identity are dropped" {
	recording "$(row 0/300 x a)" "$I" >in
	translate --store= --exclude-tables='*.x' <in >out
	said | is 'H B log1 It C'
	recording "$(row 0/300 x a)" "$APP" "$I" "$(log 2 0/310 "$(as 9 x a)")" >in
	translate --store= --no-identity=drop --exclude-tables='*.u' -v <in >out 2>err
	said | is 'H B log1 +2 It log2 C'
	grep -c ': 3 rows, 1 of them filtered, 1 without identity; 2 schema changes' err | is 1
	refuses 100 'table "public.x" has no identity, and --no-identity=stop; *' --store= --no-identity=stop
}

@test "translate: --max-hold: what just fits, and a byte more" {
	recording "$(row 0/300 x a)" "$I" "$I" "$(log 2 0/310 "$(as 9 x a)")" >in
	local size
	size=$(sed -n '4,6p' in | wc -c)
	translate --store= --max-hold="$size" <in >out
	said | is 'H B log1 +2 Ix It It log2 C'
	refuses 100 "the schema log does not have table \"public.x\" at 0/300, nor does it come within --max-hold=$((size - 1)) behind that; name the store with --store, or give a larger one" \
		--store= --max-hold="$((size - 1))"
	said | is 'H B log1'
	refuses 100 'the schema log does not have table "public.x" at 0/300, nor *' --store= --max-hold=0
	# By default it is 8MiB, and that is in memory.
	{
		recording | sed '$d'
		awk -v row="$(row 0/300 x a)" 'BEGIN { for (n = 8 * 2 ^ 20 - length(row) - 1; n >= 0; n -= length(row) + 1) print row }'
	} >in
	{ cat in; log 2 0/310 "$(as 9 x a)"; echo "$C"; } >in.fits
	{ cat in; row 0/300 x a; } >in.more
	mkfifo to
	live() { exec pgcdc-translate --store= <to >out 2>err; }
	start_bg LIVE live
	exec 5>to
	cat in.fits >&5
	wait_until 20 '[ "$(tail -n 1 out)" = "$C" ]'
	awk '$1 == "VmHWM:" { print $2 }' "/proc/$LIVE/status" >peak
	echo "$(<peak) kB"
	grep -q __asan_init "/proc/$LIVE/exe" || [ "$(<peak)" -le 16384 ]
	exec 5>&-
	end_bg LIVE
	[ "$bg_status" = 0 ]
	without_baseline | plain /dev/stdin | cmp - in.fits
	mv in.more in
	refuses 100 'the schema log does not have table "public.x" at 0/300, nor *--max-hold=8388608 *' --store=
}
