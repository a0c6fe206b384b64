#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random input with a fixed budget and seed: generic netlink, link attributes,
# packets to the tunnel port and into the device. The device works afterwards,
# the module unloads, and the lab looks for reports in the kernel's log.
# kernels: uml-debug
# timeout: 400
#
# FUZZ_SEED and FUZZ_FACTOR (times as much) are for longer runs by hand.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

seed=${FUZZ_SEED:-6281} factor=${FUZZ_FACTOR:-1}
case ${LAB_KIND-} in
uml*) factor=$((factor * 5)) ;;
esac
diag "seed $seed, $factor times the least"
fuzz() { run_ns "$1" timeout 300 python3 "$here/fuzz.py" "$2" "$seed" "$3" "${@:4}" >"$TEST_OUT/fuzz-$2" 2>&1; }
# fuzzed NAME LEAST: all was sent, and LEAST or more of it was taken
fuzzed() {
	diag_file "$TEST_OUT/fuzz-$1"
	local taken
	taken=$(sed -n 's/.*taken=//p' "$TEST_OUT/fuzz-$1")
	cmp_num "$1: at least $2 got through the first check" "${taken:-0}" -ge "$2"
}

net_pair
sa_pair
ok 'the tunnel works' pings a b
# another one that it may ruin
run_ns a btmm-ctl dev add btmm1 local fd00:a::5 port 4501 up

# --- packets: a corpus of real ones first -----------------------------------------
capture corpus a e1 udp
pings a b 5 >/dev/null
send a udp --dst "$B" --size 1000 --count 10 >/dev/null
tcp_copy a b 1 >/dev/null
capture_end corpus
run_ns a python3 - "$PWD/selftests/lib" >"$TEST_OUT/listener" 2>&1 <<'END' &
import sys
sys.path.insert(0, sys.argv[1])
import nl
g = nl.Genl()
for group in g.groups:
    g.join(group)
print("ready", flush=True)
while True:
    try:
        g.sock.recv(1 << 17)
    except OSError:
        pass
END
listener=$!
add_cleanup kill $listener
wait_for 20 grep -q ready "$TEST_OUT/listener"

n=$((2000 * factor))
sum() {
	local f s=0
	for f in rx_malformed rx_unknown_spi rx_esp_refused rx_ike rx_ike_held rx_ike_not_held \
		rx_ike_limited rx_ike_unasked rx_ike_malformed rx_datagrams rx_datagrams_dropped rx_keepalives; do
		s=$((s + $(counter a $f)))
	done
	echo $s
}
before=$(sum)
ok "$n packets to the tunnel port" fuzz r rx $n "$TEST_OUT/corpus.pcap"
fuzzed rx $((n * 9 / 10))
cmp_num 'they came in' $(($(sum) - before)) -gt $((n / 2))
for f in rx_malformed rx_unknown_spi rx_esp_refused rx_ike_malformed rx_datagrams rx_keepalives; do
	cmp_num "... some as $f" "$(counter a $f)" -gt 0
done
is 'no endpoint was moved by them' "$(endpoint a b)" 10.2.0.2:4500
ok 'the tunnel works' pings a b 2
net_gro
seed=$((seed + 1))
before=$(counter a rx_gro)
ok "$n packets, through GRO" fuzz r rx $n "$TEST_OUT/corpus.pcap"
fuzzed rx $((n * 9 / 10))
cmp_num '... ESP was decrypted there' "$(since a rx_gro "$before")" -gt $((n / 10))
is 'no endpoint was moved by them' "$(endpoint a b)" 10.2.0.2:4500
ok 'the tunnel works' pings a b 2

ok "$n packets into the device" fuzz a tx $n
fuzzed tx $((n / 2))
cmp_num '... refused by different rules: cleartext' "$(counter a tx_cleartext)" -gt 0
cmp_num '... IKE' "$(counter a tx_ike_refused)" -gt 0
cmp_num '... fragments' "$(counter a tx_fragment)" -gt 0
cmp_num '... source' "$(counter a tx_wrong_source)" -gt 0
ok 'the tunnel works' pings a b 2

# --- netlink, which may change everything ---------------------------------------------
n=$((1000 * factor))
ok "$n netlink messages" fuzz a netlink $n
fuzzed netlink $((n / 20))
ok 'the device still answers' run_ns a btmm-ctl dev show btmm0
n=$((200 * factor))
ok "$n links" fuzz a link $n
fuzzed link $((n / 20))
for d in fuzz0 fuzz1 btmm0 btmm1; do ip -n a link del $d 2>/dev/null; done
kill $listener

# A device made anew works, and all of it can go.
no_sa a b
no_policy a b
no_sa a b
tunnel a
peer a b endpoint 10.2.0.2:4500
sa_pair
run_ns b btmm-ctl peer set "$A" endpoint 10.1.0.2:4500
ok 'a new device works' pings a b 2
ok '... with TCP' tcp_copy a b 1
for h in a b; do ip -n $h link del btmm0; done
unload() { modprobe -r autotunnel; }
ok 'the module can be unloaded' wait_for 30 unload

done_testing
