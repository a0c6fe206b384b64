#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gateways that say nothing of what happens to them: a reboot, a port that is somebody
# else's afterwards, that is denied, a mapping that somebody deleted, no port for us. What is
# published follows, and is reached. ([nat] refresh is 5 s here, else 2 min.)
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway.sh"

topology 'internet: server resolver bob' 'home1(natpmp): alice anna' 'home2(pcp): carol cleo' \
	'home3(upnp): dave dora'
HOME_OF=([alice]=home1 [carol]=home2 [dave]=home3)
NEIGHBOUR=([1]=anna [2]=cleo [3]=dora)
VIA=([1]=natpmp [2]=pcp)
account_make server resolver bob bob alice carol dave
gateway_begin
hosts='alice carol dave'
for h in $hosts; do refresh_of $h 5s; done
# shellcheck disable=SC2086
host_start bob $hosts
reach_bob() { local h; for h in $hosts; do pings bob $h || return; done; }
ok 'bob reaches all by name' wait_for 40 reach_bob || trouble bob alice carol dave
all_right() { local h; for h in $hosts; do is_right $h "$1" 20; done; }
all_right 4500
for n in 1 2 3; do gw_hush home$n; done

# --- deleted by somebody else --------------------------------------------------------------

igd=http://$(gateway home3):5000/rootDesc.xml
run_ns alice "$topo_here/pcp.py" natpmp "$(gateway home1)" "$(addr alice)" 4500 0 0 >"$TEST_OUT/deleted" 2>&1
# PCP's nonce is a secret; but a firewall's script that loads its own rules needs none.
run_ns home2 nft 'flush chain inet gw miniupnpd; flush chain inet gw prerouting_miniupnpd
	flush chain inet gw postrouting_miniupnpd'
run_ns dave timeout 20 upnpc -u "$igd" -d 4500 UDP >>"$TEST_OUT/deleted" 2>&1
all_right 4500
like 'they were deleted' "$(<"$TEST_OUT/deleted")" 'result=0 .*UPNP_DeletePortMapping\(\) returned : 0'

# --- a reboot, after which a neighbour is quicker ----------------------------------------

# neighbour_maps N: gets 4500 for itself
neighbour_maps() {
	local h=${NEIGHBOUR[$1]}
	if [[ $1 = 3 ]]; then
		run_ns $h timeout 20 upnpc -u "$igd" -a "$(addr $h)" 4500 4500 UDP 600
	else
		run_ns $h "$topo_here/pcp.py" "${VIA[$1]}" "$(gateway home$1)" "$(addr $h)" 4500 4500 600
	fi
}
n=1
for h in $hosts; do
	gw_hush home$n $h
	gw_reboot home$n
	neighbour_maps $n >"$TEST_OUT/neighbour.$n" 2>&1
	like "home$n: a neighbour has the port" "$(gw_mappings home$n)" "^udp 4500 $(addr ${NEIGHBOUR[$n]}):4500\$"
	gw_hush home$n
	n=$((n + 1))
done
# What they send leaves by 4500 still, and STUN says so; but that is the neighbour's.
all_right 4501

# --- a port that is not given any more ---------------------------------------------------

for n in 1 2 3; do gw_deny home$n 4501; done
all_right 4502

# --- killed, and started again -----------------------------------------------------------

# 4500 is free now. Who asked for it would leave a mapping behind.
run_ns anna "$topo_here/pcp.py" natpmp "$(gateway home1)" "$(addr anna)" 4500 0 0 >/dev/null 2>&1
run_ns cleo "$topo_here/pcp.py" pcp "$(gateway home2)" "$(addr cleo)" 4500 4500 0 >/dev/null 2>&1
run_ns dora timeout 20 upnpc -u "$igd" -d 4500 UDP >/dev/null 2>&1
again() { [[ -n $(said_at "$1" 'as its gateway says$' "$at") ]]; }
at=$EPOCHREALTIME
for h in $hosts; do
	is "$h: the neighbour's port is free" "$(gw_mappings "${HOME_OF[$h]}")" "udp 4502 $(addr $h):4500"
	btmmd_stop $h KILL
	btmmd_start $h
done
for h in $hosts; do
	ok "$h: killed, and started again" wait_for 20 again $h || trouble $h
	is 'the same port is used, and no other' "$(gw_mappings "${HOME_OF[$h]}")" "udp 4502 $(addr $h):4500"
	is_right $h 4502
done

# --- none is given -----------------------------------------------------------------------

for n in 1 2 3; do gw_deny home$n; done
observed() { [[ -z $(mapping "$1") ]] && says "$1" 'as a server sees it$' && published_is "$1" "$(external "${HOME_OF[$1]}"):4500"; }
says() { [[ $(grep 'is reached at' "$TEST_OUT/btmmd.$1.log" | tail -n 1) =~ $2 ]]; }
for h in $hosts; do
	ok "$h is refused: what STUN sees is published" wait_for 20 observed $h || trouble $h
	ok 'it reaches others' pings $h bob 3
	ok 'and is reached by whom it sends to' wait_for 5 pings bob $h
done
for n in 1 2 3; do gw_allow home$n; done
# Who refuses is not asked again for half an hour, unless somebody wants to know.
for h in $hosts; do
	on $h btmm-ctl netcheck >"$TEST_OUT/netcheck.$h" 2>&1
	ok "$h is allowed again" wait_for 10 eval "[[ -n \$(mapping $h) ]]" || trouble $h
	is_right $h "$(mapping $h)" 10
done

# --- the end -----------------------------------------------------------------------------

# shellcheck disable=SC2086
host_stop $hosts
mappings_of() { gw_mappings "${HOME_OF[$1]}" | grep "$(addr "$1")"; }
for h in $hosts; do ok "no mapping of $h is left" wait_for 5 eval "[[ -z \$(mappings_of $h) ]]"; done
done_testing
