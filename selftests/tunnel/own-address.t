#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# GRO takes what is addressed to this host and nothing else, also when packets to
# it, to a host behind it and to an address it has just lost come in one run.
# kernels: uml uml-debug
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need nft

net_pair keepalive off
sa_pair
ok 'ping' pings a b 1

# c is behind b: packets to its port 4500 pass through b
net_host c
ip link add e9 netns c type veth peer name rc9 netns b
ip -n b -batch - <<-END
	link set rc9 up
	addr add 10.9.0.1/24 dev rc9
END
ip -n c -batch - <<-END
	link set e9 up
	addr add 10.9.0.2/24 dev e9
	route add default via 10.9.0.1
END
run_ns b sysctl -qw net.ipv4.ip_forward=1
ip -n r route add 10.9.0.0/24 via 10.2.0.2
net_gro
run_ns c nft -f - <<-END
	table ip t {
		chain in {
			type filter hook prerouting priority -300
			udp dport 4500 counter drop
		}
	}
END
at_c() { run_ns c nft -j list table ip t | jq '[..|.counter?|objects|.packets][0]'; }
at_c_is() { [[ $(at_c) = "$1" ]]; }
ok 'c is reached through b' run_ns r ping -c 1 -W 5 -q 10.9.0.2

n=200
run=()
for ((i = 0; i < n; i++)); do
	run+=(-- 10.1.0.2:4500 10.2.0.2:4500 esp:0x77777777:$((i + 1)):100
		-- 10.1.0.2:4500 10.9.0.2:4500 esp:0x77777777:$((i + 1)):100)
done
gro=$(counter b rx_gro)
raw "${run[@]:1}"
ok "of $n pairs, c has all that is c's" wait_for 10 at_c_is $n || diag "$(at_c)"
rises "and b all that is b's" b rx_gro "$gro" $n

# The port is still open, and the address not ours any more.
ip -n b addr add 10.2.0.77/24 dev e2
gro=$(counter b rx_gro)
raw 10.1.0.2:4500 10.2.0.77:4500 esp:0x77777777:1:100x50
rises 'a second address is ours' b rx_gro "$gro" 50
ip -n b addr del 10.2.0.77/24 dev e2
has_address() { ip -n b addr show dev e2 | grep -qw "$1"; }
fails 'it is gone' has_address 10.2.0.77
gro=$(counter b rx_gro)
raw 10.1.0.2:4500 10.2.0.77:4500 esp:0x77777777:1:100x50
ok 'ping' pings a b 1
is 'and when it has gone, not' "$(counter b rx_gro)" "$((gro + 1))"

done_testing
