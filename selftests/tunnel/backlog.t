#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A busy xfrm_backlog. While packets of any device wait there (asynchronous
# crypto came back to a stopped queue), XFRM hands a device without a queue its
# packets unencrypted. They must not leave.
# kernels: uml
# boot: own
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
modprobe -a esp6 esp6_offload
# btmm0 itself has a synchronous cipher
sa_pair "$ALG_CHACHA"
ok 'the tunnel works' pings a b
async_crypto || skip_all "no asynchronous crypto: $(tail -n 1 "$TEST_OUT/async.log")"

# Another device with native ESP, whose packets will be stuck: tun0, which stops
# its queue when it goes down.
cat >"$tap_tmp/stuck.py" <<'END'
import fcntl, socket, struct, subprocess, sys
tun = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tun0", 0x1001))   # IFF_TUN | IFF_NO_PI
key = "0x0123456789abcdef0123456789abcdef01234567"
for cmd in ("ip link set tun0 up", "ip addr add 2001:db8:50::1/64 dev tun0 nodad",
            "ip xfrm state add src 2001:db8:50::1 dst 2001:db8:50::2 proto esp spi 0x8001 reqid 80 "
            "mode transport aead rfc4106(gcm(aes)) %s 128" % key,
            "ip xfrm policy add src 2001:db8:50::1 dst 2001:db8:50::2 dir out tmpl "
            "src 2001:db8:50::1 dst 2001:db8:50::2 proto esp reqid 80 mode transport"):
    subprocess.run(cmd.split(), check=True)
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
s.bind(("2001:db8:50::1", 0))
s.connect(("2001:db8:50::2", 9))
ifr = struct.pack("16sH22x", b"tun0", 0)
data = bytes(1300)
print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "stick":
        for _ in range(300):
            s.send(data)
        # down, before the crypto worker has had its turn
        fcntl.ioctl(s, 0x8914, ifr)
        print("stuck", flush=True)
    else:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH22x", b"tun0", 1))
        subprocess.run("ip addr replace 2001:db8:50::1/64 dev tun0 nodad".split())
        print("free", flush=True)
END
mkfifo "$tap_tmp/in"
run_ns a python3 "$tap_tmp/stuck.py" <"$tap_tmp/in" >"$TEST_OUT/stuck" 2>&1 &
stuck=$!
add_cleanup kill $stuck
exec 7>"$tap_tmp/in"
wait_for 20 grep -q ready "$TEST_OUT/stuck" || bail 'no tun device'

capture e1 a e1 -Q out
control a 10.1.0.1 >/dev/null
caught=no before=$(counter a tx_unencrypted)
for i in $(seq 20); do
	echo stick >&7
	said() { [[ $(grep -c "$1" "$TEST_OUT/stuck") -ge $2 ]]; }
	wait_for 10 said stuck "$i"
	send a udp --src "$A" --dst "$B" --data CANARY-backlog --count 20 >/dev/null
	if [[ $(counter a tx_unencrypted) -gt $before ]]; then
		caught=yes
		break
	fi
	echo free >&7
	wait_for 10 said free "$i"
done
if [[ $caught = yes ]]; then
	cmp_num 'a busy xfrm_backlog: packets come unencrypted, and are dropped' "$(since a tx_unencrypted "$before")" -gt 0
	fails '... no ping gets through meanwhile' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B"
	echo free >&7
	ok '... but afterwards' wait_for 20 pings a b
else
	skip 'a busy xfrm_backlog' 'no packet was caught in it'
fi
ok 'the tunnel still works' pings a b
capture_end e1
is 'nothing unencrypted was seen' "$(wire_leaks e1)" 'control (1)'
cmp_num '... by a capture that saw ESP' "$(wire_count e1 esp)" -gt 0

done_testing
