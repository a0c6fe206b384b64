#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Moves with an LLQ server that is not ours and has no rule for the AAAA (llqd.py): it tells
# the SRV and the A that have changed, and btmmd follows; over TLS, where it speaks no DNS
# Push, and over UDP. The server restarts while a host moves; both hosts move at once.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
way=delay=5

topology 'internet: server resolver' "home1(natpmp,$way): alice" "home2(natpmp,$way):" \
	"home3(natpmp,$way):" 'home4(public): bob'
account_make server resolver alice alice bob
{
	on server grep -v '^#' /etc/btmm/keys/frontend.key
	for h in alice bob; do on $h sed -n 's/^key //p' /etc/btmm/host/host; done
} | on server sh -c 'umask 077; cat >/root/keys'
llqd() { # WORD...
	start server llqd "$btmmd_here/llqd.py" "$(addr server)" "$ZONE" /root/keys "$@"
	llqd_pid=$bg_pid
	wait_for 20 llqd_ready || bail "llqd: $(tail -n 5 "$TEST_OUT/llqd.log")"
}
llqd_ready() { awk '/^---/ { r = 0 } $2 == "ready" { r = 1 } END { exit !r }' "$TEST_OUT/llqd.log"; }
llqd_end() {
	kill -KILL $llqd_pid
	wait $llqd_pid 2>/dev/null
	echo --- >>"$TEST_OUT/llqd.log"
}
TLS=tls=8853:/etc/btmm/tls.crt:/etc/btmm/keys/tls.key
llqd $TLS
# btmmd speaks with nobody else; what is published, llqd hands on.
for h in alice bob; do
	on $h mkdir -p /etc/btmm/btmmd.conf.d
	printf '[dns]\nserver = %s:8853\n' "$(addr server)" | on $h tee /etc/btmm/btmmd.conf.d/dns.conf >/dev/null
done
host_start alice bob

json() { local h=$1 f=$2; shift 2; on "$h" btmm-ctl "$@" --json | jq -r "$f"; }
is_json() { [[ $(json "$1" "$2" "${@:4}") = "$3" ]]; }
way_is() { is_json "$1" '.[0].subscription|.quality + " " + .protocol + " " + .server' "$2" status; }
knows() { [[ -n $(endpoint "$1" "$2") ]]; }
ok 'alice has a live subscription' wait_for 40 way_is alice "live llq-tls $(addr server):8853" ||
	{ diag "$(on alice btmm-ctl status)"; trouble alice bob; bail 'nothing to go on with'; }
ok 'so has bob' wait_for 20 way_is bob "live llq-tls $(addr server):8853"
ok 'Push was tried' grep -q 'no DSO' "$TEST_OUT/llqd.log"
ok 'each knows the other' wait_for 20 eval 'knows alice bob && knows bob alice' || trouble alice bob

# A port that was mapped to another address inside is not given again.
is_in() { [[ $(endpoint "$1" "$2") = "$(external "$3"):"* ]]; }
# moved HOST NETWORK OTHER: without a packet between them, so that it is DNS that tells
moved() {
	local h=$1 net=$2 other=$3 at
	at=$(now_s)
	echo "mark $at" >>"$TEST_OUT/llqd.log"
	move "$h" "$net"
	ok "$other follows $h to $net" wait_for 10 is_in "$other" "$h" "$net" || trouble alice bob
	diag "ms since the cable was pulled: mapping known $(said_at "$h" "reached at $(external "$net") " "$at")," \
		"followed $(said_at "$other" "$(fqdn "$h") moved.* $(external "$net") " "$at")"
}
# told WHAT: events since the last move
told() { awk -v what="$1" '$1 == "mark" { n = 0 } $2 == "event" && $4 == what { n++ } END { print n + 0 }' "$TEST_OUT/llqd.log"; }

moved alice home2 bob
is 'the server has not told an AAAA' "$(told AAAA)" 0
cmp_num 'but an A' "$(told A)" -ge 1
is 'nobody has spoken yet' "$(ip -n bob xfrm state)" ''
moved alice home3 bob
ok 'they reach each other' wait_for 20 reach_all alice bob || trouble alice bob

# --- the server is away while somebody moves ------------------------------------------------

llqd_end
at=$(now_s)
move alice home1
wait_for 5 eval '[[ -n $(said_at alice "reached at $(external home1) " "$at") ]]'
llqd $TLS
ok 'alice is published' wait_for 20 eval '[[ -n $(said_at alice "published for" "$at") ]]' || trouble alice bob
ok 'bob hears of it' wait_for 20 eval '[[ -n $(said_at bob "$(fqdn alice) moved.* $(external home1) " "$at") ]]' || trouble alice bob
ok 'and has never let her go' eval '! grep -q "$(fqdn alice) went" "$TEST_OUT/btmmd.bob.log"'
like 'his kernel has her there' "$(endpoint bob alice)" "^$(external home1):"

# --- both at once -------------------------------------------------------------------------------

at=$(now_s)
detach alice
detach bob
attach alice home2
attach bob home3
ok 'both move: they find each other' wait_for 20 pings alice bob || trouble alice bob
ok 'in both directions' wait_for 10 pings bob alice
diag "each by DNS after $(said_at alice "$(fqdn bob) moved" "$at") and $(said_at bob "$(fqdn alice) moved" "$at") ms"

# --- by UDP ---------------------------------------------------------------------------------------

detach bob
attach bob home4
llqd_end
on server python3 - "$ZONE" <<-'END'
	import sys
	import dns.query, dns.tsigkeyring, dns.update
	name, algorithm, secret = open("/root/keys").readline().split()
	u = dns.update.Update(sys.argv[1], keyring=dns.tsigkeyring.from_text({name: (algorithm, secret)}))
	u.replace("_dns-llq._udp", 60, "SRV", "0 0 5352 ns")
	assert dns.query.udp(u, "127.0.0.1", port=5300, timeout=5).rcode() == 0
END
on resolver rndc flush
llqd udp=5352
for h in alice bob; do
	echo 'clear-text = yes' | on $h tee -a /etc/btmm/btmmd.conf.d/dns.conf >/dev/null
	on $h btmm-ctl reload >/dev/null
done
ok 'bob subscribes by UDP' wait_for 40 way_is bob "live llq-udp $(addr server):5352" ||
	{ diag "$(on bob btmm-ctl status)"; trouble alice bob; }
ok 'and knows where alice is' wait_for 20 is_in bob alice home2 || trouble alice bob
moved alice home1 bob
ok 'its event was acknowledged' wait_for 5 eval 'awk '\''/^mark/ { n = 0 } $2 == "ack" { n++ } END { exit !n }'\'' "$TEST_OUT/llqd.log"'
ok 'they reach each other' eval 'reach_again; wait_for 20 reach_all alice bob' || trouble alice bob
host_stop alice bob
done_testing
