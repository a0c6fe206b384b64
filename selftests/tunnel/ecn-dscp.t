#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Traffic class: DSCP is copied to the outer header, ECN is treated as RFC 4301
# section 5.1.2.1 says: ECT goes out, and congestion that the path met arrives.
# kernels: uml
# timeout: 180
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
ok 'ping' pings a b
receiver in b

outer_field() { [[ $1 = ip ]] && echo 'ip[1]' || echo '(ip6[0:2] >> 4) & 0xff'; }
# tclass NAME VERSION SENT: sends one datagram of that class; sets $outer, what
# the router got, and $inner, what arrived ("-" for nothing)
tclass() {
	local name=$1 version=$2 sent=$3 filter
	[[ $version = 4 ]] && filter='udp and greater 150' || filter='ip6 and udp'
	capture "$name" r ra1 -Q in "$filter"
	send a udp --dst "$B" --tclass "$sent" --data "class-$name" --size 200 >/dev/null
	inner=-
	wait_for "${4:-10}" has_received in "class-$name" &&
		inner=$(awk -v w="class-$name" '$4 == w { print $2 }' "$TEST_OUT/in.log")
	seen() { run_ns r tcpdump -nr "$TEST_OUT/$name.pcap" 2>/dev/null | grep -q .; }
	wait_for 5 seen
	capture_end "$name"
	outer=$(python3 - "$TEST_OUT/$name.pcap" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()[40:]
		ip = data[14:]
		print(ip[1] if ip[0] >> 4 == 4 else struct.unpack(">H", ip[:2])[0] >> 4 & 255)
	END
	)
}

# On the router: sets CE on what was marked as able, and on everything
ce() { run_ns r nft -f - <<<"flush ruleset; table inet t { chain c { type filter hook forward priority 0; $1; }; }"; }

for version in 4 6; do
	if [[ $version = 6 ]]; then
		run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
		run_ns b btmm-ctl peer set "$A" endpoint '[2001:db8:1::2]:4500'
		ok 'ping over IPv6' pings a b
		l3=ip6
	else
		l3=ip
	fi
	run_ns r nft flush ruleset
	for class in 0 184 40 1 2 3 186; do
		tclass "plain_${version}_$class" $version $class
		# CE by the sender itself: XFRM says ECT(0) outside, as RFC 3168 has it
		is "IPv$version: class $class outside" "$outer" $((class % 4 == 3 ? class - 1 : class))
		is "IPv$version: class $class arrives" "$inner" "$class"
	done
	ce "$l3 ecn set ce"
	for class in 1 2 185 186; do
		tclass "ce_${version}_$class" $version $class
		is "IPv$version: class $class outside" "$outer" "$class"
		is "IPv$version: ECT $class, congestion on the way: CE arrives" "$inner" $((class | 3))
	done
	# RFC 6040 would drop it; RFC 4301 and so XFRM keep the inner header
	tclass "ce_${version}_not" $version 184
	is "IPv$version: not ECT, CE outside: arrives as it was sent" "$inner" 184
	# DSCP that the path changed stays outside
	ce "$l3 dscp set cs1"
	tclass "dscp_$version" $version 186
	is "IPv$version: DSCP changed on the way: the inner one stays" "$inner" 186
done

# IKE and keepalives: IKE keeps what the daemon asked for
run_ns r nft flush ruleset
run_ns a btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
no_policy a b
capture ike r ra1 -Q in udp
send a udp --src "$A" --sport 500 --dst "$B" --dport 500 --ike --bypass --tclass 192 >/dev/null
ok 'IKE was sent' wait_for 5 counter_above a tx_ike 0
seen() { run_ns r tcpdump -nr "$TEST_OUT/ike.pcap" 2>/dev/null | grep -q .; }
wait_for 5 seen
capture_end ike
is 'class of IKE outside' "$(run_ns r tcpdump -vnr "$TEST_OUT/ike.pcap" 2>/dev/null | grep -c 'tos 0xc0')" 1

done_testing
