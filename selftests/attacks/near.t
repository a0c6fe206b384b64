#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who sits on the same wire: frames with our own address as their source, with such as
# nobody can have, to broadcast and multicast; genuine ESP with such sources; ESP by plain
# IPv6; router advertisements that want the ULAs' traffic. With and without GRO.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/../tunnel/onpath.sh"
need tcpdump python3 nft

net_pair keepalive off
attacker
sa_pair
onpath_begin
ok 'ping' pings a b 3
run_ns b sysctl -qw net.ipv4.conf.all.log_martians=0
capture out r rb2 -Q in "src host 10.2.0.2 or src host 2001:db8:2::2 or host $A or host $B"

# The wire of b is the router's rb2. frame MAC SOURCE TARGET PAYLOAD...: as raw.py has them
mac=$(ip -n b -j link show e2 | jq -r '.[0].address')
frame() { run_ns r "$attacks/frame.py" rb2 "$@"; }
# sent_by_b FILTER: what B has said
sent_by_b() { packets_in out "$@"; }
home() { run_ns b btmm-ctl peer set "$A" endpoint "$AT_A"; }

sources=(10.2.0.2 127.0.0.1 0.0.0.0 255.255.255.255 224.0.0.1 10.2.0.255)
sources6=(::1 ff02::1 :: 2001:db8:2::2)
everything=(keepalive 0000000500000000 000100002112a442000102030405060708090a0b ike:200
	"esp:$SPI_AB:77777:100" "esp:0xc1234567:1:100")

for way in normal GRO; do
	[[ $way = normal ]] || net_gro
	# --- nothing authentic -----------------------------------------------------------------
	for s in "${sources[@]}"; do frame "$mac" "$s:4500" "$AT_B" "${everything[@]}"; done
	for s in "${sources6[@]}"; do frame "$mac" "[$s]:4500" '[2001:db8:2::2]:4500' "${everything[@]}"; done
	for t in 10.2.0.255 255.255.255.255 224.0.0.1; do
		frame ff:ff:ff:ff:ff:ff 10.2.0.9:4500 "$t:4500" "${everything[@]}"
		frame "$mac" 10.2.0.9:4500 "$t:4500" "${everything[@]}"
	done
	frame 33:33:00:00:00:01 '[2001:db8:2::9]:4500' '[ff02::1]:4500' "${everything[@]}"
	frame "$mac" '[2001:db8:2::9]:4500' '[ff02::1]:4500' "${everything[@]}"
	harmless "$way: sources and destinations that are none"
	is "$way: B has answered nothing but the pings" "$(sent_by_b 'udp and not dst host 10.1.0.2')" 0

	# --- what is authentic, from where nobody can be: kept back on its way -----------------------
	for s in "${sources[@]}"; do
		hold 1
		home
		frame "$mac" "$s:4500" "$AT_B" "$cap@-1"
		is "$way: genuine ESP from $s: B looks for nobody there" "$(endpoint b a)" "$AT_A"
	done
	for s in "${sources6[@]}"; do
		hold 1
		home
		frame "$mac" "[$s]:4500" '[2001:db8:2::2]:4500' "$cap@-1"
		is "$way: genuine ESP from $s: B looks for nobody there" "$(endpoint b a)" "$AT_A"
	done
	hold 1
	home
	frame "$mac" 10.1.0.2:0 "$AT_B" "$cap@-1"
	is "$way: nor at port 0" "$(endpoint b a)" "$AT_A"
	# to a broadcast: whatever becomes of it, B answers as itself
	for t in 10.2.0.255 255.255.255.255 224.0.0.1; do
		hold 1
		frame ff:ff:ff:ff:ff:ff "$AT_A" "$t:4500" "$cap@-1"
		ok "$way: after genuine ESP to $t: ping" pings b a 1
		is "$way: ... A is where it was" "$(endpoint b a)" "$AT_A"
	done
	is "$way: B never was somebody else, nor spoke to all" \
		"$(sent_by_b 'udp and (dst net 224.0.0.0/3 or dst net 127.0.0.0/8 or dst net 0.0.0.0/8 or dst host 10.2.0.255)')" 0
	MOVES="0 $(counter b endpoint_moves)" harmless "$way: genuine ESP by wrong ways"
done

# --- ESP without UDP, over plain IPv6, to the ULA --------------------------------------------------
# It is authentic, and decrypted; but what was in it comes by the wrong interface.
run_ns r ip -6 route replace "$B/128" via 2001:db8:2::2 dev rb2
hold 1
n=$(counter b rx_native) before=$(peer_json b a rx_packets)
run_ns r "$attacks/frame.py" rb2 "$mac" "esp6:2001:db8:2::9" "$B" "$cap@-1"
at_least 'genuine ESP over plain IPv6: what was in it is dropped' b rx_native "$n" 1
is '... and moves nothing, nor does it count as heard' "$(endpoint b a) $(peer_json b a rx_packets)" "$AT_A $before"
# Where ESP is decrypted in GRO (esp6_offload), one of a known SPI meets XFRM first.
refusals() { echo $(($(counter b rx_native) + $(xfrm_stat b XfrmInStateProtoError))); }
n=$(refusals)
run_ns r "$attacks/frame.py" rb2 "$mac" "esp6:$A" "$B" "esp:0xc1234567:1:100" "esp:$SPI_AB:9999:100"
both_refused() { [[ $(refusals) -ge $((n + 2)) ]]; }
ok 'made-up ESP over plain IPv6, in the name of A, is dropped' wait_for 10 both_refused
MOVES="0 $(counter b endpoint_moves)" harmless 'ESP over plain IPv6'

# --- the way to the peers' ULAs ------------------------------------------------------------------
# A router advertisement makes itself the way to fd00:a::/64 and, preferred, to A's /128.
advertise() { run_ns r "$attacks/frame.py" rb2 "$mac" ra fd00:a:: fd00:a::1; }
way_to_a() { ip -n b -j -6 route get "$A" from "$B" | jq -r '.[0].dev'; }
learnt() { ip -n b -6 route show | grep -q "^$1 .*dev e2"; }
run_ns b sysctl -qw net.ipv6.conf.e2.accept_ra=2
advertise
ok 'an advertisement that wants the ULAs is taken by the kernel' wait_for 10 learnt fd00:a::/64
is 'what is for A goes into the tunnel as before' "$(way_to_a)" btmm0
harmless 'an advertisement'
# A host that is told to take routes to single addresses takes it; ours has a lower metric.
run_ns b sysctl -qw net.ipv6.conf.e2.accept_ra_rt_info_max_plen=128
advertise
ok 'one that takes routes to single addresses takes that, too' wait_for 10 learnt "$A"
is 'what is for A goes into the tunnel all the same' "$(way_to_a)" btmm0
is '... by the route that is ours' "$(ip -n b -j -6 route get "$A" from "$B" | jq '.[0].metric')" 64
ok '... and arrives' pings b a 2
send b udp --src "$B" --dst "$A" --data CANARY-astray >/dev/null
is 'nothing of our ULA was sent in the clear' "$(sent_by_b "ip6 and src host $B and not ip6 proto 50")" 0
# Without ours there would be theirs: the advertisement was worth something.
ip -n b -6 route del "$A/128" dev btmm0
is 'without our route it would go there' "$(way_to_a)" e2

capture_end fromA
capture_end out
done_testing
