#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A hostile resolver, a server that is not the pinned one and one with a stolen key, and a host
# of the account that means no good (dnspython): nobody is led into clear text or elsewhere,
# peers stay who they are, and a certificate is good for one name.
# kernels: uml
# timeout: 300
here=$(dirname "$0")
. "$here/../lib/tap.sh"
. "$here/../topology/topology.sh"
. "$here/lib.sh"
. "$here/hostile.sh"
need python3 ss jq openssl swanctl
python3 -c 'import dns.update' 2>/dev/null || skip_all 'dnspython is not there'

topology 'internet: server resolver bob dave evil mallory' 'home1(natpmp): alice'
account_make server resolver bob alice bob dave mallory
at=$(addr server)
# One more host, whose key is in other hands.
ok 'a bundle that gets lost' on bob btmm-ctl host add zed output "$tap_tmp/zed"
bundle() { on "$1" cat /etc/btmm/host/host; }
# update KEYFILE OP...
update() { on evil "$here/hostile_dns.py" update "$at" "$1" "$ZONE" "${@:2}" 2>&1 | tail -n 1; }

# --- a hostile resolver, from the start ------------------------------------------------------
# dave has to find the servers; whom he asks is decided on the way.
on dave sed -i '/^server /d' /etc/btmm/host/host
plan=$tap_tmp/plan
dns_log=$TEST_OUT/resolver.log
echo clear >"$plan"
start evil evil-resolver "$here/hostile_dns.py" resolver "$plan" "$dns_log" "$ZONE" "$(addr evil)"
run_ns internet nft 'add table ip evil; add chain ip evil pre { type nat hook prerouting priority dstnat; }'
lead() { run_ns internet nft "add rule ip evil pre ip saddr $1 ip daddr $2 $3 dnat to $(addr evil)"; }
lead_no_more() { run_ns internet nft flush chain ip evil pre; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=ns.$ZONE" \
	-addext "subjectAltName=DNS:ns.$ZONE" -keyout "$tap_tmp/evil.key" -out "$tap_tmp/evil.crt" 2>/dev/null
tls_log=$TEST_OUT/tls.log
start evil evil-tls "$here/hostile_dns.py" tls "$tap_tmp/evil.crt" "$tap_tmp/evil.key" "$tls_log" "$ZONE"
evil_tls=$bg_pid
ok 'somebody means no good' wait_for 30 grep -qs ready "$dns_log"
ok 'with a certificate for the right name' wait_for 30 grep -qs ready "$tls_log"
lead "$(addr dave)" "$(addr resolver)" 'udp dport 53'

host_start alice bob dave
ok 'alice and bob reach each other' wait_for 60 reach_all alice bob || trouble alice bob
settled() {
	[[ $(on "$1" btmm-ctl --json status | jq -r '.[0]|(.publication.current) and (.subscription.quality == "live")') = true ]]
}
for h in alice bob; do ok "$h is settled" wait_for 20 settled $h; done

# again PLAN: begins anew, and is told that
again() {
	echo "$1" >"$plan"
	btmmd_stop dave KILL
	btmmd_start dave
}
ok 'dave is told of servers for clear text' wait_for 20 grep -q 'SRV 0 0 53 ns' "$dns_log"
ok 'which are none for him' wait_for 20 grep -q 'not published: the domain has no server for updates over TLS' "$TEST_OUT/btmmd.dave.log"
is 'nothing was said in the clear' "$(grep -c 'clear text' "$dns_log")" 0
again junk
ok 'he is told anything' wait_for 20 grep -q 'junk for' "$dns_log"
dave_asks() { [[ $(grep -c 'junk for' "$dns_log") -ge 3 ]]; }
ok 'again and again' wait_for 30 dave_asks
ok 'and is there' kill -0 "${BTMMD_PID[dave]}"
again tls
ok 'he is told of another server' wait_for 60 grep -q 'SRV 0 0 853 ns' "$dns_log"
ok 'which is not the one that is pinned' wait_for 30 \
	grep -q "not published: $(addr evil):853: the server's key is not the one that the account knows" "$TEST_OUT/btmmd.dave.log"
is 'it has heard nothing' "$(grep -c '^heard' "$tls_log")" 0
is 'nothing was said in the clear' "$(grep -c 'clear text' "$dns_log")" 0
lead_no_more
again none
ok 'where nobody lies, dave is published' wait_for 30 settled dave
ok 'and reached' wait_for 30 reach_all alice bob dave || trouble dave

# --- another server in its place --------------------------------------------------------------
remember alice bob
tls_lines=$(wc -l <"$tls_log")
more_tls() { [[ $(wc -l <"$tls_log") -gt $tls_lines ]]; }
lead "$(addr bob)" "$at" 'tcp dport 853'
on bob ss -K dst "$at" dport = 853 >/dev/null
ok 'bob meets another server' wait_for 10 more_tls
ok 'says so' wait_for 10 grep -q "not followed: .*the server's key is not the one that the account knows" "$TEST_OUT/btmmd.bob.log"
is 'and nothing else' "$(grep -c '^heard' "$tls_log")" 0
unharmed 'another server' alice bob
# Who has its key passes for it, but has no key of bob's.
kill "$evil_tls"
on server cat /etc/btmm/tls.crt >"$tap_tmp/stolen.crt"
(umask 077; on server cat /etc/btmm/keys/tls.key >"$tap_tmp/stolen.key")
start evil evil-tls "$here/hostile_dns.py" tls "$tap_tmp/stolen.crt" "$tap_tmp/stolen.key" "$tls_log" "$ZONE"
evil_tls=$bg_pid
harms() { [[ $(grep -c '^heard' "$tls_log") -ge $1 ]]; }
ok 'one with a stolen key is spoken with' wait_for 40 harms 3
ok 'alice pings bob meanwhile' pings alice bob
unharmed 'a stolen key' alice bob
cmp_num 'bob says so, once' "$(lines bob 'ignored: what (the server should have signed|is signed, but not)')" -eq 1
lead_no_more
kill "$evil_tls"
t=$(now_ms)
ok 'bob is with his server again' wait_for 90 settled bob
diag "$(($(now_ms) - t)) ms after it could be reached"

# --- a host of the account -----------------------------------------------------------------------
host_start mallory
ok 'all reach mallory' wait_for 60 reach_all alice bob dave mallory || trouble alice mallory
host_stop mallory
gone() { ! looks_up "$1" "$2" | grep -q .; }
ok 'a host goes' wait_for 10 gone alice mallory
remember alice bob
bundle mallory >"$tap_tmp/mallory"
is 'it may not write what is not its own' "$(update "$tap_tmp/mallory" "add bob 60 AAAA $(ula mallory)")" REFUSED
is 'nor take it away' "$(update "$tap_tmp/mallory" 'del bob')" REFUSED
is 'it comes back with the address of another' "$(update "$tap_tmp/mallory" "add mallory 60 AAAA $(ula bob)" \
	'add _autotunnel._udp.mallory 60 SRV 0 0 4500 mallory' "add mallory 60 A $(addr evil)" \
	'add _autotunnel._udp 60 PTR mallory')" NOERROR
why() { on "$1" btmm-ctl --json peers | jq -r --arg n "$(fqdn "$2")" '.[]|select(.name == $n)|.why'; }
refused() { [[ $(why alice mallory) = *"has another host's inner address"* ]]; }
ok 'which is not believed' wait_for 10 refused || diag "$(on alice btmm-ctl peers)"
unharmed "another host's address" alice bob
ok 'alice reaches bob' echoes alice bob
ok 'and dave' echoes alice dave
is 'it goes again' "$(update "$tap_tmp/mallory" 'del mallory' 'del _autotunnel._udp.mallory')" NOERROR

# --- a name without a certificate -----------------------------------------------------------------
# mallory has its certificate, the key by which zed publishes, and the device; but no btmmd
# that would look whether these go together.
host_start mallory
ok 'mallory is there' wait_for 30 pings alice mallory || trouble alice mallory
was=$(ula mallory)
btmmd_stop mallory KILL
is 'it takes its name away' "$(update "$tap_tmp/mallory" 'del mallory' 'del _autotunnel._udp.mallory')" NOERROR
ok 'and is gone' wait_for 10 gone alice mallory
sed -n '/^certificate$/,/^-----END/{/^certificate/!p}' "$tap_tmp/mallory" >"$tap_tmp/mallory.pem"
sed -n '/^authority$/,/^-----END/{/^authority/!p}' "$tap_tmp/mallory" >"$tap_tmp/ca.pem"
cat >"$tap_tmp/swanctl.conf" <<-END
	connections { alice {
		version = 2
		local_addrs = $was
		remote_addrs = $(ula alice)
		mobike = no
		proposals = aes128gcm16-prfsha256-x25519
		local { auth = pubkey
			id = fqdn:$(fqdn zed)
			certs = $tap_tmp/mallory.pem }
		remote { auth = pubkey
			id = fqdn:$(fqdn alice)
			cacerts = $tap_tmp/ca.pem }
		children { tunnel { mode = tunnel
			local_ts = $was/128
			remote_ts = $(ula alice)/128
			esp_proposals = aes128gcm16-x25519-esn } }
	} }
END
vici() { on mallory swanctl "$@" --uri unix:///run/btmm-charon/vici; }
ok 'its charon calls itself zed' vici --load-conns --file "$tap_tmp/swanctl.conf"
is 'zed is published at the same place' "$(update "$tap_tmp/zed" "add zed 60 AAAA $was" \
	'add _autotunnel._udp.zed 60 SRV 0 0 4500 zed' "add zed 60 A $(addr mallory)" \
	'add _autotunnel._udp 60 PTR zed')" NOERROR
found() { [[ $(looks_up "$1" "$2") = "$3" ]]; }
ok 'alice finds it' wait_for 10 found alice zed "$was"
fails 'but gets no answer' pings alice zed 5
ok 'as it is not zed'"'"'s certificate' wait_for 10 grep -q "no trusted .* public key found for '$(fqdn zed)'" "$TEST_OUT/charon.alice.log"
fails 'nor may it call' vici --initiate --ike alice --child tunnel --timeout 10
# What alice asks for has an SPI at once, and a key when there is an SA.
is 'there is no SA with it' "$({ ip -n alice xfrm state list src "$was"; ip -n alice xfrm state list dst "$was"; } | grep -E '^\s*(aead|enc|auth)')" ''
is 'it goes' "$(update "$tap_tmp/zed" 'del zed' 'del _autotunnel._udp.zed')" NOERROR
ok 'alice sees it go' wait_for 10 gone alice zed
unharmed 'another name' alice bob

# --- another name for a machine ---------------------------------------------------------------------
# Its address is that of its old name until that goes; so it takes that back itself.
was=$(ula dave)
ok 'another bundle for dave' on bob btmm-ctl host add erin output "$tap_tmp/erin"
on dave btmm-ctl host import "$tap_tmp/erin" replace >/dev/null
rm "$tap_tmp/erin"
ok 'is taken by a reload' on dave btmm-ctl reload
ok 'dave is gone' wait_for 20 gone alice dave
ok 'and is erin' wait_for 20 found alice erin "$was" || trouble dave alice
no_secrets alice bob dave
done_testing
