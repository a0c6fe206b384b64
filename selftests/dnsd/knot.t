#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with Knot as the primary: mirror, NOTIFY, updates, leases, LLQs, and
# what happens when either is killed.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need knotd knsupdate kdig

primary=knot
primary_begin
dnsd_begin 'lease-min = 1s' 'lease-max = 300s'

eq 'the public sees what it may' "q('_acme-challenge TXT')" 'NOERROR "token"'
eq 'and no more' "q('www TXT')" REFUSED
eq 'who signs sees' "q('www TXT', 'mac1')" 'NOERROR "secret"'
eq 'all of it' "q('many.pub.example.com. TXT', via='tcp').count('of many')" 60
like 'the primary answers nobody' "$(kdig @127.0.0.1 -p 5300 www.alice.example.com TXT)" 'status: NOTAUTH'
like 'nor gives a transfer' "$(kdig @127.0.0.1 -p 5300 alice.example.com AXFR 2>&1)" '(NOTAUTH|REFUSED|failed)'

py "l = Llq('mac2 A', k='mac1'); l.setup()" "p = Llq('new.pub.example.com. A'); p.setup()"
direct() { printf '%s\n' 'server 127.0.0.1 5300' "$@" send | knsupdate -y "$(Y direct)"; }
direct 'zone pub.example.com.' 'update add new.pub.example.com. 60 A 192.0.2.77'
eq 'knsupdate straight to Knot reaches who subscribed' "p.changes(1)" '+A 192.0.2.77'
ok 'by IXFR' grep -q 'pub.example.com.* IXFR, outgoing' "$TEST_OUT/primary.log"

eq 'a host'\''s update' "up('mac2', 'add mac2 60 A 192.0.2.2', lease=200)" 'NOERROR 200'
eq 'is at the primary' "there('mac2 A'), there('mac2 TYPE65282').count('\\\\#')" "('192.0.2.2', 1)"
eq 'and the other'\''s event' "l.changes(1)" '+A 192.0.2.2'
eq 'another'\''s name: no' "up('mac1', 'add mac2 60 A 192.0.2.3', lease=200)" REFUSED
eq 'a refresh' "before = axfr().get_rdataset(ZONE, 'SOA')[0].serial; up('mac2', 'add mac2 60 A 192.0.2.2', lease=250)" 'NOERROR 250'
eq 'does not change the serial' "axfr().get_rdataset(ZONE, 'SOA')[0].serial - before" 0
eq 'conditions' "up('mac2', 'nx mac2', 'add mac2 60 TXT x', lease=200), up('mac2', 'yx x.mac2', 'add mac2 60 TXT x', lease=200)" \
	"('YXDOMAIN', 'NXDOMAIN')"
eq 'replace' "up('mac2', 'del mac2 A', 'add mac2 60 A 192.0.2.4', lease=200), l.changes(2)" \
	"('NOERROR 200', '+A 192.0.2.4; -A 192.0.2.2')"
eq 'an enrolment' "up('account', 'add mac8 0 ' + enrolled('mac8'))" NOERROR
ok 'is one' wait_for 3 py "assert q('www TXT', 'mac8') == 'NOERROR \"secret\"'"

sure 'a lease of 2 s' "assert up('mac1', 'add mac1 60 A 192.0.2.1', 'add x.mac1 60 TXT a', lease=2) == 'NOERROR 2'; start = time.monotonic()" \
	"assert until(lambda: q('x.mac1 TXT', 'mac1').startswith('NOERROR \"a'), 1)" \
	"until(lambda: not q('x.mac1 TXT', 'mac1').startswith('NOERROR '))" \
	"took = time.monotonic() - start; assert 1.5 < took < 2.6, took"
sure 'ends at the primary, too' "assert until(lambda: there('x.mac1 TXT') == there('mac1 A') == there('mac1 TYPE65282') == '', 5)"
eq 'static data stays' "there('static A'), there('mac1 TYPE65283') != ''" "('192.0.2.80', True)"

sure '100 updates' "ops = ['add u%d.mac1 60 A 192.0.2.9' % i for i in range(100)]" \
	"t = Udp(); got = [up('mac1', op, lease=300, via=t) for op in ops]; assert set(got) == {'NOERROR 300'}, set(got)"
primary_kill
eq 'Knot is killed: what is there is served' "q('u7.mac1 A', 'mac1')" 'NOERROR 192.0.2.9'
eq 'an update is no success' "up('mac1', 'add down.mac1 60 A 192.0.2.9', lease=200, timeout=15)" SERVFAIL
primary_start
wait_for 20 primary_up
sure 'nothing that was acknowledged is lost' "z = axfr()" \
	"assert all(z.get_rdataset(absolute('u%d.mac1' % i), 'A') for i in range(100))" \
	"assert all(z.get_rdataset(absolute('u%d.mac1' % i), 'TYPE65282') for i in range(100))"
ok 'it goes on' wait_for 10 py "assert up('mac2', 'add mac2 60 A 192.0.2.5', lease=200) == 'NOERROR 200'"
eq 'with events' "l.changes(1)" '+A 192.0.2.5'
dnsd_kill
direct 'zone alice.example.com.' 'update del mac2.alice.example.com. 60 A 192.0.2.5'
py "begun = time.monotonic()"
dnsd_start
eq 'the front-end is killed: the difference afterwards' "l.changes(1)" '-A 192.0.2.5'
sure 'soon' "took = time.monotonic() - begun; assert took < 3, took"
dnsd_wait
eq 'leases go on' "status('zones.alice')['leases'] >= 100" ''
dnsd_ends
done_testing
