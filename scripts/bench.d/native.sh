# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bench --native: on the kernel that runs here. Everything happens in namespaces; what
# stays are the modules that were loaded.

native() {
	local kver p t round
	local -a todo=()
	kver=$(uname -r)
	[[ $(id -u) = 0 ]] || bad '--native makes namespaces and loads a module: run it as root'
	if [[ ! -e /proc/modules ]]; then
		native_no_module "$kver" 'it has no loadable modules'
	elif [[ ! -e /lib/modules/$kver/build/Makefile ]]; then
		native_no_module "$kver" "there are no headers in /lib/modules/$kver/build"
	fi
	for p in ip:iproute2 wg:wireguard-tools ethtool:ethtool jq:jq ping:iputils-ping \
		unshare:util-linux awk:mawk; do
		command -v "${p%:*}" >/dev/null || bad "${p%:*} is missing (package ${p#*:})"
	done
	build
	say "building autotunnel.ko and the programs for $kver"
	make -s modules userspace "KVER=$kver" >&2 || die 'the build failed'
	PATH=$PWD/build/bin:$PATH

	{
		conditions
		native_conditions
	} | tee "$runs"
	for ((round = 1; round <= rounds; round++)); do
		todo+=("@$round")
		while IFS= read -r t; do todo+=("$t"); done < <(chosen own_hardware)
	done
	selftests/bench/run "${todo[@]}" 2>$out/native.err </dev/null | tee $out/native.out | told native
	if [[ ${PIPESTATUS[0]} = 97 ]]; then
		native_no_module "$kver" "$(tail -n 1 $out/native.err)"
	fi
}

native_no_module() {
	cat >&2 <<-EOT
	bench: no native figures here: the kernel that runs ($1) cannot have autotunnel.ko.
	   $2
	It takes root, a kernel that loads modules, and headers of exactly that kernel (on
	Debian: apt install linux-headers-$1). In a container, or in a virtual machine whose
	kernel is somebody else's, use plain "make bench", which brings its own kernels.
	EOT
	exit 97
}

# What the figures of a machine with a NIC and many processors hang on.
native_conditions() {
	local dev=$nic feature
	echo "# memory: $(awk '/^MemTotal:/ { print int($2 / 1048576) }' /proc/meminfo) GiB"
	echo "# load before: $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "# frequency: $(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo 'no governor'), NUMA nodes $(find /sys/devices/system/node -maxdepth 1 -name 'node[0-9]*' 2>/dev/null | wc -l)"
	echo "# ciphers: $(awk '/^flags/ { for (i = 1; i <= NF; i++) if ($i ~ /^(aes|vaes|pclmulqdq|vpclmulqdq|avx2|avx512f)$/) printf "%s ", $i; exit }' /proc/cpuinfo)"
	[[ -n $dev ]] || dev=$(ip -j route show default 2>/dev/null | jq -r '.[0].dev // empty')
	[[ -n $dev ]] || { echo '# nic: none'; return; }
	echo "# nic: $dev, $(ethtool -i "$dev" 2>/dev/null | sed -n 's/^driver: //p'), $(ethtool "$dev" 2>/dev/null | sed -n 's/.*Speed: //p'), $(find "/sys/class/net/$dev/queues" -name 'rx-*' 2>/dev/null | wc -l) receive queues"
	for feature in tcp-segmentation-offload generic-segmentation-offload \
		generic-receive-offload tx-gso-list tx-udp-segmentation rx-gro-list \
		rx-udp-gro-forwarding tx-esp-segmentation esp-hw-offload; do
		ethtool -k "$dev" 2>/dev/null | sed -n "s/^\($feature: .*\)/# nic \1/p"
	done
}
