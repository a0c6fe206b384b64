#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may do what to a device: each operation of the YNL spec, with each of its
# attributes, by a user without rights, by roots of nested user namespaces, by sockets
# that somebody else has opened; events, sysfs, links. (tunnel/netns.t has the life of
# such namespaces, daemon.t the sockets of btmmd and charon.)
# kernels: uml
# timeout: 200
# shellcheck disable=SC2086
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
need python3 jq unshare nsenter

net_pair
sa_pair
ok 'ping' pings a b
chmod 755 "$tap_tmp"
attempt=$attacks/attempt.py
index() { ip -n "$1" -j link show "${2:-btmm0}" | jq '.[0].ifindex'; }
settings() { run_ns "$1" btmm-ctl --json dev show btmm0 | jq -cS 'del(.. | .counters?)'; run_ns "$1" btmm-ctl --json peer show | jq -cS '[.[] | {ula, endpoint, keepalive, origin}]'; }

mapfile -t names < <("$attempt" --list)
all=${#names[@]}
diag "$all requests, $(printf '%s\n' "${names[@]}" | grep -c '\*') of them act on the sockets"
cmp_num 'the spec has operations' "$all" -ge 25
groups=$(python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import spec; print(len(spec.groups()))' "$PWD/selftests/lib")
cmp_num 'and groups' "$groups" -ge 3

# nothing WHO HOST CMD...: CMD, then attempt.py's arguments, may do nothing to HOST's btmm0
nothing() {
	local who=$1 h=$2 before out
	shift 2
	before=$(settings "$h")
	out=$TEST_OUT/${who//[^a-z]/-}
	run_ns "$h" "$@" "$(index "$h")" >"$out" 2>&1
	is "$who: none of $all requests, no group" "$(grep -c ': EPERM' "$out") $(grep -vc ': EPERM' "$out")" \
		"$((all + groups)) 0" || diag_file "$out"
	is "$who: has changed nothing" "$(settings "$h")" "$before"
}
root_of=(unshare --user --map-root-user)
nothing 'a user' a "${as_nobody[@]}" "$attempt"
nothing 'root without capabilities' a setpriv --bounding-set=-all --inh-caps=-all "$attempt"
nothing 'root of a user namespace' a "${root_of[@]}" "$attempt"
nothing 'root of one in another' a "${root_of[@]}" "${root_of[@]}" "$attempt"
nothing "a user by root's socket" a "$attempt" --open "${as_nobody[@]}" "$attempt"
nothing "root of a user namespace by root's socket" a "$attempt" --open "${root_of[@]}" "$attempt"
# root by a user's socket, as a program that is set-uid could be made to: what joins a
# group is root itself
run_ns a "$attempt" --by 65534 "$(index a)" >"$TEST_OUT/by" 2>&1
is "root by a user's socket: none of $all requests" "$(grep -v ^join "$TEST_OUT/by" | grep -c ': EPERM')" "$all" ||
	diag_file "$TEST_OUT/by"

# --- a container, to which the device has moved, and whose root may do some of it ------------
unshare --user --map-root-user --net sleep infinity &
container=$!
add_cleanup kill $container
in_own_ns() { [[ $(readlink /proc/$container/ns/net) != "$(readlink /proc/self/ns/net)" && $(</proc/$container/comm) = sleep ]]; }
wait_for 10 in_own_ns || bail 'no container'
ip netns attach c $container
in_c=(nsenter -t "$container" -U -n --preserve-credentials)
# before it has moved: the same number means nothing there
"${in_c[@]}" "$attempt" "$(index a)" >"$TEST_OUT/before" 2>&1
is "the container's root: a number of another namespace" "$(grep -vE ': (ENODEV|EOPNOTSUPP) |^dev-get dump|^peer-get dump: |^join' "$TEST_OUT/before")" '' ||
	diag_file "$TEST_OUT/before"
ip -n a link set btmm0 netns c
ip -n c link set lo up
ip -n c addr add "$A/128" dev btmm0
ip -n c link set btmm0 up

before=$(settings c)
"${in_c[@]}" "$attempt" "$(index c)" >"$TEST_OUT/container" 2>&1
may=() may_not=()
for name in "${names[@]}"; do
	line=$(grep -F "${name%\*}: " "$TEST_OUT/container")
	if [[ $name = *\* && $line != *': EPERM this needs CAP_NET_ADMIN where the link was created' ]]; then
		may+=("$line")
	elif [[ $name != *\* && $line = *EPERM* ]]; then
		may_not+=("$line")
	fi
done
is "the container's root may not act on the sockets" "${may[*]}" ''
is '... and may do the rest' "${may_not[*]}" ''
is '... endpoints are as they were' "$(settings c | tail -n 1 | jq -c '[.[].endpoint]')" "$(tail -n 1 <<<"$before" | jq -c '[.[].endpoint]')"
for change in 'port 4600' 'fwmark 7'; do
	fails "... nor can ip link: $change" "${in_c[@]}" ip link set btmm0 type autotunnel $change
done
nothing "root of a user namespace in the container's" c nsenter -t $container -U --preserve-credentials "${root_of[@]}" "$attempt"
nothing 'a user in the container' c "${as_nobody[@]}" "$attempt"
ok 'a device of its own' "${in_c[@]}" ip link add btmm9 type autotunnel port 4700 local fd00:9::1
"${in_c[@]}" "$attempt" "$(index c btmm9)" >"$TEST_OUT/own" 2>&1
is '... with which it may do all' "$(grep -c EPERM "$TEST_OUT/own")" 0

# --- events are those of the namespace ----------------------------------------------------------
# An unknown SPI at the sockets in a: told where the device is, and nowhere else
for h in a b; do
	background events.$h ip netns exec $h btmm-ctl --json monitor kernel
	wait_for 20 grep -q listening "$TEST_OUT/events.$h.log"
done
background events.c ip netns exec c btmm-ctl --json monitor kernel
wait_for 20 grep -q listening "$TEST_OUT/events.c.log"
raw "$AT_B" "$AT_A" esp:0xc1234567:1:64
ok 'an event where the device is' wait_for 20 grep -q '"event":"source"' "$TEST_OUT/events.c.log"
is '... and nowhere else' "$(cat "$TEST_OUT"/events.[ab].log | grep -c '"event"')" 0

# --- sysfs ----------------------------------------------------------------------------------------
files=/sys/class/net/btmm0/autotunnel
is 'sysfs: no file can be written' "$(run_ns b find $files -type f ! -perm 0444)" ''
cmp_num 'sysfs: there are files' "$(run_ns b find $files -type f | wc -l)" -ge 40
fails 'sysfs: not even by root' run_ns b bash -c "echo 5 >$files/tx_ike"
is 'sysfs: nothing but numbers, for everybody to read' \
	"$(run_ns b "${as_nobody[@]}" bash -c "cat $files/*" | grep -vc '^[0-9]*$')" 0
fails 'a user: no link' run_ns b "${as_nobody[@]}" ip link add btmm5 type autotunnel
fails 'a user: none removed' run_ns b "${as_nobody[@]}" ip link del btmm0
fails 'a user: none down' run_ns b "${as_nobody[@]}" ip link set btmm0 down
is "the device is as it was" "$(endpoint b a)" "$AT_A"
done_testing
