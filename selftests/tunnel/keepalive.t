#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Keepalives: one octet 0xff to a peer to which nothing else was sent for a
# while; by the device's interval or the peer's own; never while it is down.
# kernels: uml-debug
# timeout: 400
# shellcheck disable=SC2086
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need tcpdump

net_pair keepalive off
sa_pair
D=fd00:d::1 E=fd00:e::1
capture ka r ra1 'udp and src host 10.1.0.2'

# to PORT: what went to a peer at that port; all there ever is are keepalives
to() { packets_in ka "udp dst port $1 and len == 43"; }
to_above() { [[ $(to "$1") -gt $2 ]]; }
counter_stays() { is "$1" "$(stays "$2" counter_is a tx_keepalives "$3" && echo yes)" yes; }

ok 'ping' pings a b 1
counter_stays 'off: none' 3 0

run_ns a btmm-ctl dev set btmm0 keepalive 1
ok 'on: the idle peer gets one a second' wait_for 20 counter_above a tx_keepalives 2
ok 'and receives them' wait_for 10 counter_above b rx_keepalives 2
ok 'the router saw them' wait_for 10 to_above 4500 2
is 'each is UDP of length 9, without checksum, and one octet 0xff' \
	"$(tcpdump -r "$TEST_OUT/ka.pcap" -n -x 'len == 43' 2>/dev/null |
		awk '/0x0010:/ { print $6, $7, $8 }' | sort -u)" '0009 0000 ff'
gap=$(tcpdump -r "$TEST_OUT/ka.pcap" -n -tt 'udp and len == 43' 2>/dev/null |
	awk '{ if (p && (!m || $1 - p < m)) m = $1 - p; p = $1 } END { print int(m * 1000) }')
cmp_num 'never two within the interval' "$gap" -ge 900

# --- per peer -----------------------------------------------------------------------

run_ns a btmm-ctl peer add $D dev btmm0 endpoint 10.2.0.2:4600 keepalive off
run_ns a btmm-ctl peer add $E dev btmm0 endpoint 10.2.0.2:4700 keepalive 2
ok 'a peer with an interval of its own gets them' wait_for 20 to_above 4700 1
is 'one with none does not' "$(to 4600)" 0
run_ns a btmm-ctl peer set $D dev btmm0 keepalive default
ok 'until it follows the device again' wait_for 20 to_above 4600 1
run_ns a btmm-ctl peer del $D dev btmm0
run_ns a btmm-ctl peer del $E dev btmm0
at=$(to 4600)

# --- only while idle -------------------------------------------------------------------

run_ns a btmm-ctl dev set btmm0 keepalive 3
wait_for 10 counter_above a tx_keepalives "$(counter a tx_keepalives)"
run_ns a ping -6 -i 0.2 -q "$B" >"$TEST_OUT/busy" 2>&1 &
busy=$!
heard() { [[ $(peer_json b a rx_packets) -gt $1 ]]; }
wait_for 10 heard "$(peer_json b a rx_packets)"
n=$(counter a tx_keepalives)
counter_stays 'with traffic: none' 7 "$n"
is 'a peer that was removed gets none either' "$(to 4600)" "$at"
kill -INT $(pgrep -P $busy) $busy 2>/dev/null
ok 'after the traffic: again' wait_for 20 counter_above a tx_keepalives "$n"

# --- down ------------------------------------------------------------------------------

run_ns a btmm-ctl dev set btmm0 keepalive 1
ip -n a link set btmm0 down
n=$(counter a tx_keepalives) at=$(to 4500)
counter_stays 'down: none' 3 "$n"
is 'down: nothing on the wire' "$(to 4500)" "$at"
ip -n a link set btmm0 up
ip -n a route replace $B dev btmm0
ok 'up again: keepalives, though nobody sends anything' wait_for 20 counter_above a tx_keepalives "$n"

run_ns a btmm-ctl peer set $B dev btmm0 endpoint none
n=$(counter a tx_keepalives)
counter_stays 'a peer without an endpoint gets none' 3 "$n"
run_ns a btmm-ctl peer set $B dev btmm0 endpoint 10.2.0.2:4500
ok 'with one it does' wait_for 20 counter_above a tx_keepalives "$n"

capture_end ka
done_testing
