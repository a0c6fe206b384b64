#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host with btmmd and charon: what it can be made to send to somebody whose address was
# forged, by each UDP socket that it has; DNS messages of 64 KB to its resolver; and what
# another user of the machine gets out of the sockets of btmmd and charon.
# (btmmd/hostile*.t: forged answers, announcements, STUN, events; strange questions.)
# kernels: uml
# timeout: 300
here=$(dirname "$0")
. "$here/../lib/tap.sh"
. "$here/../tunnel/net.sh"
. "$here/../topology/topology.sh"
. "$here/../btmmd/lib.sh"
. "$here/../btmmd/hostile.sh"
need python3 jq ss

topology 'internet(ipv6): server resolver bob evil victim' 'home1(natpmp): alice mallet'
account_make server resolver bob alice bob
host_start alice bob
ok 'all reach all' wait_for 60 reach_all alice bob || trouble alice bob
settled() {
	[[ $(on "$1" btmm-ctl --json status | jq -r '.[0]|(.publication.current) and (.subscription.quality == "live")') = true ]]
}
for h in alice bob; do ok "$h is settled" wait_for 20 settled $h; done
remember alice bob

# --- which sockets there are -------------------------------------------------------------------
# Whoever adds one has to say here what it answers to strangers. 4500 is the module's;
# the one of a port that differs each time is charon's, for IKE behind the non-ESP marker.
open_udp() { on "$1" ss -Huan | awk '$5 ~ /:\*$/ { print $4 }' | sort -u; }
their_udp() {
	open_udp "$1" | sed -E 's/^(\[::\]:)([0-35-9][0-9]{3,4}|4[0-46-9][0-9]{2,3}|45[0-9]{3})$/\1N/' | sort | paste -sd' '
}
known='0.0.0.0:4500 127.0.0.66:53 224.0.0.1:5350 [::]:4500 [::]:500 [::]:N'
# A search for UPnP has one, too, for some seconds.
only_known() { [[ $(their_udp alice) = "$known" ]]; }
ok 'alice has known UDP sockets, and no others that strangers reach' wait_for 30 only_known ||
	diag "$(their_udp alice)" "$(on alice ss -uanp)"
nat_t=$(open_udp bob | sed -n 's/^\[::\]:\([0-9]*\)$/\1/p' | grep -vx -e 500 -e 4500)

# --- at the tunnel port ------------------------------------------------------------------------
run_ns internet sysctl -qw net.ipv4.conf.all.rp_filter=0
for d in $(ip -n internet -br link | sed 's/[@ ].*//'); do run_ns internet sysctl -qw "net/ipv4/conf/$d/rp_filter=0"; done
run_ns internet nft 'add table inet seen; add chain inet seen through { type filter hook forward priority 10; }
	add rule inet seen through ip daddr '"$(addr victim)"' counter
	add rule inet seen through ip6 daddr '"$(addr6 victim)"' counter'
# packets and octets that have gone to the victim
mirrored() { run_ns internet nft list chain inet seen through | awk '/counter/ { for (i = 1; i < NF; i++) { if ($i == "packets") p += $(i + 1); if ($i == "bytes") b += $(i + 1) } } END { print p + 0, b + 0 }'; }
stun=000100002112a442000102030405060708090a0b
kinds=(keepalive ike-init ike:200 "$stun" 001100002112a442000102030405060708090a0b 0000000500000000
	0101000c2112a442000102030405060708090a0b002000080001a147e112a643 spi random:100 00 ff)
done_with() { [[ $(($(counter bob rx_ike_held) - $(counter bob rx_ike_expired) - $(counter bob rx_ike_rejected))) -le 0 ]]; }
before=$(mirrored)
on evil ping -c 1 -W 5 -q "$(addr victim)" >/dev/null
on evil ping -6 -c 1 -W 5 -q "$(addr6 victim)" >/dev/null
is 'what goes to the victim is counted' "$(mirrored)" "$((${before% *} + 2)) $((${before#* } + 84 + 104))"
before=$(mirrored)
on evil "$here/flood.py" --from "$(addr victim):*" "$(addr bob):4500" 2200 "${kinds[@]}" >"$TEST_OUT/flood4"
on evil "$here/flood.py" --from "[$(addr6 victim)]:*" "[$(addr6 bob)]:4500" 1100 "${kinds[@]}" >"$TEST_OUT/flood6"
diag "$(cat "$TEST_OUT"/flood[46])"
cmp_num 'they came' "$(($(counter bob rx_keepalives) + $(counter bob rx_unknown_spi)))" -ge 600
cmp_num 'IKE of strangers is held' "$(counter bob rx_ike_held)" -ge 4
ok '... and dropped, once DNS has not told of them' wait_for 20 done_with
is 'the tunnel port answers a stranger nothing: factor 0' "$(mirrored)" "$before"
unharmed 'what was forged' bob

# --- charon's own port, over plain IPv6 ----------------------------------------------------------
python3 - "$here" >"$tap_tmp/ike" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import flood
print(flood.ike_init()[4:].hex())
END
before=$(mirrored)
for ((i = 0; i < 20; i++)); do
	on evil "$here/../tunnel/raw.py" "[$(addr6 victim)]:500" "[$(addr6 bob)]:500" "$(<"$tap_tmp/ike")" -- \
		"[$(addr6 victim)]:4500" "[$(addr6 bob)]:$nat_t" "00000000$(<"$tap_tmp/ike")"
done
ok '... bob can be reached there' on evil ping -6 -c 1 -W 5 "$(addr6 bob)"
is 'IKE past the tunnel is not answered: factor 0' "$(mirrored)" "$before"

# --- in alice's network: 5350, the resolver, the gateway's answers --------------------------------
mac=$(ip -n alice -j link show eth0 | jq -r '.[0].address')
query=$(python3 -c 'import dns.message; print(dns.message.make_query("bob.home.example.com", "AAAA").to_wire().hex())')
natpmp=0000 pcp=0201$(printf '%0116d' 0)
capture alice mallet eth0 "udp and src host $(addr alice) and not port 5351"
before=$(packets_in alice)
for to in "224.0.0.1:5350" "$(addr alice):5350" "127.0.0.66:53" "$(addr alice):53" "$(addr alice):500" "127.0.0.1:500"; do
	on mallet "$here/frame.py" eth0 "$mac" "$(addr mallet):5351" "$to" "$query" "$natpmp" "$pcp" "$stun" "$(<"$tap_tmp/ike")"
	on mallet "$here/frame.py" eth0 "$mac" "$(addr mallet):53" "$to" "$query" "$natpmp" "$pcp" "$stun" "$(<"$tap_tmp/ike")"
done
on mallet "$here/frame.py" eth0 01:00:5e:00:00:01 "$(addr mallet):5351" 224.0.0.1:5350 "$natpmp" "$pcp" "$query" "$stun"
ok 'mallet can reach alice' on mallet ping -c 1 -W 5 "$(addr alice)"
is "port 5350, the resolver and IKE answer nothing to the network: factor 0" "$(packets_in alice)" "$before"
capture_end alice
unharmed 'what was sent to other ports' alice

# --- 64 KB of DNS to the resolver ------------------------------------------------------------------
on bob python3 - $BTMMD_STUB >"$TEST_OUT/huge" 2>&1 <<'END'
import socket, struct, sys
where = (sys.argv[1], 53)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
head = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0)
label = b"\x3f" + b"a" * 63
for size in (65507, 40000, 9001):
    for body in (bytes(65535), label * 1100, (label * 3 + b"\0") * 400):
        udp.sendto((head + body)[:size], where)
answers = longest = 0
udp.settimeout(0.5)
try:
    while True:
        longest = max(longest, len(udp.recv(65535)))
        answers += 1
except socket.timeout:
    pass
for body in (bytes(65535), label * 1100, b"\xc0\x0c" * 40000):
    s = socket.create_connection(where, 5)
    s.settimeout(5)
    try:
        s.sendall(b"\xff\xff" + (head + body)[:65535])
        longest = max(longest, len(s.recv(65537)))
    except OSError:
        pass
    s.close()
print("answers", answers, "longest", longest)
END
diag_file "$TEST_OUT/huge"
like 'DNS of 64 KB gets short answers, or none' "$(<"$TEST_OUT/huge")" 'answers [0-9] longest [0-9]{1,2}$'
is '... others are answered' "$(looks_up bob alice)" "$(ula alice)"
unharmed 'DNS of 64 KB' bob

# --- another user --------------------------------------------------------------------------------
as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all --)
on bob "${as_user[@]}" python3 - io.btmm.btmmd >"$TEST_OUT/methods" 2>&1 <<'END'
import json, re, socket, sys
def call(method, **parameters):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect("/run/btmmd/control")
    s.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")
    got = b""
    while b"\0" not in got:
        more = s.recv(65536)
        if not more:
            return {"error": "closed"}
        got += more
    return json.loads(got.split(b"\0")[0])
text = call("org.varlink.service.GetInterfaceDescription", interface=sys.argv[1])["parameters"]["description"]
for method in re.findall(r"^method (\w+)", text, re.MULTILINE):
    said = call(sys.argv[1] + "." + method, **({"name": "nobody-there"} if method in ("Resolve", "Call") else {}))
    print(method, said.get("error", "answered").split(".")[-1])
END
diag_file "$TEST_OUT/methods"
# What may change anything is refused; a method that is new has to be put in one of these.
is 'another user: the control socket refuses what changes anything' \
	"$(awk '$2 == "PermissionDenied" { print $1 }' "$TEST_OUT/methods" | sort | paste -sd' ')" 'Down Reload Up'
is '... and answers the rest' "$(awk '$2 != "PermissionDenied" { print $1 }' "$TEST_OUT/methods" | sort | paste -sd' ')" \
	'Browse Call Monitor Netcheck Peers Resolve Services Status'
connect='import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print("connected")'
fails 'another user: no connection to charon' on bob "${as_user[@]}" python3 -c "$connect" /run/btmm-charon/vici
like '... it is refused' "$output" 'PermissionError'
is '... btmmd has one' "$(on bob setpriv --reuid btmmd --regid btmmd --init-groups --bounding-set=-all --inh-caps=-all -- python3 -c "$connect" /run/btmm-charon/vici)" connected
secrets_of bob | grep . >"$tap_tmp/secrets"
chmod 755 "$tap_tmp"
chmod 644 "$tap_tmp/secrets"
cmp_num 'bob has secrets' "$(grep -c . "$tap_tmp/secrets")" -ge 2
is 'another user: finds none of them in files' \
	"$(on bob "${as_user[@]}" grep -rlFf "$tap_tmp/secrets" /etc /run /var/lib 2>/dev/null)" ''
is 'root does' "$(on bob grep -rlFf "$tap_tmp/secrets" /etc/btmm 2>/dev/null | grep -c .)" 1
fails 'another user: no netlink of the tunnel' on bob "${as_user[@]}" btmm-ctl peer show
reach_again
ok 'in the end all reach all' wait_for 20 reach_all alice bob || trouble alice bob
done_testing
