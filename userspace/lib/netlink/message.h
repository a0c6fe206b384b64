/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink messages in a buffer: one after the other, and what an error or the
 * end of a dump says. No I/O.
 */
#ifndef BTMM_NETLINK_MESSAGE_H
#define BTMM_NETLINK_MESSAGE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema.h"

/**
 * nl_message_next - step to the next message of what was received
 * @p: what is not read yet; moved on
 * @left: how much that is
 * @nlh: the header, copied out
 * @payload: what follows it, nlh->nlmsg_len - sizeof(*nlh) octets
 * @bad: set if a length reaches over the end
 *
 * Return: false at the end or if @bad.
 */
bool nl_message_next(const uint8_t **p, size_t *left, struct nlmsghdr *nlh,
		     const uint8_t **payload, bool *bad);

/**
 * struct nl_outcome - what NLMSG_ERROR or NLMSG_DONE says
 * @err: 0 or a negative errno
 * @text: the kernel's sentence, fit for a terminal, or empty
 * @has_offset: @offset is set
 * @has_type: @type is set
 * @has_nest: @nest is set
 * @offset: of the attribute that is at fault, from the request's beginning
 * @type: of an attribute that is missing
 * @nest: offset of the nest that it is missing in
 */
struct nl_outcome {
	int err;
	char text[256];
	bool has_offset, has_type, has_nest;
	uint32_t offset, type, nest;
};

/* Return: 0, or -EBADMSG if it is malformed. */
int nl_outcome_read(struct nl_outcome *o, const struct nlmsghdr *nlh,
		    const uint8_t *payload, size_t len);

/**
 * nl_outcome_explain - put a refusal into words
 * @schema: names the attributes of the request; may be NULL
 * @request: the whole message that was refused
 * @request_len: of @request; may be 0
 * @skip: octets between its netlink header and its attributes
 */
void nl_outcome_explain(const struct nl_outcome *o,
			const struct nl_schema *schema, const uint8_t *request,
			size_t request_len, size_t skip, char *out,
			size_t size);

#endif
