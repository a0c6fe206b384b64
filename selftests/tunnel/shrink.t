#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A datagram of several fragments whose first one finds the path narrower: the others were
# cut for the old path, and are dropped before IPv6 cuts them in two ahead of ESP.
# kernels: uml uml-debug
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
receiver large b --dport 7777

# meet_at A B: both ends at once. Each follows the other at most once a second, and until
# then answers by the old path, which would move the other back to it.
meet_at() {
	run_ns a btmm-ctl peer set "$B" endpoint "$2:4500"
	run_ns b btmm-ctl peer set "$A" endpoint "$1:4500"
}

# One datagram at a time, and pings between them: large packets without any answer for a
# second make the path a black hole, where all goes in fragments, which no path is too
# narrow for.
rounds=3
# Emulated, a round takes as long as three elsewhere.
[[ ${LAB_KIND-} = 6.* ]] && rounds=1
for ((round = 1; round <= rounds; round++)); do
	ip -n a -6 route flush cache
	meet_at 10.1.0.2 10.2.0.2
	ok "round $round: ping over IPv4" pings a b
	is "round $round: sent over IPv4" "$(send a udp --dst "$B" --size 4000 --data "four-$round")" sent
	ok "round $round: it came" wait_for 10 has_received large "four-$round"
	meet_at '[2001:db8:1::2]' '[2001:db8:2::2]'
	ok "round $round: ping over IPv6, where the path is narrower" pings a b
	before=$(counter a tx_too_big)
	is "round $round: sent over IPv6" "$(send a udp --dst "$B" --size 4000 --data "lost-$round")" sent
	# The device drops the first, and says so to the route; the second was cut already.
	cmp_num "round $round: fragments that were cut for the old path were dropped" \
		"$(since a tx_too_big "$before")" -ge 2
	ok "round $round: ping" pings a b
	is "round $round: sent once the path was known" "$(send a udp --dst "$B" --size 4000 --data "six-$round")" sent
	ok "round $round: it came" wait_for 10 has_received large "six-$round"
	cmp_num "round $round: the one before did not" "$(received large "lost-$round")" -eq 0
done
is 'the path was never taken for a black hole' "$(counter a pmtu_black_holes)" 0

done_testing
