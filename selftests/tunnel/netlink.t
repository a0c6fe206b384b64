#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Every refusal of the generic netlink family and of the link attributes: error,
# text and the attribute it points at; and the policy against the YAML spec.
# timeout: 120
import errno
import os
import re
import socket
import struct
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "lib"))
import nl                                                   # noqa: E402
import spec                                                 # noqa: E402
import tap                                                  # noqa: E402
from nl import A, CMD, DEV, EP, PEER, attr, nest, u8, u16, be16, u32, u64  # noqa: E402
from tap import equal, ok, sh                               # noqa: E402

LOCAL, ULA, OTHER = "fd00:a::1", "fd00:b::1", "fd00:c::1"
sh("modprobe autotunnel")
sh("ip link add dummy0 type dummy")
sh("ip addr add 192.0.2.1/24 dev dummy0")
sh("ip link set dummy0 up")
sh("btmm-ctl dev add btmm0 local %s up" % LOCAL)
sh("btmm-ctl dev add btmm1 local fd00:a::2 port 4501 up")
genl = nl.Genl()
IF = nl.ifindex("btmm0")
IF1 = nl.ifindex("btmm1")


def counter(name, dev="btmm0"):
    with open("/sys/class/net/%s/autotunnel/%s" % (dev, name)) as f:
        return int(f.read())


def accepted(what, cmd, *parts, flags=nl.NLM_F_ACK):
    try:
        reply = genl.call(cmd if isinstance(cmd, int) else CMD[cmd], *parts, flags=flags)
    except nl.Refused as e:
        ok(what, False, e)
        return []
    ok(what, True)
    return reply


ANY = "any"          # 6.1 gives no offset for dumps


def compare(what, e, err, text, message, at, head):
    good = e.errno == err and (e.text == text if isinstance(text, str)
                               else bool(text.search(e.text or "")))
    wanted = None if at in (None, ANY) else head + message.index(at)
    good = good and (at == ANY or e.offset == wanted)
    ok("%s: %s" % (what, e.text), good,
       "got:    %s %r, offset %s" % (errno.errorcode.get(e.errno, e.errno), e.text, e.offset),
       "wanted: %s %r, offset %s" % (errno.errorcode[err], text, wanted))


def refused(what, err, text, cmd, *parts, at=None, flags=nl.NLM_F_ACK):
    """AT: the octets of the attribute that extack must point at."""
    try:
        genl.call(cmd if isinstance(cmd, int) else CMD[cmd], *parts, flags=flags)
    except nl.Refused as e:
        compare(what, e, err, text, b"".join(parts), at, 20)
        return
    ok(what, False, "it was accepted")


POLICY = re.compile("policy validation|invalid attribute length|integer out of range|"
                    "attribute size out of range")
UNKNOWN = re.compile("[Uu]nknown attribute type")
UNSUPPORTED = re.compile("Unsupported attribute")
NESTED = re.compile("NLA_F_NESTED is missing")
NOT_NESTED = re.compile("NLA_F_NESTED not expected")
LEFT = re.compile("bytes leftover")

# --- the device ----------------------------------------------------------------------
for cmd in "dev_get dev_set peer_new peer_set peer_get peer_del ike_answer dgram_send".split():
    refused("%s without ifindex" % cmd, errno.EINVAL, "ifindex is missing", cmd)
    refused("%s of no interface" % cmd, errno.ENODEV, "there is no such interface", cmd,
            u32(A["ifindex"], 9999), at=u32(A["ifindex"], 9999))
    refused("%s of another interface" % cmd, errno.EOPNOTSUPP,
            "this interface is no autotunnel device", cmd, nl.ifindex("dummy0"),
            at=nl.ifindex("dummy0"))
    twice = u32(A["ifindex"], 9999)
    refused("%s with ifindex twice" % cmd, errno.EINVAL, "this attribute is there twice", cmd,
            IF, twice, at=twice)
refused("ifindex 0", errno.ERANGE, POLICY, "dev_get", u32(A["ifindex"], 0),
        at=u32(A["ifindex"], 0))
for bad in (b"", b"\1\0", b"\1\0\0\0\0\0\0\0"):
    refused("ifindex of %d octets" % len(bad), errno.EINVAL, POLICY, "dev_get", attr(A["ifindex"], bad),
            at=attr(A["ifindex"], bad))
nested = attr(A["ifindex"] | nl.NLA_F_NESTED, IF[4:])
refused("ifindex as a nest", errno.EINVAL, NOT_NESTED, "dev_get", nested, at=nested)
for kind in (0, 11, 200, 0x3fff):
    bad = u32(kind, 1)
    refused("attribute %d" % kind, errno.EINVAL, UNKNOWN, "dev_get", IF, bad, at=bad)
bad = attr(A["pad"], b"")
refused("attribute pad", errno.EINVAL, UNSUPPORTED, "dev_get", IF, bad, at=bad)
refused("octets behind the last attribute", errno.EINVAL, LEFT, "dev_get", IF, b"\1\2")
refused("peer-get dump without ifindex", errno.EINVAL, "ifindex is missing", "peer_get",
        flags=nl.NLM_F_DUMP)
refused("peer-get dump of another interface", errno.EOPNOTSUPP,
        "this interface is no autotunnel device", "peer_get", nl.ifindex("dummy0"),
        flags=nl.NLM_F_DUMP, at=ANY)
for cmd in (0, 14, 255):
    try:
        genl.call(cmd, IF)
        ok("command %d" % cmd, False, "it was accepted")
    except nl.Refused as e:
        equal("command %d is not supported" % cmd, e.errno, errno.EOPNOTSUPP)
for cmd in "endpoint_ntf stale_ntf source_ntf ike_ntf dgram_ntf".split():
    try:
        genl.call(CMD[cmd], IF)
        ok("%s is no command" % cmd, False, "it was accepted")
    except nl.Refused as e:
        equal("%s is no command" % cmd, e.errno, errno.EOPNOTSUPP)

# --- dev-set ---------------------------------------------------------------------------


def dev(*parts):
    return nest(A["dev"], *parts)


refused("dev-set without dev", errno.EINVAL, "dev is missing", "dev_set", IF)
bad = attr(A["dev"], be16(DEV["port"], 5000))
refused("dev without the nest flag", errno.EINVAL, NESTED, "dev_set", IF, bad, at=bad)
for name, value in (("ifname", attr(DEV["ifname"], b"x\0")), ("peers", u32(DEV["peers"], 1)),
                    ("counter", attr(DEV["counter"], b""))):
    refused("%s is read only" % name, errno.EINVAL, "this attribute is read only",
            "dev_set", IF, dev(value), at=value)
for value in (attr(DEV["local"], bytes(15)), attr(DEV["local"], bytes(17)),
              attr(DEV["local"], b""), attr(DEV["port"], b"\1"), attr(DEV["port"], bytes(4)),
              u16(DEV["fwmark"], 1), u32(DEV["keepalive"], 1), u32(DEV["tx_batch"], 1),
              u16(DEV["max_peers"], 1)):
    refused("dev attribute %d of %d octets" % (value[2], len(value) - 4),
            errno.ERANGE if value[2] == DEV["local"] else errno.EINVAL, POLICY,
            "dev_set", IF, dev(value), at=value)
for name in ("tx_batch", "rx_gro"):
    bad = u8(DEV[name], 2)
    refused("%s 2" % name, errno.ERANGE, POLICY, "dev_set", IF, dev(bad), at=bad)
refused("port 0", errno.EINVAL, "port must be from 1 to 65535", "dev_set", IF,
        dev(be16(DEV["port"], 0)))
twice = be16(DEV["port"], 5001)
refused("port twice", errno.EINVAL, "this attribute is there twice", "dev_set", IF,
        dev(be16(DEV["port"], 5000), twice), at=twice)
bad = u32(DEV["counter"] + 1, 1)
refused("an unknown attribute in dev", errno.EINVAL, UNKNOWN, "dev_set", IF, dev(bad), at=bad)
for text in ("2001:db8::1", "fe80::1", "::1", "ff02::1", "::ffff:192.0.2.1"):
    refused("local %s" % text, errno.EINVAL,
            "local must be in fc00::/7, or ::", "dev_set", IF,
            dev(nl.addr(DEV["local"], text)))
refused("local changed while up", errno.EBUSY,
        "local changes only while the device is down", "dev_set", IF,
        dev(nl.addr(DEV["local"], "fd00:a::9")))
accepted("local set to what it is", "dev_set", IF, dev(nl.addr(DEV["local"], LOCAL)))
refused("a port in use", errno.EADDRINUSE, "the outer UDP port is in use", "dev_set", IF1,
        dev(be16(DEV["port"], 4500)))


def keepalive_to(port, device):
    before = counter("rx_keepalives", device)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"\xff", ("127.0.0.1", port))
    return tap.wait_for(5, lambda: counter("rx_keepalives", device) > before)


ok("... the old port goes on working", keepalive_to(4501, "btmm1"))
ok("... and so does who has the port", keepalive_to(4500, "btmm0"))
accepted("a free port", "dev_set", IF1, dev(be16(DEV["port"], 4502)))
ok("... is listened on at once", keepalive_to(4502, "btmm1"))
# One bad change, and none is made.
refused("a good change with a bad one", errno.EADDRINUSE, "the outer UDP port is in use",
        "dev_set", IF1, dev(u16(DEV["keepalive"], 77), be16(DEV["port"], 4500)))
reply = dict(nl.attrs(dict(nl.attrs(accepted("dev-get", "dev_get", IF1)[0]))[A["dev"]]))
equal("... leaves the good one undone", struct.unpack("=H", reply[DEV["keepalive"]])[0], 20)

# --- peers -------------------------------------------------------------------------------


def endpoint(address="192.0.2.2", port=4500, *more):
    return nl.endpoint(PEER["endpoint"], address, port, *more)


for cmd in ("peer_new", "peer_set", "peer_get", "peer_del"):
    refused("%s without peer" % cmd, errno.EINVAL, "peer is missing", cmd, IF)
    refused("%s without ula" % cmd, errno.EINVAL, "the peer's ula is missing", cmd, IF,
            nest(A["peer"]))
    for text in ("2001:db8::1", "::", "fe80::1", "ff02::1"):
        bad = nl.addr(PEER["ula"], text)
        refused("%s of %s" % (cmd, text), errno.EINVAL, "a peer's ula must be in fc00::/7", cmd,
                IF, nest(A["peer"], bad), at=bad)
    bad = attr(PEER["ula"], bytes(4))
    refused("%s with 4 octets of ula" % cmd, errno.ERANGE, POLICY, cmd, IF,
            nest(A["peer"], bad), at=bad)
for cmd in ("peer_set", "peer_get", "peer_del"):
    refused("%s of nobody" % cmd, errno.ENOENT, "there is no peer of this ula", cmd, IF,
            nl.peer(OTHER))
refused("ourselves as a peer", errno.EINVAL, "this ula is the device's own", "peer_new", IF,
        nl.peer(LOCAL))
accepted("peer-new", "peer_new", IF, nl.peer(ULA, endpoint()))
refused("peer-new again", errno.EEXIST, "there is a peer of this ULA already", "peer_new", IF,
        nl.peer(ULA))
equal("one peer", counter("peers"), 1)
for name in ("previous",):
    bad = attr(PEER[name], b"")
    refused("%s is read only" % name, errno.EINVAL, "this attribute is read only", "peer_set",
            IF, nl.peer(ULA, bad), at=bad)
for name in "rx_packets rx_bytes tx_packets tx_bytes rx_age".split():
    bad = u64(PEER[name], 1)
    refused("%s is read only" % name, errno.EINVAL, "this attribute is read only", "peer_set",
            IF, nl.peer(ULA, bad), at=bad)
bad = u32(PEER["moves"], 1)
refused("moves is read only", errno.EINVAL, "this attribute is read only", "peer_set", IF,
        nl.peer(ULA, bad), at=bad)
bad = u8(EP["origin"], 1)
refused("origin is read only", errno.EINVAL, "this attribute is read only", "peer_set", IF,
        nl.peer(ULA, endpoint("192.0.2.2", 4500, bad)), at=bad)
bad = attr(A["peer"], nl.addr(PEER["ula"], ULA))
refused("peer without the nest flag", errno.EINVAL, NESTED, "peer_get", IF, bad, at=bad)
bad = attr(PEER["endpoint"], endpoint()[4:])
refused("endpoint without the nest flag", errno.EINVAL, NESTED, "peer_set", IF,
        nl.peer(ULA, bad), at=bad)
twice = nl.addr(PEER["ula"], OTHER)
refused("ula twice", errno.EINVAL, "this attribute is there twice", "peer_get", IF,
        nl.peer(ULA, twice), at=twice)
twice = be16(EP["port"], 4501)
refused("a port of the endpoint twice", errno.EINVAL, "this attribute is there twice",
        "peer_set", IF, nl.peer(ULA, endpoint("192.0.2.2", 4500, twice)), at=twice)
bad = u32(PEER["pad"] + 1, 0)
refused("an unknown attribute in peer", errno.EINVAL, UNKNOWN, "peer_get", IF,
        nl.peer(ULA, bad), at=bad)
bad = u32(EP["origin"] + 1, 0)
refused("an unknown attribute in endpoint", errno.EINVAL, UNKNOWN, "peer_set", IF,
        nl.peer(ULA, endpoint("192.0.2.2", 4500, bad)), at=bad)
for lack in (nl.addr(EP["addr"], "192.0.2.2"), be16(EP["port"], 1)):
    bad = nest(PEER["endpoint"], lack)
    refused("an endpoint with only attribute %d" % lack[2], errno.EINVAL,
            "an endpoint needs address and port", "peer_set", IF, nl.peer(ULA, bad), at=bad)
for text in ("0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1",
             "::ffff:192.0.2.1"):
    bad = nl.addr(EP["addr"], text)
    refused("endpoint at %s" % text, errno.EINVAL,
            "this is no unicast address (IPv4 has 4 octets)", "peer_set", IF,
            nl.peer(ULA, endpoint(text)), at=bad)
for size in (0, 3, 5, 8, 15):
    bad = attr(EP["addr"], bytes(size))
    refused("an address of %d octets" % size, errno.EINVAL, "an address has 4 or 16 octets",
            "peer_set", IF, nl.peer(ULA, nest(PEER["endpoint"], bad, be16(EP["port"], 1))), at=bad)
bad = attr(EP["addr"], bytes(17))
refused("an address of 17 octets", errno.ERANGE, POLICY, "peer_set", IF,
        nl.peer(ULA, nest(PEER["endpoint"], bad, be16(EP["port"], 1))), at=bad)
bad = be16(EP["port"], 0)
refused("an endpoint's port 0", errno.EINVAL, "port must be from 1 to 65535", "peer_set", IF,
        nl.peer(ULA, endpoint("192.0.2.2", 0)), at=bad)
for far, near in (("192.0.2.2", "2001:db8::1"), ("2001:db8::2", "192.0.2.1")):
    bad = nl.addr(EP["local"], near)
    refused("%s from %s" % (far, near), errno.EINVAL,
            "local and remote address must be of one IP version", "peer_set", IF,
            nl.peer(ULA, endpoint(far, 1, bad)), at=bad)
bad = u32(EP["oif"], 0)
refused("interface 0", errno.ERANGE, POLICY, "peer_set", IF,
        nl.peer(ULA, endpoint("192.0.2.2", 1, bad)), at=bad)
bad = u32(EP["oif"], 1 << 31)
refused("interface 2^31", errno.EINVAL, "there is no such interface", "peer_set", IF,
        nl.peer(ULA, endpoint("192.0.2.2", 1, bad)), at=bad)


def peer_endpoint(ula):
    body = accepted("peer-get", "peer_get", IF, nl.peer(ula))[0]
    p = dict(nl.attrs(dict(nl.attrs(body))[A["peer"]]))
    return dict(nl.attrs(p[PEER["endpoint"]])) if PEER["endpoint"] in p else None


equal("after all this the endpoint is what it was",
      peer_endpoint(ULA)[EP["addr"]], socket.inet_aton("192.0.2.2"))
# The order of attributes means nothing.
accepted("attributes in another order", "peer_set",
         nest(A["peer"], nest(PEER["endpoint"], u32(EP["oif"], socket.if_nametoindex("dummy0")),
                              nl.addr(EP["local"], "192.0.2.1"), be16(EP["port"], 99),
                              nl.addr(EP["addr"], "192.0.2.9")),
              u16(PEER["keepalive"], 5), nl.addr(PEER["ula"], ULA)), IF)
got = peer_endpoint(ULA)
equal("... say the same", (got[EP["addr"]], got[EP["port"]], got[EP["local"]]),
      (socket.inet_aton("192.0.2.9"), b"\0\x63", socket.inet_aton("192.0.2.1")))
accepted("an empty endpoint", "peer_set", IF, nl.peer(ULA, nest(PEER["endpoint"])))
equal("... takes it away", peer_endpoint(ULA), None)
accepted("max-peers 2", "dev_set", IF, dev(u32(DEV["max_peers"], 2)))
accepted("a second peer", "peer_new", IF, nl.peer(OTHER))
refused("a third", errno.ENOSPC, "the device has as many peers as its max-peers allows",
        "peer_new", IF, nl.peer("fd00:d::1"))
equal("two peers", counter("peers"), 2)
accepted("peer-del", "peer_del", IF, nl.peer(OTHER))
refused("peer-del again", errno.ENOENT, "there is no peer of this ula", "peer_del", IF,
        nl.peer(OTHER))

# --- ike-answer, dgram-send ----------------------------------------------------------------
refused("ike-answer without hold", errno.EINVAL, "hold is missing", "ike_answer", IF)
for n in (0, 1, 2 ** 64 - 1):
    refused("ike-answer for what is not held (%d)" % n, errno.ENOENT,
            "no such datagram is held (any more)", "ike_answer", IF, u64(A["hold"], n))
refused("ike-answer for an unknown peer", errno.ENOENT, "there is no peer of this ula",
        "ike_answer", IF, u64(A["hold"], 1), nl.peer(OTHER))
for name, bad in (("ike_spi_i", attr(A["ike_spi_i"], bytes(8))),
                  ("ike_exchange", u8(A["ike_exchange"], 1)), ("esp_spi", u32(A["esp_spi"], 1))):
    refused("%s is read only" % name, errno.EINVAL, "this attribute is read only", "ike_answer",
            IF, u64(A["hold"], 1), bad, at=bad)
to = nl.endpoint(A["endpoint"], "192.0.2.2", 4500)
stun = struct.pack(">HHI12s", 1, 0, 0x2112a442, b"x" * 12)
signal = struct.pack(">II", 5, 0)
refused("dgram-send without endpoint", errno.EINVAL, "endpoint is missing", "dgram_send", IF,
        attr(A["dgram"], signal))
refused("dgram-send without dgram", errno.EINVAL, "dgram is missing", "dgram_send", IF, to)
refused("dgram-send to nowhere", errno.EINVAL, "the endpoint's address is missing", "dgram_send",
        IF, nest(A["endpoint"]), attr(A["dgram"], signal))
ONLY = "only signalling (first word 1 to 255) and STUN can be sent"
for what, data in (("nothing", b""), ("a keepalive", b"\xff"), ("IKE", bytes(4) + b"\1" * 28),
                   ("ESP", struct.pack(">II", 0x1001, 1) + bytes(40)),
                   ("ESP of SPI 256", struct.pack(">II", 256, 1) + bytes(40)),
                   ("7 octets", struct.pack(">I", 5) + bytes(3)),
                   ("STUN cut short", stun[:19]),
                   ("half a STUN cookie", struct.pack(">HHI", 1, 0, 0x2112a443) + bytes(12)),
                   ("STUN with top bits", struct.pack(">I", 0x40000000) + stun[4:])):
    bad = attr(A["dgram"], data)
    refused("dgram-send of " + what, errno.EINVAL, ONLY, "dgram_send", IF, to, bad, at=bad)
bad = attr(A["dgram"], signal + bytes(1280 - 7))
refused("dgram-send of 1281 octets", errno.ERANGE, POLICY, "dgram_send", IF, to, bad, at=bad)
accepted("dgram-send of signalling", "dgram_send", IF, to, attr(A["dgram"], signal))
accepted("dgram-send of STUN", "dgram_send", IF, attr(A["dgram"], stun), to)
accepted("dgram-send of 1280 octets", "dgram_send", IF, to, attr(A["dgram"], signal + bytes(1272)))
equal("three were sent", counter("tx_datagrams"), 3)
refused("dgram-send without a route", errno.ENETUNREACH, "there is no route to this endpoint",
        "dgram_send", IF, nl.endpoint(A["endpoint"], "198.51.100.1", 1), attr(A["dgram"], signal))
sh("ip route add 198.51.100.2/32 dev btmm0")
refused("dgram-send into the tunnel itself", errno.ELOOP, "the route leads into the device itself",
        "dgram_send", IF, nl.endpoint(A["endpoint"], "198.51.100.2", 1), attr(A["dgram"], signal))
sh("ip link set btmm0 down")
refused("dgram-send while down", errno.ENETDOWN, "the device is down", "dgram_send", IF, to,
        attr(A["dgram"], signal))
accepted("local can change while down", "dev_set", IF, dev(nl.addr(DEV["local"], "fd00:a::9")))

# --- link attributes, over rtnetlink ---------------------------------------------------------
LINK = {n: i + 1 for i, n in enumerate(
    "local port fwmark keepalive tx_batch rx_gro max_peers peers".split())}
rt = nl.Netlink(0)


def newlink(*data, name="btmm7", extra=b"", create=True):
    parts = (attr(3, name.encode() + b"\0"), extra,
             nest(18, attr(1, b"autotunnel"), nest(2, *data)))
    flags = nl.NLM_F_ACK | (nl.NLM_F_CREATE | nl.NLM_F_EXCL if create else 0)
    rt.send(16, flags, struct.pack("=BxHiII", 0, 0, 0, 0, 0) + b"".join(parts))
    list(rt.replies())
    return b"".join(parts)


def link_refused(what, err, text, *data, extra=b"", create=True, name="btmm7"):
    try:
        newlink(*data, extra=extra, create=create, name=name)
        ok(what, False, "it was accepted")
    except nl.Refused as e:
        good = e.errno == err and (e.text == text if isinstance(text, str)
                                   else bool(text.search(e.text or "")))
        ok("%s: %s" % (what, e.text), good, e.errno, e.text)


link_refused("link: local 2001:db8::1", errno.EINVAL,
             "local must be in fc00::/7, or ::",
             nl.addr(LINK["local"], "2001:db8::1"))
link_refused("link: port 0", errno.EINVAL, "port must be from 1 to 65535", be16(LINK["port"], 0))
link_refused("link: peers", errno.EINVAL, "this attribute is read only", u32(LINK["peers"], 1))
link_refused("link: rx-gro 2", errno.ERANGE, POLICY, u8(LINK["rx_gro"], 2))
link_refused("link: local of 4 octets", errno.ERANGE, POLICY, attr(LINK["local"], bytes(4)))
link_refused("link: a link-layer address", errno.EINVAL, "the device has no link-layer address",
             extra=attr(1, b"\2\0\0\0\0\1"))
newlink(nl.addr(LINK["local"], "fd00:a::7"), be16(LINK["port"], 4507), u16(LINK["keepalive"], 9))
out = sh("btmm-ctl --json dev show btmm7")
ok("link: made as asked", "fd00:a::7" in out and "4507" in out, out)
sh("ip link set btmm7 up")
link_refused("link: local changed while up", errno.EBUSY,
             "local changes only while the device is down",
             nl.addr(LINK["local"], "fd00:a::8"), create=False)
link_refused("link: a port in use", errno.EADDRINUSE, "the outer UDP port is in use",
             be16(LINK["port"], 4502), create=False)
newlink(u16(LINK["keepalive"], 33), create=False)
out = sh("btmm-ctl --json dev show btmm7")
ok("link: keepalive changed", "33" in out, out)

# --- the policy is what the spec says ----------------------------------------------------------
READ_ONLY = {"autotunnel": {"ike-spi-i", "ike-exchange", "esp-spi"},
             "dev": {"ifname", "peers", "counter"},
             "endpoint": {"origin"},
             "peer": {"previous", "rx-packets", "rx-bytes", "tx-packets", "tx-bytes", "rx-age",
                      "moves"}}
TYPES = {2: "u8", 3: "u16", 4: "u32", 5: "u64", 10: "binary", 11: "string", 13: "nest"}
sets = spec.attribute_sets()
for set_name, mine in (("autotunnel", A), ("dev", DEV), ("endpoint", EP), ("peer", PEER)):
    equal("names of set %s" % set_name, [n.replace("-", "_") for n, _ in sets[set_name]],
          sorted(mine, key=mine.get))

genl.send(0x10, nl.NLM_F_DUMP, struct.pack("=BBH", 10, 2, 0) + attr(2, b"autotunnel\0"))
policies, ops = {}, {}
for _, body in genl.replies():
    for kind, data in nl.attrs(body[4:]):
        if kind == 8:
            for index, entries in nl.attrs(data):
                for number, fields in nl.attrs(entries):
                    policies.setdefault(index, {})[number] = dict(nl.attrs(fields))
        elif kind == 9:
            for op, entry in nl.attrs(data):
                ops.setdefault(op, {}).update(nl.attrs(entry))


def number(data):
    return int.from_bytes(data, sys.byteorder)


def check(set_name, index, seen):
    if set_name in seen:
        return
    seen.add(set_name)
    wanted = {i + 1: (n, e) for i, (n, e) in enumerate(sets[set_name])
              if e["type"] != "pad" and n not in READ_ONLY[set_name]}
    equal("policy of %s: which attributes" % set_name, sorted(policies[index]), sorted(wanted))
    for n, (name, entry) in wanted.items():
        got = policies[index].get(n, {})
        what = {"type": TYPES.get(number(got.get(1, b"\0")))}
        if 4 in got and number(got[4]):
            what["min"] = number(got[4])
        top = {"u8": 255, "u16": 65535, "u32": 2 ** 32 - 1, "u64": 2 ** 64 - 1}.get(what["type"])
        if 5 in got and number(got[5]) != top:
            what["max"] = number(got[5])
        if what["type"] == "binary":
            low, high = number(got.get(6, b"\0")), number(got.get(7, b"\0"))
            what.update({"exact-len": high} if low == high else {"max-len": high})
        expect = {k: entry[k] if k == "type" else int(entry[k])
                  for k in ("type", "min", "max", "exact-len", "max-len") if k in entry}
        equal("policy of %s: %s" % (set_name, name), what, expect)
        if entry["type"] == "nest":
            check(entry["nested-attributes"], number(got[8]), seen)


top = [number(data) for op in ops.values() for data in op.values()]
equal("one policy for all commands", len(set(top)), 1)
equal("policies are given for each command", sorted(ops), list(range(1, 9)))
check("autotunnel", top[0], set())

tap.done()
