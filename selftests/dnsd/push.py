# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS Push (RFC 8765) over DSO (RFC 8490), the client's half, by hand."""
import ctypes
import random
import struct
import time

import dns.edns
import dns.name
import dns.rdata
import dns.rdatatype

from client import CHANNEL, Stream, absolute, exchange, query, why

KEEPALIVE, RETRY, PADDING, SUBSCRIBE, PUSH, UNSUBSCRIBE, RECONFIRM = 1, 2, 3, 64, 65, 66, 67
LABEL = b"EXPORTER-btmm-dnsd-channel"


def exporter(sock, label=LABEL, length=32):
    """Keying material of a TLS session (RFC 5705). Python's ssl has no call for it:
    behind the head of its object and a reference, OpenSSL's own pointer stands."""
    lib = ctypes.CDLL("libssl.so.3")
    at = id(sock._sslobj) + 3 * ctypes.sizeof(ctypes.c_void_p)
    handle = ctypes.c_void_p(ctypes.c_void_p.from_address(at).value)
    assert lib.SSL_get_fd(handle) == sock.fileno(), "this Python's ssl is another"
    out = ctypes.create_string_buffer(length)
    done = lib.SSL_export_keying_material(handle, out, ctypes.c_size_t(length), label,
                                          ctypes.c_size_t(len(label)), None,
                                          ctypes.c_size_t(0), 0)
    assert done == 1
    return out.raw


def tlv(kind, data=b""):
    return struct.pack(">HH", kind, len(data)) + data


def dso(ident, *tlvs, qr=False, rcode=0):
    return struct.pack(">HHHHHH", ident, (0x8000 if qr else 0) | 6 << 11 | rcode,
                       0, 0, 0, 0) + b"".join(tlvs)


def tlvs_of(wire):
    out, pos = [], 12
    while pos < len(wire):
        kind, length = struct.unpack(">HH", wire[pos:pos + 4])
        out.append((kind, wire[pos + 4:pos + 4 + length]))
        pos += 4 + length
    return out


class Push:
    def __init__(self, via="tls", **where):
        self.t = via if not isinstance(via, str) else Stream(via, **where)
        self.kept = []

    def bind(self, k, what="alice.example.com. SOA", wrong=False):
        """Says by a signed query, which carries the channel's exporter value, who
        this stream is; its RCODE."""
        value = exporter(self.t.sock)
        if wrong:
            value = bytes(32)
        m = query(what, options=[dns.edns.GenericOption(CHANNEL, value)])
        try:
            return dns.rcode.to_text(exchange(m, k, self.t).rcode())
        except Exception as e:
            return why(e)

    def request(self, *tlvs, ident=None, timeout=5):
        """(RCODE, TLVs) of the response"""
        ident = ident or random.randrange(1, 65536)
        self.t.send(dso(ident, *tlvs))
        end = time.monotonic() + timeout
        while True:
            wire = self.t.recv(end - time.monotonic())
            if wire is None:
                raise TimeoutError("no answer")
            if wire[:2] == struct.pack(">H", ident) and wire[2] & 0x80:
                return wire[3] & 15, tlvs_of(wire)
            self.kept.append(wire)

    def keepalive(self):
        rcode, tlvs = self.request(tlv(KEEPALIVE, struct.pack(">II", 15000, 15000)))
        return "%d %s" % (rcode, " ".join(str(v) for k, d in tlvs if k == KEEPALIVE
                                          for v in struct.unpack(">II", d)))

    def subscribe(self, what, ident=None, cls=1):
        """Its RCODE."""
        name, rdtype = what.rsplit(" ", 1)
        data = absolute(name).to_wire() + struct.pack(
            ">HH", dns.rdatatype.from_text(rdtype), cls)
        return self.request(tlv(SUBSCRIBE, data), ident=ident)[0]

    def unsubscribe(self, ident):
        self.t.send(dso(0, tlv(UNSUBSCRIBE, struct.pack(">H", ident))))

    def push(self, timeout=5):
        """The next PUSH's changes, or None."""
        end = time.monotonic() + timeout
        while True:
            wire = self.kept.pop(0) if self.kept else self.t.recv(end - time.monotonic())
            if wire is None:
                return None
            if wire[:2] != b"\0\0" or (wire[2] >> 3 & 15) != 6 or wire[2] & 0x80:
                continue
            out = []
            for kind, data in tlvs_of(wire):
                if kind == PUSH:
                    out += changes_of(data)
            if out:
                return out

    def changes(self, n, timeout=5):
        out, end = [], time.monotonic() + timeout
        while len(out) < n:
            some = self.push(end - time.monotonic())
            if some is None:
                break
            out += some
        return "; ".join(sorted(out))

    def close(self):
        self.t.close()


def changes_of(data):
    out, pos = [], 0
    while pos < len(data):
        name, used = dns.name.from_wire(data, pos)
        pos += used
        rdtype, _, ttl, length = struct.unpack(">HHIH", data[pos:pos + 10])
        pos += 10
        kind = dns.rdatatype.to_text(rdtype)
        if ttl == 0xFFFFFFFE:
            out.append("--%s" % kind)
        else:
            rd = dns.rdata.from_wire(1, rdtype, data, pos, length)
            out.append("%s%s %s" % ("-" if ttl == 0xFFFFFFFF else "+", kind, rd.to_text()))
        pos += length
    return out
