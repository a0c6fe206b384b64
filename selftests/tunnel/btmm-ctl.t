#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btmm-ctl and the ip plug-in against the module: devices, peers, routes,
# events, counters, refusals, exit codes, 100,000 peers. Run in the lab.
# kernels: uml-debug 6.1
# long: 6.1
# timeout: 180
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
need btmm-ctl python3
modprobe autotunnel || skip_all 'the module cannot be loaded'

c=btmm-ctl
# status WANTED DESC CMD...: exit code; the output is left in $output
status() {
	local want=$1 desc=$2 rc=0
	shift 2
	output=$("$@" 2>&1) || rc=$?
	is "$desc: exit code" "$rc" "$want" || diag "$output"
}
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

ip netns add t
ip -n t link set lo up
in_t() { run_ns t "$@"; }

# --- devices
status 0 'no device' in_t $c dev
like 'says how to make one' "$output" 'dev add DEV'
status 3 'a device there is not' in_t $c dev show nix
ok 'dev add' in_t $c dev add btmm0 local fd00:1::1 port 4501 fwmark 0x10 keepalive 33 \
	tx-batch off rx-gro on max-peers 200000 up
is 'its settings' "$(in_t $c --json dev | json '[d[0][k] for k in
	("name","local","port","fwmark","keepalive","tx_batch","rx_gro","max_peers","peers","up")]')" \
	"['btmm0', 'fd00:1::1', 4501, 16, 33, False, True, 200000, 0, True]"
like 'has its address' "$(in_t ip -6 -o addr show dev btmm0)" 'fd00:1::1/128'
status 1 'a device that is there' in_t $c dev add btmm0
status 1 'a port that is taken' in_t $c dev add btmm1 port 4501 up
fails 'nothing is left of it' in_t ip link show btmm1
status 1 'local while up' in_t $c dev set btmm0 local fd00:1::9
like 'the kernel says why' "$output" 'while the device is down'
ok 'dev set' in_t $c dev set btmm0 keepalive off tx-batch on fwmark 0
is 'its new settings' "$(in_t $c --json dev show btmm0 | json '[d[0][k] for k in ("fwmark","keepalive","tx_batch")]')" \
	'[0, 0, True]'
in_t ip link set btmm0 down
ok 'local while down' in_t $c dev set btmm0 local fd00:1::9
in_t ip link set btmm0 up
like 'the new address' "$(in_t ip -6 -o addr show dev btmm0)" 'fd00:1::9/128'
unlike 'not the old one' "$(in_t ip -6 -o addr show dev btmm0)" 'fd00:1::1/128'

# --- peers
ok 'peer add' in_t $c peer add fd00:1::2 endpoint 127.0.0.1:7000
ok 'peer add, all settings' in_t $c peer add fd00:1::3 dev btmm0 endpoint '[::1]:7001' \
	local ::1 oif lo keepalive 12 noroute
is 'what is known of it' "$(in_t $c peer show fd00:1::3 --json | json '[d[0][k] for k in
	("ula","endpoint","origin","endpoint_local","endpoint_oif","keepalive","last_heard_ms","moves")]')" \
	"['fd00:1::3', '[::1]:7001', 'set', '::1', 'lo', 12, None, 0]"
like 'the route of one' "$(in_t ip -6 route show fd00:1::2)" 'dev btmm0'
is 'none of the other' "$(in_t ip -6 route show fd00:1::3)" ''
status 1 'a peer that is there' in_t $c peer add fd00:1::2
like 'the kernel says why' "$output" 'already'
status 1 'our own ULA' in_t $c peer add fd00:1::9
status 3 'peer set, not there' in_t $c peer set fd00:1::8 keepalive 1
status 3 'peer del, not there' in_t $c peer del fd00:1::8
status 3 'peer show, not there' in_t $c peer show fd00:1::8
ok 'endpoint none, keepalive default' in_t $c peer set fd00:1::3 endpoint none keepalive default route
is 'it is gone' "$(in_t $c peer show fd00:1::3 --json | json '[d[0][k] for k in
	("endpoint","previous","keepalive")]')" "[None, '[::1]:7001', None]"
like 'peer set route' "$(in_t ip -6 route show fd00:1::3)" 'dev btmm0 .*metric 64 '
in_t ip -6 route append fd00:1::3/128 dev btmm0 metric 1024
is 'and one as it was made once' "$(in_t ip -6 route show fd00:1::3 | wc -l)" 2
ok 'peer del' in_t $c peer del fd00:1::3
is 'its routes went with it' "$(in_t ip -6 route show fd00:1::3)" ''
in_t ip link set btmm0 down
status 1 'a route while down' in_t $c peer add fd00:1::4
like 'and what to do' "$output" 'ip link set btmm0 up'
status 3 'that peer was not kept' in_t $c peer show fd00:1::4
in_t ip link set btmm0 up
in_t $c peer set fd00:1::2 route

# --- several devices
ok 'a second device' in_t $c dev add btmm1 local fd00:2::1 port 4502 up
status 2 'which one?' in_t $c peer
like 'names both' "$output" 'btmm0, btmm1'
ok 'dev btmm1' in_t $c peer add fd00:1::2 dev btmm1 noroute
ok 'dev del' in_t $c dev del btmm1
status 3 'another kind of link is not removed' in_t $c dev del lo

# --- events
background monitor in_t $c --json monitor count 4
listening() { grep -q listening "$TEST_OUT/monitor.log"; }
wait_for 5 listening
send() { # PORT HEX
	in_t python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.sendto(bytes.fromhex(sys.argv[2]), ("127.0.0.1", 4501))' "$@"
}
send 7000 11223344000000010000000000000000000000000000000000000000
send 7002 1122334500000001000000000000000000000000000000000000000000
send 7002 00000001cafecafe
# last, since it is held for 5 seconds only
send 7002 000000000102030405060708000000000000000021202208000000000000001c
ended() { ! kill -0 "$bg_pid"; }
ok 'monitor ends after its count' wait_for 5 ended
hold=$(grep -o '"hold":"[0-9]*"' "$TEST_OUT/monitor.log" | tr -dc 0-9)
ok 'ike answer drop' in_t $c ike answer "$hold" drop
events=$(grep '^{' "$TEST_OUT/monitor.log" | python3 -c '
import json, sys
for l in sys.stdin:
    e = json.loads(l)
    print(e["event"], e["dev"], e.get("ula"), e["endpoint"], e.get("spi"),
          e.get("ike_spi_i"), e.get("dgram"))')
is 'what it saw' "$events" "source btmm0 fd00:1::2 127.0.0.1:7000 0x11223344 None None
source btmm0 None 127.0.0.1:7002 0x11223345 None None
dgram btmm0 None 127.0.0.1:7002 None None 00000001cafecafe
ike btmm0 None 127.0.0.1:7002 None 0102030405060708 None"
status 3 'only once' in_t $c ike answer "$hold" drop
is 'counted' "$(in_t $c --raw stats | awk '$1 == "rx_ike_rejected" { print $2 }')" 1
is 'stats shows no zeroes' "$(in_t $c --raw stats | awk '$2 == 0' | wc -l)" 0
cmp_num 'stats --all does' "$(in_t $c --raw stats --all | awk '$2 == 0' | wc -l)" -gt 10
is 'and all that sysfs has' "$(in_t $c --raw stats btmm0 --all | awk 'NR > 1 { print $1 }' | sort)" \
	"$(in_t ls /sys/class/net/btmm0/autotunnel 2>/dev/null | grep -vx peers | sort)"

in_t python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 7003))
s.settimeout(10)
print(s.recv(2000).hex())' >"$TEST_OUT/dgram" &
receiver=$!
bound() { in_t ss -uln | grep -q :7003; }
wait_for 5 bound
ok 'dgram send' in_t $c dgram send 127.0.0.1:7003 00000002beefbeef
wait "$receiver"
is 'it arrives' "$(cat "$TEST_OUT/dgram")" 00000002beefbeef
status 1 'what looks like ESP is not sent' in_t $c dgram send 127.0.0.1:7003 11223344beef
like 'with the attribute that is at fault' "$output" '\(attribute dgram\)'

# --- who may
status 4 'an unprivileged user' in_t runuser -u nobody -- "$(command -v $c)" dev
status 4 'peers, too' in_t runuser -u nobody -- "$(command -v $c)" peer
status 4 'and making devices' in_t runuser -u nobody -- "$(command -v $c)" dev add btmm7

# --- output
status 1 'a full disk' in_t bash -c "$c dev >/dev/full"
like 'is said' "$output" 'No space left'
status 1 'a closed output' in_t bash -c "$c peer >&-"

# --- many; fewer where every allocation is watched
many=100000
[[ ${LAB_KIND-} = uml-debug ]] && many=5000
# ask ULA: how many ms it takes to read one peer five times
ask() {
	local begin i
	begin=$(now_ms)
	for i in 1 2 3 4 5; do in_t $c peer show "$1" >/dev/null || return; done
	echo $(($(now_ms) - begin))
}
few=$(ask fd00:1::2)
python3 -c '
import sys
for i in range(int(sys.argv[1])):
    print("fd00:9::%x:%x endpoint 10.%d.%d.%d:4500" % (i >> 16, i & 65535, 1 + (i >> 16), i >> 8 & 255, i & 255))
' "$many" >"$TEST_OUT/peers"
echo 'fd00:9::1 endpoint 1.2.3.4' >"$TEST_OUT/bad"
status 2 'a wrong line' in_t $c peer add --file "$TEST_OUT/bad"
like 'is named' "$output" "$TEST_OUT/bad:1: endpoint '1.2.3.4'"
start=$(now_ms)
ok "$many peers" in_t $c peer add --file "$TEST_OUT/peers"
took=$(($(now_ms) - start))
diag "$took ms"
cmp_num 'are there' "$(in_t $c --json dev | json 'd[0]["peers"]')" -eq $((many + 1))
cmp_num 'with their routes' "$(in_t ip -6 route show dev btmm0 proto static | wc -l)" -eq $((many + 1))
start=$(now_ms)
cmp_num 'can be listed' "$(in_t $c --raw peer | wc -l)" -eq $((many + 2))
diag "$(($(now_ms) - start)) ms"
# Against the time with few peers, since machines differ; going through all of
# them would cost some hundred times as much.
now=$(ask fd00:9::ff)
cmp_num 'one of them is found as fast as one of few' "$now" -lt $((10 * few + 500))
diag "five times: $now ms; of few: $few ms"
status 1 'once more, from standard input' bash -c "ip netns exec t $c peer add - <'$TEST_OUT/peers'"
like 'each with its line' "$output" 'standard input:20: cannot add fd00:9::13: '
like 'but not all of them' "$output" "and $((many - 20)) more were refused"
like 'and a sum' "$output" "0 of $many peers added"
ok 'dev del' in_t $c dev del btmm0

# --- ip
export IP_LIB_DIR=$here/../../build/lib/ip
ok 'ip link add' in_t ip link add btmm2 type autotunnel local fd00:3::1 port 4503 \
	fwmark 0x1f keepalive 15 tx-batch off rx-gro on max-peers 12
like 'ip -d link' "$(in_t ip -d link show btmm2)" \
	'autotunnel local fd00:3::1 port 4503 fwmark 0x1f keepalive 15 tx-batch off rx-gro on max-peers 12 peers 0 '
is 'ip -j -d link' "$(in_t ip -j -d link show btmm2 | json 'sorted(d[0]["linkinfo"]["info_data"].items())')" \
	"[('fwmark', '0x1f'), ('keepalive', 15), ('local', 'fd00:3::1'), ('max_peers', 12), ('peers', 0), ('port', 4503), ('rx_gro', True), ('tx_batch', False)]"
ok 'ip link set' in_t ip link set btmm2 type autotunnel keepalive 16
like 'changed' "$(in_t ip -d link show btmm2)" ' keepalive 16 '
for bad in 'foo 1' port 'port 0' 'port 4500x' 'port 1 port 2' 'local 2001:db8::1' 'tx-batch 2' \
	'keepalive 65536' 'max-peers -1' 'fwmark 0x100000000'; do
	# shellcheck disable=SC2086 # several words
	fails "ip refuses '$bad'" in_t ip link add btmm3 type autotunnel $bad
done
like 'ip link help autotunnel' "$(in_t ip link help autotunnel 2>&1)" 'max-peers'
ip netns del t
done_testing
