#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A peer with good keys, whose packets hold what they should not: another's name, ours,
# addresses that nobody has, other destinations, other protocols, lengths that lie.
# Decrypted, dropped, counted. (tunnel/cleartext-in.t has the same without policies.)
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/attacker.sh"
. "$(dirname "$0")/inner.sh"
need python3

inner_begin
evil "udp:[$B]>[$A]:hello"
ok "what b may send comes" wait_for 10 has_received in-a hello

# --- sources -----------------------------------------------------------------------------
refused XfrmInTmplMismatch "another peer's ULA" "udp:[$C]>[$A]:EVIL" "echo:[$C]>[$A]"
refused XfrmInNoPols 'our own ULA' "udp:[$A]>[$A]:EVIL" "echo:[$A]>[$A]"
refused XfrmInNoPols "a stranger's ULA" "udp:[fd00:99::1]>[$A]:EVIL"
refused XfrmInNoPols 'a global address' "udp:[2001:db8:3::2]>[$A]:EVIL"
refused XfrmInNoPols 'our own global address' "udp:[2001:db8:3::1]>[$A]:EVIL"
refused XfrmInNoPols 'a link-local address' "udp:[fe80::1]>[$A]:EVIL"
refused Ip6InHdrErrors 'loopback' "udp:[::1]>[$A]:EVIL" "echo:[::1]>[$A]"
refused Ip6InHdrErrors 'multicast' "udp:[ff02::1]>[$A]:EVIL" "udp:[ff0e::1]>[$A]:EVIL"
refused XfrmInNoPols 'IPv4-mapped' "udp:[::ffff:127.0.0.1]>[$A]:EVIL" "udp:[::ffff:10.1.0.2]>[$A]:EVIL"
refused - 'no address at all' "udp:[::]>[$A]:EVIL"

# --- destinations --------------------------------------------------------------------------
refused XfrmInNoPols 'to another peer, through us' "udp:[$B]>[$C]:EVIL"
refused XfrmInNoPols 'to the network behind us' "udp:[$B]>[2001:db8:3::2]:EVIL"
refused XfrmInNoPols 'to our address there' "udp:[$B]>[2001:db8:3::1]:EVIL"
refused Ip6InHdrErrors 'to loopback' "udp:[$B]>[::1]:EVIL"
refused - 'to all nodes' "udp:[$B]>[ff02::1]:EVIL" "echo:[$B]>[ff02::1]"
refused - 'to IPv4-mapped' "udp:[$B]>[::ffff:127.0.0.1]:EVIL" "udp:[$B]>[::ffff:10.3.0.2]:EVIL"
refused - 'back to b itself' "udp:[$B]>[$B]:EVIL"
refused XfrmInNoPols 'through us, in the name of another' "udp:[$C]>[2001:db8:3::2]:EVIL" "udp:[$A]>[2001:db8:3::2]:EVIL"

# --- what is inside --------------------------------------------------------------------------
refused - 'IPv4 inside' "ip4:[10.2.0.2]>[10.1.0.2]:EVIL" "ip4:[127.0.0.1]>[127.0.0.1]:EVIL" \
	"ip4:[10.2.0.2]>[10.3.0.2]:EVIL"
refused - 'UDP, TCP, ESP, no IP header' "raw:17:1e611e610010000045564940" "raw:6:$(printf '%040d' 0)" \
	"raw:50:$(printf '%040d' 0)" "raw:41:60" "raw:41:" "raw:255:00"
refused - 'ESP in ESP' "nested:[$B]>[$A]"
refused - 'lengths that lie' "short:[$B]>[$A]:1" "short:[$B]>[$A]:500" "short:[$B]>[$A]:65000" \
	"jumbo:[$B]>[$A]" padlen:255 padlen:200 dummy
refused - 'a route header to others' \
	"raw:41:60000000$(printf '%04x' 24)2b40$(printf 'fd00000b%024x' 1)$(printf 'fd00000a%024x' 1)3b0200010000000$(printf 'fd00000c%024x' 1)0"

# --- in the end --------------------------------------------------------------------------------
evil "tfc:[$B]>[$A]:900:padded"
ok 'padding behind a packet is no harm' wait_for 10 has_received in-a padded
is 'in all that, nothing of it was delivered' "$(received_anywhere EVIL) $(received_anywhere NESTED) $(received_anywhere SHORT) $(received_anywhere JUMBO)" \
	'0 0 0 0'
as_c "udp:[$C]>[$A]:from-c"
ok 'the other peer comes as itself' wait_for 10 has_received in-a from-c
harmless 'a peer that means no good'
done_testing
