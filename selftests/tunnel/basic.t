#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The device carries ping and TCP between two hosts, over IPv4 and IPv6, with
# and without the two batching steps.
# timeout: 180
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

net_pair
sa_pair

ok 'ping a to b' pings a b 3
ok 'ping b to a' pings b a 3
ok 'TCP a to b, 4 MiB, byte-exact' tcp_copy a b 4
cmp_num 'segments crossed the outer stack in runs' "$(counter a tx_batches)" -gt 0

for h in a b; do run_ns "$h" btmm-ctl dev set btmm0 tx-batch off rx-gro off; done
runs=$(counter a tx_batches)
ok 'TCP a to b, batching off' tcp_copy a b 2
is 'no run of packets when switched off' "$(counter a tx_batches)" "$runs"
for h in a b; do run_ns "$h" btmm-ctl dev set btmm0 tx-batch on rx-gro on; done

net_gro
ok 'TCP b to a, decrypted in GRO' tcp_copy b a 4
cmp_num 'packets were decrypted in GRO' "$(counter a rx_gro)" -gt 0

for n in tx_no_route tx_loop tx_unencrypted tx_not_xfrm tx_too_big tx_outer_error tx_fragment \
	rx_malformed rx_unknown_spi rx_esp_refused; do
	is "$n is 0 on a" "$(counter a $n)" 0
	is "$n is 0 on b" "$(counter b $n)" 0
done

# The device's MTU fits IPv4: that the path is narrower is found out first.
run_ns a btmm-ctl peer set "$B" endpoint '[2001:db8:2::2]:4500'
run_ns b btmm-ctl peer set "$A" endpoint '[2001:db8:1::2]:4500'
ok 'ping over an IPv6 underlay' pings a b 3
ok 'TCP over an IPv6 underlay' tcp_copy a b 2

# The kernel answers a ping with its ICMPv6 socket locked, and an error about that
# answer would need the same lock (kernels with spinlock debugging said so).
before=$(counter b tx_no_route)
ip -n b -6 route add unreachable 2001:db8:1::2
fails 'a ping that cannot be answered' pings a b
cmp_num '... is counted' "$(counter b tx_no_route)" -gt "$before"
ip -n b -6 route del unreachable 2001:db8:1::2
ok '... and later pings are answered' wait_for 10 pings a b

done_testing
