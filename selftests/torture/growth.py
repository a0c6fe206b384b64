#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""growth.py SEED SECONDS EACH [NAME=PID...]: the same work again and again, and what is
taken of memory after each time.

Works between the name spaces a and b, which have a tunnel. EACH is a program to run once
a cycle. Of processes named, descriptors and resident memory are counted, too. Whatever
grows does so by a median of slopes, which no single leap disturbs; the first quarter of
the cycles is not looked at.

Ends with lines "grown NAME NUMBER UNIT" for the judge, and "NAME NUMBER" for totals.
"""
import collections
import glob
import itertools
import os
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rtnl                                                 # noqa: E402
from rtnl import nl, Link, Space                            # noqa: E402

# so often is each thing done in a cycle
PEERS, LINKS, MOVES, PACKETS, SPACES, STRANGERS = 60, 12, 12, 1500, 4, 10
PAGE = os.sysconf("SC_PAGE_SIZE") // 1024
counts = collections.Counter()


# --- what is measured ----------------------------------------------------------------
def meminfo():
    with open("/proc/meminfo") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f}


def per_cpu_lists():
    """Pages that are free, but which a CPU keeps for itself."""
    with open("/proc/zoneinfo") as f:
        return sum(int(n) for n in re.findall(r"^\s+count: (\d+)", f.read(), re.M))


def caches():
    """Objects in use of each cache whose memory nobody takes back."""
    found = {}
    with open("/proc/slabinfo") as f:
        for line in f.readlines()[2:]:
            words = line.split()
            found[words[0]] = int(words[1])
    for name in list(found):
        try:
            with open("/sys/kernel/slab/%s/reclaim_account" % name) as f:
                if f.read().strip() == "1":
                    del found[name]
        except OSError:
            pass
    return found


def vmalloc_areas():
    """Those in use. The kernel keeps what was freed until it is worth a flush of the TLB,
    and the objects of the cache vmap_area with them."""
    with open("/proc/vmallocinfo") as f:
        return sum("unpurged" not in line for line in f)


def settle(base):
    """Until what was freed is free: name spaces are by a worker, much by RCU."""
    end = time.monotonic() + 20
    while rtnl.spaces() > base and time.monotonic() < end:
        time.sleep(0.02)
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")
    # a slab's free objects that a CPU keeps count as used
    for path in glob.glob("/sys/kernel/slab/*/shrink"):
        try:
            with open(path, "w") as f:
                f.write("1")
        except OSError:
            pass


def measure(pids):
    m = meminfo()
    out = {"kernel": (m["SUnreclaim"] + m["Percpu"] + m["PageTables"] + m["KernelStack"], "KiB")}
    # all that neither a process nor a file has, slab or not
    users = sum(m[k] for k in ("Active(anon)", "Inactive(anon)", "Active(file)",
                               "Inactive(file)", "Unevictable"))
    out["pages"] = (m["MemTotal"] - m["MemFree"] - per_cpu_lists() * PAGE - users -
                    m["SReclaimable"], "KiB")
    out["cache vmalloc"] = (vmalloc_areas(), "objects")
    for name, n in caches().items():
        if name == "vmap_area":
            continue
        out["cache " + name] = (n, "objects")
    for name, pid in pids:
        out["descriptors of " + name] = (len(os.listdir("/proc/%s/fd" % pid)), "descriptors")
        with open("/proc/%s/status" % pid) as f:
            # not what it has mapped of files, and touches now or later
            rss = re.search(r"^RssAnon:\s+(\d+)", f.read(), re.M)
        out["memory of " + name] = (int(rss.group(1)), "KiB")
    return out


def slope(values):
    """Theil and Sen: the median of the slopes between all pairs."""
    pairs = itertools.combinations(enumerate(values), 2)
    return statistics.median((b - a) / (j - i) for (i, a), (j, b) in pairs)


# --- what is done ------------------------------------------------------------------------
class Work:
    ULAS = {"a": "fd00:a::1", "b": "fd00:b::1"}
    ENDPOINTS = {"a": ("10.1.0.2", "2001:db8:1::2"), "b": ("10.2.0.2", "2001:db8:2::2")}

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.spaces = {n: Space(n) for n in "abr"}
        self.link = self.spaces["a"].run(Link)
        self.genl = {n: self.spaces[n].run(nl.Genl) for n in "ab"}
        self.index = {n: self.spaces[n].run(lambda: nl.ifindex("btmm0")) for n in "ab"}
        self.udp = {n: self.spaces[n].run(self.bound, self.ULAS[n]) for n in "ab"}
        self.stranger = self.spaces["r"].run(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)

    @staticmethod
    def bound(address):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind((address, 7200))
        s.setblocking(False)
        return s

    def call(self, where, cmd, *parts):
        self.genl[where].call(nl.CMD[cmd], self.index[where], *parts)

    def peers(self):
        names = ["fd00:e::%x" % (i + 1) for i in range(PEERS)]
        for i, name in enumerate(names):
            self.call("a", "peer_new", nl.peer(name, nl.endpoint(
                nl.PEER["endpoint"], "10.9.%d.%d" % (i // 200, i % 200 + 1), 4500)))
        for name in names:
            self.call("a", "peer_set", nl.peer(name, nl.endpoint(
                nl.PEER["endpoint"], "2001:db8:2::2", 4500)))
        self.genl["a"].call(nl.CMD["peer_get"], self.index["a"], flags=nl.NLM_F_DUMP)
        for name in names:
            self.call("a", "peer_del", nl.peer(name))

    def moves(self):
        for i in range(MOVES):
            for me, other in (("a", "b"), ("b", "a")):
                self.call(me, "peer_set", nl.peer(self.ULAS[other], nl.endpoint(
                    nl.PEER["endpoint"], self.ENDPOINTS[other][i % 2], 4500)))
            counts["moves"] += 2
            self.packets(PACKETS // MOVES)

    def packets(self, n):
        for _ in range(n):
            me, other = self.random.choice((("a", "b"), ("b", "a")))
            data = bytes(self.random.choice((1, 600, 1200, 1400, 3000, 9000)))
            try:
                self.udp[me].sendto(data, (self.ULAS[other], 7200))
                counts["packets"] += 1
            except OSError:
                counts["not sent"] += 1
            try:
                self.udp[other].recv(65536)
                counts["received"] += 1
            except OSError:
                pass
        for s in self.udp.values():
            try:
                while s.recv(65536):
                    counts["received"] += 1
            except OSError:
                pass

    def links(self):
        for i in range(LINKS):
            index = self.link.add_tunnel("gt0", True, local="fd00:d::1", port=4700)
            self.genl["a"].call(nl.CMD["peer_new"], nl.u32(nl.A["ifindex"], index), nl.peer(
                "fd00:d::2", nl.endpoint(nl.PEER["endpoint"], self.ENDPOINTS["b"][i % 2], 4500)))
            self.link.ask(*Link.change(index, rtnl.linkinfo("autotunnel", rtnl.tunnel_data(
                port=4701))))
            self.link.remove(index)
            counts["links"] += 1

    def name_spaces(self):
        def make():
            rtnl.unshare_net()
            link = Link()
            index = link.add_tunnel("gt0", True, local="fd00:d::1")
            other = Space()
            rtnl.unshare_net()
            here = Space()
            link.move(index, here)
            inside = Link()
            inside.set_up(inside.index("gt0"))
            other.close()
            link.sock.close()
            inside.sock.close()
        for _ in range(SPACES):
            before = Space()
            make()
            before.enter()
            before.close()
            counts["namespaces"] += 2

    def strangers(self):
        """What the daemon would be asked, and nobody answers."""
        for i in range(STRANGERS):
            spi = self.random.getrandbits(60)
            for data in (struct.pack(">IQQBBBBII", 0, spi, 0, 33, 0x20, 34, 8, 0, 200) + bytes(172),
                         struct.pack(">II", 5, i), struct.pack(">II", 0x5555, i) + bytes(40), b"\xff"):
                self.stranger.sendto(data, ("10.1.0.2", 4500))

    def cycle(self):
        for what in (self.peers, self.moves, self.links, self.name_spaces, self.strangers):
            what()


def main():
    seed, seconds, each = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    pids = [arg.split("=") for arg in sys.argv[4:]]
    base = rtnl.spaces_at_rest()
    work = Work(seed)
    end = time.monotonic() + seconds
    taken = []
    while time.monotonic() < end or len(taken) < 20:
        work.cycle()
        subprocess.run([each], check=True, stdout=subprocess.DEVNULL)
        settle(base)
        taken.append(measure(pids))
    if rtnl.spaces() > base:
        sys.exit("%d name spaces are left" % (rtnl.spaces() - base))

    looked_at = taken[len(taken) // 4:]
    third = len(looked_at) // 3
    print("%d cycles, the last %d are looked at" % (len(taken), len(looked_at)))
    for name, (_, unit) in sorted(taken[-1].items()):
        values = [t[name][0] for t in looked_at if name in t]
        if len(values) < len(looked_at):
            continue
        first, last = (statistics.median(v) for v in (values[:third], values[-third:]))
        a_cycle = slope(values)
        if unit == "objects" and abs(a_cycle) < 0.05 and abs(last - first) < 50:
            continue
        print("%s: median of the first third %g, of the last %g %s; %+.3f a cycle" % (
            name, first, last, unit, a_cycle))
        print("grown %s %.2f %.2f" % (name.replace(" ", "_"), a_cycle,
                                      a_cycle * (len(looked_at) - 1)))
    counts["cycles"] = len(taken)
    for name, n in sorted(counts.items()):
        print("count %s %d" % (name.replace(" ", "_"), n))


main()
