#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packets that shall come back: a peer said to be at our own address, a ring of tunnels on
# one host, two hosts each of whose tunnels leads through the other, and a mirror on the
# way. All of it ends, at once, and is counted.
# (tunnel/loop.t: the endpoint behind its own device, and two tunnels of one host.)
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
need tcpdump python3 nft

net_pair keepalive off
attacker
sa_pair
ok 'ping' pings a b 2
# into HOST: what its devices have sent and received, loopback included
seen_by() { ip -n "$1" -s -j link | jq '[.[].stats64 | .rx.packets + .tx.packets] | add'; }

# --- B is said to be where A itself is ----------------------------------------------------------
for at in "$AT_A" 127.0.0.1:4500 '[2001:db8:1::2]:4500' '[::1]:4500'; do
	run_ns a btmm-ctl peer set "$B" endpoint "$at"
	n=$(counter a rx_unknown_spi) before=$(seen_by a)
	run_ns a ping -6 -c 3 -i 0.1 -W 1 -q "$B" >/dev/null
	cmp_num "a peer at $at: what comes back is nothing to A" $(($(counter a rx_unknown_spi) - n)) -ge 3
	cmp_num "... and ends there" $(($(seen_by a) - before)) -le 40
done
run_ns a btmm-ctl peer set "$B" endpoint "$AT_B"
MOVES='0 0' harmless 'afterwards'

# --- a ring of three tunnels on one host --------------------------------------------------------
# each wants to reach its peer through the next one
declare -A of=([1]=fd00:1::1 [2]=fd00:2::1 [3]=fd00:3::1) to=([1]=fd00:1::9 [2]=fd00:2::9 [3]=fd00:3::9)
for i in 1 2 3; do
	run_ns a btmm-ctl dev add "ring$i" local "${of[$i]}" port "460$i" keepalive off up
	run_ns a btmm-ctl peer add "${to[$i]}" dev "ring$i"
	sa a "${of[$i]}" "${to[$i]}" "0x700$i"
	ip -n a xfrm policy add src "${of[$i]}" dst "${to[$i]}" dir out tmpl src "${of[$i]}" dst "${to[$i]}" \
		proto esp reqid 1 mode tunnel
done
for i in 1 2 3; do
	run_ns a btmm-ctl peer set "${to[$i]}" dev "ring$i" endpoint "[${to[$((i % 3 + 1))]}]:4500"
done
dropped() { run_ns a bash -c 'cat /sys/class/net/ring*/autotunnel/tx_{loop,no_route,cleartext,not_xfrm,wrong_source,outer_error,too_big,unencrypted,fragment}' | awk '{ n += $1 } END { print n }'; }
n=$(dropped) before=$(seen_by a)
for i in 1 2 3; do
	send a udp --src "${of[$i]}" --dst "${to[$i]}" --count 20 >/dev/null
	send a udp --src "${of[$i]}" --dst "${to[$i]}" --size 9000 >/dev/null
done
cmp_num 'a ring of tunnels: dropped and counted' $(($(dropped) - n)) -ge 20
cmp_num '... after few rounds' $(($(seen_by a) - before)) -le 2000
diag "$(($(dropped) - n)) drops, $(($(seen_by a) - before)) packets seen by all devices"
for i in 1 2 3; do run_ns a btmm-ctl dev del "ring$i"; done
harmless 'after a ring'

# --- two hosts, whose second tunnels lead through each other's first ----------------------------
# a's tunnel in the tunnel ends at b; there its route leads back into a's.
for h in a b; do
	run_ns $h btmm-ctl dev add btmm1 local "$([[ $h = a ]] && echo fd00:a::2 || echo fd00:b::2)" port 4501 keepalive off up
	run_ns $h sysctl -qw net.ipv6.conf.all.forwarding=1
done
# a has said that C is beyond b, b that it is beyond a: native packets, in ESP each
ip -n a -6 route add "$C/128" dev btmm0
ip -n b -6 route add "$C/128" dev btmm0
for h in a b; do
	o=b
	[[ $h = a ]] || o=a
	ip -n $h -batch - <<-END
		xfrm policy add src ::/0 dst $C dir out tmpl src ${ULA[$h]} dst ${ULA[$o]} proto esp reqid 1 mode tunnel
		xfrm policy add src ::/0 dst $C dir fwd tmpl src ${ULA[$o]} dst ${ULA[$h]} proto esp reqid 1 mode tunnel
	END
done
before=$(($(seen_by a) + $(seen_by b)))
send a udp --src "$A" --dst "$C" --count 5 >/dev/null
send a udp --src 2001:db8:1::2 --dst "$C" --count 5 >/dev/null
still() { local n; n=$(($(seen_by a) + $(seen_by b))); stays 1 eval "[[ \$((\$(seen_by a) + \$(seen_by b))) -le $((n + 4)) ]]"; }
ok 'two hosts that send each other what is for a third: it ends' wait_for 20 still
# a hop limit of 64, two devices each time, ten packets
cmp_num '... after 64 hops at most' $(($(seen_by a) + $(seen_by b) - before)) -le $((10 * 64 * 8))
diag "$(($(seen_by a) + $(seen_by b) - before)) packets seen by all devices of both"
for h in a b; do
	ip -n $h -6 route del "$C/128" dev btmm0
	run_ns $h btmm-ctl dev del btmm1
	run_ns $h sysctl -qw net.ipv6.conf.all.forwarding=0
done
harmless 'after that'

# --- a mirror ---------------------------------------------------------------------------------
# The router turns A's packets round, and B's: each gets its own back, a hundred times.
capture mirror r ra1 'udp port 4500'
before=$(packets_in mirror 'src host 10.1.0.2')
for ((i = 0; i < 20; i++)); do run_ns a ping -6 -c 1 -W 0.1 -q "$B" >/dev/null; done
own=()
for ((i = 0; i < 20; i++)); do own+=("$TEST_OUT/mirror.pcap@$i"); done
n=$(packets a)
for ((i = 0; i < 5; i++)); do mallory "$AT_B" "$AT_A" "${own[@]}"; done
harmless 'a mirror'
cmp_num '... is answered by nothing: the pings afterwards are all there is' $(($(packets a) - n)) -le 12
capture_end mirror
done_testing
