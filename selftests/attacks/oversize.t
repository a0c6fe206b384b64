#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All too large: datagrams of 65,507 octets of each kind, over IPv4 and IPv6; genuine ESP
# with as much padding as there is room for; netlink messages and attributes; names.
# (IKE: ike-flood.t. DNS: daemon.t, dnsd/abuse.t. Inside ESP: inner.t.)
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/inner.sh"
need python3 jq

inner_begin
mac=$(ip -n b -j link show e2 | jq -r '.[0].address')
mac_a=$(ip -n a -j link show e1 | jq -r '.[0].address')
big() { run_ns r "$attacks/frame.py" rb2 "$mac" big "$@"; }
ok 'ping' pings a b 2

# --- outside -------------------------------------------------------------------------------
memory=$(kib_unreclaimable)
for v in 4 6; do
	if [[ $v = 4 ]]; then
		set -- 10.9.0.9:4500 "$AT_B"
	else
		set -- '[2001:db8:9::9]:4500' '[2001:db8:2::2]:4500'
	fi
	# the largest UDP payload of IPv4, and one in fragments
	for size in 65507 9000; do
		n=$(counter b rx_esp_refused)
		big "$1" "$2" "esp:$SPI_AB:500:8" $size
		at_least "IPv$v, $size octets of ESP under a known SPI: refused" b rx_esp_refused "$n" 1
		n=$(counter b rx_unknown_spi)
		big "$1" "$2" esp:0xc1234567:500:8 $size
		at_least "IPv$v, $size octets of ESP of no SA: counted" b rx_unknown_spi "$n" 1
		n=$(counter b rx_datagrams_dropped)
		big "$1" "$2" 0000000500000000 $size
		big "$1" "$2" 000100002112a442000102030405060708090a0b $size
		at_least "IPv$v, $size octets of signalling and of STUN: dropped" b rx_datagrams_dropped "$n" 2
		n=$(counter b rx_ike_malformed)
		big "$1" "$2" 00000000 $size
		at_least "IPv$v, $size octets that might be IKE: malformed" b rx_ike_malformed "$n" 1
		n=$(counter b rx_unknown_spi)
		big "$1" "$2" ffffffffffffffff $size
		at_least "IPv$v, $size octets of 0xff: no keepalive" b rx_unknown_spi "$n" 1
	done
done
is 'none was a keepalive' "$(counter b rx_keepalives)" 0
# well-formed IKE of 64 KB from nowhere: 4 of an address are held, for 5 s
n=$(counter b rx_ike_held) start=$SECONDS
for ((i = 0; i < 12; i++)); do
	printf -v head '00000000%016x%016x21202208%08x%08x' $((i + 1)) 0 0 65503
	big "10.9.0.$((100 + i / 6)):4500" "$AT_B" "$head" 65507
done
at_least 'IKE of 64 KB from nowhere is held, four of an address' b rx_ike_held "$n" 8
cmp_num '... no more in that time' $(($(counter b rx_ike_held) - n)) -le $((8 * (1 + (SECONDS - start) / 5)))
ok '... and dropped after a while' wait_for 20 counter_above b rx_ike_expired 7
not_grown 'memory has not grown' "$memory" 3000
harmless 'large datagrams'

# --- genuine ESP, of a peer that means no good -------------------------------------------------
evil_big() { # CASE: through the wire of a, in fragments
	run_ns r python3 - "$attacks" "$1" "$((evil_n + 1))" >"$tap_tmp/evil.hex" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import esp
print(esp.esp(0x6001, int(sys.argv[3]), *esp.content(sys.argv[2])).hex())
END
	evil_n=$((evil_n + 1))
	run_ns r "$attacks/frame.py" ra1 "$mac_a" "$AT_B" "$AT_A" "$(<"$tap_tmp/evil.hex")"
}
for size in 1000 20000 60000; do
	evil_big "tfc:[$B]>[$A]:$size:padded-$size"
	ok "$size octets of padding behind a packet: the packet comes" wait_for 10 has_received in-a "padded-$size"
done
is '... without them' "$(grep -c 'padded-[0-9]*$' "$TEST_OUT/in-a.log")" 3
n=$(xfrm_stat a XfrmInStateProtoError)
refused - 'pad lengths beyond the packet' padlen:28 padlen:100 padlen:255
cmp_num '... are errors of the protocol' "$(($(xfrm_stat a XfrmInStateProtoError) - n))" -ge 3
refused - 'lengths of 65,535 and more inside' "short:[$B]>[$A]:65500" "jumbo:[$B]>[$A]"
harmless 'large things inside'

# --- netlink --------------------------------------------------------------------------------------
run_ns a python3 - "$PWD/selftests/lib" >"$TEST_OUT/netlink" 2>&1 <<'END'
import errno, os, socket, struct, sys
sys.path.insert(0, sys.argv[1])
import nl
from nl import A, CMD, DEV, EP, PEER, attr, nest
g = nl.Genl()
g.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
index = nl.ifindex("btmm0")


def deep(n):
    body = b""
    for _ in range(n):
        body = nest(A["peer"], body)
    return body


cases = {
    "60 kB of a datagram": ("dgram_send", [index, nl.endpoint(A["endpoint"], "10.2.0.2", 4500),
                                          attr(A["dgram"], struct.pack(">II", 5, 0) + bytes(60000))]),
    "a ULA of 60 kB": ("peer_set", [index, nest(A["peer"], attr(PEER["ula"], bytes(60000)))]),
    "an address of 60 kB": ("peer_set", [index, nl.peer("fd00:b::1", nest(
        PEER["endpoint"], attr(EP["addr"], bytes(60000)), nl.be16(EP["port"], 1)))]),
    "10,000 empty attributes": ("peer_set", [index, nl.peer("fd00:b::1")] + [attr(A["pad"], b"")] * 10000),
    "10,000 times the ifindex": ("dev_get", [index] * 7000),
    "nests 10,000 deep": ("peer_set", [index, deep(10000)]),
    "nests in an endpoint": ("dgram_send", [index, nest(A["endpoint"], deep(3000))]),
    "a name of 60 kB": ("dev_set", [index, nest(A["dev"], attr(DEV["ifname"], b"x" * 60000))]),
    "an attribute that claims 64 KB": ("dev_set", [index, struct.pack("=HH", 0xffff, A["dev"] | 0x8000)]),
    "an attribute of length 0": ("dev_set", [index, struct.pack("=HH", 0, A["dev"]) + bytes(60)]),
}
for name, (cmd, parts) in cases.items():
    try:
        g.call(CMD[cmd], *parts)
        print(name, "accepted")
    except nl.Refused as e:
        print(name, "refused", errno.errorcode[e.errno])
    except OSError as e:
        print(name, "unsent", errno.errorcode[e.errno])
print("end")
END
diag_file "$TEST_OUT/netlink"
is 'netlink: each is refused' "$(grep -c refused "$TEST_OUT/netlink") $(grep -c accepted "$TEST_OUT/netlink") $(tail -n 1 "$TEST_OUT/netlink")" \
	'10 0 end'
for n in 15 16 255 4000; do
	name=$(printf '%*s' "$n" '' | tr ' ' x)
	run_ns a btmm-ctl dev add "$name" >"$tap_tmp/name" 2>&1
	is "a device with a name of $n letters: status" $? $((n < 16 ? 0 : 2))
done
run_ns a btmm-ctl dev del xxxxxxxxxxxxxxx
harmless 'large messages of netlink'
done_testing
