#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
tally.py DIR BEGIN END SERVER RESOLVER HOST=ADDRESS,GATEWAY...: of what selftests/idle/run
has seen, JSON. tally.py --table FILE: that, for people.
"""
import json
import struct
import sys
from collections import Counter, defaultdict
from statistics import mean

HOUR = 3600
STUN = b"\x21\x12\xa4\x42"
# So much more often than with the defaults (1 h, 90 min, 1 h) does run make this happen. The
# subscription's packets follow those of IKE, see Documentation/idle.md.
SCALE = {"mapping": 10, "publication": 3, "IKE": 10, "subscription": 10}
RARE = 10       # what follows from IKE and mapping, in processor time
WHAT = {
    "mapping": "renewal of the mapping (PCP, NAT-PMP, UPnP)",
    "STUN": "STUN, from the tunnel's port",
    "keepalive": "NAT keepalives to peers (RFC 3948), theirs to us",
    "publication": "refresh of the records' lease: TLS, update",
    "subscription": "DNS Push: what is asked again of a peer that was silent for long",
    "TCP keepalive": "of the subscription's connection",
    "DNS": "questions to the resolver",
    "IKE": "rekeying; there is no DPD",
    "ESP": "in the tunnels",
    "link": "ARP, neighbours, multicast membership, what a gateway tells all",
    "other": "anything else",
}


def packets(path):
    """(time, octets of the Ethernet frame, its length) of a capture"""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = 24
    while at + 16 <= len(data):
        sec, usec, held, length = struct.unpack_from(order + "IIII", data, at)
        if at + 16 + held > len(data):
            return
        yield sec + usec / 1e6, data[at + 16:at + 16 + held], length
        at += 16 + held


def dotted(octets):
    return ".".join(map(str, octets))


class Host:
    """The capture of one host"""

    def __init__(self, own, gateway, server, resolver):
        self.own, self.gateway, self.server, self.resolver = own, gateway, server, resolver
        self.opened = set()     # connections of which the beginning was seen

    def udp(self, src, dst, frame, at, other):
        sport, dport, length = struct.unpack_from(">HHH", frame, at)
        body = frame[at + 8:at + length]
        if src == self.gateway and dst != self.own:
            return "link"
        if body[4:8] == STUN:
            return "STUN"
        if {sport, dport} & {5350, 5351, 1900} or other == self.gateway:
            return "mapping"
        if 4500 in (sport, dport):
            if length == 9 and body == b"\xff":
                return "keepalive"
            return "IKE" if body[:4] == bytes(4) else "ESP"
        if other == self.resolver and 53 in (sport, dport):
            return "DNS"
        return f"other: UDP {src}:{sport} {dst}:{dport}"

    def tcp(self, src, dst, frame, at, other):
        sport, dport = struct.unpack_from(">HH", frame, at)
        port = sport if src == self.own else dport
        if other == self.gateway:
            return "mapping"
        if other == self.server and 853 in (sport, dport):
            if frame[at + 13] & 2:
                self.opened.add(port)
            return "publication" if port in self.opened else "subscription"
        return f"other: TCP {src}:{sport} {dst}:{dport}"

    def kind(self, frame):
        """(kind, is it ours)"""
        ether = struct.unpack_from(">H", frame, 12)[0]
        if ether == 0x0806:
            return "link", dotted(frame[28:32]) == self.own
        if ether == 0x86dd:
            return "link", False
        if ether != 0x0800:
            return f"other: {ether:#x}", False
        src, dst = dotted(frame[26:30]), dotted(frame[30:34])
        out = src == self.own
        other = dst if out else src
        at = 14 + (frame[14] & 15) * 4
        if frame[23] == 17:
            return self.udp(src, dst, frame, at, other), out
        if frame[23] == 6:
            return self.tcp(src, dst, frame, at, other), out
        if frame[23] == 2:
            return "link", out
        if frame[23] == 1 and other == self.gateway:
            return "mapping", out       # it has nothing at that port
        return f"other: protocol {frame[23]} {src} {dst}", out


def probes(found):
    """Those packets of the subscription that are TCP's own: no data about them"""
    data = [when for when, kind, _out, frame, _length in found if kind == "subscription" and
            struct.unpack_from(">H", frame, 16)[0] > 20 + (frame[46] >> 4) * 4]
    for i, (when, kind, out, frame, length) in enumerate(found):
        if kind == "subscription" and not any(abs(when - d) < 1 for d in data):
            found[i] = when, "TCP keepalive", out, frame, length


def traffic(path, host, begin, end, mapped):
    seen, octets, others = defaultdict(Counter), Counter(), Counter()
    found = []
    for when, frame, length in packets(path):
        kind, out = host.kind(frame)
        if begin <= when < end:
            found.append((when, kind, out, frame, length))
    probes(found)
    for when, kind, out, frame, length in found:
        if kind.startswith("other"):
            others[kind] += 1
            kind = "other"
        seen[kind]["out" if out else "in"] += 1
        octets[kind] += length
    result = {}
    for kind, n in seen.items():
        per = HOUR / (end - begin)
        # Who has no mapping looks for one at times that no lifetime tells.
        if mapped or kind != "mapping":
            per /= SCALE.get(kind, 1)
        result[kind] = {"seen_out": n["out"], "seen_in": n["in"],
                        "packets_per_hour": round((n["out"] + n["in"]) * per, 1),
                        "octets_per_hour": round(octets[kind] * per)}
    return result, dict(others.most_common(10))


def processors(path):
    """Of each host and program: CPU seconds and wake-ups per hour"""
    rounds = defaultdict(lambda: defaultdict(list))     # (host, program) -> time -> ...
    threads = defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for line in file:
            at, cpu, n, host, program, task, *name = line.split()
            threads[host, program, task, " ".join(name)].append((float(at), float(cpu), int(n)))
    for (host, program, _task, name), line in threads.items():
        for i, (a, b) in enumerate(zip(line, line[1:])):
            per = HOUR / (b[0] - a[0])
            rounds[host, program][i].append(((b[1] - a[1]) / 1000 * per, (b[2] - a[2]) * per,
                                             name))
    sums = {key: [(sum(x[0] for x in look), sum(x[1] for x in look)) for look in looks.values()]
            for key, looks in rounds.items()}
    result = defaultdict(dict)
    for (host, program), mine in sums.items():
        # charon sleeps through a look without rekeying.
        quiet = [own for own, ike in zip(mine, sums[host, "charon"]) if not ike[1]]
        seen = [mean(x) for x in zip(*mine)]
        least = [mean(x) for x in zip(*quiet)] if quiet else [min(x) for x in zip(*mine)]
        told = [a + max(b - a, 0) / RARE for a, b in zip(least, seen)]
        result[host][program] = {
            "cpu_s_per_hour": round(told[0], 3), "wakeups_per_hour": round(told[1]),
            "cpu_s_per_hour_quiet": round(least[0], 3), "wakeups_per_hour_quiet": round(least[1]),
            "cpu_s_per_hour_seen": round(seen[0], 3), "wakeups_per_hour_seen": round(seen[1]),
            "quiet_looks": len(quiet), "looks": len(mine),
        }
    return result


def tally(folder, begin, end, server, resolver, *places):
    begin, end = float(begin), float(end)
    cpu = processors(f"{folder}/samples")
    hosts = {}
    for place in places:
        name, where = place.split("=")
        own, gateway = where.split(",")
        with open(f"{folder}/status.{name}", encoding="utf-8") as file:
            status = json.load(file)[0]
        seen, others = traffic(f"{folder}/{name}.pcap", Host(own, gateway, server, resolver),
                               begin, end, status["mapping"]["how"] == "mapped")
        hosts[name] = {
            "mapping": status.get("mapping"), "peers": len(status.get("peers", [])),
            "traffic": seen, "others": others, "programs": cpu[name],
            "packets_per_hour": round(sum(k["packets_per_hour"] for k in seen.values())),
            "octets_per_hour": sum(k["octets_per_hour"] for k in seen.values()),
            "cpu_s_per_hour": round(sum(p["cpu_s_per_hour"] for p in cpu[name].values()), 3),
            "wakeups_per_hour": sum(p["wakeups_per_hour"] for p in cpu[name].values()),
        }
    return {"seconds": round(end - begin), "extrapolated_to_s": HOUR, "kernel": "uml",
            "counted_as_so_much_less": SCALE, "kinds": WHAT, "hosts": hosts}


def table(path):
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    hosts = told["hosts"]
    print(f"per hour, from {told['seconds']} s".ljust(24), *(h.rjust(9) for h in hosts))
    for kind in WHAT:
        line = [hosts[h]["traffic"].get(kind, {}).get("packets_per_hour", 0) for h in hosts]
        if any(line):
            print(f"  {kind}".ljust(24), *(f"{n:9.1f}" for n in line))
    for key in ("packets_per_hour", "octets_per_hour", "cpu_s_per_hour", "wakeups_per_hour"):
        print(key.replace("_", " ").ljust(24), *(f"{hosts[h][key]:9}" for h in hosts))
    for program in ("btmmd", "child", "charon"):
        line = [hosts[h]["programs"].get(program, {}).get("cpu_s_per_hour", 0) for h in hosts]
        print(f"  {program}, CPU s".ljust(24), *(f"{n:9.3f}" for n in line))


if sys.argv[1] == "--table":
    table(sys.argv[2])
else:
    json.dump(tally(*sys.argv[1:]), sys.stdout, indent=1)
    print()
