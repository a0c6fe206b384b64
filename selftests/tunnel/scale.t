#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A hundred thousand peers: added, dumped whole, looked up, sent to, and gone
# with their memory. And adding, deleting, dumping and traffic all at once.
# kernels: uml
# timeout: 420
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

n=100000
modprobe autotunnel
net_router
net_host a b
net_join a 1
net_join b 2
tunnel a
tunnel b
peer b a endpoint 10.1.0.2:4500

# fd00:b::1 is among them; each has an endpoint of its own
python3 - $n >"$tap_tmp/peers" <<'END'
import socket
import sys
for i in range(1, int(sys.argv[1]) + 1):
    ula = "fd00:b::1" if i == 77777 else socket.inet_ntop(
        socket.AF_INET6, bytes([0xfd, 0, 0, 1] + [0] * 8) + i.to_bytes(4, "big"))
    where = "10.2.0.2:4500" if i == 77777 else "10.%d.%d.%d:4500" % (16 + (i >> 16), i >> 8 & 255, i & 255)
    print(ula, "endpoint", where, "noroute")
END

unreclaimable() {
	echo 2 >/proc/sys/vm/drop_caches
	awk '$1 ~ /^(SUnreclaim|Percpu):/ { sum += $2 } END { print sum }' /proc/meminfo
}
memory=$(unreclaimable)
start=$(now_ms)
ok "$n peers are added" run_ns a btmm-ctl peer add --file "$tap_tmp/peers"
diag "adding $n peers took $(($(now_ms) - start)) ms"
full=$(unreclaimable)
diag "$(((full - memory) * 1024 / n)) octets a peer"
is 'the device knows their number' "$(counter a peers)" $n

start=$(now_ms)
run_ns a btmm-ctl --raw peer show >"$tap_tmp/dump" 2>&1 || diag_file "$tap_tmp/dump" 5
diag "dumping them took $(($(now_ms) - start)) ms"
awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^fd00:/) { print $i; break } }' "$tap_tmp/dump" | sort >"$tap_tmp/got"
cut -d' ' -f1 "$tap_tmp/peers" | sort >"$tap_tmp/wanted"
is 'a dump has them all, once' "$(wc -l <"$tap_tmp/got"),$(sort -u "$tap_tmp/got" | wc -l)" $n,$n
ok '... and no other' cmp "$tap_tmp/got" "$tap_tmp/wanted"
for i in 1 50000 100000; do
	read -r ula _ where _ <<<"$(sed -n "${i}p" "$tap_tmp/peers")"
	like "peer $i is at $where" "$(run_ns a btmm-ctl peer show "$ula")" "$where"
done
fails 'a peer that is not there' run_ns a btmm-ctl peer show fd00:1::9:9999

ip -n a route replace "$B/128" dev btmm0
sa_pair
ok 'ping to one of them' pings a b 3
ok 'TCP to one of them' tcp_copy a b 2
is 'nothing went to a wrong one' "$(counter a tx_no_peer),$(counter a tx_no_endpoint)" 0,0

# --- all at once ---------------------------------------------------------------------
head -n 5000 "$tap_tmp/peers" >"$tap_tmp/some"
churn() {
	python3 - "$tap_tmp/some" "$1" <<-'END'
		import sys, os
		sys.path.insert(0, os.environ["LIB"])
		import nl
		g = nl.Genl()
		index = nl.ifindex("btmm0")
		names = [l.split()[0] for l in open(sys.argv[1])][int(sys.argv[2])::2]
		ep = nl.endpoint(nl.PEER["endpoint"], "10.2.0.3", 4500)
		for name in names:
		    g.call(nl.CMD["peer_del"], index, nl.peer(name))
		    g.call(nl.CMD["peer_new"], index, nl.peer(name, ep))
		    g.call(nl.CMD["peer_set"], index, nl.peer(name, nl.nest(nl.PEER["endpoint"])))
	END
}
export LIB=$PWD/selftests/lib
export -f churn
export tap_tmp
start=$(now_ms)
run_ns a bash -c 'churn 0' >"$TEST_OUT/churn0" 2>&1 & one=$!
run_ns a bash -c 'churn 1' >"$TEST_OUT/churn1" 2>&1 & two=$!
ok 'TCP while peers come and go' tcp_copy a b 2
dumps=0
while kill -0 $one 2>/dev/null || kill -0 $two 2>/dev/null; do
	# EINTR is an answer, too: the set changed under the dump
	run_ns a btmm-ctl --raw peer show >"$tap_tmp/dump" 2>"$tap_tmp/dump.err"
	dumps=$((dumps + 1))
	pings a b 1 >/dev/null || fail 'ping while peers come and go'
done
ok 'peers deleted and added, one half' wait $one
ok '... and the other' wait $two
diag_file "$TEST_OUT/churn0" 5
diag "10000 changes and $dumps dumps at once took $(($(now_ms) - start)) ms"
is 'their number is what it was' "$(counter a peers)" $n
run_ns a btmm-ctl --raw peer show >"$tap_tmp/dump"
awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^fd00:/) { print $i; break } }' "$tap_tmp/dump" | sort >"$tap_tmp/got"
ok 'and they are the same' cmp "$tap_tmp/got" "$tap_tmp/wanted"

# --- and gone ---------------------------------------------------------------------------
start=$(now_ms)
ok 'the link is deleted' ip -n a link del btmm0
diag "deleting the link took $(($(now_ms) - start)) ms"
# RCU frees in the background; 4 MiB is what everything else may wander
given_back() { [[ $(unreclaimable) -lt $((memory + 4096)) ]]; }
ok "the memory of its peers is given back" wait_for 60 given_back
diag "before $memory KiB, with peers $full KiB, after $(unreclaimable) KiB"
cmp_num 'there was memory to give back' $((full - memory)) -gt 20000

done_testing
