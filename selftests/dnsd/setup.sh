# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For setup.t: the machine that setup is tried on. Sourced behind tap.sh; the
# newcomer's page has it sourced again by what stands for systemctl.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
trees='/etc/bind /etc/knot /var/lib/bind /var/lib/knot'
pristine_copy=/run/pristine
primary_pid=
declare -F wait_for >/dev/null || wait_for() {
	local i
	for ((i = 0; i < $1 * 20; i++)); do
		"${@:2}" >/dev/null 2>&1 && return
		read -r -t 0.05 <> <(:)
	done
	return 1
}

# status WANTED DESC CMD...: exit code; the output is left in $output
status() {
	local want=$1 desc=$2 rc=0
	shift 2
	output=$("$@" 2>&1) || rc=$?
	is "$desc: exit code" "$rc" "$want" || diag "$output"
}

# quick DESC WORD...: it takes less than 200 ms
quick() {
	local desc=$1 best=99999 t i
	shift
	# Other things run on the machine, too.
	for ((i = 0; i < 5 || (i < 60 && best >= 200); i++)); do
		t=$(now_ms)
		btmm-dnsd "$@" >/dev/null 2>&1
		t=$(($(now_ms) - t))
		((t >= best)) || best=$t
	done
	cmp_num "$desc is quick" "$best" -lt 200
}

lab_addresses() {
	ip link show d0 >/dev/null 2>&1 || ip link add d0 type dummy
	ip link set lo up
	ip link set d0 up
	[[ ${1-} = none ]] && return
	ip addr add 192.0.2.1/24 dev d0
	ip addr add 2001:db8::1/64 dev d0 nodad
}

# All that setup may touch: names, owners, modes, times, contents.
snapshot() {
	local dirs=()
	for d in /etc/btmm /var/lib/btmm-dnsd $trees; do [[ -e $d ]] && dirs+=("$d"); done
	# What servers do by themselves does not count.
	find "${dirs[@]}" \( -name '*.jnl' -o -name '*.mdb' -o -name '*.jbk' -o -path '*/removed*' \
		-o -name '*.db-*' -o -name 'tmp-*' -o -name managed-keys\* \) -prune -o \
		\( -type f -printf '%p %u %g %m %T@ ' -exec md5sum {} \; -o -type d -printf '%p %u %g %m\n' \) |
		sort
}

pin_of() {
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64 | sed 's,^,sha256//,'
}

dig_rcode() {
	dig +tcp +tries=1 +time=3 "$@" 2>&1 | sed -n 's/.*status: \([A-Z]*\),.*/\1/p' | head -n 1
}

# The zone as the primary has it.
transfer() {
	local name algorithm secret
	read -r name algorithm secret </etc/btmm/keys/frontend.key
	dig @127.0.0.1 -p 5300 -y "$algorithm:$name:$secret" "${1:-alice.example.com}" AXFR \
		+time=20
}

# nsupdate_text KEY SERVER PORT ZONE COMMAND...
nsupdate_text() {
	local key=$1 server=$2 port=$3 zone=$4 line
	shift 4
	{
		printf 'server %s %s\nzone %s\n' "$server" "$port" "$zone"
		for line; do printf 'update %s\n' "$line"; done
		echo send
	} | nsupdate -y "$key"
}

# update_leased ZONE HOST KEYFILE RECORD...: with an Update Lease of an hour
update_leased() {
	python3 - "$@" <<-'END'
	import re, struct, sys
	import dns.edns, dns.query, dns.tsigkeyring, dns.update
	zone, host, keyfile = sys.argv[1:4]
	secret = re.search('secret "(.*)"', open(keyfile).read()).group(1)
	ring = dns.tsigkeyring.from_text({host: secret})
	u = dns.update.Update(zone, keyring=ring, keyalgorithm="hmac-sha256")
	for record in sys.argv[4:]:
	    owner, ttl, rtype, rdata = record.split(None, 3)
	    u.add(owner + ".", int(ttl), rtype, rdata)
	u.use_edns(0, options=[dns.edns.GenericOption(2, struct.pack("!I", 3600))],
	            request_payload=65535)
	answer = dns.query.tcp(u, "192.0.2.1", timeout=5)
	assert answer.rcode() == 0, answer
	assert any(o.otype == 2 for o in answer.options), answer
	END
}

# --- servers ------------------------------------------------------------------------

save_pristine() {
	local t
	mkdir -p "$pristine_copy"
	for t in $trees; do
		mkdir -p "$pristine_copy${t%/*}"
		cp -a "$t" "$pristine_copy${t%/*}/"
	done
}

# As the packages have left it; btmm-dnsd was never there.
pristine() {
	local t
	rm -rf /etc/btmm /var/lib/btmm-dnsd /run/btmm-dnsd
	for t in $trees; do
		find "$t" -mindepth 1 -delete
		cp -a "$pristine_copy$t/." "$t/"
	done
}

primary_start() {
	if [[ $1 = bind ]]; then
		mkdir -p /run/named
		chown bind:bind /run/named
		named -u bind -g >>"$TEST_OUT/named.log" 2>&1 </dev/null &
		primary_pid=$!
		wait_for 20 rndc status || fail 'named does not start' "$(tail "$TEST_OUT/named.log")"
	else
		mkdir -p /run/knot
		chown knot:knot /run/knot
		knotd -c /etc/knot/knot.conf >>"$TEST_OUT/knot.log" 2>&1 </dev/null &
		primary_pid=$!
		wait_for 20 knotc status || fail 'knotd does not start' "$(tail "$TEST_OUT/knot.log")"
	fi
}

primary_stop() {
	kill "$primary_pid" && wait "$primary_pid"
	primary_pid=
	return 0
}

served() {
	btmm-dnsd status --json | jq ".zones[]|select(.name==\"$1.\").served" | grep -q true
}
all_served() {
	btmm-dnsd status --json | jq '(.zones|length>0) and ([.zones[].served]|all)' | grep -q true
}
not_served() { ! served "$1"; }

# As its unit runs it: an ordinary user who may have low ports.
daemon_start() {
	mkdir -p /run/btmm-dnsd
	chown btmm-dnsd: /run/btmm-dnsd
	setpriv --reuid btmm-dnsd --regid btmm-dnsd --init-groups --no-new-privs \
		--inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service \
		--bounding-set=-all,+net_bind_service \
		btmm-dnsd run >>"$TEST_OUT/dnsd.log" 2>&1 </dev/null &
	echo $! >/run/dnsd.pid
	wait_for 20 all_served || { tail "$TEST_OUT/dnsd.log"; return 1; }
}

gone() { ! kill -0 "$1" 2>/dev/null; }

daemon_stop() {
	local pid
	pid=$(cat /run/dnsd.pid 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	wait_for 10 gone "$pid"
	rm -f /run/dnsd.pid
}

[[ -d $pristine_copy ]] || save_pristine
