#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Replay, within the window and outside, from the place of the peer and from elsewhere:
# around the crossing of 32 bits with extended sequence numbers, and over big jumps.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/../tunnel/onpath.sh"
need tcpdump python3 nft

net_pair keepalive off
attacker
onpath_begin

window=2048
# at SEQ-HI SEQ: SAs whose next packet has the number after that, in both directions
at() {
	local h
	for h in a b; do ip -n "$h" xfrm state flush; done
	for h in a b; do
		sa "$h" "$A" "$B" $SPI_AB "$ALG_GCM" flag esn replay-window $window \
			replay-seq-hi "$1" replay-oseq-hi "$1" replay-seq "$2" replay-oseq "$2"
		sa "$h" "$B" "$A" $SPI_BA "$ALG_GCM" flag esn replay-window $window \
			replay-seq-hi "$1" replay-oseq-hi "$1" replay-seq "$2" replay-oseq "$2"
	done
}
edge() { ip -n b xfrm state get src "$A" dst "$B" proto esp spi "$SPI_AB" | sed -n 's/.*seq-hi \(0x[0-9a-f]*\), seq \(0x[0-9a-f]*\),.*/\1 \2/p'; }
edge_hi() { local e; e=$(edge); echo $((${e% *})); }
# first: how many packets have been captured, that is, the index of the next one
first() { packets_in fromA; }
# again DESC FROM N INDEX...: copies, from that source: N are refused, none is taken for new
again() {
	local desc=$1 from=$2 n=$3 refused late heard i list=()
	shift 3
	for i; do list+=("$cap@$i"); done
	refused=$(counter b rx_esp_refused) late=$(counter b endpoint_not_newest)
	heard=$(peer_json b a rx_packets)
	mallory "$from" "$AT_B" "${list[@]}"
	at_least "$desc: refused" b rx_esp_refused "$refused" "$n"
	is "$desc: not taken for late ones, nor for new ones" \
		"$(counter b endpoint_not_newest) $(peer_json b a rx_packets)" "$late $heard"
}

# --- the window, far from the crossing -----------------------------------------------------
policies a "$B"
policies b "$A"
at 0 0
i=$(first)
ok 'ping' pings a b 10
j=$(($(first) - 1))
all() { seq "$1" "$2"; }
# shellcheck disable=SC2046
again 'within the window, from the place of A' "$AT_A" $((j - i + 1)) $(all "$i" "$j")
# shellcheck disable=SC2046
again 'within the window, from elsewhere' "$AT_M" $((j - i + 1)) $(all "$i" "$j")
harmless 'within the window'

# One that never came, and one that did, both left behind by the window
hold 1
kept=$(($(first) - 1))
run_ns a ping -6 -f -q -c $((window + 100)) "$B" >/dev/null
again 'outside the window, one that came' "$AT_M" 1 "$j"
again 'outside the window, one that never came' "$AT_M" 1 "$kept"
again '... nor from the place of A' "$AT_A" 1 "$kept"
harmless 'outside the window'

# --- 32 bits are crossed ---------------------------------------------------------------------
at 0 0xfffffff0
i=$(first)
hold 2
kept=$(($(first) - 1))
ok 'shortly before the crossing: ping' pings a b 5
is 'not yet over it' "$(edge_hi)" 0
ok 'over it: 40 pings, none lost' eval "pings a b 40 >'$tap_tmp/ping' && grep -q ' 0% packet loss' '$tap_tmp/ping'"
is 'over it' "$(edge_hi)" 1
j=$(($(first) - 1))
# all but those two, which B has not seen
mapfile -t seen < <(all $((i + 2)) "$j")
again 'over the crossing, from the place of A' "$AT_A" ${#seen[@]} "${seen[@]}"
again 'over the crossing, from elsewhere' "$AT_M" ${#seen[@]} "${seen[@]}"
harmless 'over the crossing'
# the two are late, from before the crossing, and genuine
late=$(counter b endpoint_not_newest) heard=$(peer_json b a rx_packets)
mallory "$AT_M" "$AT_B" "$cap@$kept" "$cap@$((kept - 1))"
at_least 'late ones of before the crossing are no newest' b endpoint_not_newest "$late" 2
is '... though genuine' "$(peer_json b a rx_packets)" $((heard + 2))
harmless 'late ones of before the crossing'
again '... and are so once' "$AT_M" 2 "$kept" "$((kept - 1))"
is 'the edge has not gone back' "$(edge_hi)" 1
# made up: the lower half of numbers before and after, under the right SPI
n=$(counter b rx_esp_refused) before=$(edge)
mallory "$AT_M" "$AT_B" "esp:$SPI_AB:0xfffffff8:100" "esp:$SPI_AB:0x30:100" "esp:$SPI_AB:0x80000000:100" \
	"esp:$SPI_AB:0x7fffffff:100"
at_least 'made-up ones around the crossing are refused' b rx_esp_refused "$n" 4
is '... and the edge is where it was' "$(edge)" "$before"

# --- jumps ---------------------------------------------------------------------------------
# A loses its SA and makes it again with a counter far ahead: a jump that is genuine.
jump() {
	ip -n a xfrm state delete src "$A" dst "$B" proto esp spi $SPI_AB
	sa a "$A" "$B" $SPI_AB "$ALG_GCM" flag esn replay-window $window replay-oseq-hi "$1" replay-oseq "$2"
}
i=$(($(first) - 1))
for to in '1 0x100000' '1 0x7fffffff' '1 0xfffffff0' '2 0x40000000'; do
	# shellcheck disable=SC2086
	jump $to
	ok "a jump to $to: taken" pings a b 1
	is "... the edge has followed" "$(($(edge_hi)))" "${to% *}"
	again "... what was before it is old" "$AT_M" 1 "$i"
	i=$(($(first) - 1))
	again "... what jumped is taken once" "$AT_M" 1 "$i"
done
harmless 'jumps'
# back again: A's own counter has gone back, as that of a machine restored from a snapshot
jump 2 0x100
fails 'a counter that goes back is refused' pings a b 2
jump 2 0x50000000
harmless 'ahead again'

# --- without ESN the counter ends -------------------------------------------------------------
for h in a b; do
	ip -n $h xfrm state flush
	sa $h "$A" "$B" 0x5001 "$ALG_GCM" replay-window 32 replay-seq 0xfffffffc replay-oseq 0xfffffffc
	sa $h "$B" "$A" 0x5002 "$ALG_GCM" replay-window 32
done
n=$(xfrm_stat a XfrmOutStateSeqError)
run_ns a ping -6 -c 8 -i 0.1 -W 1 -q "$B" >"$TEST_OUT/cycle" 2>&1
cmp_num 'without ESN no number is used twice' $(($(xfrm_stat a XfrmOutStateSeqError) - n)) -ge 1
like '... some came before that' "$(<"$TEST_OUT/cycle")" ' [1-4] received'

capture_end fromA
done_testing
