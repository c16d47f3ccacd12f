#!/usr/bin/env bats
# pgcdc-translate, without a server: what it makes of each line, and how a run ends.
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2154,SC2317

load lines

@test "translate: what is no row passes byte for byte" {
	recording "$I" >in
	sed -i 's/^{"action":"H"/{ "new" : {"a":[1.10,"\\u00e9"]}, "action" : "\\u0048"/; s/"ack":"0\/FFF"}/ "ack":"0\/FFF","x":"y" }  /' in
	cat >>in <<-'END'
		{"action":"M","lsn":"0/300","transactional":false,"prefix":"p","content":"\ud83d\ude00","prev":"0/FFF","ack":"0/1000","columns":[]}
		  {"prev":"0/1000","x":null,"ack":"any token","action":"Z","columns":[{"name":"id"}],"lsn":"0/1"}	
		{"action":"some","lsn":1e2}
	END
	sed -i '$d' in
	translate --store= <in >out
	plain | cmp - in
	grep -c metadata out | is 1
	sed "s/$(printf '\t')*$//; s/ *$//" in >stripped
	[ "$(grep -vc '"table":"t"' in)" = "$(grep -v '"table":"t"' in | grep -cxFf - out)" ]
}

@test "translate: rows with keys in any order, with blanks, with keys that nobody knows" {
	recording '{"columns":[{"value":1,"name":"id"},{"type":"text","x":{"name":"w"},"value":{"id":[]},"name":"v"}],"table":"t","schema":"public","lsn":"0/A00000001","action":"I"}' \
		' { "identity" : [ { "name" : "id" , "value" : 1 } ] , "x" : "}" , "action" : "U" , "unchanged" : [ "v" ] , "table" : "t" , "columns" : [ { "name" : "w" } , { "name":"id" } ] , "lsn" : "1/10" , "schema" : "public" } ' \
		'{"action":"T","schema":"public","table":"t","lsn":"0/200"}' \
		'{"action":"R","schema":"public","table":"t","lsn":"FFFFFFFF/FFFFFFFE","columns":[]}' >in
	sed -i 's/A00000001/A0000001/' in
	translate --store= <in >out
	sed -n '4,7p' out | is '{"columns":[{"value":1,"name":"id","id":"1-1"},{"type":"text","x":{"name":"w"},"value":{"id":[]},"name":"v","id":"1-2"}],"table":"t","schema":"public","lsn":"0/A0000001","action":"I","metadata":{"schema_id":1,"table_id":"1","identity_ids":["1-1"],"version_id":2684354561}}
 { "identity" : [ { "name" : "id" , "value" : 1 ,"id":"1-1"} ] , "x" : "}" , "action" : "U" , "unchanged" : [ "v" ] , "table" : "t" , "columns" : [ { "name" : "w" ,"id":"1-3"} , { "name":"id" ,"id":"1-1"} ] , "lsn" : "1/10" , "schema" : "public" ,"metadata":{"schema_id":1,"table_id":"1","identity_ids":["1-1"],"version_id":4294967312}}
{"action":"T","schema":"public","table":"t","lsn":"0/200","metadata":{"schema_id":1,"table_id":"1","identity_ids":["1-1"],"version_id":512}}
{"action":"R","schema":"public","table":"t","lsn":"FFFFFFFF/FFFFFFFE","columns":[],"metadata":{"schema_id":1,"table_id":"1","identity_ids":["1-1"],"version_id":18446744073709551614}}'
}

@test "translate: a row that was translated before passes, an id that is there stays" {
	recording "$I" "$U" >in
	translate --store= <in >once
	translate --store= <once | cmp - once
	recording '{"action":"I","lsn":"0/200","schema":"public","table":"t","columns":[{"name":"id","id":"mine","value":1},{"name":"v","value":"a"}]}' >in
	translate --store= <in >out
	ids | is 'I t #1 (1-1) mine:id=1 1-2:v="a"'
}

@test "translate: names with quotes, backslashes, control characters and unicode, however they are escaped" {
	local name='a"b\c'$'\t'$'\x7f''é😀' row escaped
	row=$(jq -cn --arg n "$name" '{action: "I", lsn: "0/200", schema: $n, table: $n, columns: [{name: $n, value: 1}, {name: "d", value: 2}]}')
	escaped=$(jq -acn --arg n "$name" '{action: "I", lsn: "0/200", schema: $n, table: $n, columns: [{name: $n, value: 1}, {name: "d", value: 2}]}' | sed 's/"d"/"\\u0064"/; s/\\t/\\u0009/g')
	{
		echo "$H"
		echo "$B"
		log 1 0/100 "$(table 4 "$name" "$name" "$name d" 1 | jq -c --arg n "$name" '.columns = [{id: "4-1", name: $n}, {id: "4-2", name: "d"}]')"
		echo "$row"
		echo "$escaped"
		echo "$C"
	} >in
	translate --store= <in >out
	plain | cmp - in
	jq -c 'select(.metadata) | [.columns[].id]' out | uniq -c | is '      2 ["4-1","4-2"]'
	translate --store= --tables='*é😀.a"*' --exclude-columns='*.*:d' <in >out
	jq -c 'select(.metadata) | [.columns[].id]' out | uniq -c | is '      2 ["4-1"]'
}

@test "translate: lines that are none end the run, with what came before written" {
	local line text n=0
	while IFS='|' read -r line text; do
		recording "$I" "$line" >in
		refuses 100 "line 5 $text" --store=
		[ "$(actions out)" = HBII ]
		n=$((n + 1))
	done <<-'END'
		nonsense|is no event line: *at byte 0
		{"action":"I"|is no event line: *at byte *
		{"action":"I"}{}|is no event line: *at byte *
		[]|is no event line: *
		{"lsn":"0/1"}|is no event line: *
		{"action":"I","action":"I"}|is no event line: *
		{"action":"I","columns":{}}|is no event line: *
		|is no event line: *
		{"action":"I","lsn":"0/1","schema":"public"}|is a row without "lsn", "schema" and "table"
		{"action":"D","lsn":"0/1","table":"t"}|is a row without *
		{"action":"T","schema":"public","table":"t"}|is a row without *
		{"action":"T","lsn":"x","schema":"public","table":"t"}|is a row without *
		{"action":"B","lsn":"0/1"}|breaks the stream: a transaction begins inside another: a commit is missing
		{"action":"C","lsn":"0/1","prev":"0/20","ack":"0/30"}|breaks the stream: the line follows token 0/20, but the last one was 0/10: what is between is missing
		{"action":"M","lsn":"0/1","ack":"0/30"}|breaks the stream: *"prev"
		{"action":"H","format":1,"system_identifier":"8","start":"0/10"}|breaks the stream: the stream goes on with another cluster, 8 after 7
		{"action":"H","format":1,"system_identifier":"7","start":"0/20"}|breaks the stream: the stream goes on at 0/20, but the last token was 0/10: what is between is missing
		{"action":"H","format":2,"system_identifier":"7","start":"0/10"}|breaks the stream: the stream has format 2, *
	END
	[ "$n" = 18 ]
	printf '%s\n' "$B" >in
	refuses 100 'line 1 breaks the stream: the stream does not begin with *' --store=
	printf '%s\n\xff\n' "$H" >in
	refuses 100 'line 2 is no event line: *' --store=
	{ echo "$H"; printf '[%.0s' {1..100}; echo; } >in
	refuses 100 'line 2 is no event line: *' --store=
}

@test "translate: a transaction without B passes, as a sink takes it" {
	recording "$I" | grep -v '"action":"B"' >in
	translate --store= <in >out
	plain | cmp - in
	[ "$(actions out)" = HIIC ]
	sed -i '$d' in
	refuses 111 'the input ends inside a transaction: the stage before has died' --store=
	# Where others have one, a line is missing.
	recording "$I" >whole
	for line in "$I" "$(sed 's/"prev":"0\/10","ack":"0\/FFF"/"prev":"0\/FFF","ack":"0\/1000"/' <<<"$C")"; do
		{ cat whole; echo "$line"; } >in
		refuses 100 'line 6 breaks the stream: a *: a line is missing' --store=
	done
}

@test "translate: rows of the schema log that are damaged" {
	local columns text n=0
	while IFS='|' read -r columns text; do
		recording "{\"action\":\"I\",\"lsn\":\"0/150\",\"schema\":\"pgcdc\",\"table\":\"schema_log\",\"columns\":[$columns]}" >in
		refuses 100 "$text" --store=
		[ "$(actions out)" = HBI ]
		n=$((n + 1))
	done <<-'END'
		{"name":"id","value":2},{"name":"schema","value":"{"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"[nonsense"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"tables\": [{\"id\": \"1\"}] "}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{} {}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2}|line 4 has a row of the schema log that is damaged: it lacks "id" or "schema"
		{"name":"id","value":2},{"name":"schema","value":null}|line 4 has a row of the schema log that is damaged: it lacks "id" or "schema"
		{"name":"id","value":"2"},{"name":"schema","value":"{}"}|line 4 has a row of the schema log that is damaged: it lacks "id" or "schema"
		{"name":"schema","value":"{}"}|line 4 has a row of the schema log that is damaged: it lacks "id" or "schema"
		|line 4 has a row of the schema log that is damaged: it lacks "id" or "schema"
		{"name":"id","value":2},{"name":"schema","value":"[]"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"1"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"tables\": {}}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"tables\": [1]}"}|the definition of table "[?].[?]" in row 2 of the schema log cannot be used: *
		{"name":"id","value":2},{"name":"schema","value":"{\"tables\": [{\"id\": \"1\", \"schema\": \"s\", \"name\": \"t\", \"columns\": {}}]}"}|the definition of table "s.t" in row 2 of the schema log cannot be used: its "columns" is no array
		{"name":"id","value":2},{"name":"schema","value":"{\"tables\": [{\"id\": \"1\", \"schema\": \"s\", \"name\": \"t\", \"columns\": [{\"id\": \"1-1\"}]}]}"}|the definition of table "s.t" in row 2 of the schema log cannot be used: column 1 lacks *
		{"name":"id","value":2},{"name":"schema","value":"{\"tables\": [{\"id\": 1, \"schema\": \"s\", \"name\": \"t\", \"columns\": []}]}"}|the definition of table "s.t" in row 2 of the schema log cannot be used: *
		{"name":"id","value":2},{"name":"schema","value":"{\"x\": \"\u0000\"}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"x\": \"\\u0000\"}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"x\": \"\ud800\"}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"x\": \"\\udc00\"}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{\"x\": 1e999}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":99999999999999999999},{"name":"schema","value":"{}"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{}"},{"name":"dropped","value":"[{\"name\": \"\ud800\"}]"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{}"},{"name":"dropped","value":"[{\"name\": \"\\ud800\"}]"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{}"},{"name":"dropped","value":"[nonsense"}|line 4 has a row of the schema log that is damaged: *
		{"name":"id","value":2},{"name":"schema","value":"{}"},{"name":"dropped","value":"{}"}|line 4 has a row of the schema log that is damaged: its "dropped" is none
		{"name":"id","value":2},{"name":"schema","value":"{}"},{"name":"dropped","value":[]}|line 4 has a row of the schema log that is damaged: its "dropped" is none
	END
	[ "$n" = 27 ]
	recording '{"action":"I","schema":"pgcdc","table":"schema_log","columns":[{"name":"id","value":2},{"name":"schema","value":"{}"}]}' >in
	refuses 100 'line 4 has a row of the schema log that is damaged: its "lsn" is none' --store=
}

@test "translate: names that no database can have" {
	local name column
	for name in '\ud800' '\uDC00\uD800' '\ud83dx' 'a\u0000b' '\u0000'; do
		recording "$I" "${I//\"public\"/\"$name\"}" >in
		refuses 100 'line 5 has a name with a NUL or half of a surrogate pair, which no table can have' --store=
		[ "$(actions out)" = HBII ]
		recording "$I" "${D//\"t\"/\"$name\"}" >in
		refuses 100 'line 5 has a name with *' --store= --exclude-tables='*.*'
		recording "$I" "${I//\"v\"/\"$name\"}" >in
		refuses 100 'line 5: column *' --store=
	done
	# Nor are they in the log.
	column=$(printf '%065536d' 0)
	recording "$(log 2 0/150 "$(table 5 public long "$column")")" >in
	refuses 100 'the definition of table "public.long" in row 2 of the schema log cannot be used: column 1 has a name that is too long' --store=
}

@test "translate: tables and columns that the log does not have" {
	recording '{"action":"I","lsn":"0/200","schema":"public","table":"other","columns":[]}' >in
	refuses 100 'the schema log does not have table "public.other" at 0/200; *' --store=
	recording '{"action":"I","lsn":"0/FF","schema":"public","table":"t","columns":[]}' >in
	refuses 100 'the schema log does not have table "public.t" at 0/FF; *' --store=
	recording '{"action":"I","lsn":"0/200","schema":"public","table":"t","columns":[{"name":"id"},{"name":"new"}]}' >in
	refuses 100 'line 4: column "new" of table "public.t" at 0/200 is not in row 1 of the schema log; *' --store=
	recording '{"action":"D","lsn":"0/200","schema":"public","table":"t","identity":[{"name":"new"}]}' >in
	refuses 100 'line 4: column "new" of table "public.t" *' --store=
	# Not even one that is left out.
	recording '{"action":"I","lsn":"0/200","schema":"public","table":"t","columns":[{"name":"new"}]}' >in
	refuses 100 'line 4: column "new" of table "public.t" *' --store= --columns='*.t:id'
	# Control characters do not reach the terminal.
	recording '{"action":"I","lsn":"0/200","schema":"p\u001b[1m","table":"o\nerror: x","columns":[]}' >in
	refuses 100 'the schema log does not have table "p?[1m.o?error: x" at 0/200; *' --store=
}

@test "translate: two runs on one stream; a row is read with the definition of its LSN" {
	{
		recording "$I"
		echo "$B"
		log 2 0/300 "$(table 1 public t 'id x' 1)"
		sed 's/0\/200/0\/310/; s/"v"/"x"/; s/,{"name":"w"[^}]*}//' <<<"$I"
		echo '{"action":"C","lsn":"0/2000","prev":"0/FFF","ack":"0/2010"}'
		# Cut, then again from the first commit on.
		sed 's/0\/10"/0\/FFF"/' <<<"$H"
		echo "$B"
		echo "$I"
		sed 's/0\/200/0\/311/; s/"v"/"x"/; s/,{"name":"w"[^}]*}//' <<<"$I"
		echo '{"action":"C","lsn":"0/2000","prev":"0/FFF","ack":"0/2010"}'
	} >in
	translate --store= <in >out
	jq -c 'select(.metadata) | [.metadata.schema_id, .columns[1].name, .columns[1].id]' out | is '[1,"v","1-2"]
[2,"x","1-2"]
[1,"v","1-2"]
[2,"x","1-2"]'
	plain | cmp - in
}

@test "translate: input that ends in a line, in a transaction, or at once" {
	recording "$I" "$U" >whole
	head -c "$(($(wc -c <whole) - 5))" whole >in
	refuses 111 'the input ends inside a line: the stage before has died' --store=
	[ "$(actions out)" = HBIIU ]
	head -c "$(($(wc -c <whole) - 1))" whole >in
	refuses 111 'the input ends inside a line: *' --store=
	sed '$d' whole >in
	refuses 111 'the input ends inside a transaction: the stage before has died' --store=
	[ "$(actions out)" = HBIIU ]
	: >in
	translate --store= <in >out
	[ ! -s out ]
	echo "$H" >in
	translate --store= <in | cmp - in
	run -111 --separate-stderr bash -c 'pgcdc-translate --store= <&-'
	[[ $stderr == 'pgcdc-translate: error: could not read standard input: '* ]]
}

@test "translate: a line that just fits --max-line, and one that is a byte too long" {
	recording "$I" "$(jq -c --arg v "$(printf '%02000d' 0)" '.columns[1].value = $v' <<<"$I")" >in
	local length
	length=$(wc -L <in)
	translate --store= --max-line="$length" <in >out
	refuses 100 "line 5 is longer than --max-line=$((length - 1)); *" --store= --max-line="$((length - 1))"
	[ "$(actions out)" = HBII ]
}

@test "translate: output that is closed, goes away or is full" {
	recording "$I" >in
	run -100 --separate-stderr bash -c 'pgcdc-translate --store= <in >&-'
	[[ $stderr == 'pgcdc-translate: error: standard output is closed'* ]]
	local code=0
	translate --store= <in >/dev/full 2>err || code=$?
	says "$code" 111 'could not write to standard output: No space left on device'
	mkfifo pipe
	many() { recording | sed '$d'; yes "$I"; }
	piped() { many 2>/dev/null | pgcdc-translate --store= >pipe 2>err; }
	start_bg PIPED piped
	head -n 1 pipe | is "$H"
	end_bg PIPED
	says "$bg_status" 111 'standard output is closed: the program behind it has ended'
}

@test "translate: what it has goes on at once" {
	mkfifo to from
	live() { exec pgcdc-translate --store= <to >from 2>err; }
	start_bg LIVE live
	exec 5>to 6<from
	local line
	while IFS= read -r line; do
		printf '%s' "${line:0:20}" >&5
		printf '%s\n' "${line:20}" >&5
		read -r -t 10 -u 6
		[ "${REPLY:0:30}" = "${line:0:30}" ]
	done < <(recording "$I" "$D")
	exec 5>&-
	end_bg LIVE
	exec 6<&-
	[ "$bg_status" = 0 ]
	[ ! -s err ]
}

@test "translate: SIGTERM waits for the end of the input, and for no longer than --shutdown-timeout" {
	mkfifo to
	local signal
	live() { exec pgcdc-translate --store= --shutdown-timeout="$1" <to >out 2>err; }
	# The stage before has a transaction to finish.
	for signal in TERM INT HUP; do
		start_bg LIVE live 60s
		exec 5>to
		recording "$I" | sed '$d' >&5
		wait_until 10 '[ "$(actions out)" = HBII ]'
		kill -s "$signal" "$LIVE"
		echo "$U" >&5
		wait_until 10 '[ "$(actions out)" = HBIIU ]'
		echo "$C" >&5
		exec 5>&-
		end_bg LIVE
		[ "$bg_status" = 0 ]
		[ "$(actions out)" = HBIIUC ]
	done
	# It does not end: then this does.
	start_bg LIVE live 100ms
	exec 5>to
	recording "$I" >&5
	wait_until 10 '[ "$(actions out)" = HBIIC ]'
	stop_bg LIVE
	[ "$bg_status" = 0 ]
	[ ! -s err ]
	exec 5>&-
	# Nor in the middle of a line or a transaction, where a second signal is quicker.
	start_bg LIVE live 60s
	exec 5>to
	recording "$I" >whole
	head -c 700 whole >&5
	wait_until 10 '[ -s out ]'
	kill -s TERM "$LIVE"
	kill -s INT "$LIVE"
	end_bg LIVE 5
	exec 5>&-
	[ "$bg_status" = 111 ]
}
