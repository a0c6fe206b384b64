// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * table ip6 btmm-guard {
 *	set peers { type ipv6_addr; elements = { ... } }
 *	chain input {
 *		type filter hook prerouting priority raw; policy accept;
 *		iifname != "btmm0" ip6 saddr @peers counter drop
 *	}
 * }
 */
#include "guard_int.h"

#include <net/if.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "../netlink/conn.h"

#define CHAIN		"input"
#define SET		"peers"
#define SET_ID		1		/* within the transaction */
#define TYPE_IPV6_ADDR	8		/* as nft names types */
#define PRIORITY_RAW	-300
#define SADDR		8		/* offset in an IPv6 header */
#define CHUNK		1000		/* elements in a message: lengths have 16 bits */

static size_t begin(struct guard_writer *g, uint16_t type, uint16_t flags)
{
	struct nfgenmsg nf = { .nfgen_family = NFPROTO_IPV6, .version = NFNETLINK_V0 };

	return guard_begin(g, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, &nf,
			   sizeof(nf));
}

static void mark(struct guard_writer *g, uint16_t type)
{
	struct nfgenmsg nf = {
		.nfgen_family = AF_UNSPEC,
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES),
	};

	nl_msg_end(&g->w, guard_begin(g, type, 0, &nf, sizeof(nf)));
}

static void put_table(struct guard_writer *g, uint16_t type, uint16_t flags)
{
	size_t msg = begin(g, type, flags);

	nl_put_string(&g->w, NFTA_TABLE_NAME, GUARD_TABLE);
	nl_msg_end(&g->w, msg);
}

static void put_set(struct guard_writer *g)
{
	size_t msg = begin(g, NFT_MSG_NEWSET, NLM_F_CREATE);

	nl_put_string(&g->w, NFTA_SET_TABLE, GUARD_TABLE);
	nl_put_string(&g->w, NFTA_SET_NAME, SET);
	nl_put_be32(&g->w, NFTA_SET_FLAGS, 0);
	nl_put_be32(&g->w, NFTA_SET_KEY_TYPE, TYPE_IPV6_ADDR);
	nl_put_be32(&g->w, NFTA_SET_KEY_LEN, sizeof(struct in6_addr));
	nl_put_be32(&g->w, NFTA_SET_ID, SET_ID);
	nl_msg_end(&g->w, msg);
}

static void put_chain(struct guard_writer *g)
{
	size_t msg = begin(g, NFT_MSG_NEWCHAIN, NLM_F_CREATE), hook;

	nl_put_string(&g->w, NFTA_CHAIN_TABLE, GUARD_TABLE);
	nl_put_string(&g->w, NFTA_CHAIN_NAME, CHAIN);
	hook = nl_nest_begin(&g->w, NFTA_CHAIN_HOOK);
	nl_put_be32(&g->w, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
	nl_put_be32(&g->w, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY_RAW);
	nl_nest_end(&g->w, hook);
	nl_put_be32(&g->w, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nl_put_string(&g->w, NFTA_CHAIN_TYPE, "filter");
	nl_msg_end(&g->w, msg);
}

struct expression {
	size_t elem, data;
};

static struct expression expr(struct nl_writer *w, const char *name)
{
	struct expression e;

	e.elem = nl_nest_begin(w, NFTA_LIST_ELEM);
	nl_put_string(w, NFTA_EXPR_NAME, name);
	e.data = nl_nest_begin(w, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nl_writer *w, struct expression e)
{
	nl_nest_end(w, e.data);
	nl_nest_end(w, e.elem);
}

/* iifname != DEVICE */
static void put_device(struct nl_writer *w, const char *device)
{
	char name[IFNAMSIZ] = "";
	struct expression e;
	size_t data;

	memcpy(name, device, strnlen(device, sizeof(name) - 1));
	e = expr(w, "meta");
	nl_put_be32(w, NFTA_META_DREG, NFT_REG_1);
	nl_put_be32(w, NFTA_META_KEY, NFT_META_IIFNAME);
	expr_end(w, e);
	e = expr(w, "cmp");
	nl_put_be32(w, NFTA_CMP_SREG, NFT_REG_1);
	nl_put_be32(w, NFTA_CMP_OP, NFT_CMP_NEQ);
	data = nl_nest_begin(w, NFTA_CMP_DATA);
	nl_put(w, NFTA_DATA_VALUE, name, sizeof(name));
	nl_nest_end(w, data);
	expr_end(w, e);
}

/* ip6 saddr @peers */
static void put_source(struct nl_writer *w)
{
	struct expression e;

	e = expr(w, "payload");
	nl_put_be32(w, NFTA_PAYLOAD_DREG, NFT_REG_1);
	nl_put_be32(w, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	nl_put_be32(w, NFTA_PAYLOAD_OFFSET, SADDR);
	nl_put_be32(w, NFTA_PAYLOAD_LEN, sizeof(struct in6_addr));
	expr_end(w, e);
	e = expr(w, "lookup");
	nl_put_string(w, NFTA_LOOKUP_SET, SET);
	nl_put_be32(w, NFTA_LOOKUP_SREG, NFT_REG_1);
	nl_put_be32(w, NFTA_LOOKUP_SET_ID, SET_ID);
	expr_end(w, e);
}

static void put_drop(struct nl_writer *w)
{
	struct expression e;
	size_t data, verdict;

	expr_end(w, expr(w, "counter"));
	e = expr(w, "immediate");
	nl_put_be32(w, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nl_nest_begin(w, NFTA_IMMEDIATE_DATA);
	verdict = nl_nest_begin(w, NFTA_DATA_VERDICT);
	nl_put_be32(w, NFTA_VERDICT_CODE, NF_DROP);
	nl_nest_end(w, verdict);
	nl_nest_end(w, data);
	expr_end(w, e);
}

static void put_rule(struct guard_writer *g, const char *device)
{
	size_t msg = begin(g, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND), list;

	nl_put_string(&g->w, NFTA_RULE_TABLE, GUARD_TABLE);
	nl_put_string(&g->w, NFTA_RULE_CHAIN, CHAIN);
	list = nl_nest_begin(&g->w, NFTA_RULE_EXPRESSIONS);
	put_device(&g->w, device);
	put_source(&g->w);
	put_drop(&g->w);
	nl_nest_end(&g->w, list);
	nl_msg_end(&g->w, msg);
}

static void put_elements(struct guard_writer *g, uint16_t type, bool with_id,
			 const struct in6_addr *ulas, size_t n)
{
	size_t msg = begin(g, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
	size_t list, elem, key, i;

	nl_put_string(&g->w, NFTA_SET_ELEM_LIST_TABLE, GUARD_TABLE);
	nl_put_string(&g->w, NFTA_SET_ELEM_LIST_SET, SET);
	if (with_id)
		nl_put_be32(&g->w, NFTA_SET_ELEM_LIST_SET_ID, SET_ID);
	list = nl_nest_begin(&g->w, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (i = 0; i < n; i++) {
		elem = nl_nest_begin(&g->w, NFTA_LIST_ELEM);
		key = nl_nest_begin(&g->w, NFTA_SET_ELEM_KEY);
		nl_put(&g->w, NFTA_DATA_VALUE, &ulas[i], sizeof(ulas[i]));
		nl_nest_end(&g->w, key);
		nl_nest_end(&g->w, elem);
	}
	nl_nest_end(&g->w, list);
	nl_msg_end(&g->w, msg);
}

/* Makes it first, so that there is one to be deleted. */
static void put_removal(struct guard_writer *g)
{
	put_table(g, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_table(g, NFT_MSG_DELTABLE, 0);
}

void guard_nft_table(struct guard_writer *g, const char *device, const struct in6_addr *ulas,
		     size_t n)
{
	size_t i;

	mark(g, NFNL_MSG_BATCH_BEGIN);
	put_removal(g);
	put_table(g, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_set(g);
	put_chain(g);
	put_rule(g, device);
	for (i = 0; i < n; i += CHUNK)
		put_elements(g, NFT_MSG_NEWSETELEM, true, ulas + i,
			     n - i < CHUNK ? n - i : CHUNK);
	mark(g, NFNL_MSG_BATCH_END);
}

void guard_nft_peer(struct guard_writer *g, bool add, const struct in6_addr *ula)
{
	mark(g, NFNL_MSG_BATCH_BEGIN);
	put_elements(g, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, false, ula, 1);
	mark(g, NFNL_MSG_BATCH_END);
}

void guard_nft_remove(struct guard_writer *g)
{
	mark(g, NFNL_MSG_BATCH_BEGIN);
	put_removal(g);
	mark(g, NFNL_MSG_BATCH_END);
}
