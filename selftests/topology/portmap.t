#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gateways offer what their line says and nothing else, and mapped ports work: asked by
# natpmpc, upnpc and octet by octet.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
need nft natpmpc upnpc miniupnpd python3
. "$(dirname "$0")/topology.sh"
. "$(dirname "$0")/ask.sh"

topology 'internet: bob' \
	'none: h0' \
	'natpmp(natpmp): h1' \
	'pcp(pcp): h2' \
	'both(natpmp,pcp): h3' \
	'upnp(upnp): h4' \
	'igd(igd1): h5' \
	'all(natpmp,pcp,upnp): h6 h6b' \
	'mutea(natpmp,mute): h7' \
	'muteb(pcp,mute): h8' \
	'short(natpmp,pcp,lifetime=3): h9'

# with PROTOCOL HOST NETWORK [INTERNAL [EXTERNAL [LIFETIME]]]
with() {
	run_ns "$2" "$topo_here/pcp.py" "$1" "$(gateway "$3")" "$(addr "$2")" "${4:-4500}" "${5:-0}" "${6:-600}" 2>&1
}
natpmpc_() { run_ns "$1" timeout 8 natpmpc "${@:2}" 2>&1; }
upnpc_() { run_ns "$1" timeout 20 upnpc -m eth0 "${@:2}" 2>&1; }

# --- what is offered -------------------------------------------------------------------------

offers() { # HOST NETWORK NATPMP PCP UPNP
	local h=$1 net=$2 answer
	like "$net: NAT-PMP" "$(with natpmp "$h" "$net")" "$3"
	like "$net: PCP" "$(with pcp "$h" "$net")" "$4"
	like "$net: UPnP" "$(upnpc_ "$h" -s)" "$5"
}
pmp_yes='^version=0 result=0 .*port=4500$'
pmp_no='^version=0 result=1 '
pcp_yes='^version=2 result=0 .*port=4500 address='
pcp_no='^version=2 result=1 '
upnp_no='No IGD UPnP Device found'
offers h0 none '(no answer|refused)' '(no answer|refused)' "$upnp_no"
offers h1 natpmp "$pmp_yes" "$pmp_no" "$upnp_no"
offers h2 pcp "$pcp_no" "$pcp_yes$(external pcp)\$" "$upnp_no"
offers h3 both "$pmp_yes" "$pcp_yes$(external both)\$" "$upnp_no"
offers h4 upnp '(no answer|refused)' '(no answer|refused)' "ExternalIPAddress = $(external upnp)"
offers h5 igd '(no answer|refused)' '(no answer|refused)' "ExternalIPAddress = $(external igd)"
offers h6 all "$pmp_yes" "$pcp_yes$(external all)\$" "ExternalIPAddress = $(external all)"
offers h7 mutea "$pmp_yes" '^no answer$' "$upnp_no"
offers h8 muteb '^no answer$' "$pcp_yes$(external muteb)\$" "$upnp_no"
version() { run_ns "$1" curl -s "http://$(gateway "$2"):5000/rootDesc.xml" | grep -o 'InternetGatewayDevice:[0-9]'; }
is 'upnp is IGD 2' "$(version h4 upnp)" InternetGatewayDevice:2
is 'igd1 is IGD 1' "$(version h5 igd)" InternetGatewayDevice:1

# --- what mapped ports do ----------------------------------------------------------------------

is 'the kernel has the mapping' "$(gw_mappings natpmp)" "udp 4500 $(addr h1):4500"
echo_on h1 4500
ok 'a mapped port is open for all' asks bob "$(external natpmp)" 4500
like 'natpmpc gets another' "$(natpmpc_ h1 -a 5001 5001 udp 600)" 'Mapped public port 5001 .* liftime 600'
like 'and knows the address' "$(natpmpc_ h1)" "Public IP address : $(external natpmp)"
ok 'natpmpc takes the first away' natpmpc_ h1 -a 0 4500 udp 0
is 'one is left' "$(gw_mappings natpmp)" "udp 5001 $(addr h1):5001"
fails 'it is closed' asks bob "$(external natpmp)" 4500

echo_on h2 4500
ok 'PCP: it is open' asks bob "$(external pcp)" 4500
like 'PCP takes it away' "$(with pcp h2 pcp 4500 0 0)" '^version=2 result=0 '
is 'nothing is left' "$(gw_mappings pcp)" ''
fails 'it is closed' asks bob "$(external pcp)" 4500

for n in 4 5; do
	net=upnp
	[[ $n = 5 ]] && net=igd
	echo_on h$n 4500
	like "$net: upnpc gets a port" "$(upnpc_ h$n -e btmm -a "$(addr h$n)" 4500 4600 UDP 600)" \
		"external $(external $net):4600 UDP is redirected to internal $(addr h$n):4500"
	is "$net: the kernel has the mapping" "$(gw_mappings $net)" "udp 4600 $(addr h$n):4500"
	ok "$net: it is open" asks bob "$(external $net)" 4600
	like "$net: it is listed" "$(upnpc_ h$n -l)" "UDP +4600->$(addr h$n):4500"
	ok "$net: upnpc takes it away" upnpc_ h$n -d 4600 UDP
	is "$net: nothing is left" "$(gw_mappings $net)" ''
done

unlike 'nobody gets the port of another' "$(with pcp h6b all 4500 4500)" 'port=4500 '
like 'secure mode: nor a port for another' "$(upnpc_ h6b -a "$(addr h6)" 4500 4700 UDP 600)" 'failed with code'

# What miniupnpd with nftables does not do: what is sent from the mapped port leaves by
# the port that masquerading gives it.
like 'a mapping to another port' "$(with pcp h3 both 6000 6100)" 'port=6100 '
background nat ip netns exec bob "$topo_here/nat.py" serve "$(addr bob)" 127.0.0.1 3478 3479
wait_for 10 grep -q ready "$TEST_OUT/nat.log" || bail 'no server'
is 'is not how it looks from outside' "$(run_ns h3 "$topo_here/nat.py" seen "$(addr bob)" 3478 6000)" 6000

# --- time ----------------------------------------------------------------------------------------

like 'NAT-PMP: no longer than the gateway likes' "$(with natpmp h9 short)" 'lifetime=3 port=4500$'
like 'PCP: the same' "$(with pcp h9 short 4501)" 'lifetime=3 port=4501 '
cmp_num 'both are there' "$(gw_mappings short | wc -l)" -eq 2
none_left() { [[ -z $(gw_mappings short) ]]; }
ok 'both end with their time' wait_for 30 none_left
done_testing
