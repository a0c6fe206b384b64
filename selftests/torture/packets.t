#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real packets of a tunnel, spoilt, and given to the device and to the tunnel port
# again, many thousands a second. Nothing spoilt is decrypted, no cleartext leaves,
# no packet goes uncounted or is answered twice, nobody's copy is written into;
# every packet that was left as it was still arrives, and the tunnel works.
# kernels: uml uml-debug
# timeout: 600
# shares: 3
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/../tunnel/probe.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/torture.sh"

at=/sys/kernel/debug/at-torture
ko=$torture_built/$(uname -r)/at-torture.ko
[[ -e $ko ]] || bail "$ko is not built: make torture-build"

stat() { awk -v n="$1" '$1 == n { print $2 }' $at/stats; }
tell() { echo "$2" >"$at/$1"; }
# debugfs is one for all namespaces; the writer's counts
run_a() { nsenter --net=/run/netns/a bash -c "echo '$2' >$at/$1"; }
authentic() { peer_json a b rx_packets; }

# --- the tunnel, and what is captured of it ------------------------------------------
# No keepalives: what leaves is an answer, or it is noise that can be told by its kind.
net_pair keepalive 0
sa_pair
# What is spoilt may turn into a redirect.
run_ns a sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.e1.accept_redirects=0 \
	net.ipv6.conf.e1.accept_redirects=0
net_gro
ok 'the tunnel works' pings a b 2
ok 'the module loads' insmod "$ko"
add_cleanup rmmod at_torture
ok '... and knows both devices' run_a attach 'btmm0 e1 4500'

# What a program sends, so that it is known where it turns up: the canary.
canary=$(printf BTMM-CLEARTEXT!! | od -An -tx1 | tr -d ' \n')
canary_pings() { run_ns "$1" ping -6 -c "$3" -i 0.02 -W 1 -q -p "$canary" -s "$4" "${ULA[$2]}"; }

# What goes by on its way: ESP both ways, cleartext behind the tunnel.
watch() {
	tell capture copy
	canary_pings a b 10 200
	canary_pings b a 10 900
	tcp_copy b a 1
	send b udp --dst "$A" --size 1000 --count 10
	tell capture off
} >/dev/null 2>&1
corpus() { awk '/^corpus/ { printf "%s%s=%s", s, substr($1, 8), $2; s = " " }' $at/stats; }

# refill: fresh ESP from b, taken off the wire in front of the tunnel. A packet may be
# lost in a slow run, and a large one to a path that is thought to be a black hole, as
# nobody answers: so it is tried again, with small ones.
refill() {
	local try size
	tell run forget
	run_ns a btmm-ctl dev set btmm0 rx-gro off
	watch
	for try in 1 2 3 4 5; do
		tell capture steal
		for size in 1300 500 100; do
			[[ $try -gt 1 && $size != 100 ]] && continue
			# Large ones cost much, and are not spoilt any better.
			canary_pings b a $((size == 100 ? 48 : 8)) "$size" >/dev/null 2>&1
			[[ $(stat corpus_fresh) -ge 60 ]] && break
		done
		tell capture off
		[[ $(stat corpus_fresh) -ge 20 ]] && break
	done
	run_ns a btmm-ctl dev set btmm0 rx-gro on
	fresh=$(stat corpus_fresh)
	for size in fresh outer tx clear; do
		[[ $(stat corpus_$size) -gt 0 ]] || diag "nothing was caught of $size, in $try tries: $(corpus)"
	done
	[[ $fresh -ge 20 ]] || diag "only $fresh fresh packets were caught, in $try tries: $(corpus)"
	[[ $(stat corpus_tx) -gt 0 && $(stat corpus_clear) -gt 0 && $fresh -ge 20 ]]
}

# --- what is counted ---------------------------------------------------------------------
rx_ways=(rx_malformed rx_inactive rx_no_memory rx_unknown_spi rx_esp_refused rx_esp_early rx_ike_malformed
	rx_ike_limited rx_ike_unasked rx_ike_not_held rx_ike_held rx_ike rx_datagrams rx_datagrams_dropped rx_keepalives)
tx_ways=(tx_cleartext tx_not_xfrm tx_ike_refused tx_unencrypted tx_fragment tx_malformed tx_wrong_source
	tx_no_peer tx_no_endpoint tx_no_route tx_loop tx_too_big tx_inactive tx_no_memory tx_outer_error)
# sum HOST NAME...
sum() {
	local h=$1
	shift
	run_ns "$h" awk '{ s += $1 } END { print s }' "${@/#//sys/class/net/btmm0/autotunnel/}"
}
rx_sum() { echo $(($(sum a "${rx_ways[@]}") + $(authentic))); }
# Answers to what came in go through the device, too: by the peer's count.
tx_sum() { echo $(($(sum a "${tx_ways[@]}") + $(packets a))); }

failures=''
wrong() { failures+="$*"$'\n'; diag "$*"; }

# burst WHAT COUNT: rx and tx with as many lies as there are, or -exact, with the books
# balanced
declare -A spent=() made=()
burst() {
	local what=$1 n=$2 moves decrypted books injected since
	moves=$(counter a endpoint_moves)
	decrypted=$(authentic)
	case $what in
	rx-exact) books=$(rx_sum) injected=$(stat injected_rx) ;;
	tx-exact)
		# Errors to the peer would be sent by the same device.
		run_ns a sysctl -qw net.ipv6.icmp.ratelimit=2147483647
		books=$(tx_sum) injected=$(stat injected_tx)
		;;
	esac
	run=$((run + 1))
	since=$(now_ms)
	tell run "$what $n $((torture_seed * 1000003 + run))" || wrong "$what, run $run: the module gave up"
	spent[$what]=$((${spent[$what]-0} + $(now_ms) - since)) made[$what]=$((${made[$what]-0} + n))
	case $what in
	rx-exact)
		injected=$(($(stat injected_rx) - injected))
		books=$(($(rx_sum) - books))
		;;
	tx-exact)
		injected=$(($(stat injected_tx) - injected))
		books=$(($(tx_sum) - books))
		run_ns a sysctl -qw net.ipv6.icmp.ratelimit=1000
		;;
	esac
	[[ $what != *-exact || $books = "$injected" ]] ||
		wrong "$what, run $run: $injected packets were counted as $books"
	if [[ $what = rx* ]]; then
		decrypted=$(($(authentic) - decrypted))
		[[ $decrypted = 0 ]] || wrong "$what, run $run: $decrypted spoilt packets were taken for authentic"
	fi
	moves=$(($(counter a endpoint_moves) - moves))
	[[ $moves = 0 ]] || wrong "$what, run $run: the endpoint moved"
}

# originals: fresh ones are taken once, and once only
originals() {
	local before taken again
	before=$(authentic)
	tell run originals
	taken=$(($(authentic) - before))
	tell run originals
	again=$(($(authentic) - before - taken))
	[[ $taken = "$fresh" ]] || wrong "of $fresh packets as they were, $taken were taken"
	[[ $again = 0 ]] || wrong "$again of them were taken again"
	intact=$((intact + taken))
}

# --- rounds ---------------------------------------------------------------------------------
# As many packets as keep a burst short.
case ${LAB_KIND-} in
uml) size=200000 ;;
uml-debug) size=3000 ;;
*) size=2000 ;;
esac
# A listener, so that events are made, too.
background events ip netns exec a btmm-ctl monitor

run=0 round=0 intact=0 lost=0
outer=(10.2.0.2:4500 '[2001:db8:2::2]:4500') other=(10.1.0.2:4500 '[2001:db8:1::2]:4500')
while ((round < 2)) || time_is_left; do
	# one round over IPv4, one over IPv6
	six=$((round % 2)) round=$((round + 1))
	run_ns a btmm-ctl peer set "$B" endpoint "${outer[six]}"
	run_ns b btmm-ctl peer set "$A" endpoint "${other[six]}"
	if ! wait_for 20 pings a b; then
		wrong "round $round: the tunnel is dead"
		break
	fi
	if ! refill; then
		lost=$((lost + 1))
		((lost < 3)) || { wrong "round $round: nothing to spoil: $(corpus)"; break; }
		continue
	fi
	end=$(($(now_ms) + 20000))
	while :; do
		for what in rx-exact rx tx-exact tx; do burst $what $size; done
		progress "$(stat injected_rx) in, $(stat injected_tx) out, $(corpus)"
		(($(now_ms) < end)) && time_is_left || break
	done
	originals
	wait_for 20 pings b a || wrong "round $round: the tunnel is dead afterwards"
	[[ -z $failures ]] || break
done

# --- what came of it ----------------------------------------------------------------------------
diag_file $at/stats
for f in "${rx_ways[@]}" "${tx_ways[@]}" rx_gro tx_batched tx_df_cleared; do
	[[ $(counter a "$f") = 0 ]] || echo "$f=$(counter a "$f")"
done | paste -sd' ' >"$TEST_OUT/counters"
diag_file "$TEST_OUT/counters"
total=$(($(stat injected_rx) + $(stat injected_tx)))
for what in "${!made[@]}"; do
	diag "$what: ${made[$what]} packets in ${spent[$what]} ms, $((made[$what] * 1000 / (spent[$what] + 1))) a second"
done
is 'nothing was wrong in any burst' "${failures%%$'\n'*}" ''
cmp_num 'packets came in' "$(stat injected_rx)" -ge $((size * 4))
cmp_num '... and were sent' "$(stat injected_tx)" -ge $((size * 4))
cmp_num 'fresh ones were taken afterwards' $intact -ge 40
for f in rx_malformed rx_unknown_spi rx_esp_refused rx_ike_malformed rx_datagrams_dropped rx_keepalives rx_gro \
	tx_cleartext tx_ike_refused tx_fragment tx_malformed tx_wrong_source tx_no_peer tx_batched; do
	cmp_num "they went many ways: $f" "$(counter a $f)" -gt 0
done
cmp_num 'ESP left, and was seen' "$(stat out_esp)" -gt 0
is 'no cleartext left' "$(stat leaks)" 0
is 'no packet was answered twice' "$(stat excess)" 0
is 'nobody wrote into a copy of somebody else' "$(stat clone_changed)" 0
is 'all of them were made' "$(stat no_memory)" 0
count packets $total

# The way back to a tunnel that nobody spoils.
run_a attach ''
run_ns a btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
run_ns b btmm-ctl peer set "$A" endpoint 10.1.0.2:4500
ok 'the tunnel works' wait_for 20 pings a b 2
ok '... with TCP' tcp_copy a b 1
ok '... and back' tcp_copy b a 1
ok 'the module that spoils goes' rmmod at_torture
done_testing
