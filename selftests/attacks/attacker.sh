# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Who means no good, on top of tunnel/net.sh: a host of its own, m, on network 9. The
# router passes on what m sends, whatever source it claims; so an attacker off the path.
# Who is on the path is the router itself (tunnel/onpath.sh).
#
#	net_pair ...; attacker
#	mallory ARG...		datagrams of any source; see tunnel/raw.py
#	harmless DESC		no endpoint has moved, and the tunnel works both ways

attacks=$(dirname "${BASH_SOURCE[0]}")
. "$attacks/../tunnel/net.sh"
. "$attacks/../tunnel/probe.sh"
AT_A=10.1.0.2:4500 AT_B=10.2.0.2:4500 AT_M=10.9.0.2:4500

attacker() {
	net_host m
	net_join m 9
	run_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.conf.rm9.rp_filter=0
}
mallory() { run_ns m "$attacks/../tunnel/raw.py" "$@"; }
# m_py SCRIPT ARG...: a program of this folder, run by m
m_py() { local script=$1; shift; run_ns m "$attacks/$script" "$@"; }

# where A and B take each other to be, and how often they have changed their minds
believed() { echo "$(endpoint a b) $(endpoint b a) $(counter a endpoint_moves) $(counter b endpoint_moves)"; }
harmless() {
	is "$1: nobody is thought to be elsewhere" "$(believed)" "$AT_B $AT_A ${MOVES:-0 0}"
	ok "$1: a reaches b" pings a b 2
	ok "$1: b reaches a" pings b a 2
}

# at_least DESC HOST COUNTER BEFORE BY: it rises by that, soon
at_least() {
	wait_for 20 counter_above "$2" "$3" $(($4 + $5 - 1))
	cmp_num "$1" $(($(counter "$2" "$3") - $4)) -ge "$5"
}

# kib_unreclaimable: what the kernel holds on to; pages that wait in per-CPU lists are free
kib_unreclaimable() {
	echo 2 >/proc/sys/vm/drop_caches
	awk '$1 ~ /^(SUnreclaim|Percpu):/ { sum += $2 } END { print sum }' /proc/meminfo
}
# not_grown DESC BEFORE MOST: in KiB; KASAN keeps what is freed
not_grown() {
	if [[ ${LAB_KIND-} = uml-debug ]]; then
		skip "$1" 'KASAN keeps what is freed'
		return
	fi
	local now
	now=$(kib_unreclaimable)
	cmp_num "$1 ($(($now - $2)) KiB)" $((now - $2)) -lt "$3"
}
