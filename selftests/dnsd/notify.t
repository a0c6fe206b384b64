#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes that others make at the primary come to the mirror: by NOTIFY and IXFR
# (both styles of it) or AXFR, soon; by the SOA's refresh when the NOTIFY is lost;
# and after the primary was gone.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need nsupdate nft

# A hundred zones.
PRIMARY_ZONES+=" $(printf 'z%d ' {1..96})"
IXFR_bob='1%'	# a difference is always more than that
primary_begin
dnsd_begin

direct() { { echo 'server 127.0.0.1 5300'; printf '%s\n' "$@"; echo send; } | nsupdate -y "$(Y direct)"; }
log_has() { grep -q "$@" "$TEST_OUT/primary.log"; }

# --- NOTIFY and IXFR ------------------------------------------------------------------

py "llq = Llq('new.pub.example.com. A'); assert llq.setup() == '0'"
ok 'nsupdate straight to BIND' direct 'update add new.pub.example.com 120 A 192.0.2.77'
eq 'who subscribed gets the event' \
	'llq.changes(1)' '+A 192.0.2.77'
is 'asked' "$(dig @127.0.0.1 +short new.pub.example.com A)" 192.0.2.77
ok 'by IXFR' log_has "transfer of 'pub.example.com/IN': IXFR ended"
sure 'in good time: change to event, 20 times' "times = []" \
	"for i in range(20):" \
	"    start = time.monotonic()" \
	"    assert up('direct', 'del new A', 'add new 120 A 192.0.2.%d' % (100 + i)," \
	"              zone='pub.example.com.', port=PRIMARY_PORT) == 'NOERROR'" \
	"    got = llq.changes(2); assert got == '+A 192.0.2.%d; -A 192.0.2.%d' % (100 + i, i + 99 if i else 77), got" \
	"    times.append(time.monotonic() - start)" \
	"times.sort()" \
	"assert times[10] < 0.25, times"
diag "$(py "'p50 %.1f ms, worst %.1f ms' % (times[10] * 1000, times[-1] * 1000)")"
sure 'for any of the zones' "for z in (1, 48, 96):" \
	"    one = Llq('www.z%d.example.com. A' % z); assert one.setup() == '0 192.0.2.1'" \
	"    up('direct', 'add www 120 A 192.0.2.2', zone='z%d.example.com.' % z, port=PRIMARY_PORT)" \
	"    assert one.changes(1) == '+A 192.0.2.2'; one.close()"
eq 'the serial is BIND'\''s' "serial('pub.example.com.') == primary_serial('pub.example.com.')" ''
n=$(grep -c "transfer of 'pub.example.com/IN': AXFR started" "$TEST_OUT/primary.log")
is 'there was one AXFR, at the start' "$n" 1

# Many changes between two looks: one IXFR of many differences.
sure '50 changes, one after the other' "for i in range(50):" \
	"    assert up('direct', 'add m%d 60 A 192.0.2.5' % i, 'del h%d' % i, zone='pub.example.com.'," \
	"              port=PRIMARY_PORT, via='tcp') == 'NOERROR'"
ok 'all of them come' wait_for 5 py "serial('pub.example.com.') == primary_serial('pub.example.com.')"
sure 'the mirror is the zone' "z = axfr('pub.example.com.')" \
	"for i in range(50):" \
	"    assert q('m%d.pub.example.com. A' % i) == 'NOERROR 192.0.2.5'" \
	"    assert q('h%d.pub.example.com. A' % i) == 'NXDOMAIN'" \
	"assert q('h51.pub.example.com. A') == 'NOERROR 192.0.2.52'"

# --- AXFR where there is no IXFR, and as an answer to IXFR -------------------------------------

direct 'update add later.bob.example.com 60 A 192.0.2.78'
ok 'a primary that does not like the difference' wait_for 5 py "q('later.bob.example.com. A', 'bob') == 'NOERROR 192.0.2.78'"
ok 'sends all of it' log_has "transfer of 'bob.example.com/IN': AXFR-style IXFR ended"

# --- a zone file that was changed by hand -----------------------------------------------------------

primary_stop
sed -i '/^@ 60 IN SOA/s/ [0-9]* 3600/ 99 3600/;/^static /d' "$DNSD_DIR/primary/alice.zone"
rm -f "$DNSD_DIR/primary/alice.zone.jnl"
eq 'with the primary gone, the mirror is served' "q('static A', 'mac1')" 'NOERROR 192.0.2.80'
echo 'hand A 192.0.2.81' >>"$DNSD_DIR/primary/alice.zone"
primary_start
ok 'an edited zone comes as a whole' wait_for 10 py "q('hand A', 'mac1') == 'NOERROR 192.0.2.81'"
eq 'what is not there any more is gone' "q('static A', 'mac1')" NXDOMAIN

# --- the NOTIFY is lost ---------------------------------------------------------------------------------

direct 'update add late.slow.example.com 60 A 192.0.2.79'
eq 'a primary that sends no NOTIFY: not yet' "q('late.slow.example.com. A')" NXDOMAIN
ok 'the SOA'\''s refresh (5 s at least) finds it' \
	wait_for 9 py "q('late.slow.example.com. A') == 'NOERROR 192.0.2.79'"

nft add table inet t
nft add chain inet t i '{ type filter hook input priority 0; }'
nft add rule inet t i udp dport 5301 drop
nft add rule inet t i tcp dport 5301 drop
direct 'update add lost.pub.example.com 60 A 192.0.2.80'
eq 'a NOTIFY that is lost' "q('lost.pub.example.com. A')" NXDOMAIN
nft delete table inet t
direct 'update add found.pub.example.com 60 A 192.0.2.80'
ok 'the next one brings both' wait_for 5 py \
	"q('found.pub.example.com. A') == q('lost.pub.example.com. A') == 'NOERROR 192.0.2.80'"

# --- NOTIFYs of others ------------------------------------------------------------------------------------

py 'def notify(zone, k=None, **where):' \
	'    m = dns.message.make_query(zone, "SOA"); m.set_opcode(dns.opcode.NOTIFY)' \
	'    try: return dns.rcode.to_text(exchange(m, k, **where).rcode())' \
	'    except Exception as e: return why(e)'
eq 'a NOTIFY of who is not the primary' "notify('alice.example.com.', src='127.0.0.9')" REFUSED
eq 'of a zone that is not here' "notify('example.net.')" NOTAUTH
eq 'signed by another key' "notify('alice.example.com.', 'mac1', src='127.0.0.9')" REFUSED
eq 'signed by the right one' "notify('alice.example.com.', 'front', src='127.0.0.9')" NOERROR
eq 'by TCP' "notify('alice.example.com.', 'front', src='127.0.0.9', via='tcp')" NOERROR

# --- the primary goes and comes ---------------------------------------------------------------------------

py "other = Llq('after.pub.example.com. A'); assert other.setup() == '0'"
primary_kill
eq 'killed: the mirror goes on' "q('found.pub.example.com. A')" 'NOERROR 192.0.2.80'
ok 'but not for longer than a zone'\''s SOA says' wait_for 12 py "q('late.slow.example.com. A') == 'SERVFAIL'"
eq 'others are served' "q('found.pub.example.com. A')" 'NOERROR 192.0.2.80'
primary_start
wait_for 10 primary_up
direct 'update add after.pub.example.com 60 A 192.0.2.81'
eq 'and what is changed when it is back is told' "other.changes(1, 5)" '+A 192.0.2.81'
ok 'what had expired is served again' wait_for 10 py "q('late.slow.example.com. A') == 'NOERROR 192.0.2.79'"
ok 'the daemon says so' wait_for 10 py \
	"z = status('zones.pub'); assert z['served'] and z['primary_ok'], z"
dnsd_ends
done_testing
