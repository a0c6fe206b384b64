// SPDX-License-Identifier: GPL-2.0-or-later
/* Updates and their answers, RFC 2136 2 and 3, RFC 9664 4. */
#include <errno.h>
#include <string.h>

#include "../dns/message.h"
#include "client_int.h"

/* Has the set of that owner and type been deleted already, for an earlier record? */
static bool deleted(const struct lease_client *c, size_t set, size_t record)
{
	const struct lease_client_record *r = &c->maybe[set]->records[record];
	size_t i, j;

	for (i = 0; i <= set; i++) {
		size_t n = i < set ? c->maybe[i]->n : record;

		for (j = 0; j < n; j++) {
			const struct lease_client_record *x = &c->maybe[i]->records[j];

			if (!x->shared && lease_client_same_rrset(x, r))
				return true;
		}
	}
	return false;
}

static void put_deletions(const struct lease_client *c, struct dns_writer *w)
{
	size_t i, j;

	for (i = 0; i < c->n_maybe; i++) {
		for (j = 0; j < c->maybe[i]->n; j++) {
			const struct lease_client_record *r = &c->maybe[i]->records[j];

			if (r->shared && !lease_client_set_has(c->want, r))
				dns_put_rr(w, 2, r->owner, r->type, DNS_NONE, 0, r->rdata,
					   r->rdlen);
			else if (!r->shared && !deleted(c, i, j))
				dns_put_rr(w, 2, r->owner, r->type, DNS_CLASS_ANY, 0, NULL, 0);
		}
	}
}

int lease_client_put(struct lease_client *c, uint8_t *out, size_t size, size_t *len)
{
	struct lease_option o = {
		.lease = c->config.lease,
		.key_lease = c->config.key_lease,
		.long_form = c->config.key_lease && !c->short_form,
	};
	const struct signer *s = &c->config.signer;
	uint8_t option[12];
	struct dns_writer w;
	size_t i;

	c->long_form = o.long_form;
	dns_writer_init(&w, out, size, c->id, DNS_UPDATE << 11);
	dns_put_question(&w, c->zone, DNS_SOA, DNS_IN);
	/* A refresh only adds what is there already, or was lost (RFC 9664 5.2). */
	if (!c->confirmed || c->again)
		put_deletions(c, &w);
	for (i = 0; i < c->want->n; i++) {
		const struct lease_client_record *r = &c->want->records[i];

		dns_put_rr(&w, 2, r->owner, r->type, DNS_IN, r->ttl, r->rdata, r->rdlen);
	}
	dns_put_opt(&w, DNS_UDP_MAX, 0, option, lease_option_write(&o, option));
	if (w.failed)
		return -EMSGSIZE;
	*len = w.len;
	if (s->sign && s->sign(s->arg, out, len, size, NULL, &c->mac))
		return *len + TSIG_ROOM > size ? -EMSGSIZE : -EKEYREJECTED;
	return 0;
}

static bool read_lease(const struct dns_shape *shape, struct lease_client_answer *out)
{
	struct edns_option o;
	size_t pos = 0;
	int ret;

	while ((ret = edns_next(shape->opt, shape->opt_len, &pos, &o)) > 0) {
		if (o.code != EDNS_UPDATE_LEASE)
			continue;
		if (lease_option_read(&o, &out->lease))
			return false;
		out->has_lease = true;
	}
	return !ret;
}

bool lease_client_read(const struct lease_client *c, const uint8_t *msg, size_t len,
		       struct lease_client_answer *out)
{
	const struct signer *s = &c->config.signer;
	struct dns_shape shape;
	struct tsig_mac mac;
	uint64_t time;

	*out = (struct lease_client_answer){ .result = SIGNER_GOOD };
	if (!c->sent || dns_shape(msg, len, &shape) || !(dns_flags(msg) & DNS_QR) ||
	    dns_opcode(msg) != DNS_UPDATE || dns_id(msg) != c->id || !read_lease(&shape, out))
		return false;
	out->rcode = dns_rcode(msg) | (shape.opt_ttl >> 24) << 4;
	if (s->verify)
		out->result = s->verify(s->arg, msg, len, &c->mac, &mac, &time);
	return true;
}
