#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What lives on connections: LLQs over TCP and TLS, Apple's variant of them, DNS
# Push; and connections that are slow, silent, half open or too many.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
ulimit -n 65536
. "$(dirname "$0")/net.sh"

primary_begin
dnsd_begin 'stream-idle = 3s' 'stream-handshake = 3s' 'streams = 4000' 'streams-per-address = 64'
py 'def pub(*ops, **how): return up("direct", *ops, zone="pub.example.com.", port=PRIMARY_PORT)' \
	'def alice(*ops): return up("direct", *ops, port=PRIMARY_PORT)' \
	'def n(kind): return status("subscriptions." + kind)' \
	'def closed(t, limit=6):' \
	'    """Seconds until the other end has closed it; None: it did not."""' \
	'    start = time.monotonic()' \
	'    try:' \
	'        while time.monotonic() - start < limit: t.recv(limit)' \
	'    except Closed: return time.monotonic() - start'

# Those that have to be waited for are begun first.
py "idle = Stream('tcp'); exchange(query('www.pub.example.com. A'), via=idle); idle_since = time.monotonic()" \
	"never = Stream('tcp')" \
	"half = socket.create_connection((SERVER, TLS_PORT))" \
	"slow = Stream('tcp'); slow.sock.sendall(b'\\0\\x40abc')" \
	"slow_tls = Stream('tls'); slow_tls.sock.sendall(b'\\0')"

# --- LLQs over TCP and TLS ------------------------------------------------------------

for via in tcp tls; do
	eq "$via: one step" "l = Llq('www.pub.example.com. A', via='$via'); l.setup()" '0 192.0.2.1'
	eq "$via: it is one" "n('$via')" 1
	eq "$via: an event" "pub('add www 120 A 192.0.2.50'); l.changes(1)" '+A 192.0.2.50'
	sure "$via: which needs no acknowledgement" \
		"pub('add www 120 A 192.0.2.51'); pub('del www A 192.0.2.51'); pub('del www A 192.0.2.50')" \
		"got = l.changes(3); assert got.count('192.0.2.51') in (0, 2) and '-A 192.0.2.50' in got, got" \
		"assert l.quiet(0.3)"
	eq "$via: a refresh" "l.refresh(5000)" 0/5000
	eq "$via: a second on the same connection" "m = Llq('h1.pub.example.com. A', via=l.t); m.setup()" '0 192.0.2.2'
	eq "$via: both" "n('$via')" 2
	eq "$via: one ends" "m.refresh(0)" 0/0
	sure "$via: the connection ends, and all with it" \
		"l.close(); assert until(lambda: n('$via') == 0)"
	eq "$via: in a private zone, not signed: no" "Llq('mac2 A', via='$via').setup()" REFUSED
	eq "$via: signed" "l = Llq('mac2 A', via='$via', k='mac1'); l.setup()" 0
	sure "$via: a signed event" "alice('add mac2 120 A 192.0.2.2')" \
		"e = l.event(); assert str(e) == '+A 192.0.2.2' and e.m.had_tsig; alice('del mac2 A'); l.event()"
	eq "$via: all four steps, too" "x = Llq('h2.pub.example.com. A', via='$via'); x.request(); text_of(x.respond())" '0 192.0.2.3'
	py 'x.close(); l.close()'
done
eq 'three on TLS' "three = Llq('mac3 AAAA', 'static A', 'none A', k='mac2', via='tls'); three.setup()" '0/0/0 192.0.2.80 fd00::3'
sure 'the BTMM rule' "alice('del AutoTunnel-3 A', 'add AutoTunnel-3 120 A 192.0.2.34'); e = three.event()" \
	"assert str(e) == '+AAAA fd00::3' and 'autotunnel-3 a 192.0.2.34' in e.additional, e.additional"

# --- Apple's variant ----------------------------------------------------------------------

eq 'Apple: the set-up names a UDP port' "a = Apple('mac2 A', k='mac1'); a.setup()" 0
eq 'the event comes there, signed' "alice('add mac2 120 A 192.0.2.3'); a.changes(1)" '+A 192.0.2.3'
sure 'not acknowledged, it comes again' "alice('add mac2 120 A 192.0.2.4'); e = a.event(ack=False)" \
	"again = a.event(3, ack=False); assert again.m.id == e.m.id and again.m.had_tsig; a.ack(again); a.seen.append((e.m.id, str(e)))"
sure 'it outlives the connection' "a.t.close(); time.sleep(0.1); alice('del mac2 A 192.0.2.4')" \
	"assert a.changes(1) == '-A 192.0.2.4'"
eq 'is refreshed on another' "a.t = Stream('tls'); a.refresh(5000)" 0/5000
sure 'with another port' "old = a.events; a.events = Udp(); assert a.refresh(5000) == '0/5000'; alice('add mac2 120 A 192.0.2.5')" \
	"assert a.changes(1) == '+A 192.0.2.5' and old.recv(0.1) is None"
eq 'not without a signature' "Apple('www.pub.example.com. A').setup()" 3
py "kept = a.ids"
dnsd_restart
sure 'it survives kill -9' "a.t = Stream('tls'); alice('add mac2 120 A 192.0.2.6'); assert a.changes(1) == '+A 192.0.2.6'"
eq 'and ends when it is told' "a.refresh(0)" 0/0
py "alice('del mac2 A')"
# The daemon is a new one.
py "idle = Stream('tcp'); exchange(query('www.pub.example.com. A'), via=idle); idle_since = time.monotonic()" \
	"never = Stream('tcp')" \
	"half = socket.create_connection((SERVER, TLS_PORT))" \
	"slow = Stream('tcp'); slow.sock.sendall(b'\\0\\x40abc')" \
	"slow_tls = Stream('tls'); slow_tls.sock.sendall(b'\\0')" \
	"live = Llq('www.pub.example.com. A', via='tcp'); live.setup()"

# --- DNS Push -------------------------------------------------------------------------------

sure 'push: a session' "p = Push(alpn='dot'); k = p.keepalive().split(); assert k[0] == '0' and int(k[2]) >= 10000, k"
eq 'subscribe in a public zone' "p.subscribe('www.pub.example.com. A')" 0
eq 'what is there comes first' "p.changes(1)" '+A 192.0.2.1'
eq 'then what changes' "pub('add www 120 A 192.0.2.60'); p.changes(1)" '+A 192.0.2.60'
sure 'and what goes' "pub('del www A 192.0.2.60'); got = p.changes(1); assert got in ('-A 192.0.2.60', '--A'), got"
eq 'a name that is not there is no error' "p.subscribe('none.pub.example.com. TXT')" 0
eq 'a domain of others' "p.subscribe('www.example.net. A')" 9
eq 'a private zone: refused' "p.subscribe('mac3 AAAA')" 5
eq 'alike for what is not there' "p.subscribe('nothing AAAA')" 5
eq 'a signed query binds the session: not with another value' "p.bind('mac1', wrong=True)" REFUSED
eq 'with the right one' "p.bind('mac1')" NOERROR
eq 'not to a second' "p.bind('mac2')" REFUSED
eq 'now it may' "p.subscribe('mac3 AAAA')" 0
eq 'and sees' "p.changes(1)" '+AAAA fd00::3'
eq 'not the zone of others' "p.subscribe('www.bob.example.com. TXT')" 5
eq 'unsubscribe' "p.subscribe('h1.pub.example.com. A', ident=77); p.changes(1)" '+A 192.0.2.2'
sure 'after it nothing comes' "p.unsubscribe(77); time.sleep(0.1); pub('add h1 120 A 192.0.2.61'); assert p.push(0.3) is None"
eq 'a TLV that nobody knows' "p.request(tlv(0xF800))[0]" 11
eq 'a subscription that is malformed' "p.request(tlv(SUBSCRIBE, b'\\3abc'))[0]" 1
sure 'a reconfirm is accepted' "p.t.send(dso(0, tlv(RECONFIRM, absolute('www.pub.example.com.').to_wire() + struct.pack('>HH', 1, 1) + bytes([192, 0, 2, 1]))))" \
	"assert p.keepalive().startswith('0 ')"
eq 'queries go on beside it' "q('www.pub.example.com. A', via=p.t)" 'NOERROR 192.0.2.1'
eq 'another session, another account' "p2 = Push(); p2.bind('bob', 'bob.example.com. SOA')" NOERROR
eq 'which sees its own' "p2.subscribe('www.bob.example.com. TXT'), p2.subscribe('mac3 AAAA')" '(0, 5)'
eq 'they count' "n('push'), n('sessions')" '(4, 2)'
sure 'the same twice ends the session' "assert p2.subscribe('later.bob.example.com. TXT') == 0
try: p2.subscribe('later.bob.example.com. TXT')
except Closed: pass
else: assert closed(p2.t)"
sure 'with all that was in it' "assert until(lambda: n('push') == 3 and n('sessions') == 1)"
sure 'DSO over TCP: NOTIMP' "t = Stream('tcp'); t.send(dso(5, tlv(KEEPALIVE, bytes(8)))); assert t.recv(2)[3] & 15 == 4"
sure 'a message of the server'\''s from a client ends it' "x = Push(); x.keepalive(); x.t.send(dso(0, tlv(PUSH, b'')))" \
	"assert closed(x.t) is not None"
eq 'a host that is removed' "up('account', 'add mac8 0 ' + enrolled('mac8'))" NOERROR
sure 'loses its session' "assert until(lambda: q('www TXT', 'mac8').startswith('NOERROR'))" \
	"p8 = Push(); assert p8.bind('mac8') == 'NOERROR' and p8.subscribe('static A') == 0; p8.changes(1)" \
	"up('account', 'del mac8 TYPE65283'); assert closed(p8.t) is not None"

# --- silence ------------------------------------------------------------------------------------

sure 'a connection that is idle is closed' "assert until(lambda: time.monotonic() > idle_since + 2.8, 9)" "assert closed(idle, 4) is not None"
sure 'one that never said anything' "assert closed(never, 1) is not None"
sure 'a TLS handshake that does not begin' "half.settimeout(1)
try: assert not half.recv(1)
except ConnectionResetError: pass"
sure 'a message that does not end' "assert closed(slow, 1) is not None"
sure 'over TLS, too' "assert closed(slow_tls, 1) is not None"
py "live.changes(99, 0.1)"
eq 'one with an LLQ is not idle' "pub('add www 120 A 192.0.2.70'); live.changes(1)" '+A 192.0.2.70'
eq 'nor one with DNS Push' "p.changes(1)" '+A 192.0.2.70'

# --- by the thousand -----------------------------------------------------------------------------------

sure '64 of one address are the limit' \
	"from_one = [socket.create_connection((SERVER, PORT), source_address=('127.0.0.9', 0)) for i in range(80)]" \
	"[s.setblocking(False) for s in from_one]" \
	"def is_open(s):" \
	"    try: return s.recv(1) != b''" \
	"    except BlockingIOError: return True" \
	"    except OSError: return False" \
	"still = lambda: sum(is_open(s) for s in from_one)" \
	"assert until(lambda: still() <= 64, 3) and still() == 64, still(); [s.close() for s in from_one]"
eq 'others are served' "q('www.pub.example.com. A', via='tcp')[:7]" NOERROR
dnsd_conf 'stream-idle = 60s' 'stream-handshake = 60s' 'streams = 4000' 'streams-per-address = 64'
kill -HUP "$dnsd_pid"
sure '3000 that are silent, half of them TLS' \
	"many = []" \
	"for i in range(3000):" \
	"    many.append(socket.create_connection((SERVER, PORT if i % 2 else TLS_PORT), source_address=('127.0.1.%d' % (i % 60 + 1), 0)))" \
	"assert until(lambda: status('transport.streams') > 2900, 3), status('transport.streams')"
sure 'everybody else is served' "start = time.monotonic()" \
	"for via in ('udp', 'tcp', 'tls'):" \
	"    got = q('www.pub.example.com. A', via=via); assert got.startswith('NOERROR'), (via, got)" \
	"assert time.monotonic() - start < 2"
eq 'events flow' "pub('del www A 192.0.2.70'); live.changes(1)" '-A 192.0.2.70'
dnsd_conf 'stream-idle = 2s' 'stream-handshake = 2s' 'streams = 4000' 'streams-per-address = 64'
kill -HUP "$dnsd_pid"
sure 'when it is not patient they are closed' "assert until(lambda: status('transport.streams') < 20, 8), status('transport.streams')" \
	"[s.close() for s in many]"
dnsd_conf 'stream-idle = 60s' 'stream-handshake = 60s' 'streams = 2000' 'streams-per-address = 64'
kill -HUP "$dnsd_pid"
sure 'over the limit of all, the longest silent make room' \
	"many = [socket.create_connection((SERVER, PORT), source_address=('127.0.2.%d' % (i % 100 + 1), 0)) for i in range(2300)]" \
	"assert until(lambda: status('transport.streams') >= 1900, 3)" \
	"assert until(lambda: q('www.pub.example.com. A', via='tls').startswith('NOERROR'), 4)" \
	"assert status('transport.streams') <= 2000" \
	"[s.close() for s in many]; assert until(lambda: status('transport.streams') < 20, 8)"
sure 'who asks and does not read is cut' \
	"before = rss_kib($dnsd_pid); s = Stream('tcp'); w = query('many.pub.example.com. TXT').to_wire(); w = struct.pack('>H', len(w)) + w" \
	"s.sock.settimeout(5); sent = 0" \
	"try:" \
	"    while sent < 20000: s.sock.sendall(w * 100); sent += 100" \
	"except OSError: pass" \
	"s.sock.close(); after = rss_kib($dnsd_pid); assert after - before < 30000, (before, after, sent)"
sure 'TLS handshakes that break off, 300 times' \
	"hello = open('$DNSD_DIR/tls.crt', 'rb').read()" \
	"for i in range(300):" \
	"    s = socket.create_connection((SERVER, TLS_PORT), source_address=('127.0.3.%d' % (i % 50 + 1), 0))" \
	"    s.sendall((b'\\x16\\x03\\x01\\x02\\x00\\x01\\x00' + hello)[:7 + i % 60]); s.close()" \
	"assert q('www.pub.example.com. A', via='tls').startswith('NOERROR')"
eq 'who was subscribed still is' "pub('add www 120 A 192.0.2.71'); live.changes(1), p.changes(2)[-14:].strip()" \
	"('+A 192.0.2.71', '-A 192.0.2.70')"
dnsd_ends
done_testing
