#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ESP that comes before the keys of its SA waits for them, for a second, and not for an SPI
# that nobody has asked for.
# kernels: uml uml-debug 6.1
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"

net_pair keepalive off
sa_pair
ok 'ping' pings a b 3

# A has a new SA; of it B has the SPI, as it has while IKE goes on
spi=0x1234567
begin() {
	ip -n a xfrm state deleteall
	ip -n b xfrm state deleteall
	ip -n b xfrm state allocspi src "$A" dst "$B" proto esp mode tunnel min $spi max $spi >/dev/null
	sa a "$A" "$B" $spi
}
# In time: what reads them has started before.
mkfifo "$tap_tmp/keys"
exec 9<>"$tap_tmp/keys"
background keys ip -n b -force -batch "$tap_tmp/keys"
keys() {
	# shellcheck disable=SC2086
	echo xfrm state update src "$A" dst "$B" proto esp spi $spi reqid 1 mode tunnel \
		flag esn replay-window 2048 $ALG_GCM >&9
}
has_keys() { ip -n b xfrm state get src "$A" dst "$B" proto esp spi $spi | grep -q aead; }
# what B has received: nothing of it is answered, as there is no SA back
inside() { run_ns b awk '$1 == "Icmp6InEchos" { print $2 }' /proc/net/snmp6; }
got() { [[ $(inside) = "$1" ]]; }
send() { run_ns a ping -6 -c "${1:-1}" -i 0.01 -W 0.01 -q "$B" >/dev/null; }

for gro in off on; do
	[[ $gro = off ]] || net_gro
	run_ns b btmm-ctl dev set btmm0 rx-gro $gro
	# Where a second is too short for these two commands, they say nothing.
	for ((try = 0; try < 8; try++)); do
		begin
		n=$(inside) early=$(counter b rx_esp_early) refused=$(counter b rx_esp_refused)
		late=$(counter b rx_esp_no_keys)
		send 3
		keys
		wait_for 2 got $((n + 3)) || [[ $(counter b rx_esp_no_keys) = "$late" ]] || continue
		break
	done
	is "GRO $gro: what is early is held" "$(counter b rx_esp_early)" $((early + 3))
	is 'with the keys, it is inside' "$(inside)" $((n + 3))
	send
	ok 'and so is the next' wait_for 2 got $((n + 4))
	is 'none was refused' "$(counter b rx_esp_refused)" "$refused"

	begin
	n=$(inside) lost=$(counter b rx_esp_no_keys)
	send
	ok 'without keys it is dropped' wait_for 3 counter_above b rx_esp_no_keys "$lost"
	is 'nothing is inside' "$(inside)" "$n"
	keys
	ok 'keys after that' wait_for 5 has_keys
	is 'do not bring it back' "$(inside)" "$n"
done

begin
held() { echo $(($(counter b rx_esp_early) - $(counter b rx_esp_no_keys))); }
early=$(held) refused=$(counter b rx_esp_refused)
run_ns a ping -6 -l 60 -c 60 -W 0.01 -q "$B" >/dev/null
ok 'there is room for few' wait_for 2 counter_above b rx_esp_refused "$refused"
cmp_num 'and no more are held' "$(held)" -le $((early + 32))
ip -n b link set btmm0 down
pass 'and goes with the device'
ip -n b link set btmm0 up

ip -n b xfrm state deleteall
early=$(counter b rx_esp_early) unknown=$(counter b rx_unknown_spi)
send
ok 'an SPI that is nobody'"'"'s is unknown' wait_for 2 counter_above b rx_unknown_spi "$unknown"
is 'and not held' "$(counter b rx_esp_early)" "$early"
done_testing
