#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What every guest offers the tests: name spaces, module loading, devices.
# kernels: uml uml-debug 6.1 6.12
. "$(dirname "$0")/../lib/tap.sh"

ok 'a name space' ip netns add a
ok 'and another' ip netns add b
ok 'veth between them' ip link add va netns a type veth peer name vb netns b
run_ns a ip addr add 192.0.2.1/24 dev va
run_ns b ip addr add 192.0.2.2/24 dev vb
run_ns a ip link set va up
run_ns b ip link set vb up
ok 'ping across' wait_for 10 run_ns a ping -c 1 -W 1 192.0.2.2
ok 'esp6_offload loads' modprobe esp6_offload
ok 'netem' run_ns a tc qdisc add dev va root netem delay 1ms
ok 'nftables' run_ns a nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }'
ok 'an ESP state with AES-GCM' run_ns a ip xfrm state add src fd00::1 dst fd00::2 proto esp spi 0x1000 \
	mode tunnel aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128
ok '/run can be written' touch /run/x
ok '/tmp can be written' touch /tmp/x
ok 'shared memory' touch /dev/shm/x
ok 'debugfs' test -d /sys/kernel/debug/netns -o -e /sys/kernel/debug/sleep_time -o -d /sys/kernel/debug/bdi
ok 'charon is there' test -x /usr/sbin/charon-systemd
ok 'artifacts can be written' touch "$TEST_OUT/artifact"
ok 'randomness does not block' timeout 5 head -c 32 /dev/random
done_testing
