#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Routes that lead back into the tunnel: the endpoint behind the device itself,
# and two tunnels each of which wants to go through the other. What goes in is
# dropped and counted, and nothing overflows.
# kernels: uml-debug
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
ok 'the tunnel works' pings a b

# --- the endpoint lies behind the device ------------------------------------------
ip -n a route add 10.2.0.2/32 dev btmm0
before=$(counter a tx_loop)
fails 'endpoint behind the device: no ping' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B"
cmp_num '... dropped as a loop' "$(since a tx_loop "$before")" -ge 2
ip -n a route del 10.2.0.2/32 dev btmm0
ok '... without that route it works again' pings a b

# the same over IPv6
run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
ok 'IPv6: ping' pings a b
ip -n a route add 2001:db8:2::2/128 dev btmm0
before=$(counter a tx_loop)
fails 'IPv6: endpoint behind the device: no ping' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B"
cmp_num '... dropped as a loop' "$(since a tx_loop "$before")" -ge 2
ip -n a route del 2001:db8:2::2/128 dev btmm0
# a peer whose endpoint is its own ULA
run_ns a btmm-ctl peer set "$B" endpoint "[$B]:4500"
before=$(counter a tx_loop)
run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B" >/dev/null 2>&1
cmp_num "a peer's ULA as its endpoint: dropped as a loop" "$(since a tx_loop "$before")" -ge 1
run_ns a btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
ok 'it works again' pings a b

# --- two tunnels that point at each other ------------------------------------------
# btmm0's peer B is said to be at C, which btmm1 reaches; btmm1's peer C is
# said to be at B. XFRM protects both, so each packet would grow for ever.
run_ns a btmm-ctl dev add btmm1 local fd00:a::2 port 4501 up
run_ns a btmm-ctl peer add "$C" dev btmm1
sa a fd00:a::2 "$C" 0x6001
ip -n a xfrm policy add src fd00:a::2 dst "$C" dir out tmpl src fd00:a::2 dst "$C" proto esp reqid 1 mode tunnel
run_ns a btmm-ctl peer set "$B" dev btmm0 endpoint "[$C]:4501"
run_ns a btmm-ctl peer set "$C" dev btmm1 endpoint "[$B]:4500"
dropped() {
	local d n sum=0
	for d in btmm0 btmm1; do
		for n in tx_loop tx_no_route tx_cleartext tx_not_xfrm tx_wrong_source tx_outer_error tx_too_big tx_unencrypted tx_fragment; do
			sum=$((sum + $(read_ns a /sys/class/net/$d/autotunnel/$n)))
		done
	done
	echo $sum
}
before=$(dropped)
capture e1 a e1 -Q out udp
run_ns a ping -6 -c 5 -i 0.1 -W 1 -q -I "$A" "$B" >/dev/null 2>&1
send a udp --src "$A" --dst "$B" --size 8000 >/dev/null
send a udp --src fd00:a::2 --dst "$C" --count 20 >/dev/null
send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --bypass >/dev/null
cmp_num 'two tunnels through each other: dropped and counted' "$(($(dropped) - before))" -ge 8
diag "$(for d in btmm0 btmm1; do run_ns a grep -rH . /sys/class/net/$d/autotunnel/ | grep '/tx_' | grep -v ':0$' | sed 's,.*net/,,'; done)"
capture_end e1
is '... and nothing is sent' "$(wire_count e1 esp),$(wire_count e1 ike)" 0,0

# Deep but finite: a tunnel in a tunnel, as long as it ends somewhere, works.
run_ns a btmm-ctl dev del btmm1
ip -n a xfrm policy delete src fd00:a::2 dst "$C" dir out
run_ns a btmm-ctl peer set "$B" dev btmm0 endpoint 10.2.0.2:4500
for h in a b; do
	run_ns $h btmm-ctl dev add btmm1 port 4501 local "$([[ $h = a ]] && echo fd00:a::2 || echo fd00:b::2)" up
done
run_ns a btmm-ctl peer add fd00:b::2 dev btmm1 endpoint "[$B]:4501"
run_ns b btmm-ctl peer add fd00:a::2 dev btmm1 endpoint "[$A]:4501"
for h in a b; do
	sa $h fd00:a::2 fd00:b::2 0x7001
	sa $h fd00:b::2 fd00:a::2 0x7002
done
ip -n a xfrm policy add src fd00:a::2 dst fd00:b::2 dir out tmpl src fd00:a::2 dst fd00:b::2 proto esp reqid 1 mode tunnel
ip -n a xfrm policy add src fd00:b::2 dst fd00:a::2 dir in tmpl src fd00:b::2 dst fd00:a::2 proto esp reqid 1 mode tunnel
ip -n b xfrm policy add src fd00:b::2 dst fd00:a::2 dir out tmpl src fd00:b::2 dst fd00:a::2 proto esp reqid 1 mode tunnel
ip -n b xfrm policy add src fd00:a::2 dst fd00:b::2 dir in tmpl src fd00:a::2 dst fd00:b::2 proto esp reqid 1 mode tunnel
ok 'a tunnel inside the tunnel: ping' run_ns a ping -6 -c 3 -i 0.1 -W 3 -q -I fd00:a::2 fd00:b::2
send_inner() {
	head -c 1M /dev/urandom >"$tap_tmp/inner"
	run_ns b socat -u TCP6-LISTEN:7009,reuseaddr "OPEN:$tap_tmp/inner.out,creat,trunc" &
	local server=$!
	wait_for 10 listening b 7009
	run_ns a timeout 60 socat -u "OPEN:$tap_tmp/inner" "TCP6:[fd00:b::2]:7009,bind=[fd00:a::2]"
	wait $server
	cmp "$tap_tmp/inner" "$tap_tmp/inner.out"
}
ok '... TCP, 1 MiB, byte-exact' send_inner
ok 'and the outer one still works' pings a b

done_testing
