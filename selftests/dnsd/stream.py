#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask over a TCP connection, and once more over the same one on SIGUSR1."""
import signal
import socket
import sys

import dns.message
import dns.query

server, zone = sys.argv[1:]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
sock = socket.create_connection((server, 53))


def ask(what):
    """One question; the answer has to be a good one."""
    query = dns.message.make_query(zone, "SOA")
    dns.query.send_tcp(sock, query)
    answer, _ = dns.query.receive_tcp(sock, expiration=None)
    assert answer.id == query.id and answer.rcode() == 0
    print(what, flush=True)


ask("first")
signal.sigwait([signal.SIGUSR1])
ask("again")
