#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""send.py udp|esp|raw6|recv: small senders and a receiver for tunnel tests.

  udp    a UDP socket; prints "sent", or the name of the error it got
  raw6   IPv6 packets with any header at all, through a raw socket
  recv   prints every datagram of a UDP port: SOURCE TCLASS LENGTH DATA
"""
import argparse
import errno
import select
import socket
import struct
import sys

IPV6_XFRM_POLICY, IPV6_FREEBIND, IPV6_DONTFRAG, IPV6_MTU_DISCOVER = 35, 78, 62, 23
UDP_SEGMENT = 103


def bypass():
    """struct xfrm_userpolicy_info: out, allow, no template."""
    selector = struct.pack("=40xHBBB3xII", socket.AF_INET6, 0, 0, 0, 0, 0)
    return selector + bytes(64 + 32) + struct.pack("=IIBBBB4x", 0, 0, 1, 0, 0, 0)


def ike(length):
    """The header of an IKE_SA_INIT request, and zeros up to a length."""
    return struct.pack(">QQBBBBII", 0x1122334455667788, 0, 33, 0x20, 34, 8, 0,
                       length) + bytes(length - 28)


def payload(args):
    if args.hex:
        return bytes.fromhex(args.hex)
    if args.ike:
        return ike(args.size or 200)
    data = (args.data + " ").encode()
    return (data * (args.size // len(data) + 1))[:args.size] if args.size else data[:-1]


def udp(args):
    family = socket.AF_INET6 if ":" in args.dst else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    if args.freebind:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    if args.bypass:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_XFRM_POLICY, bypass())
    if args.dontfrag:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
    if args.tclass is not None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, args.tclass)
    if args.broadcast:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if args.src or args.sport:
        s.bind((args.src or ("::" if family == socket.AF_INET6 else "0.0.0.0"), args.sport))
    data = payload(args)
    try:
        s.connect((args.dst, args.dport))
        for _ in range(args.count):
            if args.segment:
                s.sendmsg([data], [(socket.IPPROTO_UDP, UDP_SEGMENT,
                                    struct.pack("=H", args.segment))])
            else:
                s.send(data)
        p = select.poll()
        p.register(s, select.POLLERR | (select.POLLIN if args.answer else 0))
        if args.wait and p.poll(int(args.wait * 1000)):
            err = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if err:
                raise OSError(err, "")
            if args.answer:
                print("answer", s.recv(65535).decode("latin1"))
                return
    except OSError as e:
        print(errno.errorcode[e.errno])
        return
    print("sent")


def raw6(args):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if args.bind:
        s.bind((args.bind, 0))
    if args.dev:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, args.dev.encode())
    data = payload(args)
    if args.udp:
        sport, dport = args.udp
        data = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
        pseudo = socket.inet_pton(socket.AF_INET6, args.src) + \
            socket.inet_pton(socket.AF_INET6, args.dst) + struct.pack(">II", len(data), 17)
        buf = pseudo + data + b"\0" * (len(data) & 1)
        total = sum(struct.unpack(">%dH" % (len(buf) // 2), buf))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        data = data[:6] + struct.pack(">H", ~total & 0xffff or 0xffff) + data[8:]
    head = struct.pack(">IHBB", 6 << 28 | (args.tclass or 0) << 20, len(data),
                       17 if args.udp else args.nh, 64)
    head += socket.inet_pton(socket.AF_INET6, args.src)
    head += socket.inet_pton(socket.AF_INET6, args.dst)
    for _ in range(args.count):
        try:
            s.sendto(head + data, (args.dst, 0))
        except OSError as e:
            print(errno.errorcode[e.errno])
            return
    print("sent")


def recv(args):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    if args.dev:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, args.dev.encode())
    s.bind((args.src or "::", args.dport))
    print("ready", flush=True)
    while True:
        data, control, _, peer = s.recvmsg(65535, 256)
        tclass = 0
        for level, kind, value in control:
            if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_TCLASS):
                tclass = struct.unpack("=i", value)[0]
        print(peer[0], tclass, len(data), data[:40].decode("latin1"), flush=True)
        if args.answer:
            s.sendto(data, peer)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("what", choices=["udp", "raw6", "recv"])
    p.add_argument("--src")
    p.add_argument("--sport", type=int, default=0)
    p.add_argument("--dst")
    p.add_argument("--dport", type=int, default=7777)
    p.add_argument("--data", default="CANARY-test")
    p.add_argument("--hex")
    p.add_argument("--ike", action="store_true")
    p.add_argument("--size", type=int, default=0)
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--segment", type=int)
    p.add_argument("--wait", type=float, default=0, help="seconds for an error or answer")
    p.add_argument("--answer", action="store_true")
    p.add_argument("--freebind", action="store_true")
    p.add_argument("--bypass", action="store_true")
    p.add_argument("--dontfrag", action="store_true")
    p.add_argument("--broadcast", action="store_true")
    p.add_argument("--tclass", type=int)
    p.add_argument("--nh", type=int, default=59)
    p.add_argument("--udp", type=int, nargs=2, metavar="PORT")
    p.add_argument("--bind")
    p.add_argument("--dev")
    args = p.parse_args()
    {"udp": udp, "raw6": raw6, "recv": recv}[args.what](args)


try:
    main()
except KeyboardInterrupt:
    sys.exit(0)
