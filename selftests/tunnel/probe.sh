# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Small senders, receivers and looks at captures, on top of net.sh.

here=${BASH_SOURCE[0]%/*}

# send HOST WHAT ARGUMENT...: see send.py
send() { local ns=$1; shift; run_ns "$ns" python3 "$here/send.py" "$@"; }

# A user of no name and no right but to bind to any port.
# shellcheck disable=SC2054
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups
	--inh-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service
	--ambient-caps=+net_bind_service)
send_nobody() { local ns=$1; shift; run_ns "$ns" "${as_nobody[@]}" python3 "$here/send.py" "$@"; }

# receiver NAME HOST [ARGUMENT...]: prints datagrams to $TEST_OUT/NAME.log
receiver() {
	local name=$1 ns=$2
	shift 2
	background "$name" ip netns exec "$ns" python3 "$here/send.py" recv "$@"
	wait_for 20 grep -q ready "$TEST_OUT/$name.log" || bail "no receiver $name"
}
received() { grep -c -- "$2" "$TEST_OUT/$1.log"; }
has_received() { grep -q -- "$2" "$TEST_OUT/$1.log"; }

# wire NAME...: what wire.py says of captures
wire() {
	local n f=()
	for n; do f+=("$TEST_OUT/$n.pcap"); done
	python3 "$here/wire.py" "${f[@]}"
}
# wire_count NAME KIND
wire_count() { wire "$1" | sed -n "1s/.*\b$2=\([0-9]*\).*/\1/p"; }
# wire_leaks NAME: all that must not be there, on one line
wire_leaks() { wire "$1" | sed 1d | paste -sd';'; }

# control HOST: a packet that every capture on HOST's way to the router must
# show as the one thing that is not ours
control() { send "$1" udp --dst "$2" --dport 9 --data CANARY-control; }

# no_sa HOST...; no_policy HOST...
no_sa() { local h; for h; do ip -n "$h" xfrm state flush; done; }
no_policy() { local h; for h; do ip -n "$h" xfrm policy flush; done; }

# counts HOST NAME...: the counters, as "name=value ..."
counts() {
	local h=$1 n out=()
	shift
	for n; do out+=("$n=$(counter "$h" "$n")"); done
	echo "${out[*]}"
}
# since HOST NAME BEFORE: how much a counter has grown
since() { echo $(($(counter "$1" "$2") - $3)); }

# async_crypto: SAs made from here on with AES-GCM are asynchronous; $async says
# by which template. Fails where there is none.
async_crypto() {
	modprobe -a crypto_user cryptd pcrypt 2>/dev/null
	modprobe crypto_user 2>/dev/null
	for async in pcrypt cryptd; do
		modprobe $async 2>/dev/null
		python3 "$here/asynccrypto.py" "$async(rfc4106(gcm(aes)))" 2>>"$TEST_OUT/async.log" && {
			# the next test would get it, too
			add_cleanup async_end
			return
		}
	done
	return 1
}
async_end() {
	local ns
	for ns in $(ip netns | awk '{ print $1 }'); do ip -n "$ns" xfrm state flush; done
	python3 "$here/asynccrypto.py" -d "$async(rfc4106(gcm(aes)))"
}
# async_in_use: does an SA use it?
async_in_use() {
	awk -v want="^seqiv.*$async" '$1 == "driver" { hit = $3 ~ want } $1 == "refcnt" && hit && $3 > 1 { found = 1 }
		END { exit !found }' /proc/crypto
}
