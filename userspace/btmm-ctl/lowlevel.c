// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl ike answer, btmm-ctl dgram send: what the daemon does, by hand.
 */
#include <errno.h>
#include <string.h>

#include "../lib/text/number.h"
#include "ctl.h"

const char help_ike_answer[] =
"This is what the daemon does, for tests and for looking into things. The kernel\n"
"holds an IKE datagram of an unknown source for 5 seconds and says so in an\n"
"event, which names it by HOLD (see 'btmm-ctl monitor'). The answer is the ULA\n"
"of the peer that sent it, or drop.\n";

const char help_dgram_send[] =
"This is what the daemon does, for tests and for looking into things. HEX are\n"
"the octets of the UDP payload. The kernel takes only what the other side gives\n"
"to its daemon: signalling (at least 8 octets, the first word 1 to 255) or STUN\n"
"(RFC 8489).\n";

/* Read "[dev DEV]" and find the device. */
static int find_device(int argc, char **argv, struct device *dev,
		       struct nl_conn **c)
{
	struct word w[] = {
		{ .name = "dev", .want = "the name of a tunnel device" },
		{ .name = NULL },
	};
	int err;

	err = words_read(w, argc, argv);
	if (!err)
		err = kernel_open(c);
	if (!err)
		err = kernel_find_device(w[0].value, dev);
	return err;
}

int cmd_ike_answer(int argc, char **argv)
{
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_IKE_ANSWER,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) |
			AT_BIT(AUTOTUNNEL_A_HOLD),
	};
	struct device dev;
	struct nl_conn *c;
	int err;

	if (argc < 2)
		return fail_usage("%s is missing", argc ? "a ULA or drop" :
				  "the number of the held datagram");
	if (text_to_uint_or_hex(argv[0], 0, UINT64_MAX, &req.hold))
		return fail_usage("'%s' is not the number of a held datagram",
				  argv[0]);
	if (strcmp(argv[1], "drop")) {
		err = words_read_ula("peer", argv[1], &req.peer.ula);
		if (err)
			return err;
		req.have |= AT_BIT(AUTOTUNNEL_A_PEER);
		req.peer.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA);
	}
	err = find_device(argc - 2, argv + 2, &dev, &c);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	err = kernel_request(&req, NULL, NULL);
	if (err)
		return fail_kernel(c, err, "cannot answer for datagram %s",
				   argv[0]);
	return CTL_OK;
}

int cmd_dgram_send(int argc, char **argv)
{
	static uint8_t octets[AUTOTUNNEL_DGRAM_MAX];
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_DGRAM_SEND,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) |
			AT_BIT(AUTOTUNNEL_A_ENDPOINT) |
			AT_BIT(AUTOTUNNEL_A_DGRAM),
		.endpoint.have = AT_BIT(AUTOTUNNEL_ENDPOINT_A_ADDR) |
				 AT_BIT(AUTOTUNNEL_ENDPOINT_A_PORT),
		.dgram = octets,
	};
	struct device dev;
	struct nl_conn *c;
	const char *why;
	int err;

	if (argc < 2)
		return fail_usage("%s", argc ? "the octets are missing" :
				  "the endpoint is missing");
	why = text_to_endpoint(argv[0], &req.endpoint.addr, &req.endpoint.port);
	if (why)
		return fail_usage("endpoint '%s': %s", argv[0], why);
	err = text_to_bytes(argv[1], octets, sizeof(octets), &req.dgram_len);
	if (err == -ENOSPC)
		return fail_usage("the datagram is too long (want at most %d octets)",
				  AUTOTUNNEL_DGRAM_MAX);
	if (err)
		return fail_usage("the octets are not an even number of hexadecimal digits");
	err = find_device(argc - 2, argv + 2, &dev, &c);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	err = kernel_request(&req, NULL, NULL);
	if (err)
		return fail_kernel(c, err, "cannot send to %s", argv[0]);
	return CTL_OK;
}
