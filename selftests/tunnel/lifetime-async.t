#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# As lifetime.t, while packets are in asynchronous crypto, which knows their
# device by a bare pointer: pcrypt, or cryptd where there is one CPU.
# kernels: uml-debug 6.12
# long: 6.12
# boot: own
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"
. "$(dirname "$0")/lifetime.sh"

modprobe -a esp6 esp6_offload
async_crypto || skip_all "no asynchronous crypto: $(tail -n 1 "$TEST_OUT/async.log")"
torture 'asynchronous'

done_testing
