# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A hidden primary (BIND or Knot), btmm-dnsd in front of it, and a client.
#
#	alice.example.com	private; hosts mac1, mac2, mac3, and old (hmac-md5),
#				big (hmac-sha512)
#	bob.example.com		private; host mac1.bob.example.com.
#	pub.example.com		public
#	slow.example.com	public; the primary sends no NOTIFY, refresh is 2 s, expiry 3
#				(which means 5 and 6)
#
# The primary is at 127.0.0.1:5300 and notifies 127.0.0.1:5301; the front-end is at
# 127.0.0.1 and ::1, ports 53 and 853. All of it is in $DNSD_DIR.

need python3 named dig openssl
here=$(dirname "${BASH_SOURCE[0]}")
PATH=$PATH:/usr/sbin:/sbin
export DNSD_DIR=$tap_tmp/dnsd PYTHONDONTWRITEBYTECODE=1
: "${BTMM_DNSD:=btmm-dnsd}"
PRIMARY_ZONES='alice bob pub slow'
primary=bind primary_pid='' dnsd_pid=''
mkdir -p "$DNSD_DIR/primary" "$DNSD_DIR/keys"

# --- Python ------------------------------------------------------------------------

# py TEXT...: evaluates Python in an interpreter that stays (shell.py); what it
# prints or is, is printed. A value that is False fails, as does an exception.
# Texts are lines of one program.
py_start() {
	coproc PY { exec python3 "$here/shell.py" 2>"$TEST_OUT/python.log"; }
	exec {py_in}>&"${PY[1]}" {py_out}<&"${PY[0]}"
	py_pid=$PY_PID
	add_cleanup kill "$py_pid"
}
py() {
	local answer='' IFS=$'\n'
	printf '%s\0' "$*" >&"$py_in"
	IFS= read -r -d '' -u "$py_out" answer || { echo "Python ended"; return 2; }
	[[ ${answer:1} = '' ]] || printf '%s\n' "${answer:1}"
	return "${answer:0:1}"
}
# eq DESC TEXT WANTED: what py TEXT prints is WANTED
eq() { is "$1" "$(py "$2")" "$3" || diag "line ${BASH_LINENO[0]}: $2"; }
# sure DESC TEXT...: py TEXT... succeeds
sure() { local desc=$1; shift; ok "$desc" py "$@" || diag "line ${BASH_LINENO[0]}"; }
Y() { py "y('$1')"; }

# --- the primary -------------------------------------------------------------------

soa() { echo "@ 60 IN SOA ns hostmaster 1 ${1:-3600} ${2:-600} ${3:-86400} 5"; }
services() {
	cat <<-EOT
		_dns-llq._udp SRV 0 0 53 ns
		_dns-update._udp SRV 0 0 53 ns
		_dns-query-tls._tcp SRV 0 0 853 ns
		_dns-update-tls._tcp SRV 0 0 853 ns
		_dns-llq-tls._tcp SRV 0 0 853 ns
		_dns-push-tls._tcp SRV 0 0 853 ns
	EOT
}
zone_alice() {
	local h
	soa
	echo '@ NS ns'
	echo 'ns A 127.0.0.1'
	services
	for h in mac1 mac2 mac3; do py "print('$h', enrolled('$h'))"; done
	py "print('old', enrolled('old', 'md5'))"
	py "print('big', enrolled('big', 'sha512'))"
	cat <<-EOT
		static A 192.0.2.80
		www TXT "secret"
		_acme-challenge TXT "token"
		mac3 120 AAAA fd00::3
		_autotunnel._udp.mac3 120 SRV 0 0 4500 AutoTunnel-3
		AutoTunnel-3 120 A 192.0.2.3
		_http._tcp PTR shop._http._tcp
		shop._http._tcp SRV 0 0 80 static
		shop._http._tcp TXT "static"
	EOT
}
zone_bob() {
	soa
	echo '@ NS ns'
	echo 'ns A 127.0.0.1'
	services
	py "print('mac1', enrolled('mac1.bob.example.com.'))"
	echo 'www TXT "of bob"'
}
zone_pub() {
	local i
	soa
	echo '@ NS ns'
	echo 'ns A 127.0.0.1'
	services
	echo 'www A 192.0.2.1'
	echo 'alias CNAME Www'
	echo '_ipp._tcp PTR Big\ Printer._ipp._tcp'
	echo '*.wild A 192.0.2.9'
	for ((i = 0; i < 60; i++)); do echo "many TXT \"number $i of many, and some more text\""; done
	for ((i = 0; i < 250; i++)); do echo "h$i A 192.0.2.$((i % 250 + 1))"; done
}
zone_slow() {
	soa 2 1 3
	echo '@ NS ns'
	echo 'ns A 127.0.0.1'
	echo 'www A 192.0.2.1'
}

# Any other.
zone_small() {
	soa
	echo '@ NS ns'
	echo 'ns A 127.0.0.1'
	echo 'www A 192.0.2.1'
}

bind_key() { printf 'key "%s" { algorithm hmac-sha256; secret "%s"; };\n' "$2" "$(py "b64('$1')")"; }

bind_conf() {
	local z d=$DNSD_DIR/primary
	bind_key front frontend
	bind_key direct direct
	cat <<-EOT
		options {
			directory "$d";
			pid-file "$d/pid";
			session-keyfile none;
			lock-file none;
			listen-on port 5300 { 127.0.0.1; };
			listen-on-v6 { none; };
			recursion no;
			minimal-responses yes;
			dnssec-validation no;
			notify-rate 1000;
			startup-notify-rate 1000;
			serial-query-rate 1000;
			tcp-clients 1000;
		};
		controls { };
		logging {
			channel out { stderr; severity info; print-time yes; print-category yes; };
			category default { out; };
		};
	EOT
	for z in $PRIMARY_ZONES; do
		cat <<-EOT
			zone "$z.example.com" {
				type primary;
				file "$d/$z.zone";
				update-policy { grant "frontend" zonesub ANY; grant "direct" zonesub ANY; };
				allow-query { key "frontend"; key "direct"; };
				allow-transfer { key "frontend"; };
				notify-delay 0;
				max-ixfr-ratio $(eval "echo \${IXFR_$z-unlimited}");
				max-journal-size 64M;
				check-names ignore;
		EOT
		if [[ $z = slow ]]; then
			echo 'notify no;'
		else
			echo "notify explicit; also-notify { 127.0.0.1 port 5301 key frontend; ${PRIMARY_NOTIFY-} };"
		fi
		echo '};'
	done
}

knot_conf() {
	local z d=$DNSD_DIR/primary
	mkdir -p "$d/run" "$d/db"
	cat <<-EOT
		server:
		    rundir: $d/run
		    listen: 127.0.0.1@5300
		    tcp-idle-timeout: 600
		log:
		  - target: stderr
		    any: info
		database:
		    storage: $d/db
		key:
		  - id: frontend
		    algorithm: hmac-sha256
		    secret: $(py "b64('front')")
		  - id: direct
		    algorithm: hmac-sha256
		    secret: $(py "b64('direct')")
		remote:
		  - id: frontend
		    address: 127.0.0.1@5301
		    key: frontend
		acl:
		  - id: frontend
		    key: frontend
		    action: [ transfer, update ]
		  - id: direct
		    key: direct
		    action: update
		mod-queryacl:
		  - id: hidden
		    address: 192.0.2.255/32
		zone:
	EOT
	for z in $PRIMARY_ZONES; do
		cat <<-EOT
			  - domain: $z.example.com
			    file: $d/$z.zone
			    acl: [ frontend, direct ]
			    module: mod-queryacl/hidden
			    zonefile-sync: 300
			    zonefile-load: difference
			    journal-content: changes
		EOT
		[[ $z = slow ]] || echo '    notify: frontend'
	done
}

primary_files() {
	local z kind
	for z in $PRIMARY_ZONES; do
		kind=zone_small
		[[ $(type -t "zone_$z") != function ]] || kind=zone_$z
		{ echo "\$ORIGIN $z.example.com."; echo '$TTL 120'; $kind; } >"$DNSD_DIR/primary/$z.zone"
	done
	"${primary}_conf" >"$DNSD_DIR/primary/conf"
}
primary_log() { tail -n "${1:-20}" "$TEST_OUT/primary.log"; }
primary_up() { py "primary('alice.example.com. SOA').startswith('NOERROR') if '$primary' == 'bind' else axfr_works()"; }
# knotd hides questions even from the front-end: only transfers tell
py_axfr='
import dns.zone, dns.query
def axfr(zone="alice.example.com."):
    k = key("front")
    return dns.zone.from_xfr(dns.query.xfr(SERVER, zone, port=PRIMARY_PORT, keyring={k.name: k},
        keyname=k.name, relativize=False, lifetime=20), relativize=False)
def axfr_works():
    try:
        return axfr() is not None
    except Exception:
        return False
def there(what, zone="alice.example.com."):
    """DATA of NAME TYPE at the primary, whichever that is."""
    name, rdtype = what.rsplit(" ", 1)
    found = axfr(zone).get_rdataset(absolute(name), rdtype)
    return " ".join(sorted(rd.to_text() for rd in found)) if found else ""
'
primary_start() {
	case $primary in
	bind) named -g -n 1 -c "$DNSD_DIR/primary/conf" >>"$TEST_OUT/primary.log" 2>&1 </dev/null & ;;
	knot) knotd -c "$DNSD_DIR/primary/conf" >>"$TEST_OUT/primary.log" 2>&1 </dev/null & ;;
	esac
	primary_pid=$!
}
primary_begin() {
	primary_files
	primary_start
	add_cleanup primary_kill
	wait_for 20 primary_up || { primary_log 40 | sed 's/^/# /'; bail 'the primary does not come up'; }
}
# end_now SIGNAL PID: and wait for it
end_now() {
	[[ -n $2 ]] || return 0
	kill "-$1" "$2" 2>/dev/null
	wait "$2" 2>/dev/null
}
primary_kill() { end_now KILL "$primary_pid"; primary_pid=''; }
primary_stop() { end_now TERM "$primary_pid"; primary_pid=''; }

# --- the front-end -----------------------------------------------------------------

key_file() {
	local f=$DNSD_DIR/keys/$1
	[[ -s $f ]] || (umask 077; py "k = key('$1')" "print(k.name, k.algorithm.to_text(True), b64('$1'))" >"$f")
	echo "$f"
}
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
		-subj /CN=ns.alice.example.com -addext 'subjectAltName=DNS:ns.alice.example.com' \
		-keyout "$DNSD_DIR/tls.key" -out "$DNSD_DIR/tls.crt" 2>"$TEST_OUT/openssl.log" ||
		bail 'no certificate'
	chmod 600 "$DNSD_DIR/tls.key"
}
# dnsd_conf [LINE...]: lines more of [server]
dnsd_conf() {
	local z
	cat >"$DNSD_DIR/dnsd.conf" <<-EOT
		[server]
		listen-udp = 127.0.0.1:53 127.0.0.1:5301 [::1]:53
		listen-tcp = 127.0.0.1:53 127.0.0.1:5301 [::1]:53
		listen-tls = 127.0.0.1:853 [::1]:853
		certificate = $DNSD_DIR/tls.crt
		certificate-key = $DNSD_DIR/tls.key
		state-directory = $DNSD_DIR/state
		control-socket = $DNSD_DIR/control
	EOT
	[[ $# = 0 ]] || printf '%s\n' "$@" >>"$DNSD_DIR/dnsd.conf"
	for z in $PRIMARY_ZONES; do
		cat <<-EOT
			[zone "$z.example.com"]
			primary = 127.0.0.1:5300
			primary-key-file = $(key_file front)
			admin-key-file = $(key_file admin)
		EOT
		case $z in
		alice) printf 'private = yes\nowner = yes\naccount-key-file = %s\n' "$(key_file account)" ;;
		bob) printf 'private = yes\nowner = yes\naccount-key-file = %s\n' "$(key_file bob)" ;;
		*) printf 'private = no\nowner = yes\n' ;;
		esac
	done >>"$DNSD_DIR/dnsd.conf"
}
dnsd_log() { tail -n "${1:-20}" "$TEST_OUT/dnsd.log"; }
dnsd_start() {
	"$BTMM_DNSD" run --config "$DNSD_DIR/dnsd.conf" >>"$TEST_OUT/dnsd.log" 2>&1 </dev/null &
	dnsd_pid=$!
}
dnsd_serves() { py "served(*['%s.example.com.' % z for z in '$PRIMARY_ZONES'.split()])"; }
dnsd_ready() { dnsd_alive && dnsd_serves; }
dnsd_alive() { [[ -n $dnsd_pid ]] && kill -0 "$dnsd_pid" 2>/dev/null; }
dnsd_wait() {
	local end=$((SECONDS + ${1:-60}))
	until dnsd_ready >/dev/null 2>&1; do
		if ! dnsd_alive || ((SECONDS > end)); then
			dnsd_log 40 | sed 's/^/# /'
			bail 'btmm-dnsd does not come up'
		fi
		nap 0.02
	done
}
# dnsd_begin [LINE...]: makes the configuration, starts, waits
dnsd_begin() {
	certificate
	dnsd_conf "$@"
	dnsd_start
	add_cleanup dnsd_kill
	dnsd_wait
}
dnsd_kill() { end_now KILL "$dnsd_pid"; dnsd_pid=''; }
dnsd_restart() { dnsd_kill; dnsd_start; dnsd_wait; }
# dnsd_ends: it has lived until now, ends in order, and no sanitizer has complained
dnsd_ends() {
	local rc=0
	ok 'btmm-dnsd is alive' dnsd_alive
	kill -TERM "$dnsd_pid" 2>/dev/null
	wait "$dnsd_pid" || rc=$?
	is 'and ends in order' "$rc" 0
	dnsd_pid=''
	unlike 'without a complaint of a sanitizer' "$(cat "$TEST_OUT/dnsd.log")" \
		'(ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error)'
}

py_start
py "$py_axfr"
command -v "$BTMM_DNSD" >/dev/null || skip_all "$BTMM_DNSD is not there"
