#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What an attacker off the path can send to be taken for a peer: any source, the right
# SPI, guessed numbers, copies of old packets, over IPv4 and IPv6, by the normal way and
# through GRO. Nothing moves, nothing is lost, the replay window stays where it was.
# (tunnel/learn.t has what is broken, late, or under weak SAs, and what does move.)
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/../tunnel/onpath.sh"
need tcpdump python3 nft

net_pair keepalive off
attacker
sa_pair
onpath_begin
ok 'ping' pings a b 3

# replay HOST: the right edge of the window of what A sends, high and low
replay() { ip -n b xfrm state get src "$A" dst "$B" proto esp spi "$SPI_AB" | sed -n 's/.*seq-hi \(0x[0-9a-f]*\), seq \(0x[0-9a-f]*\),.*/\1 \2/p'; }
like 'the window of B can be read' "$(replay)" '^0x0 0x[1-9a-f]'

for way in normal GRO; do
	[[ $way = normal ]] || net_gro
	# --- numbers that might be the next ----------------------------------------------
	seq=$(replay) seq=$((${seq#* }))
	edge=$(replay)
	guesses=()
	for ((i = -40; i < 400; i++)); do guesses+=("esp:$SPI_AB:$((seq + i > 0 ? seq + i : 1)):100"); done
	# and jumps: with ESN the upper half is guessed from the lower one
	for i in 0x7fffffff 0x80000000 0xfffff000 0xffffffff; do guesses+=("esp:$SPI_AB:$i:100"); done
	n=$(counter b rx_esp_refused)
	mallory "$AT_M" "$AT_B" "${guesses[@]}" -- "$AT_A" "$AT_B" "${guesses[@]}"
	at_least "$way: the right SPI and guessed numbers are refused" b rx_esp_refused "$n" \
		$((${#guesses[@]} * 2))
	is "$way: the replay window is where it was" "$(replay)" "$edge"
	harmless "$way: guesses"

	# --- copies of old packets, sent from elsewhere, also over the other IP version ----
	n=$(counter b rx_esp_refused)
	copies=()
	for i in 0 1 2 -3 -2 -1; do copies+=("$cap@$i"); done
	mallory "$AT_M" "$AT_B" "${copies[@]}" -- 10.9.0.77:1 "$AT_B" "${copies[@]}" \
		-- '[2001:db8:9::2]:4500' '[2001:db8:2::2]:4500' "${copies[@]}"
	at_least "$way: copies from elsewhere, by IPv4 and IPv6, are refused" b rx_esp_refused "$n" 18
	harmless "$way: copies"

	# --- A's own packets, sent back to it: a mirror -------------------------------------
	n=$(counter a rx_unknown_spi)
	mallory "$AT_B" "$AT_A" "${copies[@]}"
	at_least "$way: its own packets are nothing to A" a rx_unknown_spi "$n" 6
	harmless "$way: a mirror"
done
cmp_num 'that went through GRO' "$(counter b rx_gro)" -gt 400

# --- all that is not ESP ------------------------------------------------------------------
keep=$(counter b rx_keepalives) held=$(counter b rx_ike_held) ike=$(counter b rx_ike)
dgram=$(($(counter b rx_datagrams) + $(counter b rx_datagrams_dropped)))
stun=000100002112a442000102030405060708090a0b
answer=0101000c2112a442000102030405060708090a0b002000080001a147e112a643
m_py flood.py "$AT_B" 4000 keepalive ike-init ike:200 "$stun" "$answer" 0000000500000000 random:200 \
	>"$TEST_OUT/flood"
diag_file "$TEST_OUT/flood"
at_least 'keepalives from anywhere are taken, and mean nothing' b rx_keepalives "$keep" 500
at_least 'IKE from anywhere is held' b rx_ike_held "$held" 64
is '... and given to nobody' "$(counter b rx_ike)" "$ike"
more() { [[ $(($(counter b rx_datagrams) + $(counter b rx_datagrams_dropped))) -ge $((dgram + $1)) ]]; }
ok 'STUN and signalling are for the daemon only' wait_for 10 more 1500
harmless 'what is not ESP, from everywhere'
# in A's name, by its own address
n=$(counter b rx_ike)
m_py flood.py --from "$AT_A" "$AT_B" 400 keepalive ike-init "$stun" "$answer" 0000000500000000 >"$TEST_OUT/flood"
at_least 'IKE in the name of A reaches the IKE daemon' b rx_ike "$n" 1
cmp_num '... so often as its limit says' $(($(counter b rx_ike) - n)) -le 80
harmless 'what is not ESP, from the place of A'

# --- who is on the path --------------------------------------------------------------------
# The one thing that does move it, as Documentation/tunnel.md says: a packet that is kept
# back, and comes from elsewhere first. It lasts until A's next one.
hold 1
mallory "$AT_M" "$AT_B" "$cap@-1"
ok 'on the path: who forwards a packet first becomes the endpoint' wait_for 10 endpoint_is b a "$AT_M"
fails '... and gets what is for A, which he cannot read' run_ns b ping -6 -c 1 -W 1 -q "$A"
home() { pings a b 1; endpoint_is b a "$AT_A"; }
ok '... until the next packet of A, a second later' wait_for 10 home
is 'that were two moves' "$(counter b endpoint_moves)" 2
MOVES='0 2' harmless 'afterwards'

capture_end fromA
done_testing
