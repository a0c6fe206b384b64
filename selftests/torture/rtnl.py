# SPDX-License-Identifier: GPL-2.0-or-later
"""Links, addresses and name spaces from Python, for tests that do many of them a
second: a process each, as ip(8) is, would be nearly all that they do.

On top of lib/nl.py. A Link socket acts in the name space in which it was made.
"""
import ctypes
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import nl                                                   # noqa: E402

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_DELADDR = 16, 17, 18, 20, 21
RTM_NEWROUTE = 24
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_NET_NS_FD = 3, 4, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_LOCAL, IFA_ADDRESS, IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 2, 1, 2, 0x200
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
IFF_UP = 1
CLONE_NEWNET = 0x40000000
IPV6_FREEBIND = 78

# include/uapi/linux/autotunnel.h
TUNNEL = {n: i + 1 for i, n in enumerate(
    "local port fwmark keepalive tx_batch rx_gro max_peers peers".split())}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, "%s: %s" % (what, os.strerror(errno)))
    return result


def unshare_net():
    """The caller gets a new network name space."""
    check(libc.unshare(CLONE_NEWNET), "unshare")


class Space:
    """A network name space: the caller's own, or that of a name or a file."""

    fd = -1

    def __init__(self, where=None):
        path = "/proc/self/ns/net" if where is None else "/run/netns/" + where
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def enter(self):
        check(libc.setns(self.fd, CLONE_NEWNET), "setns")

    def run(self, function, *args):
        """What FUNCTION returns when it is called in there."""
        here = Space()
        try:
            self.enter()
            return function(*args)
        finally:
            here.enter()
            here.close()

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def __del__(self):
        self.close()


def tunnel_data(**settings):
    """Attributes of a link of kind autotunnel."""
    out = b""
    for name, value in settings.items():
        kind = TUNNEL[name]
        if name == "local":
            out += nl.addr(kind, value)
        elif name == "port":
            out += nl.be16(kind, value)
        elif name == "keepalive":
            out += nl.u16(kind, value)
        elif name in ("tx_batch", "rx_gro"):
            out += nl.u8(kind, value)
        else:
            out += nl.u32(kind, value)
    return out


def linkinfo(kind, data=b""):
    return nl.nest(IFLA_LINKINFO, nl.attr(IFLA_INFO_KIND, kind.encode()),
                   nl.nest(IFLA_INFO_DATA, data))


def header(index=0, flags=0, change=0):
    return struct.pack("=BxHiII", 0, 0, index, flags, change)


def name(text):
    return nl.attr(IFLA_IFNAME, text.encode() + b"\0")


class Link(nl.Netlink):
    def __init__(self):
        super().__init__(0)

    def ask(self, kind, flags, payload):
        self.send(kind, flags | nl.NLM_F_ACK, payload)
        return [body for _, body in self.replies()]

    # What is sent, for those who want to send it in their own way
    @staticmethod
    def new_tunnel(ifname, up=False, **settings):
        return RTM_NEWLINK, nl.NLM_F_CREATE | nl.NLM_F_EXCL, header(0, up, up) + \
            name(ifname) + linkinfo("autotunnel", tunnel_data(**settings))

    @staticmethod
    def change(index, *attrs, flags=0, mask=0):
        return RTM_NEWLINK, 0, header(index, flags, mask) + b"".join(attrs)

    @staticmethod
    def delete(index):
        return RTM_DELLINK, 0, header(index)

    def add_tunnel(self, ifname, up=False, **settings):
        self.ask(*self.new_tunnel(ifname, up, **settings))
        return self.index(ifname)

    def add_veth(self, ifname, space, other):
        """A pair: IFNAME here, OTHER in the name space SPACE."""
        peer = nl.nest(VETH_INFO_PEER, header() + name(other) +
                       nl.u32(IFLA_NET_NS_FD, space.fd))
        self.ask(RTM_NEWLINK, nl.NLM_F_CREATE | nl.NLM_F_EXCL,
                 header() + name(ifname) + linkinfo("veth", peer))
        return self.index(ifname)

    def set_up(self, index, up=True):
        self.ask(*self.change(index, flags=IFF_UP if up else 0, mask=IFF_UP))

    def move(self, index, space):
        self.ask(*self.change(index, nl.u32(IFLA_NET_NS_FD, space.fd)))

    def remove(self, index):
        self.ask(*self.delete(index))

    def get(self, ifname):
        """(index, flags, mtu, {number: octets} of its kind's data), or None."""
        try:
            body = self.ask(RTM_GETLINK, 0, header() + name(ifname))[0]
        except nl.Refused:
            return None
        index, flags = struct.unpack_from("=iI", body, 4)
        found = dict(nl.attrs(body[16:]))
        info = dict(nl.attrs(found.get(IFLA_LINKINFO, b"")))
        return (index, flags, struct.unpack("=I", found[IFLA_MTU])[0],
                dict(nl.attrs(info.get(IFLA_INFO_DATA, b""))))

    def index(self, ifname):
        found = self.get(ifname)
        return found[0] if found else 0

    def address(self, index, text, length, add=True):
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        flags = nl.NLM_F_CREATE | 0x100 if add else 0       # NLM_F_REPLACE
        self.ask(RTM_NEWADDR if add else RTM_DELADDR, flags,
                 struct.pack("=BBBBi", family, length, IFA_F_NODAD, 0, index) +
                 nl.addr(IFA_LOCAL, text) + nl.addr(IFA_ADDRESS, text))

    def route(self, to, length, index, via=None):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        body = struct.pack("=BBBBBBBBI", family, length, 0, 0, 254, 4,
                           0 if via or family == socket.AF_INET6 else 253, 1, 0)
        body += nl.addr(RTA_DST, to) + nl.u32(RTA_OIF, index)
        if via:
            body += nl.addr(RTA_GATEWAY, via)
        self.ask(RTM_NEWROUTE, nl.NLM_F_CREATE | 0x100, body)


def udp_ports():
    """Local UDP ports of this name space, as a sorted list, one for each socket."""
    out = []
    for path in ("/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"):
        with open(path) as f:
            next(f)
            out += [int(line.split()[1].split(":")[1], 16) for line in f]
    return sorted(out)


def spaces():
    """How many network name spaces the kernel has memory for. That of a dead one is freed
    with the next one that dies: so one is made for that."""
    here = Space()
    unshare_net()
    here.enter()
    here.close()
    time.sleep(0.02)
    folder = "/sys/kernel/slab/net_namespace/"
    with open(folder + "shrink", "w") as f:         # what a CPU keeps free counts as used
        f.write("1")
    with open(folder + "objects") as f:
        return int(f.read().split()[0])


def spaces_at_rest():
    """The same, when none is about to die: some of the dead are still there."""
    return max(spaces() for _ in range(6))
