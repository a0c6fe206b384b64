# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the packet and netlink parts of the torture share, on top of net.sh and budget.sh.

torture_built=$PWD/build/torture
torture_said=0

# progress TEXT: now and then, for those who wait
progress() {
	(($(now_ms) > torture_said + 5000)) || return 0
	torture_said=$(now_ms)
	diag "progress: $*"
}

# kernel_memory: KiB that the kernel holds and could not give back at once
kernel_memory() {
	local f
	sync
	echo 3 >/proc/sys/vm/drop_caches
	# What KASAN keeps back is given up cache by cache.
	for f in /sys/kernel/slab/*/shrink; do [[ -w $f ]] && echo 1 >"$f"; done
	awk '/^(Slab|KernelStack|PageTables|VmallocUsed|Percpu):/ { n += $2 } END { print n }' /proc/meminfo
}
