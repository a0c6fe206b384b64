#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three hosts, two behind different NATs and one in public, that were all switched off: how
# long until each reaches each by name. How often is in the environment:
#
#	scripts/lab -k uml -- env DISCOVERY_RUNS=20 selftests/lib/run selftests/btmmd/discovery.t
#
# And what that is made of: nobody waits for ciphers, or is refused by who is about to
# know him.
# kernels: uml
# timeout: 200
# boot: own
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/discovery.sh"
runs=${DISCOVERY_RUNS:-3}
# ms; where others use the CPU as well, more
P50=$((2000 * ${BTMM_PATIENCE:-1})) P95=$((5000 * ${BTMM_PATIENCE:-1}))

# As in the demo
way=delay=10,rate=10mbit
topology 'internet: server resolver carol' "home1(natpmp,$way): alice" "home2(upnp,$way): bob"
hosts='alice bob carol'
# shellcheck disable=SC2086
account_make server resolver carol $hosts

# nothing HOST...: as a host is that was stopped in order, and is off
nothing() {
	local h
	for h; do
		ip -n "$h" link del btmm0
		ip -n "$h" xfrm state flush
		ip -n "$h" xfrm policy flush
		run_ns "$h" nft flush ruleset
		on "$h" rm -rf /run/btmmd /run/btmm-charon
		kill "${ECHO_PID[$h]}"
		wait "${ECHO_PID[$h]}"
	done
}

# In this kernel nobody has had an SA yet.
cipher='^name *: seqiv\((rfc4106\(gcm\(aes\)\)|rfc7539esp\(chacha20,poly1305\))\)$'
is 'no cipher is there' "$(grep -cE "$cipher" /proc/crypto)" 0
on alice install -d -m 755 /run/btmm-charon
ok 'before charon there are ...' on alice btmmd prepare-charon /run/btmm-charon
is '... the first cipher' "$(grep -cE "$cipher" /proc/crypto)" 1
is '... and no SA' "$(on alice ip xfrm state)" ''
on alice rm -r /run/btmm-charon

took=()
for ((i = 1; i <= runs; i++)); do
	# shellcheck disable=SC2086
	discovery_watch $hosts
	# shellcheck disable=SC2086
	host_start $hosts
	if ok "run $i: each reaches each by name" discovery_wait 40; then
		took+=("$(discovery_ms)")
		diag "${took[-1]} ms after the last daemon was ready"
	else
		# shellcheck disable=SC2086
		trouble $hosts
	fi
	discovery_story | sort -k2,2n >"$TEST_OUT/story.$i"
	discovery_end
	((i < runs)) || break
	# shellcheck disable=SC2086
	host_stop $hosts
	# shellcheck disable=SC2086
	nothing $hosts >/dev/null 2>&1
done
p50=$(percentile 50 "${took[@]}") p95=$(percentile 95 "${took[@]}")
diag "of ${#took[@]} runs, in ms: p50 $p50, p95 $p95; $(printf '%s ' "${took[@]}")"
cmp_num 'p50' "$p50" -le $P50
cmp_num 'p95' "$p95" -le $P95

# Carol calls Bob before he has heard of her: her IKE waits, and is not refused.
known() { run_ns "$1" btmm-ctl --json peer show | jq -e --arg u "$(ula "$2")" '.[] | select(.ula == $u)'; }
host_stop carol
ok 'Carol is off' wait_for 5 eval '! on bob getent ahostsv6 "$(fqdn carol)"'
nothing carol >/dev/null 2>&1
refused=$(grep -c NO_PROP "$TEST_OUT/charon.bob.log")
sever bob server
host_start carol
calls() {
	pings carol bob 1
	tac "$TEST_OUT/charon.carol.log" | sed '/spawning/q' | grep -q 'initiating IKE_SA btmm-bob'
}
ok 'she is on, and calls Bob' wait_for 15 calls
fails 'Bob does not know her' known bob carol
mend bob server
ok 'they reach each other' wait_for 10 reach_all bob carol || trouble bob carol
is 'he did not refuse her' "$(grep -c NO_PROP "$TEST_OUT/charon.bob.log")" "$refused"
done_testing
