#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Loss, duplication, reordering and corruption on the way, each at 1 to 30 % and all at
# once, in both directions, over IPv4 and IPv6, with and without decryption in GRO: streams
# arrive whole, no datagram comes twice or wrong, and what was corrupted moves nobody.
# See budget.sh. Each kind and share is there once at least, however long that takes.
# BTMM_NETEM_KINDS, BTMM_NETEM_SHARES: only these.
# kernels: uml-debug 6.12
# timeout: 3600
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/load.sh"
need tc ethtool ss jq
shares=${BTMM_NETEM_SHARES:-1 5 10 20 30}
kinds=${BTMM_NETEM_KINDS:-loss duplicate reorder corrupt all}

net_pair keepalive off
sa_pair
# Packets cross the underlay one by one, so that netem meets each.
net_gro >/dev/null 2>&1
# Who is next to whom is not what this is about: no question about it is to be lost.
mac() { ip -n "$1" -j link show "$2" | jq -r '.[0].address'; }
for h in 'a 1' 'b 2'; do
	read -r h n <<<"$h"
	for at in "$h e$n 1 r r$h$n" "r r$h$n 2 $h e$n"; do
		read -r ns dev last o_ns o_dev <<<"$at"
		ip -n "$ns" -batch - <<-END
			neigh replace 10.$n.0.$last lladdr $(mac "$o_ns" "$o_dev") dev $dev nud permanent
			neigh replace 2001:db8:$n::$last lladdr $(mac "$o_ns" "$o_dev") dev $dev nud permanent
		END
	done
	# With a third and more lost in each direction, waiting twice as long each time is for ever.
	run_ns "$h" sysctl -qw net.ipv4.tcp_thin_linear_timeouts=1
done
background monitor ip netns exec a btmm-ctl --json monitor
background monitor-b ip netns exec b btmm-ctl --json monitor
for n in monitor monitor-b; do wait_for 20 grep -q listening "$TEST_OUT/$n.log"; done
streams_begin 0.02 0.02 0.1

declare -A dev=([a]=e1 [b]=e2)
declare -A place4=([a]=10.1.0.2:4500 [b]=10.2.0.2:4500)
declare -A place6=([a]='[2001:db8:1::2]:4500' [b]='[2001:db8:2::2]:4500')

# what KIND SHARE: as netem has it. Who is reordered overtakes those of 20 ms.
what() {
	case $1 in
	loss | duplicate | corrupt) echo "$1 $2%" ;;
	reorder) echo "delay 20ms reorder $2%" ;;
	all) echo "delay 20ms loss $2% duplicate $2% corrupt $2% reorder $2%" ;;
	esac
}
harm() { local h; for h in a b; do tc -n $h qdisc replace dev "${dev[$h]}" root netem limit 10000 "$@" || return; done; }
no_harm() { local h; for h in a b; do tc -n $h qdisc del dev "${dev[$h]}" root; done; }

refusals='malformed unknown_spi esp_refused esp_no_keys ike_malformed ike_held ike_limited ike_unasked ike_not_held
	datagrams datagrams_dropped'
# refused: by both, so far; learnt: endpoints. Over IPv6 the outer checksum tells, before
# the tunnel sees anything.
refused() {
	local h n files=()
	for n in $refusals; do files+=("/sys/class/net/btmm0/autotunnel/rx_$n"); done
	for h in a b; do
		run_ns $h cat "${files[@]}"
		[[ $family = 4 ]] || run_ns $h awk '$1 == "Udp6InCsumErrors" { print $2 }' /proc/net/snmp6
	done | awk '{ s += $1 } END { print s }'
}
learnt() { echo $(($(counter a endpoint_moves) + $(counter b endpoint_moves))); }
# inner_sums FAMILY: inner packets with a wrong checksum, which nobody but a forger of ESP
# could make. Over IPv6 an outer one counts as UDP, too.
inner_sums() {
	local h
	for h in a b; do
		run_ns $h awk -v family="$1" '
			$1 == "Tcp:" && !at { for (i = 2; i <= NF; i++) if ($i == "InCsumErrors") at = i; next }
			$1 == "Tcp:" { s += $at }
			$1 == "Udp6InCsumErrors" && family == 4 { s += $2 }
			END { print s }' /proc/net/snmp /proc/net/snmp6
	done | awk '{ s += $1 } END { print s }'
}
streams_more() {
	local sum
	read -r sum _ < <(streams_octets)
	((sum > $1))
}
refused_more() { (($(refused) > $1)); }
place() { if [[ $family = 4 ]]; then echo "${place4[$1]}"; else echo "${place6[$1]}"; fi; }
places_right() { endpoint_is a b "$(place b)" && endpoint_is b a "$(place a)"; }
# go_over FAMILY: from now on. From what was under way the one learns where the other one
# was, who learns the same from the answer: then both have to be told again.
go_over() {
	family=$1
	wait_for 60 gone_over || bail "no traffic over IPv$family: a: b is at $(endpoint a b), b: a is at $(endpoint b a)"
}
gone_over() {
	local h
	for h in a b; do run_ns $h btmm-ctl peer set "${ULA[${other[$h]}]}" endpoint "$(place "${other[$h]}")"; done
	stays 2 places_right
}

# phase NUMBER KIND SHARE: over $family
phase() {
	local name=phase$1 kind=$2 share=$3 what="$2 of $3 % over IPv$family, rx-gro $gro" h sums before moved octets until lost
	sums=$(inner_sums "$family") before=$(refused) moved=$(learnt)
	read -r octets _ < <(streams_octets)
	until=$(($(now_ms) + per_phase))
	# shellcheck disable=SC2046
	harm $(what "$kind" "$share") || { fail "$what: netem"; return; }
	datagrams_begin "$name" 100
	ok "$what: streams go on" wait_for 120 streams_more $((octets + 32768)) || diag "$(run_ns a ss -Htino)"
	case $kind in
	duplicate | corrupt | all)
		ok "$what: what is not right is refused, and counted" wait_for 60 refused_more "$before" ;;
	esac
	while (($(now_ms) < until)); do nap 0.1; done
	datagrams_end "$name"
	no_harm
	for h in a b; do
		is "$what: $h has had no datagram twice, or wrong" "$(datagrams_of "$name" $h '"\(.twice) \(.wrong)"')" '0 0'
		cmp_num "$what: some came" "$(datagrams_of "$name" $h .got)" -gt 0
	done
	lost=$(datagrams_lost "$name")
	case $kind in
	duplicate | reorder) is "$what: none is lost" "$lost" 0 ;;
	esac
	is "$what: no checksum is wrong behind ESP" "$(inner_sums "$family")" "$sums"
	case $kind in
	loss | reorder) is "$what: nothing is refused" "$(refused)" "$before" ;;
	esac
	if [[ $family = 4 && $kind = @(corrupt|all) ]]; then
		# Over IPv4, RFC 3948 has no UDP checksum: a source port with another bit cannot be
		# told from a NAT's. The address can.
		ok "$what: the endpoints are right afterwards" wait_for 10 places_right ||
			diag "a: b is at $(endpoint a b)" "b: a is at $(endpoint b a)"
	else
		is "$what: no endpoint has moved" "$(learnt)" "$moved"
	fi
	diag "$what: $lost of $(($(datagrams_of "$name" a .sent) + $(datagrams_of "$name" b .sent))) datagrams lost, $(
		datagrams_of "$name" b .late) came late, $(($(refused) - before)) packets refused, $(($(learnt) - moved)) endpoints learnt"
	phases=$((phases + 1))
}

phases=0 round=0 family=4
per_phase=$((BTMM_TORTURE_SECONDS * 1000 / $(wc -w <<<"$kinds") / $(wc -w <<<"$shares")))
((per_phase <= 20000)) || per_phase=20000
while time_is_left || ((round == 0)); do
	n=0 turn=0
	for kind in $kinds; do
		((round == 0)) || time_is_left || break
		# each over both, in two rounds
		go_over $(((++turn + round + torture_seed) % 2 ? 6 : 4))
		for share in $shares; do
			((round == 0)) || time_is_left || break
			gro=$([[ $(((n + round / 2) % 2)) = 0 ]] && echo on || echo off)
			for h in a b; do run_ns $h btmm-ctl dev set btmm0 rx-gro "$gro"; done
			phase "$round.$n" "$kind" "$share"
			n=$((n + 1))
		done
	done
	round=$((round + 1))
done

streams_end 200
like 'decrypted in GRO, too' "$(counter a rx_gro)" '^[1-9]'
is 'nobody was thought to be at an address where he has never been' \
	"$(cat "$TEST_OUT/monitor.log" "$TEST_OUT/monitor-b.log" | sed -n 's/^{/{/p' |
		jq -r 'select(.event == "endpoint").endpoint' |
		grep -vE '^(10\.[12]\.0\.2|\[2001:db8:[12]::2\]):' | head -n 5)" ''
for h in a b; do
	is "$h: keys were never wanted" "$(counter $h rx_ike) $(counter $h tx_ike)" '0 0'
	diag "$h: authentic packets that would have moved an endpoint, but were not the newest: $(counter $h endpoint_not_newest), too soon: $(counter $h endpoint_limited)" \
		"refused by XFRM: $(xfrm_stat $h XfrmInStateProtoError) wrong, $(xfrm_stat $h XfrmInStateSeqError) replayed"
done
diag "$phases phases, $round rounds"
count packets $(($(packets a) + $(packets b)))
done_testing
