#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Usage: CC=compiler probe.sh PROBEDIR OUTPUT CFLAGS...
#
# Compiles every PROBEDIR/<name>.c with the kernel's own flags and writes
# OUTPUT, a header with "#define HAVE_<NAME> 1" for each one that compiles.
# That the flags work at all is tried first: else every answer would be no.
set -eu
dir=$1 out=$2
shift 2

# The flags name a dependency file for the target; a probe must not write it.
for arg; do
	shift
	case $arg in
	-Wp,-MMD,* | -Wp,-MD,*) ;;
	*) set -- "$@" "$arg" ;;
	esac
done

mkdir -p "$(dirname "$out")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

printf '#include <net/genetlink.h>\nint probe;\n' >"$tmp/works.c"
if ! $CC "$@" -Wno-error -c "$tmp/works.c" -o "$tmp/probe.o" >"$tmp/log" 2>&1; then
	echo "probe.sh: the compiler does not work with the kernel's flags:" >&2
	cat "$tmp/log" >&2
	exit 1
fi

{
	echo "/* SPDX-License-Identifier: GPL-2.0 */"
	echo "/* Made by kernel/compat/probe.sh; do not edit. */"
	for probe in "$dir"/*.c; do
		name=$(basename "$probe" .c | tr '[:lower:]' '[:upper:]')
		if $CC "$@" -c "$probe" -o "$tmp/probe.o" >"$tmp/log" 2>&1; then
			echo "#define HAVE_$name 1"
		else
			echo "/* HAVE_$name: no */"
		fi
	done
} >"$tmp/have.h"
mv "$tmp/have.h" "$out"
