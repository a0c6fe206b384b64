#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of front-end, primary and both while many updates are under way: what
# was acknowledged is there afterwards, no lease is forgotten, none lasts too
# long, static data is as it was, events flow again within a second.
# BTMM_UPDATES: how many (default 1200).
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

updates=${BTMM_UPDATES:-1200}
lease=${BTMM_UPDATES_LEASE:-20}
PRIMARY_ZONES=alice
primary_begin
dnsd_begin 'lease-min = 1s' 'lease-max = 2h'

py 'def content(z):' \
	'    """All that is static."""' \
	'    return sorted("%s %s" % (n.to_text(), rds.to_text()) for n, node in z.nodes.items()' \
	'                  for rds in node if rds.rdtype not in (6, 65282) and not n.to_text().startswith("u"))' \
	'static = content(axfr())' \
	"probe = Llq('probe A', k='mac1'); assert probe.setup() == '0'; count = 0; slow = []; events = []" \
	'def listen():' \
	'    """As any client does, all the time: who does not acknowledge is forgotten."""' \
	'    while True:' \
	'        e = probe.event(3600)' \
	'        if e is not None: events.append((time.monotonic(), str(e)))' \
	'threading.Thread(target=listen, daemon=True).start()' \
	'def event(begun, limit):' \
	'    """A change at the primary; seconds from BEGUN, or when it was made, to its event."""' \
	'    global count; count += 1; data = "192.0.2.%d" % (count % 200 + 1)' \
	'    before = len(events); told = lambda: [at for at, e in events[before:] if "+A " + data in e]' \
	'    until(lambda: up("direct", "del probe A", "add probe 60 A " + data, port=PRIMARY_PORT, via="tcp", timeout=2) == "NOERROR", 10)' \
	'    made = time.monotonic()' \
	'    return None if until(told, limit) is None else max(told()[0] - max(begun, made), 0)'
sure 'events flow' "assert event(time.monotonic(), 5) < 2"
py "load = Load($updates, lease=$lease)"

kills=0
# No more than one kill ahead: else there are few on a fast machine.
go_on() { py "load.upto = len(load.records) * $((kills + 2)) // 14"; }
front() { dnsd_kill; py "begun = time.monotonic()"; dnsd_start; }
behind() { primary_kill; primary_start; }
enough() { py "not load.is_alive() or load.acked > len(load.records) * $((kills + 1)) / 14"; }
go_on
py 'load.start()'
while py "load.is_alive()" >/dev/null && ((kills < 12)); do
	go_on
	wait_for 60 enough
	kills=$((kills + 1))
	case $((kills % 3)) in
	1) front ;;
	2) behind ;;
	0) kill -KILL "$primary_pid"; front; behind ;;
	esac
	case $((kills % 3)) in
	# Not where the primary was down, too: that takes as long as it takes.
	1) py "took = event(begun, 5); slow.append(took)" ;;
	esac
done
go_on
cmp_num 'there were kills' "$kills" -ge 6
ok 'all updates come to an end' wait_for 60 py 'not load.is_alive()'
sure 'without a fault of the load' 'assert load.error is None, load.error'
eq 'all are acknowledged in the end' "sum(1 for r in load.records if r.since)" "$updates"
diag "$(py "'%d sent again, %d times SERVFAIL; first event after %s s' % (load.repeated, load.refused, ', '.join('-' if t is None else '%.2f' % t for t in slow))")"
eq 'each with the lease it asked for; no answer but NOERROR and SERVFAIL' "load.wrong" '[]'
# On a machine that has other things to do, not each of them.
sure 'events flow within a second of the front-end'\''s restart' \
	"assert slow and None not in slow and min(slow) < 1 and max(slow) < 4, slow"
dnsd_wait

sure 'what was acknowledged is at the primary, marked' \
	"begun = time.monotonic(); z = axfr(); bad, n = load.judge(z, begun, time.monotonic())" \
	"assert not bad, (len(bad), bad[:5])"
sure 'leases end in time: none early, none 5 s late' \
	"late = []; n = 1" \
	"while n and time.monotonic() < max(r.most for r in load.records if r.most < 1e18) + 8:" \
	"    begun = time.monotonic(); z = axfr(); bad, n = load.judge(z, begun, time.monotonic())" \
	"    late += bad; time.sleep(0.3)" \
	"assert not late, (len(late), late[:5]); assert not n, n"
eq 'no marker is left' "sum(1 for node in axfr().nodes.values() for r in node if r.rdtype == 65282)" 0
sure 'static data is as it was' "now = content(axfr()); gone = set(static) - set(now); new = [x for x in set(now) - set(static) if not x.startswith('probe.')]" \
	"assert not gone and not new, (gone, new)"
eq 'the mirror says the same' "serial(k='mac1') == primary_serial(), q('u1.mac2 A', 'mac1'), status('zones.alice')['leases']" \
	"(True, 'NXDOMAIN', 0)"
sure 'events flow' "assert event(time.monotonic(), 5) < 2"
dnsd_ends
done_testing
