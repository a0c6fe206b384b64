# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# An account with many hosts, of which one is there, alice: the others are records only, that
# the primary has. On top of btmmd/lib.sh and scale/lib.sh.

# account_limits SETTING...: of btmm-dnsd, which starts anew
account_limits() {
	{ echo '[server]'; printf '%s\n' "$@"; } |
		on server tee /etc/btmm/dnsd.conf.d/scale.conf >/dev/null
	server_stop server
	server_start server
}

# account_records add|move|del FIRST LAST: one update for each hundred hosts, at the primary
account_records() {
	local name algorithm secret
	read -r name algorithm secret <<<"$(on server cat /etc/btmm/keys/frontend.key)"
	{
		printf 'server 127.0.0.1 5300\nzone %s\n' "$ZONE"
		python3 "$scale_here/hosts.py" "$1" "$ZONE" "$2" "$3"
	} | on server nsupdate -y "$algorithm:$name:$secret"
}

# account_told: the last of the records has come to btmm-dnsd
account_serial() {
	local name algorithm secret
	read -r name algorithm secret <<<"$(on server cat "/etc/btmm/keys/$2.key")"
	on server dig +short +time=2 +tries=1 -p "$1" -y "$algorithm:$name:$secret" @127.0.0.1 "$ZONE" SOA |
		cut -d' ' -f3
}
account_mirrored() {
	local a b
	a=$(account_serial 5300 frontend)
	b=$(on server btmm-dnsd status --json | jq '.zones[0].serial')
	[[ -n $a && $a = "$b" ]]
}

# hosts_watch FIRST LAST [moved]: begins to look; hosts_seen LIMIT: ms since 1970 when alice's
# kernel had them all
hosts_watch() {
	run_ns alice python3 "$scale_here/hosts.py" watch btmm0 "$@" >"$tap_tmp/seen" 2>"$TEST_OUT/watch.err" &
	seen_pid=$!
}
hosts_seen() {
	wait_for "$1" eval "! kill -0 $seen_pid" || { kill $seen_pid; return 1; }
	[[ -s $tap_tmp/seen ]] && cat "$tap_tmp/seen"
}

# traps: how many of alice's peers charon has a connection and a trap for
traps() { on alice btmm-ctl --json peers | jq '[.[] | select(.ike == "trap" or .ike == "up")] | length'; }
known() { on alice btmm-ctl --json status | jq '.[0].peer_counts.known'; }
traps_are() { [[ $(traps) = "$1" ]]; }
known_are() { [[ $(known) = "$1" ]]; }
