#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""links.py: tunnels that come, change, move and die, while packets go through them.

  hub WORKERS             btmm0 in the name space b, with a peer for each worker
  flood WORKERS           sends to all of them and to a from there, and takes what
                          comes, until it is terminated
  churn NUMBER SEED SECONDS [down]
                          a worker: makes a host of its own, with a cable to b, a tunnel
                          and SAs; changes things; ends it in some way; and again
  reload SEED SECONDS WORKERS
                          takes the module away from all of them, and brings it back

Ends with lines "NAME NUMBER". What fails meanwhile is no fault by itself: the link may be
gone, or its module. How much worked is counted.
"""
import collections
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rtnl                                                 # noqa: E402
from rtnl import nl, Link, Space                            # noqa: E402

HUB = "fd00:b::1"
KEY = "0x0123456789abcdef0123456789abcdef01234567"
RESET = struct.pack("=ii", 1, 0)
counts = collections.Counter()


def ula(i):
    return "fd00:c0%02x::1" % i


def outer(i, host, six):
    return "2001:db8:%d::%d" % (60 + i, host) if six else "10.%d.0.%d" % (60 + i, host)


def attempt(what, *args):
    """Whatever may fail, as others act on the same things."""
    try:
        result = what(*args)
        counts["done"] += 1
        return result
    except (OSError, nl.Refused):
        counts["refused"] += 1
        return None


def ip(space, *words, lines=()):
    subprocess.run(["ip", *words], input="".join(line + "\n" for line in lines), text=True,
                   preexec_fn=space.enter, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)


def protect(space, i, me, spi_out, other, spi_in):
    """SAs and policies of one side, in place of those that were. (In a batch, to delete
    any would end it.)"""
    for src, dst in ((me, other), (other, me)):
        ip(space, "xfrm", "state", "deleteall", "src", src, "dst", dst)
    ip(space, "-batch", "-", lines=sas(i, me, spi_out, other, spi_in))


def sas(i, me, spi_out, other, spi_in):
    lines = []
    for src, dst, spi in ((me, other, spi_out), (other, me, spi_in)):
        lines.append("xfrm state add src %s dst %s proto esp spi %#x reqid %d mode tunnel flag esn "
                     "replay-window 2048 aead rfc4106(gcm(aes)) %s 128" % (
                         src, dst, spi, 10 + i, KEY))
    for src, dst, direction in ((me, other, "out"), (other, me, "in")):
        lines.append("xfrm policy update src %s dst %s dir %s tmpl src %s dst %s proto esp "
                     "reqid %d mode tunnel" % (src, dst, direction, src, dst, 10 + i))
    return lines


def genl_peer(index, cmd, name, *more):
    nl.Genl().call(nl.CMD[cmd], nl.u32(nl.A["ifindex"], index), nl.peer(name, *more))


def endpoint(address):
    return nl.endpoint(nl.PEER["endpoint"], address, 4500)


def hub(workers):
    def make():
        link = Link()
        index = link.index("btmm0")
        if not index:
            index = link.add_tunnel("btmm0", True, local=HUB, keepalive=1)
            link.address(index, HUB, 128)
        link.route("fd00:c000::", 24, index)
        link.route("fd00:a::1", 128, index)
        attempt(genl_peer, index, "peer_new", "fd00:a::1", endpoint("10.1.0.2"))
        for i in range(workers):
            attempt(genl_peer, index, "peer_new", ula(i), endpoint(outer(i, 2, False)))
    Space("b").run(make)


def flood(workers):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    Space("b").enter()
    out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    out.setblocking(False)
    sink = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sink.bind(("::", 9))
    sink.setblocking(False)
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", 7))
    listener.listen(16)
    listener.setblocking(False)
    streams = []
    data = bytes(9000)
    chance = random.Random(1)
    while not stop:
        for name in [ula(i) for i in range(workers)] + ["fd00:a::1"]:
            for _ in range(8):
                try:
                    out.sendto(data[:chance.choice((1, 64, 1200, 1400, 4000))], (name, 9))
                    counts["packets"] += 1
                except OSError:
                    pass
        try:
            while True:
                sink.recv(65536)
                counts["received"] += 1
        except OSError:
            pass
        try:
            streams.append(listener.accept()[0])
            streams[-1].setblocking(False)
            # else what it still has to say would keep the name space for minutes
            streams[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            pass
        for s in streams[:]:
            try:
                if not s.recv(65536):
                    raise ConnectionError
                s.send(data)
                counts["octets"] += len(data)
            except BlockingIOError:
                pass
            except OSError:
                s.close()
                streams.remove(s)
        # what nobody answers is kept no longer than the others
        while len(streams) > 16:
            streams.pop(0).close()


class Host:
    """A worker's host in one of its lives. The tunnel may be in another name space
    (SELF.AWAY) than its sockets (SELF.HOME)."""

    def __init__(self, number, chance):
        self.i, self.chance = number, chance
        self.b = Space("b")
        self.home, self.link = self.new_space()
        self.away, self.away_link = None, None
        self.six = chance.random() < 0.5
        self.at = 2
        self.port = 4500
        self.sockets = []
        self.plug()
        self.link.add_tunnel("btmm0", True, local=ula(number), keepalive=1)
        counts["links"] += 1
        self.settle(self.home, self.link)
        attempt(self.b.run, self.hub_side)
        protect(self.b, number, HUB, 0x3000 + number, ula(number), 0x2000 + number)

    @staticmethod
    def new_space():
        here = Space()
        rtnl.unshare_net()
        space, link = Space(), Link()
        link.set_up(link.index("lo"))
        here.enter()
        here.close()
        counts["namespaces"] += 1
        return space, link

    def hub_side(self):
        index = Link().index("btmm0")
        attempt(genl_peer, index, "peer_new", ula(self.i))
        genl_peer(index, "peer_set", ula(self.i), endpoint(outer(self.i, self.at, self.six)))

    def plug(self):
        def there():
            link = Link()
            old = link.index("w%d" % self.i)
            if old:
                link.remove(old)
            index = link.add_veth("w%d" % self.i, self.home, "eth")
            link.set_up(index)
            for six in (False, True):
                link.address(index, outer(self.i, 1, six), 64 if six else 24)
        self.b.run(there)
        index = self.link.index("eth")
        self.link.set_up(index)
        for six in (False, True):
            self.link.address(index, outer(self.i, self.at, six), 64 if six else 24)

    def settle(self, space, link):
        """Where the tunnel is now, it can be spoken through."""
        index = link.index("btmm0")
        link.address(index, ula(self.i), 128)
        link.route(HUB, 128, index)
        space.run(lambda: attempt(genl_peer, index, "peer_new", HUB,
                                  endpoint(outer(self.i, 1, self.six))))
        protect(space, self.i, ula(self.i), 0x2000 + self.i, HUB, 0x3000 + self.i)
        self.hang_up()
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            s = space.run(socket.socket, socket.AF_INET6, kind)
            s.setblocking(False)
            self.sockets.append(s)
            try:
                s.connect((HUB, 9 if kind == socket.SOCK_DGRAM else 7))
            except OSError:
                pass

    def hang_up(self):
        for s in self.sockets:
            # at once, with whatever it still has to say
            if s.type == socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            s.close()
        self.sockets = []

    def talk(self, n):
        for s in self.sockets:
            for _ in range(n):
                try:
                    s.send(bytes(self.chance.choice((1, 1200, 1400, 8000))))
                    counts["packets"] += 1
                    s.recv(65536)
                except OSError:
                    pass

    def where(self):
        """The tunnel's space, socket and index."""
        space, link = (self.away, self.away_link) if self.away else (self.home, self.link)
        return space, link, link.index("btmm0")

    # what may happen to it
    def up_and_down(self):
        space, link, index = self.where()
        link.set_up(index, False)
        self.talk(2)
        link.set_up(index)
        self.settle(space, link)

    def other_port(self):
        _, link, index = self.where()
        self.port = self.chance.choice((4500, 4501, 4502))
        link.ask(*Link.change(index, rtnl.linkinfo("autotunnel", rtnl.tunnel_data(port=self.port))))
        counts["moves"] += 1

    def other_address(self):
        index = self.link.index("eth")
        old, self.at = self.at, self.chance.choice([n for n in range(2, 9) if n != self.at])
        for six in (False, True):
            self.link.address(index, outer(self.i, self.at, six), 64 if six else 24)
            self.talk(1)
            self.link.address(index, outer(self.i, old, six), 64 if six else 24, add=False)
        counts["moves"] += 1

    def other_family(self):
        self.six = not self.six
        space, _, index = self.where()
        space.run(lambda: genl_peer(index, "peer_set", HUB, endpoint(outer(self.i, 1, self.six))))
        counts["moves"] += 1

    def other_peer(self):
        space, _, index = self.where()
        space.run(lambda: genl_peer(index, "peer_del", HUB))
        self.talk(2)
        space.run(lambda: genl_peer(index, "peer_new", HUB, endpoint(outer(self.i, 1, self.six))))

    def switches(self):
        _, link, index = self.where()
        link.ask(*Link.change(index, rtnl.linkinfo("autotunnel", rtnl.tunnel_data(
            tx_batch=self.chance.randrange(2), rx_gro=self.chance.randrange(2),
            keepalive=self.chance.choice((0, 1, 2))))))

    def unplugged(self):
        index = self.link.index("eth")
        self.link.set_up(index, False)
        self.talk(2)
        self.link.set_up(index)
        self.link.address(index, outer(self.i, self.at, True), 64)

    def new_cable(self):
        attempt(self.link.remove, self.link.index("eth"))
        self.talk(2)
        self.plug()

    def wander(self):
        """Away from its sockets, or home to them."""
        _, link, index = self.where()
        if self.away:
            link.move(index, self.home)
            self.leave(self.away, self.away_link)
            self.away = self.away_link = None
        else:
            self.away, self.away_link = self.new_space()
            link.move(index, self.away)
        space, link, index = self.where()
        link.set_up(index)
        self.settle(space, link)

    def many(self):
        for n in range(8):
            index = self.link.add_tunnel("more%d" % n, True, local="fd00:d::%x" % (n + 1),
                                         port=4600 + n)
            counts["links"] += 1
            self.talk(1)
            if self.chance.randrange(2):
                self.link.remove(index)
        # the rest remains for the end

    ACTIONS = (up_and_down, other_port, other_address, other_family, other_peer, switches,
               unplugged, new_cable, wander, wander, many)

    def act(self):
        attempt(self.chance.choice(self.ACTIONS), self)
        self.talk(6)

    @staticmethod
    def leave(space, link):
        space.close()
        link.sock.close()

    # and how it may end
    def end(self):
        how = self.chance.randrange(4)
        if how == 0:
            # the tunnel first, under traffic
            _, link, index = self.where()
            attempt(link.remove, index)
            self.talk(2)
        elif how == 1 and not self.away:
            attempt(self.wander)
        if how <= 1 and self.away:
            # its sockets go, and it lives on without; over IPv6 it has routes of theirs
            self.leave(self.home, self.link)
            self.link = None
            end = time.monotonic() + self.chance.choice((0, 0.02, 0.3))
            while time.monotonic() < end:
                self.talk(2)
            _, link, index = self.where()
            attempt(link.set_up, index, False)
            attempt(link.set_up, index)
            self.talk(2)
        self.hang_up()
        if self.away:
            self.leave(self.away, self.away_link)
        if self.link:
            self.leave(self.home, self.link)
        self.b.close()


def churn(number, seed, seconds):
    chance = random.Random("%s-%d" % (seed, number))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        host = attempt(Host, number, chance)
        if not host:
            time.sleep(0.05)
            continue
        counts["lives"] += 1
        for _ in range(chance.randrange(3, 12)):
            host.act()
        host.end()


def reload(seed, seconds, workers):
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # 176 is delete_module: not as long as a command of the family runs, say
        if rtnl.libc.syscall(176, b"autotunnel", os.O_NONBLOCK) < 0:
            counts["busy"] += 1
            time.sleep(0.01)
            continue
        counts["reloads"] += 1
        subprocess.run(["modprobe", "autotunnel"], check=True)
        attempt(hub, workers)
        pause = time.monotonic() + chance.choice((0, 0.2, 1, 2))
        while time.monotonic() < min(pause, end):
            time.sleep(0.02)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "hub":
        hub(int(args[0]))
    elif what == "flood":
        flood(int(args[0]))
    elif what == "churn":
        churn(int(args[0]), args[1], float(args[2]))
    elif what == "reload":
        reload(args[0], float(args[1]), int(args[2]))
    for name, n in sorted(counts.items()):
        print(name, n)


main()
