#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
learn.py N ROUNDS: N peers of host a, each with an SA, send one packet a round, from another
port each time ("moved") or from that of the last round ("stayed"). Run in a's name space.

The packets are made beforehand by the kernel of host b, whose XFRM has the other end of the
SAs and whose route to a leads into a dummy, where they are taken. So what is timed is a
system call to send each, and what a does with it. To standard output goes JSON: us a packet,
of the best round with moves and the best one without, and how many endpoints were learnt in them.
"""
import ctypes
import json
import os
import resource
import socket
import struct
import sys
import time

import batch

ME = "fd00:a::1"
A_OUTER, TUNNEL_PORT = "10.1.0.2", 4500
PORT_FIRST = 10000
CLONE_NEWNET = 0x40000000
IPV6_FREEBIND = 78
ETH_P_ALL = 3
MOVES = "/sys/class/net/btmm0/autotunnel/endpoint_moves"


def enter(name):
    """This thread's sockets are made there from now on; what /sys shows stays."""
    with open("/run/netns/" + name) as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def made_by_b(n, rounds):
    """ESP of each peer, for each round, in the order of sequence numbers."""
    # What is sent is shown to who wants all kinds only.
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    tap.bind(("away", ETH_P_ALL))
    tap.settimeout(5)
    out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    out.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    packets = []
    for _ in range(rounds):
        got = {}
        for i in range(1, n + 1):
            info = socket.inet_pton(socket.AF_INET6, batch.ula(i)) + struct.pack("=I", 0)
            out.sendmsg([b"here"], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)], 0, (ME, 9))
            while True:
                frame = tap.recv(2048)
                if frame[6] == socket.IPPROTO_ESP:
                    break
            got[i] = frame[40:]
        packets.append([got[i] for i in range(1, n + 1)])
    return packets



def main():
    n, rounds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 200, n + 200))
    moves = open(MOVES)
    enter("b")
    packets = made_by_b(n, 2 * rounds)
    sockets = []
    for i in range(n):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.2.0.2", PORT_FIRST + i))
        s.connect((A_OUTER, TUNNEL_PORT))
        sockets.append(s)
    took, learnt = {"moved": [], "stayed": []}, {"moved": [], "stayed": []}
    last = 0
    for r in range(2 * rounds):
        what = "stayed" if r % 2 else "moved"
        # By one port in each round of the first kind
        by = r // 2 + 1
        pairs = [(sockets[(i + by) % n], packets[r][i]) for i in range(n)]
        # A peer's endpoint moves once a second at most.
        while time.monotonic() < last + 1.2:
            time.sleep(0.05)
        moves.seek(0)
        before = int(moves.read())
        begin = time.monotonic()
        for s, p in pairs:
            s.send(p)
        last = time.monotonic()
        took[what].append((last - begin) * 1e6 / n)
        moves.seek(0)
        learnt[what].append(int(moves.read()) - before)
    print(json.dumps({"n": n, "moved_us": round(min(took["moved"]), 2),
                      "stayed_us": round(min(took["stayed"]), 2),
                      "moved": learnt["moved"], "stayed": learnt["stayed"],
                      "all": took}))


main()
