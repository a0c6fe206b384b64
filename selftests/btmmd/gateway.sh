# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What happens to gateways, and whether a host behind one is right in DNS and reached
# afterwards; on top of lib.sh, for the tests gateway*.t.
#
#	declare -A HOME_OF=([alice]=home1 ...)	hosts of the account, and where they are
#	is_right HOST PORT...	mapped, published and reached by name, at one of the ports

need conntrack dig nft
declare -A HOME_OF=()

# published HOST: ADDRESS:PORT, as the server tells those of the account
gateway_begin() { # after account_make
	gateway_key=$(on server awk '{ print $2 ":" $1 ":" $3 }' "/etc/btmm/keys/account.$ZONE.key")
}
asked() {
	on bob dig +short +tries=2 +time=1 -y "$gateway_key" "@$(addr server)" "$@"
}
published() {
	local port target
	read -r _ _ port target _ < <(asked "_autotunnel._udp.$(fqdn "$1")" SRV)
	echo "$(asked "${target:-nobody.$ZONE}" A):$port"
}
published_is() { [[ $(published "$1") = "$2" ]]; }
# mapping HOST: the external ports by which its gateway lets in what is for its tunnel
mapping() { gw_mappings "${HOME_OF[$1]}" | awk -v to="$(addr "$1"):4500" '$1 == "udp" && $3 == to { print $2 }'; }
mapped_at() { [[ $(mapping "$1") = "$2" ]]; }
no_mapping() { [[ -z $(gw_mappings "$1") ]]; }

# is_right HOST PORT [SECONDS]: the mapping is there, DNS says so, and who was forgotten by
# the gateway is let in by it
is_right() {
	local h=$1 port=$2 limit=${3:-10} net=${HOME_OF[$1]} at
	at=$(now_ms)
	ok "$h: its gateway has mapped $port" wait_for "$limit" mapped_at "$h" "$port" || {
		trouble "$h"
		return 1
	}
	ok "$h: so it is published" wait_for "$limit" published_is "$h" "$(external "$net"):$port" || {
		diag "published: $(published "$h")"
		trouble "$h"
	}
	diag "$h: after $(($(now_ms) - at)) ms"
	run_ns "$net" conntrack -D -p udp >/dev/null 2>&1
	# Where what it sends leaves by another port than the mapped one, bob's kernel had learnt
	# that, and learns better with the next keepalive, after 20 s at most.
	ok "$h: bob reaches it by name" wait_for 25 pings bob "$h" || trouble bob "$h"
}

# --- what happens to gateways, more than topology/gateway.sh has ------------------------

# gw_hush NETWORK [HOST]: it announces nothing, and does not hear what that host asks for;
# gw_unhush NETWORK
gw_hush() {
	{
		echo 'table inet hush { }; delete table inet hush'
		echo 'table inet hush { chain out { type filter hook output priority -400;'
		echo 'ip daddr { 224.0.0.1, 239.255.255.250 } drop'
		echo '}'
		if [[ -n ${2-} ]]; then
			echo 'chain in { type filter hook prerouting priority -400;'
			echo "ip saddr $(addr "$2") udp dport { 5351, 5361, 1900 } drop"
			echo "ip saddr $(addr "$2") tcp dport 5000 drop"
			echo '}'
		fi
		echo '}'
	} | run_ns "$1" nft -f - || bail "$1 cannot be hushed"
}
gw_unhush() { run_ns "$1" nft delete table inet hush; }
# gw_announce NETWORK: as a gateway does after a boot (RFC 6886 3.2.1)
gw_announce() { kill -USR1 "${TOPO_UPNPD[$1]}"; }
# gw_speaks NETWORK WORD...: these protocols from now on; table and epoch go on
gw_speaks() {
	local net=$1 w words=,
	shift
	for w in ${TOPO_WORDS[$net]//,/ }; do
		[[ $w = natpmp || $w = pcp || $w = upnp ]] || words+=$w,
	done
	for w; do words+=$w,; done
	TOPO_WORDS[$net]=$words
	topo_portmap_again "$net"
}

# refresh_of HOST TIME: how often it asks its gateway; time goes faster in tests
refresh_of() {
	on "$1" mkdir -p /etc/btmm/btmmd.conf.d
	printf '[nat]\nrefresh = %s\n' "$2" | on "$1" tee /etc/btmm/btmmd.conf.d/refresh.conf >/dev/null
}
