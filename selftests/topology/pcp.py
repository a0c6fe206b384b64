#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests for mapped ports, octet by octet, and what is answered.

pcp.py pcp GATEWAY CLIENT INTERNAL EXTERNAL LIFETIME	PCP MAP of UDP (RFC 6887 11.1)
pcp.py natpmp GATEWAY CLIENT INTERNAL EXTERNAL LIFETIME	NAT-PMP (RFC 6886 3.3)
pcp.py hear SECONDS					announcements of the gateway (3.2.1)

The answer is one line: version=, result=, epoch= and, of a success, lifetime=, port=
and (PCP) address=.
"""
import socket
import struct
import sys


def say(**what):
    print(" ".join("%s=%s" % w for w in what.items()), flush=True)


def parse(a):
    if len(a) < 8:
        sys.exit("short: %r" % a)
    if a[0] == 0:
        result, epoch = struct.unpack_from("!HI", a, 2)
        if result == 0 and a[1] == 128:
            return say(version=0, result=0, epoch=epoch, address=socket.inet_ntoa(a[8:12]))
        if result or len(a) < 16:
            return say(version=0, result=result, epoch=epoch)
        port, lifetime = struct.unpack_from("!HI", a, 10)
        return say(version=0, result=0, epoch=epoch, lifetime=lifetime, port=port)
    result, lifetime, epoch = struct.unpack_from("!BII", a, 3)
    if result or len(a) < 60:
        return say(version=a[0], result=result, epoch=epoch)
    address = socket.inet_ntop(socket.AF_INET6, a[44:60])
    return say(version=a[0], result=0, epoch=epoch, lifetime=lifetime,
               port=struct.unpack_from("!H", a, 42)[0],
               address=address.replace("::ffff:", ""))


def six(address):
    return socket.inet_pton(socket.AF_INET6,
                            address if ":" in address else "::ffff:" + address)


if sys.argv[1] == "hear":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("224.0.0.1", 5350))
    s.settimeout(float(sys.argv[2]))
    print("listening", flush=True)
    while True:
        parse(s.recv(1100))

protocol, gateway, client = sys.argv[1:4]
internal, external, lifetime = map(int, sys.argv[4:])
if protocol == "natpmp":
    request = struct.pack("!BBHHHI", 0, 1, 0, internal, external, lifetime)
else:
    any_address = six("::" if ":" in client else "0.0.0.0")
    request = struct.pack("!BBHI", 2, 1, 0, lifetime) + six(client)
    request += b"btmm-topolog" + struct.pack("!B3xHH", 17, internal, external) + any_address
s = socket.socket(socket.AF_INET6 if ":" in gateway else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((gateway, 5351))
for wait in (0.5, 1, 2):
    s.settimeout(wait)
    try:
        s.send(request)
        parse(s.recv(1100))
        break
    except socket.timeout:
        pass
else:
    sys.exit("no answer")
