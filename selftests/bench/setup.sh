# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# From the first packet, for which there are no keys yet, to its answer, five times:
# with IKEv2 by stock charon (X25519, certificates), and with WireGuard's handshake.

if [[ $kind = autotunnel ]]; then
	CHARON_AUTH=cert
	. "$bench_dir/../tunnel/charon.sh"
	need charon-systemd swanctl openssl
fi

setup() {
	local i took
	cable
	"setup_$kind"
	serve b
	for i in 1 2 3 4 5; do
		"forget_$kind"
		took=$(run_ns a "$traffic" first "$B") || bail 'the first packet is not answered'
		"was_new_$kind" || bail 'there were keys already'
		echo "$took"
	done
}

setup_autotunnel() {
	autotunnel_devices
	charon_conf a b
	charon_conf b a
	charon_up a b
}
# Both ends, since one that has not heard of it yet may call the other.
forget_autotunnel() {
	local h
	for h in a b; do
		charon_ctl $h --terminate --ike ${OTHER[$h]} --timeout 10 >"$TEST_OUT/terminate.$h" 2>&1
	done
	wait_for 20 forgotten || bail 'SAs stay'
	ike_sent=$(counter a tx_ike)
}
forgotten() { no_sas a && no_sas b && [[ -z $(charon_ctl a --list-sas)$(charon_ctl b --list-sas) ]]; }
was_new_autotunnel() { counter_above a tx_ike "$ike_sent"; }

setup_wireguard() { link_wireguard chacha; }
forget_wireguard() {
	local h
	for h in a b; do
		run_ns $h wg set wg0 peer "$(<"$tap_tmp/${OTHER[$h]}.pub")" remove
		wireguard_peer $h
	done
}
was_new_wireguard() { [[ $(run_ns a wg show wg0 latest-handshakes | cut -f 2) -gt 0 ]]; }
