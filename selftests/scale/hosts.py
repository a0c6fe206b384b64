#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
hosts.py add ZONE FIRST LAST    commands for nsupdate: hosts as btmmd publishes them
hosts.py move ZONE FIRST LAST   ... they have other outer addresses
hosts.py del ZONE FIRST LAST    ... they are there no more
hosts.py watch DEV FIRST LAST [moved]
                                waits until DEV has these peers at these places, and tells when
"""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import nl  # noqa: E402

TTL = 120
# Hosts in one update: a message has 64 KiB.
EACH = 100


def label(i):
    return "h%05d" % i


def ula(i):
    """As drawn: of each the middle and the end are others."""
    return "fd5c:a1e0:%x:%x::%x" % (i, i ^ 0x5555, i)


def outer(i, moved=False):
    return "22.%d.%d.%d" % (101 if moved else 100, i >> 8, i & 255)


def place(i):
    return "AutoTunnel-02-00-5E-FF-FE-00-%02X-%02X" % (i >> 8, i & 255)


def add(zone, i):
    host, at = "%s.%s." % (label(i), zone), "%s.%s." % (place(i), zone)
    return ["update add _autotunnel._udp.%s. %d PTR %s" % (zone, TTL, host),
            "update add %s %d AAAA %s" % (host, TTL, ula(i)),
            "update add _autotunnel._udp.%s %d SRV 0 0 4500 %s" % (host, TTL, at),
            "update add %s %d A %s" % (at, TTL, outer(i)),
            "update add %s %d AAAA %s" % (at, TTL, ula(i)),
            "update add %s %d TXT \"txtvers=1\" \"host=%s\"" % (at, TTL, label(i))]


def move(zone, i):
    at = "%s.%s." % (place(i), zone)
    return ["update delete %s A" % at, "update add %s %d A %s" % (at, TTL, outer(i, True))]


def gone(zone, i):
    host, at = "%s.%s." % (label(i), zone), "%s.%s." % (place(i), zone)
    return ["update delete _autotunnel._udp.%s. PTR %s" % (zone, host),
            "update delete %s" % host, "update delete _autotunnel._udp.%s" % host,
            "update delete %s" % at]


def there(genl, index):
    """{ULA: outer address} of the device's peers"""
    out = {}
    for body in genl.call(nl.CMD["peer_get"], index, flags=nl.NLM_F_DUMP):
        for kind, data in nl.attrs(body):
            if kind != nl.A["peer"]:
                continue
            p = dict(nl.attrs(data))
            e = dict(nl.attrs(p.get(nl.PEER["endpoint"], b"")))
            if nl.EP["addr"] in e:
                out[p[nl.PEER["ula"]]] = e[nl.EP["addr"]]
    return out


def watch(dev, first, last, moved):
    """A cheap look comes first: a dump of all takes time from who makes them."""
    path = "/sys/class/net/%s/autotunnel/peers" % dev
    wanted = {socket.inet_pton(socket.AF_INET6, ula(i)): socket.inet_aton(outer(i, moved))
              for i in range(first, last + 1)}
    while True:
        try:
            with open(path) as f:
                if int(f.read()) >= len(wanted):
                    break
        except OSError:
            pass
        time.sleep(0.02)
    while True:
        now, have = time.time(), there(nl.Genl(), nl.ifindex(dev))
        if all(have.get(u) == a for u, a in wanted.items()):
            print(int(now * 1000))
            return
        time.sleep(0.1)


def main():
    what, where, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if what == "watch":
        watch(where, first, last, sys.argv[5:] == ["moved"])
        return
    say = {"add": add, "move": move, "del": gone}[what]
    for i in range(first, last + 1):
        print("\n".join(say(where, i)))
        if (i - first) % EACH == EACH - 1 or i == last:
            print("send")


main()
