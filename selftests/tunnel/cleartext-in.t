#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing enters in a peer's name but what came out of the tunnel: not from the
# LAN, not over loopback, with and without policies, past a VRF, nor out of the
# tunnel of another peer. What has nothing to do with us is left alone.
# kernels: uml
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
peer a c endpoint 10.2.0.3:4500
net_host l
net_join l 3 2 a
run_ns a sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
# The LAN host takes every name it likes.
ip -n l addr add "$B/128" dev lo
ip -n l addr add "$C/128" dev lo
ip -n l addr add fd00:99::1/128 dev lo
ip -n l route add "$A/128" via 2001:db8:3::1
ip -n a route add fd00:99::1/128 via 2001:db8:3::2
# A host behind l on the other side, for what is forwarded
net_host m
net_join m 4 2 a

# In on every address, over everything
receiver in a
receiver in-m m

# from L FROM TO WORD: a datagram; FROM may be anything
from_lan() { send l udp --src "$1" --dst "$2" --data "$3" >/dev/null; }
# dropped N WHAT CMD...: CMD's packets are counted as native, none is delivered;
# a packet from a stranger after them shows that they would have been there.
serial=0
dropped() {
	local n=$1 what=$2 before
	shift 2
	before=$(counter a rx_native)
	serial=$((serial + 1))
	"$@" >/dev/null
	from_lan 2001:db8:3::2 "$A" "after-$serial"
	wait_for 10 has_received in "after-$serial" || fail "$what: a stranger's packet arrives"
	is "$what: dropped" "$(grep -ch spoof "$TEST_OUT/in.log" "$TEST_OUT/in-m.log" | paste -sd,)" 0,0
	is "$what: counted" "$(since a rx_native "$before")" "$n"
}

for state in 'SAs and policies' 'policies, no SAs' 'neither'; do
	case $state in
	policies*) no_sa a b ;;
	neither) no_policy a b ;;
	esac
	dropped 1 "$state: LAN, peer to our ULA" from_lan "$B" "$A" spoof
	dropped 1 "$state: LAN, peer to another address of ours" from_lan "$B" 2001:db8:3::1 spoof
	dropped 1 "$state: LAN, another peer" from_lan "$C" "$A" spoof
	dropped 1 "$state: LAN, forwarded" from_lan "$B" 2001:db8:4::2 spoof
	dropped 1 "$state: LAN, ESP" send l raw6 --src "$B" --dst "$A" --nh 50 --hex "$(printf '00001002%060d' 1)"
	dropped 1 "$state: LAN, IKE" send l raw6 --src "$B" --dst "$A" --udp 500 500 --ike
	dropped 1 "$state: loopback, a user's program to our ULA" \
		send_nobody a udp --freebind --src "$B" --dst "$A" --data spoof
	dropped 1 "$state: loopback, a user's program to ::1" \
		send_nobody a udp --freebind --src "$B" --dst ::1 --data spoof
	dropped 1 "$state: loopback, a user's program to another address" \
		send_nobody a udp --freebind --src "$B" --dst 2001:db8:1::2 --data spoof
done

# --- strangers are left alone ----------------------------------------------------
before=$(counter a rx_native)
from_lan fd00:99::1 "$A" stranger-ula
ok 'a ULA that is no peer: delivered' wait_for 10 has_received in stranger-ula
from_lan fd00:99::1 2001:db8:4::2 stranger-forwarded
ok '... and forwarded' wait_for 10 has_received in-m stranger-forwarded
send a udp --src "$A" --dst ::1 --data from-ourselves >/dev/null
ok 'our own ULA over loopback: delivered' wait_for 10 has_received in from-ourselves
run_ns a btmm-ctl peer del "$C" dev btmm0
from_lan "$C" "$A" no-longer-a-peer
ok 'who is no peer any more is a stranger' wait_for 10 has_received in no-longer-a-peer
is 'none of it is counted' "$(since a rx_native "$before")" 0
peer a c endpoint 10.2.0.3:4500

# --- out of the tunnel, in another's name --------------------------------------------
sa_pair
ok 'the tunnel works' pings b a
ip -n b addr add "$C/128" dev lo
ip -n b xfrm policy add src "$C" dst "$A" dir out tmpl src "$B" dst "$A" proto esp reqid 1 mode tunnel
before=$(xfrm_stat a XfrmInNoPols)
send b udp --src "$C" --dst "$A" --data inner-spoof >/dev/null
inner_refused() { [[ $(xfrm_stat a "$1") -gt $2 ]]; }
ok "b's SA, c as inner source: no policy lets it in" wait_for 10 inner_refused XfrmInNoPols "$before"
# c is known and has a policy, but b's SA does not fit its template
ip -n a xfrm policy add src "$C" dst "$A" dir in tmpl src "$C" dst "$A" proto esp reqid 3 mode tunnel
before=$(xfrm_stat a XfrmInTmplMismatch)
send b udp --src "$C" --dst "$A" --data inner-spoof >/dev/null
ok "... nor does c's own policy" wait_for 10 inner_refused XfrmInTmplMismatch "$before"
ip -n b xfrm policy add src "$B" dst 2001:db8:3::1 dir out tmpl src "$B" dst "$A" proto esp reqid 1 mode tunnel
ip -n b route add 2001:db8:3::1/128 dev btmm0
before=$(xfrm_stat a XfrmInNoPols)
send b udp --src "$B" --dst 2001:db8:3::1 --data inner-spoof >/dev/null
ok "b's SA to another address of ours: no policy" wait_for 10 inner_refused XfrmInNoPols "$before"
no_policy a
before=$(xfrm_stat a XfrmInNoPols)
send b udp --src "$B" --dst "$A" --data inner-spoof >/dev/null
ok 'policies flushed, SAs still there: refused' wait_for 10 inner_refused XfrmInNoPols "$before"
is 'nothing of that was delivered' "$(received in inner-spoof)" 0
policies a "$B"
ok 'the tunnel works again' pings b a

# --- other users of XFRM beside us ---------------------------------------------------
# native ESP between l and our own ULA
for h in a l; do
	ip -n $h xfrm state add src 2001:db8:3::2 dst "$A" proto esp spi 0x3001 reqid 30 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
	ip -n $h xfrm state add src "$A" dst 2001:db8:3::2 proto esp spi 0x3002 reqid 30 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
done
ip -n l xfrm policy add src 2001:db8:3::2 dst "$A" dir out tmpl src 2001:db8:3::2 dst "$A" proto esp reqid 30 mode tunnel
ip -n l xfrm policy add src "$A" dst 2001:db8:3::2 dir in tmpl src "$A" dst 2001:db8:3::2 proto esp reqid 30 mode tunnel
ip -n a xfrm policy add src "$A" dst 2001:db8:3::2 dir out tmpl src "$A" dst 2001:db8:3::2 proto esp reqid 30 mode tunnel
ip -n a xfrm policy add src 2001:db8:3::2 dst "$A" dir in tmpl src 2001:db8:3::2 dst "$A" proto esp reqid 30 mode tunnel
before=$(ip -n a -s -j link show btmm0 | jq .[0].stats64.rx.packets)
ok 'native ESP from the LAN to our ULA' run_ns l ping -6 -c 2 -i 0.1 -W 3 -q -I 2001:db8:3::2 "$A"
is '... does not count as ours' "$(ip -n a -s -j link show btmm0 | jq .[0].stats64.rx.packets)" "$before"
is '... and was ESP' "$(ip -n l -s xfrm state list src "$A" spi 0x3002 | grep -c '2(packets)')" 1

# an xfrm interface
if ip -n a link add ipsec0 type xfrm dev e1 if_id 7 2>"$tap_tmp/err"; then
	ip -n l link add ipsec0 type xfrm dev e3 if_id 7
	for h in a l; do
		ip -n $h link set ipsec0 up
		ip -n $h xfrm state add src 2001:db8:3::2 dst 2001:db8:3::1 proto esp spi 0x4001 reqid 40 if_id 7 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
		ip -n $h xfrm state add src 2001:db8:3::1 dst 2001:db8:3::2 proto esp spi 0x4002 reqid 40 if_id 7 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
	done
	ip -n l addr add 2001:db8:77::2/64 dev ipsec0 nodad
	ip -n a addr add 2001:db8:77::1/64 dev ipsec0 nodad
	for d in in fwd; do
		ip -n a xfrm policy add src ::/0 dir $d if_id 7 tmpl src 2001:db8:3::2 dst 2001:db8:3::1 proto esp reqid 40 mode tunnel
		ip -n l xfrm policy add src ::/0 dir $d if_id 7 tmpl src 2001:db8:3::1 dst 2001:db8:3::2 proto esp reqid 40 mode tunnel
	done
	ip -n a xfrm policy add src ::/0 dir out if_id 7 tmpl src 2001:db8:3::1 dst 2001:db8:3::2 proto esp reqid 40 mode tunnel
	ip -n l xfrm policy add src ::/0 dir out if_id 7 tmpl src 2001:db8:3::2 dst 2001:db8:3::1 proto esp reqid 40 mode tunnel
	ok 'an xfrm interface beside us' run_ns l ping -6 -c 2 -i 0.1 -W 3 -q 2001:db8:77::1
else
	skip 'an xfrm interface beside us' "$(head -n 1 "$tap_tmp/err")"
fi

# vti6
if ip -n a link add vti9 type vti6 local 2001:db8:3::1 remote 2001:db8:3::2 key 9 2>"$tap_tmp/err"; then
	ip -n l link add vti9 type vti6 local 2001:db8:3::2 remote 2001:db8:3::1 key 9
	for h in a l; do
		ip -n $h link set vti9 up
		ip -n $h xfrm state add src 2001:db8:3::2 dst 2001:db8:3::1 proto esp spi 0x5001 reqid 50 mark 9 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
		ip -n $h xfrm state add src 2001:db8:3::1 dst 2001:db8:3::2 proto esp spi 0x5002 reqid 50 mark 9 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY_GCM" 128
	done
	ip -n l addr add 2001:db8:88::2/64 dev vti9 nodad
	ip -n a addr add 2001:db8:88::1/64 dev vti9 nodad
	ip -n a xfrm policy add src ::/0 dir in mark 9 tmpl src 2001:db8:3::2 dst 2001:db8:3::1 proto esp reqid 50 mode tunnel
	ip -n l xfrm policy add src ::/0 dir in mark 9 tmpl src 2001:db8:3::1 dst 2001:db8:3::2 proto esp reqid 50 mode tunnel
	ip -n a xfrm policy add src ::/0 dir out mark 9 tmpl src 2001:db8:3::1 dst 2001:db8:3::2 proto esp reqid 50 mode tunnel
	ip -n l xfrm policy add src ::/0 dir out mark 9 tmpl src 2001:db8:3::2 dst 2001:db8:3::1 proto esp reqid 50 mode tunnel
	ok 'vti6 beside us' run_ns l ping -6 -c 2 -i 0.1 -W 3 -q 2001:db8:88::1
else
	skip 'vti6 beside us' "$(head -n 1 "$tap_tmp/err")"
fi
ok 'and the tunnel still works' pings a b

# --- VRF ------------------------------------------------------------------------------
if ip -n a link add red type vrf table 10 2>"$tap_tmp/err"; then
	ip -n a link set red up
	ip -n a link set rl3 master red
	run_ns a sysctl -qw net.ipv4.udp_l3mdev_accept=1
	ip -n a -6 addr replace 2001:db8:3::1/64 dev rl3 nodad
	ip -n a -6 route add table 10 "$A/128" dev lo
	ip -n l neigh flush dev e3
	receiver in-red a --dev red --dport 7778
	before=$(counter a rx_native)
	send l udp --src "$B" --dst 2001:db8:3::1 --dport 7778 --data spoof-vrf >/dev/null
	send l udp --src 2001:db8:3::2 --dst 2001:db8:3::1 --dport 7778 --data after-vrf >/dev/null
	ok 'a VRF: a stranger is heard' wait_for 10 has_received in-red after-vrf
	is '... a false peer is not' "$(received in-red spoof-vrf)" 0
	is '... it is counted' "$(since a rx_native "$before")" 1
else
	skip 'a VRF' "$(head -n 1 "$tap_tmp/err")"
fi

done_testing
