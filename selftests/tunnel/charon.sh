# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Stock charon for tests, on top of net.sh: each instance has a directory, a
# /run and a configuration of its own, and lives in one host's namespace.
#
#	charon_conf a b		# host a knows peer b; by PSK, or CHARON_AUTH=cert
#	charon_conf b a
#	charon_start a; charon_start b
#	charon_load a; charon_load b
#
# An instance is named like its host unless said otherwise.

CHARON_AUTH=${CHARON_AUTH:-psk}
CHARON_PSK=0sMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
CHARON_DOMAIN=example.com
charon_all=$tap_tmp/charon
declare -A charon_pid=()
mkdir -p "$charon_all"

charon_dir() { echo "$charon_all/$1"; }

# charon_settings NAME [LINE...]: strongswan.conf, as the architecture says;
# LINEs go into the section charon
charon_settings() {
	local name=$1 d=$charon_all/$1
	shift
	mkdir -p "$d"/swanctl/{conf.d,x509,x509ca,private}
	cat >"$d/strongswan.conf" <<-END
		charon {
		  load = random nonce openssl kdf hmac pem x509 pubkey constraints kernel-netlink socket-default vici
		  port_nat_t = 0
		  interfaces_use = btmm0
		  install_routes = no
		  install_virtual_ip = no
		  routing_table = 0
		  replay_window = 2048
		  block_threshold = 1000000
		  retransmit_timeout = 2
		  retransmit_base = 1.5
		  $(printf '%s\n' "$@")
		  plugins {
		    socket-default { use_ipv4 = no }
		    vici { socket = unix://$d/vici }
		  }
		  filelog { log { path = $TEST_OUT/charon.$name.log
		    default = 1
		    flush_line = yes } }
		}
		charon-systemd { journal { default = -1 } }
		swanctl { load = random nonce openssl pem x509 pubkey }
	END
}

# charon_ca: a certification authority, once per test
charon_ca() {
	local d=$charon_all/ca
	[[ -e $d/ca.pem ]] && return
	mkdir -p "$d"
	openssl req -x509 -newkey ed25519 -nodes -days 2 -subj "/CN=test CA" \
		-keyout "$d/ca.key" -out "$d/ca.pem" \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign 2>/dev/null
}

# charon_cert NAME FQDN: key and certificate for an instance
charon_cert() {
	local d=$charon_all/$1/swanctl ca=$charon_all/ca
	charon_ca
	[[ -e $d/x509/host.pem ]] && return
	openssl req -newkey ed25519 -nodes -subj "/CN=$2" -keyout "$d/private/host.key" \
		-out "$charon_all/$1/host.csr" 2>/dev/null
	openssl x509 -req -in "$charon_all/$1/host.csr" -CA "$ca/ca.pem" -CAkey "$ca/ca.key" \
		-days 2 -set_serial "$((RANDOM * 32768 + RANDOM + 2))" -out "$d/x509/host.pem" \
		-extfile <(printf 'subjectAltName=DNS:%s\n' "$2") 2>/dev/null
	cp "$ca/ca.pem" "$d/x509ca/ca.pem"
}

# charon_conf HOST OTHER [NAME]: one connection. Lines in CHARON_CONN and
# CHARON_CHILD are added to its sections.
charon_conf() {
	local me=$1 other=$2 name=${3:-$1} d auth
	d=$charon_all/$name
	[[ -e $d/strongswan.conf ]] || charon_settings "$name"
	auth=psk
	if [[ $CHARON_AUTH = cert ]]; then
		auth=pubkey
		charon_cert "$name" "$me.$CHARON_DOMAIN"
	fi
	cat >"$d/swanctl/conf.d/$other.conf" <<-END
		connections {
		  $other {
		    version = 2
		    local_addrs = ${ULA[$me]}
		    remote_addrs = ${ULA[$other]}
		    proposals = aes128gcm16-prfsha256-x25519
		    mobike = no
		    fragmentation = yes
		    unique = replace
		    keyingtries = 1
		    ${CHARON_CONN-}
		    local {
		      auth = $auth
		      id = $me.$CHARON_DOMAIN
		      $([[ $auth = pubkey ]] && echo certs = host.pem)
		    }
		    remote {
		      auth = $auth
		      id = $other.$CHARON_DOMAIN
		    }
		    children {
		      $other {
		        mode = tunnel
		        local_ts = ${ULA[$me]}/128
		        remote_ts = ${ULA[$other]}/128
		        esp_proposals = aes128gcm16-esn
		        start_action = trap
		        ${CHARON_CHILD-}
		      }
		    }
		  }
		}
	END
	[[ $auth = pubkey ]] || cat >>"$d/swanctl/conf.d/$other.conf" <<-END
		secrets {
		  ike-$other {
		    id-me = $me.$CHARON_DOMAIN
		    id-other = $other.$CHARON_DOMAIN
		    secret = $CHARON_PSK
		  }
		}
	END
	ln -sf "conf.d/$other.conf" "$d/swanctl/swanctl.conf"
	printf 'include conf.d/*.conf\n' >"$d/swanctl/all.conf"
}

# charon_start HOST [NAME]: does not wait; charon_wait does
charon_start() {
	local h=$1 name=${2:-$1} d
	d=$charon_all/$name
	net_wait_for_sa "$h"
	rm -f "$d/vici"
	STRONGSWAN_CONF=$d/strongswan.conf ip netns exec "$h" bash -c \
		'mount -t tmpfs run /run && exec charon-systemd' \
		>"$TEST_OUT/charon.$name.out" 2>&1 </dev/null &
	charon_pid[$name]=$!
	add_cleanup kill -KILL "${charon_pid[$name]}"
}
charon_wait() {
	local name
	for name; do
		if ! wait_for 60 test -S "$charon_all/$name/vici"; then
			diag_file "$TEST_OUT/charon.$name.out"
			bail "charon $name did not start"
		fi
	done
}

# charon_ctl NAME SWANCTL-ARG...
charon_ctl() {
	local d=$charon_all/$1 cmd=$2
	shift 2
	STRONGSWAN_CONF=$d/strongswan.conf SWANCTL_DIR=$d/swanctl \
		timeout 60 swanctl "$cmd" --uri "unix://$d/vici" "$@"
}

# charon_load NAME...: waits for it, and gives it its connections
charon_load() {
	local name
	for name; do
		charon_wait "$name"
		charon_ctl "$name" --load-all --noprompt --file "$charon_all/$name/swanctl/all.conf" \
			>"$TEST_OUT/charon.$name.load" 2>&1 ||
			{ diag_file "$TEST_OUT/charon.$name.load"; bail "charon $name: no connections"; }
	done
}

# charon_up HOST...: all of it for hosts whose connections are written
charon_up() {
	local h
	for h; do charon_start "$h"; done
	charon_load "$@"
}

charon_running() { kill -0 "${charon_pid[$1]}" 2>/dev/null; }
# charon_kill NAME: as a crash would; charon_stop NAME: in order
charon_kill() { kill -KILL "${charon_pid[$1]}"; wait "${charon_pid[$1]}" 2>/dev/null; return 0; }
charon_stop() { kill -TERM "${charon_pid[$1]}"; wait "${charon_pid[$1]}" 2>/dev/null; return 0; }

# sas HOST [SRC DST]: SPIs of its ESP SAs, one per line
sas() {
	ip -n "$1" xfrm state list ${2:+src "$2"} ${3:+dst "$3"} proto esp |
		sed -n 's/.*proto esp spi \(0x[0-9a-f]*\).*/\1/p' | grep -v '^0x00000000$'
}
sas_above() { [[ $(sas "$1" | wc -l) -gt $2 ]]; }
no_sas() { [[ $(sas "$1" | wc -l) = 0 ]]; }
# ike_spis HOST OTHER: of the IKE SA with it; ike_differs HOST OTHER SPIS: it is another one
ike_spis() { charon_ctl "$1" --list-sas | sed -n "s/^$2: #[0-9]*, ESTABLISHED, IKEv2, //p"; }
ike_differs() { local s; s=$(ike_spis "$1" "$2") && [[ -n $s && $s != "$3" ]]; }
