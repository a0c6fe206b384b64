#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Hosts of a topology carry the tunnel and charon: one behind a NAT with a mapped port,
# one in public; each calls the other first.
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
need natpmpc miniupnpd charon-systemd swanctl jq
. "$(dirname "$0")/topology.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/../tunnel/charon.sh"

modprobe autotunnel || bail 'the module does not load'
topology 'internet(delay=5): bob' 'home1(natpmp,delay=5): alice' 'home2(symmetric): carol'
ULA=([alice]=fd00:a::1 [bob]=fd00:b::1 [carol]=fd00:c::1)
mapped=$(on alice natpmpc -a 4500 4500 udp 600)
like 'alice has a mapped port' "$mapped" 'Mapped public port 4500 '
for h in alice bob carol; do tunnel $h; done
peer alice bob endpoint "$(addr bob):4500"
peer bob alice endpoint "$(external home1):4500"
peer carol alice endpoint "$(external home1):4500"
peer alice carol
for h in bob carol; do
	charon_conf $h alice
	charon_conf alice $h
done
charon_up alice bob carol

ok 'bob calls alice by her mapped port' run_ns bob ping -6 -c 1 -W 20 "${ULA[alice]}"
ok 'alice answers him and goes on' run_ns alice ping -6 -c 3 -i 0.2 -W 5 "${ULA[bob]}"
# The module asks who calls from a place that nobody knows (see ike-nat.t).
# shellcheck disable=SC2016
start alice answers bash -c 'btmm-ctl --json monitor | while read -r event; do
	[[ $event = *\"event\":\"ike\"* && $event =~ \"hold\":\"?([0-9]+) ]] || { echo "$event"; continue; }
	btmm-ctl ike answer "${BASH_REMATCH[1]}" "$0" dev btmm0
done' "${ULA[carol]}"
wait_for 10 grep -q listening "$TEST_OUT/answers.log"
ok 'carol calls alice from behind a symmetric NAT' run_ns carol ping -6 -c 1 -W 20 "${ULA[alice]}"
like 'alice learns where she seems to be' "$(endpoint alice carol)" "^$(external home2):[0-9]+\$"
ok 'alice to carol' run_ns alice ping -6 -c 3 -i 0.2 -W 5 "${ULA[carol]}"
move carol internet
ok 'carol moves, and says a word' run_ns carol ping -6 -c 1 -W 5 "${ULA[alice]}"
ok 'alice finds her' wait_for 5 endpoint_is alice carol "$(addr carol):4500"
ok 'alice to carol, there' run_ns alice ping -6 -c 3 -i 0.2 -W 5 "${ULA[carol]}"
done_testing
