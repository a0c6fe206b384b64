#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Games with fragments, over IPv4 and IPv6: of what carries the tunnel (tiny, overlapping,
# never finished, atomic), and inside it, from a peer with good keys, alone and together
# with others who have its name but not its keys.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/inner.sh"
. "$(dirname "$0")/../tunnel/onpath.sh"
need python3 tcpdump nft
python3 -c 'import scapy.layers.inet6' 2>/dev/null || skip_all 'scapy is not there'

inner_begin
onpath_begin
ok 'ping' pings a b 3

mkfifo "$tap_tmp/games"
m_py fragments.py <"$tap_tmp/games" >"$TEST_OUT/games.log" 2>&1 &
add_cleanup kill $!
exec {games}>"$tap_tmp/games"
wait_for 60 grep -q ready "$TEST_OUT/games.log" || bail "$(<"$TEST_OUT/games.log")"
n_games=0
played() { [[ $(grep -c ^done "$TEST_OUT/games.log") -ge $n_games ]]; }
game() {
	echo "$*" >&"$games"
	n_games=$((n_games + 1))
	wait_for 60 played || diag "$*" "$(tail -n 3 "$TEST_OUT/games.log")"
}
from4=10.1.0.2,4500 to4=10.2.0.2,4500 from6=2001:db8:1::2,4500 to6=2001:db8:2::2,4500
heard() { peer_json b a rx_packets; }
heard_above() { [[ $(heard) -gt $1 ]]; }

# --- outside -------------------------------------------------------------------------------
# Each is played with a packet of A that B has not seen. When it is put together, it is
# what A sent, and that is authentic; when it is not, the packet itself still is.
# By IPv6 A would be elsewhere, and B follows, as that is authentic; A shall not hear of it.
run_ns r nft 'add table ip6 t; add chain ip6 t deaf { type filter hook forward priority 0; }
	add rule ip6 t deaf ip6 daddr 2001:db8:1::2 drop'
for v in 4 6; do
	declare -n from=from$v to=to$v
	[[ $v = 4 ]] && direct=("$AT_A" "$AT_B") || direct=('[2001:db8:1::2]:4500' '[2001:db8:2::2]:4500')
	for what in whole reversed twice tiny teardrop header atomic; do
		hold 1
		n=$(heard)
		game $what $v "$from" "$to" "$cap@-1"
		ok "IPv$v, $what: put together, it is authentic" wait_for 10 heard_above "$n"
		m=$(counter b rx_esp_refused)
		mallory "${direct[@]}" "$cap@-1"
		at_least "IPv$v, $what: that was the packet itself" b rx_esp_refused "$m" 1
	done
	for what in overlap beyond twolasts; do
		hold 1
		n=$(heard) m=$(counter b rx_esp_refused)
		game $what $v "$from" "$to" "$cap@-1"
		mallory "${direct[@]}" "$cap@-1"
		ok "IPv$v, $what: the packet itself still is new" wait_for 10 heard_above "$n"
		is "IPv$v, $what: nothing was made of the pieces" "$(($(counter b rx_esp_refused) - m)) $(heard)" "0 $((n + 1))"
	done
	run_ns b btmm-ctl peer set "$A" endpoint "$AT_A"

	[[ $v = 4 ]] && stat=(sockstat FRAG) || stat=(sockstat6 FRAG6)
	# shellcheck disable=SC2016
	memory() { run_ns b awk -v n="${stat[1]}:" '$1 == n { print $5 }' "/proc/net/${stat[0]}"; }
	game unfinished $v "${from/4500/9}" "$to" 4000
	diag "IPv$v: 4000 that are never finished: $(run_ns b grep FRAG "/proc/net/${stat[0]}")"
	cmp_num "IPv$v: what is never finished takes bounded memory" "$(memory)" -le $((5 << 20))
	cmp_num "IPv$v: but some of it waits" "$(memory)" -gt $((256 << 10))
	MOVES="0 $(counter b endpoint_moves)" harmless "IPv$v: games with fragments"
done
run_ns b sysctl -qw net.ipv4.ipfrag_time=1 net.ipv6.ip6frag_time=1

# --- inside ----------------------------------------------------------------------------------
MOVES="0 $(counter b endpoint_moves)"
evil "frag:[$B]>[$A]:11:0:1:two-halves" "frag:[$B]>[$A]:11:64:0:two-halves"
ok 'a datagram in two, through the tunnel, comes' wait_for 10 has_received in-a two-halves
evil "atomic:[$B]>[$A]:atomic-inside"
ok 'an atomic fragment comes' wait_for 10 has_received in-a atomic-inside
evil "frag:[$B]>[$A]:12:0:1:EVIL" "frag:[$B]>[$A]:12:56:0:EVIL" "frag:[$B]>[$A]:12:64:0:EVIL"
evil "udp:[$B]>[$A]:after-overlap"
wait_for 10 has_received in-a after-overlap
is 'overlapping ones do not' "$(received_anywhere EVIL)" 0

# Half of it in the clear, in b's name, before and after the other half
half() {
	python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import esp
print(esp.fragment(*sys.argv[2:4], *(int(x) for x in sys.argv[4:7]), "EVIL")[40:].hex())' \
		"$attacks" "$B" "$A" "$@"
}
n=$(counter a rx_native)
evil "frag:[$B]>[$A]:13:0:1:EVIL"
send l raw6 --src "$B" --dst "$A" --nh 44 --hex "$(half 13 64 0)" >/dev/null
send l raw6 --src "$B" --dst "$A" --nh 44 --hex "$(half 14 0 1)" >/dev/null
evil "frag:[$B]>[$A]:14:64:0:EVIL"
at_least 'half of a datagram in the clear is dropped' a rx_native "$n" 2

# Half of it by another peer, who has good keys and takes b's name
n=$(counter a rx_wrong_source)
evil "frag:[$B]>[$A]:15:0:1:EVIL"
as_c "frag:[$B]>[$A]:15:64:0:EVIL" "frag:[$B]>[$A]:16:0:1:EVIL"
evil "frag:[$B]>[$A]:16:64:0:EVIL"
at_least 'half of a datagram by another peer is dropped' a rx_wrong_source "$n" 2
# all of it by the other peer
as_c "frag:[$B]>[$A]:17:0:1:EVIL" "frag:[$B]>[$A]:17:64:0:EVIL"
at_least 'so is all of it' a rx_wrong_source "$n" 4
evil "udp:[$B]>[$A]:after-halves"
ok 'what b sends comes' wait_for 10 has_received in-a after-halves
is 'nothing was put together of different hands' "$(received_anywhere EVIL)" 0

list=()
for ((i = 1000; i < 3500; i++)); do list+=("frag:[$B]>[$A]:$i:0:1:unfinished"); done
evil "${list[@]}"
# shellcheck disable=SC2016
inner_memory() { run_ns a awk '$1 == "FRAG6:" { print $5 }' /proc/net/sockstat6; }
cmp_num "2500 halves inside take bounded memory ($(inner_memory))" "$(inner_memory)" -le $((5 << 20))
harmless 'games inside'

capture_end fromA
done_testing
