#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo passes, and it fails when there is cleartext, or IKE, during a move.
# kernels: uml
# timeout: 400
. "$(dirname "$0")/../lib/tap.sh"
need jq tcpdump charon-systemd swanctl

demo=$(dirname "$0")/run
# In name spaces of its own, as the runner gives each test
demo() {
	local rc
	unshare --net --mount bash -c 'mount -t sysfs sys /sys; mount -t tmpfs run /run
		mount --make-shared /run; mkdir /run/netns; ip link set lo up; "$@"' demo \
		"$demo" "$@" >"$tap_tmp/demo" 2>&1
	rc=$?
	diag_file "$tap_tmp/demo"
	[[ $rc = 0 ]] || diag_file "$TEST_OUT/demo.run/state" 200
	last=$(tail -n 1 "$tap_tmp/demo")
	return $rc
}

demo
is 'the demo passes' $? 0
like 'and says so in its last line' "$last" \
	'^demo: passed, discovery_ms=[0-9]+ stall_ms=[0-9]+ bytes=[1-9][0-9]* checksum=equal ike=0 cleartext=0 '

demo --break cleartext,ike
is 'cleartext and IKE during a move make it fail' $? 1
like 'IKE is counted' "$last" '^demo: FAILED, .* ike=[1-9]'
like 'cleartext is counted' "$last" '^demo: FAILED, .* cleartext=[1-9]'

done_testing
