/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of DNS Push in the made-up world of llq_server_world.h, and what the server
 * sends them, as text:
 *
 *	ok 5			a response to the message with that ID
 *	rcode5 7 retry 300000	a refusal
 *	ok 9 keepalive 15000 3600000
 *	retry 1000 rcode2	the server ends the session
 *	push +host/A.1 -host/A.2 *host/28	added; removed; all of the type removed
 */
#ifndef BTMM_PUSH_SERVER_WORLD_H
#define BTMM_PUSH_SERVER_WORLD_H

#include "llq_server_world.h"

static struct subs_origin tls(uint64_t stream)
{
	return from_stream(SUBS_TLS, stream);
}

static void give(const struct subs_origin *from, const struct dso_writer *d)
{
	uint8_t *exact = exact_copy(d->buf, d->len);

	assert_false(d->failed);
	subs_dso(w.s, from, exact, d->len, w.now);
	free(exact);
}

static void subscribe_class(uint64_t stream, uint16_t id, const uint8_t *name, uint16_t type,
			    uint16_t class_)
{
	struct subs_origin from = tls(stream);
	struct dso_writer d;
	uint8_t msg[512];

	dso_writer_init(&d, msg, sizeof(msg), DSO_REQUEST, id, 0);
	dso_put_subscribe(&d, name, type, class_);
	give(&from, &d);
}

static MAYBE void subscribe(uint64_t stream, uint16_t id, const uint8_t *name, uint16_t type)
{
	subscribe_class(stream, id, name, type, DNS_IN);
}

static MAYBE void unsubscribe(uint64_t stream, uint16_t id)
{
	struct subs_origin from = tls(stream);
	struct dso_writer d;
	uint8_t msg[64];

	dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
	dso_put_unsubscribe(&d, id);
	give(&from, &d);
}

static MAYBE void keepalive(uint64_t stream, uint16_t id, uint32_t inactivity, uint32_t interval)
{
	const struct dso_keepalive k = { inactivity, interval };
	struct subs_origin from = tls(stream);
	struct dso_writer d;
	uint8_t msg[64];

	dso_writer_init(&d, msg, sizeof(msg), DSO_REQUEST, id, 0);
	dso_put_keepalive(&d, &k);
	give(&from, &d);
}

static void text_push(const struct dso *d, const struct dso_tlv *t)
{
	struct dso_push p;
	struct dns_rr rr;
	int ret;

	assert_true(w.got->len <= DSO_PUSH_MAX);
	assert_int_equal(d->kind, DSO_UNIDIRECTIONAL);
	put_text("push");
	dso_push_init(&p, d, t);
	while ((ret = dso_push_next(&p, &rr)) > 0) {
		switch (dso_change(&rr)) {
		case DSO_ADD:
			text_rr('+', &rr);
			break;
		case DSO_REMOVE:
			text_rr('-', &rr);
			break;
		case DSO_REMOVE_SET:
		case DSO_REMOVE_TYPES:
			assert_int_equal(rr.rdlen, 0);
			put_text(" *%.*s/%u", rr.owner[0], (const char *)rr.owner + 1, rr.type);
			break;
		default:
			fail_msg("a change that is none: TTL %u", rr.ttl);
		}
	}
	assert_int_equal(ret, 0);
}

/* The oldest message sent that has not been looked at, as text. */
static const char *next_dso(void)
{
	struct dso_keepalive k;
	struct dso_tlv t;
	struct dso d;
	uint32_t ms;

	w.text[0] = '\0';
	w.got = NULL;
	if (!w.n_sent)
		return "nothing";
	w.got = &w.sent[w.first];
	w.first = (w.first + 1) % N_SENT;
	w.n_sent--;
	assert_int_equal(w.got->sign, SUBS_UNSIGNED);
	assert_int_equal(dso_read(w.got->msg, w.got->len, &d), 0);
	if (d.kind == DSO_RESPONSE)
		put_text(d.rcode ? "rcode%u %u" : "ok%.0u %u", d.rcode, d.id);
	while (dso_next(&d, &t) > 0) {
		if (*w.text)
			put_text(" ");
		if (t.type == DSO_PUSH) {
			text_push(&d, &t);
		} else if (t.type == DSO_RETRY_DELAY) {
			assert_int_equal(dso_retry_delay_read(&t, &ms), 0);
			put_text("retry %u", ms);
		} else {
			assert_int_equal(t.type, DSO_KEEPALIVE);
			assert_int_equal(dso_keepalive_read(&t, &k), 0);
			put_text("keepalive %u %u", k.inactivity, k.interval);
		}
	}
	if (d.kind == DSO_UNIDIRECTIONAL && d.rcode)
		put_text(" rcode%u", d.rcode);
	return w.text;
}

#define assert_dso(want)	assert_string_equal(next_dso(), want)

#define assert_log(want)						\
	do {								\
		assert_string_equal(w.log, want);			\
		w.log[0] = '\0';					\
	} while (0)

#endif
