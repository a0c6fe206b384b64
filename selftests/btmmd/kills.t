#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btmmd of two hosts is killed again and again, at random moments of its life and under
# traffic: no octet is lost, and nothing is left behind. What vanishes while it is away
# is swept when it comes back, and who stops in order leaves nothing at all.
# BTMM_KILLS: how many; BTMM_SEED: the moments, as an earlier run has said.
# kernels: uml
# timeout: 600
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
need swanctl
stream=$(dirname "$0")/stream
kills=${BTMM_KILLS:-40}
seed=${BTMM_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$((seed % 32768))
lease=30	# the shortest that is kept (RFC 9664)

topology 'internet(delay=1): server resolver bob carol' 'home1(natpmp,delay=1,lifetime=20): alice' \
	"home2(natpmp,delay=1,lifetime=20):"
account_make server resolver bob alice bob carol
on server sh -c "printf 'lease-min = 1s\nlease-max = ${lease}s\n' >>/etc/btmm/dnsd.conf"
server_stop server
server_start server
diag "$kills kills, BTMM_SEED=$seed"

# --- what there is ---------------------------------------------------------------------------

host_processes() { ps -o pid=,ppid= -u btmmd; }
# orphans: processes of btmmd's user whose parent was killed
orphans() {
	host_processes | while read -r pid ppid; do
		[[ " ${BTMMD_PID[*]} " = *" $pid "* || " ${BTMMD_PID[*]} " = *" $ppid "* ]] || echo "$pid"
	done
}
ulas_of_peers() { run_ns "$1" btmm-ctl --json peer show | jq -r '.[].ula' | sort; }
routes() { ip -n "$1" -6 route show dev btmm0 proto static | sed -n 's/^\(fd[0-9a-f:]*\) .*/\1/p' | sort; }
# of peers: those that block, once for each direction
blocks() {
	ip -n "$1" xfrm policy | grep -B 1 'action block priority 4294967295' | grep -o 'fd[0-9a-f:]*' | sort
}
# between the two ends: IKE's
tunnels() {
	ip -n "$1" xfrm policy | sed -n 's,^src \(fd[0-9a-f:]*\)/128 dst \(fd[0-9a-f:]*\)/128.*,\1 \2,p' |
		tr ' ' '\n' | grep -v "^${2:-$(ula "$1")}$" | sort
}
# SAs with keys
kernel_spis() {
	ip -n "$1" xfrm state | awk '/^src/ { spi = "" } / spi 0x/ { split($4, t, "("); spi = t[1] }
		/aead/ { print substr(spi, 3) }' | sort
}
charon_spis() {
	on "$1" swanctl --list-sas --raw --uri unix:///run/btmm-charon/vici 2>/dev/null |
		grep -o 'spi-[a-z]*=[0-9a-f]*' | sed 's/.*=//' | sort
}
elements() { run_ns "$1" nft list table ip6 btmm-guard | grep -o 'fd[0-9a-f:]*' | sort; }
times() { local n=$1 l; while read -r l; do for ((i = 0; i < n; i++)); do echo "$l"; done; done; }

# zone REGEX: records whose text is like that, but for hosts' keys and marks of leases
zone() {
	on server sh -c 'rndc sync >/dev/null; named-compilezone -q -f text -F text -j -o - "$0" \
		"$(find /var -name "*$0*" -type f | grep -v jnl | head -n 1)"' "$ZONE" |
		grep -v 'TYPE6528[23]' | grep -iE "$1"
}
records_of() { # HOST ULA
	local label
	label=$(zone "$1" | grep -oi 'autotunnel-[0-9a-f-]*' | sort -u | head -n 1)
	zone "^$1\\.|^_autotunnel._udp.$1\\.|${label:-none}|[[:space:]]$1\\."
}
gone_from_dns() { [[ -z $(records_of "$1") ]]; }

# files HOST: that btmmd has there; the port that it was granted is kept where there is one
files() {
	on "$1" find /run/btmmd -type f -printf '%f\n' | grep -vx nat-port | sort | tr '\n' ' '
}

# whole HOST OTHER...: all that it has is of these others, once; SAs are charon's
whole() {
	local h=$1 o want
	shift
	want=$(for o; do ula "$o"; done | sort)
	is "$h: peers" "$(ulas_of_peers "$h")" "$want"
	is "$h: routes" "$(routes "$h")" "$want"
	is "$h: what blocks cleartext" "$(blocks "$h")" "$(times 3 <<<"$want")"
	is "$h: IKE's policies" "$(tunnels "$h")" "$(times 3 <<<"$want")"
	is "$h: the table's addresses" "$(elements "$h")" "$want"
	ok "$h: SAs are charon's" wait_for 5 eval "[[ \$(kernel_spis $h) = \$(charon_spis $h) ]]" ||
		diag "kernel: $(kernel_spis "$h")" "charon: $(charon_spis "$h")"
	is "$h: files" "$(files "$h")" 'identity nat-secret '
}

# --- traffic -----------------------------------------------------------------------------------

host_start alice bob carol
ok 'all are there' wait_for 60 reach_all alice bob carol || trouble alice bob carol
me=$(ula alice) he=$(ula bob)
stop=$tap_tmp/stop
on bob "$stream" serve "$he" 8080 "$stop" "$tap_tmp/bob" >"$TEST_OUT/serve.log" 2>&1 &
add_cleanup kill $!
wait_for 30 eval 'run_ns bob ss -Hltn "sport = 8080" | grep -q .'
on alice "$stream" call "$(fqdn bob)" 8080 "$stop" "$tap_tmp/alice" >"$TEST_OUT/call.log" 2>&1 &
add_cleanup kill $!
wait_for 30 eval 'run_ns bob ss -Htn state established "sport = 8080" | grep -q .'

# --- kills ---------------------------------------------------------------------------------------

declare -A since=([alice]=1 [bob]=1) done_at=()
at_home=home1
random() { echo "0.$(printf %03d $((RANDOM % $1)))"; } # MS
said_since() { tail -n "+${since[$1]}" "$TEST_OUT/btmmd.$1.log" | grep -q "$2"; }
# until HOST's last btmmd has said this; who was killed before does not
after() { wait_for 3 said_since "$1" "$2"; nap "$(random "${3:-40}")"; }
kill_one() { # HOST
	since[$1]=$(($(wc -l <"$TEST_OUT/btmmd.$1.log") + 1))
	btmmd_stop "$1" KILL
	btmmd_start "$1"
}
phases=(start start mapping publication subscription ike steady steady move)
for ((i = 0; i < kills; i++)); do
	h=alice
	((RANDOM % 5 < 2)) && h=bob
	phase=${phases[RANDOM % ${#phases[@]}]}
	case $phase in
	start) nap "$(random 150)" ;;
	mapping) after $h 'this host is reached at' ;;
	publication) after $h 'published for' ;;
	subscription) after $h ' came: ' ;;
	ike)
		ip -n $h xfrm state flush
		nap "$(random 400)"
		;;
	steady) nap "$(random 400)" ;;
	move)
		h=alice
		if [[ $at_home = home1 ]]; then at_home=home2; else at_home=home1; fi
		move alice $at_home
		nap "$(random 500)"
		;;
	esac
	done_at[$phase]=$((${done_at[$phase]-0} + 1))
	kill_one $h
done
diag "$(for phase in "${!done_at[@]}"; do printf '%s %s, ' "$phase" "${done_at[$phase]}"; done)at last in $at_home"
[[ $at_home = home1 ]] || move alice home1

reach_again
ok "after $kills kills all reach all" wait_for 40 reach_all alice bob carol || trouble alice bob carol
touch "$stop"
ok 'the connection has lived through it' wait_for 60 test -e "$tap_tmp/alice" -a -e "$tap_tmp/bob" ||
	trouble alice bob
for h in alice bob; do
	is "$h has what the other sent" "$(jq -r '"\(.how) \(.right)"' "$tap_tmp/$h")" 'ended true'
done
is 'all of it' "$(jq .sent "$tap_tmp/alice") $(jq .sent "$tap_tmp/bob")" \
	"$(jq .got "$tap_tmp/bob") $(jq .got "$tap_tmp/alice")"
diag "$(jq .sent "$tap_tmp/alice") and $(jq .sent "$tap_tmp/bob") octets; longest stalls $(
	jq -c '[.gaps[:5][].ms]' "$tap_tmp/alice") ms"
is 'alice and bob are who they were' "$(ula alice) $(ula bob)" "$me $he"

# --- what is left ---------------------------------------------------------------------------------

published() { [[ $(on "$1" btmm-ctl --json status | jq -r '.[0].publication.current') = true ]]; }
for h in alice bob; do wait_for 10 published $h; done
whole alice bob carol
whole bob alice carol
is 'no process is left of those who were killed' "$(orphans)" ''
# What she had at an address that she has no more, and died with, nobody can take back.
ok 'one mapping, once their time is over' wait_for 40 eval '[[ $(gw_mappings home1) =~ ^udp\ [0-9]+\ $(addr alice):4500$ ]]'
ok 'in the other home none' wait_for 30 eval '[[ -z $(gw_mappings home2) ]]'
diag "home1: $(gw_mappings home1)"
for h in alice bob; do
	is "$h's records, once each" "$(records_of $h | awk '{ print $4 }' | sort | tr '\n' ' ')" 'A AAAA AAAA PTR SRV TXT '
done

# --- a host that goes while nobody looks -----------------------------------------------------------

# Its SAs, and charon's policies: of one that lives, and of one that does not
gone=$(ula carol)
btmmd_stop alice KILL
btmmd_stop bob KILL
ok 'carol is removed from the account' on bob btmm-ctl host remove carol
host_off carol
charon_kill bob
wait_for 10 eval '[[ $(charon_pid_of bob) != "" ]]'
ok 'alice has SAs with her' eval 'ip -n alice xfrm state | grep -q "$gone"'
btmmd_start alice
btmmd_start bob
nothing_of() { # HOST ULA
	! { ulas_of_peers "$1"; ip -n "$1" -6 route show; ip -n "$1" xfrm state; ip -n "$1" xfrm policy
		run_ns "$1" nft list ruleset; } | grep -q "$2"
}
for h in alice bob; do ok "nothing is left of her at $h" wait_for 20 nothing_of $h "$gone" || trouble $h; done
reach_again
ok 'alice and bob reach each other' wait_for 20 reach_all alice bob || trouble alice bob
whole alice bob
whole bob alice

# --- the end ---------------------------------------------------------------------------------------

# at all HOST: what btmmd, its charon and the kernel have for it
at_all() {
	ip -n "$1" -br link show btmm0
	ip -n "$1" -6 route show dev btmm0
	ip -n "$1" -6 rule | grep -vE '^(0|32766):'
	ip -n "$1" xfrm state
	ip -n "$1" xfrm policy
	run_ns "$1" nft list ruleset
} 2>/dev/null
down() { on "$1" btmm-ctl down; }
ok 'alice goes down' down alice
is_down() { [[ $(on "$1" btmm-ctl --json status | jq -r '.[0].state') = down ]]; }
ok 'is down' wait_for 10 is_down alice
# charon's own socket has policies as long as it lives
is 'the kernel has nothing of hers' "$(at_all alice | grep -vE 'socket (in|out)|src ::/0 dst ::/0')" ''
is 'charon has nothing' "$(charon_spis alice)$(on alice swanctl --list-conns --uri unix:///run/btmm-charon/vici 2>/dev/null)" ''
ok 'no mapping is left' wait_for 5 eval '[[ -z $(gw_mappings home1) ]]'
is 'no record' "$(records_of alice)" ''
host_stop alice
is 'nothing is' "$(at_all alice)" ''
is 'nor a file but who she is' "$(files alice)" 'identity nat-secret '

# who is killed for good
ok 'bob is published' eval '! gone_from_dns bob'
btmmd_stop bob KILL
at=$EPOCHREALTIME
ok 'bob, killed for good, is not found longer than his lease' wait_for $((lease + 5)) gone_from_dns bob
took=$(awk -v a="$at" -v b="$EPOCHREALTIME" 'BEGIN { print int((b - a) * 1000) }')
cmp_num "$took ms after the kill" "$took" -le $(((lease + 2) * 1000))
is 'nor is a process of his' "$(orphans)" ''
btmmd_start bob
ok 'he is there again' wait_for 20 published bob
ok 'he goes down, too' down bob
wait_for 10 is_down bob
host_stop bob
is 'and nothing is left' "$(at_all bob)$(records_of bob)$(host_processes)" ''
done_testing
