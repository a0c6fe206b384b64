#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No packet moves an endpoint but an authentic one that is the newest: not a
# replayed, late, broken or made-up one, and none under a weak SA.
# kernels: uml-debug
# timeout: 400
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/onpath.sh"
need tcpdump python3 nft

net_pair keepalive off
sa_pair

TRUE=10.1.0.2:4500 ELSE=10.1.0.66:4500 TO=10.2.0.2:4500
onpath_begin

# at_home: B knows A where it is, and has not learnt that lately
at_home() { run_ns b btmm-ctl peer set "$A" endpoint "$TRUE"; }
unmoved() { is "$1: no move" "$(endpoint b a)" "$TRUE"; }

ok 'ping' pings a b 3
is 'B knows A where it was set' "$(endpoint b a) $(peer_json b a origin)" "$TRUE set"

# --- made up ---------------------------------------------------------------------

n=$(counter b rx_unknown_spi)
raw "$ELSE" "$TO" esp:0xabcdef01:5:64
rises 'an unknown SPI is counted' b rx_unknown_spi "$n"
unmoved 'unknown SPI'

n=$(counter b rx_esp_refused)
raw "$ELSE" "$TO" "esp:$SPI_AB:1000:64"
rises 'random octets under a known SPI are refused' b rx_esp_refused "$n"
raw "$TRUE" "$TO" "esp:$SPI_AB:1001:64"
rises 'from the true address, too' b rx_esp_refused $((n + 1))
unmoved 'random octets'

n=$(counter b rx_malformed)
raw "$ELSE" "$TO" 00 fe 01020304050607
rises 'datagrams too short for anything are malformed' b rx_malformed "$n" 3
unmoved 'malformed'

# --- broken ----------------------------------------------------------------------

hold 1
n=$(counter b rx_esp_refused)
for change in flip:20 flip:-1 cut:12 cut:40; do
	raw "$ELSE" "$TO" "$cap@-1+$change"
	rises "$change is refused" b rx_esp_refused "$n"
	n=$((n + 1))
done
raw "$ELSE" "$TO" "$cap@-1+flip:7"
rises 'another sequence number is refused' b rx_esp_refused "$n"
n=$(counter b rx_unknown_spi)
raw "$ELSE" "$TO" "$cap@-1+flip:3"
rises 'a bit of the SPI makes it unknown' b rx_unknown_spi "$n"
n=$(counter b rx_malformed)
raw "$ELSE" "$TO" "$cap@-1+cut:7"
rises 'what ends in the ESP header is malformed' b rx_malformed "$n"
unmoved 'broken'
is 'nothing moved so far' "$(counter b endpoint_moves)" 0

# --- old -------------------------------------------------------------------------

ok 'a newer packet comes by the right way' pings a b 1
late=$(counter b endpoint_not_newest)
heard=$(peer_json b a rx_packets)
raw "$ELSE" "$TO" "$cap@-2"
rises 'a late packet in the window is not the newest' b endpoint_not_newest "$late"
is 'though it is authentic' "$(peer_json b a rx_packets)" $((heard + 1))
unmoved 'late'

n=$(counter b rx_esp_refused)
raw "$ELSE" "$TO" "$cap@-2" "$cap@-1" "$cap@0"
rises 'copies are refused' b rx_esp_refused "$n" 3
is 'and not taken for late ones' "$(counter b endpoint_not_newest)" $((late + 1))
unmoved 'replayed'

# --- weak SAs ---------------------------------------------------------------------

# weak NAME SA...: the newest authentic packet from elsewhere does not move B
weak() {
	local name=$1 n h
	shift
	for h in a b; do ip -n "$h" xfrm state flush; done
	for h in a b; do
		sa "$h" "$A" "$B" 0x2001 "$@"
		sa "$h" "$B" "$A" 0x2002 "$@"
	done
	ok "$name: ping" pings a b 1
	hold 1
	n=$(counter b endpoint_weak_sa)
	heard=$(peer_json b a rx_packets)
	raw "$ELSE" "$TO" "$cap@-1"
	rises "$name: counted" b endpoint_weak_sa "$n"
	is "$name: authentic, as far as that goes" "$(peer_json b a rx_packets)" $((heard + 1))
	unmoved "$name"
}
weak 'no ICV' "$ALG_NULL"
weak 'no replay window' "$ALG_GCM" replay-window 0
is 'still nothing moved' "$(counter b endpoint_moves)" 0

# --- and what does move it ----------------------------------------------------------

for h in a b; do ip -n "$h" xfrm state flush; done
for h in a b; do
	sa "$h" "$A" "$B" 0x3001
	sa "$h" "$B" "$A" 0x3002
done
ok 'ping with good SAs' pings a b 1
hold 2
n=$(counter b endpoint_limited)
raw "$ELSE" "$TO" "$cap@-2" -- 10.1.0.67:4501 "$TO" "$cap@-1"
rises 'two moves at once: the second is too soon' b endpoint_limited "$n"
is 'the first one counts' "$(endpoint b a)" "$ELSE"
is 'as learnt' "$(peer_json b a origin)" learnt
is 'and the one before is kept' "$(peer_json b a previous)" "$TRUE"
is 'one move' "$(counter b endpoint_moves)" 1
ok 'A, who is still where it was, is found again' wait_for 10 pings a b 1
is 'at its own address' "$(endpoint b a)" "$TRUE"

# the smallest window, without ESN
for h in a b; do ip -n "$h" xfrm state flush; done
for h in a b; do
	sa "$h" "$A" "$B" 0x4001 "$ALG_GCM" replay-window 32
	sa "$h" "$B" "$A" 0x4002 "$ALG_GCM" replay-window 32
done
hold 1
at_home
late=$(counter b endpoint_not_newest)
ok 'window of 32: ping' pings a b 1
raw "$ELSE" "$TO" "$cap@-2"
rises 'window of 32: a late packet does not move it' b endpoint_not_newest "$late"
unmoved 'window of 32'

capture_end fromA
done_testing
