// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DSO messages and the TLVs of DNS Push: whatever can be read, written again,
 * reads the same.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/dso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[2 * DNS_MAX];

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The only TLV of what was written */
static struct dso_tlv written(struct dso_writer *w, struct dso *d)
{
	struct dso_tlv t;

	must(!w->failed && !dso_read(w->buf, w->len, d));
	must(dso_next(d, &t) == 1 && d->pos == d->len);
	return t;
}

static void push(const struct dso *d, const struct dso_tlv *t)
{
	struct dso_writer w;
	struct dso_push p, p2;
	struct dns_rr rr, back;
	struct dso_tlv t2;
	struct dso d2;
	size_t last = 0;
	int ret;

	dso_push_init(&p, d, t);
	while ((ret = dso_push_next(&p, &rr)) > 0) {
		must(rr.start >= last && rr.end > rr.start && rr.end <= d->len);
		last = rr.end;

		dso_writer_init(&w, out, sizeof(out), DSO_UNIDIRECTIONAL, 0, 0);
		if (!dso_put_push(&w, rr.owner, rr.type, rr.class_, rr.ttl, rr.rdata, rr.rdlen)) {
			must(w.failed);
			continue;
		}
		t2 = written(&w, &d2);
		dso_push_init(&p2, &d2, &t2);
		must(dso_push_next(&p2, &back) == 1);
		must(dname_equal(rr.owner, back.owner) && rr.ttl == back.ttl);
		must(rr.rdlen == back.rdlen && !memcmp(rr.rdata, back.rdata, rr.rdlen));
		must(dso_change(&rr) == dso_change(&back));
		must(!dso_push_next(&p2, &back));
	}
	must(dso_push_next(&p, &rr) == ret);
}

static void tlv(const struct dso *d, const struct dso_tlv *t)
{
	struct dns_question q;
	struct dso_keepalive k;
	struct dso_writer w;
	struct dns_rr rr;
	struct dso_tlv t2;
	struct dso d2;
	uint32_t ms;
	uint16_t id;

	dso_writer_init(&w, out, sizeof(out), DSO_REQUEST, 1, 0);
	if (t->type == DSO_KEEPALIVE && !dso_keepalive_read(t, &k))
		dso_put_keepalive(&w, &k);
	else if (t->type == DSO_RETRY_DELAY && !dso_retry_delay_read(t, &ms))
		dso_put_retry_delay(&w, ms);
	else if (t->type == DSO_SUBSCRIBE && !dso_subscribe_read(t, &q))
		dso_put_subscribe(&w, q.name, q.type, q.class_);
	else if (t->type == DSO_UNSUBSCRIBE && !dso_unsubscribe_read(t, &id))
		dso_put_unsubscribe(&w, id);
	else if (t->type == DSO_RECONFIRM && !dso_reconfirm_read(t, &rr))
		dso_put_reconfirm(&w, rr.owner, rr.type, rr.class_, rr.rdata, rr.rdlen);
	else if (t->type == DSO_PUSH)
		push(d, t);

	if (w.len == DNS_HEADER && !w.failed)
		return;
	if (w.failed) {
		must(t->len > DNS_MAX - DNS_HEADER - 4);
		return;
	}
	t2 = written(&w, &d2);
	must(t2.type == t->type && t2.len == t->len && !memcmp(t2.data, t->data, t->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dso_tlv t;
	struct dso d;

	if (dso_read(data, size, &d))
		return 0;
	while (dso_next(&d, &t) > 0)
		tlv(&d, &t);
	must(d.pos == size);
	return 0;
}
