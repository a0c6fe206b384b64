#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A link whose registration a notifier refuses, out of memory, is gone, and freed once; one
# that has moved without its guard is not up before it has one.
# kernels: uml-debug
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

[[ -e /sys/kernel/debug/failslab/require-start ]] || skip_all 'this kernel cannot inject faults by function'
modprobe autotunnel || bail 'the module does not load'
net_host a m
ip -n m addr add fd00:a::9/128 dev lo
# ip netns exec has a /sys of its own, without debugfs
nsenter --net=/run/netns/a python3 "$(dirname "$0")/../torture/faults.py" notifier 1 0 m >"$TEST_OUT/faults" 2>&1
rc=$?
diag_file "$TEST_OUT/faults"
is 'all changes or nothing' "$rc,$(grep -c '^BAD' "$TEST_OUT/faults")" 0,0
for what in 'add with all' move; do
	n=$(sed -n "s/^$what below [^:]*: \([0-9]*\) of.*/\1/p" "$TEST_OUT/faults")
	cmp_num "$what: notifiers asked for memory" "${n:-0}" -gt 5
done
unload() { modprobe -r autotunnel; }
ok 'the module can be unloaded' wait_for 30 unload

done_testing
