#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who captures on the underlay, and reads what he has captured later, sees what was on the
# wire: XFRM decrypts packets in place, but not in pages that somebody else has, too.
# long: 6.12
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/probe.sh"
need nft

net_pair
sa_pair
ok 'the tunnel works' pings a b
receiver texts a --dport 7003

# A packet socket without a ring keeps copies that share their pages; it reads when told to.
# captured HOST DEV
captured() {
	run_ns "$1" python3 - "$tap_tmp/go" "$2" >"$TEST_OUT/captured" <<-'END'
		import os, socket, sys, time
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)    # SO_RCVBUFFORCE
		s.bind((sys.argv[2], 0))
		print("ready", flush=True)
		while not os.path.exists(sys.argv[1]):
		    time.sleep(0.05)
		s.setblocking(False)
		esp = clear = large = 0
		try:
		    while True:
		        frame, where = s.recvfrom(65536)
		        if where[2] == socket.PACKET_OUTGOING or frame[12:14] != b"\x08\0" or frame[23] != 17:
		            continue
		        esp += 1
		        large += len(frame) > 1000
		        clear += b"CANARY-CANARY" in frame
		except BlockingIOError:
		    pass
		print("esp=%d large=%d clear=%d" % (esp, large, clear))
	END
}
# texts FROM TO: datagrams whose text is in pages of their own, and stays there when it is
# encrypted: it is added to what was there already. (TCP's is copied then.)
texts() {
	run_ns "$1" python3 - "${ULA[$2]}" <<-'END'
		import socket, sys, time
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		for _ in range(60):
		    s.sendto(b"CANARY-", socket.MSG_MORE, (sys.argv[1], 7003))
		    s.sendto(b"CANARY-" * 160, (sys.argv[1], 7003))
		    time.sleep(0.002)
	END
}

# Who rewrites a header makes it his own, after which only the pages are shared: nothing
# shows any more that somebody else has the packet.
rewriting() {
	run_ns a nft -f - <<-END
		table ip rewrite {
			chain in {
				type filter hook prerouting priority raw
				udp dport 4500 ip dscp set cs1
			}
		}
	END
}

for how in 'as it comes' 'with headers rewritten' 'through GRO' 'through GRO, captured on the way'; do
	where=(a e1)
	case $how in
	with*) rewriting ;;
	*way) where=(r rb2) ;;
	through*) run_ns a nft delete table ip rewrite; net_gro ;;
	esac
	rm -f "$tap_tmp/go"
	captured "${where[@]}" &
	capturer=$!
	wait_for 20 grep -q ready "$TEST_OUT/captured"
	before=$(received texts CANARY-CANARY)
	ok "text from b to a, $how" texts b a
	arrived() { [[ $(received texts CANARY-CANARY) -ge $((before + 55)) ]]; }
	ok '... arrives' wait_for 10 arrived
	touch "$tap_tmp/go"
	wait $capturer
	said=$(tail -n 1 "$TEST_OUT/captured")
	diag "$said"
	like '... large packets were captured' "$said" 'large=[1-9]'
	like '... and no cleartext' "$said" clear=0
done

done_testing
