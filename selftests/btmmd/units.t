#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The units as users get them, under a real systemd: what they may do and what not, that all
# works nevertheless, and what follows from reload, restart, kill, hanging, stop and shutdown.
# kernels: uml
# boot: own
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
. "$(dirname "$0")/systemd.sh"
. "$(dirname "$0")/lib.sh"
need dig strace

topology 'internet: server resolver bob' 'home1(upnp): alice'
account_make server resolver bob alice bob
server_stop server
like 'the users are as the package makes them' "$(getent passwd btmmd btmm-dnsd)" \
	'btmmd:x:.*:/usr/sbin/nologin
btmm-dnsd:x:.*:/usr/sbin/nologin'

# A hang is to be noticed within the time of a test.
for u in server:btmm-dnsd alice:btmmd; do
	on "${u%:*}" install -d "/etc/systemd/system/${u#*:}.service.d"
	on "${u%:*}" tee "/etc/systemd/system/${u#*:}.service.d/test.conf" >/dev/null <<-EOF
		[Service]
		WatchdogSec=6s
	EOF
done
systemd_boot server btmm-dnsd
systemd_boot alice btmmd btmm-charon
host_start bob
start alice echo.alice socat TCP6-LISTEN:7,fork,reuseaddr,ipv6only EXEC:cat

all_active() { local u; for u in "${@:2}"; do unit_is "$1" "$u" active || return; done; }
failures() { on "$1" systemctl --no-pager --no-legend --failed --plain list-units; }
restarted() { [[ $(unit "$1" "$2" NRestarts) -gt $3 ]] && unit_is "$1" "$2" active; }
listens() { [[ $(on "$1" ss -lnH "$2" src "$3" | wc -l) = 1 ]]; }

# --- up ----------------------------------------------------------------------------------
ok 'btmm-dnsd has said READY' wait_for 10 all_active server btmm-dnsd
ok 'so have btmmd and charon' wait_for 20 all_active alice btmmd btmm-charon btmmd-resolver.socket ||
	diag "$(on alice systemctl --no-pager status btmmd btmm-charon)"
is 'nothing has failed' "$(failures alice)$(failures server)" ''
for u in server:btmm-dnsd alice:btmmd alice:btmm-charon; do
	is "${u#*:} is told to say so" "$(unit "${u%:*}" "${u#*:}" Type)" notify
done

# --- who they are and what they may ------------------------------------------------------
net_admin=0000000000001000 bind=0000000000000400
rights() { # HOST UNIT
	local f
	echo "$(on "$1" stat -c %U "/proc/$(pid_of "$1" "$2")")" \
		"$(for f in CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp; do pid_status "$1" "$2" $f; done | paste -sd' ')"
}
is 'btmmd: itself, CAP_NET_ADMIN' "$(rights alice btmmd)" \
	"btmmd $net_admin $net_admin $net_admin $net_admin 1 2"
is 'btmm-dnsd: itself, CAP_NET_BIND_SERVICE' "$(rights server btmm-dnsd)" \
	"btmm-dnsd $bind $bind $bind $bind 1 2"
like 'charon: root with CAP_NET_ADMIN' "$(rights alice btmm-charon)" "^root $net_admin $net_admin [0-9a-f]{16} 0{16} 1 2\$"
is 'and none over files' "$((16#$(pid_status alice btmm-charon CapBnd) & 16#1e))" 0

# sees HOST UNIT CMD...: as the unit's process does
sees() { on "$1" nsenter --target "$(pid_of "$1" "$2")" --mount -- "${@:3}"; }
for u in server:btmm-dnsd alice:btmmd alice:btmm-charon; do
	h=${u%:*} u=${u#*:}
	fails "$u: /etc is not for it" sees "$h" "$u" touch /etc/btmm/mine
	like "$u: but read-only" "$output" 'Read-only file system'
	fails "$u: nor is /usr" sees "$h" "$u" touch /usr/mine
	fails "$u: nor are sysctls" sees "$h" "$u" tee /proc/sys/vm/swappiness
	is "$u: there are no devices" "$(sees "$h" "$u" find /dev -maxdepth 1 -type b -o -name kmsg -o -name mem)" ''
	is "$u: nobody is at home" "$(sees "$h" "$u" ls -A /root /home)" $'/home:\n\n/root:'
done
is 'btmmd sees no other processes' \
	"$(sees alice btmmd setpriv --reuid btmmd --regid btmmd --clear-groups ls /proc/1 2>&1)" \
	"ls: cannot access '/proc/1': No such file or directory"
# What a filter does is seen, so none has done anything if nothing is.
on alice tee /etc/systemd/system/filtered.service >/dev/null <<-EOF
	[Service]
	Type=oneshot
	SystemCallFilter=@system-service
	ExecStart=/usr/sbin/chroot / true
EOF
fails 'a filtered call ends a process' on alice systemctl start filtered
like 'and that is told' "$(journal alice -u filtered)" 'status=31/SYS'
on alice systemctl reset-failed filtered

# --- it works ----------------------------------------------------------------------------
ok 'alice and bob reach each other by name' wait_for 30 reach_all alice bob || {
	trouble bob
	diag "$(journal alice -n 40)"
}
ok 'TCP, too' echoes bob alice
is 'alice is where UPnP has put her' "$(gw_mappings home1)" "udp 4500 $(addr alice):4500"
is 'bob knows' "$(endpoint bob alice)" "$(external home1):4500"
child=$(on alice pgrep -P "$(pid_of alice btmmd)")
like 'who speaks UPnP may nothing' "$(on alice grep -E '^(Uid|CapEff|Seccomp):' "/proc/$child/status" | tr -s '\n\t' ' ')" \
	"^Uid: $(id -u btmmd) .* CapEff: 0{16} Seccomp: 2 "
is 'the kernel waits for SAs' "$(on alice cat /proc/sys/net/core/xfrm_larval_drop)" 0
ok 'port 53 is systemd'\''s gift' listens alice -u '127.0.0.66:53'
is 'it is asked' "$(on alice dig +short @127.0.0.66 "$(fqdn bob)" AAAA)" "$(ula bob)"
is 'by TCP' "$(on alice dig +short +tcp @127.0.0.66 "$(fqdn bob)" AAAA)" "$(ula bob)"
is 'anybody may look' "$(on alice setpriv --reuid nobody --regid nogroup --clear-groups \
	btmm-ctl status --json | jq -r '.[0].host')" "$(fqdn alice)"

# --- reload ------------------------------------------------------------------------------
pid=$(pid_of alice btmmd)
on alice mkdir -p /etc/btmm/btmmd.conf.d
on alice tee /etc/btmm/btmmd.conf.d/ssh.conf >/dev/null <<-EOF
	[service "Alice's shell._ssh._tcp"]
	port = 22
EOF
ok 'systemctl reload btmmd' on alice systemctl reload btmmd
has_service() { on bob btmm-ctl --json browse _ssh._tcp | jq -e 'any(.[]; .instance == "Alice'\''s shell")'; }
ok 'bob sees the new service' wait_for 5 has_service || diag "$(on bob btmm-ctl browse _ssh._tcp 2>&1)"
on alice tee /etc/btmm/btmmd.conf.d/wrong.conf >/dev/null <<<$'[tunnel]\nprot = 4500'
fails 'with an error in the configuration it fails' on alice systemctl reload btmmd
like 'and says where' "$(journal alice -u btmmd -n 20)" '/etc/btmm/btmmd\.conf\.d/wrong\.conf:2: .*prot'
is 'btmmd goes on' "$(pid_of alice btmmd)" "$pid"
ok 'btmm-dnsd: systemctl reload' on server systemctl reload btmm-dnsd

# --- dead, hanging, restarted ------------------------------------------------------------
sas() { ip -n "$1" xfrm state | grep -o 'spi 0x[0-9a-f]*' | sort | paste -sd' '; }
charon_says() { journal "$1" -u btmm-charon; }
cmp_num 'charon says what it does' "$(charon_says alice | grep -c 'IKE_SA .* established')" -ge 1
ok 'whoever has called has done so' wait_for 30 calls_over alice bob
before=$(sas alice) charon=$(pid_of alice btmm-charon)
start bob ping ping -n -i 0.1 "$(fqdn alice)"
ping=$bg_pid
wait_for 10 grep -q 'seq=2 ' "$TEST_OUT/ping.log"

# Not by systemctl: systemd would take it for a wish.
n=$(unit alice btmmd NRestarts) t=$(now_ms)
on alice kill -KILL "$pid"
fails 'with that error nobody can begin' wait_for 3 restarted alice btmmd "$n"
like 'and says so' "$(journal alice -u btmmd -n 8)" 'wrong\.conf:2: .*prot'
tries=$(journal alice -u btmmd --since "@$((t / 1000))" | grep -c 'wrong\.conf:2')
cmp_num 'but not all the time' "$tries" -le 2
on alice rm /etc/btmm/btmmd.conf.d/wrong.conf
ok 'without it, btmmd comes back by itself' wait_for 10 unit_is alice btmmd active
n=$(unit alice btmmd NRestarts) t=$(now_ms)
on alice kill -KILL "$(pid_of alice btmmd)"
# It is answered when it is back, if only by SERVFAIL, as the subscription has not told all then.
like 'killed, it is asked' "$(on alice dig +timeout=15 +tries=1 @127.0.0.66 "$(fqdn bob)" AAAA)" \
	'status: (NOERROR|SERVFAIL)'
ok 'as it comes back' wait_for 5 restarted alice btmmd "$n"
diag "after $(($(now_ms) - t)) ms"

n=$(unit alice btmmd NRestarts) t=$(now_ms)
on alice kill -STOP "$(pid_of alice btmmd)"
ok 'hanging, it is killed and comes back' wait_for 10 restarted alice btmmd "$n"
diag "after $(($(now_ms) - t)) ms"
like 'as the watchdog has found' "$(journal alice -u btmmd)" 'Watchdog timeout \(limit 6s\)'
ok 'systemctl restart' on alice systemctl restart btmmd
ok 'is up' wait_for 5 all_active alice btmmd btmm-charon btmmd-resolver.socket
is 'charon has gone on' "$(pid_of alice btmm-charon)" "$charon"
is 'so have the SAs' "$(sas alice)" "$before"
looks_up_bob() { [[ $(looks_up alice bob) = "$(ula bob)" ]]; }
ok 'names are known again' wait_for 5 looks_up_bob
kill -INT $ping
wait $ping 2>/dev/null
like 'of what bob sent meanwhile, nothing was lost' "$(tail -n 3 "$TEST_OUT/ping.log")" ' 0% packet loss' ||
	diag "$(tail -n 3 "$TEST_OUT/ping.log")"

n=$(unit alice btmm-charon NRestarts)
on alice kill -KILL "$charon"
ok 'charon comes back, too' wait_for 5 restarted alice btmm-charon "$n"
new_sas() { [[ $(sas alice) != "$before" ]] && ok_sas; }
ok_sas() { pings bob alice && pings alice bob; }
ok 'with new SAs' wait_for 10 new_sas || trouble bob

n=$(unit server btmm-dnsd NRestarts)
on server kill -KILL "$(pid_of server btmm-dnsd)"
ok 'btmm-dnsd comes back' wait_for 5 restarted server btmm-dnsd "$n"
n=$(unit server btmm-dnsd NRestarts)
on server kill -STOP "$(pid_of server btmm-dnsd)"
ok 'and when it hung' wait_for 10 restarted server btmm-dnsd "$n"
like 'as the watchdog has found' "$(journal server -u btmm-dnsd)" 'Watchdog timeout \(limit 6s\)'
live() { [[ $(on "$1" btmm-ctl --json status | jq -r '.[0].subscription.quality') = live ]]; }
for h in alice bob; do ok "$h hears of all again" wait_for 20 live $h; done

# --- stopped --------------------------------------------------
t=$(now_ms)
ok 'systemctl stop' on alice systemctl stop btmmd
diag "after $(($(now_ms) - t)) ms"
is 'the mapping is taken back' "$(gw_mappings home1)" ''
no_name() { ! on bob getent ahostsv6 "$(fqdn alice)"; }
ok 'and the name' wait_for 3 no_name
ok 'charon has nothing more to do' wait_for 10 unit_is alice btmm-charon inactive
# The first to be asked is still btmmd's resolver.
fails 'a question goes to nobody' on alice getent ahostsv6 "$(fqdn bob)"
is 'and starts nothing' "$(unit alice btmmd ActiveState),$(unit alice btmmd-resolver.socket ActiveState)" inactive,inactive
is 'nothing has failed' "$(failures alice)" ''

# --- another IKE daemon ------------------------------------------------------------------
ok 'strongSwan as Debian has it' on alice systemctl start strongswan
since=@$(($(now_ms) / 1000))
ok 'btmmd starts' on alice systemctl start btmmd
other=$(pid_of alice strongswan)
complaint() { journal alice -u btmm-charon --since "$since" | grep -o 'another IKE.*'; }
ok 'a foreign IKE daemon is an error' wait_for 10 complaint
is 'that names it' "$(complaint)" "another IKE daemon has UDP port 500: charon-systemd (process $other)"
like 'status says where to look' "$(on alice btmm-ctl status)" 'charon is not there \(systemctl status btmm-charon\)'
like 'and there it is' "$(on alice systemctl --no-pager status btmm-charon)" 'another IKE daemon has UDP port 500'
on alice systemctl stop strongswan
ok 'when it has gone, ours comes' wait_for 5 unit_is alice btmm-charon active
is 'of the other there was one line' "$(complaint | wc -l)" 1
reach_again
ok 'and all is well' wait_for 20 reach_all alice bob || trouble bob

# --- who is no host of an account --------------------------------------------------------
on alice systemctl -q stop btmmd
on alice mv /etc/btmm/host/host /etc/btmm/host/away
on alice systemctl start btmmd btmmd-resolver.socket
is 'without a bundle there is nothing to do' "$(unit alice btmmd ActiveState) $(unit alice btmmd-resolver.socket ActiveState)" \
	'inactive inactive'
is 'which is no failure' "$(failures alice)" ''
on alice mv /etc/btmm/host/away /etc/btmm/host/host

# --- btmm-dnsd with sockets of systemd's -------------------------------------------------
on server systemctl stop btmm-dnsd
ok 'the three sockets' on server systemctl start btmm-dnsd-{udp,tcp,tls}.socket
ask() { on resolver dig +noall +comments +timeout=5 +tries=1 "$@" "@$(addr server)" "$ZONE" SOA | grep -o 'status: [A-Z]*'; }
# Answered is what counts: it may not have the zone yet.
like 'a question starts btmm-dnsd' "$(ask)" '(NOERROR|SERVFAIL)'
ok 'it is ready' wait_for 5 unit_is server btmm-dnsd active
has_zone() { [[ $(ask "$@") = 'status: NOERROR' ]]; }
ok 'UDP' wait_for 5 has_zone
ok 'TCP' has_zone +tcp
on server kill -KILL "$(pid_of server btmm-dnsd)"
like 'who asks while it is dead has to wait' "$(ask +tcp)" '(NOERROR|SERVFAIL)'
ok "bob hears of all again" wait_for 20 live bob

# --- shutdown ----------------------------------------------------------------------------
on alice systemctl start btmmd
reach_again
ok 'up again' wait_for 20 reach_all alice bob || trouble bob
t=$(now_ms)
on alice systemctl poweroff 2>>"$TEST_OUT/systemd.alice.log"
ok 'the power is off' systemd_off alice
diag "after $(($(now_ms) - t)) ms"
is 'the mapping was taken back before' "$(gw_mappings home1)" ''
ok 'and the name' wait_for 3 no_name

# --- what the journal has ----------------------------------------------------------------
for h in alice server; do
	is "$h: no system call was denied" "$(journal $h | grep -v -e filtered -e chroot | grep -E 'status=31|SIGSYS|signal=SYS')" ''
	unlike "$h: nor anything else" "$(journal $h | grep btmm)" 'Operation not permitted|Permission denied|Read-only file system'
done
done_testing
