#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Time limit, interruption and a reader that goes away: nothing stays behind.
# runs-on: host
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
lab=scripts/lab

# A name that only this test's guests carry on their command line: the run
# directory's name begins with the process id of the lab.
nothing_left() { ! pgrep -f "/run/$1\\." && ! compgen -G "${BTMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/btmm}/run/$1.*"; }
up() { grep -q started "$tap_tmp/log"; }

for k in ${LAB_KERNELS:-uml 6.12}; do
	# On a busy machine a guest wants more than the first limit to boot.
	for limit in 15 30 60; do
		$lab -k "$k" --no-build -t $limit -- sh -c 'echo started; exec tail -f /dev/null' >"$tap_tmp/log" 2>&1 &
		pid=$!
		wait "$pid"
		rc=$?
		[[ $rc != 124 ]] || up && break
	done
	is "$k: time limit" "$rc" 124
	ok "$k: the command had started" up
	ok "$k: nothing left after the time limit" wait_for 5 nothing_left "$pid"

	: >"$tap_tmp/log"
	$lab -k "$k" --no-build -t 100 -- sh -c 'echo started; exec tail -f /dev/null' >"$tap_tmp/log" 2>&1 &
	pid=$!
	ok "$k: up" wait_for 60 up
	kill -TERM "$pid"
	wait "$pid"
	is "$k: terminated" $? 143
	ok "$k: nothing left after SIGTERM" wait_for 5 nothing_left "$pid"

	: >"$tap_tmp/log"
	$lab -k "$k" --no-build -t 100 -- sh -c 'echo started; exec tail -f /dev/null' >"$tap_tmp/log" 2>&1 &
	pid=$!
	ok "$k: up again" wait_for 60 up
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	no_process() { ! pgrep -f "/run/$pid\\."; }
	ok "$k: no process left even after SIGKILL" wait_for 5 no_process
done

$lab -k uml --no-build -t 60 -- yes 2>/dev/null | head -n 1 >"$tap_tmp/log"
is 'the reader went away' "${PIPESTATUS[0]}" 141
is 'and had its line' "$(<"$tap_tmp/log")" y
done_testing
