// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of the load, signed. */
#include <string.h>

#include "bench.h"

static size_t finish(struct dns_writer *w, size_t size, const struct tsig_key *key,
		     struct tsig_mac *mac)
{
	struct tsig_mac unused;
	size_t len = w->len;

	if (w->failed || tsig_sign(w->buf, &len, size, key, NULL, mac ? mac : &unused, TSIG_OK, 0))
		die("a message could not be made");
	return len;
}

size_t wire_update(const struct party *p, uint16_t id, uint16_t value, uint32_t lease,
		   uint8_t *out, size_t size)
{
	uint8_t rdata[6 + DNAME_MAX] = { 0 }, option[12];
	struct lease_option o = { .lease = lease, .key_lease = lease };
	struct dns_writer w;

	dns_put16(rdata + 4, value);
	memcpy(rdata + 6, p->zone, dname_len(p->zone));
	dns_writer_init(&w, out, size - TSIG_ROOM, id, DNS_UPDATE << 11);
	dns_put_question(&w, p->zone, DNS_SOA, DNS_IN);
	dns_put_rr(&w, 2, p->owner, DNS_SRV, DNS_CLASS_ANY, 0, NULL, 0);
	dns_put_rr(&w, 2, p->owner, DNS_SRV, DNS_IN, 120, rdata, 6 + dname_len(p->zone));
	if (lease != NO_LEASE)
		dns_put_opt(&w, DNS_UDP_MAX, 0, option, lease_option_write(&o, option));
	return finish(&w, size, &p->key, NULL);
}

size_t wire_llq(const struct tsig_key *key, const uint8_t *name, uint16_t type, uint16_t id,
		const struct llq_option *o, uint8_t *out, size_t size, struct tsig_mac *mac)
{
	uint8_t option[4 + LLQ_OPTION_LEN];
	struct dns_writer w;

	dns_writer_init(&w, out, size - TSIG_ROOM, id, 0);
	dns_put_question(&w, name, type, DNS_IN);
	dns_put_opt(&w, DNS_UDP_MAX, 0, option, llq_option_write(o, option));
	return finish(&w, size, key, mac);
}

bool wire_llq_read(const uint8_t *msg, size_t len, struct llq_option *out)
{
	struct edns_option o;
	struct dns_shape shape;
	size_t pos = 0;

	if (dns_shape(msg, len, &shape) || !shape.has_opt)
		return false;
	while (edns_next(shape.opt, shape.opt_len, &pos, &o) == 1) {
		if (o.code == EDNS_LLQ)
			return !llq_option_read(&o, out) && !out->error;
	}
	return false;
}

size_t wire_query(const struct tsig_key *key, const uint8_t *name, uint16_t id,
		  const uint8_t *option, size_t option_len, uint8_t *out, size_t size)
{
	struct dns_writer w;

	dns_writer_init(&w, out, size - TSIG_ROOM, id, 0);
	dns_put_question(&w, name, DNS_SOA, DNS_IN);
	dns_put_opt(&w, DNS_UDP_MAX, 0, option, option_len);
	return finish(&w, size, key, NULL);
}
