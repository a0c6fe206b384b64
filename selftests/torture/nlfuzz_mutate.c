// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages are taken apart into trees of attributes, so that what is changed inside a nest
 * leaves the nest around it sound, unless a lie about its length is what is wanted.
 */
#include <linux/autotunnel.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nlfuzz.h"

#define DEPTH	5

/* --- there and back ----------------------------------------------------------------- */

static struct node *parse(const uint8_t *p, size_t len, enum set set, int depth)
{
	struct node *first = NULL, **at = &first, *n;
	enum set inner;
	uint16_t head[2];

	while (len >= 4) {
		memcpy(head, p, 4);
		if (head[0] < 4 || head[0] > len)
			break;
		n = node_new(head[1]);
		if (!n)
			break;
		inner = nest_of(set, head[1] & NLA_TYPE_MASK);
		n->nest = depth < DEPTH && head[0] > 4 && (inner != SET_NONE || head[1] & NLA_F_NESTED);
		if (n->nest)
			n->child = parse(p + 4, head[0] - 4, inner, depth + 1);
		n->len = head[0] - 4u < sizeof(n->data) ? head[0] - 4u : sizeof(n->data);
		memcpy(n->data, p + 4, n->len);
		*at = n;
		at = &n->next;
		if ((size_t)NLA_ALIGN(head[0]) >= len)
			break;
		len -= NLA_ALIGN(head[0]);
		p += NLA_ALIGN(head[0]);
	}
	return first;
}

size_t serialize(const struct node *n, uint8_t *p, size_t room, int depth)
{
	size_t used = 0, len;
	uint16_t head[2];

	for (; n && depth <= DEPTH + 2; n = n->next) {
		if (room - used < 8 + (n->nest ? 0u : n->len))
			break;
		if (n->nest) {
			len = serialize(n->child, p + used + 4, room - used - 8, depth + 1);
		} else {
			len = n->len;
			memcpy(p + used + 4, n->data, len);
		}
		head[0] = n->lie ? n->lie : len + 4;
		head[1] = n->type;
		memcpy(p + used, head, 4);
		memset(p + used + 4 + len, 0, NLA_ALIGN(len) - len);
		used += 4 + NLA_ALIGN(len);
	}
	return used;
}

/* --- what is done to them -------------------------------------------------------------- */

/* Where a pointer to one of the nodes stands, and of which set that is. */
static struct node **any_node(struct node **at, enum set *set)
{
	struct node **found = NULL, **inner;
	enum set in = *set, deep;
	unsigned int seen = 0;

	for (; *at; at = &(*at)->next) {
		if (!rnd(++seen)) {
			found = at;
			*set = in;
		}
	}
	if (found && (*found)->nest && !chance(3)) {
		deep = nest_of(*set, (*found)->type & NLA_TYPE_MASK);
		inner = any_node(&(*found)->child, &deep);
		if (inner) {
			*set = deep;
			return inner;
		}
	}
	return found;
}

static void value_mutate(struct node *n, enum set set)
{
	switch (rnd(6)) {
	case 0:
		if (n->len)
			n->data[rnd(n->len)] ^= 1 << rnd(8);
		break;
	case 1:
		rnd_fill(n->data, n->len);
		break;
	case 2:
		n->len = rnd(chance(8) ? sizeof(n->data) : 40);
		break;
	case 3:
		put_int(n->data, n->len < 8 ? n->len : 8);
		break;
	default:
		n->len = put_value(set, n->type & NLA_TYPE_MASK, n->data);
	}
	n->nest = false;
}

static void tree_mutate(struct node **root, enum set top)
{
	struct node **at, *n, *copy;
	enum set set = top;

	at = any_node(root, &set);
	if (!at || chance(6)) {
		/* One more. */
		if (!at) {
			at = root;
			set = top;
		}
		n = attr_make(set, 1 + rnd(set_max[set]));
		if (n) {
			n->next = *at;
			*at = n;
		}
		return;
	}
	n = *at;
	switch (rnd(12)) {
	case 0:
		*at = n->next;
		break;
	case 1:
		copy = node_new(n->type);
		if (copy) {
			memcpy(copy->data, n->data, n->len);
			copy->len = n->len;
			copy->next = n->next;
			n->next = copy;
		}
		break;
	case 2:
		n->lie = chance(2) ? rnd(12) : chance(2) ? 65535 : n->len + 4 + rnd(9) - 4;
		break;
	case 3:
		n->type ^= chance(2) ? NLA_F_NESTED : NLA_F_NET_BYTEORDER;
		break;
	case 4:
		n->type = (n->type & ~NLA_TYPE_MASK) | (chance(4) ? rnd(NLA_TYPE_MASK) : rnd(set_max[set] + 3));
		break;
	case 5:
		/* To the end. */
		if (n->next) {
			*at = n->next;
			n->next = NULL;
			while (*at)
				at = &(*at)->next;
			*at = n;
		}
		break;
	case 6:
		copy = attr_make(set, n->type & NLA_TYPE_MASK);
		if (copy) {
			copy->next = n->next;
			*at = copy;
		}
		break;
	default:
		value_mutate(n, set);
	}
}

static void header_mutate(struct nlmsghdr *nlh, int proto)
{
	static const uint16_t types[] = { RTM_NEWLINK, RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK, RTM_GETLINK };
	static const uint16_t flags[] = { 0, NLM_F_CREATE, NLM_F_CREATE | NLM_F_EXCL, NLM_F_DUMP, NLM_F_REPLACE,
					  NLM_F_ECHO };
	struct ifinfomsg *ifi = NLMSG_DATA(nlh);
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	switch (rnd(4)) {
	case 0:
		nlh->nlmsg_flags = NLM_F_REQUEST | (chance(8) ? rnd(65536) : flags[rnd(6)]);
		break;
	case 1:
		if (proto == NETLINK_GENERIC)
			genl->version = rnd(3);
		else
			nlh->nlmsg_type = types[rnd(5)];
		break;
	case 2:
		if (proto == NETLINK_GENERIC)
			genl->cmd = chance(8) ? rnd(256) : 1 + rnd(AUTOTUNNEL_CMD_DGRAM_SEND);
		else
			ifi->ifi_index = rnd(SLOTS + 2);
		break;
	case 3:
		if (proto == NETLINK_ROUTE) {
			ifi->ifi_flags = chance(4) ? rnd(1 << 20) : rnd(2);
			ifi->ifi_change = chance(4) ? rnd(1 << 20) : rnd(2);
		} else {
			genl->reserved = chance(8);
		}
		break;
	}
}

/* Writes the message of @r, mutated, to @out: a record. */
static void message_mutate(const struct rec *r, uint8_t *out)
{
	static union {
		struct nlmsghdr nlh;
		uint8_t octets[MSG_MAX];
	} msg;
	size_t fixed = NLMSG_HDRLEN + fixed_len(r->proto), len;
	struct rec rec = { .proto = r->proto };
	struct node *root;
	unsigned int n;

	nodes_free();
	memcpy(&msg, r + 1, fixed);
	root = parse((const uint8_t *)(r + 1) + fixed, r->len - fixed, top_of(r->proto), 0);
	for (n = 1 + rnd(4); n; n--) {
		if (chance(5))
			header_mutate(&msg.nlh, r->proto);
		else
			tree_mutate(&root, top_of(r->proto));
	}
	len = fixed + serialize(root, msg.octets + fixed, MSG_MAX - fixed - 16, 0);
	if (chance(20))
		len = fixed + rnd(len - fixed + 1);
	if (chance(20)) {
		rnd_fill(msg.octets + len, 8);
		len += rnd(8);
	}
	msg.nlh.nlmsg_len = len;
	rec.len = len;
	memcpy(out, &rec, sizeof(rec));
	memcpy(out + sizeof(rec), &msg, len);
}

/* --- programs --------------------------------------------------------------------------- */

size_t prog_split(const struct prog *p, const struct rec *at[PROG_MSGS])
{
	const struct rec *r;
	size_t off = 0, n = 0;

	while (n < PROG_MSGS && p->len - off >= sizeof(*r)) {
		r = (const struct rec *)(p->data + off);
		if (r->len > MSG_MAX || (r->proto != NETLINK_GENERIC && r->proto != NETLINK_ROUTE) ||
		    r->len < NLMSG_HDRLEN + fixed_len(r->proto) ||
		    r->len > p->len - off - sizeof(*r))
			break;
		at[n++] = r;
		off += sizeof(*r) + NLMSG_ALIGN(r->len);
		if (off > p->len)
			break;
	}
	return n;
}

bool prog_append(struct prog *p, const struct rec *r)
{
	size_t need = sizeof(*r) + NLMSG_ALIGN(r->len);

	if (PROG_MAX - p->len < need)
		return false;
	memset(p->data + p->len, 0, need);
	memcpy(p->data + p->len, r, sizeof(*r) + r->len);
	p->len += need;
	return true;
}

/* A message as it was seen on its way to the kernel. */
bool prog_from_messages(struct prog *p, int proto, const void *msg, size_t len)
{
	uint32_t buf[(sizeof(struct rec) + MSG_MAX) / 4];
	struct rec *r = (struct rec *)buf;
	struct nlmsghdr *nlh = (struct nlmsghdr *)(r + 1);
	struct ifinfomsg *ifi = NLMSG_DATA(nlh);
	struct node *n;

	if (len > MSG_MAX - 64 || len < NLMSG_HDRLEN + fixed_len(proto))
		return false;
	*r = (struct rec){ .proto = proto, .len = len };
	memcpy(nlh, msg, len);
	if (proto == NETLINK_GENERIC) {
		nlh->nlmsg_type = 0;
		nodes_free();
		n = parse((uint8_t *)NLMSG_DATA(nlh) + GENL_HDRLEN, len - NLMSG_HDRLEN - GENL_HDRLEN, SET_TOP, 0);
		len = serialize(n, (uint8_t *)NLMSG_DATA(nlh) + GENL_HDRLEN, MSG_MAX / 2, 0);
		/* Interfaces are the first attribute, in those of btmm-ctl. */
		if (n && (n->type & NLA_TYPE_MASK) == AUTOTUNNEL_A_IFINDEX && len >= 8)
			*(uint32_t *)((uint8_t *)NLMSG_DATA(nlh) + GENL_HDRLEN + 4) = 1;
	} else if (ifi->ifi_index) {
		ifi->ifi_index = 1;
	}
	return prog_append(p, r);
}

void prog_mutate(struct prog *p)
{
	static struct prog old;
	static uint32_t buf[(sizeof(struct rec) + MSG_MAX + 64) / 4];
	const struct rec *at[PROG_MSGS], *other[PROG_MSGS];
	size_t n, m, i, which;

	old = *p;
	n = prog_split(&old, at);
	p->len = 0;
	which = n ? rnd(n) : 0;
	for (i = 0; i < n; i++) {
		if (n > 1 && chance(20))
			continue;
		if (i == which || chance(4)) {
			message_mutate(at[i], (uint8_t *)buf);
			prog_append(p, (struct rec *)buf);
		} else {
			prog_append(p, at[i]);
		}
		if (chance(20))
			prog_append(p, at[i]);
	}
	if (chance(4)) {
		m = prog_split(any_prog(), other);
		if (m)
			prog_append(p, other[rnd(m)]);
	}
	if (!p->len)
		prog_generate(p);
}
