# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Networks for tunnel tests, on top of lib/tap.sh.
#
#	host a --- network 1 --- router r --- network 2 --- host b
#
# Network N is 10.N.0.0/24 and 2001:db8:N::/64; the router is .1, a host is .2
# unless it says otherwise. Host h's interface there is eN, the router's rhN.
# All is made in namespaces of the test's own, so nothing is cleaned up here.

A=fd00:a::1 B=fd00:b::1 C=fd00:c::1
declare -A ULA=([a]=$A [b]=$B [c]=$C)

# shellcheck disable=SC2120
# net_router [NAME]: a namespace that forwards and never answers by itself
net_router() {
	ip netns add "${1:-r}"
	run_ns "${1:-r}" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.icmp_ratelimit=0
	ip -n "${1:-r}" link set lo up
}

# net_host NAME...: namespaces of hosts
net_host() {
	local h
	for h; do
		ip netns add "$h"
		ip -n "$h" link set lo up
	done
}

# net_wait_for_sa NAME...: the first packet waits there until IKE is done. For
# each flow that waits the kernel loses a route (see lab.d/guest-init).
net_wait_for_sa() {
	local h
	echo '<6>btmm-test: flows wait for SAs' >/dev/kmsg
	for h; do run_ns "$h" sysctl -qw net.core.xfrm_larval_drop=0; done
}

# net_cable HOST N LAST ROUTER: into network N, of which the router's end is plugged in
net_cable() {
	local h=$1 n=$2 last=$3 r=$4
	ip link add "e$n" netns "$h" type veth peer name "r$h$n" netns "$r"
	ip -n "$r" -batch - <<-END
		link set r$h$n up
		addr add 10.$n.0.1/24 dev r$h$n
		addr add 2001:db8:$n::1/64 dev r$h$n nodad
		route replace 10.$n.0.$last/32 dev r$h$n
		route replace 2001:db8:$n::$last/128 dev r$h$n
	END
}
# net_plug add|replace N LAST: the batch that plugs in the other end, with default routes
net_plug() {
	local n=$2 last=$3
	cat <<-END
		link set e$n up
		addr add 10.$n.0.$last/24 dev e$n
		addr add 2001:db8:$n::$last/64 dev e$n nodad
		route $1 default via 10.$n.0.1 dev e$n
		route $1 default via 2001:db8:$n::1 dev e$n
	END
}

# net_join HOST N [LAST [ROUTER]]: plugs HOST into network N as .LAST, with its
# default routes; several hosts on one network have links of their own
net_join() {
	net_cable "$1" "$2" "${3:-2}" "${4:-r}"
	net_plug add "$2" "${3:-2}" | ip -n "$1" -batch -
}

# net_prepare HOST N [LAST [ROUTER]]: a cable into network N that is not
# plugged in yet, and the batch of commands that plugs it
net_prepare() {
	net_cable "$1" "$2" "${3:-2}" "${4:-r}"
	net_plug replace "$2" "${3:-2}" >"$tap_tmp/plug.$1$2"
}

# net_move HOST FROM TO: out of the old network, then into the prepared one
net_move() {
	{
		echo "link del e$2"
		cat "$tap_tmp/plug.$1$3"
	} | ip -n "$1" -batch -
}

# net_leave HOST N: pulls the plug
net_leave() { ip -n "$1" link del "e$2"; }

# net_mtu HOST N MTU [ROUTER]: of both ends of a link
net_mtu() {
	ip -n "$1" link set "e$2" mtu "$3"
	ip -n "${4:-r}" link set "r$1$2" mtu "$3"
}

# net_delay MS DEV...: of what the router sends out of these
net_delay() {
	local ms=$1 d
	shift
	for d; do tc -n r qdisc replace dev "$d" root netem delay "${ms}ms" limit 10000; done
}

# net_gro: underlay that works like a NIC: packets come one by one, through
# GRO. veth does so when its sender has no segmentation offload.
net_gro() {
	local ns dev
	for ns in a b r; do
		for dev in $(ip -n "$ns" -j link | jq -r '.[].ifname | select(test("^e[0-9]|^r[ab]"))'); do
			run_ns "$ns" ethtool -K "${dev%@*}" gro on tso off gso off tx-gso-list off
		done
	done
}

# net_nat DEV FROM: router n translates what leaves by DEV, gives out ports from FROM on,
# and forgets what it gave before
net_nat() {
	run_ns n nft -f - <<-END
		table ip nat
		delete table ip nat
		table ip nat {
			chain post {
				type nat hook postrouting priority srcnat
				oifname "$1" meta l4proto udp masquerade to :$2-$(($2 + 99))
			}
		}
	END
	run_ns n conntrack -F
}

# tunnel HOST [SETTING...]: btmm0 with HOST's ULA
tunnel() {
	local h=$1
	shift
	run_ns "$h" btmm-ctl dev add btmm0 local "${ULA[$h]}" "$@" up
}

# peer HOST OTHER [SETTING...]
peer() {
	local h=$1 other=$2
	shift 2
	run_ns "$h" btmm-ctl peer add "${ULA[$other]}" dev btmm0 "$@"
}

KEY_GCM=0x0123456789abcdef0123456789abcdef01234567
ALG_GCM="aead rfc4106(gcm(aes)) $KEY_GCM 128"
ALG_CHACHA="aead rfc7539esp(chacha20,poly1305) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223 128"
# EMPTY stands for an empty key
ALG_NULL="enc ecb(cipher_null) EMPTY auth digest_null EMPTY"

# sa HOST FROM TO SPI [ALG [MORE...]]: one SA in tunnel mode between two ULAs,
# by default AES-GCM with ESN and a window of 2048
sa() {
	local h=$1 from=$2 to=$3 spi=$4
	local -a alg=("${5:-$ALG_GCM}")
	shift $(($# < 5 ? $# : 5))
	read -r -a alg <<<"${alg[0]}"
	alg=("${alg[@]/#EMPTY/}")
	# shellcheck disable=SC2048,SC2086
	ip -n "$h" xfrm state add src "$from" dst "$to" proto esp spi "$spi" reqid 1 \
		mode tunnel ${*:-flag esn replay-window 2048} "${alg[@]}"
}

# policies HOST OTHER-ULA: protect all between the two ULAs
policies() {
	local me=${ULA[$1]} other=$2
	ip -n "$1" -batch - <<-END
		xfrm policy add src $me dst $other dir out tmpl src $me dst $other proto esp reqid 1 mode tunnel
		xfrm policy add src $other dst $me dir in tmpl src $other dst $me proto esp reqid 1 mode tunnel
		xfrm policy add src $other dst $me dir fwd tmpl src $other dst $me proto esp reqid 1 mode tunnel
	END
}

SPI_AB=0x1001 SPI_BA=0x1002

# sa_pair [ALG [MORE...]]: SAs and policies between a and b
sa_pair() {
	local h
	for h in a b; do
		sa "$h" "$A" "$B" $SPI_AB "$@"
		sa "$h" "$B" "$A" $SPI_BA "$@"
	done
	policies a "$B"
	policies b "$A"
}

# net_pair [SETTING...]: a on network 1, b on network 2, a tunnel between them
# with endpoints set and no SAs yet
net_pair() {
	modprobe autotunnel || bail 'the module does not load'
	net_router
	net_host a b
	net_join a 1
	net_join b 2
	tunnel a "$@"
	tunnel b "$@"
	peer a b endpoint 10.2.0.2:4500
	peer b a endpoint 10.1.0.2:4500
}

# counter HOST NAME: one file below /sys/class/net/btmm0/autotunnel
counter() { read_ns "$1" "/sys/class/net/btmm0/autotunnel/$2"; }
counter_is() { [[ $(counter "$1" "$2") = "$3" ]]; }
counter_above() { [[ $(counter "$1" "$2") -gt $3 ]]; }

# xfrm_stat HOST NAME: one line of /proc/net/xfrm_stat
# shellcheck disable=SC2016
xfrm_stat() { run_ns "$1" awk -v n="$2" '$1 == n { print $2 }' /proc/net/xfrm_stat; }

# endpoint HOST OTHER: ADDR:PORT as HOST knows it
endpoint() {
	run_ns "$1" btmm-ctl --json peer show "${ULA[$2]}" dev btmm0 |
		jq -r '.. | .endpoint? // empty | if type == "object" then "\(.address // .addr):\(.port)" else . end' | head -n 1
}
endpoint_is() { [[ $(endpoint "$1" "$2") = "$3" ]]; }

pings() { run_ns "$1" ping -6 -c "${3:-1}" -i 0.1 -W 2 -q "${ULA[$2]}"; }

# tcp_copy FROM TO MiB: a file of random bytes over the tunnel, compared
tcp_copy() {
	local from=$1 to=$2 mib=$3 in=$tap_tmp/in.$$ out=$tap_tmp/out.$$
	head -c "${mib}M" /dev/urandom >"$in"
	rm -f "$out"
	run_ns "$to" timeout 90 socat -u "TCP6-LISTEN:7001,bind=[${ULA[$to]}],reuseaddr" \
		"OPEN:$out,creat,trunc" &
	local server=$!
	wait_for 10 listening "$to" 7001
	run_ns "$from" timeout 60 socat -u "OPEN:$in" "TCP6:[${ULA[$to]}]:7001"
	wait "$server"
	cmp "$in" "$out"
}
listening() { run_ns "$1" ss -Hltn "sport = :$2" | grep -q .; }

# capture NAME HOST DEV [FILTER...]: starts tcpdump and waits until it runs.
# Each packet takes CAPTURE_SNAP octets of its buffer: set it before heavy traffic.
capture() {
	local name=$1 ns=$2 dev=$3
	shift 3
	rm -f "$TEST_OUT/$name.pcap"
	background "tcpdump.$name" ip netns exec "$ns" tcpdump -i "$dev" -p -U --immediate-mode -s "${CAPTURE_SNAP:-0}" -B 16384 \
		-w "$TEST_OUT/$name.pcap" "$@"
	eval "capture_$name=$bg_pid"
	wait_for 60 grep -q 'listening on' "$TEST_OUT/tcpdump.$name.log" ||
		bail "tcpdump did not start"
}

# capture_end NAME: stops it; the file is $TEST_OUT/NAME.pcap
capture_end() {
	local var="capture_$1"
	kill -INT "${!var}"
	wait "${!var}" 2>/dev/null
	[[ -s $TEST_OUT/$1.pcap ]]
}

# raw ARG...: datagrams sent by the router; see raw.py
raw() { run_ns r "$(dirname "${BASH_SOURCE[0]}")/raw.py" "$@"; }

# packets HOST: what the device has sent; keepalives count
packets() { ip -n "$1" -s -j link show btmm0 | jq '.[0].stats64.tx.packets'; }

# stays SECONDS CMD...: CMD holds all that time
stays() {
	local end=$(($(now_ms) + $1 * 1000))
	shift
	while (($(now_ms) < end)); do
		"$@" >/dev/null 2>&1 || return 1
		nap 0.05
	done
}

# rises DESC HOST COUNTER BEFORE [BY]: the counter is BY (default 1) above BEFORE
rises() {
	wait_for 10 counter_above "$2" "$3" $(($4 + ${5:-1} - 1))
	is "$1" "$(counter "$2" "$3")" "$(($4 + ${5:-1}))"
}

# peer_json HOST OTHER FIELD: of what btmm-ctl knows of it
peer_json() {
	run_ns "$1" btmm-ctl --json peer show "${ULA[$2]}" dev btmm0 | jq -r "..|objects|select(.ula)|.$3"
}

# packets_in NAME [FILTER]: how many of a capture that still runs; packets_above
packets_in() { tcpdump -r "$TEST_OUT/$1.pcap" -n "${@:2}" 2>/dev/null | wc -l; }
packets_above() { [[ $(packets_in "$1" "${@:3}") -gt $2 ]]; }

# flow: a pings b without a pause; flow_end: no more than the last one was lost
flow() {
	ip netns exec a ping -6 -i 0.05 "$B" >"$TEST_OUT/flow" 2>&1 &
	flow=$!
	add_cleanup kill $flow
	wait_for 10 grep -q 'icmp_seq=3 ' "$TEST_OUT/flow"
}
flow_end() {
	kill -INT $flow
	wait $flow 2>/dev/null
	local sent got
	read -r sent _ _ got _ < <(grep 'packets transmitted' "$TEST_OUT/flow")
	diag "$(grep 'packets transmitted' "$TEST_OUT/flow")"
	# The last one may still have been under way.
	[[ $((sent - got)) -le 1 && $got -ge 3 ]]
}
