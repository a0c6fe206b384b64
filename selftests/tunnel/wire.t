#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is on the wire is figure 2 of RFC 6281: IPv4, UDP 4500, ESP, IPv6. An
# independent program (tshark) that has the keys decrypts a capture and says so.
# kernels: uml-debug
# timeout: 400
# shellcheck disable=SC2086
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/charon.sh"
need tshark tcpdump charon-systemd

net_pair keepalive off
CAPTURE_SNAP=2048

export HOME=$tap_tmp WIRESHARK_CONFIG_DIR=$tap_tmp
KEY_CBC=0x00112233445566778899aabbccddeeff
KEY_MAC=0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
ALG_CBC="enc cbc(aes) $KEY_CBC auth-trunc hmac(sha256) $KEY_MAC 128"

# shark NAME CIPHER KEY AUTH AUTHKEY [ARG...]: tshark that knows both SAs
shark() {
	local name=$1 sa
	sa="\"$2\",\"$3\",\"$4\",\"$5\""
	shift 5
	tshark -n -r "$TEST_OUT/$name.pcap" \
		-o esp.enable_encryption_decode:TRUE -o esp.enable_authentication_check:TRUE \
		-o "uat:esp_sa:\"IPv4\",\"*\",\"*\",\"*\",$sa" \
		"$@" 2>>"$TEST_OUT/tshark.err"
}
fields() { local f; for f; do printf -- '-e %s ' "$f"; done; }
# unique: the different lines, and how many of each
unique() { sort | uniq -c | sed 's/^ *//'; }

# --- AES-CBC with HMAC: tshark checks the ICV, too ----------------------------------

sa_pair "$ALG_CBC" replay-window 32
ok 'ping' pings a b 1
capture cbc r ra1 udp
ok 'three pings' run_ns a ping -6 -c 3 -i 0.1 -W 2 -s 100 -Q 0x28 -q "$B"
wait_for 10 packets_above cbc 5
capture_end cbc

# shellcheck disable=SC2046
shark cbc 'AES-CBC [RFC3602]' $KEY_CBC 'HMAC-SHA-256-128 [RFC4868]' $KEY_MAC -T fields -E separator=' ' \
	$(fields frame.protocols ip.hdr_len ip.proto udp.srcport udp.dstport udp.checksum \
		ip.flags.df ip.frag_offset esp.spi esp.protocol esp.icv_good ipv6.nxt ipv6.src ipv6.dst icmpv6.type) \
	>"$TEST_OUT/cbc.fields"
is 'each request is IPv4, UDP, ESP, IPv6, ICMPv6, with what figure 2 has in each' \
	"$(grep 'fd00:a::1 fd00:b::1' "$TEST_OUT/cbc.fields" | unique)" \
	"3 eth:ethertype:ip:udp:udpencap:esp:ipv6:icmpv6:data 20 17 4500 4500 0x0000 1 0 0x00001001 0x29 1 58 fd00:a::1 fd00:b::1 128"
is 'and each reply, the other way' \
	"$(grep 'fd00:b::1 fd00:a::1' "$TEST_OUT/cbc.fields" | unique)" \
	"3 eth:ethertype:ip:udp:udpencap:esp:ipv6:icmpv6:data 20 17 4500 4500 0x0000 1 0 0x00001002 0x29 1 58 fd00:b::1 fd00:a::1 129"
is 'there is nothing else' "$(wc -l <"$TEST_OUT/cbc.fields")" 6
# shellcheck disable=SC2046
is 'outer addresses are the endpoints, and DSCP is copied' \
	"$(shark cbc 'AES-CBC [RFC3602]' $KEY_CBC 'HMAC-SHA-256-128 [RFC4868]' $KEY_MAC -Y 'icmpv6.type == 128' \
		-T fields -E separator=' ' $(fields ip.src ip.dst ip.dsfield.dscp ipv6.tclass.dscp) | unique)" \
	'3 10.1.0.2 10.2.0.2 10 10'
# The capture must be able to fail: another key is no key
is 'with another key nothing is decrypted' \
	"$(shark cbc 'AES-CBC [RFC3602]' 0xff112233445566778899aabbccddeeff 'HMAC-SHA-256-128 [RFC4868]' 0xff \
		-Y 'icmpv6.type == 128' | wc -l)" 0

# --- AES-GCM with ESN, the usual one, with TCP ---------------------------------------

for h in a b; do ip -n "$h" xfrm state flush; done
for h in a b; do
	sa "$h" "$A" "$B" $SPI_AB
	sa "$h" "$B" "$A" $SPI_BA
	run_ns $h ethtool -K "e$([[ $h = a ]] && echo 1 || echo 2)" tx-gso-list off
done
capture gcm r ra1 udp
ok 'TCP' tcp_copy a b 1
# tcpdump is slower than TCP
size_above() { [[ $(stat -c %s "$1") -gt $2 ]]; }
wait_for 60 size_above "$TEST_OUT/gcm.pcap" 1000000
capture_end gcm
# What TCP carries here is random: left to guess, tshark finds Thrift in it at times.
# shellcheck disable=SC2046
shark gcm 'AES-GCM with 16 octet ICV [RFC4106]' $KEY_GCM 'NULL' '' -d tcp.port==7001,data -T fields -E separator=' ' \
	$(fields frame.protocols ip.proto udp.srcport udp.dstport udp.checksum ip.flags.df esp.spi \
		esp.protocol ipv6.nxt ipv6.src ipv6.dst tcp.port) >"$TEST_OUT/gcm.fields"
cmp_num 'TCP under AES-GCM: many segments' "$(grep -c 'fd00:a::1 fd00:b::1' "$TEST_OUT/gcm.fields")" -gt 500
is 'all alike' "$(grep 'fd00:a::1 fd00:b::1' "$TEST_OUT/gcm.fields" | cut -d' ' -f1-11 |
		sed 's/:tcp:data/:tcp/' | sort -u)" \
	'eth:ethertype:ip:udp:udpencap:esp:ipv6:tcp 17 4500 4500 0x0000 1 0x00001001 0x29 6 fd00:a::1 fd00:b::1'
is 'no packet but ESP' "$(grep -vc ':udpencap:esp:ipv6:tcp' "$TEST_OUT/gcm.fields")" 0

# --- keepalive -------------------------------------------------------------------------

capture ka r ra1 'udp and src host 10.1.0.2'
run_ns a btmm-ctl peer set "$B" keepalive 1
pings a b 1 >/dev/null
ok 'a keepalive' wait_for 15 packets_above ka 1
run_ns a btmm-ctl peer set "$B" keepalive off
capture_end ka
# shellcheck disable=SC2046
is 'is UDP with one octet 0xff (RFC 3948 2.3)' \
	"$(shark ka NULL '' NULL '' -Y udpencap.nat_keepalive -T fields -E separator=' ' \
		$(fields ip.proto udp.srcport udp.dstport udp.length udp.checksum udp.payload) | sort -u)" \
	'17 4500 4500 9 0x0000 ff'

# --- IPv6 underlay ---------------------------------------------------------------------

for h in a b; do run_ns $h ethtool -K "e$([[ $h = a ]] && echo 1 || echo 2)" tx off >/dev/null; done
capture six r ra1 'udp'
run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
run_ns b btmm-ctl peer set "$A" endpoint '[2001:db8:1::2]:4500'
ok 'ping over IPv6' pings a b 1
wait_for 10 packets_above six 1
capture_end six
is 'IPv6, UDP with a good checksum, ESP' \
	"$(tshark -n -r "$TEST_OUT/six.pcap" -o udp.check_checksum:TRUE -T fields -E separator=' ' \
		-e frame.protocols -e udp.srcport -e udp.dstport -e udp.checksum.status -e esp.spi 2>/dev/null | sort)" \
	"eth:ethertype:ipv6:udp:udpencap:esp 4500 4500 1 0x00001001
eth:ethertype:ipv6:udp:udpencap:esp 4500 4500 1 0x00001002"
run_ns a btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
run_ns b btmm-ctl peer set "$A" endpoint 10.1.0.2:4500

# --- IKE -------------------------------------------------------------------------------

for h in a b; do ip -n $h xfrm state flush; ip -n $h xfrm policy flush; done
charon_conf a b
charon_conf b a
capture ike r ra1 'udp'
charon_up a b
ok 'ping by keys of IKE' run_ns a ping -6 -c 1 -W 20 -q "$B"
wait_for 10 packets_above ike 5
capture_end ike
is 'IKE has four zero octets before it (RFC 3948 2.2) and is version 2' \
	"$(tshark -n -r "$TEST_OUT/ike.pcap" -Y isakmp -T fields -E separator=' ' \
		-e frame.protocols -e udp.srcport -e udp.dstport -e udp.checksum -e udp.payload \
		-e isakmp.version 2>/dev/null | sed 's/ 00000000[0-9a-f]* / 00000000 /' | sort -u)" \
	'eth:ethertype:ip:udp:udpencap:isakmp 4500 4500 0x0000 00000000 0x20'
is 'INIT and AUTH, each with its answer' \
	"$(tshark -n -r "$TEST_OUT/ike.pcap" -Y isakmp -T fields -e isakmp.exchangetype 2>/dev/null |
		sort -u | tr '\n' ' ')" '34 35 '
is 'the rest is ESP' "$(tshark -n -r "$TEST_OUT/ike.pcap" -Y 'not isakmp and not esp' 2>/dev/null | wc -l)" 0

grep -v "Running as user" "$TEST_OUT/tshark.err" >"$tap_tmp/err"; diag_file "$tap_tmp/err" 5
done_testing
