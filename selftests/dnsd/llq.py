# SPDX-License-Identifier: GPL-2.0-or-later
"""Long-Lived Queries (RFC 8764), the client's half, over UDP, TCP and TLS; and
Apple's TLS variant, whose events come by UDP."""
import random
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from client import LLQ, ZONE, Udp, absolute, key, parse, signed, transport, why

SETUP, REFRESH, EVENT = 1, 2, 3
NONE = bytes(8)
REMOVED = 0xFFFFFFFF


class Option:
    def __init__(self, opcode=SETUP, ident=NONE, lease=3600, error=0, version=1):
        self.version, self.opcode, self.error = version, opcode, error
        self.id, self.lease = ident, lease

    def edns(self):
        return dns.edns.GenericOption(LLQ, struct.pack(
            ">HHH8sI", self.version, self.opcode, self.error, self.id, self.lease))

    @classmethod
    def read(cls, data):
        version, opcode, error, ident, lease = struct.unpack(">HHH8sI", data)
        return cls(opcode, ident, lease, error, version)


def options_of(m):
    return [Option.read(o.data) for o in m.options if o.otype == LLQ]


def records(wire):
    """(section, type, TTL, RDATA) of all, 1 being the answers: dnspython makes 0 of a
    TTL over 31 bits, and reads nothing whose signature it cannot check."""
    counts = struct.unpack(">HHHH", wire[4:12])
    pos = 12
    for section, n in enumerate(counts):
        for _ in range(n):
            pos += dns.name.from_wire(wire, pos)[1]
            if section == 0:
                pos += 4
                continue
            rdtype, _, ttl, length = struct.unpack(">HHIH", wire[pos:pos + 10])
            yield section, rdtype, ttl, wire[pos + 10:pos + 10 + length]
            pos += 10 + length


def ttls(wire):
    return [ttl for section, _, ttl, _ in records(wire) if section == 1]


def additional(m):
    return [("%s %s " % (r.name.relativize(ZONE), dns.rdatatype.to_text(r.rdtype))).lower() +
            rd.to_text() for r in m.additional for rd in r]


class Event:
    def __init__(self, m, wire):
        self.m, self.wire = m, wire
        self.option = options_of(m)[0]
        self.at = time.monotonic()
        self.changes = []
        for rrset, ttl in zip(m.answer, ttls(wire)):
            assert ttl <= 0x7FFFFFFF or ttl == REMOVED, ttl
            self.changes.append("%s%s %s" % ("-" if ttl == REMOVED else "+",
                                             dns.rdatatype.to_text(rrset.rdtype),
                                             rrset[0].to_text()))
        self.additional = additional(m)

    def __str__(self):
        return "; ".join(sorted(self.changes))


class Llq:
    """One or more questions ("NAME TYPE") of one client."""

    def __init__(self, *questions, k=None, via="udp", lease=3600, payload=1232, **where):
        self.questions, self.k = questions, key(k)
        self.lease, self.payload = lease, payload
        self.t = via if not isinstance(via, str) else transport(via, **where)
        self.events = self.t	# where they come from
        self.ids = [NONE] * len(questions)
        self.mac = b""
        self.kept = []		# messages that were not what was waited for
        self.seen = []		# ID and changes of events that were acknowledged

    def message(self, options):
        m = dns.message.Message(id=random.randrange(65536))
        m.flags = 0
        for text in self.questions:
            name, rdtype = text.rsplit(" ", 1)
            m.question.append(dns.rrset.RRset(absolute(name), 1, dns.rdatatype.from_text(rdtype)))
        m.use_edns(0, payload=self.payload, options=[o.edns() for o in options])
        return m

    def wire(self, options, k=None, when=None):
        wire, self.mac = self.message(options).to_wire(max_size=65535), b""
        k = k or self.k
        if k:
            wire, self.mac = signed(wire, k, when=when)
        return wire

    def send(self, wire):
        self.sent = wire
        self.t.send(wire)

    def answer(self, timeout=5):
        """To what was sent last; events meanwhile are kept."""
        end = time.monotonic() + timeout
        while True:
            wire = self.t.recv(end - time.monotonic())
            if wire is None:
                raise TimeoutError("no answer")
            if self.t is self.events and is_event(wire) and wire[:2] != self.sent[:2]:
                self.kept.append(wire)
                continue
            if wire[:2] != self.sent[:2]:
                continue
            self.last = wire
            m = parse(wire, self.k, self.mac)
            m.llq = options_of(m)
            return m

    def ask(self, *options, **how):
        self.send(self.wire(options, **how))
        return self.answer()

    # the four steps
    def request(self, **how):
        """Step 1, and its answer, step 2."""
        m = self.ask(*[Option(lease=self.lease) for _ in self.questions], **how)
        if m.llq:
            self.ids = [o.id for o in m.llq]
            self.granted = [o.lease for o in m.llq]
        return m

    def respond(self, **how):
        """Step 3, and its answer, step 4."""
        m = self.ask(*[Option(ident=i, lease=g) for i, g in zip(self.ids, self.granted)], **how)
        if m.llq:
            self.granted = [o.lease for o in m.llq]
        return m

    def setup(self, **how):
        """ "ERROR ANSWER ANSWER ..." """
        try:
            m = self.request(**how)
            if self.t.kind == "udp" and m.rcode() == 0 and not any(o.error for o in m.llq):
                m = self.respond(**how)
        except Exception as e:
            return why(e)
        self.m = m
        return text_of(m)

    def refresh(self, lease=None, **how):
        """ "ERROR/LEASE ..." """
        lease = self.lease if lease is None else lease
        try:
            m = self.ask(*[Option(REFRESH, i, lease) for i in self.ids], **how)
        except Exception as e:
            return why(e)
        if m.rcode():
            return dns.rcode.to_text(m.rcode())
        return " ".join("%d/%d" % (o.error, o.lease) for o in m.llq)

    # events
    def event(self, timeout=5, ack=True):
        """The next one, or None. One that was acknowledged before is so again, and
        not told."""
        end = time.monotonic() + timeout
        while True:
            wire = self.kept.pop(0) if self.kept else \
                self.events.recv(end - time.monotonic())
            if wire is None:
                return None
            if not is_event(wire):
                continue
            e = Event(parse(wire, self.k), wire)
            if e.option.id not in self.ids:
                continue
            if ack and self.events.kind == "udp":
                self.ack(e)
                # IDs alone are too few to tell them apart.
                if (e.m.id, str(e)) in self.seen:
                    continue
                self.seen.append((e.m.id, str(e)))
            return e

    def ack_wire(self, e, ident=None, prior=None, k=None, error=0, when=None):
        m = dns.message.Message(id=e.m.id)
        m.flags = dns.flags.QR
        m.question = e.m.question
        m.use_edns(0, payload=1232, options=[
            Option(EVENT, ident or e.option.id, 0, error).edns()])
        wire = m.to_wire()
        k = k or self.k
        if k:
            wire, _ = signed(wire, k, e.m.mac if prior is None else prior, when)
        return wire

    def ack(self, e, **how):
        self.events.send(self.ack_wire(e, **how))

    def changes(self, n, timeout=5):
        """At least N changes, of as many events as it takes, sorted."""
        out = []
        end = time.monotonic() + timeout
        while len(out) < n:
            e = self.event(end - time.monotonic())
            if e is None:
                break
            out += e.changes
        return "; ".join(sorted(out))

    def quiet(self, seconds):
        e = self.event(seconds)
        if e is not None:
            print("an event:", e)
        return e is None

    def close(self):
        self.t.close()


class Apple(Llq):
    """Set up by TLS; the events come by UDP to a port that the set-up names."""

    def __init__(self, *questions, **how):
        super().__init__(*questions, via="tls", **how)
        self.events = Udp()

    def request(self, **how):
        m = self.ask(*[Option(lease=self.lease, error=self.events.port())
                       for _ in self.questions], **how)
        if m.llq:
            self.ids = [o.id for o in m.llq]
            self.granted = [o.lease for o in m.llq]
        return m

    def refresh(self, lease=None, **how):
        lease = self.lease if lease is None else lease
        m = self.ask(*[Option(REFRESH, i, lease, error=self.events.port())
                       for i in self.ids], **how)
        return " ".join("%d/%d" % (o.error, o.lease) for o in m.llq)


def is_event(wire):
    if len(wire) < 12 or not wire[2] & 0x80:
        return False
    for _, rdtype, _, data in records(wire):
        if rdtype == 41:
            return data[:4] == b"\0\1\0\x12" and data[6:8] == b"\0\3"
    return False


def text_of(m):
    if m.rcode():
        return dns.rcode.to_text(m.rcode())
    errors = "/".join(str(o.error) for o in m.llq)
    answers = sorted(rd.to_text() for r in m.answer for rd in r)
    return " ".join([errors] + answers)
