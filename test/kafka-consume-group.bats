# Several members of a group: each partition is one member's, and nothing is lost when they come,
# go or die.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lines
load kafka
load produce
load consume

setup_file() { kafka_start --conf 'group.min.session.timeout.ms = 100'; }
teardown_file() { kafka_stop; }

# union N: 1 to N, each in at least one of the recordings.
union() { [ "$(cat ./*.rec | ids 2>/dev/null | sort -nu)" = "$(seq "$1")" ]; }

# end SINK: SIGTERM to its consumer, which has to end well.
end() {
	pkill -TERM -P "${!1}" -x pgcdc-kafka
	end_bg "$1" 20
	[ "$bg_status" -eq 0 ]
}

@test "members that come and go in peace: all is read, nothing twice" {
	topic create peace 6
	fill peace 1 300
	sink one -t peace -G peace
	wait_until 20 'has_ids 300 one.rec'
	sink two -t peace -G peace
	wait_until 20 'grep "gives us 3 partitions" two.err'
	fill peace 301 600
	wait_until 20 'union 600'
	end ONE
	wait_until 20 'grep "now 6" two.err'
	fill peace 601 900
	wait_until 20 'union 900'
	end TWO
	cat one.err two.err
	absent -h warning one.err two.err
	cat one.rec two.rec | ids | sort -n | is "$(seq 900)"
	linked one.rec
	linked two.rec
	read_to_end peace
}

@test "members that are killed and added under load: nothing is missing" {
	topic create war 6
	load_it() {
		local i
		for ((i = 0; i < 40; i++)); do fill war $((i * 100 + 1)) $((i * 100 + 100)) || return; done
	}
	start_bg LOAD load_it
	sink one -t war -G war "${hasty[@]}"
	sink two -t war -G war "${hasty[@]}"
	sink three -t war -G war "${hasty[@]}"
	wait_until 20 '[ -s one.rec ] && [ -s two.rec ] && [ -s three.rec ]'
	kill_hard ONE
	sink four -t war -G war "${hasty[@]}"
	wait_until 20 'grep "gives us" four.err'
	pkill -KILL -P "$TWO" -x pgcdc-file # and so its consumer gets EPIPE
	end_bg TWO 20
	[ "$bg_status" -eq 111 ]
	pkill -KILL -P "$FOUR" -x pgcdc-kafka
	end_bg FOUR 20
	sink five -t war -G war "${hasty[@]}"
	end THREE
	end_bg LOAD 60
	wait_until 30 'union 4000 && read_to_end war'
	end FIVE
	cat ./*.err
}

# The broker's default is to wait for 45 s for a member that has gone without a word.
@test "a member without a partition leaves its group, and holds nobody up" {
	topic create idle 3
	fill idle 1 30
	sink one -t idle -G idle
	wait_until 20 'has_ids 30 one.rec'
	reads -t idle -G idle 2>two.err
	grep -F 'info: group "idle" has no partition for us: its other members read them' two.err
	wait_until 15 'grep "gives us 1 partition, now 3" one.err && [ "$(group describe idle | head -n 1)" = "Stable 1" ]'
	fill idle 31 60
	wait_until 15 'union 60'
	end ONE
	group describe idle | head -n 1 | is 'Empty 0'
}

@test "SIGTERM to members, with a partition and without" {
	topic create spare
	fill spare 1 10
	sink one -t spare -G spare
	wait_until 20 'has_ids 10 one.rec'
	sink two -t spare -G spare -v
	wait_until 20 '[ "$(group describe spare | head -n 1)" = "Stable 2" ]'
	end TWO
	end ONE
	absent -h warning one.err two.err
	group describe spare | head -n 1 | is 'Empty 0'
}

@test "a member whose sink says nothing gives its partitions up after --revoke-timeout" {
	topic create silent 2
	fill silent 1 20
	live -t silent -G silent --ack=ack --revoke-timeout=300ms --shutdown-timeout=100ms
	wait_until 20 'has_ids 20'
	offsets silent | absent -v ' 0$'
	sink two -t silent -G silent
	wait_until 20 'grep "gives us 1 partition" two.err'
	cat err
	grep -F 'what was taken of 1 partitions was not acknowledged and committed within --revoke-timeout' err
	stop_bg CONSUMER
	wait_until 20 'union 20'
	end TWO
	read_to_end silent
}

@test "while the output takes nothing the member stays in its group" {
	topic create stuck 2
	fill stuck 1 500 "$(printf '%4000s' '')"
	mkfifo pipe
	run_it() { exec pgcdc-kafka consume -b "$KAFKA" -t stuck -G stuck --ack=stdout -X max.poll.interval.ms=2000 \
		"${hasty[@]}" --revoke-timeout=500ms >pipe 2>err; }
	start_bg CONSUMER run_it
	exec 7<pipe
	wait_until 20 'grep "gives us 2" err'
	sink two -t stuck -G stuck
	wait_until 20 'grep "gives us 1" two.err'
	local until=$(($(now_us) + 3000000))
	wait_until 10 '[ "$(now_us)" -gt '"$until"' ]'
	group describe stuck | head -n 1 | is 'Stable 2'
	absent -e lost -e 'waiting for Kafka' err
	drain_it() { exec cat <&7 >one.rec; }
	start_bg CAT drain_it
	exec 7<&-
	wait_until 20 'union 500'
	stop_bg CONSUMER
	end TWO
}
