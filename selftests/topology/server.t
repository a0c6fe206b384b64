#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# BIND and btmm-dnsd on a public host, a resolver that knows of them, and hosts at home
# that ask, update and see their own address and port.
# kernels: uml
# timeout: 240
. "$(dirname "$0")/../lib/tap.sh"
need btmm-dnsd named dig kdig jq python3
. "$(dirname "$0")/topology.sh"

topology 'internet: server resolver' 'home1(natpmp): alice' 'home2(symmetric): carol' 'home3(udp=blocked): dave'
zone=home.example.com
server_setup server $zone
resolver_setup resolver $zone=server

is 'the zone is found by its name' "$(on alice dig +short $zone NS)" "ns.$zone."
is 'so are its services' "$(on alice dig +short _dns-push-tls._tcp.$zone SRV)" "0 0 853 ns.$zone."
is 'and its server' "$(on carol dig +short ns.$zone)" "$(addr server)"
is 'the C library asks the same' "$(on alice getent ahostsv4 ns.$zone | awk 'NR == 1 { print $1 }')" "$(addr server)"
is 'with UDP blocked, names are still resolved' "$(on dave dig +short +tries=1 ns.$zone)" "$(addr server)"
fails 'but the server is not reached by UDP' on dave dig +tries=1 +time=1 "@$(addr server)" $zone SOA
like 'only by TCP' "$(on dave dig +tcp "@$(addr server)" $zone SOA)" 'status: NOERROR'
like 'TLS is there' "$(on alice kdig "@$(addr server)" +tls $zone SOA)" 'status: NOERROR'

read -r name algorithm secret <"$(host_key server alice.$zone)"
is 'a host has its key' "$name" "alice.$zone"
signed() { on alice "$1" -y "$algorithm:$name:$secret" "${@:2}"; }
update() {
	on alice python3 - "$name" "$secret" "$zone" "$(addr server)" <<-'END'
		import struct, sys
		import dns.edns, dns.query, dns.tsigkeyring, dns.update
		name, secret, zone, server = sys.argv[1:]
		ring = dns.tsigkeyring.from_text({name: secret})
		u = dns.update.Update(zone, keyring=ring, keyalgorithm="hmac-sha256")
		u.add(name + ".", 60, "AAAA", "fd00::a")
		u.use_edns(0, options=[dns.edns.GenericOption(2, struct.pack("!I", 3600))])
		answer = dns.query.udp(u, server, timeout=5)
		assert answer.rcode() == 0, answer
	END
}
ok 'it updates from behind its NAT' update
is 'and is answered' "$(signed dig +short "@$(addr server)" alice.$zone AAAA)" fd00::a
like 'who has no key is not' "$(on carol dig "@$(addr server)" alice.$zone AAAA)" 'status: REFUSED'

# stun HOST PORT: as btmm-dnsd sees it
stun() {
	on "$1" python3 - "$(addr server)" "$2" <<-'END'
		import os, socket, struct, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("0.0.0.0", int(sys.argv[2])))
		s.settimeout(1)
		s.connect((sys.argv[1], 53))
		request = struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12)
		for i in range(5):
		    s.send(request)
		    try:
		        answer = s.recv(1500)
		        break
		    except socket.timeout:
		        pass
		assert answer[:2] == b"\1\1" and answer[8:20] == request[8:20], answer
		at = 20
		while at < len(answer):
		    kind, length = struct.unpack_from("!HH", answer, at)
		    if kind == 0x20:
		        port, address = struct.unpack_from("!HI", answer, at + 6)
		        address = struct.pack("!I", address ^ 0x2112A442)
		        print("%s:%d" % (socket.inet_ntoa(address), port ^ 0x2112))
		    at += 4 + (length + 3) // 4 * 4
	END
}
is 'btmm-dnsd sees who keeps ports' "$(stun alice 4500)" "$(external home1):4500"
like 'and who does not' "$(stun carol 4500)" "^$(external home2):[0-9]+\$"

answered() { on alice dig +tries=1 +time=1 "@$(addr server)" $zone SOA | grep -q 'status: NOERROR'; }
ok 'the server is there' answered
server_stop server
fails 'it is not' answered
server_start server
ok 'it is again' answered
is 'what was registered is, too' "$(signed dig +short "@$(addr server)" alice.$zone AAAA)" fd00::a
server_stop server KILL
server_start server
ok 'after a crash, too' answered
sever server
fails 'cut off' answered
mend server
ok 'and back' answered
done_testing
