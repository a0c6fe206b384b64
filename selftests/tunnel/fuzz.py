#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fuzz.py netlink|link|rx|tx SEED COUNT [PCAP]: random input, the same for the
same seed; ends with the number of inputs sent and of those that were taken.

  netlink  messages to the family, mostly almost right
  link     link attributes over rtnetlink
  rx       mutated copies of captured UDP payloads to the tunnel ports of
           10.1.0.2 and 2001:db8:1::2, from the peer's address and from others
  tx       mutated packets straight into btmm0
"""
import collections
import os
import random
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import nl                                                   # noqa: E402
from nl import A, DEV, EP, PEER, NLA_F_NESTED               # noqa: E402

what, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rnd = random.Random("%d-%s" % (seed, what))


def octets(n):
    return bytes(rnd.getrandbits(8) for _ in range(n))


def chance(p):
    return rnd.random() < p


# --- netlink -----------------------------------------------------------------------
ULAS = ["fd00:b::1", "fd00:c::1", "fd00:a::1", "fd00:d::1", "fd00:d::2", "::", "2001:db8::1"]
ADDRESSES = ["10.2.0.2", "10.1.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "2001:db8:2::2",
             "::1", "fe80::1", "fd00:b::1"]


def ip(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def number(size):
    return rnd.choice([0, 1, 2, rnd.getrandbits(8 * size), (1 << 8 * size) - 1,
                       1 << (8 * size - 1)]).to_bytes(size, sys.byteorder)


def dgram():
    first = rnd.choice([0, 1, 5, 255, 256, 0x00010000, 0x40000000, rnd.getrandbits(32)])
    second = rnd.choice([0, 0x2112a442, rnd.getrandbits(32)])
    return struct.pack(">II", first, second)[:rnd.randrange(9)] + \
        octets(rnd.choice([0, 1, 12, 100, 1272, 1273, 4000]))


def interface():
    return struct.pack("=I", rnd.choice(INDEX[:2]) if chance(0.9) else
                       rnd.choice(INDEX + [0, 1, 999]))


SETS = {
    "top": {A["ifindex"]: interface, A["dev"]: "dev", A["peer"]: "peer",
            A["endpoint"]: "endpoint", A["hold"]: lambda: number(8),
            A["ike_spi_i"]: lambda: octets(8), A["ike_exchange"]: lambda: octets(1),
            A["esp_spi"]: lambda: octets(4), A["dgram"]: dgram, A["pad"]: lambda: b""},
    "dev": {DEV["ifname"]: lambda: b"btmm0\0", DEV["local"]: lambda: ip(rnd.choice(ULAS)),
            DEV["port"]: lambda: struct.pack(">H", rnd.choice([0, 53, 4500, 4501, 4502, 65535])),
            DEV["fwmark"]: lambda: number(4), DEV["keepalive"]: lambda: number(2),
            DEV["tx_batch"]: lambda: number(1), DEV["rx_gro"]: lambda: number(1),
            DEV["max_peers"]: lambda: number(4), DEV["peers"]: lambda: number(4),
            DEV["counter"]: lambda: octets(8)},
    "endpoint": {EP["addr"]: lambda: ip(rnd.choice(ADDRESSES)), EP["port"]: lambda: number(2),
                 EP["local"]: lambda: ip(rnd.choice(ADDRESSES)), EP["oif"]: interface,
                 EP["origin"]: lambda: number(1)},
    "peer": {PEER["ula"]: lambda: ip(rnd.choice(ULAS)), PEER["endpoint"]: "endpoint",
             PEER["previous"]: "endpoint", PEER["keepalive"]: lambda: number(2),
             PEER["rx_packets"]: lambda: number(8), PEER["moves"]: lambda: number(4)},
}


def attribute(kind, entry, depth):
    flag = 0
    if isinstance(entry, str):
        body, flag = attributes(entry, depth + 1), NLA_F_NESTED
    else:
        body = entry()
    if chance(0.04):
        body = octets(rnd.randrange(40))
    if chance(0.02):
        flag ^= NLA_F_NESTED
    if chance(0.02):
        kind = rnd.choice([0, kind + 20, 0x3fff, rnd.randrange(64)])
    out = nl.attr(kind | flag, body)
    if chance(0.02):
        out = struct.pack("=H", rnd.choice([0, 3, 4, len(out) + 4, 65535])) + out[2:]
    return out


# what makes sense together, of each command and in each nest
WANTED = {1: ["ifindex"], 2: ["ifindex", "dev"], 3: ["ifindex", "peer"], 4: ["ifindex", "peer"],
          5: ["ifindex", "peer"], 6: ["ifindex", "peer"], 7: ["ifindex", "hold", "peer"],
          8: ["ifindex", "endpoint", "dgram"]}
USUAL = {"endpoint": [EP["addr"], EP["port"]], "peer": [PEER["ula"]], "top": [], "dev": []}
MAYBE = {"endpoint": [EP["local"], EP["oif"]], "peer": [PEER["endpoint"], PEER["keepalive"]],
         "dev": [DEV[n] for n in "local port fwmark keepalive tx_batch rx_gro max_peers".split()],
         "top": []}


def attributes(name, depth=0, wanted=()):
    entries = SETS[name]
    kinds = [k for k in list(wanted) + USUAL[name] if chance(0.98)]
    kinds += [k for k in MAYBE[name] if chance(0.3)]
    if chance(0.1):
        kinds += rnd.sample(sorted(entries), min(len(entries), rnd.choice([1, 2, 4])))
    if not chance(0.05):
        kinds = list(dict.fromkeys(kinds))
    rnd.shuffle(kinds)
    if depth > 4:
        return octets(4)
    return b"".join(attribute(k, entries[k], depth) for k in kinds)


def netlink():
    global INDEX
    INDEX = [socket.if_nametoindex(n) for n in ("btmm0", "btmm1", "lo")]
    genl = nl.Genl()
    for group in genl.groups:
        genl.join(group)
    genl.sock.setblocking(False)
    results = collections.Counter()
    for _ in range(count):
        cmd = rnd.choice([1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8, rnd.randrange(256)])
        body = struct.pack("=BBH", cmd, rnd.choice([1, 1, 1, 0, 255]),
                           rnd.choice([0, 0, 0, 0, 65535]))
        body += attributes("top", 0, [A[n] for n in WANTED.get(cmd, ["ifindex"])])
        if chance(0.03):
            body = body[:rnd.randrange(len(body))]
        if chance(0.03):
            body += octets(rnd.randrange(5))
        flags = nl.NLM_F_ACK
        if cmd in (1, 5) and chance(0.3):
            flags = nl.NLM_F_DUMP
        if chance(0.03):
            flags = rnd.getrandbits(16)
        genl.send(genl.id, flags, body)
        try:
            # A dump goes on while it is read; some are left in the middle.
            for _ in range(rnd.choice([1, 50])):
                data = genl.sock.recv(1 << 17)
                kind = struct.unpack_from("=H", data, 4)[0]
                if kind == nl.NLMSG_ERROR:
                    results[-struct.unpack_from("=i", data, 16)[0]] += 1
        except OSError:
            pass
    return results


def link():
    rt = nl.Netlink(0)
    rt.sock.setblocking(False)
    results = collections.Counter()
    entries = {1: lambda: ip(rnd.choice(ULAS)),
               2: lambda: struct.pack(">H", rnd.choice([0, 4600, 4500, 65535])),
               3: lambda: number(4), 4: lambda: number(2), 5: lambda: number(1),
               6: lambda: number(1), 7: lambda: number(4), 8: lambda: number(4),
               9: lambda: octets(4)}
    SETS["link"] = entries
    for _ in range(count):
        kinds = rnd.sample(sorted(entries), rnd.randrange(5))
        data = b"".join(attribute(k, entries[k], 0) for k in kinds)
        parts = nl.attr(3, rnd.choice([b"fuzz0", b"fuzz1"]) + b"\0")
        if chance(0.2):
            parts += nl.u32(4, rnd.choice([0, 68, 1280, 1356, 1512, 65535, rnd.getrandbits(32)]))
        parts += nl.nest(18, nl.attr(1, b"autotunnel"), nl.nest(2, data))
        kind = rnd.choice([16, 16, 16, 17])
        flags = nl.NLM_F_ACK | rnd.choice([0, nl.NLM_F_CREATE, nl.NLM_F_CREATE | nl.NLM_F_EXCL])
        # up and down, too
        rt.send(kind, flags, struct.pack("=BxHiII", 0, 0, 0, rnd.choice([0, 1]), 1) + parts)
        try:
            while True:
                answer = rt.sock.recv(1 << 17)
                if struct.unpack_from("=H", answer, 4)[0] == nl.NLMSG_ERROR:
                    results[-struct.unpack_from("=i", answer, 16)[0]] += 1
        except OSError:
            pass
    return results


# --- packets -------------------------------------------------------------------------


def frames(path):
    with open(path, "rb") as f:
        f.read(24)
        while True:
            rec = f.read(16)
            if len(rec) < 16:
                return
            yield f.read(struct.unpack("=IIII", rec)[2])


def corpus():
    """UDP payloads of a capture, and some of each other kind."""
    out = []
    for frame in frames(sys.argv[4]):
        if frame[12:14] == b"\x08\0" and frame[23] == 17 and len(frame) < 1600:
            out.append(frame[14 + (frame[14] & 15) * 4 + 8:])
    if len(out) < 10:
        sys.exit("%s holds %d UDP payloads only" % (sys.argv[4], len(out)))
    out = out[:500]
    ike = struct.pack(">IQQBBBBII", 0, 0x1122334455667788, 0, 33, 0x20, 34, 8, 0, 200) + bytes(172)
    out += [b"\xff", b"", ike, ike[:4] + octets(8) + ike[12:],
            struct.pack(">HHI12s", 1, 0, 0x2112a442, b"x" * 12), struct.pack(">II", 5, 0),
            struct.pack(">II", 255, 0) + octets(1272), struct.pack(">II", 7, 0) + octets(1300)] * 20
    return out


def mutate(data):
    data = bytearray(data)
    for _ in range(rnd.choice([0, 1, 1, 2, 5])):
        how = rnd.randrange(7)
        if how == 0 and data:
            data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
        elif how == 1 and data:
            del data[rnd.randrange(len(data)):]
        elif how == 2:
            data += octets(rnd.randrange(100))
        elif how == 3:
            data[0:4] = struct.pack(">I", rnd.choice([0, 1, 255, 256, 0x1002, 0x1001,
                                                     rnd.getrandbits(32)]))
        elif how == 4 and len(data) >= 8:
            data[4:8] = struct.pack(">I", rnd.choice([0, 0xffffffff, 0x2112a442,
                                                     rnd.getrandbits(32)]))
        elif how == 5 and len(data) > 8:
            i = rnd.randrange(len(data))
            data[i:i + 8] = octets(8)
        elif how == 6 and len(data) > 32:
            i = rnd.randrange(4, 32)
            data[i:i + 1] = octets(1)
    return bytes(data[:1400])


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def rx():
    payloads = corpus()
    raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    results = collections.Counter()
    for _ in range(count):
        data = mutate(rnd.choice(payloads))
        length = 8 + len(data)
        if chance(0.02):
            length = rnd.choice([0, 7, 8, length - 1 if length else 0, length + 1, 65535])
        port = rnd.choice([4500, 4500, 500, rnd.randrange(1, 65536)])
        four = chance(0.7)
        if four:
            src = ip(rnd.choice(["10.2.0.2", "10.2.0.2", "10.2.0.3", "10.1.0.1",
                                 "198.51.100.%d" % rnd.randrange(1, 255)]))
            dst = ip("10.1.0.2")
        else:
            src = ip(rnd.choice(["2001:db8:2::2", "2001:db8:2::3", "2001:db8:9::%x" %
                                 rnd.randrange(1, 65536)]))
            dst = ip("2001:db8:1::2")
        udp = struct.pack(">HHHH", port, 4500, length, 0) + data
        if not four or chance(0.3):
            pseudo = src + dst + struct.pack(">II", len(udp), 17) if not four else \
                src + dst + struct.pack(">HH", 17, len(udp))
            udp = udp[:6] + struct.pack(">H", checksum(pseudo + udp) or 0xffff) + udp[8:]
        if chance(0.02):
            udp = udp[:6] + octets(2) + udp[8:]
        try:
            if four and chance(0.05) and len(udp) > 32:
                # in two IP fragments
                cut = 8 * rnd.randrange(1, len(udp) // 8)
                ident = rnd.randrange(65536)
                for part, off in ((udp[:cut], 0x2000), (udp[cut:], cut >> 3)):
                    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(part), ident, off, 64, 17, 0)
                    raw4.sendto(head + src + dst + part, ("10.1.0.2", 0))
            elif four:
                head = struct.pack(">BBHHHBBH", 0x45, rnd.choice([0, 0, 3, 184]), 20 + len(udp),
                                   0, 0x4000, 64, 17, 0)
                raw4.sendto(head + src + dst + udp, ("10.1.0.2", 0))
            else:
                head = struct.pack(">IHBB", 6 << 28 | rnd.choice([0, 3 << 20]), len(udp), 17, 64)
                raw6.sendto(head + src + dst + udp, ("2001:db8:1::2", 0))
            results[0] += 1
        except OSError as e:
            results[e.errno] += 1
    return results


def tx():
    packet = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    packet.bind(("btmm0", 0x86dd))
    results = collections.Counter()
    esp = struct.pack(">II", 0x1001, 1) + octets(60)
    udp = struct.pack(">HHHH", 500, 500, 208, 0) + struct.pack(
        ">QQBBBBII", 1, 0, 33, 0x20, 34, 8, 0, 200) + bytes(172)
    for _ in range(count):
        nexthdr, body = rnd.choice([(50, esp), (50, esp), (17, udp), (44, octets(8) + esp),
                                    (0, octets(8) + esp), (6, octets(40)), (59, b""),
                                    (rnd.randrange(256), octets(rnd.randrange(100)))])
        body = mutate(body) if chance(0.7) else body
        head = struct.pack(">IHBB", 6 << 28 | rnd.getrandbits(28) if chance(0.95)
                           else rnd.getrandbits(32), len(body) if chance(0.9)
                           else rnd.randrange(65536), nexthdr, rnd.choice([0, 1, 64]))
        head += ip(rnd.choice(["fd00:a::1", "fd00:a::1", "fd00:b::1", "::"]))
        head += ip(rnd.choice(["fd00:b::1", "fd00:b::1", "fd00:c::1", "ff02::1", "::"]))
        data = head + body
        if chance(0.05):
            data = data[:rnd.randrange(len(data))]
        try:
            packet.sendto(data, ("btmm0", rnd.choice([0x86dd, 0x86dd, 0x86dd, 0x0800, 0x0806])))
            results[0] += 1
        except OSError as e:
            results[e.errno] += 1
    return results


INDEX = []
result = {"netlink": netlink, "link": link, "rx": rx, "tx": tx}[what]()
print("errors:", " ".join("%d=%d" % (e, n) for e, n in sorted(result.items()) if e))
print("sent=%d taken=%d" % (count, result[0]))
