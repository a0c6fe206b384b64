#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reports in a kernel log are found, and those that are known are not, by the line that
# says where.
# runs-on: host
# timeout: 30
. "$(dirname "$0")/../lib/tap.sh"

echo '^fs/known\.c:[0-9]+ ' >"$tap_tmp/allow"
scan() { printf '%s\n' "$@" >"$tap_tmp/log"; scripts/lab.d/scan-log "$tap_tmp/allow" "$tap_tmp/log"; }
# rcu FILE: as lockdep reports it
rcu() {
	printf '%s\n' 'WARNING: suspicious RCU usage' '6.12 #1 Not tainted' '----' \
		"fs/$1:10 RCU-list traversed in non-reader section!!" 'other info' \
		'1 lock held by x/1:' 'Call Trace:' ' a+0x1/0x2'
}
ok 'nothing is nothing' scan 'a line' 'another'
fails 'a BUG is found' scan 'a line' 'BUG: it' 'Call Trace:'
like 'with what follows' "$output" 'BUG: it.*Call Trace'
ok 'a known report is none' scan "$(rcu known.c)"
ok 'twice neither' scan "$(rcu known.c)" 'a line' "$(rcu known.c)"
fails 'an unknown one is' scan "$(rcu other.c)"
like 'with its first line' "$output" 'suspicious RCU usage'
fails 'also behind a known one' scan "$(rcu known.c)" "$(rcu other.c)"
fails 'and so is one that is cut off' scan 'WARNING: suspicious RCU usage' '6.12'
fails 'a known one hides nothing that comes after it' scan "$(rcu known.c)" 'BUG: it'
fails 'nor within it' scan "$(rcu known.c | sed '5s/.*/BUG: it/')"

# oops WHAT RIP CODE: as a kernel on a serial line reports it
oops() {
	printf '%s\r\n' "[ 9.1] Oops: $1: 0000 [#1] PREEMPT SMP NOPTI" '[ 9.1] CPU: 1 PID: 7 Comm: x' \
		"[ 9.1] RIP: 0010:$2" "[ 9.1] Code: 90 0f 1f 44 00 $3" '[ 9.1] Call Trace:' >"$tap_tmp/log"
}
fault() { scripts/lab.d/machine-fault "$tap_tmp/log"; }
oops int3 net_rx+0x10/0x200 '0f <1f> 44 00 00'
ok 'a breakpoint that is no longer there is a fault of the machine' fault
oops int3 'nft_do_chain+0x10/0x200 [nf_tables]' 'e9 <1f> 44 00 00'
ok 'in a module, too' fault
oops int3 net_rx+0x10/0x200 'cc <cc> cc cc'
fails 'one that is there is none' fault
oops int3 net_rx+0x10/0x200 'Unable to access opcode bytes'
fails 'nor one that nobody has seen' fault
oops 0000 net_rx+0x10/0x200 '0f <1f> 44 00 00'
fails 'nor is anything else' fault
done_testing
