#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two hosts behind one NAT call a third, that does not know where they are: it
# asks, and never takes one for the other. And a flood of IKE in their name.
# kernels: uml-debug
# timeout: 400
# shellcheck disable=SC2086,SC2254
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/charon.sh"
need charon-systemd swanctl nft jq python3

#	a --- network 11 --+
#	                   n (NAT) --- network 10 --- r --- network 2 --- b
#	c --- network 12 --+
modprobe autotunnel || bail 'the module does not load'
net_router
net_router n
net_host a b c
net_join n 10
net_join b 2
net_join a 11 2 n
net_join c 12 2 n
# Ports are fixed, so that it is known who is who: what DNS tells the daemon
run_ns n nft -f - <<-END
	table ip nat {
		chain post {
			type nat hook postrouting priority srcnat
			oifname "e10" ip saddr 10.11.0.2 udp sport 4500 masquerade to :20001
			oifname "e10" ip saddr 10.12.0.2 udp sport 4500 masquerade to :20002
		}
	}
END
NAT=10.10.0.2
for h in a b c; do tunnel $h keepalive off; done
for h in a c; do
	peer $h b endpoint 10.2.0.2:4500
	peer b $h
	charon_conf $h b
	charon_conf b $h
done
charon_up a b c
once() { run_ns "$1" ping -6 -c 1 -W 30 -q "${ULA[$2]}"; }

# --- nobody answers ----------------------------------------------------------------

fails 'nobody tells b who calls: no tunnel' run_ns a ping -6 -c 1 -W 2 -q "$B"
ok 'the call was held' counter_above b rx_ike_held 0
is 'and given to nobody' "$(counter b rx_ike)" 0
ok 'it is dropped after a while' wait_for 20 counter_above b rx_ike_expired 0
# The kernel remembers for 165 s that it has asked for an SA, and asks once.
charon_ctl a --terminate --ike b --force --timeout 1 >/dev/null 2>&1
ip -n a xfrm state flush

# --- somebody does ------------------------------------------------------------------

# answers: the part of btmmd that is needed here
answers() {
	btmm-ctl --json monitor | while read -r event; do
		[[ $event = *'"event":"ike"'* ]] || continue
		[[ $event =~ \"hold\":\"?([0-9]+) ]] || continue
		hold=${BASH_REMATCH[1]}
		[[ $event =~ \"endpoint\":\"([^\"]*)\" ]] || continue
		case ${BASH_REMATCH[1]} in
		$NAT:20001) whose=$A ;;
		$NAT:20002) whose=$C ;;
		*) whose=drop ;;
		esac
		echo "hold $hold of ${BASH_REMATCH[1]}: $whose" >&2
		btmm-ctl ike answer "$hold" $whose dev btmm0
	done
}
export NAT A C
export -f answers
background answers ip netns exec b bash -c answers
answers_pid=$bg_pid
wait_for 10 grep -q listening "$TEST_OUT/answers.log"

ok 'a calls b from behind the NAT: the first packet is answered' once a b
ok 'c calls b from the same address' once c b
is 'b knows a by its port' "$(endpoint b a)" $NAT:20001
is 'b knows c by its port' "$(endpoint b c)" $NAT:20002
ok 'the calls were held and asked about' counter_above b rx_ike_held 1
ok 'b to a' pings b a 3
ok 'b to c' pings b c 3
who() { charon_ctl b --list-sas | grep -A2 "^$1: .*ESTABLISHED" | sed -n "s/.*remote '\([^']*\)'.*/\1/p" | sort -u; }
is 'the IKE SA with a is with a' "$(who a)" a.example.com
is 'the one with c is with c' "$(who c)" c.example.com
is 'a heard from b what was for a' "$(counter a rx_esp_refused) $(counter a rx_unknown_spi)" '0 0'
is 'so did c' "$(counter c rx_esp_refused) $(counter c rx_unknown_spi)" '0 0'
before=$(ike_spis b a)
charon_ctl b --rekey --ike a >/dev/null
ok 'b rekeys with a' wait_for 20 ike_differs b a "$before"
before=$(ike_spis c b)
charon_ctl c --rekey --ike b >/dev/null
ok 'c rekeys with b' wait_for 20 ike_differs c b "$before"

n=$(counter b rx_ike_rejected)
raw 10.10.0.77:4500 10.2.0.2:4500 ike:200
rises 'who is nobody is told no' b rx_ike_rejected "$n"
n=$(counter b rx_ike_malformed)
raw 10.10.0.77:4500 10.2.0.2:4500 0000000001020304 00000000+cut:4 "ike:200+cut:100"
ok 'broken IKE is counted as such' wait_for 10 counter_above b rx_ike_malformed "$n"

# --- a flood ---------------------------------------------------------------------------

kill "$answers_pid"; pkill -P "$answers_pid" 2>/dev/null
slab() { awk '/^Slab:/ { print $2 }' /proc/meminfo; }
limited=$(counter b rx_ike_limited) not_held=$(counter b rx_ike_not_held)
held=$(counter b rx_ike_held) began=$(now_ms)
flow
slab=$(slab)
# in a's name, from its very endpoint; and in many names
ok 'a flood of 8000 calls' raw $NAT:20001 10.2.0.2:4500 ike:1000x4000 -- '10.66.0.*:4500' 10.2.0.2:4500 ike:1000x4000
grown=$(($(slab) - slab))
ok 'the tunnel that there is carries all its packets' flow_end
ok 'calls from one address are limited' counter_above b rx_ike_limited "$limited"
ok 'calls that find no place to wait are counted' counter_above b rx_ike_not_held "$not_held"
waited=$(($(counter b rx_ike_held) - held))
# Whose question is answered leaves his place to the next one at once.
cmp_num 'few waited: 64 at a time, 5 s each' $waited -le $((64 * (($(now_ms) - began) / 5000 + 2)))
if [[ ${LAB_KIND-} = uml-debug ]]; then
	skip 'memory does not grow with the flood' 'KASAN keeps what is freed'
else
	cmp_num 'memory does not grow with the flood' "$grown" -lt 5000
fi
half=$(charon_ctl b --stats | sed -n 's/.*IKE_SAs: [0-9]* total, \([0-9]*\) half-open.*/\1/p')
cmp_num 'charon is not full of half-open IKE SAs' "${half:-0}" -le 100

# --- new IKE, during a flood and after it --------------------------------------------------

ip netns exec r "$(dirname "$0")/raw.py" $NAT:20001 10.2.0.2:4500 ike:200x200000 >/dev/null 2>&1 &
flood=$!
add_cleanup kill $flood
limited=$(counter b rx_ike_limited)
ok 'another flood' wait_for 20 counter_above b rx_ike_limited "$limited"
charon_ctl b --terminate --ike c --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas c
ok 'during it, b calls the one who is not flooded' once b c
charon_ctl b --terminate --ike a --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas a
ok 'during it, b calls the one in whose name it is' once b a
kill $flood
wait $flood 2>/dev/null
charon_ctl a --terminate --ike b --timeout 20 >/dev/null 2>&1
wait_for 20 no_sas a
ok 'after it, that one calls b' once a b
is 'and nobody was taken for another' "$(who a) $(who c)" 'a.example.com c.example.com'

done_testing
