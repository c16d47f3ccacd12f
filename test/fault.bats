#!/usr/bin/env bats
# A dozen random schedules of faults (test/fault/run), the majors in turn, and the
# proof that their checker finds what it is there to find.  PGCDC_TEST_MAJORS
# names other majors.

bats_require_minimum_version 1.5.0

setup() {
	fault=$BATS_TEST_DIRNAME/fault
	read -r -a majors <<<"${PGCDC_TEST_MAJORS:-debian 13 14 15 16 17 18}"
}

# The schedule with this seed.
schedule() {
	"$fault/run" --seed "$1" --major "${majors[$1 % ${#majors[@]}]}" --seconds 4 3>&- 4>&-
}

@test "the checker of the fault tests finds each of the damages" {
	"$fault/selftest" 3>&-
}

@test "faults, seed 1" { schedule 1; }
@test "faults, seed 2" { schedule 2; }
@test "faults, seed 3" { schedule 3; }
@test "faults, seed 4" { schedule 4; }
@test "faults, seed 5" { schedule 5; }
@test "faults, seed 6" { schedule 6; }
@test "faults, seed 7" { schedule 7; }
@test "faults, seed 8" { schedule 8; }
@test "faults, seed 9" { schedule 9; }
@test "faults, seed 10" { schedule 10; }
@test "faults, seed 11" { schedule 11; }
@test "faults, seed 12" { schedule 12; }
