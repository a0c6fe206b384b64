#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# There is no room in the runtime directories: btmmd says so, runs, and has an address as
# soon as it can keep it; what it has kept is read when it starts anew, room or not.
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/flow.sh"

topology 'internet: server resolver bob' 'home1(natpmp): alice'
account_make server resolver alice alice bob

status() { on alice btmm-ctl --json status | jq -r ".[0]|$1"; }
status_is() { [[ $(status "$1") = "$2" ]]; }
said() { grep -q "$1" "$TEST_OUT/btmmd.alice.log"; }
fill() { on alice dd if=/dev/zero "of=$1/filler" bs=4k >/dev/null 2>&1; }
full() { ! on alice sh -c "echo x >$1/more" 2>/dev/null; }
for dir in /run/btmmd /run/btmm-charon; do
	on alice mkdir -p $dir
	on alice mount -t tmpfs -o size=16k none $dir
	fill $dir
	ok "$dir is full" full $dir
done

# --- from the first start on ------------------------------------------------------------------

host_start alice bob
ok 'btmmd says what it cannot write' wait_for 10 said '<3>identity cannot be written: No space left on device' || trouble alice
ok 'it runs' wait_for 10 status_is .state up
is 'without an address' "$(status '.ula // "none"')" none
is 'nothing is left half written' "$(on alice sh -c 'cd /run/btmmd; cat .*.new identity nat-secret 2>/dev/null | wc -c')" 0
ok 'charon cannot be prepared' wait_for 10 grep -q 'No space left on device' "$TEST_OUT/charon-keeper.alice.log" ||
	diag "$(tail -n 5 "$TEST_OUT/charon-keeper.alice.log")"
ok 'again and again, it is said once' wait_for 10 eval "[[ \$(on alice cat /proc/uptime | cut -d. -f1) -gt $(($(cut -d. -f1 /proc/uptime) + 5)) ]]"
is 'once' "$(grep -c 'identity cannot be written' "$TEST_OUT/btmmd.alice.log")" 1

on alice rm /run/btmmd/filler /run/btmm-charon/filler
ok 'there is room: alice is reached by name' wait_for 40 reach_all alice bob || trouble alice bob
ok 'the address is kept' on alice test -s /run/btmmd/identity

# --- later ----------------------------------------------------------------------------------------

flow_begin alice bob
fill /run/btmmd
fill /run/btmm-charon
was=$(ula alice)
ok 'full again: the connection goes on' flow_goes_on
btmmd_stop alice KILL
btmmd_start alice
ok 'a start without room' wait_for 20 status_is .publication.current true || trouble alice
is 'with the address that was kept' "$(ula alice)" "$was"
ok 'the connection goes on' flow_goes_on
is 'bob saw it come once' "$(grep -cE "$(fqdn alice) (came|went|has started)" "$TEST_OUT/btmmd.bob.log")" 1
flow_end
host_stop alice bob
done_testing
