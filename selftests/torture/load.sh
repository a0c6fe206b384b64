# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Traffic between a and b of which each octet is looked at, on top of tunnel/net.sh.
#
#	streams_begin PACE...	TCP connections, a block of 4096 octets each way in PACE s;
#				who calls whom alternates
#	streams_octets		how many have come, in both directions: all, and of the
#				stream that has had the least
#	streams_end		judges that all is there
#	datagrams_begin NAME RATE	a second, each way; datagrams_end NAME stops them
#	datagrams_of NAME HOST FILTER	of what the program there has found out
#	through_mark NAME; through NAME	has one come each way that was sent since the mark

load_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -A other=([a]=b [b]=a)
load_streams=0
declare -A load_pids=() load_sent=()

streams_begin() {
	local pace i client server stream=$load_here/../btmmd/stream
	for pace; do
		i=$((load_streams += 1))
		server=a
		((i % 2)) && server=b
		client=${other[$server]}
		STREAM_PACE=$pace run_ns $server "$stream" serve "${ULA[$server]}" $((8000 + i)) \
			"$tap_tmp/stream.stop" "$tap_tmp/stream.$i.$server" >"$TEST_OUT/stream.$i.$server.log" 2>&1 &
		add_cleanup kill $!
		wait_for 30 listening $server $((8000 + i)) || bail "stream $i is not served"
		STREAM_PACE=$pace run_ns $client "$stream" call "${ULA[$server]}" $((8000 + i)) \
			"$tap_tmp/stream.stop" "$tap_tmp/stream.$i.$client" >"$TEST_OUT/stream.$i.$client.log" 2>&1 &
		add_cleanup kill $!
	done
	wait_for 60 streams_beyond 4095 || bail "the streams do not begin: $(streams_octets)"
}
streams_octets() {
	local h
	for h in a b; do
		run_ns $h ss -Htin state established
	done | awk -v want=$((2 * load_streams)) '
		{ n = 0 }
		match($0, /bytes_received:[0-9]+/) { n = 0 + substr($0, RSTART + 15, RLENGTH - 15) }
		/bytes_acked|bytes_sent|cubic|reno|rto:/ { ends++; sum += n; if (least == "" || n < least) least = n }
		END { print sum + 0, ends < want ? 0 : least + 0 }'
}
# streams_beyond N: each has had more than N
streams_beyond() {
	local sum least
	read -r sum least < <(streams_octets)
	((least > $1))
}
streams_ended() {
	local i h
	for ((i = 1; i <= load_streams; i++)); do
		for h in a b; do [[ -e $tap_tmp/stream.$i.$h ]] || return; done
	done
}
# streams_end [SECONDS]
streams_end() {
	local i h want='' got='' all=0
	touch "$tap_tmp/stream.stop"
	ok 'the streams end' wait_for "${1:-60}" streams_ended || {
		for h in a b; do diag "$h:" "$(run_ns $h ss -Htino)"; done
	}
	for ((i = 1; i <= load_streams; i++)); do
		for h in a b; do
			want+="$i$h ended true "
			got+="$i$h $(jq -r '"\(.how) \(.right)"' "$tap_tmp/stream.$i.$h") "
		done
		is "stream $i: each octet that was sent has come, once and right" \
			"$(jq .got "$tap_tmp/stream.$i.a") $(jq .got "$tap_tmp/stream.$i.b")" \
			"$(jq .sent "$tap_tmp/stream.$i.b") $(jq .sent "$tap_tmp/stream.$i.a")"
		all=$((all + $(jq .got "$tap_tmp/stream.$i.a") + $(jq .got "$tap_tmp/stream.$i.b")))
	done
	is 'all ended in good order' "$got" "$want"
	diag "$load_streams streams, $all octets; longest stalls $(
		jq -s -c '[.[].gaps[].ms] | sort | reverse | .[:5]' "$tap_tmp"/stream.*.[ab]) ms"
}

datagrams_begin() {
	local name=$1 rate=$2 h
	for h in a b; do
		run_ns $h "$load_here/datagrams" "${ULA[$h]}" "${ULA[${other[$h]}]}" 7100 "$rate" \
			"$tap_tmp/$name.start" "$tap_tmp/$name.stop" "$tap_tmp/$name.$h.progress" "$tap_tmp/$name.$h" \
			>"$TEST_OUT/datagrams.$h.log" 2>&1 &
		load_pids[$name.$h]=$!
		add_cleanup kill $!
	done
	wait_for 30 test -s "$tap_tmp/$name.a.progress" -a -s "$tap_tmp/$name.b.progress" ||
		bail "no datagrams: $(cat "$TEST_OUT"/datagrams.*.log)"
	touch "$tap_tmp/$name.start"
}
datagrams_end() {
	touch "$tap_tmp/$1.stop"
	wait "${load_pids[$1.a]}" "${load_pids[$1.b]}"
	[[ -e $tap_tmp/$1.a && -e $tap_tmp/$1.b ]] || bail "datagrams: $(cat "$TEST_OUT"/datagrams.*.log)"
}
datagrams_of() { jq -r "$3" "$tap_tmp/$1.$2"; }
# datagrams_lost NAME: in both directions
datagrams_lost() {
	echo $(($(datagrams_of "$1" a .sent) + $(datagrams_of "$1" b .sent) -
		$(datagrams_of "$1" a .got) - $(datagrams_of "$1" b .got)))
}

# Without a process: moves are many.
through_mark() {
	read -r 'load_sent[a]' _ <"$tap_tmp/$1.a.progress"
	read -r 'load_sent[b]' _ <"$tap_tmp/$1.b.progress"
}
through() {
	local last
	read -r _ _ last <"$tap_tmp/$1.a.progress" && ((last > load_sent[b])) || return
	read -r _ _ last <"$tap_tmp/$1.b.progress" && ((last > load_sent[a]))
}
