# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# How long, by which chance, and how much of what: for tests that torture, on top of
# lib/tap.sh.
#
#	BTMM_TORTURE_SECONDS	for how long (60)
#	BTMM_TORTURE_SEED	what chance decides, as an earlier run has said
#	time_is_left		of these seconds, since it was asked first
#	one_of WORD...		$chosen is one of them
#	count NAME NUMBER	a total, for who adds up those of all tests

: "${BTMM_TORTURE_SECONDS:=60}"
torture_seed=${BTMM_TORTURE_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$torture_seed
torture_end=
diag "BTMM_TORTURE_SEED=$torture_seed, $BTMM_TORTURE_SECONDS s"

time_is_left() {
	: "${torture_end:=$(($(now_ms) + BTMM_TORTURE_SECONDS * 1000))}"
	(($(now_ms) < torture_end))
}
one_of() { local n=$((RANDOM % $# + 1)); chosen=${!n}; }
count() { diag "count: $1 $2"; }
