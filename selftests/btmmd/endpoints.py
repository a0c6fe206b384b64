#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
endpoints.py DEVICE [MS]: where the kernel sends what is for each peer, whenever it is not as
it was: time (s since 1970), ULA, endpoint, origin. Looked at every MS (4), so it does not
matter who has changed it. A line "TIME gap MS" says that this program, which does next to
nothing, was not let run for MS more than it had slept: nor were others here, then.
"""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from nl import A, EP, PEER, NLM_F_DUMP, Genl, attrs, ifindex	# noqa: E402

LATE = 0.003		# s, of which nobody speaks

ORIGIN = ("set", "learnt")


def text(data):
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def peers(genl, index):
    out = {}
    for body in genl.call(5, index, flags=NLM_F_DUMP):
        for kind, data in attrs(body):
            if kind != A["peer"]:
                continue
            p = dict(attrs(data))
            e = dict(attrs(p.get(PEER["endpoint"], b"")))
            if EP["addr"] not in e:
                continue
            out[text(p[PEER["ula"]])] = "%s:%d %s" % (
                text(e[EP["addr"]]), int.from_bytes(e[EP["port"]], "big"),
                ORIGIN[e.get(EP["origin"], b"\0")[0]])
    return out


def main():
    device, pause = sys.argv[1], float((sys.argv + ["4"])[2]) / 1000
    genl, was = Genl(), {}
    index = ifindex(device)
    last = time.time()
    while True:
        now = peers(genl, index)
        at = time.time()
        if at - last > pause + LATE:
            print("%.6f gap %.1f" % (at, (at - last - pause) * 1000), flush=True)
        last = at
        for ula, where in now.items():
            if was.get(ula) != where:
                print("%.6f %s %s" % (at, ula, where), flush=True)
        was = now
        time.sleep(pause)


main()
