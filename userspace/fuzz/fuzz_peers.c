// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that says anything about the hosts of a domain, in any order. Whoever
 * believes what is told about peers must never have two with one ULA, one that came
 * twice, or one that moved without having come.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/peers/peers.h"

#define TOLD	32

static struct told {
	char name[PEERS_NAME];
	struct in6_addr ula;
} told[TOLD];
static size_t n_told;

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static void must(bool good)
{
	if (!good)
		abort();
}

static struct told *find(const char *name)
{
	size_t i;

	for (i = 0; i < n_told; i++) {
		if (!strcmp(told[i].name, name))
			return &told[i];
	}
	return NULL;
}

static void believe(const struct peers_event *e)
{
	struct told *t = find(e->name);
	size_t i;

	if (e->kind == PEERS_READ)
		return;
	must(!t == (e->kind == PEERS_CAME));
	if (e->kind == PEERS_WENT) {
		must(IN6_ARE_ADDR_EQUAL(&t->ula, &e->old_ula));
		*t = told[--n_told];
		return;
	}
	must(e->ula.s6_addr[0] == 0xfd && e->port && e->outer.len);
	for (i = 0; i < n_told; i++)
		must(&told[i] == t || !IN6_ARE_ADDR_EQUAL(&told[i].ula, &e->ula));
	if (!t) {
		must(n_told < TOLD);
		t = &told[n_told++];
		memcpy(t->name, e->name, sizeof(t->name));
	} else if (e->kind == PEERS_MOVED) {
		must(IN6_ARE_ADDR_EQUAL(&t->ula, &e->ula));
	}
	t->ula = e->ula;
}

static void drain(struct peers *p, uint64_t now)
{
	struct peers_question *q;
	struct peers_status st;
	enum peers_want want;
	struct peers_walk walk = { 0 };
	struct peers_event e;

	while (peers_event(p, now, &e))
		believe(&e);
	while (peers_want(p, &want, &q)) {
		if (want == PEERS_AGAIN)
			peers_renew(p, q, now);
	}
	must(peers_deadline(p) > now);
	while (peers_next(p, &walk, &st))
		must(!st.told == !find(st.name));
}

static struct peers_question *pick(struct peers *p, uint8_t n)
{
	struct peers_question *q = NULL, *found = NULL;

	do {
		q = peers_questions(p, q);
		if (q)
			found = q;
	} while (q && n--);
	return found;
}

/* RDATA that is right as often as not: few names and addresses, so that they meet. */
static uint16_t make_rdata(struct input *in, uint16_t type, uint8_t out[64])
{
	static const char domain[] = "\7example\3com";
	uint8_t kind = next(in), n = next(in);
	uint16_t len;

	memset(out, 0, 64);
	if (kind > 240) {
		for (len = 0; len < n % 64; len++)
			out[len] = next(in);
		return len;
	}
	switch (type) {
	case DNS_A:
		out[0] = n > 250 ? 127 : 192;
		out[3] = n;
		return 4;
	case DNS_AAAA:
		out[0] = n > 240 ? 0x20 : 0xfd;
		out[7] = n & 3;
		out[15] = n >> 2 & 7;
		return 16;
	case DNS_SRV:
		out[5] = n >> 4;
		out += 6;
		len = 6;
		break;
	default:
		len = 0;
	}
	out[0] = 1;
	out[1] = 'a' + (n & 15);
	memcpy(out + 2, domain, sizeof(domain));
	return (uint16_t)(len + 2 + sizeof(domain));
}

static void record(struct peers *p, struct input *in, bool beside)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_PTR, DNS_TXT };
	struct peers_question *q = pick(p, next(in));
	uint8_t what = next(in), rdata[64], owner[DNAME_MAX], *exact;
	uint16_t type = peers_question_type(q);
	struct answer a = { .owner = owner, .class_ = DNS_IN };

	memcpy(owner, peers_question_name(q), dname_len(peers_question_name(q)));
	if (beside) {
		struct peers_question *other = pick(p, next(in));

		type = types[what % 5];
		memcpy(owner, peers_question_name(other), dname_len(peers_question_name(other)));
	}
	a.type = type;
	a.rdlen = make_rdata(in, type, rdata);
	exact = malloc(a.rdlen ? a.rdlen : 1);
	must(exact);
	memcpy(exact, rdata, a.rdlen);
	a.rdata = exact;
	if (beside)
		peers_additional(p, q, &a);
	else
		peers_change(p, q, what & 3, &a);
	free(exact);
}

/* Every question gets one more record, as from a server that means well. */
static void all_answered(struct peers *p, struct input *in, uint64_t now)
{
	struct peers_question *q = NULL;

	while ((q = peers_questions(p, q))) {
		const uint8_t n[2] = { 0, next(in) };
		struct input one = { n, sizeof(n) };
		uint8_t rdata[64];
		struct answer a = {
			.owner = peers_question_name(q), .type = peers_question_type(q),
			.class_ = DNS_IN, .rdata = rdata,
		};

		a.rdlen = make_rdata(&one, a.type, rdata);
		peers_change(p, q, true, &a);
		peers_settled(p, q, ANSWERS_LIVE, now);
	}
	drain(p, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peers_config config = {
		.domain = (const uint8_t *)"\7example\3com",
		.self = (const uint8_t *)"\1a\7example\3com",
		.ipv4 = true, .max = 12, .keep = 60,
	};
	struct input in = { data, size };
	struct in6_addr own = { .s6_addr = { 0xfd, [15] = 1 } };
	struct peers *p;
	uint64_t now = 0;

	config.ipv6 = next(&in) & 1;
	p = peers_new(&config);
	must(p);
	n_told = 0;
	drain(p, now);
	while (in.left) {
		uint8_t op = next(&in), n;

		switch (op % 16) {
		case 0:
			now += next(&in) * 100ull;
			drain(p, now);
			break;
		case 1:
			own.s6_addr[15] = next(&in) & 7;
			peers_own(p, &own);
			break;
		case 2:
			n = next(&in);
			if (n < 64)
				peers_renew(p, pick(p, n), now);
			break;
		case 3:
			n = next(&in);
			peers_read_again(p, (char[]){ 'a' + (n & 15), '.', 'e', 'x', 'a', 'm', 'p',
						      'l', 'e', '.', 'c', 'o', 'm', 0 });
			break;
		case 4:
		case 5:
			record(p, &in, true);
			break;
		case 6:
		case 7:
		case 8:
			n = next(&in);
			peers_settled(p, pick(p, n), n > 220 ? n & 3 : ANSWERS_LIVE, now);
			break;
		case 9:
			drain(p, now);
			break;
		case 10:
		case 11:
			all_answered(p, &in, now);
			break;
		default:
			record(p, &in, false);
		}
	}
	drain(p, now);
	peers_free(p);
	return 0;
}
