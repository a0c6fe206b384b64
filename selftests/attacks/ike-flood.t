#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# IKE from 12,000 places that are nobody's, and in a peer's name from its own place, each
# well-formed: few are held, charon asks for cookies, its half-open SAs and the kernel's
# memory are bounded; who is a peer calls, is called and rekeys meanwhile.
# (tunnel/ike-nat.t has the flood behind a NAT, and what is no good IKE.)
# kernels: uml
# timeout: 400
# shellcheck disable=SC2086
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/../tunnel/charon.sh"
need charon-systemd swanctl tcpdump python3 jq

net_pair keepalive off
attacker
net_host c
net_join c 3
tunnel c keepalive off
peer c b endpoint 10.2.0.2:4500
peer b c endpoint 10.3.0.2:4500
AT_C=10.3.0.2:4500
charon_conf a b
charon_conf b a
charon_conf c b
charon_conf b c
charon_up a b c
once() { run_ns "$1" ping -6 -c 1 -W 30 -q "${ULA[$2]}"; }
ok 'a and b' once a b
ok 'c and b' once c b

# What b says to c over IKE; a cookie is notify 16390, alone in its message (RFC 7296 2.6)
capture toC r rb2 "udp src port 4500 and src host 10.2.0.2 and dst host 10.3.0.2 and udp[8:4] = 0"
cookies() { packets_in toC 'udp[28] = 41 and udp[46:2] = 0x4006'; }
cookies_above() { [[ $(cookies) -gt $1 ]]; }
half_open() { charon_ctl b --stats | sed -n 's/.*IKE_SAs: [0-9]* total, \([0-9]*\) half-open.*/\1/p'; }

# --- from 12,000 places ---------------------------------------------------------------------
held=$(counter b rx_ike_held) not_held=$(counter b rx_ike_not_held) ike=$(counter b rx_ike)
flow
memory=$(kib_unreclaimable)
start=$SECONDS
m_py flood.py "$AT_B" 12000 ike-init >"$TEST_OUT/flood"
diag_file "$TEST_OUT/flood"
more() { [[ $(($(counter b rx_ike_held) + $(counter b rx_ike_not_held) - held - not_held + $(counter b rx_ike_limited))) -ge 11000 ]]; }
ok 'calls from 12,000 places come' wait_for 20 more
cmp_num 'few of them are held, 64 at a time for 5 s' $(($(counter b rx_ike_held) - held)) \
	-le $((64 * ((SECONDS - start) / 5 + 2)))
is 'charon sees none of them' "$(counter b rx_ike)" "$ike"
ok 'the tunnel that there is loses nothing' flow_end
not_grown 'memory has not grown' "$memory" 5000

# --- a peer calls while that goes on ------------------------------------------------------------
background storm ip netns exec m "$attacks/flood.py" --for 600 "$AT_B" 400 ike-init
storm=$bg_pid
n=$(counter b rx_ike_not_held)
ok 'it goes on' wait_for 20 counter_above b rx_ike_not_held "$n"
charon_ctl c --terminate --ike b --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas c
ok 'c, where b knows it, calls b' once c b
charon_ctl a --terminate --ike b --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas a
ok 'b calls a' once b a
kill $storm
wait $storm 2>/dev/null

# --- in c's name, from its place --------------------------------------------------------------
# These reach charon. c answers to nothing: it never asked.
limited=$(counter b rx_ike_limited) ike=$(counter b rx_ike) tx=$(counter b tx_ike)
c_tx=$(counter c tx_ike) c_limited=$(counter c rx_ike_limited)
before=$(packets_in toC)
background storm ip netns exec m "$attacks/flood.py" --for 600 --from $AT_C "$AT_B" 200 ike-init
storm=$bg_pid
ok 'charon asks for cookies' wait_for 60 cookies_above 5
ok 'beyond its rate they are dropped' wait_for 20 counter_above b rx_ike_limited "$limited"
half=$(half_open)
diag "half-open IKE SAs at b: $half; cookies: $(cookies)"
cmp_num 'few IKE SAs are half open' "${half:-999}" -le 60
cmp_num 'b sends c no more than it gets' $(($(counter b tx_ike) - tx)) -le $(($(counter b rx_ike) - ike))
is 'and c answers nothing of it' "$(counter c tx_ike)" "$c_tx"
# b's answers are as many as b lets in of c's: of b's own calls, none may be dropped for them.
ok 'which is nothing that c asked for' counter_above c rx_ike_unasked 0
is 'and takes no place of what b itself has to say' "$(counter c rx_ike_limited)" "$c_limited"
# octets of b's answers to octets of what asked for them: reflection at c, who is known
read -r answers octets < <(tcpdump -r "$TEST_OUT/toC.pcap" -n -v 2>/dev/null |
	sed -n 's/.*length \([0-9]*\))$/\1/p' | awk -v skip="$before" 'NR > skip { n++; sum += $1 } END { print n + 0, sum + 0 }')
diag "$answers answers of $((octets / (answers ? answers : 1))) octets to calls of 176"
cmp_num 'an answer is little larger than a call, and later ones are smaller' "$octets" -le $((answers * 176 * 3 / 2))
flow
spis=$(ike_spis a b)
charon_ctl a --rekey --ike b >/dev/null
ok 'a rekeys with b meanwhile' wait_for 20 ike_differs a b "$spis"
ok 'the tunnel loses nothing' flow_end
ok 'b calls c meanwhile, in whose name it is' eval 'charon_ctl b --terminate --ike c --timeout 20 >/dev/null 2>&1; wait_for 20 no_sas c; once b c'
charon_ctl a --terminate --ike b --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas a
ok 'a calls b meanwhile, with a cookie' once a b
kill $storm
wait $storm 2>/dev/null

# --- messages that are large or odd, from a's own place -----------------------------------------
# ike_head FOLLOWING EXCHANGE SIZE: all of the header, a new initiator SPI
ike_head() { printf '00000000%04x%04x%04x%04x%016x%02x20%02x0800000000%08x' $RANDOM $RANDOM $RANDOM $RANDOM "$4" "$1" "$2" "$3"; }
mac=$(ip -n b -j link show e2 | jq -r '.[0].address')
ike=$(counter b rx_ike)
# IKE_SA_INIT of up to 64 KB; a fragment (RFC 7383: payload 53) of what nobody began
for size in 1000 9000 20000 65507; do
	run_ns r "$attacks/frame.py" rb2 "$mac" big "$AT_A" "$AT_B" "$(ike_head 33 34 $((size - 4)) 0)" $size
	run_ns r "$attacks/frame.py" rb2 "$mac" big "$AT_A" "$AT_B" "$(ike_head 53 35 $((size - 4)) 4711)" $size
done
at_least 'IKE of up to 64 KB reaches charon' b rx_ike "$ike" 4
ok 'charon goes on' charon_ctl b --stats
charon_ctl a --terminate --ike b --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas a
ok 'and a calls b' once a b
is 'nobody has moved in all that' "$(counter b endpoint_moves) $(counter a endpoint_moves)" '0 0'
capture_end toC
done_testing
