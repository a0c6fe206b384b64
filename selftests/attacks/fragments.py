#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Games with outer fragments, by scapy: reads lines, answers each "done LINE COUNT".

  CASE FAMILY FROM TO PCAP@N     the UDP payload of that packet, in fragments as CASE says
  unfinished FAMILY FROM TO COUNT   that many first fragments, each of another packet

FAMILY is 4 or 6; FROM and TO are ADDRESS PORT without brackets, with a comma between.

  whole      in three, in order           reversed    the last one first
  tiny       8 octets each                twice       each one twice
  overlap    the second one overlaps the first, with other octets
  teardrop   the second one lies within the first
  beyond     the last one ends behind 65,535 octets
  twolasts   two fragments say that they are the last
  atomic     one fragment that is all (IPv6: RFC 6946; IPv4: no fragment)
  header     the first one ends within the UDP header
"""
import os
import random
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tunnel"))
import raw                                                  # noqa: E402
from scapy.layers.inet import IP, UDP                       # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment     # noqa: E402
from scapy.packet import Raw                                # noqa: E402


def udp_octets(family, source, sport, target, tport, data):
    ip = IP(src=source, dst=target) if family == "4" else IPv6(src=source, dst=target)
    packet = ip / UDP(sport=sport, dport=tport) / Raw(data)
    return bytes(packet.__class__(bytes(packet))[UDP])


def piece(family, source, target, ident, offset, more, data):
    if family == "4":
        return IP(src=source, dst=target, id=ident & 0xffff, proto=17, frag=offset // 8,
                  flags="MF" if more else 0) / Raw(data)
    return IPv6(src=source, dst=target) / \
        IPv6ExtHdrFragment(nh=17, offset=offset // 8, m=int(more), id=ident) / Raw(data)


def plan(case, data):
    """[(offset, more, octets)]"""
    third = len(data) // 3 & ~7
    three = [(0, True, data[:third]), (third, True, data[third:2 * third]),
             (2 * third, False, data[2 * third:])]
    other = bytes(x ^ 0xff for x in data)
    if case == "whole":
        return three
    if case == "reversed":
        return three[::-1]
    if case == "twice":
        return [x for x in three for _ in range(2)]
    if case == "tiny":
        return [(i, i + 8 < len(data), data[i:i + 8]) for i in range(0, len(data), 8)]
    if case == "overlap":
        return [three[0], (third - 8, True, other[third - 8:2 * third]), three[2]]
    if case == "teardrop":
        return [three[0], (8, True, other[8:third - 8]), three[1], three[2]]
    if case == "beyond":
        return [three[0], (65528, False, bytes(64))]
    if case == "twolasts":
        return [three[0], (third, False, data[third:2 * third]), three[2]]
    if case == "atomic":
        return [(0, False, data)]
    if case == "header":
        return [(8, True, data[8:third]), (0, True, data[:8]), (third, False, data[third:])]
    sys.exit("no such case: " + case)


def main():
    # by the kernel's routes, with any source
    out = {"4": socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
           "6": socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)}
    print("ready", flush=True)
    for line in sys.stdin:
        case, family, source, target, what = line.split()
        (source, sport), (target, tport) = source.split(","), target.split(",")
        udp = (family, source, int(sport), target, int(tport))
        if case == "unfinished":
            data = udp_octets(*udp, bytes(1200))
            packets = [piece(family, source, target, random.getrandbits(32), 0, True, data[:1200])
                       for _ in range(int(what))]
        else:
            raw._pcaps.clear()      # the capture grows
            data = udp_octets(*udp, raw.octets(what))
            ident = random.getrandbits(32) | 1
            packets = [piece(family, source, target, ident, *p) for p in plan(case, data)]
        for p in packets:
            out[family].sendto(bytes(p), (target, 0))
        print("done", line.strip(), len(packets), flush=True)


if __name__ == "__main__":
    main()
