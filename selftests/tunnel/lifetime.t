#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The end of a device under traffic: the link is deleted, goes down, the module
# is unloaded, again and again.
# kernels: uml-debug 6.12
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"
. "$(dirname "$0")/lifetime.sh"

torture 'synchronous'

done_testing
