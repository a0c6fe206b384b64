/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the generic netlink family "autotunnel", as structures and as
 * attributes. Pure: no socket, no allocation, no clock.
 *
 * include/uapi/linux/autotunnel.h says what each field means. Every structure
 * has a @have word; bit n tells whether attribute n of its set is there.
 */
#ifndef BTMM_AUTOTUNNEL_MSG_H
#define BTMM_AUTOTUNNEL_MSG_H

#include <linux/autotunnel.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../netlink/attr.h"
#include "../netlink/schema.h"
#include "../text/addr.h"

#define AT_BIT(attr)		(1u << (attr))
#define AT_HAS(s, attr)		(((s)->have & AT_BIT(attr)) != 0)

#define AT_COUNTER_NAME_SIZE	64

struct at_counter {
	char name[AT_COUNTER_NAME_SIZE];
	uint64_t value;
};

struct at_endpoint {
	uint32_t have;		/* enum autotunnel_endpoint_attr */
	struct addr addr;
	uint16_t port;
	struct addr local;
	uint32_t oif;
	uint8_t origin;
};

struct at_dev {
	uint32_t have;		/* enum autotunnel_dev_attr */
	char ifname[IFNAMSIZ];
	struct in6_addr local;
	uint16_t port;
	uint32_t fwmark;
	uint16_t keepalive;
	uint8_t tx_batch;
	uint8_t rx_gro;
	uint32_t max_peers;
	uint32_t peers;

	/* To be encoded. */
	const struct at_counter *counters;
	size_t n_counters;
	/* As decoded: the nest, checked already; see at_counter_next(). */
	const uint8_t *attrs;
	size_t attrs_len;
};

struct at_peer {
	uint32_t have;		/* enum autotunnel_peer_attr */
	struct in6_addr ula;
	struct at_endpoint endpoint;
	struct at_endpoint previous;
	uint16_t keepalive;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t rx_age;
	uint32_t moves;
};

struct at_msg {
	uint8_t cmd;		/* enum autotunnel_cmd */
	uint32_t have;		/* enum autotunnel_attr */
	uint32_t ifindex;
	struct at_dev dev;
	struct at_peer peer;
	struct at_endpoint endpoint;
	uint64_t hold;
	uint8_t ike_spi_i[8];
	uint8_t ike_exchange;
	uint32_t esp_spi;	/* host byte order */
	const uint8_t *dgram;	/* in the caller's, or in the decoded, buffer */
	size_t dgram_len;
};

/* Names of all attributes, for nl_attr_path(). */
extern const struct nl_schema at_schema;

/* "peer-new" and the like; NULL for a command there is not. */
const char *at_cmd_name(uint8_t cmd);

/* Append the attributes of @msg to @w, which remembers a failure. */
void at_msg_encode(struct nl_writer *w, const struct at_msg *msg);

/* Append @dev as attributes IFLA_AUTOTUNNEL_*, for IFLA_INFO_DATA. */
void at_link_encode(struct nl_writer *w, const struct at_dev *dev);

/**
 * at_msg_decode - read the attributes of a message
 * @msg: what was read; points into @buf
 * @cmd: command, from the generic netlink header
 * @buf: what follows that header
 * @len: of @buf
 *
 * Attributes that a newer kernel may send are passed over. One that is there
 * twice or has the wrong length makes the message a bad one.
 *
 * Return: 0 or -EBADMSG.
 */
int at_msg_decode(struct at_msg *msg, uint8_t cmd, const void *buf, size_t len);

/* Step through the counters of a decoded device; @r starts out zeroed. */
bool at_counter_next(const struct at_dev *dev, struct nl_reader *r,
		     struct at_counter *out);

#endif
