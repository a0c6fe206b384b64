// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever may ask the stub resolver: libFuzzer target. An answer is well-formed, no
 * longer than it may be, and repeats ID and question; one that is allowed to be longer
 * says the same or more.
 *
 * The first octet says what is in the table; the rest is the question.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/resolve/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void name(const char *text, uint8_t out[DNAME_MAX])
{
	must(!dname_from_text(text, out));
}

static void fill(struct resolve *r, uint8_t what)
{
	uint8_t owner[DNAME_MAX], rdata[6 + DNAME_MAX] = { 0xfd, 1 };
	char text[32];
	int i;

	for (i = 0; i < (what & 63); i++) {
		snprintf(text, sizeof(text), "h%d.example.com", i);
		name(text, owner);
		must(!resolve_add(r, RESOLVE_HOSTS, owner, DNS_AAAA, rdata, 16));
		memcpy(rdata + 6, owner, dname_len(owner));
		name("_x._tcp.example.com", owner);
		must(!resolve_add(r, RESOLVE_SERVICES, owner, DNS_PTR, rdata + 6,
				  dname_len(rdata + 6)));
		name(i & 1 ? "h0.example.com" : "s.h3.example.com", owner);
		must(!resolve_add(r, RESOLVE_SERVICES, owner, DNS_SRV, rdata,
				  6 + dname_len(rdata + 6)));
	}
	if (what & 64) {
		name("alias.example.com", owner);
		name("h0.example.com", rdata);
		must(!resolve_add(r, RESOLVE_OWN, owner, DNS_CNAME, rdata, dname_len(rdata)));
		must(!resolve_add(r, RESOLVE_OWN, rdata, DNS_CNAME, owner, dname_len(owner)));
	}
	resolve_set_complete(r, what & 128);
}

static void check(const uint8_t *query, size_t size, const uint8_t *out, size_t len, size_t most)
{
	struct dns_question asked, said;
	struct dns_shape shape;
	struct dns_walk w;

	must(len >= DNS_HEADER && len <= most && size >= DNS_HEADER);
	must(dns_id(out) == dns_id(query) && dns_flags(out) & DNS_QR);
	must(!dns_shape(out, len, &shape) && !shape.has_tsig);
	if (dns_opcode(query) != DNS_QUERY || dns_rcode(out) == DNS_FORMERR)
		return;
	must(!dns_walk_init(&w, query, size) && dns_walk_question(&w, &asked) == 1);
	must(!dns_walk_init(&w, out, len) && dns_walk_question(&w, &said) == 1);
	/* In the same case */
	must(!memcmp(asked.name, said.name, dname_len(asked.name)));
	must(asked.type == said.type && asked.class_ == said.class_);
	must(dns_rcode(out) != DNS_NXDOMAIN || dns_count(out, 2) == 1 ||
	     dns_flags(out) & DNS_TC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t udp[DNS_UDP_MAX], tcp[DNS_MAX];
	struct resolve_result result;
	uint8_t domain[DNAME_MAX];
	size_t n_udp, n_tcp;
	struct resolve *r;

	if (!size)
		return 0;
	name("example.com", domain);
	r = resolve_new(domain);
	must(r);
	fill(r, data[0]);
	data++;
	size--;

	n_udp = resolve_answer(r, false, data, size, udp, sizeof(udp), &result);
	n_tcp = resolve_answer(r, true, data, size, tcp, sizeof(tcp), NULL);
	must(!n_udp == !n_tcp);
	if (n_udp) {
		check(data, size, udp, n_udp, sizeof(udp));
		check(data, size, tcp, n_tcp, sizeof(tcp));
		must(dns_rcode(udp) == dns_rcode(tcp) && !(dns_flags(tcp) & DNS_TC));
		must(result.rcode == DNS_BADVERS || result.rcode == dns_rcode(udp));
		must(dns_count(udp, 1) <= dns_count(tcp, 1));
		if (!(dns_flags(udp) & DNS_TC))
			must(dns_count(udp, 1) == dns_count(tcp, 1));
	}
	resolve_free(r);
	return 0;
}
