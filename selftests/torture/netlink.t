#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Netlink messages to the family and to links of the kind, spoilt by what the last ones
# taught: which code they reached (kcov, in uml-debug), and what was answered.
# Afterwards a device can be made, the tunnel beside it works, the memory is what
# it was, and the module unloads. What was found stays in build/torture/corpus/netlink.
# kernels: uml uml-debug
# timeout: 400
# boot: own
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/torture.sh"

nlfuzz=$torture_built/nlfuzz
[[ -x $nlfuzz ]] || bail "$nlfuzz is not built: make torture-build"

# A module that says where it has been, where there is one: in place of the other.
kcov=()
instrumented=$torture_built/$(uname -r)/autotunnel.ko
if [[ -e /sys/kernel/debug/kcov && -e $instrumented ]]; then
	modprobe autotunnel && rmmod autotunnel && insmod "$instrumented" || bail 'no module for kcov'
	kcov=(--kcov)
else
	diag 'no kcov: what is answered leads the way'
fi
net_pair
sa_pair
ok 'the tunnel works' pings a b 2
net_host f
net_join f 3

# --- seeds: what btmm-ctl and ip really say -----------------------------------------
modprobe nlmon
ip -n f link add nlmon0 type nlmon
ip -n f link set nlmon0 up
capture seeds f nlmon0
(
	run_ns f btmm-ctl dev add btmm0 local fd00:f::1 port 4500 up
	run_ns f btmm-ctl dev set btmm0 keepalive 10 tx-batch off rx-gro on
	run_ns f btmm-ctl peer add fd00:b::1 dev btmm0 endpoint 10.2.0.2:4500
	run_ns f btmm-ctl peer set fd00:b::1 dev btmm0 endpoint '[2001:db8:2::2]:4500' keepalive 3
	run_ns f btmm-ctl peer show dev btmm0
	run_ns f btmm-ctl dev show
	run_ns f btmm-ctl peer del fd00:b::1 dev btmm0
	ip -n f link set btmm0 mtu 1400
	ip -n f link add btmm1 type autotunnel
	ip -n f link del btmm1
	ip -n f link del btmm0
) >"$TEST_OUT/seeds.log" 2>&1
captured_all() { packets_above seeds 40; }
wait_for 10 captured_all
capture_end seeds
ip -n f link del nlmon0

# --- the fuzzing, in pieces: the memory is looked at between them -------------------------
corpus=$PWD/build/torture/corpus/netlink
mkdir -p "$corpus"
background events ip netns exec f btmm-ctl monitor
executions=0 links=0 piece=0 dead='' accepted=()
# field NAME: of what the last piece said
field() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" "$TEST_OUT/nlfuzz" | tail -n 1; }

# fuzz SECONDS
fuzz() {
	local line i
	piece=$((piece + 1))
	# debugfs is not to be seen behind "ip netns exec"
	nsenter --net=/run/netns/f "$nlfuzz" "$1" $((torture_seed + piece)) "$corpus" "${kcov[@]}" \
		"$TEST_OUT/seeds.pcap" >"$TEST_OUT/nlfuzz" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		line=$(tail -n 1 "$TEST_OUT/nlfuzz" 2>/dev/null)
		progress "piece $piece, ${line#*: }"
		nap 0.5
	done
	wait $pid || { dead="piece $piece: $(tail -n 1 "$TEST_OUT/nlfuzz")"; return; }
	executions=$((executions + $(field executions)))
	links=$((links + $(field links)))
	for i in 1 2 3 4 5 6 7 8; do accepted[i]=$((${accepted[i]:-0} + $(field "accepted_$i"))); done
}

# The first fills caches, and finds most of what there is.
third=$((BTMM_TORTURE_SECONDS / 3 > 2 ? BTMM_TORTURE_SECONDS / 3 : 2))
memory=()
for i in 1 2 3; do
	[[ -z $dead ]] || break
	fuzz $third
	# What waits for a grace period, or for asynchronous crypto, goes in a moment.
	least=$(kernel_memory)
	settled() {
		local now
		now=$(kernel_memory)
		((now < least)) && least=$now && return 1
		return 0
	}
	wait_for 10 settled
	memory+=("$least")
done
cp "$TEST_OUT/nlfuzz" "$TEST_OUT/nlfuzz.last" 2>/dev/null
diag_file "$TEST_OUT/nlfuzz"
diag "kernel memory in KiB after each third: ${memory[*]}"
is 'the fuzzer went on to its end' "$dead" ''
cmp_num 'programs were run' $executions -ge 200
cmp_num 'devices were made and deleted' $links -ge 20
cmp_num 'it began with real messages' "$(field captured)" -ge 5
for i in 1 2 3 4 5 6 8; do
	cmp_num "command $i was accepted now and then" "${accepted[i]:-0}" -ge 1
done
cmp_num 'many different answers were seen' "$(field answers)" -ge 40
if [[ ${#kcov[@]} -gt 0 ]]; then
	cmp_num '... and much of the code' "$(field edges)" -ge 300
fi
# As much work again as before: what is lost at each program would show.
cmp_num 'the memory is what it was (KiB)' $((memory[2] - memory[1])) -lt 2048
count executions $executions
count links $links

ok 'the tunnel beside it works' wait_for 20 pings a b 2
ok '... with TCP' tcp_copy a b 1
ok 'a new device can be made' run_ns f btmm-ctl dev add btmm0 local fd00:f::1 up
run_ns f btmm-ctl peer add "$B" dev btmm0 endpoint 10.2.0.2:4500
like '... and has its peer' "$(run_ns f btmm-ctl peer show "$B" dev btmm0)" '10\.2\.0\.2:4500'
kill "$bg_pid"
for h in a b f; do ip -n $h link del btmm0; done
unload() { rmmod autotunnel; }
ok 'the module can be unloaded' wait_for 30 unload
done_testing
