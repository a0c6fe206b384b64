#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The subscription of btmmd against BIND and btmm-dnsd: hosts come, move, reboot and go,
# by DNS Push, by LLQ over TLS and by LLQ over UDP; servers are killed, ways are closed and
# opened, and who is not trusted is not spoken with.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../dnsd/net.sh"
need nft
: "${BTMM_DRIVE_SUBSCRIBE:=$(dirname "$0")/../../build/tests-bin/subscribe}"
command -v "$BTMM_DRIVE_SUBSCRIBE" >/dev/null || skip_all "$BTMM_DRIVE_SUBSCRIBE is not there"

PRIMARY_ZONES=alice
primary_begin
dnsd_begin 'lease-min = 1s'
py 'def alice(*ops): assert up("direct", *ops, port=PRIMARY_PORT) == "NOERROR"' \
	'def services(*names):' \
	'    """These are announced, no others."""' \
	'    ops = ["del %s SRV" % n for n in ("_dns-push-tls._tcp", "_dns-llq-tls._tcp", "_dns-query-tls._tcp",' \
	'                                      "_dns-llq._udp", "_dns-update._udp")]' \
	'    alice(*ops, *["add %s 60 SRV 0 0 %d ns" % (n, 853 if "tls" in n else 53) for n in names])' \
	'    assert until(lambda: serial(k="mac1") == primary_serial()) is not None' \
	'def count(kind): return status("subscriptions." + kind)'
pin=$(openssl x509 -in "$DNSD_DIR/tls.crt" -pubkey -noout | openssl pkey -pubin -outform DER |
	openssl dgst -sha256 -r | cut -d' ' -f1)

# --- the driver ------------------------------------------------------------------------
sub_pid='' sub_mark=0 sub_log=$TEST_OUT/subscribe.log
# sub_start OPTION...
sub_start() {
	sub_end
	rm -f "$tap_tmp/words"
	mkfifo "$tap_tmp/words"
	printf '# %s\n' "$*" >>"$sub_log"
	sub_mark=$(wc -l <"$sub_log")
	"$BTMM_DRIVE_SUBSCRIBE" --domain alice.example.com --self mac1.alice.example.com \
		--key "$(key_file mac1)" --own fd00::1 --resolver 127.0.0.1:53 "$@" \
		<"$tap_tmp/words" >>"$sub_log" 2>&1 &
	sub_pid=$!
	exec {sub_in}>"$tap_tmp/words"
}
sub_end() {
	[[ -n $sub_pid ]] || return 0
	# Its end of the pipe may be others', who were started since.
	say quit
	exec {sub_in}>&-
	wait "$sub_pid"
	is 'the subscription ends in order' $? 0
	sub_pid=''
}
sub_kill() { [[ -z $sub_pid ]] || kill -KILL "$sub_pid"; }
add_cleanup sub_kill
say() { echo "$1" >&"$sub_in"; }
new_lines() { tail -n "+$((sub_mark + 1))" "$sub_log"; }
has_line() { new_lines | grep -qE "$1"; }
# hears DESC SECONDS REGEX: a line like that comes; what is before it has been heard
hears() {
	local n
	if wait_for "$2" has_line "$3"; then
		n=$(new_lines | grep -nEm1 "$3" | cut -d: -f1)
		heard=$(new_lines | head -n "$n")
		sub_mark=$((sub_mark + n))
		tap_ok "$1"
	else
		tap_not_ok "$1"
		diag "line ${BASH_LINENO[0]}: no line like $3" "$(new_lines)"
	fi
}
# silence DESC REGEX: no such line has come by now
silence() { unlike "$1" "$(new_lines)" "$2"; }

# --- DNS Push ----------------------------------------------------------------------------
sub_start --pin "$pin"
hears 'DNS Push over TLS' 5 '^way live, DNS Push over TLS, 127.0.0.1:853$'
hears 'there is nobody else' 5 '^complete$'
sure 'nothing goes in clear text' "assert count('udp') == 0 and count('tcp') == 0"

# hosts WAY: a life of hosts, the same by each way
hosts() {
	local way=$1
	py "alice('add _autotunnel._udp 60 PTR mac3', 'add _autotunnel._udp 60 PTR mac1')"
	hears "$way: a host comes" 3 '^came mac3.alice.example.com fd00::3 192.0.2.3:4500$'
	py "alice('del AutoTunnel-3 A', 'add AutoTunnel-3 120 A 192.0.2.33')"
	hears "$way: it moves" 2 '^moved mac3.alice.example.com fd00::3 192.0.2.33:4500$'
	py "alice('del _autotunnel._udp.mac3 SRV', 'add _autotunnel._udp.mac3 120 SRV 0 0 4501 AutoTunnel-3')"
	hears "$way: its port is another" 2 '^moved mac3.alice.example.com fd00::3 192.0.2.33:4501$'
	py "alice('del _autotunnel._udp.mac3 SRV', 'add _autotunnel._udp.mac3 120 SRV 0 0 4502 AutoTunnel-9'," \
		"     'del AutoTunnel-3 A', 'add AutoTunnel-9 120 A 192.0.2.39')"
	hears "$way: all of it is" 2 '^moved mac3.alice.example.com fd00::3 192.0.2.39:4502$'
	py "alice('del mac3 AAAA', 'add mac3 120 AAAA fd00:0:0:2::3')"
	hears "$way: it reboots" 2 '^reborn mac3.alice.example.com fd00:0:0:2::3 192.0.2.39:4502$'
	unlike "$way: each in one step" "$heard" '(came|went|moved)'
	py "alice('add _autotunnel._udp 60 PTR mac2', 'add mac2 120 AAAA fd00::2'," \
		"     'add _autotunnel._udp.mac2 120 SRV 0 0 4500 AutoTunnel-2', 'add AutoTunnel-2 120 A 192.0.2.2')"
	hears "$way: another host" 3 '^came mac2.alice.example.com fd00::2 192.0.2.2:4500$'
	py "alice('del mac2 AAAA', 'add mac2 120 AAAA fd00:9::1')"
	hears "$way: which says that it is we" 3 '^went mac2.alice.example.com fd00::2 -$'
	say status
	hears "$way: says why" 2 "^peer mac2.alice.example.com absent live has this host's own inner address"
	py "alice('del mac2 AAAA', 'add mac2 120 AAAA fd00::2')"
	hears "$way: and thinks better of it" 3 '^came mac2.alice.example.com fd00::2 192.0.2.2:4500$'
	say 'again mac2.alice.example.com'
	hears "$way: read again" 3 '^read mac2.alice.example.com fd00::2'
	say 'again mac7.alice.example.com'
	hears "$way: but nobody knows that one" 2 '^again -2$'
}
# hosts_end WAY: back to how it was
hosts_end() {
	py "alice('del _autotunnel._udp PTR', 'del mac2 AAAA', 'del _autotunnel._udp.mac2 SRV', 'del AutoTunnel-2 A'," \
		"     'del mac3 AAAA', 'add mac3 120 AAAA fd00::3', 'del _autotunnel._udp.mac3 SRV'," \
		"     'add _autotunnel._udp.mac3 120 SRV 0 0 4500 AutoTunnel-3', 'del AutoTunnel-9 A'," \
		"     'add AutoTunnel-3 120 A 192.0.2.3')"
	ok "$1: both go" wait_for 3 eval '[[ $(new_lines | grep -c ^went) = 2 ]]'
	hears "$1: both go" 2 '^went'
	hears "$1: the other, too" 2 '^went'
}
hosts Push

# --- kill -9 of btmm-dnsd, which is the resolver, too ----------------------------------------
dnsd_kill
hears 'killed: there is no way' 10 '^way none, DNS Push over TLS'
py "alice('del AutoTunnel-2 A', 'add AutoTunnel-2 120 A 192.0.2.22')"
say status
hears 'all who were known still are' 2 '^peer mac2.alice.example.com there stale$'
dnsd_start
hears 'back: who has moved meanwhile' 20 '^moved mac2.alice.example.com fd00::2 192.0.2.22:4500$'
dnsd_wait
hears 'by DNS Push' 5 '^way live, DNS Push over TLS'
silence 'nobody went' '^(went|came)'
hosts_end Push

# --- a network that goes and comes -------------------------------------------------------------
say moved
say pause
hears 'no network' 3 '^way none'
say moved
hears 'there is one' 3 '^way live, DNS Push over TLS'
say all
hears 'another' 3 '^way none'
hears 'it goes on' 3 '^way live, DNS Push over TLS'

# --- who is not trusted ------------------------------------------------------------------------
sub_start --pin "${pin//[0-7]/8}"
hears 'another key: no way' 10 '^way none .*is not the one that the account knows'
silence 'and no other, though there are some' '^way live'
sure 'not a word in clear text' "assert count('udp') == 0 and count('tcp') == 0"
sub_start --ca "$DNSD_DIR/tls.crt" --name ns.alice.example.com
hears 'a certificate by name' 5 '^way live, DNS Push over TLS'
sub_start --ca "$DNSD_DIR/tls.crt" --name other.example.com
hears 'with another name: no' 5 '[Hh]ostname mismatch'
sub_start --ca "$DNSD_DIR/tls.crt" --name ns.alice.example.com --pin "${pin//[0-7]/8}"
hears 'both have to be right' 5 'is not the one that the account knows'

# --- LLQ over TLS ------------------------------------------------------------------------------
py "services('_dns-llq-tls._tcp', '_dns-llq._udp')"
sub_start --pin "$pin"
hears 'a server without push' 5 '^way live, Long-Lived Queries over TLS, 127.0.0.1:853$'
hosts 'LLQ over TLS'
dnsd_kill
hears 'killed' 10 '^way none'
py "alice('del AutoTunnel-2 A', 'add AutoTunnel-2 120 A 192.0.2.22')"
dnsd_start
hears 'back: who has moved meanwhile' 20 '^moved mac2.alice.example.com fd00::2 192.0.2.22:4500$'
dnsd_wait
silence 'nobody went' '^(went|came)'
hosts_end 'LLQ over TLS'
py "services('_dns-query-tls._tcp')"
sub_start --pin "$pin"
hears 'one that announces neither is asked all the same' 5 '^way live, Long-Lived Queries over TLS'

# --- LLQ over UDP ------------------------------------------------------------------------------
py "services('_dns-llq._udp')"
sub_start --pin "$pin"
hears 'UDP only, but no clear text is allowed' 5 '^way none .*no server that may be used'
sub_start --pin "$pin" --clear
hears 'it is' 5 '^way live, Long-Lived Queries over UDP, 127.0.0.1:53$'
hosts 'LLQ over UDP'
dnsd_kill
py "alice('del AutoTunnel-2 A', 'add AutoTunnel-2 120 A 192.0.2.22')"
dnsd_start
hears 'killed: the LLQs are still there' 20 '^moved mac2.alice.example.com fd00::2 192.0.2.22:4500$'
dnsd_wait
silence 'nobody went' '^(went|came)'
say moved
hears 'from another port' 5 '^way live, Long-Lived Queries over UDP'
say deaf
hears 'behind a NAT it is but a poll' 5 '^way polls, Long-Lived Queries over UDP'
say hears
hears 'in front of it, it is not' 5 '^way live, Long-Lived Queries over UDP'
say pause
hears 'no network' 3 '^way none'
say moved
hears 'again' 5 '^way live, Long-Lived Queries over UDP'

# --- down and up again -------------------------------------------------------------------------
py "services('_dns-push-tls._tcp', '_dns-llq-tls._tcp', '_dns-llq._udp')"
say moved
hears 'there is something better' 15 '^way live, DNS Push over TLS'
silence 'nobody went' '^(went|came)'
nft add table inet t
nft add chain inet t i '{ type filter hook input priority 0; }'
nft add rule inet t i tcp dport 853 reject with tcp reset
dnsd_kill
dnsd_start
hears 'TLS is closed' 10 '^way none, DNS Push over TLS'
hears 'so, by UDP' 15 '^way live, Long-Lived Queries over UDP'
dnsd_wait
silence 'nobody went' '^(went|came)'
nft delete table inet t
say moved
hears 'TLS is open' 15 '^way live, DNS Push over TLS'
hosts_end 'down and up'
ok 'no LLQ is left over' wait_for 5 py "count('udp') == 0"
sub_end
unlike 'no sanitizer has complained' "$(cat "$sub_log")" \
	'(ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error)'
dnsd_ends
done_testing
