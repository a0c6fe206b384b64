#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The examples of Documentation/tunnel.md and README.md work as they stand.
# kernels: uml-debug
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)

# block FILE TAG: the lines of the code blocks whose fence says "sh TAG"
block() { awk -v tag="\`\`\`sh $2" '/^```/ { on = ($0 == tag); next } on' "$1"; }

net_router
net_host a b
for h in 'a 192.0.2' 'b 198.51.100'; do
	read -r ns net <<<"$h"
	ip link add eth0 netns "$ns" type veth peer name "r$ns" netns r
	ip -n r addr add "$net.254/24" dev "r$ns"
	ip -n r link set "r$ns" up
	ip -n "$ns" addr add "$net.1/24" dev eth0
	ip -n "$ns" link set eth0 up
	ip -n "$ns" route add default via "$net.254"
done

for tag in host=a host=b 'host=a then'; do
	ns=${tag#host=} ns=${ns%% *} n=0
	while IFS= read -r command; do
		n=$((n + 1))
		ok "$ns: $command" run_ns "$ns" bash -c "$command"
	done < <(block "$top/Documentation/tunnel.md" "$tag")
	cmp_num "the block '$tag' has commands" "$n" -gt 3
done

# What the README shows by hand, on a machine of its own; the last command
# watches for ever and is not run.
ip netns add c
n=0
while IFS= read -r command; do
	n=$((n + 1))
	ok "README: $command" run_ns c bash -c "$command"
done < <(sed -n '/^## By hand/,/^and SAs/s/^    //p' "$top/README.md" | grep -v monitor)
cmp_num 'the README has commands' "$n" -ge 4

# Every counter of the module is explained in its manual page.
missing=
for name in $(sed -n 's/^AT_COUNTER(\([a-z0-9_]*\)).*/\1/p' "$top/kernel/counter-list.h"); do
	grep -qr -- "${name//_/.}" "$top"/Documentation/man/ || missing+=" $name"
done
is 'autotunnel(4) names every counter' "$missing" ''

# Every file of the module is in the architecture page.
missing=
for f in "$top"/kernel/*.c; do
	grep -q -- "$(basename "$f")" "$top/Documentation/architecture.md" || missing+=" ${f##*/}"
done
is 'architecture.md names every file of the module' "$missing" ''
done_testing
