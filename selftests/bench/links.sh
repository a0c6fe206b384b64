# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What is compared, on top of tunnel/net.sh: the same two hosts and the same cable,
# and one kind of tunnel between them. The inner addresses are $A and $B with each.
#
#	c --- a === tunnel over e1 --- e2 === b --- d
#
# c and d are there only for what is forwarded (link_behind).

OUTER_A=10.1.0.1 OUTER_B=10.1.0.2
BEHIND_A=2001:db8:c::2 BEHIND_B=2001:db8:d::2
declare -A OUTER=([a]=$OUTER_A [b]=$OUTER_B) OTHER=([a]=b [b]=a) PORT=([a]=e1 [b]=e2)
declare -A ALG=([null]=$ALG_NULL [gcm]=$ALG_GCM [chacha]=$ALG_CHACHA)

# cable: hosts a and b; forwarders from the beginning, since nothing costs less by not
# being one
cable() {
	local h
	net_router a
	net_router b
	ip link add e1 netns a type veth peer name e2 netns b
	for h in a b; do
		# no connection inherits the slow start of the one before
		run_ns $h sysctl -qw net.ipv4.tcp_no_metrics_save=1
		# As a NIC: what comes in goes through GRO. A veth does so only when its sender
		# has no TSO, which is of no use to packets in UDP; to bare TCP it is.
		[[ $kind = veth ]] || run_ns $h ethtool -K "${PORT[$h]}" gro on tso off >/dev/null
		ip -n $h link set "${PORT[$h]}" up
		ip -n $h addr add "${OUTER[$h]}/24" dev "${PORT[$h]}"
		ip -n $h addr add "2001:db8:1::${OUTER[$h]##*.}/64" dev "${PORT[$h]}" nodad
	done
}

# outer_xfrm HOST DIR SRC DST [if_id N]: a policy of SAs between the outer addresses
outer_xfrm() {
	local h=$1 dir=$2 src=$3 dst=$4 from=${OUTER[$1]} to=${OUTER[${OTHER[$1]}]}
	shift 4
	[[ $dir = out ]] || { from=$to; to=${OUTER[$h]}; }
	ip -n "$h" xfrm policy add src "$src" dst "$dst" dir "$dir" "$@" \
		tmpl src "$from" dst "$to" proto esp reqid 1 mode tunnel
}

# espinudp_sas ALG [if_id N]: classic ESP in UDP, IPv4 outside, one SA each way
espinudp_sas() {
	local h alg=$1
	local -a words
	shift
	read -r -a words <<<"$alg"
	words=("${words[@]/#EMPTY/}")
	for h in a b; do
		background "encap.$h" ip netns exec $h "$bench_dir/../tunnel/encap.py" 4500
		wait_for 20 grep -q listening "$TEST_OUT/encap.$h.log" || bail 'no socket for ESP in UDP'
		ip -n $h xfrm state add src $OUTER_A dst $OUTER_B proto esp spi $SPI_AB reqid 1 mode tunnel \
			flag af-unspec flag esn replay-window 2048 "$@" encap espinudp 4500 4500 0.0.0.0 "${words[@]}"
		ip -n $h xfrm state add src $OUTER_B dst $OUTER_A proto esp spi $SPI_BA reqid 1 mode tunnel \
			flag af-unspec flag esn replay-window 2048 "$@" encap espinudp 4500 4500 0.0.0.0 "${words[@]}"
	done
}

# Each kind: link_KIND CIPHER makes it, and sets TO, the words that lead a route into it
# (with %h, the neighbour's last octet); protect_KIND HOST DIR SRC DST lets another pair
# of addresses through.

link_autotunnel() {
	local cipher=$1
	autotunnel_devices
	[[ $cipher = ike ]] || sa_pair "${ALG[$cipher]}"
}
autotunnel_devices() {
	tunnel a
	tunnel b
	peer a b endpoint $OUTER_B:4500
	peer b a endpoint $OUTER_A:4500
	TO='dev btmm0'
}
protect_autotunnel() {
	local from=${ULA[$1]} to=${ULA[${OTHER[$1]}]}
	[[ $2 = out ]] || { from=$to; to=${ULA[$1]}; }
	ip -n "$1" xfrm policy add src "$3" dst "$4" dir "$2" \
		tmpl src "$from" dst "$to" proto esp reqid 1 mode tunnel
}

# It has one cipher.
link_wireguard() {
	local h
	[[ $1 = chacha ]] || nothing "wireguard:$1"
	for h in a b; do
		(umask 077 && wg genkey >"$tap_tmp/$h.key")
		wg pubkey <"$tap_tmp/$h.key" >"$tap_tmp/$h.pub"
	done
	for h in a b; do
		ip -n $h link add wg0 type wireguard
		run_ns $h wg set wg0 listen-port 51820 private-key "$tap_tmp/$h.key"
		wireguard_peer $h
		ip -n $h addr add "${ULA[$h]}/128" dev wg0
		ip -n $h link set wg0 up
		ip -n $h route add "${ULA[${OTHER[$h]}]}/128" dev wg0
	done
	TO='dev wg0'
}
wireguard_peer() {
	local other=${OTHER[$1]} behind=$BEHIND_B
	[[ $1 = a ]] || behind=$BEHIND_A
	run_ns "$1" wg set wg0 peer "$(<"$tap_tmp/$other.pub")" endpoint "${OUTER[$other]}:51820" \
		allowed-ips "${ULA[$other]}/128,$behind/128"
}
protect_wireguard() { :; }

link_espinudp() {
	local h other
	espinudp_sas "${ALG[$1]}"
	for h in a b; do
		other=${OTHER[$h]}
		ip -n $h addr add "${ULA[$h]}/128" dev lo
		ip -n $h route add "${ULA[$other]}/128" via "2001:db8:1::${OUTER[$other]##*.}" \
			dev "${PORT[$h]}" src "${ULA[$h]}"
		outer_xfrm $h out "${ULA[$h]}" "${ULA[$other]}"
		outer_xfrm $h in "${ULA[$other]}" "${ULA[$h]}"
	done
	TO='via 2001:db8:1::%h dev %e'
}
protect_espinudp() { outer_xfrm "$@"; }

link_xfrmi() {
	local h other
	espinudp_sas "${ALG[$1]}" if_id 1
	for h in a b; do
		other=${OTHER[$h]}
		ip -n $h link add xf0 type xfrm dev "${PORT[$h]}" if_id 1
		ip -n $h addr add "${ULA[$h]}/128" dev xf0 nodad
		ip -n $h link set xf0 up
		ip -n $h route add "${ULA[$other]}/128" dev xf0
		outer_xfrm $h out "${ULA[$h]}" "${ULA[$other]}" if_id 1
		outer_xfrm $h in "${ULA[$other]}" "${ULA[$h]}" if_id 1
	done
	TO='dev xf0'
}
protect_xfrmi() { outer_xfrm "$@" if_id 1; }

link_veth() {
	local h
	for h in a b; do
		ip -n $h addr add "${ULA[$h]}/128" dev "${PORT[$h]}" nodad
		ip -n $h route add "${ULA[${OTHER[$h]}]}/128" dev "${PORT[$h]}"
	done
	TO='via 2001:db8:1::%h dev %e'
}
protect_veth() { :; }

# way HOST: the words of TO for that host
way() {
	local to=${TO//%h/${OUTER[${OTHER[$1]}]##*.}}
	echo "${to//%e/${PORT[$1]}}"
}

# link_behind KIND [both]: c behind a, whose packets go through the tunnel to b, or with
# "both" to d behind it
link_behind() {
	local kind=$1 far=$B
	net_host c
	ip link add eth0 netns c type veth peer name c0 netns a
	ip -n a link set c0 up
	ip -n a addr add 2001:db8:c::1/64 dev c0 nodad
	ip -n c link set eth0 up
	ip -n c addr add $BEHIND_A/64 dev eth0 nodad
	ip -n c route add default via 2001:db8:c::1
	# shellcheck disable=SC2046
	ip -n b route add $BEHIND_A/128 $(way b)
	if [[ ${2-} = both ]]; then
		far=$BEHIND_B
		net_host d
		ip link add eth0 netns d type veth peer name d0 netns b
		ip -n b link set d0 up
		ip -n b addr add 2001:db8:d::1/64 dev d0 nodad
		ip -n d link set eth0 up
		ip -n d addr add $BEHIND_B/64 dev eth0 nodad
		ip -n d route add default via 2001:db8:d::1
		# shellcheck disable=SC2046
		ip -n a route add $BEHIND_B/128 $(way a)
		"protect_$kind" b fwd $BEHIND_A "$far"
	fi
	"protect_$kind" a out $BEHIND_A "$far"
	"protect_$kind" a fwd "$far" $BEHIND_A
	"protect_$kind" b in $BEHIND_A "$far"
	"protect_$kind" b out "$far" $BEHIND_A
}

# no_lists: the underlay is a NIC that takes no lists of packets
no_lists() {
	run_ns a ethtool -K e1 tx-gso-list off
	run_ns b ethtool -K e2 tx-gso-list off
}
