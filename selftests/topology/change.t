#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens to hosts and gateways: moves, reboots, new addresses, ports that are
# given no more, cables that are cut.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
need nft natpmpc upnpc miniupnpd python3
. "$(dirname "$0")/topology.sh"
. "$(dirname "$0")/ask.sh"

topology 'internet: bob' 'home1(natpmp,pcp): alice' 'home2(upnp): carol' 'home3(cone,cgnat): dave'
with() {
	run_ns "$2" "$topo_here/pcp.py" "$1" "$(gateway "$3")" "$(addr "$2")" "${4:-4500}" "${5:-0}" "${6:-600}" 2>&1
}
upnpc_() { run_ns "$1" timeout 20 upnpc -m eth0 "${@:2}" 2>&1; }
reaches() { run_ns "$1" ping -c 1 -W 5 -q "$2"; }

# --- moves -----------------------------------------------------------------------------------

mac=$(on alice cat /sys/class/net/eth0/address)
echo_on alice 4500
before=$(with natpmp alice home1)
like 'at home' "$before" 'result=0 .*port=4500$'
ok 'she is reached by her mapped port' asks bob "$(external home1)" 4500
background monitor ip -n alice monitor link address route
wait_for 10 test -e "$TEST_OUT/monitor.log"
move alice home2
is 'after a move she has an address of that network' "$(addr alice)" 192.168.3.11
is 'and no other' "$(ip -n alice -4 -br addr show dev eth0 | awk '{ print $3 " " $4 }')" "$(addr alice)/24 "
is 'the device is the same' "$(on alice cat /sys/class/net/eth0/address)" "$mac"
ok 'bob is reached' reaches alice "$(addr bob)"
ok 'so is her neighbour' reaches alice "$(addr carol)"
fails 'at home nobody answers' asks bob "$(external home1)" 4500
like 'the carrier was seen to go' "$(<"$TEST_OUT/monitor.log")" 'NO-CARRIER'
move alice internet
a=$(addr alice)
like 'in public' "$a" '^22\.0\.'
ok 'she is reached' asks bob "$a" 4500
move alice internet
unlike 'each time another address' "$(addr alice)" "^$a\$"
ok 'she is reached there' asks bob "$(addr alice)" 4500
fails 'and there no more' asks bob "$a" 4500
move alice home1
ok 'back again: bob is reached' reaches alice "$(addr bob)"
attach alice home2 wlan0
is 'a second device' "$(on alice ip -br link show dev wlan0 | awk '{ print $2 }')" UP
detach alice
is 'a cable pulled' "$(ip -n alice -4 route show dev eth0)" ''
ok 'the other device goes on' reaches alice "$(addr bob)"
attach alice home1
detach alice wlan0

# --- gateways ----------------------------------------------------------------------------------

with natpmp alice home1 >/dev/null
epoch() { granted epoch "$(with natpmp "$1" "$2")"; }
cmp_num 'a gateway is old' "$(epoch alice home1)" -gt 86000
gw_reboot home1
is 'a reboot: its mappings are lost' "$(gw_mappings home1)" ''
cmp_num 'its epoch begins again' "$(epoch alice home1)" -lt 100
ok 'all works again' reaches alice "$(addr bob)"
ok 'mapped ports, too' asks bob "$(external home1)" 4500

gw_off home1
fails 'off' run_ns alice ping -c 1 -W 1 "$(addr bob)"
gw_on home1
ok 'on' reaches alice "$(addr bob)"

with natpmp alice home1 >/dev/null
background hear ip netns exec alice "$topo_here/pcp.py" hear 300
wait_for 20 grep -q listening "$TEST_OUT/hear.log"
old=$(external home1)
gw_renumber home1
unlike 'another address outside' "$(external home1)" "^$old\$"
announced() { grep -q "address=$(external home1)" "$TEST_OUT/hear.log"; }
ok 'it is announced' wait_for 10 announced || diag_file "$TEST_OUT/hear.log"
ok 'mapped ports go on by the new one' asks bob "$(external home1)" 4500
fails 'not by the old one' asks bob "$old" 4500
gw_renumber home3.isp
ok 'a carrier can, too' reaches dave "$(addr bob)"
gw_renumber home3
ok 'and give another address' reaches dave "$(addr bob)"

# --- ports ---------------------------------------------------------------------------------------

e=$(epoch alice home1)
is 'given so far' "$(gw_mappings home1)" "udp 4500 $(addr alice):4500"
gw_deny home1 4500
is 'a port that is given no more' "$(gw_mappings home1)" ''
cmp_num 'the epoch goes on' "$(epoch alice home1)" -ge "$e"
like 'NAT-PMP: another is given' "$(with natpmp alice home1 4500 4500)" 'result=0 .*port=4501$'
like 'PCP, too' "$(with pcp alice home1 4600 4500)" 'result=0 .*port=450[2-9] '
gw_deny home1
is 'no port at all' "$(gw_mappings home1)" ''
like 'NAT-PMP: refused' "$(with natpmp alice home1 4500 4500)" 'result=2 '
like 'PCP: refused' "$(with pcp alice home1 4500 4500)" 'version=2 result=[1-9]'
gw_deny home2 4500
like 'UPnP: another has to be asked for' "$(upnpc_ carol -a "$(addr carol)" 4500 4500 UDP 600)" 'failed with code'
like 'which is given' "$(upnpc_ carol -a "$(addr carol)" 4500 4501 UDP 600)" ':4501 UDP is redirected'
gw_allow home1
like 'allowed again' "$(with natpmp alice home1 4500 4500)" 'result=0 .*port=4500$'
gw_lifetime home1 60
is 'what was mapped stays' "$(gw_mappings home1)" "udp 4500 $(addr alice):4500"
like 'a shorter lifetime' "$(with natpmp alice home1 4500 4500)" 'lifetime=60 port=4500$'
like 'PCP, too' "$(with pcp alice home1 4502 0)" 'lifetime=60 port=4502 '

# --- loss ------------------------------------------------------------------------------------------

echo_on bob 4500
ok 'UDP goes' asks alice "$(addr bob)" 4500
gw_udp home1 blocked
fails 'UDP is blocked' asks alice "$(addr bob)" 4500
fails 'from outside, too' asks bob "$(external home1)" 4500
ok 'the rest goes' reaches alice "$(addr bob)"
gw_udp home1 open
ok 'UDP goes again' asks alice "$(addr bob)" 4500

lost() { ! run_ns "$1" ping -c 1 -W 1 -q "$2" >/dev/null; }
sever bob
ok 'bob is cut off' lost alice "$(addr bob)"
is 'he does not know' "$(on bob cat /sys/class/net/eth0/carrier)" 1
mend bob
ok 'and is back' reaches alice "$(addr bob)"
sever home1
ok 'so is a network' lost alice "$(addr bob)"
ok 'inside nothing changes' reaches alice "$(gateway home1)"
mend home1
ok 'it is back' reaches alice "$(addr bob)"
sever alice bob
ok 'two that do not reach each other' lost alice "$(addr bob)"
ok 'in neither direction' lost bob "$(external home1)"
ok 'others do' reaches carol "$(addr bob)"
mend alice bob
ok 'now they do' reaches alice "$(addr bob)"
done_testing
