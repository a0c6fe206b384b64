#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A service of one host enters another's browse within a second of being published, and
# leaves it within a second of being taken back, or of its host's end; in both directions.
# kernels: uml
# timeout: 150
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
ROUNDS=5

topology 'internet: server resolver bob' 'home1(natpmp,delay=10): alice'
account_make server resolver bob alice bob
host_start alice bob
ok 'they reach each other' wait_for 40 reach_all alice bob || { trouble alice bob; bail 'nothing to go on with'; }
for h in alice bob; do
	on $h mkdir -p /etc/btmm/btmmd.conf.d
	# shellcheck disable=SC2016
	start $h "browse.$h" bash -c 'btmm-ctl --json browse watch 2>&1 | while read -r l; do
		printf "%s %s\n" "$EPOCHREALTIME" "$l"; done'
	wait_for 10 grep -q services "$TEST_OUT/browse.$h.log" || bail "$h: no browse: $(<"$TEST_OUT/browse.$h.log")"
done

# seen_at HOST EVENT INSTANCE SINCE: ms until HOST's browse had it
seen_at() {
	awk -v e="\"event\":\"$2\"" -v i="\"$3\"" -v since="$4" '$1 >= since && index($0, e) && index($0, i) {
		printf "%d\n", ($1 - since) * 1000; exit }' "$TEST_OUT/browse.$1.log"
}
seen() { [[ -n $(seen_at "$@") ]]; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] + 0 }'; }
most() { sort -n | tail -n 1; }

# rounds OF BY: services of OF come and go
rounds() {
	local of=$1 by=$2 i at name
	for ((i = 1; i <= ROUNDS; i++)); do
		name="service $i of $of"
		printf '[service "%s._http._tcp"]\nport = %d\n' "$name" $((8000 + i)) |
			on "$of" tee /etc/btmm/btmmd.conf.d/www.conf >/dev/null
		at=$EPOCHREALTIME
		on "$of" btmm-ctl reload >/dev/null || return 1
		wait_for 10 seen "$by" there "$name" "$at" || return 1
		seen_at "$by" there "$name" "$at" >>"$tap_tmp/came.$of"
		on "$of" rm /etc/btmm/btmmd.conf.d/www.conf
		at=$EPOCHREALTIME
		on "$of" btmm-ctl reload >/dev/null || return 1
		wait_for 10 seen "$by" gone "$name" "$at" || return 1
		seen_at "$by" gone "$name" "$at" >>"$tap_tmp/went.$of"
	done
}
figures() { # OF BY
	local what
	for what in came went; do
		diag "$1's services $what, ms until $2's browse knew:" "$(tr '\n' ' ' <"$tap_tmp/$what.$1")"
		cmp_num "$1's services have $what within a second (median $(median <"$tap_tmp/$what.$1"), most $(most <"$tap_tmp/$what.$1") ms)" \
			"$(most <"$tap_tmp/$what.$1")" -le 1000
	done
}
ok "bob's services come and go" rounds bob alice || trouble alice bob
figures bob alice
ok "so do alice's, from behind a NAT" rounds alice bob || trouble alice bob
figures alice bob

# --- a host that ends --------------------------------------------------------------------

printf '[service "Bob at large._ssh._tcp"]\nport = 22\n' | on bob tee /etc/btmm/btmmd.conf.d/ssh.conf >/dev/null
at=$EPOCHREALTIME
on bob btmm-ctl reload >/dev/null
ok 'bob has a service' wait_for 10 seen alice there 'Bob at large' "$at"
at=$EPOCHREALTIME
btmmd_stop bob
ok 'bob ends, and it goes' wait_for 10 seen alice gone 'Bob at large' "$at" || trouble alice bob
went=$(seen_at alice gone 'Bob at large' "$at")
cmp_num "within a second ($went ms)" "${went:-9999}" -le 1000
at=$EPOCHREALTIME
btmmd_start bob
ok 'he is back, and so is it' wait_for 20 seen alice there 'Bob at large' "$at" || trouble alice bob
# The start of the daemon is in this, and the mapping.
diag "$(seen_at alice there 'Bob at large' "$at") ms after his start"
host_stop alice bob
done_testing
