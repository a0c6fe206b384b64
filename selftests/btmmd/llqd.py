#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
llqd.py ADDRESS ZONE KEYS [tls=PORT:CERT:KEY] [udp=PORT] [delay=S]: a server of Long-Lived
Queries (RFC 8764) that is none of ours, as deployed ones were: it watches its primary,
which it asks for the zone, and tells each subscriber what is different in the answer to
just the question that was asked. It knows nothing of hosts, of moves or of additional
records; events come DELAY (0.1) after a change, and by UDP once; their TTL is 1, their
lease what is left of it. No DSO. Over TLS there is one step. An UPDATE is handed on to
the one at ADDRESS:53.

KEYS: lines "NAME ALGORITHM BASE64"; the first is that of the primary, 127.0.0.1:5300.
What it does goes to stdout.
"""
import asyncio
import os
import random
import ssl
import struct
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.zone

PRIMARY = ("127.0.0.1", 5300)
SETUP, REFRESH, EVENT = 1, 2, 3
NO_SUCH = 4
LEASE = 3600
GONE = 0xFFFFFFFF
LOOK = 0.02		# s between two looks at the primary's serial


def say(*words):
    print("%.3f" % time.time(), *words, flush=True)


class Option:
    def __init__(self, opcode, error, ident, lease):
        self.opcode, self.error, self.id, self.lease = opcode, error, ident, lease

    def edns(self):
        return dns.edns.GenericOption(1, struct.pack(
            ">HHH8sI", 1, self.opcode, self.error, self.id, self.lease))

    @classmethod
    def of(cls, m):
        for o in m.options:
            if o.otype == 1 and len(o.data) == 18:
                return cls(*struct.unpack(">HHH8sI", o.data)[1:])
        return None


class Llq:
    """@send: to who asked, by the way it came"""

    def __init__(self, send, where, m, option):
        self.send, self.where = send, where
        self.name, self.type = m.question[0].name.canonicalize(), m.question[0].rdtype
        self.ring, self.key, self.algorithm = m.keyring, m.keyname, m.keyalgorithm
        self.id = os.urandom(8)
        self.lease = min(option.lease, LEASE)
        self.until = time.monotonic() + self.lease
        self.up = False
        self.told = set()

    def text(self):
        return "%s %s" % (self.name, dns.rdatatype.to_text(self.type))

    def left(self):
        return max(0, int(self.until - time.monotonic()))

    def event(self, now):
        """Sends it; its message ID and MAC, for the acknowledgement"""
        m = dns.message.Message(id=random.randrange(65536))
        m.flags = dns.flags.QR
        m.question.append(dns.rrset.RRset(self.name, 1, self.type))
        for rd, ttl in [(r, 1) for r in now - self.told] + [(r, GONE) for r in self.told - now]:
            one = dns.rrset.from_rdata(self.name, 1, rd)
            one.ttl = ttl	# dnspython takes no such TTL otherwise
            m.answer.append(one)
            say("event", self.text(), "-" if ttl == GONE else "+", rd.to_text())
        m.use_edns(0, payload=1440, options=[Option(EVENT, 0, self.id, self.left()).edns()])
        if self.key:
            m.use_tsig(self.ring, self.key, algorithm=self.algorithm)
        self.told = now
        self.send(m.to_wire())
        return m.id, m.mac if self.key else b""


class Server:
    def __init__(self, address, zone, keys, delay):
        self.address, self.origin, self.delay = address, dns.name.from_text(zone), delay
        lines = [line.split() for line in open(keys) if line.strip()]
        self.ring = dns.tsigkeyring.from_text({n: (a, s) for n, a, s in lines})
        self.front = dns.name.from_text(lines[0][0])
        self.sets, self.serial, self.llqs, self.due = {}, None, [], None
        self.macs = {}		# of events: message ID, MAC

    # --- the primary

    def look(self):
        """Its zone if it is another one, or None."""
        q = dns.message.make_query(self.origin, "SOA")
        q.use_tsig(self.ring, self.front)
        serial = dns.query.udp(q, PRIMARY[0], port=PRIMARY[1], timeout=2).answer[0][0].serial
        if serial == self.serial:
            return None
        z = dns.zone.from_xfr(dns.query.xfr(
            PRIMARY[0], self.origin, port=PRIMARY[1], keyring=self.ring, keyname=self.front,
            relativize=False, timeout=5), relativize=False, check_origin=False)
        self.serial = serial
        return {(name.canonicalize(), r.rdtype): set(r)
                for name, node in z.nodes.items() for r in node.rdatasets}

    async def watch(self):
        loop = asyncio.get_running_loop()
        while True:
            try:
                sets = await loop.run_in_executor(None, self.look)
            except Exception as e:	# the primary is away
                say("primary:", e)
                sets = None
            if sets is not None:
                first, self.sets = not self.sets, sets
                if first:
                    say("ready")
                self.due = self.due or time.monotonic() + self.delay
            if self.due and time.monotonic() >= self.due:
                self.due = None
                for q in list(self.llqs):
                    self.tell(q)
            await asyncio.sleep(LOOK)

    def answers(self, name, rdtype):
        return self.sets.get((name.canonicalize(), rdtype), set())

    def tell(self, q):
        now = self.answers(q.name, q.type)
        if q.until < time.monotonic():
            self.llqs.remove(q)
        elif q.up and now != q.told:
            ident, mac = q.event(now)
            self.macs[ident] = mac

    # --- what is asked

    def reply(self, m, option, records=()):
        r = dns.message.make_response(m)
        r.set_rcode(dns.rcode.NOERROR)
        name = m.question[0].name
        for rd in records:
            r.answer.append(dns.rrset.from_rdata(name, 1, rd))
        r.use_edns(0, payload=1440, options=[option.edns()] if option else [])
        return r.to_wire()

    def take(self, wire, where, send, stream):
        """One message that is no UPDATE; to be answered by @send"""
        try:
            prior = self.macs.get(int.from_bytes(wire[:2], "big"), b"") if wire[2] & 0x80 else b""
            m = dns.message.from_wire(wire, keyring=self.ring, request_mac=prior)
        except Exception as e:
            say("refused:", where, type(e).__name__, e)
            return
        if m.flags & dns.flags.QR:
            say("ack", where)
            return
        if not m.had_tsig or len(m.question) != 1:
            r = dns.message.make_response(m)
            r.set_rcode(dns.rcode.REFUSED)
            send(r.to_wire())
            return
        option, q = Option.of(m), m.question[0]
        if option is None:
            send(self.reply(m, None, self.answers(q.name, q.rdtype)))
        elif option.opcode == SETUP and option.id == bytes(8):
            self.set_up(m, option, where, send, stream)
        else:
            self.go_on(m, option, send, stream)

    def set_up(self, m, option, where, send, stream):
        llq = Llq(send, where, m, option)
        # One question of one client is there once.
        self.llqs = [x for x in self.llqs if x.where != where or x.text() != llq.text()]
        self.llqs.append(llq)
        say("setup", where, llq.text())
        if stream:
            self.complete(llq, m, send)
        else:
            send(self.reply(m, Option(SETUP, 0, llq.id, llq.lease)))

    def complete(self, llq, m, send):
        llq.up, llq.told = True, self.answers(llq.name, llq.type)
        say("up", llq.where, llq.text())
        send(self.reply(m, Option(SETUP, 0, llq.id, llq.lease), llq.told))

    def go_on(self, m, option, send, stream):
        llq = next((x for x in self.llqs if x.id == option.id), None)
        if llq is None:
            send(self.reply(m, Option(option.opcode, NO_SUCH, option.id, 0)))
        elif option.opcode == SETUP:
            self.complete(llq, m, send)
        elif option.lease == 0:
            self.llqs.remove(llq)
            send(self.reply(m, Option(REFRESH, 0, llq.id, 0)))
        else:
            llq.lease = min(option.lease, LEASE)
            llq.until = time.monotonic() + llq.lease
            send(self.reply(m, Option(REFRESH, 0, llq.id, llq.lease)))

    # --- streams and datagrams

    async def update(self, wire):
        reader, writer = await asyncio.open_connection(self.address, 53)
        writer.write(struct.pack(">H", len(wire)) + wire)
        answer = await reader.readexactly(*struct.unpack(">H", await reader.readexactly(2)))
        writer.close()
        return answer

    async def stream(self, reader, writer):
        where = "%s:%d" % writer.get_extra_info("peername")[:2]

        def send(wire):
            writer.write(struct.pack(">H", len(wire)) + wire)

        try:
            while True:
                wire = await reader.readexactly(*struct.unpack(">H", await reader.readexactly(2)))
                opcode = wire[2] >> 3 & 15
                if opcode == 5:
                    say("update", where)
                    send(await self.update(wire))
                elif opcode == 6:
                    say("no DSO", where)
                    send(wire[:2] + bytes([0x80 | 6 << 3, dns.rcode.NOTIMP]) + bytes(8))
                else:
                    self.take(wire, where, send, True)
        except (asyncio.IncompleteReadError, OSError) as e:
            say("closed", where, type(e).__name__)
        self.llqs = [x for x in self.llqs if x.where != where]
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        # STUN comes here, too.
        if len(data) < 12 or data[4:8] == b"\x21\x12\xa4\x42":
            return
        self.server.take(data, "%s:%d" % peer[:2],
                         lambda wire: self.transport.sendto(wire, peer), False)


async def main():
    address, zone, keys = sys.argv[1:4]
    how = dict(a.split("=", 1) for a in sys.argv[4:])
    server = Server(address, zone, keys, float(how.get("delay", "0.1")))
    if "tls" in how:
        port, cert, key = how["tls"].split(":")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        context.set_alpn_protocols(["dot"])
        await asyncio.start_server(server.stream, address, int(port), ssl=context)
    if "udp" in how:
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Datagrams(server), local_addr=(address, int(how["udp"])))
    await server.watch()


asyncio.run(main())
