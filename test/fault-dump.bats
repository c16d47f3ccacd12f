#!/usr/bin/env bats
# Random schedules of faults with dumps under way (test/fault/dump), and the proof that their model
# of a sink finds what it is there to find.

bats_require_minimum_version 1.5.0

setup() { fault=$BATS_TEST_DIRNAME/fault; }

schedule() { "$fault/dump" "$@" 3>&- 4>&-; }

@test "the model of a sink with versions finds each of the damages" {
	"$fault/dump-selftest" 3>&-
}

@test "faults around a dump, seed 6" { schedule --seed 6 --seconds 3; }
@test "faults around a dump, seed 2" { schedule --seed 2 --seconds 3; }
