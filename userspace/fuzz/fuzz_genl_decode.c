// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a kernel, or whoever plays it, may answer: libFuzzer target for the
 * decoder of the family's messages and for refusals.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/autotunnel/msg.h"
#include "../lib/netlink/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded, encoded again, must decode to the same. */
static void again(const struct at_msg *msg)
{
	static uint8_t buf[1 << 20];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	struct at_msg copy = *msg, back;

	copy.dev.n_counters = 0;
	/* Which of them are there is told by n_counters. */
	at_msg_encode(&w, &copy);
	if (w.failed)
		return;
	if (at_msg_decode(&back, msg->cmd, buf, w.len))
		abort();
	if ((back.have | AT_BIT(AUTOTUNNEL_A_PAD)) !=
	    (msg->have | AT_BIT(AUTOTUNNEL_A_PAD)) ||
	    back.ifindex != msg->ifindex ||
	    back.peer.moves != msg->peer.moves ||
	    back.peer.rx_age != msg->peer.rx_age ||
	    memcmp(&back.endpoint, &msg->endpoint, sizeof(back.endpoint)) ||
	    memcmp(&back.peer.endpoint, &msg->peer.endpoint,
		   sizeof(back.endpoint)) ||
	    strcmp(back.dev.ifname, msg->dev.ifname) ||
	    back.dgram_len != msg->dgram_len)
		abort();
}

static void decode(uint8_t cmd, const uint8_t *data, size_t size)
{
	struct nl_reader r = { 0 };
	struct at_counter counter;
	struct at_msg msg;
	size_t n = 0;

	if (at_msg_decode(&msg, cmd, data, size))
		return;

	while (at_counter_next(&msg.dev, &r, &counter))
		n++;
	if (n != msg.dev.n_counters)
		abort();
	again(&msg);
}

static void answers(const uint8_t *data, size_t size)
{
	const uint8_t *payload, *p = data;
	struct nl_outcome o;
	struct nlmsghdr nlh;
	size_t left = size;
	char text[128];
	bool bad;

	while (nl_message_next(&p, &left, &nlh, &payload, &bad)) {
		size_t len = nlh.nlmsg_len - sizeof(nlh);

		if (nl_outcome_read(&o, &nlh, payload, len))
			continue;
		/* The input once more, as the request that was refused. */
		nl_outcome_explain(&o, &at_schema, data, size, 4, text,
				   sizeof(text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;

	decode(data[0], data + 1, size - 1);
	answers(data + 1, size - 1);
	return 0;
}
