#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody on the way to the server of a host that follows others by Long-Lived Queries in
# clear text: what he sends again, changes or signs with another key is not believed.
# kernels: uml
# timeout: 300
here=$(dirname "$0")
. "$here/../lib/tap.sh"
. "$here/../topology/topology.sh"
. "$here/lib.sh"
. "$here/hostile.sh"
need python3 jq
python3 -c 'import scapy.layers.inet, dns.tsig' 2>/dev/null || skip_all 'scapy or dnspython is not there'

topology 'internet: server resolver bob dave' 'home1(natpmp): alice'
account_make server resolver bob alice bob dave
at=$(addr server)
on dave tee /etc/btmm/btmmd.conf >/dev/null <<-EOF
	[dns]
	clear-text = yes
EOF
# He lets no TLS through.
run_ns internet nft "add rule inet cut forward ip saddr $(addr dave) tcp dport 853 reject with tcp reset"
mkfifo "$tap_tmp/way"
ip netns exec internet "$here/hostile_llq.py" dave.eth0 "$at" "$(addr dave)" <"$tap_tmp/way" \
	>"$TEST_OUT/way.log" 2>&1 &
add_cleanup kill $!
exec {way}>"$tap_tmp/way"
n_done=0
answered() { [[ $(grep -c ^done "$TEST_OUT/way.log") -ge $n_done ]]; }
# way WORD: does that, $sent times
way() {
	echo "$1" >&"$way"
	n_done=$((n_done + 1))
	wait_for 60 answered || diag "$1" "$(<"$TEST_OUT/way.log")"
	sent=$(sed -n "s/^done $1 //p" "$TEST_OUT/way.log" | tail -n 1)
}
ok 'somebody is on the way' wait_for 60 grep -q ready "$TEST_OUT/way.log"
host_start alice dave
settled() {
	[[ $(on "$1" btmm-ctl --json status | jq -r '.[0]|(.publication.current) and (.subscription.quality == "live")') = true ]]
}
both() { settled alice && settled dave; }
ok 'alice and dave are settled' wait_for 60 both || trouble alice dave
is 'dave follows in clear text' "$(on dave btmm-ctl --json status | jq -r '.[0].subscription.protocol')" llq-udp

# What there is to be sent again: that bob comes, and that he goes
host_start bob
ok 'all reach all' wait_for 60 reach_all alice bob dave || trouble bob dave
events() { way kept; [[ $sent -ge $1 ]]; }
ok 'his coming has been seen on the way' wait_for 20 events 1
came=$sent
host_stop bob
gone() { ! looks_up "$1" "$2" | grep -q .; }
ok 'dave sees bob go' wait_for 10 gone dave bob
ok 'that, too' wait_for 20 events $((came + 1))
diag "$sent events"
remember dave
# What is genuine and 10 s older than the newest may be of a clock that was set: dave asks anew,
# and the questions that all this belongs to are no longer his. So that is the last.
for word in unsigned wrong late flipped replay; do
	way $word
	cmp_num "$word: sent" "$sent" -ge 2
	unharmed $word dave
	ok "$word: bob has not come back" gone dave bob
done
cmp_num 'dave says so, once' "$(lines dave '^[^ ]* <5>ignored: what')" -eq 1
ok 'dave still follows' settled dave
host_start bob
ok 'bob comes' wait_for 60 reach_all alice bob dave
reach_again
ok 'and is reached' wait_for 20 reach_all alice bob dave || trouble dave bob
no_secrets alice bob dave
done_testing
