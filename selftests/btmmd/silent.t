#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that is there and says nothing: each way to it is given up in time for the next
# one, in clear text only where the owner allows that, and the best is taken again.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flow.sh"
way=delay=5

topology 'internet: server resolver bob' "home1(natpmp,$way): alice" "home2(natpmp,$way):"
account_make server resolver alice alice bob
on alice tee /etc/btmm/btmmd.conf >/dev/null <<-EOF
	[dns]
	clear-text = yes
EOF
host_start alice bob
ok 'both are there' wait_for 40 reach_all alice bob || trouble alice bob
listen_to bob
flow_begin alice bob

status() { on "$1" btmm-ctl --json status | jq -r ".[0]|$2"; }
status_is() { [[ $(status "$1" "$2") = "$3" ]]; }
way_is() { status_is "$1" '.subscription|.protocol + " " + .quality' "$2"; }
follows() { event_since bob "endpoint $(external "$1"):" "$2"; }
published() { [[ -n $(said_at "$1" 'published for' "$2") ]]; }
heard() { [[ -n $(said_at bob "$(fqdn alice) moved.* $(external "$1") " "$2") ]]; }
not_published() { [[ -n $(said_at alice "not published: .*$1" "$2") ]]; }
moves() {
	at=$(now_s)
	move alice "$1"
	ok "$1: the tunnel follows" wait_for 10 follows "$1" "$at" || trouble alice bob
	ok "$1: the connection goes on" flow_goes_on
}
is 'alice is subscribed by DNS Push' "$(status alice '.subscription|.protocol + " " + .quality')" 'push live'
is 'and published over TLS' "$(status alice .publication.transport)" tls

# --- TLS is swallowed ------------------------------------------------------------------------

run_ns server nft 'add table ip mute; add chain ip mute in { type filter hook input priority 0; }
	add chain ip mute out { type filter hook output priority 0; }
	add rule ip mute in tcp dport 853 drop; add rule ip mute out tcp sport 853 drop'
moves home2
ok 'published in clear text, as the owner allows that' wait_for 20 published alice "$at" || trouble alice
is 'so it is' "$(status alice .publication.transport)" tcp
diag "published $(said_at alice 'published for' "$at") ms after the move"
ok 'alice asks by UDP, behind a NAT now and then' wait_for 40 way_is alice 'llq-udp polls' || status alice .subscription
diag "after $(awk -v a="$at" -v b="$(now_s)" 'BEGIN { print int((b - a) * 1000) }') ms"
is 'names are known' "$(looks_up alice bob)" "$(ula bob)"
ok 'bob, who does not allow that, still knows alice' pings bob alice
back=$(now_s)
run_ns server nft delete table ip mute
ok 'TLS is let through: bob hears where alice is' wait_for 60 heard home2 "$at" || trouble bob
diag "$(said_at bob "$(fqdn alice) moved" "$back") ms later"
moves home1
ok 'alice is subscribed by DNS Push again' wait_for 20 way_is alice 'push live' || status alice .subscription
ok 'and published' wait_for 20 published alice "$at"
ok 'over TLS' wait_for 10 status_is alice .publication.transport tls

# --- the program hangs -------------------------------------------------------------------------

freeze "${TOPO_SERVER[server.dnsd]}"
moves home2
ok 'connections are taken, and nobody answers' wait_for 20 not_published 'does not answer in time' "$at" || trouble alice
is 'names are known' "$(looks_up bob alice)" "$(ula alice)"
back=$(now_s)
kill -CONT "${TOPO_SERVER[server.dnsd]}"
ok 'it goes on: published' wait_for 40 published alice "$back" || trouble alice
ok 'bob hears of it' wait_for 20 heard home2 "$back" || trouble bob
ok 'both by DNS Push' wait_for 40 eval 'way_is alice "push live" && way_is bob "push live"'
diag "published $(said_at alice 'published for' "$back") ms later"
is 'bob never thought that alice had gone, or come again' \
	"$(grep -cE "$(fqdn alice) (went|came|has started)" "$TEST_OUT/btmmd.bob.log")" 1
flow_end
host_stop alice bob
done_testing
