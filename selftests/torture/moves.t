#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two hosts move at random, again and again and under traffic: to another network, to
# another address of the same, from IPv4 to IPv6 and back, behind a NAT and out of it, with
# a NAT that forgets, one, the other or both at once. No octet is lost, no SA is new.
# BTMM_TORTURE_MOVES: so many, however long it takes; see budget.sh.
# kernels: uml-debug 6.12
# timeout: 3600
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/load.sh"
need nft conntrack ss jq

net_pair
sa_pair
for h in a b; do run_ns $h sysctl -qw net.ipv4.conf.all.promote_secondaries=1; done
net_router n
net_join n 10
ok 'a NAT' net_nat e10 20000
spis() { for h in a b; do ip -n $h xfrm state | grep -o 'spi 0x[0-9a-f]*'; done; }
had=$(spis)
streams_begin 0.005 0.02 0.02 0.1
datagrams_begin all 50

# --- where they are --------------------------------------------------------------------------

# network and last octet of each; the protocol of the underlay. Behind the NAT it is
# network 9, and IPv4.
declare -A net=([a]=1 [b]=2) last=([a]=2 [b]=2) next=([a]=20 [b]=21) made=()
family=4 unsure=no mishaps=0
mishap() { mishaps=$((mishaps + 1)); diag "$*: failed"; }

# new_network HOST: into $to; even ones are a's, odd ones b's
new_network() { to=${next[$1]} next[$1]=$(((next[$1] - 20 + 2) % 200 + 20)); }
# place HOST: where its tunnel's port is, as it is set by netlink
place() {
	if [[ $family = 4 ]]; then
		echo "10.${net[$1]}.0.${last[$1]}:4500"
	else
		echo "[2001:db8:${net[$1]}::${last[$1]}]:4500"
	fi
}
# tell HOST: what its btmmd would have heard in DNS. Where the other one is behind its NAT
# nobody knows.
tell() {
	local o=${other[$1]}
	[[ ${net[$o]} = 9 ]] || run_ns "$1" btmm-ctl peer set "${ULA[$o]}" endpoint "$(place "$o")" ||
		mishap "to tell $1 where $o is"
}

# --- the moves ---------------------------------------------------------------------------------

network() { # HOST
	local h=$1
	new_network "$h"
	net_prepare "$h" "$to"
	net_move "$h" "${net[$h]}" "$to" || mishap "the move of $h to network $to"
	net[$h]=$to last[$h]=2
}
address() { # HOST
	local h=$1 n=${net[$1]} was=${last[$1]}
	last[$h]=$((was % 250 + 1))
	((last[$h] > 2)) || last[$h]=3
	ip -n r -batch - <<-END
		route replace 10.$n.0.${last[$h]}/32 dev r$h$n
		route replace 2001:db8:$n::${last[$h]}/128 dev r$h$n
	END
	ip -n "$h" -batch - <<-END
		addr add 10.$n.0.${last[$h]}/24 dev e$n
		addr add 2001:db8:$n::${last[$h]}/64 dev e$n nodad
		addr del 10.$n.0.$was/24 dev e$n
		addr del 2001:db8:$n::$was/64 dev e$n
		route replace default via 10.$n.0.1 dev e$n
		route replace default via 2001:db8:$n::1 dev e$n
	END
	(($? == 0)) || mishap "another address of $h in network $n"
}
into_nat() {
	net_leave a "${net[a]}"
	net_join a 9 2 n
	net[a]=9 last[a]=2
}
nat_forgets() { net_nat e10 $((20000 + RANDOM % 300 * 100)) >/dev/null 2>&1; }

# What each kind needs to be told, and to whom, for traffic to go on. What is learnt from
# the first packet of who has moved is told now and then all the same.
move() { # KIND HOST
	local kind=$1 h=$2 o=${other[$2]} told=''
	case $kind in
	network) network "$h" ;;
	address) if [[ ${net[$h]} = 9 ]]; then network "$h"; else address "$h"; fi ;;
	family)
		[[ ${net[a]} != 9 ]] || network a
		family=$((10 - family))
		told=$h
		;;
	nat)
		h=a o=b
		if [[ ${net[a]} != 9 ]]; then
			[[ $family = 4 ]] || { family=4 told=a; }
			into_nat
		elif ((RANDOM % 4)); then
			nat_forgets
		else
			network a
		fi
		;;
	both)
		network a
		if ((RANDOM % 2)); then network b; else address b; fi
		if ((RANDOM % 2)); then told=a; else told='a b'; fi
		;;
	esac
	# A NAT lets in only who it has sent to.
	[[ $h = b && ${net[a]} = 9 ]] && told=a
	((RANDOM % 4)) || told+=" $o"
	[[ $unsure = no ]] || told='a b'
	for h in $told; do tell "$h"; done
}

moves=0 stuck=0 slowest=0 quick=0
more() {
	if [[ -n ${BTMM_TORTURE_MOVES-} ]]; then ((moves < BTMM_TORTURE_MOVES)); else time_is_left; fi
}
while more; do
	one_of network network address family nat nat both
	kind=$chosen
	one_of a b
	at=$(now_ms)
	move "$kind" "$chosen"
	moves=$((moves + 1)) made[$kind]=$((${made[$kind]-0} + 1))
	[[ $kind = both ]] && moves=$((moves + 1))
	through_mark all
	# One in five follows on the heels of the last: then nobody can have learnt anything,
	# and both are told.
	if ((RANDOM % 5 == 0)); then
		unsure=yes quick=$((quick + 1))
		nap "0.0$((RANDOM % 10))"
		continue
	fi
	unsure=no
	if ! wait_for 20 through all; then
		stuck=$((stuck + 1))
		diag "after $moves moves, of $chosen ($kind): no datagram comes each way" \
			"a in network ${net[a]}: b is at $(endpoint a b), $(peer_json a b origin)" \
			"b in network ${net[b]}: a is at $(endpoint b a), $(peer_json b a origin)"
		tell a
		tell b
	fi
	took=$(($(now_ms) - at))
	((took <= slowest)) || slowest=$took
	nap "0.$((RANDOM % 5))"
done

# --- the judgement -------------------------------------------------------------------------------

[[ ${net[a]} != 9 ]] || network a
tell a
tell b
through_mark all
ok 'datagrams pass each way after all moves' wait_for 20 through all
is 'and did after each' "$stuck" 0
is 'all moves could be made' "$mishaps" 0
datagrams_end all
streams_end 150
# Nothing is under way now that could tell of an old place, which works as well: both
# protocols do.
tell a
tell b
ok 'a ping each way' eval 'pings a b && pings b a'
for h in a b; do
	is "$h: no datagram has come twice, or wrong" "$(datagrams_of all $h '"\(.twice) \(.wrong)"')" '0 0'
	for n in rx_esp_refused rx_unknown_spi rx_malformed rx_native rx_ike tx_ike; do
		is "$h: $n" "$(counter $h $n)" 0
	done
	ok "$h knows where the other one is" endpoint_is $h "${other[$h]}" "$(place "${other[$h]}")"
done
is 'no SA is new' "$(spis)" "$had"
cmp_num 'and endpoints were learnt' $(($(counter a endpoint_moves) + $(counter b endpoint_moves))) -gt 0
[[ -z ${BTMM_TORTURE_MOVES-} ]] || cmp_num 'so many moves' "$moves" -ge "$BTMM_TORTURE_MOVES"

diag "moves: $(for kind in "${!made[@]}"; do printf '%s %s, ' "$kind" "${made[$kind]}"; done)of which $quick on the heels of another"
diag "the longest until datagrams passed each way: $slowest ms; learnt: a $(counter a endpoint_moves), b $(counter b endpoint_moves)"
diag "datagrams: $(datagrams_of all a .sent) and $(datagrams_of all b .sent), $(datagrams_lost all) lost on the way"
count moves $moves
count packets $(($(packets a) + $(packets b)))
done_testing
