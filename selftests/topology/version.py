#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""version.py ADDRESS PORT: says of every request that its version is not spoken here:
of PCP as a NAT-PMP gateway does (RFC 6886 3.5), of NAT-PMP as a PCP server does (RFC
6887 9)."""
import socket
import struct
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
while True:
    request, peer = s.recvfrom(1100)
    if len(request) < 2 or request[1] & 0x80:
        continue
    with open("/proc/uptime") as f:
        epoch = int(float(f.read().split()[0]))
    if request[0]:
        answer = struct.pack("!BBHI", 0, request[1] | 0x80, 1, epoch)
    else:
        answer = struct.pack("!BBBBII12x", 2, request[1] | 0x80, 0, 1, 1800, epoch)
    s.sendto(answer, peer)
