#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btmm-dnsd as a mirror: how much more it sends by UDP than it gets, for each kind of
# message, to somebody whose address nobody has verified; and whether it can be made to
# talk with itself. (dnsd/abuse.t and dnsd/llq.t have what else comes by UDP.)
# kernels: uml
# timeout: 180
. "$(dirname "$0")/../lib/tap.sh"
ulimit -n 16384
. "$(dirname "$0")/../dnsd/net.sh"
need python3

primary_begin
dnsd_begin
# octets of IPv4 and UDP are counted, too: an attacker pays for them, and the victim
py "import itertools" \
	"HEAD = 28; victims = itertools.count(2)" \
	"def mirror(wire, wait=0.25):" \
	"    n = next(victims); t = Udp(src='127.0.%d.%d' % (20 + n // 250, n % 250 + 1)); t.send(wire)" \
	"    out = number = 0" \
	"    while True:" \
	"        got = t.recv(wait if number == 0 else 0.05)" \
	"        if got is None: break" \
	"        out += len(got) + HEAD; number += 1" \
	"    t.close()" \
	"    return len(wire) + HEAD, out, number" \
	"worst = {}" \
	"def factor(group, what, wire):" \
	"    sent, got, number = mirror(wire)" \
	"    worst[group] = max(worst.get(group, (0, '')), (got / sent, '%s: %d for %d' % (what, got, sent)))" \
	"    assert number <= 1, (what, number)" \
	"    return got / sent"

sure 'STUN' \
	"factor('STUN', 'a request', struct.pack('>HHI', 1, 0, 0x2112A442) + bytes(12))" \
	"for n in (1, 4, 16, 17, 100):" \
	"    body = b''.join(struct.pack('>HH', 0x7f00 + i, 0) for i in range(n))" \
	"    factor('STUN', '%d unknown attributes' % n, struct.pack('>HHI', 1, len(body), 0x2112A442) + bytes(12) + body)" \
	"for kind in (0x0011, 0x0101, 0x0111, 2, 3):" \
	"    assert factor('STUN', 'type %x' % kind, struct.pack('>HHI', kind, 0, 0x2112A442) + bytes(12)) == 0, kind"
sure 'Long-Lived Queries: the first step, and later ones without an ID that is good' \
	"for name in ('www.pub.example.com. A', 'many.pub.example.com. TXT', 'mac2 AAAA', 'www.example.net. A', 'h1.pub.example.com. A'):" \
	"    l = Llq(name); factor('LLQ', name, l.wire([Option()]))" \
	"    for op in (1, 2, 3): factor('LLQ', '%s, step with an ID, %d' % (name, op), l.wire([Option(op, b'12345678')]))" \
	"    factor('LLQ', name + ' of another version', l.wire([Option(version=9)]))" \
	"three = Llq(*['h%d.pub.example.com. A' % i for i in range(40)])" \
	"factor('LLQ', '40 questions', three.wire([Option()] * 40))" \
	"factor('LLQ, many', '40 questions, one option', three.wire([Option()]))" \
	"opt = bytes([0, 0, 41, 255, 255, 0, 0, 0, 0, 0, 22, 0, 1, 0, 18]) + struct.pack('>HHH8sI', 1, 1, 0, bytes(8), 3600)" \
	"for n in (2, 20, 64, 200):" \
	"    w = struct.pack('>HHHHHH', 7, 0, n, 0, 0, 1) + absolute('h1.pub.example.com.').to_wire() + bytes([0, 1, 0, 1])" \
	"    factor('LLQ, many', '%d questions in a few octets, one option' % n, w + bytes([0xc0, 12, 0, 1, 0, 1]) * (n - 1) + opt)"
sure 'a private zone: all that a stranger can ask for' \
	"for name in ('alice.example.com.', 'mac1', 'mac2', 'www', 'ns', 'nothing', '_dns-llq._udp', '_dns-push-tls._tcp', '_autotunnel._udp.mac3', '_acme-challenge', '_http._tcp'):" \
	"    for kind in ('A', 'AAAA', 'TXT', 'SRV', 'PTR', 'ANY', 'SOA', 'NS', 'TYPE65282', 'TYPE65283', 'RRSIG', 'AXFR', 'IXFR'):" \
	"        for edns in (True, False): factor('private', name + ' ' + kind, query(name + ' ' + kind, edns=edns, payload=65535).to_wire())"
sure 'a public zone, with a set that just fits' \
	"got = up('direct', *['add big 120 TXT %s' % ('%03d' % i + 'x' * 197) for i in range(5)], zone='pub.example.com.', port=PRIMARY_PORT); assert got == 'NOERROR', got" \
	"assert until(lambda: q('big.pub.example.com. TXT', payload=1232).count('xxx') >= 5, 10) is not None" \
	"factor('public', 'big.pub.example.com. TXT', query('big.pub.example.com. TXT', payload=1232).to_wire())" \
	"for name in ('many.pub.example.com. TXT', 'many.pub.example.com. ANY', 'pub.example.com. ANY', 'www.pub.example.com. A', 'x.wild.pub.example.com. A'):" \
	"    for size in (512, 1232, 4096, 65535):" \
	"        factor('public', '%s, %d' % (name, size), query(name, payload=size).to_wire())" \
	"    factor('public, no EDNS', name, query(name, edns=False).to_wire())"
sure 'updates, notices, other opcodes, DSO: without a signature, or with a wrong one' \
	"wrong = key('mac1', secret=b'x' * 32)" \
	"u = update(['add mac1 60 A 192.0.2.1'], lease=3600).to_wire()" \
	"for what, w in (('update', u), ('update, wrong key', signed(u, wrong)[0]), ('update, unknown key', signed(u, 'bob')[0])," \
	"        ('update, old', signed(u, 'mac1', when=1000)[0]), ('question, wrong key', signed(query('mac2 A').to_wire(), wrong)[0])," \
	"        ('LLQ, wrong key', signed(Llq('mac2 A').wire([Option()]), wrong)[0])," \
	"        ('DSO', dso(9, tlv(KEEPALIVE, bytes(8)))), ('DSO', dso(9, tlv(SUBSCRIBE, bytes(20))))):" \
	"    factor('others', what, w)" \
	"for opcode in range(16): factor('others', 'opcode %d' % opcode, struct.pack('>HHHHHH', 9, opcode << 11, 0, 0, 0, 0))" \
	"for opcode in range(16): factor('others', 'opcode %d' % opcode, struct.pack('>HHHHHH', 9, opcode << 11, 1, 0, 0, 0) + absolute('alice.example.com.').to_wire() + bytes([0, 6, 0, 1]))" \
	"for n in (0, 1, 11, 12, 13, 40): factor('others', '%d octets' % n, bytes(n))"
sure 'answers are not answered' \
	"for m in (query('www.pub.example.com. A'), query('many.pub.example.com. TXT'), update(['add mac1 60 A 192.0.2.1'])):" \
	"    m.flags |= dns.flags.QR" \
	"    assert mirror(m.to_wire())[2] == 0, m" \
	"l = Llq('www.pub.example.com. A'); w = bytearray(l.wire([Option(3, b'12345678')])); w[2] |= 0x80; assert mirror(bytes(w))[2] == 0" \
	"w = bytearray(12); w[2] = 0x80; assert mirror(bytes(w))[2] == 0"
diag "$(py "for g, (f, what) in worst.items(): print('%-16s %5.2f  %s' % (g, f, what))")"

# As Documentation/attacks.md has them
for bound in STUN=1.6 LLQ=1.3 'LLQ, many=1' private=2.5 others=2.2; do
	sure "${bound%=*}: at most ${bound#*=} octets for one" "assert worst['${bound%=*}'][0] <= ${bound#*=}, worst['${bound%=*}']"
done
sure 'a public zone: never more than 1232 octets' "assert all(mirror(query(n + '.pub.example.com. TXT', payload=s).to_wire())[1] <= 1232 + HEAD for s in (1232, 4096, 65535) for n in ('many', 'big'))" \
	"assert worst['public'][0] > 10, worst['public']"
sure 'and 512 without EDNS' "assert mirror(query('many.pub.example.com. TXT', edns=False).to_wire())[1] <= 512 + HEAD"

# --- in its own name, to itself --------------------------------------------------------------
py "import sys" "sys.path.insert(0, '$PWD/selftests/tunnel')" "import raw" \
	"def seen(): return status('transport.udp_in')"
sure 'in its own name to itself: it does not talk with itself' \
	"before = seen()" \
	"words = [query('www.pub.example.com. A').to_wire(), bytes(12), struct.pack('>HHI', 1, 0, 0x2112A442) + bytes(12), Llq('www.pub.example.com. A').wire([Option()]), update(['add mac1 60 A 192.0.2.1']).to_wire()]" \
	"for w in words * 20: raw.send('127.0.0.1', 53, '127.0.0.1', 53, w)" \
	"until(lambda: seen() >= before + 200); time.sleep(0.3); n = seen() - before" \
	"assert 100 <= n <= 210, n"
eq 'it answers' "q('www.pub.example.com. A')" 'NOERROR 192.0.2.1'
dnsd_ends
done_testing
