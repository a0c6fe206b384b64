#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who means no good, with DNS.

hostile_dns.py resolver PLAN LOG ZONE ADDRESS   answers on port 53 what the file PLAN says:
    clear   there are servers for clear text only, at ADDRESS
    tls     those for TLS are at ADDRESS
    junk    anything
hostile_dns.py tls CERT KEY LOG ZONE            a server for TLS on port 853, and its harm
hostile_dns.py update SERVER KEYFILE ZONE OP... with a lease: "add NAME TTL TYPE DATA",
    "del NAME [TYPE]"; says the RCODE
"""
import os
import random
import socket
import ssl
import struct
import sys
import threading

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

SERVICES = ["_dns-push-tls._tcp", "_dns-llq-tls._tcp", "_dns-query-tls._tcp",
            "_dns-update-tls._tcp"]
CLEAR = ["_dns-update._udp", "_dns-llq._udp", "_dns-update._tcp"]
log_path = ""


def say(*what):
    with open(log_path, "a") as f:
        print(*what, file=f)


# --- a resolver --------------------------------------------------------------------------

def junk(wire):
    """To one question: as many answers as come to mind, with its ID."""
    ident, rest = wire[:2], wire[12:]
    head = ident + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    # Names that are themselves, each other, or beyond the end
    for target in (12 + len(rest), 12 + len(rest) + 12, 0x3fff, 12):
        yield head + rest[:len(rest)] + struct.pack("!HHHIH", 0xc000 | target & 0x3fff, 33, 1,
                                                   60, 8) + b"\0\0\0\0\3U\xc0\x0c"
    yield head + b"\xc0\x0c\0\x21\0\1"
    yield ident + struct.pack("!HHHHH", 0x8180, 65535, 65535, 65535, 65535) + rest
    yield ident + struct.pack("!HHHHH", 0x8180, 1, 60, 0, 0) + rest + (
        b"\xc0\x0c" + struct.pack("!HHIH", 33, 1, 60, 1000) + bytes(1000)) * 60
    yield struct.pack("!H", struct.unpack("!H", ident)[0] ^ 1) + wire[2:]
    draw = random.Random(3)
    for _ in range(20):
        msg = bytearray(head + rest + os.urandom(40))
        for _ in range(4):
            msg[draw.randrange(2, len(msg))] = draw.randrange(256)
        yield bytes(msg)


def answer(wire, plan, zone, address):
    q = dns.message.from_wire(wire)
    name = q.question[0].name
    r = dns.message.make_response(q)
    r.flags |= dns.flags.RA
    kind = q.question[0].rdtype
    rel = name.relativize(zone).to_text() if name.is_subdomain(zone) else ""
    ns = dns.name.from_text("ns", zone)
    found = None
    if rel == "@" and kind == dns.rdatatype.SOA:
        found = "ns hostmaster 1 3600 600 86400 5"
    elif name == ns and kind == dns.rdatatype.A:
        found = address
    elif kind == dns.rdatatype.SRV and rel in (SERVICES if plan == "tls" else CLEAR):
        found = "0 0 %d ns" % (853 if plan == "tls" else 53)
    if found:
        r.answer.append(dns.rrset.from_text_list(name, 2, "IN", kind, [found], origin=zone,
                                                  relativize=False))
        for rr in r.answer:
            say("answered", name, dns.rdatatype.to_text(kind), found)
    elif name.is_subdomain(zone):
        soa = dns.rrset.from_text_list(zone, 2, "IN", "SOA",
                                       ["ns hostmaster 1 3600 600 86400 2"], origin=zone,
                                       relativize=False)
        r.authority.append(soa)
        if kind != dns.rdatatype.A:
            r.set_rcode(dns.rcode.NXDOMAIN)
    else:
        r.set_rcode(dns.rcode.REFUSED)
    r.flags |= dns.flags.AA
    return r.to_wire()


def resolver(plan_path, log, zone, address):
    global log_path
    log_path = log
    zone = dns.name.from_text(zone)

    def streams():
        s = socket.create_server(("", 53))
        while True:
            c, peer = s.accept()
            say("clear text by TCP from", peer[0])
            c.close()

    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 53))
    threading.Thread(target=streams, daemon=True).start()
    say("ready")
    while True:
        wire, peer = s.recvfrom(65535)
        with open(plan_path) as f:
            plan = f.read().strip()
        if len(wire) >= 20 and wire[4:8] == b"\x21\x12\xa4\x42":
            say("STUN from", peer[0])
            continue
        try:
            q = dns.message.from_wire(wire)
        except dns.exception.DNSException as e:
            say("clear text:", type(e).__name__, wire.hex())
            continue
        if q.opcode() != dns.opcode.QUERY or q.options:
            say("clear text:", q.to_text().replace("\n", " | "))
        try:
            if plan == "junk":
                for msg in junk(wire):
                    s.sendto(msg, peer)
                say("junk for", q.question[0])
            else:
                s.sendto(answer(wire, plan, zone, address), peer)
        except dns.exception.DNSException as e:
            say("failed", type(e).__name__, q.question)


# --- a server for TLS --------------------------------------------------------------------

def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def dso(ident, *tlvs):
    return struct.pack("!HHHHHH", ident, 6 << 11, 0, 0, 0, 0) + b"".join(
        struct.pack("!HH", kind, len(data)) + data for kind, data in tlvs)


def harms(query, zone):
    """What is done to one connection after the other, once it has asked something."""
    zone = dns.name.from_text(zone)
    ident, question = struct.unpack("!H", query[:2])[0], query[12:]
    r = dns.message.Message(id=ident)
    r.flags = dns.flags.QR
    r.question = dns.message.from_wire(query, question_only=True).question
    r.answer.append(dns.rrset.from_text("bob", 60, "IN", "AAAA", "fd66::66", ))
    r.answer[0].name = dns.name.from_text("bob", zone)
    plain = r.to_wire()
    r.use_tsig({dns.name.from_text("bob", zone): os.urandom(32)},
               keyname=dns.name.from_text("bob", zone), algorithm=dns.tsig.HMAC_SHA256)
    r.request_mac = bytes(32)
    wrong = r.to_wire()
    loop = struct.pack("!HHHHHH", ident, 0x8000, 1, 1, 0, 0) + b"\xc0\x0c\0\1\0\1" * 2
    push = dns.name.from_text("_autotunnel._udp", zone).to_wire() + struct.pack(
        "!HHIH", 12, 1, 60, 200) + b"\3evl" + zone.to_wire()
    yield "unsigned, with another key, loops, as long as it gets", (
        framed(plain) + framed(wrong) + framed(loop) + framed(plain + bytes(65535 - len(plain))))
    yield "a push that nobody asked for", framed(dso(0, (0x41, push)))
    yield "broken DSO", framed(dso(1, (0x41, push[:9]), (0x40, b"")) + b"\0\x41\xff\xff")
    yield "an answer without its end", framed(wrong)[:-20]
    yield "octets", os.urandom(100000)
    yield "nothing", b""
    yield "a header", framed(query[:2] + b"\x84\0" + bytes(8)) + framed(b"") + framed(question)


def tls(cert, key, log, zone):
    global log_path
    log_path = log
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["dot"])
    s = socket.create_server(("", 853), backlog=64)
    turn = [0]

    def serve(c):
        try:
            c.settimeout(20)
            c = context.wrap_socket(c, server_side=True)
            data = c.recv(65536)
            while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
                more = c.recv(65536)
                if not more:
                    break
                data += more
            if len(data) < 14:
                say("closed", len(data))
                return
            all_harms = list(harms(data[2:2 + struct.unpack("!H", data[:2])[0]], zone))
            word, octets = all_harms[turn[0] % len(all_harms)]
            turn[0] += 1
            say("heard", len(data), "sends", word)
            c.sendall(octets)
            # Until it has enough of that, or for some seconds
            c.settimeout(3)
            c.recv(65536)
        except (OSError, ssl.SSLError) as e:
            say("failed", getattr(e, "reason", None) or type(e).__name__)
        finally:
            c.close()

    say("ready")
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


# --- a host's key in other hands ---------------------------------------------------------

def update(server, keyfile, zone, *ops):
    with open(keyfile) as f:
        name, algorithm, secret = next(line.split()[1:] for line in f if line.startswith("key "))
    ring = dns.tsig.Key(name, secret, algorithm + "." if "." not in algorithm else algorithm)
    origin = dns.name.from_text(zone)
    m = dns.update.UpdateMessage(origin, keyring={ring.name: ring}, keyname=ring.name,
                                 keyalgorithm=ring.algorithm)
    for op in ops:
        verb, owner, *rest = op.split(" ", 4)
        owner = dns.name.from_text(owner, origin)
        if verb == "add":
            m.add(owner, int(rest[0]), rest[1], " ".join(rest[2:]))
        else:
            m.delete(owner, *rest)
    m.use_edns(0, payload=1232, options=[
        dns.edns.GenericOption(2, struct.pack("!II", 3600, 3600))])
    print(dns.rcode.to_text(dns.query.tcp(m, server, timeout=20).rcode()))


{"resolver": resolver, "tls": tls, "update": update}[sys.argv[1]](*sys.argv[2:])
