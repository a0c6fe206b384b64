# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a cipher alone costs in this kernel, by its own test module. With bare veth it
# gives the limit: what a tunnel would do that costs nothing.

# The module loads never: it says what it measured, and refuses. Its modes are numbers.
cipher_cost() {
	local mode name cycles
	case $1 in
	gcm) mode=211 name='rfc4106(gcm(aes))' ;;
	chacha) mode=213 name='rfc7539esp(chacha20,poly1305)' ;;
	*) nothing "cipher:$1" ;;
	esac
	modinfo tcrypt >/dev/null 2>&1 || bail 'this kernel has no tcrypt'
	dmesg >"$tap_tmp/before"
	modprobe tcrypt mode=$mode 2>"$TEST_OUT/tcrypt.err"
	# Encryption, the first (for AES: shortest) key, blocks nearest to a packet
	cycles=$(dmesg | awk -v skip="$(wc -l <"$tap_tmp/before")" -v name="$name" '
		NR <= skip { next }
		index($0, "testing speed of") { on = index($0, name " ") && /encryption/ }
		on && !done && /1420 byte blocks/ && match($0, /in [0-9]+ cycles/) {
			print substr($0, RSTART + 3, RLENGTH - 10)
			done = 1
		}')
	[[ -n $cycles ]] || bail "tcrypt says nothing of $name: $(<"$TEST_OUT/tcrypt.err")"
	# in the guest a cycle is an instruction, and a nanosecond
	echo "measured 1420 $cycles $cycles"
}
