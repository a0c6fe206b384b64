#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Small TCP segments that wait to be read are merged by the receiver, which
# trusts what each says of its memory. A device that asks for more headroom than
# TCP leaves has heads made anew that are not accounted for, and TCP warns. A
# TCP header that large needs TCP_MD5SIG, which the UML kernels lack.
# kernels: 6.1 6.12
# timeout: 90
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

net_pair
modprobe -a esp6 esp6_offload
sa_pair
ok 'the tunnel works' pings a b

cat >"$tap_tmp/small.py" <<'END'
import socket, struct, sys
A, B = sys.argv[2:4]
def sign(s, peer):      # TCP_MD5SIG: a TCP header larger than usual
    key = b"small writes"
    addr = struct.pack("=HHI16sI100x", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, peer), 0)
    s.setsockopt(socket.IPPROTO_TCP, 14, addr + struct.pack("=BBHi80s", 0, 0, len(key), 0, key))
if sys.argv[1] == "read":
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((B, 7007))
    sign(s, A)
    s.listen(1)
    c, _ = s.accept()
    got = b""
    while len(got) < 60 * 732:
        d = c.recv(1 << 16)
        if not d:
            break
        got += d
    print(len(got), sum(got) % 65536)
else:
    c = socket.socket(socket.AF_INET6)
    c.bind((A, 0))
    sign(c, B)
    c.connect((B, 7007))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(60):
        c.send(bytes([i]) * 732)
    c.shutdown(socket.SHUT_WR)
    c.recv(1)
END
background small-read ip netns exec b python3 "$tap_tmp/small.py" read "$A" "$B"
reader=$bg_pid
wait_for 20 listening b 7007
# the reader sleeps while the segments arrive
freeze "$reader"
background small-write ip netns exec a python3 "$tap_tmp/small.py" write "$A" "$B"
received() {
	run_ns b ss -Htn 'sport = :7007' >"$TEST_OUT/ss"
	[[ $(awk '$1 != "LISTEN" { print $2 }' "$TEST_OUT/ss") -ge $((60 * 732)) ]]
}
ok 'all segments wait to be read' wait_for 60 received
kill -CONT "$reader"
wait "$reader"
is 'all of it arrived' "$(cat "$TEST_OUT/small-read.log")" "$((60 * 732)) $((732 * 59 * 60 / 2 % 65536))"

done_testing
