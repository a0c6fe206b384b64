#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One end is our device, the other a stock kernel's ESP-in-UDP with the same
# keys: ping and TCP both ways, with super-packets, byte-exact.
# long: 6.12
# timeout: 400
# shellcheck disable=SC2048,SC2086
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need python3 socat

modprobe autotunnel || bail 'the module does not load'
modprobe -a esp4 esp4_offload esp6
net_router
net_host a b
net_join a 1
net_join b 2
tunnel a
peer a b endpoint 10.2.0.2:4500

# B knows no device of ours. Its SAs run between the outer IPv4 addresses and
# carry IPv6, which a tunnel-mode SA without a selector may; ours run between
# the ULAs. On the wire there is no difference.
background encap ip netns exec b "$(dirname "$0")/encap.py" 4500
wait_for 10 grep -q listening "$TEST_OUT/encap.log" || bail 'no socket for ESP in UDP'
ip -n b addr add $B/128 dev lo
ip -n b route add $A/128 via 2001:db8:2::1 dev e2 src $B
ip -n b -batch - <<-END
	xfrm policy add src $B dst $A dir out tmpl src 10.2.0.2 dst 10.1.0.2 proto esp reqid 1 mode tunnel
	xfrm policy add src $A dst $B dir in tmpl src 10.1.0.2 dst 10.2.0.2 proto esp reqid 1 mode tunnel
END
policies a $B
stock_sa() {
	local from=$1 to=$2 spi=$3 alg=$4
	shift 4
	ip -n b xfrm state add src "$from" dst "$to" proto esp spi "$spi" reqid 1 mode tunnel \
		flag af-unspec $* encap espinudp 4500 4500 0.0.0.0 $alg
}

# both NAME ALG MORE-A MORE-B: keys at both ends, and traffic both ways
both() {
	local name=$1 alg=$2 ours=$3 stock=$4 h n
	for h in a b; do ip -n $h xfrm state flush; done
	sa a $A $B $SPI_AB "$alg" "$ours"
	sa a $B $A $SPI_BA "$alg" "$ours"
	stock_sa 10.1.0.2 10.2.0.2 $SPI_AB "$alg" "$stock"
	stock_sa 10.2.0.2 10.1.0.2 $SPI_BA "$alg" "$stock"
	ok "$name: ping from ours" pings a b 3
	ok "$name: ping from stock" pings b a 3
	n=$(counter a tx_batches)
	ok "$name: TCP from ours" tcp_copy a b 2
	cmp_num "$name: in super-packets" "$(counter a tx_batches)" -gt "$n"
	ok "$name: TCP from stock" tcp_copy b a 2
}

both 'AES-GCM, ESN' "$ALG_GCM" 'flag esn replay-window 2048' 'flag esn replay-window 2048'
both 'AES-CBC, HMAC' \
	'enc cbc(aes) 0x00112233445566778899aabbccddeeff auth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 128' \
	'replay-window 128' 'replay-window 128'
both 'ChaCha20-Poly1305' "$ALG_CHACHA" 'flag esn replay-window 2048' 'flag esn replay-window 2048'

for l in 'a e1' 'b e2' 'r ra1' 'r rb2'; do
	set -- $l
	run_ns "$1" ethtool -K "$2" gro on tso off gso off tx-gso-list off >/dev/null
done
n=$(counter a rx_gro)
ok 'packet by packet, with GRO: TCP from stock' tcp_copy b a 2
cmp_num 'decrypted in GRO' "$(counter a rx_gro)" -gt "$n"
ok 'and from ours' tcp_copy a b 2

# Who has moved is found by ours; a stock peer stays where it is.
is 'nothing moved' "$(counter a endpoint_moves)" 0
for n in rx_esp_refused rx_unknown_spi rx_malformed tx_too_big tx_fragment tx_unencrypted; do
	is "$n is 0" "$(counter a $n)" 0
done
for n in XfrmInError XfrmInNoStates XfrmInStateProtoError XfrmInStateModeError XfrmInTmplMismatch; do
	is "stock: $n is 0" "$(xfrm_stat b $n)" 0
done

done_testing
