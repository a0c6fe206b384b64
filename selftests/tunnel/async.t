#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Asynchronous crypto (pcrypt, or cryptd where there is one CPU; an accelerator is the
# like) gives packets back later. TCP through the tunnel does not take those for
# unsent, which would stop it for good, and all of its octets arrive.
# kernels: uml uml-debug
# boot: own
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

modprobe -a esp6 esp6_offload
async_crypto || skip_all "no asynchronous crypto: $(tail -n 1 "$TEST_OUT/async.log")"
net_pair
sa_pair
ok 'ping' pings a b 1
ok "the SAs are asynchronous ($async)" async_in_use

retransmitted() { run_ns a nstat -asz TcpRetransSegs | awk '/Retrans/ { print $2 }'; }
ok 'TCP from a to b' tcp_copy a b 4
ok '... from b to a' tcp_copy b a 4
before=$(retransmitted)
ok '... and once more' tcp_copy a b 4
diag "retransmitted: $(($(retransmitted) - before)) segments"
for h in a b; do is "$h: nothing was refused as cleartext" "$(counter $h tx_unencrypted)" 0; done

done_testing
