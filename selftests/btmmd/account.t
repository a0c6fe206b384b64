#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An account from its first machine to its hosts: btmm-ctl account and host, against
# real BIND and btmm-dnsd, whose key is pinned.
# kernels: uml
# boot: own
# timeout: 300
. "$(dirname "$0")/../lib/tap.sh"
need btmm-ctl btmm-dnsd named rndc nsupdate dig kdig jq python3 setpriv useradd openssl
# shellcheck source=selftests/dnsd/setup.sh
. "$(dirname "$0")/../dnsd/setup.sh"

c=btmm-ctl
zone=alice.example.com
work=$tap_tmp/work
mkdir "$work"
cd "$work" || exit

# value KEY CMD...: of the first object of its JSON
value() { local k=$1; shift; "$@" --json | jq -r ".[0].$k"; }
# key_of BUNDLE: as dig -y takes it
key_of() { sed -n 's/^key \([^ ]*\) \([^ ]*\) \([^ ]*\)$/\2:\1:\3/p' "$1"; }
# pem BUNDLE WORD: what stands behind that line
pem() { sed -n "/^$2\$/,/^-----END/p" "$1" | sed 1d; }

# --- the server ------------------------------------------------------------------------
lab_addresses
id -u btmm-dnsd >/dev/null 2>&1 || useradd -r btmm-dnsd
primary_start bind
ok 'btmm-dnsd is set up' btmm-dnsd setup --domain $zone --primary bind
ok 'and runs' daemon_start
pin=$(pin_of /etc/btmm/tls.crt)
wrong_pin=sha256//$(openssl rand -base64 32)
umask 077
cp "/etc/btmm/keys/account.$zone.key" account.key
umask 022

# --- init ------------------------------------------------------------------------------
status 3 'no account yet' $c account show
like 'says what to do' "$output" 'btmm-ctl account init'
status 3 'and no host can be let in' $c host add mini
status 2 'init without a pin' $c account init key-file account.key
like 'says what is missing' "$output" 'pin PIN is missing'
status 2 'a pin that is none' $c account init key-file account.key pin sha256//x
chmod 640 account.key
status 4 'a key that others can read' $c account init key-file account.key pin "$pin" \
	server 192.0.2.1
like 'says how to mend it' "$output" 'chmod 600 account.key'
chmod 600 account.key
sed 's/^_account\.//' account.key >host.key
chmod 600 host.key
status 2 'a key that is not an account'"'"'s' $c account init key-file host.key pin "$pin" \
	server 192.0.2.1
status 1 'another server' $c account init key-file account.key pin "$wrong_pin" server 192.0.2.1
like 'its key is named' "$output" "${pin//+/\\+}, which the account has not pinned"
sed "s, [^ ]*\$, $(openssl rand -base64 32)," account.key >other.key
chmod 600 other.key
status 1 'another key' $c account init key-file other.key pin "$pin" server 192.0.2.1
like 'says so' "$output" 'another secret for the key _account'
status 1 'nobody is there' $c account init key-file account.key pin "$pin" server 192.0.2.1:9
ok 'nothing was made by all that' test ! -e /etc/btmm/account

status 0 'init' $c account init key-file account.key pin "$wrong_pin,$pin" server 192.0.2.1
is 'a directory for nobody else' "$(stat -c '%a %U' /etc/btmm/account)" '700 root'
is 'and a file' "$(stat -c '%a %U' /etc/btmm/account/account)" '600 root'
is 'the domain comes from the key' "$(value domain $c account show)" $zone
is 'both pins' "$(value pins $c account show)" "$wrong_pin,$pin"
is 'the server' "$(value server $c account show)" 192.0.2.1:853
pem /etc/btmm/account/account authority >ca.pem
is 'the authority'"'"'s digest' "$(value authority_sha256 $c account show)" \
	"$(openssl x509 -in ca.pem -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)"
like 'it is Ed25519' "$(openssl x509 -in ca.pem -noout -text)" 'ED25519'
status 1 'init again' $c account init key-file account.key pin "$pin" server 192.0.2.1
is 'the authority is the same' "$(pem /etc/btmm/account/account authority)" "$(cat ca.pem)"
for secret in "$(awk '{ print $3 }' account.key)" 'BEGIN PRIVATE KEY'; do
	unlike 'no secret is shown' "$($c account show; $c account show --json)" "$secret"
done

# --- host add ----------------------------------------------------------------------------
status 2 'a name that is none' $c host add _mini
status 2 'a name of another domain' $c host add mini.example.com
status 2 'a tunnel'"'"'s name' $c host add AutoTunnel-1
status 0 'host add' $c host add mini
bundle=mini.$zone.btmm
is 'a file for nobody else' "$(stat -c %a $bundle)" 600
is 'its key works at the server' "$(dig_rcode @192.0.2.1 -y "$(key_of $bundle)" $zone SOA)" NOERROR
is 'as btmm-dnsd makes it' "$(btmm-dnsd host key mini.$zone --output - | awk '{ print $2 ":" $1 ":" $3 }')" \
	"$(key_of $bundle)"
pem $bundle certificate >cert.pem
pem $bundle private-key >key.pem
ok 'the authority vouches for it' openssl verify -CAfile ca.pem cert.pem
is 'its full name, and no other' "$(openssl x509 -in cert.pem -noout -ext subjectAltName | sed -n 's/^ *//; 2p')" \
	"DNS:mini.$zone"
is 'the private key is its own' "$(openssl pkey -in key.pem -pubout)" \
	"$(openssl x509 -in cert.pem -noout -pubkey)"
unlike 'the account'"'"'s secrets are not in it' "$(cat $bundle)" \
	"$(awk '{ print $3 }' account.key)|$(pem /etc/btmm/account/account authority-key | sed -n 2p)"
if command -v pki >/dev/null; then
	openssl x509 -in cert.pem -outform der -out cert.der
	openssl x509 -in ca.pem -outform der -out ca.der
	ok 'strongSwan agrees' pki --verify --in cert.der --cacert ca.der
	like 'and reads the name' "$(pki --print --type x509 --in cert.der 2>/dev/null)" "altNames: +mini\\.$zone"
	ok 'and the key' pki --print --type priv --in key.pem
else
	skip 'strongSwan agrees' 'pki is not there'
fi

cp $bundle before
status 1 'host add again' $c host add mini
like 'the file stays' "$output" "$bundle is there already"
status 1 'elsewhere, the host is there, too' $c host add mini output again.btmm
like 'says what to say' "$output" "'new-key'"
ok 'no file is left' test ! -e again.btmm
is 'nothing has changed' "$(cat $bundle)" "$(cat before)"
is 'its key still works' "$(dig_rcode @192.0.2.1 -y "$(key_of $bundle)" $zone SOA)" NOERROR
status 3 'new-key for a host that is not there' $c host add midi new-key
status 0 'new-key' $c host add mini.$zone new-key output again.btmm days 7
is 'the new one works' "$(dig_rcode @192.0.2.1 -y "$(key_of again.btmm)" $zone SOA)" NOERROR
is 'the old one does not' "$(dig_rcode @192.0.2.1 -y "$(key_of $bundle)" $zone SOA)" NOTAUTH
ok 'a week' openssl x509 -in <(pem again.btmm certificate) -noout -checkend $((6 * 86400))
fails 'and no more' openssl x509 -in <(pem again.btmm certificate) -noout -checkend $((8 * 86400))
status 0 'another host' $c host add laptop

# --- host list ---------------------------------------------------------------------------
is 'two hosts' "$($c host list --json | jq -r '.[].host' | paste -sd' ')" "laptop.$zone mini.$zone"
is 'both keys are good' "$($c host list --json | jq -r '.[].key' | paste -sd' ')" 'good good'
IFS=: read -r algorithm name secret < <(key_of again.btmm)
printf 'key "%s" { algorithm %s; secret "%s"; };\n' "$name" "$algorithm" "$secret" >mini.bind
ok 'one publishes its address' update_leased $zone "$name" mini.bind \
	"mini.$zone 120 AAAA fd12:3456:789a::1"
is 'it is listed' "$($c host list --json | jq -r '.[]|select(.address)|.host+" "+.address')" \
	"mini.$zone fd12:3456:789a::1"

# --- host import -------------------------------------------------------------------------
chmod 644 again.btmm
status 4 'a bundle that others can read' $c host import again.btmm
chmod 600 again.btmm
status 1 'an account is no bundle' $c host import /etc/btmm/account/account
sed 's/^host mini/host midi/' again.btmm >bad.btmm
chmod 600 bad.btmm
status 1 'a bundle that was changed' $c host import bad.btmm
like 'the file is named' "$output" 'bad\.btmm: the key is not called like the host'
sed "s/^domain .*/domain/" again.btmm >bad.btmm
status 1 'a line that is wrong' $c host import bad.btmm
like 'file and line are named' "$output" "bad\\.btmm:2: the value of 'domain' is missing"
head -c -20 again.btmm >bad.btmm
status 1 'half a bundle' $c host import bad.btmm
{ sed '/^certificate$/,$d' again.btmm; sed -n '/^certificate$/,$p' laptop.$zone.btmm; } >bad.btmm
status 1 'a certificate of another' $c host import bad.btmm
like 'says so' "$output" 'the certificate is not for the host'
ok 'nothing was imported' test ! -e /etc/btmm/host
id -u btmmd >/dev/null 2>&1 || useradd -r btmmd
status 0 'import' $c host import again.btmm
is 'the daemon'"'"'s alone' "$(stat -c '%a %U' /etc/btmm/host /etc/btmm/host/host | paste -sd,)" \
	'700 btmmd,600 btmmd'
is 'it is the same' "$(cat /etc/btmm/host/host)" "$(cat again.btmm)"
status 1 'import again' $c host import laptop.$zone.btmm
like 'says what to say' "$output" "'replace'"
is 'it is still the same' "$(cat /etc/btmm/host/host)" "$(cat again.btmm)"
status 0 'replace' $c host import laptop.$zone.btmm replace
is 'now the other' "$(sed -n 's/^host //p' /etc/btmm/host/host)" "laptop.$zone"

# --- host remove -------------------------------------------------------------------------
status 3 'a host there is not' $c host remove midi
status 0 'host remove' $c host remove mini
is 'its key is refused' "$(dig_rcode @192.0.2.1 -y "$(key_of again.btmm)" $zone SOA)" NOTAUTH
is 'what it published is gone' "$(dig +short @192.0.2.1 -y "$(key_of laptop.$zone.btmm)" mini.$zone AAAA)" ''
is 'it is not listed' "$($c host list --json | jq -r '.[].host')" "laptop.$zone"
status 3 'remove again' $c host remove mini
ok 'btmm-dnsd removes the other' btmm-dnsd host remove laptop.$zone
is 'the list tells' "$($c host list --json | jq -r '.[].key')" removed
status 0 'which is taken off' $c host remove laptop
is 'no host' "$($c host list --json)" '[]'
status 0 'a host may come back' $c host add mini output back.btmm
is 'its key works' "$(dig_rcode @192.0.2.1 -y "$(key_of back.btmm)" $zone SOA)" NOERROR

# --- without the server --------------------------------------------------------------------
daemon_stop
status 1 'host add without the server' $c host add midi
like 'says so' "$output" '192\.0\.2\.1 cannot be reached: Connection refused'
ok 'no file is left' test ! -e midi.$zone.btmm
status 1 'host list' $c host list
like 'what is known is shown all the same' "$output" "mini\\.$zone +- +unknown"
status 0 'offline is no failure' $c host list offline

primary_stop
done_testing
