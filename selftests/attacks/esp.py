#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A peer with keys who means no good: ESP by hand, with the null cipher and HMAC-SHA-256,
since what an SA carries does not depend on its cipher.

  esp.py FROM TO SPI FIRST CASE...

FROM and TO are outer, ADDRESS:PORT. One packet for each CASE (some are more), with the
numbers FIRST, FIRST + 1, ...; the last line says how many there were. A CASE is

  udp:SRC>DST[:WORD]    UDP of port 7777 with WORD in it
  echo:SRC>DST          an echo request
  frag:SRC>DST:ID:OFFSET:MORE:WORD   an inner fragment at OFFSET octets; the first one has
                        a UDP header; WORD is repeated up to 64 octets
  atomic:SRC>DST:WORD   a fragment that is the whole packet (RFC 6946)
  ip4:SRC>DST:WORD      an IPv4 packet
  raw:NEXTHEADER:HEX    these octets as what is inside
  jumbo:SRC>DST         a hop-by-hop option that claims 100,000 octets
  short:SRC>DST:N       the IPv6 header claims N octets more than there are
  tfc:SRC>DST:N:WORD    N octets of padding behind the packet (RFC 4303 2.7)
  padlen:N              one octet of content, a pad length of N
  nested:SRC>DST        ESP in ESP
  dummy                 no next header (RFC 4303 2.6)
"""
import hashlib
import hmac
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tunnel"))
import raw                                                  # noqa: E402

KEY = bytes(range(32))      # ALG_HMAC in inner.sh
ICV = 16
NO_NEXT, IPV6, IPV4, UDP, ICMPV6, FRAGMENT, ESP = 59, 41, 4, 17, 58, 44, 50


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def header(src, dst, following, body, claim=0):
    return struct.pack(">IHBB", 6 << 28, len(body) + claim & 0xffff, following, 64) + \
        ip6(src) + ip6(dst) + body


def checked(src, dst, proto, body, at):
    pseudo = ip6(src) + ip6(dst) + struct.pack(">II", len(body), proto)
    buf = pseudo + body + b"\0" * (len(body) & 1)
    total = sum(struct.unpack(">%dH" % (len(buf) // 2), buf))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return body[:at] + struct.pack(">H", ~total & 0xffff or 0xffff) + body[at + 2:]


def udp(src, dst, data):
    return checked(src, dst, UDP, struct.pack(">HHHH", 7777, 7777, 8 + len(data), 0) + data, 6)


def datagram(src, dst, word):
    return header(src, dst, UDP, udp(src, dst, word.encode()))


def filled(word):
    data = word.encode() + b" "
    return (data * (64 // len(data) + 1))[:64]


def fragment(src, dst, ident, offset, more, word):
    """The middle one of 64 octets each; the UDP header in the first one counts all, and
    has a checksum that fits when both halves are of the same WORD."""
    whole = udp(src, dst, (filled(word) * 2)[:120])
    body = whole[:64] if offset == 0 else whole[offset:offset + 64] if offset < 128 else filled(word)
    head = struct.pack(">BBHI", UDP, 0, offset | more, ident)
    return header(src, dst, FRAGMENT, head + body)


def ipv4(src, dst, data):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(data), 1, 0, 64, UDP, 0) + \
        socket.inet_aton(src) + socket.inet_aton(dst)
    total = sum(struct.unpack(">10H", head))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~total & 0xffff) + head[12:]
    return head + struct.pack(">HHHH", 7777, 7777, 8 + len(data), 0) + data


def esp(spi, seq, inner, following, padlen=None):
    """Padded to 4 octets; PADLEN: a lie about that."""
    pad = -(len(inner) + 2) % 4
    trailer = bytes(range(1, pad + 1)) + bytes([pad if padlen is None else padlen, following])
    body = struct.pack(">II", spi, seq) + inner + trailer
    return body + hmac.new(KEY, body, hashlib.sha256).digest()[:ICV]


def between(text):
    """SRC>DST:REST, where addresses have colons and stand in brackets."""
    src, rest = text[1:].split("]>[", 1)
    dst, rest = rest.split("]", 1)
    return src, dst, rest[1:].split(":") if rest else []


def content(case):
    """(what is inside, its next header, the pad length to claim)"""
    kind, _, rest = case.partition(":")
    if kind == "raw":
        following, octets = rest.split(":")
        return bytes.fromhex(octets), int(following), None
    if kind == "dummy":
        return bytes(40), NO_NEXT, None
    if kind == "padlen":
        return b"\0", IPV6, int(rest)
    src, dst, args = between(rest)
    if kind == "udp":
        return datagram(src, dst, args[0] if args else "WORD"), IPV6, None
    if kind == "echo":
        body = checked(src, dst, ICMPV6, struct.pack(">BBHHH", 128, 0, 0, 1, 1) + bytes(16), 2)
        return header(src, dst, ICMPV6, body), IPV6, None
    if kind == "frag":
        ident, offset, more, word = args
        return fragment(src, dst, int(ident), int(offset), int(more), word), IPV6, None
    if kind == "atomic":
        whole = struct.pack(">BBHI", UDP, 0, 0, 7) + udp(src, dst, args[0].encode())
        return header(src, dst, FRAGMENT, whole), IPV6, None
    if kind == "ip4":
        return ipv4(src, dst, args[0].encode()), IPV4, None
    if kind == "jumbo":
        # RFC 2675: a payload length of 0, and the true one in an option
        option = struct.pack(">BBBBI", UDP, 0, 0xc2, 4, 100000)
        packet = header(src, dst, 0, option + udp(src, dst, b"JUMBO" * 20))
        return packet[:4] + b"\0\0" + packet[6:], IPV6, None
    if kind == "short":
        return header(src, dst, UDP, udp(src, dst, b"SHORT"), int(args[0])), IPV6, None
    if kind == "tfc":
        return datagram(src, dst, args[1]) + bytes(int(args[0])), IPV6, None
    if kind == "nested":
        return header(src, dst, ESP, esp(0x6002, 1, datagram(src, dst, "NESTED"), IPV6)), IPV6, None
    sys.exit("no such case: " + case)


def main(source, target, spi, first, *cases):
    (source, sport), (target, tport) = raw.endpoint(source), raw.endpoint(target)
    seq = int(first, 0)
    for case in cases:
        inner, following, padlen = content(case)
        raw.send(source, int(sport), target, int(tport), esp(int(spi, 0), seq, inner, following, padlen))
        seq += 1
    print("sent", len(cases))


if __name__ == "__main__":
    main(*sys.argv[1:])
