// SPDX-License-Identifier: GPL-2.0-or-later
/* The messages that keep cleartext out, octet by octet, and what is read of SAs. */
#include "test.h"

#include <arpa/inet.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "../lib/guard/guard.h"
#include "../lib/netlink/message.h"

static struct in6_addr ip6(const char *s)
{
	struct in6_addr a;

	assert_int_equal(inet_pton(AF_INET6, s, &a), 1);
	return a;
}

/* The @i-th message */
static const uint8_t *message(const struct guard_writer *g, unsigned int i, struct nlmsghdr *nlh)
{
	const uint8_t *p = g->w.buf, *payload = NULL;
	size_t left = g->w.len;
	unsigned int n;
	bool bad = false;

	for (n = 0; n <= i; n++)
		assert_true(nl_message_next(&p, &left, nlh, &payload, &bad));
	assert_int_equal(nlh->nlmsg_seq, i + 1);
	assert_true(nlh->nlmsg_flags & NLM_F_REQUEST);
	return payload;
}

static void block(void **state)
{
	static const uint8_t flags[] = { XFRM_POLICY_IN, XFRM_POLICY_OUT, XFRM_POLICY_FWD };
	struct in6_addr ula = ip6("fd00:b::1"), any = in6addr_any;
	struct xfrm_userpolicy_info info;
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct nlmsghdr nlh;
	unsigned int i;

	(void)state;
	guard_policies(&g, true, &ula);
	assert_false(g.w.failed);
	assert_int_equal(g.seq, 3);
	/* linux/xfrm.h: 56 octets of selector, 64 of limits, 32 of counters, then these */
	assert_int_equal(sizeof(info), 168);
	assert_int_equal(g.w.len, 3 * (16 + 168));
	for (i = 0; i < 3; i++) {
		const uint8_t *p = message(&g, i, &nlh);
		bool out = flags[i] == XFRM_POLICY_OUT;

		assert_int_equal(nlh.nlmsg_type, 0x19);	/* XFRM_MSG_UPDPOLICY */
		memcpy(&info, p, sizeof(info));
		assert_memory_equal(&info.sel.daddr, out ? &ula : &any, 16);
		assert_memory_equal(&info.sel.saddr, out ? &any : &ula, 16);
		assert_int_equal(info.sel.prefixlen_d, out ? 128 : 0);
		assert_int_equal(info.sel.prefixlen_s, out ? 0 : 128);
		assert_int_equal(info.sel.family, AF_INET6);
		assert_int_equal(info.sel.proto, 0);
		assert_int_equal(info.priority, UINT32_MAX);
		assert_int_equal(info.dir, flags[i]);
		assert_int_equal(info.action, 1);	/* block */
		assert_true(info.lft.hard_byte_limit == UINT64_MAX);
		assert_true(info.lft.hard_add_expires_seconds == 0);
		/* priority, index, dir, action, flags, share */
		assert_memory_equal(p + 152, "\377\377\377\377\0\0\0\0", 8);
		assert_int_equal(p[160], flags[i]);
		assert_int_equal(p[161], 1);
	}
}

static void unblock(void **state)
{
	struct in6_addr ula = ip6("fd00:b::1");
	struct xfrm_userpolicy_id id;
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct nlmsghdr nlh;
	unsigned int i;

	(void)state;
	guard_policies(&g, false, &ula);
	for (i = 0; i < 3; i++) {
		memcpy(&id, message(&g, i, &nlh), sizeof(id));
		assert_int_equal(nlh.nlmsg_type, XFRM_MSG_DELPOLICY);
		assert_int_equal(id.dir, i);
		assert_memory_equal(i == XFRM_POLICY_OUT ? &id.sel.daddr : &id.sel.saddr, &ula, 16);
	}
	g = (struct guard_writer){ .w = { .buf = buf, .size = 300 } };
	guard_policies(&g, true, &ula);
	assert_true(g.w.failed);
}

/* What stands in a nest of netlink, by the types on the way to it */
static struct nl_attr dig(const uint8_t *p, size_t len, const uint16_t *path, size_t n)
{
	struct nl_attr a = { 0 };
	struct nl_reader r;

	while (n--) {
		nl_reader_init(&r, p, len);
		do {
			assert_true(nl_next(&r, &a));
		} while (a.type != *path);
		path++;
		p = a.data;
		len = a.len;
	}
	return a;
}

#define DIG(p, len, ...)	\
	dig(p, len, (const uint16_t[]){ __VA_ARGS__ }, N_OF(((uint16_t[]){ __VA_ARGS__ })))

static void table(void **state)
{
	static const uint16_t types[] = {
		NFNL_MSG_BATCH_BEGIN, 0xa00 | NFT_MSG_NEWTABLE, 0xa00 | NFT_MSG_DELTABLE,
		0xa00 | NFT_MSG_NEWTABLE, 0xa00 | NFT_MSG_NEWSET, 0xa00 | NFT_MSG_NEWCHAIN,
		0xa00 | NFT_MSG_NEWRULE, 0xa00 | NFT_MSG_NEWSETELEM, NFNL_MSG_BATCH_END,
	};
	static const char *const expressions[] = {
		"meta", "cmp", "payload", "lookup", "counter", "immediate",
	};
	struct in6_addr ulas[2] = { ip6("fd00:b::1"), ip6("fd00:c::1") };
	uint8_t buf[GUARD_TABLE_SIZE(2)];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct nl_reader r, elem;
	struct nlmsghdr nlh;
	const uint8_t *p;
	struct nl_attr a, e;
	size_t len;
	unsigned int i;

	(void)state;
	guard_nft_table(&g, "btmm0", ulas, 2);
	assert_false(g.w.failed);
	assert_int_equal(g.seq, N_OF(types));
	for (i = 0; i < N_OF(types); i++) {
		p = message(&g, i, &nlh);
		assert_int_equal(nlh.nlmsg_type, types[i]);
		/* the transaction's ends: of no family, for nf_tables; else ip6 */
		if (i && i < N_OF(types) - 1)
			assert_memory_equal(p, "\12\0\0\0", 4);
		else
			assert_memory_equal(p, "\0\0\0\12", 4);
	}
	p = message(&g, 5, &nlh) + 4;
	len = nlh.nlmsg_len - 20;
	a = DIG(p, len, NFTA_CHAIN_HOOK, NFTA_HOOK_PRIORITY);
	assert_memory_equal(a.data, "\377\377\376\324", 4);	/* -300 */
	a = DIG(p, len, NFTA_CHAIN_HOOK, NFTA_HOOK_HOOKNUM);
	assert_memory_equal(a.data, "\0\0\0\0", 4);
	a = DIG(p, len, NFTA_CHAIN_POLICY);
	assert_memory_equal(a.data, "\0\0\0\1", 4);

	p = message(&g, 6, &nlh) + 4;
	a = DIG(p, nlh.nlmsg_len - 20, NFTA_RULE_EXPRESSIONS);
	nl_reader_init(&r, a.data, a.len);
	for (i = 0; nl_next(&r, &a); i++) {
		assert_true(i < N_OF(expressions));
		e = DIG(a.data, a.len, NFTA_EXPR_NAME);
		assert_string_equal((const char *)e.data, expressions[i]);
		nl_reader_init(&elem, a.data, a.len);
		if (i == 1) {
			e = DIG(a.data, a.len, NFTA_EXPR_DATA, NFTA_CMP_DATA, NFTA_DATA_VALUE);
			assert_int_equal(e.len, 16);
			assert_memory_equal(e.data, "btmm0\0\0\0\0\0\0\0\0\0\0", 16);
			e = DIG(a.data, a.len, NFTA_EXPR_DATA, NFTA_CMP_OP);
			assert_memory_equal(e.data, "\0\0\0\1", 4);
		}
		if (i == 2) {
			e = DIG(a.data, a.len, NFTA_EXPR_DATA, NFTA_PAYLOAD_OFFSET);
			assert_memory_equal(e.data, "\0\0\0\10", 4);
		}
		if (i == 5) {
			e = DIG(a.data, a.len, NFTA_EXPR_DATA, NFTA_IMMEDIATE_DATA,
				NFTA_DATA_VERDICT, NFTA_VERDICT_CODE);
			assert_memory_equal(e.data, "\0\0\0\0", 4);	/* drop */
		}
	}
	assert_int_equal(i, N_OF(expressions));

	p = message(&g, 7, &nlh) + 4;
	a = DIG(p, nlh.nlmsg_len - 20, NFTA_SET_ELEM_LIST_ELEMENTS);
	nl_reader_init(&r, a.data, a.len);
	for (i = 0; nl_next(&r, &a); i++) {
		e = DIG(a.data, a.len, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE);
		assert_int_equal(e.len, 16);
		assert_memory_equal(e.data, &ulas[i], 16);
	}
	assert_int_equal(i, 2);
}

static void table_of_many(void **state)
{
	size_t n = 4096, i;
	struct in6_addr *ulas = calloc(n, sizeof(*ulas));
	uint8_t *buf = malloc(GUARD_TABLE_SIZE(n));
	struct guard_writer g = { .w = { .buf = buf, .size = GUARD_TABLE_SIZE(n) } };

	(void)state;
	for (i = 0; i < n; i++) {
		ulas[i].s6_addr[0] = 0xfd;
		ulas[i].s6_addr[14] = (uint8_t)(i >> 8);
		ulas[i].s6_addr[15] = (uint8_t)i;
	}
	guard_nft_table(&g, "a-very-long-name-of-a-device", ulas, n);
	assert_false(g.w.failed);
	assert_int_equal(g.seq, 8 + 5);
	guard_nft_table(&g, "", ulas, 0);
	free(ulas);
	free(buf);
}

static void one_peer(void **state)
{
	struct in6_addr ula = ip6("fd00:b::1");
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct nlmsghdr nlh;
	const uint8_t *p;
	struct nl_attr a;

	(void)state;
	guard_nft_peer(&g, true, &ula);
	assert_int_equal(g.seq, 3);
	p = message(&g, 1, &nlh) + 4;
	assert_int_equal(nlh.nlmsg_type, 0xa00 | NFT_MSG_NEWSETELEM);
	a = DIG(p, nlh.nlmsg_len - 20, NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM,
		NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE);
	assert_memory_equal(a.data, &ula, 16);
	a = DIG(p, nlh.nlmsg_len - 20, NFTA_SET_ELEM_LIST_TABLE);
	assert_string_equal((const char *)a.data, GUARD_TABLE);

	g = (struct guard_writer){ .w = { .buf = buf, .size = sizeof(buf) } };
	guard_nft_peer(&g, false, &ula);
	message(&g, 1, &nlh);
	assert_int_equal(nlh.nlmsg_type, 0xa00 | NFT_MSG_DELSETELEM);

	g = (struct guard_writer){ .w = { .buf = buf, .size = sizeof(buf) } };
	guard_nft_remove(&g);
	assert_int_equal(g.seq, 4);
	message(&g, 2, &nlh);
	assert_int_equal(nlh.nlmsg_type, 0xa00 | NFT_MSG_DELTABLE);
}

/* An answer of the kernel, as long as it has to be. False: not one for us */
static bool read_sa(const struct xfrm_usersa_info *info, uint16_t attr, size_t cut,
		    struct guard_sa *out)
{
	uint8_t buf[sizeof(*info) + 64] = { 0 };
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	void *copy;
	bool ret;

	memcpy(nl_reserve(&w, sizeof(*info)), info, sizeof(*info));
	nl_put_u32(&w, attr, 0);
	copy = exact_copy(buf, w.len - cut);
	ret = guard_sa_read(copy, w.len - cut, out);
	free(copy);
	return ret;
}

static void sas(void **state)
{
	struct in6_addr src = ip6("fd00:a::1"), dst = ip6("fd00:b::1");
	struct xfrm_usersa_info info = {
		.family = AF_INET6,
		.id = { .proto = IPPROTO_ESP, .spi = htonl(0xc0ffee01) },
	};
	struct xfrm_usersa_info other;
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct xfrm_usersa_id id;
	struct guard_sa sa;
	struct nlmsghdr nlh;
	struct nl_attr a;
	const uint8_t *p;
	size_t cut;

	(void)state;
	memcpy(&info.saddr, &src, 16);
	memcpy(&info.id.daddr, &dst, 16);
	assert_true(read_sa(&info, XFRMA_ALG_AEAD, 0, &sa));
	assert_int_equal(sa.spi, 0xc0ffee01);
	assert_memory_equal(&sa.src, &src, 16);
	assert_memory_equal(&sa.dst, &dst, 16);
	assert_true(read_sa(&info, XFRMA_ALG_CRYPT, 0, &sa));
	/* No keys yet */
	assert_false(read_sa(&info, XFRMA_REPLAY_VAL, 0, &sa));
	for (cut = 1; cut <= 8 + sizeof(info); cut++)
		assert_false(read_sa(&info, XFRMA_ALG_AEAD, cut, &sa));
	other = info;
	other.family = AF_INET;
	assert_false(read_sa(&other, XFRMA_ALG_AEAD, 0, &sa));
	other = info;
	other.id.proto = IPPROTO_AH;
	assert_false(read_sa(&other, XFRMA_ALG_AEAD, 0, &sa));

	sa = (struct guard_sa){ src, dst, 0xc0ffee01 };
	guard_sa_delete(&g, &sa);
	p = message(&g, 0, &nlh);
	assert_int_equal(nlh.nlmsg_type, XFRM_MSG_DELSA);
	memcpy(&id, p, sizeof(id));
	assert_memory_equal(&id.daddr, &dst, 16);
	assert_memory_equal(&id.spi, "\300\377\356\1", 4);
	assert_int_equal(id.proto, 50);
	a = DIG(p + sizeof(id), nlh.nlmsg_len - 16 - sizeof(id), XFRMA_SRCADDR);
	assert_memory_equal(a.data, &src, 16);

	g = (struct guard_writer){ .w = { .buf = buf, .size = sizeof(buf) } };
	guard_sa_dump(&g);
	message(&g, 0, &nlh);
	assert_int_equal(nlh.nlmsg_type, XFRM_MSG_GETSA);
	assert_int_equal(nlh.nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
}

static bool read_policy(const struct xfrm_userpolicy_info *info, const struct xfrm_user_tmpl *t,
			size_t n, size_t cut, struct guard_policy *out)
{
	uint8_t buf[sizeof(*info) + 256] = { 0 };
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	void *copy;
	bool ret;

	memcpy(nl_reserve(&w, sizeof(*info)), info, sizeof(*info));
	if (n)
		nl_put(&w, XFRMA_TMPL, t, n * sizeof(*t));
	assert_false(w.failed);
	copy = exact_copy(buf, w.len - cut);
	ret = guard_policy_read(copy, w.len - cut, out);
	free(copy);
	return ret;
}

/* What guard_policies() made is known again. */
static void policies_that_block(void **state)
{
	struct in6_addr ula = ip6("fd00:b::1");
	struct xfrm_userpolicy_info info, other;
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct guard_policy p;
	struct nlmsghdr nlh;
	unsigned int i;

	(void)state;
	guard_policies(&g, true, &ula);
	for (i = 0; i < 3; i++) {
		memcpy(&info, message(&g, i, &nlh), sizeof(info));
		info.index = 100 + i;
		assert_true(read_policy(&info, NULL, 0, 0, &p));
		assert_memory_equal(&p.peer, &ula, 16);
		assert_true(IN6_IS_ADDR_UNSPECIFIED(&p.own));
		assert_int_equal(p.index, 100 + i);
		assert_int_equal(p.dir, i);
		assert_false(read_policy(&info, NULL, 0, 1, &p));
		other = info;
		other.priority--;
		assert_false(read_policy(&other, NULL, 0, 0, &p));
		other = info;
		other.action = XFRM_POLICY_ALLOW;
		assert_false(read_policy(&other, NULL, 0, 0, &p));
		other = info;
		other.sel.prefixlen_d ^= 64;
		assert_false(read_policy(&other, NULL, 0, 0, &p));
		other = info;
		other.sel.prefixlen_s ^= 64;
		assert_false(read_policy(&other, NULL, 0, 0, &p));
		other = info;
		other.sel.family = AF_INET;
		assert_false(read_policy(&other, NULL, 0, 0, &p));
		/* not a ULA */
		other = info;
		memset(&other.sel.saddr, 0x20, 16);
		memset(&other.sel.daddr, 0x20, 16);
		assert_false(read_policy(&other, NULL, 0, 0, &p));
		/* a socket's */
		other = info;
		other.dir += XFRM_POLICY_MAX;
		assert_false(read_policy(&other, NULL, 0, 0, &p));
	}
}

static void policies_of_ike(void **state)
{
	struct in6_addr own = ip6("fd00:a::1"), peer = ip6("fd00:b::1");
	struct xfrm_user_tmpl t[2] = { {
		.family = AF_INET6, .id = { .proto = IPPROTO_ESP }, .mode = XFRM_MODE_TUNNEL,
	} }, u[2];
	struct xfrm_userpolicy_info info = {
		.sel = { .family = AF_INET6, .prefixlen_d = 128, .prefixlen_s = 128 },
		.priority = 268927, .dir = XFRM_POLICY_OUT, .index = 77,
	}, other;
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer g = { .w = { .buf = buf, .size = sizeof(buf) } };
	struct xfrm_userpolicy_id id;
	struct guard_policy p;
	struct nlmsghdr nlh;
	size_t cut;

	(void)state;
	memcpy(&info.sel.saddr, &own, 16);
	memcpy(&info.sel.daddr, &peer, 16);
	t[0].saddr = info.sel.saddr;
	t[0].id.daddr = info.sel.daddr;
	t[1] = t[0];
	assert_true(read_policy(&info, t, 1, 0, &p));
	assert_memory_equal(&p.own, &own, 16);
	assert_memory_equal(&p.peer, &peer, 16);
	for (cut = 1; cut <= sizeof(info) + sizeof(*t); cut++)
		assert_false(read_policy(&info, t, 1, cut, &p));
	assert_false(read_policy(&info, t, 0, 0, &p));
	assert_false(read_policy(&info, t, 2, 0, &p));
	memcpy(u, t, sizeof(u));
	u[0].mode = XFRM_MODE_TRANSPORT;
	assert_false(read_policy(&info, u, 1, 0, &p));
	memcpy(u, t, sizeof(u));
	u[0].id.proto = IPPROTO_AH;
	assert_false(read_policy(&info, u, 1, 0, &p));
	/* The ends of the tunnel are others: it is somebody else's. */
	memcpy(u, t, sizeof(u));
	u[0].saddr.a6[3]++;
	assert_false(read_policy(&info, u, 1, 0, &p));
	memcpy(u, t, sizeof(u));
	u[0].id.daddr.a6[3]++;
	assert_false(read_policy(&info, u, 1, 0, &p));
	other = info;
	other.sel.prefixlen_s = 64;
	assert_false(read_policy(&other, t, 1, 0, &p));
	other = info;
	other.action = XFRM_POLICY_BLOCK;
	assert_false(read_policy(&other, t, 1, 0, &p));

	other = info;
	other.dir = XFRM_POLICY_FWD;
	assert_true(read_policy(&other, t, 1, 0, &p));
	assert_memory_equal(&p.peer, &own, 16);
	assert_memory_equal(&p.own, &peer, 16);

	guard_policy_delete(&g, &p);
	memcpy(&id, message(&g, 0, &nlh), sizeof(id));
	assert_int_equal(nlh.nlmsg_type, XFRM_MSG_DELPOLICY);
	assert_int_equal(id.index, 77);
	assert_int_equal(id.dir, XFRM_POLICY_FWD);
	g = (struct guard_writer){ .w = { .buf = buf, .size = sizeof(buf) } };
	guard_policy_dump(&g);
	message(&g, 0, &nlh);
	assert_int_equal(nlh.nlmsg_type, XFRM_MSG_GETPOLICY);
	assert_int_equal(nlh.nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
}

static void acquire(void **state)
{
	struct in6_addr peer = ip6("fd00:b::1"), got;
	struct xfrm_user_acquire acq = { .id = { .proto = IPPROTO_ESP } };
	void *copy;

	(void)state;
	memcpy(&acq.id.daddr, &peer, 16);
	acq.sel.family = AF_INET6;
	assert_true(guard_acquire_read((uint8_t *)&acq, sizeof(acq), &got));
	assert_memory_equal(&got, &peer, 16);
	copy = exact_copy(&acq, sizeof(acq) - 1);
	assert_false(guard_acquire_read(copy, sizeof(acq) - 1, &got));
	free(copy);
	acq.sel.family = AF_INET;
	assert_false(guard_acquire_read((uint8_t *)&acq, sizeof(acq), &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block),
		cmocka_unit_test(unblock),
		cmocka_unit_test(table),
		cmocka_unit_test(table_of_many),
		cmocka_unit_test(one_peer),
		cmocka_unit_test(sas),
		cmocka_unit_test(policies_that_block),
		cmocka_unit_test(policies_of_ike),
		cmocka_unit_test(acquire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
