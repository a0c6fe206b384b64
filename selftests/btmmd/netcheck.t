#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btmm-ctl netcheck says of each kind of network what it is.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"

topology 'internet: server other resolver' 'home1(upnp,double): alice' 'home2(udp=blocked): carol' \
	'home3(symmetric): dave' 'home4(cone,pcp): erin'
account_make server resolver alice alice carol dave erin
# Another one that answers STUN, for whom the kind of NAT is asked
server_setup other other.example.com
for h in dave erin; do
	on $h tee /etc/btmm/btmmd.conf >/dev/null <<-EOF
		[nat]
		stun-server = $(addr server):53 $(addr other):53
	EOF
done
for h in alice carol dave erin; do btmmd_start $h; done

check() { on "$1" btmm-ctl --json netcheck | jq -r "$2"; }
says() { [[ $(check "$1" "$2") = "$3" ]]; }
# tells HOST REGEX DESC: for people
tells() {
	local text
	text=$(on "$1" btmm-ctl netcheck 2>&1)
	like "$3" "$text" "$2" || diag "$text"
}
what='.[0]|.mapping.verdict + " " + .udp + " " + .stun.mapping'
ok 'a NAT behind another' wait_for 30 says alice "$what" 'double-nat passes unknown'
tells alice 'nat +two, one behind the other' 'is told'
ok 'UDP blocked' wait_for 30 says carol '.[0]|.udp + " " + (.servers[0].reached|tostring)' \
	'blocked true'
tells carol 'udp +blocked: the server is reached by TCP' 'is told'
ok 'another port for each destination' wait_for 30 says dave "$what" 'closed-nat passes dependent'
tells dave 'nat +one; another port for each destination' 'is told'
ok 'the same for all, and PCP' wait_for 30 says erin "$what" 'nat passes independent'
tells erin "pcp +maps $(external home4):4500" 'is told'
t=$(now_ms)
on carol btmm-ctl netcheck >/dev/null 2>"$TEST_OUT/progress"
diag "where UDP is blocked: $(($(now_ms) - t)) ms"
like 'progress is told where it takes long' "$(<"$TEST_OUT/progress")" 'asking gateways and servers'
on alice ip link set eth0 down
ok 'no network' wait_for 10 says alice '.[0].network|tostring' false
tells alice 'network +none' 'is told'
done_testing
