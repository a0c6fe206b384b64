/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * autotunnel - the user interface of the Back to My Mac tunnel device.
 *
 * Two doors: rtnetlink (link kind "autotunnel") makes and removes devices,
 * generic netlink (family "autotunnel") manages peers and carries events.
 * Documentation/netlink/specs/autotunnel.yaml describes the latter attribute
 * by attribute; a test holds this file against it.
 *
 * Addresses are in network byte order, 4 octets for IPv4 and 16 for IPv6.
 * Ports are __be16. All other integers are in host byte order.
 */
#ifndef _UAPI_LINUX_AUTOTUNNEL_H
#define _UAPI_LINUX_AUTOTUNNEL_H

#define AUTOTUNNEL_GENL_NAME		"autotunnel"
#define AUTOTUNNEL_GENL_VERSION		1

/* Multicast groups. Joining any of them needs CAP_NET_ADMIN. */
#define AUTOTUNNEL_MCGRP_PEERS		"peers"
#define AUTOTUNNEL_MCGRP_IKE		"ike"
#define AUTOTUNNEL_MCGRP_DGRAMS		"datagrams"

#define AUTOTUNNEL_PORT_DEFAULT		4500	/* RFC 3948 */
#define AUTOTUNNEL_KEEPALIVE_DEFAULT	20	/* seconds, RFC 3948 section 4 */
#define AUTOTUNNEL_KEEPALIVE_DEV	65535	/* peer: as the device's */
#define AUTOTUNNEL_MAX_PEERS_DEFAULT	131072
#define AUTOTUNNEL_DGRAM_MAX		1280	/* octets of one datagram */

/* Attributes of link kind "autotunnel" (nested in IFLA_INFO_DATA). */
enum {
	IFLA_AUTOTUNNEL_UNSPEC,
	IFLA_AUTOTUNNEL_LOCAL,		/* 16 octets: own ULA, fc00::/7 */
	IFLA_AUTOTUNNEL_PORT,		/* __be16: outer UDP port, 1..65535 */
	IFLA_AUTOTUNNEL_FWMARK,		/* __u32: mark of outer packets */
	IFLA_AUTOTUNNEL_KEEPALIVE,	/* __u16: seconds, 0 = never */
	IFLA_AUTOTUNNEL_TX_BATCH,	/* __u8: 0 or 1 */
	IFLA_AUTOTUNNEL_RX_GRO,		/* __u8: 0 or 1 */
	IFLA_AUTOTUNNEL_MAX_PEERS,	/* __u32 */
	IFLA_AUTOTUNNEL_PEERS,		/* __u32, read only: peers there are */

	__IFLA_AUTOTUNNEL_MAX
};

#define IFLA_AUTOTUNNEL_MAX (__IFLA_AUTOTUNNEL_MAX - 1)

/**
 * enum autotunnel_cmd - generic netlink commands
 * @AUTOTUNNEL_CMD_DEV_GET: one device (do) or all of the netns (dump)
 * @AUTOTUNNEL_CMD_DEV_SET: change a device
 * @AUTOTUNNEL_CMD_PEER_NEW: add a peer, -EEXIST if there
 * @AUTOTUNNEL_CMD_PEER_SET: change a peer, -ENOENT if not there
 * @AUTOTUNNEL_CMD_PEER_GET: one peer (do) or all of a device (dump)
 * @AUTOTUNNEL_CMD_PEER_DEL: remove a peer
 * @AUTOTUNNEL_CMD_IKE_ANSWER: say whose the held IKE datagram is, or drop it
 * @AUTOTUNNEL_CMD_DGRAM_SEND: send a datagram from the tunnel port
 * @AUTOTUNNEL_CMD_ENDPOINT_NTF: (peers) a peer's endpoint was learnt
 * @AUTOTUNNEL_CMD_STALE_NTF: (peers) we send, nothing authentic comes back
 * @AUTOTUNNEL_CMD_SOURCE_NTF: (peers) ESP that no SA of ours takes; with
 *	the peer if the outer source is a peer's endpoint
 * @AUTOTUNNEL_CMD_IKE_NTF: (ike) IKE from an unknown source is held
 * @AUTOTUNNEL_CMD_DGRAM_NTF: (datagrams) a datagram for the daemon
 */
enum autotunnel_cmd {
	AUTOTUNNEL_CMD_UNSPEC,
	AUTOTUNNEL_CMD_DEV_GET,
	AUTOTUNNEL_CMD_DEV_SET,
	AUTOTUNNEL_CMD_PEER_NEW,
	AUTOTUNNEL_CMD_PEER_SET,
	AUTOTUNNEL_CMD_PEER_GET,
	AUTOTUNNEL_CMD_PEER_DEL,
	AUTOTUNNEL_CMD_IKE_ANSWER,
	AUTOTUNNEL_CMD_DGRAM_SEND,
	AUTOTUNNEL_CMD_ENDPOINT_NTF,
	AUTOTUNNEL_CMD_STALE_NTF,
	AUTOTUNNEL_CMD_SOURCE_NTF,
	AUTOTUNNEL_CMD_IKE_NTF,
	AUTOTUNNEL_CMD_DGRAM_NTF,

	__AUTOTUNNEL_CMD_MAX
};

#define AUTOTUNNEL_CMD_MAX (__AUTOTUNNEL_CMD_MAX - 1)

/* Top level of every message. */
enum autotunnel_attr {
	AUTOTUNNEL_A_UNSPEC,
	AUTOTUNNEL_A_IFINDEX,		/* __u32 */
	AUTOTUNNEL_A_DEV,		/* nest: enum autotunnel_dev_attr */
	AUTOTUNNEL_A_PEER,		/* nest: enum autotunnel_peer_attr */
	AUTOTUNNEL_A_ENDPOINT,		/* nest: enum autotunnel_endpoint_attr */
	AUTOTUNNEL_A_HOLD,		/* __u64: name of a held IKE datagram */
	AUTOTUNNEL_A_IKE_SPI_I,		/* 8 octets */
	AUTOTUNNEL_A_IKE_EXCHANGE,	/* __u8: RFC 7296 section 3.1 */
	AUTOTUNNEL_A_ESP_SPI,		/* __be32 */
	AUTOTUNNEL_A_DGRAM,		/* octets of the UDP payload */
	AUTOTUNNEL_A_PAD,

	__AUTOTUNNEL_A_MAX
};

#define AUTOTUNNEL_A_MAX (__AUTOTUNNEL_A_MAX - 1)

enum autotunnel_dev_attr {
	AUTOTUNNEL_DEV_A_UNSPEC,
	AUTOTUNNEL_DEV_A_IFNAME,	/* string, read only */
	AUTOTUNNEL_DEV_A_LOCAL,		/* as IFLA_AUTOTUNNEL_LOCAL */
	AUTOTUNNEL_DEV_A_PORT,		/* __be16 */
	AUTOTUNNEL_DEV_A_FWMARK,	/* __u32 */
	AUTOTUNNEL_DEV_A_KEEPALIVE,	/* __u16 */
	AUTOTUNNEL_DEV_A_TX_BATCH,	/* __u8 */
	AUTOTUNNEL_DEV_A_RX_GRO,	/* __u8 */
	AUTOTUNNEL_DEV_A_MAX_PEERS,	/* __u32 */
	AUTOTUNNEL_DEV_A_PEERS,		/* __u32, read only */
	AUTOTUNNEL_DEV_A_COUNTER,	/* nest, many: autotunnel_counter_attr */

	__AUTOTUNNEL_DEV_A_MAX
};

#define AUTOTUNNEL_DEV_A_MAX (__AUTOTUNNEL_DEV_A_MAX - 1)

/* A counter goes by the name of its sysfs file, so new ones need no new ABI. */
enum autotunnel_counter_attr {
	AUTOTUNNEL_COUNTER_A_UNSPEC,
	AUTOTUNNEL_COUNTER_A_NAME,	/* string */
	AUTOTUNNEL_COUNTER_A_VALUE,	/* __u64 */
	AUTOTUNNEL_COUNTER_A_PAD,

	__AUTOTUNNEL_COUNTER_A_MAX
};

#define AUTOTUNNEL_COUNTER_A_MAX (__AUTOTUNNEL_COUNTER_A_MAX - 1)

/* An outer address of a peer, and how we reach it. */
enum autotunnel_endpoint_attr {
	AUTOTUNNEL_ENDPOINT_A_UNSPEC,
	AUTOTUNNEL_ENDPOINT_A_ADDR,	/* 4 or 16 octets */
	AUTOTUNNEL_ENDPOINT_A_PORT,	/* __be16 */
	AUTOTUNNEL_ENDPOINT_A_LOCAL,	/* as ADDR: our address, any if absent */
	AUTOTUNNEL_ENDPOINT_A_OIF,	/* __u32: our interface, any if absent */
	AUTOTUNNEL_ENDPOINT_A_ORIGIN,	/* __u8: enum autotunnel_origin, read only */

	__AUTOTUNNEL_ENDPOINT_A_MAX
};

#define AUTOTUNNEL_ENDPOINT_A_MAX (__AUTOTUNNEL_ENDPOINT_A_MAX - 1)

/* Where an endpoint came from. */
enum autotunnel_origin {
	AUTOTUNNEL_ORIGIN_SET,		/* by netlink */
	AUTOTUNNEL_ORIGIN_LEARNT,	/* from an authentic ESP packet */
};

enum autotunnel_peer_attr {
	AUTOTUNNEL_PEER_A_UNSPEC,
	AUTOTUNNEL_PEER_A_ULA,		/* 16 octets: the peer's ULA, its name */
	AUTOTUNNEL_PEER_A_ENDPOINT,	/* nest; an empty one takes it away */
	AUTOTUNNEL_PEER_A_PREVIOUS,	/* nest, read only: endpoint before */
	AUTOTUNNEL_PEER_A_KEEPALIVE,	/* __u16: seconds, 0 = never, or
					 * AUTOTUNNEL_KEEPALIVE_DEV
					 */
	AUTOTUNNEL_PEER_A_RX_PACKETS,	/* __u64, read only: authentic ones */
	AUTOTUNNEL_PEER_A_RX_BYTES,	/* __u64, read only: inner octets */
	AUTOTUNNEL_PEER_A_TX_PACKETS,	/* __u64, read only */
	AUTOTUNNEL_PEER_A_TX_BYTES,	/* __u64, read only: outer UDP payload */
	AUTOTUNNEL_PEER_A_RX_AGE,	/* __u64, read only: ms since the last
					 * authentic packet, absent if none
					 */
	AUTOTUNNEL_PEER_A_MOVES,	/* __u32, read only: endpoints learnt */
	AUTOTUNNEL_PEER_A_PAD,

	__AUTOTUNNEL_PEER_A_MAX
};

#define AUTOTUNNEL_PEER_A_MAX (__AUTOTUNNEL_PEER_A_MAX - 1)

#endif /* _UAPI_LINUX_AUTOTUNNEL_H */
