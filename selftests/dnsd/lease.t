#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Leases run out: what was not refreshed vanishes from answers at once and then
# from the primary; a refresh wins; static data stays; nothing depends on the
# daemon having been there, on the primary, nor on the data base of leases.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
need nsupdate sqlite3

primary_begin
dnsd_begin 'lease-min = 1s' 'lease-max = 6s'

# add OP...: as a host, for SECONDS
py 'def add(seconds, *ops, k="mac1", klease=None):' \
	'    got = up(k, *ops, lease=seconds, klease=klease)' \
	'    assert got.startswith("NOERROR %d" % seconds), got' \
	'    return time.monotonic()' \
	'def gone_after(start, what, k="mac1"):' \
	'    until(lambda: q(what, k).startswith("NOERROR "), 0.7)' \
	'    """Seconds from START to the first answer without data; once gone it stays so."""' \
	'    while q(what, k).startswith("NOERROR "): time.sleep(0.01)' \
	'    took = time.monotonic() - start' \
	'    assert not q(what, k).startswith("NOERROR ")' \
	'    return took'

# --- it runs out ----------------------------------------------------------------------

sure 'who subscribes' "llq = Llq('mac1 A', k='mac2'); assert llq.setup() == '0'"
sure 'a lease of 2 s ends after 2 s' \
	"start = add(2, 'add mac1 60 A 192.0.2.1', 'add x.mac1 60 TXT a')" \
	"took = gone_after(start, 'mac1 A'); print('%.2f s' % took); assert 1.9 < took < 4, took"
eq 'its other record, too' "q('x.mac1 TXT', 'mac1')" NXDOMAIN
eq 'the subscriber was told' "llq.changes(2)" '+A 192.0.2.1; -A 192.0.2.1'
sure 'the primary, too, has lost it within 5 s' \
	"assert until(lambda: primary('mac1 A') == 'NOERROR' and primary('x.mac1 TXT') == 'NXDOMAIN', 5)"
eq 'and its markers' "markers('mac1') + markers('x.mac1')" 0
eq 'the host is still enrolled' "primary('mac1 TYPE65283').startswith('NOERROR ')" ''
sure 'each record has its own time' \
	"start = add(4, 'add mac1 60 TXT long'); add(1, 'add mac1 60 TXT short')" \
	"assert until(lambda: q('mac1 TXT', 'mac1') == 'NOERROR \"long\"', 3)" \
	"assert 3.8 < gone_after(start, 'mac1 TXT') < 6"
sure 'KEY records have a longer lease of their own' \
	"start = add(1, 'add mac1 60 KEY \\# 7 02000308010203', 'add mac1 60 A 192.0.2.1', klease=4)" \
	"assert gone_after(start, 'mac1 A') < 3 and q('mac1 KEY', 'mac1').startswith('NOERROR \\\\#')" \
	"assert 3.8 < gone_after(start, 'mac1 KEY') < 6"

# --- a refresh wins ---------------------------------------------------------------------

sure 'refreshed every second for 5 s, it is never away' \
	"end = time.monotonic() + 5; due = 0" \
	"while time.monotonic() < end:" \
	"    if time.monotonic() >= due: due = add(2, 'add mac1 60 A 192.0.2.2') + 1; seen = seen if 'seen' in globals() else until(lambda: q('mac1 A', 'mac1') == 'NOERROR 192.0.2.2', 2)" \
	"    assert q('mac1 A', 'mac1') == 'NOERROR 192.0.2.2'"
sure 'refreshes at the very moment of expiry: acknowledged is granted' \
	"import random" \
	"random.seed(7); names = ['r%d.mac1' % i for i in range(40)]; due, until_, late = {}, {}, []" \
	"for n in names:" \
	"    t = time.monotonic(); add(1, 'add %s 60 A 192.0.2.3' % n)" \
	"    due[n] = t + 1 + random.uniform(-0.05, 0.05); until_[n] = t + 1" \
	"end = time.monotonic() + 6" \
	"while time.monotonic() < end:" \
	"    n = min(due, key=due.get)" \
	"    if due[n] > time.monotonic(): time.sleep(max(due[n] - time.monotonic(), 0))" \
	"    t = time.monotonic(); add(1, 'add %s 60 A 192.0.2.3' % n)" \
	"    assert primary(n + ' A') == 'NOERROR 192.0.2.3' or time.monotonic() > t + 1, n" \
	"    due[n] = t + 1 + random.uniform(-0.05, 0.05)"
sure 'then all of them go' \
	"assert until(lambda: all(not primary(n + ' A').startswith('NOERROR ') for n in names), 7)"
eq 'with their markers' "sum(markers(n) for n in names)" 0

# --- static data ---------------------------------------------------------------------------

admin() { { echo 'server 127.0.0.1'; printf '%s\n' "$@"; echo send; } | nsupdate -y "$(Y admin)"; }
admin 'update add mac2.alice.example.com 60 TXT static' 'update add mac2.alice.example.com 60 A 192.0.2.5'
wait_for 3 py "q('mac2 A', 'mac2') == 'NOERROR 192.0.2.5'"
sure 'beside static records, and one that is static already' \
	"start = add(1, 'add mac2 60 TXT leased', 'add mac2 60 A 192.0.2.5', 'add mac2 60 A 192.0.2.6', k='mac2')" \
	"assert until(lambda: '192.0.2.6' in q('mac2 A', 'mac2'), 1)" \
	"assert until(lambda: q('mac2 A', 'mac2') == 'NOERROR 192.0.2.5', 2)" \
	"assert until(lambda: primary('mac2 TXT') == 'NOERROR \"static\"', 5)"
eq 'the static ones stay' "primary('mac2 A'), markers('mac2')" "('NOERROR 192.0.2.5', 0)"

# --- two hosts share a record ------------------------------------------------------------------

sure 'a record that two hosts hold lives as long as the longer lease' \
	"start = add(1, 'add _services._dns-sd._udp 60 PTR _ssh._tcp', k='mac1')" \
	"start = add(3, 'add _services._dns-sd._udp 60 PTR _ssh._tcp', k='mac2')" \
	"assert until(lambda: q('_services._dns-sd._udp PTR', 'mac1') == 'NOERROR _ssh._tcp', 1)" \
	"assert 2.8 < gone_after(start, '_services._dns-sd._udp PTR') < 5"

# --- the primary is away when it runs out ----------------------------------------------------------

py "start = add(2, 'add mac1 60 A 192.0.2.8'); until(lambda: q('mac1 A', 'mac1') == 'NOERROR 192.0.2.8')"
primary_kill
sure 'without the primary it vanishes just the same' "assert gone_after(start, 'mac1 A') < 4"
primary_start
wait_for 10 primary_up
sure 'and is deleted when the primary is back' "assert until(lambda: not primary('mac1 A').startswith('NOERROR 1'), 6)"
eq 'not seen meanwhile' "q('mac1 A', 'mac1')" NXDOMAIN

# --- the daemon is away when it runs out --------------------------------------------------------------

py "start = add(1, 'add mac1 60 A 192.0.2.9'); add(6, 'add mac1 60 TXT stays')"
dnsd_kill
sure 'it is over before the daemon comes back' "time.sleep(max(0, start + 1.1 - time.monotonic()))"
dnsd_start
dnsd_wait
eq 'from the first answer on it is gone' "q('mac1 A', 'mac1')" NOERROR
eq 'what still runs is there' "q('mac1 TXT', 'mac1')" 'NOERROR "stays"'
sure 'within 5 s at the primary, too' "assert until(lambda: primary('mac1 A') == 'NOERROR', 5)"
sure 'and that ends in its time' "assert until(lambda: primary('mac1 TXT') == 'NOERROR', 8)"

# --- the data base is lost, or damaged --------------------------------------------------------------------

lost() { # DESC COMMAND
	py "start = add(3, 'add mac1 60 A 192.0.2.10'); until(lambda: q('mac1 A', 'mac1') == 'NOERROR 192.0.2.10')"
	dnsd_kill
	eq "$1: it was there until then" "primary('mac1 A')" 'NOERROR 192.0.2.10'
	eval "$2"
	py "began = time.monotonic()"
	dnsd_start
	dnsd_wait
	sure "$1: what is marked gets one longest lease (6 s), no more" \
		"ready = time.monotonic() - began" \
		"took = gone_after(began, 'mac1 A'); print('%.1f s, started in %.1f' % (took, ready))" \
		"assert 5.5 < took < 9 + ready, took"
	sure 'static data is still there' "assert primary('static A') == 'NOERROR 192.0.2.80'" \
		"assert primary('mac2 A') == 'NOERROR 192.0.2.5' and 'token' in primary('_acme-challenge TXT')"
	sure 'and it goes on' "add(2, 'add mac1 60 A 192.0.2.11')"
}
# shellcheck disable=SC2016
lost 'a lost data base' 'rm -f "$DNSD_DIR"/state/leases.db*'
# shellcheck disable=SC2016
lost 'a damaged one' 'rm -f "$DNSD_DIR"/state/leases.db-*; head -c 50000 /dev/urandom >"$DNSD_DIR/state/leases.db"'
ok 'the damaged one was set aside' bash -c "ls '$DNSD_DIR'/state/ | grep -q 'leases.db.'"

# --- the data base cannot be written -------------------------------------------------------------------------

if mount -t tmpfs -o size=400k small "$DNSD_DIR/state" 2>/dev/null; then
	dnsd_restart
	dd if=/dev/zero of="$DNSD_DIR/state/full" bs=1k count=400 2>/dev/null
	like 'a full disk: no success is told' \
		"$(py "[up('mac1', *['add f%d.mac1 60 TXT %s' % (i, 'x' * 200) for i in range(200)], lease=5, via='tcp', timeout=15) for _ in range(2)][-1]")" \
		'SERVFAIL'
	rm "$DNSD_DIR/state/full"
	ok 'with room again it goes on' wait_for 10 py "up('mac1', 'add mac1 60 A 192.0.2.12', lease=5) == 'NOERROR 5'"
	umount -l "$DNSD_DIR/state"
fi
dnsd_ends
done_testing
