#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A datagram of several fragments whose first one finds the path narrower: the others were
# cut for the old path, and are dropped before IPv6 cuts them in two ahead of ESP.
# kernels: uml
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
ok 'ping' pings a b
receiver large b --dport 7777
for round in 1 2 3; do
	run_ns a btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
	is "round $round: sent over IPv4" "$(send a udp --dst "$B" --size 4000 --count 3 --data "four-$round")" sent
	run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
	is "round $round: sent over IPv6, where the path is narrower" \
		"$(send a udp --dst "$B" --size 4000 --count 3 --data "six-$round")" sent
	ok "round $round: over IPv4 it came" wait_for 10 has_received large "four-$round"
	ok "round $round: over IPv6 it came, once the path was known" wait_for 10 has_received large "six-$round"
done
cmp_num 'fragments that were cut for the old path were dropped' "$(counter a tx_too_big)" -gt 0
ok 'ping' pings a b

done_testing
