#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stock charon over the device: the first packet waits for its keys; rekeying
# under traffic; charon that ends, dies, comes back, or is there twice; and
# nothing in the clear meanwhile.
# kernels: uml-debug 6.1
# timeout: 400
# shellcheck disable=SC2086
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/charon.sh"
need charon-systemd swanctl tcpdump

net_pair keepalive off
# All that is not the tunnel's, nor how a link works (ARP, ND, MLD)
capture clear r ra1 'not (udp src port 4500 and dst port 4500) and not arp and
	not (icmp6 and ip6[40] >= 130 and ip6[40] <= 143) and not (ip6 and ip6[6] == 0)'
capture all r ra1 'udp port 4500'
run_ns a bash -c 'echo hello >/dev/udp/10.2.0.2/9'
ok 'the capture sees cleartext when there is any' wait_for 10 packets_above clear 0
clear=$(packets_in clear)
no_clear() { is "$1: nothing in the clear" "$(packets_in clear)" "$clear"; }

charon_conf a b
charon_conf b a
charon_up a b

# --- the first packet -------------------------------------------------------------

# once HOST OTHER: one single ping is answered, however long IKE takes
once() { run_ns "$1" ping -6 -c 1 -W 30 -q "${ULA[$2]}"; }
established() { charon_ctl "$1" --list-sas --raw | grep -q "state=ESTABLISHED.*state=INSTALLED"; }
clean() {
	charon_ctl a --terminate --ike b --timeout 10 >"$TEST_OUT/terminate" 2>&1
	charon_ctl b --terminate --ike a --timeout 10 >>"$TEST_OUT/terminate" 2>&1
	wait_for 20 no_sas a && wait_for 20 no_sas b
}

ok 'no SAs yet' no_sas a
ok 'the first packet of a to b brings up IKE and is not lost' once a b
ok 'a has an SA for each direction' sas_above a 1
ok 'IKE went through the tunnel port' counter_above a tx_ike 1
is 'and none of it was held' "$(counter b rx_ike_held)" 0
ok 'terminate: the SAs go at both ends' clean
no_clear 'terminate'
ok 'the first packet of b to a, too' once b a
no_clear 'on demand'

# --- rekeying ------------------------------------------------------------------------

differs() { [[ $(sas "$1" "$2" "$3" | sort) != "$4" ]]; }

flow
before=$(sas a $A $B | sort)
ok 'rekey the CHILD_SA under traffic' charon_ctl a --rekey --child b
ok 'there is a new SA' wait_for 20 differs a $A $B "$before"
n=$(counter a tx_ike)
ok 'rekey the IKE SA under traffic' charon_ctl b --rekey --ike a
ok 'that took messages' wait_for 20 counter_above a tx_ike "$n"
ok 'the traffic notices nothing' flow_end
no_clear 'rekeying'

# --- a second charon -------------------------------------------------------------------

charon_conf a b second
charon_start a second
second_over() { ! charon_running second || [[ -S $charon_all/second/vici ]]; }
ok 'a second charon beside the first comes up or gives up' wait_for 60 second_over
like 'it gets no IKE port' "$(cat "$TEST_OUT"/charon.second.{log,out} 2>/dev/null)" \
	'(unable to bind|could not open|Address already in use|no socket)'
ok 'the tunnel does not mind it' pings a b 3
charon_stop second
ok 'nor its end' pings a b 3
before=$(sas a $A $B | sort)
charon_ctl a --rekey --child b >/dev/null
ok 'IKE is still the first one'\''s' wait_for 20 differs a $A $B "$before"
no_clear 'a second charon'

# --- charon dies -------------------------------------------------------------------------

flow
charon_kill a
ok 'with charon dead the keys stay' sas_above a 1
ok 'and traffic goes on' pings a b 5
ok 'not one packet was lost' flow_end
ip -n a xfrm state flush
fails 'without keys and charon nothing gets through' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B"
no_clear 'no keys, no charon'
ip -n a xfrm policy flush
n=$(counter a tx_cleartext)
fails 'without policies neither' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B"
ok 'they were refused by the device' counter_above a tx_cleartext "$n"
no_clear 'no policies, no charon'

charon_start a
charon_load a
ok 'charon comes back: the first packet is answered' once a b
no_clear 'back again'

# --- charon ends in order -----------------------------------------------------------------

charon_stop a
ok 'charon stops: the SAs go here' wait_for 20 no_sas a
ok 'and there' wait_for 20 no_sas b
fails 'nothing gets through' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q "$B"
no_clear 'charon stopped'

# --- a reqid that somebody else has, too ---------------------------------------------------

ip -n a xfrm state add src fd00:1::1 dst fd00:1::2 proto esp spi 0x7001 reqid 77 mode tunnel \
	aead 'rfc4106(gcm(aes))' $KEY_GCM 128
ip -n a xfrm policy add src fd00:1::1 dst fd00:1::2 dir out \
	tmpl src fd00:1::1 dst fd00:1::2 proto esp reqid 77 mode tunnel
CHARON_CHILD='reqid = 77' charon_conf a b
charon_start a
charon_load a
ok 'reqid clash: the first packet is answered' once a b
ok 'and those after it' pings a b 3
like 'the foreign SA is still there' "$(ip -n a xfrm state list)" 0x00007001
like 'with nothing sent by it' "$(ip -n a -s xfrm state get src fd00:1::1 dst fd00:1::2 proto esp spi 0x7001)" \
	'0\(bytes\), 0\(packets\)'
no_clear 'reqid clash'

capture_end clear
capture_end all
cmp_num 'the capture saw the tunnel' "$(tcpdump -r "$TEST_OUT/all.pcap" -n 2>/dev/null | wc -l)" -gt 100
for h in a b; do
	for n in rx_ike_malformed rx_ike_limited rx_malformed; do
		is "$n is 0 on $h" "$(counter $h $n)" 0
	done
done
done_testing
