#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""wire.py [-p PORT] PCAP...: what is in captures of underlay devices?

First line: how many frames of each kind. Then a line per frame that must not
be there: anything but ESP, IKE, keepalives and the daemon's datagrams on the
tunnel port, and what the link itself needs. A frame that holds the word
CANARY- or a whole unique local address is cleartext wherever it is.
"""
import collections
import re
import socket
import struct
import sys

KINDS = "esp ike keepalive datagram fragment icmp link leak".split()
CLEAR = re.compile(rb"CANARY-|\xfd\x00\x00[\x0a\x0b\x0c]\x00{11}[\x01-\x09]")
ND = set(range(130, 138)) | {143}


def frames(path):
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        if struct.unpack(order + "I", head[20:])[0] != 1:
            sys.exit("%s: no Ethernet capture" % path)
        while True:
            rec = f.read(16)
            if len(rec) < 16:
                return
            yield f.read(struct.unpack(order + "IIII", rec)[2])


def is_ula(a):
    return len(a) == 16 and a[0] & 0xfe == 0xfc


def text(a):
    return socket.inet_ntop(socket.AF_INET if len(a) == 4 else socket.AF_INET6, a)


class Packet:
    """The layers of a frame, as far as they matter here."""

    def __init__(self, data, ethertype):
        self.fragment = False
        if ethertype == 0x0800:
            ihl = (data[0] & 15) * 4
            self.proto, self.src, self.dst = data[9], data[12:16], data[16:20]
            frag = struct.unpack_from(">H", data, 6)[0]
            self.fragment = bool(frag & 0x3fff)
            self.first = not frag & 0x1fff
            self.data = data[ihl:]
        else:
            self.proto, self.src, self.dst = data[6], data[8:24], data[24:40]
            self.data, self.first = data[40:], True
            while self.proto in (0, 43, 60) and len(self.data) >= 8:
                self.proto, self.data = self.data[0], self.data[8 * self.data[1] + 8:]
            if self.proto == 44:
                self.fragment = True
                self.first = not struct.unpack_from(">H", self.data, 2)[0] & 0xfff8
                self.proto, self.data = self.data[0], self.data[8:]
        self.ports = struct.unpack_from(">HH", self.data) if \
            self.proto in (6, 17) and len(self.data) >= 8 and self.first else None

    def __str__(self):
        ports = " %d>%d" % self.ports if self.ports else ""
        return "proto %d %s > %s%s, %d octets" % (
            self.proto, text(self.src), text(self.dst), ports, len(self.data))


def icmp_kind(p, ethertype, frame, port):
    if p.proto == 58 and p.data[0] in ND:
        return "leak" if is_ula(p.src) or is_ula(p.dst) else "link"
    errors = (3, 11, 12) if p.proto == 1 else (1, 2, 3, 4)
    if p.data[0] not in errors or len(p.data) < 8 + 28:
        return "leak"
    quoted = Packet(p.data[8:], ethertype)
    # It goes back to who sent the packet, and tells nobody else anything.
    if quoted.src != p.dst or is_ula(p.dst):
        return "leak"
    if quoted.ports and port in quoted.ports:
        return "leak" if CLEAR.search(frame) else "icmp"
    return "icmp"


def kind(frame, port):
    ethertype = struct.unpack_from(">H", frame, 12)[0]
    if ethertype == 0x0806:
        return "link", None
    if ethertype not in (0x0800, 0x86dd):
        return "leak", "ethertype %04x" % ethertype
    p = Packet(frame[14:], ethertype)
    if p.proto in (1, 58):
        return icmp_kind(p, ethertype, frame, port), p
    if p.proto == 17 and p.ports == (p.ports and p.ports[0], 9) and b"CANARY-control" in p.data:
        return "leak", "control"
    if p.proto != 17 or CLEAR.search(frame):
        return "leak", p
    if not p.first:
        return "fragment", p
    if port not in p.ports:
        return "leak", p
    payload = p.data[8:]
    if payload == b"\xff":
        return "keepalive", p
    if len(payload) < 8:
        return "leak", p
    first, second = struct.unpack_from(">II", payload)
    if first == 0:
        # initiator SPI, version 2.0, and the length it says it has
        ok = len(payload) >= 32 and any(payload[4:12]) and payload[21] == 0x20 and \
            (p.fragment or struct.unpack_from(">I", payload, 28)[0] == len(payload) - 4)
        return ("ike" if ok else "leak"), p
    if first < 256 or second == 0x2112a442:
        return "datagram", p
    # ESP: SPI, sequence number, at least IV and ICV behind
    return ("esp" if len(payload) >= 8 + 8 + 4 + 16 else "leak"), p


def main():
    args, port = sys.argv[1:], 4500
    if args[0] == "-p":
        port, args = int(args[1]), args[2:]
    n, bad = collections.Counter(), collections.Counter()
    for path in args:
        for frame in frames(path):
            what, why = kind(frame, port)
            n[what] += 1
            if what == "leak":
                bad[str(why)] += 1
    print(" ".join("%s=%d" % (k, n[k]) for k in KINDS))
    for why, times in bad.items():
        print("%s (%d)" % (why, times))


main()
