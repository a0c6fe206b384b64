#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing but ESP, IKE and keepalives leaves, whoever sends whatever in
# whichever way: with and without SAs and policies, without privileges, forwarded,
# made by hand, past a qdisc and tc, in super-packets and in fragments.
# kernels: uml 6.1
# long: 6.1
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
net_host l
net_join l 3 2 a
run_ns a sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
ip -n l route add fd00::/16 via 2001:db8:3::1
ip -n a route add "$C/128" dev btmm0

capture a_e1 a e1 -Q out
capture a_lan a rl3 -Q out
capture b_e2 b e2 -Q out
control a 10.1.0.1 >/dev/null
control a 10.3.0.2 >/dev/null
control b 10.2.0.1 >/dev/null

# --- with SAs and policies ------------------------------------------------------
receiver b-500 b --dport 500
receiver b-7777 b --dport 7777
ok 'ping' pings a b 2
ok 'TCP, 1 MiB' tcp_copy a b 1
ok 'UDP of 4000 octets' send a udp --dst "$B" --size 4000
wait_for 10 has_received b-7777 ' 4000 '
is '... arrives whole' "$(received b-7777 ' 4000 ')" 1
# All is protected by the policy, port 500 of a user's program, too.
is 'a user sends from port 500 to port 500 of the peer' \
	"$(send_nobody a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike)" sent
wait_for 10 has_received b-500 "$A"
is '... the peer gets it, by ESP' "$(received b-500 "$A"),$(counter a tx_ike)" 1,0

# --- refusals, each with its counter ---------------------------------------------
# refused COUNTER N WHAT WANTED CMD...: CMD prints WANTED, COUNTER grows by N
# (N+ for at least N)
refused() {
	local name=$1 n=$2 what=$3 wanted=$4 before got
	shift 4
	before=$(counter a "$name")
	got=$("$@")
	[[ $wanted = - ]] || is "$what: the sender gets $wanted" "$got" "$wanted"
	wait_for 5 counter_above a "$name" $((before + ${n%+} - 1))
	case $n in
	*+) cmp_num "$what: $name" "$(since a "$name" "$before")" -ge "${n%+}" ;;
	*) is "$what: $name" "$(since a "$name" "$before")" "$n" ;;
	esac
}
raw_a=(send a raw6 --src "$A" --dst "$B" --bind 2001:db8:1::2)

# The source address of the routing decision is not that of the header: no
# policy matches, though there are policies.
refused tx_not_xfrm 1 'next header 50 made by hand' - "${raw_a[@]}" --nh 50 --hex "$(printf '00001001%060d' 1)"
refused tx_cleartext 1 'UDP made by hand' - "${raw_a[@]}" --udp 7777 7777
refused tx_fragment 1 'a fragment made by hand' - "${raw_a[@]}" --nh 44 --hex "3a00000100000001$(printf '%060d' 1)"
refused tx_ike_refused 1 'IKE made by hand' - "${raw_a[@]}" --udp 500 500 --ike
refused tx_cleartext 1 'IPv6 without a next header' - "${raw_a[@]}" --nh 59
refused tx_cleartext 1 'hop-by-hop options' - "${raw_a[@]}" --nh 0 --hex 3200010400000000"$(printf '00001001%060d' 1)"

raw_l=(send l raw6 --src 2001:db8:3::2 --dst "$B")
refused tx_not_xfrm 1 'forwarded next header 50' - "${raw_l[@]}" --nh 50 --hex "$(printf '00001001%060d' 1)"
refused tx_ike_refused 1 'forwarded IKE' - "${raw_l[@]}" --udp 500 500 --ike
refused tx_cleartext 1 'forwarded UDP' EACCES send l udp --dst "$B" --wait 5
refused tx_fragment 2+ 'forwarded UDP in fragments' - send l udp --dst "$B" --size 4000

ip -n a addr add fd00:a::2/128 dev btmm0
ip -n a xfrm policy add src fd00:a::2 dst "$B" dir out tmpl src fd00:a::2 dst "$B" proto esp reqid 9 mode tunnel
ip -n a xfrm state add src fd00:a::2 dst "$B" proto esp spi 0x2001 reqid 9 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
refused tx_wrong_source 1+ 'ESP from another ULA' - send a udp --src fd00:a::2 --dst "$B"
refused tx_wrong_source 1+ 'IKE from another ULA' EACCES send a udp --src fd00:a::2 --sport 500 --dst "$B" \
	--dport 500 --ike --bypass --wait 5
ip -n a addr del fd00:a::2/128 dev btmm0
ip -n a xfrm policy add dst "$C" dir out tmpl src "$A" dst "$C" proto esp reqid 8 mode tunnel
ip -n a xfrm state add src "$A" dst "$C" proto esp spi 0x2002 reqid 8 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
refused tx_no_peer 1+ 'ESP to nobody' - send a udp --src "$A" --dst "$C"
ip -n a xfrm state delete dst "$C" proto esp spi 0x2002
ip -n a xfrm policy delete dst "$C" dir out

# --- policies, but no SAs: charon is dead ----------------------------------------
no_sa a b
before=$(counts a tx_cleartext tx_not_xfrm tx_ike_refused)
# all but the keepalives, which go on
tx_packets() {
	local keepalives
	keepalives=$(counter a tx_keepalives)
	echo $(($(packets a) - keepalives))
}
esp=$(tx_packets)
fails 'without SAs no ping' run_ns a ping -6 -c 1 -W 1 -q "$B"
send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike >/dev/null
is '... and nothing comes as far as the device' \
	"$(counts a tx_cleartext tx_not_xfrm tx_ike_refused)" "$before"
is '... nor leaves it' "$(tx_packets)" "$esp"

# --- neither ----------------------------------------------------------------------
no_policy a b
refused tx_cleartext 1+ 'policies flushed' EACCES send a udp --dst "$B" --wait 5
refused tx_cleartext 1+ '... a user' EACCES send_nobody a udp --dst "$B" --wait 5
refused tx_cleartext 1+ '... ping' - run_ns a ping -6 -c 1 -W 1 -q "$B"
refused tx_cleartext 1+ '... a TCP connection' - \
	run_ns a timeout 5 socat -u "OPEN:/dev/null" "TCP6:[$B]:7777,connect-timeout=3"
refused tx_ike_refused 1 '... IKE of a user' EACCES \
	send_nobody a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --wait 5
refused tx_ike_refused 1 '... IKE of root without a bypass policy' EACCES \
	send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --wait 5
refused tx_ike_refused 1 '... with one, but no IKE inside' EACCES \
	send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --bypass --size 200 --wait 5
refused tx_cleartext 1 '... with one, from port 501' EACCES \
	send a udp --src "$A" --sport 501 --dst "$B" --dport 500 --ike --bypass --wait 5
refused tx_cleartext 1 '... with one, to port 4500' EACCES \
	send a udp --src "$A" --sport 500 --dst "$B" --dport 4500 --ike --bypass --wait 5
refused tx_fragment 3+ '... IKE in fragments' - \
	send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --size 4000 --bypass
refused tx_not_xfrm 1 '... next header 50 by hand' - \
	send a raw6 --src "$A" --dst "$B" --nh 50 --hex "$(printf '00001001%060d' 1)"
refused tx_unencrypted 1+ '... a super-packet of UDP' - \
	send a udp --dst "$B" --size 10000 --segment 1000
refused tx_fragment 3+ '... UDP of 4000 octets' - send a udp --dst "$B" --size 4000
before=$(counter a tx_ike)
is 'IKE of root with a bypass policy' \
	"$(send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --bypass)" sent
is '... is sent' "$(since a tx_ike "$before")" 1
ok '... and arrives' wait_for 10 counter_is b rx_ike 1

# As an unprivileged program cannot set such a policy on its socket:
is 'a user may set no bypass policy' \
	"$(send_nobody a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --bypass 2>&1 | grep -o 'PermissionError' | head -n 1)" PermissionError

# The answers are limited in rate: a flood of 300 gets few.
before=$(counter a tx_cleartext)
capture l_in l e3 -Q in icmp6 and 'ip6[40] == 1'
send l raw6 --src 2001:db8:3::2 --dst "$B" --udp 7777 7777 --count 300 >/dev/null
wait_for 10 counter_above a tx_cleartext $((before + 299))
is 'a flood of cleartext is dropped' "$(since a tx_cleartext "$before")" 300
capture_end l_in
answers=$(wire_count l_in icmp)
cmp_num 'it is answered' "$answers" -ge 1
cmp_num '... at a limited rate' "$answers" -lt 100

# --- a flow loses its policies and SAs in the middle -----------------------------
sa_pair
run_ns b socat -u TCP6-LISTEN:7002,reuseaddr OPEN:/dev/null &
wait_for 10 listening b 7002
moved() { [[ $(tx_packets) -gt $1 ]]; }
background flow ip netns exec a socat -u OPEN:/dev/zero "TCP6:[$B]:7002"
flow=$bg_pid
sent=$(tx_packets)
ok 'a TCP flow runs' wait_for 20 moved $((sent + 200))
refuse_sum() { echo $(($(counter a tx_cleartext) + $(counter a tx_unencrypted))); }
sum=$(refuse_sum)
no_policy a b
no_sa a b
more() { [[ $(refuse_sum) -gt $sum ]]; }
ok 'policies and SAs vanish under it: its packets are refused' wait_for 20 more
kill "$flow"
wait "$flow" 2>/dev/null

# --- queueing disciplines and tc ---------------------------------------------------
sa_pair
for qdisc in 'fq_codel' 'tbf rate 50mbit burst 64k limit 1m' 'prio'; do
	# shellcheck disable=SC2086
	ok "qdisc ${qdisc%% *} on btmm0" tc -n a qdisc replace dev btmm0 root $qdisc
	ok '... ping' pings a b 2
	ok '... TCP' tcp_copy a b 1
	refused tx_not_xfrm 1 '... next header 50 by hand' - "${raw_a[@]}" --nh 50 --hex "$(printf '00001001%060d' 1)"
	refused tx_cleartext 1 '... cleartext' - "${raw_a[@]}" --udp 7777 7777
	refused tx_ike_refused 1 '... IKE by hand' - "${raw_a[@]}" --udp 500 500 --ike
	tc -n a qdisc del dev btmm0 root
done

tc -n a qdisc add dev btmm0 clsact
ok 'a tc-bpf program on egress' tc -n a filter add dev btmm0 egress bpf bytecode '1,6 0 0 0' action ok
ok '... ping' pings a b 2
ok '... TCP' tcp_copy a b 1
refused tx_cleartext 1 '... cleartext' - "${raw_a[@]}" --udp 7777 7777
tc -n a qdisc del dev btmm0 clsact

# tc takes what comes from the LAN and puts it straight into the device: no
# netfilter hook and no policy is on that way
tc -n a qdisc add dev rl3 clsact
tc -n a filter add dev rl3 ingress protocol ipv6 flower dst_ip "$B" action mirred egress redirect dev btmm0
refused tx_cleartext 1 'cleartext redirected by tc' - "${raw_l[@]}" --udp 7777 7777
refused tx_ike_refused 1 'IKE redirected by tc' - "${raw_l[@]}" --udp 500 500 --ike
refused tx_wrong_source 1 'next header 50 redirected by tc' - "${raw_l[@]}" --nh 50 --hex "$(printf '00001001%060d' 1)"
tc -n a filter del dev rl3 ingress
tc -n a filter add dev rl3 ingress protocol ip flower ip_proto udp action mirred egress redirect dev btmm0
refused tx_cleartext 1 'IPv4 redirected by tc' - send l udp --dst 10.3.0.1 --dport 9
tc -n a qdisc del dev rl3 clsact

# --- what was seen on the wires ----------------------------------------------------
for name in a_e1 a_lan b_e2; do
	capture_end "$name"
	wire "$name" >"$TEST_OUT/$name.wire"
	is "$name: the capture saw the control packet, and no other cleartext" \
		"$(wire_leaks $name)" 'control (1)'
done
cmp_num 'a_e1 saw ESP' "$(wire_count a_e1 esp)" -gt 100
is 'a_e1 saw the one IKE message' "$(wire_count a_e1 ike)" 1
cmp_num 'b_e2 saw ESP' "$(wire_count b_e2 esp)" -gt 100
is 'a_lan saw no ESP' "$(wire_count a_lan esp)" 0

done_testing
