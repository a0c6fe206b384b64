# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# How long hosts take to find each other, on top of lib.sh:
#
#	discovery_watch HOST...	before they are started
#	host_start HOST...
#	discovery_wait LIMIT	until each has reached each by name
#	discovery_ms		how long that took
#	discovery_story		what happened meanwhile, in ms of that time
#	discovery_end
#
# The time begins when the last of their daemons, btmmd and charon of each host, says that
# it is ready, as it says to systemd (READY=1 of sd_notify(3)). From then on each host looks
# up each other one, connects with it by TCP and waits for an echo; what fails is tried
# again 50 ms later. It ends when the last one has succeeded.

discovery_n=0

discovery_watch() {
	local a b names daemons=()
	chmod 711 "$tap_tmp"	# btmmd has to get to its socket
	DISCOVERY_DIR=$tap_tmp/discovery.$((discovery_n += 1))
	mkdir "$DISCOVERY_DIR"
	discovery_hosts=("$@") discovery_files=() discovery_pids=()
	for a; do
		daemons+=("$a.btmmd" "$a.charon")
		names=()
		for b; do
			[[ $a != "$b" ]] || continue
			names+=("$b.$ZONE")
			discovery_files+=("$DISCOVERY_DIR/$a.$b.$ZONE")
		done
		start "$a" "reach.$a" "$btmmd_here/reach" "$DISCOVERY_DIR" "$a" "${names[@]}"
		discovery_pids+=("$bg_pid")
	done
	background readiness "$btmmd_here/readiness" "$DISCOVERY_DIR" "${daemons[@]}"
	for a; do
		wait_for 20 test -e "$DISCOVERY_DIR/$a.up" || bail "reach: $(<"$TEST_OUT/reach.$a.log")"
	done
	wait_for 20 test -e "$DISCOVERY_DIR/listening" || bail "readiness: $(<"$TEST_OUT/readiness.log")"
}

# What was started for it ends.
discovery_end() {
	kill "${discovery_pids[@]}"
	wait "${discovery_pids[@]}" 2>/dev/null
	DISCOVERY_DIR=
}

# Without starting a process: there is one CPU for all hosts.
discovery_done() {
	local f
	for f in "${discovery_files[@]}"; do [[ -e $f ]] || return 1; done
}
discovery_wait() { wait_for "$1" discovery_done; }

discovery_ready() { [[ -e $DISCOVERY_DIR/all ]] && echo $(($(<"$DISCOVERY_DIR/all"))); }
discovery_ms() {
	local f t last=0
	for f in "${discovery_files[@]}"; do
		t=$(<"$f")
		((t <= last)) || last=$t
	done
	echo $((last - $(discovery_ready)))
}

# of btmmd's logs since the last start, "HOST MS WHAT"; charon's likewise
discovery_story() {
	local h f ready
	ready=$(discovery_ready) || { echo "not ready: $(cd "$DISCOVERY_DIR" && echo ./*)"; return; }
	for h in "${discovery_hosts[@]}"; do
		for f in btmmd charon; do
			echo "$h $(($(<"$DISCOVERY_DIR/$h.$f") - ready)) $f is ready"
		done
		discovery_log "$h" "$ready" <"$TEST_OUT/btmmd.$h.log"
		discovery_log "$h" "$ready" <"$TEST_OUT/charon.$h.log" |
			grep -E 'spawning|vici connection|initiat|established with|NO_PROP|error|terminate'
	done
	for f in "${discovery_files[@]}"; do
		[[ -e $f ]] && echo "${f##*/} $(($(<"$f") - ready)) reached"
		[[ -s $f.tries ]] && sed "s/^/${f##*\/} tried /" "$f.tries"
	done
}
# discovery_log HOST READY: lines that begin with HH:MM:SS.mmm, since 20 s before READY
discovery_log() {
	awk -v host="$1" -v ready="$2" '$1 ~ /^[0-9:.]+$/ {
		split($1, t, ":"); at = (t[1] * 3600 + t[2] * 60 + t[3]) * 1000 - ready % 86400000
		if (at > -20000) { $1 = ""; printf "%s %d%s\n", host, at, $0 }
	}'
}

# percentile P NUMBER...: the least that P percent are not above
percentile() {
	local p=$1
	shift
	printf '%s\n' "$@" | sort -n | sed -n "$((($# * p + 99) / 100))p"
}
