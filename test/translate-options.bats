#!/usr/bin/env bats
# pgcdc-translate, without a server: its options, and what they let through.
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2154,SC2317

load lines
load options

@test "translate: --help and --version go to standard output, with 0" { answers pgcdc-translate; }

@test "translate: --help lists each option of the page, and no other" { is_as_on_page pgcdc-translate 19; }

@test "translate: usage errors: one line, 100, before anything is connected to or read" {
	refuses_each 33 pgcdc-translate <<-'END'
		--nonsense|unknown or ambiguous option "--nonsense"; see --help
		-x|unknown option "-x"; see --help
		--no-identity|option "--no-identity" needs an argument; see --help
		--insecure=yes|option "--insecure=yes" takes no argument; see --help
		-d a --store=b|option "--store" is given twice; give it once
		--no-identity=pass --no-identity=pass|option "--no-identity" is given twice; give it once
		stray|unexpected argument "stray"; see --help
		-- --stray|unexpected argument "--stray"; see --help
		--no-identity=perhaps|invalid value "perhaps" for option "--no-identity"; expected "pass", "drop" or "stop"
		--no-identity=|invalid value "" for option "--no-identity"; expected *
		--store-timeout=61min|invalid value "61min" for option "--store-timeout"; expected a duration from 0 to 1h such as "10s" or "500ms"
		--store-timeout=-1|invalid value "-1" for option "--store-timeout"; expected *
		--acked-interval=1.5|invalid value "1.5" for option "--acked-interval"; expected *
		--shutdown-timeout=2h|invalid value "2h" for option "--shutdown-timeout"; expected *
		--max-hold=-1|invalid value "-1" for option "--max-hold"; expected a size from 0 to 1024GiB such as "64KiB" or "1GiB"
		--max-line=1023|invalid value "1023" for option "--max-line"; expected a size from 1KiB to 1024GiB such as "64KiB" or "1GiB"
		--log-format=xml|invalid value "xml" for option "--log-format"; expected "text" or "json"
		-v -q|options --verbose and --quiet exclude each other
		--tables=orders|invalid pattern "orders" for option "--tables"; expected schema.table, with "[*]" for any characters
		--exclude-tables=a.b,c|invalid pattern "c" for option "--exclude-tables"; expected schema.table, with "[*]" for any characters
		--tables=|invalid value "" for option "--tables"; expected *
		--schemas=a,,b|invalid value "a,,b" for option "--schemas"; expected *
		--exclude-schemas=|invalid value "" for option "--exclude-schemas"; expected *
		--columns=a.b|invalid value "a.b" for option "--columns"; expected schema.table:column,...
		--columns=b:c|invalid value "b:c" for option "--columns"; expected schema.table:column,...
		--columns=a.b:|invalid value * for option "--columns"; expected schema.table:column,...
		--exclude-columns=c|invalid value "c" for option "--exclude-columns"; expected schema.table:column,...
		--exclude-columns=a.b:c,,d|invalid value "a.b:c,,d" for option "--exclude-columns"; expected *
		--identity=a.b:|invalid value * for option "--identity"; expected schema.table:column,...
		--identity=:c|invalid value ":c" for option "--identity"; expected schema.table:column,...
		-d "host="x" nonsense"|invalid connection string for option "--store": *
		-d "postgres://localhost/x?nonsense=1"|invalid connection string for option "--store": *
		-d "host=192.0.2.1"|the identity of server "192.0.2.1" would not be verified; *
	END
}

@test "translate: a bad value in the environment is named by its variable" {
	refuses_variables 6 pgcdc-translate --store= <<-'END'
		PGCDC_TRANSLATE_STORE_TIMEOUT=5d|invalid value "5d" in environment variable "PGCDC_TRANSLATE_STORE_TIMEOUT"; expected
		PGCDC_TRANSLATE_MAX_LINE=1|invalid value "1" in environment variable "PGCDC_TRANSLATE_MAX_LINE"; expected
		PGCDC_TRANSLATE_INSECURE=perhaps|invalid value "perhaps" in environment variable "PGCDC_TRANSLATE_INSECURE"; expected
		PGCDC_TRANSLATE_NO_IDENTITY=x|invalid value "x"
		PGCDC_TRANSLATE_TABLES=t|invalid pattern "t"
		PGCDC_TRANSLATE_COLUMNS=t|invalid value "t"
	END
}

@test "translate: a variable that names no option is warned about; the command line wins" {
	recording "$I" "$APP" >in
	PGCDC_TRANSLATE_NONSENSE=1 PGCDC_TRANSLATE_STORE='' PGCDC_TRANSLATE_TABLES='app.*' translate <in >out 2>err
	[ "$(<err)" = 'pgcdc-translate: warning: unknown environment variable "PGCDC_TRANSLATE_NONSENSE" is ignored; see --help for the options it could name' ]
	tables | is u
	PGCDC_TRANSLATE_STORE='dbname=x port=1' PGCDC_TRANSLATE_TABLES='app.*' translate --store= --tables='*.t' <in >out 2>err
	tables | is t
	[ ! -s err ]
}

@test "translate: --log-format=json, --quiet, --verbose" {
	recording "$I" "$APP" "$NONE" >in
	translate --store= -v --log-format=json --tables='public.*' <in 2>err >out
	[[ $(jq -r 'select(.level == "debug").message' err) == '3 rows, 1 of them filtered, 1 without identity; 1 schema changes, '* ]]
	recording '{}' >in
	run -100 --separate-stderr translate --store= -q <in
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "translate: --tables, --exclude-tables, --schemas, --exclude-schemas; the log passes always" {
	recording "$I" "$APP" "$NONE" >in
	local options wanted
	while IFS='|' read -r options wanted; do
		echo "$options"
		eval "translate --store= $options" <in >out
		[ "$(tables)" = "$wanted" ]
		grep -c '"table":"schema_log"' out | is 1
		[ "$(actions out | tr -d I)" = HBC ]
	done <<-'END'
		--tables=public.t|t
		--tables='public.*'|t none
		--tables='*.u,*.none'|u none
		--tables='*.u' --tables='*.none'|u none
		--tables=x.y|
		--exclude-tables='*.t'|u none
		--tables='public.*' --exclude-tables='*.n*'|t
		--schemas=app|u
		--schemas='*p*'|t u none
		--schemas=public,app|t u none
		--schemas=ap|
		--exclude-schemas=app|t none
		--exclude-schemas='*'|
		--schemas=public --tables='*.u,*.t'|t
		--schemas=pgcdc|
		--exclude-schemas=pgcdc --exclude-tables='*.schema_log'|t u none
	END
}

@test "translate: a row with an ack is never left out" {
	local row
	row=$(jq -c '. + {prev: "0/10", ack: "0/11"}' <<<"$APP")
	recording "$row" "$(jq -c '. + {prev: "0/11", ack: "0/12"}' <<<"$NONE")" >in
	sed -i 's/"prev":"0\/10","ack":"0\/FFF"/"prev":"0\/12","ack":"0\/FFF"/' in
	translate --store= --tables=public.t --no-identity=drop <in >out
	tables | is 'u none'
	pgcdc-file - <out | cmp - out
}

@test "translate: --columns and --exclude-columns: of rows, old rows and unchanged names; the identity stays" {
	recording "$I" "$U" "$D" "$APP" >in
	local options wanted
	while IFS='|' read -r options wanted; do
		eval "translate --store= $options" <in >out
		jq -c 'select(.metadata) | [.columns[]?.name] + [.unchanged[]? | "~" + .] + [.identity[]? | "-" + .name]' out |
			paste -sd ' ' | sed 's/["[]//g; s/]//g' >got
		echo "$options: $(<got)"
		[ "$(<got)" = "$wanted" ]
		jq -e . out >/dev/null
	done <<-'END'
		--columns=public.t:id|id id,-id -id a,b
		--columns=public.t:v|id,v id,~v,-id -id a,b
		--columns='*.t:w'|id,w id,w,-id -id a,b
		--columns='*.t:v,w'|id,v,w id,w,~v,-id -id a,b
		--columns='*.t:v,w,*.u:a'|id,v,w id,w,~v,-id -id a,b
		--columns='*.t:nothing'|id id,-id -id a,b
		--columns='*.t:*'|id,v,w id,w,~v,-id -id a,b
		--exclude-columns='*.t:v'|id,w id,w,-id -id a,b
		--exclude-columns='*.t:w'|id,v id,~v,-id -id a,b
		--exclude-columns='*.t:id'|id,v,w id,w,~v,-id -id a,b
		--exclude-columns='*.*:*'|id id,-id -id a,b
		--exclude-columns='*.t:v' --exclude-columns='public.*:w'|id,w id,w,-id -id a,b
		--columns='*.t:v,w' --exclude-columns='*.t:v'|id,w id,w,-id -id a,b
	END
}

@test "translate: --exclude-columns takes a secret out of the old row of REPLICA IDENTITY FULL, too" {
	recording '{"action":"U","lsn":"0/200","schema":"public","table":"t","columns":[{"name":"id","value":1},{"name":"v","value":"secret"}],"identity":[{"name":"id","value":1},{"name":"v","value":"secret"},{"name":"w","value":3}]}' \
		'{"action":"D","lsn":"0/200","schema":"public","table":"t","identity":[{"name":"id","value":1},{"name":"v","value":"secret"},{"name":"w","value":3}]}' \
		'{"action":"D","lsn":"0/200","schema":"public","table":"none","identity":[{"name":"a","value":"secret"},{"name":"b","value":3}]}' >in
	translate --store= --exclude-columns='*.t:v,*.none:a' <in >out
	[ "$(grep -c secret in)" = 3 ]
	run -1 grep secret out
	ids | is 'U t #1 (1-1) 1-1:id=1 | 1-1:id=1 1-3:w=3
D t #1 (1-1) | 1-1:id=1 1-3:w=3
D none #3 () | 3-2:b=3'
}

@test "translate: --identity: some columns of the identity, no others" {
	recording "$APP" "$I" >in
	translate --store= --identity=app.u:b <in >out
	ids | is 'I app.u #2 (2-2) 2-1:a=1 2-2:b=2
I t #1 (1-1) 1-1:id=1 1-2:v="a" 1-3:w=null'
	translate --store= --identity='*.u:b,a' --identity='*.t:i*' <in >out
	ids | sed 's/) .*/)/' | paste -sd ' ' | is 'I app.u #2 (2-1,2-2) I t #1 (1-1)'
	refuses 100 'the definition of table "public.t" in row 1 of the schema log cannot be used: column "v" of --identity is not part of its identity' \
		--store= --identity=public.t:v
	refuses 100 'the definition of table "app.u" in row 1 of the schema log cannot be used: column "c" of --identity *' \
		--store= --identity=app.u:a,c
	# What identifies stays, whatever else is left out.
	translate --store= --identity=app.u:b --columns=app.u:b <in >out
	ids | head -n 1 | is 'I app.u #2 (2-2) 2-1:a=1 2-2:b=2'
}

@test "translate: --no-identity: rows without identity pass, are dropped, or stop the run" {
	recording "$I" "$NONE" "$APP" >in
	translate --store= <in >out
	tables | is 't none u'
	jq -c 'select(.table == "none").metadata.identity_ids' out | is '[]'
	translate --store= --no-identity=pass <in | cmp - out
	translate --store= --no-identity=drop <in >out
	tables | is 't u'
	refuses 100 'table "public.none" has no identity, and --no-identity=stop; *' --store= --no-identity=stop
	# What came before is written.
	tables | is t
	translate --store= --no-identity=stop --exclude-tables=public.none <in >out
	tables | is 't u'
}
