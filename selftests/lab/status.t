#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What scripts/lab gives back: exit status, output, arguments, on every kernel.
# runs-on: host
# timeout: 600
. "$(dirname "$0")/../lib/tap.sh"
lab() { local k=$1; shift; scripts/lab -k "$k" --no-build -t 100 "$@"; }

for k in ${LAB_KERNELS:-uml uml-debug 6.1 6.12}; do
	ok "$k: true" lab "$k" -- true
	lab "$k" -- false >/dev/null 2>&1
	is "$k: false" $? 1
	# shellcheck disable=SC2016
	got=$(lab "$k" -- bash -c 'printf "<%s>" "$@"; id -u; pwd; test -e Makefile; exit $((7 + $?))' x 'a  b' '$HOME' "it's" '*' '' 2>"$tap_tmp/err")
	is "$k: status passes through" $? 7
	is "$k: arguments arrive as they are, as root, in the repository" \
		"$got" "<a  b><\$HOME><it's><*><>0"$'\n'/btmm || diag_file "$tap_tmp/err"
	lab "$k" -- sh -c 'echo "WARNING: injected" >/dev/kmsg' >"$tap_tmp/log" 2>&1
	is "$k: an injected WARNING fails the run" $? 99
	like "$k: and is shown" "$(<"$tap_tmp/log")" 'WARNING: injected'
done

lab uml --bogus -- true >"$tap_tmp/log" 2>&1
is 'unknown option' $? 2
lab uml -t x -- true >"$tap_tmp/log" 2>&1
is 'a limit that is no number' $? 2
lab 7.0 -- true >"$tap_tmp/log" 2>&1
is 'unknown kernel' $? 2
lab uml --icount -- true >"$tap_tmp/log" 2>&1
is 'icount without qemu' $? 2
lab 6.12 --time-travel -- true >"$tap_tmp/log" 2>&1
is 'time travel without uml' $? 2
done_testing
