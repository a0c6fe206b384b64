#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs of packets that cross the outer stack as one, through everything that may
# take them apart: NAT on the router and on the host itself, netem, a device
# without fraglist, tbf, captures at both ends, GRO. Byte-exact, and TCP gets
# the memory of every segment back. Eight flows; esp6_offload late or absent.
# kernels: uml 6.12
# long: 6.12
# timeout: 400
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"

net_pair
sa_pair
ok 'ping' pings a b

# emulation is slow
size=3000000
[[ ${LAB_KIND-} = uml* ]] || size=1000000

# One connection that stays open, idle, after it has sent: what ss says of its
# memory then. A leak shows, or would stall it before.
cat >"$tap_tmp/flow.py" <<'END'
import socket, sys, hashlib, os, subprocess, time
role, address, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
if role == "serve":
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 7010)); s.listen(); print("ready", flush=True)
    while True:
        c, _ = s.accept(); h = hashlib.sha256(); n = 0
        while n < size:
            d = c.recv(1 << 16)
            if not d: break
            h.update(d); n += len(d)
        c.sendall(h.digest()); c.recv(1); c.close()
else:
    data = os.urandom(1 << 20); h = hashlib.sha256(); n = 0
    c = socket.create_connection((address, 7010), 30); c.settimeout(90)
    while n < size:
        d = data[:size - n]; c.sendall(d); h.update(d); n += len(d)
    same = c.recv(32, socket.MSG_WAITALL) == h.digest()
    end = time.time() + 10
    while True:
        out = subprocess.run(["ss", "-Htmn", "dport = :7010"], stdout=subprocess.PIPE, universal_newlines=True).stdout
        if ",t0," in out and ",w0," in out: break
        if time.time() > end: print("memory held:", out); sys.exit(1)
        time.sleep(0.05)
    print("same" if same else "different"); sys.exit(not same)
END
for h in a b; do
	background serve-$h ip netns exec $h python3 "$tap_tmp/flow.py" serve "${ULA[$h]}" $size
	wait_for 20 grep -q ready "$TEST_OUT/serve-$h.log" || bail 'no server'
done
flow() { run_ns "$1" timeout 120 python3 "$tap_tmp/flow.py" send "${ULA[$2]}" $size; }
# both WHAT: there and back; runs must have been made. Where emulation is slow, back only
# for the plain case.
both() {
	local before_a before_b back=yes
	[[ ${LAB_KIND-} = uml* || $1 = plain ]] || back=no
	before_a=$(counter a tx_batches) before_b=$(counter b tx_batches)
	ok "$1: there, byte-exact, and all memory back" flow a b
	[[ $back = no ]] || ok "$1: and back" flow b a
	cmp_num "$1: runs were made" $(($(counter a tx_batches) - before_a)) -gt 20
	[[ $back = no ]] || cmp_num "$1: there and back" $(($(counter b tx_batches) - before_b)) -gt 20
}

# shellcheck disable=SC2053
learnt() { [[ $(endpoint b a) = $1 ]]; }

both 'plain'

# NAT on the router: a's runs get another source
run_ns r nft -f - <<-END
	table ip nat { chain post { type nat hook postrouting priority srcnat
		oifname "rb2" masquerade random
	}
	}
END
pings a b 2 >/dev/null
ok 'behind NAT: b has learnt where a is' wait_for 10 learnt '10.2.0.1:*'
both 'NAT on the router'
run_ns r nft flush ruleset
run_ns r conntrack -F 2>/dev/null
nap 1.1
pings a b 2 >/dev/null
wait_for 10 endpoint_is b a 10.1.0.2:4500

# NAT on the host itself
run_ns a nft -f - <<-END
	table ip nat { chain post { type nat hook postrouting priority srcnat
		oifname "e1" udp dport 4500 masquerade to :5000-5100
	}
	}
END
run_ns a conntrack -F 2>/dev/null
nap 1.1
pings a b 2 >/dev/null
ok 'NAT on the host: b has learnt another port' wait_for 10 learnt '10.1.0.2:5*'
both 'NAT on the host'
run_ns a nft flush ruleset
run_ns a conntrack -F 2>/dev/null
nap 1.1
pings a b 2 >/dev/null
wait_for 10 endpoint_is b a 10.1.0.2:4500

# netem takes whole runs, delays, loses and reorders them
for d in ra1 rb2; do tc -n r qdisc replace dev $d root netem delay 5ms 2ms loss 0.5% reorder 10% limit 10000; done
both 'netem'
for d in ra1 rb2; do tc -n r qdisc del dev $d root; done

run_ns a ethtool -K e1 tx-gso-list off
run_ns b ethtool -K e2 tx-gso-list off
both 'devices without fraglist'
tc -n a qdisc replace dev e1 root tbf rate 80mbit burst 20k limit 500k
both 'tbf on the underlay, without fraglist'
run_ns a ethtool -K e1 tx-gso-list on
run_ns b ethtool -K e2 tx-gso-list on
both 'tbf on the underlay'
tc -n a qdisc del dev e1 root

# clones: a capture has its own reference to each packet
capture at_btmm a btmm0
capture at_e1 a e1
capture at_e2 b e2
both 'captures on both ends and on the device'
capture_end at_btmm
capture_end at_e1
capture_end at_e2
cmp_num 'they saw the traffic' "$(wire_count at_e1 esp)" -gt 100
is '... and no cleartext' "$(wire_leaks at_e1)$(wire_leaks at_e2)" ''

# GRO on all veths: what arrives is split first and merged again
for ns in a:e1 b:e2 r:ra1 r:rb2; do run_ns ${ns%:*} ethtool -K ${ns#*:} gro on; done
both 'GRO on'
# A veth goes through GRO only when its sender has no TSO; runs stay whole.
for ns in a:e1 b:e2 r:ra1 r:rb2; do run_ns ${ns%:*} ethtool -K ${ns#*:} tso off; done
before=$(counter b rx_gro)
both 'whole runs in GRO'
cmp_num '... decrypted there' "$(since b rx_gro "$before")" -gt 100
# A capture shares the run, which must not be decrypted in place
capture at_r r ra1
capture at_e2 b e2
both 'whole runs in GRO, captured'
capture_end at_r
capture_end at_e2
cmp_num '... that were seen' "$(wire_count at_r esp)" -gt 100
is '... and no cleartext' "$(wire_leaks at_r)$(wire_leaks at_e2)" ''
net_gro
both 'one by one, decrypted in GRO'
cmp_num '... it was' "$(counter b rx_gro)" -gt 100

# --- eight flows ------------------------------------------------------------------
eight() {
	local i pids=() rc=0 d
	for i in 1 2 3 4 5 6 7 8; do
		if ((i % 2)); then d='a b'; else d='b a'; fi
		# shellcheck disable=SC2086
		flow1 $i $d &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || rc=1; done
	return $rc
}
flow1() {
	local i=$1 from=$2 to=$3
	head -c $((size / 4)) /dev/urandom >"$tap_tmp/e$i"
	run_ns "$to" timeout 120 socat -u "TCP6-LISTEN:$((7100 + i)),reuseaddr" "OPEN:$tap_tmp/o$i,creat,trunc" &
	wait_for 20 listening "$to" $((7100 + i))
	run_ns "$from" timeout 120 socat -u "OPEN:$tap_tmp/e$i" "TCP6:[${ULA[$to]}]:$((7100 + i))"
	wait $!
	cmp "$tap_tmp/e$i" "$tap_tmp/o$i"
}
ok "eight flows on $(nproc) processors, byte-exact" eight
is 'none of their packets fell out of the replay window' \
	"$(xfrm_stat a XfrmInStateSeqError),$(xfrm_stat b XfrmInStateSeqError)" 0,0

# --- esp6_offload is not there, or comes late -----------------------------------------
kill %1 %2 2>/dev/null
mapfile -t mods < <(modprobe --show-depends autotunnel | awk '$1 == "insmod" && !/_offload/ { print $2 }')
no_sa a b
no_policy a b
for h in a b; do ip -n $h link del btmm0; done
modprobe -r autotunnel
without_offload() { modprobe -r esp6_offload; }
if wait_for 20 without_offload; then
	modprobe esp6
	for m in "${mods[@]}"; do insmod "$m" 2>/dev/null; done
	is 'esp6_offload is not there' "$(grep -cE '^(esp6_offload|autotunnel) ' /proc/modules)" 1
	tunnel a
	tunnel b
	peer a b endpoint 10.2.0.2:4500
	peer b a endpoint 10.1.0.2:4500
	sa_pair
	ok 'without esp6_offload: ping' pings a b
	ok 'without esp6_offload: TCP' tcp_copy a b 2
	modprobe esp6_offload
	ok 'esp6_offload loaded after the SAs: ping' pings a b
	ok 'esp6_offload loaded after the SAs: TCP' tcp_copy b a 2
	no_sa a b
	no_policy a b
	sa_pair
	before=$(counter a tx_batches)
	ok 'SAs made anew: TCP' tcp_copy a b 2
	cmp_num 'super-packets are back' "$(since a tx_batches "$before")" -gt 0
else
	skip 'esp6_offload is not there' 'it cannot be removed'
fi

done_testing
