# SPDX-License-Identifier: GPL-2.0-or-later
"""
Many netlink messages with few system calls: made before the clock starts, so that what is
measured is the kernel's part. On top of lib/nl.py.
"""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import nl  # noqa: E402

# What one send() carries. The acknowledgement of the last message answers for all.
BATCH = 64


def ula(i):
    return "fd00:1::%x:%x" % (i >> 16, i & 0xffff)


def outer(i, net=16):
    """An address of its own for each."""
    return "10.%d.%d.%d" % (net + (i >> 16), i >> 8 & 255, i & 255)


class Batches:
    def __init__(self, genl, flags=0):
        self.genl, self.flags, self.batches, self.parts, self.n = genl, flags, [], [], 0

    def add(self, cmd, *attrs, count=1, version=1, size=BATCH):
        self.parts.append(struct.pack("=BBH", cmd, version, 0) + b"".join(attrs))
        self.n += count
        if len(self.parts) >= size:
            self.end()

    def end(self):
        out, g = [], self.genl
        for i, p in enumerate(self.parts):
            g.seq += 1
            ack = nl.NLM_F_ACK if i == len(self.parts) - 1 else 0
            out.append(struct.pack("=IHHII", 16 + len(p), g.id,
                                   self.flags | nl.NLM_F_REQUEST | ack, g.seq, 0) + p +
                       b"\0" * (-len(p) % 4))
        if out:
            self.batches.append((b"".join(out), g.seq))
        self.parts = []

    def send(self, batch):
        data, last = batch
        self.genl.sock.send(data)
        while True:
            answer = self.genl.sock.recv(1 << 16)
            while len(answer) >= 16:
                length, kind, flags, seq, _ = struct.unpack_from("=IHHII", answer)
                if kind == nl.NLMSG_ERROR:
                    self.genl.error(answer[16:length], flags)
                    if seq == last:
                        return
                answer = answer[(length + 3) & ~3:]

    def run(self):
        """us for each, in all and of the processor in the kernel"""
        self.end()
        cpu, at = os.times().system, time.monotonic()
        for b in self.batches:
            self.send(b)
        at, cpu = time.monotonic() - at, os.times().system - cpu
        return {"us": round(at * 1e6 / self.n, 3), "sys_us": round(cpu * 1e6 / self.n, 3),
                "n": self.n}


def wireguard():
    return nl.Genl("wireguard")


# include/uapi/linux/wireguard.h
WG_SET_DEVICE = 1
WGDEV = {"ifname": 2, "private_key": 3, "peers": 8}
WGPEER = {"public_key": 1, "flags": 3, "endpoint": 4, "allowedips": 9}
WGIP = {"family": 1, "addr": 2, "mask": 3}
WG_REMOVE_ME = 1


def wg_key(i):
    return struct.pack(">QQQQ", 9, i, 0, i + 1)


def wg_peer(i, remove=False):
    if remove:
        return nl.nest(0, nl.attr(WGPEER["public_key"], wg_key(i)),
                       nl.u32(WGPEER["flags"], WG_REMOVE_ME))
    where = struct.pack("=H", socket.AF_INET) + struct.pack(">H", 4500) + \
        socket.inet_aton(outer(i)) + b"\0" * 8
    ip = nl.nest(0, nl.u16(WGIP["family"], socket.AF_INET6), nl.addr(WGIP["addr"], ula(i)),
                 nl.u8(WGIP["mask"], 128))
    return nl.nest(0, nl.attr(WGPEER["public_key"], wg_key(i)),
                   nl.attr(WGPEER["endpoint"], where), nl.nest(WGPEER["allowedips"], ip))


def wg_batches(dev, n, remove=False, size=BATCH):
    b = Batches(wireguard())
    name = nl.attr(WGDEV["ifname"], dev.encode() + b"\0")
    for first in range(1, n + 1, size):
        some = range(first, min(first + size, n + 1))
        b.add(WG_SET_DEVICE, name,
              nl.nest(WGDEV["peers"], *(wg_peer(i, remove) for i in some)),
              count=len(some), size=1)
    return b


def peer_batches(dev, cmd, n, size=BATCH, net=16):
    b = Batches(nl.Genl())
    index = nl.ifindex(dev)
    for i in range(1, n + 1):
        where = [] if cmd == "peer_del" else [nl.endpoint(nl.PEER["endpoint"], outer(i, net), 4500)]
        b.add(nl.CMD[cmd], index, nl.peer(ula(i), *where), size=size)
    return b
