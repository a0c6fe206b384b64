#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""asynccrypto.py NAME: makes a crypto algorithm, such as
"pcrypt(rfc4106(gcm(aes)))", so that the next SA of its kind is asynchronous;
asynccrypto.py -d NAME: removes it, when the last SA has gone."""
import errno
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import nl                                                   # noqa: E402

NETLINK_CRYPTO, NEWALG, DELALG = 21, 16, 17
AEAD, TYPE_MASK = 3, 15



def there(template):
    """It goes by the names of what is inside: pcrypt(rfc4106(gcm_base(...)))."""
    with open("/proc/crypto") as f:
        return [line.split()[2] for line in f if line.startswith("driver") and
                line.split()[2].startswith(template)]


def request(kind, name):
    # struct crypto_user_alg: name, driver name, module name, type, mask, refcnt, flags
    sock.send(kind, nl.NLM_F_ACK, struct.pack(
        "=64s64s64sIIII", b"", name.encode(), b"", AEAD, TYPE_MASK, 0, 0))
    try:
        list(sock.replies())
    except nl.Refused as e:
        return e
    return None


name = sys.argv[-1]
start = name.split("(")[0] + "(" + name.split("(")[1] + "("
sock = nl.Netlink(NETLINK_CRYPTO)
if sys.argv[1] == "-d":
    end = time.monotonic() + 30
    while time.monotonic() < end:
        left = there("seqiv(" + start) + there(start)
        if not left:
            sys.exit(0)
        for driver in left:
            why = request(DELALG, driver)
        time.sleep(0.1)
    sys.exit("%s: %s" % (left[0], why))
if not there(start):
    why = request(NEWALG, name)
    # EAGAIN: it was made just now, and could be looked up once more
    if why and (why.errno not in (errno.EEXIST, errno.EAGAIN) or not there(start)):
        sys.exit("%s: %s" % (name, why))
