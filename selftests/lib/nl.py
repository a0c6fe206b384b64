# SPDX-License-Identifier: GPL-2.0-or-later
"""Netlink by hand, for tests that send what a well-behaved client would not.

Message layouts are packed here and not taken from btmm's own library, so that
the kernel's interface is held against a second reading of it.
"""
import os
import socket
import struct

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_CREATE, NLM_F_EXCL = 0x400, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED = 0x8000
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 10, 11, 12

# include/uapi/linux/autotunnel.h
CMD = {n: i + 1 for i, n in enumerate(
    "dev_get dev_set peer_new peer_set peer_get peer_del ike_answer dgram_send "
    "endpoint_ntf stale_ntf source_ntf ike_ntf dgram_ntf".split())}
A = {n: i + 1 for i, n in enumerate(
    "ifindex dev peer endpoint hold ike_spi_i ike_exchange esp_spi dgram pad".split())}
DEV = {n: i + 1 for i, n in enumerate(
    "ifname local port fwmark keepalive tx_batch rx_gro max_peers peers counter".split())}
EP = {n: i + 1 for i, n in enumerate("addr port local oif origin".split())}
PEER = {n: i + 1 for i, n in enumerate(
    "ula endpoint previous keepalive rx_packets rx_bytes tx_packets tx_bytes "
    "rx_age moves pad".split())}


def attr(kind, data):
    head = struct.pack("=HH", len(data) + 4, kind)
    return head + data + b"\0" * (-len(data) % 4)


def nest(kind, *parts):
    return attr(kind | NLA_F_NESTED, b"".join(parts))


def u8(kind, v):
    return attr(kind, struct.pack("=B", v))


def u16(kind, v):
    return attr(kind, struct.pack("=H", v))


def be16(kind, v):
    return attr(kind, struct.pack(">H", v))


def u32(kind, v):
    return attr(kind, struct.pack("=I", v))


def u64(kind, v):
    return attr(kind, struct.pack("=Q", v))


def addr(kind, text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return attr(kind, socket.inet_pton(family, text))


def attrs(data):
    """All attributes of a buffer, as a list of (kind, payload)."""
    out = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4 or length > len(data):
            break
        out.append((kind & 0x3FFF, data[4:length]))
        data = data[(length + 3) & ~3:]
    return out


class Refused(Exception):
    def __init__(self, errno, text, offset):
        super().__init__("%s: %s" % (os.strerror(errno), text or "(no text)"))
        self.errno, self.text, self.offset = errno, text, offset


class Netlink:
    def __init__(self, proto):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, proto)
        self.sock.bind((0, 0))
        for opt in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self.sock.setsockopt(SOL_NETLINK, opt, 1)
        self.sock.settimeout(10)
        self.seq = 0

    def send(self, kind, flags, payload):
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(payload), kind,
                                   flags | NLM_F_REQUEST, self.seq, 0) + payload)

    def replies(self):
        """Yields the (kind, payload) of each reply; raises Refused."""
        while True:
            data = self.sock.recv(1 << 17)
            while len(data) >= 16:
                length, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
                body, data = data[16:length], data[(length + 3) & ~3:]
                if seq != self.seq:
                    continue
                if kind == NLMSG_ERROR:
                    self.error(body, flags)
                    return
                if kind == NLMSG_DONE:
                    self.dump_error(body)
                    return
                yield kind, body

    @staticmethod
    def dump_error(body):
        """A dump that fails says so in its last message."""
        errno = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
        if errno > 0:
            tlvs = dict(attrs(body[4:]))
            text = tlvs[1].rstrip(b"\0").decode() if 1 in tlvs else None
            offset = struct.unpack("=I", tlvs[2])[0] if 2 in tlvs else None
            raise Refused(errno, text, offset)

    @staticmethod
    def error(body, flags):
        errno = -struct.unpack_from("=i", body)[0]
        if not errno:
            return
        text = offset = None
        # NLM_F_CAPPED: only the header of the request is quoted.
        skip = 4 + (16 if flags & 0x100 else struct.unpack_from("=I", body, 4)[0])
        for kind, data in attrs(body[skip:]):
            if kind == 1:
                text = data.rstrip(b"\0").decode()
            elif kind == 2:
                offset = struct.unpack("=I", data)[0]
        raise Refused(errno, text, offset)


class Genl(Netlink):
    def __init__(self, family="autotunnel"):
        super().__init__(16)
        self.groups = {}
        self.id = 0x10
        body = self.call(3, attr(2, family.encode() + b"\0"), version=2)[0]
        for kind, data in attrs(body):
            if kind == 1:
                self.id = struct.unpack("=H", data)[0]
            elif kind == 7:
                for _, group in attrs(data):
                    g = dict(attrs(group))
                    self.groups[g[1].rstrip(b"\0").decode()] = \
                        struct.unpack("=I", g[2])[0]

    def call(self, cmd, *parts, flags=NLM_F_ACK, version=1):
        """Sends a command. Returns the payloads of its replies."""
        self.send(self.id, flags,
                  struct.pack("=BBH", cmd, version, 0) + b"".join(parts))
        return [body[4:] for _, body in self.replies()]

    def join(self, group):
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
                             self.groups[group])

    def event(self, timeout):
        """The next event: (command, attributes), or None."""
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(1 << 17)
        except socket.timeout:
            return None
        return data[16], attrs(data[20:struct.unpack_from("=I", data)[0]])


def ifindex(name):
    return u32(A["ifindex"], socket.if_nametoindex(name))


def endpoint(kind, address, port, *more):
    return nest(kind, addr(EP["addr"], address), be16(EP["port"], port), *more)


def peer(ula, *more):
    return nest(A["peer"], addr(PEER["ula"], ula), *more)
