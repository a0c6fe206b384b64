#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# IPv6, delay, loss, rate and MTU are as the lines say.
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
need nft python3 iperf3
. "$(dirname "$0")/topology.sh"
. "$(dirname "$0")/ask.sh"

topology 'internet(ipv6): bob' \
	'shut(ipv6,pcp): h1' \
	'open(ipv6=open): h2' \
	'six(ipv6=only): h3' \
	'deep(ipv6=open,double): h4' \
	'slow(delay=50): h5' \
	'lossy(loss=30): h6' \
	'thin(rate=2mbit,mtu=1400): h7' \
	'four: h8'
for n in 1 2 3 4; do
	ok "h$n reaches bob by IPv6" on h$n ping -6 -c 1 -W 5 "$(addr6 bob)"
	echo_on h$n 4500 ::
done
for n in 1 2 4; do ok "h$n has IPv4, too" on h$n ping -c 1 -W 5 "$(addr bob)"; done
is 'six has none' "$(ip -n h3 -4 -br addr show dev eth0)" ''
is 'four has no IPv6' "$(ip -n h8 -6 -br addr show dev eth0 scope global)" ''
fails 'a router shuts IPv6 out' asks bob "$(addr6 h1)" 4500
ok 'but for answers' on h1 ping -6 -c 1 -W 5 "$(addr6 bob)"
like 'PCP opens it' "$(run_ns h1 "$topo_here/pcp.py" pcp "$(gateway6 shut)" "$(addr6 h1)" 4500 4500 600 2>&1)" \
	'^version=2 result=0 .*port=4500'
ok 'then it is open' asks bob "$(addr6 h1)" 4500
ok 'ipv6=open is' asks bob "$(addr6 h2)" 4500
fails 'ipv6=only is shut' asks bob "$(addr6 h3)" 4500
ok 'through two routers' asks bob "$(addr6 h4)" 4500
move h1 open
ok 'a move with IPv6' asks bob "$(addr6 h1)" 4500

# --- time, loss, size -----------------------------------------------------------------------

rtt() { run_ns "$1" ping -q -c 5 -i 0.2 -W 5 "$2" | sed -n 's/^rtt [^=]*= \([0-9]*\).*/\1/p'; }
on h5 ping -c 1 "$(addr bob)" >/dev/null
rtt=$(rtt h5 "$(addr bob)")
cmp_num 'delay=50: 100 ms there and back' "$rtt" -ge 100
cmp_num 'and not much more' "$rtt" -lt 160
cmp_num 'inside there is none' "$(rtt h5 "$(gateway slow)")" -lt 40
# Neighbours are asked for by packets that are lost as well, once a second; what waits
# for an answer is soon too much, and dropped.
ok 'loss=30: neighbours find each other' wait_for 30 on h6 ping -q -c 1 -W 1 "$(addr bob)"
got=$(run_ns h6 ping -q -c 200 -i 0.01 -W 1 "$(addr bob)" | sed -n 's/.* \([0-9]*\) received.*/\1/p')
# Of 200, 98 are expected; a chance of less than one in a million to be outside
cmp_num 'many packets get through' "$got" -gt 60
cmp_num 'but many do not' "$got" -lt 136
ok 'a packet of 1400 octets goes' on h7 ping -M "do" -s 1372 -c 1 -W 5 "$(addr bob)"
fails 'a larger one does not' on h7 ping -M "do" -s 1373 -c 1 -W 2 "$(addr bob)"
background iperf3 ip netns exec bob iperf3 -s -1
wait_for 20 grep -q listening "$TEST_OUT/iperf3.log"
rate=$(on h7 timeout 40 iperf3 -J -c "$(addr bob)" -n 1M | jq '.end.sum_received.bits_per_second | floor')
cmp_num 'rate=2mbit: not more' "$rate" -lt 2100000
cmp_num 'nor much less' "$rate" -gt 1000000
done_testing
