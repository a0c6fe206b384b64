#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What ends: a host that is switched off and on replaces its old self, also while the other
# one sleeps; charon is killed, SAs are lost. How long it takes until there is traffic again.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"

topology 'internet(delay=2,rate=20mbit): server resolver bob' 'home1(natpmp,delay=2): alice'
account_make server resolver bob alice bob
host_start alice bob
ok 'both are there' wait_for 40 reach_all alice bob || trouble alice bob

ms_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print int((b - a) * 1000) }'; }
# again SINCE FROM TO: until there is traffic, which is to take 2 s on a machine that has
# nothing else to do
again() { wait_for 20 pings "$2" "$3" 0.3 && took=$(ms_since "$1"); }
figures=()
figure() { figures+=("$1: $took ms"); diag "$1: traffic again after $took ms"; }
spis() { ip -n "$1" xfrm state | sed -n 's/.* spi \(0x[0-9a-f]*\).*/\1/p' | sort; }

# --- a reboot ----------------------------------------------------------------------------

old=$(ula bob)
# A connection that says something now and then
# shellcheck disable=SC2016
start alice talk bash -c 'while echo word; do read -rt 0.2 -u 9; done 9<> <(:) |
	socat - "TCP6:$0:7"; echo "ended $EPOCHREALTIME"' "$(fqdn bob)"
ok 'alice talks with bob' wait_for 10 grep -q word "$TEST_OUT/talk.log"
host_off bob
fails 'bob is off' pings alice bob
host_on bob
ok 'bob is on, and has another inner address' wait_for 10 eval '[[ -n $(ula bob) && $(ula bob) != $old ]]'
on_at=$EPOCHREALTIME
ok 'alice reaches the new bob' again "$on_at" alice bob || trouble alice bob
figure 'reboot, since he had his address'
diag "published: $(said_at bob 'published for' "$on_at")"
ok 'the old connection ends' wait_for 5 grep -q ended "$TEST_OUT/talk.log" || trouble alice
diag "$(awk -v a="$on_at" '/ended/ { print int(($2 - a) * 1000) }' "$TEST_OUT/talk.log") ms after bob had his address"
ok 'bob reaches alice' wait_for 10 pings bob alice
is 'alice has one peer' "$(run_ns alice btmm-ctl --json peer show | jq -r '.[].ula')" "$(ula bob)"
is 'no route to the old bob' "$(ip -n alice -6 route show dev btmm0 | grep -c "$old")" 0
ok 'no SA' wait_for 5 eval '! ip -n alice xfrm state | grep -q "$old"'
is 'no policy' "$(ip -n alice xfrm policy | grep -c "$old")" 0

# who calls first: bob, before alice has anything to say
old=$(ula bob)
host_off bob
host_on bob
wait_for 10 eval '[[ -n $(ula bob) && $(ula bob) != $old ]]'
on_at=$EPOCHREALTIME
ok 'bob, rebooted again, calls first' again "$on_at" bob alice || trouble alice bob
figure 'reboot, and calls first'

# alice sleeps: she hears nothing of it until she wakes up, with what she had
old=$(ula bob)
asleep="${BTMMD_PID[alice]} $(charon_pid_of alice)"
# shellcheck disable=SC2086
freeze $asleep
ip -n alice link set eth0 down
host_off bob
host_on bob
ok 'bob reboots while alice sleeps' wait_for 10 eval '[[ -n $(ula bob) && $(ula bob) != $old ]]'
wait_for 10 eval '[[ -n $(said_at bob "published for" "$on_at") ]]'
ip -n alice link set eth0 up
ip -n alice route add default via "$(default_of alice)" dev eth0 metric 100
# shellcheck disable=SC2086
kill -CONT $asleep
on_at=$EPOCHREALTIME
ok 'alice, awake, reaches him' again "$on_at" alice bob || trouble alice bob
figure 'reboot while the other sleeps, since she woke up'
is 'she has one peer' "$(run_ns alice btmm-ctl --json peer show | jq -r '.[].ula')" "$(ula bob)"

old=$(ula alice)
host_off alice bob
host_off bob
host_on alice
host_on bob
wait_for 10 eval '[[ -n $(ula alice) && $(ula alice) != $old ]]'
on_at=$EPOCHREALTIME
reach_again
ok 'both have rebooted' again "$on_at" alice bob || trouble alice bob
figure 'both rebooted, since alice had her address'
ok 'each reaches each' wait_for 20 reach_all alice bob || trouble alice bob

# --- charon is killed -----------------------------------------------------------------------

before=$(spis alice)
start alice pings ping -n -i 0.1 -D "$(fqdn bob)"
pings_pid=$bg_pid
wait_for 10 grep -q 'seq=3 ' "$TEST_OUT/pings.log"
old=$(charon_pid_of alice)
charon_kill alice
ok 'charon, killed, is there again' wait_for 20 eval '[[ $(charon_pid_of alice) != $old ]]'
others() { [[ -n $(spis alice) && -z $(comm -12 <(echo "$before") <(spis alice)) ]]; }
ok 'new SAs replace the old ones' wait_for 20 others || trouble alice bob
n=$(grep -c ' bytes from ' "$TEST_OUT/pings.log")
ok 'traffic goes on' wait_for 10 eval '[[ $(grep -c " bytes from " "$TEST_OUT/pings.log") -gt $((n + 5)) ]]'
kill -INT $pings_pid
wait $pings_pid 2>/dev/null
# What is on its way while charon replaces the SAs may be lost, no more.
gap=$(awk -F'[][]' '/ bytes from / { if (last && $2 - last > max) max = $2 - last; last = $2 }
	END { print int(max * 1000) }' "$TEST_OUT/pings.log")
cmp_num 'it hardly stopped (ms)' "$gap" -lt 600
diag "$(grep transmitted "$TEST_OUT/pings.log"); $gap ms without one"

took=$gap
figure 'charon killed, longest time without an answer'

# SAs lost on one side: what comes cannot be read, or the kernel asks for others, and
# charon still believes in those that were lost
lose() { # WHAT HOST...
	local what=$1 h at
	shift
	for h; do ip -n "$h" xfrm state flush; done
	at=$EPOCHREALTIME
	ok "$what" again "$at" alice bob || trouble alice bob
	# half of that on a machine that has nothing else to do
	cmp_num 'soon (ms)' "$took" -lt 4000
	figure "$what"
	ok 'in the other direction, too' wait_for 20 pings bob alice 0.3
}
lose "bob's SAs are lost" bob
lose "alice's SAs are lost, so soon after" alice
lose 'the SAs of both are lost' alice bob

# --- the end --------------------------------------------------------------------------------

no_mapping() { [[ -z $(gw_mappings home1) ]]; }
records() { # that are not the server's own
	on server sh -c 'rndc sync >/dev/null; named-compilezone -q -f text -F text -j -o - "$0" \
		"$(find /var -name "*$0*" -type f | grep -v jnl | head -n 1)"' "$ZONE" |
		grep -iE "alice|bob|autotunnel" | grep -v TYPE65283	# a host's key
}
fails 'someone is published' eval '[[ -z $(records) ]]'
host_stop alice bob
ok 'no mapping is left' wait_for 5 no_mapping
is 'no record is' "$(records)" ''
diag "figures: $(printf '%s; ' "${figures[@]}")"
done_testing
