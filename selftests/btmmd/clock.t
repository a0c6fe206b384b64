#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The clock is set by an hour or a day, forward and back, of hosts and server at once, and of
# a host alone: connections, leases, subscriptions and names do not depend on it, a move is
# told to the server whatever it thinks the time is, and a new SA can be had.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flow.sh"
way=delay=5

topology 'internet: server resolver bob' "home1(natpmp,$way): alice" "home2(natpmp,$way):"
account_make server resolver alice alice bob
host_start alice bob
ok 'both are there' wait_for 40 reach_all alice bob || trouble alice bob
flow_begin alice bob

status() { on "$1" btmm-ctl --json status | jq -r ".[0]|$2"; }
status_is() { [[ $(status "$1" "$2") = "$3" ]]; }
has_server() { status_is "$1" .subscription.quality live; }
# By lines of its log, as times say nothing here: mark; said HOST REGEX: since then
declare -A marks=()
mark() {
	local h
	for h in alice bob; do marks[$h]=$(wc -l <"$TEST_OUT/btmmd.$h.log"); done
}
said() { tail -n "+$((marks[$1] + 1))" "$TEST_OUT/btmmd.$1.log" | grep -q "$2"; }
said_of_alice() { grep -cE "$(fqdn alice) ($1)" "$TEST_OUT/btmmd.bob.log"; }
# Nothing is waited for while it is set: what waits looks at this clock.
set_clock() { date -s "@$((EPOCHSECONDS + $1))" >/dev/null; }
home=home1
# moves: alice does, to the other home
moves() {
	local at
	mark
	if [[ $home = home1 ]]; then home=home2; else home=home1; fi
	at=$(now_ms)
	move alice $home
	ok "$1: a move is published" wait_for 15 said alice 'published for' || trouble alice
	ok "$1: and bob hears of it" wait_for 10 said bob "$(fqdn alice) moved.* $(external $home) " || trouble bob
	diag "$(($(now_ms) - at)) ms after the move"
}

# --- of all --------------------------------------------------------------------------------

is_by=0
for by in 3600 -3600 -86400 86400 86400; do
	left=$(status alice .publication.left_s)
	set_clock $by
	is_by=$((is_by + by))
	what="the clock $((is_by / 3600)) h off"
	ok "$what: the connection goes on" flow_goes_on
	now=$(status alice .publication.left_s)
	cmp_num "$what: the lease has as much to go" "$((left - now))" -le 30
	cmp_num "$what: and no more" "$now" -le "$left"
	is "$what: alice is subscribed" "$(status alice .subscription.quality)" live
	is "$what: names are known" "$(looks_up alice bob)" "$(ula bob)"
	moves "$what"
	[[ $is_by = 86400 || $is_by = -86400 ]] || continue
	charon_kill bob
	ok "$what: new SAs" wait_for 20 pings alice bob || trouble alice bob
	ok "$what: the connection has waited for them" flow_goes_on
done

# --- the server starts anew, a day later by its clock ------------------------------------------

server_stop server KILL
server_start server
ok 'the server is back: both are subscribed again' wait_for 20 eval 'has_server alice && has_server bob'
moves 'the server started a day later'
is 'bob never thought that alice had gone, or come again' "$(said_of_alice 'went|came|has started')" 1

# --- of one host -----------------------------------------------------------------------------

set_clock -86400
btmmd_stop alice KILL
mark
set_clock -86400
btmmd_start alice
ok 'alice starts with a clock of yesterday' wait_for 10 status_is alice .state up
set_clock 86400
ok 'and the server tells it the time' wait_for 15 said alice 'published for' || trouble alice
ok 'alice is subscribed' wait_for 15 has_server alice
moves 'a host with another clock'
is 'bob never thought that alice had gone, or come again' "$(said_of_alice 'went|came|has started')" 1
flow_end
host_stop alice bob
done_testing
