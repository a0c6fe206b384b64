# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# TAP for shell tests. A test file is
#
#	#!/bin/bash
#	# what it shows, in a line or two
#	# kernels: uml-debug 6.12	(where it runs; default: all)
#	# timeout: 120			(seconds; default 120)
#	# isolate: no			(default yes: see selftests/lib/run)
#	. "$(dirname "$0")/../lib/tap.sh"
#	ok 'true is true' true
#	done_testing
#
# The plan comes last, so a test that ends early is a failed one. Nothing here
# sleeps for a fixed time: wait_for polls until the condition holds.

tap_n=0 tap_failed=0 tap_done=no
tap_cleanups=()
tap_in_netns=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build/tests-bin/in-netns
exec {tap_nap}<> <(:)

# where a test may leave captures and logs; the runner sets one per test
: "${TEST_OUT:=${TMPDIR:-/tmp}/test-out}"
export TEST_OUT
mkdir -p "$TEST_OUT"
tap_tmp=$(mktemp -d "${TMPDIR:-/tmp}/tap.XXXXXX")

diag() { local l; while IFS= read -r l || [[ -n $l ]]; do printf '# %s\n' "$l"; done <<<"$*"; }
diag_file() { [[ -s $1 ]] && sed 's/^/# /' "$1" | head -n "${2:-60}"; return 0; }

tap_ok() { tap_n=$((tap_n + 1)); printf 'ok %d - %s\n' "$tap_n" "$1"; }
tap_not_ok() {
	tap_n=$((tap_n + 1)) tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_n" "$1"
	diag "at ${BASH_SOURCE[2]##*/}:${BASH_LINENO[1]}"
}

# pass DESC; fail DESC [DIAGNOSTICS]
pass() { tap_ok "$1"; }
fail() { tap_not_ok "$1"; [[ $# -gt 1 ]] && diag "$2"; return 1; }

# ok DESC CMD...: CMD succeeds. Its output is shown when it does not.
ok() {
	local desc=$1 rc=0
	shift
	"$@" >"$tap_tmp/out" 2>&1 || rc=$?
	if [[ $rc = 0 ]]; then tap_ok "$desc"; return 0; fi
	tap_not_ok "$desc"
	diag "status $rc of: $*"
	diag_file "$tap_tmp/out"
	return 1
}

# fails DESC CMD...: CMD runs and does not succeed (a signal is no failure of
# the wanted kind). Its output is left in $output for a further look.
fails() {
	local desc=$1 rc=0
	shift
	output=$("$@" 2>&1) || rc=$?
	if [[ $rc != 0 && $rc -lt 126 ]]; then tap_ok "$desc"; return 0; fi
	tap_not_ok "$desc"
	diag "status $rc of: $*" "$output"
	return 1
}

# is DESC GOT WANTED; like DESC GOT REGEX; unlike DESC GOT REGEX
is() {
	if [[ $2 = "$3" ]]; then tap_ok "$1"; return 0; fi
	tap_not_ok "$1"; diag "got:    $2"; diag "wanted: $3"
	return 1
}
like() {
	if [[ $2 =~ $3 ]]; then tap_ok "$1"; return 0; fi
	tap_not_ok "$1"; diag "got:        $2"; diag "not like:   $3"
	return 1
}
unlike() {
	if ! [[ $2 =~ $3 ]]; then tap_ok "$1"; return 0; fi
	tap_not_ok "$1"; diag "got:        $2"; diag "must not be like: $3"
	return 1
}
# cmp_num DESC GOT OP WANTED, OP as in [ ]: -eq -ne -lt -le -gt -ge
cmp_num() {
	if test "$2" "$3" "$4" 2>/dev/null; then tap_ok "$1"; return 0; fi
	tap_not_ok "$1"; diag "not so: $2 $3 $4"
	return 1
}

# skip DESC REASON: one test; skip_all REASON: the whole file
skip() { tap_n=$((tap_n + 1)); printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"; }
skip_all() { printf '1..0 # SKIP %s\n' "$*"; tap_done=yes; exit 0; }
bail() { printf 'Bail out! %s\n' "$*"; exit 1; }

# nap SECONDS: for polling loops; starts no process
nap() { read -r -t "$1" -u "$tap_nap" || true; }

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo "$((t / 1000))"; }

# wait_for LIMIT CMD...: until CMD succeeds, at most LIMIT seconds (fractions
# allowed) of a machine that has nothing else to do: BTMM_PATIENCE times as many
# here. CMD's output is thrown away. It naps for as long as CMD takes, half a second at
# most: what is waited for wants the processor, too.
wait_for() {
	local limit=$1 end t t0 pause
	shift
	[[ $limit = *.* ]] || limit=$limit.0
	t=${EPOCHREALTIME/[.,]/}
	end=$((${limit%.*} * 1000000 + 10#$(printf '%-6.6s' "${limit#*.}" | tr ' ' 0)))
	end=$((t + end * ${BTMM_PATIENCE:-1}))
	t0=$t
	until "$@" >/dev/null 2>&1; do
		t=${EPOCHREALTIME/[.,]/}
		((t < end)) || return 1
		t0=$((t - t0))
		printf -v pause '0.%06d' $((t0 < 30000 ? 30000 : t0 > 500000 ? 500000 : t0))
		nap "$pause"
		t0=${EPOCHREALTIME/[.,]/}
	done
}

# freeze PID...: SIGSTOP, and waits until each of their threads has stopped. The signal
# by itself goes to one thread: until that has run, the others go on, and answer.
freeze() { kill -STOP "$@" && wait_for 10 frozen "$@"; }
frozen() {
	local pid
	for pid; do
		[[ -d /proc/$pid/task ]] || return
		! sed 's/.*) //' "/proc/$pid"/task/*/stat | grep -qv '^[TtZX]' || return
	done
}

# run_ns NS CMD...: "ip netns exec", and cheaper
run_ns() { "$tap_in_netns" "$@"; }
# read_ns NS FILE: what FILE says, as seen from there
read_ns() { "$tap_in_netns" "$1" --read "$2"; }

# add_cleanup CMD...: run at the end, last added first
add_cleanup() { tap_cleanups+=("$(printf '%q ' "$@")"); }

# background NAME CMD...: a process that ends with the test; its output goes to
# $TEST_OUT/NAME.log, its id into $bg_pid
background() {
	local name=$1
	shift
	"$@" >"$TEST_OUT/$name.log" 2>&1 </dev/null &
	bg_pid=$!
	add_cleanup kill "$bg_pid"
}

need() {
	local c
	for c in "$@"; do
		command -v "$c" >/dev/null || skip_all "$c is not there"
	done
}

done_testing() {
	printf '1..%d\n' "$tap_n"
	tap_done=yes
	[[ $tap_failed = 0 ]]
	exit
}

tap_exit() {
	local rc=$? i
	trap - EXIT
	for ((i = ${#tap_cleanups[@]} - 1; i >= 0; i--)); do
		eval "${tap_cleanups[i]}" >/dev/null 2>&1
	done
	rm -rf "$tap_tmp"
	if [[ $tap_done = no ]]; then
		diag "the test ended early (status $rc)"
		[[ $rc = 0 ]] && rc=1
	fi
	[[ $tap_failed = 0 ]] || rc=1
	exit $rc
}
trap tap_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
