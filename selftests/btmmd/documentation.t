#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The commands of Documentation/getting-started.md, as they stand there, make two hosts of
# an account out of two machines, one behind a NAT; so do the README's, which are among them.
# kernels: uml
# timeout: 200
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../topology/topology.sh"
ZONE=alice.example.com
. "$(dirname "$0")/lib.sh"

guide=$(cd "$(dirname "$0")/../.." && pwd)/Documentation/getting-started.md
topology 'internet: server resolver mini' 'home1(natpmp): laptop'
server_setup server $ZONE
resolver_setup resolver $ZONE=server
PIN=$(grep -oE 'sha256//[A-Za-z0-9+/]{43}=' "$TEST_OUT/setup.server.log" | head -n 1)
like 'setup has printed the pin' "$PIN" '^sha256//'
export PIN

# --- what the machines have, and this one has not --------------------------------------
shims=$tap_tmp/shims
mkdir "$shims"
cat >"$shims/apt-get" <<'END'
#!/bin/bash
# The lab's root has the packages; it may install none. Are they known at least?
[[ $1 = install ]] || exit 1
for p in "${@:2}"; do [[ $p = -* ]] || dpkg -s "$p" >/dev/null || exit 1; done
END
cat >"$shims/systemctl" <<'END'
#!/bin/bash
# No systemd here. What is to be stopped must be a unit that Debian has.
[[ $1 = disable && $2 = --now && -e /lib/systemd/system/$3.service ]]
END
cat >"$shims/scp" <<'END'
#!/bin/bash
# scp FROM TO, of which one is root@HOST:PATH; modes are kept, as scp does
there() { nsenter --target "$(<"$SHIMS/pid.$1")" --net --mount --uts -- "${@:2}"; }
set -eo pipefail
[[ $# = 2 ]]
case $1,$2 in
root@*:*,*)
	host=${1#root@} path=${1#*:} host=${host%%:*}
	there "$host" cat "$path" | install -m "$(there "$host" stat -c %a "$path")" /dev/stdin "$2"
	;;
*,root@*:)
	host=${2#root@} host=${host%:}
	there "$host" install -m "$(stat -c %a "$1")" /dev/stdin "/root/$1" <"$1"
	;;
*) exit 1 ;;
esac
END
chmod +x "$shims"/*
echo "${TOPO_PID[server]}" >"$shims/pid.ns.$ZONE"
echo "${TOPO_PID[mini]}" >"$shims/pid.mini"
export SHIMS=$shims

# --- the guide, from its beginning to its end --------------------------------------------
# here HOST CMD...: in root's home
here() { on "$1" env --chdir=/root "PATH=$shims:$PATH" "${@:2}"; }
answers() { here "$1" btmm-ctl status; }
finds() { here laptop btmm-ctl browse --json | jq -e 'any(.[]; .type == "_ssh._tcp")'; }
run=0
# follow HOST COMMAND
follow() {
	run=$((run + 1))
	if [[ $2 = 'systemctl enable --now btmmd btmm-charon' ]]; then
		host_start "$1"
		ok "$1: $2" wait_for 20 answers "$1" || trouble "$1"
	else
		ok "$1: $2" here "$1" bash -c "$2"
	fi
}
blocks=0
while IFS= read -r -u 3 line; do
	if [[ $line = '```sh '* ]]; then
		blocks=$((blocks + 1))
		hosts=${line#'```sh '}
		case $hosts in
		'every host' | 'laptop mini') hosts='laptop mini' ;;
		'laptop, when all is up')
			# Each has the other's name from its own btmmd, by the C library.
			ok 'the hosts reach each other' wait_for 40 reach_all laptop mini ||
				trouble laptop mini
			is 'and the server, which has no tunnel' \
				"$(on laptop getent ahostsv4 ns.$ZONE | awk 'NR == 1 { print $1 }')" "$(addr server)"
			hosts=laptop
			;;
		'laptop, a moment later')
			ok 'the service is found' wait_for 10 finds
			hosts=laptop
			;;
		laptop | mini) ;;
		*) bail "nobody knows where this is to be done: $line" ;;
		esac
	elif [[ $line = '```' ]]; then
		hosts=
	elif [[ -n ${hosts-} ]]; then
		for h in $hosts; do follow "$h" "$line"; done
	fi
done 3<"$guide"
cmp_num 'the guide has blocks' $blocks -ge 8
cmp_num 'and commands' $run -ge 30

is 'no key is left lying about' "$(for h in laptop mini; do here $h find . -name '*.key' -o -name '*.btmm'; done)" ''
no_name() { ! on laptop getent ahostsv6 "$(fqdn mini)"; }
ok 'the host that was removed is gone' wait_for 10 no_name
done_testing
