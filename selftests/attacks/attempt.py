#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every operation of the family, in every form that its YNL spec has, by whoever runs it.

  attempt.py IFINDEX           one line for each: WHAT: done, or WHAT: ERRNO TEXT
  attempt.py --open CMD... IFINDEX   opens the socket, and lets "CMD... --fd N ID IFINDEX"
                               send by it: CMD is setpriv, say, and this again
  attempt.py --by UID IFINDEX  the same with a socket that this user has opened
  attempt.py --list            only the names; those that act on the sockets with a *

An operation or attribute that is new in the spec has to be named here, too: else it ends
with "unknown". That is the point.
"""
import errno
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import nl                                                   # noqa: E402
import spec                                                 # noqa: E402
from nl import A, CMD, DEV, EP, PEER, attr, be16, nest, u8, u16, u32, u64   # noqa: E402

ULA, NEW = "fd00:b::1", "fd00:e::1"
READ_ONLY = {"dev": {"ifname", "peers", "counter"},
             "peer": {"previous", "rx-packets", "rx-bytes", "tx-packets", "tx-bytes", "rx-age",
                      "moves", "pad"},
             "endpoint": {"origin"}}
# What is done to the sockets, which may be in another namespace
OUTER = {("dev", "port"), ("dev", "fwmark"), ("peer", "endpoint"), ("dgram-send", None)}


def endpoint(kind, only=()):
    return nl.endpoint(kind, "10.2.0.2", 4500, *only)


VALUES = {
    ("dev", "local"): nl.addr(DEV["local"], "fd00:a::1"),
    ("dev", "port"): be16(DEV["port"], 4500),
    ("dev", "fwmark"): u32(DEV["fwmark"], 0),
    ("dev", "keepalive"): u16(DEV["keepalive"], 30),
    ("dev", "tx-batch"): u8(DEV["tx_batch"], 1),
    ("dev", "rx-gro"): u8(DEV["rx_gro"], 1),
    ("dev", "max-peers"): u32(DEV["max_peers"], 1000),
    ("peer", "endpoint"): endpoint(PEER["endpoint"]),
    ("peer", "keepalive"): u16(PEER["keepalive"], 3),
    ("endpoint", "addr"): (), ("endpoint", "port"): (),
    ("endpoint", "local"): (nl.addr(EP["local"], "10.1.0.2"),),
    ("endpoint", "oif"): (u32(EP["oif"], 1),),
}
TOP = {
    "hold": lambda: u64(A["hold"], 1),
    "peer": lambda: nl.peer(ULA),
    "endpoint": lambda: endpoint(A["endpoint"]),
    "dgram": lambda: attr(A["dgram"], struct.pack(">II", 5, 0)),
}
KNOWN = {"dev-get", "dev-set", "peer-new", "peer-set", "peer-get", "peer-del", "ike-answer",
         "dgram-send"}


def writable(name, sets):
    for attribute, _ in sets[name]:
        if attribute in READ_ONLY[name] or (name, attribute) == ("peer", "ula"):
            continue
        if (name, attribute) not in VALUES:
            sys.exit("unknown: attribute %s of %s" % (attribute, name))
        yield attribute


def peers(op, sets):
    """With the ULA only, and with each attribute that it may have."""
    ula = NEW if op in ("peer-new", "peer-del") else ULA
    yield "", [nl.peer(ula)], False
    if op in ("peer-new", "peer-set"):
        for name in writable("peer", sets):
            yield " " + name, [nl.peer(ula, VALUES["peer", name])], ("peer", name) in OUTER
        for name in writable("endpoint", sets):
            more = VALUES["endpoint", name]
            yield " endpoint " + name, [nl.peer(ula, endpoint(PEER["endpoint"], more))], True
        yield " no endpoint", [nl.peer(ula, nest(PEER["endpoint"]))], True


def requests(index):
    """(what, command, parts, flags, does it act on the sockets?)"""
    sets = spec.attribute_sets()
    for op, ways in spec.operations().items():
        if ways and op not in KNOWN:
            sys.exit("unknown: operation " + op)
        cmd = CMD[op.replace("-", "_")]
        for way, names in ways.items():
            base = [index] if "ifindex" in names else []
            flags = nl.NLM_F_DUMP if way == "dump" else nl.NLM_F_ACK
            what = op + (" dump" if way == "dump" else "")
            rest = [n for n in names if n != "ifindex"]
            if rest == ["dev"]:
                for name in writable("dev", sets):
                    yield (what + " " + name, cmd, base + [nest(A["dev"], VALUES["dev", name])],
                           flags, ("dev", name) in OUTER)
                yield (what + " port in company", cmd, base +
                       [nest(A["dev"], VALUES["dev", "keepalive"], VALUES["dev", "port"])], flags, True)
            elif rest == ["peer"]:
                for more, parts, outer in peers(op, sets):
                    yield what + more, cmd, base + parts, flags, outer
            else:
                yield what, cmd, base + [TOP[n]() for n in rest], flags, (op, None) in OUTER


class Given(nl.Genl):
    """By a socket that somebody else has opened, who also knows the family."""
    def __init__(self, fd, family, own):
        self.sock = socket.socket(fileno=fd)
        self.sock.settimeout(10)
        self.seq, self.id, self.groups = 0, family, own.groups


def attempt(g, index):
    for what, cmd, parts, flags, _ in requests(index):
        try:
            g.call(cmd, *parts, flags=flags)
            print("%s: done" % what)
        except nl.Refused as e:
            print("%s: %s %s" % (what, errno.errorcode[e.errno], e.text))
        # so that it can be made again
        if what.startswith("peer-new"):
            try:
                g.call(CMD["peer_del"], index, nl.peer(NEW))
            except nl.Refused:
                pass
    for group in spec.groups():
        try:
            g.join(group)
            print("join %s: done" % group)
        except OSError as e:
            print("join %s: %s" % (group, errno.errorcode[e.errno]))


def main(args):
    if args == ["--list"]:
        for what, _, _, _, outer in requests(u32(A["ifindex"], 1)):
            print(what + ("*" if outer else ""))
        return
    if args[0] == "--open":
        g = nl.Genl()
        os.set_inheritable(g.sock.fileno(), True)
        os.execvp(args[1], args[1:-1] + ["--fd", str(g.sock.fileno()), str(g.id), args[-1]])
    if args[0] == "--by":
        os.seteuid(int(args[1]))
    g = nl.Genl()
    os.seteuid(os.getuid())
    if args[0] == "--fd":
        g = Given(int(args[1]), int(args[2]), g)
    attempt(g, u32(A["ifindex"], int(args[-1])))


if __name__ == "__main__":
    main(sys.argv[1:])
