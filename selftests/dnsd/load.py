# SPDX-License-Identifier: GPL-2.0-or-later
"""Many leased updates at a time, on a thread of its own, with a record of what was
acknowledged when; and what then has to stand in the zone."""
import random
import select
import socket
import struct
import threading
import time

from client import PORT, SERVER, absolute, granted, parse, signed, update


class Record:
    def __init__(self, name, data):
        self.name, self.data = name, data
        self.since = None	# acknowledged since: from then on it has to be there,
        self.least = 0.0	# until then at least,
        self.most = 0.0		# and not (plus grace) after that


class Load(threading.Thread):
    def __init__(self, n, hosts=("mac1", "mac2", "mac3"), window=16, lease=25, seed=1):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.lease, self.window, self.hosts = lease, window, hosts
        self.records = [Record("u%d.%s" % (i, hosts[i % len(hosts)]), "192.0.2.%d" % (i % 254 + 1))
                        for i in range(n)]
        self.todo = list(reversed(self.records))
        self.repeated = self.refused = self.acked = 0
        self.wrong = []
        self.open = {}		# message ID: [record, octets, MAC, first sent, due]
        self.used = set()	# message IDs
        self.upto = n		# records may be begun: a fast machine waits for its test
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.connect((SERVER, PORT))
        self.error = None

    def send(self, wire):
        try:
            self.sock.send(wire)
        except ConnectionRefusedError:
            pass

    def begin(self):
        # one in five refreshes what is there
        known = self.acked and self.random.random() < 0.2
        r = self.random.choice(self.records[:self.acked]) if known else self.todo.pop()
        host = r.name.split(".", 1)[1]
        m = update(["add %s 60 A %s" % (r.name, r.data)], lease=self.lease)
        # Never one that was used: what was sent again is answered again, maybe late.
        while m.id in self.used:
            m.id = self.random.randrange(65536)
        self.used.add(m.id)
        wire, mac = signed(m.to_wire(), host)
        now = time.monotonic()
        r.most = float("inf")
        self.open[m.id] = [r, wire, mac, now, now + 1, host]
        self.send(wire)

    def answer(self, wire):
        ident = struct.unpack(">H", wire[:2])[0]
        entry = self.open.get(ident)
        if not entry:
            return
        r, _, mac, sent, _, host = entry
        m = parse(wire, host, mac)
        del self.open[ident]
        now = time.monotonic()
        if m.rcode():
            # Maybe it was done: until it is asked for again, nothing is known.
            self.refused += 1
            if m.rcode() != 2:
                self.wrong.append((r.name, m.rcode()))
            if r.since is None:
                self.todo.append(r)
            return
        if granted(m) != str(self.lease):
            self.wrong.append((r.name, granted(m)))
        r.since = r.since or now
        r.least = max(r.least, sent + self.lease)
        # Another one for the same name that is still out may last longer.
        r.most = float("inf") if any(e[0] is r for e in self.open.values()) else now + self.lease
        self.acked = self.front()

    def front(self):
        """How many from the first on are acknowledged."""
        n = self.acked
        while n < len(self.records) and self.records[n].since:
            n += 1
        return n

    def run(self):
        try:
            self.loop()
        except Exception as e:
            self.error = e
            raise

    def loop(self):
        while self.todo or self.open:
            while self.todo and len(self.open) < self.window and \
                    len(self.records) - len(self.todo) < self.upto:
                self.begin()
            ready, _, _ = select.select([self.sock], [], [], 0.1)
            if ready:
                try:
                    self.answer(self.sock.recv(65535))
                except ConnectionRefusedError:
                    time.sleep(0.01)
            now = time.monotonic()
            for entry in self.open.values():
                if now >= entry[4]:
                    self.repeated += 1
                    entry[4] = now + 1
                    self.send(entry[1])

    def judge(self, zone, begun, ended, grace=5.0):
        """What is wrong with a zone that was transferred between these times."""
        bad = []
        present = 0
        for r in self.records:
            name = absolute(r.name)
            node = zone.get_node(name)
            has = node is not None and node.get_rdataset(1, 1) is not None
            marked = node is not None and node.get_rdataset(1, 65282) is not None
            present += has
            if has != marked:
                bad.append("%s: record %s, marker %s" % (r.name, has, marked))
            if r.since and r.since < begun and ended < r.least and not has:
                bad.append("%s: is missing, %.2f s early; least %.2f most %.2f" % (
                    r.name, r.least - ended, r.least, r.most))
            if has and begun > r.most + grace:
                bad.append("%s: %.1f s too long" % (r.name, begun - r.most))
        return bad, present
