# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Two peers of A with good SAs, b and c, and esp.py in b's hands: on top of attacker.sh.
#
#	inner_begin		tunnels, SAs, policies; A is a router, l a host behind it
#	evil CASE...		b sends these through its SA; $evil_n: packets so far
#	refused COUNTER DESC CASE...	none is delivered anywhere, and COUNTER (of the device,
#				of XFRM, of IPv6; - for none) has risen by as many

ALG_HMAC='enc ecb(cipher_null) EMPTY auth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 128'
SPI_EVIL=0x6001 SPI_C=0x6003
evil_n=0

inner_begin() {
	net_pair keepalive off
	attacker
	sa_pair
	# c is nobody's machine here: its name, its SA and its policies are what counts
	peer a c endpoint 10.9.0.2:4500
	sa a "$B" "$A" $SPI_EVIL "$ALG_HMAC" replay-window 128
	sa a "$C" "$A" $SPI_C "$ALG_HMAC" replay-window 128
	ip -n a -batch - <<-END
		xfrm policy add src $C dst $A dir in tmpl src $C dst $A proto esp reqid 1 mode tunnel
		xfrm policy add src $A dst $C dir out tmpl src $A dst $C proto esp reqid 1 mode tunnel
	END
	net_host l
	net_join l 3 2 a
	run_ns a sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
	receiver in-a a
	receiver in-l l
}

evil() {
	run_ns b "$attacks/esp.py" "$AT_B" "$AT_A" $SPI_EVIL $((evil_n + 1)) "$@" >>"$TEST_OUT/evil" 2>&1
	evil_n=$((evil_n + $#))
}
# as_c CASE...: likewise, c, from its own place
c_n=0
as_c() {
	m_py esp.py "$AT_M" "$AT_A" $SPI_C $((c_n + 1)) "$@" >>"$TEST_OUT/evil" 2>&1
	c_n=$((c_n + $#))
}

# of_a COUNTER: of A's device, or of its IPsec or IPv6 when it is named so
# shellcheck disable=SC2016
of_a() {
	case $1 in
	Xfrm*) xfrm_stat a "$1" ;;
	Ip6*) run_ns a awk -v n="$1" '$1 == n { print $2 }' /proc/net/snmp6 ;;
	*) counter a "$1" ;;
	esac
}
of_a_is() { [[ $(of_a "$1") -ge $2 ]]; }
received_anywhere() { cat "$TEST_OUT"/in-*.log | grep -c "$1"; }

# What is delivered is known by its word. A good packet behind it shows that the SA has not
# stopped, and that what came before it has been seen.
serial=0
refused() {
	local name=$1 desc=$2 before
	shift 2
	[[ $name = - ]] || before=$(of_a "$name")
	serial=$((serial + 1))
	evil "$@" "udp:[$B]>[$A]:good-$serial"
	ok "$desc: the good one behind it comes" wait_for 10 has_received in-a "good-$serial"
	is "$desc: nothing is delivered" "$(received_anywhere EVIL)" 0
	[[ $name != - ]] || return 0
	wait_for 10 of_a_is "$name" $((before + $#))
	is "$desc: counted ($name)" "$(($(of_a "$name") - before))" $#
}
