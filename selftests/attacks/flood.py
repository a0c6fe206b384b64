#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams from as many sources as there are datagrams.

  flood.py TO COUNT KIND...     from 20.0.0.0/8, or 2001:db8:ffff::/48 if TO is IPv6
  flood.py --from ADDRESS:PORT TO COUNT KIND...     all from there; PORT * is any
  flood.py --net64 TO COUNT KIND...                 all from one /64
  flood.py --for SECONDS ...    again and again until then; COUNT is the rate

TO is ADDRESS:PORT, [V6]:PORT. The kinds take turns: spi (ESP with a random SPI as charon
takes them), what raw.py knows, and

  ike-init      a well-formed IKE_SA_INIT, as a host of ours would send it: its key
                exchange is random octets, which nobody can tell from a good one

Says how many were sent, from how many addresses, and how many octets of IP that was.
"""
import argparse
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tunnel"))
import raw                                                  # noqa: E402

# aes128gcm16-prfsha256-x25519 (RFC 7296 3.3): what tunnel/charon.sh configures
TRANSFORMS = ((1, 20, struct.pack(">HH", 0x800e, 128)), (2, 5, b""), (4, 31, b""))


def payload(following, body):
    return struct.pack(">BBH", following, 0, 4 + len(body)) + body


def ike_init():
    proposal = b""
    for i, (kind, ident, attr) in enumerate(TRANSFORMS):
        last = i == len(TRANSFORMS) - 1
        proposal += struct.pack(">BBHBBH", 0 if last else 3, 0, 8 + len(attr), kind, 0, ident) + attr
    proposal = struct.pack(">BBHBBBB", 0, 0, 8 + len(proposal), 1, 1, 0, len(TRANSFORMS)) + proposal
    body = payload(34, proposal) + payload(40, struct.pack(">HH", 31, 0) + os.urandom(32)) + \
        payload(0, os.urandom(32))
    return bytes(4) + os.urandom(8) + bytes(8) + \
        struct.pack(">BBBBII", 33, 0x20, 34, 8, 0, 28 + len(body)) + body


def octets(kind):
    if kind == "ike-init":
        return ike_init()
    if kind == "spi":
        return struct.pack(">II", 0xc0000000 | random.getrandbits(28), random.getrandbits(20)) + \
            os.urandom(64)
    return raw.octets(kind)


def source(n, six, net64):
    if not six:
        return "20.%d.%d.%d" % (n >> 16 & 255, n >> 8 & 255, n & 255)
    ident = os.urandom(8)
    net = struct.pack(">HHHH", 0x2001, 0xdb8, 0xffff, 0 if net64 else n & 0xffff)
    return socket.inet_ntop(socket.AF_INET6, net + ident)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--from", dest="source")
    p.add_argument("--net64", action="store_true")
    p.add_argument("--for", dest="seconds", type=float, default=0)
    p.add_argument("to")
    p.add_argument("count", type=int)
    p.add_argument("kinds", nargs="+")
    args = p.parse_args()
    to, port = raw.endpoint(args.to)
    six = ":" in to
    start = time.monotonic()
    n = total = 0
    sources = set()
    while n < args.count or time.monotonic() < start + args.seconds:
        if args.seconds and n > (time.monotonic() - start) * args.count:
            time.sleep(0.001)
            continue
        if args.source:
            address, sport = raw.endpoint(args.source)
        else:
            address, sport = source(n + 1, six, args.net64), "*"
        sport = random.randrange(1024, 65536) if sport == "*" else int(sport)
        data = octets(args.kinds[n % len(args.kinds)])
        raw.send(address, sport, to, int(port), data)
        sources.add(address)
        total += len(data) + 8 + (40 if six else 20)
        n += 1
    print("sent", n, "sources", len(sources), "octets", total,
          "ms", int((time.monotonic() - start) * 1000))


if __name__ == "__main__":
    main()
