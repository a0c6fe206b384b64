# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the parts of scripts/bench-scale have in common, on top of lib/tap.sh: figures, and
# what memory and processor time something has taken.

scale_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scale_out=$scale_here/../../build/bench/scale.d
mkdir -p "$scale_out"

# scale_begin PART: its figures are new ones
scale_begin() {
	scale_part=$scale_out/$1.jsonl
	: >"$scale_part"
	# One that fails says so, and leaves what it had.
	tap_done=yes
}

# figure NAME VALUE UNIT
figure() {
	printf '{"name": "%s", "value": %s, "unit": "%s"}\n' "$1" "$2" "$3" >>"$scale_part"
	printf '%-44s %12s %s\n' "$1" "$2" "$3" >&2
}
# calc EXPRESSION: a number, as awk computes it
calc() { awk "BEGIN { printf \"%.6g\", $1 }"; }
# least NUMBER...: what else the machine does can only add to a time
least() { printf '%s\n' "$@" | sort -g | head -n 1; }
# median NUMBER...
median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# of_json FILE KEY
of_json() { jq -r ".$2" "$1"; }

# What the kernel has of the memory for itself, in KiB: neither free (pages that are kept
# for the next one who wants some are free), nor a process's, nor a file's.
kernel_kib_now() {
	echo 3 >/proc/sys/vm/drop_caches
	awk -v page=$(($(getconf PAGESIZE) / 1024)) '
		FILENAME ~ /zoneinfo/ && $1 == "count:" { free += $2 * page }
		FILENAME ~ /meminfo/ { m[$1] = $2 }
		END {
			all = m["MemTotal:"] - m["MemFree:"] - free
			print all - m["Buffers:"] - m["Cached:"] - m["SwapCached:"] - m["AnonPages:"]
		}' /proc/zoneinfo /proc/meminfo
}
# RCU and work queues free later: until two looks are the same but for 64 KiB.
kernel_kib() {
	local last=0 now end=$((SECONDS + 60))
	now=$(kernel_kib_now)
	while (((now - last > 64 || last - now > 64) && SECONDS < end)); do
		last=$now
		nap 0.3
		now=$(kernel_kib_now)
	done
	echo "$now"
}

# cpu_ms PID: of the processor, so far
cpu_ms() {
	sed 's/.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print int(($12 + $13) * 1000 / hz) }'
}
# hwm_kib PID: the most it has had; pss_kib PID: what it has now, its part of what is shared
hwm_kib() { awk '$1 == "VmHWM:" { print $2 }' "/proc/$1/status"; }
pss_kib() { awk '$1 == "Pss:" { print $2 }' "/proc/$1/smaps_rollup"; }
anon_kib() { awk '$1 == "RssAnon:" { print $2 }' "/proc/$1/status"; }

# since MS: ms
since() { echo $(($(now_ms) - $1)); }
