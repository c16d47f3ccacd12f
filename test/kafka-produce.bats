# pgcdc-kafka produce against a real broker: what is sent where, under which key, and when it is
# acknowledged.  Errors are in kafka-produce-errors.bats.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce

setup_file() { kafka_start && pg_start; }
teardown_file() {
	local failed=0
	kafka_stop || failed=1
	pg_stop && return "$failed"
}

@test "rows and schema rows go out byte for byte and in order, and nothing else" {
	topic create whole
	translated "$I" "$U" "$D" "$APP" \
		'{"action":"M","transactional":true,"prefix":"p","content":"no row"}' \
		'{"action":"T","lsn":"0/250","schema":"public","table":"t"}' >in
	[ "$(cut -c 12 in | tr -d '\n')" = HBIIUDIMTC ]
	produce -t whole <in
	grep '^{"action":"[IUDT]"' in | diff - <(consume whole)
}

@test "headers say what was asked for" {
	topic create headers
	translated "$U" | sed '$i {"action":"T","lsn":"0/250","seq":3,"schema":"a\\"b","table":"ä"}' >in
	produce -t headers <in
	produce -t headers --headers=all <in
	produce -t headers --headers=none <in
	local origin=system_identifier=7,commit_lsn=0/FF0 json=content-type=application/json
	consume headers -f '%h\n' | is "$origin
$origin
$origin
$origin,lsn=0/100,seq=0,action=I,schema=pgcdc,table=schema_log,$json
$origin,lsn=0/210,action=U,schema=public,table=t,$json
$origin,lsn=0/250,seq=3,action=T,schema=a\"b,table=ä,$json


"
}

@test "a stream without B has no commit_lsn, and what B has said ends with its stream" {
	topic create bare
	{ translated "$I" && translated "$I" | grep -v '"action":"B"'; } >in
	produce -t bare <in
	consume bare -f '%h\n' | sort | uniq -c | awk '{ print $1, $2 }' |
		is $'2 system_identifier=7\n2 system_identifier=7,commit_lsn=0/FF0'
}

@test "keys are those that --key says" {
	keys() { # KEY
		topic create "key-$1"
		produce -t "key-$1" "--key=$1" <in
		consume "key-$1" -f '%k\n'
	}
	translated "$I" "$U" "$D" "$APP" "$NONE" |
		sed 's/"table":"schema_log","columns":\[/&{"name":"schema_name","type":"text","value":"app"},/' >in
	topic create key-default
	produce -t key-default <in
	keys schema | is $'app\npublic\npublic\npublic\napp\npublic'
	diff <(consume key-default -f '%k\n') <(consume key-schema -f '%k\n')
	keys table | is $'app\npublic.t\npublic.t\npublic.t\napp.u\npublic.none'
	keys none | is $'\n\n\n\n\n'
	consume key-none -f '%K\n' | sort -u | is -1
	local t='{"schema":"public","table":"t","identity":{"id":' # and U is split
	keys identity | is "app
${t}1}}
${t}1}}
${t}2}}
${t}2}}
{\"schema\":\"app\",\"table\":\"u\",\"identity\":{\"a\":1,\"b\":2}}
{\"schema\":\"public\",\"table\":\"none\"}"
}

@test "identity keys go where Java's client puts them" {
	topic create java 7
	{ echo "$H" && tx 1 "$(rows 1 1000)"; } | produce -t java --key=identity
	consume java -f '%p %k\n' | sort >put
	cut -d ' ' -f 2- put | kafka partitions 7 | paste -d ' ' - <(cut -d ' ' -f 2- put) | sort >java
	[ "$(cut -d ' ' -f 1 put | sort -u | wc -l)" -eq 7 ]
	[ "$(sort -u put | wc -l)" -eq 1000 ]
	diff java put
}

@test "an update of the key becomes a delete of the old and an insert of the new one" {
	topic create split
	local same=${U/'"value":1}]'/'"value":2}]'}
	translated "$U" "$same" "$D" >in
	grep '"action":"U"' in | head -n 1 >update
	produce -t split --key=identity --tombstones --headers=all <in
	consume split -f '%S %s\n' | tail -n +2 >out
	{
		jq -c 'del(.columns, .unchanged) | .action = "D"' update | sized
		echo '-1 '
		jq -c 'del(.identity) | .action = "I"' update | sized
		grep '"action":"U"' in | tail -n 1 | sized
		grep '"action":"D"' in | sized
		echo '-1 '
	} >wanted
	diff wanted out
	consume split -f '%k\n' | tail -n +2 | jq -c .identity.id | paste -sd ' ' | is '1 1 2 2 2 2'
	consume split -f '%h\n' | grep -o 'action=.' | tail -n +2 | cut -c 8 | paste -sd ' ' | is 'D D I U D D'
}

@test "without --tombstones, and with other keys, no update is split" {
	topic create unsplit
	translated "$U" "$D" >in
	produce -t unsplit --key=table <in
	grep '^{"action":"[IUD]"' in | diff - <(consume unsplit)
	produce -t unsplit --key=identity <in
	consume unsplit | tail -n +4 | jq -r .action | paste -sd ' ' | is 'I D I D'
}

@test "no tombstone for a key that other rows have, too" {
	topic create shared
	{ echo "$H" && tx 1 "$(rows 1 2 | sed 's/"identity_ids":\["1-1"\]/"identity_ids":[]/')" &&
		tx 2 "$(rows 1 1 | sed 's/"I"/"D"/; s/"columns"/"identity"/; s/"identity_ids":\["1-1"\]/"identity_ids":[]/')" &&
		tx 3 '{"action":"T","lsn":"0/350","schema":"public","table":"t"}'; } |
		produce -t shared --key=identity --tombstones
	consume shared -f '%k %S\n' | sed 's/ [1-9].*/ line/' |
		is "$(printf '{"schema":"public","table":"t"} line\n%.0s' 1 2 3 4)"
}

@test "TRUNCATE and schema rows go to every partition when keys are spread" {
	topic create spread 3
	translated "$I" '{"action":"T","lsn":"0/250","schema":"public","table":"t"}' >in
	produce -t spread --key=identity <in
	local p
	for p in 0 1 2; do
		consume spread -p "$p" >out
		diff <(grep schema_log in) <(head -n 1 out)
		diff <(grep '"action":"T"' in) <(tail -n 1 out)
	done
	[ "$(consume spread | wc -l)" -eq 7 ]
}

@test "a template makes a topic for each table, and odd bytes of names become -XX" {
	translated "$I" "$APP" >in
	topic create cdc.public.t 2
	topic create cdc.app.u
	produce -t 'cdc.%{schema}.%{table}' <in
	# The row of the log is about t, u and another table, whose topic is missing.
	consume cdc.public.t | grep -v schema_log | diff - <(grep '"table":"t"' in)
	consume cdc.app.u | diff - <(grep -e schema_log -e '"table":"u"' in)
	[ "$(consume cdc.public.t | grep -c schema_log)" -eq 2 ]

	row=${I/'"public"'/'"a.b-c"'}
	row=${row/'"t"'/'"ä \"t_1\""'}
	topic create x-a-2eb-2dc-x--c3-a4-20-22t_1-22
	{ echo "$H" && tx 1 "$row"; } | produce -t 'x-%{schema}-x-%{table}'
	consume x-a-2eb-2dc-x--c3-a4-20-22t_1-22 | is "$row"
}

@test "--auto-create makes topics as they are described" {
	translated "$I" "$APP" >in
	produce -t 'made.%{table}' --key=identity --auto-create --partitions=3 --replication-factor=1 \
		--topic-config=cleanup.policy=compact --topic-config=max.message.bytes=70000 <in
	for name in t u none; do
		[ "$(topic describe "made.$name" | wc -l)" -eq 3 ]
		[ "$(topic config "made.$name")" = $'cleanup.policy=compact\nmax.message.bytes=70000' ]
		[ "$(consume "made.$name" | grep -c schema_log)" -eq 3 ]
	done
	[ "$(consume made.t | wc -l)" -eq 4 ]
	produce -t made.t --auto-create --partitions=3 <in
	refuses 100 'topic "made.t" has 3 partitions, not --partitions=4' -t made.t --auto-create --partitions=4 <in
	refuses 100 'could not make topic "made.x"' -t made.x --auto-create --topic-config=no.such=1 <in
}

@test "a token comes when all before it is at the broker, and not before" {
	topic create acked
	live -t acked
	{ echo "$H" && tx 1 "$(rows 1 3)"; } >&6
	acked 0/1FF
	kill -STOP "$(kafka pid "$KAFKADIR")"
	tx 2 "$(rows 4 4)" >&6
	run ! read -r -t 1 -u 5
	kill -CONT "$(kafka pid "$KAFKADIR")"
	acked 0/2FF
	# Without rows there is nothing to wait for.
	tx 3 >&6
	acked 0/3FF
	tx 4 "$(rows 5 3000)" >&6
	acked 0/4FF
	finish
	consume acked | ids | diff - <(seq 3000)
}

@test "properties of batches count, but options more" {
	local option property value
	topic create batches
	while read -r option property value; do
		produce -v -t batches -X debug=conf -X linger.ms=77 -X compression.type=zstd \
			-X batch.size=5000 -X batch.num.messages=9 "$option" </dev/null 2>said
		grep -F " $property = $value" said
	done <<-'END'
		--headers=all queue.buffering.max.ms 77
		--headers=all compression.codec zstd
		--headers=all batch.size 5000
		--headers=all batch.num.messages 9
		--linger=1500ms queue.buffering.max.ms 1500
		--compression=gzip compression.codec gzip
		--batch-bytes=4000 batch.size 4000
		--batch-size=8 batch.num.messages 8
	END
}

@test "nothing lingers when nothing more can come, at the end and with a full queue" {
	topic create lingers
	{ echo '{"action":"H","format":1,"system_identifier":"7","start":"0/10"}' && tx 1 "$(rows 1 500)"; } >lines
	produce -q -t lingers --linger=1min --queue-bytes=64KiB <lines
	produce -q -t lingers --linger=1min --queue-bytes=64KiB --transactional-id=lingers <lines
	[ "$(consume lingers | wc -l)" -eq 1000 ]
}

@test "a broker that is killed and comes back loses nothing and changes no order" {
	topic create killed
	live -t killed --ack-name=me -X reconnect.backoff.max.ms=100
	write() {
		echo "$H"
		for ((i = 1; ; i++)); do
			tx "$i" "$(rows "$i" "$i")"
			[ ! -e enough ] || break
		done
		echo "$i" >enough
	}
	start_bg WRITER write >&6
	wait_until 10 '[ "$(topic describe killed | cut -d " " -f 3)" -gt 50 ]'
	kafka stop "$KAFKADIR" immediate
	[ "$(kafka start "$KAFKADIR")" = "$KAFKA" ]
	: >enough
	end_bg WRITER 60
	acked "$(printf '0/%XFF' "$(<enough)")" me
	finish
	consume killed | ids | diff - <(seq "$(<enough)")
}

@test "a line from a server confirms what is at the broker, and goes on behind it" {
	fresh_db
	topic create line 3
	sql "CREATE TABLE t (id int PRIMARY KEY, v text)"
	pgcdc init -S "$PGDATABASE" --publication=p
	line() {
		timeout 30 pgcdc-read -q -S "$PGDATABASE" --publication=p --ack=ack --drain 3>&- 4>&- |
			timeout 30 pgcdc-translate 3>&- 4>&- | tee -a lines |
			produce -t line --key=identity --headers=all --tombstones --ack=ack
	}
	# confirmed: the slot is at the last token or behind it.
	confirmed() {
		[ "$(sql "SELECT confirmed_flush_lsn >= '$(jq -rn 'last(inputs.ack // empty)' lines)'
		    FROM pg_replication_slots WHERE slot_name = '$PGDATABASE'")" = t ]
	}
	sql "INSERT INTO t SELECT g, repeat('é', g) FROM generate_series(1, 500) g"
	sql 'ALTER TABLE t ADD w int' -c "UPDATE t SET w = 1 WHERE id > 250" \
		-c 'UPDATE t SET id = -id WHERE id <= 10' -c 'DELETE FROM t WHERE id < 0'
	line
	confirmed
	[ "$(consume line -f '%S\n' | sort | uniq -c | awk '$2 == -1 { print $1 }')" = 20 ]

	# What the topic says of each row, the last being right, is what the table has.
	sql "INSERT INTO t VALUES (1, 'again', 2)"
	: >lines
	line
	confirmed
	[ "$(jq -r 'select(.action == "I" and .table == "t") | .columns[0].value' lines)" = 1 ]
	consume line -f '%k\t%s\n' | awk -F '\t' '/^{/ { last[$1] = $2 } END { for (k in last) print last[k] }' |
		jq -r 'select(.action != "D" and .columns) | [.columns[].value // ""] | join("|")' | sed 's:|$::' | sort >got
	sql 'SELECT * FROM t' | sed 's:|$::' | sort | diff - got | head
	[ "$(consume line | grep -c '"table":"schema_log"')" -ge 6 ]
}
