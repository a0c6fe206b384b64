# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Networks as people have them, one line each, on top of lib/tap.sh:
#
#	topology 'internet: server bob' 'home1(natpmp): alice' 'home2(upnp,double): carol'
#
# README.md has the grammar, the words and the commands. A network is a namespace
# with its name: its gateway. A host is a namespace with its name, and a machine
# with an /etc, a /run, a /var/lib, a /root and a host name of its own, in which
# `on HOST CMD...` runs something.

topo_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
TOPO_DIR=$tap_tmp/topology
TOPO_NETS=() TOPO_HOSTS=()
declare -A TOPO_WORDS=() TOPO_VIA=()	# of a network: ",word,word,"; the network above it
declare -A TOPO_N=()			# its number, in its addresses
declare -A TOPO_NEXT=()			# the last octet that it gives next
declare -A TOPO_MEMBERS=()		# its hosts, as the line has them
declare -A TOPO_PID=()			# host: process that keeps its name spaces
declare -A TOPO_STUB=()			# host: its own resolver, to be asked first
# of a plug, NAMESPACE.DEVICE: its network, its addresses, the namespace of its other
# end (which has the plug's name)
declare -A TOPO_AT=() TOPO_ADDR=() TOPO_ADDR6=() TOPO_PEER=() TOPO_NETEM=()
topo_links=0 topo_macs=0 TOPO_DNS=
TOPO_PLUGGED=	# when a cable was put in last, and had its addresses
mkdir -p "$TOPO_DIR"

. "$topo_here/gateway.sh"
. "$topo_here/server.sh"

topo_words='natpmp pcp upnp igd1 mute naive cone restricted portrestricted symmetric hairpin
	double cgnat carrier public ipv6'
topo_keys='map=any|address|port filter=any|address|port ports=keep|random idle=[1-9][0-9]*
	ipv6=open|only lifetime=[1-9][0-9]* udp=blocked delay=[0-9.]+ jitter=[0-9.]+
	loss=[0-9.]+ rate=[0-9]+[kmg]bit mtu=[1-9][0-9]+'

# --- the lines -----------------------------------------------------------------------

topo_bad() { bail "topology: $*"; }
topo_has() { [[ ${TOPO_WORDS[$1]} = *,$2,* ]]; }
# topo_value NETWORK KEY [DEFAULT]
topo_value() {
	local words=${TOPO_WORDS[$1]}
	if [[ $words = *,$2=* ]]; then
		words=${words##*",$2="}
		echo "${words%%,*}"
	else
		echo "${3-}"
	fi
}
topo_maps_ports() { [[ ${TOPO_WORDS[$1]} =~ ,(natpmp|pcp|upnp|igd1), ]]; }
topo_v4() { ! topo_has "$1" ipv6=only; }
topo_v6() { [[ ${TOPO_WORDS[$1]} = *,ipv6[,=]* ]]; }

topo_word_known() {
	local k
	[[ $1 = *=* ]] || { [[ " ${topo_words//[[:space:]]/ } " = *" $1 "* ]]; return; }
	for k in $topo_keys; do
		[[ ${1%%=*} = "${k%%=*}" && ${1#*=} =~ ^(${k#*=})$ ]] && return
	done
	return 1
}

# topo_network NAME VIA WORDS: a network that is only known so far
topo_network() {
	TOPO_NETS+=("$1")
	TOPO_VIA[$1]=$2 TOPO_WORDS[$1]=,$3, TOPO_N[$1]=${#TOPO_NETS[@]} TOPO_NEXT[$1]=10
}

topo_parse() {
	local line=$1 net words via hosts w h v6=
	local -a list
	[[ $line =~ ^([a-z][a-z0-9]*)(\(([^()]*)\))?([[:space:]]+via[[:space:]]+([a-z0-9]+))?:[[:space:]]*([a-z0-9[:space:]]*)$ ]] ||
		topo_bad "not NETWORK(WORD,...) via NETWORK: HOST...: '$line'"
	net=${BASH_REMATCH[1]} words=${BASH_REMATCH[3]//[[:space:]]/} via=${BASH_REMATCH[5]} hosts=${BASH_REMATCH[6]}
	[[ ${#net} -le 8 ]] || topo_bad "$net: a network's name has at most 8 letters"
	[[ -z ${TOPO_WORDS[$net]+there} ]] || topo_bad "$net: there are two"
	IFS=, read -r -a list <<<"$words"
	for w in "${list[@]}"; do
		topo_word_known "$w" || topo_bad "$net: '$w' is no word of ours"
		case $w in
		cone) words+=,map=any,filter=any ;;
		restricted) words+=,map=any,filter=address ;;
		portrestricted) words+=,map=any,filter=port ;;
		symmetric) words+=,map=port,filter=port ;;
		igd1) words+=,upnp ;;
		esac
	done
	if [[ $net = internet ]]; then
		[[ -z $via && ! ,$words, =~ ,(natpmp|pcp|upnp|map=[a-z]*|filter=[a-z]*|double|cgnat|carrier|public|ipv6=[a-z]*), ]] ||
			topo_bad 'the internet is no home'
		topo_network internet '' "$words"
	else
		[[ ${TOPO_NETS[0]-} = internet ]] || topo_bad 'the first line is that of the internet'
		via=${via:-internet}
		[[ -n ${TOPO_WORDS[$via]+there} ]] || topo_bad "$net: via $via, which is not there (above)"
		# what is between two gateways is not numbered as homes are
		[[ ${TOPO_WORDS[$via]} =~ ,(ten|carrier|public), || $via = internet ]] || TOPO_WORDS[$via]+=ten,
		[[ ,$words, = *,ipv6[,=]* ]] && v6=,ipv6=open
		case ,$words, in
		*,double,*cgnat,* | *,cgnat,*double,*) topo_bad "$net: double or cgnat, not both" ;;
		*,double,*) topo_network "$net.isp" "$via" "ten$v6"; via=$net.isp ;;
		*,cgnat,*) topo_network "$net.isp" "$via" "carrier$v6"; via=$net.isp ;;
		esac
		topo_network "$net" "$via" "$words"
		[[ $(topo_value "$net" map any) = any || $(topo_value "$net" ports random) = random ]] ||
			topo_bad "$net: a port is kept only with map=any"
		! topo_has "$net" naive || [[ $via != internet ]] ||
			topo_bad "$net: naive is for a gateway with a private address"
		[[ ! ",$words," =~ ,ipv6=only, || ! ",$words," =~ ,(natpmp|pcp|upnp|map=[a-z]*|filter=[a-z]*), ]] ||
			topo_bad "$net: no IPv4, so nothing to translate"
		[[ -z $v6 || $via = internet ]] || topo_v6 "$via" || topo_bad "$net: $via has no IPv6"
	fi
	for h in $hosts; do
		[[ ${#h} -le 9 ]] || topo_bad "$h: a host's name has at most 9 letters"
		[[ " ${TOPO_HOSTS[*]} " != *" $h "* ]] || topo_bad "$h: there are two"
		TOPO_HOSTS+=("$h")
	done
	TOPO_MEMBERS[$net]=$hosts
}

# topology LINE...: makes all of it, and waits until the gateways are ready
topology() {
	local line net h
	for line; do topo_parse "$line"; done
	for h in "${TOPO_HOSTS[@]}"; do
		[[ -z ${TOPO_WORDS[$h]+there} ]] || topo_bad "$h: a network and a host"
	done
	topo_core
	for h in "${TOPO_HOSTS[@]}"; do topo_host "$h"; done
	for net in "${TOPO_NETS[@]}"; do
		[[ $net = internet ]] || topo_gateway "$net"
		for h in ${TOPO_MEMBERS[$net]-}; do attach "$h" "$net"; done
	done
	for h in "${TOPO_HOSTS[@]}"; do
		wait_for 20 test -e "$TOPO_DIR/$h/ready" ||
			topo_bad "$h does not start: $(<"$TEST_OUT/machine.$h.log")"
	done
	for net in "${TOPO_NETS[@]}"; do topo_portmap_wait "$net"; done
}

# --- addresses -----------------------------------------------------------------------
# The internet's are not those of documentation: a gateway that knows its RFCs
# (miniupnpd does) maps no ports if it has one of these outside.

topo_lan() { # NETWORK: its addresses but for the last octet
	if topo_has "$1" carrier; then echo "100.64.${TOPO_N[$1]}"
	elif topo_has "$1" ten; then echo "10.${TOPO_N[$1]}.0"
	elif topo_has "$1" public; then echo "22.1.${TOPO_N[$1]}"
	else echo "192.168.${TOPO_N[$1]}"
	fi
}
topo_lan6() { echo "2001:db8:${TOPO_N[$1]}:"; }

# addr HOST [DEVICE]; addr6 HOST [DEVICE]; external NETWORK: address of its gateway outside
addr() { echo "${TOPO_ADDR[$1.${2:-eth0}]}"; }
addr6() { echo "${TOPO_ADDR6[$1.${2:-eth0}]}"; }
external() { echo "${TOPO_ADDR[$1.wan]}"; }
# gateway NETWORK, gateway6 NETWORK: its addresses inside
gateway() { echo "$(topo_lan "$1").1"; }
gateway6() { echo "$(topo_lan6 "$1"):1"; }

# --- cables --------------------------------------------------------------------------

topo_core() {
	ip netns add internet
	run_ns internet sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.icmp_ratelimit=0 net.ipv4.conf.all.send_redirects=0 \
		net.ipv4.conf.default.send_redirects=0
	ip -n internet link set lo up
	run_ns internet nft 'add table inet cut; add chain inet cut forward {
		type filter hook forward priority 0; }'
}

# topo_plug NAMESPACE DEVICE NETWORK: with addresses from it. A device that is there
# goes on being the same: its cable is pulled and put in elsewhere.
topo_plug() {
	local ns=$1 dev=$2 net=$3 plug=$1.$2 old=${TOPO_PEER[$1.$2]-} v4=yes v6=no last k a gw a6='' gw6='' metric=100 words mtu=1500 mac
	[[ -n ${TOPO_WORDS[$net]+there} ]] || topo_bad "$net: no such network"
	case $net in
	internet)
		k=$((topo_links += 1))
		a=22.0.$k.2 gw=22.0.$k.1 a6=2001:db8:ff:$k::2 gw6=2001:db8:ff:$k::1
		;;
	*)
		last=${TOPO_NEXT[$net]}
		TOPO_NEXT[$net]=$((last + 1))
		a=$(topo_lan "$net").$last gw=$(gateway "$net")
		a6=$(topo_lan6 "$net"):$last gw6=$(topo_lan6 "$net"):1
		topo_v4 "$net" || v4=no
		;;
	esac
	words=$net
	[[ $dev = wan ]] && words=$ns
	topo_v6 "$words" && v6=yes
	[[ $dev = wlan* ]] && metric=600
	[[ ${TOPO_WORDS[$words]} =~ ,mtu=([^,]*) ]] && mtu=${BASH_REMATCH[1]}
	if [[ -z $old ]]; then
		mac=
		if [[ -n ${TOPO_PID[$ns]-} ]]; then
			printf -v mac 'address 00:00:5e:00:53:%02x' $((topo_macs += 1))
		fi
		# shellcheck disable=SC2086
		ip link add "$dev" $mac netns "$ns" type veth peer name "$plug" netns "$net"
	elif [[ $old != "$net" ]]; then
		ip -n "$old" link set "$plug" netns "$net"
	fi
	[[ $v4 = yes ]] || a=
	[[ $v6 = yes ]] || a6=
	TOPO_PEER[$plug]=$net TOPO_AT[$plug]=$net TOPO_ADDR[$plug]=$a TOPO_ADDR6[$plug]=$a6
	{
		if [[ $net = internet ]]; then
			echo "addr add $gw/24 dev $plug"
			[[ -z $a6 ]] || echo "addr add $gw6/64 dev $plug nodad"
		else
			echo "link set $plug master lan"
		fi
		echo "link set $plug mtu $mtu up"
	} | ip -n "$net" -batch -
	# no address comes before there is somebody to give it
	[[ -z $old ]] || wait_for 5 topo_running "$ns" "$dev" || topo_bad "$plug: no carrier"
	{
		echo "link set $dev mtu $mtu up"
		if [[ -n $a ]]; then
			echo "addr add $a/24 dev $dev"
			echo "route add default via $gw dev $dev metric $metric"
		fi
		if [[ -n $a6 ]]; then
			echo "addr add $a6/64 dev $dev nodad"
			echo "route add default via $gw6 dev $dev metric $metric"
		fi
	} | ip -n "$ns" -batch -
	TOPO_PLUGGED=$EPOCHREALTIME
	topo_shape "$plug"
}

topo_running() { ip -n "$1" -br link show dev "$2" | grep -q ' UP '; }

# topo_shape PLUG: delay, loss and rate in both directions, as the network's line says
topo_shape() {
	local plug=$1 words=${TOPO_AT[$1]} netem=
	[[ $1 = *.wan ]] && words=${1%.*}
	# what a home's line says is of its way to the internet, once
	if [[ $words != "${TOPO_AT[$plug]}" || $words = internet ]]; then
		words=${TOPO_WORDS[$words]}
		[[ $words =~ ,delay=([^,]*) ]] && netem+=" delay ${BASH_REMATCH[1]}ms"
		[[ $words =~ ,jitter=([^,]*) ]] && netem+=" ${BASH_REMATCH[1]}ms"
		[[ $words =~ ,loss=([^,]*) ]] && netem+=" loss ${BASH_REMATCH[1]}%"
		[[ $words =~ ,rate=([^,]*) ]] && netem+=" rate ${BASH_REMATCH[1]}"
	fi
	topo_netem "$plug" "$netem"
}
topo_netem() { # PLUG NETEM-WORDS
	local plug=$1 ns=${1%.*} dev=${1##*.} old=${TOPO_NETEM[$1]-}
	TOPO_NETEM[$plug]=$2
	if [[ -n $2 ]]; then
		# shellcheck disable=SC2086
		tc -n "$ns" qdisc replace dev "$dev" root netem limit 1000 $2
		# shellcheck disable=SC2086
		tc -n "${TOPO_PEER[$plug]}" qdisc replace dev "$plug" root netem limit 1000 $2
	elif [[ -n $old ]]; then
		tc -n "$ns" qdisc del dev "$dev" root 2>/dev/null
		tc -n "${TOPO_PEER[$plug]}" qdisc del dev "$plug" root 2>/dev/null
	fi
	return 0
}

# topo_unplug NAMESPACE DEVICE: first the carrier goes, then the addresses
topo_unplug() {
	local plug=$1.$2
	ip -n "${TOPO_PEER[$plug]}" link set "$plug" down nomaster
	ip -n "${TOPO_PEER[$plug]}" addr flush dev "$plug"
	ip -n "$1" addr flush dev "$2" scope global
	ip -n "$1" -6 route flush dev "$2" proto boot
	TOPO_AT[$plug]='' TOPO_ADDR[$plug]='' TOPO_ADDR6[$plug]=''
}

# --- hosts ---------------------------------------------------------------------------

topo_host() { # HOST: starts it
	local h=$1
	ip netns add "$h"
	ip -n "$h" link set lo up
	mkdir -p "$TOPO_DIR/$h"
	rm -f "$TOPO_DIR/$h/ready"
	nsenter "--net=/run/netns/$h" unshare --mount --uts --propagation private \
		"$topo_here/machine" "$h" "$TOPO_DIR/$h/ready" >"$TEST_OUT/machine.$h.log" 2>&1 </dev/null &
	TOPO_PID[$h]=$!
	add_cleanup kill "${TOPO_PID[$h]}"
}

# on HOST CMD...: there, in the directory of the test
on() {
	local h=$1
	shift
	nsenter --target "${TOPO_PID[$h]}" --net --mount --uts "--wdns=$PWD" -- "$@"
}
# start HOST NAME CMD...: there, in the background, until the test ends; its output is
# added to $TEST_OUT/NAME.log. $bg_pid is CMD itself, so that it gets the signals.
start() {
	local h=$1 name=$2
	shift 2
	nsenter --target "${TOPO_PID[$h]}" --net --mount --uts "--wdns=$PWD" -- "$@" \
		>>"$TEST_OUT/$name.log" 2>&1 </dev/null &
	bg_pid=$!
	add_cleanup kill "$bg_pid"
}

# attach HOST NETWORK [DEVICE]: another cable (eth0); or a device without one
attach() {
	local h=$1 net=$2 dev=${3:-eth0}
	[[ -n ${TOPO_PID[$h]-} ]] || topo_bad "$h: no such host"
	[[ -z ${TOPO_AT[$h.$dev]-} ]] || topo_bad "$h: $dev is in ${TOPO_AT[$h.$dev]}"
	topo_plug "$h" "$dev" "$net"
	topo_resolver "$h"
}
# detach HOST [DEVICE]
detach() { topo_unplug "$1" "${2:-eth0}"; }
# move HOST NETWORK [DEVICE]: to another network, or to another address of the same
move() {
	detach "$1" "${3:-eth0}"
	attach "$1" "$2" "${3:-eth0}"
}

# --- paths ---------------------------------------------------------------------------

# topo_uplink NAME: the plug by which a host or network hangs on the internet
topo_uplink() {
	local plug
	if [[ -n ${TOPO_PID[$1]-} ]]; then plug=$1.eth0; else plug=$1.wan; fi
	while [[ ${TOPO_AT[$plug]-} != internet ]]; do
		[[ -n ${TOPO_AT[$plug]-} ]] || topo_bad "$1 is not on the internet"
		plug=${TOPO_AT[$plug]}.wan
	done
	echo "$plug"
}
# sever NAME [NAME]: all packets of a host or of a network are lost, or those that two
# send to each other over the internet. Nobody is told; carriers stay.
sever() {
	local a b
	if [[ $# = 1 ]]; then
		if [[ -n ${TOPO_PID[$1]-} ]]; then a=$1.eth0; else a=$1.wan; fi
		topo_netem "$a" 'loss 100%'
		return
	fi
	a=$(topo_uplink "$1") b=$(topo_uplink "$2")
	run_ns internet nft "add rule inet cut forward iifname \"$a\" oifname \"$b\" drop
		add rule inet cut forward iifname \"$b\" oifname \"$a\" drop"
}
# mend NAME [NAME]: one that was severed; or all pairs that were
mend() {
	if [[ $# = 1 ]]; then
		if [[ -n ${TOPO_PID[$1]-} ]]; then topo_shape "$1.eth0"; else topo_shape "$1.wan"; fi
	else
		run_ns internet nft flush chain inet cut forward
	fi
}
