#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A hostile box in the home network, a hostile gateway, forged STUN and another user of the
# machine, with scapy and dnspython: hosts go on as they were, say so in a line, and keep
# their secrets.
# kernels: uml
# timeout: 300
here=$(dirname "$0")
. "$here/../lib/tap.sh"
. "$here/../topology/topology.sh"
. "$here/lib.sh"
. "$here/hostile.sh"
need python3 ss jq
python3 -c 'import scapy.layers.inet, dns.message' 2>/dev/null || skip_all 'scapy or dnspython is not there'

topology 'internet: server resolver bob evil' 'home1(natpmp): alice mallet' 'home2: carol'
account_make server resolver bob alice bob carol
gw=$(gateway home1)

# --- a hostile gateway ---------------------------------------------------------------------
# Each search for a device is led to other harm, in the end to a device that says that it has
# another address outside: bob's.
gateway_log=$TEST_OUT/gateway.log
background hostile-gateway ip netns exec home2 "$here/hostile_net.py" gateway "$gateway_log" \
	"$(addr evil)" "$(addr bob)"
start evil elsewhere socat -u TCP4-LISTEN:5000,fork,reuseaddr CREATE:"$tap_tmp/elsewhere"
ok 'a gateway means no good' wait_for 30 grep -qs ready "$gateway_log"

# The box in alice's network starts slowly.
mkfifo "$tap_tmp/box"
on mallet "$here/hostile_net.py" box <"$tap_tmp/box" >"$TEST_OUT/box.log" 2>&1 &
add_cleanup kill $!
exec {box}>"$tap_tmp/box"
n_done=0
box() {
	echo "$*" >&"$box"
	n_done=$((n_done + 1))
	wait_for 60 eval '[[ $(grep -c ^done "$TEST_OUT/box.log") -ge $n_done ]]' || diag "box: $*" "$(<"$TEST_OUT/box.log")"
	diag "$(tail -n 1 "$TEST_OUT/box.log")"
}

host_start alice bob carol
ok 'all reach all' wait_for 60 reach_all alice bob carol || trouble alice bob carol
settled() {
	[[ $(on "$1" btmm-ctl --json status | jq -r '.[0]|(.publication.current) and (.subscription.quality == "live")') = true ]]
}
for h in alice bob carol; do ok "$h is settled" wait_for 20 settled $h; done
remember alice bob carol
like 'carol is published as a server sees her' "${HOSTILE_WAS[carol]}" "$(external home2):4500"

# --- answers that are none -------------------------------------------------------------------
ok 'the box is ready' wait_for 60 grep -q ready "$TEST_OUT/box.log"
port=$(on alice ss -Hun 'dport = :5351' | sed -n "s/.*:\([0-9]*\) *${gw//./\\.}:5351.*/\1/p")
mac=$(ip -n alice -j link show eth0 | jq -r '.[0].address')
cmp_num "alice has a socket for NAT-PMP, of port $port" "$port" -ge 1024
box answers "$gw" "$(addr alice)" "$mac" "$port"
unharmed 'forged answers' alice
says_once 'forged answers' alice "ignored: what is no answer to us, from ${gw//./\\.}"
is 'the mapping is the same' "$(gw_mappings home1)" "udp 4500 $(addr alice):4500"

# --- announcements -----------------------------------------------------------------------------
run_ns home1 nft 'add table inet watch; add chain inet watch in { type filter hook prerouting priority -350; }
	add rule inet watch in iifname lan udp dport 5351 counter'
asked() { run_ns home1 nft list chain inet watch in | sed -n 's/.*packets \([0-9]*\) .*/\1/p'; }
before=$(asked)
t=$SECONDS
box announce "$gw" 6 100
unharmed 'forged announcements' alice
n=$(($(asked) - before)) t=$((SECONDS - t))
# Address and port, both once a second, is what they may cause at most; and afterwards five.
cmp_num "that made alice ask $n times in $t s" $n -le $((2 * t + 10))
cmp_num 'but she did ask' $n -ge 1
says_once 'forged announcements' alice 'ignored: an announcement that is none'
is 'the mapping is the same' "$(gw_mappings home1)" "udp 4500 $(addr alice):4500"

# --- STUN ---------------------------------------------------------------------------------------
# What bob has in public, anybody can send to.
at=$(addr server)
box stun "$at" 53 "$(addr bob)"
box stun "$at" 53 "$(addr alice)"
unharmed 'forged STUN' alice bob
says_once 'forged STUN' bob 'ignored: STUN from somebody who was not asked'

# --- what became of the hostile gateway ----------------------------------------------------------
tried() { grep -q "^http $1\$" "$gateway_log"; }
# led WORD: netcheck searches anew
led() { tried "$1" || { on carol btmm-ctl netcheck >/dev/null 2>&1; tried "$1"; }; }
for what in redirect foreign loris; do
	ok "carol's child was led to $what" wait_for 30 led $what || diag "$(<"$gateway_log")"
done
ok 'one that sends too slowly ends the child' wait_for 40 grep -q '^end BrokenPipeError\|^end ConnectionReset' "$gateway_log"
for what in garbage deep huge; do ok "and led to $what" wait_for 30 led $what || diag "$(<"$gateway_log")"; done
sent=$(sed -n 's/^huge //p' "$gateway_log" | head -n 1)
cmp_num "of what has no end, $sent octets were taken" "$sent" -lt $((64 << 20))
is 'nobody was sent elsewhere' "$(wc -c 2>/dev/null <"$tap_tmp/elsewhere" || echo 0)" 0
cmp_num "and gave $(grep -c '^asked' "$gateway_log") bad answers of NAT-PMP and PCP" "$(grep -c '^asked' "$gateway_log")" -ge 4
ok 'in the end there is a device, which lies' wait_for 30 led ctl
is "which carol has never believed" "$(lines carol "is reached at $(addr bob)")" 0
child=$(pgrep -P "${BTMMD_PID[carol]}" -f upnp-child | head -n 1)
like 'its child is a process of its own' "$(tr '\0' ' ' <"/proc/$child/cmdline")" '^btmmd upnp-child'
is 'without any right' "$(sed -n 's/^Cap[PE][a-z]*:\t//p' "/proc/$child/status" | sort -u)" 0000000000000000
secrets_of carol >"$tap_tmp/secrets"
# in_memory PID: how many of the secrets are in its memory
in_memory() { "$here/hostile_local.py" memory "$1" "$tap_tmp/secrets"; }
cmp_num 'btmmd has secrets in its memory' "$(in_memory "${BTMMD_PID[carol]}")" -ge 1
is 'its child has none' "$(in_memory "$child")" 0
unharmed 'a hostile gateway' carol
says_once 'a hostile gateway' carol "ignored: what is no answer to us, from $(gateway home2 | sed 's/\./\\./g')"

# --- another user of the machine -----------------------------------------------------------------
# local_start WORD ARG...: does its harm, and holds on to all it has until local_end
local_start() {
	local w=$1
	mkfifo "$tap_tmp/$w"
	on bob setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all -- \
		"$here/hostile_local.py" "$@" <"$tap_tmp/$w" >"$TEST_OUT/local-$w.log" 2>&1 &
	local_pid=$!
	add_cleanup kill $local_pid
	exec {local_in}>"$tap_tmp/$w"
	wait_for 60 test -s "$TEST_OUT/local-$w.log"
}
local_end() { exec {local_in}>&-; wait $local_pid; }

ok 'strange questions' local_start resolver $BTMMD_STUB "$ZONE"
diag "$(<"$TEST_OUT/local-resolver.log")"
like 'are answered, shortly' "$(<"$TEST_OUT/local-resolver.log")" 'answered [1-9][0-9]* longest [0-9]{1,3} '
is 'others are answered meanwhile' "$(looks_up bob alice)" "$(ula alice)"
is 'by TCP, too' "$(on bob dig +short +tcp +time=2 "@$BTMMD_STUB" "$(fqdn alice)" AAAA)" "$(ula alice)"
local_end
unharmed 'strange questions' bob
cmp_num 'strange questions: one line' "$(lines bob 'ignored: .*(question|resolver)')" -eq 1

iface=io.btmm.btmmd
ok 'a client of the control socket that means no good' local_start control /run/btmmd/control $iface
diag "$(<"$TEST_OUT/local-control.log")"
like 'may do nothing' "$(<"$TEST_OUT/local-control.log")" 'said PermissionDenied PermissionDenied PermissionDenied$'
ok 'root is answered meanwhile' on bob btmm-ctl status
local_end
unharmed 'a hostile client' bob
cmp_num 'a hostile client: one line' "$(lines bob 'ignored: a client of the control socket')" -eq 1

# --- the end ---------------------------------------------------------------------------------------
reach_again
ok 'all reach all' wait_for 20 reach_all alice bob carol || trouble alice bob carol
no_secrets alice bob carol
done_testing
