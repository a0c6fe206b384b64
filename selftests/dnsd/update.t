#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Updates through btmm-dnsd: whose key may change what, what comes back, what the
# primary has afterwards. Clients: nsupdate, knsupdate, and dnspython for what
# they cannot say (leases).
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need nsupdate knsupdate

primary_begin
dnsd_begin

# u DESC KEY WANTED OP...: an update with a lease of an hour
u() {
	local desc=$1 k=$2 wanted=$3 op ops=''
	shift 3
	for op; do ops+=", '$op'"; done
	eq "$desc" "up('$k'$ops, lease=3600)" "$wanted"
}
# The mirror is never behind an answer by more than a transfer.
sees() {
	wait_for 3 py "assert q('$2', 'admin') == '$3'"
	eq "$1" "q('$2', 'admin')" "$3"
}
nsu() { # KEY LINE...
	local k=$1
	shift
	{ echo 'server 127.0.0.1'; echo 'zone alice.example.com'; printf '%s\n' "$@"; echo send; } |
		nsupdate -t 15 -y "$(Y "$k")" 2>&1
}

# --- leases in the answer -----------------------------------------------------------

u 'a host says where it is' mac1 'NOERROR 3600' 'add mac1 120 AAAA fd00::1' \
	'add _autotunnel._udp.mac1 120 SRV 0 0 4500 AutoTunnel-1' 'add AutoTunnel-1 120 A 192.0.2.1'
eq 'the primary has it' "primary('mac1 AAAA')" 'NOERROR fd00::1'
sees 'the mirror has it' 'mac1 AAAA' 'NOERROR fd00::1'
sees 'and the tunnel' 'AutoTunnel-1 A' 'NOERROR 192.0.2.1'
sees 'by its name as it was written' '_autotunnel._udp.mac1 SRV' \
	'NOERROR 0 0 4500 AutoTunnel-1.alice.example.com.'
eq 'a marker stands beside each' "markers('mac1'), markers('AutoTunnel-1')" '(1, 1)'
eq 'it is not served' "q('mac1 TYPE65282', 'admin')" NOERROR
eq 'less than 30 minutes: 30 minutes' "up('mac1', 'add mac1 120 TXT a', lease=60)" 'NOERROR 1800'
eq 'more than two hours: two hours' "up('mac1', 'add mac1 120 TXT a', lease=86400)" 'NOERROR 7200'
eq 'the form of 8 octets' "up('mac1', 'add mac1 120 TXT a', lease=60, klease=90000)" 'NOERROR 1800/90000'
eq 'over TCP' "up('mac1', 'add mac1 120 TXT a', lease=5400, via='tcp')" 'NOERROR 5400'
eq 'over TLS' "up('mac1', 'add mac1 120 TXT a', lease=5400, via='tls')" 'NOERROR 5400'
eq 'over IPv6' "up('mac1', 'add mac1 120 TXT a', lease=5400, server='::1')" 'NOERROR 5400'
eq 'a key with SHA-512' "up(key('big', algorithm='sha512'), 'add big 120 TXT a', lease=5400)" 'NOERROR 5400'
eq 'with an HINFO record behind the OPT, as Apple sends it' \
	"m = update(['add mac1 120 TXT a'], lease=5400); w = m.to_wire()
w = w[:10] + struct.pack('>H', 2) + w[12:] + absolute('mac1').to_wire() + struct.pack('>HHIH', 13, 1, 0, 4) + b'\\1a\\1b'
m = exchange(w, 'mac1'); print(dns.rcode.to_text(m.rcode()), granted(m))" 'NOERROR 5400'

# --- a refresh ------------------------------------------------------------------------

py 'before = primary_serial()'
u 'a refresh' mac1 'NOERROR 3600' 'add mac1 120 AAAA fd00::1' \
	'add _autotunnel._udp.mac1 120 SRV 0 0 4500 AutoTunnel-1' 'add AutoTunnel-1 120 A 192.0.2.1'
eq 'the form of 8 octets' "up('mac1', 'add mac1 120 AAAA fd00::1', lease=3600, klease=3600)" 'NOERROR 3600/3600'
eq 'does not change the serial' "primary_serial() - before" 0
u 'nor does another case of a name' mac1 'NOERROR 3600' \
	'add _autotunnel._udp.mac1 120 SRV 0 0 4500 autotunnel-1'
eq 'the serial is as it was' "primary_serial() - before" 0
{ echo 'server 127.0.0.1 5300'; echo 'update delete mac1.alice.example.com AAAA'; echo send; } |
	nsupdate -y "$(Y direct)"
sees 'what others have deleted' 'mac1 AAAA' NOERROR
u 'comes back by a refresh' mac1 'NOERROR 3600' 'add mac1 120 AAAA fd00::1'
eq 'at the primary' "primary('mac1 AAAA')" 'NOERROR fd00::1'
u 'replace: delete and add in one' mac1 'NOERROR 3600' 'del mac1 TXT' 'add mac1 120 TXT b'
sees 'the new one alone' 'mac1 TXT' 'NOERROR "b"'
u 'a change of the TTL' mac1 'NOERROR 3600' 'add mac1 60 TXT b'
sees 'one record' 'mac1 TXT' 'NOERROR "b"'
u 'a deletion' mac1 'NOERROR 3600' 'del mac1 TXT'
sees 'is one' 'mac1 TXT' NOERROR
eq 'without a lease, too' "up('mac1', 'add mac1 60 TXT c', lease=3600), up('mac1', 'del mac1 TXT')" \
	"('NOERROR 3600', 'NOERROR')"
eq 'markers go with what they mark' "markers('mac1')" 1

# --- what a host may -------------------------------------------------------------------

u 'names below its own' mac1 'NOERROR 3600' 'add x.y.mac1 60 TXT a'
u 'a service' mac1 'NOERROR 3600' 'add One._http._tcp 60 SRV 0 0 80 mac1' \
	'add One._http._tcp 60 TXT path=/' 'add _http._tcp 60 PTR One._http._tcp' \
	'add _services._dns-sd._udp 60 PTR _http._tcp'
sees 'it stands beside what was there' '_http._tcp PTR' 'NOERROR One._http._tcp shop._http._tcp'
eq 'as at the primary' "primary('_http._tcp PTR')" 'NOERROR One._http._tcp shop._http._tcp'
u 'another host offers the same' mac2 'NOERROR 3600' 'add Two._http._tcp 60 SRV 0 0 80 mac2' \
	'add _http._tcp 60 PTR Two._http._tcp' 'add _services._dns-sd._udp 60 PTR _http._tcp'
u 'a deletion of all pointers' mac2 'NOERROR 3600' 'del _http._tcp PTR'
sees 'takes away its own' '_http._tcp PTR' 'NOERROR One._http._tcp shop._http._tcp'
u 'a name goes' mac1 'NOERROR 3600' 'del _http._tcp PTR one._http._tcp'
sees 'in whatever case' '_http._tcp PTR' 'NOERROR shop._http._tcp'
u 'and comes back' mac1 'NOERROR 3600' 'add _http._tcp 60 PTR ONE._http._tcp'
sees 'in another one' '_http._tcp PTR' 'NOERROR ONE._http._tcp shop._http._tcp'
u 'who else names the type' mac2 'NOERROR 3600' 'del _services._dns-sd._udp PTR _http._tcp'
sees 'does not matter to the first' '_services._dns-sd._udp PTR' 'NOERROR _http._tcp'

no() { local d=$1 k=$2; shift 2; u "no: $d" "$k" REFUSED "$@"; }
py 'before = primary_serial()'
no 'another host'\''s name' mac1 'add mac2 60 A 192.0.2.1'
no 'below it' mac1 'add x.mac2 60 A 192.0.2.1'
no 'to delete it' mac1 'del mac3 AAAA'
no 'all of it' mac1 'del mac3'
no 'a name of nobody' mac1 'add free 60 A 192.0.2.1'
no 'the apex' mac1 'add @ 60 NS mac1'
no 'its TXT' mac1 'add @ 60 TXT x'
no 'a static name' mac1 'add static 60 A 192.0.2.1'
no 'the server'\''s own names' mac1 'add _dns-llq._udp 60 SRV 0 0 53 mac1'
no 'another host'\''s tunnel' mac2 'add AutoTunnel-1 60 A 192.0.2.66'
no 'a tunnel that is static' mac1 'add AutoTunnel-3 60 A 192.0.2.66'
no 'another host'\''s service' mac2 'add One._http._tcp 60 SRV 0 0 80 mac2'
no 'a service that is static' mac1 'add shop._http._tcp 60 SRV 0 0 80 mac1'
no 'a pointer to another'\''s service' mac2 'add _http._tcp 60 PTR One._http._tcp'
no 'a pointer to anywhere' mac2 'add _http._tcp 60 PTR www.example.net.'
no 'an address where pointers are' mac1 'add _http._tcp 60 A 192.0.2.1'
no 'a wildcard' mac1 'add *.mac1 60 A 192.0.2.1'
no 'an alias' mac1 'add x.mac1 60 CNAME mac1'
no 'a delegation' mac1 'add x.mac1 60 NS mac1'
no 'to enrol' mac1 'add x.mac1 60 TYPE65283 \\# 18 010100112233445566778899aabbccddeeff'
no 'a marker' mac1 'add mac1 60 TYPE65282 \\# 2 0101'
no 'to delete markers' mac1 'del mac1 TYPE65282'
no 'a condition on markers' mac1 'yx mac1 TYPE65282' 'add mac1 60 TXT x'
no 'one good and one bad record' mac1 'add mac1 60 TXT x' 'add mac2 60 TXT x'
no 'names of another account' bob 'add mac1 60 TXT x'
no 'by its host either' mac1.bob.example.com. 'add mac1 60 TXT x'
eq 'no: without a lease' "up('mac1', 'add mac1 60 TXT x')" REFUSED
eq 'no: another account'\''s zone' "up('mac1', 'add mac1 60 TXT x', zone='bob.example.com.', lease=3600)" REFUSED
eq 'no: without a signature' "up(None, 'add mac1 60 TXT x', lease=3600)" REFUSED
eq 'a zone that is not here' "up('mac1', 'add x 60 TXT x', zone='example.net.', lease=3600)" NOTAUTH
eq 'nothing of this changed anything' "primary_serial() - before" 0

# --- the account and the administrator ---------------------------------------------------

u 'the account: any name, with a lease' account 'NOERROR 3600' 'add free 60 A 192.0.2.90'
sees 'it is there' 'free A' 'NOERROR 192.0.2.90'
eq 'not without' "up('account', 'add free 60 A 192.0.2.91')" REFUSED
no 'not the zone'\''s NS' account 'add @ 60 NS ns2'
no 'nor its SOA' account 'add @ 60 SOA ns hostmaster 900 1 1 1 1'
no 'not the server'\''s own names' account 'add _dns-llq._udp 60 SRV 0 0 53 mac1'
eq 'it enrols a host, without a lease' \
	"up('account', 'add mac7 0 ' + enrolled('mac7'))" NOERROR
ok 'whose key is good from then on' wait_for 3 py "up('mac7', 'add mac7 60 A 192.0.2.97', lease=3600) == 'NOERROR 3600'"
eq 'that name is now another'\''s to hosts above' "up('account', 'add sub.mac1 0 ' + enrolled('sub.mac1.alice.example.com.'))" NOERROR
ok 'a host below a host' wait_for 3 py "up('mac1', 'add sub.mac1 60 A 192.0.2.1', lease=3600) == 'REFUSED'"
eq 'it removes a host' "up('account', 'del mac7 TYPE65283')" NOERROR
ok 'whose key is no good from then on' wait_for 3 py "q('www TXT', 'mac7') == 'BADKEY'"
ok 'and whose records go' wait_for 5 py "primary('mac7 A') in ('NXDOMAIN', 'NOERROR')"

is 'nsupdate with the administrator'\''s key: no lease' "$(nsu admin 'update add adm.alice.example.com 60 A 192.0.2.70')" ''
eq 'at the primary' "primary('adm A')" 'NOERROR 192.0.2.70'
eq 'without a marker' "markers('adm')" 0
like 'nsupdate with a host'\''s key, which has no leases' \
	"$(nsu mac1 'update add mac1.alice.example.com 60 TXT x')" REFUSED
is 'but it deletes' "$(nsu mac1 'update delete x.y.mac1.alice.example.com TXT')" ''
like 'what is there not for it' "$(nsu admin 'prereq nxdomain adm.alice.example.com' \
	'update add adm.alice.example.com 60 A 192.0.2.71')" YXDOMAIN
knsu() {
	printf '%s\n' 'server 127.0.0.1' 'zone alice.example.com.' 'origin alice.example.com.' 'ttl 60' "$@" send |
		knsupdate -y "$(Y admin)" 2>&1
}
is 'knsupdate' "$(knsu 'add adm2 A 192.0.2.72' 'add adm2 A 192.0.2.73')" ''
eq 'at the primary' "primary('adm2 A')" 'NOERROR 192.0.2.72 192.0.2.73'
is 'knsupdate over TCP deletes' "$(printf '%s\n' 'server 127.0.0.1' 'zone alice.example.com.' \
	'origin alice.example.com.' 'del adm2 A 192.0.2.72' send | knsupdate -v -y "$(Y admin)" 2>&1)" ''
sees 'one is left' 'adm2 A' 'NOERROR 192.0.2.73'

# --- conditions, and what the primary says -------------------------------------------------

r() { eq "$1" "up('mac1', '$2', 'add mac1 60 TXT z', lease=3600)" "$3"; }
r 'name is in use' 'yx x.mac1' NXDOMAIN
r 'name is not in use' 'nx mac1' YXDOMAIN
r 'RRset exists' 'yx mac1 A' NXRRSET
r 'RRset does not exist' 'nx mac1 AAAA' YXRRSET
r 'RRset has these values' 'yx mac1 AAAA fd00::2' NXRRSET
r 'it has' 'yx mac1 AAAA fd00::1' 'NOERROR 3600'
eq 'outside of the zone' "up('mac1', 'add www.example.net. 60 TXT z', lease=3600)" NOTZONE
eq 'no zone' "m = update([], lease=3600).to_wire(); print(dns.rcode.to_text(exchange(m[:4] + bytes(8), 'mac1').rcode()))" FORMERR
eq '300 records in one' "up('mac1', *['add n%d.mac1 60 A 192.0.2.1' % i for i in range(300)], lease=3600, via='tcp')" 'NOERROR 3600'
sure 'all of them come' "assert until(lambda: q('n299.mac1 A', 'mac1') == 'NOERROR 192.0.2.1', 3)" \
	"assert all(q('n%d.mac1 A' % i, 'mac1') == 'NOERROR 192.0.2.1' for i in range(300))"
eq 'and go' "up('mac1', *['del n%d.mac1' % i for i in range(300)], via='tcp')" NOERROR
eq 'with their markers' "markers('n0.mac1') + markers('n299.mac1')" 0
like 'what the primary will not have (BIND: 100 records of a kind) is no success' \
	"$(py "up('mac1', *['add mac1 60 TXT n%d' % i for i in range(101)], lease=3600, via='tcp')")" '(SERVFAIL|REFUSED)'
eq 'and nothing of it stays' "primary('mac1 TXT'), markers('mac1')" "('NOERROR \"z\"', 2)"

# --- signatures ---------------------------------------------------------------------------------

eq 'an unknown key' "up(key('mac9'), 'add mac1 60 TXT x', lease=3600)" BADKEY
eq 'a wrong secret' "up(key('mac1', secret=b'x' * 32), 'add mac1 60 TXT x', lease=3600)" BADSIG
eq 'a wrong time' "up('mac1', 'add mac1 60 TXT x', lease=3600, when=int(time.time()) - 900)" BADTIME
eq 'the key that the primary takes' "up('front', 'add mac1 60 TXT x')" BADKEY
eq 'nothing came of it' "primary('mac1 TXT')" 'NOERROR "z"'

# --- repeats ----------------------------------------------------------------------------------------

sure 'a repeated update gets the stored answer, and is not applied again' \
	"w, mac = signed(update(['add mac1 60 TXT once'], lease=3600).to_wire(), 'mac1')" \
	"def send(w):" \
	"    t = Udp(); t.send(w); m = parse(t.recv(5), 'mac1', mac); return dns.rcode.to_text(m.rcode()) + ' ' + granted(m)" \
	"assert send(w) == 'NOERROR 3600'" \
	"assert up('mac1', 'del mac1 TXT') == 'NOERROR'" \
	"assert send(w) == 'NOERROR 3600'" \
	"assert 'once' not in primary('mac1 TXT'), primary('mac1 TXT')"
sure 'the daemon counts' "u = control()['updates']; assert u['repeated'] >= 1 and u['refused'] > 20 and u['done'] > 20, u"
dnsd_restart
sure 'not after kill -9 and a restart either' \
	"try: print(send(w))" \
	"except Exception as e: print(e)" \
	"assert 'once' not in primary('mac1 TXT'), primary('mac1 TXT')"
sure 'a burst of one and the same: applied once' \
	"w, mac = signed(update(['del mac1 TXT', 'add mac1 60 TXT burst'], lease=3600).to_wire(), 'mac1')" \
	"before = primary_serial(); t = Udp()" \
	"for i in range(50): t.send(w)" \
	"assert parse(t.recv(5), 'mac1', mac).rcode() == 0" \
	"assert primary_serial() == before + 1, primary_serial() - before"

# --- the primary is away -------------------------------------------------------------------------------

primary_kill
eq 'the primary is down: SERVFAIL, not success' "up('mac1', 'add mac1 60 TXT down', lease=3600, timeout=15)" SERVFAIL
eq 'what was there is served' "q('mac1 AAAA', 'mac1')" 'NOERROR fd00::1'
primary_start
ok 'back again: the next update is done' \
	wait_for 15 py "up('mac1', 'add mac1 60 TXT again', lease=3600, timeout=15) == 'NOERROR 3600'"
sure 'at the primary' "'again' in primary('mac1 TXT')"
freeze "$primary_pid"
py "t = Udp(); w, mac = signed(update(['add mac1 60 TXT hang'], lease=3600).to_wire(), 'mac1'); t.send(w)"
eq 'the primary hangs: no answer is given before it is known' "t.recv(1)" ''
kill -CONT "$primary_pid"
sure 'then it is, and it is true' "m = parse(t.recv(10), 'mac1', mac)" \
	"there = 'hang' in primary('mac1 TXT')" \
	"assert m.rcode() in (0, 2) and (m.rcode() or there), m"

dnsd_ends
done_testing
