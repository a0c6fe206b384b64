#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lines of topology.sh: what is none is refused, before anything is made; what is one
# makes what it says.
# kernels: uml
# timeout: 120
. "$(dirname "$0")/../lib/tap.sh"
need nft
. "$(dirname "$0")/topology.sh"

refused() { # WHAT-IT-SAYS LINE...
	local says=$1
	shift
	fails "refused: ${*: -1}" topology "$@"
	like "it says: $says" "$output" "$says"
}
refused 'not NETWORK' 'internet bob'
refused 'first line' 'home1: alice'
refused "'natpnp' is no word" internet: 'home1(natpnp): alice'
refused "'map=none' is no word" internet: 'home1(map=none): alice'
refused "'idle=' is no word" internet: 'home1(idle=): alice'
refused 'home1: there are two' internet: home1: home1:
refused 'alice: there are two' 'internet: alice' 'home1: alice'
refused 'a network and a host' 'internet: home1' 'home1: alice'
refused 'no home' 'internet(natpmp): bob'
refused 'double or cgnat' internet: 'home1(double,cgnat): alice'
refused 'via isp, which is not there' internet: 'home1 via isp: alice'
refused 'kept only with map=any' internet: 'home1(symmetric,ports=keep): alice'
refused 'naive is for' internet: 'home1(upnp,naive): alice'
refused 'isp has no IPv6' internet: 'isp(carrier):' 'home1(ipv6) via isp: alice'
refused 'nothing to translate' internet: 'home1(ipv6=only,natpmp): alice'
refused 'at most 8 letters' internet: 'ahousefar: alice'
is 'nothing was made' "$(ip netns list)" ''

topology 'internet: bob' 'home1(natpmp): alice anna' 'isp(carrier):' 'home2 via isp: carol'
is 'addresses of the internet' "$(addr bob)" 22.0.1.2
is 'and of devices' "$(on bob cat /sys/class/net/eth0/address) $(on alice cat /sys/class/net/eth0/address)" \
	'00:00:5e:00:53:01 00:00:5e:00:53:02'
is 'of a gateway outside' "$(external home1)" 22.0.2.2
is 'inside' "$(addr alice) $(addr anna)" '192.168.2.10 192.168.2.11'
is 'of a carrier' "$(external home2)" 100.64.3.10
for h in alice anna carol; do
	ok "$h reaches bob" on $h ping -c 1 -W 5 "$(addr bob)"
	fails "bob does not reach $h" on bob ping -c 1 -W 1 "$(addr $h)"
done
ok 'alice reaches anna' on alice ping -c 1 -W 5 "$(addr anna)"
fails 'but not carol' on alice ping -c 1 -W 1 "$(addr carol)"
fails 'no IPv6 without the word' on bob ping -6 -c 1 -W 1 2001:db8:ff:1::1

# --- machines ------------------------------------------------------------------------------

is 'a host has its name' "$(on alice hostname)" alice
on alice bash -c 'echo alice >/etc/mine; echo alice >/run/mine; echo alice >/var/lib/mine; echo alice >/root/mine'
is 'what it writes is there' "$(on alice cat /etc/mine /run/mine /var/lib/mine /root/mine | sort -u)" alice
fails 'and with no other host' on anna ls /etc/mine /run/mine /var/lib/mine /root/mine
fails 'nor here' ls /etc/mine /run/mine /var/lib/mine /root/mine
is 'it is in the directory of the test' "$(on alice pwd)" "$PWD"
is 'its /sys is of its devices' "$(on alice ls /sys/class/net)" $'eth0\nlo'
is 'its resolver is nobody' "$(on alice cat /etc/resolv.conf)" ''
done_testing
