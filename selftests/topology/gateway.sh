# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Gateways of topology.sh: what is between "lan", a bridge, and "wan".
#
# Address translation is the kernel's. As a Linux router does it, a port is kept
# and a filter looks at address and port. The other kinds remember in nft maps what
# conntrack has chosen for an internal address and port:
#
#	out	internal address, port [, remote address]  ->  external port
#	in	external port  ->  internal address, port
#	seen	external port, remote address
#
# Ports are mapped by miniupnpd, as Debian has it.

declare -A TOPO_BOOTED=() TOPO_UPNPD=()	# gateway: when it started (s), miniupnpd
declare -A TOPO_BLOCKED=()		# gateway: "blocked", if UDP is
declare -A TOPO_REFUSER=()		# gateway: its version.py
declare -A TOPO_DENIED=()		# gateway: lines of permissions

topo_gateway() {
	local net=$1 via=${TOPO_VIA[$1]}
	ip netns add "$net"
	mkdir -p "$TOPO_DIR/$net"
	run_ns "$net" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
	{
		echo 'link set lo up'
		echo 'link add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0'
		echo "link set lan mtu $(topo_value "$net" mtu 1500) up"
		! topo_v4 "$net" || echo "addr add $(gateway "$net")/24 dev lan"
		! topo_v6 "$net" || echo "addr add $(topo_lan6 "$net"):1/64 dev lan nodad"
	} | ip -n "$net" -batch -
	topo_plug "$net" wan "$via"
	topo_routes "$net"
	topo_rules "$net"
	# it has been there for a day
	TOPO_BOOTED[$net]=$(($(topo_uptime) - 86400))
	topo_portmap "$net"
}

# topo_routes NETWORK: who is above has to know the way to what is not translated
topo_routes() {
	local net=$1 n up
	for ((n = 4; n <= 6; n += 2)); do
		local below=$net
		if [[ $n = 4 ]]; then topo_has "$net" public || continue; else topo_v6 "$net" || continue; fi
		while [[ $below != internet ]]; do
			up=${TOPO_VIA[$below]}
			if [[ $n = 4 ]]; then
				ip -n "$up" route replace "$(topo_lan "$net").0/24" via "$(external "$below")"
			else
				ip -n "$up" route replace "$(topo_lan6 "$net"):/64" via "${TOPO_ADDR6[$below.wan]}"
			fi
			below=$up
		done
	done
}

# --- address translation -----------------------------------------------------------------

topo_rules() {
	local net=$1 idle
	idle=$(topo_value "$net" idle)
	[[ -z $idle ]] || run_ns "$net" sysctl -qw "net.netfilter.nf_conntrack_udp_timeout=$idle" \
		"net.netfilter.nf_conntrack_udp_timeout_stream=$idle"
	topo_rules_text "$net" >"$TOPO_DIR/$net/rules.nft"
	run_ns "$net" nft -f "$TOPO_DIR/$net/rules.nft" || topo_bad "$net: nft refuses its rules"
	if topo_has "$net" udp=blocked || [[ ${TOPO_BLOCKED[$net]-} = blocked ]]; then gw_udp "$net" blocked; fi
	topo_has "$net" hairpin && topo_hairpin "$net"
	return 0
}

topo_rules_text() {
	local net=$1 map filter ports life key='ipv4_addr . inet_service'
	map=$(topo_value "$net" map) filter=$(topo_value "$net" filter port)
	topo_has "$net" carrier && map=${map:-any}
	life="size 4096; flags dynamic,timeout; timeout $(topo_value "$net" idle 120)s;"
	ports=keep
	[[ ${map:-any} = any ]] && ! topo_has "$net" carrier || ports=random
	ports=$(topo_value "$net" ports $ports)
	[[ $map = address ]] && key+=' . ipv4_addr'
	cat <<-END
		table inet gw {
			map out { type $key : inet_service; $life }
			map in { type inet_service : ipv4_addr . inet_service; $life }
			set seen { type inet_service . ipv4_addr; $life }
			set used { type inet_service; $life }
			chain miniupnpd { }
			chain prerouting_miniupnpd { }
			chain postrouting_miniupnpd { }
			chain blocked { }
			chain forward {
				type filter hook forward priority 0; policy drop
				jump blocked
				$(topo_has "$net" public && echo accept)
				$(topo_has "$net" ipv6=open && echo meta nfproto ipv6 accept)
				ct state established,related accept
				iifname lan accept
				ct status dnat accept
				jump miniupnpd
			}
			chain input {
				type filter hook input priority 0
				iifname { lo, lan } accept
				ct state established,related accept
				meta l4proto { icmp, ipv6-icmp } accept
				drop
			}
	END
	if topo_has "$net" public; then
		echo '}'
		return
	fi
	echo 'chain dstnat { type nat hook prerouting priority dstnat;'
	echo 'jump prerouting_miniupnpd'
	case $filter in
	any) echo 'iifname wan dnat ip to udp dport map @in' ;;
	address) echo 'iifname wan udp dport . ip saddr @seen dnat ip to udp dport map @in' ;;
	esac
	echo '}'
	echo 'chain srcnat { type nat hook postrouting priority srcnat;'
	echo 'jump postrouting_miniupnpd'
	echo 'oifname != wan accept'
	echo 'meta nfproto != ipv4 accept'
	case $map in
	any) echo 'meta l4proto udp masquerade to : ip saddr . udp sport map @out' ;;
	address) echo 'meta l4proto udp masquerade to : ip saddr . udp sport . ip daddr map @out' ;;
	esac
	case $ports in
	random) echo 'meta l4proto udp masquerade fully-random' ;;
	keep) [[ -z $map ]] || echo 'udp sport @used masquerade fully-random' ;;
	esac
	echo 'masquerade'
	echo '}'
	[[ -z $map && $filter = port ]] || topo_remember "$map"
	echo '}'
}

# topo_remember MAP: the rules that do; what comes back counts, too
topo_remember() {
	local remote=''
	[[ $1 = address ]] && remote=' . ip daddr'
	cat <<-END
		chain remember {
			type filter hook postrouting priority srcnat + 10
			iifname lan oifname wan meta nfproto ipv4 ct direction original jump original
			iifname lan oifname wan meta nfproto ipv4 ct direction reply jump reply
		}
		chain original {
			meta l4proto udp update @out { ct original ip saddr . ct original proto-src$remote : ct reply proto-dst }
			meta l4proto udp update @in { ct reply proto-dst : ct original ip saddr . ct original proto-src }
			meta l4proto udp update @used { ct reply proto-dst }
			meta l4proto udp update @seen { ct reply proto-dst . ip daddr }
		}
		chain reply {
			meta l4proto udp update @out { ct reply ip saddr . ct reply proto-src$remote : ct original proto-dst }
			meta l4proto udp update @in { ct original proto-dst : ct reply ip saddr . ct reply proto-src }
			meta l4proto udp update @used { ct original proto-dst }
			meta l4proto udp update @seen { ct original proto-dst . ip daddr }
		}
	END
}

# From inside to its own address outside: out, translated, to the next router, and
# back again. So it is seen as from anybody else.
topo_hairpin() {
	local net=$1 ext
	ext=$(external "$net")
	run_ns "$net" sysctl -qw net.ipv4.conf.wan.accept_local=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.wan.rp_filter=0
	ip -n "$net" rule del pref 1 2>/dev/null
	ip -n "$net" -batch - <<-END
		rule add pref 1 iif lan to $ext lookup 100
		route replace default via $(topo_next_hop "$net") dev wan table 100
	END
	ip -n "$net" rule add pref 2 lookup local 2>/dev/null
	ip -n "$net" rule del pref 0 2>/dev/null
	return 0
}
topo_next_hop() { local a; a=$(external "$1"); echo "${a%.*}.1"; }

# --- mapped ports --------------------------------------------------------------------

topo_uptime() { local t; read -r t _ </proc/uptime; echo "${t%.*}"; }

# topo_portmap NETWORK: starts its miniupnpd with the rules that it has had. How long
# it says that its table is there, its epoch, it takes from what it sees as the time
# since boot: so a new configuration is no new epoch, but a reboot is.
topo_portmap() {
	local net=$1 d=$TOPO_DIR/$1 words program=miniupnpd n lifetime debug=-d
	topo_maps_ports "$net" || return 0
	n=${TOPO_N[$net]} lifetime=$(topo_value "$net" lifetime 86400)
	yes_no() { if topo_has "$net" "$1"; then echo yes; else echo no; fi; }
	{
		printf '%s\n' ext_ifname=wan listening_ip=lan "http_port=5000" secure_mode=yes \
			system_uptime=yes "lease_file=$d/leases" "lease_file6=$d/leases6" \
			min_lifetime=1 "max_lifetime=$lifetime" notify_interval=60 \
			upnp_table_name=gw upnp_nat_table_name=gw \
			"uuid=00000000-0000-4000-8000-0000000000$(printf %02x "$n")" \
			"enable_upnp=$(yes_no upnp)" "force_igd_desc_v1=$(yes_no igd1)" \
			"ipv6_disable=$(topo_v6 "$net" && echo no || echo yes)"
		if topo_has "$net" natpmp || topo_has "$net" pcp; then
			echo enable_natpmp=yes
		fi
		printf '%b' "${TOPO_DENIED[$net]-}"
		echo 'allow 1-65535 0.0.0.0/0 1-65535'
	} >"$d/miniupnpd.conf"
	if topo_has "$net" naive; then
		program=$d/miniupnpd
		"$topo_here/naive.py" "$(type -P miniupnpd)" "$program" "$(external "$net")" ||
			topo_bad "$net: no naive miniupnpd"
	fi
	topo_versions "$net"
	# With -d it stays, and says much. For each port that it may not give it says so,
	# which takes seconds if these are all.
	[[ ${TOPO_DENIED[$net]-} = *1-65535\ 0* ]] && debug=
	rm -f "$d/pid"
	printf '%d.00 0.00\n' $(($(topo_uptime) - TOPO_BOOTED[$net])) >"$d/uptime"
	# shellcheck disable=SC2016
	ip netns exec "$net" bash -c 'mount --bind "$1" /proc/uptime && exec "${@:2}"' \
		miniupnpd "$d/uptime" "$program" $debug -f "$d/miniupnpd.conf" -P "$d/pid" \
		>>"$TEST_OUT/miniupnpd.$net.log" 2>&1 </dev/null &
	TOPO_UPNPD[$net]=$!
	if [[ -z $debug ]]; then
		wait "${TOPO_UPNPD[$net]}"
		wait_for 10 test -s "$d/pid"
		TOPO_UPNPD[$net]=$(<"$d/pid")
	fi
	add_cleanup kill "${TOPO_UPNPD[$net]}"
}
topo_portmap_ready() {
	if topo_has "$1" natpmp || topo_has "$1" pcp; then
		run_ns "$1" ss -Hlun 'sport = :5351' | grep -q . || return
	fi
	if topo_has "$1" upnp; then run_ns "$1" ss -Hltn 'sport = :5000' | grep -q .; fi
}
topo_portmap_wait() {
	topo_maps_ports "$1" || return 0
	wait_for 20 topo_portmap_ready "$1" || topo_bad "$1: miniupnpd does not start"
}
topo_portmap_stop() {
	[[ -n ${TOPO_UPNPD[$1]-} ]] || return 0
	kill "${TOPO_UPNPD[$1]}" 2>/dev/null
	wait "${TOPO_UPNPD[$1]}" 2>/dev/null
	wait_for 10 topo_gone "${TOPO_UPNPD[$1]}"
	TOPO_UPNPD[$1]=
	# what it leaves behind it would add once more
	run_ns "$1" nft 'flush chain inet gw miniupnpd; flush chain inet gw prerouting_miniupnpd
		flush chain inet gw postrouting_miniupnpd'
}
topo_gone() { ! kill -0 "$1" 2>/dev/null; }
topo_portmap_again() { topo_portmap_stop "$1"; topo_portmap "$1"; topo_portmap_wait "$1"; }

# miniupnpd speaks NAT-PMP and PCP on the same port, or neither. What the gateway is
# not to speak goes to version.py, which refuses it; or nowhere (mute). And NAT-PMP,
# which miniupnpd grants for as long as one likes, has its request's lifetime cut.
topo_versions() {
	local net=$1 other='' verdict lifetime
	if topo_has "$net" natpmp && ! topo_has "$net" pcp; then other='!= 0'; fi
	if topo_has "$net" pcp && ! topo_has "$net" natpmp; then other='== 0'; fi
	verdict='notrack udp dport set 5361'
	topo_has "$net" mute && verdict=drop
	lifetime=$(topo_value "$net" lifetime)
	{
		echo 'table inet versions { }; delete table inet versions'
		echo 'table inet versions {'
		echo 'chain in { type filter hook prerouting priority raw;'
		[[ -z $other ]] || echo "iifname lan udp dport 5351 @th,64,8 $other $verdict"
		[[ -z $lifetime ]] || echo "iifname lan udp dport 5351 @th,64,16 { 1, 2 } @th,128,32 > $lifetime \
			@th,128,32 set $lifetime udp checksum set 0"
		printf '%s\n' '}' 'chain out { type filter hook output priority raw;' \
			'udp sport 5361 notrack udp sport set 5351' \
			"${other:+ip daddr 224.0.0.1 udp sport 5351 @th,64,8 $other drop}" '}' '}'
	} | run_ns "$net" nft -f - || topo_bad "$net: nft refuses what is about versions"
	if [[ -n $other && $verdict != drop && -z ${TOPO_REFUSER[$net]-} ]]; then
		background "version.$net" ip netns exec "$net" "$topo_here/version.py" "$(gateway "$net")" 5361
		TOPO_REFUSER[$net]=$bg_pid
	fi
}

# --- what happens to gateways ----------------------------------------------------------

# gw_off NETWORK, gw_on NETWORK: without power, what it knew is lost
gw_off() {
	topo_portmap_stop "$1"
	ip -n "$1" link set lan down
	ip -n "$1" link set wan down
	rm -f "$TOPO_DIR/$1"/leases*
}
gw_on() {
	local net=$1 a6=${TOPO_ADDR6[$1.wan]} n
	run_ns "$net" nft delete table inet gw
	run_ns "$net" conntrack -F >/dev/null 2>&1
	topo_rules "$net"
	{
		echo 'link set lan up'
		echo 'link set wan up'
		! topo_v6 "$net" || echo "addr replace $(topo_lan6 "$net"):1/64 dev lan nodad"
		[[ -z $a6 ]] || echo "addr replace $a6/64 dev wan nodad"
		[[ -z $a6 ]] || echo "route replace default via ${a6%:*}:1 dev wan metric 100"
		[[ -z $(external "$net") ]] || echo "route replace default via $(topo_next_hop "$net") dev wan metric 100"
	} | ip -n "$net" -batch -
	topo_has "$net" hairpin && topo_hairpin "$net"
	for n in "${TOPO_NETS[@]}"; do [[ $n = internet ]] || topo_routes "$n"; done
	TOPO_BOOTED[$net]=$(topo_uptime)
	topo_portmap "$net"
	topo_portmap_wait "$net"
}
# gw_reboot NETWORK: no mappings any more, and an epoch that begins again
gw_reboot() { gw_off "$1"; gw_on "$1"; }

# gw_renumber NETWORK: gets another address outside
gw_renumber() {
	local net=$1 old new via=${TOPO_AT[$1.wan]}
	old=$(external "$net")
	if [[ $via = internet ]]; then
		new=${old%.*}.$((${old##*.} + 1))
	else
		new=${old%.*}.${TOPO_NEXT[$via]}
		TOPO_NEXT[$via]=$((TOPO_NEXT[$via] + 1))
	fi
	TOPO_ADDR[$net.wan]=$new
	ip -n "$net" -batch - <<-END
		addr del $old/24 dev wan
		addr add $new/24 dev wan
		route replace default via $(topo_next_hop "$net") dev wan metric 100
	END
	# who had the old one is not asked once more
	ip -n "$via" neigh flush to "$old" 2>/dev/null
	topo_routes "$net"
	topo_has "$net" hairpin && topo_hairpin "$net"
	# as the scripts of a router do; only with UPnP miniupnpd would see it by itself
	[[ -z ${TOPO_UPNPD[$net]-} ]] || kill -USR1 "${TOPO_UPNPD[$net]}"
	return 0
}

# gw_deny NETWORK [EXTERNAL-PORT...]: from now on these ports (all) are not given, and
# mappings to them are gone; gw_allow NETWORK: all are. The epoch goes on.
gw_deny() {
	local net=$1 p
	shift
	TOPO_DENIED[$net]=
	for p in "${@:-1-65535}"; do
		TOPO_DENIED[$net]+="deny $p 0.0.0.0/0 1-65535\n"
		# shellcheck disable=SC2015
		[[ $p = *-* ]] && rm -f "$TOPO_DIR/$net/leases" ||
			sed -i "/^[A-Z]*:$p:/d" "$TOPO_DIR/$net/leases" 2>/dev/null
	done
	topo_portmap_again "$net"
}
gw_allow() { TOPO_DENIED[$1]=; topo_portmap_again "$1"; }

# gw_lifetime NETWORK SECONDS: the longest from now on
gw_lifetime() {
	TOPO_WORDS[$1]=$(sed 's/,lifetime=[0-9]*//' <<<"${TOPO_WORDS[$1]}")lifetime=$2,
	topo_portmap_again "$1"
}

# gw_udp NETWORK blocked|open: UDP that it forwards, but for questions to the resolver
gw_udp() {
	TOPO_BLOCKED[$1]=$2
	run_ns "$1" nft flush chain inet gw blocked
	[[ $2 = blocked ]] || return 0
	[[ -z $TOPO_DNS ]] || run_ns "$1" nft "add rule inet gw blocked udp dport 53 ip daddr $TOPO_DNS accept
		add rule inet gw blocked udp sport 53 ip saddr $TOPO_DNS accept"
	run_ns "$1" nft add rule inet gw blocked meta l4proto udp drop
}

# gw_mappings NETWORK: PROTOCOL EXTERNAL-PORT ADDRESS:PORT, one per line, as its kernel
# has them
gw_mappings() {
	run_ns "$1" nft list chain inet gw prerouting_miniupnpd |
		sed -nE 's/.*@nh,72,8 (0x[0-9a-f]+) th dport ([0-9]+) dnat ip to ([0-9.:]+).*/\1 \2 \3/p' |
		sed 's/^0x11 /udp /; s/^0x0*6 /tcp /' | sort
}
