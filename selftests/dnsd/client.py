# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent client of btmm-dnsd: queries, updates with leases and STUN, made
with dnspython and by hand. llq.py and push.py have the subscriptions.

Names in what the functions take are relative to alice.example.com unless they end
with a dot. Keys are named as in key().
"""
import base64
import hashlib
import hmac
import json
import os
import select
import socket
import ssl
import struct
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig
import dns.update

SERVER, PORT, TLS_PORT, PRIMARY_PORT = "127.0.0.1", 53, 853, 5300
ZONE = dns.name.from_text("alice.example.com.")
LLQ, LEASE, CHANNEL = 1, 2, 65281
DIR = os.environ.get("DNSD_DIR", "")


# --- keys --------------------------------------------------------------------------

def absolute(text):
    return dns.name.from_text(text, ZONE)


def digest(what):
    return hashlib.sha256(b"selftest " + what.encode()).digest()


def generation(host):
    """What stands in the host's ENROLLED record."""
    return digest("generation " + host)[:16]


def derive(account, fqdn, salt, length):
    """HKDF-SHA256 (RFC 5869), as keys.h says."""
    prk = hmac.new(salt, account, hashlib.sha256).digest()
    info = b"btmm host key 1\0" + fqdn.canonicalize().to_wire()
    out, last, n = b"", b"", 1
    while len(out) < length:
        last = hmac.new(prk, last + info + bytes([n]), hashlib.sha256).digest()
        out += last
        n += 1
    return out[:length]


GIVEN = {
    "front": "frontend.", "direct": "direct.", "admin": "admin.example.com.",
    "account": "_account.alice.example.com.", "bob": "_account.bob.example.com.",
}
ALGORITHMS = {
    "sha256": (dns.tsig.HMAC_SHA256, 32, 1), "sha512": (dns.tsig.HMAC_SHA512, 64, 2),
    "md5": (dns.tsig.HMAC_MD5, 16, 3),
}


def key(name, secret=None, salt=None, algorithm="sha256"):
    """A key of GIVEN, or that of a host. SECRET: a wrong one; SALT: another
    generation."""
    if name is None or isinstance(name, dns.tsig.Key):
        return name
    algo, length, _ = ALGORITHMS[algorithm]
    if name in GIVEN:
        return dns.tsig.Key(GIVEN[name], secret or digest(GIVEN[name]), algo)
    fqdn = absolute(name)
    account = "_account." + fqdn.parent().to_text()
    if secret is None:
        secret = derive(digest(account), fqdn, salt or generation(fqdn.to_text()), length)
    return dns.tsig.Key(fqdn, secret, algo)


def y(name, **how):
    """As dig, nsupdate and their like take it behind -y."""
    k = key(name, **how)
    return "%s:%s:%s" % (k.algorithm.to_text(True), k.name.to_text(True),
                         base64.b64encode(k.secret).decode())


def b64(name):
    return base64.b64encode(key(name).secret).decode()


def enrolled(host, algorithm="sha256", salt=None):
    """An ENROLLED record as a zone file has it."""
    fqdn = absolute(host)
    data = bytes([1, ALGORITHMS[algorithm][2]]) + (salt or generation(fqdn.to_text()))
    return "TYPE65283 \\# %d %s" % (len(data), data.hex())


# --- signatures ------------------------------------------------------------------------

def signed(wire, k, prior=b"", when=None):
    """(WIRE with a TSIG record, its MAC)"""
    k = key(k)
    rd = dns.rdtypes.ANY.TSIG.TSIG(
        dns.rdataclass.ANY, dns.rdatatype.TSIG, k.algorithm, 0, 300, b"",
        struct.unpack(">H", wire[:2])[0], 0, b"")
    rd, _ = dns.tsig.sign(wire, k, rd, when or int(time.time()), prior)
    data = rd.to_wire()
    wire = bytearray(wire)
    wire[10:12] = struct.pack(">H", struct.unpack(">H", wire[10:12])[0] + 1)
    wire += k.name.to_wire() + struct.pack(">HHIH", 250, 255, 0, len(data)) + data
    return bytes(wire), rd.mac


class Unsigned(Exception):
    pass


def parse(wire, k=None, prior=b""):
    """With its signature checked if K is given; each record alone."""
    ring = {key(k).name: key(k)} if k else None
    m = dns.message.from_wire(wire, keyring=ring, request_mac=prior, one_rr_per_rrset=True,
                              ignore_trailing=False)
    if k and not m.had_tsig:
        raise Unsigned(dns.rcode.to_text(m.rcode()))
    return m


# --- transports --------------------------------------------------------------------------

class Closed(Exception):
    pass


class Udp:
    kind = "udp"

    def __init__(self, server=None, port=None, src=None, sport=0):
        self.server = (server or SERVER, port or PORT)
        family = socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.poll = select.poll()
        self.poll.register(self.sock, select.POLLIN)
        self.sock.bind((src or ("::" if family == socket.AF_INET6 else "0.0.0.0"), sport))

    def port(self):
        return self.sock.getsockname()[1]

    def send(self, wire):
        self.sock.sendto(wire, self.server)

    def recv(self, timeout):
        """None: nothing came."""
        if not self.poll.poll(max(timeout, 0) * 1000):
            return None
        try:
            wire, self.peer = self.sock.recvfrom(65535)
        except ConnectionRefusedError:
            return self.recv(0)
        return wire

    def close(self):
        self.sock.close()


class Stream:
    """TCP, or TLS with a check of the certificate."""

    def __init__(self, kind="tcp", server=None, port=None, src=None, alpn=None):
        self.kind = kind
        self.buf = b""
        where = (server or SERVER, port or (TLS_PORT if kind == "tls" else PORT))
        self.sock = socket.create_connection(where, 10, (src, 0) if src else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if kind == "tls":
            context = ssl.create_default_context(cafile=DIR + "/tls.crt")
            if alpn:
                context.set_alpn_protocols([alpn])
            self.sock = context.wrap_socket(self.sock, server_hostname="ns.alice.example.com")

    def send(self, wire):
        self.sock.sendall(struct.pack(">H", len(wire)) + wire)

    def recv(self, timeout):
        """None: nothing came. Closed: the other end has closed or reset."""
        end = time.monotonic() + timeout
        while True:
            if len(self.buf) >= 2:
                n = 2 + struct.unpack(">H", self.buf[:2])[0]
                if len(self.buf) >= n:
                    wire, self.buf = self.buf[2:n], self.buf[n:]
                    return wire
            self.sock.settimeout(max(end - time.monotonic(), 0.0001))
            try:
                more = self.sock.recv(65536)
            except socket.timeout:
                if time.monotonic() >= end:
                    return None
                continue
            except OSError as e:
                raise Closed(str(e))
            if not more:
                raise Closed("end")
            self.buf += more

    def close(self):
        self.sock.close()


def transport(via="udp", **where):
    return Udp(**where) if via == "udp" else Stream(via, **where)


def exchange(msg, k=None, via="udp", timeout=5, when=None, **where):
    """The answer to MSG (a dnspython message or octets), its signature checked."""
    t = via if not isinstance(via, str) else transport(via, **where)
    wire, mac = msg if isinstance(msg, bytes) else msg.to_wire(max_size=65535), b""
    if k:
        wire, mac = signed(wire, k, when=when)
    try:
        t.send(wire)
        end = time.monotonic() + timeout
        while True:
            got = t.recv(end - time.monotonic())
            if got is None:
                raise dns.exception.Timeout
            if got[:2] == wire[:2]:
                exchange.wire = got
                return parse(got, k, mac)
    finally:
        if t is not via:
            t.close()


def why(e):
    """A failed exchange in a word."""
    return {"PeerBadKey": "BADKEY", "PeerBadSignature": "BADSIG", "PeerBadTime": "BADTIME",
            "PeerBadTruncation": "BADTRUNC"}.get(type(e).__name__,
                                                 type(e).__name__ + (" " + str(e)).rstrip())


# --- queries ---------------------------------------------------------------------------

def query(what, payload=1232, options=(), edns=True, cls="IN"):
    """WHAT: NAME TYPE"""
    name, rdtype = what.rsplit(" ", 1)
    m = dns.message.make_query(absolute(name), rdtype, cls)
    m.flags = 0
    if edns:
        m.use_edns(0, payload=payload, options=list(options))
    return m


def data_of(section):
    return [rd.to_text(ZONE, True) if rd.rdtype != 33 else rd.to_text()
            for rrset in section for rd in rrset]


def q(what, k=None, **how):
    """ "RCODE DATA DATA ...", DATA sorted """
    payload, edns = how.pop("payload", 1232), how.pop("edns", True)
    try:
        m = exchange(query(what, payload, edns=edns), k, **how)
    except Exception as e:
        return why(e)
    return " ".join([dns.rcode.to_text(m.rcode())] + sorted(data_of(m.answer)))


def raw_answer(what, k=None, **how):
    """The answer without what names the question: to compare refusals."""
    m = query(what)
    m.id = 1
    exchange(m, k, **how)
    head = exchange.wire[:12]
    return head.hex() + exchange.wire[12 + len(m.question[0].name.to_wire()):].hex()


def primary(what, k="front"):
    return q(what, k, port=PRIMARY_PORT, via="tcp")


def serial(zone="alice.example.com.", **how):
    text = q(zone + " SOA", **how)
    return int(text.split()[3]) if text.startswith("NOERROR ") else -1


def primary_serial(zone="alice.example.com."):
    return int(primary(zone + " SOA").split()[3])


def markers(name):
    """Markers at a name at the primary."""
    text = primary(name + " TYPE65282")
    return text.count("\\#")


# --- updates ---------------------------------------------------------------------------

def zone_name(text):
    return dns.name.from_text(text)


def update(ops, zone="alice.example.com.", lease=None, klease=None):
    """OPS: "add NAME TTL TYPE DATA", "del NAME [TYPE [DATA]]", and as conditions
    "yx NAME [TYPE [DATA]]", "nx NAME [TYPE]"."""
    m = dns.update.UpdateMessage(zone_name(zone))
    origin = zone_name(zone)
    for op in ops:
        verb, name, rest = (op.split(" ", 2) + [""])[:3]
        name = dns.name.from_text(name, origin)
        if verb == "add":
            ttl, rdtype, rdata = rest.split(" ", 2)
            m.add(name, int(ttl), rdtype, rdata)
            continue
        rest = rest.split(" ", 1) if rest else []
        {"del": m.delete, "yx": m.present, "nx": m.absent}[verb](name, *rest)
    options = []
    if lease is not None and klease is not None:
        options = [dns.edns.GenericOption(LEASE, struct.pack(">II", lease, klease))]
    elif lease is not None:
        options = [dns.edns.GenericOption(LEASE, struct.pack(">I", lease))]
    if options:
        m.use_edns(0, payload=1232, options=options)
    return m


def granted(m):
    """The lease option of an answer: "", "1800" or "1800/3600"."""
    for o in m.options:
        if o.otype == LEASE:
            return "/".join(str(v) for v in struct.unpack(">%dI" % (len(o.data) // 4), o.data))
    return ""


def up(k, *ops, **how):
    """ "RCODE LEASE" of a signed update """
    args = {n: how.pop(n) for n in ("zone", "lease", "klease") if n in how}
    m = how.pop("message", None) or update(ops, **args)
    try:
        m = exchange(m, k, **how)
    except Exception as e:
        return why(e)
    return (dns.rcode.to_text(m.rcode()) + " " + granted(m)).rstrip()


# --- STUN ------------------------------------------------------------------------------

def stun(t):
    """The address that a Binding request seems to come from (RFC 8489)."""
    cookie, ident = 0x2112A442, os.urandom(12)
    t.send(struct.pack(">HHI", 1, 0, cookie) + ident)
    got = t.recv(3)
    kind, length, c = struct.unpack(">HHI", got[:8])
    assert kind == 0x101 and c == cookie and got[8:20] == ident, got.hex()
    assert length == len(got) - 20
    pos = 20
    while pos < len(got):
        kind, length = struct.unpack(">HH", got[pos:pos + 4])
        value = got[pos + 4:pos + 4 + length]
        pos += 4 + (length + 3 & ~3)
        if kind == 0x20:
            port = struct.unpack(">H", value[2:4])[0] ^ cookie >> 16
            mask = (struct.pack(">I", cookie) + ident)[:len(value) - 4]
            ip = bytes(a ^ b for a, b in zip(value[4:], mask))
            return socket.inet_ntop(socket.AF_INET6 if len(ip) == 16 else socket.AF_INET,
                                    ip), port
    raise AssertionError("no XOR-MAPPED-ADDRESS")


# --- the daemon's own word ---------------------------------------------------------------

def control(method="Status", at=None, **params):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect((at or DIR) + "/control")
    s.sendall(json.dumps({"method": "io.btmm.dnsd." + method,
                          "parameters": params}).encode() + b"\0")
    got = b""
    while not got.endswith(b"\0"):
        more = s.recv(65536)
        if not more:
            raise Closed("end")
        got += more
    s.close()
    got = json.loads(got[:-1])
    if "error" in got:
        raise RuntimeError(got)
    return got.get("parameters", {})


def status(path, at=None):
    """A value of the status, "subscriptions.udp"; zones by name."""
    v = control(at=at)
    for part in path.split("."):
        if isinstance(v, list):
            v = {z["name"].split(".")[0]: z for z in v}
        v = v[part]
    return v


def served(*zones):
    """Does the front-end answer for these?"""
    return all(q(z + " SOA", timeout=2).startswith("NOERROR ") for z in zones)


def until(condition, limit=5):
    """For conditions that are no shell command; how long it took, or None."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > limit:
            return None
        time.sleep(0.005)
    return time.monotonic() - start


def rss_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
