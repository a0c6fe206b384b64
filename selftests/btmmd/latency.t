#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long it takes from the moment that the mapping is known in a new network until the
# kernels of others send there: of one who has SAs with who has moved, and of one who has only
# DNS to tell it. Two distances; several moves each. Both ends move at once, several times.
# kernels: uml
# long: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
need ping
MOVES=5

topology 'internet: server resolver' 'home1(natpmp): alice' 'home2(natpmp):' 'home3(natpmp): bob carol' 'home4(natpmp):'
account_make server resolver alice alice bob carol
host_start alice bob carol
# alice and bob have SAs; with carol, nobody has ever spoken
ok 'two of three have met' wait_for 40 reach_all alice bob || { trouble alice bob; bail 'nothing to go on with'; }
knows() { [[ -n $(endpoint "$1" "$2") ]]; }
ok 'the third knows where they are' wait_for 20 knows carol alice
is 'from DNS alone' "$(ip -n carol xfrm state)" ''
for h in bob carol; do
	start $h "endpoints.$h" "$btmmd_here/endpoints.py" btmm0
	wait_for 20 grep -q "$(ula alice)" "$TEST_OUT/endpoints.$h.log" || bail "$h: no endpoints"
done

# kernel_at HOST OTHER ADDRESS SINCE: ms from SINCE until HOST's kernel had OTHER there
kernel_at() {
	awk -v u="$(ula "$2")" -v e="$3:" -v since="$4" '$1 >= since && $2 == u && index($3, e) == 1 {
		printf "%.1f\n", ($1 - since) * 1000; exit }' "$TEST_OUT/endpoints.$1.log"
}
# stolen HOST FROM TO: ms between these (s) in which this machine let nobody of ours run
stolen() {
	awk -v from="$2" -v to="$3" '$2 == "gap" { a = $1 - $3 / 1000; b = $1
		if (a < from) a = from
		if (b > to) b = to
		if (b > a) s += b - a } END { printf "%.1f\n", s * 1000 }' "$TEST_OUT/endpoints.$1.log"
}
at_ms() { awk "BEGIN { printf \"%.6f\\n\", $1 + $2 / 1000 }"; }
# since HOST START MAP KNEW: ms from MAP to KNEW (ms after START, s), and how many were stolen
since() { echo "$(awk "BEGIN { print $4 - $3 }") $(stolen "$1" "$(at_ms "$2" "$3")" "$(at_ms "$2" "$4")")"; }
# undisturbed FILE: how many of such lines are of moves in which the machine had time for us
# (our own processes, on one CPU, are in each other's way, too)
ours=20
undisturbed() { awk -v most=$ours '$2 <= most' "$1" | wc -l; }
# figure FILE: the median of these
figure() { awk -v most=$ours '$2 <= most { print $1 }' "$1" | median; }
# in_time DESC FILE BOUND: it is; where there are not even three, nothing is known
in_time() {
	local n
	n=$(undisturbed "$2")
	if ((n < 3)); then
		skip "$1" "others kept this machine busy: $n of $(wc -l <"$2") moves count"
	else
		cmp_num "$1 ($(figure "$2") ms)" "$(figure "$2")" -le "$3"
	fi
}
# log_at HOST REGEX SINCE: ms from SINCE until btmmd said so
log_at() { said_at "$@"; }
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%d\n", v[int((NR + 1) / 2)] + 0.5 }'; }
# rtt HOST ADDRESS: the least of some, in ms
rtt() { on "$1" ping -n -q -c 5 -i 0.2 "$2" | sed -n 's/^rtt [^=]*= \([0-9.]*\).*/\1/p'; }
distance() { # MS: of each home to the internet
	local n
	for n in home1 home2 home3 home4; do topo_netem $n.wan " delay ${1}ms"; done
}
all_know() { [[ -n $(kernel_at bob alice "$1" "$2") && -n $(kernel_at carol alice "$1" "$2") ]]; }
published() { [[ -n $(said_at "$1" 'published for' "$2") ]]; }
# The same place inside, so that what was mapped there before is so again
go() { TOPO_NEXT[$2]=10; move "$1" "$2"; }

# moves MS: to and fro; $tap_tmp/*.MS: ms since the mapping was known
net=home1
moves() {
	local i at map b c cable
	for ((i = 1; i <= MOVES; i++)); do
		if [[ $net = home1 ]]; then net=home2; else net=home1; fi
		at=$EPOCHREALTIME
		go alice $net
		wait_for 10 all_know "$(external $net)" "$at" || return 1
		wait_for 10 published alice "$at" || return 1
		map=$(log_at alice "reached at $(external $net) " "$at")
		b=$(kernel_at bob alice "$(external $net)" "$at")
		c=$(kernel_at carol alice "$(external $net)" "$at")
		cable=$(awk "BEGIN { print int(($TOPO_PLUGGED - $at) * 1000) }")
		echo "$1 ms away, ms since the cable was in: mapping known $((map - cable))," \
			"acknowledged $(($(said_at alice 'published for' "$at") - cable));" \
			"bob's kernel $(awk "BEGIN { print $b - $cable }")," \
			"carol's $(awk "BEGIN { print $c - $cable }")," \
			"$(stolen carol "$(at_ms "$at" "$map")" "$(at_ms "$at" "$c")") of these stolen" >>"$TEST_OUT/moves"
		since bob "$at" "$map" "$b" >>"$tap_tmp/sas.$1"
		since carol "$at" "$map" "$c" >>"$tap_tmp/dns.$1"
		awk "BEGIN { print $c - $cable }" >>"$tap_tmp/all.$1"
		# An endpoint is learnt once a second at most.
		wait_for 2 old_enough "$at"
	done
}
old_enough() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a > 1.2) }'; }

for ms in 5 20; do
	distance $ms
	there=$(rtt alice "$(addr server)") on=$(rtt bob "$(addr server)")
	bound=$(awk "BEGIN { print int($there + $on + 30) }")
	# The update itself is half a round trip, its event another half. But before it TCP and
	# TLS take two, which begin when the mapping is asked for: no shorter way keeps to TLS.
	tls=$(awk "BEGIN { print int(2.5 * $there + 0.5 * $on + 30) }")
	((tls > bound)) || tls=$bound
	[[ $ms != 5 ]] || tls=$bound
	# Others may be busy on this machine: as long as it takes to see some undisturbed ones.
	for i in 1 2; do
		ok "$ms ms away: all moves are followed" moves $ms || { trouble alice bob carol; break; }
		(($(undisturbed "$tap_tmp/dns.$ms") < 3)) || break
	done
	diag_file "$TEST_OUT/moves"
	rm "$TEST_OUT/moves"
	diag "undisturbed: $(undisturbed "$tap_tmp/dns.$ms") of $(wc -l <"$tap_tmp/dns.$ms") moves"
	diag "RTT $there and $on ms: bound $bound, by TLS $tls; since the mapping is known, median:" \
		"with SAs $(figure "$tap_tmp/sas.$ms"), by DNS $(figure "$tap_tmp/dns.$ms"); since the cable was in, by DNS $(median <"$tap_tmp/all.$ms") ms"
	in_time "$ms ms away: who has SAs knows in time" "$tap_tmp/sas.$ms" "$bound"
	in_time "$ms ms away: who has only DNS does" "$tap_tmp/dns.$ms" "$tls"
done

# --- both at once --------------------------------------------------------------------------

# What each says to where the other was goes to nobody: only DNS can tell.
both() { # NETWORK-OF-ALICE NETWORK-OF-BOB
	local at=$EPOCHREALTIME a b cable
	detach alice
	detach bob
	TOPO_NEXT[$1]=10 TOPO_NEXT[$2]=10
	attach alice "$1"
	attach bob "$2"
	cable=$(awk "BEGIN { print int(($TOPO_PLUGGED - $at) * 1000) }")
	wait_for 10 pings alice bob 1 || return 1
	wait_for 10 told_both "$1" "$2" "$at" || return 1
	a=$(($(said_at alice "$(fqdn bob) moved.* $(external "$2") " "$at") - cable))
	b=$(($(said_at bob "$(fqdn alice) moved.* $(external "$1") " "$at") - cable))
	echo "both moved, ms since the last cable was in: alice knows by DNS $a, bob $b" >>"$TEST_OUT/moves"
	if ((a > b)); then echo "$a"; else echo "$b"; fi >>"$tap_tmp/both"
}
told_both() {
	[[ -n $(said_at alice "$(fqdn bob) moved.* $(external "$2") " "$3") &&
		-n $(said_at bob "$(fqdn alice) moved.* $(external "$1") " "$3") ]]
}
sas_of() { { ip -n alice xfrm state; ip -n bob xfrm state; } | sed -n 's/.*proto esp \(spi [^ ]*\).*/\1/p' | sort; }
before=$(sas_of)
ok 'both move at once: each finds the other' both home2 home4 || trouble alice bob
ok 'again' both home3 home1 || trouble alice bob
ok 'and again' both home4 home2 || trouble alice bob
is 'with the same SAs' "$(comm -13 <(echo "$before") <(sas_of))" ''
diag_file "$TEST_OUT/moves"
both=$(median <"$tap_tmp/both")
diag "both moved: each knows where the other is after $both ms (median)"
# A machine that is busy with others may hold one or the other up.
cmp_num 'within three seconds' "$both" -le 3000
cmp_num 'within one where nothing held it up' "$(sort -n "$tap_tmp/both" | head -n 1)" -le 1000
host_stop alice bob carol
done_testing
