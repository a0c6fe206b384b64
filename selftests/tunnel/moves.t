#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Hosts move and find each other again: A, B, both; a NAT that gives out new
# ports; from IPv4 to IPv6; and hosts with more than one address.
# kernels: uml-debug 6.12
# long: 6.12
# timeout: 400
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need nft conntrack

net_pair keepalive off
sa_pair
background monitor ip netns exec b btmm-ctl --json monitor
wait_for 10 grep -q listening "$TEST_OUT/monitor.log"

# once HOST OTHER: one single ping is answered
once() { run_ns "$1" ping -6 -c 1 -W 5 -q "${ULA[$2]}"; }
# mark: an endpoint was just learnt; rest: until it may be learnt anew
moved_at=0
rest() { local end=$((moved_at + 1100)); while (($(now_ms) < end)); do nap 0.05; done; }
mark() { moved_at=$(now_ms); }

# --- A, B, both -------------------------------------------------------------------

ok 'ping' pings a b 1
is 'both endpoints are as set' "$(peer_json a b origin) $(peer_json b a origin)" 'set set'
net_prepare a 3
net_move a 1 3
ok 'A moves: its first packet is answered' once a b
mark
is 'B learnt where A is' "$(endpoint b a)" 10.3.0.2:4500
is 'B knows it as learnt' "$(peer_json b a origin)" learnt
is 'B keeps the endpoint before' "$(peer_json b a previous)" 10.1.0.2:4500
is 'B counts one move of A' "$(peer_json b a moves) $(counter b endpoint_moves)" '1 1'
is 'A learnt nothing' "$(endpoint a b) $(counter a endpoint_moves)" '10.2.0.2:4500 0'
ok 'B says so to its daemon' wait_for 10 grep -q '"event":"endpoint".*10.3.0.2' "$TEST_OUT/monitor.log"

net_prepare b 4
net_move b 2 4
ok 'B moves: its first packet is answered' once b a
is 'A learnt where B is' "$(endpoint a b) $(peer_json a b origin)" '10.4.0.2:4500 learnt'
is 'from the packet that came' "$(counter a endpoint_moves)" 1
ok 'TCP from A to B after both moves' tcp_copy a b 1

net_prepare a 5
net_prepare b 6
rest
net_move a 3 5
net_move b 4 6
fails 'both move at once: neither knows' run_ns a ping -6 -c 1 -W 1 -q "$B"
is 'and nothing was learnt' "$(endpoint a b) $(endpoint b a)" '10.4.0.2:4500 10.3.0.2:4500'
run_ns a btmm-ctl peer set "$B" endpoint 10.6.0.2:4500
ok 'one is told: the next packet is answered' once a b
mark
is 'the other one learns' "$(endpoint b a)" 10.5.0.2:4500
is 'what netlink set is set' "$(peer_json a b origin)" set

# A takes a second network and prefers it, but is still heard in the first
net_prepare a 7
net_prepare b 8
ip -n a -batch "$tap_tmp/plug.a7"
rest
net_move b 6 8
ok 'both move, and the old address of one still answers' wait_for 10 once b a
ok 'A knows the new B' endpoint_is a b 10.8.0.2:4500
ok 'B knows an address of A' wait_for 5 eval '[[ $(endpoint b a) = 10.[57].0.2:4500 ]]'
net_leave a 5
rest; mark; rest
ok 'and when the old one goes, too' wait_for 10 once a b
is 'it is the new one' "$(endpoint b a)" 10.7.0.2:4500

# --- netlink wins ------------------------------------------------------------------

mark
run_ns b btmm-ctl peer set "$A" endpoint 10.7.0.77:4500
is 'a set endpoint replaces a learnt one at once' "$(endpoint b a) $(peer_json b a origin)" \
	'10.7.0.77:4500 set'
rest
ok 'and is left again for the true one' once a b
is 'as learnt' "$(endpoint b a) $(peer_json b a origin)" '10.7.0.2:4500 learnt'

# --- behind a NAT -------------------------------------------------------------------

net_router n
net_join n 10
net_leave a 7
net_join a 9 2 n
ok 'a NAT' net_nat e10 20000
mark; rest
ok 'A moves behind it' once a b
like 'B learnt the port that the NAT gave' "$(endpoint b a)" '^10\.10\.0\.2:200[0-9][0-9]$'
mark
ok 'the NAT gives out other ports' net_nat e10 30000
rest
ok 'its packets are answered at once' once a b
like 'at the new port' "$(endpoint b a)" '^10\.10\.0\.2:300[0-9][0-9]$'
like 'after the old one' "$(peer_json b a previous)" '^10\.10\.0\.2:200[0-9][0-9]$'
mark
ok 'TCP through the NAT' tcp_copy a b 1

# --- IPv6 ----------------------------------------------------------------------------

net_leave a 9
net_join a 11
run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:8::2]:4500'
rest
ok 'from IPv4 to IPv6: answered' once a b
is 'B learnt it' "$(endpoint b a)" '[2001:db8:11::2]:4500'
mark
net_prepare a 12
rest
net_move a 11 12
ok 'A moves over IPv6' once a b
like 'B learnt that' "$(endpoint b a)" '2001:db8:12::2'
mark
net_prepare b 13
net_move b 8 13
ok 'B moves over IPv6' once b a
like 'A learnt that' "$(endpoint a b)" '2001:db8:13::2'
ok 'TCP over IPv6 after the moves' tcp_copy b a 1

# --- an answer comes from the address that was asked -----------------------------------

# asked ADDRESS DESC: A asks B there; if B answered from elsewhere, A would learn that
asked() {
	local n
	rest
	run_ns b btmm-ctl peer set "$A" endpoint none
	run_ns a btmm-ctl peer set "$B" endpoint "$1"
	n=$(counter a endpoint_moves)
	ok "$2: answered" once a b
	is "$2: from the address that was asked" "$(endpoint a b) $(counter a endpoint_moves)" "$1 $n"
	mark
}
ip -n b addr add 10.13.0.7/24 dev e13
ip -n b addr add 2001:db8:13::7/64 dev e13 nodad
ip -n r route add 10.13.0.7 dev rb13
ip -n r route add 2001:db8:13::7 dev rb13
asked 10.13.0.2:4500 'first address'
asked 10.13.0.7:4500 'second address of an interface'
asked '[2001:db8:13::7]:4500' 'second IPv6 address of an interface'
asked '[2001:db8:13::2]:4500' 'first IPv6 address of an interface'

# a second interface, whose default route is the lesser one
net_prepare b 14
ip -n b -batch - <<-END
	link set e14 up
	addr add 10.14.0.2/24 dev e14
	addr add 2001:db8:14::2/64 dev e14 nodad
	route add default via 10.14.0.1 dev e14 metric 500
	route add default via 2001:db8:14::1 dev e14 metric 5000
END
asked 10.14.0.2:4500 'second interface'
asked '[2001:db8:14::2]:4500' 'second interface, IPv6'
asked 10.13.0.2:4500 'first interface beside it'

ip -n b -batch - <<-END
	route del default via 10.14.0.1 dev e14
	route add default via 10.14.0.1 dev e14 table 114
	rule add from 10.14.0.2 lookup 114
	route del default via 2001:db8:14::1 dev e14
	route add default via 2001:db8:14::1 dev e14 table 114
END
ip -n b -6 rule add from 2001:db8:14::2 lookup 114
asked 10.14.0.2:4500 'second interface by policy routing'
asked '[2001:db8:14::2]:4500' 'second interface by policy routing, IPv6'
ok 'TCP by it' tcp_copy b a 1

# --- decrypted in GRO, before the IP layer has seen the packet ---------------------------

net_prepare a 15
net_gro >/dev/null 2>&1
rest
n=$(counter b rx_gro)
net_move a 12 15
ok 'with GRO: A moves, and is answered' once a b
like 'B learnt it' "$(endpoint b a)" '(2001:db8:15::2|10.15.0.2)'
cmp_num 'from a packet decrypted in GRO' "$(counter b rx_gro)" -gt "$n"

for h in a b; do
	for n in rx_esp_refused rx_unknown_spi rx_malformed; do
		is "$n is 0 on $h" "$(counter $h $n)" 0
	done
done

done_testing
