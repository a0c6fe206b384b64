#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
peers.py add|del DEV N [BATCH]      N peers of an autotunnel device
peers.py wg-add|wg-del DEV N        N peers of a WireGuard device
peers.py set DEV N SECONDS [BATCH]  endpoints of N peers are set, again and again
peers.py lines N                    for btmm-ctl peer add --file
peers.py wg-lines N                 for wg addconf
peers.py states|policies|routes N   for ip -batch; --del: to take them away

What was done is told as JSON: us for each ("us"), of these of the processor in the kernel
("sys_us").
"""
import base64
import json
import sys
import time

import batch

ME = "fd00:a::1"
KEY = "0x0123456789abcdef0123456789abcdef01234567"


def states(i):
    for spi, src, dst in ((0x100000, ME, batch.ula(i)), (0x200000, batch.ula(i), ME)):
        print("xfrm state add src %s dst %s proto esp spi %#x reqid %d mode tunnel flag esn "
              "replay-window 2048 aead rfc4106(gcm(aes)) %s 128" % (src, dst, spi + i, i, KEY))


def policies(i):
    other = batch.ula(i)
    for way, src, dst in (("out", ME, other), ("in", other, ME), ("fwd", other, ME)):
        print("xfrm policy add src %s dst %s dir %s tmpl src %s dst %s proto esp reqid %d mode "
              "tunnel" % (src, dst, way, src, dst, i))


def lines(i):
    print(batch.ula(i), "endpoint", batch.outer(i) + ":4500", "noroute")


def wg_lines(i):
    print("[Peer]\nPublicKey = %s\nEndpoint = %s:4500\nAllowedIPs = %s/128" %
          (base64.b64encode(batch.wg_key(i)).decode(), batch.outer(i), batch.ula(i)))


def keep_setting(dev, n, seconds, size):
    """Two places in turn, so that each is a move."""
    rounds = [batch.peer_batches(dev, "peer_set", n, size, net) for net in (32, 16)]
    for r in rounds:
        r.end()
    done, turn, begin = 0, 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        for b in rounds[turn % 2].batches:
            rounds[turn % 2].send(b)
            done += size
            if time.monotonic() - begin >= seconds:
                break
        turn += 1
    took = time.monotonic() - begin
    return {"n": done, "seconds": round(took, 3), "per_second": round(done / took)}


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what in ("lines", "wg-lines", "states", "policies", "routes"):
        say = {"lines": lines, "wg-lines": wg_lines, "states": states, "policies": policies,
               "routes": lambda i: print("route add %s/128 dev btmm0" % batch.ula(i))}[what]
        for i in range(1, int(rest[0]) + 1):
            say(i)
        return
    dev, n = rest[0], int(rest[1])
    if what == "set":
        got = keep_setting(dev, n, float(rest[2]), int(rest[3]) if rest[3:] else batch.BATCH)
    elif what in ("wg-add", "wg-del"):
        got = batch.wg_batches(dev, n, what == "wg-del").run()
    else:
        cmd = {"add": "peer_new", "del": "peer_del"}[what]
        got = batch.peer_batches(dev, cmd, n, int(rest[2]) if rest[2:] else batch.BATCH).run()
    print(json.dumps(got))


main()
