#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""faults.py netlink|dump|link|notifier|namespace|module|chance SEED SECONDS [ARGUMENT...]

Each operation of the kind is done once without a fault, which tells how many
allocations it makes, and what it changes; then once for each of them, with that one
failing. It may fail with the error of a lack of memory, and then nothing has changed;
or succeed, and then all has. Where SECONDS are too few for all points, a random
choice is met; those below code of ours always are.

  netlink    the family's operations on btmm0; ROUTER is the router's name space
  dump       a dump of peers that takes more than one message
  link       rtnetlink's on a link of its own, and its move to the name space OTHER
  notifier   the part of these which the notifiers of links have
  namespace  creation and removal of name spaces
  module     loading and unloading of the module in FILE
  chance     until standard input ends: PERCENT of the atomic allocations below FUNCTION
"""
import collections
import errno
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rtnl                                                 # noqa: E402
import inject                                               # noqa: E402
from rtnl import nl, Link, Space                            # noqa: E402

# What a lack of memory is called. ENFILE: of a socket's inode (__sock_create()).
NO_MEMORY = {errno.ENOMEM, errno.ENOBUFS, errno.ENFILE}
LOST = "lost"       # the answer was; what was asked for may have been done
OURS = "[autotunnel]"
FEW = 8             # points that are met however late it is


class Op:
    """One operation. prepare() makes what it starts from; state() is what to compare.
    Nothing fails in what SPARE calls. One that is not WHOLE has nothing of ours in it
    that others have not."""

    def __init__(self, name, act, prepare, state, allowed=(), judge=None, spare=None, whole=True):
        self.name, self.act, self.prepare, self.state = name, act, prepare, state
        self.allowed = NO_MEMORY | set(allowed)
        self.judge, self.spare, self.whole = judge, spare, whole


class Runner:
    def __init__(self, seed, seconds):
        self.random = random.Random(seed)
        self.end = time.monotonic() + seconds
        self.faults = self.bad = 0
        self.injector = inject.Injector()
        self.pages = True

    def once(self, op, nth):
        """Returns what it answered, and whether there was a fault."""
        try:
            answer = op.act(self.injector, nth)
        except MemoryError:         # this program's own
            answer = LOST
        return answer, self.injector.stop()

    def complain(self, op, nth, why):
        self.bad += 1
        print("BAD %s, allocation %d: %s" % (op.name, nth, why), flush=True)
        if self.bad <= 3:
            # once more, and the kernel's log tells which one it is
            for kind in inject.ALLOCATIONS:
                inject.write(inject.DEBUG + kind + "/verbose", 2)
            op.prepare()
            self.once(op, nth)
            for kind in inject.ALLOCATIONS:
                inject.write(inject.DEBUG + kind + "/verbose", 0)

    def clean(self, op):
        """Without a fault: the state before and after, and the number of allocations."""
        most = 0
        for _ in range(2):          # the first one also fills caches
            op.prepare()
            before = op.state()
            answer, left = self.once(op, inject.MANY)
            after = op.state()
            if answer != 0:
                raise SystemExit("%s fails without any fault: %s" % (op.name, answer))
            most = max(most, inject.MANY - left)
        return before, after, most

    def fault(self, op, nth, before, after, seen):
        op.prepare()
        if op.state() != before:
            self.complain(op, nth, "is not begun as before: %r, not %r" % (op.state(), before))
            return
        answer, left = self.once(op, nth)
        if left:
            seen["none"] += 1
        else:
            self.faults += 1
        now = op.state()
        if answer == 0:
            seen["done"] += 1
            wanted = (after,)
        elif answer == LOST:
            seen["answer lost"] += 1
            wanted = (before, after)
        else:
            seen[errno.errorcode.get(answer, answer)] += 1
            wanted = (before,)
            if answer not in op.allowed:
                self.complain(op, nth, "fails with " + os.strerror(answer))
        if now not in wanted:
            self.complain(op, nth, "answers %s and leaves %r, not %r" % (answer, now, wanted))
        if op.judge:
            why = op.judge(answer, now)
            if why:
                self.complain(op, nth, why)

    def points(self, op, below, until):
        self.injector.below(below, reject=op.spare, pages=self.pages)
        before, after, most = self.clean(op)
        order = list(range(1, most + 1))
        self.random.shuffle(order)
        seen = collections.Counter()
        met = 0
        for nth in order:
            if until and met >= FEW and time.monotonic() > until:
                break
            self.fault(op, nth, before, after, seen)
            met += 1
        # It may make a few more than it did.
        nth = most + 1
        while met == most and nth < most + 20 and not seen["none"]:
            self.fault(op, nth, before, after, seen)
            nth += 1
        self.injector.below(None)
        print("%s%s: %d of %d points; %s" % (
            op.name, " below " + below if below else "", met, most,
            ", ".join("%s %d" % i for i in sorted(seen.items()))), flush=True)

    def all(self, ops):
        """Those below our own code whole, and then everywhere as time allows."""
        if self.injector.can_filter:
            for op in ops:
                if op.whole:
                    self.points(op, OURS, None)
        ops = ops[:]
        self.random.shuffle(ops)
        for i, op in enumerate(ops):
            share = max(0.5, (self.end - time.monotonic()) / (len(ops) - i))
            self.points(op, None, time.monotonic() + share)

    def done(self):
        print("faults=%d bad=%d" % (self.faults, self.bad))
        sys.exit(self.bad > 0)


class Talk:
    """A request with a fault in the kernel's work on it. All of that is done while it
    is sent, but for the second part of a dump and those that follow."""

    buffer = bytearray(1 << 17)

    def __init__(self, make):
        self.make = make
        self.netlink = make()

    def request(self, kind, flags, payload, dump=False):
        def act(injector, nth):
            n = self.netlink
            n.seq += 1
            data = struct.pack("=IHHII", 16 + len(payload()), kind(), flags |
                               nl.NLM_F_REQUEST, n.seq, 0) + payload()
            injector.arm(nth)
            try:
                n.sock.send(data)
                if dump:
                    return self.read_dump(injector)
            except OSError as e:
                injector.stop()
                self.again()
                return LOST if dump else e.errno
            injector.stop()
            return self.answer()
        return act

    def again(self):
        self.netlink.sock.close()
        self.netlink = self.make()

    def answer(self):
        try:
            for _ in self.netlink.replies():
                pass
        except nl.Refused as e:
            return e.errno
        except OSError:             # ENOBUFS: there was none for the answer
            self.again()
            return LOST
        return 0

    def read_dump(self, injector):
        """Reads with faults, too: all of it, or it is lost."""
        while True:
            n = self.netlink.sock.recv_into(self.buffer)
            data = memoryview(self.buffer)[:n]
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind in (nl.NLMSG_DONE, nl.NLMSG_ERROR):
                    result = -struct.unpack_from("=i", data, 16)[0]
                    if kind == nl.NLMSG_ERROR and result:
                        self.again()
                    return result
                data = data[(length + 3) & ~3:]


# --- netlink -----------------------------------------------------------------------
class Family:
    PEER, SPARE = "fd00:b::1", "fd00:e::1"

    def __init__(self, runner, router):
        self.runner = runner
        self.talk = Talk(nl.Genl)
        self.plain = nl.Genl()
        self.rtnl = Link()
        self.index = nl.ifindex("btmm0")
        self.ike = nl.Genl()
        self.ike.join("ike")
        self.stranger = Space(router).run(self.make_stranger)
        self.spi = 0

    @staticmethod
    def make_stranger():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.1.0.1", 0))
        s.connect(("10.1.0.2", 4500))
        return s

    def state(self):
        """Settings of the device, its peers, and the ports of its sockets."""
        body = self.plain.call(nl.CMD["dev_get"], self.index)[0]
        found = dict(nl.attrs(dict(nl.attrs(body))[nl.A["dev"]]))
        device = tuple(sorted((k, v) for k, v in nl.attrs(
            dict(nl.attrs(body))[nl.A["dev"]]) if k != nl.DEV["counter"]))
        peers = []
        for body in self.plain.call(nl.CMD["peer_get"], self.index, flags=nl.NLM_F_DUMP):
            p = dict(nl.attrs(dict(nl.attrs(body))[nl.A["peer"]]))
            peers.append((p[nl.PEER["ula"]], p.get(nl.PEER["endpoint"]),
                          p.get(nl.PEER["keepalive"])))
        assert len(peers) == struct.unpack("=I", found[nl.DEV["peers"]])[0]
        return device, tuple(sorted(peers)), tuple(rtnl.udp_ports())

    def ask(self, cmd, *parts):
        try:
            self.plain.call(nl.CMD[cmd], self.index, *parts)
            return 0
        except nl.Refused as e:
            return e.errno

    def op(self, name, cmd, *parts, prepare=lambda: None, flags=nl.NLM_F_ACK, **more):
        def payload():
            return struct.pack("=BBH", nl.CMD[cmd], 1, 0) + self.index + b"".join(
                p() if callable(p) else p for p in parts)
        act = self.talk.request(lambda: self.talk.netlink.id, flags, payload,
                                dump=flags == nl.NLM_F_DUMP)
        return Op(name, act, prepare, more.pop("state", self.state), **more)

    def set_device(self, *settings):
        return lambda: self.ask("dev_set", nl.nest(nl.A["dev"], *settings))

    def no_spare(self):
        self.ask("peer_del", nl.peer(self.SPARE))

    def spare(self):
        self.no_spare()
        self.ask("peer_new", nl.peer(self.SPARE, nl.endpoint(
            nl.PEER["endpoint"], "10.9.0.9", 4500), nl.u16(nl.PEER["keepalive"], 50)))

    def held(self):
        """The name of an IKE datagram of a stranger that is held."""
        self.ask("dev_set", nl.nest(nl.A["dev"], nl.be16(nl.DEV["port"], 4500)))
        while True:
            self.spi += 1
            self.stranger.send(struct.pack(">IQQBBBBII", 0, 0x77000000 + self.spi, 0, 33, 0x20,
                                           34, 8, 0, 200) + bytes(172))
            event = self.ike.event(1)       # the rate of strangers is limited
            if event and event[0] == nl.CMD["ike_ntf"]:
                self.hold = dict(event[1])[nl.A["hold"]]
                return

    def taken(self, answer, now):
        """Asks for it again, without a fault, which also ends it."""
        held = self.ask("ike_answer", nl.attr(nl.A["hold"], self.hold)) == 0
        if answer == LOST or held == (answer != 0):
            return None
        return "answers %s, and the datagram is %s" % (answer, "held" if held else "gone")

    def ops(self):
        d, p, e = nl.DEV, nl.PEER, nl.EP
        four = nl.endpoint(p["endpoint"], "10.9.0.7", 4507)
        six = nl.endpoint(p["endpoint"], "2001:db8:9::7", 4507, nl.addr(e["local"], "2001:db8:1::2"))
        usual = self.usual = self.set_device(nl.be16(d["port"], 4500), nl.u32(d["fwmark"], 0),
                                nl.u16(d["keepalive"], 0), nl.u8(d["tx_batch"], 1),
                                nl.u8(d["rx_gro"], 1), nl.u32(d["max_peers"], 500))
        ops = [
            self.op("dev-get", "dev_get"),
            self.op("dev-get dump", "dev_get", flags=nl.NLM_F_DUMP),
            self.op("peer-get", "peer_get", nl.peer(self.PEER)),
            self.op("peer-get dump", "peer_get", flags=nl.NLM_F_DUMP),
        ]
        for name, setting in (
                ("port", nl.be16(d["port"], 4567)), ("fwmark", nl.u32(d["fwmark"], 7)),
                ("keepalive", nl.u16(d["keepalive"], 33)), ("tx-batch", nl.u8(d["tx_batch"], 0)),
                ("rx-gro", nl.u8(d["rx_gro"], 0)), ("max-peers", nl.u32(d["max_peers"], 1000)),
                ("local", nl.addr(d["local"], "fd00:a::1")),
                ("all", nl.be16(d["port"], 4568) + nl.u32(d["fwmark"], 0) +
                 nl.u16(d["keepalive"], 34) + nl.u8(d["rx_gro"], 0))):
            ops.append(self.op("dev-set " + name, "dev_set", nl.nest(nl.A["dev"], setting),
                               prepare=usual))
        for name, more in (("", b""), (" endpoint", four), (" IPv6 endpoint", six),
                           (" keepalive", nl.u16(p["keepalive"], 9)),
                           (" all", four + nl.u16(p["keepalive"], 9))):
            ops.append(self.op("peer-new" + name, "peer_new", nl.peer(self.SPARE, more),
                               prepare=self.no_spare))
            if name:
                ops.append(self.op("peer-set" + name, "peer_set", nl.peer(self.SPARE, more),
                                   prepare=self.spare))
        ops += [
            self.op("peer-set no endpoint", "peer_set",
                    nl.peer(self.SPARE, nl.nest(p["endpoint"])), prepare=self.spare),
            self.op("peer-del", "peer_del", nl.peer(self.SPARE), prepare=self.spare),
        ]
        for name, more in (("peer", nl.peer(self.PEER)), ("nobody", b"")):
            ops.append(self.op("ike-answer " + name, "ike_answer",
                               lambda: nl.attr(nl.A["hold"], self.hold), more,
                               prepare=self.held, judge=self.taken))
        stun = struct.pack(">HHI12s", 1, 0, 0x2112a442, b"x" * 12)
        for name, to in (("IPv4", "10.2.0.2"), ("IPv6", "2001:db8:2::2")):
            # a route that cannot be made is one that is not there
            ops.append(self.op("dgram-send " + name, "dgram_send",
                               nl.endpoint(nl.A["endpoint"], to, 4500),
                               nl.attr(nl.A["dgram"], stun),
                               allowed=(errno.ENETUNREACH, errno.EHOSTUNREACH)))
        return ops

    def many_peers(self, n):
        for i in range(n):
            self.ask("peer_new", nl.peer("fd00:f::%x" % (i + 1), nl.endpoint(
                nl.PEER["endpoint"], "10.8.0.%d" % (i % 250 + 1), 4500)))


# --- links ---------------------------------------------------------------------------
class Links:
    SPOOFED = "fd00:b::9"

    def __init__(self, elsewhere):
        self.talk = Talk(Link)
        self.plain = Link()
        self.other = Space(elsewhere)
        self.there = self.other.run(Link)
        self.lo_probe = self.other.run(self.make_probe)

    @staticmethod
    def make_probe():
        """Sends in the name of a peer, over loopback."""
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IPV6, rtnl.IPV6_FREEBIND, 1)
        s.bind((Links.SPOOFED, 0))
        return s

    def state(self):
        def of(link):
            found = link.get("ft0")
            return found and (found[1] & rtnl.IFF_UP, found[2], tuple(sorted(found[3].items())))
        return of(self.plain), of(self.there), tuple(rtnl.udp_ports())

    def absent(self):
        for link in (self.plain, self.there):
            index = link.index("ft0")
            if index:
                link.remove(index)

    def present(self, up=False):
        def make():
            self.absent()
            self.index = self.plain.add_tunnel("ft0", up, local="fd00:a::9", port=4600)
        return make

    def op(self, name, message, prepare, **more):
        def kind():
            return message()[0]

        def payload():
            return message()[2]
        flags = message()[1] | nl.NLM_F_ACK
        return Op(name, self.talk.request(kind, flags, payload), prepare, self.state, **more)

    def guarded(self, answer, now):
        """Wherever the device is after it was to move: if it can be up, it is guarded."""
        if now[0] or not now[1]:
            return None
        try:
            self.there.set_up(self.there.index("ft0"))
        except nl.Refused as e:
            return "cannot be set up: %s" % e
        before = self.refused()
        self.lo_probe.sendto(b"spoof", ("fd00:a::9", 9))
        return None if self.refused() == before + 1 else "is up, and its guard sleeps"

    def refused(self):
        def read():
            body = nl.Genl().call(nl.CMD["dev_get"], nl.ifindex("ft0"))[0]
            for kind, data in nl.attrs(dict(nl.attrs(body))[nl.A["dev"]]):
                c = dict(nl.attrs(data)) if kind == nl.DEV["counter"] else {}
                if c.get(1, b"").rstrip(b"\0") == b"rx_native":
                    return struct.unpack("=Q", c[2])[0]
            return None
        return self.other.run(read)

    def ops(self):
        self.index = 1
        every = {"local": "fd00:a::9", "port": 4600, "fwmark": 5, "keepalive": 11, "tx_batch": 0,
                 "rx_gro": 0, "max_peers": 77}
        # netdev_register_kobject() does not look whether dev_set_name() had memory, and
        # device_add() calls a device without a name EINVAL.
        new = {"spare": "dev_set_name"}
        ops = [self.op("add with all", lambda: Link.new_tunnel("ft0", **every), self.absent, **new),
               self.op("add up", lambda: Link.new_tunnel("ft0", True, **every), self.absent, **new)]
        for key, value in every.items():
            ops.append(self.op("add with " + key, lambda k=key, v=value:
                               Link.new_tunnel("ft0", **{k: v}), self.absent, whole=False, **new))
            ops.append(self.op("change " + key, lambda k=key, v=value: Link.change(
                self.index, rtnl.linkinfo("autotunnel", rtnl.tunnel_data(**{k: v}))),
                self.present()))

        def elsewhere():
            kind, flags, payload = Link.new_tunnel("ft0", **every)
            return kind, flags, payload + nl.u32(rtnl.IFLA_NET_NS_FD, self.other.fd)
        ops += [
            self.op("add elsewhere", elsewhere, self.absent, **new),
            self.op("change port while up", lambda: Link.change(self.index, rtnl.linkinfo(
                "autotunnel", rtnl.tunnel_data(port=4601))), self.present(True)),
            self.op("set mtu", lambda: Link.change(self.index, nl.u32(rtnl.IFLA_MTU, 1400)),
                    self.present(True)),
            self.op("set up", lambda: Link.change(self.index, flags=1, mask=1), self.present()),
            self.op("set down", lambda: Link.change(self.index, flags=0, mask=1),
                    self.present(True)),
            self.op("del", lambda: Link.delete(self.index), self.present(True)),
        ]
        return ops

    def move(self):
        """The kernel's own steps of a move cannot fail, it says, and so warns when
        device_rename() does; the notifiers of both sides can."""
        def prepare():
            self.present(True)()
            nl.Genl().call(nl.CMD["peer_new"], nl.ifindex("ft0"), nl.peer(self.SPOOFED))
        return self.op("move", lambda: Link.change(self.index, nl.u32(
            rtnl.IFLA_NET_NS_FD, self.other.fd)), prepare, judge=self.guarded)


# --- name spaces and the module ---------------------------------------------------------
def call(function, *args):
    """An operation that is a system call by libc: 0, or its error."""
    def act(injector, nth):
        injector.arm(nth)
        result = function(*args)
        number = rtnl.ctypes.get_errno()
        injector.stop()
        return number if result < 0 else 0
    return act


def furnish():
    """The caller's name space gets a device that is up, if it has none."""
    link = Link()
    if not link.index("t0"):
        link.add_tunnel("t0", True, local="fd00:a::1")


def namespace(runner, some):
    """Each one that is made is left for the next, and so removed with what is in it."""
    before = rtnl.spaces_at_rest()
    rtnl.unshare_net()
    # EEXIST: proc_net_ns_init() gives it for any error of proc_net_mkdir()
    runner.points(Op("unshare", call(rtnl.libc.unshare, rtnl.CLONE_NEWNET), furnish,
                     lambda: None, allowed=(errno.EEXIST,)), None, runner.end)
    if runner.injector.can_filter:
        runner.injector.below("cleanup_net")
        runner.injector.chance(100)
        for _ in range(some):
            rtnl.unshare_net()
            furnish()
        rtnl.unshare_net()
        gone(before + 1)
        n = runner.injector.chance(0)
        runner.injector.below(None)
        print("removal of name spaces: %d of them, all %d allocations" % (some, n))
        runner.faults += n
    if not gone(before + 1):
        runner.bad += 1
        print("BAD: %d name spaces are left of %d" % (rtnl.spaces() - before - 1, runner.faults))


def gone(wanted):
    end = time.monotonic() + 20 * int(os.environ.get("BTMM_PATIENCE", 1))
    while rtnl.spaces() > wanted:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def module(runner, path):
    finit_module, delete_module = 313, 176
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    load = call(rtnl.libc.syscall, finit_module, fd, b"", 0)
    unload = call(rtnl.libc.syscall, delete_module, b"autotunnel", os.O_NONBLOCK)

    def loaded():
        with open("/proc/modules") as f:
            return any(line.startswith("autotunnel ") for line in f)

    def be(wanted):
        def make():
            if loaded() != wanted:
                answer = (load if wanted else unload)(runner.injector, inject.MANY)
                assert answer == 0, answer
        return make
    loading = Op("load", load, be(False), loaded)
    unloading = Op("unload", unload, be(True), loaded)
    if runner.injector.can_filter:
        runner.points(loading, "do_one_initcall", None)
    half = time.monotonic() + (runner.end - time.monotonic()) / 2
    # vmalloc() warns with a trace when it gets no pages
    runner.pages = False
    runner.points(loading, None, half)
    runner.points(unloading, None, runner.end)
    be(True)()


def notifier(runner, links):
    """What a notifier refuses when a device is half registered, and when it has moved."""
    if runner.injector.can_filter:
        for op in links.ops()[:1] + [links.move()]:
            runner.points(op, "raw_notifier_call_chain", None)


def chance(runner, percent, below):
    """GFP_ATOMIC only. Not in validate_xmit_xfrm(), which loses the segments before the
    one for which it gets no memory: a fault of the kernel's own, and kmemleak sees it."""
    if not runner.injector.can_filter:
        print("this kernel cannot filter")
        return
    runner.injector.wait_too(False)
    runner.injector.below(below, reject="validate_xmit_xfrm")
    runner.injector.chance(percent)
    print("armed", flush=True)
    sys.stdin.read()
    runner.faults = runner.injector.chance(0)
    runner.injector.below(None)
    runner.injector.wait_too(True)


def main():
    what, seed, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    runner = Runner(seed, seconds)
    if what == "netlink":
        family = Family(runner, sys.argv[4])
        runner.all(family.ops())
        family.usual()
    elif what == "dump":
        family = Family(runner, sys.argv[4])
        family.many_peers(250)
        runner.all([op for op in family.ops() if op.name == "peer-get dump"])
    elif what == "link":
        links = Links(sys.argv[4])
        notifier(runner, links)
        runner.all(links.ops())
        links.absent()
    elif what == "notifier":
        links = Links(sys.argv[4])
        notifier(runner, links)
        links.absent()
    elif what == "namespace":
        namespace(runner, 10)
    elif what == "module":
        module(runner, sys.argv[4])
    elif what == "chance":
        chance(runner, int(sys.argv[4]), sys.argv[5])
    runner.done()


main()
