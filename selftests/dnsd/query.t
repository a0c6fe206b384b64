#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What btmm-dnsd answers from its mirror of BIND's zones: to everybody, to who
# signs, over UDP, TCP and TLS; that the rest is one and the same REFUSED, and
# that the primary behind is hidden. Clients: dig, kdig, dnspython.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need kdig

primary_begin
dnsd_begin

# --- what the public sees of a private zone ------------------------------------------

at() { dig @127.0.0.1 +norec +tries=1 +time=3 "$@"; }
d() { at +short "$@" | sed '/TSIG/d;/^$/d'; }
status_of() { at "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }

like 'the public gets the SOA' "$(d alice.example.com SOA)" '^ns.alice.example.com. hostmaster'
is 'and the NS' "$(d alice.example.com NS)" ns.alice.example.com.
is 'and its address' "$(d ns.alice.example.com A)" 127.0.0.1
for s in _dns-llq._udp _dns-update._udp _dns-query-tls._tcp _dns-update-tls._tcp \
	_dns-llq-tls._tcp _dns-push-tls._tcp; do
	like "and $s" "$(py "q('$s SRV')")" '^NOERROR 0 0 [0-9]+ ns.alice.example.com.$'
done
is 'and what a certificate authority looks for' "$(d _acme-challenge.alice.example.com TXT)" '"token"'
is 'no more than that: a name that is there' "$(status_of www.alice.example.com TXT)" REFUSED
is 'one that is not' "$(status_of nothing.alice.example.com TXT)" REFUSED
py 'shut = raw_answer("nothing TXT")'
for what in 'www TXT' 'mac1 AAAA' 'mac1 TYPE65283' 'mac3 AAAA' 'static A' 'alice.example.com. TXT' \
	'_http._tcp PTR' 'shop._http._tcp SRV' '_autotunnel._udp.mac3 SRV' 'AutoTunnel-3 A' \
	'x.mac1 TXT' 'ns TXT' '_tcp TXT' '*.mac1 A' 'alice.example.com. AXFR' 'a.b.c.d.e A'; do
	# type and class stand behind the name: the same for all but the type
	sure "refused alike: $what" \
		"a = raw_answer('$what'); t = struct.pack('>H', dns.rdatatype.from_text('${what##* }')).hex()" \
		"assert a == shut[:24] + t + shut[28:], (a, shut)"
done
eq 'ANY is refused at the apex, too' "q('alice.example.com. ANY')" REFUSED

# --- what who signs sees ---------------------------------------------------------------

eq 'a host sees what is there' "q('www TXT', 'mac1')" 'NOERROR "secret"'
eq 'and what is not' "q('nothing TXT', 'mac1')" NXDOMAIN
eq 'and another host' "q('mac3 AAAA', 'mac1')" 'NOERROR fd00::3'
eq 'the account, too' "q('www TXT', 'account')" 'NOERROR "secret"'
eq 'and the administrator' "q('www TXT', 'admin')" 'NOERROR "secret"'
eq 'a host with a SHA-512 key' "q('www TXT', key('big', algorithm='sha512'))" 'NOERROR "secret"'
eq 'another account: refused' "q('www TXT', 'bob')" REFUSED
eq 'its host: refused' "q('www TXT', 'mac1.bob.example.com.')" REFUSED
eq 'and not the other way round' "q('www.bob.example.com. TXT', 'mac1')" REFUSED
sure 'alike for a name that is there and one that is not' \
	"cut = lambda what: raw_answer(what, 'bob')[:28]" "assert cut('www TXT') == cut('nothing TXT')"
eq 'nobody sees what enrols a host' "q('mac3 TYPE65283', 'admin')" NOERROR
eq 'not by ANY either' "q('mac3 ANY', 'admin')" 'NOERROR fd00::3'
eq 'a name with nothing else is none' "q('mac1 ANY', 'admin')" NXDOMAIN
is 'dig with a key' "$(d -y "$(Y mac1)" www.alice.example.com TXT)" '"secret"'
is 'kdig with a key' "$(kdig @127.0.0.1 +short +notsig -y "$(Y mac1)" www.alice.example.com TXT)" '"secret"'
for k in "" "-y $(Y account)"; do
	# shellcheck disable=SC2086
	unlike "no transfer by the front-end (${k%%:*})" "$(at $k alice.example.com AXFR)" 'www|192\.0\.2'
done

# --- keys that are no good ----------------------------------------------------------------

eq 'a key that does not exist' "q('www TXT', key('mac9'))" BADKEY
eq 'a host that is not enrolled' "q('www TXT', key('www'))" BADKEY
eq 'a wrong secret' "q('www TXT', key('mac1', secret=b'x' * 32))" BADSIG
eq 'the key of an earlier enrolment' "q('www TXT', key('mac1', salt=b'x' * 16))" BADSIG
eq 'a clock that is wrong' "q('www TXT', 'mac1', when=int(time.time()) - 900)" BADTIME
eq 'or early' "q('www TXT', 'mac1', when=int(time.time()) + 900)" BADTIME
eq 'what is public needs no good key, but a bad one is told' "q('www.pub.example.com. A', key('mac9'))" BADKEY
eq 'the primary'\''s key is none' "q('www TXT', 'front')" BADKEY
eq 'HMAC-MD5 is not allowed' "q('www TXT', key('old', algorithm='md5'))" BADKEY
eq 'the same host by another algorithm: no' "q('www TXT', key('old'))" BADKEY

# --- the primary is hidden -----------------------------------------------------------------

p() { dig @127.0.0.1 -p 5300 +norec +tries=1 +time=3 "$@"; }
like 'the primary answers nobody' "$(p www.alice.example.com TXT)" 'status: REFUSED'
like 'not even the SOA' "$(p alice.example.com SOA)" 'status: REFUSED'
like 'nor of the public zone' "$(p www.pub.example.com A)" 'status: REFUSED'
like 'nor who has a key of the account' "$(p -y "$(Y account)" www.alice.example.com TXT)" 'BADKEY'
unlike 'it gives no transfer' "$(p alice.example.com AXFR; p -y "$(Y account)" alice.example.com AXFR)" \
	'(www|192\.0\.2)'
eq 'but to the front-end' "primary('www TXT')" 'NOERROR "secret"'
is 'and listens only to this machine' \
	"$(ss -Hlntu 'sport = :5300' | awk '{ print $5 }' | sort -u)" 127.0.0.1:5300

# --- as BIND answers --------------------------------------------------------------------------

py 'def said(m):' \
	'    return [dns.rcode.to_text(m.rcode()), bool(m.flags & dns.flags.AA)] + sorted(' \
	'        "%d %s %s" % (n, r.name.to_text().lower(), r.to_text().split(" ", 1)[1])' \
	'        for n, part in enumerate((m.answer, m.authority)) for r in part)' \
	'def like(what):' \
	'    ours = said(exchange(query(what), via="tcp"))' \
	'    theirs = said(exchange(query(what), "front", via="tcp", port=PRIMARY_PORT))' \
	'    assert ours == theirs, (ours, theirs)'
for what in 'www A' 'www AAAA' 'nothing A' 'alias A' 'alias AAAA' 'x.wild A' 'x.y.wild A' 'wild A' \
	'many TXT' 'h7 A' '_tcp SRV' '_dns-llq._udp SRV' '_udp A' 'WwW A' 'www ANY' \
	'_ipp._tcp PTR' '_IPP._tcp PTR'; do
	sure "like BIND: $what" "like('${what% *}.pub.example.com. ${what##* }')"
done
is 'the name comes back as it was written' \
	"$(at +noall +answer wWw.pUb.example.com A | awk '{ print $1 }')" wWw.pUb.example.com.

is 'and a name that it points to as the primary has it' \
	"$(at +short _ipp._TCP.pub.example.com PTR)" 'Big\032Printer._ipp._tcp.pub.example.com.'
eq 'a host'\''s tunnel, too' "q('_autotunnel._udp.mac3 SRV', 'mac1')" \
	'NOERROR 0 0 4500 AutoTunnel-3.alice.example.com.'

# --- transports ---------------------------------------------------------------------------------

count() { grep -c 'of many'; }
like 'too much for UDP is truncated' "$(at +ignore +notcp many.pub.example.com TXT)" 'flags: [a-z ]*tc'
like 'at 512 octets without EDNS' "$(at +noedns +ignore many.pub.example.com TXT)" \
	'flags: [a-z ]*tc.*MSG SIZE  rcvd: ([1-4]?[0-9]{1,2}|50[0-9]|51[0-2])$'
is 'dig goes on by TCP' "$(at many.pub.example.com TXT | count)" 60
is 'by IPv6' "$(dig @::1 +short www.pub.example.com A)" 192.0.2.1
is 'by IPv6 and TCP' "$(dig @::1 +short +tcp www.pub.example.com A)" 192.0.2.1
is 'dig over TLS' "$(at +tls many.pub.example.com TXT | count)" 60
tls=(+tls-ca="$DNSD_DIR/tls.crt" +tls-hostname=ns.alice.example.com)
is 'dig over TLS that looks at the certificate' "$(d +tls "${tls[@]}" www.pub.example.com A)" 192.0.2.1
is 'kdig, too' "$(kdig @127.0.0.1 +short +tls "${tls[@]}" www.pub.example.com A)" 192.0.2.1
is 'kdig by IPv6 and TLS with a key' \
	"$(kdig @::1 +short +notsig "${tls[@]}" -y "$(Y mac1)" www.alice.example.com TXT)" '"secret"'
fails 'kdig takes no other certificate' kdig @127.0.0.1 +retry=0 +timeout=2 +tls-ca="$DNSD_DIR/tls.crt" \
	+tls-hostname=other.example.com www.pub.example.com A
pin=$(openssl x509 -in "$DNSD_DIR/tls.crt" -pubkey -noout | openssl pkey -pubin -outform der |
	openssl dgst -sha256 -binary | openssl base64)
is 'a pin instead of a name' "$(kdig @127.0.0.1 +short +tls-pin="$pin" www.pub.example.com A)" 192.0.2.1
for via in tcp tls; do
	sure "$via: many questions on one connection, answers in any order" \
		"s = transport('$via')" \
		"ms = [query('h%d.pub.example.com. A' % i) for i in range(200)]" \
		"for i, m in enumerate(ms): m.id = i" \
		"s.sock.sendall(b''.join(struct.pack('>H', len(w)) + w for w in (m.to_wire() for m in ms)))" \
		"got = {}" \
		"while len(got) < 200:" \
		"    m = parse(s.recv(5))" \
		"    got[m.id] = m.answer[0][0].to_text()" \
		"assert all(got[i] == '192.0.2.%d' % (i % 250 + 1) for i in range(200))" \
		"s.close()"
done
sure 'a message in pieces, octet by octet' \
	"s = transport('tcp'); w = query('www.pub.example.com. A').to_wire()" \
	"for b in struct.pack('>H', len(w)) + w: s.sock.sendall(bytes([b]))" \
	"assert parse(s.recv(5)).answer[0][0].to_text() == '192.0.2.1'"

# --- what is asked in other ways -----------------------------------------------------------------

is 'a domain of others' "$(status_of www.example.net A)" REFUSED
eq 'another class' "print(dns.rcode.to_text(exchange(query('www.pub.example.com. TXT', cls='CH')).rcode()))" REFUSED
is 'another opcode' "$(status_of +opcode=2 www.pub.example.com A)" NOTIMP
like 'another version of EDNS' "$(at +edns=1 +noednsnegotiation www.pub.example.com A)" 'status: BADVERS'
is 'an EDNS option that nobody knows' "$(d +ednsopt=65001:00 www.pub.example.com A)" 192.0.2.1
eq 'a transfer by TCP is refused' "q('pub.example.com. IXFR', via='tcp')" REFUSED
sure 'an answer is not answered' \
	"m = query('www.pub.example.com. A'); m.flags |= dns.flags.QR" \
	"t = Udp(); t.send(m.to_wire()); assert t.recv(0.3) is None"

# --- STUN ---------------------------------------------------------------------------------------

eq 'STUN says how a client looks' "t = Udp(); a = stun(t)
assert a == ('127.0.0.1', t.port()), a" ''
eq 'by IPv6, too' "t = Udp(server='::1'); a = stun(t)
assert a == ('::1', t.port()), a" ''
eq 'from another address' "t = Udp(src='127.0.0.9'); a = stun(t)
assert a == ('127.0.0.9', t.port()), a" ''

# --- HMAC-MD5, when it is wanted -------------------------------------------------------------------

dnsd_conf 'allow-md5 = yes'
kill -HUP "$dnsd_pid"
ok 'with allow-md5 and a reload an old client is let in' \
	wait_for 5 py "assert q('www TXT', key('old', algorithm='md5')) == 'NOERROR \"secret\"'"
sure 'the daemon counts' "c = control(); assert c['messages']['queries'] > 200" \
	"assert c['messages']['bad_signature'] > 5 and c['messages']['stun'] == 3, c['messages']"
dnsd_ends
done_testing
