#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The domain's server is away before, while and after a host moves, or the primary behind it
# is: a connection between two hosts loses nothing, names are resolved as ever, and what has
# changed is in DNS as soon as the server is back.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flow.sh"
. "$(dirname "$0")/outage.sh"
need tcpdump dig
way=delay=5

topology 'internet: server resolver' "home1(natpmp,$way): alice" "home2(upnp,$way):" \
	"home3(natpmp,$way): bob"
account_make server resolver alice alice bob
host_start alice bob
ok 'both are there' wait_for 40 reach_all alice bob || trouble alice bob
listen_to bob
watch_internet
flow_begin alice bob

# --- before ------------------------------------------------------------------------------

down=$(now_s)
server_stop server KILL
ok 'no server: both miss it' wait_for 10 eval 'misses_server alice && misses_server bob'
moves_without home2
names ', without a server'
ok 'alice knows that nothing is published' wait_for 10 status_is alice '.publication.current' false
back=$(now_s)
server_start server
ok 'back: published at once' wait_for 15 published alice "$back" || trouble alice
bob_hears home2 "$back"
diag "after an outage of $(awk -v a="$down" -v b="$back" 'BEGIN { print int(b - a) }') s: published" \
	"$(said_at alice 'published for' "$back") ms after its start, heard by bob $(said_at bob "$(fqdn alice) moved" "$back") ms"
diag "connections tried meanwhile: $(calls "$down" "$back")"
like 'and it said why not' "$(<"$TEST_OUT/btmmd.alice.log")" 'not published: .*:853: Connection refused'
ok 'both are subscribed again' wait_for 20 eval 'has_server alice && has_server bob'

# --- while: the primary has the update, and nobody answers any more -----------------------

named=${TOPO_SERVER[server.named]}
freeze "$named"
had=$(updates)
moves_without home1
ok 'the update is on its way' wait_for 10 status_is alice '.publication.current' false
ok 'up to the server, whose primary hangs' wait_for 10 more_updates_than "$had"
server_stop server KILL
kill -CONT "$named"
names ', while an update is under way'
ok 'home1: the connection goes on' flow_goes_on
back=$(now_s)
server_start server
ok 'back: published' wait_for 20 published alice "$back" || trouble alice
bob_hears home1 "$at"
diag "published $(said_at alice 'published for' "$back") ms after the start"

# --- the primary is away -------------------------------------------------------------------

down=$(now_s)
kill -KILL "$named"
wait "$named" 2>/dev/null
moves_without home2
ok 'no primary: alice says so' wait_for 15 eval '[[ -n $(said_at alice "not published: .*SERVFAIL" $at) ]]' || trouble alice
names ', without a primary'
ok 'still subscribed' eval 'has_server alice && has_server bob'
had=$(updates)
wait_for 6 more_updates_than $((had + 4))
cmp_num 'few tries in six seconds' "$(($(updates) - had))" -le 4
back=$(now_s)
topo_named server
ok 'the primary is back: published' wait_for 30 published alice "$back" || trouble alice
bob_hears home2 "$at"
diag "after $(awk -v a="$down" -v b="$back" 'BEGIN { print int(b - a) }') s: published" \
	"$(said_at alice 'published for' "$back") ms after its start"

names ', in the end'
is 'bob never thought that alice had gone, come again or started anew' "$(said_of_alice 'went|came|has started')" 1
ok 'the capture is complete' watch_end
flow_end
host_stop alice bob
done_testing
