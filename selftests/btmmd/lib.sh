# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Hosts of an account, on top of topology.sh: charon and btmmd as their units start them.
#
#	. "$(dirname "$0")/../topology/topology.sh"
#	. "$(dirname "$0")/lib.sh"
#	topology ...
#	account_make SERVER RESOLVER FIRST HOST...	server, resolver, account, bundles
#	host_start HOST...		charon and btmmd; does not wait
#	host_stop HOST...		btmmd as `systemctl stop` does; charon after it
#	btmmd_stop HOST [SIGNAL], btmmd_start HOST, charon_kill HOST
#	host_off HOST, host_on HOST	the power: nothing is kept but /etc and /var/lib
#	reach_all HOST...		each can ping and connect to each, by name

: "${ZONE:=home.example.com}"
BTMMD_STUB=127.0.0.66
btmmd_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DISCOVERY_DIR=	# of discovery.sh: where the daemons tell that they are ready
declare -A BTMMD_PID=() CHARON_KEEPER=() ECHO_PID=()

need btmmd btmm-ctl btmm-dnsd named charon-systemd setpriv useradd socat jq python3 miniupnpd
modprobe autotunnel || bail 'the module does not load'
id -u btmmd >/dev/null 2>&1 || useradd -r -U btmmd
id -u btmm-dnsd >/dev/null 2>&1 || useradd -r -U btmm-dnsd

fqdn() { echo "$1.$ZONE"; }

# --- the account ---------------------------------------------------------------------

# account_make SERVER RESOLVER FIRST HOST...: FIRST holds the account, and lets each in
account_make() {
	local server=$1 resolver=$2 first=$3 dir=$tap_tmp/bundles h pin
	shift 3
	server_setup "$server" "$ZONE"
	resolver_setup "$resolver" "$ZONE=$server"
	mkdir -p "$dir"
	pin=sha256//$(on "$server" cat /etc/btmm/tls.crt | openssl x509 -pubkey -noout |
		openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
	(
		umask 077
		on "$server" cat "/etc/btmm/keys/account.$ZONE.key" >"$dir/account.key"
	)
	on "$first" btmm-ctl account init key-file "$dir/account.key" pin "$pin" \
		server "$(addr "$server")" >"$TEST_OUT/account.log" 2>&1 ||
		bail "account init: $(<"$TEST_OUT/account.log")"
	rm "$dir/account.key"
	for h; do
		{
			on "$first" btmm-ctl host add "$h" output "$dir/$h.btmm" &&
				on "$h" btmm-ctl host import "$dir/$h.btmm"
		} >>"$TEST_OUT/account.log" 2>&1 || bail "host add $h: $(tail -n 3 "$TEST_OUT/account.log")"
		rm "$dir/$h.btmm"
		TOPO_STUB[$h]=$BTMMD_STUB
		topo_resolver "$h"
	done
}

# --- the daemons ---------------------------------------------------------------------

btmmd_start() {
	local h=$1
	[[ -z $DISCOVERY_DIR ]] || local -x NOTIFY_SOCKET=$DISCOVERY_DIR/$h.btmmd.notify
	on "$h" install -d -o btmmd -g btmmd -m 755 /run/btmmd
	echo "--- start" >>"$TEST_OUT/btmmd.$h.log"
	start "$h" "btmmd.$h" "$btmmd_here/activate" $BTMMD_STUB 53 \
		setpriv --reuid btmmd --regid btmmd --init-groups --no-new-privs \
		--inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin \
		--bounding-set=-all,+net_admin btmmd run
	BTMMD_PID[$h]=$bg_pid
}
btmmd_stop() {
	kill "-${2:-TERM}" "${BTMMD_PID[$1]}"
	wait "${BTMMD_PID[$1]}" 2>/dev/null
}

charon_begin() {
	local h=$1
	[[ -z $DISCOVERY_DIR ]] || local -x NOTIFY_SOCKET=$DISCOVERY_DIR/$h.charon.notify
	on "$h" install -d -m 755 /run/btmm-charon
	# shellcheck disable=SC2016
	start "$h" "charon-keeper.$h" bash -c '
		child=
		trap "kill \$child; wait; exit" TERM
		while :; do
			rm -f /run/btmm-charon/vici
			if btmmd prepare-charon /run/btmm-charon; then
				echo "charon { filelog { log { path = $1
					default = 1
					time_format = %T
					time_add_ms = yes
					flush_line = yes
					append = yes } } }" >>/run/btmm-charon/strongswan.conf
				charon-systemd &
				child=$!
				echo $child >/run/btmm-charon/pid
				wait $child
			fi
			# as long as RestartSec= of btmm-charon.service
			restart=0.1; sleep $restart
		done' keeper "$TEST_OUT/charon.$h.log"
	CHARON_KEEPER[$h]=$bg_pid
	add_cleanup on "$h" bash -c 'kill -KILL $(cat /run/btmm-charon/pid)'
}
charon_pid_of() { on "$1" cat /run/btmm-charon/pid; }
charon_kill() { kill -KILL "$(charon_pid_of "$1")"; }
charon_end() {
	kill "${CHARON_KEEPER[$1]}"
	# charon 5.9.8 may wait for itself while it ends; systemd has TimeoutStopSec= for it.
	wait_for 5 eval "! kill -0 ${CHARON_KEEPER[$1]}" || charon_kill "$1"
	wait "${CHARON_KEEPER[$1]}" 2>/dev/null
	return 0
}

# host_start HOST...: what boots there; TCP port 7 is an echo
export STRONGSWAN_CONF=/run/btmm-charon/strongswan.conf
host_start() {
	local h
	echo '<6>btmm-test: flows wait for SAs' >/dev/kmsg
	for h; do
		btmmd_start "$h"
		charon_begin "$h"
		start "$h" "echo.$h" socat TCP6-LISTEN:7,fork,reuseaddr,ipv6only EXEC:cat
		ECHO_PID[$h]=$bg_pid
	done
}
host_stop() {
	local h
	for h; do
		btmmd_stop "$h"
		charon_end "$h"
	done
}
# host_off HOST: nothing can be said to anybody any more
host_off() {
	local h=$1 p
	kill -KILL "${CHARON_KEEPER[$h]}" "${BTMMD_PID[$h]}" "${ECHO_PID[$h]}" "$(charon_pid_of "$h")"
	wait "${CHARON_KEEPER[$h]}" "${BTMMD_PID[$h]}" "${ECHO_PID[$h]}" 2>/dev/null
	for p in ${HOST_ALSO[$h]-}; do kill -KILL "$p"; wait "$p"; done 2>/dev/null
	ip -n "$h" link set eth0 down
	ip -n "$h" link del btmm0
	ip -n "$h" xfrm state flush
	ip -n "$h" xfrm policy flush
	run_ns "$h" nft flush ruleset
	on "$h" rm -rf /run/btmmd /run/btmm-charon
}
declare -A HOST_ALSO=()	# of a host: other processes that end with it

# --- what there is -------------------------------------------------------------------

# ula HOST: as its device has it
ula() { ip -n "$1" -6 -o addr show dev btmm0 2>/dev/null | sed -n 's/.* inet6 \(fd[0-9a-f:]*\)\/.*/\1/p'; }
# looks_up HOST OTHER: by the C library, as programs do
looks_up() { on "$1" getent ahostsv6 "$(fqdn "$2")" | awk 'NR == 1 { print $1 }'; }
pings() { on "$1" ping -n -q -c 1 -W "${3:-1}" "$(fqdn "$2")"; }
# echoes HOST OTHER: TCP, by name
echoes() {
	local s=$((3 * ${BTMM_PATIENCE:-1}))
	[[ $(echo "hello $1" | on "$1" timeout $((s + 2)) socat -T $s - \
		"TCP6:$(fqdn "$2"):7,connect-timeout=$s") = "hello $1" ]]
}
# reach_all HOST...: all pairs that are still missing, at the same time
reach_all() {
	local a b n=0 pids=()
	for a; do
		for b; do
			[[ $a = "$b" ]] && continue
			n=$((n + 1))
			[[ -e $tap_tmp/reached.$a.$b ]] && continue
			{ pings "$a" "$b" && now_ms >"$tap_tmp/reached.$a.$b"; } &
			pids+=($!)
		done
	done
	[[ ${#pids[@]} = 0 ]] || wait "${pids[@]}"
	set -- "$tap_tmp"/reached.*
	[[ -e $1 && $# -ge $n ]]
}
reach_again() { rm -f "$tap_tmp"/reached.*; }
# reached_at: when the last pair did, in ms
reached_at() { sort -n "$tap_tmp"/reached.* | tail -n 1; }

# endpoint HOST OTHER: where HOST's kernel sends what is for OTHER
endpoint() {
	local u
	u=$(ula "$2")
	run_ns "$1" btmm-ctl --json peer show | jq -r --arg u "$u" '.[]|select(.ula == $u)|.endpoint'
}
endpoint_is() { [[ $(endpoint "$1" "$2") = "$3" ]]; }

host_state() {
	local h
	for h; do
		echo "=== $h ($(ula "$h"))"
		ip -n "$h" -br addr
		run_ns "$h" btmm-ctl peer show
		ip -n "$h" -6 route show dev btmm0
		ip -n "$h" -s xfrm state
		ip -n "$h" xfrm policy
		on "$h" cat /etc/resolv.conf
	done
}
trouble() { # HOST...: for who looks for the reason
	local h
	for h; do
		diag "btmmd of $h:" "$(tail -n 30 "$TEST_OUT/btmmd.$h.log")"
		diag "charon of $h:" "$(tail -n 15 "$TEST_OUT/charon.$h.log")"
	done
	host_state "$@" >"$TEST_OUT/state" 2>&1
}

# --- what happens ----------------------------------------------------------------------

# watch_internet: a capture of what goes between networks; watch_end ends it
watch_internet() {
	ip netns exec internet tcpdump -i any -U -s 0 -B 16384 -w "$TEST_OUT/internet.pcap" \
		>"$TEST_OUT/tcpdump.log" 2>&1 &
	watch_pid=$!
	add_cleanup kill $watch_pid
	wait_for 20 grep -q 'listening on' "$TEST_OUT/tcpdump.log" || bail 'the capture does not start'
}
watch_end() {
	kill -INT "$watch_pid"
	wait "$watch_pid" 2>/dev/null
	[[ $(<"$TEST_OUT/tcpdump.log") =~ (^|[^0-9])0\ packets\ dropped\ by\ kernel ]]
}
# seen FILTER...: how many packets of the capture; seen_between FROM TO FILTER: s since 1970
seen() { tcpdump -n -r "$TEST_OUT/internet.pcap" "$@" 2>/dev/null | wc -l; }
seen_between() {
	tcpdump -n -tt -r "$TEST_OUT/internet.pcap" "$3" 2>/dev/null | awk -v a="$1" -v b="$2" '$1 >= a && $1 <= b' | wc -l
}
IKE_FILTER='udp port 4500 and udp[4:2] > 30 and udp[8:4] = 0'
now_s() { echo "$EPOCHREALTIME"; }

# listen_to HOST...: what its kernel says of peers goes to $tap_tmp/events.HOST, with the time
listen_to() {
	local h
	for h; do
		# shellcheck disable=SC2016
		ip netns exec "$h" bash -c 'btmm-ctl monitor | while read -r l; do
			printf "%s %s\n" "$EPOCHREALTIME" "$l"; done' >"$tap_tmp/events.$h" 2>&1 &
		add_cleanup kill $!
		wait_for 20 grep -q listening "$tap_tmp/events.$h" || bail "$h: no events"
	done
}
# event_at HOST REGEX SINCE: ms from SINCE (s) to the first such event
event_at() {
	awk -v re="$2" -v since="$3" '$1 >= since && $0 ~ re { printf "%d\n", ($1 - since) * 1000; exit }' \
		"$tap_tmp/events.$1"
}
# said_at HOST REGEX SINCE: the same, of what btmmd said
said_at() {
	# around midnight, what was later in the day was the day before
	awk -v re="$2" -v since="$3" '{ split($1, t, ":"); at = t[1] * 3600 + t[2] * 60 + t[3] - since % 86400 }
		at < -43200 { at += 86400 }
		at > 43200 { at -= 86400 }
		at >= 0 && $0 ~ re { printf "%d\n", at * 1000; exit }' \
		"$TEST_OUT/btmmd.$1.log"
}
event_since() { [[ -n $(event_at "$@") ]]; }

# --- power -----------------------------------------------------------------------------

# host_off HOST: nothing can be said to anybody any more; host_on HOST boots it again, with
# the same addresses outside, and all that it had in memory gone
host_on() {
	local h=$1
	ip -n "$h" link set eth0 up
	ip -n "$h" route add default via "$(default_of "$h")" dev eth0 metric 100
	host_start "$h"
}
default_of() {
	local net=${TOPO_AT[$1.eth0]} a
	a=$(addr "$1")
	if [[ $net = internet ]]; then echo "${a%.*}.1"; else gateway "$net"; fi
}

# calls_over HOST...: of two IKE_SAs of who has called each other at the same time charon may
# end one, 10 s later
calls_over() {
	local h said
	for h; do
		said=$(charon_says "$h")
		[[ $(grep -c 'schedule delete of duplicate' <<<"$said") -le $(grep -c '] deleting IKE_SA' <<<"$said") ]] ||
			return 1
	done
}
charon_says() { cat "$TEST_OUT/charon.$1.log"; }
