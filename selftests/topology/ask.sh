# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of topology.sh itself: who reaches whom by UDP.

# echo_on HOST PORT [ADDRESS]: what comes is sent back
echo_on() {
	background "echo.$1.$2" ip netns exec "$1" "$topo_here/nat.py" echo "${3:-0.0.0.0}" "$2"
	wait_for 10 echoes "$1" "$2" || bail "no echo on $1"
}
echoes() { run_ns "$1" ss -Hlun "sport = :$2" | grep -q .; }

# asks HOST ADDRESS PORT [LOCAL-PORT]: is answered by that, as from there
asks() { run_ns "$1" "$topo_here/nat.py" ask-echo "${@:2}"; }

# granted FIELD ANSWER: of what pcp.py or natpmpc said
granted() {
	case $2 in
	*Mapped*) case $1 in
		port) sed -n 's/^Mapped public port \([0-9]*\) .*/\1/p' <<<"$2" ;;
		lifetime) sed -n 's/.* liftime \([0-9]*\)$/\1/p' <<<"$2" ;;
		esac ;;
	*) sed -nE "s/^(.* )?$1=([^ ]*).*/\2/p" <<<"$2" ;;
	esac
}
