#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Checksums of TCP and UDP inside: what the peer itself sent is authentic from its
# kernel to ours, and is not summed up again; what comes from hosts behind it, or by
# an SA without authentication, is.
# kernels: uml-debug 6.12
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

net_pair keepalive off
sa_pair
L=fd00:1::2
net_host l
net_join l 3 2 a
ip -n l addr add $L/128 dev e3 nodad
ip -n a route add $L/128 dev ral3
run_ns a sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n l route add "$B" via 2001:db8:3::1
ip -n a xfrm policy add src $L dst "$B" dir out tmpl src "$A" dst "$B" proto esp reqid 1 mode tunnel
ip -n b xfrm policy add src $L dst "$B" dir in tmpl src "$A" dst "$B" proto esp reqid 1 mode tunnel
ok 'ping' pings a b 1

send() { run_ns "$1" python3 "$(dirname "$0")/send.py" "${@:2}"; }
background recv ip netns exec b python3 "$(dirname "$0")/send.py" recv
wait_for 10 grep -q ready "$TEST_OUT/recv.log"
# datagram HOST FROM CHECKSUM TEXT: a UDP datagram of 14 octets from port 7777 to 7777
datagram() { send "$1" raw6 --src "$2" --dst "$B" --nh 17 --hex "1e611e61000e$3$(printf %s "$4" | od -An -tx1 | tr -d " \n")" >/dev/null; }
came() { grep -q " $1\$" "$TEST_OUT/recv.log"; }
errors() { run_ns b nstat -asz Udp6InCsumErrors | awk '/Csum/ { print $2 }'; }
errors_are() { [[ $(errors) = "$1" ]]; }

send l raw6 --src $L --dst "$B" --udp 7777 7777 --data behind >/dev/null
ok 'from behind a, with a good checksum: comes' wait_for 10 came behind
datagram l $L 1234 forged
ok 'with a bad one: is refused' wait_for 10 errors_are 1
datagram a "$A" 1234 direct
ok 'from a, authentic: is not looked at' wait_for 10 came direct
is 'nothing else was refused' "$(errors)" 1
fails 'nor has the bad one come' came forged

# ICV of no octets: nobody vouches for anything
for h in a b; do ip -n $h xfrm state flush; done
for h in a b; do
	sa $h "$A" "$B" $SPI_AB "$ALG_NULL"
	sa $h "$B" "$A" $SPI_BA "$ALG_NULL"
done
ok 'ping, without authentication' pings a b 1
datagram a "$A" 1234 nobody
ok 'from a, with a bad checksum: is refused' wait_for 10 errors_are 2
fails 'and has not come' came nobody

done_testing
