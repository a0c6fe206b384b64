#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A connection between two hosts by name survives that the one and then the other moves
# to another network, without IKE; when both move at once, they find each other by DNS.
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
need tcpdump
demo=$(dirname "$0")/../demo
MIB=8
way=delay=5,rate=10mbit

topology 'internet: server resolver' "home1(natpmp,$way): alice" "home2(upnp,$way):" \
	"home3(natpmp,$way): bob" "home4(pcp,$way):" "home5(portrestricted,$way):"
account_make server resolver alice alice bob
watch_internet
host_start alice bob
ok 'both are there' wait_for 40 reach_all alice bob || trouble alice bob
listen_to alice bob

# told HOST OTHER NETWORK SINCE: HOST's kernel has it, by itself or because of DNS
told() { event_since "$1" "endpoint $(external "$3"):" "$4" || [[ -n $(said_at "$1" "$(fqdn "$2") moved.* $(external "$3") " "$4") ]]; }
published() { [[ -n $(said_at "$1" 'published for' "$2") ]]; }
# moved HOST NETWORK OTHER: and OTHER's kernel knows
moved() {
	local h=$1 net=$2 other=$3 at
	at=$(now_s)
	move "$h" "$net"
	ok "$other's kernel knows where $h is" wait_for 10 told "$other" "$h" "$net" "$at" || trouble alice bob
	wait_for 5 published "$h" "$at"
	diag "ms after $h was in $net: published $(said_at "$h" 'published for' "$at")," \
		"heard of in DNS $(said_at "$other" "$(fqdn "$h") moved" "$at")," \
		"learnt by $other's kernel $(event_at "$other" "endpoint $(external "$net"):" "$at")," \
		"of which $(awk -v a="$at" -v b="$TOPO_PLUGGED" 'BEGIN { print int((b - a) * 1000) }') without a cable"
}
transfer_ends() { wait_for 60 test -e "$tap_tmp/got"; }
checksums() {
	is 'all octets are there' "$(jq -r .sha256 "$tap_tmp/got")" "$(jq -r .sha256 "$tap_tmp/sent")"
	diag "$(jq .bytes "$tap_tmp/got") octets in $(jq '.seconds|floor' "$tap_tmp/got") s, longest stalls $(
		jq -c '[.gaps[:3][].ms]' "$tap_tmp/got") ms"
}

# --- the client, then the server ---------------------------------------------------------

ok 'who has called has done so' wait_for 30 calls_over alice bob
sas_of() { { ip -n alice xfrm state; ip -n bob xfrm state; } | sed -n 's/.*proto esp \(spi [^ ]*\).*/\1/p' | sort; }
on bob "$demo/transfer" serve "$(ula bob)" 8080 $MIB "$tap_tmp/sent" >"$TEST_OUT/serve.log" 2>&1 &
add_cleanup kill $!
wait_for 30 eval 'run_ns bob ss -Hltn "sport = 8080" | grep -q .'
on alice "$demo/transfer" fetch "$(fqdn bob)" 8080 $MIB "$tap_tmp/progress" "$tap_tmp/got" >"$TEST_OUT/fetch.log" 2>&1 &
add_cleanup kill $!
ok 'alice downloads from bob' wait_for 30 test -e "$tap_tmp/progress.1"
before=$(sas_of)
from=$(now_s)
moved alice home2 bob
ok 'it goes on' wait_for 60 test -e "$tap_tmp/progress.2"
moved bob home4 alice
ok 'to its end' transfer_ends
to=$(now_s)
checksums
is 'no SA is new' "$(comm -13 <(echo "$before") <(sas_of))" ''
ok 'alice is mapped anew' wait_for 10 eval '[[ -n $(gw_mappings home2) ]]'
ok 'bob is' wait_for 10 eval '[[ -n $(gw_mappings home4) ]]'
is "alice's kernel" "$(endpoint alice bob)" "$(external home4):4500"
is "bob's kernel" "$(endpoint bob alice)" "$(external home2):4500"

# --- both at the same time ---------------------------------------------------------------

detach alice
detach bob
attach alice home3
attach bob home1
at=$(now_s)
ok 'both moved: they find each other' wait_for 30 pings alice bob || trouble alice bob
diag "after $(awk -v a="$at" -v b="$(now_s)" 'BEGIN { print int((b - a) * 1000) }') ms"
ok 'in both directions' wait_for 10 pings bob alice
is 'with the same SAs' "$(comm -13 <(echo "$before") <(sas_of))" ''
both=$(now_s)

# --- to where nothing is mapped -----------------------------------------------------------

moved alice home5 bob
ok 'behind a NAT that maps nothing' pings bob alice 3
ok 'a connection' echoes alice bob
ok 'and another' echoes bob alice

ok 'the capture is complete' watch_end
is 'no IKE during the moves' "$(seen_between "$from" "$to" "$IKE_FILTER")" 0
is 'nor when both moved' "$(seen_between "$to" "$both" "$IKE_FILTER")" 0
cmp_num 'which the capture would have seen' "$(seen "$IKE_FILTER")" -ge 4
host_stop alice bob
# What was mapped before a cable was pulled could not be taken back.
ok 'no mapping is left' wait_for 5 eval '[[ $(gw_mappings home1) != *$(addr bob):* ]]'
done_testing
