# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What scripts/lab, the Makefile's helper and scripts/check share: where the
# cache is, what is in it, and how it gets there. Everything in the cache is
# named by a hash of what it was made from, so a changed input makes a new
# entry, and an entry once made is never modified.

lab_d=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$lab_d/../.." && pwd)
cache=${BTMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/btmm}

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$@"; exit 97; }

hash_of() { sha256sum | cut -c1-12; }

# with_lock NAME CMD...: one maker at a time; the others wait and then find
# the thing made.
with_lock() {
	local name=$1 rc=0
	shift
	mkdir -p "$cache/locks"
	exec {lock_fd}>"$cache/locks/$name"
	if ! flock -n "$lock_fd"; then
		say "waiting for another process that makes $name"
		flock "$lock_fd"
	fi
	( eval "exec ${lock_fd}>&-"; "$@" ) || rc=$?
	exec {lock_fd}>&-
	return $rc
}

# quietly LOG CMD...: long output goes to LOG, its end is shown on failure
quietly() {
	local log=$1
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		say "failed: $*"
		return 1
	fi
}

check_cache_path() {
	case $cache in
	/*) ;;
	*) die "the cache path must be absolute: $cache" ;;
	esac
	case $cache in
	*[[:space:],:]*) die "the cache path may not hold blanks, commas or colons: $cache (set BTMM_CACHE)" ;;
	esac
	mkdir -p "$cache" || die "cannot create $cache"
}

# --- the root -----------------------------------------------------------

root_packages() { sed 's/#.*//' "$lab_d/root.packages" | tr -s ' \t\n' '\n' | sed '/^$/d' | sort -u; }

root_path() { printf '%s/root-%s\n' "$cache" "$( { echo format 2; id -u; root_packages; cat "$lab_d/uml-stub"; } | hash_of)"; }

# The Debian sources of this machine, and only those: other vendors' sources
# have no place in the root.
debian_sources() {
	local f
	for f in /etc/apt/sources.list.d/*.sources; do
		[[ -e $f ]] || continue
		awk 'BEGIN { RS = ""; ORS = "\n\n" }
		     /(^|\n)Types:[^\n]*deb/ && /debian-archive/ && /bookworm/' "$f"
	done
}
debian_sources_list() {
	local f
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[[ -e $f ]] || continue
		grep -hE '^deb[[:space:]].*[/.]debian(-security)?/?[[:space:]]+bookworm' "$f"
	done
}

make_root() {
	local dest tmp src include mode pre
	dest=$(root_path)
	[[ -e $dest ]] && return 0
	command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: run scripts/setup"
	command -v busybox >/dev/null || die "busybox is missing: run scripts/setup"
	say "making the lab root (a minute; once) in $dest"
	tmp=$(mktemp -d "$cache/tmp.root.XXXXXX")
	debian_sources >"$tmp/lab.sources"
	debian_sources_list >"$tmp/lab.list"
	if [[ -s $tmp/lab.sources ]]; then src=$tmp/lab.sources; else src=$tmp/lab.list; fi
	[[ -s $src ]] || die "no Debian bookworm package source is configured on this machine"
	include=$(root_packages | paste -sd,)
	pre=(--variant=minbase "--include=$include"
		"--aptopt=APT::Install-Recommends \"false\""
		--dpkgopt=path-exclude=/usr/share/man/*
		--dpkgopt=path-exclude=/usr/share/locale/*
		--dpkgopt=path-exclude=/usr/share/doc/*
		--dpkgopt=path-include=/usr/share/doc/*/copyright
		# At every start this one asks the kernel for each algorithm, and each
		# question starts a modprobe: seven seconds, for nothing we use.
		--dpkgopt=path-exclude=/usr/lib/ipsec/plugins/libstrongswan-af-alg.so)
	mkdir "$tmp/root"
	if [[ $(id -u) = 0 ]]; then
		quietly "$tmp/log" mmdebstrap --mode=root --format=directory "${pre[@]}" \
			bookworm "$tmp/root" "$src" || die "mmdebstrap failed"
	else
		# The root belongs to whoever runs the lab: take it through a tar.
		mode=unshare
		command -v newuidmap >/dev/null || mode=auto
		quietly "$tmp/log" mmdebstrap "--mode=$mode" --format=tar "${pre[@]}" \
			bookworm "$tmp/root.tar" "$src" || die "mmdebstrap failed"
		tar -C "$tmp/root" --no-same-owner --exclude='./dev/*' -xf "$tmp/root.tar" ||
			die "the root could not be unpacked"
		chmod -R u+rwX "$tmp/root"
	fi
	finish_root "$tmp/root"
	mv "$tmp/root" "$dest"
	rm -rf "$tmp"
}

finish_root() {
	local r=$1
	mkdir -p "$r/lab/bin" "$r/lab/run" "$r/lab/cache" "$r/lab/old" "$r/lab/mod" "$r/btmm"
	install -m 755 "$lab_d/uml-stub" "$r/lab/uml-stub"
	install -m 755 "$(command -v busybox)" "$r/lab/bin/busybox"
	printf 'lab\n' >"$r/etc/hostname"
	printf '127.0.0.1 localhost lab\n::1 localhost ip6-localhost\n' >"$r/etc/hosts"
	: >"$r/etc/resolv.conf"
}

# --- the kernel source and User-Mode Linux --------------------------------

uml_source=linux-source-6.12

source_version() { dpkg-query -W -f '${Version}' "$uml_source" 2>/dev/null; }
source_path() {
	printf '%s/source-%s-%s\n' "$cache" "$(source_version)" "$(hash_of <"$lab_d/uml.patch")"
}

make_source() {
	local dest tmp
	[[ -n $(source_version) && -e /usr/src/$uml_source.tar.xz ]] ||
		die "the package $uml_source is missing: run scripts/setup"
	dest=$(source_path)
	[[ -e $dest ]] && return 0
	say "unpacking $uml_source (a minute; once)"
	tmp=$(mktemp -d "$cache/tmp.source.XXXXXX")
	tar -C "$tmp" -xJf "/usr/src/$uml_source.tar.xz" || die "$uml_source could not be unpacked"
	quietly "$tmp/log" patch -d "$tmp"/linux-source-* -p1 -i "$lab_d/uml.patch" ||
		die "scripts/lab.d/uml.patch does not fit $uml_source $(source_version)"
	mv "$tmp"/linux-source-* "$dest"
	rm -rf "$tmp"
}

uml_fragments() {
	echo "$lab_d/uml.config"
	[[ $1 = uml ]] || echo "$lab_d/$1.config"
}

# shellcheck disable=SC2046
uml_path() {
	printf '%s/%s-%s\n' "$cache" "$1" "$( { echo format 1; source_version
		cat "$lab_d/uml.patch" $(uml_fragments "$1"); } | hash_of)"
}

# Every wanted symbol must have survived olddefconfig: a test that quietly
# lacks what it needs is worse than none.
check_config() {
	local config=$1 line want sym bad=0
	local -A wanted=()
	shift
	while IFS= read -r line; do
		want=${line%%[[:space:]]*# optional}
		case $want in
		'# CONFIG_'*' is not set') sym=${want#\# } sym=${sym% is not set} ;;
		CONFIG_*) sym=${want%%=*} ;;
		*) continue ;;
		esac
		# a later fragment overrides an earlier one
		unset "wanted[$sym]"
		[[ $line = *'# optional' ]] || wanted[$sym]=$want
	done < <(cat "$@")
	for sym in "${!wanted[@]}"; do
		want=${wanted[$sym]}
		case $want in
		'#'*) grep -qE "^$sym=" "$config" || continue ;;
		*) grep -qxF -- "$want" "$config" && continue ;;
		esac
		say "wanted: $want; the kernel has: $(grep -E "${sym}[ =]" "$config" || echo nothing)"
		bad=1
	done
	return $bad
}

# shellcheck disable=SC2046
make_uml() {
	local kind=$1 dest src
	dest=$(uml_path "$kind")
	[[ -e $dest/.complete ]] && return 0
	with_lock source make_source || exit
	src=$(source_path)
	say "building the $kind kernel (5 minutes, uml-debug 10; once) in $dest"
	mkdir -p "$dest"
	quietly "$dest/log" make -C "$src" ARCH=um "O=$dest" defconfig || exit 97
	(
		cd "$dest" || exit 97
		quietly "$dest/log" "$src/scripts/kconfig/merge_config.sh" -m -Q .config \
			$(uml_fragments "$kind") || exit 97
		quietly "$dest/log" make ARCH=um olddefconfig || exit 97
		check_config .config $(uml_fragments "$kind") || die "the $kind configuration lost symbols"
		quietly "$dest/log" nice make ARCH=um "-j$(nproc)" all || exit 97
		rm -rf inst
		quietly "$dest/log" make ARCH=um modules_install INSTALL_MOD_PATH="$dest/inst" || exit 97
	) || exit
	touch "$dest/.complete"
	say "$kind is ready"
}

# --- Debian's own kernels -------------------------------------------------

# stock_kver 6.12: the newest kernel of that series whose headers are here
stock_kver() {
	local d
	for d in /lib/modules/"$1".*-amd64/build; do
		[[ -e $d ]] || continue
		d=${d%/build}
		d=${d##*/}
		case $d in
		*-rt-* | *-cloud-*) continue ;;
		esac
		echo "$d"
	done | sort -V | tail -n 1
}

stock_path() { printf '%s/kernel-%s-%s\n' "$cache" "$1" "$( { echo format 1; cat "$lab_d/initramfs-init"; } | hash_of)"; }

# What no guest of ours has: taken out so that depmod and modprobe are quick.
stock_prune='gpu|media|infiniband|scsi|staging|usb|iio|hwmon|input|hid|mmc|mtd|nvme|ata|bluetooth|platform|mfd|power|leds|i2c|video|comedi|isdn|firewire|thunderbolt|md|rtc|regulator|soundwire|edac'

make_stock() {
	local kver=$1 dest tmp mods deb f
	dest=$(stock_path "$kver")
	[[ -e $dest ]] && return 0
	say "unpacking the Debian kernel $kver (half a minute; once)"
	tmp=$(mktemp -d "$cache/tmp.kernel.XXXXXX")
	chmod 755 "$tmp"
	mkdir "$tmp/k"
	(cd "$tmp" && quietly "$tmp/log" apt-get -q download "linux-image-$kver") ||
		die "linux-image-$kver cannot be downloaded: is the headers package up to date? (scripts/setup)"
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$tmp/x" || die "cannot unpack $deb"
	done
	mods=$tmp/k/modules
	mv "$tmp/x/boot/vmlinuz-$kver" "$tmp/k/vmlinuz"
	mv "$tmp/x/boot/config-$kver" "$tmp/k/config"
	mv "$tmp/x/lib/modules/$kver" "$mods"
	(
		cd "$mods/kernel" || exit 1
		rm -rf sound drivers/net/wireless drivers/net/ethernet/[!i]* 
		for f in drivers/*; do
			[[ ${f##*/} =~ ^($stock_prune)$ ]] && rm -rf "$f"
		done
		find . -name '*.ko.xz' -print0 | xargs -0 -r -n 64 -P "$(nproc)" xz -d
	) || die "cannot prepare the modules of $kver"
	rm -f "$mods/build" "$mods/source"
	mkdir -p "$tmp/b/lib/modules"
	ln -s "$mods" "$tmp/b/lib/modules/$kver"
	sed -i 's/\.ko\.xz$/.ko/' "$mods/modules.order"
	depmod -b "$tmp/b" "$kver" || die "depmod failed"
	make_initramfs "$kver" "$tmp/b" "$tmp/i" "$tmp/k/initramfs" || die "cannot make the initramfs"
	mv "$tmp/k" "$dest"
	rm -rf "$tmp"
}

make_initramfs() {
	local kver=$1 base=$2 dir=$3 out=$4 busybox m f n=10
	busybox=$(command -v busybox) || die "busybox is missing: run scripts/setup"
	mkdir -p "$dir"/{bin,m,proc,sys,dev,c,o,r}
	cp "$busybox" "$dir/bin/busybox"
	ln -s busybox "$dir/bin/sh"
	install -m 755 "$lab_d/initramfs-init" "$dir/init"
	for m in virtio_pci 9pnet_virtio 9p overlay virtio_rng; do
		while read -r _ f _; do
			[[ $f = *.ko ]] || continue
			compgen -G "${dir}/m/*_${f##*/}" >/dev/null && continue
			cp "$f" "$dir/m/${n}_${f##*/}"
			n=$((n + 1))
		done < <(modprobe -d "$base" -S "$kver" --show-depends "$m" | grep '^insmod')
	done
	(cd "$dir" && find . | cpio -o -H newc --quiet -R 0:0) >"$out"
}

# --- our module among a kernel's ------------------------------------------

# module_index KVER MODDIR: a directory holding MODDIR's modules.* as depmod
# writes them with build/modules/KVER/*.ko under updates/. depmod runs only
# when what it reads in our modules changed.
module_index() {
	local kver=$1 mods=$2 key dest tmp ko
	local -a kos=()
	for ko in "$repo/build/modules/$kver"/*.ko; do
		[[ -e $ko ]] && kos+=("$ko")
	done
	if [[ ${#kos[@]} = 0 ]]; then
		return 0
	fi
	key=$( { echo format 1; echo "$mods"; for ko in "${kos[@]}"; do
		echo "${ko##*/}"
		modinfo -F depends "$ko"; modinfo -F alias "$ko"; modinfo -F softdep "$ko"
		done; } | hash_of)
	dest=$cache/index-$key
	if [[ ! -e $dest ]]; then
		tmp=$(mktemp -d "$cache/tmp.index.XXXXXX")
		chmod 755 "$tmp"
		mkdir -p "$tmp/lib/modules/$kver/updates"
		ln -s "$mods/kernel" "$tmp/lib/modules/$kver/kernel"
		cp "$mods"/modules.{order,builtin,builtin.modinfo} "$tmp/lib/modules/$kver/"
		cp "${kos[@]}" "$tmp/lib/modules/$kver/updates/"
		depmod -b "$tmp" "$kver" || die "depmod failed"
		rm -rf "${tmp:?}/lib/modules/$kver/updates" "$tmp/lib/modules/$kver/kernel"
		mv "$tmp/lib/modules/$kver" "$tmp/index"
		rm -rf "${tmp:?}/lib"
		mv "$tmp/index" "$dest" 2>/dev/null || [[ -e $dest ]] || die "cannot write $dest"
		rm -rf "$tmp"
	fi
	echo "${dest##*/}"
}
