#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Traffic, moves, peers, links and name spaces, again and again: the kernel's memory and
# that of charon and of a monitor stay what they were, and so do descriptors.
# kernels: uml
# timeout: 400
#
# Nothing may grow with the work. So each thing is done several times a cycle: a leak of
# one object by any of them is a slope of so many, where noise has one of nearly 0.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../tunnel/net.sh"
. "$(dirname "$0")/../tunnel/charon.sh"
. "$(dirname "$0")/budget.sh"

torture=$(dirname "$0")
net_pair keepalive 1
charon_conf a b
charon_conf b a
# Of its 16 threads any may have the next exchange, and each would have memory of its own to
# fill first: growth that ends only after hundreds of them.
export MALLOC_ARENA_MAX=1
charon_up a b
ok 'a tunnel by charon' wait_for 30 pings a b
background monitor ip netns exec a btmm-ctl monitor
monitor=$bg_pid
wait_for 10 grep -q listening "$TEST_OUT/monitor.log" || bail 'no monitor'

dir=$(charon_dir a)
cat >"$tap_tmp/each" <<-END
	#!/bin/sh
	STRONGSWAN_CONF=$dir/strongswan.conf SWANCTL_DIR=$dir/swanctl \
		exec swanctl --rekey --child b --uri unix://$dir/vici
END
chmod +x "$tap_tmp/each"
ok 'the same work again and again' python3 "$torture/growth.py" "$torture_seed" "$BTMM_TORTURE_SECONDS" \
	"$tap_tmp/each" "monitor=$monitor" "charon=${charon_pid[a]}"
cp "$tap_tmp/out" "$TEST_OUT/growth"
grep -vE '^(grown|count) ' "$TEST_OUT/growth" | while IFS= read -r line; do diag "$line"; done

total() { awk -v n="$1" '$1 == "count" && $2 == n { print $3 }' "$TEST_OUT/growth"; }
# grown NAME-PATTERN SLOPE TOTAL: what grows by more than SLOPE a cycle and by more than
# TOTAL in all. What has become less is none of our business.
grown() {
	awk -v n="$1" -v slope="$2" -v total="$3" \
		'$1 == "grown" && $2 ~ n && $3 > slope && $4 > total { printf "%s by %s, %s in all; ", $2, $3, $4 }' "$TEST_OUT/growth"
}
[[ -n $(total cycles) ]] || bail 'nothing was measured'
for what in kernel pages memory_of_charon memory_of_monitor descriptors_of_charon descriptors_of_monitor; do
	like "$what was measured" "$(grep -c "^grown $what " "$TEST_OUT/growth")" '^1$'
done
is 'memory that nobody can take back: at most 1 MiB in all' "$(grown '^(kernel|pages)$' 0 1024)" ''
is 'no cache grows with the work' "$(grown '^cache_' 0.5 10)" ''
is 'descriptors stay what they are' "$(grown '^descriptors_of_' 0 0.5)" ''
is 'memory of the processes: at most 256 KiB in all' "$(grown '^memory_of_' 0 256)" ''
cmp_num 'packets came through meanwhile' "$(total received)" -gt $(($(total packets) / 2))

for h in a b; do charon_stop $h; done
for c in packets links namespaces moves; do count $c "$(total $c)"; done
done_testing
