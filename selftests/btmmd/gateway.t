#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gateways that say what happens to them: another address outside, a reboot. Their hosts
# are published and reached anew before anything but the announcement could have told them.
# A gateway that is switched off takes its host out of DNS, and puts it there again. And who
# stops leaves no mapping behind, by each protocol.
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gateway.sh"

topology 'internet: server resolver bob' 'home1(natpmp): alice' 'home2(pcp): carol' 'home3(upnp): dave'
HOME_OF=([alice]=home1 [carol]=home2 [dave]=home3)
account_make server resolver bob bob alice carol dave
gateway_begin
# the shortest lease that hosts refresh in time
on server sed -i '/^\[server\]/a lease-min = 30s\nlease-max = 30s' /etc/btmm/dnsd.conf
server_stop server
server_start server
# They hear nothing from STUN, which would find out in its time, too.
for h in alice carol; do
	on $h mkdir -p /etc/btmm/btmmd.conf.d
	printf '[nat]\nstun-server = %s\n' "$(addr resolver):3478" |
		on $h tee /etc/btmm/btmmd.conf.d/stun.conf >/dev/null
done
host_start bob alice carol dave
reach_bob() { local h; for h in alice carol dave; do pings bob $h || return; done; }
ok 'bob reaches all by name' wait_for 40 reach_bob || trouble bob alice carol dave
for h in alice carol dave; do is_right $h 4500; done

# --- another address outside -------------------------------------------------------------

# By UPnP nothing is announced: STUN tells it, after 17 to 20 s.
for n in 1 2 3; do gw_renumber home$n; done
is_right alice 4500 8
is_right carol 4500 8
is_right dave 4500 25
# several times in a row, the last one counts
for n in 1 2; do gw_renumber home$n; gw_renumber home$n; done
is_right alice 4500 8
is_right carol 4500 8

# --- a reboot, with an announcement ------------------------------------------------------

gw_reboot home1
gw_announce home1
# miniupnpd does so itself in PCP.
gw_reboot home2
is_right alice 4500 12
is_right carol 4500 12
# ... with another address
gw_off home1
gw_on home1
gw_renumber home1
is_right alice 4500 12

# --- no power ---------------------------------------------------------------------------------

gw_off home3
at=$EPOCHREALTIME
host_stop alice carol
for n in 1 2; do ok "home$n has no mapping" wait_for 5 no_mapping home$n; done
for h in alice carol; do is "$h is not in DNS" "$(published $h)" :; done
# 30 s, and the server forgets several at a time.
ok 'dave is in DNS until his lease ends' wait_for 32 published_is dave : || diag "$(published dave)"
silence() { on dave btmm-ctl --json status | jq -r '.[0].mapping.why[]?' | grep -q '^STUN: .*\(no answer\|nobody answers\)'; }
ok 'he sees that nobody answers' wait_for 45 silence || diag "$(on dave btmm-ctl --json status)"
diag "for $(awk -v a="$at" -v b="$EPOCHREALTIME" 'BEGIN { print int(b - a) }') s after his gateway was off"
gw_on home3
# It says nothing of that; but STUN is answered again, which is enough of a word.
at=$(now_ms)
is_right dave 4500 60
cmp_num 'without a word that was soon (ms)' $(($(now_ms) - at)) -lt 60000

# --- the end -----------------------------------------------------------------------------

host_stop dave
ok 'home3 has no mapping' wait_for 5 no_mapping home3
is 'dave is not in DNS' "$(published dave)" :
done_testing
