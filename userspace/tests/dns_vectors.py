#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages by dnspython for test_dns_message.c and test_dns_tsig.c.

Run here, with dnspython installed, it writes dns_message_vectors.h and
dns_tsig_vectors.h. Both are kept, so the tests do without it.
"""

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.renderer
import dns.rrset
import dns.tsig
import dns.rdtypes.ANY.TSIG

NOW = 1700000000
ANY = dns.rdataclass.ANY
NONE = dns.rdataclass.NONE
IN = dns.rdataclass.IN
N = dns.name.from_text

HEAD = """/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Written by dns_vectors.py, with dnspython. */
"""


def c_bytes(data):
    lines = []
    for i in range(0, len(data), 12):
        lines.append("\t" + ", ".join("0x%02x" % b for b in data[i:i + 12]) + ",\n")
    return "".join(lines)


class Message:
    """A message, and how a walk over it should go."""

    def __init__(self, name, id, flags):
        self.name = name
        self.renderer = dns.renderer.Renderer(id, flags)
        self.expect = []

    def question(self, name, rdtype, rdclass=IN):
        rdtype = dns.rdatatype.from_text(rdtype)
        self.renderer.add_question(N(name), rdtype, rdclass)
        self.expect.append("? %s %d %d" % (N(name).to_text(), rdtype, rdclass))
        return self

    def rr(self, section, name, ttl, rdtype, text=None, rdclass=IN):
        rdtype = dns.rdatatype.from_text(rdtype)
        if text is None:
            rrset = dns.rrset.RRset(N(name), rdclass, rdtype)
            canonical = b""
        else:
            rdata = dns.rdata.from_text(IN, rdtype, text)
            canonical = rdata.to_digestable()
            rrset = dns.rrset.from_rdata(N(name), ttl, rdata)
            rrset.deleting = rdclass if rdclass != IN else None
        self.renderer.add_rrset(section, rrset)
        self.expect.append("%d %s %d %d %d %s" % (section, N(name).to_text(), rdtype, rdclass,
                                                  ttl, canonical.hex()))
        return self

    def opt(self, size, options):
        self.renderer.add_edns(0, 0, size, [dns.edns.GenericOption(c, d) for c, d in options])
        body = b"".join(c.to_bytes(2, "big") + len(d).to_bytes(2, "big") + d for c, d in options)
        self.expect.append("3 . 41 %d 0 %s" % (size, body.hex()))
        return self

    def wire(self):
        self.renderer.write_header()
        return self.renderer.get_wire()


HOST = "myMacPro.alice.example.com"
RDATA = [
    ("A", "192.0.2.1"), ("NS", "NS1.Example.COM."), ("CNAME", "Www.Alice.example.com."),
    ("SOA", "NS1.example.com. HostMaster.Example.com. 2024 3600 900 604800 60"),
    ("PTR", "My\\032Mac._ssh._tcp.Alice.example.com."), ("HINFO", '"Mac" "Mac OS"'),
    ("MX", "10 Mail.Example.com."), ("TXT", '"model=Xserve" "" "a b"'),
    ("KEY", "\\# 8 0200030803010001"), ("AAAA", "2001:db8::1"),
    ("SRV", "0 0 4500 AutoTunnel-00.Alice.Example.com."), ("DNAME", "Other.Example.com."),
    ("NAPTR", '100 10 "U" "E2U+sip" "!^.*$!sip:a@example.com!" Next.Example.com.'),
    ("RP", "Mbox.Example.com. Txt.Example.com."), ("AFSDB", "1 Afs.Example.com."),
    ("RT", "2 Relay.Example.com."), ("PX", "10 Map822.Example.com. MapX400.Example.com."),
    ("KX", "10 Kx.Example.com."), ("DS", "1 8 2 " + "ab" * 32), ("DNSKEY", "256 3 8 AwEAAQ=="),
    ("RRSIG", "A 8 2 3600 20300101000000 20200101000000 1 Example.com. AwEAAQ=="),
    ("NSEC", "Next.Example.com. A TXT"), ("NSEC3", "1 0 1 ab " + "0" * 32 + " A TXT"),
    ("CAA", '0 issue "ca.example.com"'), ("URI", '1 2 "https://example.com"'),
    ("HTTPS", "1 Svc.Example.com. alpn=h2"), ("TLSA", "3 1 1 " + "cd" * 32),
    ("SSHFP", "4 2 " + "ef" * 32), ("TYPE65282", "\\# 5 0102030405"),
    ("TYPE65283", "\\# 0"), ("APL", "1:192.0.2.0/24"),
]


def messages():
    yield Message("query", 0x1234, dns.flags.RD).question("www.Example.com", "AAAA")

    m = Message("llq_setup", 0x4711, 0)
    names = ["_ssh._tcp.Alice.example.com", "_http._tcp.alice.example.com",
             "_afpovertcp._tcp.alice.example.com"]
    for name in names:
        m.question(name, "PTR")
    llq = b"\0\1\0\1\0\0" + bytes(8) + b"\0\0\x0e\x10"
    yield m.opt(1232, [(1, llq)] * 3)

    m = Message("update", 0xbeef, dns.opcode.to_flags(dns.opcode.UPDATE))
    m.question("alice.example.com", "SOA")
    m.rr(1, HOST, 0, "ANY", rdclass=NONE)
    m.rr(1, "alice.example.com", 0, "NS", rdclass=ANY)
    m.rr(1, HOST, 0, "A", "192.0.2.1")
    m.rr(2, HOST, 0, "AAAA", rdclass=ANY)
    m.rr(2, HOST, 0, "ANY", rdclass=ANY)
    m.rr(2, HOST, 0, "A", "192.0.2.7", rdclass=NONE)
    m.rr(2, "_autotunnel._udp." + HOST, 120, "SRV",
         "0 0 4500 AutoTunnel-00-22-69-FF-FE-8E-34-2A.alice.example.com.")
    m.rr(2, "_ssh._tcp.alice.example.com", 4500, "PTR",
         "My\\032Mac._ssh._tcp.alice.example.com.", rdclass=NONE)
    yield m.opt(1440, [(2, bytes.fromhex("00001c2000093a80"))])

    m = Message("everything", 1, dns.flags.QR | dns.flags.AA)
    m.question(HOST, "ANY")
    for rdtype, text in RDATA:
        m.rr(1, HOST, 120, rdtype, text)
    m.rr(2, "Example.com", 3600, "NS", "NS1.Example.COM.")
    m.rr(2, "", 3600, "NS", ".")
    m.rr(3, "ns1.example.com", 0xffffffff, "A", "192.0.2.53")
    m.rr(3, "ns1.example.com", 0x7fffffff, "AAAA", "2001:db8::53")
    yield m

    m = Message("odd_names", 0xffff, dns.flags.QR | dns.flags.TC)
    m.question("a\\000b\\.c\\\\\\255.\\@x", "TXT")
    m.rr(1, "x" * 63 + "." + "y" * 63 + "." + "z" * 63 + "." + "w" * 61, 1, "TXT", '"longest"')
    m.rr(1, ".".join(["a"] * 127), 1, "CNAME", ".".join(["b"] + ["a"] * 126) + ".")
    yield m


def message_header():
    out = [HEAD]
    table = []
    for m in messages():
        wire = m.wire()
        out.append("static const uint8_t %s[] = {\n%s};\n\n" % (m.name, c_bytes(wire)))
        lines = []
        for line in m.expect:
            line = (line + "\n").replace("\\", "\\\\").replace("\n", "\\n")
            lines.append('\t"%s"' % line)
        out.append("static const char %s_walk[] =\n%s;\n\n" % (m.name, "\n".join(lines)))
        table.append("\t{ \"%s\", %s, sizeof(%s), %s_walk },\n" % ((m.name,) * 4))
    out.append("static const struct vector {\n\tconst char *name;\n\tconst uint8_t *msg;\n"
               "\tsize_t len;\n\tconst char *walk;\n} vectors[] = {\n%s};\n" % "".join(table))
    return "".join(out)


KEYS = {
    "sha256": ("alice.example.com.", "hmac-sha256.", bytes(range(32))),
    "sha512": ("k.", "hmac-sha512.", bytes(range(64))),
    "md5": ("alice.example.com.", "hmac-md5.sig-alg.reg.int.", b"0123456789abcdef"),
    "md5_upper": ("Alice.example.com.", "HMAC-MD5.SIG-ALG.REG.INT.", b"0123456789abcdef"),
    "sha1": ("alice.example.com.", "hmac-sha1.", b"0123456789abcdefghij"),
}


class Signer:
    """One side of an exchange: signs as dnspython does, at any time."""

    def __init__(self, key, prior=None):
        name, algorithm, secret = KEYS[key]
        self.key = dns.tsig.Key(name, secret, algorithm)
        self.prior = prior
        self.ctx = None

    def sign(self, msg, time=NOW, fudge=300, error=0, other=b"", multi=False, cut=None,
             original_id=None, owner=None):
        id = int.from_bytes(msg[:2], "big") if original_id is None else original_id
        rdata = dns.rdtypes.ANY.TSIG.TSIG(ANY, dns.rdatatype.TSIG, self.key.algorithm, time,
                                          fudge, b"", id, error, other)
        rdata, self.ctx = dns.tsig.sign(msg, self.key, rdata, time, self.prior, self.ctx, multi)
        self.mac = rdata.mac
        if cut is not None:
            rdata = rdata.replace(mac=rdata.mac[:cut])
        return append(msg, owner or self.key.name.canonicalize(), rdata)


def append(msg, owner, rdata, rdclass=ANY, ttl=0):
    body = rdata if isinstance(rdata, bytes) else rdata.to_wire()
    count = int.from_bytes(msg[10:12], "big") + 1
    return (msg[:10] + count.to_bytes(2, "big") + msg[12:] + owner.to_wire() +
            (250).to_bytes(2, "big") + rdclass.to_bytes(2, "big") + ttl.to_bytes(4, "big") +
            len(body).to_bytes(2, "big") + body)


def response(text, id=0x1234):
    m = Message("", id, dns.flags.QR | dns.flags.AA)
    m.question("Example.com", "AXFR")
    for i in range(3):
        m.rr(1, "h%d.example.com" % i, 60, "TXT", '"%s"' % text)
    return m.wire()


def tsig_header():
    out = [HEAD, "#define NOW\t%d\n\n" % NOW]

    def emit(name, data):
        out.append("static const uint8_t %s[] = {\n%s};\n\n" % (name, c_bytes(data)))

    m = Message("", 0x1234, dns.flags.RD)
    m.question("www.Example.com", "A")
    query = m.opt(1232, [(2, b"\0\0\x1c\x20")]).wire()
    answer = response("answer")
    emit("query", query)
    emit("answer", answer)

    for key in ("sha256", "sha512", "md5", "sha1"):
        request = Signer(key)
        emit("query_" + key, request.sign(query))
        if key == "sha1":
            continue
        reply = Signer(key, request.mac)
        emit("answer_" + key, reply.sign(answer))

    emit("query_md5_upper", Signer("md5_upper").sign(query))
    s = Signer("sha256")
    emit("query_later", s.sign(query, time=NOW + 0x100000000))
    emit("query_id", s.sign(query, original_id=0xabcd))
    emit("query_fudge_0", s.sign(query, fudge=0))
    emit("query_other", s.sign(query, other=b"seven!!"))
    emit("query_upper", s.sign(query, owner=N("ALICE.example.COM.")))
    emit("query_half", s.sign(query, cut=16))
    emit("query_below_half", s.sign(query, cut=15))
    emit("query_no_mac", s.sign(query, cut=0))
    s5 = Signer("md5")
    emit("query_md5_10", s5.sign(query, cut=10))
    emit("query_md5_9", s5.sign(query, cut=9))
    request_sha256 = Signer("sha256")
    request_sha256.sign(query)
    bad_time = Signer("sha256", request_sha256.mac)
    emit("answer_badtime", bad_time.sign(answer, error=18,
                                         other=(NOW + 1000).to_bytes(6, "big")))
    rdata = dns.rdtypes.ANY.TSIG.TSIG(ANY, dns.rdatatype.TSIG, N("hmac-sha256."), NOW, 300,
                                      b"", 0x1234, 17, b"")
    emit("answer_badkey", append(answer, N("alice.example.com."), rdata))

    # A transfer: signed, three unsigned, signed, signed.
    request_mac = request_sha256.mac
    s = Signer("sha256", request_mac)
    for i in range(6):
        msg = response("part %d" % i)
        if i in (1, 2, 3):
            s.ctx.update(msg)
        else:
            msg = s.sign(msg, time=NOW + i, multi=True)
        emit("stream_%d" % i, msg)

    # As many unsigned ones as may be, twice, all of them part 1; and behind part 0,
    # one that is older.
    for name, time in (("stream_back", NOW - 1), ("stream_now", NOW)):
        s = Signer("sha256", request_mac)
        s.sign(response("part 0"), time=NOW, multi=True)
        emit(name, s.sign(response(name), time=time, multi=True))
    s = Signer("sha256", request_mac)
    s.sign(response("part 0"), time=NOW, multi=True)
    for name in ("stream_99", "stream_198"):
        for _ in range(99):
            s.ctx.update(response("part 1"))
        emit(name, s.sign(response(name), time=NOW, multi=True))
    return "".join(out).rstrip("\n") + "\n"


if __name__ == "__main__":
    with open("dns_message_vectors.h", "w") as f:
        f.write(message_header())
    with open("dns_tsig_vectors.h", "w") as f:
        f.write(tsig_header())
