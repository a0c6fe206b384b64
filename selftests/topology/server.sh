# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Public servers of topology.sh.
#
#	server_setup HOST ZONE [OPTION...]	BIND and, before it, btmm-dnsd, as
#						`btmm-dnsd setup` makes them
#	server_stop HOST; server_start HOST	btmm-dnsd only; its primary goes on
#	resolver_setup HOST [ZONE=SERVER...]	the resolver of all hosts, who also is the
#						root and the zone above of these zones
#	host_key SERVER NAME			the file with NAME's key, as host add makes it

declare -A TOPO_SERVER=()	# HOST.named, HOST.dnsd: their process ids

topo_named() { # HOST
	on "$1" install -d -o bind -g bind /run/named
	start "$1" "named.$1" named -u bind -g
	TOPO_SERVER[$1.named]=$bg_pid
	wait_for 20 on "$1" rndc status || topo_bad "named does not start on $1"
}

server_setup() {
	local h=$1 zone=$2
	shift 2
	topo_named "$h"
	on "$h" btmm-dnsd setup --domain "$zone" --primary bind --address "$(addr "$h")" "$@" \
		>"$TEST_OUT/setup.$h.log" 2>&1 || topo_bad "btmm-dnsd setup: $(<"$TEST_OUT/setup.$h.log")"
	on "$h" install -d -o btmm-dnsd -g btmm-dnsd /run/btmm-dnsd
	server_start "$h"
}
server_start() {
	# as its unit does
	start "$1" "dnsd.$1" setpriv --reuid btmm-dnsd --regid btmm-dnsd --init-groups \
		--no-new-privs --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service \
		--bounding-set=-all,+net_bind_service btmm-dnsd run
	TOPO_SERVER[$1.dnsd]=$bg_pid
	wait_for 20 server_ready "$1" || topo_bad "btmm-dnsd does not start on $1: $(tail -n 5 "$TEST_OUT/dnsd.$1.log")"
}
server_ready() {
	[[ $(on "$1" btmm-dnsd status --json | jq '(.zones|length>0) and ([.zones[].served]|all)') = true ]]
}
# server_stop HOST [SIGNAL]
server_stop() {
	kill "-${2:-TERM}" "${TOPO_SERVER[$1.dnsd]}"
	wait "${TOPO_SERVER[$1.dnsd]}" 2>/dev/null
	return 0
}

host_key() {
	local d=$TOPO_DIR/$1/keys
	mkdir -p "$d"
	[[ -e $d/$2.key ]] || on "$1" btmm-dnsd host add "$2" --output "$d/$2.key" >/dev/null || return
	echo "$d/$2.key"
}

resolver_setup() {
	local h=$1 z zone server
	shift
	{
		cat <<-'END'
			options {
				directory "/var/cache/bind";
				listen-on { any; };
				listen-on-v6 { any; };
				recursion yes;
				allow-recursion { any; };
				allow-query { any; };
				dnssec-validation no;
				empty-zones-enable no;
			};
			zone "." { type primary; file "/etc/bind/root.zone"; };
		END
	} | on "$h" tee /etc/bind/named.conf >/dev/null
	{
		echo '$TTL 60'
		echo ". SOA a.root. hostmaster.root. 1 3600 600 86400 5"
		echo '. NS a.root.'
		echo "a.root. A $(addr "$h")"
		for z; do
			zone=${z%%=*} server=${z#*=}
			echo "$zone. NS ns.$zone."
			echo "ns.$zone. A $(addr "$server")"
			[[ -z $(addr6 "$server") ]] || echo "ns.$zone. AAAA $(addr6 "$server")"
		done
	} | on "$h" tee /etc/bind/root.zone >/dev/null
	topo_named "$h"
	TOPO_DNS=$(addr "$h")
	for h in "${TOPO_HOSTS[@]}"; do topo_resolver "$h"; done
	for h in "${!TOPO_BLOCKED[@]}"; do gw_udp "$h" "${TOPO_BLOCKED[$h]}"; done
}

# topo_resolver HOST: as DHCP would, tells it who resolves names
topo_resolver() {
	[[ -z $TOPO_DNS ]] || on "$1" tee /etc/resolv.conf >/dev/null <<-END
		${TOPO_STUB[$1]+nameserver ${TOPO_STUB[$1]}}
		nameserver $TOPO_DNS
	END
}
