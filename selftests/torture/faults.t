#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Out of memory at each point where memory is asked for: by every operation of the netlink
# family, every link operation, name spaces, the module's coming and going; and by chance
# where packets are. What fails changes nothing, what succeeds changes all, the tunnel
# works afterwards, and the lab looks for reports and leaks.
# kernels: uml-debug
# timeout: 900
#
# BTMM_FAULTS_PARTS: only these of netlink, dump, link, namespace, chance, module.
# FAULTS_VERBOSE=2 shows each fault's trace, which the lab then takes for reports.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/load.sh"

torture=$(dirname "$0")
[[ -e /sys/kernel/debug/failslab ]] || skip_all 'this kernel has no fault injection'

parts=${BTMM_FAULTS_PARTS:-netlink dump link namespace chance module}
total=0
# faults DESC NAMESPACE PERCENT WHAT [ARGUMENT...]: PERCENT of the test's time; see faults.py
faults() {
	local desc=$1 ns=$2 percent=$3 what=$4 log rc n
	[[ " $parts " = *" $what "* ]] || return 0
	shift 4
	log=$TEST_OUT/faults.$what
	# ip netns exec has a /sys of its own, without debugfs
	nsenter --net="/run/netns/$ns" python3 "$torture/faults.py" "$what" "$torture_seed" \
		"$((BTMM_TORTURE_SECONDS * percent / 100))" "$@" 2>&1 | tee "$log" | sed -u 's/^/# /'
	rc=${PIPESTATUS[0]}
	n=$(sed -n 's/^faults=\([0-9]*\).*/\1/p' "$log")
	total=$((total + ${n:-0}))
	is "$desc" "$rc,$(grep -c '^BAD' "$log")" 0,0
	cmp_num "$desc: there were faults" "${n:-0}" -gt 0
}

# works DESC
works() {
	ok "$1: ping" pings a b 3
	ok "$1: TCP" tcp_copy a b 1
	ok "$1: and back" tcp_copy b a 1
}

# --- operations -----------------------------------------------------------------------
net_pair keepalive off
sa_pair
net_host m
ip -n m addr add fd00:a::9/128 dev lo
ok 'the tunnel works' pings a b

faults 'operations of the family' a 25 netlink r
works 'after those'
faults 'a long dump of peers' a 5 dump r
faults 'operations on links' a 25 link m
works 'after those'
faults 'name spaces' m 15 namespace
works 'after those'

# --- packets ----------------------------------------------------------------------------
# chance PERCENT FUNCTION: for the part of the test's time that $1 of them is
mkfifo "$tap_tmp/chance"
chance() {
	local percent=$1 below=$2 log=$TEST_OUT/faults.chance.$1 end n before
	before=$(streams_octets)
	python3 "$torture/faults.py" chance "$torture_seed" 0 "$percent" "$below" \
		<"$tap_tmp/chance" >"$log" 2>&1 &
	local injector=$!
	add_cleanup kill $injector
	exec {hold}>"$tap_tmp/chance"
	wait_for 60 grep -qE 'armed|cannot' "$log"
	end=$(($(now_ms) + BTMM_TORTURE_SECONDS * 1000 * 5 / 100))
	while (($(now_ms) < end)); do
		run_ns a ping -6 -f -c 200 -w 2 -s 1200 -q "$B" >/dev/null 2>&1
		run_ns b ping -6 -f -c 200 -w 2 -s 2400 -q "$A" >/dev/null 2>&1
	done
	exec {hold}>&-
	wait $injector
	n=$(sed -n 's/^faults=\([0-9]*\).*/\1/p' "$log")
	if grep -q 'cannot filter' "$log"; then
		# without the filter the kernel's own loss in validate_xmit_xfrm() is met
		skip "$percent % of atomic allocations below $below" 'no stack trace filter'
		return
	fi
	total=$((total + ${n:-0}))
	cmp_num "$percent % of atomic allocations below $below fail under traffic" "${n:-0}" -gt 0
	diag "$n faults; octets of the streams $before, then $(streams_octets)"
}
if [[ " $parts " = *' chance '* ]]; then
	streams_begin 0.02 0.02 0.1
	chance 20 '[autotunnel]'
	chance 10 'handle_softirqs|__do_softirq'
	chance 3 'ip6_xmit|ip6_finish_output2'
	streams_end 120
	works 'after faults under traffic'
fi

# --- the module -------------------------------------------------------------------------
file=$(modinfo -n autotunnel)
for h in a b; do ip -n $h link del btmm0; done
net_host x
faults 'the module' x 15 module "$file"
for h in a b; do ip -n "$h" xfrm state flush; ip -n "$h" xfrm policy flush; done
modprobe autotunnel
for h in a b; do tunnel $h keepalive off; done
peer a b endpoint 10.2.0.2:4500
peer b a endpoint 10.1.0.2:4500
sa_pair
works 'with the module loaded anew'
for h in a b; do ip -n $h link del btmm0; done
unload() { modprobe -r autotunnel; }
ok 'it can be unloaded' wait_for 30 unload

count faults $total
done_testing
