# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What day.t looks at between events, and judges at the end; on top of btmmd/outage.sh and
# btmmd/gateway.sh.
# $hosts are looked at; LEASE, MAPPING, REKEY and KEYS_END are seconds, the last when keys
# are of no use any more.
#
#	day_journal SERVER	btmm-dnsd's lines begin with their priority from now on
#	day_quiet_begins, day_quiet_ends	between them nothing happens that anybody
#				may complain of
#	day_look		in such a time: how all are; how much they need
#	DAY_EVENTS		the times (s since 1970) at which something was made to happen

DAY_EVENTS=()
day_looks=0 day_wrong='' day_complaints='' day_refused=''
day_files=() # of logs, as they come; where each was when the quiet began
declare -A day_at=()
day_sizes=$TEST_OUT/sizes

day_clock() { date -u +%T; }

# Its log is a file of the journal for who asks by $JOURNAL_STREAM (systemd.exec(5)).
day_journal() {
	JOURNAL_STREAM=$(stat -c %d:%i "$TEST_OUT/dnsd.$1.log")
	export JOURNAL_STREAM
	server_stop "$1"
	server_start "$1"
}

# --- between events ----------------------------------------------------------------------------------

dnsd_status() { on server btmm-dnsd status --json | jq -c "$1"; }
# what strangers and the unlawful have got
DAY_REFUSALS='[.messages.refused, .messages.malformed, .messages.bad_signature, .updates.refused, .updates.failed]'
day_logs() { ls "$TEST_OUT"/btmmd.*.log "$TEST_OUT"/charon.*.log "$TEST_OUT"/dnsd.*.log; }
day_quiet_begins() {
	local f
	mapfile -t day_files < <(day_logs)
	for f in "${day_files[@]}"; do day_at[$f]=$(wc -l <"$f"); done
	day_refused_before=$(dnsd_status "$DAY_REFUSALS")
	day_quiet_at=$EPOCHSECONDS
}
day_quiet_ends() {
	local f now lines
	for f in "${day_files[@]}"; do
		lines=$(tail -n "+$((day_at[$f] + 1))" "$f" | day_complaining "$f" | head -n 5)
		[[ -z $lines ]] || day_complaints+="${f##*/}: $lines"$'\n'
	done
	now=$(dnsd_status "$DAY_REFUSALS")
	[[ $now = "$day_refused_before" ]] ||
		day_refused+="$(day_clock) after $((EPOCHSECONDS - day_quiet_at)) s: $day_refused_before, then $now"$'\n'
}
# day_complaining FILE: of lines, those that are warnings or worse.
day_complaining() {
	case ${1##*/} in
	charon.*) grep -iE 'fail|error|unable|retransmit|giving up|no .* found|refus|invalid|not responding' ;;
	*) grep -E '<[0-4]>' ;;
	esac
}

day_has_primary() { [[ $(dnsd_status '[.zones[].primary_ok]|all') = true ]]; }
wrong() { day_wrong+="$(day_clock) $*"$'\n'; }
day_look() {
	local h o left age
	day_looks=$((day_looks + 1))
	for h in $hosts; do
		status "$h" '"\(.state) \(.subscription.quality) \(.publication.current) \(.publication.left_s) \(.publication.lease_s) \(.peer_counts.up)"' >"$tap_tmp/status"
		read -r state quality current left lease up <"$tap_tmp/status"
		[[ "$state $quality $current $up" = 'up live true 2' ]] || wrong "$h: $state, $quality, published $current, $up peers"
		# refreshed at four fifths of it, and some seconds
		((left > LEASE / 10 && left <= LEASE && lease == LEASE)) || wrong "$h: $left s of $lease s are left of the lease"
		age=$(day_oldest_key "$h")
		((age <= KEYS_END)) || wrong "$h: keys of $age s"
		for o in $hosts; do
			[[ $h = "$o" ]] || pings "$h" "$o" 5 >/dev/null || wrong "$h does not reach $o"
		done
	done
	for h in alice carol; do
		published_is "$h" "$(external "${HOME_OF[$h]}"):4500" || wrong "$h: published at $(published "$h")"
		mapped_at "$h" 4500 || wrong "$h: mapped at $(mapping "$h")"
	done
	wait_for 5 day_has_primary || wrong "the server has no primary"
	day_measure
}
# day_oldest_key HOST: s since the oldest SA of its kernel was added
day_oldest_key() {
	ip -n "$1" -s xfrm state | sed -n 's/.*add \([0-9-]* [0-9:]*\) use.*/\1/p' |
		date -f - +%s | awk -v now="$EPOCHSECONDS" '{ if (now - $1 > most) most = now - $1 } END { print most + 0 }'
}

# --- what they need ----------------------------------------------------------------------------------

# a line for each process: time, name, process, kB of its own memory, descriptors, threads
day_measure() {
	local h pid
	for h in $hosts; do
		echo "btmmd.$h ${BTMMD_PID[$h]}"
		for pid in $(pgrep -P "${BTMMD_PID[$h]}"); do echo "child.$h $pid"; done
		echo "charon.$h $(charon_pid_of "$h")"
	done >"$tap_tmp/pids"
	echo "dnsd ${TOPO_SERVER[server.dnsd]}" >>"$tap_tmp/pids"
	while read -r name pid; do
		awk -v at="$EPOCHSECONDS" -v who="$name $pid" -v fds="$(ls "/proc/$pid/fd" | wc -l)" '
			$1 == "RssAnon:" { rss = $2 } $1 == "Threads:" { threads = $2 }
			END { print at, who, rss, fds, threads }' "/proc/$pid/status"
	done <"$tap_tmp/pids" >>"$day_sizes"
}
# day_judge_growth: who lived through looks in the first and in the last third has not grown
# in between. Half a megabyte is what one more arena of malloc, and the longest queue, cost.
day_judge_growth() {
	awk -v looks="$day_looks" '
		!($1 in n) { n[$1] = ++k }
		{
			who = $2 "[" $3 "]"; seen[who]++
			if (n[$1] <= looks / 3 || looks < 3) {
				if ($4 > rss[who]) rss[who] = $4
				if ($5 > fds[who]) fds[who] = $5
				if ($6 > threads[who]) threads[who] = $6
			}
			last_rss[who] = $4; last_fds[who] = $5; last_threads[who] = $6
		}
		END {
			for (who in seen) if (who in rss)
				print who, rss[who], last_rss[who], fds[who], last_fds[who], threads[who], last_threads[who]
		}' "$day_sizes" | sort >"$tap_tmp/growth"
	cmp_num 'processes were watched' "$(grep -c . "$tap_tmp/growth")" -ge 6
	while read -r who rss last_rss fds last_fds threads last_threads; do
		cmp_num "$who: memory ($rss kB, then $last_rss kB)" "$last_rss" -le $((rss + 512))
		cmp_num "$who: descriptors ($fds, then $last_fds)" "$last_fds" -le $((fds + 1))
		cmp_num "$who: threads" "$last_threads" -le "$threads"
	done <"$tap_tmp/growth"
}

# --- what recurs -------------------------------------------------------------------------------------

day_near_event() { # TIME SECONDS: up to so long after an event
	local e
	for e in "${DAY_EVENTS[@]}"; do (($1 >= e - 1 && $1 <= e + $2)) && return; done
	return 1
}
# day_lost_pings HOST.OTHER: when those were sent that nobody answered, though nothing had
# happened. That there is no answer is said when the next is sent.
day_lost_pings() {
	sed -n 's/^\[\([0-9]*\)[0-9.]*\] no answer yet.*/\1/p' "$TEST_OUT/ping.$1.log" | while read -r t; do
		day_near_event $((t - 60)) 120 || date -u -d "@$((t - 60))" +%T
	done
}
# day_judge_mappings HOST SECONDS: $TEST_OUT/natpmp.log has its requests for a mapping
day_judge_mappings() {
	local last='' t gap longest=0 steady=0
	while read -r t; do
		t=${t%.*}
		if [[ -n $last ]]; then
			gap=$((t - last))
			((gap <= longest)) || longest=$gap
			((gap >= MAPPING / 2 - 10)) && steady=$((steady + 1))
		fi
		last=$t
	done < <(sed -n 's/^\([0-9]*\)\.[0-9]* IP .*/\1/p' "$TEST_OUT/natpmp.log")
	cmp_num "$1's mapping is renewed at half its life, not later ($longest s)" "$longest" -le $((MAPPING / 2 + 10))
	# An event between two renewals has it made anew, and the half begins again.
	cmp_num 'and not sooner, unless something happened' "$steady" -ge $(($2 / (MAPPING / 2) - ${#DAY_EVENTS[@]} - 1))
	diag "$1: $(grep -c ' IP ' "$TEST_OUT/natpmp.log") requests for a mapping, $steady at half its life"
}
# day_judge_keys HOST SECONDS: with each of two peers, and by its charon's log. charon begins
# up to a tenth sooner than it was told (rand_time); two that begin at once have SAs of both.
day_judge_keys() {
	local log=$TEST_OUT/charon.$1.log n ike
	n=$(grep -c 'inbound CHILD_SA .* established' "$log")
	ike=$(grep -c 'IKE_SA .* rekeyed between' "$log")
	cmp_num "$1: keys were renewed in time ($n)" "$n" -ge $((2 * ($2 / REKEY)))
	cmp_num "$1: and not much more often" "$n" -le $((4 * ($2 * 10 / 9 / REKEY + 1)))
	cmp_num "$1: IKE's were ($ike)" "$ike" -ge $((2 * ($2 / (4 * REKEY))))
}
