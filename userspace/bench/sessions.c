// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many TLS sessions, each with an LLQ in it (what such a session is kept open for),
 * signed; held until standard input is closed.
 */
#include <string.h>

#include "bench.h"

int run_sessions(const struct options *o)
{
	struct tls_link *l = must_alloc(o->count, sizeof(*l));
	struct parties who = parties_read(o->subs);
	struct llq_option setup = { .version = LLQ_VERSION, .opcode = LLQ_SETUP, .lease = 7200 };
	const struct party *p;
	const uint8_t *answer;
	struct llq_option got;
	uint8_t buf[2048];
	unsigned int i;
	size_t len;

	for (i = 0; i < o->count; i++) {
		p = &who.v[i % who.n];
		tls_link_open(&l[i], &o->server);
		len = wire_llq(&p->key, p->owner, DNS_SRV, (uint16_t)(i + 1), &setup, buf,
			       sizeof(buf), NULL);
		tls_link_send(&l[i], buf, len);
		len = tls_link_read(&l[i], &answer, true);
		if (!wire_llq_read(answer, len, &got))
			die("session %u: no LLQ, RCODE %u", i, dns_rcode(answer));
	}
	wait_for_end();
	return 0;
}
