#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Name spaces that are made and killed, links that come, move and go, a module that is
# taken away: by several at once, over IPv4 and IPv6, and all of it under full traffic.
# Nothing waits for ever, nothing is left, and what is set up afterwards works.
# kernels: uml-debug 6.12
# timeout: 600
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/../tunnel/probe.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/load.sh"

torture=$(dirname "$0")
workers=4
spaces() { PYTHONPATH=$torture python3 -c "import rtnl; print(rtnl.$1())"; }
spaces_are() { (($(spaces spaces) <= $1)); }

# links NAME COMMAND...: links.py in the background
declare -A pid=()
links() {
	local name=$1
	shift
	python3 "$torture/links.py" "$@" >"$TEST_OUT/links.$name" 2>&1 &
	pid[$name]=$!
	add_cleanup kill $!
}
# ends NAME...: of those that end by themselves, or are told to
ends() {
	local name
	for name; do
		wait "${pid[$name]}" || fail "$name ended with $?" "$(tail -n 15 "$TEST_OUT/links.$name")"
	done
}
declare -A sum=()
add() {
	local n v
	while read -r n v; do
		[[ $v =~ ^[0-9]+$ ]] && sum[$n]=$((${sum[$n]:-0} + v))
	done < <(cat "$TEST_OUT"/links.*)
	diag "$(for n in "${!sum[@]}"; do echo -n "$n=${sum[$n]} "; done)"
	rm -f "$TEST_OUT"/links.*
}

# What happens to a, the one whose connections must live through it.
moves=0 here=2
tell() { run_ns "$1" btmm-ctl peer set "${ULA[$2]}" endpoint "$3" >/dev/null; }
back() {
	ip -n a -force -batch - <<-END 2>/dev/null
		route replace default via 10.1.0.1 dev e1
		addr replace 2001:db8:1::2/64 dev e1 nodad
		route replace default via 2001:db8:1::1 dev e1
		addr replace $A/128 dev btmm0
		route replace $B/128 dev btmm0
	END
}
trouble() {
	local old=$here
	one_of address address updown plug four six
	case $chosen in
	address)
		here=$((here % 100 + 2))
		ip -n a -batch - <<-END
			addr add 10.1.0.$here/24 dev e1
			addr del 10.1.0.$old/24 dev e1
		END
		;;
	updown)
		ip -n a link set btmm0 down
		ip -n a link set btmm0 up
		;;
	plug)
		ip -n a link set e1 down
		ip -n a link set e1 up
		;;
	four) tell a b 10.2.0.2:4500 ;;
	six) tell a b '[2001:db8:2::2]:4500' ;;
	esac
	back
	moves=$((moves + 1))
}

round() {
	local n=$1 chaos=$2 reload=$3 i end base mark
	base=$(spaces spaces_at_rest)
	net_pair keepalive 1
	sa_pair
	run_ns a sysctl -qw net.ipv4.conf.e1.promote_secondaries=1
	python3 "$torture/links.py" hub $workers >/dev/null || bail 'no hub'
	ok "round $n: the tunnel works" pings a b 3
	load_streams=0
	rm -f "$tap_tmp"/stream.*
	streams_begin 0.01 0.02
	links flood flood $workers
	for ((i = 0; i < workers; i++)); do
		links "churn$i" churn $i "$torture_seed.$n" "$chaos"
	done
	end=$(($(now_ms) + chaos * 1000))
	here=2
	while (($(now_ms) < end)); do
		trouble
		mark=$(streams_octets)
		wait_for 10 eval '[[ $(streams_octets) != "$mark" ]]'
	done
	for ((i = 0; i < workers; i++)); do ends "churn$i"; done
	streams_end 120

	# now all of them at once, and nobody's connection is spared
	for ((i = 0; i < workers; i++)); do
		links "churn$i" churn $i "$torture_seed.$n.r" "$reload"
	done
	links reload reload "$torture_seed.$n" "$reload" $workers
	for ((i = 0; i < workers; i++)); do ends "churn$i"; done
	ends reload
	ok "round $n: the module goes under traffic" wait_for 20 rmmod autotunnel
	kill "${pid[flood]}"
	ends flood
	add
	for i in a b r; do ip netns del $i; done
	ok "round $n: no name space is left" wait_for 30 spaces_are "$base" || diag "$(spaces spaces), not $base"
	fails "round $n: no device waits for its references" \
		eval 'dmesg | grep -E "waiting for .* to become free"'
}

rounds=$(((BTMM_TORTURE_SECONDS + 59) / 60))
for ((n = 1; n <= rounds; n++)); do
	round $n $((BTMM_TORTURE_SECONDS * 5 / 10 / rounds)) $((BTMM_TORTURE_SECONDS * 3 / 10 / rounds))
done
cmp_num 'each worker lived' "${sum[lives]:-0}" -ge $((rounds * workers))
cmp_num 'most of what they did was done' "${sum[done]:-0}" -gt "${sum[refused]:-0}"
cmp_num 'the module went and came' "${sum[reloads]:-0}" -gt "$rounds"
cmp_num 'packets came through' "${sum[received]:-0}" -gt 100

net_pair
sa_pair
ok 'a tunnel set up afterwards works' pings a b 3
ok '... with TCP' tcp_copy a b 1
for h in a b; do ip -n $h link del btmm0; done
unload() { modprobe -r autotunnel; }
ok 'the module can be unloaded' wait_for 30 unload

count links "${sum[links]:-0}"
count namespaces "${sum[namespaces]:-0}"
count packets "${sum[packets]:-0}"
count moves $((moves + ${sum[moves]:-0}))
done_testing
