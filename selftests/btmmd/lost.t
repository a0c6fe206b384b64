#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Events of Long-Lived Queries over UDP that are lost: the first copy, then all of them. The
# host hears of the move all the same: by the next copy, because it calls and nobody answers,
# or when it refreshes what the server has given up.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
need nft

topology 'internet: server resolver bob' 'home1(natpmp): alice' 'home2(natpmp):'
account_make server resolver alice alice bob
on bob mkdir -p /etc/btmm/btmmd.conf.d
printf '[dns]\nclear-text = yes\n' | on bob tee /etc/btmm/btmmd.conf.d/dns.conf >/dev/null
run_ns bob nft 'add table inet test
	add chain inet test out { type filter hook output priority 0; }
	add chain inet test in { type filter hook input priority -300; }
	add rule inet test out tcp dport 853 reject with tcp reset'
# STUN goes to the tunnel's port.
lose() { run_ns bob nft "add rule inet test in ip saddr $(addr server) udp sport 53 udp dport != 4500 counter drop"; }
lost() { run_ns bob nft list chain inet test in | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p'; }
lost_some() { (($(lost) >= $1)); }
pass_all() { run_ns bob nft flush chain inet test in; }
llqs() { on server btmm-dnsd status --json | jq .subscriptions.udp; }
fewer_llqs() { (($(llqs) < $1)); }

is_in() { [[ $(endpoint bob alice) = "$(external "$1"):"* ]]; }
json() { local h=$1 f=$2; shift 2; on "$h" btmm-ctl "$@" --json | jq -r "$f"; }
by_udp() { [[ $(json bob '.[0].subscription|.quality + " " + .protocol' status) = 'live llq-udp' ]]; }
host_start alice bob
ok 'bob subscribes by UDP, in clear text as he may' wait_for 60 by_udp || {
	diag "$(on bob btmm-ctl status)"
	trouble alice bob
	bail 'nothing to go on with'
}
ok 'he knows where alice is' wait_for 20 is_in home1 || trouble alice bob
like 'the server knows of his questions' "$(llqs)" '^[1-9]'
heard() { [[ -n $(said_at bob "$(fqdn alice) moved.* $(external "$1") " "$2") ]]; }
heard_at() { said_at bob "$(fqdn alice) moved.* $(external "$1") " "$2"; }

# --- nothing is lost -----------------------------------------------------------------------

at=$(now_s)
move alice home2
ok 'a move is heard of' wait_for 10 heard home2 "$at" || trouble alice bob
diag "after $(heard_at home2 "$at") ms"

# --- the first copy ------------------------------------------------------------------------

lose
at=$(now_s)
move alice home1
ok 'events are lost' wait_for 10 lost_some 1
pass_all
ok 'they come again' wait_for 6 heard home1 "$at" || trouble alice bob
diag "heard of after $(heard_at home1 "$at") ms"
is 'nobody has spoken with alice yet' "$(ip -n bob xfrm state)" ''

# --- all copies, and a call ------------------------------------------------------------------

# given_up NETWORK: alice goes there, and all that the server says of it is lost
given_up() {
	before=$(llqs)
	lose
	moved_at=$(now_s)
	move alice "$1"
	# It ends those that have something to tell.
	ok "all copies are lost: the server gives up" wait_for 30 fewer_llqs "$before" || diag "$(llqs) of $before LLQs"
	cmp_num 'after three' "$(lost)" -ge 3
	pass_all
	ok 'bob has not heard of it' eval '! heard "$1" "$moved_at"'
}
given_up home2
ok 'his kernel still has the old place' is_in home1
at=$(now_s)
ok 'he calls, and reaches her' wait_for 15 pings bob alice 1 || trouble alice bob
diag "after $(awk -v a="$at" -v b="$(now_s)" 'BEGIN { print int((b - a) * 1000) }') ms," \
	"having heard of it after $(heard_at home2 "$at") ms"
ok 'as DNS says now' heard home2 "$at"
ok 'the server knows of his questions again' wait_for 10 eval '! fewer_llqs "$before"'

# --- all copies, and nobody calls ----------------------------------------------------------

server_stop server
on server sed -i 's/^\[server\]$/&\nllq-lease-min = 1s\nllq-lease-max = 24s/' /etc/btmm/dnsd.conf
server_start server
btmmd_stop bob
at=$(now_s)
btmmd_start bob
ok 'bob subscribes anew, for a short time' wait_for 60 by_udp || trouble alice bob
ok 'and knows where alice is' wait_for 20 eval '[[ -n $(said_at bob "$(fqdn alice) came.* $(external home2) " "$at") ]]' || trouble alice bob
given_up home1
ok 'when he refreshes, he hears' wait_for 30 heard home1 "$moved_at" || trouble alice bob
diag "$(heard_at home1 "$moved_at") ms after the move; the lease is 24 s"
ok 'he has never let her go' eval '! grep -q "$(fqdn alice) went" "$TEST_OUT/btmmd.bob.log"'
# bob's SAs of before outlived his btmmd, not hers: she begins.
ok 'they reach each other' wait_for 20 pings alice bob 1 || trouble alice bob
host_stop alice bob
done_testing
