#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btmm-dnsd setup and the administrator's commands, with real BIND and real Knot as
# primaries: what they write, what they refuse, that nothing is lost, how long they take.
# kernels: uml
# boot: own
# timeout: 600
. "$(dirname "$0")/../lib/tap.sh"
need btmm-dnsd named rndc named-checkconf knotd knotc nsupdate dig kdig jq python3 setpriv \
	useradd openssl tar
# shellcheck source=selftests/dnsd/setup.sh
. "$(dirname "$0")/setup.sh"

c=btmm-dnsd
zone=alice.example.com
other=bob.example.com
work=$tap_tmp/work
mkdir "$work"

# --- before anything is there --------------------------------------------------------
lab_addresses none
status 1 'no public address' $c setup --domain $zone --primary bind
like 'says what to give' "$output" '--address'
lab_addresses
for bad in '' alice 'a b.example.com' 'alice..example.com' '../x.example.com'; do
	status 2 "--domain '$bad'" $c setup --domain "$bad" --primary bind
done
status 2 'an option there is not' $c setup --domain $zone --hurry
like 'names it' "$output" '--hurry'
status 2 'a port that is none' $c setup --domain $zone --primary-port 70000
like 'names option and value' "$output" '--primary-port 70000'
status 1 'two servers are installed, none was said' $c setup --domain $zone
like 'says what to say' "$output" '--primary bind'
status 1 'no configuration yet' $c account list
like 'says what to do' "$output" 'btmm-dnsd setup'
status 4 'no daemon' $c status
status 5 'check finds that' $c check
ok 'as little as possible: nothing was written' test ! -e /etc/btmm

before=$(snapshot)
status 0 'dry run' $c setup --domain $zone --primary bind --dry-run
like 'says what it would write' "$output" '/etc/btmm/dnsd.conf'
is 'and writes nothing' "$(snapshot)" "$before"

# --- with either primary -------------------------------------------------------------

setup_once() {
	local kind=$1 before
	primary_start "$kind"

	status 0 "$kind: setup" $c setup --domain $zone --primary "$kind"
	like "$kind: the NS line for the parent" "$output" "$zone\\. +NS +ns\\.$zone\\."
	like "$kind: glue" "$output" "ns\\.$zone\\. +A +192\\.0\\.2\\.1"
	like "$kind: glue, IPv6" "$output" "ns\\.$zone\\. +AAAA +2001:db8::1"
	like "$kind: the pin" "$output" 'sha256//[A-Za-z0-9+/]{43}='
	is "$kind: it is the certificate's" "$(grep -oE 'sha256//[^ ]*' <<<"$output")" \
		"$(pin_of /etc/btmm/tls.crt)"
	# Where Knot listens, it decides when it starts.
	[[ $kind = knot ]] && { primary_stop; primary_start knot; }

	before=$(snapshot)
	status 0 "$kind: setup again" $c setup --domain $zone --primary "$kind"
	like "$kind: says so" "$output" 'set up already'
	is "$kind: changes nothing" "$(snapshot)" "$before"
	status 0 "$kind: without --primary" $c setup --domain $zone
	is "$kind: remembers it" "$(snapshot)" "$before"

	is "$kind: keys are the daemon's alone" \
		"$(find /etc/btmm/keys -type f -printf '%m %u\n' | sort -u)" '600 btmm-dnsd'
	is "$kind: so is their folder" "$(stat -c '%a %U' /etc/btmm/keys)" '700 btmm-dnsd'
	like "$kind: the primary tells nobody" "$(dig_rcode @127.0.0.1 -p 5300 $zone SOA)" \
		'^(REFUSED|NOTAUTH)$'
	like "$kind: no transfer either" "$(dig @127.0.0.1 -p 5300 $zone AXFR +time=1)" \
		'[Tt]ransfer failed'
	like "$kind: port 53 is free" "$(ss -lnH 'sport = 53')" '^$'
	status 1 "$kind: another port, which zones do not know" $c setup --domain $zone \
		--primary-port 5400
	like "$kind: says who says so" "$output" '5300 by /etc/btmm/setup\.conf'
	status 1 "$kind: another port for notices" $c setup --domain $other --notify-port 5400
	status 1 "$kind: another primary" $c setup --domain $zone --primary \
		"$([[ $kind = bind ]] && echo knot || echo bind)" --primary-port 5400
	like "$kind: says which it has" "$output" "already \\($kind\\)"
	is "$kind: and changes nothing" "$(snapshot)" "$before"
}

hosts() {
	local kind=$1 host=mini.$zone i records=()
	ok "$kind: the daemon starts, not as root" daemon_start
	status 0 "$kind: check" $c check
	unlike "$kind: nothing bad" "$output" BAD
	cd "$work" && rm -rf ./*

	status 0 "$kind: host add" $c host add $host --bind
	is "$kind: its key is for the owner only" "$(stat -c %a $host.key)" 600
	is "$kind: the key works" "$(dig_rcode @192.0.2.1 -k $host.key $zone SOA)" NOERROR
	is "$kind: without it nothing" "$(dig_rcode @192.0.2.1 $host AAAA)" REFUSED
	status 1 "$kind: host add again" $c host add $host --output again.key
	like "$kind: says what else" "$output" 'host key'
	ok "$kind: no file is left of that" test ! -e again.key
	status 1 "$kind: a file that is there is not replaced" $c host add imac.$zone \
		--output $host.key
	unlike "$kind: and the host is not let in" "$($c host list)" imac
	status 3 "$kind: a zone that is not ours" $c host add mini.example.net
	status 2 "$kind: not a host's name" $c host add _x.$zone
	status 1 "$kind: the server's own name" $c host add ns.$zone
	status 3 "$kind: the key of nobody" $c host key imac.$zone
	is "$kind: host key gives the same" "$($c host key $host --bind --output -)" \
		"$(<$host.key)"

	ok "$kind: the host registers itself" update_leased $zone $host $host.key \
		"$host 60 AAAA fd00::1" "_autotunnel._udp.$host 60 SRV 0 0 4500 $host."
	is "$kind: host list" "$($c host list --json | jq -c '.[]|[.name,.zone,.address,.records,.algorithm]')" \
		"[\"$host\",\"$zone\",\"fd00::1\",2,\"hmac-sha256\"]"
	like "$kind: for people" "$($c host list $zone)" "$host +fd00::1 +2 +hmac-sha256"
	is "$kind: status counts its leases" \
		"$($c status --json | jq -c '.zones[0]|[.name,.leases,.primary_ok]')" \
		"[\"$zone.\",2,true]"
	like "$kind: anybody may look" "$(setpriv --reuid nobody --clear-groups $c status)" \
		"$zone"
	is "$kind: but not reload" \
		"$(setpriv --reuid nobody --clear-groups $c reload >/dev/null 2>&1; echo $?)" 1
	cp $host.key old.key && rm $host.key
	status 0 "$kind: a new key" $c host add $host --new-key --bind
	is "$kind: ends the old one" "$(dig_rcode @192.0.2.1 -k old.key $zone SOA)" NOTAUTH
	is "$kind: the new one works" "$(dig_rcode @192.0.2.1 -k $host.key $zone SOA)" NOERROR
	is "$kind: what it registered is there" \
		"$(dig +short @192.0.2.1 -k $host.key $host AAAA)" fd00::1

	mkdir new
	status 1 "$kind: rekey into no folder" $c account rekey $zone --hosts nowhere
	is "$kind: changes no key" "$(dig_rcode @192.0.2.1 -k $host.key $zone SOA)" NOERROR
	status 0 "$kind: account rekey" $c account rekey $zone --hosts new
	is "$kind: the old keys are gone" "$(dig_rcode @192.0.2.1 -k $host.key $zone SOA)" NOTAUTH
	read -r name algorithm secret <new/$host.key
	is "$kind: the new ones work" \
		"$(dig_rcode @192.0.2.1 -y "$algorithm:$name:$secret" $zone SOA)" NOERROR
	status 0 "$kind: nothing is wrong" $c check

	# BIND's own limit is 100; each has its marker, too.
	for ((i = 1; i <= 120; i++)); do records+=("many.$zone 60 AAAA fd00::2:$i"); done
	status 0 "$kind: one more host" $c host add many.$zone --bind
	ok "$kind: registers much" update_leased $zone many.$zone many.$zone.key "${records[@]}"
	is "$kind: all is there" \
		"$(dig +tcp +short @192.0.2.1 -k many.$zone.key many.$zone AAAA | wc -l)" 120
	status 0 "$kind: it goes" $c host remove many.$zone

	quick "$kind: status" status
	quick "$kind: host list" host list
	quick "$kind: account list" account list
	quick "$kind: host key" host key $host --output -
	quick "$kind: check" check $zone
}

# A connection, and what waits on it, outlives a reload that brings a zone.
second_zone() {
	local kind=$1 pid serial
	background "$kind-stream" python3 "$here/stream.py" 192.0.2.1 $zone
	pid=$bg_pid
	ok "$kind: a client is connected" wait_for 10 grep -q first "$TEST_OUT/$kind-stream.log"
	status 0 "$kind: account add" $c account add $other --admin-key
	ok "$kind: it is served" wait_for 10 served $other
	is "$kind: the first is as before" "$($c status --json | jq '[.zones[].name]|sort|length')" 2
	kill -USR1 "$pid"
	ok "$kind: the client is connected still" wait_for 10 grep -q again "$TEST_OUT/$kind-stream.log"
	read -r name algorithm secret </etc/btmm/keys/admin.key
	ok "$kind: the administrator's key makes a record without a lease" nsupdate_text \
		"$algorithm:$name:$secret" 192.0.2.1 53 $other "add static.$other 300 A 192.0.2.7"
	ok "$kind: and the second zone's host" $c host add imac.$other --algorithm hmac-sha512
	is "$kind: two hosts" "$($c host list --json | jq length)" 2
	is "$kind: one in it" "$($c host list $other --json | jq -r '.[].name')" imac.$other

	ok "$kind: it goes on with the old configuration when the new one is wrong" bad_reload
}

bad_reload() {
	local ok=0 said
	echo 'listen-udp = nonsense' >>/etc/btmm/dnsd.conf
	said=$($c reload 2>&1) && ok=1
	[[ $said = *dnsd.conf* && $said = *listen-udp* ]] || { echo "$said"; ok=1; }
	sed -i '$d' /etc/btmm/dnsd.conf
	$c reload || ok=1
	served $zone || ok=1
	return $ok
}

back_and_forth() {
	local kind=$1 host=mini.$zone name algorithm secret
	read -r name algorithm secret <new/$host.key
	status 0 "$kind: backup" $c backup "$work/b.tar"
	is "$kind: for the owner only" "$(stat -c %a b.tar)" 600
	like "$kind: tar reads it" "$(tar tf b.tar)" "zones/$zone.zone"
	like "$kind: leases and all" "$(tar tf b.tar)" 'state/leases.db'
	status 1 "$kind: a backup is not replaced" $c backup "$work/b.tar"
	status 1 "$kind: restore over what is there" $c restore b.tar
	status 1 "$kind: while it runs" $c restore b.tar --force
	like "$kind: says so" "$output" 'stop it first'

	status 0 "$kind: host remove" $c host remove $host
	is "$kind: the key is good for nothing" \
		"$(dig_rcode @192.0.2.1 -y "$algorithm:$name:$secret" $zone SOA)" NOTAUTH
	is "$kind: its records are gone" "$($c host list $zone --json)" '[]'
	is "$kind: at the primary, too" "$(transfer | grep -cE "SOA|$host")" 2
	status 3 "$kind: once more" $c host remove $host
	status 0 "$kind: account remove" $c account remove $other
	kept=$(sed -n 's/.*are in \(.*\)\.$/\1/p' <<<"$output")
	like "$kind: the records are kept" "$(<"$kept")" 'static\.bob\.example\.com.*192\.0\.2\.7'
	like "$kind: and the key" "$(<"$kept")" "account key: _account\\.$other hmac-sha256 "
	ok "$kind: no longer served" wait_for 5 not_served $other
	is "$kind: nor by the primary" "$(transfer $other | grep -c 'SRV\|Transfer failed')" 1
	[[ $kind = bind ]] || is "$kind: its journal has none of it" "$(kjournalprint \
		-c /etc/knot/knot.conf -z | grep -c "$zone\|$other")" 1
	status 3 "$kind: once more" $c account remove $other
	status 0 "$kind: the other zone is as it was" $c check

	# A machine of its own: all is gone.
	daemon_stop
	primary_stop
	pristine
	primary_start "$kind"
	before=$(snapshot)
	head -c 3000 b.tar >half.tar
	status 1 "$kind: half a backup" $c restore half.tar
	is "$kind: changes nothing" "$(snapshot)" "$before"
	sed 's/^\(.*SOA.*\)$/; \1/' </dev/null >nothing.tar
	status 1 "$kind: something else" $c restore nothing.tar
	status 0 "$kind: restore" $c restore b.tar
	[[ $kind = knot ]] && { primary_stop; primary_start knot; }
	ok "$kind: the daemon starts" daemon_start
	is "$kind: the host's key works again" \
		"$(dig_rcode @192.0.2.1 -y "$algorithm:$name:$secret" $zone SOA)" NOERROR
	is "$kind: its records are there" \
		"$(dig +short @192.0.2.1 -y "$algorithm:$name:$secret" $host AAAA)" fd00::1
	is "$kind: with their leases" \
		"$($c status --json | jq ".zones[]|select(.name==\"$zone.\").leases")" 2
	like "$kind: the static record, too" "$(transfer $other)" 'static\.bob\.example\.com\..*192\.0\.2\.7'
	status 0 "$kind: check" $c check
	daemon_stop
	status 0 "$kind: restore --force over it" $c restore b.tar --force
	ok "$kind: the daemon starts" daemon_start
	is "$kind: the host's key works" \
		"$(dig_rcode @192.0.2.1 -y "$algorithm:$name:$secret" $zone SOA)" NOERROR
	status 0 "$kind: check" $c check
}

# What check says when something is wrong.
findings() {
	local kind=$1
	primary_stop
	status 5 "$kind: check without the primary" $c check
	like "$kind: names it" "$output" "BAD  $zone\\. primary: .*127\\.0\\.0\\.1:5300"
	status 4 "$kind: host key, too" $c host key mini.$zone --output -
	status 4 "$kind: backup" $c backup "$work/c.tar"
	ok "$kind: leaves no file" test ! -e "$work/c.tar"
	like "$kind: the zone is served all the while" "$($c status)" "$zone\\. yes"
	primary_start "$kind"
	ok "$kind: all is well again" wait_for 15 $c check
	daemon_stop
	status 5 "$kind: check without the daemon" $c check
	like "$kind: says what to do" "$output" 'systemctl start btmm-dnsd'
	status 4 "$kind: host add without the daemon" $c host add macbook.$zone
	ok "$kind: leaves no file" test ! -e macbook.$zone.key
}

for kind in bind knot; do
	setup_once $kind
	hosts $kind
	second_zone $kind
	back_and_forth $kind
	findings $kind
	daemon_stop
	primary_stop
	pristine
done

# --- BIND that somebody has made his own ---------------------------------------------
primary_start bind
sed -i 's/auth-nxdomain.*//; s/listen-on-v6.*/listen-on-v6 { any; }; querylog yes;/' \
	/etc/bind/named.conf.options
before=$(snapshot)
status 1 'options that are not Debian'"'"'s' $c setup --domain $zone --primary bind
like 'says what to put where' "$output" 'named\.conf\.options.*listen-on port 5300'
is 'and touches nothing' "$(snapshot)" "$before"
sed -i 's/listen-on-v6.*/listen-on port 5300 { 127.0.0.1; }; listen-on-v6 { none; }; querylog yes;/' \
	/etc/bind/named.conf.options
rndc reconfig
status 0 'then it goes' $c setup --domain $zone --primary bind
like 'one line in what others wrote' "$(diff "$pristine_copy/etc/bind/named.conf.local" \
	/etc/bind/named.conf.local)" '^[0-9a]+\s> include "/etc/bind/btmm.conf";$'

echo 'zone "broken" { type primary; };' >>/etc/bind/named.conf.local
before=$(snapshot)
status 1 'a configuration that is broken' $c setup --domain $other
like 'named-checkconf says where' "$output" '/etc/bind/named\.conf\.local:[0-9]+'
is 'nothing is changed' "$(snapshot)" "$before"
sed -i '$d' /etc/bind/named.conf.local
printf 'zone "%s" { type primary; file "/etc/bind/db.empty"; };\n' $other >>/etc/bind/named.conf.local
status 1 'a zone that is there already' $c setup --domain $other
like 'is left to its owner' "$output" "$other already, not made by setup"
sed -i '$d' /etc/bind/named.conf.local

# The primary does not come up with the zone: all is put back.
mkdir -p /var/lib/bind/btmm/$other.db
before=$(snapshot)
status 1 'a zone file that cannot be' $c setup --domain $other
is 'nothing is changed' "$(snapshot)" "$before"
rmdir /var/lib/bind/btmm/$other.db

# --- certificates ----------------------------------------------------------------------
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=x \
	-addext "subjectAltName=DNS:ns.$zone" -keyout "$work/k.pem" -out "$work/c.pem" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=x \
	-addext "subjectAltName=DNS:other.example.com" -keyout "$work/k2.pem" -out "$work/c2.pem" 2>/dev/null
before=$(snapshot)
status 2 'a certificate without its key' $c setup --domain $zone --cert "$work/c.pem"
status 1 'the key of another' $c setup --domain $zone --cert "$work/c.pem" --key "$work/k2.pem"
like 'says so' "$output" 'does not belong'
status 1 'another server'"'"'s name' $c setup --domain $zone --cert "$work/c2.pem" --key "$work/k2.pem"
like 'names ours' "$output" "ns\\.$zone"
is 'nothing is changed' "$(snapshot)" "$before"
status 0 'a good one' $c setup --domain $zone --cert "$work/c.pem" --key "$work/k.pem"
is 'its pin is told' "$(grep -oE 'sha256//[^ ]*' <<<"$output")" "$(pin_of "$work/c.pem")"
ok 'the daemon starts with it' daemon_start
like 'and shows it' "$(kdig @192.0.2.1 +tls-pin="$(pin_of "$work/c.pem" | sed 's,sha256//,,')" \
	+norec $zone SOA 2>&1)" 'status: NOERROR'
status 0 'check agrees' $c check
daemon_stop

# --- a primary elsewhere ------------------------------------------------------------------
printf 'key "far" { algorithm hmac-sha256; secret "%s"; };\nzone "%s" { type primary; file "%s"; %s };\n' \
	"$(openssl rand -base64 32)" carol.example.com /var/lib/bind/carol.db \
	'update-policy { grant far zonesub ANY; }; allow-transfer { key far; }; allow-query { key far; };' \
	>>/etc/bind/named.conf.local
printf '$TTL 60\n@ SOA ns.carol.example.com. h.carol.example.com. 1 60 60 6000 60\n@ NS ns.carol.example.com.\nns A 192.0.2.1\n' \
	>/var/lib/bind/carol.db
chown bind /var/lib/bind/carol.db
rndc reconfig
sed -n 's/^key "far".*secret "\(.*\)".*/far hmac-sha256 \1/p' /etc/bind/named.conf.local >"$work/far.key"
chmod 600 "$work/far.key"
status 1 'a primary elsewhere wants a key' $c setup --domain carol.example.com --primary 127.0.0.1:5300
like 'says so' "$output" '--primary-key-file'
echo "far hmac-sha256 $(openssl rand -base64 32)" >"$work/wrong.key"
chmod 600 "$work/wrong.key"
status 1 'and the right one' $c setup --domain carol.example.com --primary 127.0.0.1:5300 \
	--primary-key-file "$work/wrong.key"
like 'says what is wrong' "$output" 'secret'
status 0 'then it goes' $c setup --domain carol.example.com --primary 127.0.0.1:5300 \
	--hostname ns.carol.example.com --primary-key-file "$work/far.key"
ok 'the daemon starts' daemon_start
ok 'and serves it' wait_for 10 served carol.example.com
is 'its services are registered' "$(dig +short @192.0.2.1 _dns-llq._udp.carol.example.com SRV)" \
	'0 0 53 ns.carol.example.com.'
ok 'a host' $c host add mini.carol.example.com --output "$work/far-host.key"
status 0 'check' $c check carol.example.com
before=$(snapshot)
status 0 'setup again' $c setup --domain carol.example.com --hostname ns.carol.example.com
is 'changes nothing' "$(snapshot)" "$before"
status 0 'of the other zone, too' $c setup --domain $zone
status 0 'and remove' $c account remove carol.example.com
like 'the primary keeps it' "$output" 'stays at its primary'

# --- the newcomer's page ---------------------------------------------------------------------
daemon_stop
primary_stop
pristine
page=$(cd "$here/../.." && pwd)/Documentation/dnsd-setup.md
mkdir "$work/shims"
cat >"$work/shims/apt-get" <<'END'
#!/bin/bash
# The lab's root has the packages; it may install none. Are they known at least?
[[ $1 = install ]] || exit 1
for p in "${@:2}"; do [[ $p = -* ]] || dpkg -s "$p" >/dev/null || exit 1; done
END
cat >"$work/shims/systemctl" <<'END'
#!/bin/bash
# No systemd here: what "enable --now UNIT" would start.
[[ $1 = enable && $2 = --now && $3 = btmm-dnsd ]] || exit 1
. "$SHIM_HELPERS" && daemon_start
END
chmod +x "$work"/shims/*
primary_start bind
export SHIM_HELPERS=$here/setup.sh
n=0
mkdir "$work/newcomer"
cd "$work/newcomer" || exit
while IFS= read -r command; do
	n=$((n + 1))
	ok "newcomer: $command" env PATH="$work/shims:$PATH" bash -c "$command"
done < <(awk '/^```/ { on = ($0 == "```sh setup"); next } on' "$page")
is 'five commands' "$n" 5
ok 'the host can ask' grep -q hmac-sha256 mini.$zone.key
read -r name algorithm secret <mini.$zone.key
is 'and is answered' "$(dig_rcode @192.0.2.1 -y "$algorithm:$name:$secret" $zone SOA)" NOERROR
is 'nobody else' "$(dig_rcode @192.0.2.1 mini.$zone AAAA)" REFUSED
while IFS= read -r command; do
	ok "newcomer, then: $command" env PATH="$work/shims:$PATH" bash -c "$command"
done < <(awk '/^```/ { on = ($0 == "```sh then"); next } on' "$page")
daemon_stop
primary_stop
done_testing
