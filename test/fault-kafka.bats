#!/usr/bin/env bats
# A few random schedules of faults with Kafka behind the line (test/fault/topic) and before it
# (test/fault/group), and the proof that their comparisons find what they are there to find.

bats_require_minimum_version 1.5.0
load kafka

setup_file() {
	kafka_start
	export KAFKA_DIR=${KAFKADIR:?}
}
teardown_file() { kafka_stop; }

setup() { fault=$BATS_TEST_DIRNAME/fault; }

schedule() { "$fault/topic" "$@" 3>&- 4>&-; }

@test "the comparison of topics finds each of the damages" {
	"$fault/topic-selftest" 3>&-
}

@test "the check of a group finds each of the damages" {
	"$fault/group-selftest" 3>&-
}

@test "faults around a topic, seed 9" { schedule --seed 9 --seconds 4; }
@test "faults around a topic, seed 8" { schedule --seed 8 --seconds 4; }
@test "a producer that is killed at ten moments" { schedule --seed 3 --kills 10; }
@test "faults around a group, seed 2" { "$fault/group" --seed 2 --seconds 5 3>&- 4>&-; }
