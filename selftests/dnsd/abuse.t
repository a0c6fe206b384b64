#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a network can send: garbage, mutated messages, loops of compression,
# counts that lie, messages of any size, floods of bad signatures. The daemon
# answers what can be answered, lives, and neither its memory nor its log grow.
# BTMM_ABUSE: messages of each kind (default 1500).
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
ulimit -n 16384
. "$(dirname "$0")/net.sh"

n=${BTMM_ABUSE:-1500}
primary_begin
dnsd_begin
good() { eq "$1: the daemon answers" "q('www.pub.example.com. A')" 'NOERROR 192.0.2.1'; }
py "import random" "rnd = random.Random(4711)" \
	"t = Udp()" \
	"def fire(wire, t=t):" \
	"    t.send(wire[:65000])" \
	"def drain(t=t):" \
	"    n = 0" \
	"    while t.recv(0.05 if not n else 0.01) is not None: n += 1" \
	"    return n" \
	"def alive(limit=5): return q('www.pub.example.com. A', timeout=limit) == 'NOERROR 192.0.2.1'" \
	"l = Llq('mac2 A', k='mac1'); l.setup()" \
	"seeds = [query('www.pub.example.com. A').to_wire()," \
	"    signed(query('www TXT').to_wire(), 'mac1')[0]," \
	"    signed(update(['nx x.mac1', 'add mac1 60 TXT a', 'del mac1 A', 'add mac1 60 SRV 0 0 1 mac1'], lease=3600).to_wire(), 'mac1')[0]," \
	"    Llq('www.pub.example.com. A', 'h1.pub.example.com. A').wire([Option(), Option()])," \
	"    Llq('mac2 A', k='mac1').wire([Option()])," \
	"    Llq('mac2 A').wire([Option(2, l.ids[0])])," \
	"    struct.pack('>HHI', 1, 0, 0x2112A442) + bytes(12)," \
	"    dso(9, tlv(SUBSCRIBE, absolute('www.pub.example.com.').to_wire() + bytes([0, 1, 0, 1]))), dso(0, tlv(PADDING, bytes(20)))]" \
	"notify_ = dns.message.make_query('pub.example.com.', 'SOA'); notify_.set_opcode(4); seeds.append(notify_.to_wire())" \
	"def mutate(w):" \
	"    w = bytearray(w)" \
	"    for _ in range(rnd.choice((1, 1, 2, 3, 8))):" \
	"        kind = rnd.randrange(6)" \
	"        if not w: break" \
	"        at = rnd.randrange(len(w))" \
	"        if kind == 0: w[at] ^= 1 << rnd.randrange(8)" \
	"        elif kind == 1: w[at] = rnd.choice((0, 1, 63, 64, 127, 128, 191, 192, 255))" \
	"        elif kind == 2: del w[at:at + rnd.randrange(1, 9)]" \
	"        elif kind == 3: w[at:at] = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 9)))" \
	"        elif kind == 4 and len(w) > 12: w[rnd.randrange(4, 12)] = rnd.randrange(4)" \
	"        else: w[at:at + 2] = struct.pack('>H', 0xC000 | rnd.randrange(min(len(w) + 2, 16384)))" \
	"    return bytes(w)"
py "before = rss_kib($dnsd_pid)"

sure 'garbage by UDP' "for i in range($n):" \
	"    fire(bytes(rnd.randrange(256) for _ in range(rnd.choice((0, 1, 2, 11, 12, 13, 40, 200, 700)))))" \
	"    if i % 100 == 99: drain()"
good garbage
sure 'mutated messages by UDP' "for i in range($n * 2):" \
	"    fire(mutate(rnd.choice(seeds)))" \
	"    if i % 100 == 99: drain()"
good 'mutated messages'
sure 'every message cut off at every octet' "for w in seeds:" \
	"    for i in range(len(w)): fire(w[:i])" \
	"    drain()"
good 'cut off'
for via in tcp tls; do
	sure "mutated messages by $via" "s = None" \
		"for i in range($n // 2):" \
		"    try:" \
		"        s = s or Stream('$via', src='127.0.4.%d' % (i % 50 + 1))" \
		"        s.send(mutate(rnd.choice(seeds)))" \
		"        if i % 20 == 19:" \
		"            while s.recv(0.005) is not None: pass" \
		"    except (Closed, OSError): s = None"
	good "$via"
	sure "garbage where a message should be: $via" \
		"for i in range(100):" \
		"    s = Stream('$via', src='127.0.5.%d' % (i % 50 + 1))" \
		"    try: s.sock.sendall(bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 3000))))" \
		"    except OSError: pass" \
		"    s.close()"
	sure "messages of 0 and of 65535 octets: $via" "s = Stream('$via')" \
		"try:" \
		"    s.sock.sendall(b'\\0\\0' * 50); s.send(seeds[0][:12] + bytes(65523)); s.send(bytes(65535)); s.recv(0.3)" \
		"except (Closed, OSError): pass"
	good "$via, large"
done

# A name that is a loop, one that points ahead, one that is too long.
py 'def crafted(name, counts=(1, 0, 0, 0), opcode=0, rest=b""):' \
	'    return struct.pack(">HHHHHH", rnd.randrange(65536), opcode << 11, *counts) + name + struct.pack(">HH", 1, 1) + rest'
l() { eq "$1" "m = $2; t2 = Udp(); t2.send(m); r = t2.recv(2); r and r[3] & 15" "${3-1}"; }
for opcode in 0 4 5; do
	l "a loop of compression (opcode $opcode)" "crafted(b'\\xc0\\x0c', opcode=$opcode)"
	l 'a loop of two' "crafted(b'\\xc0\\x0e\\xc0\\x0c', opcode=$opcode)"
	l 'a pointer ahead' "crafted(b'\\xc0\\xff', opcode=$opcode)"
	l 'a name without an end' "crafted(b'\\x3f' + b'a' * 63, opcode=$opcode)"
	l 'a name of 300 octets' "crafted((b'\\x31' + b'a' * 49) * 6 + b'\\0', opcode=$opcode)"
	l 'a label of a kind that is none' "crafted(b'\\x80\\0', opcode=$opcode)"
	l 'counts that lie' "crafted(b'\\3www\\0', (1, 65535, 65535, 65535), opcode=$opcode)"
done
l '65535 questions' "crafted(b'\\3www\\0', (65535, 0, 0, 0))"
sure 'a message of 60 kB that is all pointers' \
	"w = struct.pack('>HHHHHH', 5, 5 << 11, 1, 0, 5000, 0) + ZONE.to_wire() + struct.pack('>HH', 6, 1)" \
	"w += (b'\\1a' * 60 + b'\\xc0\\x0c' + struct.pack('>HHIH', 1, 1, 60, 4) + b'\\1\\2\\3\\4') + (b'\\xc0\\x23' + struct.pack('>HHIH', 1, 1, 60, 4) + b'\\1\\2\\3\\4') * 3700" \
	"s = Stream('tcp'); start = time.monotonic(); s.send(signed(w[:65000], 'mac1')[0])" \
	"try: s.recv(3)" \
	"except Closed: pass" \
	"assert alive() and time.monotonic() - start < 4"
sure '1000 questions and options in one LLQ message' \
	"o = Option().edns(); m = Llq(*['h%d.pub.example.com. A' % (i % 250) for i in range(1000)], via='tcp')" \
	"w = m.wire([Option()] * 1000); m.t.send(w)" \
	"try: got = m.t.recv(3)" \
	"except Closed: got = None" \
	"assert alive()"
eq 'more records than an update may have' "up('mac1', *['add mac1 60 A 192.0.%d.%d' % (i // 250, i % 250) for i in range(1100)], lease=3600, via='tcp')" REFUSED
good 'crafted messages'

sure 'bad signatures by the thousand' "w = bytearray(signed(query('www TXT').to_wire(), 'mac1')[0])" \
	"for i in range($n * 2):" \
	"    w[-20] = i & 255; w[0] = i & 255; fire(bytes(w))" \
	"    if i % 100 == 99: drain()"
good 'bad signatures'
sure 'updates that are not allowed, by the hundred' "for i in range(300):" \
	"    assert up('mac1', 'add mac2 60 A 192.0.2.1', lease=3600, via=t) == 'REFUSED'"
sure 'floods from many addresses' "for i in range(400):" \
	"    u = Udp(src='127.0.%d.%d' % (6 + i // 200, i % 200 + 1)); u.send(rnd.choice(seeds)); u.send(mutate(rnd.choice(seeds))); u.close()"
good floods
sure 'LLQs that are begun and left' "for i in range($n):" \
	"    x = Llq('h%d.pub.example.com. A' % (i % 250), via=t); t.send(x.wire([Option()]))" \
	"    if i % 100 == 99: drain()" \
	"assert status('subscriptions.udp') < 10"

eq 'who was subscribed still is' "up('mac2', 'add mac2 60 A 192.0.2.2', lease=3600), l.changes(1)" \
	"('NOERROR 3600', '+A 192.0.2.2')"
# (a sanitizer keeps what is freed)
[[ $BTMM_DNSD = *-san ]] || sure 'its memory has not grown by more than 20 MB' "after = rss_kib($dnsd_pid); assert after - before < 20000, (before, after)"
sure 'it has counted' "m = control()['messages']; assert m['malformed'] > $n / 3 and m['bad_signature'] > $n / 3, m"
diag "$(wc -l <"$TEST_OUT/dnsd.log") lines of log"
cmp_num 'its log is short' "$(wc -c <"$TEST_OUT/dnsd.log")" -lt 30000
eq 'static data is as it was' "primary('static A'), primary('mac3 AAAA')" "('NOERROR 192.0.2.80', 'NOERROR fd00::3')"
dnsd_ends
done_testing
