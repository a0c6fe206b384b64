# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Devices that end under traffic; for lifetime.t and lifetime-async.t, which
# have put tap.sh, net.sh and probe.sh before this.

rounds=3
modprobe autotunnel
net_router
net_host a b
net_join a 1
net_join b 2

# build: both devices, with peers, SAs and policies
build() {
	local h
	for h in a b; do
		tunnel $h || return
		ip -n $h xfrm state flush
		ip -n $h xfrm policy flush
	done
	peer a b endpoint 10.2.0.2:4500
	peer b a endpoint 10.1.0.2:4500
	sa_pair
}
# flood: small and large packets, in both directions
floods=()
flood() {
	local n
	floods=()
	for n in 1 2; do
		background flood-a$n ip netns exec a ping -6 -f -q -s $((n * 600)) "$B"
		floods+=("$bg_pid")
		background flood-b$n ip netns exec b ping -6 -f -q -s $((n * 1200)) "$A"
		floods+=("$bg_pid")
	done
	background flood-s ip netns exec b socat -u TCP6-LISTEN:7003,reuseaddr,fork OPEN:/dev/null
	floods+=("$bg_pid")
	wait_for 20 listening b 7003
	background flood-c ip netns exec a socat -u OPEN:/dev/zero "TCP6:[$B]:7003"
	floods+=("$bg_pid")
}
no_flood() { kill "${floods[@]}"; wait "${floods[@]}"; } 2>/dev/null
busy() { [[ $(packets a) -gt $1 && $(packets b) -gt $1 ]]; }

use_count() { awk '$1 == "autotunnel" { print $3 }' /proc/modules; }
unload() { modprobe -r autotunnel; }
unloaded() { ! grep -q '^autotunnel ' /proc/modules; }

# torture WHAT: every way to end, under traffic
torture() {
	local what=$1 i how done_=0 rc
	for ((i = 0; i < rounds; i++)); do
		case $((i % 3)) in
		0) how='link del' ;;
		1) how='link down, up and del' ;;
		2) how='rmmod' ;;
		esac
		modprobe autotunnel
		build || { fail "$what: round $i: built"; return; }
		if ! pings a b 1 >/dev/null; then
			fail "$what: round $i: ping" "$(ip -n a xfrm state; ip netns exec a cat /proc/net/xfrm_stat | grep -v ' 0$')"
			return
		fi
		[[ $i != 0 || $what != async* ]] || ok "$what: the SAs are asynchronous ($async)" async_in_use
		flood
		wait_for 20 busy 60 || { fail "$what: round $i: traffic"; no_flood; return; }
		case $how in
		'link del') ip -n a link del btmm0; ip -n b link del btmm0 ;;
		'link down'*)
			ip -n a link set btmm0 down
			ip -n b link set btmm0 down
			ip -n b link set btmm0 up
			ip -n a link set btmm0 up
			ip -n b link del btmm0
			ip -n a link del btmm0
			;;
		rmmod) wait_for 20 unload ;;
		esac
		rc=$?
		no_flood
		[[ $rc = 0 ]] && done_=$((done_ + 1)) || fail "$what: round $i: $how"
	done
	is "$what: ended $rounds times under traffic" "$done_" "$rounds"
	wait_for 20 unload
	ok "$what: the module can be unloaded" unloaded
}
