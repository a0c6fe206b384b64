#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ethernet frames of who sits on the same wire: no kernel looks at them on their way out.

  frame.py DEV MAC FROM TO PAYLOAD...      UDP; FROM, TO and PAYLOAD as raw.py has them
  frame.py DEV MAC esp6:SOURCE TARGET PAYLOAD...   the payloads as ESP over plain IPv6
  frame.py DEV MAC ra PREFIX HOST          a router advertisement: PREFIX/64 is on this
                                           link, and this is the way to HOST/128
  frame.py DEV MAC big FROM TO KIND N      UDP of N octets in fragments that fit
"""
import os
import random
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tunnel"))
import raw                                                  # noqa: E402

MTU_PART = 1400     # of eights
LINK_LOCAL = "fe80::bad"


def fold(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total


def ip4(source, target, body, ident=0, at=0, more=False):
    field = at // 8 | more << 13 if ident else 0x4000
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), ident, field, 64, 17, 0) + \
        socket.inet_aton(source) + socket.inet_aton(target)
    return head[:10] + struct.pack(">H", fold(head)) + head[12:] + body


def ip6(source, target, following, body, hops=64):
    s, t = (socket.inet_pton(socket.AF_INET6, x) for x in (source, target))
    return struct.pack(">IHBB", 0x60000000, len(body), following, hops) + s + t + body


def udp(source, sport, target, tport, data):
    head = struct.pack(">HHHH", sport, tport, 8 + len(data), 0)
    if ":" not in source:
        return head + data
    s, t = (socket.inet_pton(socket.AF_INET6, x) for x in (source, target))
    return head[:6] + struct.pack(">H", raw.checksum6(s, t, head + data)) + data


def packets(source, target, body):
    """One, or its fragments."""
    six = ":" in source
    if len(body) <= MTU_PART + 8:
        return [ip6(source, target, 17, body) if six else ip4(source, target, body)]
    ident = random.randrange(1, 65536)
    out = []
    for at in range(0, len(body), MTU_PART):
        part, more = body[at:at + MTU_PART], at + MTU_PART < len(body)
        if six:
            part = struct.pack(">BBHI", 17, 0, at | more, ident) + part
            out.append(ip6(source, target, 44, part))
        else:
            out.append(ip4(source, target, part, ident, at, more))
    return out


def advertisement(prefix, host):
    """RFC 4861 4.2; prefix option 4.6.2; route information RFC 4191 2.3, preference high."""
    mac = bytes([2, 0, 0, 0, 0xba, 0xd0])
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0x08, 1800, 0, 0)
    body += struct.pack(">BB6s", 1, 1, mac)
    body += struct.pack(">BBBBIII16s", 3, 4, 64, 0xc0, 7200, 3600, 0,
                        socket.inet_pton(socket.AF_INET6, prefix))
    body += struct.pack(">BBBBI16s", 24, 3, 128, 0x08, 7200,
                        socket.inet_pton(socket.AF_INET6, host))
    s, t = (socket.inet_pton(socket.AF_INET6, x) for x in (LINK_LOCAL, "ff02::1"))
    check = fold(s + t + struct.pack(">II", len(body), 58) + body)
    return ip6(LINK_LOCAL, "ff02::1", 58, body[:2] + struct.pack(">H", check) + body[4:], 255)


def plan(args):
    if args[0] == "ra":
        return [advertisement(*args[1:])]
    if args[0].startswith("esp6:"):
        return [ip6(args[0][5:], args[1], 50, raw.octets(p)) for p in args[2:]]
    if args[0] == "big":
        _, source, target, kind, size = args
        data = raw.octets(kind)
        payloads = [data + os.urandom(int(size) - len(data))]
    else:
        source, target, *specs = args
        payloads = [raw.octets(p) for p in specs]
    (source, sport), (target, tport) = raw.endpoint(source), raw.endpoint(target)
    return [p for data in payloads
            for p in packets(source, target, udp(source, int(sport), target, int(tport), data))]


def main(dev, mac, *args):
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((dev, 0))
    to = bytes.fromhex(mac.replace(":", ""))
    for packet in plan(args):
        kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
        out.send(to + bytes([2, 0, 0, 0, 0xba, 0xd0]) + struct.pack(">H", kind) + packet)


if __name__ == "__main__":
    main(*sys.argv[1:])
