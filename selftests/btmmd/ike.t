#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btmmd's part of IKE with the real charon: its own instance, certificates, a
# peer that comes, reboots and goes; charon that dies; btmmd that restarts; and
# nothing in the clear without charon.
# kernels: uml 6.12
# timeout: 400
# shellcheck disable=SC2086,SC2154,SC2004
tunnel=$(dirname "$0")/../tunnel
. "$(dirname "$0")/../lib/tap.sh"
. "$tunnel/net.sh"
. "$tunnel/charon.sh"
need charon-systemd nft openssl jq
drive=$(dirname "$0")/../../build/tests-bin/ike-drive
[[ -x $drive ]] || skip_all "ike-drive is not built"

net_pair keepalive off
net_wait_for_sa a b
declare -A drive_pid=()

# --- helpers ------------------------------------------------------------------------

ike_dir() { echo "$tap_tmp/ike/$1"; }

# own_charon HOST: an instance as btmm-charon.service starts it
own_charon() {
	local h=$1 d
	d=$(ike_dir "$h")
	mkdir -p "$d" && chmod 755 "$d"
	rm -f "$d/vici"
	run_ns "$h" "$drive" prepare "$d" btmm0 "$TEST_OUT/charon.$h.log" || return
	STRONGSWAN_CONF=$d/strongswan.conf ip netns exec "$h" bash -c \
		'mount -t tmpfs run /run && exec charon-systemd' \
		>>"$TEST_OUT/charon.$h.out" 2>&1 </dev/null &
	charon_pid[$h]=$!
	add_cleanup kill -KILL "${charon_pid[$h]}"
}
# driven HOST [NAME-IN-ITS-CERTIFICATE]: what btmmd would be there
driven() {
	local h=$1 d c
	d=$(ike_dir "$h")
	c=$(charon_dir "$h.${2:-$h}")
	mkdir -p "$d" "$c"/swanctl/{x509,x509ca,private}
	charon_cert "$h.${2:-$h}" "${2:-$h}.$CHARON_DOMAIN"
	[[ -p $d/fifo ]] || mkfifo "$d/fifo"
	ip netns exec "$h" "$drive" run "$h.$CHARON_DOMAIN" btmm0 "$d/vici" "$c/swanctl/x509/host.pem" \
		"$c/swanctl/private/host.key" "$c/swanctl/x509ca/ca.pem" \
		<>"$d/fifo" >>"$TEST_OUT/drive.$h" 2>&1 &
	drive_pid[$h]=$!
	add_cleanup kill "${drive_pid[$h]}"
	wait_for 20 grep -q running "$TEST_OUT/drive.$h"
}
undriven() { kill -KILL "${drive_pid[$1]}"; wait "${drive_pid[$1]}" 2>/dev/null; return 0; }
say() { local h=$1; shift; printf '%s\n' "$@" >"$(ike_dir "$h")/fifo"; }
said() { grep -q "$2" "$TEST_OUT/drive.$1"; }
says_count() { [[ $(grep -c "$2" "$TEST_OUT/drive.$1") -ge $3 ]]; }
# last_state HOST NAME: as HOST sees it
last_state() { sed -n "s/^state $2\.$CHARON_DOMAIN [^ ]* \([a-z]*\) .*/\1/p" "$TEST_OUT/drive.$1" | tail -n 1; }
state_is() { [[ $(last_state "$1" "$2") = "$3" ]]; }
once() { run_ns "$1" ping -6 -c 1 -W 30 -q "${ULA[$2]}"; }
trap_at() { ip -n "$1" xfrm policy | grep -A2 "src ${ULA[$1]}/128 dst $2/128" | grep -q 'tmpl\|dir out'; }
no_trap_at() { ! trap_at "$@"; }
blocks_at() { [[ $(ip -n "$1" xfrm policy | grep -c 'action block priority 4294967295') = "$2" ]]; }
differ() { [[ $(sas "$1" | sort | tr '\n' ' ') != "$2" && $(sas "$1" | wc -l) -ge 2 ]]; }
none_of() { local s; for s in $2; do sas "$1" | grep -q "$s" && return 1; done; return 0; }
kernel_state() {
	local h
	for h in a b; do
		diag "$h" "$(ip -n $h -s xfrm state; ip -n $h xfrm policy; ip -n $h -6 route)"
		diag "$(run_ns $h grep -v ' 0$' /proc/net/xfrm_stat)" \
			"$(run_ns $h grep -v '^0$' /sys/class/net/btmm0/autotunnel/* | sed 's,.*/,,')" \
			"$(tail -n 40 "$TEST_OUT/charon.$h.log")"
	done
}
start_all() {
	say "$1" "local ${ULA[$1]}" "peer $2.$CHARON_DOMAIN ${ULA[$2]}" 'ready on' settled
}

# --- a foreign IKE daemon ---------------------------------------------------------------

mkdir -p "$(ike_dir a)"; chmod 755 "$(ike_dir a)"
background foreign ip netns exec a socat -u UDP6-RECV:500 OPEN:/dev/null
foreign=$bg_pid
port_taken() { ! run_ns a "$drive" prepare "$(ike_dir a)" btmm0 /dev/null; }
ok 'another daemon on the port is an error' wait_for 20 port_taken
like 'that names it' "$(run_ns a "$drive" prepare "$(ike_dir a)" btmm0 /dev/null)" \
	'another IKE daemon has UDP port 500: socat \(process [0-9]+\)'
kill $foreign
wait $foreign 2>/dev/null
chmod 777 "$(ike_dir a)"
like 'nor is it prepared where others may write' \
	"$(run_ns a "$drive" prepare "$(ike_dir a)" btmm0 /dev/null)" 'others may write there'

# --- two hosts --------------------------------------------------------------------------

# With the first SA of its kind the kernel loads the cipher and tries it out, for which
# an emulated processor needs longer than a call may take.
ok 'the kernel has the ciphers' eval 'sa a $A $B 0x7001 && sa a $A $B 0x7002 "$ALG_CHACHA"'
ip -n a xfrm state flush

ok 'a charon of its own for a' own_charon a
ok 'and for b' own_charon b
driven a
driven b
for h in a b; do ok "$h: the streams are up" wait_for 60 said $h 'charon up'; done
say a "local $A" "peer b.$CHARON_DOMAIN $B" settled
say b "local $B" "peer a.$CHARON_DOMAIN $A" settled
ok 'charon has the connection' wait_for 20 state_is a b trap
ok 'no trap as long as nobody can find us' no_trap_at a $B
say a 'ready on'; say b 'ready on'
ok 'then there is one' wait_for 20 trap_at a $B
ok 'and at b' wait_for 20 trap_at b $A
is 'cleartext to and from b is blocked' "$(ip -n a xfrm policy | grep -c 'action block priority 4294967295')" 3
rule=$(run_ns a nft list table ip6 btmm-guard)
like 'and a table drops it on other interfaces' "$rule" 'iifname != "btmm0" ip6 saddr @peers counter packets 0 bytes 0 drop'
like 'for b' "$rule" "elements = \{ $B \}"
like 'before all else' "$rule" 'hook prerouting priority (raw|-300); policy accept'

ok 'the first packet to b brings up IKE and is not lost' once a b || kernel_state
ok 'a knows' wait_for 20 state_is a b up
ok 'b knows' wait_for 20 state_is b a up
xfrm=$(ip -n a xfrm state list src $B dst $A)
like 'the SAs have ESN' "$xfrm" 'flag.* esn'
like 'a window of 2048 packets' "$xfrm" 'replay_window 2048'
like 'an AEAD' "$xfrm" 'aead rfc(4106\(gcm\(aes\)\)|7539esp)'
charon_log() { grep -c "$2" "$TEST_OUT/charon.$1.log"; }
is 'nobody floated to another port' "$(charon_log a 'faking NAT\|peer is behind NAT\|local host is behind NAT')" 0
# What it says is as old as the last answer of charon.
counts() { say a status; said "$@"; }
ok 'status counts' wait_for 10 counts a "^status b.$CHARON_DOMAIN $B up ike 1 children [12] age [0-9]* in [1-9]"

# --- btmmd restarts ---------------------------------------------------------------------

before=$(sas a | sort | tr '\n' ' ')
undriven a
ok 'without btmmd packets flow' pings a b 3
: >"$TEST_OUT/drive.a"
driven a
start_all a b
ok 'btmmd is back and adopts what there is' wait_for 20 state_is a b up
ok 'it has looked at all' wait_for 20 said a 'charon up'
ok 'packets flow' pings a b 3
is 'by the same SAs' "$(sas a | sort | tr '\n' ' ')" "$before"
is 'and the policies are the same' "$(ip -n a xfrm policy | grep -c 'action block priority 4294967295')" 3

# --- charon is killed -------------------------------------------------------------------

# b gives up the old SAs when it hears from the new charon, a only when the answer has come. What a
# has sent by them in between, b cannot read; it is all that may be lost. Packets still on their
# way when ping ends are not lost.
unread() { echo $(($(counter a rx_unknown_spi) + $(counter b rx_unknown_spi))); }
ip netns exec a ping -6 -i 0.05 "$B" >"$TEST_OUT/flow" 2>&1 &
flow=$!
add_cleanup kill $flow
wait_for 10 grep -q 'icmp_seq=3 ' "$TEST_OUT/flow"
old=$(sas a | tr '\n' ' ')
unread=$(unread)
charon_kill a
ok 'a notices that charon has died' wait_for 10 said a 'charon down'
own_charon a
ok 'it comes back: there are new SAs' wait_for 30 differ a "$before"
ok 'the old ones go' wait_for 30 none_of a "$old"
seq=$(sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' "$TEST_OUT/flow" | tail -n 1)
ok 'packets come back by the new ones' wait_for 10 grep -q "icmp_seq=$((seq + 5)) " "$TEST_OUT/flow"
kill -INT $flow
wait $flow 2>/dev/null
unread=$(($(unread) - unread))
read -r came last < <(sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' "$TEST_OUT/flow" | sort -n | uniq |
	awk '{ n++; last = $1 } END { print n, last }')
diag "$last packets, of which $((last - came)) were lost, $unread of them as b had given up their SA"
cmp_num 'what was lost is what was sent by the old SAs after that' $((last - came)) -le "$unread"
[[ $LAB_KIND != uml ]] || cmp_num 'which is next to nothing' $((last - came)) -le 2
ok 'and still do' pings a b 3
ok 'the state is known' wait_for 10 state_is a b up

# --- one side loses its SAs -----------------------------------------------------------------

before=$(sas a | sort | tr '\n' ' ')
ip -n b xfrm state flush
nap 2.1
say b "unknown-spi $A"
ok 'b lost its SAs and is told of ESP that it cannot read: new ones' wait_for 20 differ a "$before"
ok 'packets flow again' wait_for 10 pings a b 1

# --- b reboots: another ULA -------------------------------------------------------------------

B_OLD=$B
undriven b
charon_kill b
ip -n b xfrm state flush
ip -n b xfrm policy flush
ip -n b link del btmm0
B=fd00:b::2 ULA[b]=fd00:b::2
run_ns b btmm-ctl dev add btmm0 local $B keepalive off up
peer b a endpoint 10.1.0.2:4500
own_charon b
: >"$TEST_OUT/drive.b"
driven b
start_all b a
ok 'b is back with another ULA' wait_for 30 state_is b a trap
# a does not know yet, and calls the old one
run_ns a ping -6 -c 1 -W 1 -q $B_OLD >/dev/null
say a "call $B_OLD"
run_ns a btmm-ctl peer add $B dev btmm0 endpoint 10.2.0.2:4500
run_ns a btmm-ctl peer del $B_OLD dev btmm0
say a "peer b.$CHARON_DOMAIN $B"
no_sas_to() { [[ -z $(sas a $A $B_OLD)$(sas a $B_OLD $A) ]]; }
ok 'a ends all that leads to the old one' wait_for 20 no_sas_to
ok 'its trap has gone' wait_for 20 no_trap_at a $B_OLD
ok 'there is a trap for the new one' wait_for 20 trap_at a $B
unlike 'the old one is in no table' "$(run_ns a nft list table ip6 btmm-guard)" "${B_OLD}[ ,]"
is 'nor blocked' "$(ip -n a xfrm policy | grep -c "$B_OLD/128")" 0
ok 'packets reach the new one' once a b
ok 'a knows' wait_for 20 state_is a b up

# --- a stale ULA ---------------------------------------------------------------------------------

run_ns a btmm-ctl peer add $B_OLD dev btmm0 endpoint 10.2.0.2:4500
run_ns a btmm-ctl peer del $B dev btmm0
say a "peer b.$CHARON_DOMAIN $B_OLD"
ok 'a has read an old record' wait_for 20 trap_at a $B_OLD
n=$(grep -c '^read-again' "$TEST_OUT/drive.a")
t=$(now_ms)
run_ns a ping -6 -c 1 -W 1 -q $B_OLD >/dev/null
ok 'the kernel asks for SAs, none come: the record is to be read again' \
	wait_for 10 says_count a "^read-again b.$CHARON_DOMAIN" $((n + 1))
diag "after $(($(now_ms) - t)) ms"
run_ns a btmm-ctl peer add $B dev btmm0 endpoint 10.2.0.2:4500
run_ns a btmm-ctl peer del $B_OLD dev btmm0
say a "peer b.$CHARON_DOMAIN $B"
ok 'with the right one, the call goes on by itself' wait_for 20 state_is a b up
ok 'packets flow' pings a b 3
ok 'nothing is left of the old one' wait_for 10 no_sas_to

# --- without charon, and nothing in the clear ----------------------------------------------------

charon_stop a
ok 'charon ends in order' wait_for 20 no_sas a
ok 'the policies that block are still there' blocks_at a 3
ip -n a xfrm policy flush
ok 'after a flush they are there again' wait_for 10 blocks_at a 3
n=$(counter a tx_cleartext)
fails 'nothing gets out' run_ns a ping -6 -c 2 -i 0.2 -W 1 -q $B
is 'not even to the device' "$(counter a tx_cleartext)" "$n"
# Natively, over the network, with b's ULA as source. The module drops that, too; but
# not of who is no peer of the device (yet).
run_ns a btmm-ctl peer del $B dev btmm0
ip -n r addr add $B/128 dev lo nodad
ip -n r -6 route add $A/128 via 2001:db8:1::2
dropped() { run_ns a nft list table ip6 btmm-guard | grep -q 'counter packets [1-9]'; }
fails 'nothing has been dropped yet' dropped
ok 'somebody on the network sends as if it were b' \
	run_ns r bash -c "echo hello | socat -u - UDP6-SENDTO:[$A]:9,bind=[$B]"
ok 'what comes natively from a peer'\''s ULA is dropped' wait_for 10 dropped
ip -n r addr del $B/128 dev lo
run_ns a btmm-ctl peer add $B dev btmm0 endpoint 10.2.0.2:4500

# --- who poses as another ---------------------------------------------------------------------------

undriven b
charon_kill b
ip -n b xfrm state flush
own_charon b
: >"$TEST_OUT/drive.b"
driven b c
own_charon a
ok 'a has its charon again' wait_for 30 state_is a b trap
start_all b a
ok 'b now has a certificate of c' wait_for 30 state_is b a trap
n=$(grep -c '^read-again' "$TEST_OUT/drive.b")
say b "call $A"
ok 'its call comes to nothing' wait_for 20 says_count b '^read-again' $((n + 1))
is 'a gives it no SA' "$(sas a | wc -l)" 0
like 'since the name is not in the certificate' "$(cat "$TEST_OUT/charon.a.log")" \
	"no trusted .*public key found for 'b.$CHARON_DOMAIN'"

# --- a peer that is gone ----------------------------------------------------------------------------------

undriven b
: >"$TEST_OUT/drive.b"
driven b
start_all b a
ok 'b is itself again' wait_for 60 once a b
say a "gone b.$CHARON_DOMAIN"
ok 'a peer that is gone has no SAs' wait_for 20 no_sas a
ok 'no trap' wait_for 20 no_trap_at a $B
is 'no policy at all' "$(ip -n a xfrm policy | grep -c "$B/128")" 0
unlike 'and no place in the table' "$(run_ns a nft list table ip6 btmm-guard)" "$B"

for h in a b; do is "$h: no errors" "$(grep -c '^error' "$TEST_OUT/drive.$h")" 0; done
done_testing
