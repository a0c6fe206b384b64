# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A connection that no test may break, on top of lib.sh.
#
#	flow_begin CLIENT SERVER	SERVER sends, CLIENT counts
#	ok 'it goes on' flow_goes_on	octets have come since it was asked
#	flow_end			checks that all there were have come

flow_begin() {
	flow_client=$1 flow_server=$2
	on "$2" "$btmmd_here/flow" serve "$(ula "$2")" 8080 65536 "$tap_tmp/flow.stop" "$tap_tmp/flow.sent" \
		>"$TEST_OUT/flow.log" 2>&1 &
	add_cleanup kill $!
	wait_for 30 eval "run_ns $2 ss -Hltn 'sport = 8080' | grep -q ." || bail 'no flow can be served'
	on "$1" "$btmmd_here/flow" fetch "$(fqdn "$2")" 8080 "$tap_tmp/flow.progress" "$tap_tmp/flow.got" \
		>>"$TEST_OUT/flow.log" 2>&1 &
	add_cleanup kill $!
	wait_for 30 test -e "$tap_tmp/flow.progress" || bail "no flow: $(<"$TEST_OUT/flow.log")"
}
flow_octets() { cat "$tap_tmp/flow.progress"; }
flow_more_than() { (($(flow_octets) > $1)); }
# flow_goes_on [SECONDS]
flow_goes_on() {
	local was
	was=$(flow_octets)
	# more than can have been under way
	wait_for "${1:-20}" flow_more_than $((was + 4096))
}
flow_end() {
	: >"$tap_tmp/flow.stop"
	ok 'the connection ends in good order' wait_for 30 test -e "$tap_tmp/flow.got" -a -e "$tap_tmp/flow.sent" || {
		diag "$flow_client, $flow_server: $(cat "$TEST_OUT/flow.log")"
		return
	}
	is 'and no octet is lost' "$(jq -r '.sha256 + .broken' "$tap_tmp/flow.got")" "$(jq -r '.sha256 + .broken' "$tap_tmp/flow.sent")"
	diag "$(jq .bytes "$tap_tmp/flow.got") octets; longest pauses $(jq -c .gaps "$tap_tmp/flow.got") ms"
}
