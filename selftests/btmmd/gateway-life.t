#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What gateways have lasts as long as its host wants, and not longer: short lifetimes, a
# gateway that is silent for longer than that, protocols that die and come back, a host that
# moves away. And a gateway behind another, whose mappings are of no use.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway.sh"

topology 'internet: server resolver bob' 'home1(natpmp): alice' 'home2(pcp): carol' \
	'home3(natpmp,pcp,upnp): dave' 'home4(upnp,double,naive): erin'
HOME_OF=([alice]=home1 [carol]=home2 [dave]=home3 [erin]=home4)
account_make server resolver bob bob alice carol dave erin
gateway_begin
for h in alice carol dave erin; do refresh_of $h 5s; done
host_start bob alice carol dave erin
reach_bob() { local h; for h in alice carol dave; do pings bob $h || return; done; }
ok 'bob reaches all by name' wait_for 40 reach_bob || trouble bob alice carol dave
for h in alice carol dave; do is_right $h 4500; done
mapping_says() { [[ $(on "$1" btmm-ctl --json status | jq -r ".[0].mapping|$2") = "$3" ]]; }

# --- two NATs, of which the inner one maps all the same -----------------------------------

# miniupnpc takes it for not connected, which is no reason not to ask.
ok 'erin is behind two NATs' wait_for 20 mapping_says erin '.how + " " + .verdict' 'observed double-nat' ||
	trouble erin
like 'the inner one has told its address' "$(on erin btmm-ctl --json status | jq -r '.[0].mapping.why')" \
	"UPnP: the gateway has mapped $(external home4):4500, but this is private"
ok 'what STUN saw is published' wait_for 10 published_is erin "$(external home4.isp):4500" || diag "$(published erin)"
ok 'she reaches bob' wait_for 10 pings erin bob
ok 'and he her' wait_for 10 pings bob erin || trouble bob erin

# --- lifetimes that the gateway shortens --------------------------------------------------

# keeps HOST: says what the gateway has, and when, until $tap_tmp/kept is there
keeps() {
	until [[ -e $tap_tmp/kept ]]; do
		echo "$EPOCHREALTIME $(mapping "$1" | paste -sd,)"
		nap 0.2
	done
}
life=8
for n in 1 2; do gw_lifetime home$n $life; done
for h in alice carol; do
	is_right $h 4500 20
	keeps $h >"$TEST_OUT/kept.$h" &
	add_cleanup kill $!
done

# --- protocols that die ------------------------------------------------------------------

via() { mapping_says dave '.how + " " + .via' "mapped $1"; }
speaks() { # PROTOCOL WORD...
	gw_speaks home3 "${@:2}"
	ok "dave's gateway speaks ${*:2}: $1 is used" wait_for 20 via "$1" || trouble dave
	is_right dave 4500
}
ok 'PCP, NAT-PMP and UPnP: PCP is used' via pcp
speaks nat-pmp natpmp upnp
speaks upnp upnp
# All are back: UPnP gives way. Who was spoken with in NAT-PMP last is so again.
speaks nat-pmp natpmp pcp upnp
is 'and there is one mapping' "$(gw_mappings home3)" "udp 4500 $(addr dave):4500"

# --- silence -----------------------------------------------------------------------------

touch "$tap_tmp/kept"
for h in alice carol; do
	awk '!n++ { first = $1 } NF < 2 { if (++gone > worst) worst = gone } NF >= 2 { gone = 0 }
		END { print int($1 - first), n, worst + 0 }' "$TEST_OUT/kept.$h" >"$tap_tmp/worst"
	read -r seconds n worst <"$tap_tmp/worst"
	cmp_num "$h was watched for more than two lifetimes (s)" "$seconds" -gt $((2 * life))
	# A renewal of miniupnpd's is a deletion, and then a mapping.
	cmp_num "$h was mapped all the time" "$worst" -le 1
	diag "looked $n times"
done
gw_hush home1 alice
gw_hush home2 carol
for h in alice carol; do
	ok "$h: the gateway is silent, the mapping ends" wait_for $((3 * life)) mapped_at $h '' || trouble $h
	ok 'what STUN saw is published' wait_for 10 mapping_says $h .how observed
	is 'which is right' "$(published $h)" "$(external ${HOME_OF[$h]}):4500"
	ok 'it reaches others' pings $h bob 3
done
gw_unhush home1
gw_unhush home2
for h in alice carol; do is_right $h 4500 20; done

# --- a move ------------------------------------------------------------------------------

# Nobody can take back what was mapped for the old address. There, another has the port.
move alice home2
HOME_OF[alice]=home2
is_right alice 4501 20
ok 'what she had at home ends' wait_for $((3 * life)) no_mapping home1

# --- the end -----------------------------------------------------------------------------

host_stop alice carol dave erin
for n in 1 2 3 4; do ok "home$n has no mapping" wait_for 5 no_mapping home$n; done
for h in alice carol dave erin; do is "$h is not in DNS" "$(published $h)" :; done
done_testing
