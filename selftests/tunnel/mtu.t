#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Underlays of 1280 to 9000 octets, over IPv4 and IPv6: TCP byte-exact,
# QUIC-sized datagrams and forwarded packets of 1280 pass. A narrow place on
# the way is learnt from ICMP that quotes an SPI of ours, and from no other; when
# ICMP is swallowed, the black hole is found.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
# a LAN behind each, for what is forwarded
net_host l
net_join l 3 2 a
for h in a b; do run_ns $h sysctl -qw net.ipv6.conf.all.forwarding=1; done
ip -n l route replace "$B/128" via 2001:db8:3::1
ip -n b route add 2001:db8:3::/64 dev btmm0
ip -n a xfrm policy add src 2001:db8:3::/64 dst "$B" dir out tmpl src "$A" dst "$B" proto esp reqid 1 mode tunnel
ip -n a xfrm policy add src "$B" dst 2001:db8:3::/64 dir fwd tmpl src "$B" dst "$A" proto esp reqid 1 mode tunnel
ip -n b xfrm policy add src 2001:db8:3::/64 dst "$B" dir in tmpl src "$A" dst "$B" proto esp reqid 1 mode tunnel
ip -n b xfrm policy add src "$B" dst 2001:db8:3::/64 dir out tmpl src "$B" dst "$A" proto esp reqid 1 mode tunnel
receiver in b

underlay() {
	if [[ $1 = 4 ]]; then
		run_ns a btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
		run_ns b btmm-ctl peer set "$A" endpoint 10.1.0.2:4500
	else
		run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
		run_ns b btmm-ctl peer set "$A" endpoint '[2001:db8:1::2]:4500'
	fi
}
# quic SIZE NAME: a datagram that must not be fragmented, sent again up to
# three times as a sender does that is told of a smaller MTU
quic() {
	local i
	for i in 1 2 3; do
		send a udp --dst "$B" --dontfrag --size "$1" --data "quic-$2" >/dev/null
		wait_for 2 has_received in " $1 quic-$2" && return
	done
	return 1
}
tcp() { tcp_copy a b "$1"; }
# small as the files are, an MTU's worth of segments is in them
tcp_copy() {
	local from=$1 to=$2
	head -c 256K /dev/urandom >"$tap_tmp/f"
	run_ns "$to" timeout 60 socat -u TCP6-LISTEN:7001,reuseaddr "OPEN:$tap_tmp/f.out,creat,trunc" &
	local server=$!
	wait_for 10 listening "$to" 7001
	run_ns "$from" timeout 50 socat -u "OPEN:$tap_tmp/f" "TCP6:[${ULA[$to]}]:7001"
	wait $server
	cmp "$tap_tmp/f" "$tap_tmp/f.out"
}
fresh() { local h; for h in a b r l; do ip -n $h -4 route flush cache; ip -n $h -6 route flush cache; done; }

# --- the same MTU all the way ---------------------------------------------------
for mtu in 1280 1343 1344 1400 1500 9000; do
	for version in 4 6; do
		for h in a b; do net_mtu "$h" "$([[ $h = a ]] && echo 1 || echo 2)" "$mtu"; done
		if [[ $mtu = 9000 ]]; then
			for h in a b; do ip -n $h link set btmm0 mtu $((version == 4 ? 9012 : 8992)); done
		else
			for h in a b; do ip -n $h link set btmm0 mtu 1512; done
		fi
		underlay $version
		fresh
		name=$mtu-$version
		ok "MTU $mtu, IPv$version: ping" pings a b
		ok "... TCP there" tcp_copy a b
		ok "... TCP back" tcp_copy b a
		ok "... QUIC of 1200" quic 1200 "$name"
		# 1300 octets inside are 1376 with ESP's: what the path has room for
		room=$((mtu + (version == 4 ? 12 : -8)))
		if ((room >= 1376 || room < 1356)); then
			ok "... QUIC of 1252" quic 1252 "$name"
		else
			# not all of IPv6's promise: its sender is told
			send a udp --dst "$B" --dontfrag --size 1252 --data told >/dev/null
			send a udp --dst "$B" --dontfrag --size 1252 --data told >/dev/null
			is "... QUIC of 1252 has no room: its sender is told" \
				"$(send a udp --dst "$B" --dontfrag --size 1252 --data told)" EMSGSIZE
		fi
		ok "... a forwarded packet of 1280" run_ns l ping -6 -c 1 -W 5 -M 'do' -s 1232 -q "$B"
	done
done
is 'no IPv6 fragment came to the device of a' "$(counter a tx_fragment)" 0
is 'no IPv6 fragment came to the device of b' "$(counter b tx_fragment)" 0
cmp_num 'the path was let fragment where it is too narrow for IPv6' "$(counter a tx_df_cleared)" -gt 0

# --- a narrow place on the way, with ICMP -----------------------------------------
for h in a b; do
	net_mtu "$h" "$([[ $h = a ]] && echo 1 || echo 2)" "1500"
	ip -n $h link set btmm0 mtu 1512
done
path_mtu() { ip -n a route get "$1" | sed -n 's/.*mtu \([0-9]*\).*/\1/p'; }
# forge VERSION SPI MTU [LAST-OCTET PORT]: ICMP of an attacker who knows the
# addresses and ports, but no SPI
forge() {
	run_ns r python3 - "$1" "$2" "$3" "${4:-2}" "${5:-4500}" <<-'END'
		import socket, struct, sys
		version, spi, mtu, last, port = sys.argv[1], int(sys.argv[2], 0), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
		def csum(d):
		    d += b"\0" * (len(d) & 1)
		    s = sum(struct.unpack(">%dH" % (len(d) // 2), d))
		    while s >> 16: s = (s & 65535) + (s >> 16)
		    return ~s & 65535
		udp = struct.pack(">HHHH", port, port, 1400, 0) + struct.pack(">II", spi, 5) + bytes(80)
		if version == "4":
		    a, b = socket.inet_aton("10.1.0.2"), socket.inet_aton("10.2.0." + last)
		    ip = struct.pack(">BBHHHBBH", 0x45, 0, 1420, 0, 0x4000, 63, 17, 0) + a + b
		    ip = ip[:10] + struct.pack(">H", csum(ip)) + ip[12:]
		    msg = struct.pack(">BBHHH", 3, 4, 0, 0, mtu) + ip + udp
		    msg = msg[:2] + struct.pack(">H", csum(msg)) + msg[4:]
		    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
		    s.sendto(msg, ("10.1.0.2", 0))
		else:
		    a, b = (socket.inet_pton(socket.AF_INET6, x) for x in ("2001:db8:1::2", "2001:db8:2::" + last))
		    ip = struct.pack(">IHBB", 6 << 28, 1400, 17, 63) + a + b
		    msg = struct.pack(">BBHI", 2, 0, 0, mtu) + ip + udp
		    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
		    s.sendto(msg, ("2001:db8:1::2", 0))
	END
}
for version in 4 6; do
	far=$([[ $version = 4 ]] && echo 10.2.0.2 || echo 2001:db8:2::2)
	underlay $version
	fresh
	is "IPv$version: nothing is known of the path" "$(path_mtu "$far")" ''
	before=$(counter a rx_icmp_refused)
	# Since 6.12.y the kernel believes any ICMP that quotes UDP, also where there
	# is no socket at all, before a tunnel is asked.
	forge $version 1 1300 77 9
	believes() { [[ $(path_mtu "${far%2}77") = 1300 ]]; }
	wait_for 1 believes && credulous=yes || credulous=no
	forge $version 0xdeadbeef 1300
	ok "IPv$version: forged ICMP with an unknown SPI is refused" wait_for 5 counter_above a rx_icmp_refused "$before"
	forge "$version" "$SPI_BA" 1300
	ok '... so it is with the SPI of the other direction' wait_for 5 counter_above a rx_icmp_refused $((before + 1))
	if [[ $credulous = no ]]; then
		is '... and changes nothing' "$(path_mtu "$far")" ''
	else
		skip '... and changes nothing' 'this kernel believes any ICMP that quotes UDP'
	fi
	ok '... TCP goes on' tcp_copy a b
	fresh

	net_mtu b 2 1400
	before=$(counter a rx_icmp_refused)
	ok "IPv$version: mid-path 1400, ICMP arrives: TCP" tcp_copy a b
	is '... the path MTU is learnt' "$(path_mtu "$far")" 1400
	ok '... QUIC of 1200' quic 1200 "icmp-$version"
	is '... no ICMP was refused' "$(counter a rx_icmp_refused)" "$before"
	net_mtu b 2 1500
	fresh
done

# --- and with ICMP swallowed -----------------------------------------------------------
net_mtu b 2 1400
underlay 4
fresh
run_ns r nft -f - <<-END
	table inet hole {
		chain out { type filter hook output priority 0
			icmp type destination-unreachable drop
			icmpv6 type packet-too-big drop
		}
	}
END
if run_ns a test -e /sys/class/net/btmm0/autotunnel/pmtu_black_holes; then
	before=$(counter a pmtu_black_holes)
	ok 'a black hole: TCP comes through, slowly' tcp_copy a b
	cmp_num '... it was found' "$(since a pmtu_black_holes "$before")" -ge 1
	is '... though no ICMP came' "$(path_mtu 10.2.0.2)" ''
	ok '... QUIC of 1200' quic 1200 hole
	# the other direction, for the answers of b are not the narrow ones
	run_ns a btmm-ctl peer del "$B"
	peer a b endpoint 10.2.0.2:4500
else
	fails 'a black hole without probing: TCP stands still' tcp_copy a b
fi
fresh
run_ns a sysctl -qw net.ipv4.tcp_mtu_probing=1 net.ipv4.tcp_base_mss=1024
ok 'a black hole, tcp_mtu_probing=1: TCP' tcp_copy a b

is 'in all this no IPv6 fragment came to the device' "$(counter a tx_fragment),$(counter b tx_fragment)" 0,0

done_testing
