#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A day in the life of three hosts, in simulated time (scripts/lab --time-travel): mappings
# of an hour, leases of records of 90 minutes, keys of an hour and IKE of four, all with
# their defaults, while addresses change outside, routers restart and the server does. A
# connection that is used every half minute lives through it whole; nothing that ends is
# there longer than it may be, and nothing grows.
# BTMM_DAY_HOURS: how long (2 to 24, by budget.sh's seconds of real time).
# kernels: uml
# clock: leaps
# shares: 2
# timeout: 100000
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/../btmmd/lib.sh"
. "$(dirname "$0")/../btmmd/outage.sh"
. "$(dirname "$0")/../btmmd/gateway.sh"
. "$(dirname "$0")/budget.sh"
. "$(dirname "$0")/day.sh"
[[ ${LAB_KIND-} = uml-day ]] || skip_all 'time does not travel here: scripts/lab -k uml --time-travel'
hours=$((BTMM_TORTURE_SECONDS / 150))
((hours >= 2)) || hours=2
((hours <= 24)) || hours=24
hours=${BTMM_DAY_HOURS:-$hours}
hosts='alice carol bob'
LEASE=5400 MAPPING=3600 REKEY=3600 KEYS_END=$((REKEY * 11 / 10))

topology 'internet(delay=5): server resolver bob' 'home1(natpmp,delay=5): alice' 'home2(natpmp,delay=5): carol'
HOME_OF=([alice]=home1 [carol]=home2)
account_make server resolver bob bob alice carol
gateway_begin
# Her router is not asked every two minutes whether it still has the mapping, so what is
# seen is its renewal.
refresh_of alice 24h
day_journal server
# shellcheck disable=SC2086
host_start $hosts
# shellcheck disable=SC2086
ok 'all are there' wait_for 60 reach_all $hosts || trouble $hosts
start alice natpmp tcpdump -i eth0 -n -tt -l 'udp dst port 5351 and udp[8:2] = 1'
wait_for 20 grep -q 'listening on' "$TEST_OUT/natpmp.log" || bail 'the capture does not start'

# --- what goes on all the time -----------------------------------------------------------------

stop=$tap_tmp/stop
STREAM_PACE=30 on carol "$btmmd_here/stream" serve "$(ula carol)" 8080 "$stop" "$tap_tmp/carol" \
	>"$TEST_OUT/serve.log" 2>&1 &
add_cleanup kill $!
ok 'carol listens' wait_for 30 eval 'run_ns carol ss -Hltn "sport = 8080" | grep -q .'
STREAM_PACE=30 on alice "$btmmd_here/stream" call "$(fqdn carol)" 8080 "$stop" "$tap_tmp/alice" \
	>"$TEST_OUT/call.log" 2>&1 &
add_cleanup kill $!
declare -A ping_pid=()
for pair in 'alice carol' 'carol alice' 'bob alice' 'alice bob'; do
	read -r h o <<<"$pair"
	start "$h" "ping.$h.$o" ping -n -D -O -i 60 "$(fqdn "$o")"
	ping_pid[$h.$o]=$bg_pid
done

# --- the day -------------------------------------------------------------------------------------

happenings=(renumber:alice server reboot:carol renumber:carol kill reboot:alice)
faults=0 moves=0
happens() { # WHAT
	local h=${1#*:} w
	DAY_EVENTS+=("$EPOCHSECONDS")
	diag "$(day_clock) $1"
	case $1 in
	renumber:*)
		gw_renumber "${HOME_OF[$h]}"
		moves=$((moves + 1))
		is_right "$h" 4500 20
		;;
	reboot:*)
		gw_reboot "${HOME_OF[$h]}"
		gw_announce "${HOME_OF[$h]}"
		faults=$((faults + 1))
		is_right "$h" 4500 20
		;;
	server | kill)
		w=TERM
		[[ $1 = server ]] || w=KILL
		server_stop server $w
		server_start server
		faults=$((faults + 1))
		for h in $hosts; do
			ok "$h is subscribed again" wait_for 60 has_server "$h" || trouble "$h"
		done
		;;
	esac
}

began=$EPOCHSECONDS
day_end=$((began + hours * 3600))
n=0
while ((EPOCHSECONDS < day_end)); do
	quiet=$((1200 + RANDOM % 1800))
	((quiet <= day_end - EPOCHSECONDS)) || quiet=$((day_end - EPOCHSECONDS))
	# What an event leaves behind has three minutes: TCP forgets who has gone after 150 s.
	nap $((quiet < 180 ? quiet : 180))
	day_quiet_begins
	for ((left = quiet - 180; left > 0; left -= 600)); do
		nap $((left < 600 ? left : 600))
		day_look
	done
	day_quiet_ends
	((EPOCHSECONDS < day_end)) || break
	happens "${happenings[n++ % ${#happenings[@]}]}"
done
lasted=$((EPOCHSECONDS - began))

# --- the judgement ---------------------------------------------------------------------------------

touch "$stop"
ok 'the connection ends' wait_for 120 test -e "$tap_tmp/alice" -a -e "$tap_tmp/carol"
for h in alice carol; do is "$h has what the other one sent" "$(jq -r '"\(.how) \(.right)"' "$tap_tmp/$h")" 'ended true'; done
is 'all of it' "$(jq .sent "$tap_tmp/alice") $(jq .sent "$tap_tmp/carol")" \
	"$(jq .got "$tap_tmp/carol") $(jq .got "$tap_tmp/alice")"
cmp_num 'which is a block every half minute' "$(jq .sent "$tap_tmp/alice")" -ge $((lasted / 30 * 4096 * 9 / 10))
for pair in "${!ping_pid[@]}"; do
	kill -INT "${ping_pid[$pair]}"
	wait "${ping_pid[$pair]}"
	is "pings of ${pair/./ to }: lost only when something happened" "$(day_lost_pings "$pair")" ''
	diag "$pair: $(grep transmitted "$TEST_OUT/ping.$pair.log")"
done
is 'between events, hosts and server were as they have to be' "$day_wrong" ''
cmp_num "that was looked at so often" "$day_looks" -ge $((hours * 3))
is 'no daemon has complained' "$day_complaints" ''
is 'nobody was refused' "$day_refused" ''
day_judge_mappings alice "$lasted"
for h in $hosts; do day_judge_keys "$h" "$lasted"; done
day_judge_growth
sent=$(for h in $hosts; do ip -n $h -s -j link show btmm0 | jq '.[0].stats64.tx.packets'; done | paste -sd+)

# --- who vanishes ----------------------------------------------------------------------------------

left=$(status carol .publication.left_s)
host_off carol
at=$EPOCHSECONDS
while [[ $(published carol) != : ]] && ((EPOCHSECONDS < at + LEASE + 120)); do nap 20; done
took=$((EPOCHSECONDS - at))
cmp_num "carol's lease had $left s to go: so long she is found" "$took" -ge $((left - 5))
cmp_num 'and not longer' "$took" -le $((left + 30))
host_stop alice bob
diag "$((lasted / 3600)) h $((lasted % 3600 / 60)) min, $day_looks looks"
count simulated-hours $((lasted / 3600))
count moves $moves
count faults $faults
count packets $((sent))
done_testing
