#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guessing SPIs: from one address, from one IPv6 network, from as many addresses as there
# are guesses, and from the place of a peer. All are counted; what is told of them is
# limited for each source; memory does not grow; the tunnel does not lose a packet.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
need python3 jq

net_pair keepalive off
attacker
sa_pair
ok 'ping' pings a b 2

background events ip netns exec b btmm-ctl --json monitor kernel
wait_for 20 grep -q listening "$TEST_OUT/events.log" || bail 'no events'
told() { grep -c '"event":"source"' "$TEST_OUT/events.log"; }
# quiet: what was said has been written
quiet() { local n; n=$(told); stays 1 eval "[[ \$(told) = $n ]]"; }
many=20000

flow
memory=$(kib_unreclaimable)

# guesses DESC SOURCES MOST ARG...: MOST may be told of, and 50 more for each second it took
guesses() {
	local desc=$1 sources=$2 most=$3 unknown events lost ms
	shift 3
	unknown=$(counter b rx_unknown_spi) events=$(told) lost=$(counter b events_lost)
	m_py flood.py "$@" spi >"$TEST_OUT/flood" || diag_file "$TEST_OUT/flood"
	read -r _ n _ from _ _ _ ms <"$TEST_OUT/flood"
	cmp_num "$desc: from so many places" "$from" -ge "$sources"
	at_least "$desc: counted" b rx_unknown_spi "$unknown" $((n * 9 / 10))
	wait_for 10 quiet
	events=$(($(told) - events)) lost=$(($(counter b events_lost) - lost))
	diag "$desc: $n guesses in $ms ms; $events events, $lost lost"
	cmp_num "$desc: few are told of" $((events + lost)) -le $((most + 50 * (ms / 1000 + 2) * most / 100))
	cmp_num "$desc: but some are" "$events" -ge 1
}
guesses 'one address' 1 100 --from 10.9.0.2:* "$AT_B" 4000
guesses 'one IPv6 network' 3900 100 --net64 '[2001:db8:2::2]:4500' 4000
guesses 'the place of A' 1 100 --from "$AT_A" "$AT_B" 4000
# 512 buckets, whoever is in them
guesses 'as many addresses as guesses' $((many * 9 / 10)) 51200 "$AT_B" $many
not_grown 'memory has not grown with them' "$memory" 3000

ok 'the tunnel has lost nothing meanwhile' flow_end
harmless 'guessing'

# The one that is told of A's place says so, and A is known by it as before.
cmp_num "guesses from the place of a peer name it" \
	"$(grep '"event":"source"' "$TEST_OUT/events.log" | grep -c "\"ula\":\"$A\"")" -ge 1
# No answer to anything of that: m has not heard a datagram, not even an ICMP error.
# shellcheck disable=SC2016
is 'and the attacker has been told nothing' \
	"$(ip -n m -s -j link show e9 | jq '.[0].stats64.rx.packets' | awk '{ print ($1 < 100) ? "nothing" : $1 }')" nothing
done_testing
