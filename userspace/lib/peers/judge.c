// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is believed what. */
#include <stdlib.h>
#include <string.h>

#include "peers_int.h"

#define LOW	8	/* octets of a ULA that are the machine's (RFC 6281 6.3) */

static const uint8_t *low_of(const struct in6_addr *ula)
{
	return ula->s6_addr + 16 - LOW;
}

/* Has the question been answered, or is something known that will do? */
static bool answered(const struct peers_question *q)
{
	return q->known || q->n;
}

/* --- inner address --- */

static enum peers_reason judge_ula(const struct peers *p, struct host *h)
{
	const struct peers_question *q = h->aaaa;
	enum peers_reason reason = PEERS_NO_ULA;
	const struct record *best = NULL;
	size_t i;

	for (i = 0; i < q->n; i++) {
		const struct record *r = &q->records[i];

		/* Hosts may have other addresses, too. */
		if (r->data[0] != 0xfd) {
			if (reason == PEERS_NO_ULA)
				reason = PEERS_BAD_ULA;
			continue;
		}
		if (p->own.s6_addr[0] == 0xfd && !memcmp(r->data + LOW, low_of(&p->own), LOW)) {
			reason = PEERS_OWN_ULA;
			continue;
		}
		/* Of two, the one that came last is that of the last boot. */
		if (!best || r->seq > best->seq)
			best = r;
	}
	if (!best)
		return answered(q) ? reason : PEERS_ASKING;
	memcpy(h->want.ula.s6_addr, best->data, 16);
	h->claim = best->late ? best->seq : 0;
	if (h->born > h->claim)
		h->claim = h->born;
	return PEERS_OK;
}

/* --- port --- */

/* *@target points into the record or the hint. */
static enum peers_reason judge_srv(const struct peers *p, struct host *h, const uint8_t **target)
{
	const struct peers_question *q = h->srv;
	enum peers_reason reason = PEERS_NO_SRV;
	const struct record *best = NULL;
	size_t i;

	if (h->hint && h->hint->has_srv && !h->hint->open) {
		h->want.port = h->hint->port;
		*target = h->hint->target;
		return PEERS_OK;
	}
	for (i = 0; i < q->n; i++) {
		const struct record *r = &q->records[i];

		if (!dns_u16(r->data + 4)) {
			reason = PEERS_BAD_PORT;
			continue;
		}
		if (!dname_below(r->data + 6, p->domain)) {
			reason = PEERS_BAD_TARGET;
			continue;
		}
		if (!best || dns_u16(r->data) < dns_u16(best->data) ||
		    (dns_u16(r->data) == dns_u16(best->data) && r->seq > best->seq))
			best = r;
	}
	if (!best)
		return answered(q) ? reason : PEERS_ASKING;
	h->want.port = dns_u16(best->data + 4);
	*target = best->data + 6;
	return PEERS_OK;
}

/* --- outer address --- */

/* Can it be somebody's endpoint? Private ones can: peers may share a network. */
static bool usable(const uint8_t *b, size_t len)
{
	if (len == 4)
		return b[0] && b[0] != 127 && b[0] < 224;
	/* None that is multicast, link-local, a ULA, ::, ::1 or IPv4 in disguise */
	return b[0] < 0xfc && (b[0] || b[1]);
}

/* The records at the target are those of the question there, or a hint. */
static enum peers_reason judge_family(struct host *h, const struct peers_question *q, size_t len)
{
	enum peers_reason reason = PEERS_NO_ADDRESS;
	const struct record *best = NULL;
	size_t i;

	for (i = 0; h->hint && !h->hint->open && i < h->hint->n; i++) {
		const struct addr *a = &h->hint->addrs[i].addr;

		if (a->len != len || !dname_equal(h->hint->addrs[i].owner, q->name) ||
		    !usable(a->b, len))
			continue;
		h->want.outer = *a;
		return PEERS_OK;
	}
	for (i = 0; i < q->n; i++) {
		const struct record *r = &q->records[i];

		if (!usable(r->data, len)) {
			/* The ULA stands there, too. */
			if (len == 4 || r->data[0] != 0xfd)
				reason = PEERS_BAD_ADDRESS;
			continue;
		}
		if (!best || r->seq > best->seq)
			best = r;
	}
	if (!best)
		return answered(q) ? reason : PEERS_ASKING;
	h->want.outer = (struct addr){ .len = (uint8_t)len };
	memcpy(h->want.outer.b, best->data, len);
	return PEERS_OK;
}

/* Sees to it that @*q is the question about @target; false: no memory. */
static bool ask_at(struct peers *p, struct host *h, struct peers_question **q,
		   const uint8_t *target, uint16_t type)
{
	struct peers_question *was = *q;

	if (was && dname_equal(was->name, target))
		return true;
	*q = question_use(p, target, type, h);
	question_drop(p, &was, h);
	return *q;
}

static enum peers_reason judge_outer(struct peers *p, struct host *h, const uint8_t *target)
{
	enum peers_reason v4 = PEERS_NO_ADDRESS, v6 = PEERS_NO_ADDRESS;

	if (p->ipv4)
		v4 = ask_at(p, h, &h->a, target, DNS_A) ? judge_family(h, h->a, 4)
							: PEERS_ASKING;
	if (v4 == PEERS_OK)
		return PEERS_OK;
	if (p->ipv6)
		v6 = ask_at(p, h, &h->a6, target, DNS_AAAA) ? judge_family(h, h->a6, 16)
							    : PEERS_ASKING;
	/* IPv4 may yet come, and would be preferred. */
	if (v6 == PEERS_OK)
		return v4 == PEERS_ASKING ? PEERS_ASKING : PEERS_OK;
	if (v4 == PEERS_ASKING || v6 == PEERS_ASKING)
		return PEERS_ASKING;
	return v4 > v6 ? v4 : v6;
}

void host_judge(struct peers *p, struct host *h)
{
	const uint8_t *target = NULL;
	enum peers_reason ula, srv;

	if (!h->listed)
		return;
	ula = judge_ula(p, h);
	srv = judge_srv(p, h, &target);
	/* A name is looked at even if its owner is not complete yet: it will be. */
	if (srv == PEERS_OK)
		srv = judge_outer(p, h, target);
	h->reason = ula && (ula != PEERS_ASKING || srv == PEERS_OK) ? ula : srv;
}

/* --- one against the other --- */

/* Was it told to have the ULA that it says it has? */
static bool holds(const struct host *h)
{
	return h->told && IN6_ARE_ADDR_EQUAL(&h->is.ula, &h->want.ula);
}

/* Of two with one ULA, the one that it stays with comes first. */
static int by_low(const void *a, const void *b)
{
	const struct host *x = *(struct host *const *)a, *y = *(struct host *const *)b;
	int d = memcmp(low_of(&x->want.ula), low_of(&y->want.ula), LOW);

	if (!d)
		d = memcmp(&x->want.ula, &y->want.ula, sizeof(x->want.ula));
	if (d)
		return d;
	if (holds(x) != holds(y))
		return holds(x) ? -1 : 1;
	if (x->claim != y->claim)
		return x->claim < y->claim ? -1 : 1;
	return memcmp(x->name, y->name, dname_len(x->name));
}

/*
 * Those with equal low halves. Of different ULAs, the one that came last is that of the
 * machine now. One ULA stays with who has it: whoever says that it is his, too, would be
 * sent what is for the other one, by all who remember the address and not the name.
 */
static void compare_group(struct host **g, size_t n)
{
	uint64_t last = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i && IN6_ARE_ADDR_EQUAL(&g[i]->want.ula, &g[i - 1]->want.ula))
			g[i]->conflict = PEERS_SAME_ULA;
		else if (g[i]->claim > last)
			last = g[i]->claim;
	}
	for (i = 0; i < n; i++) {
		if (!g[i]->conflict && g[i]->claim < last)
			g[i]->conflict = PEERS_REPLACED;
	}
}

void hosts_compare(struct peers *p)
{
	struct host **all, *h;
	size_t n = 0, i, first = 0;

	all = p->n_hosts ? malloc(p->n_hosts * sizeof(struct host *)) : NULL;
	/* Without memory it stays as it was. */
	if (!all)
		return;
	for (h = p->hosts; h; h = h->next) {
		h->conflict = PEERS_OK;
		if (h->listed && h->reason == PEERS_OK)
			all[n++] = h;
	}
	qsort(all, n, sizeof(struct host *), by_low);
	for (i = 1; i <= n; i++) {
		if (i < n && !memcmp(low_of(&all[i]->want.ula), low_of(&all[first]->want.ula),
				     LOW))
			continue;
		compare_group(all + first, i - first);
		first = i;
	}
	free(all);
}
