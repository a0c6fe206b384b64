// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's messages, RFC 8764 5.2, 6, 7. */
#include <string.h>

#include "client_int.h"

static size_t finish(struct llq_client *c, struct dns_writer *w, const struct tsig_mac *prior,
		     struct tsig_mac *mac)
{
	size_t len = w->len;

	if (w->failed)
		return 0;
	if (c->config.signer.sign &&
	    c->config.signer.sign(c->config.signer.arg, w->buf, &len, w->size, prior, mac))
		return 0;
	return len;
}

static size_t put_request(struct llq_client *c, const struct llq_query *q,
			  struct llq_exchange *x, const struct llq_option *o, uint8_t *out,
			  size_t size)
{
	uint8_t option[4 + LLQ_OPTION_LEN];
	struct tsig_mac mac = { 0 };
	struct dns_writer w;
	size_t len;

	dns_writer_init(&w, out, size, x->id, 0);
	dns_put_question(&w, q->name, q->type, DNS_IN);
	dns_put_opt(&w, DNS_UDP_MAX, 0, option, o ? llq_option_write(o, option) : 0);
	len = finish(c, &w, NULL, &mac);
	if (len && x->n_macs < LLQ_TRIES)
		x->macs[x->n_macs++] = mac;
	return len;
}

size_t llq_put_setup(struct llq_client *c, struct llq_query *q, uint8_t *out, size_t size)
{
	struct llq_option o = {
		.version = LLQ_VERSION,
		.opcode = LLQ_SETUP,
		.error = c->config.event_port,
		.lease = c->config.lease,
	};

	switch (q->phase) {
	case LLQ_CHALLENGED:
		o.lease = q->lease;
		break;
	case LLQ_BYE:
		o.lease = 0;
		o.opcode = LLQ_REFRESH;
		break;
	case LLQ_UP:
		o.opcode = LLQ_REFRESH;
		break;
	default:
		return put_request(c, q, &q->setup, &o, out, size);
	}
	memcpy(o.id, q->id, LLQ_ID_LEN);
	return put_request(c, q, &q->setup, &o, out, size);
}

size_t llq_put_poll(struct llq_client *c, struct llq_query *q, uint8_t *out, size_t size)
{
	return put_request(c, q, &q->poll, NULL, out, size);
}

size_t llq_put_ack(struct llq_client *c, uint16_t id, const struct llq_option *o,
		   const struct tsig_mac *event, uint8_t *out, size_t size)
{
	uint8_t option[4 + LLQ_OPTION_LEN];
	struct tsig_mac mac;
	struct dns_writer w;

	dns_writer_init(&w, out, size, id, DNS_QR);
	dns_put_opt(&w, DNS_UDP_MAX, 0, option, llq_option_write(o, option));
	return finish(c, &w, event, &mac);
}
