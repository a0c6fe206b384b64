#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two gateways, one behind the other: what the inner one says and does.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
need nft natpmpc upnpc miniupnpd python3
. "$(dirname "$0")/topology.sh"
. "$(dirname "$0")/ask.sh"

topology 'internet: bob' \
	'home1(natpmp,pcp,upnp,double): h1' \
	'home2(natpmp,pcp,upnp,double,naive): h2' \
	'home3(natpmp,cgnat): h3' \
	'home4(natpmp,upnp,naive,cgnat): h4' \
	'outer(natpmp,pcp,upnp):' \
	'inner(natpmp,pcp,upnp,naive) via outer: h5' \
	'isp(carrier,hairpin):' \
	'flat1(cone) via isp: h6' \
	'flat2(cone) via isp: h7'
with() {
	run_ns "$2" "$topo_here/pcp.py" "$1" "$(gateway "$3")" "$(addr "$2")" "${4:-4500}" "${5:-0}" "${6:-600}" 2>&1
}
natpmpc_() { run_ns "$1" timeout 8 natpmpc "${@:2}" 2>&1; }
upnpc_() { run_ns "$1" timeout 20 upnpc -m eth0 "${@:2}" 2>&1; }
background nat ip netns exec bob "$topo_here/nat.py" serve "$(addr bob)" 127.0.0.1 3478 3479
wait_for 10 grep -q ready "$TEST_OUT/nat.log" || bail 'no server'
seen() { run_ns "$1" "$topo_here/nat.py" seen "$(addr bob)" 3478 "$2"; }

for n in 1 2 3 4 5 6 7; do ok "h$n reaches bob" on h$n ping -c 1 -W 5 "$(addr bob)"; done
like 'double: the inner gateway has a private address' "$(external home1)" '^10\.'
like 'cgnat: one of a carrier' "$(external home3)" '^100\.64\.'

# miniupnpd 2.3.1 maps no port, if its own address is not public
for n in 1 3; do
	like "home$n: NAT-PMP is refused" "$(with natpmp h$n home$n)" '^version=0 result=3 '
	like "home$n: natpmpc gets no address" "$(natpmpc_ h$n)" 'NETWORK *FAILURE|readnatpmpresponseorretry returned -5[0-9]|FAILED'
done
like 'home1: PCP is refused' "$(with pcp h1 home1)" '^version=2 result=[1-9]'
like 'home1: UPnP is not connected' "$(upnpc_ h1 -s)" '(not connected\?) *IGD|No valid UPNP'
is 'no mapping' "$(gw_mappings home1)$(gw_mappings home3)" ''

# others do, and say what they have
like 'naive: NAT-PMP' "$(with natpmp h2 home2)" '^version=0 result=0 .*port=4500$'
like 'naive: the address is private' "$(natpmpc_ h2)" "Public IP address : $(external home2)"
like 'naive: PCP says so, too' "$(with pcp h2 home2)" "^version=2 result=0 .*address=$(external home2)\$"
like 'naive: UPnP, too' "$(upnpc_ h2 -i -s)" "ExternalIPAddress = $(external home2)"
like 'which miniupnpc takes for not connected' "$(upnpc_ h2 -s)" 'not connected\?'
is 'naive: the mapping is there' "$(gw_mappings home2 | head -n 1)" "udp 4500 $(addr h2):4500"
like 'naive behind a carrier' "$(natpmpc_ h4)" "Public IP address : $(external home4)"
echo_on h2 4500
fails 'yet nobody gets in' asks bob "$(external home2.isp)" 4500

# both map: the outer one for the inner gateway
like 'the inner gateway maps' "$(with natpmp h5 inner)" '^version=0 result=0 .*port=4500$'
like 'the outer one is asked from the inner one' \
	"$(run_ns inner "$topo_here/pcp.py" natpmp "$(gateway outer)" "$(external inner)" 4500 4500 600)" \
	'^version=0 result=0 .*port=4500$'
echo_on h5 4500
ok 'then there is a way in' asks bob "$(external outer)" 4500

# --- a carrier's customers -----------------------------------------------------------------------

a=$(seen h6 7000)
isnt_kept() { [[ $a != 7000 ]]; }
ok 'the carrier chooses ports' isnt_kept
is 'and keeps to what it has chosen' "$(seen h6 7000)" "$a"
echo_on h6 7000
fails 'whom nobody asked is not let in' asks bob "$(external isp)" "$a"
fails 'not even a neighbour by its address outside' asks h7 "$(external isp)" "$a"
ok 'neighbours see each other by the addresses between' asks h7 "$(external flat1)" 7000
done_testing
