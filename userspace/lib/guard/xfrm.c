// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard_int.h"

#include <linux/xfrm.h>
#include <string.h>

#include "../netlink/conn.h"

#define ALL	128		/* prefix length */

size_t guard_begin(struct guard_writer *g, uint16_t type, uint16_t flags, const void *hdr,
		   size_t len)
{
	size_t msg = nl_msg_begin(&g->w, type, flags, hdr, len);
	struct nlmsghdr nlh;

	g->seq++;
	if (g->w.failed)
		return msg;
	memcpy(&nlh, g->w.buf + msg, sizeof(nlh));
	nlh.nlmsg_seq = g->seq;
	memcpy(g->w.buf + msg, &nlh, sizeof(nlh));
	return msg;
}

static struct xfrm_selector selector(int dir, const struct in6_addr *ula)
{
	struct xfrm_selector sel = { .family = AF_INET6 };

	if (dir == XFRM_POLICY_OUT) {
		memcpy(&sel.daddr, ula, sizeof(*ula));
		sel.prefixlen_d = ALL;
	} else {
		memcpy(&sel.saddr, ula, sizeof(*ula));
		sel.prefixlen_s = ALL;
	}
	return sel;
}

static void policy_add(struct guard_writer *g, int dir, const struct in6_addr *ula)
{
	struct xfrm_userpolicy_info p = {
		.sel = selector(dir, ula),
		.lft = {
			.soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF, .hard_packet_limit = XFRM_INF,
		},
		.priority = UINT32_MAX,
		.dir = (uint8_t)dir,
		.action = XFRM_POLICY_BLOCK,
	};

	nl_msg_end(&g->w, guard_begin(g, XFRM_MSG_UPDPOLICY, NLM_F_ACK, &p, sizeof(p)));
}

static void policy_del(struct guard_writer *g, int dir, const struct in6_addr *ula)
{
	struct xfrm_userpolicy_id id = { .sel = selector(dir, ula), .dir = (uint8_t)dir };

	nl_msg_end(&g->w, guard_begin(g, XFRM_MSG_DELPOLICY, NLM_F_ACK, &id, sizeof(id)));
}

void guard_policies(struct guard_writer *g, bool add, const struct in6_addr *ula)
{
	int dir;

	for (dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_FWD; dir++) {
		if (add)
			policy_add(g, dir, ula);
		else
			policy_del(g, dir, ula);
	}
}

void guard_sa_dump(struct guard_writer *g)
{
	struct xfrm_usersa_id id = { .family = AF_INET6 };

	nl_msg_end(&g->w, guard_begin(g, XFRM_MSG_GETSA, NLM_F_DUMP, &id, sizeof(id)));
}

bool guard_sa_read(const uint8_t *payload, size_t len, struct guard_sa *out)
{
	struct xfrm_usersa_info info;
	struct nl_reader r;
	struct nl_attr a;
	bool keys = false;

	if (len < sizeof(info))
		return false;
	memcpy(&info, payload, sizeof(info));
	if (info.family != AF_INET6 || info.id.proto != IPPROTO_ESP)
		return false;
	nl_reader_init(&r, payload + sizeof(info), len - sizeof(info));
	while (nl_next(&r, &a))
		keys |= a.type == XFRMA_ALG_AEAD || a.type == XFRMA_ALG_CRYPT;
	if (!keys)
		return false;
	memcpy(&out->src, &info.saddr, sizeof(out->src));
	memcpy(&out->dst, &info.id.daddr, sizeof(out->dst));
	out->spi = ntohl(info.id.spi);
	return true;
}

void guard_sa_delete(struct guard_writer *g, const struct guard_sa *sa)
{
	struct xfrm_usersa_id id = {
		.spi = htonl(sa->spi), .family = AF_INET6, .proto = IPPROTO_ESP,
	};
	size_t msg;

	memcpy(&id.daddr, &sa->dst, sizeof(sa->dst));
	msg = guard_begin(g, XFRM_MSG_DELSA, NLM_F_ACK, &id, sizeof(id));
	nl_put(&g->w, XFRMA_SRCADDR, &sa->src, sizeof(sa->src));
	nl_msg_end(&g->w, msg);
}

/* --- policies that are left over --- */

void guard_policy_dump(struct guard_writer *g)
{
	struct xfrm_userpolicy_id id = { 0 };

	nl_msg_end(&g->w, guard_begin(g, XFRM_MSG_GETPOLICY, NLM_F_DUMP, &id, sizeof(id)));
}

static bool is_ula(const xfrm_address_t *a)
{
	return (((const uint8_t *)a)[0] & 0xfe) == 0xfc;
}

/* Of guard_policies(): nobody else's has the last priority that there is. */
static bool blocks(const struct xfrm_userpolicy_info *p)
{
	bool out = p->dir == XFRM_POLICY_OUT;

	return p->action == XFRM_POLICY_BLOCK && p->priority == UINT32_MAX &&
	       p->sel.prefixlen_d == (out ? ALL : 0) && p->sel.prefixlen_s == (out ? 0 : ALL) &&
	       is_ula(out ? &p->sel.daddr : &p->sel.saddr);
}

/* As charon makes them of what lib/ike loads. */
static bool tunnels(const struct xfrm_userpolicy_info *p, const struct nl_attr *tmpl)
{
	struct xfrm_user_tmpl t;

	if (p->action != XFRM_POLICY_ALLOW || tmpl->len != sizeof(t))
		return false;
	memcpy(&t, tmpl->data, sizeof(t));
	return t.family == AF_INET6 && t.id.proto == IPPROTO_ESP && t.mode == XFRM_MODE_TUNNEL &&
	       p->sel.prefixlen_d == ALL && p->sel.prefixlen_s == ALL && is_ula(&p->sel.daddr) &&
	       is_ula(&p->sel.saddr) && !memcmp(&t.saddr, &p->sel.saddr, sizeof(t.saddr)) &&
	       !memcmp(&t.id.daddr, &p->sel.daddr, sizeof(t.id.daddr));
}

bool guard_policy_read(const uint8_t *payload, size_t len, struct guard_policy *out)
{
	struct xfrm_userpolicy_info p;
	struct nl_attr a, tmpl = { 0 };
	struct nl_reader r;
	bool to_peer, block;

	if (len < sizeof(p))
		return false;
	memcpy(&p, payload, sizeof(p));
	/* Those of sockets have other directions. */
	if (p.sel.family != AF_INET6 || p.dir > XFRM_POLICY_FWD)
		return false;
	nl_reader_init(&r, payload + sizeof(p), len - sizeof(p));
	while (nl_next(&r, &a)) {
		if (a.type == XFRMA_TMPL)
			tmpl = a;
	}
	block = blocks(&p);
	if (!block && !tunnels(&p, &tmpl))
		return false;
	*out = (struct guard_policy){ .index = p.index, .dir = p.dir };
	to_peer = p.dir == XFRM_POLICY_OUT;
	memcpy(&out->peer, to_peer ? &p.sel.daddr : &p.sel.saddr, sizeof(out->peer));
	if (!block)
		memcpy(&out->own, to_peer ? &p.sel.saddr : &p.sel.daddr, sizeof(out->own));
	return true;
}

void guard_policy_delete(struct guard_writer *g, const struct guard_policy *p)
{
	struct xfrm_userpolicy_id id = { .index = p->index, .dir = p->dir };

	nl_msg_end(&g->w, guard_begin(g, XFRM_MSG_DELPOLICY, NLM_F_ACK, &id, sizeof(id)));
}

bool guard_acquire_read(const uint8_t *payload, size_t len, struct in6_addr *peer)
{
	struct xfrm_user_acquire acq;

	if (len < sizeof(acq))
		return false;
	memcpy(&acq, payload, sizeof(acq));
	if (acq.sel.family != AF_INET6 || acq.id.proto != IPPROTO_ESP)
		return false;
	memcpy(peer, &acq.id.daddr, sizeof(*peer));
	return true;
}
