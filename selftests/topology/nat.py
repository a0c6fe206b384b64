#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What kind of NAT is between two hosts, found out as RFC 5780 does.

nat.py serve ADDRESS ADDRESS PORT PORT
	a server with two addresses and two ports, which answers with the address and
	port that it sees, from those that the request names
nat.py ask ADDRESS ADDRESS PORT PORT LOCAL-PORT
	prints mapping, filtering, whether the port is kept, and the address seen
nat.py seen ADDRESS PORT LOCAL-PORT
	prints the port by which the server sees that one
nat.py echo ADDRESS PORT
	sends back what comes
nat.py ask-echo ADDRESS PORT [LOCAL-PORT]
	fails, if that does not answer within a second
"""
import json
import select
import socket
import sys


def udp(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # with the echo's port, too: of two sockets the later one is answered
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    return s


def serve(places):
    sockets = {p: udp(*p) for p in places}
    print("ready", flush=True)
    while True:
        for s in select.select(list(sockets.values()), [], [])[0]:
            request, peer = s.recvfrom(1500)
            for place in json.loads(request):
                place = tuple(place)
                sockets[place].sendto(json.dumps([place, peer]).encode(), peer)


def ask(s, to, *places):
    """Answers by the place they come from; the last place named always answers, and
    what was sent before it is not overtaken: so nobody waits for what does not come."""
    answers = {}
    for wait in (1, 2, 4):
        s.settimeout(wait)
        s.sendto(json.dumps(places).encode(), to)
        try:
            while places[-1] not in answers:
                answer, source = s.recvfrom(1500)
                place, seen = json.loads(answer)
                assert tuple(place) == source
                answers[source] = tuple(seen)
            return answers
        except socket.timeout:
            pass
    sys.exit("no answer from %s:%d" % to)


def kind(a, b, p, q, local):
    s = udp("0.0.0.0", local)
    seen = [ask(s, to, to)[to] for to in ((a, p), (a, q), (b, p))]
    mapping = "port" if seen[0] != seen[1] else "address" if seen[0] != seen[2] else "any"
    answers = ask(udp("0.0.0.0", local + 1), (a, p), (b, q), (a, q), (a, p))
    filtering = "any" if (b, q) in answers else "address" if (a, q) in answers else "port"
    kept = "keep" if seen[0][1] == local else "random"
    print("map=%s filter=%s ports=%s %s" % (mapping, filtering, kept, seen[0][0]))


def echo(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    while True:
        s.sendto(*s.recvfrom(1500))


def ask_echo(address, port, local=0):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::" if ":" in address else "0.0.0.0", local))
    s.settimeout(1)
    s.sendto(b"hello", (address, port))
    try:
        answer, peer = s.recvfrom(1500)
    except OSError as e:
        sys.exit(str(e))
    if answer != b"hello" or peer[:2] != (address, port):
        sys.exit("%r from %r" % (answer, peer))


command, args = sys.argv[1], [int(x) if x.isdigit() else x for x in sys.argv[2:]]
if command == "serve":
    serve([(x, y) for x in args[:2] for y in args[2:]])
elif command == "ask":
    kind(*args)
elif command == "seen":
    place = tuple(args[:2])
    print(ask(udp("0.0.0.0", args[2]), place, place)[place][1])
elif command == "echo":
    echo(*args)
else:
    ask_echo(*args)
