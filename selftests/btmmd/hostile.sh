# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What hostile*.t look at after each harm that is tried, on top of lib.sh: that a host is
# as it was, and that no secret is anywhere but where it belongs.
#
#	remember HOST...	how each is now
#	unharmed DESC HOST...	each is so, or is so again within some seconds
#	no_secrets HOST...	in logs, on command lines

declare -A HOSTILE_WAS=() HOSTILE_RSS=()

# how HOST: its address, where it is published, whom it knows and where its kernel sends to
how() {
	on "$1" btmm-ctl --json status | jq -c '.[0]|[.state, .ula, .publication.current, .mapping.endpoint]' &&
		on "$1" btmm-ctl --json peers | jq -c '[.[]|select(.present)|[.name, .ula, .published, .endpoint]]|sort'
}
rss() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/${BTMMD_PID[$1]}/status"; }
remember() {
	local h
	for h; do
		HOSTILE_WAS[$h]=$(how "$h")
		HOSTILE_RSS[$h]=$(rss "$h")
		diag "$h: $(tr '\n' ' ' <<<"${HOSTILE_WAS[$h]}"), ${HOSTILE_RSS[$h]} kB"
	done
}
as_it_was() { [[ $(how "$1") = "${HOSTILE_WAS[$1]}" ]]; }
# unharmed DESC HOST...
unharmed() {
	local desc=$1 h now
	shift
	for h; do
		ok "$desc: $h's btmmd is there" kill -0 "${BTMMD_PID[$h]}"
		ok "$desc: $h is as it was" wait_for 10 as_it_was "$h" ||
			diag "was: ${HOSTILE_WAS[$h]}" "is: $(how "$h")" "$(tail -n 5 "$TEST_OUT/btmmd.$h.log")"
		now=$(rss "$h")
		cmp_num "$desc: $h has not grown much (${HOSTILE_RSS[$h]} to $now kB)" \
			$((now - HOSTILE_RSS[$h])) -lt 6000
	done
}
# lines HOST REGEX: how often it said that
lines() { grep -cE "$2" "$TEST_OUT/btmmd.$1.log"; }
# says_once DESC HOST REGEX
says_once() {
	if [[ $(lines "$2" "$3") = 1 ]]; then
		pass "$1: $2 says so, once"
	else
		fail "$1: $2 says so, once" "$(lines "$2" "$3") lines like $3: $(tail -n 8 "$TEST_OUT/btmmd.$2.log")"
	fi
}

# secrets_of HOST: each in a line, as the bundle has them
secrets_of() {
	on "$1" sed -n 's/^key [^ ]* [^ ]* //p; /^private-key$/,/^-----END/{/^-----\|^private/!p}' /etc/btmm/host/host
}
no_secrets() {
	local h
	for h; do secrets_of "$h"; done | grep . >"$tap_tmp/secrets"
	cmp_num 'secrets to look for' "$(grep -c . "$tap_tmp/secrets")" -ge $(($# * 2))
	# In hexadecimal, too: what a careless dump would show
	while read -r h; do base64 -d <<<"$h" | od -An -v -tx1 | tr -d ' \n' | tail -c 40; echo; done \
		<"$tap_tmp/secrets" >"$tap_tmp/secrets.hex"
	is 'each in hexadecimal, too' "$(grep -cE '^[0-9a-f]{40}$' "$tap_tmp/secrets.hex")" "$(grep -c . "$tap_tmp/secrets")"
	is 'no log has one' "$(grep -rlFf "$tap_tmp/secrets" --include='*.log' "$TEST_OUT"; grep -rliFf \
		"$tap_tmp/secrets.hex" --include='*.log' "$TEST_OUT")" ''
	is 'nor a command line' "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -cFf "$tap_tmp/secrets")" 0
	is 'nor an environment' "$(cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -cFf "$tap_tmp/secrets")" 0
}
