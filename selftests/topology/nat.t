#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each kind of NAT is what its line says, asked from behind it with two addresses and
# two ports of a public host; and what several hosts behind one see.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
need nft conntrack python3
. "$(dirname "$0")/topology.sh"
. "$(dirname "$0")/ask.sh"

topology 'internet: server' \
	'n0: h0' \
	'n1(map=any,filter=any): h1' \
	'n2(map=any,filter=address): h2' \
	'n3(map=any,filter=port,ports=random): h3' \
	'n4(map=address,filter=any): h4' \
	'n5(map=address,filter=address): h5' \
	'n6(map=address,filter=port): h6' \
	'n7(map=port,filter=any): h7' \
	'n8(map=port,filter=address): h8' \
	'n9(map=port,filter=port): h9' \
	'n10(cone,ports=random): h10 h10b' \
	'n11(restricted,hairpin): h11 h11b' \
	'n12(portrestricted,idle=2): h12' \
	'n13(symmetric): h13' \
	'n14(cone,idle=2): h14' \
	'isp(carrier):' \
	'n15 via isp: h15' \
	'n16(cone) via isp: h16' \
	'n17(public): h17' \
	'n18(cone,hairpin): h18 h18b'
one=$(addr server) two=${one%.*}.3
ip -n server addr add "$two/24" dev eth0
background nat ip netns exec server "$topo_here/nat.py" serve "$one" "$two" 3478 3479
wait_for 10 grep -q ready "$TEST_OUT/nat.log" || bail 'no server'
kind() { run_ns "$1" "$topo_here/nat.py" ask "$one" "$two" 3478 3479 "${2:-4500}" 2>&1; }

expect() { # HOST NETWORK WHAT
	is "$3" "$(kind "$1")" "$3 $(external "$2")"
}
expect h0 n0 'map=any filter=port ports=keep'
expect h1 n1 'map=any filter=any ports=keep'
expect h2 n2 'map=any filter=address ports=keep'
expect h3 n3 'map=any filter=port ports=random'
expect h4 n4 'map=address filter=any ports=random'
expect h5 n5 'map=address filter=address ports=random'
expect h6 n6 'map=address filter=port ports=random'
expect h7 n7 'map=port filter=any ports=random'
expect h8 n8 'map=port filter=address ports=random'
expect h9 n9 'map=port filter=port ports=random'
expect h10 n10 'map=any filter=any ports=random'
expect h11 n11 'map=any filter=address ports=keep'
expect h12 n12 'map=any filter=port ports=keep'
expect h13 n13 'map=port filter=port ports=random'
expect h15 isp 'map=any filter=port ports=random'
expect h16 isp 'map=any filter=port ports=random'
is 'a public network is not translated' "$(kind h17)" "map=any filter=any ports=keep $(addr h17)"

# --- several hosts behind one ----------------------------------------------------------

is 'another host gets another port' "$(kind h10b)" "map=any filter=any ports=random $(external n10)"
is 'where ports are kept, too, if its port is taken' "$(kind h11b)" \
	"map=any filter=address ports=random $(external n11)"

# seen HOST PORT: the port that others see
seen() { run_ns "$1" "$topo_here/nat.py" seen "$one" 3478 "$2"; }
a=$(seen h1 7000)
is 'a mapping lasts' "$(seen h1 7000)" "$a"
a=$(seen h10 7000) b=$(seen h10b 7000)
is 'with a random port, too' "$(seen h10 7000)" "$a"
echo_on h10 7000
ok 'a cone is open for all' asks server "$(external n10)" "$a"
fails 'a port of no mapping is not' asks server "$(external n10)" $((a ^ 1))
fails 'who does not listen does not answer' asks server "$(external n10)" "$b"
fails 'no hairpin: from inside nobody gets there' asks h10b "$(external n10)" "$a"

a=$(seen h18 7000)
echo_on h18 7000
ok 'with a hairpin they do' asks h18b "$(external n18)" "$a"
a=$(seen h11 7000)
echo_on h11 7000
fails 'a hairpin obeys the filter' asks h11b "$(external n11)" "$a"

# --- time ---------------------------------------------------------------------------------

# Two seconds may be too short for these few commands: then it is forgotten before it is
# asked, which says nothing.
echo_on h14 7000
forgotten() { ! run_ns n14 nft list map inet gw in | grep -q '7000'; }
for ((try = 0; try < 20; try++)); do
	a=$(seen h14 7000)
	if asks server "$(external n14)" "$a"; then open=yes; else open=no; fi
	[[ $open = no ]] && forgotten || break
done
is 'idle=2: at first it is open' "$open" yes
ok 'it is forgotten' wait_for 30 forgotten
fails 'then it is closed' asks server "$(external n14)" "$a"
a=$(seen h12 7000)
flow() { run_ns n12 conntrack -L -p udp --orig-port-src 7000 2>/dev/null | grep -q .; }
ok 'a kept port, too' flow
no_flow() { ! flow; }
ok 'is forgotten' wait_for 30 no_flow
done_testing
