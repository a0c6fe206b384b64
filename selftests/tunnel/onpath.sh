# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Somebody on the path, on top of net.sh: the router has all that A sends, as packets of
# $cap, and may keep it from B.

cap=$TEST_OUT/fromA.pcap

onpath_begin() {
	capture fromA r ra1 'udp and src host 10.1.0.2'
	run_ns r nft -f - <<-END
		table ip t {
			chain hold { type filter hook forward priority 0; policy accept; }
		}
	END
}

# hold N: A sends N packets that the router captures and does not pass on
hold() {
	local before i
	before=$(packets_in fromA)
	run_ns r nft add rule ip t hold ip saddr 10.1.0.2 drop
	for ((i = 0; i < $1; i++)); do run_ns a ping -6 -c 1 -W 0.1 -q "$B" >/dev/null; done
	run_ns r nft flush chain ip t hold
	wait_for 10 packets_above fromA $((before + $1 - 1)) || diag 'nothing was captured'
}
