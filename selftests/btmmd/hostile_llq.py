#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who means no good on the way between a host and its server, with scapy and dnspython.

hostile_llq.py DEVICE SERVER VICTIM: reads commands, one a line, and says "done" and how many
    kept      events of Long-Lived Queries that it has seen so far
    replay    all of them again, in both orders
    unsigned  all of them without their signature
    wrong     ... signed with another key of the same name
    flipped   ... with an octet that is another one
    late      ... as if they were made later, with the signature that they had
"""
import os
import random
import struct
import sys
import threading
import time

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig
from scapy.config import conf
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

# Option 1 of 18 octets: version 1, opcode 3
EVENT = b"\0\1\0\x12\0\1\0\3"
device, server, victim = sys.argv[1:]
kept = []
harm = threading.Event()  # begins: what comes from now on is our own


def listen():
    own = conf.L2listen(iface=device)
    while True:
        frame = own.recv()
        if harm.is_set() or frame is None or not frame.haslayer(UDP) or frame[IP].src != server:
            continue
        msg = bytes(frame[UDP].payload)
        if frame[UDP].sport == 53 and EVENT in msg and msg not in [m for _, m in kept]:
            kept.append((frame[UDP].dport, msg))


def skip_name(msg, pos):
    while msg[pos]:
        if msg[pos] >= 0xc0:
            return pos + 2
        pos += msg[pos] + 1
    return pos + 1


def without_tsig(msg):
    """(what was signed, the name of the key)"""
    counts = struct.unpack("!4H", msg[4:12])
    pos = last = 12
    for _ in range(counts[0]):
        pos = skip_name(msg, pos) + 4
    for _ in range(sum(counts[1:])):
        last, pos = pos, skip_name(msg, pos)
        pos += 10 + struct.unpack("!H", msg[pos + 8:pos + 10])[0]
    name, _ = dns.name.from_wire(msg, last)
    return msg[:10] + struct.pack("!H", counts[3] - 1) + msg[12:last], name, last


def wrong(msg):
    plain, name, _ = without_tsig(msg)
    key = dns.tsig.Key(name, os.urandom(32), dns.tsig.HMAC_SHA256)
    rd = dns.rdtypes.ANY.TSIG.TSIG(dns.rdataclass.ANY, dns.rdatatype.TSIG, key.algorithm, 0, 300,
                                   b"", struct.unpack("!H", msg[:2])[0], 0, b"")
    rd, _ = dns.tsig.sign(plain, key, rd, int(time.time()), b"")
    data = rd.to_wire()
    return (plain[:10] + msg[10:12] + plain[12:] + name.to_wire() +
            struct.pack("!HHIH", 250, 255, 0, len(data)) + data)


def late(msg):
    _, name, at = without_tsig(msg)
    # Behind owner, fixed part and the algorithm's name
    at = skip_name(msg, skip_name(msg, at) + 10)
    return msg[:at] + struct.pack("!HI", 0, int(time.time()) + 1) + msg[at + 6:]


def flipped(msg):
    out = bytearray(msg)
    out[random.randrange(2, len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


changes = {
    "replay": lambda m: m, "unsigned": lambda m: without_tsig(m)[0], "wrong": wrong, "late": late,
    "flipped": flipped,
}
threading.Thread(target=listen, daemon=True).start()
out = conf.L3socket(iface=device)
print("ready", flush=True)
for line in sys.stdin:
    word, sent = line.strip(), 0
    if word == "kept":
        print("done kept", len(kept), flush=True)
        continue
    harm.set()
    events = list(kept)
    for port, msg in events + events[::-1] * (5 if word == "flipped" else 1):
        out.send(IP(src=server, dst=victim) / UDP(sport=53, dport=port) / Raw(changes[word](msg)))
        sent += 1
    print("done", word, sent, flush=True)
