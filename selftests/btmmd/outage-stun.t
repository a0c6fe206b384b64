#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The domain's server is away for so long that STUN falls silent, while a host moves to where
# only a server could say how it is reached, and afterwards: what is not known any more is
# neither taken out of DNS nor lost, and a connection between two hosts loses nothing.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flow.sh"
. "$(dirname "$0")/outage.sh"
need dig
way=delay=5

topology 'internet: server resolver bob' "home1(natpmp,$way): alice" "home5(portrestricted,$way):"
account_make server resolver alice alice bob
host_start alice bob
ok 'both are there' wait_for 40 reach_all alice bob || trouble alice bob
listen_to bob
flow_begin alice bob

# --- to where nobody but the server could tell how one is reached ---------------------------

server_stop server KILL
moves_without home5
ok 'a NAT that maps nothing, and STUN is not answered' wait_for 60 status_is alice \
	'.mapping|.how + " " + (.waiting|tostring)' 'none false' || status alice .mapping
names ', though nobody knows where alice is'
back=$(now_s)
server_start server
ok 'back: what alice is seen as is published' wait_for 40 published alice "$back" || trouble alice
bob_hears home5 "$back"
diag "published $(said_at alice 'published for' "$back") ms after the start"

# --- afterwards ------------------------------------------------------------------------------

server_stop server KILL
ok 'after the move: the connection goes on' flow_goes_on
# Asks at once what would be asked some seconds later.
on alice btmm-ctl netcheck >/dev/null 2>&1
ok 'STUN is not answered any more' wait_for 60 status_is alice \
	'.mapping.why|join(" ")|test("; now nobody answers")' true || status alice .mapping
is 'which changes nothing' "$(status alice '.mapping|.how + " " + (.waiting|tostring)')" 'observed false'
names ', a while after the server went'
server_start server
ok 'both are subscribed again' wait_for 40 eval 'has_server alice && has_server bob'

# --- restarts in a row ---------------------------------------------------------------------

server_stop server TERM
server_start server
ok 'a restart: both are subscribed again' wait_for 20 eval 'has_server alice && has_server bob'
names ', in the end'
is 'bob never thought that alice had gone, come again or started anew' "$(said_of_alice 'went|came|has started')" 1
flow_end
host_stop alice bob
done_testing
