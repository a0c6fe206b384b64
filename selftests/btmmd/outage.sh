# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What happens to alice, who moves, and bob while the server is away; on top of flow.sh,
# for the tests outage*.t.

status() { on "$1" btmm-ctl --json status | jq -r ".[0]|$2"; }
status_is() { [[ $(status "$1" "$2") = "$3" ]]; }
subscription() { status "$1" '.subscription.quality'; }
misses_server() { [[ $(subscription "$1") = none ]]; }
has_server() { [[ $(subscription "$1") = live ]]; }
published() { [[ -n $(said_at "$1" 'published for' "$2") ]]; }
follows() { event_since bob "endpoint $(external "$1"):" "$2"; }
# stub HOST OTHER: what the stub resolver says, with its TTL
stub() { on "$1" dig +noall +answer +tries=1 +time=2 "@$BTMMD_STUB" "$(fqdn "$2")" AAAA | awk '{ print $2, $5 }'; }
names() {
	is "alice knows bob's name$1" "$(stub alice bob)" "5 $(ula bob)"
	is "bob knows alice's$1" "$(stub bob alice)" "5 $(ula alice)"
}
updates() { on server btmm-dnsd status --json | jq .updates.requests; }
more_updates_than() { (($(updates) > $1)); }
calls() { seen_between "$1" "$2" "tcp[tcpflags] == tcp-syn and dst host $(addr server) and dst port 853"; }
moves_without() { # NETWORK
	at=$(now_s)
	move alice "$1"
	ok "$1: the tunnel follows" wait_for 10 follows "$1" "$at" || trouble alice bob
	ok "$1: the connection goes on" flow_goes_on
}
bob_hears() { # NETWORK SINCE
	ok "$1: bob hears of it" wait_for 40 eval "[[ -n \$(said_at bob '$(fqdn alice) moved.* $(external "$1") ' $2) ]]" ||
		trouble alice bob
}
said_of_alice() { grep -cE "$(fqdn alice) ($1)" "$TEST_OUT/btmmd.bob.log"; }
