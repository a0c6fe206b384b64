#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Another user of the machine, who means no good: asks the resolver at ADDRESS and the
control socket at PATH what nobody should.

hostile_local.py resolver ADDRESS DOMAIN
hostile_local.py control PATH INTERFACE

hostile_local.py memory PID FILE: how many lines of FILE are in the memory of a process
"""
import json
import os
import random
import re
import socket
import struct
import sys

import dns.flags
import dns.message
import dns.opcode

draw = random.Random(2)


def questions(domain):
    """Such that are none, and such that are strange."""
    good = dns.message.make_query("bob." + domain, "AAAA").to_wire()
    for _ in range(300):
        msg = bytearray(good)
        for _ in range(draw.randrange(1, 6)):
            msg[draw.randrange(len(msg))] = draw.randrange(256)
        yield bytes(msg[:draw.randrange(len(msg) + 1)])
    head = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0)
    yield head + b"\xc0\x0c\0\1\0\1"                        # a name that is itself
    yield head + b"\1a\xc0\x0e\xc0\x0c\0\1\0\1"             # ... and another
    yield struct.pack("!HHHHHH", 7, 0x100, 65535, 65535, 65535, 65535) + good[12:]
    for opcode in range(16):
        m = dns.message.make_query(domain, "SOA")
        m.set_opcode(opcode)
        yield m.to_wire() if opcode != dns.opcode.UPDATE else head + bytes(500)
    m = dns.message.make_query("bob." + domain, "AAAA")
    m.flags |= dns.flags.QR                                 # an answer
    yield m.to_wire()
    yield good + bytes(4000)
    yield bytes(9000)


def resolver(address, domain):
    where = (address, 53)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(0.001)
    sent, got, longest = 0, 0, 0
    for msg in questions(domain):
        udp.sendto(msg, where)
        sent += 1
        try:
            longest = max(longest, len(udp.recv(65535)))
            got += 1
        except socket.timeout:
            pass
    streams = []
    for n in range(150):
        s = socket.create_connection(where, 5)
        s.settimeout(5)
        streams.append(s)
        try:
            # Half a question; one that is too long; many, and nobody reads
            s.sendall([b"\0", b"\xff\xff" + bytes(8000), b"\0\x20" + bytes(5), b"\0\0" * 2000,
                       struct.pack("!H", 12) + bytes(12)][n % 5])
        except OSError:
            pass
    print("sent", sent, "answered", got, "longest", longest, "streams", len(streams))


def control(path, interface):
    cut, streams, said = 0, [], []
    calls = [
        b"x" * 200000, b"\0" * 4000, b"{}\0", b"[" * 60000 + b"\0", b'{"method":7}\0',
        b'{"method":"' + b"a" * 65000 + b'"}\0', b'{"method":"x","parameters":[]}\0',
        json.dumps({"method": interface + ".Resolve",
                    "parameters": {"name": "a" * 60000}}).encode() + b"\0",
        os.urandom(3000) + b"\0",
    ]
    for call in calls:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(path)
        try:
            s.sendall(call)
            s.shutdown(socket.SHUT_WR)
            answer = s.recv(65536)
            cut += not answer
        except OSError:
            cut += 1
    for name in "Up", "Down", "Reload":
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(path)
        s.sendall(json.dumps({"method": interface + "." + name}).encode() + b"\0")
        said.append(json.loads(s.recv(65536).rstrip(b"\0")).get("error", "none").split(".")[-1])
    # As many as there may be, and more; each with half a call, or with all that changes
    for n in range(200):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        streams.append(s)
        try:
            s.connect(path)
            s.sendall(b'{"method":' if n % 2 else
                      json.dumps({"method": interface + ".Monitor", "more": True}).encode() + b"\0")
        except OSError:
            pass
    print("cut", cut, "of", len(calls), "said", *said)


def memory(pid, path):
    with open(path, "rb") as f:
        secrets = [line.strip() for line in f if line.strip()]
    found = set()
    with open("/proc/%s/maps" % pid) as maps, open("/proc/%s/mem" % pid, "rb", 0) as mem:
        for line in maps:
            area = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not area:
                continue
            start, end = (int(x, 16) for x in area.groups())
            mem.seek(start)
            data = mem.read(end - start)
            found |= {s for s in secrets if s in data}
    print(len(found))
    sys.exit()


{"resolver": resolver, "control": control, "memory": memory}[sys.argv[1]](*sys.argv[2:])
sys.stdout.flush()
# Until somebody has looked.
sys.stdin.read()
