# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# systemd as process 1 of hosts, with the units as they are installed; to be sourced before
# topology.sh and lib.sh, as it is what makes the users.
#
#	systemd_boot HOST UNIT...	these are enabled there; nothing else is
#	systemd_off HOST [CMD...]	the power goes, or the machine is shut down by CMD
#	unit_is HOST UNIT STATE		active, failed, ...
#	unit HOST UNIT PROPERTY		what systemd knows
#	pid_of HOST UNIT, pid_status HOST UNIT FIELD
#	journal HOST WORD...		of journalctl
#
# `on HOST` runs things as a shell there would.

systemd_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
systemd_repo=$(cd "$systemd_here/../.." && pwd)
declare -A SYSTEMD=()		# host: the id of its process 1, here
declare -A SYSTEMD_HOLDER=()	# host: the process that kept its name spaces before

need systemctl systemd-sysusers journalctl

# As `make install` does, which has no compiler here
install -m 755 "$systemd_repo"/build/bin/* /usr/sbin/
install -m 644 "$systemd_repo"/userspace/units/*.{service,socket} /lib/systemd/system/
install -D -m 644 "$systemd_repo/userspace/sysusers.d/btmm.conf" /usr/lib/sysusers.d/btmm.conf
systemd-sysusers btmm.conf || bail 'systemd-sysusers does not take our users'

# What systemd itself starts at boot is for real machines.
systemd_clean() { # HOST
	# shellcheck disable=SC2016
	on "$1" bash -c 'rm -rf /etc/systemd/system/*.wants /etc/systemd/system/*.requires
		for u in /lib/systemd/system/*.target.wants/* /lib/systemd/system/tmp.mount; do
			u=${u##*/}
			[[ $u = systemd-journal* ]] || ln -sfn /dev/null "/etc/systemd/system/$u"
		done
		tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id'
}

systemd_boot() {
	local h=$1 holder group=/sys/fs/cgroup/btmm-$1
	shift
	if [[ -z ${SYSTEMD_HOLDER[$h]-} ]]; then
		SYSTEMD_HOLDER[$h]=${TOPO_PID[$h]}
		systemd_clean "$h"
	fi
	TOPO_PID[$h]=${SYSTEMD_HOLDER[$h]}
	[[ $# = 0 ]] || on "$h" systemctl -q enable "$@" 2>>"$TEST_OUT/systemd.$h.log" ||
		bail "$h: cannot enable $*: $(tail -n 3 "$TEST_OUT/systemd.$h.log")"
	mkdir -p "$group"
	# Who is in the cgroup when the name space is made has it for its root.
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec nsenter --target "${TOPO_PID[$h]}" --net --mount --uts -- \
			unshare --pid --mount --ipc --cgroup --fork --kill-child=KILL \
			"$systemd_here/systemd"
	) >>"$TEST_OUT/systemd.$h.log" 2>&1 </dev/null &
	holder=$!
	add_cleanup kill -KILL $holder
	wait_for 20 pgrep -P $holder || bail "$h: no process 1: $(<"$TEST_OUT/systemd.$h.log")"
	SYSTEMD[$h]=$(pgrep -P $holder)
	TOPO_PID[$h]=${SYSTEMD[$h]}
	add_cleanup eval "journal $h >\"\$TEST_OUT/journal.$h\""
	wait_for 30 systemd_up "$h" ||
		bail "$h: systemd does not come up: $(on "$h" systemctl --no-pager list-jobs 2>&1)"
}
# Whatever has failed is for the test to say
systemd_up() { [[ $(on "$1" systemctl is-system-running) =~ ^(running|degraded)$ ]]; }

on() {
	local h=$1
	shift
	# shellcheck disable=SC2086
	nsenter --target "${TOPO_PID[$h]}" --net --mount --uts ${SYSTEMD[$h]+--pid --ipc --cgroup} \
		"--wdns=$PWD" -- "$@"
}

unit() { on "$1" systemctl show --value -p "$3" "$2"; }
unit_is() { [[ $(unit "$1" "$2" ActiveState) = "$3" ]]; }
pid_of() { unit "$1" "$2" MainPID; }
pid_status() { on "$1" sed -n "s/^$3:[[:space:]]*//p" "/proc/$(pid_of "$1" "$2")/status"; }
journal() { on "$1" journalctl -q --no-pager -o short-precise "${@:2}"; }

# systemd_off HOST: waits until it is off; what is in its file systems stays
systemd_off() {
	local h=$1
	wait_for 20 eval "! kill -0 ${SYSTEMD[$h]}" || return
	TOPO_PID[$h]=${SYSTEMD_HOLDER[$h]}
	unset "SYSTEMD[$h]"
}
