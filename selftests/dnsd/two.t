#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two front-ends of one zone: the first owns its leases, the second serves and
# forwards updates to it. And a front-end whose sockets somebody else has made
# (systemd's socket activation).
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

PRIMARY_ZONES='alice pub'
PRIMARY_NOTIFY='127.0.0.2 port 5301 key frontend;'
primary_begin
dnsd_begin 'lease-min = 1s'
first_pid=$dnsd_pid

# --- the second ------------------------------------------------------------------------

second=$DNSD_DIR/second
mkdir -p "$second"
sed -e 's/127\.0\.0\.1:53/127.0.0.2:53/g;s/127\.0\.0\.1:5301/127.0.0.2:5301/g;s/127\.0\.0\.1:853/127.0.0.2:853/' \
	-e 's/ \[::1\]:[0-9]*//g' -e "s,$DNSD_DIR/state,$second/state,;s,$DNSD_DIR/control,$second/control," \
	-e 's/primary = 127.0.0.2:5300/primary = 127.0.0.1:5300/' \
	-e 's/^owner = yes/owner = no\nowner-address = 127.0.0.1:53/' "$DNSD_DIR/dnsd.conf" >"$second/dnsd.conf"
second_start() {
	"$BTMM_DNSD" run --config "$second/dnsd.conf" >>"$TEST_OUT/second.log" 2>&1 </dev/null &
	second_pid=$!
}
second_start
add_cleanup eval 'kill -KILL $second_pid'
ok 'a second front-end' wait_for 10 py "q('alice.example.com. SOA', server='127.0.0.2').startswith('NOERROR')"
eq 'serves the zone' "q('www TXT', 'mac1', server='127.0.0.2'), q('www TXT', server='127.0.0.2')" \
	"('NOERROR \"secret\"', 'REFUSED')"
py "l = Llq('mac2 A', k='mac1', server='127.0.0.2'); l.setup()" "first = Llq('mac2 A', k='mac1'); first.setup()"
eq 'an update to the second is answered, signed, with its lease' \
	"up('mac2', 'add mac2 60 A 192.0.2.2', lease=3, server='127.0.0.2')" 'NOERROR 3'
py 'since = time.monotonic()'
eq 'the primary has it' "primary('mac2 A'), markers('mac2')" "('NOERROR 192.0.2.2', 1)"
eq 'who subscribed at the second has its event' "l.changes(1)" '+A 192.0.2.2'
eq 'who did at the first, too' "first.changes(1)" '+A 192.0.2.2'
eq 'what is refused is' "up('mac1', 'add mac2 60 A 192.0.2.3', lease=3, server='127.0.0.2')" REFUSED
eq 'conditions are looked at' "up('mac2', 'nx mac2', 'add mac2 60 A 192.0.2.3', lease=3, server='127.0.0.2')" YXDOMAIN
eq 'by TCP and TLS' "[up('mac2', 'add mac2 60 TXT ' + v, lease=3, server='127.0.0.2', via=v) for v in ('tcp', 'tls')]" \
	"['NOERROR 3', 'NOERROR 3']"
eq 'the owner ends the lease' "l.changes(1, 6)" '-A 192.0.2.2'
sure 'in its time' "took = time.monotonic() - since; assert 2 < took < 8, took"
eq 'the second knows nothing of leases' "v = status('zones.alice', '$second'); v['owner'], v['leases']" '(False, 0)'
sure '100 at a time' "t = Udp(server='127.0.0.2'); sent = {}" \
	"for i in range(100):" \
	"    m = update(['add v%d.mac2 60 A 192.0.2.9' % i], lease=5); m.id = 1000 + i; w, mac = signed(m.to_wire(), 'mac2')" \
	"    sent[w[:2]] = mac; t.send(w)" \
	"codes = []; start = time.monotonic()" \
	"while sent:" \
	"    got = t.recv(10); mac = sent.pop(got[:2]); m = parse(got, 'mac2', mac); codes.append((m.rcode(), granted(m)))" \
	"assert set(codes) == {(0, '5')}, (codes, time.monotonic() - start, control()['updates'], control(at='$second')['updates'])"
eq 'of which a repeated one is not done twice' \
	"w, mac = signed(update(['add w.mac2 60 A 192.0.2.9'], lease=100).to_wire(), 'mac2'); a = exchange(w, via=Udp(server='127.0.0.2')) if 0 else None
def both(server):
    t = Udp(server=server); t.send(w); return parse(t.recv(5), 'mac2', mac).rcode()
before = both('127.0.0.2'), primary_serial(); after = both('127.0.0.1'), primary_serial(); before == after and before[0] == 0" ''

# --- the owner is away --------------------------------------------------------------------

dnsd_kill
eq 'without the owner the second goes on serving' "q('static A', 'mac1', server='127.0.0.2')" 'NOERROR 192.0.2.80'
eq 'but no update is a success' "up('mac2', 'add mac2 60 A 192.0.2.5', lease=5, server='127.0.0.2', timeout=15)" SERVFAIL
dnsd_start
dnsd_wait
ok 'with it, they are' wait_for 10 py "assert up('mac2', 'add mac2 60 A 192.0.2.6', lease=5, server='127.0.0.2', timeout=10) == 'NOERROR 5'"
kill -TERM "$second_pid"
wait "$second_pid"
is 'the second ends in order' $? 0

# --- sockets from systemd ---------------------------------------------------------------------

dnsd_kill
cat >"$DNSD_DIR/activate.py" <<-'EOT'
	import os, socket, sys
	def make(kind, port, listen):
	    s = socket.socket(socket.AF_INET6, kind)
	    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
	    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	    s.bind(("::", port))
	    if listen:
	        s.listen(128)
	    return s
	fds = [make(socket.SOCK_DGRAM, 53, False), make(socket.SOCK_STREAM, 53, True),
	       make(socket.SOCK_STREAM, 853, True), make(socket.SOCK_DGRAM, 5301, False)]
	saved = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(fds)]
	for i, fd in enumerate(saved):
	    os.dup2(fd, 3 + i)
	os.closerange(3 + len(fds), 200)
	os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
	                  LISTEN_FDNAMES="udp:tcp:tls:udp")
	os.execvp(sys.argv[1], sys.argv[1:])
EOT
python3 "$DNSD_DIR/activate.py" "$BTMM_DNSD" run --config "$DNSD_DIR/dnsd.conf" >>"$TEST_OUT/dnsd.log" 2>&1 </dev/null &
dnsd_pid=$!
dnsd_wait
eq 'sockets that are handed over' "[q('www.pub.example.com. A', via=v, server=s) for v in ('udp', 'tcp', 'tls') for s in ('127.0.0.1', '::1')] == ['NOERROR 192.0.2.1'] * 6" ''
eq 'the answer comes from the address that was asked' "q('www.pub.example.com. A', server='127.0.0.7')" 'NOERROR 192.0.2.1'
sure 'LLQs, too' "l = Llq('ev.pub.example.com. A', server='127.0.0.7'); l.setup()" \
	"up('direct', 'add ev 60 A 192.0.2.7', zone='pub.example.com.', port=PRIMARY_PORT); e = l.event()" \
	"assert str(e) == '+A 192.0.2.7' and l.t.peer[0] == '127.0.0.7', (e, l.t.peer)"
sure 'and Apple'\''s' "a = Apple('ev2.pub.example.com. A', k='mac1'); assert a.setup() == '0', a.m" \
	"up('direct', 'add ev2 60 A 192.0.2.8', zone='pub.example.com.', port=PRIMARY_PORT); assert a.changes(1) == '+A 192.0.2.8'"
dnsd_ends
done_testing
