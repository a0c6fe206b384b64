#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams that nobody's kernel would send: from any source, old or broken.

  raw.py FROM TO PAYLOAD... [-- FROM TO PAYLOAD...]

FROM and TO are ADDRESS:PORT, [V6]:PORT. One datagram for each PAYLOAD, all as
fast as they go, in the order given:

  HEX               these octets
  FILE.pcap@N       the UDP payload of packet N (0 is the first; -1 the last)
                    of a capture on an Ethernet device
  ...+flip:K        ... with the lowest bit of octet K changed (-1: the last)
  ...+cut:K         ... with only its first K octets
  random:K          K random octets
  esp:SPI:SEQ:K     ESP with this SPI and sequence number, K random octets
  ike:K             a well-formed IKE_SA_INIT header, a new initiator SPI, and
                    a body of K octets that no daemon can use
  keepalive         one octet 0xff

A FROM that ends in "*" (10.9.0.*:4500) and a PAYLOAD that ends in "xN" (N
times) make many: address and port then change with each datagram.
"""
import os
import random
import re
import socket
import struct
import sys

_pcaps = {}


def endpoint(text):
    address, port = text.rsplit(":", 1)
    return address.strip("[]"), port


def payload_of(frame):
    """UDP payload of an Ethernet frame, or None."""
    kind, = struct.unpack_from(">H", frame, 12)
    packet = frame[14:]
    if kind == 0x0800 and packet[9] == 17:
        udp = packet[(packet[0] & 15) * 4:]
    elif kind == 0x86dd and packet[6] == 17:
        udp = packet[40:]
    else:
        return None
    return udp[8:struct.unpack_from(">H", udp, 4)[0]]


def pcap(path):
    if path not in _pcaps:
        with open(path, "rb") as f:
            data = f.read()
        at, out = 24, []
        while at + 16 <= len(data):
            length, = struct.unpack_from("=I", data, at + 8)
            body = payload_of(data[at + 16:at + 16 + length])
            if body is not None:
                out.append(body)
            at += 16 + length
        _pcaps[path] = out
    return _pcaps[path]


def octets(spec):
    base, *changes = spec.split("+")
    if base == "keepalive":
        data = b"\xff"
    elif ".pcap@" in base:
        path, index = base.rsplit("@", 1)
        data = pcap(path)[int(index)]
    elif base.startswith("random:"):
        data = os.urandom(int(base[7:]))
    elif base.startswith("esp:"):
        _, spi, seq, size = base.split(":")
        data = struct.pack(">II", int(spi, 0), int(seq, 0)) + os.urandom(int(size))
    elif base.startswith("ike:"):
        body = os.urandom(int(base[4:]))
        # a payload of type 41 (notify), not critical, whose length is right
        if len(body) >= 8:
            body = struct.pack(">BBHBBH", 0, 0, len(body), 0, 0, 16430) + body[8:]
        data = bytes(4) + os.urandom(8) + bytes(8) + \
            struct.pack(">BBBBII", 41, 0x20, 34, 8, 0, 28 + len(body)) + body
    else:
        data = bytes.fromhex(base)
    for change in changes:
        what, where = change.split(":")
        if what == "flip":
            at = int(where) % len(data)
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        elif what == "cut":
            data = data[:int(where)]
    return data


def checksum6(source, target, udp):
    data = source + target + struct.pack(">II", len(udp), 17) + udp
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total or 0xffff


_socks = {}


def send(source, sport, target, tport, data):
    udp = struct.pack(">HHHH", sport, tport, 8 + len(data), 0) + data
    if ":" in source:
        s, t = (socket.inet_pton(socket.AF_INET6, x) for x in (source, target))
        udp = udp[:6] + struct.pack(">H", checksum6(s, t, udp)) + udp[8:]
        packet = struct.pack(">IHBB", 0x60000000, len(udp), 17, 64) + s + t + udp
        family, to = socket.AF_INET6, (target, 0)
    else:
        s, t = (socket.inet_aton(x) for x in (source, target))
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) \
            + s + t + udp
        family, to = socket.AF_INET, (target, 0)
    if family not in _socks:
        _socks[family] = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    _socks[family].sendto(packet, to)


def main(args):
    for group in " ".join(args).split(" -- "):
        source, target, *payloads = group.split()
        (source, sport), (target, tport) = endpoint(source), endpoint(target)
        many = source.endswith("*")
        sent = 0
        for spec in payloads:
            times = 1
            m = re.fullmatch(r"(.*)x(\d+)", spec)
            if m and not spec.startswith("0x"):
                spec, times = m[1], int(m[2])
            for _ in range(times):
                address, port = source, int(sport)
                if many:
                    address = source[:-1] + str(2 + sent % 250)
                    port = random.randrange(1024, 65536)
                send(address, port, target, int(tport), octets(spec))
                sent += 1


if __name__ == "__main__":
    main(sys.argv[1:])
