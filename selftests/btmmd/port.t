#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host whose mapping has another port outside than what it sends: once it has sent something
# (keepalives), its gateway changes the port of who comes in by the mapping, as the two would
# be one connection. IKE from such a port is known by its address all the same.
# kernels: uml
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
need tcpdump

topology 'internet: server resolver bob' 'home1(natpmp): alice' 'home2(natpmp):'
account_make server resolver alice alice bob
on alice mkdir -p /etc/btmm/btmmd.conf.d
printf '[tunnel]\nkeepalive = 2s\n' | on alice tee /etc/btmm/btmmd.conf.d/keepalive.conf >/dev/null
host_start alice bob
is_in() { [[ $(endpoint bob alice) = "$(external "$1"):"* ]]; }
ok 'bob knows where alice is' wait_for 40 is_in home1 || { trouble alice bob; bail 'nothing to go on with'; }
# Her old address keeps its port, so she has another one when she is back.
move alice home2
ok 'she moves' wait_for 20 is_in home2
move alice home1
ok 'and comes back' wait_for 20 endpoint_is bob alice "$(external home1):4501" || trouble alice bob
ip netns exec home1 tcpdump -n -i any -l 'udp port 4500 or udp port 4501' >"$TEST_OUT/home1.dump" 2>&1 &
add_cleanup kill $!
wait_for 20 grep -q 'listening on' "$TEST_OUT/home1.dump" || bail 'the capture does not start'
sent() { grep -q "wan *Out IP $(external home1)[^ ]* > $(addr bob).4500: .*keep-alive" "$TEST_OUT/home1.dump"; }
ok 'she has sent a keepalive' wait_for 20 sent || diag_file "$TEST_OUT/home1.dump"
is 'nothing else' "$(ip -n alice xfrm state)" ''
at=$(now_s)
ok 'bob calls, and reaches her' wait_for 10 pings bob alice 2 || {
	diag_file "$TEST_OUT/home1.dump"
	trouble alice bob
}
diag "after $(awk -v a="$at" -v b="$(now_s)" 'BEGIN { print int((b - a) * 1000) }') ms"
ok 'her gateway has changed his port' grep -q "lan *Out IP $(addr bob).[0-9]* > $(addr alice).4500" "$TEST_OUT/home1.dump"
unlike 'it was not 4500' "$(grep "lan *Out IP $(addr bob)" "$TEST_OUT/home1.dump" | head -n 1)" "$(addr bob).4500 >"
ok 'she reaches him' wait_for 10 pings alice bob 2
host_stop alice bob
done_testing
