#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three hosts of an account, two behind different NATs and one in public, find each other
# by name from nothing but their bundles; what goes between them is not in the clear.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/lib.sh"
need tcpdump

topology 'internet: server resolver bob' 'home1(natpmp): alice' 'home2(upnp): carol'
account_make server resolver bob alice bob carol
pass 'an account with three hosts'
all='alice bob carol'
watch_internet

host_start alice bob
host_start carol
started=$(now_ms)
# shellcheck disable=SC2086
ok 'each reaches each by name' wait_for 40 reach_all $all || trouble $all
# where it takes long, so does each program that is started
diag "all reach all $(($(reached_at) - started)) ms after the last daemon was started"
for a in $all; do
	for b in $all; do
		[[ $a != "$b" ]] || continue
		is "$a looks up $b" "$(looks_up $a $b)" "$(ula $b)"
		ok "$a has a connection with $b" echoes $a $b
	done
done
host_state $all >"$TEST_OUT/state" 2>&1
like 'alice is where NAT-PMP has put her' "$(gw_mappings home1)" "^udp 4500 $(addr alice):4500\$"
like 'carol is where UPnP has put her' "$(gw_mappings home2)" "^udp 4500 $(addr carol):4500\$"
is 'bob knows it' "$(endpoint bob alice),$(endpoint bob carol)" "$(external home1):4500,$(external home2):4500"

# --- what was on the way ---------------------------------------------------------------

ok 'the capture is complete' watch_end
esp='udp port 4500 and udp[8:4] != 0'
out_alice=$(external home1) out_bob=$(addr bob) out_carol=$(external home2) at=$(addr server)
for pair in "$out_alice and host $out_bob" "$out_alice and host $out_carol" "$out_bob and host $out_carol"; do
	cmp_num "ESP between $pair" "$(seen "host $pair and $esp")" -ge 8
	is 'and nothing but the tunnel' "$(seen "host $pair and not udp port 4500")" 0
done
is 'no word in the clear' "$(grep -a -c 'hello alice' "$TEST_OUT/internet.pcap")" 0
cmp_num 'TLS with the server' "$(seen "host $at and tcp port 853")" -ge 30
# The resolver asks, too, but for what is public.
is 'and but for STUN nothing else' \
	"$(seen "ip host $at and not host $(addr resolver) and not tcp port 853 and not (udp port 53 and udp[12:4] == 0x2112a442)")" 0

# --- the end -----------------------------------------------------------------------------

host_stop alice
ok 'alice, stopped, has no mapping' wait_for 5 eval '[[ -z $(gw_mappings home1) ]]'
no_name() { ! on bob getent ahostsv6 "$(fqdn "$1")"; }
ok 'nor a name' wait_for 3 no_name alice
host_stop carol
ok 'neither has carol' wait_for 5 eval '[[ -z $(gw_mappings home2) ]]'
peers_of() { run_ns "$1" btmm-ctl --json peer show | jq length; }
ok 'bob has no peer' wait_for 3 eval '[[ $(peers_of bob) = 0 ]]'
done_testing
