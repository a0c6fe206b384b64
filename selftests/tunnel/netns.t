#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Network and user namespaces: a device that moved away from its sockets, what
# a container's root and a user without rights may do to it, and the death of
# either namespace.
# kernels: uml-debug
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
ok 'ping before the move' pings a b

# --- the device moves, the sockets stay ------------------------------------------
# c is a container: its network belongs to a user namespace of its own.
unshare --user --map-root-user --net sleep infinity &
container=$!
add_cleanup kill "$container"
in_own_ns() { [[ $(readlink /proc/$container/ns/net) != "$(readlink /proc/self/ns/net)" && $(</proc/$container/comm) = sleep ]]; }
wait_for 10 in_own_ns || bail 'no container'
ip netns attach c "$container"
ip -n c link set lo up
in_c=(nsenter -t "$container" -U -n --preserve-credentials)

ip -n a link set btmm0 netns c
ok 'the device is there' ip -n c link show btmm0
ip -n c addr add "$A/128" dev btmm0
ip -n c link set btmm0 up
ip -n c route replace "$B/128" dev btmm0
sa c "$A" "$B" "$SPI_AB"
sa c "$B" "$A" "$SPI_BA"
ULA[c]=$A
policies c "$B"
ok 'ping from the container' pings c b 3
ok 'ping to the container' pings b a 3
ok 'TCP from the container' tcp_copy c b 1
is 'its sockets are where it was made' "$(run_ns a grep -c ':1194' /proc/net/udp),$(run_ns c grep -c ':1194' /proc/net/udp)" 1,0
is 'a peer moves for the container, too' "$(run_ns c btmm-ctl peer show | grep -c "$B")" 1

# the guard is where the device is
is 'a false peer over loopback in the container' "$(send c udp --freebind --src "$B" --dst "$A" --data spoof)" sent
ok '... is dropped there' wait_for 10 counter_is c rx_native 1

# --- who may do what ----------------------------------------------------------------
cat >"$tap_tmp/ops.py" <<'END'
import errno, socket, struct, sys, os
sys.path.insert(0, os.environ["LIB"])
import nl
from nl import A, CMD, DEV, EP, PEER, nest, u8, u16, be16, u32, u64, attr
try:
    g = nl.Genl()
except nl.Refused as e:
    sys.exit("no family: %s" % e)
dev = sys.argv[1]
index = u32(A["ifindex"], int(dev))
ULA, NEW = "fd00:b::1", "fd00:e::1"
ep = nl.endpoint(PEER["endpoint"], "10.2.0.2", 4500)
flags = {"dump": nl.NLM_F_DUMP}
ops = [
    ("dev-get", "dev_get", [index]),
    ("dev-get dump", "dev_get", []),
    ("dev-set keepalive", "dev_set", [index, nest(A["dev"], u16(DEV["keepalive"], 30))]),
    ("dev-set tx-batch", "dev_set", [index, nest(A["dev"], u8(DEV["tx_batch"], 1))]),
    ("dev-set rx-gro", "dev_set", [index, nest(A["dev"], u8(DEV["rx_gro"], 1))]),
    ("dev-set max-peers", "dev_set", [index, nest(A["dev"], u32(DEV["max_peers"], 100))]),
    ("dev-set local", "dev_set", [index, nest(A["dev"], nl.addr(DEV["local"], "fd00:a::1"))]),
    ("dev-set port", "dev_set", [index, nest(A["dev"], be16(DEV["port"], 4500))]),
    ("dev-set fwmark", "dev_set", [index, nest(A["dev"], u32(DEV["fwmark"], 7))]),
    ("dev-set port in company", "dev_set", [index, nest(A["dev"], u16(DEV["keepalive"], 31), be16(DEV["port"], 4500))]),
    ("peer-get", "peer_get", [index, nl.peer(ULA)]),
    ("peer-get dump", "peer_get", [index]),
    ("peer-new", "peer_new", [index, nl.peer(NEW)]),
    ("peer-set keepalive", "peer_set", [index, nl.peer(NEW, u16(PEER["keepalive"], 3))]),
    ("peer-set endpoint", "peer_set", [index, nl.peer(NEW, ep)]),
    ("peer-set no endpoint", "peer_set", [index, nl.peer(NEW, nest(PEER["endpoint"]))]),
    ("peer-del", "peer_del", [index, nl.peer(NEW)]),
    ("peer-new with endpoint", "peer_new", [index, nl.peer(NEW, ep)]),
    ("ike-answer", "ike_answer", [index, u64(A["hold"], 1)]),
    ("dgram-send", "dgram_send", [index, nl.endpoint(A["endpoint"], "10.2.0.2", 4500),
                                  attr(A["dgram"], struct.pack(">II", 5, 0))]),
]
for name, cmd, parts in ops:
    try:
        g.call(CMD[cmd], *parts, flags=nl.NLM_F_DUMP if "dump" in name else nl.NLM_F_ACK)
        print("%s: done" % name)
    except nl.Refused as e:
        print("%s: %s %s" % (name, errno.errorcode[e.errno], e.text))
try:
    g.call(CMD["peer_del"], index, nl.peer(NEW))
except nl.Refused:
    pass
for group in sorted(g.groups):
    try:
        g.join(group)
        print("join %s: done" % group)
    except OSError as e:
        print("join %s: %s None" % (group, errno.errorcode[e.errno]))
END
export LIB=$PWD/selftests/lib
chmod 755 "$tap_tmp"
index=$(ip -n c -j link show btmm0 | jq '.[0].ifindex')

"${in_c[@]}" python3 "$tap_tmp/ops.py" "$index" >"$TEST_OUT/container" 2>&1
diag_file "$TEST_OUT/container"
op() { sed -n "s/^$1: //p" "$TEST_OUT/$2"; }
for o in dev-get 'dev-get dump' 'dev-set keepalive' 'dev-set tx-batch' 'dev-set rx-gro' 'dev-set max-peers' \
	'dev-set local' peer-get 'peer-get dump' peer-new 'peer-set keepalive' peer-del \
	'join peers' 'join ike' 'join datagrams'; do
	is "the container's root: $o" "$(op "$o" container)" 'done'
done
is "the container's root: ike-answer" "$(op ike-answer container)" 'ENOENT no such datagram is held (any more)'
for o in 'dev-set port' 'dev-set fwmark' 'dev-set port in company' 'peer-set endpoint' 'peer-set no endpoint' \
	'peer-new with endpoint' dgram-send; do
	is "the container's root: not $o" "$(op "$o" container)" 'EPERM this needs CAP_NET_ADMIN where the link was created'
done
is 'nothing of the refused was done' "$(run_ns c btmm-ctl --json dev show btmm0 | jq -r '.. | .keepalive? // empty')" 30

"${in_c[@]}" setpriv --bounding-set=-all --inh-caps=-all python3 "$tap_tmp/ops.py" "$index" >"$TEST_OUT/powerless" 2>&1
diag_file "$TEST_OUT/powerless"
is "the container's root without capabilities: may do nothing" \
	"$(grep -c ': EPERM' "$TEST_OUT/powerless"),$(grep -c ': done' "$TEST_OUT/powerless")" 23,0
run_ns c "${as_nobody[@]}" python3 "$tap_tmp/ops.py" "$index" >"$TEST_OUT/nobody" 2>&1
diag_file "$TEST_OUT/nobody"
is 'a user without rights: may do nothing' "$(grep -c ': EPERM' "$TEST_OUT/nobody"),$(grep -c ': done' "$TEST_OUT/nobody")" 23,0
run_ns c python3 "$tap_tmp/ops.py" "$index" >"$TEST_OUT/root" 2>&1
is 'root of all: may do all' "$(grep -vc ': done' "$TEST_OUT/root")" 1
is '... and finds nothing held' "$(op ike-answer root)" 'ENOENT no such datagram is held (any more)'
run_ns c btmm-ctl dev set btmm0 fwmark 0

# Its root cannot make a device with sockets in a network that is not its own,
# but can have one of its own.
fails "a container's root: no link with sockets in another's network" \
	"${in_c[@]}" ip link add btmm8 netns 1 type autotunnel
ok "a container's root: a device of its own" "${in_c[@]}" ip link add btmm9 type autotunnel
index=$(ip -n c -j link show btmm9 | jq '.[0].ifindex')
"${in_c[@]}" python3 "$tap_tmp/ops.py" "$index" >"$TEST_OUT/own" 2>&1
is '... with which it may do all, but send while it is down' \
	"$(grep -v ': done' "$TEST_OUT/own" | cut -d: -f1 | paste -sd,)" 'peer-get,ike-answer,dgram-send'
ok "... and remove it" "${in_c[@]}" ip link del btmm9

# --- the sockets' namespace dies, the device lives on --------------------------------
ok 'the tunnel still works' pings c b
# whose routes over IPv6, as opposed to IPv4, are freed by what is in their namespace
run_ns c btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
ok '... and over IPv6' pings c b
inode=$(stat -Lc %i /run/netns/a)
ip netns del a
is_gone() { ! lsns -t net -no NS 2>/dev/null | grep -q "$inode"; }
wait_for 20 is_gone
dead() { run_ns c ping -6 -c 1 -W 1 -q "$B"; [[ $(counter c tx_inactive) -gt 0 ]]; }
ok 'without its sockets the device sends nothing' wait_for 20 dead
ok '... and goes down' ip -n c link set btmm0 down
fails '... but not up' ip -n c link set btmm0 up
ok '... can be looked at' run_ns c btmm-ctl dev show btmm0
ok '... and at its peers' run_ns c btmm-ctl peer show
fails '... has no port to change' run_ns c btmm-ctl dev set btmm0 port 4600
like '... as it says' "$output" 'CAP_NET_ADMIN|ermission|namespace'
fails '... no endpoint to set' run_ns c btmm-ctl peer set "$B" endpoint 10.2.0.2:4500
# The memory of a namespace is freed with the next one.
for _ in 1 2 3; do
	ip netns add x
	inode=$(stat -Lc %i /run/netns/x)
	ip netns del x
	wait_for 20 is_gone
done
ok '... and can be removed' ip -n c link del btmm0

# --- the device's namespace dies under traffic -----------------------------------------
for round in 1 2 3; do
	net_host a
	net_join a 1
	tunnel a
	peer a b endpoint 10.2.0.2:4500
	ip netns add d
	ip -n a link set btmm0 netns d
	ULA[d]=$A
	ip -n d addr add "$A/128" dev btmm0
	ip -n d link set btmm0 up
	ip -n d route replace "$B/128" dev btmm0
	sa d "$A" "$B" "$SPI_AB"
	sa d "$B" "$A" "$SPI_BA"
	policies d "$B"
	no_sa b
	sa b "$A" "$B" "$SPI_AB"
	sa b "$B" "$A" "$SPI_BA"
	ok "round $round: ping" pings d b
	background flood.$round ip netns exec d ping -6 -f -q "$B"
	flood=$bg_pid
	background flood2.$round ip netns exec b ping -6 -f -q "$A"
	flood2=$bg_pid
	before=$(counter d peers)
	busy() { [[ $(packets d) -gt 20 ]]; }
	wait_for 10 busy
	ip netns del d
	kill "$flood"
	wait "$flood" 2>/dev/null
	port_free() { ! run_ns a grep -q ':1194' /proc/net/udp; }
	ok "round $round: the device's namespace dies under traffic, its sockets close" wait_for 30 port_free
	kill "$flood2"
	wait "$flood2" 2>/dev/null
	ip netns del a
	wait_for 20 eval '! ip -n r link show ra1'
done

done_testing
