#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A hundred hosts come into an account while another one's btmmd runs, a tenth of them moves
# at once, and they go: all of it is in the kernel and in charon, and the memory that btmmd
# takes for each is bounded.
# kernels: uml
# timeout: 150
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/../btmmd/lib.sh"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/account.sh"
n=100
# KiB. What there is of a host: its name, four questions and their answers, IKE's and the
# tunnel's state.
EACH=24

topology 'internet: server resolver alice'
account_make server resolver alice alice
host_start alice
live() { [[ $(on alice btmm-ctl --json status | jq -r '.[0].subscription.quality') = live ]]; }
ok 'alice is alone' wait_for 40 live || { trouble alice; bail 'nothing to go on with'; }
is 'she knows nobody' "$(known)" 0
wait_for 20 eval '[[ $(on alice btmm-ctl --json status | jq ".[0].ike.connected and .[0].publication.current") = true ]]'
before=$(anon_kib "${BTMMD_PID[alice]}")

hosts_watch 1 $n
at=$(now_ms)
ok 'a hundred come' account_records add 1 $n
seen=$(hosts_seen 60)
ok 'her kernel knows where each is' test -n "$seen" || { trouble alice; diag "$(known) of $n"; }
diag "after $((seen - at)) ms"
ok 'charon has a trap for each' wait_for 20 traps_are $n
is 'btmmd knows them all' "$(known)" $n
is 'each has a route' "$(ip -n alice -6 route show dev btmm0 | grep -c '^fd5c:a1e0:')" $n
policies_of() { ip -n alice xfrm policy list dir "$1" | grep -A 1 "^src.*fd5c:a1e0:" | grep -c "priority $2"; }
for way in in out fwd; do
	is "what is not encrypted is blocked, $way" "$(policies_of $way 4294967295)" $n
done
is 'and dropped on other interfaces' \
	"$(run_ns alice nft -j list set ip6 btmm-guard peers | jq '[.nftables[].set? | select(.) | .elem[]] | length')" $n
is 'its name is known to programs' "$(on alice getent ahostsv6 "h00042.$ZONE" | awk 'NR == 1 { print $1 }')" \
	"$(python3 -c 'import ipaddress; print(ipaddress.ip_address("fd5c:a1e0:2a:557f::2a"))')"
grown=$(($(anon_kib "${BTMMD_PID[alice]}") - before))
cmp_num "btmmd takes at most $EACH KiB for each ($((grown / n)) KiB)" $grown -le $((EACH * n))

hosts_watch 1 $((n / 10)) moved
at=$(now_ms)
ok 'a tenth of them moves' account_records move 1 $((n / 10))
seen=$(hosts_seen 30)
ok 'she follows' test -n "$seen" || trouble alice
diag "after $((seen - at)) ms"
is 'nobody was lost' "$(known)" $n

ok 'half of them go' account_records del 1 $((n / 2))
ok 'she has seen them go' wait_for 30 known_are $((n / 2))
peers_are() { [[ $(read_ns alice /sys/class/net/btmm0/autotunnel/peers) = "$1" ]]; }
ok 'so has the kernel' wait_for 10 peers_are $((n / 2))
ok 'and charon' wait_for 20 traps_are $((n / 2))
is 'of those who went nothing is left that blocks' "$(policies_of out 4294967295)" $((n / 2))
host_stop alice
done_testing
