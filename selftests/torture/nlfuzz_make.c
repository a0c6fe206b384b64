// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What belongs where, by include/uapi/linux/autotunnel.h, and well-made messages of it.
 */
#include <arpa/inet.h>
#include <linux/autotunnel.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "nlfuzz.h"

#define NODES	256

static struct node pool[NODES];
static size_t pool_used;

void nodes_free(void)
{
	pool_used = 0;
}

struct node *node_new(uint16_t type)
{
	struct node *n;

	if (pool_used == NODES)
		return NULL;
	n = &pool[pool_used++];
	n->next = n->child = NULL;
	n->type = type;
	n->len = n->lie = 0;
	n->nest = false;
	return n;
}

/* --- what belongs where ------------------------------------------------------------ */

enum set nest_of(enum set in, unsigned int type)
{
	switch (in) {
	case SET_TOP:
		return type == AUTOTUNNEL_A_DEV ? SET_DEV : type == AUTOTUNNEL_A_PEER ? SET_PEER :
		       type == AUTOTUNNEL_A_ENDPOINT ? SET_ENDPOINT : SET_NONE;
	case SET_PEER:
		return type == AUTOTUNNEL_PEER_A_ENDPOINT || type == AUTOTUNNEL_PEER_A_PREVIOUS ?
			SET_ENDPOINT : SET_NONE;
	case SET_LINK:
		return type == IFLA_LINKINFO ? SET_LINKINFO : SET_NONE;
	case SET_LINKINFO:
		return type == IFLA_INFO_DATA ? SET_INFODATA : SET_NONE;
	default:
		return SET_NONE;
	}
}

static size_t put_addr(uint8_t *p, const char *const *texts, size_t n)
{
	const char *text = texts[rnd(n)];
	bool six = strchr(text, ':');

	inet_pton(six ? AF_INET6 : AF_INET, text, p);
	return six ? 16 : 4;
}

static size_t put_ula(uint8_t *p)
{
	static const char *const ulas[] = {
		"fd00:b::1", "fd00:b::2", "fd00:c::1", "fd00:a::1", "fd00:f::1", "fd00:f::2", "::", "2001:db8::1",
	};

	return put_addr(p, ulas, chance(4) ? 8 : 4);
}

static size_t put_outer(uint8_t *p)
{
	static const char *const outers[] = {
		"10.2.0.2", "10.3.0.1", "10.3.0.2", "2001:db8:3::1", "2001:db8:2::2",
		"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "ff02::1", "fd00:b::1",
		"::ffff:10.2.0.2",
	};

	return put_addr(p, outers, chance(4) ? 14 : 5);
}

size_t put_int(uint8_t *p, size_t size)
{
	static const uint64_t some[] = { 0, 1, 2, 20, 255, 256, 4500, 4501, 0x7fffffff, 0xffff, ~0ull };
	uint64_t v = some[rnd(sizeof(some) / sizeof(some[0]))];

	if (chance(4))
		rnd_fill(&v, sizeof(v));
	memcpy(p, &v, size);
	return size;
}

static size_t put_port(uint8_t *p)
{
	static const uint16_t ports[] = { 4500, 4501, 4502, 500, 0, 65535 };
	uint16_t port = htons(chance(4) ? rnd(65536) : ports[rnd(6)]);

	memcpy(p, &port, 2);
	return 2;
}

static size_t put_dgram(uint8_t *p)
{
	static const uint16_t sizes[] = { 0, 1, 8, 20, 100, 1280, 1281, 1400 };
	uint32_t words[2] = { htonl(chance(2) ? 1 + rnd(255) : rnd(1 << 30)), htonl(0x2112a442) };
	size_t n = sizes[rnd(8)];

	rnd_fill(p, n);
	memcpy(p, words, n < 8 ? n : 8);
	return n;
}

static size_t put_index(uint8_t *p)
{
	uint32_t index = chance(8) ? rnd(6) : 1 + rnd(SLOTS);

	memcpy(p, &index, 4);
	return 4;
}

static size_t put_top(uint8_t *p, unsigned int type)
{
	switch (type) {
	case AUTOTUNNEL_A_IFINDEX:
		return put_index(p);
	case AUTOTUNNEL_A_HOLD:
	case AUTOTUNNEL_A_IKE_SPI_I:
		return put_int(p, 8);
	case AUTOTUNNEL_A_DGRAM:
		return put_dgram(p);
	case AUTOTUNNEL_A_IKE_EXCHANGE:
		return put_int(p, 1);
	default:
		return put_int(p, 4);
	}
}

/* Attributes of a device have the same numbers in both families, from the ULA on, but one. */
static size_t put_dev(uint8_t *p, unsigned int type)
{
	switch (type) {
	case IFLA_AUTOTUNNEL_LOCAL:
		return put_ula(p);
	case IFLA_AUTOTUNNEL_PORT:
		return put_port(p);
	case IFLA_AUTOTUNNEL_KEEPALIVE:
		return put_int(p, 2);
	case IFLA_AUTOTUNNEL_TX_BATCH:
	case IFLA_AUTOTUNNEL_RX_GRO:
		p[0] = chance(8) ? rnd(256) : rnd(2);
		return 1;
	default:
		return put_int(p, 4);
	}
}

static size_t put_endpoint(uint8_t *p, unsigned int type)
{
	switch (type) {
	case AUTOTUNNEL_ENDPOINT_A_ADDR:
	case AUTOTUNNEL_ENDPOINT_A_LOCAL:
		return put_outer(p);
	case AUTOTUNNEL_ENDPOINT_A_PORT:
		return put_port(p);
	case AUTOTUNNEL_ENDPOINT_A_OIF:
		return put_index(p);
	default:
		return put_int(p, 1);
	}
}

static size_t put_link(uint8_t *p, unsigned int type)
{
	static const uint32_t mtus[] = { 0, 68, 1280, 1355, 1356, 1500, 1512, 65535, 0xffffffff };
	static const char names[][IF_NAMESIZE] = { "fuzz0", "fuzz1", "fuzz2", "fuzz%d", "a/b", "" };

	switch (type) {
	case IFLA_IFNAME:
		strcpy((char *)p, names[rnd(6)]);
		return strlen((char *)p) + 1;
	case IFLA_MTU:
		memcpy(p, &mtus[rnd(9)], 4);
		return 4;
	case IFLA_ADDRESS:
		rnd_fill(p, 6);
		return 6;
	default:
		return put_int(p, 4);
	}
}

size_t put_value(enum set set, unsigned int type, uint8_t *p)
{
	switch (set) {
	case SET_TOP:
		return put_top(p, type);
	case SET_DEV:
		return type == AUTOTUNNEL_DEV_A_IFNAME ? put_int(p, 8) :
		       put_dev(p, type - AUTOTUNNEL_DEV_A_LOCAL + IFLA_AUTOTUNNEL_LOCAL);
	case SET_INFODATA:
		return put_dev(p, type);
	case SET_PEER:
		return type == AUTOTUNNEL_PEER_A_ULA ? put_ula(p) :
		       put_int(p, type == AUTOTUNNEL_PEER_A_KEEPALIVE ? 2 : 8);
	case SET_ENDPOINT:
		return put_endpoint(p, type);
	case SET_LINK:
		return put_link(p, type);
	case SET_LINKINFO:
		strcpy((char *)p, chance(20) ? "dummy" : "autotunnel");
		return strlen((char *)p);
	default:
		return put_int(p, 4);
	}
}

const uint8_t set_max[SET_NONE + 1] = {
	[SET_TOP] = AUTOTUNNEL_A_MAX, [SET_DEV] = AUTOTUNNEL_DEV_A_MAX, [SET_PEER] = AUTOTUNNEL_PEER_A_MAX,
	[SET_ENDPOINT] = AUTOTUNNEL_ENDPOINT_A_MAX, [SET_LINK] = IFLA_MAX, [SET_LINKINFO] = IFLA_INFO_DATA,
	[SET_INFODATA] = IFLA_AUTOTUNNEL_MAX, [SET_NONE] = 16,
};

static struct node *attrs_make(enum set set, const uint8_t *types, size_t n)
{
	struct node *first = NULL, **at = &first;
	size_t i;

	for (i = 0; i < n; i++) {
		*at = attr_make(set, types[i]);
		if (*at)
			at = &(*at)->next;
	}
	return first;
}

/* A well-made one; a nest holds what it usually does, and more. */
struct node *attr_make(enum set set, unsigned int type)
{
	static const uint8_t usual[][2] = {
		[SET_PEER] = { AUTOTUNNEL_PEER_A_ULA, AUTOTUNNEL_PEER_A_ENDPOINT },
		[SET_ENDPOINT] = { AUTOTUNNEL_ENDPOINT_A_ADDR, AUTOTUNNEL_ENDPOINT_A_PORT },
		[SET_DEV] = { AUTOTUNNEL_DEV_A_KEEPALIVE, AUTOTUNNEL_DEV_A_RX_GRO },
		[SET_LINKINFO] = { IFLA_INFO_KIND, IFLA_INFO_DATA },
		[SET_INFODATA] = { IFLA_AUTOTUNNEL_LOCAL, IFLA_AUTOTUNNEL_PORT },
	};
	enum set inner = nest_of(set, type);
	struct node *n = node_new(type);

	if (!n)
		return NULL;
	if (inner == SET_NONE) {
		n->len = put_value(set, type, n->data);
		return n;
	}
	n->nest = true;
	n->type |= NLA_F_NESTED;
	n->child = attrs_make(inner, usual[inner], chance(6) ? rnd(3) : 2);
	while (chance(2)) {
		struct node *more = attr_make(inner, 1 + rnd(set_max[inner]));

		if (!more)
			break;
		more->next = n->child;
		n->child = more;
	}
	return n;
}

enum set top_of(int proto)
{
	return proto == NETLINK_GENERIC ? SET_TOP : SET_LINK;
}

size_t fixed_len(int proto)
{
	return proto == NETLINK_GENERIC ? GENL_HDRLEN : sizeof(struct ifinfomsg);
}

/* --- messages ------------------------------------------------------------------------ */

static void message_generate(struct prog *p, int proto, uint16_t flags, unsigned int what, const uint8_t *types,
			     size_t n)
{
	uint32_t buf[(sizeof(struct rec) + MSG_MAX) / 4] = { 0 };
	struct rec *r = (struct rec *)buf;
	struct nlmsghdr *nlh = (struct nlmsghdr *)(r + 1);
	size_t fixed = NLMSG_HDRLEN + fixed_len(proto);

	nodes_free();
	if (proto == NETLINK_GENERIC) {
		*(struct genlmsghdr *)NLMSG_DATA(nlh) = (struct genlmsghdr){ .cmd = what, .version = 1 };
	} else {
		nlh->nlmsg_type = what;
		if (!(flags & NLM_F_CREATE))
			((struct ifinfomsg *)NLMSG_DATA(nlh))->ifi_index = 1 + rnd(SLOTS);
	}
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	r->proto = proto;
	r->len = fixed + serialize(attrs_make(top_of(proto), types, n), (uint8_t *)nlh + fixed, MSG_MAX - fixed, 0);
	nlh->nlmsg_len = r->len;
	prog_append(p, r);
}

/* One message of each kind that makes sense, as often as there is luck. */
void prog_generate(struct prog *p)
{
	static const struct {
		uint8_t cmd, n, types[3];
	} cmds[] = {
		{ AUTOTUNNEL_CMD_DEV_GET, 1, { AUTOTUNNEL_A_IFINDEX } },
		{ AUTOTUNNEL_CMD_DEV_SET, 2, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_DEV } },
		{ AUTOTUNNEL_CMD_PEER_NEW, 2, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_PEER } },
		{ AUTOTUNNEL_CMD_PEER_SET, 2, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_PEER } },
		{ AUTOTUNNEL_CMD_PEER_GET, 2, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_PEER } },
		{ AUTOTUNNEL_CMD_PEER_DEL, 2, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_PEER } },
		{ AUTOTUNNEL_CMD_IKE_ANSWER, 3, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_HOLD, AUTOTUNNEL_A_PEER } },
		{ AUTOTUNNEL_CMD_DGRAM_SEND, 3, { AUTOTUNNEL_A_IFINDEX, AUTOTUNNEL_A_ENDPOINT, AUTOTUNNEL_A_DGRAM } },
	};
	static const uint8_t link[] = { IFLA_IFNAME, IFLA_LINKINFO, IFLA_MTU };
	unsigned int n = 1 + rnd(4), i;

	p->len = 0;
	while (n--) {
		if (chance(12)) {
			message_generate(p, NETLINK_ROUTE, NLM_F_CREATE | (chance(2) ? NLM_F_EXCL : 0), RTM_NEWLINK, link,
					 2 + chance(4));
		} else if (chance(12)) {
			message_generate(p, NETLINK_ROUTE, 0, chance(3) ? RTM_DELLINK : RTM_NEWLINK, link + 1, 1);
		} else {
			i = rnd(sizeof(cmds) / sizeof(cmds[0]));
			message_generate(p, NETLINK_GENERIC, i < 5 && chance(5) ? NLM_F_DUMP : 0, cmds[i].cmd,
					 cmds[i].types, cmds[i].n);
		}
	}
}

