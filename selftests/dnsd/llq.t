#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Long-Lived Queries over UDP (RFC 8764): the four steps and what can go wrong in
# each, events and their acknowledgements, TSIG, refreshes, the BTMM rule,
# limits, restarts.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need nsupdate

primary_begin
dnsd_begin
py 'def pub(*ops, **how): return up("direct", *ops, zone="pub.example.com.", port=PRIMARY_PORT)' \
	'def n_udp(): return status("subscriptions.udp")'

# An event that nobody acknowledges; looked at much later.
py "import threading" \
	"deaf = Llq('deaf.pub.example.com. A'); assert deaf.setup() == '0'; arrived = []" \
	"def listen():" \
	"    while len(arrived) < 3:" \
	"        e = deaf.event(30, ack=False)" \
	"        if e is None: return" \
	"        arrived.append((e.at, e.m.id, str(e)))" \
	"threading.Thread(target=listen, daemon=True).start()" \
	"pub('add deaf 120 A 192.0.2.1'); deaf_since = time.monotonic()"

# --- the four steps ------------------------------------------------------------------

sure 'step 2: the challenge' "l = Llq('www.pub.example.com. A'); c = l.request(); o = c.llq[0]" \
	"assert o.id != NONE and (o.version, o.opcode, o.error, o.lease) == (1, 1, 0, 3600), vars(o)"
sure 'it has no answers' "not c.answer"
eq 'it costs the server nothing yet' 'n_udp()' 1
sure 'step 4: the answers' "a = l.respond(); o = a.llq[0]" \
	"assert o.id == l.ids[0] and o.error == 0 and 3590 <= o.lease <= 3600, vars(o)" \
	"assert a.answer[0][0].to_text() == '192.0.2.1'"
eq 'now there is an LLQ' 'n_udp()' 2
sure 'step 4 is lost: step 3 again gets it again' "w = l.sent" \
	"l.send(w); m = l.answer(); assert m.llq[0].id == l.ids[0] and m.answer"
sure 'step 3 anew, too' "assert l.respond().llq[0].id == l.ids[0]"
eq 'it is one LLQ' 'n_udp()' 2
sure 'step 2 is lost: step 1 again gets a challenge that is good' \
	"l2 = Llq('h1.pub.example.com. A'); l2.request(); l2.send(l2.sent); l2.answer()" \
	"assert l2.request().llq[0].error == 0 and text_of(l2.respond()) == '0 192.0.2.2'"
sure 'an old challenge is good, too' "l3 = Llq('h2.pub.example.com. A'); l3.request(); old = l3.ids" \
	"l3.request(); l3.ids = old; assert text_of(l3.respond()) == '0 192.0.2.3'"
py 'l2.close(); l3.close(); base = n_udp()'
eq 'less than 15 minutes: 15 minutes' "l2 = Llq('h1.pub.example.com. A', lease=1); l2.setup(); print(l2.granted[0])" 900
eq 'more than two hours: two hours' "l3 = Llq('h2.pub.example.com. A', lease=100000); l3.setup(); print(l3.granted[0])" 7200

sure 'a step 3 with another ID' "x = Llq('h3.pub.example.com. A'); x.request(); x.ids = [b'12345678']" \
	"assert x.respond().llq[0].error == 4"
sure 'with another lease' "x.request(); x.granted = [5000]; assert x.respond().llq[0].error == 4"
sure 'for another question' "x.request(); x.questions = ['h4.pub.example.com. A']; assert x.respond().llq[0].error == 4"
sure 'from another address' "x.request(); y_ = Llq('h4.pub.example.com. A', src='127.0.0.9'); y_.ids, y_.granted = x.ids, [3600]" \
	"assert y_.respond().llq[0].error == 4"
sure 'from another port' "y_ = Llq('h4.pub.example.com. A'); y_.ids, y_.granted = x.ids, [3600]" \
	"assert y_.respond().llq[0].error == 4"
eq 'none of them made an LLQ' 'n_udp() - base' 2

e() { eq "$1" "x = Llq('h5.pub.example.com. A'); m = x.ask($2); print(dns.rcode.to_text(m.rcode()), m.llq[0].error, m.llq[0].version)" "$3"; }
e 'another version' 'Option(version=2)' 'NOERROR 5 1'
e 'another opcode' 'Option(opcode=7)' 'NOERROR 3 1'
e 'an event as a request' 'Option(opcode=3)' 'NOERROR 3 1'
e 'an error in a request' 'Option(error=1)' 'NOERROR 3 1'
e 'two options, one question' 'Option(), Option()' 'NOERROR 3 1'
e 'a refresh of nothing' "Option(2, b'abcdefgh')" 'NOERROR 4 1'
eq 'any type' "Llq('h5.pub.example.com. ANY').setup()" 3
eq 'the same question twice' "Llq('h5.pub.example.com. A', 'H5.pub.example.com. A').setup()" 3/3
eq 'an option that is too short' "m = query('h5.pub.example.com. A', options=[dns.edns.GenericOption(1, bytes(17))])
r = exchange(m); print(dns.rcode.to_text(r.rcode()), options_of(r)[0].error)" 'NOERROR 3'
eq 'no question' "m = Llq().message([Option()]); r = exchange(m); print(dns.rcode.to_text(r.rcode()), options_of(r)[0].error)" \
	'NOERROR 3'
eq 'three questions at once' "three = Llq('h6.pub.example.com. A', 'h7.pub.example.com. A', 'none.pub.example.com. A'); print(three.setup())" \
	'0/0/0 192.0.2.7 192.0.2.8'
eq 'a domain of others' "Llq('www.example.net. A').setup()" REFUSED

# --- events -----------------------------------------------------------------------------------

sure 'an event' "pub('add www 120 A 192.0.2.50'); ev = l.event(); assert str(ev) == '+A 192.0.2.50', ev" \
	"assert ev.option.id == l.ids[0] and (ev.option.opcode, ev.option.error, ev.option.lease) == (3, 0, 0)" \
	"assert ev.m.question[0].name == absolute('www.pub.example.com.') and ev.m.flags & dns.flags.QR" \
	"assert l.t.peer == (SERVER, PORT)"
sure 'what is acknowledged does not come again' "assert l.quiet(2.6)"
eq 'one event for what changes together' "pub('del www A 192.0.2.50', 'add www 120 A 192.0.2.51', 'add www 120 A 192.0.2.52'); print(l.event())" \
	'+A 192.0.2.51; +A 192.0.2.52; -A 192.0.2.50'
sure 'another type of the name is no event' "pub('add www 60 TXT x'); assert l.quiet(0.3)"
sure 'nor what is there already' "pub('add www 120 A 192.0.2.51'); assert l.quiet(0.3)"
eq 'each question of three has its events' "pub('add h6 120 A 192.0.2.60', 'del h7', 'add none 120 A 192.0.2.61')
print(three.changes(3))" '+A 192.0.2.60; +A 192.0.2.61; -A 192.0.2.8'
sure 'while one is not acknowledged, later ones wait and are put together' \
	"pub('add www 120 A 192.0.2.70'); first = l.event(ack=False)" \
	"pub('add www 120 A 192.0.2.71'); pub('del www A 192.0.2.71'); pub('add www 120 A 192.0.2.72')" \
	"pub('del www A 192.0.2.70')" \
	"assert str(first) == '+A 192.0.2.70'" \
	"e2 = l.event(2.5, ack=False); assert e2.m.id == first.m.id, e2; l.ack(e2); l.seen.append((e2.m.id, str(e2)))" \
	"e3 = l.event(1); assert str(e3) == '+A 192.0.2.72; -A 192.0.2.70', e3"
sure 'an acknowledgement of who is somebody else does not count' \
	"pub('add www 120 A 192.0.2.73'); e4 = l.event(ack=False)" \
	"thief = Udp(src='127.0.0.9'); thief.send(l.ack_wire(e4)); thief = Udp(); thief.send(l.ack_wire(e4))" \
	"l.ack(e4, ident=b'12345678'); again = l.event(2.5, ack=False); assert again and again.m.id == e4.m.id; l.ack(again)"
sure 'acknowledgements twice, and of nothing, do no harm' "l.ack(e4); l.ack(e4); l.ack(first)" \
	"pub('add www 120 A 192.0.2.74'); assert str(l.event()) == '+A 192.0.2.74'"
eq 'who knows nothing of an LLQ says so in the acknowledgement' "pub('add h1 120 A 192.0.2.50')
n = n_udp(); e1 = l2.event(ack=False); l2.ack(e1, error=4); until(lambda: n_udp() == n - 1) is not None" ''
eq 'too many answers for one message come as events' "m = Llq('many.pub.example.com. TXT', payload=512); first = m.setup()
n = len(m.m.answer); assert 0 < n < 20, n
rest = m.changes(60 - n); print(len(set(rest.split('; ')) | set('+TXT ' + rd.to_text() for r in m.m.answer for rd in r)))" 60
sure 'each in no more than 512 octets' "assert len(m.last) <= 512"

# --- refresh ---------------------------------------------------------------------------------------

eq 'a refresh' "l.refresh(5000)" 0/5000
eq 'of three' "three.refresh(1800)" '0/1800 0/1800 0/1800'
eq 'one that is too short' "l.refresh(1)" 0/900
eq 'of another'\''s LLQ' "x = Llq('www.pub.example.com. A'); x.ids = l.ids; print(x.refresh())" 4/0
eq 'of a question that it was not' "x = Llq('h9.pub.example.com. A', via=l.t); x.ids = l.ids; print(x.refresh())" 4/0
eq 'the end' "n = n_udp(); print(l.refresh(0), n_udp() - n)" '0/0 -1'
sure 'after which there are no events' "pub('add www 120 A 192.0.2.75'); assert l.quiet(0.3)"
eq 'and a refresh has nothing to refresh' "l.refresh(900)" 4/0

# --- a private zone --------------------------------------------------------------------------------------

eq 'without a signature: no' "Llq('mac2 A').setup()" REFUSED
eq 'for what is not there alike' "Llq('nothing A').setup()" REFUSED
eq 'another account: no' "Llq('mac2 A', k='bob').setup()" REFUSED
eq 'a wrong secret' "Llq('mac2 A', k=key('mac1', secret=b'x' * 32)).setup()" BADSIG
eq 'an old signature' "Llq('mac2 A', k='mac1').setup(when=int(time.time()) - 1000)" BADTIME
eq 'signed' "s = Llq('mac2 A', k='mac1'); s.setup()" 0
sure 'a signed event of another host'\''s update' "assert up('mac2', 'add mac2 120 A 192.0.2.2', lease=3600) == 'NOERROR 3600'" \
	"ev = s.event(ack=False); assert str(ev) == '+A 192.0.2.2' and ev.m.had_tsig and ev.m.keyname == key('mac1').name"
sure 'an unsigned acknowledgement does not count' "s2 = Llq('mac2 A', via=s.t); s.t.send(s2.ack_wire(ev))" \
	"s.ack(ev, prior=b''); s.ack(ev, k=key('mac1', secret=b'x' * 32)); s.ack(ev, k='mac3')" \
	"again = s.event(2.5, ack=False); assert again and again.m.id == ev.m.id"
sure 'a signed one does' "s.ack(again); s.seen.append((ev.m.id, str(ev))); assert s.quiet(4.2)"
sure 'update to event, 100 times' "times = []" \
	"for i in range(100):" \
	"    t = Udp(); start = time.monotonic()" \
	"    t.send(signed(update(['del mac2 A', 'add mac2 120 A 192.0.2.%d' % (3 + i)], lease=3600).to_wire(), 'mac2')[0])" \
	"    got = s.changes(2); times.append(time.monotonic() - start); t.recv(2); t.close()" \
	"    assert got == '+A 192.0.2.%d; -A 192.0.2.%d' % (3 + i, 2 + i), got" \
	"times.sort(); latency = 'p50 %.1f ms, p99 %.1f ms' % (times[50] * 1000, times[98] * 1000)" \
	"assert times[50] < 1, latency"
diag "$(py latency)"
eq 'a refresh' "s.refresh(5000)" 0/5000
eq 'not signed: refused' "x = Llq('mac2 A', via=s.t); x.ids = s.ids; print(x.refresh())" REFUSED
eq 'by another host' "x = Llq('mac2 A', via=s.t, k='mac3'); x.ids = s.ids; print(x.refresh())" 4/0
sure 'a replayed end of an LLQ does not end it' \
	"x = Llq('mac3 AAAA', k='mac1'); x.setup(); x.refresh(0); w = x.sent" \
	"y_ = Llq('mac3 AAAA', k='mac1', via=x.t); y_.setup(); n = n_udp(); x.t.send(w)" \
	"other = Udp(); other.send(w); time.sleep(0.2); assert n_udp() == n" \
	"assert y_.refresh() == '0/3600'"
sure 'a replayed set-up from elsewhere is not answered' "z_ = Llq('mac3 A', k='mac1'); z_.request(); w = z_.sent" \
	"z_.respond(); w3 = z_.sent; other = Udp(src='127.0.0.9'); n = n_udp()" \
	"for old in (w, w3): other.send(old)" \
	"got = other.recv(0.3); assert n_udp() <= n and (got is None or not ttls(got))"
sure 'an older signature than the newest is not accepted' "r = z_.refresh(4000); assert r == '0/4000', r" \
	"assert z_.refresh(1000, when=int(time.time()) - 100).startswith('TimeoutError')" \
	"assert z_.refresh(5000) == '0/5000'"

# --- the BTMM rule ---------------------------------------------------------------------------------------

eq 'a host is looked for by its AAAA' "b = Llq('mac3 AAAA', k='mac1'); b.setup()" '0 fd00::3'
sure 'the set-up brings where it is' "a = additional(b.m)" \
	"assert 'autotunnel-3 a 192.0.2.3' in a and '_autotunnel._udp.mac3 srv 0 0 4500 AutoTunnel-3.alice.example.com.' in a, a"
py 'def move(*ops): assert up("direct", *ops, port=PRIMARY_PORT) == "NOERROR"'
sure 'it moves: another port, the same AAAA' "move('del _autotunnel._udp.mac3 SRV', 'add _autotunnel._udp.mac3 120 SRV 0 0 5600 AutoTunnel-3')" \
	"ev = b.event(); assert str(ev) == '+AAAA fd00::3', ev" \
	"assert any('0 0 5600 ' in a for a in ev.additional) and 'autotunnel-3 a 192.0.2.3' in ev.additional, ev.additional"
sure 'another address' "move('del AutoTunnel-3 A', 'add AutoTunnel-3 120 A 192.0.2.33')" \
	"ev = b.event(); assert str(ev) == '+AAAA fd00::3' and 'autotunnel-3 a 192.0.2.33' in ev.additional, (str(ev), ev.additional)"
sure 'the same again is no event' "move('add AutoTunnel-3 120 A 192.0.2.33'); assert b.quiet(0.5)"
sure 'AAAA and SRV at once: one event' "move('del mac3 AAAA', 'add mac3 120 AAAA fd00::33', 'del _autotunnel._udp.mac3 SRV', 'add _autotunnel._udp.mac3 120 SRV 0 0 5700 AutoTunnel-3')" \
	"ev = b.event(); assert str(ev) == '+AAAA fd00::33; -AAAA fd00::3' and any('5700' in a for a in ev.additional), ev" \
	"assert b.quiet(0.3)"

# --- events that nobody acknowledges ---------------------------------------------------------------------------

sure 'an event that is not acknowledged comes three times' "assert until(lambda: time.monotonic() > deaf_since + 7, 10) and len(arrived) == 3, arrived" \
	"assert len(set(i for _, i, _ in arrived)) == 1, arrived"
sure 'after 2 s and 4 s more' "a, b_, c_ = [at - arrived[0][0] for at, _, _ in arrived]" \
	"assert 1.7 < b_ < 2.7 and 5.5 < c_ < 7, arrived"
sure 'a little later the LLQ is still there' "assert until(lambda: time.monotonic() > deaf_since + 11, 14)" \
	"r = deaf.refresh(); assert r == '0/3600' or time.monotonic() > deaf_since + 14, r"
sure 'then, 8 s after the third, it is dropped' "assert until(lambda: time.monotonic() > deaf_since + 14.5, 14)" \
	"assert until(lambda: deaf.refresh() == '4/0', 8)"
sure 'nothing more is sent to it' "pub('add deaf 120 A 192.0.2.2'); assert deaf.t.recv(0.3) is None"

# --- hosts that are removed -----------------------------------------------------------------------------------------

eq 'a host' "up('account', 'add mac8 0 ' + enrolled('mac8'))" NOERROR
ok 'subscribes' wait_for 3 py "h = Llq('mac2 A', k='mac8')" "n = n_udp()" "assert h.setup().startswith('0 ')"
eq 'it is removed' "up('account', 'del mac8 TYPE65283')" NOERROR
sure 'with that its LLQ has ended' "assert until(lambda: n_udp() == n, 3) is not None, (n_udp(), n)"
sure 'it hears of nothing' "assert up('mac2', 'add mac2 120 A 192.0.2.200', lease=3600) == 'NOERROR 3600'; assert h.quiet(0.3)"
eq 'and can ask for nothing' "h.refresh()" BADKEY
eq 'the others go on' "s.changes(1)" '+A 192.0.2.200'

# --- reload, kill -9 ------------------------------------------------------------------------------------------------

py "keep = n_udp()"
kill -HUP "$dnsd_pid"
eq 'a reload leaves them' "(until(lambda: served('pub.example.com.')) is not None) and n_udp() - keep" 0
sure 'events come' "up('mac2', 'add mac2 120 A 192.0.2.201', lease=3600); assert s.changes(1) == '+A 192.0.2.201'"
py "quiet = Llq('static A', k='mac1'); assert quiet.setup() == '0 192.0.2.80'" \
	"up('mac2', 'add mac2 120 A 192.0.2.202', lease=3600); open_ = s.event(ack=False)" \
	"until(lambda: str(open_) == '+A 192.0.2.202'); keep = n_udp(); time.sleep(0.3)"
dnsd_kill
sure 'what happens meanwhile' "move('del mac2 A', 'add mac2 120 A 192.0.2.203', 'add mac3 120 AAAA fd00::34')" \
	"move('del AutoTunnel-3 A', 'add AutoTunnel-3 120 A 192.0.2.34')"
py "begun = time.monotonic()"
dnsd_start
sure 'after kill -9 the difference comes' "c = s.changes(2, 5); took = time.monotonic() - begun" \
	"assert '+A 192.0.2.203' in c and '-A 192.0.2.201' in c, c"
sure 'soon (restart.t looks closer)' "assert took < 4, took"
sure 'to the other, too, with where its host is now' "ev = b.event(); assert '+AAAA fd00::34' in str(ev), ev" \
	"assert 'autotunnel-3 a 192.0.2.34' in ev.additional, ev.additional"
sure 'and nothing to whom nothing has changed' "assert quiet.quiet(0.3)"
dnsd_wait
eq 'all LLQs are there' 'n_udp() - keep' 0
eq 'they can be refreshed' "s.refresh(), b.refresh(), quiet.refresh()" "('0/3600', '0/3600', '0/3600')"
sure 'events flow' "up('mac2', 'add mac2 120 A 192.0.2.204', lease=3600); assert s.changes(1) == '+A 192.0.2.204'"
eq 'a new one can be set up' "Llq('static A', k='mac1').setup()" '0 192.0.2.80'
eq 'what had ended is not back' "l.refresh()" 4/0

# --- limits, and leases that run out ------------------------------------------------------------------------------------

dnsd_conf 'llqs-per-address = 8' 'llq-lease-min = 1s'
kill -HUP "$dnsd_pid"
sure 'a limit for one address' "time.sleep(0.1); ls = [Llq('h%d.pub.example.com. A' % i, src='127.0.0.8', lease=2) for i in range(20, 30)]" \
	"got = [x.setup()[0] for x in ls]; assert got == ['0'] * 8 + ['1'] * 2, got"
sure 'SERV-FULL says when to come again' "assert ls[9].request().llq[0].lease > 0"
eq 'another address is not concerned' "Llq('h40.pub.example.com. A', src='127.0.0.7').setup()" '0 192.0.2.41'
sure 'when leases have run out there is room again' \
	"assert until(lambda: Llq('h41.pub.example.com. A', src='127.0.0.8').setup()[0] == '0', 4) is not None"
sure 'and no events for them' "pub('add h20 120 A 192.0.2.99'); assert ls[0].quiet(0.3)"
dnsd_ends
done_testing
