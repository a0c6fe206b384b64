#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""naive.py MINIUPNPD COPY ADDRESS: a copy that takes a private ADDRESS outside for
one that can be reached, as many gateways do and this one no longer does. Of its table
of reserved networks one entry is changed, so that it names another a second time."""
import ipaddress
import os
import struct
import sys

source, copy, address = sys.argv[1:]


def entry(network):
    n = ipaddress.ip_network(network)
    return struct.pack("<II", int(n.network_address), 32 - n.prefixlen)


for network in ("10.0.0.0/8", "100.64.0.0/10", "192.168.0.0/16"):
    if ipaddress.ip_address(address) in ipaddress.ip_network(network):
        break
else:
    sys.exit("%s is not private" % address)
with open(source, "rb") as f:
    program = f.read()
if program.count(entry(network)) != 1:
    sys.exit("the table is not where it was")
with open(copy, "wb") as f:
    f.write(program.replace(entry(network), entry("127.0.0.0/8")))
os.chmod(copy, 0o755)
